"""Where graded cells leave a judgement, or what it rests on, to the student's side.

A function that a graded cell hands over may be called back at any later time, and reads the names
of the graded cells as they are then: the labels of the next question, too. And what a cell that is
not graded makes of the student's functions is made where these run, and is whatever they make it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from nncourse.grading.syntax import ORDERED, root
from nncourse.language import catalogue

_ = catalogue("course")

NESTED = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)


class Lent:
    """The functions of graded cells that the student's code was given, in the order of the cells.

    ``made``: the names that cells make which are not graded.
    """

    def __init__(self, made: Iterable[str] = ()) -> None:
        self.made = frozenset(made)
        self.own: dict[str, set[str]] = {}  # functions of graded cells, with the names they read
        self.reads: dict[str, str] = {}  # names that a function reads which was handed over

    def remarks(self, cell: ast.Module, foreign: Iterable[str]) -> Iterator[tuple[ast.AST, str]]:
        """The places in the next cell, and what to do. ``foreign``: the student's names in it."""
        theirs = set(foreign)
        before = dict(self.reads)
        for node in ast.walk(cell):
            if isinstance(node, ast.FunctionDef):
                self.own[node.name] = _read(node)
            elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Lambda):
                targets = [target for target in node.targets if isinstance(target, ast.Name)]
                self.own |= {target.id: _read(node.value) for target in targets}
        for node in ast.walk(cell):
            if isinstance(node, ast.Call) and root(node.func) in theirs:
                for value in [*node.args, *(keyword.value for keyword in node.keywords)]:
                    self._hand_over(value)
            yield from self._word(node, theirs)
        for name in _bound(cell):
            if name.id in before:
                yield (
                    name,
                    _(
                        "{function} was handed to the student's code, which may call it at any "
                        "time, and reads {name}: take another name here",
                        function=before[name.id],
                        name=name.id,
                    ),
                )

    def _hand_over(self, value: ast.expr) -> None:
        if isinstance(value, ast.Lambda):
            self.reads |= dict.fromkeys(_read(value), "lambda")
        elif isinstance(value, ast.Name):
            self.reads |= dict.fromkeys(self.own.get(value.id, ()), value.id)

    def _word(self, node: ast.AST, theirs: set[str]) -> Iterator[tuple[ast.AST, str]]:
        name: ast.AST | None = None
        if isinstance(node, ast.Call):
            name = node.func
        elif isinstance(node, (ast.For, ast.comprehension)):
            name = node.iter.func if isinstance(node.iter, ast.Call) else node.iter
            name = name.value if isinstance(name, ast.Attribute) else name
        elif isinstance(node, ast.Compare) and isinstance(node.ops[0], ORDERED):
            sides = node.left, node.comparators[0]
            if len(node.ops) == 1 and any(isinstance(side, ast.Constant) for side in sides):
                name = next((side for side in sides if isinstance(side, ast.Name)), None)
        elif isinstance(node, ast.Assert):
            name = node.test
        if isinstance(name, ast.Name) and name.id in theirs & self.made:
            yield (
                name,
                _(
                    "{name} is made in a cell that is not graded, of what is the student's, and so "
                    "on the student's side: make it in this cell",
                    name=name.id,
                ),
            )


def _read(function: ast.AST) -> set[str]:
    """The names from outside that a function reads."""
    nodes = list(ast.walk(function))
    own = {node.arg for node in nodes if isinstance(node, ast.arg)}
    own |= {n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    return {n.id for n in nodes if isinstance(n, ast.Name)} - own


def _bound(cell: ast.Module) -> Iterator[ast.Name]:
    """The names that a cell assigns, outside of functions and classes."""
    todo: list[ast.AST] = [cell]
    while todo:
        node = todo.pop()
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node
        elif not isinstance(node, NESTED):
            todo += ast.iter_child_nodes(node)
