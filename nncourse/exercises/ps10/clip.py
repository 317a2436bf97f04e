"""clip_gradients: all gradients scaled by one factor, so that their common norm stays in bounds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from nncourse.diagnosis import Finding
from nncourse.diagnosis.measure import Array
from nncourse.exercises.piece import (
    LISTS,
    Equivalent,
    Mutant,
    Output,
    Part,
    Piece,
    Point,
    Unfit,
    differing,
    dimensions,
    normal,
    single,
)
from nncourse.language import mark

LONG, SHORT, MANY, ZERO = "long", "short", "many", "zero"
BOTH = mark("first gradient"), mark("second gradient")


def draw(rng: np.random.Generator, case: str) -> Point:
    """Two gradients, four or none but zeros, and a limit below their common norm, or above it."""
    grads = [normal(rng, *dimensions(rng, 2, (2, 3, 4))), normal(rng, int(rng.integers(5, 8)))]
    if case == MANY:
        grads += [normal(rng, 2, 2, 2), normal(rng, 1)]
    # Four are of nearly one length, each shorter than the limit though they are longer together.
    # Of two the second is so short that alone it never needs to be clipped, and if the two don't,
    # the sum of their norms still exceeds the limit.
    lengths = rng.uniform(0.8, 1, len(grads))
    lengths[1] *= 1 if case == MANY else 0.125
    scaled = [g * (n / np.linalg.norm(g)) for g, n in zip(grads, lengths)]
    grads = [single(g).astype(np.float64) for g in scaled]
    shares = {SHORT: (1.01, 1.05), MANY: (0.95, 0.99)}
    share = rng.uniform(*shares.get(case, (0.2, 0.4)))
    # Of two sizes, or what is long would be known by the limit; beside both 1e-6 is nothing.
    unit = float(2.0 ** rng.choice((3, 13)))
    norm = float(np.sqrt(sum(np.sum(g**2) for g in grads)))
    limit = float(single(share * norm)) * unit
    return Point(([g * (unit * (case != ZERO)) for g in grads], limit), {}, 1.0, case)


def drive(answer: Callable[..., Any], grads: list[Array], limit: float) -> tuple[Any, Any]:
    """The first gradient after clipping, and the second, with those that follow."""
    result = answer([g.copy() for g in grads], limit)
    if not isinstance(result, LISTS) or len(result) != len(grads):
        text = mark("A list of as many arrays as came in is expected.")
        raise Unfit(Finding("count", text))
    result = list(result)
    for i, (g, came) in enumerate(zip(result, grads), 1):
        if len(result) > 2 and i > 1 and np.shape(g) != came.shape:
            text = mark("Array {number} of the list has the shape {got}; {want} came in.")
            where = {"number": i, "got": np.shape(g), "want": came.shape}
            return result[0], Finding("shape", text, where)
    if len(result) == 2:
        return result[0], result[1]
    return result[0], np.concatenate([np.reshape(g, -1) for g in result[1:]])


def clip(grads: list[Array], limit: float) -> list[Array]:
    """The gradients, scaled to the norm ``limit`` if they are longer."""
    norm = np.sqrt(sum(np.sum(g**2) for g in grads))
    return [g * (limit / norm if norm > limit else 1.0) for g in grads]


def _each(grads: list[Array], limit: float) -> list[Array]:
    return [g * min(1.0, limit / float(np.linalg.norm(g))) for g in grads]


def _no_root(grads: list[Array], limit: float) -> list[Array]:
    norm = sum(np.sum(g**2) for g in grads)
    return [g * min(1.0, limit / norm) for g in grads]


def _always(grads: list[Array], limit: float) -> list[Array]:
    norm = np.sqrt(sum(np.sum(g**2) for g in grads))
    return [g * limit / norm for g in grads]


def _sum_of_norms(grads: list[Array], limit: float) -> list[Array]:
    norm = sum(np.linalg.norm(g) for g in grads)
    return [g * min(1.0, limit / norm) for g in grads]


def _in_place(grads: list[Array], limit: float) -> list[Array]:
    square = 0.0
    for g in grads:
        for value in g.reshape(-1):
            square += float(value) ** 2
    if square > limit**2:
        for g in grads:
            g *= limit / square**0.5
    return grads


def _one_vector(grads: list[Array], limit: float) -> tuple[Array, ...]:
    norm = np.linalg.norm(np.concatenate([g.reshape(-1) for g in grads]))
    return tuple(g / max(1.0, norm / limit) for g in grads)


CLIP = Piece(
    name="clip_gradients",
    signature="clip_gradients(grads, limit) -> grads",
    outputs=tuple(
        Output(
            name,
            by="value",
            key=(i,),
            look=mark(
                "Compute the norm of all numbers of all gradients together, before and after."
            ),
            derive=mark("A common factor keeps the direction. When must it be 1?"),
            formula="g ← g · min(1, limit / norm),   norm = √(sum of all squares)",
        )
        for i, name in enumerate(BOTH)
    ),
    parts=(
        *(Part(name, 0.15, (LONG,)) for name in BOTH),
        *(Part(name, 0.2, (LONG, SHORT)) for name in BOTH),
        *(Part(name, 0.1, (LONG, MANY)) for name in BOTH),
        *(Part(name, 0.05, (LONG, ZERO)) for name in BOTH),
    ),
    draw=draw,
    reference=clip,
    drive=drive,
    mutants=(
        Mutant(
            "each by itself",
            _each,
            mark("Each gradient is clipped by its own norm, so their common direction changes."),
            "norm",
            "X50",
        ),
        Mutant(
            "entries cut off",
            lambda grads, limit: [np.clip(g, -limit / 4, limit / 4) for g in grads],
            mark("Single entries are cut off, which turns the gradient; scale all of it."),
            "formula",
            "X50",
        ),
        Mutant(
            "no root",
            _no_root,
            mark("The limit is compared with the sum of squares; the norm is its root."),
            "root",
            "M102",
        ),
        Mutant(
            "always scaled",
            _always,
            mark("Short gradients are made longer: below the limit nothing is to be done."),
            "condition",
            "X50",
        ),
        Mutant(
            "sum of norms",
            _sum_of_norms,
            mark("The norms are added; for the common norm the squares are."),
            "norm",
        ),
        Mutant(
            "cut to zero",
            lambda grads, limit: [0 * g for g in grads],
            mark("The gradients became 0: long ones are scaled, not thrown away."),
            "constant",
        ),
    ),
    equivalents=(
        Equivalent("loops, in place", _in_place),
        Equivalent("one long vector, a tuple returned", _one_vector),
        Equivalent("float32", lambda grads, limit: [single(g) for g in clip(grads, limit)]),
    ),
    cases=(LONG, LONG, SHORT, MANY, ZERO),
    varied=differing(lambda point: [n for g in point.arguments[0] for n in g.shape], (LONG,)),
    case_names={
        SHORT: mark("gradients below the limit"),
        LONG: mark("gradients above the limit"),
        MANY: mark("four gradients"),
        ZERO: mark("gradients of zeros"),
    },
)
