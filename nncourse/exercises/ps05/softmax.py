"""softmax_cross_entropy: the loss of a classifier and its gradient with respect to the logits."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from nncourse.diagnosis import Context
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
)
from nncourse.language import mark


def draw(rng: np.random.Generator, case: str) -> Point:
    """logits (N, C) and targets y (N,)."""
    N = examples(rng, case)
    (C,) = dimensions(rng, 1, (3, 4))
    if case == SQUARE:
        C = N
    logits = 1.5 * normal(rng, N, C)
    y = targets(rng, N, C)
    if case == LARGE:
        logits, y = far_apart(rng, 6.0)
    elif not is_usual(softmax(logits), y, case):
        return draw(rng, case)
    return Point((logits, y), {"logits": logits}, 1.0, case)


def forward(variables: Mapping[str, Array], point: Point) -> float:
    """The loss as a function of the logits."""
    return cross_entropy(variables["logits"], point.arguments[1])


def reference(logits: Array, y: Array) -> tuple[float, Array]:
    """(loss, dlogits) with dlogits = (softmax - onehot) / N."""
    N, C = logits.shape
    return cross_entropy(logits, y), (softmax(logits) - onehot(y, C)) / N


def context(point: Point) -> dict[str, Context]:
    """Targets and probabilities, and the sizes for the table of factors."""
    logits, y = point.arguments
    N, C = logits.shape
    return {
        "loss": Context(batch=N, classes=C, averaged=True, logits=logits),
        "dlogits": Context(
            batch=N,
            classes=C,
            averaged=True,
            targets=y,
            probabilities=softmax(logits),
            logits=logits,
        ),
    }


def _with(
    loss_of: Callable[..., Any] | None = None, gradient_of: Callable[..., Any] | None = None
) -> Callable[..., Any]:
    """The reference with another loss or gradient, given as functions of (p, y, logits)."""

    def function(logits: Array, y: Array) -> tuple[Any, Any]:
        right_loss, right_gradient = reference(logits, y)
        p = softmax(logits)
        return (
            right_loss if loss_of is None else loss_of(p, y, logits),
            right_gradient if gradient_of is None else gradient_of(p, y, logits),
        )

    return function


def _from_probabilities(softmax_of: Callable[[Array], Array]) -> Callable[..., Any]:
    """Loss and gradient from another softmax."""

    def function(logits: Array, y: Array) -> tuple[Any, Any]:
        N, C = logits.shape
        p = softmax_of(logits)
        return -np.mean(np.log(p[np.arange(N), y])), (p - onehot(y, C)) / N

    return function


def _raw_softmax(logits: Array) -> Array:
    e = np.exp(logits)
    return e / e.sum(axis=1, keepdims=True)


def _global_max_softmax(logits: Array) -> Array:
    e = np.exp(logits - logits.max())
    return e / e.sum(axis=1, keepdims=True)


def _columns_softmax(logits: Array) -> Array:
    e = np.exp(logits - logits.max(axis=0))
    return e / e.sum(axis=0)


def _all_softmax(logits: Array) -> Array:
    e = np.exp(logits - logits.max())
    return e / e.sum()


def _column_indexed(p: Array, y: Array, logits: Array) -> Array:
    p = p.copy()
    p[:, y] -= 1
    return p / len(y)


def _in_probabilities(p: Array, y: Array, logits: Array) -> Array:
    return -onehot(y, p.shape[1]) / p / len(y)


def _diagonal(p: Array, y: Array, logits: Array) -> Array:
    t = onehot(y, p.shape[1])
    return -t / p * p * (1 - p) / len(y)


def _aliased(logits: Array, y: Array) -> tuple[Any, Any]:
    p = softmax(logits)
    rows = np.arange(len(y))
    dlogits = p
    dlogits[rows, y] -= 1
    return -np.mean(np.log(p[rows, y])), dlogits / len(y)


def picked(p: Array, y: Array) -> Array:
    """The targets' numbers, (N,)."""
    return p[np.arange(len(y)), y]


def _difference(p: Array, y: Array) -> Array:
    return p - onehot(y, p.shape[1])


WHOLE_COLUMNS = mark(
    "[:, y] selects whole columns, in every row. Row n has its own target y[n]: "
    "index rows and columns together."
)
NO_LOGARITHM = mark("The loss is the mean of -p at the targets: the logarithm is missing.")

MUTANTS = (
    Mutant(
        "no 1/N in the gradient",
        _with(gradient_of=lambda p, y, z: _difference(p, y)),
        mark(
            "The loss is a mean over the batch, but its gradient is that of the sum: "
            "1/N is missing in dlogits."
        ),
        "scale",
        "M01",
    ),
    Mutant(
        "sums",
        _with(lambda p, y, z: -np.sum(np.log(picked(p, y))), lambda p, y, z: _difference(p, y)),
        mark("The loss is the sum over the batch; the mean is asked for, in both outputs."),
        "scale",
        "M01",
    ),
    Mutant(
        "1/N twice",
        _with(gradient_of=lambda p, y, z: _difference(p, y) / len(y) ** 2),
        mark("dlogits is divided by N twice; a mean divides once."),
        "scale",
        "M02",
    ),
    Mutant(
        "divided by C",
        _with(gradient_of=lambda p, y, z: _difference(p, y) / p.shape[1]),
        mark(
            "dlogits is divided by the number of classes. The mean runs over the examples, "
            "so the divisor is N = logits.shape[0]."
        ),
        "scale",
        "M31",
    ),
    Mutant(
        "divided by N·C",
        _with(
            lambda p, y, z: -np.log(picked(p, y)).sum() / p.size,
            lambda p, y, z: _difference(p, y) / p.size,
        ),
        mark(
            "Loss and gradient are divided by N·C, the number of all entries. Each example "
            "contributes one number to the loss, so the mean has N terms."
        ),
        "scale",
        "M31",
    ),
    Mutant(
        "sign",
        _with(gradient_of=lambda p, y, z: -_difference(p, y) / len(y)),
        mark(
            "The sign of dlogits is reversed: onehot - p instead of p - onehot. A larger logit at "
            "the target lowers the loss, so its gradient there is negative."
        ),
        "sign",
        "M04",
    ),
    Mutant(
        "loss without minus",
        _with(lambda p, y, z: np.mean(np.log(picked(p, y)))),
        mark("The loss is negative: the logarithm of a probability needs a minus in front."),
        "sign",
        "M04",
    ),
    Mutant(
        "no -1 at the target",
        _with(gradient_of=lambda p, y, z: p / len(y)),
        mark(
            "dlogits contains the probabilities only. The loss also depends on the target's logit "
            "directly: something has to be subtracted at the target of each row."
        ),
        "target",
        "M29",
    ),
    Mutant(
        "whole columns",
        _with(gradient_of=_column_indexed),
        WHOLE_COLUMNS,
        "indexing",
        "M30",
    ),
    Mutant(
        "whole columns in the loss",
        _with(lambda p, y, z: -np.mean(np.log(p[:, y]))),
        WHOLE_COLUMNS,
        "indexing",
        "M30",
    ),
    Mutant(
        "whole columns in the loss, of log p",
        _with(lambda p, y, z: -np.mean((z - np.logaddexp.reduce(z, axis=1)[:, None])[:, y])),
        WHOLE_COLUMNS,
        "indexing",
        "M30",
    ),
    Mutant(
        "no logarithm",
        _with(lambda p, y, z: -np.mean(picked(p, y))),
        NO_LOGARITHM,
        "formula",
    ),
    Mutant(
        "in the probabilities",
        _with(gradient_of=_in_probabilities),
        mark(
            "This is the gradient with respect to the probabilities p. The logits come one step "
            "earlier; "
            "the step through softmax is missing."
        ),
        "jacobian",
        "M32",
    ),
    Mutant(
        "diagonal of the Jacobian",
        _with(gradient_of=_diagonal),
        mark(
            "Only the diagonal of softmax's Jacobian is used. Every logit changes all "
            "probabilities of its row, through the sum in the denominator."
        ),
        "jacobian",
        "M33",
    ),
    Mutant(
        "softmax derivative twice",
        _with(gradient_of=lambda p, y, z: _difference(p, y) / len(y) * p * (1 - p)),
        mark(
            "p - onehot is the gradient with respect to the logits already, derivative of "
            "softmax included; "
            "yours is multiplied by p(1 - p) once more."
        ),
        "jacobian",
        "M35",
    ),
    Mutant(
        "no maximum subtracted",
        _from_probabilities(_raw_softmax),
        mark(
            "At logits of +-1000 exp overflows or all of a row underflows, and NaN or inf comes "
            "out. Softmax does not change when a row's maximum is subtracted from the row first."
        ),
        "stability",
        "M26",
    ),
    Mutant(
        "one maximum for the batch",
        _from_probabilities(_global_max_softmax),
        mark(
            "One maximum is subtracted from the whole batch. A row that lies far below it "
            "underflows to 0/0: each row needs its own maximum."
        ),
        "stability",
        "M27",
    ),
    Mutant(
        "normalised over axis 0",
        _from_probabilities(_columns_softmax),
        mark(
            "Softmax is normalised down the columns, over the examples. The classes of one example "
            "compete: each row must sum to 1."
        ),
        "axis",
        "M28",
    ),
    Mutant(
        "normalised over all entries",
        _from_probabilities(_all_softmax),
        mark("Softmax is normalised over the whole array. Each row must sum to 1 by itself."),
        "axis",
        "M28",
    ),
    Mutant(
        "logarithm of p",
        _with(lambda p, y, z: -np.mean(np.log(picked(p, y)))),
        mark(
            "A probability that was rounded to 0 has no logarithm: the loss comes out infinite. "
            "Compute the logarithm of the softmax directly; it is a difference of two terms."
        ),
        "logarithm",
    ),
    Mutant(
        "log(p + 1e-7)",
        _with(lambda p, y, z: -np.mean(np.log(picked(p, y) + 1e-7))),
        mark(
            "The loss is off where the target's probability is tiny, as if a small number were "
            "added inside the logarithm or p clipped. Take the logarithm of the softmax by hand: "
            "no such number is needed then."
        ),
        "stability",
        "M36",
    ),
    Mutant(
        "loss after p was changed",
        _aliased,
        mark(
            "dlogits = p makes no copy, so subtracting 1 at the targets changes p too, and the "
            "loss is computed from the changed p. Compute the loss first, or copy."
        ),
        "alias",
    ),
)


def _loops(logits: Array, y: Array) -> tuple[float, Array]:
    N, C = logits.shape
    total, dlogits = 0.0, np.zeros((N, C))
    for n in range(N):
        top = max(logits[n])
        e = [np.exp(logit - top) for logit in logits[n]]
        for c in range(C):
            dlogits[n, c] = (e[c] / sum(e) - (c == y[n])) / N
        total += (np.log(sum(e)) + top - logits[n, y[n]]) / N
    return total, dlogits


def _einsum(logits: Array, y: Array) -> list[Any]:
    t = onehot(y, logits.shape[1])
    log_p = logits - np.logaddexp.reduce(logits, axis=1)[:, None]
    return [-np.einsum("nc,nc->", t, log_p) / len(y), (np.exp(log_p) - t) / len(y)]


def _indexed(logits: Array, y: Array) -> tuple[Any, Array]:
    rows = np.arange(len(y))
    top = logits.max(axis=1)
    p = np.exp(logits - top[:, None])
    value = np.mean(np.log(p.sum(axis=1)) + top - logits[rows, y])
    p /= p.sum(axis=1, keepdims=True)
    p[rows, y] -= 1
    p /= len(y)
    return value, p


def _float32(logits: Array, y: Array) -> tuple[Any, Array]:
    return _indexed(logits.astype(np.float32), y)


def _float32_inside(logits: Array, y: Array) -> tuple[float, Array]:
    value, gradient = _float32(logits, y)
    return float(value), gradient.astype(np.float64)


def _jacobian(logits: Array, y: Array) -> tuple[Any, Array]:
    log_p = logits - np.logaddexp.reduce(logits, axis=1, keepdims=True)
    t = onehot(y, logits.shape[1])
    jacobian = np.eye(len(t[0])) - np.exp(log_p)[:, None, :]  # of log_p: [c = d] - p[n, d]
    return np.array([-np.sum(t * log_p) / len(y)]), -np.einsum("nc,ncd->nd", t, jacobian) / len(y)


EQUIVALENTS = (
    Equivalent("loops", _loops),
    Equivalent("einsum, a list returned", _einsum),
    Equivalent("indexing, in place on p", _indexed),
    Equivalent("float32", _float32),
    Equivalent("float32 inside", _float32_inside),
    Equivalent("through the Jacobian, the loss as an array", _jacobian),
)

SOFTMAX = Piece(
    name="softmax_cross_entropy",
    signature="softmax_cross_entropy(logits, y) -> (loss, dlogits)",
    outputs=(
        Output(
            "loss",
            by="value",
            key=(0,),
            look=mark(
                "Take one row of logits. Is your softmax positive with sum 1? Is the probability "
                "of the target picked, row by row? Is the mean taken over the examples?"
            ),
            derive=mark(
                "-log softmax(z)[y] is a difference of two terms: a logarithm of a sum of "
                "exponentials, and z[y]. Subtract the row's maximum m inside and add it outside."
            ),
            formula="L = (1/N) · Σ_n ( log Σ_c exp(z[n, c]) - z[n, y[n]] )",
        ),
        Output(
            "dlogits",
            of="logits",
            key=(1,),
            look=mark(
                "Look at one row of dlogits: it must sum to 0, be negative at the target only, "
                "and stay below 1/N in size."
            ),
            derive=mark(
                "Differentiate log Σ_c exp(z[c]) - z[y] with respect to z[k], once for k = y "
                "and once for "
                "k ≠ y. Which of the two terms contains z[k]?"
            ),
            formula="dlogits[n, c] = (softmax(z)[n, c] - [c = y[n]]) / N",
        ),
    ),
    parts=(
        Part("loss", 0.3),
        Part("dlogits", 0.5),
        Part("loss", 0.1, (PLAIN, LARGE)),
        Part("dlogits", 0.1, (PLAIN, LARGE)),
    ),
    draw=draw,
    reference=reference,
    forward=forward,
    context=context,
    mutants=MUTANTS,
    equivalents=EQUIVALENTS,
    cases=(PLAIN, PLAIN, SQUARE, LARGE),
    # The first class is a target in one usual case, the last in the other.
    varied=differing(lambda point: (*point.arguments[0].shape, point.arguments[1].min())),
    case_names={LARGE: mark("logits near 29,000, 16,000 and -16,000")},
)
