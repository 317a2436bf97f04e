"""rnn_backward: backpropagation through time.

Checked in the cases of rnn_forward. Right at T = 1 and wrong from T = 2 on means that the path from
step to step is wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from nncourse.diagnosis import Context
from nncourse.diagnosis.measure import Array
from nncourse.exercises.piece import (
    SQUARE,
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
    LONGER,
    ONE,
    STATES,
    draw,
    unroll,
    varied,
)
from nncourse.exercises.ps10.step import NO_SQUARE, from_dz, hints, step_backward
from nncourse.language import mark


def draw_backward(rng: np.random.Generator, case: str) -> Point:
    """dhs (N, T, H), x, h0, hs, Wx, Wh."""
    x, h0, Wx, Wh, b = draw(rng, case).arguments
    hs = unroll(x, h0, Wx, Wh, b)
    # Not all are small: nothing is cut off on the way.
    dhs = normal(rng, *hs.shape) * (16 if case == SQUARE else 1)
    variables = {"x": x, "h0": h0, "Wx": Wx, "Wh": Wh, "b": b}
    return Point((dhs, x, h0, hs, Wx, Wh), variables, dhs, case)


def forward(variables: Mapping[str, Array], point: Point) -> Array:
    """All states."""
    return unroll(*(variables[name] for name in ("x", "h0", "Wx", "Wh", "b")))


NAMES = ("dx", "dh0", "dWx", "dWh", "db")


class _Rules:
    """Backpropagation through time, with places at which it can go wrong."""

    def carried(self, dh: Array, t: int, T: int) -> Array:
        """What of the next step's gradient arrives at this one."""
        return dh

    def total(self, carried: Array, above: Array, t: int, T: int) -> Array:
        """The gradient at the state of step t."""
        return carried + above

    def before(self, hs: Array, h0: Array, t: int) -> Array:
        """The state before step t."""
        return hs[:, t - 1] if t else h0

    def steps(self, T: int) -> Any:
        """The order of the steps."""
        return reversed(range(T))

    def gathered(self, old: Array, new: Array) -> Array:
        """A weight's gradient after one more step."""
        return old + new

    def back(self, dh_next: Array, x: Array, h: Array, hn: Array, Wx: Array, Wh: Array) -> Any:
        """The gradients of one step."""
        return step_backward(dh_next, x, h, hn, Wx, Wh)

    def __call__(
        self, dhs: Array, x: Array, h0: Array, hs: Array, Wx: Array, Wh: Array
    ) -> tuple[Array, ...]:
        T = x.shape[1]
        dx, dh = np.zeros(x.shape), np.zeros(h0.shape)
        dWx, dWh, db = np.zeros(Wx.shape), np.zeros(Wh.shape), np.zeros(len(Wh))
        for t in self.steps(T):
            total = self.total(self.carried(dh, t, T), dhs[:, t], t, T)
            dx[:, t], dh, one, two, three = self.back(
                total, x[:, t], self.before(hs, h0, t), hs[:, t], Wx, Wh
            )
            dWx, dWh, db = (
                self.gathered(old, new) for old, new in ((dWx, one), (dWh, two), (db, three))
            )
        return dx, dh, dWx, dWh, db


bptt = _Rules()


def reference(
    dhs: Array, x: Array, h0: Array, hs: Array, Wx: Array, Wh: Array
) -> tuple[Array, ...]:
    """(dx, dh0, dWx, dWh, db)."""
    return bptt(dhs, x, h0, hs, Wx, Wh)


class _NotCarried(_Rules):
    def carried(self, dh: Array, t: int, T: int) -> Array:
        return 0 * dh


class _LastOnly(_Rules):
    def total(self, carried: Array, above: Array, t: int, T: int) -> Array:
        return carried + above if t == T - 1 else carried


class _Overwrites(_Rules):
    def gathered(self, old: Array, new: Array) -> Array:
        return new


class _SameState(_Rules):
    def __call__(self, dhs: Array, x: Array, h0: Array, hs: Array, Wx: Array, Wh: Array) -> Any:
        dx, dh0, dWx, dWh, db = super().__call__(dhs, x, h0, hs, Wx, Wh)
        dWh = np.zeros(Wh.shape)
        dh = np.zeros(h0.shape)
        for t in reversed(range(x.shape[1])):
            dz = (dh + dhs[:, t]) * (1 - hs[:, t] ** 2)
            dWh += dz.T @ hs[:, t]
            dh = dz @ Wh
        return dx, dh0, dWx, dWh, db


class _NoStart(_Rules):
    def before(self, hs: Array, h0: Array, t: int) -> Array:
        return hs[:, t - 1] if t else 0 * h0


class _Wraps(_Rules):
    def before(self, hs: Array, h0: Array, t: int) -> Array:
        return hs[:, t - 1]


class _Slope(_Rules):
    """With another derivative of tanh, as a function of its value."""

    def __init__(self, slope: Callable[[Array], Array]) -> None:
        self.slope = slope

    def back(self, dh_next: Array, x: Array, h: Array, hn: Array, Wx: Array, Wh: Array) -> Any:
        return from_dz(dh_next * self.slope(hn), x, h, Wx, Wh)


class _Turned(_Rules):
    def back(self, dh_next: Array, x: Array, h: Array, hn: Array, Wx: Array, Wh: Array) -> Any:
        dx, _dh, dWx, dWh, db = step_backward(dh_next, x, h, hn, Wx, Wh)
        return dx, (dh_next * (1 - hn**2)) @ Wh.T, dWx, dWh, db


class _Forward(_Rules):
    def steps(self, T: int) -> Any:
        return range(T)


class _Truncated(_Rules):
    def carried(self, dh: Array, t: int, T: int) -> Array:
        return 0 * dh if T > 3 and t == T - 3 else dh


class _Averaged(_Rules):
    def __call__(self, dhs: Array, x: Array, h0: Array, hs: Array, Wx: Array, Wh: Array) -> Any:
        dx, dh0, *rest = super().__call__(dhs, x, h0, hs, Wx, Wh)
        return (dx, dh0, *(gradient / x.shape[1] for gradient in rest))


class _NoSlopeInside(_Rules):
    def back(self, dh_next: Array, x: Array, h: Array, hn: Array, Wx: Array, Wh: Array) -> Any:
        dx, _dh, dWx, dWh, db = step_backward(dh_next, x, h, hn, Wx, Wh)
        return dx, dh_next @ Wh, dWx, dWh, db


class _NoFirst(_Rules):
    def __call__(self, dhs: Array, x: Array, h0: Array, hs: Array, Wx: Array, Wh: Array) -> Any:
        dx, dh0, *_rest = super().__call__(dhs, x, h0, hs, Wx, Wh)
        if x.shape[1] == 1:
            return dx, 0 * dh0, 0 * Wx, 0 * Wh, np.zeros(len(Wh))
        _dx, dh1, *rest = super().__call__(dhs[:, 1:], x[:, 1:], hs[:, 0], hs[:, 1:], Wx, Wh)
        dx = dx.copy()
        dx[:, 0] = 0
        return (dx, dh1, *rest)


def _all_at_once(
    dhs: Array, x: Array, h0: Array, hs: Array, Wx: Array, Wh: Array
) -> tuple[Array, ...]:
    """First all gradients at the sums inside tanh, then one product for each weight."""
    N, T, H = hs.shape
    dz, dh = np.empty((N, T, H)), np.zeros((N, H))
    for t in range(T - 1, -1, -1):
        dz[:, t] = (dhs[:, t] + dh) * (1 - hs[:, t] ** 2)
        dh = dz[:, t] @ Wh
    before = np.concatenate([h0[:, None], hs[:, :-1]], axis=1)
    flat = dz.reshape(-1, H)
    return (
        dz @ Wx,
        dh,
        flat.T @ x.reshape(N * T, -1),
        flat.T @ before.reshape(-1, H),
        flat.sum(axis=0),
    )


def _by_examples(dhs: Array, x: Array, h0: Array, hs: Array, Wx: Array, Wh: Array) -> list[Any]:
    parts = [reference(dhs[[n]], x[[n]], h0[[n]], hs[[n]], Wx, Wh) for n in range(len(x))]
    dx, dh0, dWx, dWh, db = zip(*parts)
    return [np.concatenate(dx), np.concatenate(dh0), sum(dWx), sum(dWh), sum(db)]


def context(point: Point) -> dict[str, Context]:
    """The number of steps as a factor."""
    T = point.arguments[1].shape[1]
    constants = {"1/T": 1 / T} if T > 1 else {}
    return {name: Context(constants=constants) for name in NAMES}


_PARTS_OF_TIME = mark("Two gradients meet at a state: from its own output, and from the next step.")


def _output(name: str, i: int) -> Output:
    of = {"dx": "x", "dh0": "h0", "dWx": "Wx", "dWh": "Wh", "db": "b"}[name]
    own = hints("dh" if name == "dh0" else name)
    formula = {
        "dx": "dx[:, t] = dz_t Wx,   dz_t = (dhs[:, t] + dh_{t+1}) · (1 - h_t²)",
        "dh0": "dh_t = dz_t Wh,   dh0 = dh_0",
        "dWx": "dWx = Σ_t dz_tᵀ x_t",
        "dWh": "dWh = Σ_t dz_tᵀ h_{t-1}",
        "db": "db = Σ_t Σ_n dz_t[n]",
    }[name]
    return Output(
        name,
        of=of,
        key=(i,),
        axes=STATES if name == "dx" else (),
        look=_PARTS_OF_TIME if name in ("dx", "dh0") else own["look"],
        derive=own["derive"],
        formula=formula,
    )


BACKWARD = Piece(
    name="rnn_backward",
    signature="rnn_backward(dhs, x, h0, hs, Wx, Wh) -> (dx, dh0, dWx, dWh, db)",
    outputs=tuple(_output(name, i) for i, name in enumerate(NAMES)),
    parts=(
        Part("dx", 0.05, (ONE,)),  # its axis of time may be lost
        *(Part(name, 0.05 / 4, (ONE,)) for name in NAMES[1:]),
        *(Part(name, 0.18, LONGER) for name in NAMES),
    ),
    draw=draw_backward,
    reference=reference,
    forward=forward,
    context=context,
    mutants=(
        Mutant(
            "gradient not carried on",
            _NotCarried(),
            mark(
                "The gradient of the next step is not added: every state gets that of its own "
                "output only."
            ),
            "path",
            "M70",
        ),
        Mutant(
            "only the last output",
            _LastOnly(),
            mark("Only the output of the last step sends a gradient back; all of them do."),
            "path",
            "M71",
        ),
        Mutant(
            "= in place of +=",
            _Overwrites(),
            mark(
                "The weights' gradients hold one step only: each step overwrites the one before. "
                "The weights are the same in every step, so the contributions add up."
            ),
            "accumulate",
            "M72",
        ),
        Mutant(
            "dWh with the state of the same step",
            _SameState(),
            mark("dWh uses h_t; Wh was multiplied by the state before, h_{t-1}."),
            "off by one",
            "M73",
        ),
        Mutant(
            "h0 ignored",
            _NoStart(),
            mark("In the first step dWh uses zeros in place of h0."),
            "start",
            "M74",
        ),
        Mutant(
            "first step left out",
            _NoFirst(),
            mark("The loop ends before the first step: it has to go down to t = 0."),
            "start",
            "M74",
        ),
        Mutant(
            "Wh not transposed",
            _Turned(),
            mark("On the way to the step before, Wh is used in the wrong orientation."),
            "transpose",
            "M75",
        ),
        Mutant(
            "time loop forward",
            _Forward(),
            mark(
                "The steps are taken from the first to the last; the gradient comes from the end."
            ),
            "order",
            "M76",
        ),
        Mutant(
            "truncated",
            _Truncated(),
            mark("After some steps the gradient is cut off: it must reach the first step."),
            "path",
            "M77",
        ),
        Mutant(
            "divided by T",
            _Averaged(),
            mark("The weights' gradients are divided by the number of steps; they are sums."),
            "scale",
            "M78",
        ),
        Mutant(
            "tanh' missing between the steps",
            _NoSlopeInside(),
            mark("Between two steps the gradient passes tanh as well: its derivative is missing."),
            "derivative missing",
            "M15",
        ),
        Mutant(
            "the last state before the first step",
            _Wraps(),
            mark(
                "In the first step dWh uses the last state, which stands at index -1; h0 is the "
                "state before the first step."
            ),
            "start",
            "M74",
        ),
        Mutant(
            "tanh' missing",
            _Slope(np.ones_like),
            mark("The derivative of tanh is missing in every step."),
            "derivative missing",
            "M15",
        ),
        Mutant("no square in tanh'", _Slope(lambda h: 1 - h), NO_SQUARE, "derivative"),
    ),
    equivalents=(
        Equivalent("one product for each weight", _all_at_once),
        Equivalent("example by example, a list returned", _by_examples),
        Equivalent("float32", lambda *arrays: _all_at_once(*map(single, arrays))),
    ),
    cases=CASES,
    varied=varied,
    case_names=CASE_NAMES,
)
