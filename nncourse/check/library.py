"""The mutants of a piece, run on the inputs of a check, and how they compare with an answer.

A mutant that gives exactly the answer's numbers names the mistake. Numbers may agree by accident,
and one output may have the numbers of a mistake that the others do not show, so a hint is taken
from a mutant only where its whole story fits.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from nncourse.check.trial import Trial, run
from nncourse.diagnosis import Finding, tolerance
from nncourse.diagnosis.measure import Array
from nncourse.exercises import Mutant, Output, Piece, Point

Library = list[tuple[Mutant, Sequence[Trial]]]

KEPT_LIBRARIES = 8

_libraries: dict[tuple[int, int], tuple[Piece, Point, Library]] = {}


def library_of(piece: Piece, trials: Sequence[Trial]) -> Library:
    """Every mutant of the piece at the same points; those of the last points are kept.

    Points are drawn once for a seed, so the first of them tells which they are.
    """
    points = [trial.point for trial in trials]
    key = (id(points[0]), len(points))
    known = _libraries.get(key)
    if known is not None and known[0] is piece and known[1] is points[0]:
        return known[2]
    library: Library = [(mutant, _Run(piece, mutant, trials)) for mutant in piece.mutants]
    while len(_libraries) >= KEPT_LIBRARIES:
        _libraries.pop(next(iter(_libraries)))
    _libraries[key] = (piece, points[0], library)
    return library


class _Run(Sequence[Trial]):
    """A mutant's trials, made one after the other as they are looked at.

    Most mutants differ from the answer at the first point, and are then not asked about the others.
    """

    def __init__(self, piece: Piece, mutant: Mutant, trials: Sequence[Trial]) -> None:
        self.piece = piece
        self.mutant = mutant
        self.like = trials
        self.made: list[Trial] = []

    def __len__(self) -> int:
        return len(self.like)

    def __getitem__(self, index: Any) -> Any:
        for like in self.like[len(self.made) : index + 1]:
            (trial,) = run(self.piece, self.mutant.function, [like.point])
            trial.compare(self.piece, like.right)
            self.made.append(trial)
        return self.made[index]


def reproduces(name: str, trials: Sequence[Trial], others: Sequence[Trial]) -> bool:
    """Whether the other trials give the student's numbers for this output, at all points.

    Points at which both fail in the same way agree too, as long as there are numbers at one.
    """
    return any(_has_numbers(trial.answers.get(name)) for trial in trials) and all(
        same_answer(name, trial, other) for trial, other in zip(trials, others, strict=True)
    )


def reproduces_all(piece: Piece, trials: Sequence[Trial], others: Sequence[Trial]) -> bool:
    """Whether the other trials give the student's whole answer."""
    names = [output.name for output in piece.outputs]
    return all(
        same_answer(name, trial, other)
        for trial, other in zip(trials, others, strict=True)
        for name in names
    ) and any(_has_numbers(trial.answers.get(name)) for name in names for trial in trials)


def tells(piece: Piece, output: Output, trials: Sequence[Trial], others: Sequence[Trial]) -> bool:
    """Whether a mutant tells why this output of an answer is wrong.

    It gives the output's numbers. What else it gets wrong is wrong in the same way or, if neither
    output follows from the other, right: then a part of the mistake was made, and the rest not.
    """
    if not reproduces(output.name, trials, others):
        return False
    before = _all_before(piece, output)
    after = {one.name for one in piece.outputs if output.name in _all_before(piece, one)}
    return all(
        _passes(other.name, others)
        or reproduces(other.name, trials, others)
        or (other.name not in before | after and _passes(other.name, trials))
        for other in piece.outputs
    )


def same_answer(name: str, trial: Trial, other: Trial) -> bool:
    """Whether two trials gave the same for an output; of samples, whether they are alike.

    Where a call came to no answer the other ended in the same way.
    """
    if trial.problem is not None or other.problem is not None:
        return _way(trial.problem) == _way(other.problem)
    a, b = trial.answers.get(name), other.answers.get(name)
    size = trial.sizes.get(name)
    if size is None or name not in other.sizes:
        return name not in other.sizes and size is None and _equal(a, b, trial.right[name])
    assert isinstance(a, np.ndarray) and isinstance(b, np.ndarray)  # noqa: PT018
    return trial.laws[name].alike(a, b, size)


def _way(problem: Finding | None) -> tuple[str, Any] | None:
    """In what a call ended: an exception, by its kind, the limit of time, ..."""
    return (problem.code, problem.evidence.get("kind")) if problem else None


def _has_numbers(answer: Array | Finding | None) -> bool:
    return isinstance(answer, np.ndarray) and bool(np.isfinite(answer).any())


def _passes(name: str, trials: Sequence[Trial]) -> bool:
    return all(trial.verdicts[name].passed for trial in trials)


def _all_before(piece: Piece, output: Output) -> set[str]:
    """The outputs from which this one follows, directly or not."""
    found: set[str] = set()
    waiting = list(output.after)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += piece.output(name).after
    return found


def _equal(a: Array | Finding | None, b: Array | Finding | None, n: Array) -> bool:
    """Whether two answers are the same numbers (NaN equals NaN), or of both the same is said.

    What is rounding noise beside the right array ``n`` makes no difference.
    """
    if isinstance(a, Finding) and isinstance(b, Finding):
        return a.text == b.text
    if not isinstance(a, np.ndarray) or not isinstance(b, np.ndarray):
        return a is b
    a = a.reshape(()) if a.size == b.size == 1 else a
    b = b.reshape(()) if a.size == b.size == 1 else b
    if a.shape != b.shape:
        return False
    finite = np.isfinite(a)
    if not np.array_equal(finite, np.isfinite(b)):
        return False
    exact = 1e-4 if tolerance(a) > 1e-6 else 1e-8
    gap = float(np.linalg.norm(a[finite].astype(np.float64) - b[finite]))
    sizes = (a[finite], b[finite], n[np.isfinite(n)])
    return gap <= exact * sum(float(np.linalg.norm(part)) for part in sizes)
