"""neuron: the weighted sum and the step. w = (w0, w1, ..., wn), the threshold w0 first."""

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

BORDER, ALONE = "border", "alone"
"""Some weighted sums are exactly 0: the neuron does not fire there; and a single example."""

NEAR = 1 / 128
"""So near 0 is one sum on either side: a step that is taken elsewhere shows."""


def draw(rng: np.random.Generator, case: str) -> Point:
    """w (n + 1,) and x (N, n), with a sum just above 0 and one just below; in the case BORDER some
    are 0, and the rest are not near it.
    """
    N, n = dimensions(rng, 1, (5, 7, 8))[0], dimensions(rng, 1, (3, 6))[0]
    if case == SQUARE:
        N = n = 4
    N = 1 if case == ALONE else N
    while True:
        if case == BORDER:
            # Multiples of 1/2, so that a sum is 0 exactly, in float32 as well. Those of x are whole
            # numbers, as bits are, and the sums need a type of their own.
            w, x = rng.integers(-6, 7, n + 1) / 2, rng.integers(-2, 3, (N, n))
            zeros, rest = 1, 0.25
        else:
            w, x = normal(rng, n + 1), normal(rng, N, n)
            zeros, rest = 0, 0.05
        if case in (PLAIN, SQUARE):
            rest = NEAR / 2
            above, below = rng.choice(N, 2, replace=False)
            w[0] = single(x[above] @ w[1:] - NEAR)
            short = x[below] @ w[1:] - w[0] + NEAR
            x[below] = single(x[below] - short * w[1:] / (w[1:] @ w[1:]))
        h = x @ w[1:] - w[0]
        # The step is taken of h, neither without the threshold nor with it once more, nor of h
        # without its fraction.
        others = [h + w[0], h - w[0], np.trunc(h)]
        told = all(np.any((other > 0) != (h > 0)) for other in others)
        both = told and np.sum(h > rest) >= 1 and np.sum(h < -rest) >= 1
        enough = (both or case == ALONE) and abs(w[0]) > rest
        enough = enough and (case != BORDER or np.any(h % 1))
        if enough and np.sum(h == 0) >= zeros and np.sum(np.abs(h) > rest) + np.sum(h == 0) == N:
            return Point((w, x), {}, 1.0, case)


def reference(w: Array, x: Array) -> tuple[Array, Array]:
    """(h, a): h = w1 x1 + ... + wn xn - w0, and a = 1 where h > 0, else 0."""
    h = x @ w[1:] - w[0]
    return h, (h > 0).astype(np.float64)


def _sum(h_of: Callable[[Array, Array], Array]) -> Callable[..., Any]:
    """A neuron with another weighted sum."""

    def function(w: Array, x: Array) -> tuple[Array, Array]:
        h = h_of(w, x)
        return h, (h > 0).astype(np.float64)

    return function


def _step(a_of: Callable[[Array], Array]) -> Callable[..., Any]:
    """A neuron with another activation."""

    def function(w: Array, x: Array) -> tuple[Array, Array]:
        h, _a = reference(w, x)
        return h, a_of(h)

    return function


MUTANTS = (
    Mutant(
        "threshold added",
        _sum(lambda w, x: x @ w[1:] + w[0]),
        mark(
            "The threshold is added. It belongs to the constant feature x0 = -1, so it is "
            "subtracted from the sum; a bias b would be -w0."
        ),
        "sign",
        "X10",
    ),
    Mutant(
        "no threshold",
        _sum(lambda w, x: x @ w[1:]),
        mark("The threshold w0 does not take part: the sum of the features alone came back."),
        "threshold missing",
    ),
    Mutant(
        "threshold last",
        _sum(lambda w, x: x @ w[:-1] - w[-1]),
        mark("The last weight is taken for the threshold. In this course w0 stands first."),
        "order",
    ),
    Mutant(
        "threshold in every product",
        _sum(lambda w, x: (x * w[1:] - w[0]).sum(axis=1)),
        mark(
            "The threshold is subtracted once for each feature: it stands inside the sum. "
            "It is one term of its own."
        ),
        "scale",
    ),
    Mutant(
        "threshold times x1",
        _sum(lambda w, x: x @ w[1:] - w[0] * x[:, 0]),
        mark("The threshold is multiplied by a feature. Its own feature is constant, -1."),
        "wrong array",
    ),
    Mutant(
        "sum over the examples",
        _sum(lambda w, x: (x * w[1:]).sum(axis=0) - w[0]),
        mark(
            "The sum runs over the examples. Each example has a sum of its own, over its features: "
            "h has one entry for each row of x."
        ),
        "axis",
    ),
    Mutant(
        "fires at 0",
        _step(lambda h: (h >= 0).astype(np.float64)),
        mark("Where h is exactly 0 your neuron fires. The step is 1 for h > 0 only."),
        "border",
        "X11",
    ),
    Mutant(
        "no step",
        _step(lambda h: h.copy()),
        mark("The sum itself is returned as the answer: the step is missing."),
        "activation",
    ),
    Mutant(
        "-1 and +1",
        _step(np.sign),
        mark("The answers are -1 and +1. This neuron answers 0 and 1."),
        "labels",
    ),
    Mutant(
        "sigmoid",
        _step(lambda h: 1 / (1 + np.exp(-h))),
        mark("The activation is a sigmoid: probabilities come out. A step is asked for."),
        "activation",
    ),
    Mutant(
        "inverted",
        _step(lambda h: (h < 0).astype(np.float64)),
        mark("The step is inverted: the neuron fires where the sum is below 0."),
        "inverted",
    ),
)


def _loops(w: Array, x: Array) -> tuple[list[float], list[int]]:
    h = []
    for row in x:
        total = -w[0]
        for weight, feature in zip(w[1:], row):
            total += weight * feature
        h.append(float(total))
    return h, [1 if value > 0 else 0 for value in h]


def _extended(w: Array, x: Array) -> tuple[Array, Array]:
    h = np.column_stack([-np.ones(len(x)), x]) @ w
    return h, h > 0


def _float32(w: Array, x: Array) -> tuple[Array, Array]:
    h, a = reference(w.astype(np.float32), x.astype(np.float32))
    return h, a.astype(np.int8)


EQUIVALENTS = (
    Equivalent("loops, lists returned", _loops),
    Equivalent("constant feature, answers as bool", _extended),
    Equivalent("float32, answers as int8", _float32),
    Equivalent("einsum and where", _step(lambda h: np.where(h > 0, 1, 0))),
)

NEURON = Piece(
    name="neuron",
    signature="neuron(w, x) -> (h, a)",
    outputs=(
        Output(
            "h",
            by="value",
            key=(0,),
            look=mark("Take one row of x and compute its sum on paper, with w0 and all features."),
            derive=mark("With x0 = -1 the sum runs over j = 0 to n. Which sign does w0 get?"),
            formula="h[i] = Σ_j w[j] · x[i, j] - w[0],   j = 1 ... n",
        ),
        Output(
            "a",
            by="value",
            key=(1,),
            after=("h",),
            look=mark("Compare h and a row by row: a is 1 exactly where h is above 0."),
            derive=mark("What is the step at h = 0? Which comparison says so?"),
            formula="a = 1 if h > 0, else 0",
        ),
    ),
    parts=(
        Part("h", 0.5, (PLAIN, SQUARE)),
        Part("h", 0.1, (PLAIN, BORDER, ALONE)),
        Part("a", 0.3, (PLAIN, SQUARE)),
        Part("a", 0.1, (PLAIN, BORDER, ALONE)),
    ),
    draw=draw,
    reference=reference,
    mutants=MUTANTS,
    equivalents=EQUIVALENTS,
    cases=(PLAIN, PLAIN, SQUARE, BORDER, ALONE),
    varied=differing(lambda point: (*point.arguments[1].shape, point.arguments[0][0] > 0)),
    case_names={BORDER: mark("sums that are exactly 0"), ALONE: mark("a single example")},
)
