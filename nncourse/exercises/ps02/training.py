"""training: the student's linear classifier of digits, judged on digits that it never saw."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np

from nncourse.diagnosis.measure import Array
from nncourse.exercises.piece import Equivalent, Mutant, Part
from nncourse.exercises.ps05.training import HELD_OUT, digits
from nncourse.exercises.ps05.training import TRAINING as NETWORK
from nncourse.language import mark


@lru_cache
def _trained() -> tuple[Array, Array]:
    """W (10, 64) and b (10,) of a linear classifier: the least squares fit, found at once."""
    (x, y), _test = digits()
    x = np.column_stack([x, np.ones(len(x))])
    both = np.linalg.solve(x.T @ x + 0.1 * np.eye(65), x.T @ np.eye(10)[y])
    return both[:64].T, both[64]


def scores(x: Array) -> Array:
    """The logits of x (n, 64): (n, 10)."""
    W, b = _trained()
    return x @ W.T + b


def reference(x: Array) -> Array:
    """The predicted classes (n,)."""
    return scores(x).argmax(axis=1)


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
        "least likely class",
        lambda x: scores(x).argmin(axis=1),
        mark(
            "The least likely class is chosen. The largest logit has the largest probability; "
            "is a sign reversed, in predict or in the update of the parameters?"
        ),
        "sign",
    ),
    Mutant(
        "argmax over the examples",
        lambda x: scores(x).argmax(axis=0),
        mark(
            "argmax runs down the examples (axis 0) and gives ten numbers in all. "
            "One class for each digit is asked: compare the ten outputs of one row."
        ),
        "axis",
    ),
    Mutant(
        "off by one",
        lambda x: reference(x) + 1,
        mark("Each prediction is one too large: classes are numbered from 0."),
        "labels",
    ),
    Mutant(
        "logits returned",
        scores,
        mark(
            "predict returns ten numbers for each digit. "
            "Choose the class with the largest one, row by row."
        ),
        "shape",
    ),
)

TRAINING = replace(
    NETWORK,
    reference=reference,
    parts=(
        Part("labels", 0.4, (HELD_OUT,), accuracy=0.75),
        Part("labels", 0.3, (HELD_OUT,), accuracy=0.85),
        Part("labels", 0.3, (HELD_OUT,), accuracy=0.9),
    ),
    mutants=MUTANTS,
    equivalents=(
        Equivalent("one by one, a list returned", lambda x: [int(scores(r).argmax()) for r in x]),
        Equivalent("as floats", lambda x: reference(x).astype(np.float64)),
        Equivalent("by sorting", lambda x: np.argsort(-scores(x), axis=1)[:, 0]),
    ),
)
