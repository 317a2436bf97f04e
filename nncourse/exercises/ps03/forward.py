"""forward: two layers for the whole data set at once, with what they give named one by one."""

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
    dimensions,
    lengths,
    normal,
    single,
)
from nncourse.language import mark


def draw(rng: np.random.Generator, case: str) -> Point:
    """X (N, D), W1 (H, D), b1 (H,), W2 (C, H), b2 (C,); D = H = C in the square case."""
    N, D, H, C = dimensions(rng, 4, (3, 4, 5, 6, 7))
    if case == SQUARE:
        N, D, H, C = 5, 4, 4, 4
    X, W1, b1 = normal(rng, N, D), normal(rng, H, D) / 2, normal(rng, H)
    return Point((X, W1, b1, normal(rng, C, H), normal(rng, C)), {}, 1.0, case)


def forward(X: Array, W1: Array, b1: Array, W2: Array, b2: Array) -> tuple[Array, Array, Array]:
    """The sums Z of the hidden layer, its outputs H = tanh(Z), the outputs A without activation."""
    Z = X @ W1.T + b1
    H = np.tanh(Z)
    return Z, H, H @ W2.T + b2


def _with(
    sums: Callable[..., Array] | None = None,
    activation: Callable[[Array], Array] = np.tanh,
    last: Callable[..., Array] | None = None,
) -> Callable[..., Any]:
    """The reference with another sum (X, W1, b1), activation, or last layer (Z, H, W2, b2)."""

    def function(X: Array, W1: Array, b1: Array, W2: Array, b2: Array) -> tuple[Any, Any, Any]:
        Z = X @ W1.T + b1 if sums is None else sums(X, W1, b1)
        H = activation(Z)
        return Z, H, H @ W2.T + b2 if last is None else last(Z, H, W2, b2)

    return function


def _loops(X: Array, W1: Array, b1: Array, W2: Array, b2: Array) -> tuple[Any, Any, Any]:
    Z = [[b + sum(w * x) for w, b in zip(W1, b1)] for x in X]
    H = [[np.tanh(z) for z in row] for row in Z]
    return Z, H, [[b + sum(w * row) for w, b in zip(W2, b2)] for row in np.array(H)]


def _columns(X: Array, W1: Array, b1: Array, W2: Array, b2: Array) -> tuple[Any, Any, Any]:
    Z = W1 @ X.T + b1[:, None]
    H = np.tanh(Z)
    return Z.T, H.T, (W2 @ H + b2[:, None]).T


def _bias_as_weight(X: Array, W1: Array, b1: Array, W2: Array, b2: Array) -> list[Array]:
    one = np.ones((len(X), 1))
    Z = np.hstack([one, X]) @ np.hstack([b1[:, None], W1]).T
    H = np.tanh(Z)
    return [Z, H, np.hstack([one, H]) @ np.hstack([b2[:, None], W2]).T]


def _all_columns(X: Array, W1: Array, b1: Array, W2: Array, b2: Array) -> tuple[Any, ...]:
    return tuple(part.T for part in forward(X, W1, b1, W2, b2))


FORWARD = Piece(
    name="forward",
    signature="forward(X, W1, b1, W2, b2) -> (Z, H, A)",
    outputs=(
        Output(
            "Z",
            by="value",
            key=(0,),
            axes=("batch", "unit"),
            look=mark("Write the shapes under X, W1 and b1: the result must be (N, hidden)."),
            derive=mark("Write the sum of neuron k for example i with indices."),
            formula="Z[i, k] = Σ_j X[i, j] W1[k, j] + b1[k]",
        ),
        Output(
            "H",
            by="value",
            key=(1,),
            after=("Z",),
            axes=("batch", "unit"),
            look=mark("H is made of Z entry by entry: which function does it?"),
            derive=mark("What does an activation do to the shape?"),
            formula="H[i, k] = tanh(Z[i, k])",
        ),
        Output(
            "A",
            by="value",
            key=(2,),
            after=("Z", "H"),
            axes=("batch", "unit"),
            look=mark("The second layer is built like the first. What are its inputs?"),
            derive=mark("Write the sum of the second layer's neuron m with indices."),
            formula="A[i, m] = Σ_k H[i, k] W2[m, k] + b2[m]",
        ),
    ),
    parts=(Part("Z", 0.4), Part("H", 0.2), Part("A", 0.4)),
    draw=draw,
    varied=differing(lengths),
    reference=forward,
    mutants=(
        Mutant(
            "examples as columns",
            _all_columns,
            mark("The results have examples as columns; they are rows, as in X."),
            "transpose",
            "M05",
        ),
        Mutant(
            "W1 not transposed",
            _with(sums=lambda X, W1, b1: X @ W1 + b1),
            mark("X is multiplied by W1 as it stands, but a neuron's weights are a row of W1."),
            "transpose",
            "M75",
        ),
        Mutant(
            "W2 not transposed",
            _with(last=lambda Z, H, W2, b2: H @ W2 + b2),
            mark("H is multiplied by W2 as it stands, but a neuron's weights are a row of W2."),
            "transpose",
            "M75",
        ),
        Mutant(
            "no b1",
            _with(sums=lambda X, W1, b1: X @ W1.T),
            mark("The biases b1 of the hidden layer do not take part."),
            "parameter missing",
        ),
        Mutant(
            "no b2",
            _with(last=lambda Z, H, W2, b2: H @ W2.T),
            mark("The biases b2 of the second layer do not take part."),
            "parameter missing",
        ),
        Mutant(
            "biases subtracted",
            _with(sums=lambda X, W1, b1: X @ W1.T - b1),
            mark("b1 is subtracted, as a threshold would be. A bias is added."),
            "sign",
            "X10",
        ),
        Mutant(
            "Z into the second layer",
            _with(last=lambda Z, H, W2, b2: Z @ W2.T + b2),
            mark("The second layer reads Z; its inputs are the outputs H of the hidden neurons."),
            "wrong array",
            "M20",
        ),
        Mutant(
            "no activation",
            _with(activation=np.copy),
            mark("H is Z: without an activation both layers are a single linear one."),
            "activation",
        ),
        Mutant(
            "sigmoid",
            _with(activation=lambda Z: 1 / (1 + np.exp(-Z))),
            mark("H is the sigmoid of Z; tanh is asked for."),
            "activation",
        ),
        Mutant(
            "activation at the end, too",
            _with(last=lambda Z, H, W2, b2: np.tanh(H @ W2.T + b2)),
            mark("tanh is applied to the outputs, too; the last layer has no activation here."),
            "surplus",
        ),
    ),
    equivalents=(
        Equivalent("loops, lists returned", _loops),
        Equivalent("through columns", _columns),
        Equivalent("biases as weights of a constant input", _bias_as_weight),
        Equivalent("float32", lambda *arrays: forward(*map(single, arrays))),
    ),
)
