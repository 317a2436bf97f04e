"""What a piece of syntax is about, for the rules that read graded cells."""

from __future__ import annotations

import ast
import re
from collections.abc import Container

ORDERED = (ast.Lt, ast.LtE, ast.Gt, ast.GtE)
CHECK = re.compile(r"^assert|(^|_)(check|must|expect|require|ensure|verify|fail|exit|quit|abort)")


def may_refuse(statement: ast.stmt, names: Container[str]) -> bool:
    """Whether it raises on purpose: an assertion in it, or a call for its own sake of one of these
    functions or of one that is named like a check.
    """
    nodes = list(ast.walk(statement))
    if any(isinstance(node, (ast.Assert, ast.Raise)) for node in nodes):
        return True
    if isinstance(statement, (ast.Assign, ast.AnnAssign, ast.AugAssign)):
        return False
    called = [last_name(node.func) for node in nodes if isinstance(node, ast.Call)]
    return any(name in names or CHECK.search(name) for name in called)


def root(node: ast.AST) -> str:
    """The name at the root of calls, attributes and indices: "a" of ``a.b(c)[d]``; else ""."""
    while isinstance(node, (ast.Attribute, ast.Subscript, ast.Call)):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else ""


def owner(node: ast.AST) -> str:
    """The object at the root of attributes, indices and calls of methods; "" for what a function
    returns."""
    while isinstance(node, (ast.Attribute, ast.Subscript, ast.Call)):
        if isinstance(node, ast.Call) and not isinstance(node.func, ast.Attribute):
            return ""
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
