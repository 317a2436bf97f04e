"""numerical_gradient, relative_error: what every later gradient is checked with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from nncourse.diagnosis.measure import Array
from nncourse.exercises.piece import (
    PLAIN,
    SQUARE,
    Equivalent,
    Mutant,
    Output,
    Part,
    Piece,
    Point,
    differing,
    dimensions,
    normal,
    single,
)
from nncourse.language import mark

INTEGERS, LINE, COARSE = "integers", "line", "coarse"

H = 2.0**-10
"""The step that is given: large enough to tell central from one-sided differences."""

LARGE_H = 2.0**-5
"""Another, so large that it shows which step was taken."""

STEEP, HIGH = 2.0**18, 2.0**20
"""The bowl's curvature, halved, and its height."""

Function = Callable[[Array], float]


class Bowl:
    """f(w) = sum of c w^3 + sin(w) d: smooth, with other slopes in every entry.

    Near ``bottom`` its slopes change fast, and its values are large: a one-sided difference is
    wrong with any step, by the change of slope or by rounding, and so is any where w has lost the
    digits that float32 does not hold. A central one in float64 is as good as ever.
    """

    def __init__(self, c: Array, d: Array, bottom: Array) -> None:
        self.c, self.d, self.bottom = c, d, bottom

    def __call__(self, w: Array) -> float:
        w = np.asarray(w, dtype=np.float64)
        smooth = np.sum(self.c * w**3 + self.d * np.sin(w)) + np.sum(w) ** 2 / 8
        return float(smooth + STEEP * np.sum((w - self.bottom) ** 2) + HIGH)


def draw_numerical(rng: np.random.Generator, case: str) -> Point:
    """f, w of one to three axes, whole numbers in the case INTEGERS, and h. Else w has more digits
    than float32.
    """
    shape = dimensions(rng, 2, (3, 4, 5))
    if case == SQUARE:
        shape = [4, 4]
    if case in (LINE, COARSE):
        shape = [5] if case == LINE else [2, 3, 2]
    w: Array = rng.standard_normal(shape)
    if case == INTEGERS:
        w = rng.integers(-3, 4, shape)
    c, d = 1 + np.abs(normal(rng, *shape)), 2 * normal(rng, *shape)
    bowl = Bowl(c, d, w + normal(rng, *shape) / (STEEP / 2))
    return Point((bowl, w, LARGE_H if case == COARSE else H), {}, 1.0, case)


def numerical_gradient(f: Function, w: Array, h: float) -> Array:
    """Central differences in every entry of w."""
    w = np.array(w, dtype=np.float64)
    gradient = np.zeros_like(w)
    for i in np.ndindex(w.shape):
        kept = w[i]
        w[i] = kept + h
        above = f(w)
        w[i] = kept - h
        below = f(w)
        w[i] = kept
        gradient[i] = (above - below) / (2 * h)
    return gradient


def _by_entry(slope: Callable[[Function, Array, Any, float], float]) -> Callable[..., Array]:
    """A gradient whose entries are computed otherwise, on a copy of w."""

    def function(f: Function, w: Array, h: float) -> Array:
        w = np.array(w, dtype=np.float64)
        gradient = np.zeros_like(w)
        for i in np.ndindex(w.shape):
            gradient[i] = slope(f, w, i, h)
        return gradient

    return function


def _moved(w: Array, i: Any, by: float) -> Array:
    moved = np.array(w, dtype=np.float64)
    moved[i] += by
    return moved


def _not_restored(f: Function, w: Array, h: float) -> Array:
    w = np.array(w, dtype=np.float64)
    gradient = np.zeros_like(w)
    for i in np.ndindex(w.shape):
        w[i] += h
        above = f(w)
        w[i] -= 2 * h
        gradient[i] = (above - f(w)) / (2 * h)
    return gradient


def _in_its_type(f: Function, w: Array, h: float) -> Array:
    w = np.array(w)
    gradient = np.zeros(w.shape)
    for i in np.ndindex(w.shape):
        kept = w[i]
        w[i] = kept + h
        above = f(w)
        w[i] = kept - h
        gradient[i] = (above - f(w)) / (2 * h)
        w[i] = kept
    return gradient


def _first_row(f: Function, w: Array, h: float) -> Array:
    right = numerical_gradient(f, w, h)
    first = np.zeros_like(right)
    first[0] = right[0]
    return first


NUMERICAL_MUTANTS = (
    Mutant(
        "one-sided",
        _by_entry(lambda f, w, i, h: (f(_moved(w, i, h)) - f(w)) / h),
        mark(
            "The difference is one-sided: its error is proportional to h. Move the entry to both "
            "sides; then it is proportional to the square of h."
        ),
        "formula",
        "M109",
    ),
    Mutant(
        "divided by h",
        _by_entry(lambda f, w, i, h: (f(_moved(w, i, h)) - f(_moved(w, i, -h))) / h),
        mark("Every slope is twice too large: how far apart are the two points?"),
        "scale",
        "M03",
    ),
    Mutant(
        "sign",
        _by_entry(lambda f, w, i, h: (f(_moved(w, i, -h)) - f(_moved(w, i, h))) / (2 * h)),
        mark("The sign is reversed: the value at w - h is subtracted from that at w + h."),
        "sign",
        "M04",
    ),
    Mutant(
        "not put back",
        _not_restored,
        mark(
            "An entry is not put back before the next one is moved, so later slopes are taken at "
            "another point. The error grows along the array."
        ),
        "state",
        "M109",
    ),
    Mutant(
        "array of whole numbers",
        _in_its_type,
        mark(
            "With an array of whole numbers adding h changes nothing: the fraction is cut off when "
            "it is stored. Compute on a copy in float64."
        ),
        "type",
        "M109",
    ),
    Mutant(
        "float32",
        lambda f, w, h: _in_its_type(f, single(w), h),
        mark(
            "In float32 the entries of w lose half of their digits, so the slopes are those at "
            "another point. Compute on a copy in float64."
        ),
        "precision",
        "M109",
    ),
    Mutant(
        "all entries at once",
        lambda f, w, h: np.full(np.shape(w), (f(w + h) - f(w - h)) / (2 * h)),
        mark(
            "All entries are moved together. A partial derivative moves one and holds the others."
        ),
        "partial",
        "M08",
    ),
    Mutant(
        "first row only",
        _first_row,
        mark("Only the first row is filled: the loop must run over all entries of the array."),
        "loop",
        "X04",
    ),
    Mutant(
        "a step of 1e-13",
        _by_entry(lambda f, w, i, h: (f(_moved(w, i, 1e-13)) - f(_moved(w, i, -1e-13))) / 2e-13),
        mark(
            "Another, far smaller step than h is used: the difference of two almost equal numbers "
            "is nothing but rounding. Use the h that is given."
        ),
        "step",
        "M109",
    ),
    Mutant(
        "a step of 1e-5",
        _by_entry(lambda f, w, i, h: (f(_moved(w, i, 1e-5)) - f(_moved(w, i, -1e-5))) / 2e-5),
        mark("The step is always the same, whatever h is: use the h that is given."),
        "given step",
        "M109",
    ),
    Mutant(
        "relative step",
        _by_entry(
            lambda f, w, i, h: (f(_moved(w, i, h * w[i])) - f(_moved(w, i, -h * w[i]))) / (2 * h)
        ),
        mark(
            "The step is multiplied by the entry, but the difference is divided by h alone: every "
            "slope comes out times its own w."
        ),
        "scale",
        "X25",
    ),
)


def _flat(f: Function, w: Array, h: float) -> list[Any]:
    flat = np.asarray(w, dtype=np.float64).reshape(-1)
    eye = h * np.eye(flat.size)
    slopes = [
        (f((flat + e).reshape(w.shape)) - f((flat - e).reshape(w.shape))) / (2 * h) for e in eye
    ]
    return np.reshape(slopes, w.shape).tolist()


NUMERICAL = Piece(
    name="numerical_gradient",
    signature="numerical_gradient(f, w, h) -> gradient",
    outputs=(
        Output(
            mark("gradient"),
            by="value",
            look=mark(
                "Test it on f(w) = w[0]² at w = [3.0]: 6 must come out, and w must be as before."
            ),
            derive=mark(
                "Write the Taylor series of f(w + h) and of f(w - h), and subtract: what is left "
                "of h, of its square, of its cube?"
            ),
            formula="gradient[i] = (f(w + h·e_i) - f(w - h·e_i)) / (2h)",
        ),
    ),
    parts=(
        Part("gradient", 0.4, (PLAIN, SQUARE, LINE)),
        Part("gradient", 0.2, (PLAIN, INTEGERS)),
        Part("gradient", 0.4, (PLAIN, COARSE)),
    ),
    draw=draw_numerical,
    reference=numerical_gradient,
    mutants=NUMERICAL_MUTANTS,
    equivalents=(
        Equivalent("unit vectors, a list returned", _flat),
        Equivalent(
            "copies",
            _by_entry(lambda f, w, i, h: (f(_moved(w, i, h)) - f(_moved(w, i, -h))) / (2 * h)),
        ),
        Equivalent(
            "mean of two one-sided slopes",
            _by_entry(
                lambda f, w, i, h: (
                    ((f(_moved(w, i, h)) - f(w)) / h + (f(w) - f(_moved(w, i, -h))) / h) / 2
                )
            ),
        ),
    ),
    cases=(PLAIN, PLAIN, SQUARE, LINE, INTEGERS, COARSE),
    varied=differing(lambda point: point.arguments[1].shape),
    case_names={
        INTEGERS: mark("w holds whole numbers"),
        LINE: mark("w has one axis"),
        COARSE: mark("w has three axes, and h is larger"),
    },
)

ZERO, ZERO_A, ZERO_N = "zero", "zero a", "zero n"

SMALL = 2.0**-8
"""The size of the gradients: small, as gradients are, so that they are not compared with 1."""

LENGTHS = 0.03
"""By such a share the length of one differs from the other's, at least."""


def draw_relative(rng: np.random.Generator, case: str) -> Point:
    """Two arrays of one shape that differ by a quarter, in length too; or both zero, or one.

    They have one, two or three axes, as the gradients of biases, of weights and of filters.
    """
    shape = dimensions(rng, int(rng.integers(1, 4)), (3, 4, 5)) if case == PLAIN else [3, 4]
    while True:
        n = normal(rng, *(shape if len(shape) > 1 else [7]))
        # One entry is tiny: measured by itself it is wrong by a factor, which must not count.
        n.flat[0] = 2.0**-30
        a = n + 0.25 * normal(rng, *n.shape)
        # Of one length, other means of the two would do as well.
        if abs(np.linalg.norm(a) / np.linalg.norm(n) - 1) > LENGTHS:
            break
    a, n = a * (case not in (ZERO, ZERO_A)), n * (case not in (ZERO, ZERO_N))
    return Point((SMALL * a, SMALL * n), {}, 1.0, case)


def _axes(point: Point) -> list[int]:
    """How many there are, and how long the first two."""
    shape = point.arguments[0].shape
    return [len(shape), shape[0], shape[min(1, len(shape) - 1)]]


def relative_error(a: Array, n: Array) -> float:
    """|a - n| / (|a| + |n|), 0 for two zero arrays."""
    size = np.linalg.norm(a) + np.linalg.norm(n)
    return float(np.linalg.norm(a - n) / size) if size else 0.0


def _ratio(measure: Callable[[Array, Array], float]) -> Callable[[Array, Array], float]:
    return lambda a, n: measure(a, n) if np.any(a) or np.any(n) else 0.0


RELATIVE_MUTANTS = (
    Mutant(
        "largest ratio of entries",
        _ratio(lambda a, n: float(np.max(np.abs(a - n) / (np.abs(a) + np.abs(n))))),
        mark(
            "This is the largest ratio of single entries. One tiny entry then spoils a right "
            "gradient: take norms of the whole arrays, then one ratio."
        ),
        "measure",
        "X26",
    ),
    Mutant(
        "mean of the ratios",
        _ratio(lambda a, n: float(np.mean(np.abs(a - n) / (np.abs(a) + np.abs(n))))),
        mark("Ratios of entries are averaged: take norms of the whole arrays, then one ratio."),
        "measure",
        "X26",
    ),
    Mutant(
        "absolute",
        lambda a, n: float(np.linalg.norm(a - n)),
        mark("The error is not relative: it is not divided by the size of the gradients."),
        "denominator",
    ),
    Mutant(
        "difference of norms",
        _ratio(
            lambda a, n: float(
                abs(np.linalg.norm(a) - np.linalg.norm(n)) / (np.linalg.norm(a) + np.linalg.norm(n))
            )
        ),
        mark(
            "Lengths are compared, so two gradients of one length in different directions pass. "
            "Take the length of the difference."
        ),
        "numerator",
    ),
    Mutant(
        "divided by n alone",
        _ratio(lambda a, n: float(np.linalg.norm(a - n) / np.linalg.norm(n))),
        mark("The denominator holds only n; the sum of both lengths is asked for."),
        "denominator",
    ),
    Mutant(
        "0 / 0",
        lambda a, n: float(np.linalg.norm(a - n) / (np.linalg.norm(a) + np.linalg.norm(n))),
        mark("Two zero arrays give NaN: 0 / 0. They agree, so their error is 0."),
        "edge",
    ),
    Mutant(
        "one zero array",
        lambda a, n: relative_error(a, n) if np.any(a) and np.any(n) else 0.0,
        mark(
            "If one array is zero and the other is not, they do not agree: the error is 1. It is 0 "
            "only if both are zero."
        ),
        "condition",
    ),
    Mutant(
        "sums in place of norms",
        _ratio(lambda a, n: float(abs((a - n).sum()) / (abs(a.sum()) + abs(n.sum())))),
        mark(
            "Sums are compared: errors of opposite signs cancel. A norm adds squares, which do not."
        ),
        "numerator",
    ),
)


def _plain_loops(a: Array, n: Array) -> float:
    def length(array: Array) -> float:
        return sum(float(v) ** 2 for v in array.reshape(-1)) ** 0.5

    total = length(a) + length(n)
    return 0.0 if total == 0 else length(a - n) / total


RELATIVE = Piece(
    name="relative_error",
    signature="relative_error(a, n) -> error",
    outputs=(
        Output(
            "error",
            by="value",
            look=mark("Try a = n, a = -n and a = 0: the error must be 0, 1 and 1."),
            derive=mark("Which three lengths are needed, and how many divisions?"),
            formula="|a - n| / (|a| + |n|)",
        ),
    ),
    parts=(Part("error", 0.7, (PLAIN,)), Part("error", 0.3, (PLAIN, ZERO, ZERO_A, ZERO_N))),
    draw=draw_relative,
    reference=relative_error,
    mutants=RELATIVE_MUTANTS,
    equivalents=(
        Equivalent("loops", _plain_loops),
        Equivalent(
            "a tiny number in the denominator",
            lambda a, n: (
                np.sqrt(np.sum((a - n) ** 2))
                / (np.sqrt(np.sum(a**2)) + np.sqrt(np.sum(n**2)) + 1e-300)
            ),
        ),
        Equivalent("float32", lambda a, n: single(relative_error(a, n))),
    ),
    cases=(PLAIN, PLAIN, ZERO, ZERO_A, ZERO_N),
    varied=differing(_axes),
    case_names={
        ZERO: mark("both arrays are zero"),
        ZERO_A: mark("the first array is zero"),
        ZERO_N: mark("the second array is zero"),
    },
)
