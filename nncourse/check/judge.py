"""check(): run a student's function on drawn inputs, compare, and look for the reason.

The numbers are compared with the reference's values and with the numerical gradient of the
reference's forward pass. What is wrong goes first to the piece's own mutants, run on the same
inputs: one that gives exactly the student's numbers names the mistake. The rules of
``nncourse.diagnosis`` come second.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..diagnosis import Context, Finding, diagnose, diagnose_labels, distance, same, tolerance
from ..diagnosis.measure import Array
from ..exercises import Mutant, Output, Part, Piece, Point, find
from ..exercises.piece import PLAIN, SQUARE
from ..language import mark
from .answer import Answers, unpack
from .call import Outcome, call
from .report import Diagnosis, Report, Verdict

MODIFIED_KEEPS = 0.5
"""Share of the score that is left when the inputs were changed in place."""


def check(name: str, *answers: Any, seed: int | None = None, mutants: bool = True) -> Report:
    """Check a piece of an exercise: check("ps05.linear_backward", linear_backward).

    ``answers`` is what the piece asks for, here one function. ``seed`` draws other inputs;
    without one they are the same each time. ``mutants=False`` leaves the diagnosis to the rules.
    Returns a ``Report``, which a notebook shows; ``.points(20)`` gives its points. Nothing that
    the student's function does raises here. KeyError if there is no such piece.
    """
    return judge(find(name), answers, name=name, seed=seed, mutants=mutants)


def judge(
    piece: Piece,
    answers: Sequence[Any],
    *,
    name: str | None = None,
    seed: int | None = None,
    mutants: bool = True,
) -> Report:
    """``check`` for a piece at hand."""
    name = name or piece.name
    if len(answers) != 1 or not callable(answers[0]):
        got = ", ".join(type(answer).__name__ for answer in answers) or "-"
        finding = Finding(
            "not callable",
            mark("Give the function itself, without calling it: {signature}. Got: {got}."),
            {"signature": piece.signature, "got": got},
        )
        return Report(name, piece, 0.0, False, problem=finding)
    points = piece.points(seed)
    # The first point comes again at the end: a function that keeps something between calls
    # answers differently then.
    points = [*points, points[0]]
    trials = run(piece, answers[0], points, stop_early=True)
    problems = [trial.problem for trial in trials if trial.problem]
    printed = next((trial.outcome.printed for trial in trials if trial.outcome.printed), "")
    if len(problems) == len(trials) or len(trials) < len(points):
        problem = problems[0] if len(trials) == len(points) else problems[-1]
        inputs = _shapes(piece, trials)
        return Report(name, piece, 0.0, False, problem=problem, printed=printed, inputs=inputs)

    right = [piece.expected(point) for point in points[:-1]]
    right.append(right[0])
    for trial, expected in zip(trials, right, strict=True):
        trial.compare(piece, expected)
    score = _score(piece, trials)
    modified = sorted({i for trial in trials for i in trial.outcome.modified})
    notes = []
    if modified:
        score *= MODIFIED_KEEPS
        notes.append(_modified_inputs(piece, modified))
    verdicts = tuple(_verdict(output, trials) for output in piece.outputs)
    passed = all(verdict.passed for verdict in verdicts) and not problems and not modified
    diagnoses: tuple[Diagnosis, ...] = ()
    if not all(verdict.passed for verdict in verdicts) or problems:
        diagnoses = _diagnose(piece, trials, mutants)
    return Report(
        name,
        piece,
        1.0 if passed else min(score, 1.0),
        passed,
        verdicts,
        problems[0] if problems else None,
        diagnoses,
        tuple(notes),
        printed,
        _shapes(piece, trials),
    )


@dataclass
class Trial:
    """One call at one point: what came back, what was right, which outputs agree."""

    point: Point
    outcome: Outcome
    answers: Answers
    problem: Finding | None
    right: dict[str, Array]
    verdicts: dict[str, Verdict]

    def compare(self, piece: Piece, right: dict[str, Array]) -> None:
        """Fill in the verdict on every output."""
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
        if n.ndim == 0 and a.size == 1:
            # A loss may come as an array of one number.
            a = a.reshape(())
            self.answers[output.name] = a
        if a.shape != n.shape:
            return Verdict(output, False, _shape(a, n))
        if not np.isfinite(a).all():
            return Verdict(output, False, None, yours=a, right=n)
        error = distance(a, n)
        return Verdict(output, error < tolerance(a), None, error, yours=a, right=n)


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
        text = mark("Class numbers are whole numbers; {value:.4g} is not.")
        return Verdict(
            output, False, Finding("type", text, {"value": float(a[~whole].reshape(-1)[0])})
        )
    accuracy = float(np.mean(a == labels))
    full = max(part.accuracy for part in piece.parts if part.output == output.name)
    return Verdict(output, accuracy >= full, None, accuracy=accuracy, yours=a, right=labels)


def run(
    piece: Piece, function: Any, points: Sequence[Point], stop_early: bool = False
) -> list[Trial]:
    """Call ``function`` at every point. ``stop_early``: no further after "not written yet"."""
    trials: list[Trial] = []
    for point in points:
        outcome = call(function, point.arguments, piece.signature)
        problem, answers = outcome.problem, {}
        if problem is None:
            unpacked = unpack(piece, outcome.value)
            if isinstance(unpacked, Finding):
                problem = unpacked
            else:
                answers = unpacked
        trials.append(Trial(point, outcome, answers, problem, {}, {}))
        hopeless = ("not written", "signature", "time", "output", "exit")
        if stop_early and problem is not None and problem.code in hopeless:
            break
    return trials


def _shapes(piece: Piece, trials: Sequence[Trial]) -> str:
    """The inputs' shapes where the student's code raised: what an error in a product is about."""
    for trial in trials:
        if trial.problem is None or trial.problem.code != "raised":
            continue
        shapes = []
        for name, value in zip(piece.arguments, trial.point.arguments, strict=True):
            if isinstance(value, dict):
                shapes += [f"{key} {np.shape(item)}" for key, item in value.items()]
            else:
                shapes.append(f"{name} {np.shape(value)}")
        return ", ".join(shapes)
    return ""


def _score(piece: Piece, trials: Sequence[Trial]) -> float:
    earned = sum(part.weight for part in piece.parts if _earned(part, trials))
    return earned / piece.weights


def _earned(part: Part, trials: Sequence[Trial]) -> bool:
    verdicts = [t.verdicts[part.output] for t in trials if t.point.case in part.cases]
    if part.accuracy:
        return all(v.accuracy is not None and v.accuracy >= part.accuracy for v in verdicts)
    return all(verdict.passed for verdict in verdicts)


def _verdict(output: Output, trials: Sequence[Trial]) -> Verdict:
    """The verdict to show: the first that failed where the call gave an answer, if any did."""
    failed = [trial for trial in trials if not trial.verdicts[output.name].passed]
    answered = [trial for trial in failed if trial.problem is None]
    return (answered or failed or list(trials))[0].verdicts[output.name]


def _modified_inputs(piece: Piece, positions: Sequence[int]) -> Finding:
    names = piece.arguments
    return Finding(
        "modified",
        mark(
            "The function changes its input in place: {names}. The caller still needs it; "
            "work on a copy. This costs half of the points."
        ),
        {"names": ", ".join(names[i] for i in positions)},
    )


# Diagnosis: the mutants, then the rules.


def _diagnose(piece: Piece, trials: Sequence[Trial], mutants: bool) -> tuple[Diagnosis, ...]:
    wrong = [
        output
        for output in piece.outputs
        if any(not t.verdicts[output.name].passed for t in trials if t.problem is None)
    ]
    names = tuple(output.name for output in wrong)
    state = _keeps_state(names, trials)
    if state is not None:
        return (Diagnosis(names, state),)
    library = _library(piece, trials) if mutants else []
    for mutant, others in library:
        if all(_reproduces(output.name, trials, others) for output in piece.outputs):
            return (Diagnosis(names, _hint_of(mutant), mutant.name),)
    found: dict[str, Diagnosis] = {}
    for output in wrong:
        if any(name in names for name in output.after):
            continue
        diagnosis = _by_mutant(output, names, trials, library) or _by_rule(piece, output, trials)
        if diagnosis is None:
            continue
        key = diagnosis.finding.message
        before = found.get(key)
        found[key] = (
            replace(before, outputs=(*before.outputs, output.name)) if before else diagnosis
        )
    return tuple(found.values())


def _hint_of(mutant: Mutant) -> Finding:
    return Finding(mutant.code or mutant.name, mutant.hint)


Library = list[tuple[Mutant, list[Trial]]]


def _library(piece: Piece, trials: Sequence[Trial]) -> Library:
    """Every mutant of the piece at the same points."""
    points = [trial.point for trial in trials]
    return [(mutant, run(piece, mutant.function, points)) for mutant in piece.mutants]


def _equal(a: Array | Finding | None, b: Array | Finding | None, n: Array) -> bool:
    """Whether two answers are the same numbers (NaN equals NaN), or both no numbers at all.

    What is rounding noise beside the right array ``n`` makes no difference.
    """
    if not isinstance(a, np.ndarray) or not isinstance(b, np.ndarray):
        return not isinstance(a, np.ndarray) and not isinstance(b, np.ndarray)
    a = a.reshape(()) if a.size == b.size == 1 else a
    b = b.reshape(()) if a.size == b.size == 1 else b
    if a.shape != b.shape:
        return False
    finite = np.isfinite(a)
    if not np.array_equal(finite, np.isfinite(b)):
        return False
    exact = 1e-4 if tolerance(a) > 1e-6 else 1e-8
    gap = float(np.linalg.norm(a[finite].astype(np.float64) - b[finite]))
    return gap <= exact * sum(float(np.linalg.norm(part)) for part in (a[finite], b[finite], n))


def _reproduces(name: str, trials: Sequence[Trial], others: Sequence[Trial]) -> bool:
    """Whether the other trials give the student's numbers for this output, at all points.

    Points at which both fail agree too, as long as there are numbers at one.
    """
    return any(isinstance(trial.answers.get(name), np.ndarray) for trial in trials) and all(
        _equal(trial.answers.get(name), other.answers.get(name), trial.right[name])
        for trial, other in zip(trials, others, strict=True)
    )


def _by_mutant(
    output: Output, wrong: Sequence[str], trials: Sequence[Trial], library: Library
) -> Diagnosis | None:
    """The mutant that gives this output's numbers, if no other explains as many outputs."""
    counts: list[tuple[int, Mutant]] = []
    for mutant, others in library:
        if _reproduces(output.name, trials, others):
            explained = sum(_reproduces(name, trials, others) for name in wrong)
            counts.append((explained, mutant))
    if not counts:
        return None
    most = max(count for count, _mutant in counts)
    best = [mutant for count, mutant in counts if count == most]
    if len({mutant.hint for mutant in best}) > 1:
        return None
    return Diagnosis((output.name,), _hint_of(best[0]), best[0].name)


def _keeps_state(wrong: Sequence[str], trials: Sequence[Trial]) -> Finding | None:
    """The first point came twice; different answers mean that something is kept between calls."""
    first, again = trials[0], trials[-1]
    if len(trials) < 2:
        return None
    for name in wrong:
        a, b = first.answers.get(name), again.answers.get(name)
        if _equal(a, b, first.right[name]):
            continue
        if isinstance(a, np.ndarray) and isinstance(b, np.ndarray) and same(b, 2 * a):
            text = mark(
                "The second call with the same inputs gives twice the numbers of the first: "
                "gradients are added to what an earlier call left. Start from zeros in each call."
            )
            return Finding("M12", text)
        text = mark(
            "Called twice with the same inputs, the function gives different answers: it keeps "
            "something between calls, changes a global variable, or draws random numbers."
        )
        return Finding("state", text)
    return None


def _by_rule(piece: Piece, output: Output, trials: Sequence[Trial]) -> Diagnosis | None:
    """What the rules find at the points that fail: one reason, or else one observation."""
    findings: list[Finding] = []
    failed = [trial for trial in trials if not trial.verdicts[output.name].passed]
    # What fails on ordinary inputs explains what fails on extreme ones, never the reverse.
    ordinary = [trial for trial in failed if trial.point.case in (PLAIN, SQUARE)]
    for trial in ordinary or failed:
        a, n = trial.answers.get(output.name), trial.right[output.name]
        if not isinstance(a, np.ndarray):
            continue
        other = _another_output(output, a, n, trial.right)
        if other is not None:
            findings.append(other)
            continue
        if output.by == "labels":
            found = (
                diagnose_labels(a.astype(int), n, int(n.max()) + 1)
                if trial.verdicts[output.name].problem is None
                else None
            )
        else:
            contexts = piece.context(trial.point) if piece.context else {}
            found = diagnose(a, n, contexts.get(output.name, Context()))
        if found is not None:
            findings.append(found)
    reasons = [finding for finding in findings if finding.is_reason]
    if len({finding.code for finding in reasons}) > 1:
        # Two stories about one mistake: neither is sure.
        return None
    chosen = (reasons or findings)[:1]
    return Diagnosis((output.name,), chosen[0]) if chosen else None


def _another_output(output: Output, a: Array, n: Array, right: dict[str, Array]) -> Finding | None:
    """The array belongs to another output: they are returned in another order."""
    for name, other in right.items():
        if name != output.name and same(a, other) and not same(n, other):
            return Finding(
                "order",
                mark("This array is {other}: are the results returned in another order?"),
                {"other": name},
            )
    return None
