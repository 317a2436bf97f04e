"""Small generated data sets in the plane."""

from __future__ import annotations

import numpy

from nncourse.autograd.function import constant
from nncourse.autograd.tensor import Tensor
from nncourse.random import Generator, default_generator


def two_moons(n: int = 200, noise: float = 0.1, seed: int | None = None) -> tuple[Tensor, Tensor]:
    """Two interlocking half circles: x (n, 2) float32 points, y (n,) int64 classes 0 and 1.

    noise: standard deviation of what is added to every coordinate. With ``seed`` the points are
    always the same; without, they come from the default generator.
    """
    if n < 2:
        raise ValueError(f"two moons need at least two points; got n={n}")
    stream = (Generator(seed) if seed is not None else default_generator).stream
    upper = n // 2
    angle = numpy.concatenate([numpy.linspace(0, numpy.pi, k) for k in (upper, n - upper)])
    y = (numpy.arange(n) >= upper).astype(numpy.int64)
    side = 1 - 2 * y
    x = numpy.stack([side * numpy.cos(angle) + y, side * numpy.sin(angle) + 0.5 * y], 1)
    x = x + noise * stream.standard_normal((n, 2))
    order = stream.permutation(n)
    return constant(x[order].astype(numpy.float32)), constant(y[order])
