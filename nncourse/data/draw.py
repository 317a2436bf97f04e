"""Where a generator of data takes its random numbers from."""

from __future__ import annotations

from typing import Any

import numpy

from nncourse.autograd.function import constant
from nncourse.autograd.tensor import Tensor
from nncourse.random import Generator, default_generator


def stream(seed: int | None, generator: Generator | None = None) -> numpy.random.Generator:
    """The stream of a seed, of a generator, or the default one that ``manual_seed`` restarts."""
    if seed is not None and generator is not None:
        raise ValueError("pass a seed or a generator, not both")
    if seed is not None:
        return Generator(seed).stream
    return (generator or default_generator).stream


def count(n: Any, least: int, what: str) -> int:
    """``n`` if it is a whole number of at least ``least``."""
    if isinstance(n, bool) or not isinstance(n, int) or n < least:
        raise ValueError(f"{what}: a whole number of at least {least} is needed; got {n!r}")
    return n


def amount(value: float, what: str) -> float:
    """``value`` if it is a finite number that is not negative."""
    if not 0 <= value < float("inf"):
        raise ValueError(f"{what}: a number of at least 0 is needed; got {value!r}")
    return value


def floats(array: Any) -> Tensor:
    """A float32 tensor."""
    return constant(numpy.asarray(array).astype(numpy.float32))


def classes(array: Any) -> Tensor:
    """An int64 tensor."""
    return constant(numpy.asarray(array).astype(numpy.int64))
