"""Regions bounded by straight lines, as formulas of half-planes.

A neuron with a step says on which side of a line a point is; a second layer that says AND of some
makes a convex polygon, a third that says OR of polygons makes anything with straight sides, also
with holes or in several pieces. The regions here are written as just such formulas:

    square = (X1 >= -1) & (X1 <= 1) & (X2 >= -1) & (X2 <= 1)

with whole numbers, so that truth is exact: for the points that ``region_points`` draws, on a grid
of 1/64, no rounding takes place, in float32 either.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy

from nncourse.autograd.tensor import Tensor
from nncourse.data.draw import amount, classes, count, floats, stream
from nncourse.random import Generator

GRID = 64  # points per unit of length


class Region:
    """A formula of half-planes; ``&``, ``|`` and ``~`` make new ones."""

    def contains(self, x: Any) -> numpy.ndarray:
        """Which of the points x (..., 2) are inside: booleans (...)."""
        points = numpy.asarray(x, dtype=numpy.float64)
        if points.shape[-1:] != (2,):
            raise ValueError(f"points of the plane have two coordinates; got shape {points.shape}")
        return self._holds(points)

    def half_planes(self) -> list[HalfPlane]:
        """The half-planes of the formula, each once, in order of appearance."""
        return list(dict.fromkeys(self._leaves()))

    def distance(self, x: Any) -> numpy.ndarray:
        """How far the points (..., 2) are from the nearest line of the formula: (...)."""
        points = numpy.asarray(x, dtype=numpy.float64)
        return numpy.min([abs(plane.height(points)) for plane in self.half_planes()], axis=0)

    def _holds(self, points: numpy.ndarray) -> numpy.ndarray:
        raise NotImplementedError

    def _leaves(self) -> list[HalfPlane]:
        raise NotImplementedError

    def __and__(self, other: Region) -> Region:
        return And((*_parts(self, And), *_parts(other, And)))

    def __or__(self, other: Region) -> Region:
        return Or((*_parts(self, Or), *_parts(other, Or)))

    def __invert__(self) -> Region:
        return self.part if isinstance(self, Not) else Not(self)


@dataclass(frozen=True)
class HalfPlane(Region):
    """The points with a1 x1 + a2 x2 + b >= 0; whole numbers a1, a2, b.

    A neuron with weights (a1, a2), bias b and a step that is 1 at 0 says exactly this.
    """

    a1: int
    a2: int
    b: int

    def __post_init__(self) -> None:
        for value in (self.a1, self.a2, self.b):
            if not isinstance(value, int):
                raise TypeError(f"a half-plane is made of whole numbers; got {value!r}")
        if not (self.a1 or self.a2):
            raise ValueError("a1 and a2 are both 0: that is no half-plane")

    def _holds(self, points: numpy.ndarray) -> numpy.ndarray:
        return self.a1 * points[..., 0] + self.a2 * points[..., 1] + self.b >= 0

    def _leaves(self) -> list[HalfPlane]:
        return [self]

    def height(self, points: numpy.ndarray) -> numpy.ndarray:
        """Distance from the line, negative outside."""
        raw = self.a1 * points[..., 0] + self.a2 * points[..., 1] + self.b
        return raw / math.hypot(self.a1, self.a2)

    def __str__(self) -> str:
        terms = [(self.a1, " x1"), (self.a2, " x2"), (self.b, "")]
        text = " ".join(f"{value:+d}{name}" for value, name in terms if value)
        text = text.replace("+1 x", "+x").replace("-1 x", "-x")
        return f"{text.removeprefix('+')} >= 0"


@dataclass(frozen=True)
class And(Region):
    """Where all parts hold: their intersection."""

    parts: tuple[Region, ...]

    def _holds(self, points: numpy.ndarray) -> numpy.ndarray:
        return numpy.all([part._holds(points) for part in self.parts], axis=0)

    def _leaves(self) -> list[HalfPlane]:
        return [leaf for part in self.parts for leaf in part._leaves()]

    def __str__(self) -> str:
        return " and ".join(_bracketed(part) for part in self.parts)


@dataclass(frozen=True)
class Or(Region):
    """Where at least one part holds: their union."""

    parts: tuple[Region, ...]

    def _holds(self, points: numpy.ndarray) -> numpy.ndarray:
        return numpy.any([part._holds(points) for part in self.parts], axis=0)

    def _leaves(self) -> list[HalfPlane]:
        return [leaf for part in self.parts for leaf in part._leaves()]

    def __str__(self) -> str:
        return " or ".join(_bracketed(part) for part in self.parts)


@dataclass(frozen=True)
class Not(Region):
    """Where the part does not hold: its complement, without the boundary."""

    part: Region

    def _holds(self, points: numpy.ndarray) -> numpy.ndarray:
        return ~self.part._holds(points)

    def _leaves(self) -> list[HalfPlane]:
        return self.part._leaves()

    def __str__(self) -> str:
        return f"not {_bracketed(self.part)}"


def _parts(region: Region, kind: type) -> tuple[Region, ...]:
    return region.parts if isinstance(region, kind) else (region,)  # type: ignore[attr-defined]


def _bracketed(region: Region) -> str:
    return str(region) if isinstance(region, HalfPlane) else f"({region})"


def polygon(*corners: tuple[int, int]) -> Region:
    """The convex polygon with these corners (whole numbers), named counter-clockwise."""
    planes = []
    for (x, y), (u, v) in zip(corners, [*corners[1:], corners[0]]):
        # Inside is on the left when one walks from corner to corner.
        a1, a2 = y - v, u - x
        planes.append(HalfPlane(a1, a2, -(a1 * x + a2 * y)))
    for plane in planes:
        if any(plane.a1 * x + plane.a2 * y + plane.b < 0 for x, y in corners):
            raise ValueError("the corners must make a convex polygon, counter-clockwise")
    return And(tuple(planes))


# All within the square from -3 to 3. The first three are convex: one hidden layer and an AND. The
# next three are connected but not convex, the last two are in pieces: a second hidden layer.
REGIONS: dict[str, Region] = {
    "triangle": polygon((-2, -2), (2, -1), (0, 2)),
    "square": polygon((-1, -1), (1, -1), (1, 1), (-1, 1)),
    "hexagon": polygon((2, 0), (1, 2), (-1, 2), (-2, 0), (-1, -2), (1, -2)),
    "corner": polygon((-2, -2), (2, -2), (2, 0), (-2, 0))
    | polygon((-2, -2), (0, -2), (0, 2), (-2, 2)),
    "star": polygon((-2, -1), (2, -1), (0, 2)) | polygon((0, -2), (2, 1), (-2, 1)),
    "frame": polygon((-2, -2), (2, -2), (2, 2), (-2, 2))
    & ~polygon((-1, -1), (1, -1), (1, 1), (-1, 1)),
    "two squares": polygon((-2, -2), (0, -2), (0, 0), (-2, 0))
    | polygon((1, 1), (2, 1), (2, 2), (1, 2)),
    "islands": polygon((-2, 0), (-1, 0), (-1, 2))
    | polygon((1, 1), (2, 1), (2, 2), (1, 2))
    | polygon((-1, -2), (1, -2), (2, -1), (0, -1)),
}


def region(name: str) -> Region:
    """A ready-made region: "triangle", "square", "hexagon" (convex), "corner", "star", "frame"
    (connected, not convex), "two squares", "islands" (in pieces)."""
    if name not in REGIONS:
        raise ValueError(f"no region {name!r}; there are {', '.join(REGIONS)}")
    return REGIONS[name]


def region_points(
    which: str | Region,
    n: int = 500,
    margin: float = 0.0,
    extent: int = 3,
    seed: int | None = None,
    generator: Generator | None = None,
) -> tuple[Tensor, Tensor]:
    """Points x (n, 2) float32 in the square from -extent to extent, y (n,) int64: 1 inside.

    margin: no point comes nearer than this to a line of the formula. About half of the points are
    inside. Coordinates are multiples of 1/64.
    """
    formula = region(which) if isinstance(which, str) else which
    count(n, 2, "n")
    amount(margin, "margin")
    draw = stream(seed, generator)
    wanted = {True: n // 2, False: n - n // 2}
    kept: list[numpy.ndarray] = []
    for _ in range(1000):
        x = draw.integers(-extent * GRID, extent * GRID + 1, (4 * n, 2)) / GRID
        x = x[formula.distance(x) >= margin]
        inside = formula.contains(x)
        for side in wanted:
            part = x[inside == side][: wanted[side]]
            wanted[side] -= len(part)
            kept.append(part)
        if not any(wanted.values()):
            break
    else:
        raise ValueError(
            f"hardly a point of the square from -{extent} to {extent} lies inside (or outside) the "
            f"region at a distance of {margin} from its lines"
        )
    points = numpy.concatenate(kept)[draw.permutation(n)]
    return floats(points), classes(formula.contains(points))
