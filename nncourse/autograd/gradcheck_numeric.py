"""Numerical derivatives by which others are judged.

Central differences say what the slope is and, from a half step and from the two one-sided
differences, how much it can be trusted: beside a kink the halves disagree. Where their verdict
would be "wrong", a second opinion is asked before it is spoken: the complex step, which is exact to
rounding where the function is analytic, else Ridders' extrapolation of differences.

A slope is taken along a direction: a number i stands for the i-th coordinate in row-major order,
an array for itself. ``evaluate`` maps the list of inputs to all outputs as one vector (m,);
``upstream`` (m,) is the gradient from above, so that a slope is one number.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nncourse.diagnosis.measure import Array

Evaluate = Callable[[list[Array]], Array]
Direction = Any  # int or Array

EPS = float(np.finfo(np.float64).eps)


class NotFinite(ArithmeticError):
    """The function gives NaN or inf near the point: no difference can be taken there."""


@dataclass(frozen=True)
class Slopes:
    """Slopes along k directions, and their quality.

    values (k,); doubt (k,): what each may be off by; kinks (k,): where the function has none.
    """

    values: Array
    doubt: Array
    kinks: Array

    @property
    def uncertainty(self) -> float:
        return float(np.linalg.norm(self.doubt))


def shifted(x: Array, direction: Direction, by: complex) -> Array:
    """x moved along a direction, as a new contiguous array."""
    if not isinstance(direction, int):
        return x + by * direction
    moved = x.astype(np.complex128 if isinstance(by, complex) else np.float64, order="C")
    moved.reshape(-1)[direction] += by
    return moved


def along(a: Array, direction: Direction) -> float:
    """The slope along a direction that the gradient ``a`` claims."""
    if isinstance(direction, int):
        return float(a.reshape(-1)[direction])
    return float(np.vdot(a, direction))


class _Line:
    """The function on the line through the point, input ``i`` moving in one direction."""

    def __init__(self, evaluate: Evaluate, xs: list[Array], i: int, direction: Direction) -> None:
        self.evaluate, self.xs, self.i, self.direction = evaluate, xs, i, direction

    @property
    def position(self) -> float:
        """How far from 0 the coordinate is that moves."""
        if isinstance(self.direction, int):
            return abs(float(self.xs[self.i].reshape(-1)[self.direction]))
        return 1.0

    def __call__(self, t: complex) -> Array:
        xs = list(self.xs)
        xs[self.i] = shifted(xs[self.i], self.direction, t)
        out = self.evaluate(xs)
        if not np.isfinite(out).all():
            raise NotFinite
        return out


def central_slopes(
    evaluate: Evaluate,
    xs: list[Array],
    i: int,
    directions: Sequence[Direction],
    upstream: Array,
    step: float,
    limit: float,
) -> Slopes:
    """Central differences of <upstream, f> for input ``i`` along the directions.

    A direction is called a kink if its two one-sided slopes still differ as the step shrinks, by
    more than ``limit`` times the norm of all slopes: for a smooth function they approach each
    other in proportion to the step.
    """
    here = evaluate(xs)
    k = len(directions)
    values, bend, doubt = np.zeros(k), np.zeros(k), np.zeros(k)
    for j, direction in enumerate(directions):
        line = _Line(evaluate, xs, i, direction)
        values[j], bend[j], doubt[j] = _with_a_way_out(line, here, upstream, step)
    kinks = np.zeros(k, bool)
    # The gap of the one-sided slopes bounds what a kink within the step can do to the value.
    allowed = limit * float(np.linalg.norm(values)) + 20 * doubt
    for j in np.flatnonzero(np.abs(bend) > allowed).tolist():
        line = _Line(evaluate, xs, i, directions[j])
        for h in (step, step / 100):
            slope, noise, shaky = _halved(line, here, upstream, h)
            fine = shaky <= limit * float(np.linalg.norm(values)) + 20 * noise
            if fine:
                break
        values[j], doubt[j], kinks[j] = slope, noise + shaky, not fine
    return Slopes(values, doubt, kinks)


def _with_a_way_out(
    line: _Line, here: Array, upstream: Array, step: float
) -> tuple[float, float, float]:
    """A difference; with a smaller step where the function ends near the point, as log does."""
    h = step * max(1.0, line.position)
    try:
        return _difference(line, here, upstream, h)
    except NotFinite:
        if line.position == 0:
            raise
        return _difference(line, here, upstream, step * line.position)


def _difference(line: _Line, here: Array, upstream: Array, h: float) -> tuple[float, float, float]:
    """(slope, gap of the one-sided slopes, rounding noise) with step h."""
    above, below = line(h), line(-h)
    change = above - below
    slope = float(upstream @ change) / (2 * h)
    gap = float(upstream @ (above - 2 * here + below)) / h
    # Every output is rounded, by up to half a unit of its own; a small change may vanish in that.
    size = float(np.linalg.norm(upstream * here))
    return slope, gap, 4 * EPS * (size + abs(slope) * line.position) / h


def _halved(line: _Line, here: Array, upstream: Array, h: float) -> tuple[float, float, float]:
    """(slope, noise, what a half step shows to be amiss).

    The gap of the one-sided slopes is J + h f'' with a kink of J at the point: so twice the gap of
    the half step less that of the whole is J. A kink nearby shows in the change of the slope.
    """
    h *= max(1.0, line.position)
    try:
        wide, gap, noise = _difference(line, here, upstream, h)
        narrow, half_gap, more = _difference(line, here, upstream, h / 2)
    except NotFinite:
        return 0.0, 0.0, np.inf
    return wide, noise + more, abs(2 * half_gap - gap) / 2 + abs(wide - narrow)


def complex_slopes(
    evaluate: Evaluate, xs: list[Array], i: int, directions: Sequence[Direction], upstream: Array
) -> Array | None:
    """Im f(x + ih v) / h with h = 1e-20 (Squire and Trapp, 1998), or None where f is not for it.

    No difference is taken, so nothing cancels. A function that is not analytic (an absolute value,
    a conversion) gives a wrong number: compare with another method before you believe it.
    """
    h = 1e-20
    values = np.zeros(len(directions))
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # such as that of an imaginary part that is discarded
        for j, direction in enumerate(directions):
            try:
                out = _Line(evaluate, xs, i, direction)(1j * h)
            except Exception:  # whatever an operation says to complex numbers
                return None
            if out.dtype.kind != "c":
                return None
            values[j] = float(upstream @ out.imag) / h
    return values


def ridders_slopes(
    evaluate: Evaluate, xs: list[Array], i: int, directions: Sequence[Direction], upstream: Array
) -> Slopes:
    """Central differences with halved steps, extrapolated to step 0 (Ridders, 1982)."""
    k = len(directions)
    values, doubt = np.zeros(k), np.full(k, np.inf)
    for j, direction in enumerate(directions):
        line = _Line(evaluate, xs, i, direction)
        h = 0.02 * max(line.position, 0.1) if isinstance(direction, int) else 0.02
        row: list[float] = []
        for _ in range(9):
            try:
                new = [float(upstream @ (line(h) - line(-h))) / (2 * h)]
            except NotFinite:
                row = []
                h /= 2
                continue
            for order, old in enumerate(row, 1):
                new.append(new[-1] + (new[-1] - old) / (4.0**order - 1))
                error = max(abs(new[-1] - new[-2]), abs(new[-1] - old))
                if error < doubt[j]:
                    values[j], doubt[j] = new[-1], error
            row = new
            h /= 2
    return Slopes(values, doubt, np.zeros(k, bool))
