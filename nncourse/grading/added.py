"""Which code cells of a submission the student has added, and where each belongs.

It belongs behind the lecturer's cell that it follows. The lecturer's cells are known by their
names, their ids, or what stands in them: apart from strings and comments, for in these alone the
editions of a course differ. Where a cell of the lecturer's is gone that is neither locked nor an
answer, an added one counts as an edit of it if it has its id or stands in its place. Mere copies of
cells are none; what is written into one is the student's own, and so are statements that are put
into a locked cell: not every editor keeps it from being changed.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Set
from functools import lru_cache
from typing import NamedTuple

from nncourse.grading.literals import TOKEN
from nncourse.grading.own import OwnCell
from nncourse.grading.pieces import pieces

MOST = 100  # cells
LONGEST = 100_000  # characters of all of them together


class Sight(NamedTuple):
    """What is seen of a cell. name: that by which nbgrader knows it; None for an ordinary cell."""

    name: str | None
    id: str | None
    code: bool
    source: str


def added(
    cells: Iterable[Sight], released: Iterable[Sight], used: Container[int]
) -> tuple[list[OwnCell], int]:
    """The cells that were added, and how many more there are than are read.

    ``used``: the places of those that count as the lecturer's by their names. JupyterLab copies the
    name with a cell, so what is written into a copy is the student's own.
    """
    named: dict[str, int] = {}
    ids: dict[str, int] = {}
    texts: dict[str, list[int]] = {}
    plain: set[int] = set()  # those that are neither locked nor answers
    for place, cell in enumerate(released):
        if cell.id is not None:
            ids[cell.id] = place
        if cell.code and cell.name is None:
            plain.add(place)
        if cell.name is not None:
            named[cell.name] = place
        for text in {cell.source.strip(), _known_bare(cell.source) if cell.code else ""} - {""}:
            texts.setdefault(text, []).append(place)
    own: list[tuple[OwnCell, str | None]] = []  # with their ids
    theirs: set[str] = set()
    seen: set[int] = set()
    after, room, left = -1, LONGEST, 0
    for at, cell in enumerate(cells):
        if at in used and cell.name in named:
            after = named[cell.name]
            seen.add(after)
            theirs.add(cell.source)
            continue
        if cell.name in named and cell.source in theirs:
            continue  # a mere copy
        places = texts.get(cell.source.strip(), [])
        new = False
        if cell.code and not places:
            if len(cell.source) > room:
                left += 1
                continue
            room -= len(cell.source)
            bare = _bare(cell.source)
            places = texts.get(bare, [])
            new = bool(bare) and not places
        if not places and cell.id in ids:
            places = [ids[cell.id]]
        seen.update(() if new else places)
        # A text that occurs again is no step back.
        after = min((place for place in places if place > after), default=after)
        if new and len(own) < MOST:
            own.append((OwnCell(after + 1, cell.source), cell.id))
        else:
            left += new
    gone = plain - seen
    edits = [_edited(cell.place, ids.get(id_ or ""), seen, gone) for cell, id_ in own]
    return [cell._replace(edits=at) for (cell, _), at in zip(own, edits, strict=True)], left


def _edited(place: int, known: int | None, seen: Container[int], gone: Set[int]) -> int | None:
    """The place of the lecturer's cell in whose place an own cell stands. ``known``: by its id."""
    if known in gone:
        return known
    last = max(gone, default=-1)
    while place <= last and place not in seen:  # past headings that were edited, too
        if place in gone:
            return place
        place += 1
    return None


def put_into(cell: Sight, original: Sight) -> str:
    """The statements in an edit of a lecturer's cell that are not in the cell as it was."""
    if not original.code or _bare(cell.source) == _known_bare(original.source):
        return ""
    known = {_bare(piece.text) for piece in pieces(0, original.source, frozenset())}
    texts = [piece.text for piece in pieces(0, cell.source, frozenset())]
    return "\n".join(text for text in texts if _bare(text) not in known)


@lru_cache(256)
def _known_bare(source: str) -> str:
    """That of a lecturer's cell, which is the same for a whole class."""
    return _bare(source)


def _bare(source: str) -> str:
    """The code without strings, comments and blanks."""
    kept = TOKEN.sub(lambda token: "" if token["text"] or token[0][0] == "#" else token[0], source)
    return "".join(kept.split())
