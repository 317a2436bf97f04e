"""softmax, loss_and_gradients: a linear classifier with cross-entropy and an L2 penalty."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from nncourse.diagnosis import Context, Term
from nncourse.diagnosis.measure import Array
from nncourse.exercises.logits import (
    LARGE,
    cross_entropy,
    examples,
    far_apart,
    is_usual,
    onehot,
    softmax,
    targets,
)
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


def draw_softmax(rng: np.random.Generator, case: str) -> Point:
    """logits (N, C), far from 0 and from each other in the case LARGE."""
    N, C = dimensions(rng, 1, (5, 7))[0], dimensions(rng, 1, (3, 4))[0]
    logits = 1.5 * normal(rng, N, N if case == SQUARE else C)
    if case == LARGE:
        logits, _y = far_apart(rng, 1.5)
    return Point((logits,), {}, 1.0, case)


def _scaled(top: Callable[[Array], Any], axis: int | None = 1) -> Callable[[Array], Array]:
    def function(z: Array) -> Array:
        e = np.exp(z - top(z))
        return e / e.sum(axis=axis, keepdims=True)

    return function


def _row_top(z: Array) -> Array:
    return z.max(axis=1, keepdims=True)


SOFTMAX_MUTANTS = (
    Mutant(
        "no maximum subtracted",
        _scaled(lambda z: 0.0),
        mark(
            "At logits of +-1000 exp overflows or all of a row underflows, and NaN or inf comes "
            "out. Softmax does not change when a row's maximum is subtracted from the row first."
        ),
        "stability",
        "M26",
    ),
    Mutant(
        "one maximum for the batch",
        _scaled(lambda z: z.max()),
        mark(
            "One maximum is subtracted from the whole batch. A row that lies far below it "
            "underflows to 0/0: each row needs its own maximum."
        ),
        "stability",
        "M27",
    ),
    Mutant(
        "normalised over axis 0",
        _scaled(_row_top, axis=0),
        mark(
            "Softmax is normalised down the columns, over the examples. The classes of one example "
            "compete: each row must sum to 1."
        ),
        "axis",
        "M28",
    ),
    Mutant(
        "normalised over all entries",
        _scaled(_row_top, axis=None),
        mark("Softmax is normalised over the whole array. Each row must sum to 1 by itself."),
        "axis",
        "M28",
    ),
    Mutant(
        "not normalised",
        lambda z: np.exp(z - _row_top(z)),
        mark("The exponentials are not divided by their sum: the rows do not sum to 1."),
        "sum missing",
    ),
    Mutant(
        "divided by the sum of the logits",
        lambda z: np.exp(z - _row_top(z)) / (z - _row_top(z)).sum(axis=1, keepdims=True),
        mark("The denominator is a sum of logits; it is the exponentials that are summed."),
        "wrong array",
    ),
    Mutant(
        "no exponential",
        lambda z: (
            (z - z.min(axis=1, keepdims=True))
            / (z - z.min(axis=1, keepdims=True)).sum(axis=1, keepdims=True)
        ),
        mark("The logits are scaled to sum 1, without exp: the shares must grow exponentially."),
        "function",
    ),
    Mutant(
        "logarithm returned",
        lambda z: np.log(np.maximum(softmax(z), 1e-300)),
        mark("The logarithms of the probabilities came back, not the probabilities."),
        "function",
    ),
)


def _loop(z: Array) -> list[list[float]]:
    rows = []
    for row in z:
        top = max(row)
        e = [float(np.exp(v - top)) for v in row]
        rows.append([v / sum(e) for v in e])
    return rows


SOFTMAX = Piece(
    name="softmax",
    signature="softmax(logits) -> p",
    outputs=(
        Output(
            "p",
            by="value",
            look=mark("Print the sums of the rows, then try logits of 1000 and of -1000."),
            derive=mark("Multiply numerator and denominator by exp(-m). Which m keeps exp small?"),
            formula="p[n, c] = exp(z[n, c] - m[n]) / Σ_k exp(z[n, k] - m[n]), m[n] = max_k z[n, k]",
        ),
    ),
    parts=(Part("p", 0.7, (PLAIN, SQUARE)), Part("p", 0.3, (PLAIN, LARGE))),
    draw=draw_softmax,
    varied=differing(lambda point: point.arguments[0].shape),
    reference=softmax,
    context=lambda point: {"p": Context(logits=point.arguments[0])},
    mutants=SOFTMAX_MUTANTS,
    equivalents=(
        Equivalent("loops, a list returned", _loop),
        Equivalent(
            "through the logarithm",
            lambda z: np.exp(z - np.logaddexp.reduce(z, axis=1, keepdims=True)),
        ),
        Equivalent("float32", lambda z: softmax(z.astype(np.float32))),
    ),
    cases=(PLAIN, PLAIN, SQUARE, LARGE),
    case_names={LARGE: mark("logits near 29,000, 16,000 and -16,000")},
)


SURE = "sure"
"""Weights so large that the probability of a target is tiny, between exp(-80) and exp(-40): beside
it 1e-15 is much, and float32 holds it."""


def draw(rng: np.random.Generator, case: str) -> Point:
    """W (C, D), b (C,), x (N, D), y (N,) and the strength lam of the penalty."""
    N = examples(rng, case)
    C = int(rng.choice((3, 4)))
    D = int(rng.choice((6, 8)))
    if case == SQUARE:
        C = D = 4
    W, b, x = normal(rng, C, D), normal(rng, C), normal(rng, N, D)
    y = targets(rng, N, C)
    lam = float(rng.choice((0.03125, 0.046875, 0.0625)))
    if case == SURE:
        z = x @ W.T + b
        row = int(np.ptp(z, axis=1).argmax())
        y[row] = z[row].argmin()
        scale = 2.0 ** np.ceil(np.log2(40 / np.ptp(z[row])))
        W, b = scale * W, scale * b
        if np.linalg.norm(_errors(W, b, x, y).sum(axis=0)) < 0.05:
            return draw(rng, case)  # the errors of the examples cancel in db
    elif not is_usual(softmax(x @ W.T + b), y, case):
        return draw(rng, case)
    return Point((W, b, x, y, lam), {"W": W, "b": b}, 1.0, case)


def _sizes(point: Point) -> tuple[float, ...]:
    W, _b, x, y, lam = point.arguments
    return *x.shape, len(W), y.min(), lam


def forward(variables: Mapping[str, Array], point: Point) -> float:
    """The mean cross-entropy of x W^T + b plus lam times the sum of squares of W."""
    _W, _b, x, y, lam = point.arguments
    W = variables["W"]
    return cross_entropy(x @ W.T + variables["b"], y) + lam * float(np.sum(W**2))


def _errors(W: Array, b: Array, x: Array, y: Array) -> Array:
    """The gradient with respect to the logits, (N, C)."""
    p = softmax(x @ W.T + b)
    return (p - onehot(y, len(W))) / len(x)


def reference(W: Array, b: Array, x: Array, y: Array, lam: float) -> tuple[float, Array, Array]:
    """(loss, dW, db)."""
    d = _errors(W, b, x, y)
    loss = cross_entropy(x @ W.T + b, y) + lam * float(np.sum(W**2))
    return loss, d.T @ x + 2 * lam * W, d.sum(axis=0)


_PENALTY = mark(
    "The difference is a multiple of W: the gradient of the penalty is missing or has another "
    "factor."
)


def context(point: Point) -> dict[str, Context]:
    """Sizes for the table of factors, and the penalty."""
    W, b, x, y, lam = point.arguments
    d, N, C = _errors(W, b, x, y), len(x), len(W)
    terms = (
        Term("M39", 2 * lam * W, mark("Only the gradient of the penalty is left in dW.")),
        Term("M40", W, _PENALTY, added=True),
    )
    return {
        "loss": Context(batch=N, classes=C, averaged=True),
        "dW": Context(batch=N, classes=C, averaged=True, terms=terms),
        "db": Context(
            batch=N,
            classes=C,
            averaged=True,
            upstream=d,
            terms=(
                Term(
                    "M38",
                    b,
                    mark("The difference is a multiple of b: biases carry no penalty."),
                    added=True,
                ),
            ),
        ),
    }


Change = Callable[[Array, Array, Array, Array, float, Array], Any]


def _with(**changes: Change) -> Callable[..., Any]:
    """The reference with some outputs computed otherwise, from (W, b, x, y, lam, d)."""

    def function(W: Array, b: Array, x: Array, y: Array, lam: float) -> tuple[Any, ...]:
        loss, dW, db = reference(W, b, x, y, lam)
        right = {"loss": loss, "dW": dW, "db": db}
        d = _errors(W, b, x, y)
        changed = {name: change(W, b, x, y, lam, d) for name, change in changes.items()}
        return tuple({**right, **changed}.values())

    return function


def _from_errors(errors: Callable[[Array, Array], Array]) -> Callable[..., Any]:
    """The reference with another gradient of the logits, given as a function of (p, y)."""

    def function(W: Array, b: Array, x: Array, y: Array, lam: float) -> tuple[Any, ...]:
        d = errors(softmax(x @ W.T + b), y)
        return reference(W, b, x, y, lam)[0], d.T @ x + 2 * lam * W, d.sum(axis=0)

    return function


def _whole_columns(p: Array, y: Array) -> Array:
    p = p.copy()
    p[:, y] -= 1
    return p / len(y)


WHOLE_COLUMNS = mark(
    "[:, y] selects whole columns, in every row. Row n has its own target y[n]: "
    "index rows and columns together."
)

CLASSIFIER_MUTANTS = (
    Mutant(
        "penalty forgotten in dW",
        _with(dW=lambda W, b, x, y, lam, d: d.T @ x),
        mark("The gradient of the penalty is missing in dW."),
        "penalty",
        "M40",
    ),
    Mutant(
        "factor 2 of the penalty",
        _with(dW=lambda W, b, x, y, lam, d: d.T @ x + lam * W),
        mark("The gradient of the penalty lacks its factor 2: the penalty is a sum of squares."),
        "penalty",
        "M38",
    ),
    Mutant(
        "penalty without lam",
        _with(dW=lambda W, b, x, y, lam, d: d.T @ x + 2 * W),
        mark("The gradient of the penalty is not multiplied by lam."),
        "penalty",
        "M38",
    ),
    Mutant(
        "penalty in place of the data",
        _with(dW=lambda W, b, x, y, lam, d: 2 * lam * W),
        mark("dW holds only the penalty: it overwrites the gradient of the data (= for +=)."),
        "overwrite",
        "M39",
    ),
    Mutant(
        "penalty on the biases",
        _with(db=lambda W, b, x, y, lam, d: d.sum(axis=0) + 2 * lam * b),
        mark("The biases are penalised as well, but the penalty of the loss holds only W."),
        "penalty",
        "M38",
    ),
    Mutant(
        "no penalty in the loss",
        _with(loss=lambda W, b, x, y, lam, d: cross_entropy(x @ W.T + b, y)),
        mark("The loss lacks the penalty, lam times the sum of the squares of W."),
        "penalty",
    ),
    Mutant(
        "lam + R",
        _with(loss=lambda W, b, x, y, lam, d: cross_entropy(x @ W.T + b, y) + lam + np.sum(W**2)),
        mark("lam is added to the penalty; it multiplies it."),
        "formula",
        "X27",
    ),
    Mutant(
        "sum of the examples' losses",
        _with(
            loss=lambda W, b, x, y, lam, d: (
                len(x) * cross_entropy(x @ W.T + b, y) + lam * np.sum(W**2)
            )
        ),
        mark("The losses of the examples are added up; the loss is their mean."),
        "scale",
        "M01",
    ),
    Mutant(
        "whole columns in the loss",
        _with(
            loss=lambda W, b, x, y, lam, d: (
                lam * np.sum(W**2) - np.mean(np.log(softmax(x @ W.T + b)[:, y]))
            )
        ),
        WHOLE_COLUMNS,
        "indexing",
        "M30",
    ),
    Mutant(
        "log(p + 1e-7)",
        _with(
            loss=lambda W, b, x, y, lam, d: (
                lam * np.sum(W**2)
                - np.mean(np.log(softmax(x @ W.T + b)[np.arange(len(y)), y] + 1e-7))
            )
        ),
        mark(
            "The loss is off where the target's probability is tiny, as if a small number were "
            "added inside the logarithm or p clipped. Take the logarithm of the softmax by hand: "
            "no such number is needed then."
        ),
        "stability",
        "M36",
    ),
    Mutant(
        "root of the sum of squares",
        _with(
            loss=lambda W, b, x, y, lam, d: cross_entropy(x @ W.T + b, y) + lam * np.linalg.norm(W)
        ),
        mark("The penalty is the norm of W; its square, the sum of squares, is asked for."),
        "formula",
        "X27",
    ),
    Mutant(
        "penalty divided by N",
        _with(dW=lambda W, b, x, y, lam, d: d.T @ x + 2 * lam * W / len(x)),
        mark("The gradient of the penalty is divided by N. Only the data's loss is a mean."),
        "scale",
        "M38",
    ),
    Mutant(
        "no 1/N",
        _from_errors(lambda p, y: p - onehot(y, p.shape[1])),
        mark("The gradients are those of the sum over the examples; the loss is their mean."),
        "scale",
        "M01",
    ),
    Mutant(
        "no -1 at the target",
        _from_errors(lambda p, y: p / len(y)),
        mark("The gradient of the logits lacks the -1 at the target; dW and db inherit it."),
        "target",
        "M29",
    ),
    Mutant(
        "whole columns",
        _from_errors(_whole_columns),
        WHOLE_COLUMNS,
        "indexing",
        "M30",
    ),
    Mutant(
        "sign",
        _from_errors(lambda p, y: (onehot(y, p.shape[1]) - p) / len(y)),
        mark("The gradient of the data has the wrong sign: onehot - p instead of p - onehot."),
        "sign",
        "M04",
    ),
    Mutant(
        "dW transposed",
        _with(dW=lambda W, b, x, y, lam, d: x.T @ d + 2 * lam * W.T),
        mark("dW comes out with the shape of W.T. A gradient has the shape of what it belongs to."),
        "transpose",
        "M05",
    ),
    Mutant(
        "db mean",
        _with(db=lambda W, b, x, y, lam, d: d.mean(axis=0)),
        mark("db is divided by N once more: the mean of the loss is in the logits' gradient."),
        "scale",
        "M02",
    ),
    Mutant(
        "db not summed",
        _with(db=lambda W, b, x, y, lam, d: d),
        mark("db still has one row for each example; b is shared by all, so their gradients add."),
        "sum",
        "M07",
    ),
)


def _examples(W: Array, b: Array, x: Array, y: Array, lam: float) -> tuple[Any, Any, Any]:
    loss, dW, db = lam * (W**2).sum(), 2 * lam * W, np.zeros_like(b)
    for row, label in zip(x, y):
        p = softmax((W @ row + b)[None])[0]
        loss -= np.log(p[label]) / len(x)
        p[label] -= 1
        dW += np.outer(p, row) / len(x)
        db += p / len(x)
    return loss, dW, db


def _einsum(W: Array, b: Array, x: Array, y: Array, lam: float) -> list[Any]:
    d = _errors(W, b, x, y)
    loss = cross_entropy(x @ W.T + b, y) + lam * np.einsum("cd,cd->", W, W)
    return [np.array([loss]), np.einsum("nc,nd->cd", d, x) + 2 * lam * W, np.einsum("nc->c", d)]


def _float32(W: Array, b: Array, x: Array, y: Array, lam: float) -> tuple[Any, Any, Any]:
    W, b, x = (array.astype(np.float32) for array in (W, b, x))
    p = softmax(x @ W.T + b)
    rows = np.arange(len(y))
    loss = -np.log(p[rows, y]).mean() + single(lam) * (W**2).sum()
    p[rows, y] -= 1
    p /= len(y)
    return loss, p.T @ x + single(2 * lam) * W, p.sum(axis=0)


CLASSIFIER = Piece(
    name="loss_and_gradients",
    signature="loss_and_gradients(W, b, x, y, lam) -> (loss, dW, db)",
    outputs=(
        Output(
            "loss",
            by="value",
            key=(0,),
            look=mark("Set lam to 0, then W and b to 0: the loss must be ln C."),
            derive=mark("Two terms: a mean over the examples, and lam times a sum over W."),
            formula="L = -(1/N) Σ_n ln p[n, y[n]] + λ Σ_ck W[c, k]²",
        ),
        Output(
            "dW",
            of="W",
            key=(1,),
            look=mark("Check the two terms apart: lam = 0, then the penalty alone."),
            derive=mark("Which logits contain W[c, k], and how does the penalty depend on it?"),
            formula="dW[c, k] = (1/N) Σ_n (p[n, c] - [c = y[n]]) · x[n, k] + 2 λ W[c, k]",
        ),
        Output(
            "db",
            of="b",
            key=(2,),
            look=mark("db has the shape of b: which axis has to disappear, and how?"),
            derive=mark("b[c] is added to the logit c of every example."),
            formula="db[c] = (1/N) Σ_n (p[n, c] - [c = y[n]])",
        ),
    ),
    parts=(
        Part("loss", 0.25),
        Part("dW", 0.4),
        Part("db", 0.2),
        *(Part(name, 0.05, (PLAIN, SURE)) for name in ("loss", "dW", "db")),
    ),
    draw=draw,
    varied=differing(_sizes),
    reference=reference,
    forward=forward,
    context=context,
    mutants=CLASSIFIER_MUTANTS,
    equivalents=(
        Equivalent("one example after the other", _examples),
        Equivalent("einsum, a list returned", _einsum),
        Equivalent("float32", _float32),
    ),
    cases=(PLAIN, PLAIN, SQUARE, SURE),
    case_names={SURE: mark("larger weights, a tiny probability of a target")},
)
