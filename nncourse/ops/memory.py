"""How a tensor lies in memory: PyTorch's names, most of which have nothing to do here.

Every operation takes arrays as they lie, so ``contiguous`` is needed for nothing but programs that
were written for PyTorch, where ``view`` asks for it.
"""

from __future__ import annotations

from typing import Any

from nncourse.autograd.tensor import Tensor, method
from nncourse.ops.conversion import clone, to


@method("is_contiguous")
def is_contiguous(x: Tensor) -> bool:
    """Do the elements lie in memory one after another, row by row?"""
    return bool(x._data.flags.c_contiguous)


@method("contiguous")
def contiguous(x: Tensor) -> Tensor:
    """The tensor with its elements one after another in memory: itself if they lie so."""
    if is_contiguous(x):
        return x
    return clone(x.reshape(-1)).reshape(x.shape) if x._data.ndim > 1 else clone(x)


@method("element_size")
def element_size(x: Tensor) -> int:
    """Bytes per element."""
    return int(x._data.itemsize)


def _bytes(x: Tensor) -> int:
    """Bytes of all elements."""
    return int(x._data.nbytes)


Tensor.nbytes = property(_bytes)  # type: ignore[attr-defined]


@method("stride")
def stride(x: Tensor, dim: int | None = None) -> Any:
    """How many elements lie between neighbours along each axis, or along one."""
    steps = tuple([step // x._data.itemsize for step in x._data.strides])
    return steps if dim is None else steps[dim]


@method("nelement")
def nelement(x: Tensor) -> int:
    """The number of elements; ``numel`` by another name."""
    return x.numel()


@method("ndimension")
def ndimension(x: Tensor) -> int:
    """The number of axes; ``dim`` by another name."""
    return x.ndim


@method("view_as")
def view_as(x: Tensor, other: Tensor) -> Tensor:
    """The same elements in the shape of another tensor."""
    return x.reshape(other.shape)


method("reshape_as")(view_as)


@method("ravel")
def ravel(x: Tensor) -> Tensor:
    """All elements in one row."""
    return x.reshape(-1)


@method("type_as")
def type_as(x: Tensor, other: Tensor) -> Tensor:
    """The tensor in the number type of another."""
    return to(x, dtype=other.dtype)


@method("is_floating_point")
def is_floating_point(x: Tensor) -> bool:
    """Are the elements floating-point numbers?"""
    return bool(x._data.dtype.kind == "f")


def is_tensor(obj: Any) -> bool:
    """Is it a tensor?"""
    return isinstance(obj, Tensor)


def numel(input: Tensor) -> int:
    """The number of elements."""
    return input.numel()
