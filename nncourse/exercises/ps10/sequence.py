"""rnn_forward: the whole sequence.

Checked at T = 1, 2, 5 and more with a state at the start that is not 0. Right at T = 1 and wrong
from T = 2 on means that the path from step to step is wrong. T = 1 has a small share of the points:
one call of the step, which has its own, will do.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from nncourse.diagnosis.measure import Array
from nncourse.exercises.piece import (
    SQUARE,
    Equivalent,
    Mutant,
    Output,
    Part,
    Piece,
    Point,
    differing,
    lengths,
    normal,
    single,
)
from nncourse.exercises.ps10.step import (
    sizes,
    step,
    weights,
)
from nncourse.language import mark

ONE, TWO, FIVE = "T = 1", "T = 2", "T = 5"
LENGTHS = {ONE: (1,), TWO: (2,), FIVE: (5,), SQUARE: (8, 9)}
"""The longest is drawn, so that no answer can stop after so many steps. Beyond eight steps little
of a gradient is left."""
CASES = (ONE, TWO, FIVE, SQUARE)
LONGER = (TWO, FIVE, SQUARE)
varied = differing(lengths, (TWO, FIVE))
CASE_NAMES = {
    ONE: mark("a sequence of one step"),
    TWO: mark("a sequence of two steps"),
    FIVE: mark("a sequence of five steps"),
}
STATES = ("batch", "time", "unit")


def draw(rng: np.random.Generator, case: str) -> Point:
    """x (N, T, D), h0 (N, H), Wx, Wh, b."""
    N, D, H = sizes(rng, case)
    Wx, Wh, b = weights(rng, D, H)
    T = int(rng.choice(LENGTHS[case]))
    x, h0 = normal(rng, N, T, D), normal(rng, N, H) / 2
    return Point((x, h0, Wx, Wh, b), {}, 1.0, case)


def unroll(x: Array, h0: Array, Wx: Array, Wh: Array, b: Array) -> Array:
    """All states (N, T, H)."""
    h, states = h0, []
    for t in range(x.shape[1]):
        h = step(x[:, t], h, Wx, Wh, b)
        states.append(h)
    return np.stack(states, axis=1)


def _unrolled(next_of: Callable[..., Array], start: float = 1.0) -> Callable[..., Array]:
    """Another recurrence, from (x, t, h, h0, Wx, Wh, b); h0 counts ``start`` times."""

    def function(x: Array, h0: Array, Wx: Array, Wh: Array, b: Array) -> Array:
        h, states = start * h0, []
        for t in range(x.shape[1]):
            h = next_of(x, t, h, h0, Wx, Wh, b)
            states.append(h)
        return np.stack(states, axis=1)

    return function


def _filled(x: Array, h0: Array, Wx: Array, Wh: Array, b: Array) -> Array:
    N, T, _D = x.shape
    states = np.empty((N, T, len(b)))
    for t in range(T):
        states[:, t] = np.tanh(x[:, t] @ Wx.T + (states[:, t - 1] if t else h0) @ Wh.T + b)
    return states


def only_the_last(states: Array) -> Array:
    """Those of the last step at every step, as where one array serves for all."""
    return np.repeat(states[:, -1:], states.shape[1], axis=1)


ONE_ARRAY = mark(
    "All time steps are alike: one array was put into the list each time and then changed in "
    "place. Store copies, or make a new array for each step."
)


def _at_once(x: Array, h0: Array, Wx: Array, Wh: Array, b: Array) -> list[Any]:
    inputs = np.einsum("ntd,hd->nth", x, Wx) + b
    states = []
    for n in range(len(x)):
        h, row = h0[n], []
        for z in inputs[n]:
            h = np.tanh(z + Wh @ h)
            row.append(h.tolist())
        states.append(row)
    return states


FORWARD = Piece(
    name="rnn_forward",
    signature="rnn_forward(x, h0, Wx, Wh, b) -> hs",
    outputs=(
        Output(
            "hs",
            by="value",
            axes=STATES,
            look=mark("Compare the states step by step: which is the first wrong one?"),
            derive=mark("Write h1 and h2 with h0. Which arrays are the same in every step?"),
            formula="hs[:, t] = step(x[:, t], hs[:, t - 1]),   hs[:, -1] = h0",
        ),
    ),
    parts=(Part("hs", 0.1, (ONE,)), Part("hs", 0.9, LONGER)),
    draw=draw,
    reference=unroll,
    mutants=(
        Mutant(
            "h0 ignored",
            _unrolled(lambda x, t, h, h0, Wx, Wh, b: step(x[:, t], h, Wx, Wh, b), start=0.0),
            mark("The sequence starts from zeros: h0 does not take part."),
            "start",
            "M74",
        ),
        Mutant(
            "state not carried on",
            _unrolled(lambda x, t, h, h0, Wx, Wh, b: step(x[:, t], h0, Wx, Wh, b)),
            mark("Every step starts from h0: the new state is not carried on to the next step."),
            "state",
            "M70",
        ),
        Mutant(
            "first input in every step",
            _unrolled(lambda x, t, h, h0, Wx, Wh, b: step(x[:, 0], h, Wx, Wh, b)),
            mark("Every step sees the first input: use x[:, t]."),
            "index",
        ),
        Mutant(
            "time backwards",
            lambda x, h0, Wx, Wh, b: unroll(x[:, ::-1], h0, Wx, Wh, b),
            mark("The inputs are taken from the last to the first."),
            "order",
            "M76",
        ),
        Mutant(
            "only the last state",
            lambda x, h0, Wx, Wh, b: unroll(x, h0, Wx, Wh, b)[:, -1],
            mark("Only the last state came back; all of them are asked for, (N, T, H)."),
            "shape",
        ),
        Mutant(
            "time first",
            lambda x, h0, Wx, Wh, b: np.swapaxes(unroll(x, h0, Wx, Wh, b), 0, 1),
            mark("The axes of examples and time are exchanged: the shape must be (N, T, H)."),
            "axis",
            "M66",
        ),
        Mutant(
            "one array for all steps",
            lambda *arguments: only_the_last(unroll(*arguments)),
            ONE_ARRAY,
            "alias",
            "X13",
        ),
        Mutant(
            "no bias",
            lambda x, h0, Wx, Wh, b: unroll(x, h0, Wx, Wh, 0 * b),
            mark("The bias b is missing."),
            "parameter missing",
        ),
        Mutant(
            "Wh not transposed",
            lambda x, h0, Wx, Wh, b: unroll(x, h0, Wx, Wh.T, b),
            mark("Wh is used in the wrong orientation; it is square, so no shape complains."),
            "transpose",
            "M75",
        ),
    ),
    equivalents=(
        Equivalent("into one array", _filled),
        Equivalent("inputs at once, example by example, lists", _at_once),
        Equivalent("float32", lambda *arrays: unroll(*map(single, arrays))),
    ),
    cases=CASES,
    varied=varied,
    case_names=CASE_NAMES,
)
