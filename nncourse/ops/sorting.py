"""Elements in order: sort, argsort, the greatest k, and taking along an axis.

The gradient of a sorted tensor goes back to where each element came from.
"""

from __future__ import annotations

from typing import Any

from nncourse.autograd.function import constant, unary
from nncourse.autograd.tensor import Tensor, method
from nncourse.autograd.vocabulary import positions
from nncourse.backend import Array, xp
from nncourse.ops.indexing import Slice
from nncourse.ops.reduction import ValuesAndIndices
from nncourse.ops.shape import axis_of


def places_along(index: Array, axis: int) -> tuple[Array, ...]:
    """The index that takes, along an axis, the elements whose positions are given."""
    sparse = positions(index.shape, index)
    sparse[axis] = index
    return tuple(sparse)


def order_along(x: Array, axis: int, descending: bool) -> Array:
    """The positions of the elements in order; equal ones keep theirs, NaN counts as greatest."""
    if not descending:
        return xp.argsort(x, axis, "stable")
    # Sorting the reversed axis and reversing the result keeps equal elements in their order.
    backwards = xp.argsort(xp.flip(x, axis), axis, "stable")
    return xp.flip(x.shape[axis] - 1 - backwards, axis)


def _taken(x: Tensor, index: Array, axis: int) -> ValuesAndIndices:
    index = xp.ascontiguousarray(index, like=index)
    return ValuesAndIndices(unary(Slice, x, places_along(index, axis)), constant(index))


@method("sort")
def sort(
    x: Tensor, dim: int = -1, descending: bool = False, *, stable: bool = True
) -> ValuesAndIndices:
    """(values, indices) in order along an axis; equal elements keep their order."""
    axis = axis_of(x, dim)
    if not x._data.ndim:
        return ValuesAndIndices(x.clone(), constant(xp.asarray(0, like=x._data)))
    return _taken(x, order_along(x._data, axis, descending), axis)


@method("argsort")
def argsort(x: Tensor, dim: int = -1, descending: bool = False, *, stable: bool = True) -> Tensor:
    """The positions that put x in order along an axis."""
    return sort(x, dim, descending).indices


@method("topk")
def topk(
    x: Tensor, k: int, dim: int = -1, largest: bool = True, sorted: bool = True
) -> ValuesAndIndices:
    """(values, indices) of the k greatest (or least) elements along an axis, in order."""
    if not x._data.ndim:
        x = x.reshape(1)
        return ValuesAndIndices(*[part.reshape(()) for part in topk(x, k, 0, largest)])
    axis = axis_of(x, dim)
    if not 0 <= k <= x._data.shape[axis]:
        raise RuntimeError(
            f"topk: k must be 0 to {x._data.shape[axis]}, the length of axis {dim} of shape "
            f"{x.shape}; got {k}"
        )
    order: Any = order_along(x._data, axis, largest)
    return _taken(x, order[(*[slice(None)] * axis, slice(k))], axis)


@method("median")
def median(x: Tensor, dim: int | None = None, keepdim: bool = False) -> Any:
    """The middle element in order, of two the lesser; with ``dim`` (values, indices) along it."""
    if dim is None:
        n = x.numel()
        return sort(x.reshape(-1)).values[(n - 1) // 2]
    place = (x.shape[axis_of(x, dim)] - 1) // 2
    found = [part.narrow(dim, place, 1) for part in sort(x, dim)]
    return ValuesAndIndices(*[part if keepdim else part.squeeze(dim) for part in found])
