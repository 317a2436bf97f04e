"""What a piece of syntax is about, for the rules that read graded cells."""

from __future__ import annotations

import ast

ORDERED = (ast.Lt, ast.LtE, ast.Gt, ast.GtE)


def root(node: ast.AST) -> str:
    """The name at the root of calls, attributes and indices: "a" of ``a.b(c)[d]``; else ""."""
    while isinstance(node, (ast.Attribute, ast.Subscript, ast.Call)):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else ""


def last_name(node: ast.AST) -> str:
    """The last name of a dotted one: "c" of ``a.b.c``; else ""."""
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""
