"""moons: the network trained with the student's engine, judged on points that it never saw."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from nncourse.diagnosis.measure import Array
from nncourse.exercises.piece import Equivalent, Mutant, Output, Part, Piece, Point
from nncourse.language import mark

HELD_OUT = "held-out"


@lru_cache
def moons(seed: int, n: int) -> tuple[Array, Array]:
    """x (n, 2) and classes (n,) of 0 and 1."""
    from nncourse.data import two_moons

    x, y = two_moons(n, noise=0.1, seed=seed)
    return np.asarray(x, dtype=np.float64), np.asarray(y)


def draw(rng: np.random.Generator, case: str) -> Point:
    """200 points of a seed of their own."""
    x, y = moons(int(rng.integers(2**62)), 200)
    order = rng.permutation(len(x))
    return Point((x[order].copy(),), {"labels": y[order]}, 1.0, case)


def score(x: Array) -> Array:
    """Positive for the lower moon: which of 60 known points lies nearest, as a number."""
    known, labels = moons(1, 60)
    apart = ((x[:, None] - known) ** 2).sum(axis=2)
    return apart[:, labels == 0].min(axis=1) - apart[:, labels == 1].min(axis=1)


def reference(x: Array) -> Array:
    """The classes (n,) of the points x (n, 2)."""
    return (score(x) > 0).astype(np.int64)


MUTANTS = (
    Mutant(
        "constant",
        lambda x: np.zeros(len(x), dtype=int),
        mark(
            "Every point gets the same class: the answer does not depend on x. Are the trained "
            "parameters used?"
        ),
        "constant",
    ),
    Mutant(
        "classes exchanged",
        lambda x: 1 - reference(x),
        mark(
            "The classes are exchanged: a positive output means class 1. Were the targets -1 and "
            "+1 given in the right order?"
        ),
        "labels",
    ),
    Mutant(
        "a straight line",
        lambda x: (x[:, 1] < 0.15 + 0.2 * x[:, 0]).astype(int),
        mark(
            "The classes are parted by a straight line. The moons need a bent one: is there an "
            "activation between the layers, and did the loss fall far enough?"
        ),
        "linear",
    ),
    Mutant(
        "-1 and +1",
        lambda x: np.where(score(x) > 0, 1, -1),
        mark("The classes are given as -1 and +1; here they are 0 and 1."),
        "labels",
    ),
    Mutant(
        "outputs",
        score,
        mark("The outputs of the network came back; turn each into a class by its sign."),
        "value for class",
    ),
)

MOONS = Piece(
    name="moons",
    signature="predict(x) -> labels",
    outputs=(
        Output(
            mark("labels"),
            by="labels",
            of="labels",
            look=mark("Print the loss every ten steps: it must fall below 0.2."),
            derive=mark("The network answers a number; what is its sign for each class?"),
            formula="label = 1 if output > 0, else 0",
        ),
    ),
    parts=(
        Part("labels", 0.5, (HELD_OUT,), accuracy=0.92),  # the best straight line: 0.885
        Part("labels", 0.5, (HELD_OUT,), accuracy=0.93),
    ),
    draw=draw,
    reference=reference,
    mutants=MUTANTS,
    equivalents=(
        Equivalent("a list of numbers", lambda x: [int(v) for v in reference(x)]),
        Equivalent("as bool", lambda x: score(x) > 0),
        Equivalent("one by one", lambda x: [float(reference(row[None])[0]) for row in x]),
    ),
    cases=(HELD_OUT,),
)
