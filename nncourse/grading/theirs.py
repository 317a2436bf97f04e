"""Which values in a graded cell are the student's, and which of them are their very word.

A value that came from student code is theirs, and so is what is computed with it; what that code
says about itself, a loss or points, and is only rounded or scaled, is its word.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from nncourse.grading.syntax import ORDERED, last_name, root

WRAPPING = {"round", "float", "int", "min", "max", "abs"}


class Theirs:
    """foreign: the names in the cell that are the student's; derived: those of what was made of
    these before.
    """

    def __init__(self, cell: ast.Module, foreign: set[str], derived: set[str]) -> None:
        self.cell = cell
        self.foreign = foreign
        self.nodes = list(ast.walk(cell))
        self.words = {last_name(node) for node in self.nodes}
        # Names of values that came from the student's code, and of such that are its very word.
        self.values = derived
        self.said: set[str] = set()
        for node in self.nodes:
            if isinstance(node, ast.Assign) and self.theirs(node.value):
                names = {n.id for t in node.targets for n in ast.walk(t) if isinstance(n, ast.Name)}
                self.values |= names
                self.said |= names if self.word(node.value) else set()

    def told(self, value: ast.AST) -> str:
        """The name of something that the student's code says, or ""."""
        while isinstance(value, ast.Subscript):
            value = value.value
        said = self.word(value) or root(value) in self.said
        return last_name(value.func if isinstance(value, ast.Call) else value) if said else ""

    def compares(self, node: ast.AST) -> bool:
        """Whether it asks if a value of theirs is larger or smaller than another."""
        return any(
            isinstance(part, ast.Compare) and isinstance(part.ops[0], ORDERED) and self.theirs(part)
            for part in ast.walk(node)
        )

    def below(self, node: ast.AST) -> Iterator[ast.AST]:
        """All parts of what must lie below a limit."""
        return self.limited(node, (ast.Lt, ast.LtE))

    def limited(self, node: ast.AST, by: tuple[type, ...]) -> Iterator[ast.AST]:
        """All parts of what is compared so, also where it has got a name."""
        if isinstance(node, ast.Compare) and isinstance(node.ops[0], by):
            left = node.left
            if isinstance(left, ast.Name):
                named = [n for n in self.nodes if isinstance(n, ast.Assign) and _binds(n, left.id)]
                left = named[-1].value if named else left
            yield from ast.walk(left)

    def word(self, value: ast.AST) -> bool:
        """Whether it is what the student's code says, at most rounded or scaled."""
        if isinstance(value, ast.Name):
            return value.id in self.said
        if isinstance(value, ast.BinOp):
            parts = value.left, value.right
            return any(map(self.word, parts)) and any(isinstance(p, ast.Constant) for p in parts)
        if isinstance(value, ast.Call) and last_name(value.func) in WRAPPING:
            return any(map(self.word, value.args))
        called = value.func if isinstance(value, ast.Call) else value
        return isinstance(called, (ast.Name, ast.Attribute)) and root(called) in self.foreign

    def theirs(self, node: ast.AST) -> bool:
        """Whether a value of the student's is in it; a function that is passed on is none."""
        for part in ast.walk(node):
            if isinstance(part, ast.Name) and part.id in self.values:
                return True
            if isinstance(part, (ast.Call, ast.Attribute)):
                inner = part.func if isinstance(part, ast.Call) else part.value
                if root(inner) in self.foreign:
                    return True
        return False


def _binds(node: ast.Assign, name: str) -> bool:
    return any(isinstance(t, ast.Name) and t.id == name for t in node.targets)
