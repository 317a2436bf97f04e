"""The answers in a submission.

A submission is not repaired. The answers are taken out of it, by the names of their cells, for the
lecturer's own notebook (``nncourse.grading.autograded``); beside them the code cells of the
student's own, of which answers may need some (``nncourse.grading.own``). Everything else is left
behind, so a student can neither lose nor gain points by the form of the file.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from nncourse.course.folder import TEXT_STUB
from nncourse.grading.added import LONGEST as LONGEST_ADDED
from nncourse.grading.added import MOST as MOST_ADDED
from nncourse.grading.added import Sight, added, put_into
from nncourse.grading.assignment import role_of
from nncourse.grading.earlier import as_now, role_mark
from nncourse.grading.notebook_file import IntakeError, guessed, language_of, sight
from nncourse.grading.own import OwnCell
from nncourse.grading.written import PICTURE, beside, whole, work
from nncourse.language import catalogue

_ = catalogue("course")

# Characters of an answer. To parse millions takes minutes and gigabytes; and the compiler compares
# functions that are alike with each other, each with all that came before.
LONGEST = 100_000
# Of what is longer pages may show, and comparisons read, the beginning only; so it is named.
USUAL = 20_000
DEFINED = re.compile(r"^(?:async +)?(?:def|class) +(\w+)", re.MULTILINE)


@dataclass
class Intake:
    """What counts of a submission.

    answers: the sources of all answer cells of the assignment, by name, as handed out where none
    was found; of tasks, what was done for them, if anything. notes: what was noticed on the way,
    for the report. language: of the submission, "ru" or "en", in which its student is to be
    answered. own: code cells of the student's own.
    """

    answers: dict[str, str]
    notes: list[str] = field(default_factory=list)
    language: str = ""
    own: list[OwnCell] = field(default_factory=list)


class _Named(NamedTuple):
    """The cells of a submission that count as the lecturer's, by their names."""

    cells: dict[str, Any]
    sources: dict[str, str]
    rest: dict[str, list[str]]  # the further parts of those that were split
    places: set[int]
    twice: list[str]  # names of which there are more


def find_answers(
    cells: list[Any],
    released: Mapping[str, Any],
    language: str = "",
    earlier: Container[str] = (),
) -> Intake:
    """Take the answers to ``released``, the notebook as students got it, out of ``cells``.

    Of several cells with one name the first counts, with the next ones if it was split.
    ``language``: that of the submission, if it says so; else the text is looked at. ``earlier``:
    what is known of earlier releases. Raises IntakeError if there is no answer cell.
    """
    original = [sight(cell) for cell in released["cells"]]
    seen = as_now(map(sight, cells), original, earlier)
    named = _named(cells, seen, original)
    roles = {
        of.name: cell["metadata"]["nbgrader"]
        for cell, of in zip(released["cells"], original, strict=True)
        if of.name is not None
    }
    # Where a set has nothing but tasks, the answers are cells of the student's own.
    asked = {name for name, role in roles.items() if role["solution"]}
    asked = asked or {name for name, role in roles.items() if role.get("task")}
    if not asked & set(named.cells):
        raise IntakeError(
            _(
                "no answer cell of this assignment is in the file. It may be another exercise's "
                "notebook, or one whose cells were copied into a new file: ask for the notebook "
                "that was handed out"
            )
        )
    notes = [
        _("cell {name} occurs twice: the first one is the answer", name=name)
        for name in named.twice
    ]
    language = language or guessed(cells)
    # In the other edition what surrounds the answers reads differently without having been edited.
    own_edition = language == (language_of(released) or guessed(released["cells"]))
    answers: dict[str, str] = {}
    if own_edition:  # else no text is known
        notes += _take_in_written(seen, original, released, named.sources)
        for task, text in _tasks(seen, original, released, named.sources):
            answers[task] = text
            notes += _pictures(task, text)
    defined = set[str]().union(*(_defined(cell.source) for cell in seen if cell.code))
    put: list[OwnCell] = []
    above: list[OwnCell] = []
    room = LONGEST_ADDED
    for place, of in enumerate(original):
        name = of.name
        if name is None:
            continue
        if roles[name]["solution"]:
            answers[name], remarks = _answer(of, name, named, defined)
            notes += remarks
        elif name not in named.cells:
            notes.append(_("cell {name} is not in the file: the original was put back", name=name))
        elif (source := named.sources[name]).strip() != of.source.strip():
            if own_edition:
                notes.append(
                    _("cell {name} is not as it was handed out: the original was used", name=name)
                )
            if len(source) <= room:
                room -= len(source)
                mine = put_into(of._replace(source=source), of)
                if mine and roles[name]["grade"]:  # above the check, as an answer must be
                    above.append(OwnCell(place, mine))
                elif mine:  # behind the cell: what it binds itself stays as it is
                    put.append(OwnCell(place + 1, mine))
    notes += _unwritten(seen, original, released, answers)
    notes += _disorder(named, roles, earlier)
    own, left = added(seen, original, named.places)
    if left:
        notes.append(
            _(
                "{count} cells of their own were not read: at most {most} are, and {longest} "
                "characters in all",
                count=left,
                most=MOST_ADDED,
                longest=LONGEST_ADDED,
            )
        )
    if put or above:
        parts = [*put[:MOST_ADDED], *own, *above[:MOST_ADDED]]
        own = sorted(parts, key=lambda cell: cell.place)
    for one in own:
        notes += _long(_("cells of their own"), one.source)
    return Intake(answers, notes, language, own)


def _named(cells: Sequence[Any], seen: Sequence[Sight], original: Sequence[Sight]) -> _Named:
    """The cells that count: the first of each name, and the parts that follow it."""
    missing = {cell.name: _defined(cell.source) for cell in original if cell.name is not None}
    found = _Named({}, {}, {}, set(), [])
    before = None
    for place, (cell, (name, _id, _code, source)) in enumerate(zip(cells, seen, strict=True)):
        if name is None or name not in missing:
            continue
        follows, before = name == before, name
        if name not in found.cells:
            found.cells[name], found.sources[name] = cell, source
        elif follows and missing[name]:
            found.rest.setdefault(name, []).append(source)
        else:
            found.twice.extend([] if name in found.twice else [name])
            continue
        found.places.add(place)
        missing[name] -= _defined(source)
    return found


def _answer(
    stub: Sight, name: str, named: _Named, defined: Collection[str]
) -> tuple[str, list[str]]:
    """An answer, and remarks. ``stub``: as handed out; ``defined``: in any cell handed in."""
    if name in named.sources:
        source = "\n".join([named.sources[name], *named.rest.get(name, [])])
        split = _("cell {name} was split: its parts count as one", name=name)
        notes = [split] if name in named.rest else []
        if source.strip() in TEXT_STUB.values():
            return stub.source, notes  # nothing is written, in the other edition of the course
        if len(source) <= LONGEST:
            return source, [*notes, *_long(name, source)]
        note = _(
            "answer {name} has {count} characters, and at most {most} are read: not graded",
            name=name,
            count=len(source),
            most=LONGEST,
        )
        return stub.source, [*notes, note]
    if elsewhere := _defined(stub.source).intersection(defined):
        note = _(
            "answer cell {name} is missing: {defined} is defined in another cell",
            name=name,
            defined=", ".join(sorted(elsewhere)),
        )
        return "", [note]  # a stub would undo what was written elsewhere
    note = _("answer cell {name} is missing: nothing to grade in it", name=name)
    return stub.source, [note]


def _disorder(
    named: _Named, roles: Mapping[str, Mapping[str, Any]], earlier: Container[str]
) -> Iterator[str]:
    """Remarks on the lecturer's cells as a whole."""
    if list(named.cells) != [name for name in roles if name in named.cells]:
        yield _("the cells stand in another order: that of the original was used")
    theirs = {name: cell["metadata"]["nbgrader"] for name, cell in named.cells.items()}
    flags = [
        name
        for name, role in roles.items()
        if name in theirs
        and not _same_role(theirs[name], role)
        and role_mark(name, theirs[name]) not in earlier
    ]
    if flags:
        yield _(
            "points or flags were changed in {names}: those of the original were used",
            names=", ".join(flags),
        )


def _take_in_written(
    seen: list[Sight],
    original: list[Sight],
    released: Mapping[str, Any],
    sources: dict[str, str],
) -> Iterator[str]:
    """Complete the ``sources`` of written answers by what stands beside them. Yields remarks."""
    roles = [role_of(cell) for cell in released["cells"]]
    for place, (above, below) in beside(seen, original, _by_hand(released)).items():
        if not roles[place].get("solution"):
            continue
        name, stub = roles[place]["grade_id"], original[place].source
        answer = sources.get(name, "")
        answer = "" if answer.strip() == stub.strip() else answer
        alone, text = whole(answer, [], []), whole(answer, above, below)
        if name in sources and alone:
            sources[name] = alone
        if text != alone and len(text) <= LONGEST:
            sources[name] = text
            yield _("{name}: what stands in other cells beside it was taken into it", name=name)
        yield from _pictures(name, text)


def _tasks(
    seen: list[Sight],
    original: list[Sight],
    released: Mapping[str, Any],
    sources: Mapping[str, str],
) -> Iterator[tuple[str, str]]:
    """What was done for each task that asks for cells of the student's own."""
    for place, (_above, below) in beside(seen, original, _by_hand(released)).items():
        task, role = original[place], role_of(released["cells"][place])
        if role.get("task"):
            name = role["grade_id"]
            done = task._replace(source=sources.get(name, task.source))
            if text := work(done, task, below)[:LONGEST]:
                yield name, text


def _unwritten(
    seen: list[Sight],
    original: list[Sight],
    released: Mapping[str, Any],
    answers: Mapping[str, str],
) -> Iterator[str]:
    """Remarks on written answers that may stand where nobody looks."""
    count = _texts(seen) - _texts(original)
    for place in _by_hand(released) if count > 0 else ():
        name, stub = original[place].name, original[place].source
        if name is not None and answers.get(name, "-").strip() == stub.strip():
            yield _(
                "{name}: nothing is written there, but there are more cells of text than were "
                "handed out ({count}): look for it in what was handed in",
                name=name,
                count=count,
            )


def _texts(cells: Iterable[Sight]) -> int:
    """How many cells hold text and have no name."""
    return sum(not (cell.code or cell.name) and bool(cell.source.strip()) for cell in cells)


def _by_hand(released: Mapping[str, Any]) -> list[int]:
    """The places of written answers, and of tasks."""
    cells = [(n, role_of(c), c["cell_type"]) for n, c in enumerate(released["cells"])]
    return [
        n
        for n, role, kind in cells
        if kind != "code" and (role.get("solution") or role.get("task"))
    ]


def _pictures(name: str, text: str) -> Iterator[str]:
    if PICTURE.search(text):
        yield _("{name}: has pictures, which only the file handed in shows", name=name)


def _long(name: str, source: str) -> list[str]:
    """A remark on an answer behind whose beginning something may be hidden."""
    if len(source) <= USUAL:
        return []
    text = _(
        "{name}: {count} characters, many more than an answer needs. Pages and comparisons have "
        "its beginning only: look at the whole of it in what was handed in",
        name=name,
        count=len(source),
    )
    return [text]


def _same_role(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two cells agree in what nbgrader writes about them."""
    keys = ("grade", "solution", "locked", "task", "points")
    return all(one.get(key, False) == other.get(key, False) for key in keys)


def _defined(source: str) -> set[str]:
    """The functions and classes at the top of a cell. A cell that was split in JupyterLab, which
    leaves every part the name, lacks some of those that were there when it was handed out."""
    return set(DEFINED.findall(source))
