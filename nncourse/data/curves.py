"""Functions of one variable, with noise: what a network's fit can be seen on."""

from __future__ import annotations

from collections.abc import Callable

import numpy

from nncourse.autograd.tensor import Tensor
from nncourse.data.draw import amount, count, floats, stream
from nncourse.random import Generator

CURVES: dict[str, Callable[[numpy.ndarray], numpy.ndarray]] = {
    "line": lambda x: 0.5 * x + 0.25,
    "parabola": lambda x: x**2 / 4 - 1,
    "cubic": lambda x: (x**3 - 4 * x) / 6,
    "sine": lambda x: numpy.sin(2 * x),
    "chirp": lambda x: numpy.sin(x * abs(x)),
    "bump": lambda x: numpy.exp(-2 * x**2),
    "sinc": lambda x: numpy.sinc(2 * x / numpy.pi),
    "abs": lambda x: abs(x) - 1.0,
    "step": lambda x: numpy.where(x >= 0, 1.0, -1.0),
    "steps": lambda x: numpy.floor(x) / 2,
}


def curve(
    name: str | Callable[[numpy.ndarray], numpy.ndarray] = "sine",
    n: int = 100,
    noise: float = 0.1,
    low: float = -3.0,
    high: float = 3.0,
    seed: int | None = None,
    generator: Generator | None = None,
) -> tuple[Tensor, Tensor]:
    """x (n, 1) float32 spread at random over [low, high], y (n, 1) = f(x) + noise.

    name: "line", "parabola", "cubic", "sine", "chirp", "bump", "sinc", "abs", "step", "steps", or
    a function of an array. noise: standard deviation; 0 gives the function itself. The functions
    without noise stand in ``CURVES``.
    """
    if isinstance(name, str) and name not in CURVES:
        raise ValueError(f"no curve {name!r}; there are {', '.join(CURVES)}")
    if not low < high:
        raise ValueError(f"low must be below high; got {low} and {high}")
    count(n, 1, "n")
    draw = stream(seed, generator)
    f = CURVES[name] if isinstance(name, str) else name
    # Rounded first, so that y belongs to the x that is returned.
    x = draw.uniform(low, high, (n, 1)).astype(numpy.float32)
    y = f(x.astype(numpy.float64)) + amount(noise, "noise") * draw.standard_normal((n, 1))
    return floats(x), floats(y)
