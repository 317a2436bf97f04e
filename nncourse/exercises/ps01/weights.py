"""Weights set by hand, put into a neuron: its truth table, and the margin with which it is right.

The margin is the distance of the nearest row of the table from the neuron's border. It asks for
more than a table that happens to be right: a neuron whose border touches an example is wrong as
soon as its inputs are a little noisy.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from nncourse.diagnosis import Finding
from nncourse.diagnosis.measure import Array
from nncourse.exercises.piece import Unfit, real
from nncourse.language import mark

HUGE = 1e300
"""Sums of products of larger numbers may be infinite, and so would be a distance."""


def rows(n: int) -> Array:
    """All inputs of n bits in binary order: (2^n, n)."""
    return ((np.arange(2**n)[:, None] >> np.arange(n - 1, -1, -1)) & 1).astype(np.float64)


def read(value: Any, shape: tuple[int | None, ...], name: str) -> Array:
    """An answer as an array of weights of this shape (None: any size); raises Unfit."""
    if value is None:
        raise Unfit(Finding("none", mark("{name} is None. Is the return missing?"), {"name": name}))
    weights = real(value, name)
    fits = weights.ndim == len(shape) and all(
        want in (None, got) for want, got in zip(shape, weights.shape)
    )
    if not fits:
        text = mark(
            "{name} has the shape {got}; {want} is expected: the threshold first, then a weight "
            "for each input."
        )
        want = (
            "("
            + ", ".join("m" if s is None else str(s) for s in shape)
            + ("," * (len(shape) == 1))
            + ")"
        )
        raise Unfit(Finding("shape", text, {"name": name, "got": weights.shape, "want": want}))
    if not np.isfinite(weights).all():
        text = mark("{name} holds NaN or inf.")
        raise Unfit(Finding("nan", text, {"name": name}))
    if (np.abs(weights) > HUGE).any():
        text = mark("{name} holds numbers beyond 1e300, whose sums may overflow.")
        raise Unfit(Finding("huge", text, {"name": name}))
    return weights


def fire(w: Array, x: Array) -> Array:
    """The neuron's answers 0 or 1."""
    return (x @ w[1:] - w[0] > 0).astype(np.float64)


def margin(w: Array, x: Array, y: Array) -> float:
    """The smallest signed distance of a row from the border: none is near where there is no border,
    as of a neuron without weights.
    """
    sums = (2 * y - 1) * (x @ w[1:] - w[0])
    length = math.hypot(*w[1:])  # whose squares neither vanish nor overflow
    if not length:
        return math.inf if np.all(sums > 0) else 0.0
    return float(np.min(sums)) / length
