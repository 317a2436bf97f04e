"""The cells of an exercise, and the statements of those that are the lecturer's."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from nncourse.grading.names import Names, names, statements
from nncourse.grading.syntax import arguments, root


@dataclass(frozen=True)
class Cell:
    """One cell of the notebook. kind: "answer", "tests", "manual", "readonly", "plain", "text"; or
    "own", of the student's.

    ``index``: its place in the notebook; of an own cell, that of the cell before which it runs, and
    its ``name`` is what it is needed for. points: what a graded cell is worth. edits: the place of
    the lecturer's cell of which an own cell is an edit.
    """

    index: int
    kind: str
    name: str
    source: str
    points: float = 0.0
    edits: int | None = None

    @property
    def label(self) -> str:
        """Its name, or its place."""
        return self.name or f"[{self.index}]"

    @property
    def title(self) -> str:
        """What the lecturer knows it by: its name, or its first line."""
        return self.name or f"[{self.source.strip().partition(chr(10))[0][:60]}]"

    @property
    def is_answer(self) -> bool:
        """Whether the student writes it."""
        return self.kind in ("answer", "manual")


@dataclass(eq=False)
class Step:
    """A statement of the lecturer's; an answer or a graded cell as a whole has none.

    theirs: whether it runs the student's code, or rests on what that made. may_fail: the same, or
    it rests on a graded cell. foreign: the names that are the student's when it runs.
    """

    cell: Cell
    names: Names
    statement: ast.stmt | None = None
    theirs: bool = False
    may_fail: bool = False
    foreign: frozenset[str] = frozenset()
    needs: frozenset[str] = frozenset()  # with what the functions that it reads refer to
    asks: frozenset[str] = frozenset()  # objects by methods that may change them
    heir: bool = False  # makes a class of the student's class, or one that their function changes
    in_sandbox: bool = False
    kept: bool = False  # on the trusted side
    apart: bool = False  # from its cell: it runs in the sandbox only where an answer needs it
    refuses: bool = False  # has an assertion in it, or calls what has

    @property
    def alters(self) -> set[str]:
        """Names of what it may change of what was there before."""
        found = self.names
        new = found.binds - found.runs
        return (found.changes - new) | ((found.binds | self.asks) & found.runs)

    @property
    def guard(self) -> bool:
        """Whether it may refuse what comes after it in its cell."""
        return self.refuses and self.theirs


def steps_of(
    cells: Iterable[Cell],
    defines: Mapping[str, Iterable[str]],
    reads: Mapping[str, Iterable[str]],
    imports: Mapping[str, str],
    in_place: frozenset[str],
) -> Iterator[Step]:
    holders: dict[str, set[str]] = {}  # objects that change arrays which they were given
    for cell in cells:
        if cell.is_answer:
            own = [Step(cell, names(s), s) for s in statements(imports.get(cell.name, ""))]
            bound = set(defines.get(cell.name, ())).difference(*(s.names.binds for s in own))
            yield from own
            yield Step(cell, Names(binds=bound, later=set(reads.get(cell.name, ()))))
        elif cell.kind == "tests":
            yield Step(cell, names(cell.source))
        elif cell.kind != "text":
            for statement in statements(cell.source):
                found = names(statement)
                given = {
                    name.id
                    for node in ast.walk(statement)
                    if isinstance(node, ast.Call) and root(node.func) in in_place
                    for name in arguments(node)
                }
                if given:
                    holders |= dict.fromkeys(found.binds, given)
                found.changes |= given.union(*(holders.get(name, ()) for name in found.changes))
                yield Step(cell, found, statement)
