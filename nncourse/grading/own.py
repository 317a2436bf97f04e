"""Cells of the student's own, as far as their answers need them.

A helper function, a constant, an import may stand in a cell that the student has added. Restarted
and run from the top, the notebook has them in time, and so has a graded session: it runs own cells
in their places. Of each cell it takes only the lines that bind or change what an answer reads and
neither the lecturer's cells nor other answers have bound before. So trials, plots and training cost
neither time nor points, and what the lecturer has defined stays as it is. Where an answer's cell
was left as it was handed out, the answer itself may stand in an own cell.
"""

from __future__ import annotations

import ast
import builtins
import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Any

from nncourse.check.call import printable
from nncourse.grading.effects import SETTING
from nncourse.grading.names import Names, names
from nncourse.grading.sandbox.inside.magics import python
from nncourse.grading.syntax import arguments, last_name

LINES = re.compile(r"\r\n|\r|\n")  # as Python counts them
NOWHERE = 1 << 60
BUILTINS = frozenset(dir(builtins))
SHOWN = 120  # characters of names
FUTURE = "from __future__ import"  # for the rest of its cell
KEY = "own"  # of a cell's metadata, beside the course's other

OwnCell = tuple[int, str]
"""The place of the lecturer's cell before which it stands, and its source."""


@dataclass(frozen=True)
class Other:
    """A cell of the lecturer's, or an answer (``asks``), and its place in the notebook."""

    place: int
    names: Names
    asks: bool


@dataclass(eq=False)
class _Piece:
    """Statements of an own cell that share no line with others. for_: what is needed of it."""

    place: int
    text: str
    names: Names
    for_: set[str] = field(default_factory=set)


def needed_lines(
    own: Sequence[OwnCell], others: Sequence[Other]
) -> list[tuple[int, str, list[str]]]:
    """Of the own cells that are needed: the place, the lines that are, the names they are for.

    ``own`` in the order of the notebook. The time is proportional to the length of the sources.
    """
    answered = set[str]().union(*(other.names.binds for other in others if other.asks))
    cells = [_pieces(place, source, answered) for place, source in own]
    pieces = [piece for cell in cells for piece in cell]
    bound: dict[str, int] = {}  # by others, and where first
    for other in others:
        for name in other.names.binds:
            bound[name] = min(other.place, bound.get(name, NOWHERE))
    # A call on a module, such as plt.show(), changes nothing that an answer needs.
    known = [part.names for part in pieces] + [other.names for other in others]
    modules = set[str]().union(*(found.imports for found in known))
    makers: dict[str, list[_Piece]] = {}
    for piece in pieces:
        found = piece.names
        for name in found.binds | (found.changes - modules):
            # In a trial a name such as sum is taken for a number soon.
            meant = name not in BUILTINS or name in found.defines | found.imports
            if name == "*" or (meant and piece.place <= bound.get(name, NOWHERE)):
                makers.setdefault(name, []).append(piece)
    asked = [(name, o.place) for o in others if o.asks for name in _asks(o.names)]
    needed: set[str] = set()
    while asked:
        name, place = asked.pop()
        if name in needed or bound.get(name, NOWHERE) < place:
            continue
        needed.add(name)
        for piece in makers.get(name, ()):
            if not piece.for_:
                asked += [(read, piece.place) for read in _asks(piece.names)]
            piece.for_.add(name)
    if needed - BUILTINS - set(makers):  # nobody can tell what ``from module import *`` binds
        for piece in makers.get("*", ()):
            piece.for_.add("*")
    return [
        (cell[0].place, _text(cell), sorted(set().union(*(piece.for_ for piece in cell))))
        for cell in cells
        if any(piece.for_ for piece in cell)
    ]


def label(names: Iterable[str]) -> str:
    """Names in a line of ours."""
    text = printable(", ".join(dict.fromkeys(names)))
    return text if len(text) <= SHOWN else text[:SHOWN] + "..."


def _text(cell: Iterable[_Piece]) -> str:
    kept = (piece.text for piece in cell if piece.for_ or FUTURE in piece.text)
    return "\n".join(kept).strip("\n")


def _asks(found: Names) -> set[str]:
    """What must be bound elsewhere for it to run, and for its functions to be called."""
    return found.runs | (found.later - found.binds)


def _pieces(place: int, source: str, answered: Set[str]) -> list[_Piece]:
    """The statements of a cell with the lines above them; none if it can't be parsed."""
    try:
        try:
            body = ast.parse(source).body
        except SyntaxError:
            source = python(source)
            body = ast.parse(source).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    lines = LINES.split(source)
    ends: list[int] = []
    for statement in body:
        if ends and statement.lineno <= ends[-1]:
            ends.pop()
        ends.append(statement.end_lineno or statement.lineno)
    texts = ["\n".join(lines[start:end]) for start, end in zip([0, *ends], ends)]
    pieces = [_Piece(place, text, names(text)) for text in texts]
    for statement in body:
        piece = pieces[bisect_left(ends, statement.end_lineno or statement.lineno)]
        piece.names.changes |= _changed_by_calls(statement, answered)
    return pieces


def _changed_by_calls(statement: ast.stmt, answered: Set[str]) -> set[str]:
    """What is given to calls that stand for themselves: ``fill(table)`` is there to change it.

    A call of a function that was asked for is there to try it.
    """
    if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return set()
    found: set[str] = set()
    for node in ast.walk(statement):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            called = last_name(node.value.func)
            method = isinstance(node.value.func, ast.Attribute)
            if called in SETTING or not (method or called in BUILTINS | answered):
                found |= {name.id for name in arguments(node.value)}
    return found


def shown(cells: Iterable[Mapping[str, Any]]) -> Iterator[tuple[int, dict[str, Any]]]:
    """Own cells as they were run, as cells of a notebook, each with its place.

    ``cells``: those of a verdict, see ``nncourse.grading.oracle.Outcome``.
    """
    for number, cell in enumerate(cells, 1):
        yield (
            cell["place"],
            {
                "cell_type": "code",
                "id": f"nncourse-own-{number}",
                "metadata": {"nncourse": {KEY: True}},
                "source": cell["source"],
                "outputs": cell["outputs"],
                "execution_count": None,
            },
        )


def is_own(cell: Mapping[str, Any]) -> bool:
    """Whether a cell of a graded notebook is the student's own."""
    about = cell.get("metadata", {}).get("nncourse", {})
    return isinstance(about, Mapping) and about.get(KEY) is True
