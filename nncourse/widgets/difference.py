"""Numerical derivatives and what limits them: step size, number type, kinks.

difference.js is the twin of this file in the browser; a test holds the two together. The error
estimates stand in any text on numerical analysis; the complex step is that of Squire and Trapp
(1998).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

Number = Any  # a NumPy scalar or array, real or complex; the type is kept

METHODS = ("forward", "central", "complex")
DTYPES = ("float64", "float32")
SMALLEST_H, LARGEST_H = 1e-16, 1.0


@dataclass(frozen=True)
class Curve:
    """A function of one number with its first three derivatives.

    ``value`` keeps the type of its argument and takes complex ones. ``kinks`` are the points
    without a derivative; there ``slopes`` follows the convention of automatic differentiation.
    """

    formula: str
    low: float
    high: float
    value: Callable[[Number], Number]
    slopes: Callable[[float], tuple[float, float, float]]
    kinks: tuple[float, ...] = ()


def _relu(x: Number) -> Number:
    return np.where(x.real > 0, x, x * 0)


def _max(x: Number) -> Number:
    return np.where(x.real >= (x * x).real, x, x * x)


def _tanh_slopes(x: float) -> tuple[float, float, float]:
    t, first = np.tanh(x), 1 / np.cosh(x) ** 2
    return float(first), float(-2 * t * first), float((6 * t * t - 2) * first)


CURVES = {
    "sin": Curve(
        "sin x",
        -3,
        3,
        np.sin,
        lambda x: (float(np.cos(x)), float(-np.sin(x)), float(-np.cos(x))),
    ),
    "cube": Curve("x³", -3, 3, lambda x: x * x * x, lambda x: (3 * x * x, 6 * x, 6.0)),
    "exp": Curve("exp x", -3, 3, np.exp, lambda x: (float(np.exp(x)),) * 3),
    "tanh": Curve("tanh x", -12, 12, np.tanh, _tanh_slopes),
    "relu": Curve("relu(x) = max(0, x)", -3, 3, _relu, lambda x: (float(x > 0), 0.0, 0.0), (0.0,)),
    "abs": Curve(
        "|x|",
        -3,
        3,
        lambda x: x * np.sign(x.real),
        lambda x: (float(np.sign(x)), 0.0, 0.0),
        (0.0,),
    ),
    "max": Curve(
        "max(x, x²)",
        -3,
        3,
        _max,
        lambda x: (1.0, 0.0, 0.0) if x >= x * x else (2 * x, 2.0, 0.0),
        (0.0, 1.0),
    ),
}


def difference(name: str, x: float, h: float, method: str, dtype: str) -> float:
    """The numerical derivative of a curve at ``x``, computed throughout in ``dtype``.

    forward (f(x + h) − f(x)) / h; central (f(x + h) − f(x − h)) / 2h; complex Im f(x + ih) / h.
    """
    real = np.dtype(dtype).type
    at, step, f = real(x), real(h), CURVES[name].value
    if method == "forward":
        return float((f(at + step) - f(at)) / step)
    if method == "central":
        return float((f(at + step) - f(at - step)) / (step + step))
    point = (np.complex64 if dtype == "float32" else np.complex128)(complex(at, step))
    return float(np.imag(f(point)) / step)


def exact(name: str, x: float, dtype: str) -> float:
    """The derivative at the number that ``x`` is in ``dtype``."""
    return CURVES[name].slopes(float(np.dtype(dtype).type(x)))[0]


def error(name: str, x: float, h: float, method: str, dtype: str) -> float:
    """How far the numerical derivative is from the exact one."""
    return abs(difference(name, x, h, method, dtype) - exact(name, x, dtype))


def estimates(name: str, x: float, h: float, method: str, dtype: str) -> tuple[float, float]:
    """The sizes to expect of the truncation error and of the round-off error.

    Truncation is the first term that the Taylor series drops. Round-off is half a unit in the last
    place of f(x) and of x + h, divided by h; the complex step subtracts nothing and has none.
    """
    _first, second, third = CURVES[name].slopes(x)
    truncation = abs(second) * h / 2 if method == "forward" else abs(third) * h * h / 6
    if method == "complex":
        return truncation, 0.0
    half_unit = float(np.finfo(dtype).eps) / 2
    value = float(CURVES[name].value(np.float64(x)))
    return truncation, half_unit * (abs(value) + abs(x * _first)) / h


def cause(name: str, x: float, h: float, method: str, dtype: str) -> str:
    """What the error comes from: "at_kink", "kink", "lost", "exact", "truncation", "roundoff"."""
    real = np.dtype(dtype).type
    at, step = real(x), real(h)
    curve = CURVES[name]
    reach = {"forward": (at, at + step), "central": (at - step, at + step), "complex": (at, at)}
    low, high = reach[method]
    if any(at == kink for kink in curve.kinks):
        return "at_kink"
    if any(low < kink < high for kink in curve.kinks):
        return "kink"
    slope = exact(name, x, dtype)
    if method != "complex" and slope != 0 and curve.value(high) == curve.value(low):
        return "lost"
    if error(name, x, h, method, dtype) <= 4 * float(np.finfo(dtype).eps) * abs(slope):
        return "exact"
    truncation, roundoff = estimates(name, x, h, method, dtype)
    return "truncation" if truncation > roundoff else "roundoff"


def sweep(name: str, x: float, method: str, dtype: str) -> tuple[np.ndarray, np.ndarray]:
    """Steps h from 1e-16 to 1, eight per decade, and the error at each: two (129,) arrays."""
    steps = 10.0 ** (np.arange(-128, 1) / 8)
    return steps, np.array([error(name, x, float(h), method, dtype) for h in steps])
