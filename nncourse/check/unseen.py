"""How the check behaves towards mistakes that nobody planted.

A right solution is changed in every way that the operators know, one change at a time. What comes
out is right after all (``EQUAL``), does what a mutant of the catalogue does (``INSIDE``), or is a
mistake that the check has never seen (``OUTSIDE``). The last must be caught, and the reason told,
if one is told, must be true.
"""

from __future__ import annotations

import contextlib
import io
import sys
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import CodeType, FrameType
from typing import Any

import numpy as np

from nncourse.check import call
from nncourse.check.judge import ask, judge
from nncourse.check.library import library_of, reproduces, reproduces_all
from nncourse.check.operators import Change, changes
from nncourse.check.report import Diagnosis, Report
from nncourse.check.trial import Trial, in_place, run
from nncourse.exercises.piece import Piece

EQUAL, INSIDE, OUTSIDE, SURVIVED = "equal", "inside", "outside", "survived"

SEEDS: tuple[int | None, ...] = (None, 21, 22)
"""The first is what students see; the others confirm what was found there."""

PATIENCE = 0.5
"""Seconds of work for one call: changed loops may never end."""

CLOSE = 1e-9
"""Answers nearer than this to the right ones, on all seeds, are the same program."""


@dataclass
class Unseen:
    """One changed solution and what the check said of it on the first seed.

    ``kind``: EQUAL, INSIDE, OUTSIDE, or SURVIVED: another program that passes all the same.
    ``told``: the reasons. ``refuted``: those of them that other inputs do not bear out.
    """

    exercise: str
    piece: str
    change: Change
    kind: str
    report: Report
    told: tuple[Diagnosis, ...] = ()
    refuted: tuple[Diagnosis, ...] = ()
    passed: list[int | None] = field(default_factory=list)
    """The seeds on which it passed."""

    @property
    def numbers(self) -> bool:
        """Whether numbers came back that can be judged, instead of an exception."""
        return self.report.problem is None


HINT, REASON, OBSERVATION = "hint", "reason", "observation"
"""A mutant's hint; a reason by a rule; what a rule sees without naming a mistake."""


@dataclass(frozen=True)
class Told:
    """One thing that the check said of an unseen mistake, in English, to be judged by a reader."""

    piece: str
    sort: str
    change: str
    outputs: str
    text: str


def told_of(row: Unseen) -> list[Told]:
    """What was said of a mistake that gave numbers."""
    found = []
    for diagnosis in row.told if row.kind == OUTSIDE and row.numbers else ():
        finding = diagnosis.finding
        sort = HINT if diagnosis.mutant else REASON if finding.is_reason else OBSERVATION
        text = finding.text.format(**finding.evidence)
        name, outputs = f"{row.exercise}.{row.piece}", ", ".join(diagnosis.outputs)
        found.append(Told(name, sort, row.change.key, outputs, text))
    return found


class Shapes:
    """A context that notes the shapes of local names in the code of one source."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.found: dict[str, tuple[int, ...]] = {}

    def __enter__(self) -> Shapes:
        self._before = sys.getprofile()
        sys.setprofile(self._look)
        return self

    def __exit__(self, *error: object) -> None:
        sys.setprofile(self._before)

    def _look(self, frame: FrameType, event: str, argument: Any) -> None:
        code: CodeType = frame.f_code
        if event != "return" or code.co_filename != self.file or code.co_name.startswith("<"):
            return
        for name, value in frame.f_locals.items():
            if name == "self":
                inner = {f"self.{key}": item for key, item in vars(value).items()}
                self._note(inner)
            else:
                self._note({name: value})

    def _note(self, values: Mapping[str, Any]) -> None:
        for name, value in values.items():
            if isinstance(value, np.ndarray | np.generic | int | float):
                self.found.setdefault(name, np.shape(value))


def build(source: str, name: str, space: Mapping[str, Any], file: str = "<answer>") -> Any:
    """Run a cell in a copy of what stands before it, and give the named thing that it defines."""
    inside = dict(space)
    exec(compile(source, file, "exec"), inside)
    return inside[name]


@contextlib.contextmanager
def _patience() -> Iterator[None]:
    before = call.TIME_LIMIT, call.CLOCK
    call.TIME_LIMIT, call.CLOCK = PATIENCE, "ITIMER_VIRTUAL"
    try:
        yield
    finally:
        call.TIME_LIMIT, call.CLOCK = before


def unseen(
    exercise: str, piece: Piece, name: str, source: str, lines: range, space: Mapping[str, Any]
) -> Iterator[Unseen]:
    """Every changed program of one answer, judged. ValueError if the answer itself is not right."""
    with Shapes("<answer>") as shapes, contextlib.redirect_stdout(io.StringIO()):
        report = judge(piece, [build(source, name, space)])
    if not report.passed:
        raise ValueError(f"{exercise}.{piece.name}: the solution does not pass\n{report}")
    seed = zlib.crc32(f"{exercise}.{piece.name}".encode())
    right = {seed: _trials(piece, piece.reference, seed) for seed in SEEDS}
    for change in changes(source, lines, shapes.found, seed):
        with _patience(), contextlib.redirect_stdout(io.StringIO()):
            result = _examine(exercise, piece, name, change, space, right)
        yield result


@np.errstate(all="ignore")
def _trials(piece: Piece, answer: Any, seed: int | None) -> list[Trial]:
    points, right = piece.task(seed)
    order = piece.order(seed)
    trials = in_place(order, run(piece, answer, [points[place] for place in order]))
    for trial, place in zip(trials, sorted(order), strict=True):
        trial.compare(piece, right[place])
    return trials


def _examine(
    exercise: str,
    piece: Piece,
    name: str,
    change: Change,
    space: Mapping[str, Any],
    right: Mapping[int | None, list[Trial]],
) -> Unseen:
    """Judge one changed program. Each seed gets the program anew: it may keep something."""
    first, found = ask(piece, [build(change.source, name, space)], seed=SEEDS[0])()
    result = Unseen(exercise, piece.name, change, OUTSIDE, first, first.diagnoses)
    if first.problem is not None and first.problem.code == "time":
        return result
    reports, trials = {SEEDS[0]: first}, {SEEDS[0]: found}
    for seed in SEEDS[1:]:
        program = build(change.source, name, space)
        reports[seed], trials[seed] = ask(piece, [program], seed=seed)()
    result.passed = [s for s, report in reports.items() if report.passed or report.score >= 1]
    if first.problem is not None and not result.passed:
        return result
    for seed in SEEDS:
        trials[seed] = trials[seed] or _trials(piece, build(change.source, name, space), seed)
    if result.passed:
        same = len(result.passed) == len(SEEDS)
        same = same and all(_close(piece, trials[seed], right[seed]) for seed in SEEDS)
        result.kind = EQUAL if same else SURVIVED
        return result
    libraries = {
        seed: {mutant.name: others for mutant, others in library_of(piece, trials[seed])}
        for seed in SEEDS
    }
    for mutant in piece.mutants:
        if all(reproduces_all(piece, trials[seed], libraries[seed][mutant.name]) for seed in SEEDS):
            result.kind = INSIDE
    result.refuted = tuple(
        diagnosis
        for diagnosis in result.told
        if diagnosis.is_reason
        and not all(
            _confirmed(diagnosis, reports[seed], trials[seed], libraries[seed])
            for seed in SEEDS[1:]
        )
    )
    return result


def _close(piece: Piece, one: Sequence[Trial], other: Sequence[Trial]) -> bool:
    for a, b in zip(one, other, strict=True):
        for output in piece.outputs:
            if output.by in ("distribution", "labels"):
                continue  # samples differ, and predictions may: law and accuracy have judged them
            x, y = a.answers.get(output.name), b.answers.get(output.name)
            if not (isinstance(x, np.ndarray) and isinstance(y, np.ndarray)):
                return False
            if x.shape != y.shape and not x.size == y.size == 1:
                return False
            gap = np.linalg.norm(x.astype(float) - y.reshape(x.shape))
            if not gap <= CLOSE * np.linalg.norm(y.astype(float)):
                return False
    return True


def _confirmed(
    diagnosis: Diagnosis,
    report: Report,
    trials: Sequence[Trial],
    library: Mapping[str, Sequence[Trial]],
) -> bool:
    """Whether other inputs bear a reason out.

    A mutant's hint: its numbers are the answer's there, too. A rule's: it is told there, too.
    """
    if diagnosis.mutant:
        wrong = {v.output.name for v in report.verdicts if not v.passed}
        return all(
            reproduces(name, trials, library[diagnosis.mutant])
            for name in diagnosis.outputs
            if name in wrong
        )
    told = {(name, d.finding.text) for d in report.diagnoses for name in d.outputs}
    return all((name, diagnosis.finding.text) in told for name in diagnosis.outputs)
