"""Copies, and conversions from one number type to another."""

from __future__ import annotations

from typing import Any

import numpy

from nncourse import dtypes
from nncourse.autograd.function import Function, cast, unary
from nncourse.autograd.tensor import Tensor, method
from nncourse.backend import Array


class Clone(Function):
    """out = a copy of x;  dx = dout."""

    __slots__ = ()

    def forward(self, x: Array) -> Array:
        return x.copy()

    def backward(self, dout: Array) -> tuple[Array]:
        return (dout,)


@method("clone")
def clone(x: Tensor) -> Tensor:
    """A copy with memory of its own; gradients pass through it."""
    return unary(Clone, x)


@method("to", "type")
def to(x: Tensor, dtype: Any) -> Tensor:
    """The tensor in another number type; itself if it has it already."""
    wanted = numpy.dtype(dtype)
    return x if x._data.dtype == wanted else cast(x, wanted)


@method("float")
def float(x: Tensor) -> Tensor:
    """The tensor as float32."""
    return to(x, dtypes.float32)


@method("double")
def double(x: Tensor) -> Tensor:
    """The tensor as float64."""
    return to(x, dtypes.float64)


@method("long")
def long(x: Tensor) -> Tensor:
    """The tensor as int64."""
    return to(x, dtypes.int64)


@method("int")
def int_(x: Tensor) -> Tensor:
    """The tensor as int32."""
    return to(x, dtypes.int32)


@method("bool")
def bool_(x: Tensor) -> Tensor:
    """The tensor as bool: true where it is not zero."""
    return to(x, dtypes.bool_)
