"""Tensors filled with random numbers in place, and draws whose odds or means are tensors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nncourse.autograd.function import constant
from nncourse.autograd.tensor import Tensor, method
from nncourse.backend import as_array
from nncourse.ops.creation import empty
from nncourse.ops.inplace import overwrite
from nncourse.random import Generator, stream


def _drawn(x: Tensor, generator: Generator | None, draw: Callable[[Any], Any], what: str) -> Tensor:
    """x filled with what ``draw(stream)`` gives in its shape."""
    return overwrite(x, as_array(draw(stream(generator, x._data))), what)


@method("normal_")
def normal_(
    x: Tensor, mean: float = 0.0, std: float = 1.0, *, generator: Generator | None = None
) -> Tensor:
    """Fill with normally distributed numbers."""
    return _drawn(x, generator, lambda s: s.standard_normal(x.shape) * std + mean, "normal_")


@method("uniform_")
def uniform_(
    x: Tensor, from_: float = 0.0, to: float = 1.0, *, generator: Generator | None = None
) -> Tensor:
    """Fill with numbers evenly distributed over [from_, to)."""
    return _drawn(x, generator, lambda s: s.random(x.shape) * (to - from_) + from_, "uniform_")


@method("random_")
def random_(
    x: Tensor, from_: int = 0, to: int | None = None, *, generator: Generator | None = None
) -> Tensor:
    """Fill with integers from ``from_`` to ``to`` - 1; with one number, from 0 to it - 1."""
    low, high = (from_, to) if to is not None else (0, from_ or 2**24)
    return _drawn(x, generator, lambda s: s.integers(low, high, x.shape), "random_")


@method("bernoulli_")
def bernoulli_(x: Tensor, p: Any = 0.5, *, generator: Generator | None = None) -> Tensor:
    """Fill with ones with probability p, a number or a tensor, else with zeros."""
    odds = p._data if isinstance(p, Tensor) else p
    return _drawn(x, generator, lambda s: as_array(s.random(x.shape)) < odds, "bernoulli_")


@method("bernoulli")
def bernoulli(
    input: Tensor, p: float | None = None, *, generator: Generator | None = None
) -> Tensor:
    """1 with the probability that stands in the tensor, or with ``p``, else 0; of its type."""
    odds = input if p is None else p
    if isinstance(odds, Tensor) and not bool(((odds._data >= 0) & (odds._data <= 1)).all()):
        raise RuntimeError("bernoulli: the tensor holds probabilities, 0 to 1")
    return bernoulli_(constant(input._data.copy()), odds, generator=generator)


def normal(
    mean: Any, std: Any = 1.0, size: Any = None, *, generator: Generator | None = None
) -> Tensor:
    """Normally distributed numbers: of one mean and std in a shape, or for each of a tensor."""
    given = [part for part in (mean, std) if isinstance(part, Tensor)]
    if given:
        pattern = given[0] if len(given) == 1 else mean + std
        standard = normal_(constant(pattern._data.copy()), generator=generator)
    else:
        standard = normal_(empty(size), generator=generator)
    return standard * std + mean
