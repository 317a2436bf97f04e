"""What is known about the place where a gradient was computed.

The rules need more than the two arrays: the batch size to recognise a factor, f'(z) to see that it
is missing. Everything is optional; a rule whose ingredients are absent says nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from nncourse.diagnosis.measure import Array


@dataclass(frozen=True)
class Quantity:
    """A number array that the forward pass has at hand, such as f'(z), p or x-hat.

    ``role`` says what a surplus or missing factor of it means:
    "derivative" f'(z); "derivative at output" f'(f(z)); "other derivative" that of another function
    which is easily confused with f; "quantity" anything else.
    """

    name: str
    value: Array
    role: str = "quantity"


@dataclass(frozen=True)
class Term:
    """An array that a known mistake produces.

    ``added``: the mistake adds some multiple of it to the right gradient; otherwise the mistake
    returns it in place of the gradient. ``text`` is the sentence to show (marked for translation),
    ``evidence`` the values of its placeholders.
    """

    code: str
    value: Array
    text: str
    added: bool = False
    evidence: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Context:
    """Named facts about one gradient. Shapes: n is the gradient's own shape.

    batch: N, the number of examples. classes: C.
    averaged: the loss is a mean over the batch, so 1/N belongs into the gradient.
    constants: further constants by name, such as {"1 - p": 0.7}.
    codes: of those constants to which one mistake alone leads, its code in the catalogue, by name.
    upstream: the gradient that arrives from above, in the shape of the operation's output.
    preactivation: z of an activation that is cut at 0, in the shape of n.
    targets: class numbers (N,) of a cross-entropy whose logits are (N, C).
    probabilities: softmax of those logits, (N, C).
    logits: what went into a softmax, to see whether exp could overflow.
    quantities: local quantities in the shape of n, or, with ``product``, of its left factor.
    product: (left (N, a), right (N, b)) if n = left.T @ right, as a weight's gradient is, or
        (left (N, a), None) if n = left.sum(axis=0), as a bias's is.
    instead: arrays (N, b) that could be mistaken for ``right``, by name.
    branches: the contributions of several paths, whose sum is n, by name.
    terms: particular arrays that known mistakes produce.
    axes: what the axes of n mean, such as ("batch", "time", "unit"), or ("step", "entry").
    blocks: names of the equal parts of the last axis, such as ("i", "f", "g", "o").
    """

    batch: int | None = None
    classes: int | None = None
    averaged: bool = False
    constants: Mapping[str, float] = field(default_factory=dict)
    codes: Mapping[str, str] = field(default_factory=dict)
    upstream: Array | None = None
    preactivation: Array | None = None
    targets: Array | None = None
    probabilities: Array | None = None
    logits: Array | None = None
    quantities: tuple[Quantity, ...] = ()
    product: tuple[Array, Array | None] | None = None
    instead: Mapping[str, Array] = field(default_factory=dict)
    branches: Mapping[str, Array] = field(default_factory=dict)
    terms: tuple[Term, ...] = ()
    axes: tuple[str, ...] = ()
    blocks: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.product is None:
            return
        left, right = self.product
        if left.ndim != 2 or (right is not None and (right.ndim != 2 or len(left) != len(right))):
            shapes = (left.shape, None if right is None else right.shape)
            raise ValueError(
                "the factors of a weight's gradient left.T @ right are matrices with one row for "
                f"each example; got shapes {shapes[0]} and {shapes[1]}"
            )
