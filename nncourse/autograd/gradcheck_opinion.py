"""The second opinion: are the slopes that a gradient claims those that were measured?

Differences settle most questions. Before a gradient is called wrong, the complex step is asked, and
where the function is not for it, Ridders' extrapolation, which costs nine times as much: first in
the few directions in which the two differ most.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from nncourse.autograd.gradcheck_numeric import (
    Direction,
    Evaluate,
    Slopes,
    complex_slopes,
    ridders_slopes,
)
from nncourse.diagnosis.measure import Array
from nncourse.language import mark

COMPLEX = mark("the complex step")
RIDDERS = mark("Ridders' extrapolation")

WORST = 8  # directions in which Ridders' extrapolation is asked before all others


class Question(NamedTuple):
    """The slopes of <upstream, evaluate(xs)> in input i along the directions."""

    evaluate: Evaluate
    xs: list[Array]
    i: int
    directions: list[Direction]
    upstream: Array


class Allowed(NamedTuple):
    """By how much a right gradient may differ: ``rtol`` and ``atol`` of ``gradcheck``."""

    rtol: float
    atol: float

    def gap(self, claimed: Array, measured: Array) -> float:
        """The largest |a - n| of a right gradient."""
        size = float(np.linalg.norm(measured)) + float(np.linalg.norm(claimed))
        return max(self.rtol * size, self.atol * np.sqrt(len(claimed)))


def decide(
    claimed: Array, slopes: Slopes, question: Question, allowed: Allowed
) -> tuple[str, str, Slopes]:
    """(status, method that confirmed it, the slopes to believe).

    ``claimed`` (k,) are the slopes of the gradient in question, ``slopes`` their differences. The
    status is "right", "zero", "wrong", or "unclear" where all measurements are too noisy to tell.
    """
    agreed = _agreed(claimed, slopes, allowed)
    if agreed == "right" or (agreed and not claimed.any()):
        return agreed, "", slopes
    second = complex_slopes(*question)
    if second is not None:
        # Believed where it refines the differences, not where it contradicts them.
        near = 1e-3 * float(np.linalg.norm(slopes.values)) + 10 * slopes.uncertainty
        if float(np.linalg.norm(second - slopes.values)) <= near:
            exact = Slopes(second, 1e-14 * np.abs(second), slopes.kinks)
            return _agreed(claimed, exact, allowed) or "wrong", COMPLEX, exact
    if agreed:
        return agreed, "", slopes
    if _refuted_by_a_few(claimed, slopes, question, allowed):
        return "wrong", RIDDERS, slopes
    other = ridders_slopes(*question)
    if other.uncertainty < slopes.uncertainty:
        slopes = other
    agreed = _agreed(claimed, slopes, allowed)
    if agreed:
        return agreed, RIDDERS, slopes
    gap = float(np.linalg.norm(claimed - slopes.values))
    return ("wrong" if gap > 20 * slopes.uncertainty else "unclear"), RIDDERS, slopes


def _agreed(claimed: Array, slopes: Slopes, allowed: Allowed) -> str:
    """ "right", "zero", or nothing where the two differ or the slopes are too noisy to tell."""
    n, a = float(np.linalg.norm(slopes.values)), float(np.linalg.norm(claimed))
    noise = slopes.uncertainty + 1e-13
    if n <= 10 * noise:
        return "zero" if a <= 10 * noise else ""
    gap = float(np.linalg.norm(claimed - slopes.values))
    return "right" if gap <= allowed.gap(claimed, slopes.values) else ""


def _refuted_by_a_few(claimed: Array, slopes: Slopes, question: Question, allowed: Allowed) -> bool:
    """Whether the worst directions alone are farther off than all together may be.

    The differences must be fine enough to be shown in a report: else all directions are asked.
    """
    if slopes.uncertainty > allowed.rtol * float(np.linalg.norm(slopes.values)):
        return False
    worst = np.argsort(-np.abs(claimed - slopes.values))[:WORST].tolist()
    few = ridders_slopes(*question._replace(directions=[question.directions[j] for j in worst]))
    gap = float(np.linalg.norm(claimed[worst] - few.values))
    return gap > max(allowed.gap(claimed, slopes.values), 20 * few.uncertainty)
