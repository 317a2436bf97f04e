"""Number types and the rules by which operands of different types meet.

The rules are PyTorch's, which differ from NumPy's: an int64 array with a float32 array stays
float32, and a Python number or a 0-d tensor never widens an array of its own kind.
"""

from __future__ import annotations

from typing import Any

import numpy as np

float16 = np.dtype("float16")
float32 = np.dtype("float32")
float64 = np.dtype("float64")
uint8 = np.dtype("uint8")
int8 = np.dtype("int8")
int16 = np.dtype("int16")
int32 = np.dtype("int32")
int64 = np.dtype("int64")
bool_ = np.dtype("bool")

_ORDER = {"b": 0, "u": 1, "i": 1, "f": 2, "c": 3}

_default = float32


def get_default_dtype() -> np.dtype:
    """The type of floating-point tensors made from Python numbers: float32 unless changed."""
    return _default


def set_default_dtype(dtype: Any) -> None:
    """Make floating-point tensors from Python numbers with ``dtype`` from now on."""
    global _default
    found = np.dtype(dtype)
    if found.kind != "f":
        raise TypeError(f"the default dtype must be a floating-point type; got {found}")
    _default = found


def promote_types(a: np.dtype, b: np.dtype) -> np.dtype:
    """The type in which arrays of types ``a`` and ``b`` meet."""
    if a == b:
        return a
    rank_a, rank_b = _ORDER[a.kind], _ORDER[b.kind]
    if rank_a == rank_b:
        return np.promote_types(a, b)
    return a if rank_a > rank_b else b


def result_type(*operands: Any) -> np.dtype:
    """The type in which arrays, 0-d arrays and Python numbers meet in one operation.

    Arrays with axes decide; a 0-d array counts only if it is of a higher kind (bool < integer <
    floating point), a Python number only if it is of a higher kind than both.
    """
    found: list[np.dtype | None] = [None, None, None]
    for operand in operands:
        if isinstance(operand, bool | int | float):
            level, dtype = 2, of_number(operand)
        else:
            level, dtype = (0 if operand.ndim else 1), operand.dtype
        known = found[level]
        found[level] = dtype if known is None else promote_types(known, dtype)
    result: np.dtype | None = None
    for candidate in found:
        if candidate is None:
            continue
        if result is None or _ORDER[candidate.kind] > _ORDER[result.kind]:
            result = candidate if result is None else promote_types(result, candidate)
    assert result is not None
    return result


def of_number(number: bool | int | float) -> np.dtype:
    """The type that a Python number takes on by itself."""
    if isinstance(number, bool):
        return bool_
    return int64 if isinstance(number, int) else _default
