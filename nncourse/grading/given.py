"""Where a graded cell reads an array that the student's code has had before.

What a function does to an array that it is given is done on both sides, since for some exercises
that is the answer. So ``assert_allclose(f(x), x @ W)`` asks about whatever ``f`` has made of ``x``:
zeros are right if ``x`` is zero by then. To look whether ``x`` is as it was is another matter.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

MAKING = {"array", "asarray", "zeros", "ones", "full", "empty", "eye", "arange", "linspace"}
MAKING |= {"zeros_like", "ones_like", "full_like", "rand", "randn", "copy", "reshape", "astype"}
NEVER = (1 << 60, 0)


class Given:
    """What the student's code was given, through all graded cells in their order."""

    def __init__(self) -> None:
        self.theirs: set[str] = set()
        self.arrays: set[str] = set()
        self.given: dict[str, tuple[int, int]] = {}

    def read_late(self, cell: ast.Module, foreign: Iterable[str]) -> Iterator[ast.Name]:
        """The places in the next cell. ``foreign``: the names in it that are the student's.

        Statements are taken in the order of the text, whatever the flow: it is for the author to
        judge.
        """
        self.theirs |= set(foreign)
        self.given = dict.fromkeys(self.given, (0, 0))
        for statement in _statements(cell):
            yield from self._statement(statement)

    def _statement(self, statement: ast.stmt) -> Iterator[ast.Name]:
        nodes = list(_own(statement))
        calls = [n for n in nodes if isinstance(n, ast.Call) and _root(n.func) in self.theirs]
        arguments = [a for call in calls for a in _arguments(call) if isinstance(a, ast.Name)]
        for call in calls:
            for argument in _arguments(call):
                if isinstance(argument, ast.Name) and argument.id in self.arrays:
                    end = call.end_lineno or 0, call.end_col_offset or 0
                    self.given.setdefault(argument.id, end)
        read = _read(nodes)
        mixed = any(name.id in self.theirs for name in read)
        for name in read:
            late = self.given.get(name.id, NEVER) < (name.lineno, name.col_offset)
            if late and name not in arguments and (mixed or isinstance(statement, ast.Assign)):
                yield name
        for target, value in _assigned(statement, nodes).items():
            own = any(name.id in self.theirs for name in _read([value, *_own(value)]))
            for names, belongs in ((self.theirs, own), (self.arrays, not own and _makes(value))):
                (names.add if belongs else names.discard)(target)
            self.given.pop(target, None)


def _read(nodes: Iterable[ast.AST]) -> list[ast.Name]:
    return [n for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)]


def _statements(tree: ast.Module) -> list[ast.stmt]:
    found = [node for node in ast.walk(tree) if isinstance(node, ast.stmt)]
    return sorted(found, key=lambda node: (node.lineno, node.col_offset))


def _own(node: ast.AST) -> Iterator[ast.AST]:
    """What is below a statement and in no other one; what a lambda does later is left out."""
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, (ast.stmt, ast.Lambda)):
            yield child
            yield from _own(child)


def _arguments(call: ast.Call) -> list[ast.expr]:
    return [*call.args, *(keyword.value for keyword in call.keywords)]


def _root(node: ast.AST) -> str:
    while isinstance(node, (ast.Attribute, ast.Subscript, ast.Call)):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else ""


def _assigned(statement: ast.stmt, nodes: list[ast.AST]) -> dict[str, ast.AST]:
    """The names that it assigns, each with what it is taken from."""
    found: dict[str, ast.AST] = {
        node.id: statement
        for node in nodes
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    }
    if not isinstance(statement, ast.Assign):
        return found
    for target in statement.targets:
        pairs = [(target, statement.value)]
        if isinstance(target, ast.Tuple) and isinstance(statement.value, ast.Tuple):
            pairs = list(zip(target.elts, statement.value.elts, strict=False))
        found |= {place.id: value for place, value in pairs if isinstance(place, ast.Name)}
    return found


def _makes(value: ast.AST) -> bool:
    """Whether it is a new array, or a list."""
    if isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute):
        sized = any(keyword.arg == "size" for keyword in value.keywords)
        return sized or value.func.attr in MAKING
    return isinstance(value, (ast.List, ast.ListComp, ast.Dict))
