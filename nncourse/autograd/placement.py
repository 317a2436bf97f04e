"""Tensors on several devices: moved on purpose, or refused with the names of both places.

Operations do not ask where their operands are, for that would cost each of them time. Arrays of two
devices refuse each other by themselves, with a TypeError; only then ``together`` finds out why.
"""

from __future__ import annotations

from typing import Any

from nncourse.autograd.function import Function, apply
from nncourse.autograd.tensor import Tensor
from nncourse.autograd.vocabulary import applied
from nncourse.backend import (
    CPU,
    Array,
    as_array,
    concrete,
    device,
    device_of,
    is_array,
    moved,
)


class ToDevice(Function):
    """out = x on another device;  dx = dout on the device of x."""

    __slots__ = ("home",)

    def forward(self, x: Array, where: device) -> Array:
        self.home = device_of(x)
        return moved(x, where)

    def backward(self, dout: Array) -> tuple[Array]:
        # What comes from NumPy's operations on 0-d arrays may be a scalar, which has no place.
        dout = dout if isinstance(dout, Tensor) else as_array(dout)
        return (applied(ToDevice, (dout,), self.home),)


def to_device(x: Tensor, where: device) -> Tensor:
    """The tensor on a device: itself if it is there, else a copy through which gradients pass."""
    there = device_of(x._data) == concrete(where)
    return x if there else apply(ToDevice, (x,), where)


def together(operation: Any, operands: tuple[Any, ...]) -> tuple[Any, ...]:
    """The operands of a failed operation on one device, if it failed for that, to try again.

    As in PyTorch, a 0-d tensor of the processor goes to where the others are. Anything else raises:
    what was raised before if all operands are in one place, else an error that names the places.
    """
    arrays = [x._data if isinstance(x, Tensor) else x for x in operands]
    places = [device_of(a) if is_array(a) else None for a in arrays]
    here = next((place for place in places if place not in (None, CPU)), CPU)
    strays = [i for i, place in enumerate(places) if place not in (None, here)]
    if not strays:
        raise  # what is being handled
    if any(places[i] != CPU or arrays[i].ndim for i in strays):
        name = getattr(operation, "__name__", "this operation")
        known = arrays[places.index(here)]
        raise different_devices(name, known, arrays[strays[0]]) from None
    brought = list(operands)
    for i in strays:
        x = operands[i]
        brought[i] = to_device(x if isinstance(x, Tensor) else Tensor(x), here)
    return tuple(brought)


def different_devices(what: str, a: Array, b: Array) -> RuntimeError:
    """The error for arrays of two devices in one operation."""
    here, there = device_of(a), device_of(b)
    return RuntimeError(
        f"{what}: all tensors must be on one device, but one is on {here} and another on {there}. "
        f"Move one of them: x.to({str(here)!r})"
    )
