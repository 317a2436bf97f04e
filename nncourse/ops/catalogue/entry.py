"""What an entry of the catalogue is, how its inputs are drawn, and shorthands for whole families.

An operation is declared with the same function in NumPy, its name in PyTorch, and examples of
shapes and of the numbers on which it is defined.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any

import numpy as np

from nncourse.autograd.function import Function, constant
from nncourse.autograd.tensor import Tensor
from nncourse.backend import moved

# What an input is drawn from. "apart": numbers that differ from each other, and from 0, by at
# least 0.05, so that no kink and no tie is near.
REAL, POSITIVE, APART = "real", "positive", "apart"
UNIT = "unit"  # between 0.1 and 0.9: probabilities
MASK = "mask"  # bools: an input without a gradient
SIGNS = "signs"  # -1 or 1, in int64: an input without a gradient


def classes(n: int) -> str:
    """The domain of class indices 0 to n - 1, an input without a gradient."""
    return f"classes {n}"


@dataclass(frozen=True)
class Example:
    """Shapes of the inputs, and options passed after them by name."""

    shapes: tuple[tuple[int, ...], ...]
    options: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        told = ["x".join(map(str, s)) or "()" for s in self.shapes]
        return ",".join(told + [f"{k}={v}" for k, v in self.options.items()])


@dataclass(frozen=True)
class Operation:
    """One operation.

    function: takes tensors, then options. reference: the same on NumPy arrays. torch: the path of
    the same in PyTorch, "same" where ``function`` works on PyTorch's tensors too, a function of
    PyTorch's tensors and options where the arguments differ, or None where PyTorch has no such
    operation. nodes: the functions of the graph that it makes; one of its own makes it elementary
    or fused, several make it a composition. spelled_out: the same composed of small operations,
    for fused ones.
    """

    name: str
    function: Callable[..., Any]
    reference: Callable[..., Any]
    torch: str | Callable[..., Any] | None
    nodes: tuple[type[Function], ...]
    domains: tuple[str, ...]
    examples: tuple[Example, ...]
    spelled_out: Callable[..., Any] | None = None

    def __str__(self) -> str:
        return self.name

    def in_torch(self, torch: Any, tensors: Sequence[Any], options: dict[str, Any]) -> Any:
        """The same in PyTorch, which is passed in, on tensors of its own."""
        if self.torch == "same":
            return self.function(*tensors, **options)
        if callable(self.torch):
            return self.torch(torch, *tensors, **options)
        assert self.torch is not None
        return attrgetter(self.torch)(torch)(*tensors, **options)


def draw(domain: str, shape: tuple[int, ...], random: np.random.Generator) -> np.ndarray:
    """Numbers of a domain: float64, int64 for classes and signs, bool for masks."""
    if domain == REAL:
        return random.standard_normal(shape)
    if domain == POSITIVE:
        return random.uniform(0.5, 2.0, shape)
    if domain == UNIT:
        return random.uniform(0.1, 0.9, shape)
    if domain == SIGNS:
        return random.choice([-1, 1], shape)
    if domain == MASK:
        return random.random(shape) < 0.5
    if domain == APART:
        n = int(np.prod(shape))
        steps = np.arange(1, n + 1) * 0.1 * np.where(np.arange(n) % 2, -1, 1)
        return random.permutation(steps + random.uniform(-0.02, 0.02, n)).reshape(shape)
    if domain.startswith("classes "):
        return random.integers(0, int(domain.split()[1]), shape)
    raise ValueError(f"no domain {domain!r}")


def examples(*shapes: Any, **options: Any) -> tuple[Example, ...]:
    """Examples of one input per shape, or of several where a tuple of shapes is given."""
    return tuple(
        [Example(s if s and isinstance(s[0], tuple) else (s,), dict(options)) for s in shapes]
    )


def unary(
    name: str,
    function: Callable[..., Any],
    reference: Callable[..., Any],
    node: type[Function],
    domain: str = REAL,
    torch: str | None = None,
    spelled_out: Callable[..., Any] | None = None,
) -> Operation:
    """A function of one number, applied to every element."""
    shapes = examples((), (3, 3), (2, 1, 3), (0, 3))
    return Operation(
        name, function, reference, torch or name, (node,), (domain,), shapes, spelled_out
    )


# Equal shapes, a row, a column, both sides stretched, a number on either side, empty.
PAIRS = (
    ((3, 3), (3, 3)),
    ((2, 3, 4), (4,)),
    ((3, 4), (3, 1)),
    ((3, 1), (1, 4)),
    ((), (2, 3)),
    ((2, 3), ()),
    ((), ()),
    ((0, 3), (3,)),
)


def binary(
    name: str,
    function: Callable[..., Any],
    reference: Callable[..., Any],
    node: type[Function],
    domains: tuple[str, str] = (REAL, REAL),
) -> Operation:
    """A function of two tensors, which are broadcast."""
    return Operation(name, function, reference, name, (node,), domains, examples(*PAIRS))


def reduction(
    name: str,
    function: Callable[..., Any],
    reference: Any,
    nodes: tuple[type[Function], ...],
    domain: str = REAL,
    torch: str | Callable[..., Any] | None = None,
) -> Operation:
    """A function that reduces one axis, several, or all of them."""
    cases = (
        Example(((3, 3),)),
        Example(((2, 3, 3),), {"dim": 1}),
        Example(((2, 3, 4),), {"dim": -1, "keepdim": True}),
        Example(((2, 3, 4),), {"dim": (0, 2)}),
        Example(((2, 3, 4),), {"dim": (0, 2), "keepdim": True}),
        Example(((5,),), {"dim": 0}),
    )
    return Operation(name, function, with_axis(reference), torch or name, nodes, (domain,), cases)


def with_axis(reference: Callable[..., Any]) -> Callable[..., Any]:
    """A reduction of NumPy with PyTorch's names of options."""

    def on_arrays(x: Any, dim: Any = None, keepdim: bool = False) -> Any:
        return reference(x, axis=dim, keepdims=keepdim)

    return on_arrays


def alike(name: str, take: Callable[..., Any], node: type[Function], *shapes: Any) -> Operation:
    """What is written alike for tensors, arrays and PyTorch."""
    return Operation(name, take, take, "same", (node,), (REAL,), examples(*shapes))


def like(x: Tensor, numbers: Any) -> Tensor:
    """Numbers as a tensor of the same number type as x."""
    return constant(moved(np.asarray(numbers, x._data.dtype), x.device))
