"""What a generator gives to an answer, whichever of the usual ways it is asked."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from nncourse.diagnosis import Finding
from nncourse.diagnosis.measure import Array
from nncourse.language import mark

CALLS = 2
"""So often an answer is called with one generator, and each result counts: if every call drew from
a copy of it, the last would be as the first."""


def drawn(
    draw: Callable[..., Array], shape: tuple[int, ...], seed: Any, calls: int = CALLS
) -> Iterator[Array]:
    """What some calls with one generator may draw, one below the other: each in one piece or row by
    row, column by column, in float32.

    draw(rng, shape, dtype): standard numbers, such as ``np.random.Generator.random``.
    """
    for turned, dtype in ((False, np.float64), (True, np.float64), (False, np.float32)):
        rng = np.random.default_rng(seed)
        given = [draw(rng, shape[::-1] if turned else shape, dtype) for _call in range(calls)]
        yield np.concatenate([numbers.T if turned else numbers for numbers in given])


def first_drawn(
    draw: Callable[..., Array], shape: tuple[int, ...], seeds: Sequence[Any]
) -> Iterator[tuple[Array, ...]]:
    """What the first calls with generators of these seeds may draw, each in the same way."""
    yield from zip(*(drawn(draw, shape, seed, calls=1) for seed in seeds), strict=True)


def joined(results: Sequence[Any], shape: tuple[int, ...]) -> Any:
    """Results of this shape, one below the other; or what is wrong with one."""
    arrays = []
    for result in results:
        try:
            array = np.array(result)
        except ValueError:  # nothing rectangular
            return result
        if result is None or isinstance(result, Finding):
            return result
        if array.shape != shape:
            text = mark("The shape is {got}, but it must be {want}.")
            return Finding("shape", text, {"got": array.shape, "want": shape})
        arrays.append(array)
    return np.concatenate(arrays)


def uniform(rng: np.random.Generator, shape: tuple[int, ...], dtype: Any) -> Array:
    """Uniform numbers in [0, 1)."""
    return rng.random(shape, dtype)


def standard_normal(rng: np.random.Generator, shape: tuple[int, ...], dtype: Any) -> Array:
    """Normal numbers of mean 0 and spread 1."""
    return rng.standard_normal(shape, dtype)
