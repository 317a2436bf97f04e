"""dropout_backward: the gradient passes where the forward pass did, with the same factor."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from nncourse.diagnosis import Context
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
from nncourse.exercises.ps08.masks import share
from nncourse.language import mark


def draw(rng: np.random.Generator, case: str) -> Point:
    """dout, the mask that the forward pass returned, and p."""
    N, D = (
        (5, 5) if case == SQUARE else (dimensions(rng, 1, (5, 7))[0], dimensions(rng, 1, (4, 6))[0])
    )
    p = share(rng)
    x, dout = normal(rng, N, D), normal(rng, N, D)
    kept = rng.random((N, D)) >= p
    kept[0, 0], kept[1, 1] = True, False
    mask = kept / (1 - p)
    return Point((dout, mask, p), {"x": x, "mask": mask}, dout, case)


def forward(variables: Mapping[str, Array], point: Point) -> Array:
    """x times the mask."""
    return variables["x"] * point.arguments[1]


def backward(dout: Array, mask: Array, p: float) -> Array:
    """dout times the mask."""
    return dout * mask


def context(point: Point) -> dict[str, Context]:
    """The factors that p gives."""
    dout, _mask, p = point.arguments
    constants = {"1 - p": 1 - p, "1/(1 - p)": 1 / (1 - p)}
    codes = {"1 - p": "M42", "1/(1 - p)": "M44"}
    return {"dx": Context(batch=len(dout), constants=constants, codes=codes)}


DROPOUT_BACKWARD = Piece(
    name="dropout_backward",
    signature="dropout_backward(dout, mask, p) -> dx",
    outputs=(
        Output(
            "dx",
            of="x",
            look=mark("Where the mask is 0, dx is 0; elsewhere, how does it relate to dout?"),
            derive=mark(
                "out is x times the mask, entry by entry. Differentiate with respect to x."
            ),
            formula="dx = dout · mask",
        ),
    ),
    parts=(Part("dx", 1.0),),
    draw=draw,
    varied=differing(lambda point: [*lengths(point), round(8 * point.arguments[2])]),
    reference=backward,
    forward=forward,
    context=context,
    mutants=(
        Mutant(
            "mask not applied",
            lambda dout, mask, p: dout.copy(),
            mark("The mask does not take part: dropped units have no gradient."),
            "mask",
            "M41",
        ),
        Mutant(
            "not scaled",
            lambda dout, mask, p: dout * (mask > 0),
            mark("Only zeros are taken from the mask; its values 1/(1 - p) belong to dx as well."),
            "scale",
            "M42",
        ),
        Mutant(
            "scaled twice",
            lambda dout, mask, p: dout * mask / (1 - p),
            mark("dx is divided by 1 - p once more: the mask contains this factor already."),
            "twice",
            "M44",
        ),
        Mutant(
            "new mask",
            lambda dout, mask, p: (
                dout * (np.random.default_rng(0).random(dout.shape) >= p) / (1 - p)
            ),
            mark("A new mask was drawn: the gradient must pass where the forward pass did."),
            "state",
            "M45",
        ),
        Mutant(
            "inverted",
            lambda dout, mask, p: dout * (mask == 0) / (1 - p),
            mark("The gradient passes where units were dropped and stops at the others."),
            "inverted",
            "M23",
        ),
    ),
    equivalents=(
        Equivalent("where", lambda dout, mask, p: np.where(mask > 0, dout / (1 - p), 0)),
        Equivalent(
            "loops", lambda dout, mask, p: [[a * b for a, b in zip(*r)] for r in zip(dout, mask)]
        ),
        Equivalent("float32", lambda dout, mask, p: single(dout) * single(mask)),
    ),
)
