"""linear_backward: the three gradients of out = x @ W.T + b."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from nncourse.diagnosis import Context, Term
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
    dimensions,
    lengths,
    normal,
)
from nncourse.language import mark

Answer = Callable[..., Any]


def draw(rng: np.random.Generator, case: str) -> Point:
    """x (N, in), W (out, in), b (out,), dout (N, out); in = out in the square case."""
    (N,) = dimensions(rng, 1, (5, 7))
    features, out = dimensions(rng, 2, (3, 4, 6))
    if case == SQUARE:
        out = features
    x, W, b = normal(rng, N, features), normal(rng, out, features), normal(rng, out)
    dout = normal(rng, N, out)
    return Point((dout, x, W, b), {"x": x, "W": W, "b": b}, dout, case)


def forward(variables: Mapping[str, Array], point: Point) -> Array:
    """x @ W.T + b."""
    return variables["x"] @ variables["W"].T + variables["b"]


def reference(dout: Array, x: Array, W: Array, b: Array) -> tuple[Array, Array, Array]:
    """dx = dout W, dW = dout^T x, db = the sum of dout over the batch."""
    return dout @ W, dout.T @ x, dout.sum(axis=0)


def context(point: Point) -> dict[str, Context]:
    """What the rules may know about each gradient."""
    dout, x, W, _b = point.arguments
    not_transposed = mark(
        "The numbers fit a product with the other orientation of W. "
        "W is square here, so the shapes allow both; at other sizes the code fails or is wrong."
    )
    terms = (Term("M06", dout @ W.T, not_transposed),) if W.shape[0] == W.shape[1] else ()
    N = len(x)
    return {
        "dx": Context(batch=N, terms=terms),
        "dW": Context(batch=N, upstream=dout, product=(dout, x)),
        "db": Context(batch=N, upstream=dout, product=(dout, None)),
    }


def with_changes(**changes: Answer) -> Answer:
    """The reference with some outputs computed otherwise: with_changes(db=lambda ...: ...)."""

    def function(dout: Array, x: Array, W: Array, b: Array) -> tuple[Any, ...]:
        right = dict(zip(("dx", "dW", "db"), reference(dout, x, W, b), strict=True))
        changed = {name: change(dout, x, W, b) for name, change in changes.items()}
        return tuple({**right, **changed}.values())

    return function


def _last_sample(dout: Array, x: Array, W: Array, b: Array) -> Array:
    dW = np.zeros_like(W)
    for n in range(len(x)):
        dW = np.outer(dout[n], x[n])
    return dW


def _first_sample(dout: Array, x: Array, W: Array, b: Array) -> Array:
    return np.outer(dout[0], x[0])


MUTANTS = (
    Mutant(
        "dW transposed",
        with_changes(dW=lambda dout, x, W, b: x.T @ dout),
        mark(
            "dW comes out with the shape of W.T. A gradient has the shape of what it belongs to: "
            "entry [k, i] of dW belongs to W[k, i], output k and input i."
        ),
        "transpose",
        "M05",
    ),
    Mutant(
        "dx with W transposed",
        with_changes(dx=lambda dout, x, W, b: dout @ W.T),
        mark(
            "dx uses W in the wrong orientation. The forward pass multiplies by W.T; going back, "
            "each x[n, i] collects dout[n, k] over the outputs k. Write down which axis is summed."
        ),
        "transpose",
        "M06",
    ),
    Mutant(
        "db not summed",
        with_changes(db=lambda dout, x, W, b: dout.copy()),
        mark(
            "db still has one row for each example. b was added to every row (broadcast), so every "
            "row's gradient flows back into the same b: they add up."
        ),
        "sum",
        "M07",
    ),
    Mutant(
        "db over axis 1",
        with_changes(db=lambda dout, x, W, b: dout.sum(axis=1)),
        mark(
            "db is summed over the outputs instead of over the examples. b has one entry for each "
            "output; the axis that disappears is that of the batch."
        ),
        "axis",
        "M08",
    ),
    Mutant(
        "db total",
        with_changes(db=lambda dout, x, W, b: np.full(b.shape, dout.sum())),
        mark(
            "Every entry of db is the sum over all of dout. Only the axis of the batch is summed; "
            "each output keeps its own entry."
        ),
        "axis",
        "M08",
    ),
    Mutant(
        "db mean",
        with_changes(db=lambda dout, x, W, b: dout.mean(axis=0)),
        mark(
            "db is a mean over the batch, but gradients of a shared parameter add up. "
            "The 1/N of a mean loss arrives inside dout; it is not this layer's business."
        ),
        "scale",
        "M10",
    ),
    Mutant(
        "dW divided by N",
        with_changes(dW=lambda dout, x, W, b: dout.T @ x / len(x)),
        mark(
            "dW is divided by the batch size, though this layer computes no mean. "
            "The 1/N of a mean loss arrives inside dout."
        ),
        "scale",
        "M10",
    ),
    Mutant(
        "dW of the last example",
        with_changes(dW=_last_sample),
        mark(
            "dW holds the last example only: in the loop over the batch each example overwrites "
            "the one before. Contributions add up."
        ),
        "accumulate",
        "M11",
    ),
    Mutant(
        "dW of the first example",
        with_changes(dW=_first_sample),
        mark("dW holds the first example only: the loop over the batch ends after one round."),
        "accumulate",
        "X04",
    ),
    Mutant(
        "dW from the output",
        with_changes(dW=lambda dout, x, W, b: (x @ W.T + b).T @ x),
        mark(
            "dW is computed from the layer's output instead of from dout. What flows back is the "
            "gradient of the loss with respect to the output, not the output."
        ),
        "upstream",
    ),
    Mutant(
        "bias in dx",
        with_changes(dx=lambda dout, x, W, b: (dout - b) @ W),
        mark(
            "b takes part in dx. The derivative of x @ W.T + b with respect to x contains only W: "
            "an added constant has derivative 0."
        ),
        "forward",
    ),
)


def _loops(dout: Array, x: Array, W: Array, b: Array) -> tuple[Array, Array, Array]:
    dx, dW, db = np.zeros_like(x), np.zeros_like(W), np.zeros_like(b)
    for n in range(x.shape[0]):
        for k in range(W.shape[0]):
            db[k] += dout[n, k]
            for i in range(W.shape[1]):
                dx[n, i] += dout[n, k] * W[k, i]
                dW[k, i] += dout[n, k] * x[n, i]
    return dx, dW, db


def _einsum(dout: Array, x: Array, W: Array, b: Array) -> list[Array]:
    return [
        np.einsum("nk,ki->ni", dout, W),
        np.einsum("nk,ni->ki", dout, x),
        np.einsum("nk->k", dout),
    ]


def _other_order(dout: Array, x: Array, W: Array, b: Array) -> tuple[Array, Array, Array]:
    return (W.T @ dout.T).T, (x.T @ dout).T, np.ones(len(x)) @ dout


def _float32(dout: Array, x: Array, W: Array, b: Array) -> tuple[Array, Array, Array]:
    dout, x, W = (array.astype(np.float32) for array in (dout, x, W))
    return dout @ W, dout.T @ x, dout.sum(axis=0)


def _float32_inside(dout: Array, x: Array, W: Array, b: Array) -> tuple[Array, ...]:
    return tuple(array.astype(np.float64) for array in _float32(dout, x, W, b))


def _in_place(dout: Array, x: Array, W: Array, b: Array) -> tuple[Array, Array, Array]:
    dx, dW = np.empty_like(x), np.zeros_like(W)
    np.matmul(dout, W, out=dx)
    for n in range(len(x)):
        dW += dout[n][:, None] * x[n]
    db = b.copy()
    db *= 0
    db += dout.sum(axis=0)
    return dx, dW, db


EQUIVALENTS = (
    Equivalent("loops", _loops),
    Equivalent("einsum, a list returned", _einsum),
    Equivalent("other order", _other_order),
    Equivalent("float32", _float32),
    Equivalent("float32 inside", _float32_inside),
    Equivalent("in place on own copies", _in_place),
    Equivalent("nested lists", lambda *args: tuple(a.tolist() for a in reference(*args))),
)

LINEAR = Piece(
    name="linear_backward",
    signature="linear_backward(dout, x, W, b) -> (dx, dW, db)",
    outputs=(
        Output(
            "dx",
            of="x",
            key=(0,),
            look=mark(
                "dx has the shape of x, (N, in). Look at the product that makes it: which of its "
                "axes is summed away, and does that axis have the same meaning in both factors?"
            ),
            derive=mark(
                "Write out[n, k] as a sum over i with indices. Then ask: in which entries of out "
                "does one x[n, i] stand, and with which coefficient?"
            ),
            formula="dx[n, i] = Σ_k dout[n, k] · W[k, i]",
        ),
        Output(
            "dW",
            of="W",
            key=(1,),
            look=mark(
                "dW has the shape of W, (out, in). Look at the product that makes it: the axis "
                "that is summed away must be that of the batch."
            ),
            derive=mark(
                "One W[k, i] stands in out[n, k] for every example n. What is the derivative of "
                "out[n, k] with respect to W[k, i], and what happens over n?"
            ),
            formula="dW[k, i] = Σ_n dout[n, k] · x[n, i]",
        ),
        Output(
            "db",
            of="b",
            key=(2,),
            look=mark("db has the shape of b, (out,). Look at what happens to the batch axis."),
            derive=mark(
                "b[k] is added to out[n, k] for every example n, so it has N ways to influence the "
                "loss. What does the chain rule do with several ways?"
            ),
            formula="db[k] = Σ_n dout[n, k]",
        ),
    ),
    parts=(Part("dx", 0.4), Part("dW", 0.4), Part("db", 0.2)),
    draw=draw,
    varied=differing(lengths),
    reference=reference,
    forward=forward,
    context=context,
    mutants=MUTANTS,
    equivalents=EQUIVALENTS,
)
