"""Time series: generated ones whose rule is known, and the airline passengers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy

from nncourse.autograd.tensor import Tensor
from nncourse.data.draw import amount, count, floats, stream
from nncourse.random import Generator

_PASSENGERS = """
112 118 132 129 121 135 148 148 136 119 104 118
115 126 141 135 125 149 170 170 158 133 114 140
145 150 178 163 172 178 199 199 184 162 146 166
171 180 193 181 183 218 230 242 209 191 172 194
196 196 236 235 229 243 264 272 237 211 180 201
204 188 235 227 234 264 302 293 259 229 203 229
242 233 267 269 270 315 364 347 312 274 237 278
284 277 317 313 318 374 413 405 355 306 271 306
315 301 356 348 355 422 465 467 404 347 305 336
340 318 362 348 363 435 491 505 404 359 310 337
360 342 406 396 420 472 548 559 463 407 362 405
417 391 419 461 472 535 622 606 508 461 390 432
"""


def airline_passengers() -> Tensor:
    """Passengers of international airlines in thousands per month, January 1949 to December 1960.

    (144,) float32. It grows, and the yearly swing grows with it: take the logarithm first.

    Source: G. E. P. Box, G. M. Jenkins, Time Series Analysis: Forecasting and Control, 1976,
    series G (after R. G. Brown, 1963).
    """
    return floats([int(number) for number in _PASSENGERS.split()])


def sine_series(
    n: int = 500,
    period: float = 25.0,
    noise: float = 0.1,
    seed: int | None = None,
    generator: Generator | None = None,
) -> Tensor:
    """y_t = sin(2 pi t / period + phase) + noise, (n,) float32; the phase is random."""
    count(n, 1, "n")
    draw = stream(seed, generator)
    phase = draw.uniform(0, 2 * numpy.pi)
    y = numpy.sin(2 * numpy.pi * numpy.arange(n) / period + phase)
    return floats(y + amount(noise, "noise") * draw.standard_normal(n))


def ar_series(
    n: int = 500,
    coefficients: Sequence[float] = (1.6, -0.8),
    noise: float = 1.0,
    seed: int | None = None,
    generator: Generator | None = None,
) -> Tensor:
    """Autoregression: y_t = a_1 y_(t-1) + a_2 y_(t-2) + ... + e_t, (n,) float32.

    e_t is normal with standard deviation ``noise``; the best forecast of one step is off by just
    that. The coefficients must make a series that does not run away (all roots of
    z^p - a_1 z^(p-1) - ... - a_p inside the unit circle).
    """
    count(n, 1, "n")
    a = numpy.asarray(coefficients, dtype=numpy.float64)
    roots = abs(numpy.roots([1.0, *(-a)]))
    largest = roots.max(initial=0.0)
    if largest >= 1:
        raise ValueError(
            f"with these coefficients the series runs away: a root has modulus {largest:.3f}, "
            "all must be below 1"
        )
    draw = stream(seed, generator)
    # Long enough for the zeros at the start to be forgotten.
    warm = 50 + int(numpy.ceil(numpy.log(1e-6) / numpy.log(max(largest, 0.1))))
    steps = (amount(noise, "noise") * draw.standard_normal(warm + n)).tolist()
    y = [0.0] * len(a)
    weights = a[::-1].tolist()
    for e in steps:
        y.append(e + sum(w * v for w, v in zip(weights, y[len(y) - len(a) :])))
    return floats(y[-n:])


def seasonal_series(
    n: int = 240,
    period: int = 12,
    trend: float = 0.01,
    swing: float = 0.3,
    noise: float = 0.05,
    seed: int | None = None,
    generator: Generator | None = None,
) -> Tensor:
    """y_t = trend t + swing s_(t mod period) + noise, (n,) float32.

    s is a random smooth pattern over one period, with mean 0 and standard deviation 1. The
    exponential of the series is like the airline passengers.
    """
    count(n, 1, "n")
    count(period, 2, "period")
    draw = stream(seed, generator)
    angle = 2 * numpy.pi * numpy.arange(period) / period
    season = numpy.zeros(period)
    for wave in (1, 2, 3):
        a, b = draw.standard_normal(2) / wave
        season += a * numpy.cos(wave * angle) + b * numpy.sin(wave * angle)
    season -= season.mean()
    season /= season.std()
    t = numpy.arange(n)
    y = trend * t + swing * season[t % period]
    return floats(y + amount(noise, "noise") * draw.standard_normal(n))


def windows(series: Any, width: int, horizon: int = 1) -> tuple[Tensor, Tensor]:
    """A series cut into examples: x (m, width) of neighbouring values, y (m, horizon) what follows.

    series: (n,), or (n, d) for several values per time: then x is (m, width, d), y (m, horizon, d).
    m = n - width - horizon + 1. Split a series into training and test part before cutting it, or
    windows of one part will hold values of the other.
    """
    values = numpy.asarray(series)
    count(width, 1, "width")
    count(horizon, 1, "horizon")
    m = len(values) - width - horizon + 1
    if m < 1:
        raise ValueError(
            f"a window of {width} values and {horizon} to forecast need a series of at least "
            f"{width + horizon}; this one has {len(values)}"
        )
    start = numpy.arange(m)[:, None]
    return floats(values[start + numpy.arange(width)]), floats(
        values[start + width + numpy.arange(horizon)]
    )
