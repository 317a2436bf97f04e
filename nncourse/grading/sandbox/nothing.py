"""Answers that agree with whatever they are compared with.

An array (0, 2, 3) broadcasts against one of the shape (2, 3), and of no elements all are equal: so
``np.allclose(f(x), want)`` is true of it, whatever is wanted. Such values, NaN, infinities and
complex numbers come to a test as ``Refused`` if it doesn't speak of them. If it does, arrays
without elements, and lists and tuples in which there are such or none, are of types here that
refuse to be set against anything that is not empty; ``np.asarray`` makes plain arrays of them
again. Numbers in float16 round what is beside them, and whole ones wrap: they become others. Texts
such as "nan" are no numbers, and refuse to become one.
"""

from __future__ import annotations

from collections.abc import Set
from typing import Any

import numpy as np

from nncourse.grading.sandbox.huge import HUGE, HUGEST, WIDE, WIDE_KINDS, HugeInt, dtype_for
from nncourse.grading.sandbox.refused import INFINITE, OddInt, OddText, Refused

COMPARING = {np.subtract, np.equal, np.not_equal, np.less, np.less_equal}
COMPARING |= {np.greater, np.greater_equal}
KINDS = frozenset({"half", "complex", "integer", "int", "nan", "inf", "empty"})  # of odd values
# Those of which a check says itself what is wrong with them.
JUDGED = KINDS - {"half", "integer", "int"}
LARGE = 1e150  # the squares of larger numbers are infinite
LARGEST = 1 << 1024  # no float is larger
SINGLE = 1e15  # and in float32, also the sums of as many as there may be
REAL = 1e-9  # what is smaller, beside the whole number, is an error of rounding
CONTAINERS = frozenset({list, tuple, dict, set, frozenset})
NO_ELEMENTS = "no elements"


class _Unequal:
    """Python's operators leave the answer to an object that wants no part in NumPy's."""

    def __eq__(self, other: Any) -> Any:
        _refuse_to(other)
        return super().__eq__(other)

    def __ne__(self, other: Any) -> Any:
        _refuse_to(other)
        return super().__ne__(other)

    __hash__ = None  # type: ignore[assignment]


class Nothing(_Unequal, np.ndarray):
    """An array without elements."""

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        """Apply it among empty arrays; ValueError beside others, and beside a number to compare.

        Numbers may scale it: ``np.allclose`` does so before it compares two empty arrays.
        """
        return _apply(ufunc, method, *inputs, **options)


class _Emptyish(_Unequal):
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

    __hash__ = tuple.__hash__  # type: ignore[assignment]


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


def marked(value: Any, kept: Set[str] = KINDS) -> Any:
    """The same value, in which what is of an odd kind and not ``kept`` is ``Refused``.

    What has no elements, if that is kept, is of the types above. Numbers of kinds that are not kept
    become such as tests expect: float16 and arrays of huge whole numbers, float64; small kinds of
    whole numbers, int64; complex numbers with no imaginary part, real ones.
    """
    kind = type(value)
    if kind in CONTAINERS:
        return _container(value, kept)
    if kind is np.ndarray and value.size == 0:
        return value.view(Nothing) if "empty" in kept else Refused(value, NO_ELEMENTS, empty=True)
    if kind is np.ndarray or isinstance(value, (np.number, float, complex)):
        return _number(value, kept)
    if kind is int and LARGE < abs(value) < LARGEST and kept.isdisjoint(("inf", "int")):
        return OddInt(value)
    if kind is int and HUGE < abs(value) < HUGEST and kept.isdisjoint(("integer", "int")):
        return HugeInt(value)
    if kind is str or kind is bytes:
        what = _in_text(value, kept)
        return OddText(value, what) if what and kind is str else _unless(value, what)
    return value


def _container(value: Any, kept: Set[str]) -> Any:
    kind = type(value)
    if not value and "empty" not in kept:
        return Refused(value, NO_ELEMENTS, empty=True)
    if kind is list or kind is tuple:
        items = [marked(item, kept) for item in value]
        if not items or any(isinstance(item, EMPTY) for item in items):
            return EMPTY_KINDS[kind](items)
        wide = any(isinstance(item, WIDE) for item in items)
        return WIDE_KINDS[kind](items) if wide else kind(items)
    for key in value:
        if what := _in_key(key, kept):
            return Refused(value, what)
    if kind is dict:
        return {_key(key, kept): marked(item, kept) for key, item in value.items()}
    return kind(_key(item, kept) for item in value)


def _in_key(value: Any, kept: Set[str]) -> str:
    """What is odd in it."""
    if type(value) is tuple and value:
        return next(filter(None, (_in_key(item, kept) for item in value)), "")
    odd = marked(value, kept)
    return odd.what if isinstance(odd, Refused) else ""


def _key(value: Any, kept: Set[str]) -> Any:
    """It must stay equal to what it was, as numbers and texts do."""
    if type(value) is tuple:
        return tuple(_key(item, kept) for item in value)
    return marked(value, kept) if isinstance(value, (np.number, str)) else value


def _number(value: Any, kept: Set[str]) -> Any:
    """Of one number, or an array."""
    dtype = value.dtype if isinstance(value, (np.ndarray, np.generic)) else np.dtype(type(value))
    if dtype.kind in "iu" and "integer" not in kept:
        huge = bool(np.any(value > HUGE) or np.any(value < -HUGE))
        if huge and not isinstance(value, np.ndarray):
            return HugeInt(value)
        if huge:
            return value.astype(dtype_for(value))
        return value if dtype == np.int64 else value.astype(np.int64)
    if dtype.kind == "c" and "complex" not in kept:
        if not np.all(np.abs(np.imag(value)) <= REAL * np.abs(value)):
            return Refused(value, "complex numbers")
        return _number(value.real, kept)
    if dtype.kind == "U":
        texts = set(value.ravel().tolist())
        return _unless(value, next(filter(None, (_in_text(text, kept) for text in texts)), ""))
    if dtype.kind not in "fc":
        return value
    wide = dtype == np.float16 and "half" not in kept
    what = ""
    if not kept >= JUDGED:
        sizes = np.asarray(np.abs(value), np.float64)
        if not np.all(sizes < SINGLE):
            wide = wide or dtype == np.float32
            if "nan" not in kept and np.any(np.isnan(sizes)):
                what = "NaN"
            elif "inf" not in kept and np.any(sizes > LARGE):
                what = INFINITE
    return _unless(value.astype(np.float64) if wide else value, what)


def _in_text(value: str | bytes, kept: Set[str]) -> str:
    """What a text would be as a number, if that is odd."""
    try:
        odd = _number(float(value), kept)
    except ValueError:  # as nearly all texts
        return ""
    return odd.what if isinstance(odd, Refused) else ""


def _unless(value: Any, what: str) -> Any:
    return Refused(value, what) if what else value
