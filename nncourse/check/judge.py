"""check(): run a student's function on drawn inputs, compare, and look for the reason.

The numbers are compared with the reference's values and with the numerical gradient of the
reference's forward pass, at several points; a part of the points is earned by being right at all
of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from nncourse.check import ready_made
from nncourse.check.call import checking
from nncourse.check.reason import find_reasons
from nncourse.check.report import Report, Verdict
from nncourse.check.trial import ENDLESS, Trial, in_place, run, telling
from nncourse.check.variant import current_seed
from nncourse.diagnosis import Finding
from nncourse.diagnosis.measure import Array
from nncourse.exercises import Output, Part, Piece, find
from nncourse.language import mark

MODIFIED_KEEPS = 0.5
"""Share of the score that is left when the inputs were changed in place."""


def check(name: str, *answers: Any, seed: int | None = None, mutants: bool = True) -> Report:
    """Check a piece of an exercise: check("ps05.linear_backward", linear_backward).

    ``answers`` is what the piece asks for, a function or a class. ``seed`` draws other inputs;
    without one they are the same each time (or those of the variable NNCOURSE_SEED).
    ``mutants=False`` leaves the diagnosis to the rules.
    Returns a ``Report``, which a notebook shows; ``.points(20)`` gives its points. Nothing that
    the student's function does raises here. KeyError if there is no such piece.
    """
    seed = current_seed() if seed is None else seed
    return judge(find(name), answers, name=name, seed=seed, mutants=mutants, own=True)


def judge(
    piece: Piece,
    answers: Sequence[Any],
    *,
    name: str | None = None,
    seed: int | None = None,
    mutants: bool = True,
    own: bool = False,
) -> Report:
    """``check`` for a piece at hand. ``own``: an answer that calls the library does not count."""
    return ask(piece, answers, name=name, seed=seed, mutants=mutants, own=own)()[0]


@np.errstate(all="ignore")
def ask(
    piece: Piece,
    answers: Sequence[Any],
    *,
    name: str | None = None,
    seed: int | None = None,
    mutants: bool = True,
    own: bool = False,
) -> Callable[[], tuple[Report, list[Trial]]]:
    """Make the calls of ``judge``. What is returned judges what came: it gives the report, and the
    trials on which that rests, none where they were cut short.
    """
    name = name or piece.name
    if len(answers) != 1 or not callable(answers[0]):
        got = ", ".join(type(answer).__name__ for answer in answers) or "-"
        finding = Finding(
            "not callable",
            mark("Give the function itself, without calling it: {signature}. Got: {got}."),
            {"signature": piece.signature, "got": got},
        )
        return lambda: (Report(name, piece, 0.0, False, problem=finding), [])
    points, right = piece.task(seed)
    order = piece.order(seed)
    here = own and ready_made.HERE(answers[0])
    watch = ready_made.Watch(piece, answers[0]) if here else None
    asked = [points[place] for place in order]
    with checking():
        trials = run(piece, answers[0], asked, stop_early=True, watch=watch)
    called = watch.finding if watch else None
    if called is not None:
        return lambda: (Report(name, piece, 0.0, False, problem=called), [])
    return partial(_judged, piece, name, trials, right, order, mutants)


@np.errstate(all="ignore")
def _judged(
    piece: Piece,
    name: str,
    trials: list[Trial],
    right: Sequence[dict[str, Array]],
    order: Sequence[int],
    mutants: bool,
) -> tuple[Report, list[Trial]]:
    problems = [trial.problem for trial in trials if trial.problem]
    endless = [problem for problem in problems if problem.code in ENDLESS]
    # Where two cases have no end, it would be the order that decides what else was asked.
    cut = len(trials) < len(order) or len({id(problem) for problem in endless}) > 1
    printed = next((trial.outcome.printed for trial in trials if trial.outcome.printed), "")
    if len(problems) == len(trials) or cut:
        problem = [*endless, problems[-1 if cut else 0]][0]
        inputs = _shapes(piece, trials)
        report = Report(name, piece, 0.0, False, problem=problem, printed=printed, inputs=inputs)
        return report, []

    trials = in_place(order, trials)
    for trial, place in zip(trials, sorted(order), strict=True):
        trial.compare(piece, right[place])
    problems = [trial.problem for trial in trials if trial.problem]
    score = _score(piece, trials)
    ended = [t for t in trials if t.problem is None or t.problem.code not in ENDLESS]
    modified = sorted({i for trial in ended for i in trial.outcome.modified})
    notes = []
    if modified:
        score *= MODIFIED_KEEPS
        notes.append(_modified_inputs(piece, modified))
    verdicts = tuple(_verdict(piece, output, trials) for output in piece.outputs)
    passed = all(verdict.passed for verdict in verdicts) and not problems and not modified
    wrong = not all(verdict.passed for verdict in verdicts) or bool(problems)
    report = Report(
        name,
        piece,
        1.0 if passed else min(score, 1.0),
        passed,
        verdicts,
        next(iter(endless + problems), None),
        partial(find_reasons, piece, trials, mutants) if wrong else tuple,
        tuple(notes),
        printed,
        _shapes(piece, trials),
    )
    return report, trials


def _shapes(piece: Piece, trials: Sequence[Trial]) -> str:
    """The inputs' shapes where the student's code raised: what an error in a product is about."""
    for trial in trials:
        if trial.problem is None or trial.problem.code != "raised" or piece.drive:
            continue
        shapes = []
        for name, value in zip(piece.arguments, trial.point.arguments, strict=True):
            if isinstance(value, dict):
                shapes += [f"{key} {np.shape(item)}" for key, item in value.items()]
            else:
                shapes += _shapes_of(name, value)
        return ", ".join(shapes)
    return ""


def _shapes_of(name: str, value: Any) -> list[str]:
    """The shape of an array; of a list of arrays, such as layers (W, b), that of each.

    Functions and plain numbers have none that matters.
    """
    if isinstance(value, list | tuple) and not all(np.isscalar(item) for item in value):
        return [text for i, item in enumerate(value) for text in _shapes_of(f"{name}[{i}]", item)]
    return [f"{name} {np.shape(value)}"] if np.ndim(value) else []


def _score(piece: Piece, trials: Sequence[Trial]) -> float:
    earned = sum(part.weight for part in piece.parts if _earned(part, trials))
    return earned / piece.weights


def _earned(part: Part, trials: Sequence[Trial]) -> bool:
    trials = [trial for trial in trials if trial.point.case in part.cases]
    verdicts = [trial.verdicts[part.output] for trial in trials]
    if part.accuracy:
        return all(v.accuracy is not None and v.accuracy >= part.accuracy for v in verdicts)
    others = [[trial.verdicts[name].passed for trial in trials] for name in part.beside]
    return all(verdict.passed for verdict in verdicts) and (not others or any(map(all, others)))


def _verdict(piece: Piece, output: Output, trials: Sequence[Trial]) -> Verdict:
    """The verdict to show: the one that the diagnosis is about."""
    return (telling(piece, output.name, trials) or list(trials))[0].verdicts[output.name]


def _modified_inputs(piece: Piece, positions: Sequence[int]) -> Finding:
    names = piece.inputs or piece.arguments  # further ones are the check's own
    return Finding(
        "modified",
        mark(
            "The function changes its input in place: {names}. The caller still needs it; "
            "work on a copy. This costs half of the points."
        ),
        {"names": ", ".join(names[i] for i in positions if i < len(names))},
    )
