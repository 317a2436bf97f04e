"""Elements taken out by index, and put in place.

Slices and integers give a view of the same memory; lists, integer tensors and masks give copies.
Backward, the gradient goes back to where the elements came from; elements that were taken twice
get the sum of both.
"""

from __future__ import annotations

from typing import Any

from nncourse.autograd.function import Function, apply, unary
from nncourse.autograd.placement import different_devices
from nncourse.autograd.tensor import Tensor, method
from nncourse.autograd.vocabulary import put, put_add, unbroadcast, without
from nncourse.backend import (
    CPU,
    Array,
    amax,
    device_of,
    is_array,
    moved,
    same_device,
    to_numpy,
    xp,
)

_BASIC = (int, slice, type(None), type(Ellipsis))


def _is_basic(index: Any) -> bool:
    if type(index) is tuple:
        return all(isinstance(i, _BASIC) and not isinstance(i, bool) for i in index)
    return isinstance(index, _BASIC) and not isinstance(index, bool)


def plain_index(index: Any, home: Array) -> Any:
    """The index with arrays in place of tensors and lists, on the device of the array ``home``."""
    if isinstance(index, Tensor):
        array = index._data
        if array.dtype.kind not in "biu":
            raise IndexError(f"an index must hold integers or bools; this tensor is {index.dtype}")
        return array if type(array) is type(home) else _sent(array, home)
    if isinstance(index, tuple):
        return tuple([plain_index(i, home) for i in index])
    if isinstance(index, list):
        items = [to_numpy(i._data) if isinstance(i, Tensor) else i for i in index]
        return _sent(xp.asarray(items), home)
    if is_array(index) and type(index) is not type(home):
        return _sent(index, home)
    return index


def _sent(index: Array, home: Array) -> Array:
    """An index from the processor goes to where it is needed, as in PyTorch, but not back."""
    if device_of(index) != CPU and not same_device(index, home):
        raise different_devices("an index", home, index)
    return moved(index, device_of(home))


def beyond(index: Array, n: int) -> bool:
    """Does an array of integers hold others than 0 to n - 1?

    CuPy would not notice. Read as unsigned, negative numbers are huge ones: one number to look at.
    """
    return bool(index.size and amax(index.view(f"u{index.itemsize}")) >= n)


class Slice(Function):
    """out = x[index], no element twice;  dx = zeros with dout at the index."""

    __slots__ = ("before", "index")

    def forward(self, x: Array, index: Any) -> Array:
        self.before, self.index = x.shape, index
        return x[index]

    def backward(self, dout: Array) -> tuple[Array]:
        return (put(dout, self.index, self.before),)


class Gather(Function):
    """out = x[index] with arrays of positions;  dx = zeros with dout added at the index."""

    __slots__ = ("before", "index")

    def forward(self, x: Array, index: Any) -> Array:
        self.before, self.index = x.shape, index
        return x[index]

    def backward(self, dout: Array) -> tuple[Array]:
        return (put_add(dout, self.index, self.before),)


@method("__getitem__")
def getitem(x: Tensor, index: Any) -> Tensor:
    """x[index], with NumPy's and PyTorch's rules for slices, integers, None, ..., arrays, masks.

    On a GPU positions beyond the end, in an array of positions, wrap around unnoticed, as CuPy has
    it; ``gather``, ``embedding`` and the losses check theirs.
    """
    if _is_basic(index):
        # The dots make x[i] of a vector a 0-d view rather than a number.
        if type(index) is not tuple:
            index = (index, ...) if index is not Ellipsis else index
        elif Ellipsis not in index:
            index = (*index, ...)
        return unary(Slice, x, index)
    index = plain_index(index, x._data)
    if is_array(index) and index.dtype.kind == "b":
        return unary(Slice, x, index)
    return unary(Gather, x, index)


class PutAdd(Function):
    """out = zeros with x added at the index, what comes twice adding up;  dx = dout[index].

    The derivative of ``Gather`` and ``Slice`` as an operation of its own.
    """

    __slots__ = ("index",)

    def forward(self, x: Array, index: Any, shape: tuple[int, ...]) -> Array:
        self.index = index
        return put_add(x, index, shape)

    def backward(self, dout: Array) -> tuple[Array]:
        return (dout[self.index],)


@method("_put_add")
def put_added(x: Tensor, index: Any, shape: tuple[int, ...]) -> Tensor:
    """Zeros of ``shape`` with ``x`` added at ``index``."""
    return unary(PutAdd, x, plain_index(index, x._data), shape)


class SetItem(Function):
    """out = x with out[index] = v;  dx = dout with zeros at the index,  dv = dout[index]."""

    __slots__ = ("index", "value_shape")

    def forward(self, x: Array, value: Array, index: Any) -> Array:
        self.index, self.value_shape = index, value.shape
        out = x.copy()
        out[index] = value
        return out

    def backward(self, dout: Array) -> tuple[Array | None, ...]:
        need_x, need_value = self.needs
        return (
            without(dout, self.index) if need_x else None,
            unbroadcast(dout[self.index], self.value_shape) if need_value else None,
        )


def set_item(x: Tensor, value: Tensor, index: Any) -> Tensor:
    """A copy of x in which the elements at the index are replaced."""
    return apply(SetItem, (x, value), index)
