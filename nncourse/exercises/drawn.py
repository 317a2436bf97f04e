"""What a generator gives to an answer, whichever of the usual ways it is asked."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from nncourse.diagnosis.measure import Array

CALLS = 2
"""So often an answer is called with one generator. The last result counts: if each call drew from a
copy of it, that one would be as the first."""


def drawn(
    draw: Callable[..., Array], shape: tuple[int, ...], seed: Any, calls: int = CALLS
) -> Iterator[Array]:
    """What the last of some calls with one generator may draw: in one piece or row by row, column
    by column, in float32.

    draw(rng, shape, dtype): standard numbers, such as ``np.random.Generator.random``.
    """
    for turned, dtype in ((False, np.float64), (True, np.float64), (False, np.float32)):
        rng = np.random.default_rng(seed)
        for _call in range(calls):
            numbers = draw(rng, shape[::-1] if turned else shape, dtype)
        yield numbers.T if turned else numbers


def uniform(rng: np.random.Generator, shape: tuple[int, ...], dtype: Any) -> Array:
    """Uniform numbers in [0, 1)."""
    return rng.random(shape, dtype)


def standard_normal(rng: np.random.Generator, shape: tuple[int, ...], dtype: Any) -> Array:
    """Normal numbers of mean 0 and spread 1."""
    return rng.standard_normal(shape, dtype)
