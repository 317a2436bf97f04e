"""lstm_step, lstm_step_backward: one step of an LSTM, and its seven gradients.

The gates stand side by side in the order of PyTorch, i, f, g, o, in z as in the weights' rows. The
backward pass returns dz first: every other gradient follows from it, so it is the one to put right.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from nncourse.diagnosis.measure import Array
from nncourse.exercises.piece import (
    PLAIN,
    SINGLE,
    SINGLE_NAME,
    SQUARE,
    Equivalent,
    Mutant,
    Output,
    Part,
    Piece,
    Point,
    differing,
    dimensions,
    lengths,
    normal,
    single,
    single_as_well,
    with_much_left,
)
from nncourse.exercises.ps11.sheet import Sheet, block, joined, sigmoid
from nncourse.language import mark

GATES = ("i", "f", "g", "o")


def sizes(rng: np.random.Generator, case: str) -> tuple[int, int, int]:
    """N, D and H, all different; D = H in the square case; N = D = 1 in the single one."""
    N, D, H = dimensions(rng, 1, (5, 6))[0], *dimensions(rng, 2, (2, 3, 4))
    return {SQUARE: (N, 3, 3), SINGLE: (1, 1, H)}.get(case, (N, D, H))


def weights(rng: np.random.Generator, D: int, H: int, gates: int = 4) -> tuple[Array, Array]:
    """Wx (gates H, D), Wh (gates H, H) that do not saturate the gates."""
    return normal(rng, gates * H, D) / 2, normal(rng, gates * H, H) / 2


def draw_step(rng: np.random.Generator, case: str) -> Point:
    """x (N, D), h, c (N, H), Wx (4H, D), Wh (4H, H), b (4H,)."""
    N, D, H = sizes(rng, case)
    Wx, Wh = weights(rng, D, H)
    arrays = normal(rng, N, D), normal(rng, N, H) / 2, normal(rng, N, H), Wx, Wh
    return Point((*arrays, normal(rng, 4 * H) / 2), {}, 1.0, case)


FORWARD_LINES = Sheet(
    "x h c Wx Wh b",
    {
        "z": lambda s: s.x @ s.Wx.T + s.h @ s.Wh.T + s.b,
        "i": lambda s: sigmoid(block(s.z, 0, 4)),
        "f": lambda s: sigmoid(block(s.z, 1, 4)),
        "g": lambda s: np.tanh(block(s.z, 2, 4)),
        "o": lambda s: sigmoid(block(s.z, 3, 4)),
        "c_next": lambda s: s.f * s.c + s.i * s.g,
        "h_next": lambda s: s.o * np.tanh(s.c_next),
        "gates": lambda s: joined(s.i, s.f, s.g, s.o),
    },
    "h_next c_next gates",
)


def step(x: Array, h: Array, c: Array, Wx: Array, Wh: Array, b: Array) -> tuple[Array, ...]:
    """(h_next (N, H), c_next (N, H), gates (N, 4H))."""
    return FORWARD_LINES(x, h, c, Wx, Wh, b)


def _loops(x: Array, h: Array, c: Array, Wx: Array, Wh: Array, b: Array) -> list[Array]:
    H = h.shape[1]
    hn, cn, gates = np.zeros_like(h), np.zeros_like(c), np.zeros((len(x), 4 * H))
    for n in range(len(x)):
        for k in range(4 * H):
            z = b[k] + sum(Wx[k] * x[n]) + sum(Wh[k] * h[n])
            gates[n, k] = np.tanh(z) if 2 * H <= k < 3 * H else 1 / (1 + np.exp(-z))
        for k in range(H):
            i, f, g, o = gates[n, k::H]
            cn[n, k] = f * c[n, k] + i * g
            hn[n, k] = o * np.tanh(cn[n, k])
    return [hn, cn, gates]


def _gate_by_gate(
    x: Array, h: Array, c: Array, Wx: Array, Wh: Array, b: Array
) -> tuple[Array, ...]:
    xh, W = np.hstack([x, h]), np.hstack([Wx, Wh])
    z = [xh @ rows.T + bias for rows, bias in zip(np.split(W, 4), np.split(b, 4), strict=True)]
    i, f, o = (1 / (1 + np.exp(-z[k])) for k in (0, 1, 3))
    g = np.tanh(z[2])
    c_next = i * g
    c_next += c * f
    return np.tanh(c_next) * o, c_next, np.hstack([i, f, g, o])


STEP = Piece(
    name="lstm_step",
    signature="lstm_step(x, h, c, Wx, Wh, b) -> (h_next, c_next, gates)",
    outputs=(
        Output(
            "gates",
            by="value",
            key=(2,),
            axes=("batch", "unit"),
            blocks=GATES,
            look=mark("Compare the four blocks: the rows of the weights stand as i, f, g, o."),
            derive=mark("Which of the four must lie between 0 and 1, and which may be negative?"),
            formula="z = Wx x + Wh h + b;   i, f, o = σ(z_i), σ(z_f), σ(z_o);   g = tanh(z_g)",
        ),
        Output(
            "c_next",
            by="value",
            key=(1,),
            after=("gates",),
            axes=("batch", "unit"),
            look=mark("The cell has two parts: what is kept and what is written."),
            derive=mark("What must c_next be where f = 1 and i = 0? And where f = 0 and i = 1?"),
            formula="c' = f · c + i · g",
        ),
        Output(
            "h_next",
            by="value",
            key=(0,),
            after=("gates", "c_next"),
            axes=("batch", "unit"),
            look=mark("The state is the part of the new cell that the output gate lets out."),
            derive=mark("Between which numbers must h_next lie? Which function sees to that?"),
            formula="h' = o · tanh(c')",
        ),
    ),
    parts=single_as_well(Part("gates", 0.4), Part("c_next", 0.3), Part("h_next", 0.3)),
    draw=draw_step,
    reference=step,
    mutants=(
        Mutant(
            "+ between i and g",
            FORWARD_LINES.but(c_next=lambda s: s.f * s.c + s.i + s.g),
            mark("i and g are added; the gate i says how much of g is written: a product."),
            "operation",
            "M88",
        ),
        Mutant(
            "i and f exchanged",
            FORWARD_LINES.but(
                i=lambda s: sigmoid(block(s.z, 1, 4)), f=lambda s: sigmoid(block(s.z, 0, 4))
            ),
            mark("The gates i and f are exchanged: the rows stand in the order i, f, g, o."),
            "order",
            "M86",
        ),
        Mutant(
            "order i, f, o, g",
            FORWARD_LINES.but(
                g=lambda s: np.tanh(block(s.z, 3, 4)), o=lambda s: sigmoid(block(s.z, 2, 4))
            ),
            mark("g and o take each other's rows: the third block is g, the fourth is o."),
            "order",
            "M86",
        ),
        Mutant(
            "sigmoid for g",
            FORWARD_LINES.but(g=lambda s: sigmoid(block(s.z, 2, 4))),
            mark("g goes through a sigmoid; the candidate is a tanh, it may be negative."),
            "activation",
            "M85",
        ),
        Mutant(
            "no tanh of the cell",
            FORWARD_LINES.but(h_next=lambda s: s.o * s.c_next),
            mark("h_next lets the cell out as it is: tanh(c_next) is missing."),
            "activation",
        ),
        Mutant(
            "old cell let out",
            FORWARD_LINES.but(h_next=lambda s: s.o * np.tanh(s.c)),
            mark("h_next is computed from the old cell; it is let out after it was renewed."),
            "off by one",
        ),
        Mutant(
            "1 - f for i",
            FORWARD_LINES.but(c_next=lambda s: s.f * s.c + (1 - s.f) * s.g),
            mark("1 - f stands in place of i: in an LSTM both gates decide for themselves."),
            "gate",
        ),
        Mutant(
            "cell not kept",
            FORWARD_LINES.but(c_next=lambda s: s.i * s.g),
            mark("The old cell does not take part: f · c is missing."),
            "term missing",
            "M74",
        ),
        Mutant(
            "no state",
            FORWARD_LINES.but(z=lambda s: s.x @ s.Wx.T + s.b),
            mark("The gates do not see the old state h."),
            "term missing",
            "M74",
        ),
    ),
    equivalents=(
        Equivalent("loops, a list returned", _loops),
        Equivalent("gate by gate, joined matrices", _gate_by_gate),
        Equivalent("float32", lambda *arrays: step(*map(single, arrays))),
    ),
    cases=(PLAIN, PLAIN, SQUARE, SINGLE),
    varied=differing(lengths),
    case_names=SINGLE_NAME,
)


BACKWARD_LINES = Sheet(
    "dh_next dc_next x h c c_next gates Wx Wh",
    {
        "i": lambda s: block(s.gates, 0, 4),
        "f": lambda s: block(s.gates, 1, 4),
        "g": lambda s: block(s.gates, 2, 4),
        "o": lambda s: block(s.gates, 3, 4),
        "t": lambda s: np.tanh(s.c_next),
        "cell": lambda s: s.dc_next + s.dh_next * s.o * (1 - s.t**2),
        "di": lambda s: s.cell * s.g * s.i * (1 - s.i),
        "df": lambda s: s.cell * s.c * s.f * (1 - s.f),
        "dg": lambda s: s.cell * s.i * (1 - s.g**2),
        "do": lambda s: s.dh_next * s.t * s.o * (1 - s.o),
        "dz": lambda s: joined(s.di, s.df, s.dg, s.do),
        "dc": lambda s: s.cell * s.f,
        "dx": lambda s: s.dz @ s.Wx,
        "dh": lambda s: s.dz @ s.Wh,
        "dWx": lambda s: s.dz.T @ s.x,
        "dWh": lambda s: s.dz.T @ s.h,
        "db": lambda s: s.dz.sum(axis=0),
    },
    "dz dc dx dh dWx dWh db",
)


def step_backward(
    dh_next: Array,
    dc_next: Array,
    x: Array,
    h: Array,
    c: Array,
    c_next: Array,
    gates: Array,
    Wx: Array,
    Wh: Array,
) -> tuple[Array, ...]:
    """(dz, dc, dx, dh, dWx, dWh, db) of one step."""
    return BACKWARD_LINES(dh_next, dc_next, x, h, c, c_next, gates, Wx, Wh)


def draw_backward(rng: np.random.Generator, case: str) -> Point:
    """dh_next, dc_next, x, h, c, c_next, gates, Wx, Wh."""
    x, h, c, Wx, Wh, b = draw_step(rng, case).arguments
    _h_next, c_next, gates = step(x, h, c, Wx, Wh, b)
    # Not all are small: nothing is cut off.
    size = 16 if case == SQUARE else 1
    dh_next, dc_next = normal(rng, *h.shape) * size, normal(rng, *h.shape) * size
    variables = {"x": x, "h": h, "c": c, "Wx": Wx, "Wh": Wh, "b": b, "z": np.zeros(gates.shape)}
    arguments = (dh_next, dc_next, x, h, c, c_next, gates, Wx, Wh)
    return Point(arguments, variables, joined(dh_next, dc_next), case)


def forward(variables: Mapping[str, Array], point: Point) -> Array:
    """(h_next, c_next) side by side; z is added to the gates' arguments."""
    x, h, c, Wx, Wh, b, z = (variables[name] for name in ("x", "h", "c", "Wx", "Wh", "b", "z"))
    h_next, c_next, _gates = step(x, h, c, Wx, Wh, b + z)
    return joined(h_next, c_next)


def _examples(*arguments: Array) -> list[Array]:
    *rows, Wx, Wh = arguments
    parts = [step_backward(*[a[[n]] for a in rows] + [Wx, Wh]) for n in range(len(rows[0]))]
    dz, dc, dx, dh, dWx, dWh, db = zip(*parts, strict=True)
    return [*map(np.concatenate, (dz, dc, dx, dh)), sum(dWx), sum(dWh), sum(db)]


def _einsum(
    dh_next: Array,
    dc_next: Array,
    x: Array,
    h: Array,
    c: Array,
    c_next: Array,
    gates: Array,
    Wx: Array,
    Wh: Array,
) -> tuple[Array, ...]:
    N, H = h.shape
    i, f, g, o = gates.reshape(N, 4, H).transpose(1, 0, 2)
    cell = dc_next + dh_next * o / np.cosh(c_next) ** 2
    dz = np.stack([cell * g, cell * c, cell * i, dh_next * np.tanh(c_next)], axis=1)
    dz *= np.stack([i - i * i, f - f * f, 1 - g * g, o - o * o], axis=1)
    dz = dz.reshape(N, 4 * H)
    return (
        dz,
        f * cell,
        np.einsum("nk,ki->ni", dz, Wx),
        np.einsum("nk,kj->nj", dz, Wh),
        np.einsum("nk,ni->ki", dz, x),
        np.einsum("nk,nj->kj", dz, h),
        np.einsum("nk->k", dz),
    )


LADDER: dict[str, dict[str, Any]] = {
    "dz": {
        "look": mark("Look at the blocks: a gate's gradient needs its partner in the product."),
        "derive": mark(
            "First the gradient at the cell, from dc_next and through h_next. Then differentiate "
            "f · c + i · g and o · tanh(c_next) by each gate, and the gate by its argument."
        ),
        "formula": "δ = dc' + dh'·o·(1 - tanh²c');   dz_i = δ·g·i(1-i),  dz_f = δ·c·f(1-f),  "
        "dz_g = δ·i·(1-g²),  dz_o = dh'·tanh(c')·o(1-o)",
    },
    "dc": {
        "look": mark("The old cell takes part in one product only. With what is it multiplied?"),
        "derive": mark("Differentiate f · c + i · g by c; two gradients arrive at c_next."),
        "formula": "dc = δ · f",
    },
    "dx": {
        "look": mark("All four gates see the input: dx is the sum over all rows of Wx."),
        "derive": mark("Write z[n, k] with indices: in which of them does x[n, i] stand?"),
        "formula": "dx[n, i] = Σ_k dz[n, k] · Wx[k, i]",
    },
    "dh": {
        "look": mark("All four gates see the old state: dh is the sum over all rows of Wh."),
        "derive": mark("Write z[n, k] with indices: in which of them does h[n, j] stand?"),
        "formula": "dh[n, j] = Σ_k dz[n, k] · Wh[k, j]",
    },
    "dWx": {
        "look": mark("dWx pairs dz with the input of this step."),
        "derive": mark("In which z[n, k] does Wx[k, i] stand, and with which factor?"),
        "formula": "dWx[k, i] = Σ_n dz[n, k] · x[n, i]",
    },
    "dWh": {
        "look": mark("dWh pairs dz with the state before the step."),
        "derive": mark("In which z[n, k] does Wh[k, j] stand, and with which factor?"),
        "formula": "dWh[k, j] = Σ_n dz[n, k] · h[n, j]",
    },
    "db": {
        "look": mark("b is added in every example: its gradient is a sum."),
        "derive": mark("In which z[n, k] does b[k] stand?"),
        "formula": "db[k] = Σ_n dz[n, k]",
    },
}


def _output(name: str, i: int) -> Output:
    return Output(
        name,
        of=name[1:],
        key=(i,),
        after=() if name in ("dz", "dc") else ("dz",),
        axes=("batch", "unit") if name in ("dz", "dc") else (),
        blocks=GATES if name in ("dz", "db") else (),
        **LADDER[name],
    )


NAMES = ("dz", "dc", "dx", "dh", "dWx", "dWh", "db")

STEP_BACKWARD = Piece(
    name="lstm_step_backward",
    signature="lstm_step_backward(dh_next, dc_next, x, h, c, c_next, gates, Wx, Wh) "
    "-> (dz, dc, dx, dh, dWx, dWh, db)",
    outputs=tuple(_output(name, i) for i, name in enumerate(NAMES)),
    parts=single_as_well(Part("dz", 0.4), *(Part(name, 0.1) for name in NAMES[1:])),
    draw=with_much_left(draw_backward, step_backward),
    reference=step_backward,
    forward=forward,
    mutants=(
        Mutant(
            "dc_next dropped",
            BACKWARD_LINES.but(cell=lambda s: s.dh_next * s.o * (1 - s.t**2)),
            mark("dc_next does not take part: the cell has a gradient from the next step, too."),
            "path",
            "M79",
        ),
        Mutant(
            "forget gate missing in dc",
            BACKWARD_LINES.but(dc=lambda s: s.cell),
            mark("dc is passed on whole; the old cell was multiplied by the forget gate f."),
            "factor missing",
            "M80",
        ),
        Mutant(
            "tanh' of the cell missing",
            BACKWARD_LINES.but(cell=lambda s: s.dc_next + s.dh_next * s.o),
            mark("On the way from h_next to the cell the derivative of tanh is missing."),
            "derivative missing",
            "M81",
        ),
        Mutant(
            "1 - c² for tanh'",
            BACKWARD_LINES.but(cell=lambda s: s.dc_next + s.dh_next * s.o * (1 - s.c_next**2)),
            mark("1 - c_next² is used; the derivative is 1 minus the square of tanh(c_next)."),
            "wrong place",
            "M81",
        ),
        Mutant(
            "do with c in place of tanh(c)",
            BACKWARD_LINES.but(do=lambda s: s.dh_next * s.c_next * s.o * (1 - s.o)),
            mark("The block o uses c_next; o was multiplied by tanh(c_next)."),
            "wrong array",
            "M82",
        ),
        Mutant(
            "df with the new cell",
            BACKWARD_LINES.but(df=lambda s: s.cell * s.c_next * s.f * (1 - s.f)),
            mark("The block f uses the new cell; f was multiplied by the cell before the step."),
            "off by one",
            "M83",
        ),
        Mutant(
            "sigmoid' missing in f",
            BACKWARD_LINES.but(df=lambda s: s.cell * s.c),
            mark("In the block f the derivative of the sigmoid, f(1 - f), is missing."),
            "derivative missing",
            "M84",
        ),
        Mutant(
            "sigmoid' for g",
            BACKWARD_LINES.but(dg=lambda s: s.cell * s.i * s.g * (1 - s.g)),
            mark("In the block g stands g(1 - g); g is a tanh, its derivative is another."),
            "other derivative",
            "M85",
        ),
        Mutant(
            "blocks i and f exchanged",
            BACKWARD_LINES.but(dz=lambda s: joined(s.df, s.di, s.dg, s.do)),
            mark("In dz the blocks i and f are exchanged: the order is i, f, g, o."),
            "order",
            "M86",
        ),
        Mutant(
            "block f is a copy of i",
            BACKWARD_LINES.but(dz=lambda s: joined(s.di, s.di, s.dg, s.do)),
            mark("The block f holds the gradient of i: a copied line that was not changed."),
            "copied",
            "M87",
        ),
        Mutant(
            "i and g without their partners",
            BACKWARD_LINES.but(
                di=lambda s: s.cell * s.i * (1 - s.i), dg=lambda s: s.cell * (1 - s.g**2)
            ),
            mark("i and g are treated as if they were added; they are multiplied by each other."),
            "operation",
            "M88",
        ),
        Mutant(
            "output gate missing",
            BACKWARD_LINES.but(cell=lambda s: s.dc_next + s.dh_next * (1 - s.t**2)),
            mark("On the way from h_next to the cell the output gate o is missing."),
            "factor missing",
        ),
        Mutant(
            "db not summed",
            BACKWARD_LINES.but(db=lambda s: s.dz),
            mark("db still has one row for each example: sum over the batch."),
            "sum",
            "M07",
        ),
        Mutant(
            "dx of one gate",
            BACKWARD_LINES.but(
                dx=lambda s: s.dg @ s.Wx[2 * s.h.shape[1] : 3 * s.h.shape[1]],
            ),
            mark("dx comes from the block g only; all four gates see the input."),
            "term missing",
            "M92",
        ),
    ),
    equivalents=(
        Equivalent("example by example, a list returned", _examples),
        Equivalent("stacked gates, einsum", _einsum),
        Equivalent("float32", lambda *arrays: step_backward(*map(single, arrays))),
    ),
    cases=(PLAIN, PLAIN, SQUARE, SINGLE),
    varied=differing(lengths),
    case_names=SINGLE_NAME,
)
