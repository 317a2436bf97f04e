"""Small generated data sets in the plane: shapes that a network has to bend around.

Each returns x (n, 2) float32 points and y (n,) int64 classes in random order. With ``seed`` (or
``generator``) the points are always the same; without, they come from the default generator.
"""

from __future__ import annotations

from typing import Any

import numpy

from nncourse.autograd.function import constant
from nncourse.autograd.tensor import Tensor
from nncourse.data.draw import amount, count, stream
from nncourse.random import Generator


def two_moons(
    n: int = 200,
    noise: float = 0.1,
    seed: int | None = None,
    generator: Generator | None = None,
) -> tuple[Tensor, Tensor]:
    """Two interlocking half circles: classes 0 (upper) and 1 (lower), half of the points each.

    noise: standard deviation of what is added to every coordinate.
    """
    if n < 2:
        raise ValueError(f"two moons need at least two points; got n={n}")
    draw = stream(seed, generator)
    upper = n // 2
    angle = numpy.concatenate([numpy.linspace(0, numpy.pi, k) for k in (upper, n - upper)])
    y = (numpy.arange(n) >= upper).astype(numpy.int64)
    side = 1 - 2 * y
    x = numpy.stack([side * numpy.cos(angle) + y, side * numpy.sin(angle) + 0.5 * y], 1)
    return _mixed(x, y, noise, draw)


def circles(
    n: int = 200,
    noise: float = 0.05,
    factor: float = 0.5,
    seed: int | None = None,
    generator: Generator | None = None,
) -> tuple[Tensor, Tensor]:
    """A circle of radius 1 (class 0) around one of radius ``factor`` (class 1).

    Needs a hidden layer, or the one feature x1^2 + x2^2.
    """
    count(n, 2, "n")
    if not 0 < factor < 1:
        raise ValueError(f"factor must be between 0 and 1; got {factor}")
    draw = stream(seed, generator)
    y = numpy.arange(n) % 2
    angle = draw.uniform(0, 2 * numpy.pi, n)
    radius = numpy.where(y == 1, factor, 1.0)
    x = numpy.stack([radius * numpy.cos(angle), radius * numpy.sin(angle)], 1)
    return _mixed(x, y, noise, draw)


def blobs(
    n: int = 200,
    centers: Any = 3,
    noise: float = 0.5,
    seed: int | None = None,
    generator: Generator | None = None,
) -> tuple[Tensor, Tensor]:
    """Round clouds of standard deviation ``noise``, one for each class.

    centers: how many, which are then put evenly on a circle of radius 2, or an array (classes, d)
    of their places, in any number of dimensions: then x is (n, d).
    """
    if isinstance(centers, int):
        angle = 2 * numpy.pi * numpy.arange(count(centers, 1, "centers")) / centers
        places = 2 * numpy.stack([numpy.cos(angle), numpy.sin(angle)], 1)
    else:
        places = numpy.asarray(centers, dtype=numpy.float64)
        if places.ndim != 2 or not len(places):
            raise ValueError(f"centers must be an array (classes, d); got {places.shape}")
    count(n, len(places), "n")
    y = numpy.arange(n) % len(places)
    return _mixed(places[y], y, noise, stream(seed, generator))


def spirals(
    n: int = 300,
    arms: int = 3,
    turns: float = 0.75,
    noise: float = 0.02,
    seed: int | None = None,
    generator: Generator | None = None,
) -> tuple[Tensor, Tensor]:
    """Arms that wind around the origin, one for each class, out to radius 1.

    turns: how many times an arm goes around. A linear classifier gets about 1/arms right, a small
    network nearly all.
    """
    count(arms, 1, "arms")
    count(n, arms, "n")
    y = numpy.arange(n) % arms
    along = (numpy.arange(n) // arms + 0.5) / (n / arms)
    angle = 2 * numpy.pi * (turns * along + y / arms)
    x = along[:, None] * numpy.stack([numpy.cos(angle), numpy.sin(angle)], 1)
    return _mixed(x, y, noise, stream(seed, generator))


def xor_clouds(
    n: int = 200,
    noise: float = 0.3,
    seed: int | None = None,
    generator: Generator | None = None,
) -> tuple[Tensor, Tensor]:
    """Four clouds around (+-1, +-1): class 1 where the signs of the centre differ.

    XOR with noise: no line separates the classes. At noise 0.3 about one point in 600 lies on the
    wrong side of an axis.
    """
    count(n, 4, "n")
    quarter = numpy.arange(n) % 4
    signs = numpy.array([[1, 1], [-1, 1], [-1, -1], [1, -1]])
    return _mixed(signs[quarter], quarter % 2, noise, stream(seed, generator))


def _mixed(
    x: numpy.ndarray, y: numpy.ndarray, noise: float, draw: numpy.random.Generator
) -> tuple[Tensor, Tensor]:
    """The points with noise, in random order."""
    x = x + amount(noise, "noise") * draw.standard_normal(x.shape)
    order = draw.permutation(len(x))
    return constant(x[order].astype(numpy.float32)), constant(y[order].astype(numpy.int64))
