"""One call of a student's function at one point, and the comparison of what it returned."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from nncourse.check.answer import Answers, unpack
from nncourse.check.call import Outcome, call
from nncourse.check.ready_made import Watch
from nncourse.check.report import Verdict
from nncourse.diagnosis import Finding, Law, distance, tolerance
from nncourse.diagnosis.measure import Array
from nncourse.exercises import Output, Piece, Point
from nncourse.exercises.piece import PLAIN, SQUARE
from nncourse.language import mark

ENDLESS = ("time", "output")
"""Problems that take long: a point that ends so is not asked again, nor any after a second one."""


@dataclass
class Trial:
    """One call at one point: the arrays that came back, what was right, which outputs agree."""

    point: Point
    outcome: Outcome
    answers: Answers
    problem: Finding | None
    right: dict[str, Array]
    verdicts: dict[str, Verdict]
    sizes: dict[str, int] = field(default_factory=dict)
    laws: dict[str, Law] = field(default_factory=dict)
    """The sizes of the samples that were judged by their distribution, and their laws."""

    def compare(self, piece: Piece, right: dict[str, Array]) -> None:
        """Fill in the verdict on every output."""
        arrays = {k: v for k, v in self.answers.items() if isinstance(v, np.ndarray)}
        if piece.given is not None and self.problem is None:
            right = {**right, **piece.given(self.point, arrays)}
        self.right = right
        for output in piece.outputs:
            verdict = self._one(piece, output, right[output.name])
            self.verdicts[output.name] = replace(verdict, case=self.point.case)

    def _one(self, piece: Piece, output: Output, n: Array) -> Verdict:
        if self.problem is not None:
            return Verdict(output, False, self.problem)
        a = self.answers[output.name]
        if isinstance(a, Finding):
            return Verdict(output, False, a)
        if output.by == "labels":
            return _judge_labels(piece, output, a, n)
        if output.by == "distribution":
            return self._sample(piece, output, a, n)
        if n.ndim == 0 and a.size == 1:
            # A loss may come as an array of one number.
            a = a.reshape(())
            self.answers[output.name] = a
        if output.among:
            whole = (*n.shape[:-1], n.shape[-1] * len(output.among) // len(output.blocks))
            if a.shape != whole:
                # No array of this output's own is left that a rule could look at.
                self.answers[output.name] = wrong = _shape(a, np.empty(whole))
                return Verdict(output, False, wrong)
            self.answers[output.name] = a = output.own(a)
        if a.shape != n.shape:
            return Verdict(output, False, _shape(a, n))
        if not np.isfinite(a).all():
            return Verdict(output, False, None, yours=a, right=n)
        if output.by == "table":
            return Verdict(output, np.array_equal(a, n), None, yours=a, right=n)
        if output.by == "at least":
            enough = bool(np.all(a >= n - 1e-6 * np.abs(n)))
            return Verdict(output, enough, None, yours=a, right=n)
        error = distance(a, n)
        return Verdict(output, error < tolerance(a), None, error, yours=a, right=n)

    def _sample(self, piece: Piece, output: Output, a: Array, n: Array) -> Verdict:
        """The sample gives way to its profile, which is what can be compared."""
        shape = self.point.variables[output.of].shape if output.of else a.shape
        if a.shape != shape:
            return Verdict(output, False, _shape(a, np.empty(shape)))
        law = piece.law(self.point, output.name)
        profile = law.measure(a)
        self.answers[output.name] = profile
        self.sizes[output.name], self.laws[output.name] = a.size, law
        other = law.other_numbers(a)  # in any case, for its time
        if not law.fits(profile, a.size):
            return Verdict(output, False, None, yours=profile, right=n)
        if other is not None:
            return Verdict(output, False, other)
        return Verdict(output, True, None, yours=profile, right=n)


def in_place(order: Sequence[int], trials: Sequence[Trial]) -> list[Trial]:
    """Trials in the order of the piece's cases, in which they are shown."""
    return [trials[i] for i in sorted(range(len(order)), key=order.__getitem__)]


def telling(piece: Piece, name: str, trials: Sequence[Trial]) -> list[Trial]:
    """The failed trials in which a reason for this output is looked for; the first is shown.

    What fails on ordinary inputs explains what fails on extreme ones, never the reverse. Where the
    call gave an answer comes before where it raised. Empty if all passed.
    """
    ordinary = (PLAIN, SQUARE) if PLAIN in piece.cases else piece.cases
    failed = [trial for trial in trials if not trial.verdicts[name].passed]
    failed = [trial for trial in failed if trial.problem is None] or failed
    return [trial for trial in failed if trial.point.case in ordinary] or failed


def _shape(a: Array, n: Array) -> Finding:
    text = mark("The shape is {got}, but it must be {want}.")
    return Finding("shape", text, {"got": a.shape, "want": n.shape})


def _judge_labels(piece: Piece, output: Output, a: Array, labels: Array) -> Verdict:
    """Class numbers are right in the share in which they agree with the true ones."""
    if a.shape != labels.shape:
        if a.ndim == 2 and len(a) == len(labels):
            text = mark(
                "The shape is {got}, but one class number for each row is expected, {want}. "
                "Is the argmax over axis 1 missing?"
            )
            return Verdict(output, False, Finding("shape", text, _shape(a, labels).evidence))
        return Verdict(output, False, _shape(a, labels))
    whole = np.isfinite(a) & (a == np.round(np.where(np.isfinite(a), a, 0)))
    if not whole.all():
        # Without the number, which may be one of the inputs.
        text = mark("Class numbers are whole numbers, and not all of these are.")
        return Verdict(output, False, Finding("type", text))
    accuracy = float(np.mean(a == labels))
    full = max(part.accuracy for part in piece.parts if part.output == output.name)
    return Verdict(output, accuracy >= full, None, accuracy=accuracy, yours=a, right=labels)


def run(
    piece: Piece,
    function: Any,
    points: Sequence[Point],
    stop_early: bool = False,
    watch: Watch | None = None,
) -> list[Trial]:
    """Call ``function`` at every point. ``stop_early``: no further after "not written yet" and the
    like, unless an answer came before: it may be written for some inputs; nor after a second point
    at which it does not end. So what is made of the points does not depend on their order.

    ``watch`` looks on at the first call.
    """
    trials: list[Trial] = []
    endless: list[Trial] = []
    for point in points:
        before = [trial for trial in trials if trial.point is point and trial.problem]
        if stop_early and before:  # it is no other case
            trials.append(before[0])
            continue
        looking = None if trials else watch
        outcome = call(function, point.arguments, piece.signature, piece.drive, looking)
        problem, answers = outcome.problem, {}
        if problem is None:
            unpacked = unpack(piece, outcome.value)
            if isinstance(unpacked, Finding):
                problem = unpacked
            else:
                answers = unpacked
        # What came is not kept beside its arrays: it may be large, and what a session holds.
        outcome = replace(outcome, value=None)
        trials.append(Trial(point, outcome, answers, problem, {}, {}))
        answered = any(trial.problem is None for trial in trials)
        hopeless = () if answered else ("not written", "signature", "exit")
        if problem is not None and problem.code in ENDLESS:
            endless.append(trials[-1])
        stop = len(endless) > 1 or (problem is not None and problem.code in hopeless)
        if stop_early and stop:
            break
    return trials
