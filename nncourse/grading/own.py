"""Cells of the student's own, as far as their answers need them.

A helper function, a constant, an import may stand in a cell that the student has added. Restarted
and run from the top, the notebook has them in time, and so has a graded session: it runs own cells
in their places. Of each cell it takes only the lines that bind or change what an answer reads and
neither the lecturer's cells nor other answers have bound before. So trials, plots and training cost
neither time nor points, and what the lecturer has defined stays as it is, but for what the student
has edited where it stood, and where own cells use a name of the lecturer's among themselves. Of an
answer's function the last definition counts, for all that is judged below it; so does what is made
by calling answers before its check, such as a training that is done once more. Files that answers
read count as names do, and so do settings. Where an answer's cell was left as it was handed out,
the answer itself may stand in an own cell.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

from nncourse.check.call import printable
from nncourse.grading.names import Names
from nncourse.grading.outside import EFFECTS
from nncourse.grading.pieces import BUILTINS, Piece, pieces

NOWHERE = 1 << 60
ABOVE = -1  # all of the lecturer's cells: the name is the student's own
SHOWN = 120  # characters of names
LAST = {"_", "__", "___", "Out"}  # of a kernel: the values that cells have ended in
BACK = 3  # so many of them
BY_TEXT = {"globals", "eval", "exec"}  # find any function, by a name that is made up
FUTURE = "from __future__ import"  # for the rest of its cell
KEY = "own"  # of a cell's metadata, beside the course's other


class OwnCell(NamedTuple):
    """The place of the lecturer's cell before which it stands; its source; and the place of the
    lecturer's cell of which it is an edit, if it is one."""

    place: int
    source: str
    edits: int | None = None


@dataclass(frozen=True)
class Other:
    """A cell of the lecturer's, or an answer (``asks``), and its place in the notebook. alters,
    hands_on: see ``nncourse.grading.pieces.Piece``."""

    place: int
    names: Names
    asks: bool
    alters: Set[str] = frozenset()
    hands_on: Sequence[tuple[str, str]] = ()


class _Need(NamedTuple):
    """A name, and what of it: the object, with what changes it; what becomes of it under other
    names and in functions; the calls of it that are there for what they change."""

    name: str
    of: Literal["itself", "changes", "calls"]


EVERY = _Need("*", "itself")  # of what nobody can tell what it binds


def needed_lines(
    own: Sequence[OwnCell],
    others: Sequence[Other],
    edited: Mapping[int | None, Set[str]] = MappingProxyType({}),
    again: Mapping[str, range] = MappingProxyType({}),
    results: Mapping[str, range] = MappingProxyType({}),
) -> list[tuple[OwnCell, list[str]]]:
    """The own cells that are needed, with the lines of them that are; the names they are for.

    ``own`` in the order of the notebook. ``edited``: what the lecturer's cells that were edited
    bind and change, by their places. ``again``: functions that answers define, with the places
    where another definition is a later attempt. ``results``: what the lecturer's cells make by
    calling answers, with the places where it may be made better. The time is proportional to the
    length of the sources.
    """
    answered = set[str]().union(*(other.names.binds for other in others if other.asks))
    cells = [
        pieces(cell.place, cell.source, answered, edited.get(cell.edits, frozenset()))
        for cell in own
    ]
    every = [piece for cell in cells for piece in cell]
    # A class may get another method below its cell.
    defined = set[str]().union(*(other.names.defines for other in others if other.asks))
    functions = set(defined)
    attempts: set[str] = set()
    extended: set[str] = set()
    # A call on a module, such as plt.show(), changes nothing that an answer needs.
    known = [part.names for part in every] + [other.names for other in others]
    modules = set[str]().union(*(found.imports for found in known))
    alters = _altering([*others, *every])
    returned = set[str]().union(*(piece.made for piece in every))
    for piece in every:
        piece.names.changes.update(*(given for name, given in piece.lends if name in alters))
        piece.names.changes |= piece.asks & returned
        for name, given in piece.lends_later:
            changed = given if name in alters else {name} & returned
            piece.leaves |= changed & piece.names.later
        functions |= piece.names.defines
        given = {name for name, value in piece.renames if value in functions}
        given |= piece.names.defines
        tried = {name for name in given if piece.place in again.get(name, ())}
        attempts |= tried
        made = piece.names.binds | piece.names.changes
        better = {name for name in made if piece.place in results.get(name, ())}
        extended |= piece.extends & defined
        # Of a module too: np.int = int
        piece.edited = piece.edited | tried | better | (piece.extends & (defined | modules))
    edits = set[str]().union(*(piece.edited for piece in every))
    theirs: dict[str, list[int]] = {}  # where others bind them
    for other in sorted(others, key=lambda other: other.place):
        for name in other.names.binds - {EVERY.name}:
            theirs.setdefault(name, []).append(other.place)
    bound = {name: places[0] for name, places in theirs.items()}
    makers, through, same = _links(every, bound, modules)
    _look_above(cells, modules, theirs)
    asked = [(need, o.place) for o in others if o.asks for need in _asks(o.names)]
    if any(o.asks and BY_TEXT & (o.names.runs | o.names.later) for o in others):
        attempts |= set[str]().union(*(piece.names.defines for piece in every)) - bound.keys()
    asked += [(_Need(name, "itself"), NOWHERE) for name in attempts]
    asked += [(_Need(name, "changes"), NOWHERE) for name in extended]
    needed: set[_Need] = set()
    called: set[Piece] = set()

    def lacking() -> set[str]:
        names = {need.name for need in needed if need.of == "itself" and need not in makers}
        return names - BUILTINS - EFFECTS - edits

    while asked or (EVERY not in needed and lacking()):
        need, place = asked.pop() if asked else (EVERY, NOWHERE)
        if need in needed or (need.name not in edits and bound.get(need.name, NOWHERE) < place):
            continue
        needed.add(need)
        makes = [(piece, need.name) for piece in makers.get(need, ())]
        for piece, name in makes:  # grows meanwhile
            if not piece.for_:
                asked += [(read, piece.place) for read in _asks(piece.names, piece.leaves)]
                makes += piece.above
            piece.for_.add(name)
        for piece in through.get(need, ()):
            if piece not in called:
                called.add(piece)
                asked += [(_Need(name, "calls"), ABOVE) for name in piece.names.binds]
        if need.of == "changes":
            asked += [(_Need(name, "changes"), ABOVE) for name in same.get(need.name, ())]
    return [
        (cell._replace(source=_text(found)), sorted(set().union(*(piece.for_ for piece in found))))
        for cell, found in zip(own, cells, strict=True)
        if any(piece.for_ for piece in found)
    ]


def _altering(parts: Iterable[Other | Piece]) -> set[str]:
    """The functions that change what they are given, or let another one do so."""
    found: set[str] = set()
    handing: dict[str, list[str]] = {}
    for part in parts:
        found |= part.alters
        for name, called in part.hands_on:
            handing.setdefault(called, []).append(name)
    todo = list(found)
    while todo:
        new = set(handing.get(todo.pop(), ())) - found
        found |= new
        todo += new
    return found


def _look_above(
    cells: Iterable[Sequence[Piece]], modules: Set[str], theirs: Mapping[str, Sequence[int]]
) -> None:
    """Note for each piece what is bound above it of what it reads, in its cell or, if the lecturer
    has not bound it since, in another: that holds, also where the lecturer has bound it before.
    ``theirs``: where the lecturer binds names, in order.
    """
    last: dict[str, Piece] = {}
    shown: list[Piece] = []  # where cells have ended in a value
    for cell in cells:
        here: set[str] = set()
        for piece in cell:
            found = piece.names
            reads = found.runs | found.changes | found.maybe | (found.later - found.binds)
            for name in reads & last.keys():
                since = [bisect_left(theirs.get(name, ()), p.place) for p in (last[name], piece)]
                if name in here or (name in theirs and since[0] == since[1]):
                    piece.above.append((last[name], name))
            unbound = reads & LAST - here
            piece.above += [(one, name) for name in unbound for one in shown[-BACK:]]
            made = ((found.binds - found.imports) | found.changes) - modules - BUILTINS
            last.update(dict.fromkeys(made, piece))
            here |= made
        shown += [piece for piece in cell if piece.shows]


def _links(
    every: Sequence[Piece], bound: Mapping[str, int], modules: Set[str]
) -> tuple[dict[_Need, list[Piece]], dict[_Need, list[Piece]], dict[str, list[str]]]:
    """The pieces that see to a need when they run; those whose functions do when they are called;
    and other names for an object or its parts."""
    makers: dict[_Need, list[Piece]] = {}
    through: dict[_Need, list[Piece]] = {}
    same: dict[str, list[str]] = {}
    times = Counter(name for piece in every for name in piece.names.binds - piece.steps)
    for piece in every:
        found = piece.names
        changed = (found.changes - modules) | (piece.extends & modules) | piece.steps
        for name in found.binds | changed:
            # In a trial a name such as sum is taken for a number soon.
            meant = name not in BUILTINS or name in found.defines | found.imports
            first = name in piece.edited or piece.place <= bound.get(name, NOWHERE)
            if name == "*" or (meant and first):
                makers.setdefault(_Need(name, "itself"), []).append(piece)
            if name in changed and meant and (first or times[name] == 1):
                makers.setdefault(_Need(name, "changes"), []).append(piece)
        for name in piece.calls:
            makers.setdefault(_Need(name, "calls"), []).append(piece)
        for name in piece.leaves - modules:
            through.setdefault(_Need(name, "changes"), []).append(piece)
        for name in found.runs | found.later:
            through.setdefault(_Need(name, "calls"), []).append(piece)
        for pair in piece.same:
            for one, other in (pair, pair[::-1]):
                if times[other] == 1:  # one that is used again for something else tells nothing
                    same.setdefault(one, []).append(other)
    return makers, through, same


def label(names: Iterable[str]) -> str:
    """Names in a line of ours."""
    text = printable(", ".join(dict.fromkeys(names)))
    return text if len(text) <= SHOWN else text[:SHOWN] + "..."


def _text(cell: Iterable[Piece]) -> str:
    kept = (piece.text for piece in cell if piece.for_ or FUTURE in piece.text)
    return "\n".join(kept).strip("\n")


def _asks(found: Names, leaves: Set[str] = frozenset()) -> Iterator[_Need]:
    """What must be bound elsewhere for it to run, and for its functions to be called.

    ``leaves``: what they see to themselves, such as a store of earlier results.
    """
    for name in found.runs | (found.later - (found.binds - found.globals)):
        yield _Need(name, "itself")
        if name not in leaves:
            yield _Need(name, "changes")


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
