"""Tensors taken apart, repeated, rolled, flipped and padded."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

from nncourse.autograd.function import Function, unary
from nncourse.autograd.tensor import Tensor, method
from nncourse.autograd.vocabulary import applied
from nncourse.backend import Array, xp
from nncourse.ops.indexing import Slice
from nncourse.ops.shape import axis_of, expand, permute, reshape, sizes_of


def _piece(x: Tensor, axis: int, start: int, length: int) -> Tensor:
    """The elements ``start`` to ``start + length`` along an axis: a view."""
    return unary(Slice, x, (*[slice(None)] * axis, slice(start, start + length), ...))


@method("narrow")
def narrow(x: Tensor, dim: int, start: int, length: int) -> Tensor:
    """``length`` elements along ``dim``, beginning at ``start``: a view."""
    axis = axis_of(x, dim)
    n = x._data.shape[axis]
    if start < 0:
        start += n
    if not 0 <= start <= start + length <= n:
        raise RuntimeError(f"narrow: {start} to {start + length} does not lie within 0 to {n}")
    return _piece(x, axis, start, length)


@method("split")
def split(x: Tensor, split_size: int | Sequence[int], dim: int = 0) -> tuple[Tensor, ...]:
    """Views of x, one after another along ``dim``.

    split_size: the length of each, of which the last may be shorter; or a list of all lengths.
    """
    axis = axis_of(x, dim)
    n = x._data.shape[axis]
    if isinstance(split_size, int):
        if split_size < 1:
            raise RuntimeError(f"split: the length of a piece must be positive; got {split_size}")
        lengths = [min(split_size, n - start) for start in range(0, max(n, 1), split_size)]
    else:
        lengths = list(split_size)
        if sum(lengths) != n or min(lengths, default=0) < 0:
            raise RuntimeError(
                f"split: the lengths {lengths} must add up to {n}, the length of axis {dim} of "
                f"shape {x.shape}; they add up to {sum(lengths)}"
            )
    pieces, start = [], 0
    for length in lengths:
        pieces.append(_piece(x, axis, start, length))
        start += length
    return tuple(pieces)


@method("chunk")
def chunk(x: Tensor, chunks: int, dim: int = 0) -> tuple[Tensor, ...]:
    """At most ``chunks`` views of equal length along ``dim``; the last may be shorter."""
    if chunks < 1:
        raise RuntimeError(f"chunk: the number of chunks must be positive; got {chunks}")
    n = x._data.shape[axis_of(x, dim)]
    if not n:
        return split(x, [0] * chunks, dim)
    return split(x, -(-n // chunks), dim)


@method("unbind")
def unbind(x: Tensor, dim: int = 0) -> tuple[Tensor, ...]:
    """The slices along an axis, without it."""
    axis = axis_of(x, dim)
    before = [slice(None)] * axis
    return tuple([unary(Slice, x, (*before, i, ...)) for i in range(x._data.shape[axis])])


class Flip(Function):
    """out = x in reverse order along axes;  dx = dout reversed again."""

    __slots__ = ("axes",)

    def forward(self, x: Array, axes: tuple[int, ...]) -> Array:
        self.axes = axes
        return xp.flip(x, axes).copy()

    def backward(self, dout: Array) -> tuple[Array]:
        return (applied(Flip, (dout,), self.axes),)


@method("flip")
def flip(x: Tensor, *dims: Any) -> Tensor:
    """x in reverse order along the axes named. A copy, as in PyTorch."""
    axes = tuple([axis_of(x, d) for d in sizes_of(dims)])
    if len(set(axes)) != len(axes):
        raise RuntimeError(f"flip: {sizes_of(dims)} names an axis twice")
    return unary(Flip, x, axes) if x._data.ndim else x.clone()


class Roll(Function):
    """out = x shifted along axes, in a circle;  dx = dout shifted back."""

    __slots__ = ("axes", "shifts")

    def forward(self, x: Array, shifts: tuple[int, ...], axes: tuple[int, ...] | None) -> Array:
        self.shifts, self.axes = shifts, axes
        return xp.roll(x, shifts[0] if axes is None else shifts, axes)

    def backward(self, dout: Array) -> tuple[Array]:
        return (applied(Roll, (dout,), tuple([-n for n in self.shifts]), self.axes),)


@method("roll")
def roll(x: Tensor, shifts: int | Sequence[int], dims: int | Sequence[int] | None = None) -> Tensor:
    """x shifted by ``shifts`` along ``dims`` in a circle; without ``dims``, as if it were flat."""
    steps = (shifts,) if isinstance(shifts, int) else tuple(shifts)
    if dims is None:
        if len(steps) != 1:
            raise RuntimeError("roll: several shifts need as many dims")
        return unary(Roll, x, steps, None)
    axes = tuple([axis_of(x, d) for d in ((dims,) if isinstance(dims, int) else dims)])
    if len(axes) != len(steps):
        raise RuntimeError(f"roll: {len(steps)} shifts, but {len(axes)} dims; they must be as many")
    return unary(Roll, x, steps, axes)


@method("repeat")
def repeat(x: Tensor, *sizes: Any) -> Tensor:
    """x so many times along each axis; more sizes than axes put new axes in front."""
    times = sizes_of(sizes)
    shape = (1,) * (len(times) - x._data.ndim) + x._data.shape
    if len(times) < x._data.ndim:
        raise RuntimeError(f"repeat: shape {x.shape} needs at least {x.ndim} sizes; got {times}")
    paired, wide = [], []
    for n, t in zip(shape, times):
        paired += [1, n]
        wide += [t, n]
    return reshape(expand(reshape(x, *paired), *wide), *[n * t for n, t in zip(shape, times)])


@method("repeat_interleave")
def repeat_interleave(x: Tensor, repeats: int | Tensor, dim: int | None = None) -> Tensor:
    """Each element along ``dim`` so many times in a row; without ``dim``, of the flat tensor."""
    if dim is None:
        x, dim = reshape(x, -1), 0
    axis = axis_of(x, dim)
    times = repeats._data if isinstance(repeats, Tensor) else operator.index(repeats)
    rows = xp.repeat(xp.arange(x._data.shape[axis], like=x._data), times)
    return x[(*[slice(None)] * axis, rows)]


@method("movedim")
def movedim(x: Tensor, source: int, destination: int) -> Tensor:
    """One axis moved to another place, the others in their order."""
    start, end = axis_of(x, source), axis_of(x, destination)
    if not x._data.ndim:
        return x
    order = [i for i in range(x._data.ndim) if i != start]
    order.insert(end, start)
    return permute(x, *order)
