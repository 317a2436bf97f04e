"""Networks of steps set by hand: read from an answer, evaluated, and their margin.

A network is a list of layers (W, b); every neuron is 1 where its sum w·x + b is positive, else 0.
The margin is the smallest distance of a neuron's border from what the neuron meets. It is asked of
all layers but the first, whose borders are the sides of the region itself.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from nncourse.diagnosis import Finding
from nncourse.diagnosis.measure import Array
from nncourse.exercises.piece import LISTS, Unfit, real
from nncourse.language import mark

HUGE = 1e300
"""Sums of products of larger numbers may be infinite, and so would be a distance."""

Network = list[tuple[Array, Array]]

SHARE = 0.8
"""Of the margin 1/(2√n) of an AND or an OR of n inputs."""


def read(value: Any, shape: tuple[int | None, ...], name: str) -> Array:
    """Numbers of an answer in this shape (None: any size); raises Unfit."""
    if value is None:
        raise Unfit(Finding("none", mark("{name} is None. Is the return missing?"), {"name": name}))
    numbers = real(value, name)
    fits = numbers.ndim == len(shape) and all(
        want in (None, got) for want, got in zip(shape, numbers.shape)
    )
    if not fits or not numbers.size:
        want = ", ".join("m" if size is None else str(size) for size in shape)
        want = f"({want},)" if len(shape) == 1 else f"({want})"
        text = mark("{name} has the shape {got}; {want} is expected.")
        raise Unfit(Finding("shape", text, {"name": name, "got": numbers.shape, "want": want}))
    if not np.isfinite(numbers).all():
        raise Unfit(Finding("nan", mark("{name} holds NaN or inf."), {"name": name}))
    if (np.abs(numbers) > HUGE).any():
        text = mark("{name} holds numbers beyond 1e300, whose sums may overflow.")
        raise Unfit(Finding("huge", text, {"name": name}))
    return numbers


def pair(value: Any, name: str) -> tuple[Any, Any]:
    """A pair of an answer; raises Unfit."""
    if not isinstance(value, LISTS) or len(value) != 2:
        text = mark("{name} must be a pair: the weights and the biases.")
        raise Unfit(Finding("count", text, {"name": name}))
    return value[0], value[1]


def read_network(value: Any) -> Network:
    """The layers of an answer, from two inputs to one output; raises Unfit."""
    if value is None:
        text = mark(
            "The function returned nothing (None). Is the return missing? Expected: {want}."
        )
        raise Unfit(Finding("none", text, {"want": "layers"}))
    if not isinstance(value, LISTS) or not value:
        text = mark("A list of layers (W, b) is expected.")
        raise Unfit(Finding("count", text))
    layers: Network = []
    inputs = 2
    for k, layer in enumerate(value, 1):
        if _holds_layers(layer):
            text = mark(
                "{name} holds layers (W, b), where it should be one. Of several networks one is "
                "made by putting their W and their b together, layer by layer."
            )
            raise Unfit(Finding("nested", text, {"name": f"layers[{k - 1}]"}))
        weights, biases = pair(layer, f"layers[{k - 1}]")
        got = np.shape(real(weights, f"W{k}")) if weights is not None else ()
        if len(got) == 2 and got[1] != inputs and k > 1:
            text = mark(
                "W{k} has the shape {got}: it reads {count} numbers, but the layer below gives "
                "{inputs}."
            )
            finding = {"k": k, "got": got, "count": got[1], "inputs": inputs}
            raise Unfit(Finding("shape", text, finding))
        if len(got) == 2 and got[0] != 1 and k == len(value):
            text = mark(
                "W{k} is of the last layer and has {count} rows, but the output is one neuron. "
                "Is a layer missing?"
            )
            raise Unfit(Finding("shape", text, {"k": k, "count": got[0]}))
        W = read(weights, (1 if k == len(value) else None, inputs), f"W{k}")
        layers.append((W, read(biases, (len(W),), f"b{k}")))
        inputs = len(W)
    return layers


def _holds_layers(value: Any) -> bool:
    """Whether its first part is a layer (W, b)."""
    first = value[0] if isinstance(value, LISTS) and value else None
    if not isinstance(first, LISTS) or len(first) != 2:
        return False
    try:
        return [np.ndim(part) for part in first] == [2, 1]
    except ValueError:  # a list of anything
        return False


def run(layers: Network, points: Array) -> tuple[Array, float]:
    """(answers 0 or 1 at the points (M, 2), the margin of all layers but the first)."""
    h, margins = points, [np.inf]
    for k, (W, b) in enumerate(layers):
        z = h @ W.T + b
        if k:
            lengths = np.array([math.hypot(*w) for w in W])  # no square vanishes or overflows
            # A neuron of weights zero, as for a bias, has no border, but where it is in doubt.
            distance = np.abs(z) / np.where(lengths > 0, lengths, 1)
            distance[:, (lengths == 0) & (b != 0)] = np.inf
            margins.append(distance.min())
        h = (z > 0).astype(np.float64)
    margin = float(np.min(margins))  # NaN where one is
    return h[:, 0], margin if np.isfinite(margin) else 0.0
