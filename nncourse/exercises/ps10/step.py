"""rnn_step, rnn_step_backward: h' = tanh(x Wx^T + h Wh^T + b), and its five gradients."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from nncourse.diagnosis import Context, Quantity, Term
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
from nncourse.language import mark


def sizes(rng: np.random.Generator, case: str) -> tuple[int, int, int]:
    """N, D and H, all different; D = H in the square case; N = D = 1 in the single one."""
    N, D, H = dimensions(rng, 1, (5, 7))[0], *dimensions(rng, 2, (3, 4, 6))
    return {SQUARE: (N, 4, 4), SINGLE: (1, 1, H)}.get(case, (N, D, H))


def weights(rng: np.random.Generator, D: int, H: int) -> tuple[Array, Array, Array]:
    """Wx (H, D), Wh (H, H), b (H,) that do not saturate tanh."""
    return normal(rng, H, D) / 2, normal(rng, H, H) / 2, normal(rng, H) / 2


def draw_step(rng: np.random.Generator, case: str) -> Point:
    """x (N, D), h (N, H), Wx, Wh, b."""
    N, D, H = sizes(rng, case)
    Wx, Wh, b = weights(rng, D, H)
    return Point((normal(rng, N, D), normal(rng, N, H) / 2, Wx, Wh, b), {}, 1.0, case)


def step(x: Array, h: Array, Wx: Array, Wh: Array, b: Array) -> Array:
    """The next state (N, H)."""
    return np.tanh(x @ Wx.T + h @ Wh.T + b)


def _loops(x: Array, h: Array, Wx: Array, Wh: Array, b: Array) -> list[list[float]]:
    rows = []
    for n in range(len(x)):
        row = []
        for k in range(len(b)):
            total = b[k] + sum(Wx[k] * x[n]) + sum(Wh[k] * h[n])
            row.append(float(np.tanh(total)))
        rows.append(row)
    return rows


def _joined(x: Array, h: Array, Wx: Array, Wh: Array, b: Array) -> Array:
    return np.tanh(np.concatenate([x, h], axis=1) @ np.concatenate([Wx, Wh], axis=1).T + b)


STEP = Piece(
    name="rnn_step",
    signature="rnn_step(x, h, Wx, Wh, b) -> h_next",
    outputs=(
        Output(
            "h_next",
            by="value",
            look=mark("Write the shapes of the two products: both must be (N, H)."),
            derive=mark("The state has two sources, the input and the state before."),
            formula="h'[n, k] = tanh(Σ_i Wx[k, i] x[n, i] + Σ_j Wh[k, j] h[n, j] + b[k])",
        ),
    ),
    parts=single_as_well(Part("h_next", 1.0)),
    draw=draw_step,
    reference=step,
    mutants=(
        Mutant(
            "Wh not transposed",
            lambda x, h, Wx, Wh, b: np.tanh(x @ Wx.T + h @ Wh + b),
            mark("Wh is used in the wrong orientation; it is square, so no shape complains."),
            "transpose",
            "M75",
        ),
        Mutant(
            "no state",
            lambda x, h, Wx, Wh, b: np.tanh(x @ Wx.T + b),
            mark("The old state does not take part: the network has no memory."),
            "term missing",
            "M74",
        ),
        Mutant(
            "no tanh",
            lambda x, h, Wx, Wh, b: x @ Wx.T + h @ Wh.T + b,
            mark("The activation tanh is missing."),
            "activation",
        ),
        Mutant(
            "no bias",
            lambda x, h, Wx, Wh, b: np.tanh(x @ Wx.T + h @ Wh.T),
            mark("The bias b is missing."),
            "parameter missing",
        ),
        Mutant(
            "tanh of each part",
            lambda x, h, Wx, Wh, b: np.tanh(x @ Wx.T + b) + np.tanh(h @ Wh.T),
            mark("tanh is applied to each part; it is applied once, to the sum."),
            "order",
        ),
        Mutant(
            "old state added",
            lambda x, h, Wx, Wh, b: h + np.tanh(x @ Wx.T + h @ Wh.T + b),
            mark("The old state is added to the new one: that would be a residual connection."),
            "surplus",
        ),
    ),
    equivalents=(
        Equivalent("loops, a list returned", _loops),
        Equivalent("one product of joined matrices", _joined),
        Equivalent("float32", lambda *arrays: step(*map(single, arrays))),
    ),
    cases=(PLAIN, PLAIN, SQUARE, SINGLE),
    varied=differing(lengths),
    case_names=SINGLE_NAME,
)


def draw_backward(rng: np.random.Generator, case: str) -> Point:
    """dh_next, x, h, h_next, Wx, Wh."""
    point = draw_step(rng, case)
    x, h, Wx, Wh, b = point.arguments
    h_next = step(x, h, Wx, Wh, b)
    # Not all are small: nothing is cut off.
    dh_next = normal(rng, *h_next.shape) * (16 if case == SQUARE else 1)
    variables = {"x": x, "h": h, "Wx": Wx, "Wh": Wh, "b": b}
    return Point((dh_next, x, h, h_next, Wx, Wh), variables, dh_next, case)


def forward(variables: Mapping[str, Array], point: Point) -> Array:
    """The next state."""
    return step(*(variables[name] for name in ("x", "h", "Wx", "Wh", "b")))


Gradients = tuple[Array, Array, Array, Array, Array]


def from_dz(dz: Array, x: Array, h: Array, Wx: Array, Wh: Array) -> Gradients:
    """(dx, dh, dWx, dWh, db) from the gradient at the sum inside tanh."""
    return dz @ Wx, dz @ Wh, dz.T @ x, dz.T @ h, dz.sum(axis=0)


def step_backward(
    dh_next: Array, x: Array, h: Array, h_next: Array, Wx: Array, Wh: Array
) -> Gradients:
    """The gradients of one step."""
    return from_dz(dh_next * (1 - h_next**2), x, h, Wx, Wh)


NAMES = ("dx", "dh", "dWx", "dWh", "db")
NO_SQUARE = mark("The derivative of tanh lacks its square: it is 1 minus the square of the value.")
Change = Callable[..., Any]


def _with(dz_of: Change | None = None, **changes: Change) -> Callable[..., Any]:
    """The reference with another dz (dh_next, h, h_next), or single outputs (dz, x, h, h', ...)."""

    def function(
        dh_next: Array, x: Array, h: Array, h_next: Array, Wx: Array, Wh: Array
    ) -> tuple[Any, ...]:
        dz = dh_next * (1 - h_next**2) if dz_of is None else dz_of(dh_next, h, h_next)
        found = dict(zip(NAMES, from_dz(dz, x, h, Wx, Wh)))
        changed = {name: change(dz, x, h, h_next, Wx, Wh) for name, change in changes.items()}
        return tuple({**found, **changed}.values())

    return function


def context(point: Point) -> dict[str, Context]:
    """The slope of tanh, and what is easily taken instead."""
    dh_next, x, h, h_next, _Wx, Wh = point.arguments
    N, dz = len(x), dh_next * (1 - h_next**2)
    slope = (
        Quantity("tanh'(z)", 1 - h_next**2, "derivative"),
        Quantity("tanh'(h')", 1 - np.tanh(h_next) ** 2, "derivative at output"),
    )
    late = mark("The numbers fit when h_next stands in place of the state before the step.")
    turned = mark("The numbers fit a product with the other orientation of Wh.")
    return {
        "dx": Context(batch=N),
        "dh": Context(batch=N, terms=(Term("M75", dz @ Wh.T, turned),)),
        "dWx": Context(batch=N, product=(dz, x), quantities=slope),
        "dWh": Context(
            batch=N,
            product=(dz, h),
            quantities=slope,
            terms=(Term("M73", dz.T @ h_next, late),),
        ),
        "db": Context(batch=N, product=(dz, None), quantities=slope),
    }


def _examples(
    dh_next: Array, x: Array, h: Array, h_next: Array, Wx: Array, Wh: Array
) -> list[Array]:
    dx, dh = np.zeros_like(x), np.zeros_like(h)
    dWx, dWh, db = np.zeros_like(Wx), np.zeros_like(Wh), np.zeros(len(Wh))
    for n in range(len(x)):
        dz = dh_next[n] * (1 - h_next[n] ** 2)
        dx[n], dh[n] = Wx.T @ dz, Wh.T @ dz
        dWx += np.outer(dz, x[n])
        dWh += np.outer(dz, h[n])
        db += dz
    return [dx, dh, dWx, dWh, db]


def _einsum(dh_next: Array, x: Array, h: Array, h_next: Array, Wx: Array, Wh: Array) -> Gradients:
    dz = np.einsum("nk,nk->nk", dh_next, 1 - h_next * h_next)
    return (
        np.einsum("nk,ki->ni", dz, Wx),
        np.einsum("nk,kj->nj", dz, Wh),
        np.einsum("nk,ni->ki", dz, x),
        np.einsum("nk,nj->kj", dz, h),
        np.einsum("nk->k", dz),
    )


def hints(what: str) -> dict[str, Any]:
    """The ladder of one gradient, the same for a step and for a sequence but for the formula."""
    looks = {
        "dx": mark("dx needs the gradient at the sum inside tanh, and Wx: which axis is summed?"),
        "dh": mark("dh needs the same gradient at the sum inside tanh, and Wh: is it turned?"),
        "dWx": mark("dWx pairs the gradient at the sum inside tanh with the input of this step."),
        "dWh": mark("dWh pairs the gradient at the sum inside tanh with the state before it."),
        "db": mark("b is added in every example: its gradient is a sum."),
    }
    derives = {
        "dx": mark("Write z[n, k] with indices: in which of them does x[n, i] stand?"),
        "dh": mark("Write z[n, k] with indices: in which of them does h[n, j] stand?"),
        "dWx": mark("In which z[n, k] does Wx[k, i] stand, and with which factor?"),
        "dWh": mark("In which z[n, k] does Wh[k, j] stand, and with which factor?"),
        "db": mark("In which z[n, k] does b[k] stand?"),
    }
    return {"look": looks[what], "derive": derives[what]}


FORMULAS = {
    "dx": "dx[n, i] = Σ_k dz[n, k] · Wx[k, i],   dz = dh' · (1 - h'²)",
    "dh": "dh[n, j] = Σ_k dz[n, k] · Wh[k, j]",
    "dWx": "dWx[k, i] = Σ_n dz[n, k] · x[n, i]",
    "dWh": "dWh[k, j] = Σ_n dz[n, k] · h[n, j]",
    "db": "db[k] = Σ_n dz[n, k]",
}
OF = {"dx": "x", "dh": "h", "dWx": "Wx", "dWh": "Wh", "db": "b"}

STEP_BACKWARD = Piece(
    name="rnn_step_backward",
    signature="rnn_step_backward(dh_next, x, h, h_next, Wx, Wh) -> (dx, dh, dWx, dWh, db)",
    outputs=tuple(
        Output(name, of=OF[name], key=(i,), formula=FORMULAS[name], **hints(name))
        for i, name in enumerate(NAMES)
    ),
    parts=single_as_well(*(Part(name, 0.2) for name in NAMES)),
    draw=with_much_left(draw_backward, step_backward),
    reference=step_backward,
    forward=forward,
    context=context,
    mutants=(
        Mutant(
            "tanh' missing",
            _with(lambda d, h, hn: d.copy()),
            mark("The derivative of tanh is missing: dh_next is taken for the gradient inside."),
            "derivative missing",
            "M15",
        ),
        Mutant(
            "tanh' of the old state",
            _with(lambda d, h, hn: d * (1 - h**2)),
            mark("The derivative of tanh is taken with the old state; its output is h_next."),
            "wrong array",
            "M20",
        ),
        Mutant(
            "tanh' at the output",
            _with(lambda d, h, hn: d * (1 - np.tanh(hn) ** 2)),
            mark("h_next is put through tanh again: it is the value of tanh already."),
            "wrong place",
            "M17",
        ),
        Mutant("no square in tanh'", _with(lambda d, h, hn: d * (1 - hn)), NO_SQUARE, "derivative"),
        Mutant(
            "sigmoid'",
            _with(lambda d, h, hn: d * hn * (1 - hn)),
            mark("This is the derivative of the sigmoid; the activation is tanh."),
            "derivative",
            "X03",
        ),
        Mutant(
            "Wh not transposed",
            _with(dh=lambda dz, x, h, hn, Wx, Wh: dz @ Wh.T),
            mark("dh uses Wh in the wrong orientation; it is square, so no shape complains."),
            "transpose",
            "M75",
        ),
        Mutant(
            "dWh with the new state",
            _with(dWh=lambda dz, x, h, hn, Wx, Wh: dz.T @ hn),
            mark("dWh is computed with h_next. Wh was multiplied by the state before the step."),
            "off by one",
            "M73",
        ),
        Mutant(
            "db not summed",
            _with(db=lambda dz, x, h, hn, Wx, Wh: dz),
            mark("db still has one row for each example: sum over the batch."),
            "sum",
            "M07",
        ),
        Mutant(
            "dWx transposed",
            _with(dWx=lambda dz, x, h, hn, Wx, Wh: x.T @ dz),
            mark("dWx comes out with the shape of Wx.T."),
            "transpose",
            "M05",
        ),
        Mutant(
            "dWx of the last example",
            _with(dWx=lambda dz, x, h, hn, Wx, Wh: np.outer(dz[-1], x[-1])),
            mark("dWx holds the last example only: contributions add up over the batch."),
            "accumulate",
            "M11",
        ),
    ),
    equivalents=(
        Equivalent("example by example, a list returned", _examples),
        Equivalent("einsum", _einsum),
        Equivalent("float32", lambda *arrays: step_backward(*map(single, arrays))),
    ),
    cases=(PLAIN, PLAIN, SQUARE, SINGLE),
    varied=differing(lengths),
    case_names=SINGLE_NAME,
)
