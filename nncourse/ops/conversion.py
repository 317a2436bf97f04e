"""Copies, and conversions from one number type or device to another."""

from __future__ import annotations

from typing import Any

import numpy

from nncourse import dtypes
from nncourse.autograd.function import Function, cast, unary
from nncourse.autograd.placement import to_device
from nncourse.autograd.tensor import Tensor, method
from nncourse.backend import Array, device


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


def is_device(value: Any) -> bool:
    """Does it name a device, rather than a number type?"""
    if isinstance(value, str):
        return value.partition(":")[0] in ("cpu", "cuda")
    return isinstance(value, device | int) and not isinstance(value, bool)


def wanted(*args: Any, **options: Any) -> tuple[device | None, numpy.dtype | None]:
    """Device and number type that the arguments of ``to`` name; None for those to be kept."""
    if len(args) == 1 and isinstance(args[0], Tensor):
        args = (args[0].device, args[0].dtype)
    place, dtype = options.get("device"), options.get("dtype")
    for value in args[:2]:
        if is_device(value):
            place = value
        elif value is not None and not isinstance(value, bool):
            dtype = value
    return (
        None if place is None else device(place),
        None if dtype is None else numpy.dtype(dtype),
    )


@method("to")
def to(
    x: Tensor,
    *args: Any,
    device: Any = None,
    dtype: Any = None,
    non_blocking: bool = False,
    copy: bool = False,
) -> Tensor:
    """The tensor on another device and in another number type; itself if it is that already.

    ``x.to("cuda")``, ``x.to(nnc.float64)``, ``x.to("cuda", nnc.float64)``, or ``x.to(other)`` for
    both of another tensor. copy: a copy in any case. non_blocking: accepted, without effect.
    Gradients pass through.
    """
    place, kind = wanted(*args, device=device, dtype=dtype)
    out = x if place is None else to_device(x, place)
    if kind is not None and out._data.dtype != kind:
        out = cast(out, kind)
    return clone(out) if copy and out is x else out


@method("type")
def type_(x: Tensor, dtype: Any) -> Tensor:
    """The tensor in another number type."""
    return to(x, dtype=dtype)


@method("cpu")
def cpu(x: Tensor) -> Tensor:
    """The tensor in the memory of the processor; itself if it is there."""
    return to_device(x, device("cpu"))


@method("cuda")
def cuda(x: Tensor, device: Any = None, non_blocking: bool = False) -> Tensor:
    """The tensor on a GPU, the current one if none is named; itself if it is there."""
    return to(x, device="cuda" if device is None else device)


@method("pin_memory")
def pin_memory(x: Tensor, device: Any = None) -> Tensor:
    """The tensor itself: copies to a GPU are made from any memory here."""
    return x


@method("float")
def float(x: Tensor) -> Tensor:
    """The tensor as float32."""
    return to(x, dtype=dtypes.float32)


@method("double")
def double(x: Tensor) -> Tensor:
    """The tensor as float64."""
    return to(x, dtype=dtypes.float64)


@method("long")
def long(x: Tensor) -> Tensor:
    """The tensor as int64."""
    return to(x, dtype=dtypes.int64)


@method("int")
def int_(x: Tensor) -> Tensor:
    """The tensor as int32."""
    return to(x, dtype=dtypes.int32)


@method("half")
def half(x: Tensor) -> Tensor:
    """The tensor as float16."""
    return to(x, dtype=dtypes.float16)


@method("short")
def short(x: Tensor) -> Tensor:
    """The tensor as int16."""
    return to(x, dtype=dtypes.int16)


@method("byte")
def byte(x: Tensor) -> Tensor:
    """The tensor as uint8."""
    return to(x, dtype=dtypes.uint8)


@method("bool")
def bool_(x: Tensor) -> Tensor:
    """The tensor as bool: true where it is not zero."""
    return to(x, dtype=dtypes.bool_)
