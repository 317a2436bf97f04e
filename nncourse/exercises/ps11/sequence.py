"""lstm_forward: an LSTM over a sequence.

Checked at T = 1, 2, 5 and more with states at the start that are not 0. Two arrays go from step to
step, the state and the cell. T = 1 has a small share of the points: one call of the step, which has
its own, will do.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from nncourse.diagnosis.measure import Array
from nncourse.exercises.piece import (
    Equivalent,
    Mutant,
    Output,
    Part,
    Piece,
    Point,
    normal,
    single,
)
from nncourse.exercises.ps10.sequence import (
    CASE_NAMES,
    CASES,
    LENGTHS,
    LONGER,
    ONE,
    ONE_ARRAY,
    STATES,
    only_the_last,
    varied,
)
from nncourse.exercises.ps11.step import (
    GATES,
    sizes,
    step,
    weights,
)
from nncourse.language import mark


def draw(rng: np.random.Generator, case: str) -> Point:
    """x (N, T, D), h0, c0 (N, H), Wx, Wh, b."""
    N, D, H = sizes(rng, case)
    Wx, Wh = weights(rng, D, H)
    T = int(rng.choice(LENGTHS[case]))
    x, h0, c0 = normal(rng, N, T, D), normal(rng, N, H) / 2, normal(rng, N, H)
    return Point((x, h0, c0, Wx, Wh, normal(rng, 4 * H) / 2), {}, 1.0, case)


def unrolled(next_of: Callable[..., Any]) -> Callable[..., tuple[Array, ...]]:
    """The LSTM over all steps, with the next step's arguments from (x, t, h, c, h0, c0)."""

    def function(
        x: Array, h0: Array, c0: Array, Wx: Array, Wh: Array, b: Array
    ) -> tuple[Array, ...]:
        h, c, found = h0, c0, []
        for t in range(x.shape[1]):
            h, c, gates = step(*[*next_of(x, t, h, c, h0, c0), Wx, Wh, b])
            found.append((h, c, gates))
        hs, cs, every = (np.stack(arrays, axis=1) for arrays in zip(*found, strict=True))
        return hs, cs, every

    return function


_plain = unrolled(lambda x, t, h, c, h0, c0: (x[:, t], h, c))


def unroll(x: Array, h0: Array, c0: Array, Wx: Array, Wh: Array, b: Array) -> tuple[Array, ...]:
    """(hs (N, T, H), cs (N, T, H), gates (N, T, 4H))."""
    return _plain(x, h0, c0, Wx, Wh, b)


def _one_state(*arguments: Array) -> tuple[Array, ...]:
    hs, cs, gates = unroll(*arguments)
    return only_the_last(hs), cs, gates


def _one_cell(*arguments: Array) -> tuple[Array, ...]:
    hs, cs, gates = unroll(*arguments)
    return hs, only_the_last(cs), gates


def _filled(x: Array, h0: Array, c0: Array, Wx: Array, Wh: Array, b: Array) -> tuple[Array, ...]:
    (N, T, _D), H = x.shape, h0.shape[1]
    hs, cs, gates = np.empty((N, T, H)), np.empty((N, T, H)), np.empty((N, T, 4 * H))
    for t in range(T):
        h, c = (hs[:, t - 1], cs[:, t - 1]) if t else (h0, c0)
        hs[:, t], cs[:, t], gates[:, t] = step(x[:, t], h, c, Wx, Wh, b)
    return hs, cs, gates


def _by_examples(x: Array, h0: Array, c0: Array, Wx: Array, Wh: Array, b: Array) -> list[Any]:
    found = [unroll(x[[n]], h0[[n]], c0[[n]], Wx, Wh, b) for n in range(len(x))]
    return [np.concatenate(arrays).tolist() for arrays in zip(*found, strict=True)]


def _value(name: str, i: int, formula: str) -> Output:
    return Output(
        name,
        by="value",
        key=(i,),
        axes=STATES,
        blocks=GATES if name == "gates" else (),
        look=mark("Compare step by step: which is the first wrong one?"),
        derive=mark("Two arrays go from each step to the next. Which are they in the first step?"),
        formula=formula,
    )


FORWARD = Piece(
    name="lstm_forward",
    signature="lstm_forward(x, h0, c0, Wx, Wh, b) -> (hs, cs, gates)",
    outputs=(
        _value("gates", 2, "gates_t from step(x_t, h_{t-1}, c_{t-1})"),
        _value("cs", 1, "c_t from step(x_t, h_{t-1}, c_{t-1}),   c_{-1} = c0"),
        _value("hs", 0, "h_t from step(x_t, h_{t-1}, c_{t-1}),   h_{-1} = h0"),
    ),
    parts=(
        *(Part(name, 0.1 / 3, (ONE,)) for name in ("hs", "cs", "gates")),
        *(Part(name, 0.3, LONGER) for name in ("hs", "cs", "gates")),
    ),
    draw=draw,
    reference=unroll,
    mutants=(
        Mutant(
            "state not carried on",
            unrolled(lambda x, t, h, c, h0, c0: (x[:, t], h0, c)),
            mark("Every step gets h0: the new state is not carried on to the next step."),
            "state",
            "M70",
        ),
        Mutant(
            "cell not carried on",
            unrolled(lambda x, t, h, c, h0, c0: (x[:, t], h, c0)),
            mark("Every step gets c0: the new cell is not carried on to the next step."),
            "cell",
            "M79",
        ),
        Mutant(
            "c0 ignored",
            unrolled(lambda x, t, h, c, h0, c0: (x[:, t], h, c if t else 0 * c0)),
            mark("The cell starts from zeros: c0 does not take part."),
            "start",
            "M74",
        ),
        Mutant(
            "h0 ignored",
            unrolled(lambda x, t, h, c, h0, c0: (x[:, t], h if t else 0 * h0, c)),
            mark("The state starts from zeros: h0 does not take part."),
            "start",
            "M74",
        ),
        Mutant(
            "h0 and c0 ignored",
            unrolled(
                lambda x, t, h, c, h0, c0: (x[:, t], h, c) if t else (x[:, t], 0 * h0, 0 * c0)
            ),
            mark("State and cell start from zeros: h0 and c0 do not take part."),
            "start",
            "M74",
        ),
        Mutant(
            "h and c exchanged",
            unrolled(lambda x, t, h, c, h0, c0: (x[:, t], c, h) if t else (x[:, t], h, c)),
            mark("From the second step on the state and the cell take each other's place."),
            "arguments",
        ),
        Mutant(
            "first input in every step",
            unrolled(lambda x, t, h, c, h0, c0: (x[:, 0], h, c)),
            mark("Every step sees the first input: use x[:, t]."),
            "index",
        ),
        Mutant(
            "time backwards",
            lambda x, *rest: unroll(x[:, ::-1], *rest),
            mark("The inputs are taken from the last to the first."),
            "order",
            "M76",
        ),
        Mutant(
            "time first",
            lambda *arguments: tuple(np.swapaxes(a, 0, 1) for a in unroll(*arguments)),
            mark("The axes of examples and time are exchanged: time is the second axis."),
            "axis",
            "M66",
        ),
        Mutant("one array for all states", _one_state, ONE_ARRAY, "alias", "X13"),
        Mutant("one array for all cells", _one_cell, ONE_ARRAY, "alias", "X13"),
    ),
    equivalents=(
        Equivalent("into arrays", _filled),
        Equivalent("example by example, lists", _by_examples),
        Equivalent("float32", lambda *arrays: unroll(*map(single, arrays))),
    ),
    cases=CASES,
    varied=varied,
    case_names=CASE_NAMES,
)
