"""lstm_backward: backpropagation through time in an LSTM.

Checked at T = 1, 2, 5 and more with states at the start that are not 0. Two gradients go back from
step to step, that of the state and that of the cell. T = 1 has a small share of the points: one
call of the step, which has its own, will do.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
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
    normal,
    single,
)
from nncourse.exercises.ps10.sequence import CASE_NAMES, CASES, LONGER, ONE, STATES, varied
from nncourse.exercises.ps11.sequence import draw, unroll
from nncourse.exercises.ps11.sheet import block
from nncourse.exercises.ps11.step import BACKWARD_LINES, GATES, LADDER
from nncourse.language import mark


def draw_backward(rng: np.random.Generator, case: str) -> Point:
    """dhs (N, T, H), x, h0, c0, hs, cs, gates, Wx, Wh."""
    x, h0, c0, Wx, Wh, b = draw(rng, case).arguments
    hs, cs, gates = unroll(x, h0, c0, Wx, Wh, b)
    # Not all are small: nothing is cut off on the way.
    dhs = normal(rng, *hs.shape) * (16 if case == SQUARE else 1)
    variables = {"x": x, "h0": h0, "c0": c0, "Wx": Wx, "Wh": Wh, "b": b}
    return Point((dhs, x, h0, c0, hs, cs, gates, Wx, Wh), variables, dhs, case)


def forward(variables: Mapping[str, Array], point: Point) -> Array:
    """All states, by as few operations as possible: it runs twice for every entry."""
    x, h, c, Wx, Wh, b = (variables[name] for name in ("x", "h0", "c0", "Wx", "Wh", "b"))
    T, H = x.shape[1], h.shape[1]
    # One tanh for all gates: sigmoid(z) = (1 + tanh(z / 2)) / 2.
    half = np.repeat([0.5, 0.5, 1.0, 0.5], H)
    inputs, turned, hs = (x @ Wx.T + b) * half, Wh.T * half, []
    for t in range(T):
        gates = np.tanh(inputs[:, t] + h @ turned)
        sigmoids = (1 + gates) / 2
        c = sigmoids[:, H : 2 * H] * c + sigmoids[:, :H] * gates[:, 2 * H : 3 * H]
        h = sigmoids[:, 3 * H :] * np.tanh(c)
        hs.append(h)
    return np.stack(hs, axis=1)


NAMES = ("dx", "dh0", "dc0", "dWx", "dWh", "db")


class _Rules:
    """Backpropagation through time, with places at which it can go wrong."""

    step: Callable[..., Any] = BACKWARD_LINES

    def arrived(self, dh: Array, dc: Array, above: Array, last: bool) -> tuple[Array, Array]:
        """The gradients at the state and at the cell of a step."""
        return dh + above, dc

    def before(self, states: Array, start: Array, t: int) -> Array:
        """The state or cell before step t."""
        return states[:, t - 1] if t else start

    def states(self, hs: Array, h0: Array, t: int) -> Array:
        """The state before step t."""
        return self.before(hs, h0, t)

    def cells(self, cs: Array, c0: Array, t: int) -> Array:
        """The cell before step t."""
        return self.before(cs, c0, t)

    def steps(self, T: int) -> Any:
        """The order of the steps."""
        return reversed(range(T))

    def gathered(self, old: Array, new: Array) -> Array:
        """A weight's gradient after one more step."""
        return old + new

    def __call__(
        self,
        dhs: Array,
        x: Array,
        h0: Array,
        c0: Array,
        hs: Array,
        cs: Array,
        gates: Array,
        Wx: Array,
        Wh: Array,
    ) -> tuple[Array, ...]:
        T = x.shape[1]
        dx, dh, dc = np.zeros(x.shape), np.zeros(h0.shape), np.zeros(c0.shape)
        sums = [np.zeros(Wx.shape), np.zeros(Wh.shape), np.zeros(len(Wh))]
        for t in self.steps(T):
            dh, dc = self.arrived(dh, dc, dhs[:, t], t == T - 1)
            h, c = self.states(hs, h0, t), self.cells(cs, c0, t)
            _dz, dc, dx[:, t], dh, *new = self.step(
                dh, dc, x[:, t], h, c, cs[:, t], gates[:, t], Wx, Wh
            )
            sums = [self.gathered(one, other) for one, other in zip(sums, new, strict=True)]
        return dx, dh, dc, sums[0], sums[1], sums[2]


bptt = _Rules()


def reference(
    dhs: Array,
    x: Array,
    h0: Array,
    c0: Array,
    hs: Array,
    cs: Array,
    gates: Array,
    Wx: Array,
    Wh: Array,
) -> tuple[Array, ...]:
    """(dx, dh0, dc0, dWx, dWh, db)."""
    return bptt(dhs, x, h0, c0, hs, cs, gates, Wx, Wh)


class _NoCell(_Rules):
    def arrived(self, dh: Array, dc: Array, above: Array, last: bool) -> tuple[Array, Array]:
        return dh + above, 0 * dc


class _NoState(_Rules):
    def arrived(self, dh: Array, dc: Array, above: Array, last: bool) -> tuple[Array, Array]:
        return above, dc


class _LastOnly(_Rules):
    def arrived(self, dh: Array, dc: Array, above: Array, last: bool) -> tuple[Array, Array]:
        return (dh + above if last else dh), dc


class _AboveInCell(_Rules):
    def arrived(self, dh: Array, dc: Array, above: Array, last: bool) -> tuple[Array, Array]:
        return dh + above, dc + above


class _Overwrites(_Rules):
    def gathered(self, old: Array, new: Array) -> Array:
        return new


class _NoState0(_Rules):
    def states(self, hs: Array, h0: Array, t: int) -> Array:
        return self.before(hs, 0 * h0, t)


class _NoCell0(_Rules):
    def cells(self, cs: Array, c0: Array, t: int) -> Array:
        return self.before(cs, 0 * c0, t)


class _NoStart(_NoState0, _NoCell0):
    """Both."""


class _SameCell(_Rules):
    def cells(self, cs: Array, c0: Array, t: int) -> Array:
        return cs[:, t]


class _Forward(_Rules):
    def steps(self, T: int) -> Any:
        return range(T)


class _NoForgetting(_Rules):
    step = BACKWARD_LINES.but(dc=lambda s: s.cell)


class _NoSlope(_Rules):
    step = BACKWARD_LINES.but(cell=lambda s: s.dc_next + s.dh_next * s.o)


class _BareCell(_Rules):
    step = BACKWARD_LINES.but(do=lambda s: s.dh_next * s.c_next * s.o * (1 - s.o))


class _CopiedBias(_Rules):
    def __call__(self, *arguments: Array) -> tuple[Array, ...]:
        *rest, db = super().__call__(*arguments)
        db_i, _db_f, db_g, db_o = (block(db, k, 4) for k in range(4))
        return (*rest, np.concatenate([db_i, db_i, db_g, db_o]))


def _all_at_once(
    dhs: Array,
    x: Array,
    h0: Array,
    c0: Array,
    hs: Array,
    cs: Array,
    gates: Array,
    Wx: Array,
    Wh: Array,
) -> tuple[Array, ...]:
    """First dz of all steps, then one product for each weight."""
    (N, T, H), D = hs.shape, x.shape[2]
    before = np.concatenate([h0[:, None], hs[:, :-1]], axis=1)
    cells = np.concatenate([c0[:, None], cs[:, :-1]], axis=1)
    i, f, g, o = np.split(gates, 4, axis=2)
    t, dz = np.tanh(cs), np.empty(gates.shape)
    dh, dc = np.zeros((N, H)), np.zeros((N, H))
    for k in range(T - 1, -1, -1):
        dh = dh + dhs[:, k]
        dc = dc + dh * o[:, k] * (1 - t[:, k] ** 2)
        by_gate = dc * g[:, k], dc * cells[:, k], dc * i[:, k], dh * t[:, k]
        dz[:, k] = np.concatenate(by_gate, axis=1)
        slope = [gate[:, k] * (1 - gate[:, k]) for gate in (i, f, o)]
        dz[:, k] *= np.concatenate([slope[0], slope[1], 1 - g[:, k] ** 2, slope[2]], axis=1)
        dh, dc = dz[:, k] @ Wh, dc * f[:, k]
    flat = dz.reshape(N * T, 4 * H)
    sums = flat.T @ x.reshape(N * T, D), flat.T @ before.reshape(N * T, H), flat.sum(axis=0)
    return (dz @ Wx, dh, dc, *sums)


def _examples(*arguments: Array) -> list[Any]:
    *rows, Wx, Wh = arguments
    parts = [reference(*[a[[n]] for a in rows] + [Wx, Wh]) for n in range(len(rows[0]))]
    dx, dh0, dc0, dWx, dWh, db = zip(*parts, strict=True)
    return [*map(np.concatenate, (dx, dh0, dc0)), sum(dWx), sum(dWh), sum(db)]


_TWO_GRADIENTS = mark("Two gradients go back from step to step, dh and dc. Which meets what?")
FORMULAS = {
    "dx": "dx_t = dz_t Wx,   from step_backward(dhs_t + dh_{t+1}, dc_{t+1}, ...)",
    "dh0": "dh_t = dz_t Wh,   dh0 = dh_0",
    "dc0": "dc_t = δ_t f_t,   dc0 = dc_0",
    "dWx": "dWx = Σ_t dz_tᵀ x_t",
    "dWh": "dWh = Σ_t dz_tᵀ h_{t-1}",
    "db": "db = Σ_t Σ_n dz_t[n]",
}


def _output(name: str, i: int) -> Output:
    own = LADDER[name.removesuffix("0")]
    return Output(
        name,
        of=name[1:],
        key=(i,),
        axes=STATES if name == "dx" else (),
        blocks=GATES if name == "db" else (),
        look=_TWO_GRADIENTS if name in ("dx", "dh0", "dc0") else own["look"],
        derive=own["derive"],
        formula=FORMULAS[name],
    )


BACKWARD = Piece(
    name="lstm_backward",
    signature="lstm_backward(dhs, x, h0, c0, hs, cs, gates, Wx, Wh) "
    "-> (dx, dh0, dc0, dWx, dWh, db)",
    outputs=tuple(_output(name, i) for i, name in enumerate(NAMES)),
    parts=(
        Part("dx", 0.05, (ONE,)),  # its axis of time may be lost
        *(Part(name, 0.05 / 5, (ONE,)) for name in NAMES[1:]),
        *(Part(name, 0.15, LONGER) for name in NAMES),
    ),
    draw=draw_backward,
    reference=reference,
    forward=forward,
    mutants=(
        Mutant(
            "dc not carried on",
            _NoCell(),
            mark("The gradient of the cell is not carried on to the step before; dh alone is."),
            "path",
            "M79",
        ),
        Mutant(
            "dh not carried on",
            _NoState(),
            mark("The gradient of the state is not carried on to the step before; dc alone is."),
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
            "dhs added to the cell",
            _AboveInCell(),
            mark("dhs is added to dc as well; it reaches the cell through the state only."),
            "surplus",
        ),
        Mutant(
            "= in place of +=",
            _Overwrites(),
            mark("The weights' gradients hold one step only: each step overwrites the one before."),
            "accumulate",
            "M72",
        ),
        Mutant(
            "zeros for h0",
            _NoState0(),
            mark("In the first step zeros stand in place of h0."),
            "start",
            "M74",
        ),
        Mutant(
            "zeros for c0",
            _NoCell0(),
            mark("In the first step zeros stand in place of c0."),
            "start",
            "M74",
        ),
        Mutant(
            "zeros for the start",
            _NoStart(),
            mark("In the first step zeros stand in place of h0 and c0."),
            "start",
            "M74",
        ),
        Mutant(
            "cell of the same step",
            _SameCell(),
            mark("The forget gate is paired with c_t; it was multiplied by the cell before."),
            "off by one",
            "M83",
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
            "forget gate missing between steps",
            _NoForgetting(),
            mark("Between two steps dc must be multiplied by the forget gate."),
            "factor missing",
            "M80",
        ),
        Mutant(
            "tanh' of the cell missing",
            _NoSlope(),
            mark("From a state to its cell the gradient passes tanh: its derivative is missing."),
            "derivative missing",
            "M81",
        ),
        Mutant(
            "o paired with c",
            _BareCell(),
            mark("The output gate is paired with the cell; it was multiplied by tanh of it."),
            "wrong array",
            "M82",
        ),
        Mutant(
            "db of f copied from i",
            _CopiedBias(),
            mark("In db the part of f holds that of i: a copied line that was not changed."),
            "copied",
            "M87",
        ),
    ),
    equivalents=(
        Equivalent("one product for each weight", _all_at_once),
        Equivalent("example by example, a list returned", _examples),
        Equivalent("float32", lambda *arrays: _all_at_once(*map(single, arrays))),
    ),
    cases=CASES,
    varied=varied,
    case_names=CASE_NAMES,
)
