"""What of a notebook runs in the sandbox.

That is the student's answers, what they need of cells that are not graded, the student's own among
them, and what the lecturer has locked. Of a cell of which one half is needed here and the other on
the trusted side, each runs its half.
"""

from __future__ import annotations

import ast
import itertools
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace

from nncourse.grading import outside
from nncourse.grading.cells import Cell, Step
from nncourse.grading.names import Names, names, needed, quick_names, statements
from nncourse.grading.own import Other, OwnCell, label, needed_lines
from nncourse.grading.pieces import altering, handing_on

NO_NAMES = Names()
NO_PLACE = 1 << 60  # behind all cells: whenever a function is called


@dataclass
class _Part:
    """What of a cell runs in the sandbox together: ``statements`` of it, or all."""

    names: Names
    always: bool
    statements: list[ast.stmt] | None = None


class Sandboxed:
    """The half of a plan that runs in the sandbox.

    steps: the lecturer's statements, each with its side. graded: the places of the graded cells.
    modules: what is imported.
    """

    def __init__(
        self, cells: Sequence[Cell], steps: Sequence[Step], graded: Iterable[int], modules: Set[str]
    ) -> None:
        self._cells, self._steps, self._modules = cells, steps, modules
        self._graded = sorted(graded)
        self._parts = {cell.index: list(self._parts_of(cell)) for cell in cells}

    def _parts_of(self, cell: Cell, edit: Names | None = None) -> Iterator[_Part]:
        """``edit``: what runs of an edit of the cell, right behind it."""
        steps = [s for s in self._steps if s.cell is cell]
        if edit is not None:
            yield from (_part_of(step, edit) for step in steps)
        elif cell.kind in ("readonly", "plain"):
            yield from self._given_parts(cell, steps)
        for step in steps:
            if step.kept and (step.may_fail or step.statement is None):
                yield _Part(Names(runs=set(step.needs & step.foreign)), True, [])

    def _given_parts(self, cell: Cell, steps: list[Step]) -> Iterator[_Part]:
        together = [s.statement for s in steps if s.statement is not None and not s.apart]
        locked = cell.kind == "readonly"
        touches = set[str]().union(*(s.asks for s in steps if not s.apart))
        if len(together) == len(steps):
            yield _Part(replace(names(cell.source), touches=touches), locked)
            return
        source = "\n".join(map(ast.unparse, together))
        found = replace(names(source), touches=touches)
        yield _Part(found, locked and bool(together), together)
        yield from (_part_of(step) for step in steps if step.apart)

    def cells(self, answers: Mapping[str, str], own: Sequence[Cell] = ()) -> list[Cell]:
        """The code cells that run in the sandbox, with the student's answers in their places.

        Cells that are neither locked nor answers run only if something depends on them: most are
        there to look at. ``own``: what is needed of the student's own.
        """
        return list(_cells_of(self._needed_parts(answers, own)))

    def _needed_parts(
        self, answers: Mapping[str, str], own: Sequence[Cell]
    ) -> list[tuple[Cell, _Part]]:
        apart = set[str]().union(*(step.names.binds for step in self._steps if step.apart))
        edits: dict[int | None, list[str]] = {}
        for cell in own:
            edits.setdefault(cell.edits, []).append(cell.source)
        parts: list[tuple[Cell, _Part]] = []
        for cell in self._cells:
            here = [one for one in own if one.index == cell.index]
            parts += [(one, _Part(_names_of_answer(one.source, apart), True)) for one in here]
            if cell.is_answer:
                source = answers.get(cell.name, cell.source)
                given = Cell(cell.index, cell.kind, cell.name, source)
                parts.append((given, _Part(_names_of_answer(source, apart), True)))
            here_too: Iterable[_Part] = self._parts[cell.index]
            if cell.index in edits:
                here_too = self._parts_of(cell, names("\n".join(edits[cell.index])))
            parts += [(cell, part) for part in here_too]
        kept = needed([(part.names, part.always) for _, part in parts])
        return [one for one, keep in zip(parts, kept) if keep]

    def needed_of(
        self, own: Sequence[OwnCell], answers: Mapping[str, str]
    ) -> tuple[list[Cell], list[str]]:
        """Of the student's own cells what the answers need; and the names that are bound behind
        the last graded cell, where it is too late.
        """
        cells = [OwnCell(*cell) for cell in own]
        last = max(self._graded, default=-1)
        in_time = [cell for cell in cells if cell.place <= last]
        edited: dict[int | None, Set[str]] = {
            cell.edits: self._made_in(cell.edits) for cell in in_time if cell.edits is not None
        }
        given = [step for step in self._steps if step.statement and not step.cell.is_answer]
        others = [Other(step.cell.index, step.names, False) for step in given]
        again: dict[str, range] = {}
        asked: list[tuple[int, Names, list[ast.stmt]]] = []
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for cell in self._cells:
                if cell.is_answer:
                    source = answers.get(cell.name, cell.source)
                    found = names(source)
                    found.binds -= found.globals  # an own cell may bind them before
                    stub = names(cell.source).binds
                    if source.strip() == cell.source.strip():
                        found = Names()
                    found.later |= stub - found.binds  # the answer may stand elsewhere
                    below = range(cell.index + 1, last + 1)
                    again = dict.fromkeys(found.defines & stub, below) | again
                    body = statements(source)
                    nodes = [n for one in body for n in ast.walk(one)]
                    found.later |= outside.reads(nodes) | {outside.RECURSION}
                    asked.append((cell.index, found, body))
            answered = set[str]().union(*(found.defines for _, found, _ in asked))
            others += [
                Other(at, found, True, altering(body, answered), handing_on(body))
                for at, found, body in asked
            ]
            if edited:
                others += self._readers(edited, answers)
            made = [step for step in self._steps if step.in_sandbox]
            results = {n: self._until_graded(step.cell) for step in made for n in step.names.binds}
            needed = needed_lines(in_time, others, edited, again, results)
            late = needed_lines([cell for cell in cells if cell.place > last], others)
        there = {name for _, for_ in needed for name in for_}
        return (
            [
                Cell(one.place, "own", label(for_), one.source, edits=one.edits)
                for one, for_ in needed
            ],
            [name for _, for_ in late for name in for_ if name not in there],
        )

    def passed_over(
        self, own: Sequence[OwnCell], needed: Iterable[Cell], answers: Mapping[str, str]
    ) -> list[str]:
        """Names of locked cells that own cells below these bind anew, in vain, since none of that
        is among the ``needed``: what reads them finds what the lecturer has made.
        """
        steps = [step for step in self._steps if step.cell.kind == "readonly"]
        made: dict[str, int] = {}
        for step in steps:
            if not step.in_sandbox:
                found = step.names.binds - step.names.imports
                made = dict.fromkeys(found, step.cell.index) | made
        last = max(self._graded, default=-1)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ran = set[str]().union(*(names(cell.source).binds for cell in needed))
            bound = {
                name: place
                for place, source, edits in map(OwnCell._make, own)
                for name in names(source).binds & made.keys()
                if edits is None and made[name] < place <= last and name not in ran
            }
            read = [(NO_PLACE, quick_names(answer).later) for answer in answers.values()]
        read += [(step.cell.index, step.names.reads) for step in steps]
        return [
            name
            for name, place in bound.items()
            if any(name in found and place <= at for at, found in read)
        ]

    def _until_graded(self, cell: Cell) -> range:
        """The places behind a cell, up to the next graded one."""
        last = min((at for at in self._graded if at > cell.index), default=cell.index)
        return range(cell.index + 1, last + 1)

    def _made_in(self, index: int) -> set[str]:
        """What a cell of the lecturer's binds and changes."""
        made = [step.names.binds | step.names.changes for step in self._steps]
        here = [found for step, found in zip(self._steps, made) if step.cell.index == index]
        return set[str]().union(*here) - self._modules

    def _readers(
        self, edited: Mapping[int | None, Set[str]], answers: Mapping[str, str]
    ) -> Iterator[Other]:
        """What of the lecturer's other cells runs in the sandbox and reads what was edited."""
        all_ = set[str]().union(*edited.values())
        for cell, part in self._needed_parts(answers, ()):
            here = part.statements != [] and not cell.is_answer
            if here and cell.index not in edited:
                found = Names(runs=part.names.runs & all_, later=part.names.later & all_)
                yield Other(cell.index, found, True)


def _part_of(step: Step, edit: Names = NO_NAMES) -> _Part:
    """A statement of the lecturer's, which runs if it is needed for more than ``edit`` does."""
    # What is the student's is there already, and would be changed twice.
    there = edit.binds | edit.changes | (step.foreign if step.apart else set())
    made = replace(
        step.names,
        binds=step.names.binds - edit.binds,
        changes=step.names.changes - there,
        touches=set(step.asks - there),
    )
    return _Part(made, False, [step.statement] if step.statement is not None else [])


def _names_of_answer(source: str, apart: set[str]) -> Names:
    """What a student's answer reads: exactly, where it decides what runs twice."""
    found = quick_names(source)
    if not found.later & apart:
        return found
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return Names(later=found.later - apart | names(source).reads)


def _one_cell(part: tuple[Cell, _Part]) -> tuple[int, int]:
    """What the parts of a cell have in common; an own cell is one part."""
    cell, _ = part
    return cell.index, id(cell) if cell.kind == "own" else 0


def _cells_of(parts: Iterable[tuple[Cell, _Part]]) -> Iterator[Cell]:
    """The cells that these parts make up, each as a whole or with the statements of its parts."""
    for (index, _), group in itertools.groupby(parts, _one_cell):
        found = list(group)
        cell = found[-1][0]
        chosen = [part.statements for _, part in found if part.statements != []]
        if None in chosen:
            yield cell
        elif chosen:
            body = sorted(
                (statement for part in chosen for statement in part or ()),
                key=lambda statement: (statement.lineno, statement.col_offset),
            )
            source = ast.unparse(ast.Module(body, []))
            yield Cell(index, cell.kind, cell.name, source, cell.points)
