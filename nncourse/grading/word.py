"""Where a graded cell rests on what the student's side has made.

What answers need of a cell that is not graded is made where they run (``nncourse.grading.plan``),
and is whatever they make it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Set

from nncourse.grading.syntax import ORDERED
from nncourse.language import catalogue

_ = catalogue("course")


def word(
    cell: ast.Module, made: Set[str], taken: Set[str] = frozenset()
) -> Iterator[tuple[ast.AST, str]]:
    """The places, and what to do. ``made``: names that the lecturer's statements bind there;
    ``taken``: those of data of the lecturer's, labels perhaps, that these change there.
    """
    for node in ast.walk(cell):
        name = _believed(node)
        if isinstance(node, ast.Name) and node.id in taken:
            name = node
        if isinstance(name, ast.Name) and name.id in made | taken:
            yield (
                name,
                _(
                    "{name} is made on the student's side, since answers use it there: make "
                    "another one in this cell",
                    name=name.id,
                ),
            )


def _believed(node: ast.AST) -> ast.AST | None:
    """What is called, gone through, compared with a number, or true by itself."""
    if isinstance(node, ast.Call):
        return node.func
    if isinstance(node, (ast.For, ast.comprehension)):
        values = node.iter.func if isinstance(node.iter, ast.Call) else node.iter
        return values.value if isinstance(values, ast.Attribute) else values
    if isinstance(node, ast.Compare) and isinstance(node.ops[0], ORDERED):
        sides: list[ast.expr] = [node.left, node.comparators[0]]
        if len(node.ops) == 1 and any(isinstance(side, ast.Constant) for side in sides):
            sides = [side.value if isinstance(side, ast.Subscript) else side for side in sides]
            return next((side for side in sides if isinstance(side, ast.Name)), None)
    return node.test if isinstance(node, ast.Assert) else None
