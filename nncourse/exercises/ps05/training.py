"""training: the student's trained network, judged by its predictions on digits it never saw.

What is checked is ``predict``, not a number that the notebook reports: the accuracy is computed
here, from predictions on the held-out part of the digits.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from nncourse.diagnosis.measure import Array
from nncourse.exercises.piece import Equivalent, Mutant, Output, Part, Piece, Point
from nncourse.exercises.ps05 import network
from nncourse.language import mark

HELD_OUT = "held-out"

CLASSES = 10


@lru_cache
def digits() -> tuple[tuple[Array, Array], tuple[Array, Array]]:
    """(train_x, train_y), (test_x, test_y): the split of nncourse.data, as NumPy arrays."""
    from nncourse.data import digits as load

    (train_x, train_y), (test_x, test_y) = load(split=True)
    return (np.asarray(train_x), np.asarray(train_y)), (np.asarray(test_x), np.asarray(test_y))


def draw(rng: np.random.Generator, case: str) -> Point:
    """All held-out digits in an order of the seed, x (360, 64) in [0, 1]."""
    _train, (x, y) = digits()
    order = rng.permutation(len(x))
    return Point((x[order],), {"labels": y[order]}, 1.0, case)


@lru_cache
def _untrained() -> dict[str, Array]:
    rng = np.random.default_rng(5)
    return {
        "W1": rng.standard_normal((32, 64)) / 8,
        "b1": np.zeros(32),
        "W2": rng.standard_normal((CLASSES, 32)) / 32**0.5,
        "b2": np.zeros(CLASSES),
    }


@lru_cache
def _trained() -> dict[str, Array]:
    """The parameters of a small network after 12 epochs of gradient descent with momentum."""
    (x, y), _test = digits()
    params = {name: value.copy() for name, value in _untrained().items()}
    velocity = {name: np.zeros_like(value) for name, value in params.items()}
    rng = np.random.default_rng(0)
    for _epoch in range(12):
        for batch in np.array_split(rng.permutation(len(x)), len(x) // 64):
            _loss, grads = network.reference(params, x[batch], y[batch])
            for name, gradient in grads.items():
                velocity[name] = 0.9 * velocity[name] - 0.3 * gradient
                params[name] += velocity[name]
    return params


def logits(x: Array, params: dict[str, Array] | None = None) -> Array:
    """The network's output for x (n, 64): (n, 10)."""
    params = params or _trained()
    return np.tanh(x @ params["W1"].T + params["b1"]) @ params["W2"].T + params["b2"]


def reference(x: Array) -> Array:
    """The predicted classes of x (n, 64): (n,)."""
    return logits(x).argmax(axis=1)


MUTANTS = (
    Mutant(
        "constant",
        lambda x: np.zeros(len(x), dtype=int),
        mark(
            "Every digit is predicted as the same class: the answer does not depend on x. "
            "Does predict use the trained parameters, and its argument?"
        ),
        "constant",
    ),
    Mutant(
        "off by one",
        lambda x: reference(x) + 1,
        mark("Each prediction is one too large: classes are numbered from 0."),
        "labels",
    ),
    Mutant(
        "logits returned",
        logits,
        mark(
            "predict returns ten numbers for each digit. "
            "Choose the class with the largest one, row by row."
        ),
        "shape",
    ),
    Mutant(
        "argmax over the examples",
        lambda x: logits(x).argmax(axis=0),
        mark(
            "argmax runs down the examples (axis 0) and gives ten numbers in all. "
            "One class for each digit is asked: compare the ten outputs of one row."
        ),
        "axis",
    ),
    Mutant(
        "least likely class",
        lambda x: logits(x).argmin(axis=1),
        mark(
            "The least likely class is chosen. The largest logit has the largest probability; "
            "is a sign reversed, in predict or in the update of the parameters?"
        ),
        "sign",
    ),
    Mutant(
        "untrained",
        lambda x: logits(x, _untrained()).argmax(axis=1),
        mark(
            "The predictions are as good as guessing. Are the trained parameters used, "
            "or the initial ones?"
        ),
        "parameters",
    ),
    Mutant(
        "largest value",
        lambda x: logits(x).max(axis=1),
        mark("The value of the largest output is returned; its position is the class."),
        "value for index",
    ),
)

EQUIVALENTS = (
    Equivalent("one by one, a list returned", lambda x: [int(logits(row).argmax()) for row in x]),
    Equivalent("float32", lambda x: logits(x.astype(np.float32)).argmax(axis=1).astype(np.int32)),
    Equivalent("classes as floats", lambda x: reference(x).astype(np.float64)),
    Equivalent("from probabilities", lambda x: np.argsort(-np.exp(logits(x)), axis=1)[:, 0]),
)


def _outputs(**hints: Any) -> tuple[Output, ...]:
    return (Output(mark("labels"), by="labels", of="labels", **hints),)


TRAINING = Piece(
    name="training",
    signature="predict(x) -> labels",
    outputs=_outputs(
        look=mark(
            "Compute the loss after each epoch. It starts near log(10) = 2.30 and must fall below "
            "0.2. If it does not fall: learning rate and gradients; if it does: predict."
        ),
        derive=mark(
            "One step of gradient descent on a mini-batch: in which order come the forward pass, "
            "the gradients, and the update? Are all four parameters updated, with a minus?"
        ),
        formula="W ← W - η · dW,   label = argmax_c logits[n, c]",
    ),
    parts=(
        Part("labels", 0.4, (HELD_OUT,), accuracy=0.8),
        Part("labels", 0.3, (HELD_OUT,), accuracy=0.9),
        Part("labels", 0.3, (HELD_OUT,), accuracy=0.94),
    ),
    draw=draw,
    reference=reference,
    mutants=MUTANTS,
    equivalents=EQUIVALENTS,
    cases=(HELD_OUT,),
)
