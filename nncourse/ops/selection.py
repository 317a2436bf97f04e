"""Elements chosen by index tensors or by masks: gather, scatter, masks and triangles.

``gather`` and ``scatter_add`` are each other's derivatives: what one takes from a place, the other
adds to it.
"""

from __future__ import annotations

import operator
from typing import Any

from nncourse.autograd.function import Function, apply, constant, unary
from nncourse.autograd.placement import different_devices
from nncourse.autograd.tensor import Tensor, method
from nncourse.backend import Array, add_at, filled, xp
from nncourse.ops.elementwise import choose
from nncourse.ops.indexing import Gather, SetItem, beyond
from nncourse.ops.shape import axis_of
from nncourse.ops.sorting import places_along


def _places(what: str, x: Tensor, dim: int, index: Tensor, other: Tensor | None = None) -> Any:
    """The checked index of gather and scatter, ready for x[...]."""
    axis, at = axis_of(x, dim), index._data
    if at.dtype.kind not in "iu":
        raise IndexError(f"{what}: the index must hold integers; got {at.dtype}")
    limits = x._data.shape
    fits = at.ndim == len(limits) and all(
        i == axis or m <= n for i, (m, n) in enumerate(zip(at.shape, limits))
    )
    if other is not None and fits:
        fits = other._data.ndim == at.ndim and all(
            m <= n for m, n in zip(at.shape, other._data.shape)
        )
    if not fits:
        source = "" if other is None else f" and src {other.shape}"
        hint = ""
        if at.ndim == len(limits) - 1:
            hint = f" Did you mean index.unsqueeze({dim})?"
        raise RuntimeError(
            f"{what}: index {index.shape} must have as many axes as the tensor {x.shape}{source}, "
            f"and must not be longer anywhere but along dim {dim}.{hint}"
        )
    if type(at) is not type(x._data):
        raise different_devices(what, x._data, at)
    if beyond(at, limits[axis]):
        raise IndexError(
            f"{what}: along dim {dim} positions are 0 to {limits[axis] - 1}; the index holds "
            f"{at.min()} to {at.max()}"
        )
    return places_along(at, axis)


def _one_axis(x: Tensor) -> Tensor:
    return x if x._data.ndim else x.reshape(1)


@method("gather")
def gather(x: Tensor, dim: int, index: Tensor) -> Tensor:
    """out[i][j] = x[index[i][j]][j] for dim 0, x[i][index[i][j]] for dim 1: the index's shape."""
    if not x._data.ndim or not index._data.ndim:
        return gather(_one_axis(x), dim, _one_axis(index)).reshape(index.shape)
    return unary(Gather, x, _places("gather", x, dim, index))


@method("take_along_dim")
def take_along_dim(x: Tensor, indices: Tensor, dim: int) -> Tensor:
    """``gather``, with the other axes broadcast."""
    axis = axis_of(x, dim)
    sides = [list(x._data.shape), list(indices._data.shape)]
    for side in sides:
        side[axis] = 1
    shape = list(xp.broadcast_shapes(*map(tuple, sides)))
    wide = [[*shape[:axis], part.shape[axis], *shape[axis + 1 :]] for part in (x, indices)]
    return gather(x.expand(*wide[0]), axis, indices.expand(*wide[1]))


@method("index_select")
def index_select(x: Tensor, dim: int, index: Tensor) -> Tensor:
    """The slices along ``dim`` whose positions a vector holds."""
    return x[(*[slice(None)] * axis_of(x, dim), index)]


class ScatterAdd(Function):
    """out = x with src added at an index, which may repeat;  dx = dout,  dsrc = dout[index]."""

    __slots__ = ("index",)

    def forward(self, x: Array, src: Array, index: Any) -> Array:
        self.index = index
        out = x.copy()
        add_at(out, index, src)
        return out

    def backward(self, dout: Array) -> tuple[Array | None, ...]:
        need_x, need_src = self.needs
        return dout if need_x else None, dout[self.index] if need_src else None


def _source(x: Tensor, index: Tensor, src: Any) -> tuple[Tensor, Tensor]:
    """x and src in one number type, src cut to the shape of the index."""
    if not isinstance(src, Tensor):
        src = constant(filled(index.shape, src, x._data.dtype, x._data))
    if src._data.dtype != x._data.dtype:
        raise RuntimeError(f"src must have the tensor's type {x.dtype}; got {src.dtype}")
    if src.shape != index.shape:
        src = src[tuple([slice(n) for n in index.shape])]
    return x, src


@method("scatter_add")
def scatter_add(x: Tensor, dim: int, index: Tensor, src: Tensor) -> Tensor:
    """x with src[i][j] added at [index[i][j]][j] for dim 0, and so on; positions may repeat."""
    if not x._data.ndim:
        return scatter_add(_one_axis(x), dim, _one_axis(index), _one_axis(src)).reshape(())
    places = _places("scatter_add", x, dim, index, src)
    return apply(ScatterAdd, _source(x, index, src), places)


@method("scatter")
def scatter(x: Tensor, dim: int, index: Tensor, src: Any) -> Tensor:
    """x with src[i][j], or a number, put at [index[i][j]][j] for dim 0, and so on.

    Where a position repeats, the value is that of one of them, and gradients are undefined.
    """
    places = _places("scatter", x, dim, index, src if isinstance(src, Tensor) else None)
    return apply(SetItem, _source(x, index, src), places)


@method("masked_fill")
def masked_fill(x: Tensor, mask: Tensor, value: Any) -> Tensor:
    """x with ``value`` where the mask is true."""
    if isinstance(value, Tensor):
        if value._data.ndim:
            raise RuntimeError(f"masked_fill needs a number or a 0-d tensor; got {value.shape}")
    elif isinstance(value, float) and x._data.dtype.kind != "f":
        raise RuntimeError(f"masked_fill: {value} does not fit into a tensor of {x.dtype}")
    elif x._data.dtype.kind == "b":
        value = bool(value)
    return choose(mask, value, x)


@method("masked_select")
def masked_select(x: Tensor, mask: Tensor) -> Tensor:
    """The elements where the mask is true, in a row; both are broadcast."""
    shape = xp.broadcast_shapes(x.shape, mask.shape)
    return x.expand(shape)[mask.expand(shape)]


def _triangle(x: Tensor, diagonal: int, lower: bool) -> Tensor:
    if x._data.ndim < 2:
        raise RuntimeError(f"a triangle needs a matrix; got shape {x.shape}")
    n, m = x._data.shape[-2:]
    diagonal = operator.index(diagonal)
    inside = xp.tri(n, m, diagonal if lower else diagonal - 1, "bool", like=x._data)
    return choose(constant(inside if lower else ~inside), x, False)


@method("tril")
def tril(x: Tensor, diagonal: int = 0) -> Tensor:
    """The lower triangle of the last two axes up to a diagonal (0: the main one), else 0."""
    return _triangle(x, diagonal, lower=True)


@method("triu")
def triu(x: Tensor, diagonal: int = 0) -> Tensor:
    """The upper triangle of the last two axes from a diagonal (0: the main one) on, else 0."""
    return _triangle(x, diagonal, lower=False)


def one_hot(tensor: Tensor, num_classes: int = -1) -> Tensor:
    """For every class index a vector with a 1 at its place: int64, shape (..., num_classes)."""
    at = tensor._data
    if at.dtype.kind not in "iu":
        raise RuntimeError(f"one_hot needs class indices (integers); got {at.dtype}")
    if not at.size and num_classes < 1:
        raise RuntimeError("one_hot of no elements needs num_classes")
    n = int(at.max()) + 1 if num_classes == -1 else num_classes
    if beyond(at, n):
        raise RuntimeError(
            f"one_hot: with {n} classes, indices are 0 to {n - 1}; got {at.min()} to {at.max()}"
        )
    return constant((at[..., None] == xp.arange(n, like=at)).astype("int64"))
