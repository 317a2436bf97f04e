"""union: any region with straight sides, in pieces or not convex, as an OR of convex polygons."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from nncourse.diagnosis.measure import Array
from nncourse.exercises.piece import (
    PLAIN,
    Equivalent,
    Mutant,
    Output,
    Part,
    Piece,
    Point,
    copy_arguments,
    differing,
    single,
)
from nncourse.exercises.ps03.polygons import draw_points, draw_polygon, drive, heights, sides_of
from nncourse.exercises.ps03.steps import SHARE, Network
from nncourse.language import mark

OVERLAP = "overlap"

Polygons = list[Array]


def draw(rng: np.random.Generator, case: str) -> Point:
    """Polygons with different numbers of sides: apart from each other, or two that overlap."""
    m = 2 if case == OVERLAP else int(rng.choice((2, 3)))
    numbers = [int(n) for n in rng.choice((3, 4, 5), m, replace=False)]
    turn, away = rng.uniform(0, 2 * np.pi), 0.9 if case == OVERLAP else 2.6
    while True:
        angles = turn + 2 * np.pi * np.arange(m) / m
        centres = away * np.stack([np.cos(angles), np.sin(angles)], axis=1)
        polygons = [draw_polygon(rng, n, c, 1.5) for n, c in zip(numbers, centres)]
        points, _sides = draw_points(rng, polygons)
        members = np.array([heights(polygon, points).min(axis=1) > 0 for polygon in polygons])
        shared = int(np.sum(members.sum(axis=0) > 1))
        alone = [int(np.sum(row & (members.sum(axis=0) == 1))) for row in members]
        if min(alone) >= 20 and (shared >= 20 if case == OVERLAP else shared == 0):
            limit = SHARE / (2 * max(*numbers, m) ** 0.5)
            return Point((polygons, points), {"limit": np.array(limit)}, 1.0, case)


def _numbers(point: Point) -> list[int]:
    """Of polygons, and of the sides of the first two."""
    polygons = point.arguments[0]
    return [len(polygons), *map(len, polygons[:2])]


def first_layers(polygons: Polygons) -> tuple[Network, Array]:
    """The layer of all half-planes, and which of them belong to which polygon (m, n)."""
    sides = [sides_of(corners) for corners in polygons]
    W, b = np.concatenate([w for w, _b in sides]), np.concatenate([b for _w, b in sides])
    owner = np.repeat(np.arange(len(sides)), [len(corners) for corners in polygons])
    return [(W, b)], (owner == np.arange(len(sides))[:, None]).astype(np.float64)


def union(polygons: Polygons) -> Network:
    """Half-planes, an AND for each polygon, an OR of these."""
    layers, owns = first_layers(polygons)
    m = len(polygons)
    return [*layers, (owns, 0.5 - owns.sum(axis=1)), (np.ones((1, m)), np.array([-0.5]))]


def _with(
    ands: Callable[[Array], Array] = lambda owns: 0.5 - owns.sum(axis=1),
    output: Callable[[int], float] = lambda m: -0.5,
    owned: Callable[[Array], Array] = lambda owns: owns,
) -> Callable[..., Any]:
    """The reference with other biases of the second or third layer, or another second W."""

    def function(polygons: Polygons) -> Network:
        layers, owns = first_layers(polygons)
        m = len(polygons)
        last = np.ones((1, m)), np.array([output(m)])
        return [*layers, (owned(owns), ands(owns)), last]

    return function


def _and_of_all(polygons: Polygons) -> Network:
    layers, owns = first_layers(polygons)
    n = owns.shape[1]
    return [*layers, (np.ones((1, n)), np.array([0.5 - n]))]


def _outward(polygons: Polygons) -> Network:
    """Half-planes outside; a polygon is left if any fires; the output needs one that is not."""
    [(W, b)], owns = first_layers(polygons)
    m = len(polygons)
    left = owns, -0.5 * np.ones(m)
    return [(-W, -b), left, (-np.ones((1, m)), np.array([m - 0.5]))]


def _lists(polygons: Polygons) -> tuple[Any, ...]:
    W1: list[Any] = []
    b1: list[float] = []
    spans = []
    for corners in polygons[::-1]:
        start = len(b1)
        for k in range(len(corners)):
            (x, y), (u, v) = corners[k - 1].tolist(), corners[k].tolist()
            W1.append([y - v, u - x])
            b1.append(x * v - u * y)
        spans.append(range(start, len(b1)))
    W2 = [[int(k in span) for k in range(len(b1))] for span in spans]
    b2 = [0.5 - len(span) for span in spans]
    return (W1, b1), (W2, b2), ([[1] * len(spans)], [-0.5])


# Wherever the sum is 0, so is the margin.
ON_THE_BORDER = mark(
    "The region is right, but the margin is 0: for some points a sum of an upper layer is exactly "
    "0, that of the output outside of all polygons, or that of a polygon where n - 1 of its sides "
    "hold. Put the border halfway between the sums 0 and 1, or n - 1 and n."
)

UNION = Piece(
    name="union",
    signature="union(polygons) -> layers",
    outputs=(
        Output(
            mark("inside"),
            by="value",
            key=(0,),
            look=mark(
                "Take a point in one polygon: which half-planes hold, which neurons of the second "
                "layer fire, what does the output make of them?"
            ),
            derive=mark(
                "Each row of W2 is an AND of one polygon's sides and ignores the others. How does "
                "the output join the rows?"
            ),
            formula="v_1 + ... + v_m - 1/2 > 0,   v_k = AND of the sides of polygon k",
        ),
        Output(
            mark("margin"),
            by="at least",
            of="limit",
            key=(1,),
            after=("inside",),
            look=mark("Compute for both upper layers which sums occur, and how far from 0."),
            derive=mark(
                "An OR must tell the sums 0 and 1 apart, an AND of n the sums n - 1 and n."
            ),
            formula="(1/2) / √(number of inputs that count)",
        ),
    ),
    parts=(
        Part("inside", 0.4, (PLAIN,)),
        Part("inside", 0.3, (PLAIN, OVERLAP)),
        Part("margin", 0.3, (PLAIN, OVERLAP)),
    ),
    draw=draw,
    reference=union,
    drive=drive,
    mutants=(
        Mutant(
            "AND of the polygons",
            _with(output=lambda m: 0.5 - m),
            mark("The output waits for all polygons at once. A point in one of them is enough."),
            "output",
            "X15",
        ),
        Mutant(
            "AND of all sides",
            _and_of_all,
            mark(
                "One neuron joins all sides by AND. An intersection of half-planes is convex: the "
                "polygons need a neuron each, and a third layer."
            ),
            "layers",
            "X74",
        ),
        Mutant(
            "OR of the sides",
            _with(ands=lambda owns: -0.5 * np.ones(len(owns))),
            mark("The second layer is satisfied with one side of a polygon; all must hold."),
            "and",
            "X74",
        ),
        Mutant(
            "one threshold for all polygons",
            _with(ands=lambda owns: np.full(len(owns), 0.5 - owns.sum(axis=1)[0])),
            mark(
                "All neurons of the second layer have the bias of the first polygon, but the "
                "polygons have different numbers of sides."
            ),
            "threshold",
            "X74",
        ),
        Mutant(
            "every polygon reads all sides",
            _with(owned=np.ones_like),
            mark("Every row of W2 reads the sides of all polygons; others' sides have weight 0."),
            "weights",
            "X74",
        ),
        Mutant(
            "only the first polygon",
            lambda polygons: union(polygons[:1]),
            mark("Only the first polygon is there: does the loop end too early?"),
            "loop",
            "X04",
        ),
        Mutant(
            "only the last polygon",
            lambda polygons: union(polygons[-1:]),
            mark("Only the last polygon is there: each one replaced the one before."),
            "accumulate",
            "M11",
        ),
        Mutant(
            "output on the border",
            _with(output=lambda m: 0.0),
            ON_THE_BORDER,
            "margin",
            "X16",
        ),
        Mutant(
            "ANDs on the border",
            _with(ands=lambda owns: 1 - owns.sum(axis=1)),
            ON_THE_BORDER,
            "margin",
            "X16",
        ),
    ),
    equivalents=(
        Equivalent("half-planes outside", _outward),
        Equivalent("lists, polygons in another order", _lists),
        Equivalent(
            "float32",
            lambda polygons: [(single(W), single(b)) for W, b in union(copy_arguments(polygons))],
        ),
    ),
    cases=(PLAIN, PLAIN, OVERLAP),
    varied=differing(_numbers),
    case_names={OVERLAP: mark("polygons that overlap")},
)
