"""Mistakes in the gradient of a normalisation: paths through the mean and the variance.

Normalised numbers do not change when a constant is added to the inputs, nor (but for eps) when
these are stretched. So along the axis of the mean the gradient sums to 0 and has no part along the
normalised values. A backward that treats mean or variance as constants returns the right gradient
plus just those parts: the difference is perpendicular to the gradient, whatever comes from above.
"""

from __future__ import annotations

import numpy as np

from nncourse.diagnosis.context import Context
from nncourse.diagnosis.finding import Finding
from nncourse.diagnosis.measure import Array, tolerance
from nncourse.language import mark

_BOTH = mark(
    "Along axis {axis} the right gradient sums to 0 and yours does not; the difference is "
    "perpendicular to it. So a path through the mean or the variance over this axis, or both, is "
    "missing or wrong: they depend on every input, and the gradient passes through them, too."
)
_MEAN = mark(
    "Along axis {axis} the right gradient sums to 0; yours differs from it by the same number at "
    "every index. A term that all of them get alike is missing or wrong: the path through the "
    "mean over this axis, or a mean that is not subtracted."
)
_VARIANCE = mark(
    "Along axis {axis} both gradients sum to 0, and the difference is perpendicular to the right "
    "one: the path through the variance over this axis is missing, or has a wrong factor."
)


def missing_path(a: Array, n: Array, context: Context) -> Finding | None:
    """a = n + parts along the ones and along the normalised values, slice by slice of one axis."""
    if a.shape != n.shape:
        return None
    axes = [i for i in range(n.ndim) if n.shape[i] > 2 and n.size >= 2 * n.shape[i]]
    for axis in axes:
        rows = np.moveaxis(n, axis, -1).reshape(-1, n.shape[axis])
        rest = np.moveaxis(a, axis, -1).reshape(rows.shape) - rows
        near = tolerance(a)
        if not (_balanced(rows, near) and _perpendicular(rest, rows, near)):
            continue
        if np.linalg.norm(rest - rest.mean(1, keepdims=True)) < near * np.linalg.norm(rest):
            return Finding("M49", _MEAN, {"axis": axis})
        if _balanced(rest, near):
            return Finding("M50", _VARIANCE, {"axis": axis})
        return Finding("M48", _BOTH, {"axis": axis})
    return None


def _balanced(rows: Array, near: float) -> bool:
    """Does every row sum to 0?"""
    return bool(np.all(np.abs(rows.sum(1)) < near * np.linalg.norm(rows)))


def _perpendicular(rest: Array, rows: Array, near: float) -> bool:
    """Is every row of one perpendicular to that of the other? eps bends the angle a little."""
    sizes = np.linalg.norm(rest, axis=1) * np.linalg.norm(rows, axis=1)
    return bool(np.all(np.abs((rest * rows).sum(1)) < 1e3 * near * sizes))
