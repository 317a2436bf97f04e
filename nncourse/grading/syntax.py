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


def values(call: ast.Call) -> list[ast.expr]:
    """All that is given to a call."""
    return [*call.args, *(keyword.value for keyword in call.keywords)]


def arguments(call: ast.Call) -> list[ast.Name]:
    """The names that are given as they are, or in a list, tuple or dict."""
    found = []
    todo: list[ast.expr | None] = [*values(call)]
    while todo:
        value = todo.pop()
        if isinstance(value, ast.Name):
            found.append(value)
        elif isinstance(value, (ast.List, ast.Tuple)):
            todo += value.elts
        elif isinstance(value, ast.Dict):
            todo += value.values
        elif isinstance(value, ast.Starred):
            todo.append(value.value)
    return found
