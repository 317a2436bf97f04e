"""Answers that agree with whatever they are compared with.

An array (0, 2, 3) broadcasts against one of the shape (2, 3), and of no elements all are equal: so
``np.allclose(f(x), want)`` is true of it, whatever is wanted. Arrays without elements that student
code gives, and lists and tuples in which there are such or none, are of types here that refuse to
be set against anything that is not empty. (``np.asarray`` makes plain arrays of them again: who
calls that on an answer should look at its shape.) Numbers in float16 round what is beside them,
whole ones wrap, and of complex ones, which are ordered by their real parts, squares are below any
limit.
"""

from __future__ import annotations

from collections.abc import Container
from typing import Any

import numpy as np

COMPARING = {np.subtract, np.equal, np.not_equal, np.less, np.less_equal}
COMPARING |= {np.greater, np.greater_equal}
KINDS_OF_NUMBERS = frozenset({"half", "complex", "integer"})
HUGE = 1 << 20  # products and sums of larger whole numbers may wrap, as differences of bytes do
INTEGERS = np.dtype(np.int64), np.dtype(np.float64)
REAL = 1e-9  # what is smaller, beside the whole number, is an error of rounding


class Nothing(np.ndarray):
    """An array without elements."""

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        """Apply it among empty arrays; ValueError beside others, and beside a number to compare.

        Numbers may scale it: ``np.allclose`` does so before it compares two empty arrays.
        """
        return _apply(ufunc, method, *inputs, **options)

    # Python's operators leave the answer to an object that wants no part in NumPy's.
    def __eq__(self, other: Any) -> Any:
        _refuse_to(other)
        return super().__eq__(other)

    def __ne__(self, other: Any) -> Any:
        _refuse_to(other)
        return super().__ne__(other)

    __hash__ = None


class _Emptyish:
    """A list or tuple that NumPy takes for an array without elements."""

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        array = np.array([*self], dtype)  # type: ignore[misc]
        return array.view(Nothing) if array.size == 0 else array

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        return _apply(ufunc, method, *inputs, **options)


class EmptyList(_Emptyish, list):
    """A list of nothing."""


class EmptyTuple(_Emptyish, tuple):
    """A tuple of nothing."""


EMPTY = (Nothing, EmptyList, EmptyTuple)
EMPTY_KINDS: dict[type, type] = {list: EmptyList, tuple: EmptyTuple}


def _apply(ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
    inputs = tuple(map(_plain, inputs))
    sizes = [(np.size(value), np.ndim(value)) for value in inputs]
    empty = next((value for value in inputs if np.size(value) == 0), None)
    if empty is not None and any(n and (axes or ufunc in COMPARING) for n, axes in sizes):
        shape = np.shape(empty)
        raise ValueError(f"the answer has no elements to compare: its shape is {shape}")
    if options.get("out") is not None:
        options["out"] = tuple(map(_plain, options["out"]))
    return marked(getattr(ufunc, method)(*inputs, **options))


def _plain(value: Any) -> Any:
    return np.array(value, copy=None) if isinstance(value, EMPTY) else value


def _refuse_to(other: Any) -> None:
    if getattr(type(other), "__array_ufunc__", _plain) is None:
        raise ValueError("the answer has no elements to compare")


def marked(value: Any, kept: Container[str] = KINDS_OF_NUMBERS) -> Any:
    """The same value, in which what has no elements is of the types above.

    Numbers of kinds that are not ``kept`` become such as tests expect: float16 and whole numbers
    that are huge, float64; small kinds of whole numbers, int64; complex numbers real ones.
    ValueError if they are none.
    """
    kind = type(value)
    if isinstance(value, (np.ndarray, np.number, complex)):
        value = _usual(value, kept)
    if kind is np.ndarray:
        return value.view(Nothing) if value.size == 0 else value
    if kind is tuple or kind is list:
        items = [marked(item, kept) for item in value]
        empty = not items or any(isinstance(item, EMPTY) for item in items)
        return EMPTY_KINDS[kind](items) if empty else kind(items)
    if kind is dict:
        return {key: marked(item, kept) for key, item in value.items()}
    return value


def _usual(value: Any, kept: Container[str]) -> Any:
    kind = "c" if isinstance(value, complex) else value.dtype.kind
    if kind == "c" and "complex" not in kept:
        if not np.all(np.abs(np.imag(value)) <= REAL * np.abs(value)):
            raise ValueError("the answer holds complex numbers, which can't be large or small")
        return value.real
    if kind == "f" and value.dtype == np.float16 and "half" not in kept:
        return value.astype(np.float64)
    if kind in "iu" and "integer" not in kept:
        huge = bool(np.any(value > HUGE) or np.any(value < -HUGE))
        return value if value.dtype == np.int64 and not huge else value.astype(INTEGERS[huge])
    return value
