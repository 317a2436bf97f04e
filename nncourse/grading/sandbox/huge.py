"""Whole numbers so large that NumPy's arithmetic with them may wrap.

Python's own are exact, but beside an array they become its kind, and squares of theirs fall below
zero, and so below any limit. Here they remain whole numbers for Python, and for NumPy are float64,
or longer where that would round them: what a wrong answer has rounded must not be right.
"""

from __future__ import annotations

from typing import Any

import numpy as np

HUGEST = 1 << 64  # beyond, NumPy computes with Python's own
HUGE = 1 << 20  # products and sums of larger ones may wrap, as differences of bytes do


EXACT = 1 << 53  # in float64


class _Wide:
    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        plain = _plain(self)
        return np.array(plain, dtype or dtype_for(np.array(plain, np.longdouble)))

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        wide = (_Wide.__array__(v) if isinstance(v, _Wide) else v for v in inputs)
        return getattr(ufunc, method)(*wide, **options)


def dtype_for(values: np.ndarray) -> type[np.floating]:
    """In which dtype these numbers are exact and don't wrap."""
    return np.longdouble if np.any(values > EXACT) or np.any(values < -EXACT) else np.float64


class HugeInt(_Wide, int):
    """One of them, or a whole number that was computed with one."""


class HugeList(_Wide, list):
    """A list with some of them in it."""


class HugeTuple(_Wide, tuple):
    """A tuple with some of them in it."""


def _stays(name: str) -> Any:
    compute = getattr(int, name)

    def operation(self: HugeInt, *others: Any) -> Any:
        found = compute(self, *others)
        return HugeInt(found) if type(found) is int else found

    return operation


BINARY = ("add", "sub", "mul", "floordiv", "mod", "pow")
for _name in (*BINARY, *(f"r{name}" for name in BINARY), "neg", "pos", "abs", "round"):
    setattr(HugeInt, f"__{_name}__", _stays(f"__{_name}__"))

WIDE = (HugeInt, HugeList, HugeTuple)
WIDE_KINDS: dict[type, type] = {list: HugeList, tuple: HugeTuple}


def _plain(value: Any) -> Any:
    if isinstance(value, HugeInt):
        return int(value)
    return [_plain(item) for item in value] if isinstance(value, (list, tuple)) else value
