"""Tensors of a type by name, as older PyTorch programs make them: ``LongTensor([1, 2])``.

``tensor(..., dtype=...)`` says the same and takes more.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nncourse import dtypes
from nncourse.autograd.tensor import Tensor
from nncourse.ops.creation import empty, tensor


def _typed(name: str, dtype: Any) -> Callable[..., Tensor]:
    def make(*data: Any) -> Tensor:
        if not data or all(isinstance(part, int) for part in data):
            return empty(*(data or (0,)), dtype=dtype)
        (numbers,) = data
        return tensor(numbers, dtype=dtype)

    make.__name__ = make.__qualname__ = name
    make.__doc__ = f"A {dtype} tensor of the given numbers, or unset of the given sizes."
    return make


FloatTensor = _typed("FloatTensor", dtypes.float32)
DoubleTensor = _typed("DoubleTensor", dtypes.float64)
LongTensor = _typed("LongTensor", dtypes.int64)
IntTensor = _typed("IntTensor", dtypes.int32)
ByteTensor = _typed("ByteTensor", dtypes.uint8)
BoolTensor = _typed("BoolTensor", dtypes.bool_)
