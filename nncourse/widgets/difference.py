"""Numerical derivatives and what limits them: step size, number type, kinks.

difference.js is the twin of this file in the browser; a test holds the two together. The error
estimates stand in any text on numerical analysis; the complex step is that of Squire and Trapp
(1998).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from nncourse.widgets.own import Own, check_function
from nncourse.widgets.own import value as own_value
from nncourse.widgets.own import value_and_slope as own_value_and_slope

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
    own: bool = False


def own_curve(name: str, function: Own) -> Curve:
    """A curve made of the reader's own function; its second and third derivatives are unknown.

    Raises what the function raises, and where it does not act on each element by itself.
    """
    check_function(function, np.linspace(-3, 3, 121))

    def value(x: Number) -> Number:
        z = np.atleast_1d(x)
        try:
            found = own_value(function, z)
        except Exception:
            if not np.iscomplexobj(z):
                raise
            found = np.full(z.shape, complex(np.nan, np.nan), z.dtype)  # it takes none
        return found.reshape(np.shape(x))

    @cache
    def slopes(x: float) -> tuple[float, float, float]:
        slope = own_value_and_slope(function, np.array([x]))[1]
        return float(slope[0]), np.nan, np.nan

    return Curve(name, -3, 3, value, slopes, own=True)


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


def _curve(which: str | Curve) -> Curve:
    return which if isinstance(which, Curve) else CURVES[which]


def difference(which: str | Curve, x: float, h: Any, method: str, dtype: str) -> Any:
    """The numerical derivative of a curve at ``x``, computed throughout in ``dtype``; like ``h``.

    forward (f(x + h) − f(x)) / h; central (f(x + h) − f(x − h)) / 2h; complex Im f(x + ih) / h.
    """
    real = np.dtype(dtype).type
    at, step, f = real(x), real(h), _curve(which).value
    if method == "forward":
        found = (f(at + step) - f(at)) / step
    elif method == "central":
        found = (f(at + step) - f(at - step)) / (step + step)
    else:
        found = np.imag(f(at + 1j * step)) / step
    return found.astype(np.float64) if np.ndim(h) else float(found)


def exact(which: str | Curve, x: float, dtype: str) -> float:
    """The derivative at the number that ``x`` is in ``dtype``."""
    return _curve(which).slopes(float(np.dtype(dtype).type(x)))[0]


def error(which: str | Curve, x: float, h: Any, method: str, dtype: str) -> Any:
    """How far the numerical derivative is from the exact one; like ``h``."""
    with np.errstate(invalid="ignore"):  # a reader's own function may be infinite
        return abs(difference(which, x, h, method, dtype) - exact(which, x, dtype))


def estimates(
    which: str | Curve, x: float, h: float, method: str, dtype: str
) -> tuple[float, float]:
    """The sizes to expect of the truncation error and of the round-off error.

    Truncation is the first term that the Taylor series drops. Round-off is half a unit in the last
    place of f(x) and of x + h, divided by h; the complex step subtracts nothing and has none.
    """
    curve = _curve(which)
    _first, second, third = curve.slopes(x)
    truncation = abs(second) * h / 2 if method == "forward" else abs(third) * h * h / 6
    if method == "complex":
        return truncation, 0.0
    half_unit = float(np.finfo(dtype).eps) / 2
    value = float(curve.value(np.float64(x)))
    return truncation, half_unit * (abs(value) + abs(x * _first)) / h


def cause(which: str | Curve, x: float, h: float, method: str, dtype: str) -> str:
    """What the error comes from: "at_kink", "kink", "lost", "exact", "truncation", "roundoff".

    For a reader's own curve also "nowhere" (f or its slope is no number), "real" (it takes no
    complex numbers) and "never" (no step makes the error small); kinks are not known.
    """
    real = np.dtype(dtype).type
    at, step = real(x), real(h)
    curve = _curve(which)
    reach = {"forward": (at, at + step), "central": (at - step, at + step), "complex": (at, at)}
    low, high = reach[method]
    if any(at == kink for kink in curve.kinks):
        return "at_kink"
    if any(low < kink < high for kink in curve.kinks):
        return "kink"
    slope = exact(curve, x, dtype)
    wrong = error(curve, x, h, method, dtype)
    if curve.own and (why := _own_fault(curve, x, wrong, method)):
        return why
    if method != "complex" and slope != 0 and curve.value(high) == curve.value(low):
        return "lost"
    if wrong <= 4 * float(np.finfo(dtype).eps) * abs(slope):
        return "exact"
    truncation, roundoff = estimates(curve, x, h, method, dtype)
    if curve.own:
        return "truncation" if wrong > 4 * roundoff else "roundoff"
    return "truncation" if truncation > roundoff else "roundoff"


def _own_fault(curve: Curve, x: float, wrong: float, method: str) -> str | None:
    height = float(curve.value(np.float64(x)))
    errors = sweep(curve, x, "central", "float64")[1]
    known = errors[np.isfinite(errors)]
    if not known.size or not np.isfinite(height):
        return "nowhere"
    if not np.isfinite(wrong):
        return "real" if method == "complex" else "nowhere"
    reachable = 1e-4 * abs(exact(curve, x, "float64")) + 1e-8 * abs(height) + 1e-12
    return "never" if known.min() > reachable else None


def sweep(which: str | Curve, x: float, method: str, dtype: str) -> tuple[np.ndarray, np.ndarray]:
    """Steps h from 1e-16 to 1, eight per decade, and the error at each: two (129,) arrays."""
    steps = 10.0 ** (np.arange(-128, 1) / 8)
    return steps, error(which, x, steps, method, dtype)
