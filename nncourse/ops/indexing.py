"""Elements taken out by index, and put in place.

Slices and integers give a view of the same memory; lists, integer tensors and masks give copies.
Backward, the gradient goes back to where the elements came from; elements that were taken twice
get the sum of both.
"""

from __future__ import annotations

from typing import Any

from nncourse.autograd.function import Function, apply, unary
from nncourse.autograd.tensor import Tensor, method
from nncourse.autograd.vocabulary import put, put_add, unbroadcast, without
from nncourse.backend import Array, is_array, to_numpy, xp

_BASIC = (int, slice, type(None), type(Ellipsis))


def _is_basic(index: Any) -> bool:
    if type(index) is tuple:
        return all(isinstance(i, _BASIC) and not isinstance(i, bool) for i in index)
    return isinstance(index, _BASIC) and not isinstance(index, bool)


def _plain(index: Any) -> Any:
    """The index with arrays in place of tensors and lists."""
    if isinstance(index, Tensor):
        array = index._data
        if array.dtype.kind not in "biu":
            raise IndexError(f"an index must hold integers or bools; this tensor is {index.dtype}")
        return array
    if isinstance(index, tuple):
        return tuple([_plain(i) for i in index])
    if isinstance(index, list):
        return xp.asarray([to_numpy(i._data) if isinstance(i, Tensor) else i for i in index])
    return index


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
    """x[index], with NumPy's and PyTorch's rules for slices, integers, None, ..., arrays, masks."""
    if _is_basic(index):
        # The dots make x[i] of a vector a 0-d view rather than a number.
        if type(index) is not tuple:
            index = (index, ...) if index is not Ellipsis else index
        elif Ellipsis not in index:
            index = (*index, ...)
        return unary(Slice, x, index)
    index = _plain(index)
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
    return unary(PutAdd, x, plain_index(index), shape)


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


def plain_index(index: Any) -> Any:
    """The index with arrays in place of tensors and lists."""
    return _plain(index)
