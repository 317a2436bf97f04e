"""half_plane, convex: one side of a line, and a convex polygon as an AND of half-planes."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from nncourse.diagnosis import Finding
from nncourse.diagnosis.measure import Array
from nncourse.exercises.piece import (
    PLAIN,
    Equivalent,
    Mutant,
    Output,
    Part,
    Piece,
    Point,
    Unfit,
    differing,
    single,
)
from nncourse.exercises.ps03.steps import SHARE, Network, pair, read, read_network, run
from nncourse.language import mark

TRIANGLE, RECTANGLE = "triangle", "rectangle"
UPRIGHT, LEVEL, CENTRAL = "vertical", "horizontal", "central"
"""Lines that are no y = k x + m, no x = k y + m, and no x / a + y / b = 1."""

CLEAR = 0.06
"""No point drawn at random at which a region is compared comes nearer to a side's line."""

NEAR = 1 / 256
"""So near is one to the middle of each side, inside and outside: the lines are to be the sides'."""

COUNT = 300
"""So many points are drawn for a comparison, half of them inside."""


def half_plane(p: Array, q: Array) -> tuple[Array, float]:
    """(w (2,), b) with w·x + b > 0 to the left of one who walks from p to q."""
    w = np.array([p[1] - q[1], q[0] - p[0]])
    return w, float(-w @ p)


def heights(corners: Array, points: Array) -> Array:
    """Distances (M, n) of the points from the polygon's sides, positive inside."""
    sides = [half_plane(p, q) for p, q in zip(corners, np.roll(corners, -1, axis=0))]
    return np.stack([(points @ w + b) / np.linalg.norm(w) for w, b in sides], axis=1)


def draw_polygon(rng: np.random.Generator, n: int, centre: Array, radius: float) -> Array:
    """Corners (n, 2) of a convex polygon, counter-clockwise, multiples of 1/16."""
    while True:
        angles = 2 * np.pi * (np.arange(n) + rng.uniform(-0.25, 0.25, n)) / n + rng.uniform(0, 6)
        ring = np.stack([np.cos(angles), np.sin(angles)], axis=1) * rng.uniform(0.8, 1.2, 2)
        corners = np.round(16 * (centre + radius * ring)) / 16
        steps = np.roll(corners, -1, axis=0) - corners
        others = heights(corners, corners)
        for side in range(n):
            others[[side, (side + 1) % n], side] = np.inf
        slanted = np.abs(np.abs(steps[:, 0]) - np.abs(steps[:, 1])) > 0.1
        if others.min() > 0.25 and np.all(np.abs(steps) > 0.1) and slanted.all():
            return corners


def beside_sides(corners: Array) -> Array:
    """Points (2n, 2) at the distance NEAR from the middle of each side, outside and inside."""
    after = np.roll(corners, -1, axis=0)
    inwards = np.array([half_plane(p, q)[0] for p, q in zip(corners, after)])
    inwards *= NEAR / np.linalg.norm(inwards, axis=1, keepdims=True)
    middles = (corners + after) / 2
    return np.round(4096 * np.concatenate([middles - inwards, middles + inwards])) / 4096


def draw_points(rng: np.random.Generator, polygons: list[Array]) -> tuple[Array, Array]:
    """(points (M, 2), heights over all sides): off all lines, half in the union of polygons.

    Those beside the sides come first, and so are among them.
    """
    corners = np.concatenate(polygons)
    low, high = corners.min(axis=0) - 1, corners.max(axis=0) + 1
    near = np.concatenate([beside_sides(polygon) for polygon in polygons])
    x = np.concatenate([near, np.round(64 * rng.uniform(low, high, (6 * COUNT, 2))) / 64])
    limits = np.where(np.arange(len(x)) < len(near), NEAR / 2, CLEAR)
    parts = [heights(polygon, x) for polygon in polygons]
    clear = np.abs(np.concatenate(parts, axis=1)).min(axis=1) > limits
    inside = np.any([part.min(axis=1) > 0 for part in parts], axis=0)
    chosen = [np.flatnonzero(clear & (inside == side))[: COUNT // 2] for side in (True, False)]
    picked = rng.permutation(np.concatenate(chosen))
    return x[picked], np.concatenate(parts, axis=1)[picked]


def draw_half_plane(rng: np.random.Generator, case: str) -> Point:
    """p, q (2,) in a general position if the case is no other, and points to measure at."""
    while True:
        p, q = np.round(rng.uniform(-3, 3, (2, 2)) * 16) / 16
        if case != PLAIN:
            if min(abs(p).min(), abs(q - p).min()) > 0.5:
                q = {UPRIGHT: np.array([p[0], q[1]]), LEVEL: np.array([q[0], p[1]])}.get(case, -p)
                return Point((p, q, np.round(rng.uniform(-4, 4, (12, 2)) * 64) / 64), {}, 1.0, case)
            continue
        step = np.abs(q - p)
        w, b = half_plane(p, q)
        far = abs(b) / np.linalg.norm(w) if step.any() else 0
        if step.min() > 0.5 and abs(step[0] - step[1]) > 0.5 and 0.5 < far < 3:
            return Point((p, q, np.round(rng.uniform(-4, 4, (12, 2)) * 64) / 64), {}, 1.0, case)


def varied_half_plane(points: Sequence[Point]) -> bool:
    """Whether lines that stand or lie go both ways, and the others also have the origin on either
    side: else a sign that is taken from elsewhere would be right with some seeds.
    """
    for case, count, signs in ((PLAIN, 3, (0, 1, 2)), (UPRIGHT, 2, (1,)), (LEVEL, 2, (0,))):
        lines = [point.arguments[:2] for point in points if point.case == case]
        ways = [(*np.sign(q - p), np.sign(half_plane(p, q)[1])) for p, q in lines]
        if len(ways) == count and any(len({way[k] for way in ways}) < 2 for k in signs):
            return False
    return True


def drive_half_plane(answer: Callable[..., Any], p: Array, q: Array, points: Array) -> Array:
    """Signed distances (M,) of the points from the line: the scale of the weights is free."""
    weights, bias = pair(answer(p, q), "(w, b)")
    w = read(weights, (2,), "w")
    one = bias is not None and np.size(bias) == 1
    b = float(read(np.reshape(bias, ()) if one else bias, (), "b"))
    length = math.hypot(*w)  # whose squares neither vanish nor overflow
    if length == 0:
        raise Unfit(Finding("zero", mark("Both weights are 0: such a neuron has no border.")))
    return (points @ w + b) / length


def _line(weights_of: Callable[[Array, Array], Any], sign: float = -1.0) -> Callable[..., Any]:
    """A line with another normal through p; ``sign`` 0 or 1 spoils the bias."""

    def function(p: Array, q: Array) -> tuple[Array, float]:
        w = np.array(weights_of(p, q))
        return w, float(sign * (w @ p))

    return function


def _normal(p: Array, q: Array) -> Array:
    return half_plane(p, q)[0]


def _determinant(p: Array, q: Array) -> list[Any]:
    (x, y), (u, v) = p.tolist(), q.tolist()
    return [[y - v, u - x], x * v - u * y]


def _unit(p: Array, q: Array) -> tuple[Array, Array]:
    turn = np.array([[0.0, -1.0], [1.0, 0.0]])
    w = turn @ (q - p) / np.linalg.norm(q - p)
    return w, np.array([-w @ (p + q) / 2])


HALF_PLANE = Piece(
    name="half_plane",
    signature="half_plane(p, q) -> (w, b)",
    outputs=(
        Output(
            mark("distances"),
            by="value",
            look=mark("Put p and q into your w·x + b: both lie on the border, so both give 0."),
            derive=mark("w is at right angles to q - p and points to the left. Turn q - p by 90°."),
            formula="w = (p₂ - q₂, q₁ - p₁),   b = -w·p",
        ),
    ),
    parts=(
        Part("distances", 0.7, (PLAIN,)),
        *(Part("distances", 0.1, (PLAIN, case)) for case in (UPRIGHT, LEVEL, CENTRAL)),
    ),
    draw=draw_half_plane,
    reference=half_plane,
    drive=drive_half_plane,
    mutants=(
        Mutant(
            "to the right",
            lambda p, q: half_plane(q, p),
            mark("The line is right, but the neuron is 1 on its right side: turn all signs."),
            "sign",
            "M04",
        ),
        Mutant(
            "through the origin",
            _line(_normal, 0.0),
            mark("The line runs through the origin: the bias is missing."),
            "bias",
            "X73",
        ),
        Mutant(
            "bias as a threshold",
            _line(_normal, 1.0),
            mark("The bias has the sign of a threshold: it is added, so that w·p + b = 0."),
            "sign of the bias",
            "X10",
        ),
        Mutant(
            "along the line",
            _line(lambda p, q: q - p),
            mark("w points along the line from p to q; it must be at right angles to it."),
            "direction",
            "X73",
        ),
        Mutant(
            "exchanged without a minus",
            _line(lambda p, q: (q - p)[::-1]),
            mark("The components are exchanged, but one of them must change its sign, too."),
            "direction",
            "X73",
        ),
        Mutant(
            "components not exchanged",
            _line(lambda p, q: (q - p) * np.array([-1.0, 1.0])),
            mark("One component changes its sign, but they must be exchanged as well."),
            "direction",
            "X73",
        ),
    ),
    equivalents=(
        Equivalent("a determinant, lists returned", _determinant),
        Equivalent("a turned unit vector, from the middle", _unit),
        Equivalent(
            "scaled float32", lambda p, q: tuple(single(part) * 2 for part in _line(_normal)(p, q))
        ),
    ),
    cases=(PLAIN, PLAIN, PLAIN, UPRIGHT, UPRIGHT, LEVEL, LEVEL, CENTRAL),
    varied=varied_half_plane,
    case_names={
        UPRIGHT: mark("a vertical line"),
        LEVEL: mark("a horizontal line"),
        CENTRAL: mark("a line through the origin"),
    },
)


def draw_convex(rng: np.random.Generator, case: str) -> Point:
    """The corners of a polygon away from the origin, and points to compare at."""
    n = {TRIANGLE: 3, RECTANGLE: 4}.get(case) or int(rng.choice((5, 6)))
    angle = rng.uniform(0, 2 * np.pi)
    centre = 2.5 * np.array([np.cos(angle), np.sin(angle)])
    while True:
        corners = draw_polygon(rng, n, centre, 1.5)
        if case == RECTANGLE:
            (left, low), (right, high) = corners.min(axis=0), corners.max(axis=0)
            around = np.array([[left, low], [right, low], [right, high], [left, high]])
            corners = np.roll(around, int(rng.integers(4)), axis=0)
        points, sides = draw_points(rng, [corners])
        # Each side alone keeps some points out, and the origin is outside.
        alone = [
            (sides[:, k] < 0) & (np.delete(sides, k, axis=1).min(axis=1) > 0) for k in range(n)
        ]
        if min(map(np.sum, alone)) >= 2 and heights(corners, np.zeros((1, 2))).min() < -0.2:
            limit = np.array(SHARE / (2 * n**0.5))
            return Point((corners, points), {"limit": limit}, 1.0, case)


def drive(answer: Callable[..., Any], region: Any, points: Array) -> tuple[Array, float]:
    """(answers at the points, margin) of the network that is returned.

    The margin counts against a network that is wrong somewhere: a constant answer earns nothing.
    """
    polygons = region if isinstance(region, list) else [region]
    inside = np.any([heights(corners, points).min(axis=1) > 0 for corners in polygons], axis=0)
    answers, margin = run(read_network(answer(region)), points)
    return answers, margin if np.array_equal(answers, inside) else -margin


def sides_of(corners: Array) -> tuple[Array, Array]:
    """W (n, 2) and b (n,) of the polygon's sides."""
    planes = [half_plane(p, q) for p, q in zip(corners, np.roll(corners, -1, axis=0))]
    return np.array([w for w, _b in planes]), np.array([b for _w, b in planes])


def convex(corners: Array) -> Network:
    """A layer of half-planes and an AND of them."""
    n = len(corners)
    return [sides_of(corners), (np.ones((1, n)), np.array([0.5 - n]))]


def _with(
    sides: Callable[[Array], tuple[Array, Array]] = sides_of,
    output: Callable[[int], float] = lambda n: 0.5 - n,
) -> Callable[..., Any]:
    """The reference with other half-planes, or another bias of the output."""

    def function(corners: Array) -> Network:
        W, b = sides(corners)
        return [(W, b), (np.ones((1, len(W))), np.array([output(len(W))]))]

    return function


def _open(corners: Array) -> tuple[Array, Array]:
    W, b = sides_of(corners)
    return W[:-1], b[:-1]


def _outward(corners: Array) -> Network:
    """Half-planes outside the polygon, and an output that is silent if any of them fires."""
    W, b = sides_of(corners)
    return [(-W, -b), (-np.ones((1, len(W))), np.array([0.5]))]


def _lists(corners: Array) -> tuple[Any, ...]:
    W, b = [], []
    for k in range(len(corners)):
        (x, y), (u, v) = corners[k - 1].tolist(), corners[k].tolist()
        W.append([y - v, u - x])
        b.append(x * v - u * y)
    return (W, b), ([[2] * len(b)], [1 - 2 * len(b)])


def _single(layers: Network) -> list[Any]:
    return [(single(W), single(b)) for W, b in layers]


# A network that is silent everywhere looks the same whatever made it so.
SILENT = mark(
    "The output never fires: it asks for more than all half-planes together give, or nowhere do "
    "all of them hold. Walking counter-clockwise, inside is on the left; are the hidden biases "
    "there, and added?"
)

CONVEX = Piece(
    name="convex",
    signature="convex(corners) -> layers",
    outputs=(
        Output(
            mark("inside"),
            by="value",
            key=(0,),
            look=mark(
                "Take one corner of the picture: which half-planes hold just inside it, which just "
                "outside, and what does the output make of them?"
            ),
            derive=mark(
                "Inside is where all sides agree. What is the sum of n ones, and of n - 1?"
            ),
            formula="u_1 + ... + u_n - (n - 1/2) > 0",
        ),
        Output(
            mark("margin"),
            by="at least",
            of="limit",
            key=(1,),
            after=("inside",),
            look=mark("Which sums does the output meet? Compute how far from 0 they are."),
            derive=mark("The sums n and n - 1 must be told apart: go halfway between them."),
            formula="(1/2) / √n",
        ),
    ),
    parts=(
        Part("inside", 0.5, (PLAIN,)),
        Part("inside", 0.1, (PLAIN, TRIANGLE)),
        Part("inside", 0.1, (PLAIN, RECTANGLE)),
        Part("margin", 0.2, (PLAIN, TRIANGLE)),
        Part("margin", 0.1, (PLAIN, RECTANGLE)),
    ),
    draw=draw_convex,
    reference=convex,
    drive=drive,
    mutants=(
        Mutant(
            "OR of the sides",
            _with(output=lambda n: -0.5),
            mark("The output is an OR: one half-plane is enough for it. All of them must hold."),
            "output",
            "X74",
        ),
        Mutant(
            "one side may fail",
            _with(output=lambda n: 1.5 - n),
            mark("The output fires also where one half-plane does not hold: n - 1 are enough."),
            "off by one",
        ),
        Mutant(
            "threshold that is reached",
            _with(output=lambda n: float(-n)),
            mark("Inside, the output's sum is exactly 0, and a neuron fires only above it."),
            "border",
            "X11",
        ),
        Mutant(
            "thin margin",
            _with(output=lambda n: 0.1 - n),
            mark(
                "The region is right, but the output's border runs close to where all n "
                "half-planes hold, or to where all but one do. Put it halfway between the sums n "
                "and n - 1."
            ),
            "margin",
            "X16",
        ),
        Mutant(
            "border where one side fails",
            _with(output=lambda n: 1.0 - n),
            mark(
                "The region is right, but the output's sum is exactly 0 for some points outside: "
                "the margin is 0. Put the border halfway between the sums n and n - 1."
            ),
            "margin",
            "X16",
        ),
        Mutant(
            "last side open",
            _with(sides=_open),
            mark("The side from the last corner back to the first is missing."),
            "loop",
            "X05",
        ),
        Mutant(
            "threshold too high",
            _with(output=lambda n: -0.5 - n),
            SILENT,
            "off by one",
        ),
        Mutant(
            "half-planes outside",
            _with(sides=lambda corners: sides_of(corners[::-1])),
            SILENT,
            "sign",
            "X73",
        ),
        Mutant(
            "no biases",
            _with(sides=lambda corners: (sides_of(corners)[0], np.zeros(len(corners)))),
            SILENT,
            "bias",
            "X73",
        ),
        Mutant(
            "biases as thresholds",
            _with(sides=lambda corners: (sides_of(corners)[0], -sides_of(corners)[1])),
            SILENT,
            "bias",
            "X10",
        ),
    ),
    equivalents=(
        Equivalent("half-planes outside, none may fire", _outward),
        Equivalent("lists, all twice as large", _lists),
        Equivalent("float32", lambda corners: _single(convex(corners))),
    ),
    cases=(PLAIN, PLAIN, TRIANGLE, RECTANGLE),
    varied=differing(lambda point: point.arguments[0].shape[:1]),
    case_names={
        TRIANGLE: mark("a triangle"),
        RECTANGLE: mark("a rectangle with sides along the axes"),
    },
)
