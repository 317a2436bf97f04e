"""An assignment tried out before students get it.

The lecturer's own answers must earn all points, and the released notebook, as it is, none; and no
graded cell may give all points once what the answers return is replaced by NaN, zeros and the like
(``nncourse.grading.hollow``). Each is graded just as a submission is; where it comes out otherwise,
a graded cell needs a change.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from nncourse.course.folder import CourseFolder
from nncourse.grading.assignment import Assignment
from nncourse.grading.autograded import answers_of
from nncourse.grading.bench import Bench
from nncourse.grading.cells import Cell
from nncourse.grading.hollow import described, hollowed, kinds, passed, probed
from nncourse.grading.lacking import lacking
from nncourse.grading.names import Names, names
from nncourse.grading.released import load_assignment
from nncourse.grading.sandbox.refused import UNSPOKEN
from nncourse.grading.worker import make_item
from nncourse.language import catalogue, current

_ = catalogue("course")

SEED = 1
OTHERS = range(2, 8)  # seeds, for tests that draw: what is right must be so with each
SECONDS = 10.0  # for these
PATIENCE = 10.0  # seconds for hollow answers, beyond twice those of right ones
WORD = "# x.dtype"  # lets whole numbers come as they are


def dry_run(course: CourseFolder, assignment: str) -> Iterator[str]:
    """A line for each graded cell that is not as promised. Raises SandboxUnavailable where there is
    no sandbox, CourseFolderError where there is no such assignment.
    """
    work = load_assignment(course, assignment)
    source = course.source(assignment) / course.notebook(assignment).name
    solved = answers_of(json.loads(source.read_text(encoding="utf-8")))
    with Bench() as bench:
        bench.prepare(work.packed)

        def grade(answers: dict[str, str], seed: int = SEED) -> dict[str, Any]:
            return json.loads(bench.grade(make_item("", answers, seed)))

        right, empty = grade(solved), grade(answers_of(work.notebook))
        end = time.monotonic() + SECONDS
        others = [grade(solved, seed) for seed in OTHERS if time.monotonic() < end]
        whole = right
        if any(_points(cell, right) != cell.points for cell in work.tests):
            bench.prepare(_with_word(work).packed)
            whole = grade(solved)
        probes = probed(work, PATIENCE + 2 * right.get("seconds", 0.0))
        bench.prepare(probes.packed)
        unnoticed: dict[str, str] = {}  # by graded cell, the most telling kind
        for kind in kinds(work):
            verdict = grade(hollowed(work, solved, kind))
            for name in passed(work, verdict):
                unnoticed.setdefault(name, kind)
    if any(_points(cell, right) != cell.points for cell in work.tests):
        yield from _failing(course, work, right)
    for cell in work.tests:
        tries = [right, *others]
        verdict = next((one for one in tries if _points(cell, one) != cell.points), right)
        points = _points(cell, verdict)
        if points != cell.points:
            question = verdict.get("questions", {}).get(cell.name, {})
            why = question.get("why") or verdict.get("failed") or verdict.get("lost")
            why = why or _diagnosis(question) or "-"
            yield _(
                "{name}: the answers in source/ earn {points:g} of {most:g} points: {why}",
                name=cell.name,
                points=points,
                most=cell.points,
                why=" ".join([why, *_line(cell, verdict)]),
            )
            if verdict is not right:
                yield _(
                    "{name}: that is so with some of the random numbers that the cell draws, and "
                    "not with others",
                    name=cell.name,
                )
            if shared := ", ".join(sorted(_shared(work, cell, verdict))):
                yield _(
                    "{name}: answers have their own {names}: what they do to it isn't seen here. "
                    "Let a function of theirs return it",
                    name=cell.name,
                    names=shared,
                )
            if UNSPOKEN in why:
                yield _(
                    "{name}: such values are refused, since they agree with most tests. If right "
                    "answers hold them, name them in a cell, be it in a comment: {words}",
                    name=cell.name,
                    words="# NaN, # infinite, # empty, # complex",
                )
            if re.search(r"\btype\(|__class__", " ".join(_line(cell, verdict))):
                yield _(
                    "{name}: large whole numbers, what holds them, and what is empty are of kinds "
                    "of their own here: ask with isinstance()",
                    name=cell.name,
                )
            elif verdict is right and _points(cell, whole) == cell.points:
                yield _(
                    "{name}: whole numbers come to it in int64, and arrays with such above 2**20 "
                    "as floats, so that nothing wraps. If right answers are lost by that, say so "
                    "in a cell, be it in a comment: {words}",
                    name=cell.name,
                    words=WORD,
                )
            if names(cell.source).sets and "seed" in cell.source:
                yield _(
                    "{name}: answers draw other numbers than this seed gives, since they run "
                    "elsewhere. Give them a generator: rng = np.random.default_rng(1)",
                    name=cell.name,
                )
        if earned := empty.get("questions", {}).get(cell.name, {}).get("points", 0.0):
            yield _(
                "{name}: a notebook without answers earns {points:g} of {most:g} points",
                name=cell.name,
                points=earned,
                most=cell.points,
            )
        elif points == cell.points and cell.name in unnoticed:
            what, mend = described(unnoticed[cell.name])
            yield _(
                "{name}: {what} earn all points. {mend}",
                name=cell.name,
                what=what,
                mend=mend,
            )


def _with_word(work: Assignment) -> Assignment:
    """The same assignment, which speaks of whole numbers."""
    cell = {"cell_type": "code", "metadata": {}, "source": WORD, "outputs": []}
    cells = [*work.notebook["cells"], {**cell, "execution_count": None}]
    return replace(work, notebook={**work.notebook, "cells": cells})


def _points(cell: Cell, verdict: dict[str, Any]) -> float:
    return verdict.get("questions", {}).get(cell.name, {}).get("points", 0.0)


def _diagnosis(question: dict[str, Any]) -> str:
    """What the check of a piece says first, in one line; '' if it says nothing."""
    reports = question.get("report", ())
    says = (m.get("says", {}).get(current(), "") for one in reports for m in one["mistakes"])
    return " ".join(next(filter(None, says), "").split())


def _failing(course: CourseFolder, work: Assignment, verdict: dict[str, Any]) -> Iterator[str]:
    """The lecturer's own cells that end in an error, of each error the first; what is lost in
    graded cells may come from there.
    """
    others = [path for path in course.source(work.name).iterdir() if path.suffix != ".ipynb"]
    seen = set()
    for cell in work.cells:
        for output in verdict.get("outputs", {}).get(str(cell.index), []):
            error = f"{output.get('ename')}: {output.get('evalue')}"
            if cell.kind in ("plain", "readonly") and "ename" in output and error not in seen:
                seen.add(error)
                absent = output["ename"] in ("ModuleNotFoundError", "FileNotFoundError") and others
                hint = lacking("FileNotFoundError", ()) if absent else ""
                line = _(
                    "{name}: this cell ends in an error: {error}", name=cell.title, error=error
                )
                yield f"{line}. {hint}".rstrip()


def _line(cell: Cell, verdict: dict[str, Any]) -> list[str]:
    """The line of the graded cell in which it ended, if it did so."""
    outputs = verdict.get("outputs", {}).get(str(cell.index), [])
    trace = "\n".join(line for output in outputs for line in output.get("traceback", ()))
    found = re.findall(rf'File "<test {re.escape(cell.name)}>", line (\d+)', trace)
    lines = cell.source.splitlines()
    return [f"[{n}: {lines[int(n) - 1].strip()}]" for n in found[-1:] if int(n) <= len(lines)]


def _shared(work: Assignment, cell: Cell, verdict: dict[str, Any]) -> set[str]:
    """Objects of the lecturer's that this line reads, and answers too."""
    (line,) = _line(cell, verdict) or [""]
    made = {name for other in work.cells if not other.is_answer for name in _objects(other)}
    read = {name for found in work.reads.values() for name in found}
    return made & read & set(re.findall(r"\w+", line))


def _objects(cell: Cell) -> set[str]:
    found = names(cell.source) if cell.kind in ("plain", "readonly") else Names()
    return found.binds - found.imports - found.defines
