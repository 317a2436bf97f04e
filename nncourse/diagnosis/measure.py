"""The few measurements on which all verdicts rest.

Arrays are compared by the norm-wise relative error |a - n| / (|a| + |n|). The element-wise maximum
would be the wrong measure: a right but saturated tanh gradient scores 3e-3 there and 6e-11 here.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

STEP = 1e-5
"""Step of the central difference: balances its truncation (h^2) and rounding (1e-16 / h)."""

FINEST = 1e-6
"""The smallest ``tolerance``."""

KINK_DISTANCE = 10 * STEP
"""Points nearer than this to a kink are drawn again; the difference would straddle it."""


@np.errstate(over="ignore")
def distance(a: Array, n: Array) -> float:
    """|a - n| / (|a| + |n|) over all elements; 0 for two zero arrays, 1 at most by the triangle.

    In float64, whatever the dtypes: in their own the squares of large numbers are infinite, and
    any difference is nothing beside that. Where float64 is too small as well the distance is 1.
    """
    a, n = np.asarray(a, np.float64), np.asarray(n, np.float64)
    size = _length(a) + _length(n)
    if size == 0:
        return 0.0
    return _length(a - n) / size if math.isfinite(size) else 1.0


def _length(a: Array) -> float:
    # As np.linalg.norm, which takes longer for a small array.
    return math.sqrt(np.vdot(a, a))


LOOSEST = 1e-2
"""The largest of all tolerances."""


def tolerance(a: Array) -> float:
    """The largest ``distance`` at which ``a`` counts as right, by the precision it came in.

    float64: 1e-6. float32: 1e-5, also for float64 arrays that hold only float32 numbers, as after
    a computation in float32 that was cast back.
    """
    if a.dtype == np.float16:
        return LOOSEST
    if a.dtype == np.float32:
        return 1e-5
    with np.errstate(all="ignore"):
        if a.dtype == np.float64 and np.array_equal(a, a.astype(np.float32)):
            return 1e-5
    return FINEST


def same(a: Array, b: Array) -> bool:
    """Whether two arrays of one shape agree within the tolerance of the coarser of the two."""
    if a.shape != b.shape or not (np.isfinite(a).all() and np.isfinite(b).all()):
        return False
    return distance(a, b) < tolerance(a)


def wrong_entries(a: Array, n: Array) -> NDArray[np.bool_]:
    """Where ``a`` differs from ``n`` by more than noise: a boolean array of their shape.

    The scale is that of the whole array, so that noise in small entries is not called wrong.
    """
    scale = max(float(np.max(np.abs(n), initial=0)), 1e-300)
    with np.errstate(invalid="ignore"):
        return ~(np.abs(a - n) <= 10 * tolerance(a) * scale)


def projection(a: Array, n: Array) -> tuple[float, float]:
    """k = <a, n> / <n, n> and |a - k n| / |n|: a constant factor, and what it leaves over."""
    k = float(np.vdot(n, a) / np.vdot(n, n))
    return k, float(np.linalg.norm(a - k * n) / np.linalg.norm(n))


def central_difference(
    function: Callable[[Array], Array | float],
    x: Array,
    upstream: Array | float = 1.0,
    step: float = STEP,
) -> Array:
    """The gradient of sum(upstream * function(x)) in x by central differences, in float64.

    ``x`` is any shape and is left unchanged; ``upstream`` has the shape of ``function(x)``. A
    random upstream is essential: with ones, the gradients of softmax or BatchNorm are 0.
    """
    x = np.array(x, dtype=np.float64)
    gradient = np.empty_like(x)
    flat, out = x.reshape(-1), gradient.reshape(-1)
    for i in range(flat.size):
        kept = flat[i]
        flat[i] = kept + step
        # Copies, because a function may return its argument or a view of it.
        above = np.array(function(x), dtype=np.float64)
        flat[i] = kept - step
        below = np.array(function(x), dtype=np.float64)
        flat[i] = kept
        out[i] = np.sum(upstream * (above - below)) / (2 * step)
    return gradient


def agrees(
    gradient: Array,
    function: Callable[[Array], Array | float],
    x: Array,
    upstream: Array | float = 1.0,
    step: float = STEP,
) -> bool:
    """Whether ``gradient``, in float64, is that of sum(upstream * function(x)) in x.

    The slope along one direction, of random signs, is compared with the gradient's. An error that
    this misses is orthogonal to the direction, or below 1e-8.
    """
    if gradient.dtype != np.float64 or gradient.shape != x.shape:
        return False
    direction = _signs(x.shape)
    above, below = (np.array(function(x + h * direction), float) for h in (step, -step))
    slope = float(np.sum(upstream * (above - below))) / (2 * step)
    error = abs(slope - float(np.vdot(gradient, direction)))
    return error <= 1e-8 * max(1.0, float(np.linalg.norm(gradient)))


@lru_cache
def _signs(shape: tuple[int, ...]) -> Array:
    return np.random.default_rng(shape).choice([-1.0, 1.0], shape)
