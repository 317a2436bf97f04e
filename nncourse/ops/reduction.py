"""Sums, means, extremes and spreads along axes.

``dim`` is an axis, a tuple of axes, or None for all; ``keepdim`` leaves the reduced axes with
length 1. Backward, the gradient of the reduced result is spread over the axes again.
"""

from __future__ import annotations

import builtins
from typing import Any, NamedTuple

from nncourse.autograd.function import Function, cast, constant, unary
from nncourse.autograd.tensor import Tensor, method
from nncourse.autograd.vocabulary import fill, keep_axes, positions, put, sum_over, where
from nncourse.backend import Array, xp
from nncourse.backend import amax as greatest
from nncourse.backend import amin as least

Dim = int | tuple[int, ...] | None


def axes_of(x: Tensor, dim: Any) -> tuple[int, ...] | None:
    """``dim`` as a tuple of non-negative axes, or None for all of them."""
    if dim is None:
        return None
    ndim = x._data.ndim
    dims = (dim,) if isinstance(dim, int) else tuple(dim)
    for d in dims:
        if not -builtins.max(ndim, 1) <= d < builtins.max(ndim, 1):
            raise IndexError(
                f"dim {d} is out of range for a tensor of shape {x.shape}, "
                f"whose axes are {-ndim} to {ndim - 1}"
            )
    if ndim == 0:
        return None
    axes = tuple([d % ndim for d in dims])
    if len(set(axes)) != len(axes):
        raise ValueError(f"dim {dim} names an axis twice")
    return axes


def _spread(dout: Array, shape: tuple[int, ...], axes: tuple[int, ...] | None, keep: bool) -> Array:
    """The gradient of a reduced result, repeated along the axes that were reduced."""
    if axes is not None and not keep:
        dout = keep_axes(dout, shape, axes)
    return fill(dout, shape)


class Sum(Function):
    """out = sum of x over axes;  dx = dout, repeated along them."""

    __slots__ = ("axes", "before", "keep")

    def forward(self, x: Array, axes: tuple[int, ...] | None, keep: bool) -> Array:
        self.before, self.axes, self.keep = x.shape, axes, keep
        return xp.add.reduce(x, axes, None, None, keep)

    def backward(self, dout: Array) -> tuple[Array]:
        return (_spread(dout, self.before, self.axes, self.keep),)


@method("sum")
def sum(x: Tensor, dim: Dim = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """The sum over axes. Sums of integers and of bools are int64, unless ``dtype`` is given."""
    if dtype is not None:
        x = cast(x, xp.dtype(dtype))
    elif x._data.dtype.kind in "biu":
        x = constant(x._data.astype("int64"))
    return unary(Sum, x, axes_of(x, dim), keepdim)


class Mean(Function):
    """out = sum of x over axes / n;  dx = dout / n, repeated along them."""

    __slots__ = ("axes", "before", "keep", "n")

    def forward(self, x: Array, axes: tuple[int, ...] | None, keep: bool) -> Array:
        self.before, self.axes, self.keep = x.shape, axes, keep
        out = xp.add.reduce(x, axes, None, None, keep)
        self.n = x.size // out.size if out.size else 1
        return out / self.n if self.n else out * xp.nan

    def backward(self, dout: Array) -> tuple[Array]:
        n = self.n
        return (_spread(dout / n if n else dout, self.before, self.axes, self.keep),)


@method("mean")
def mean(x: Tensor, dim: Dim = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """The mean over axes; ``dtype``: the number type to convert to before."""
    if dtype is not None:
        x = cast(x, xp.dtype(dtype))
    _floating_only(x, "mean")
    return unary(Mean, x, axes_of(x, dim), keepdim)


def _floating_only(x: Tensor, what: str) -> None:
    if x._data.dtype.kind not in "fc":
        raise RuntimeError(
            f"{what} needs a floating-point tensor; this one is {x.dtype}. Convert it: x.float()"
        )


class Variance(Function):
    """out = sum of (x - mean)^2 over axes / (n - c);  dx = dout * 2 (x - mean) / (n - c).

    The mean moves with x as well, but its share vanishes, since deviations from it add up to 0.
    """

    __slots__ = ("axes", "keep", "scale", "share")
    saves = ("x",)

    def forward(self, x: Array, axes: tuple[int, ...] | None, c: float, keep: bool) -> Array:
        self.axes, self.keep = axes, keep
        self.saved = (x,)
        total = xp.add.reduce(x, axes, None, None, True)
        n = x.size // total.size if total.size else 1
        self.share = 1 / n if n else xp.nan
        # As in PyTorch, the variance of too few values is NaN.
        self.scale = 1 / (n - c) if n > c else xp.nan
        deviation = x - total * self.share
        return xp.add.reduce(deviation * deviation, axes, None, None, keep) * self.scale

    def backward(self, dout: Array) -> tuple[Array]:
        (x,) = self.saved
        deviation = x - sum_over(x, self.axes, True) * self.share
        spread = _spread(dout, x.shape, self.axes, self.keep)
        return (spread * (2 * self.scale) * deviation,)


def _correction(correction: float | None, unbiased: bool | None) -> float:
    if unbiased is not None:
        return 1.0 if unbiased else 0.0
    return 1.0 if correction is None else correction


@method("var")
def var(
    x: Tensor,
    dim: Dim = None,
    correction: float | None = None,
    keepdim: bool = False,
    *,
    unbiased: bool | None = None,
) -> Tensor:
    """The variance over axes, divided by n - correction (1 unless given; unbiased=False: 0)."""
    _floating_only(x, "var")
    return unary(Variance, x, axes_of(x, dim), _correction(correction, unbiased), keepdim)


class Root(Function):
    """out = sqrt(x);  dx = dout / (2 out), and 0 where out is 0.

    The root at the end of a norm or a standard deviation: where all that it measures is 0, the
    derivative is taken to be 0, rather than infinity times 0.
    """

    __slots__ = ()
    saves = ("out",)

    def forward(self, x: Array) -> Array:
        out = xp.sqrt(x)
        self.saved = (out,)
        return out

    def backward(self, dout: Array) -> tuple[Array]:
        (out,) = self.saved
        return (dout / where(out == 0, xp.inf, 2 * out),)


@method("std")
def std(
    x: Tensor,
    dim: Dim = None,
    correction: float | None = None,
    keepdim: bool = False,
    *,
    unbiased: bool | None = None,
) -> Tensor:
    """The standard deviation over axes: the square root of ``var``."""
    return unary(Root, var(x, dim, correction, keepdim, unbiased=unbiased))


class ValuesAndIndices(NamedTuple):
    """What an extreme along one axis returns: the values, and where along the axis they stand."""

    values: Tensor
    indices: Tensor


class Extreme(Function):
    """out = greatest (or least) element over axes;  dx = dout where x equals it.

    Elements that tie share the gradient evenly.
    """

    __slots__ = ("axes", "before", "keep")
    saves = ("ties",)

    def forward(self, x: Array, reduce: Any, axes: tuple[int, ...] | None, keep: bool) -> Array:
        self.before, self.axes, self.keep = x.shape, axes, keep
        out = reduce(x, axes, True)
        self.saved = ((x == out).astype(x.dtype),)
        return out if keep else out.reshape(reduced_shape(x.shape, axes))

    def backward(self, dout: Array) -> tuple[Array]:
        (ties,) = self.saved
        share = _spread(dout, self.before, self.axes, self.keep)
        return (share * (ties / sum_over(ties, self.axes, True)),)


def reduced_shape(shape: tuple[int, ...], axes: tuple[int, ...] | None) -> tuple[int, ...]:
    """The shape that is left when axes are reduced."""
    return () if axes is None else tuple([n for i, n in enumerate(shape) if i not in axes])


class ExtremeAlong(Function):
    """out = x at the index of the extreme along one axis;  dx = dout there, else 0."""

    __slots__ = ("axis", "before", "index", "keep")

    def forward(self, x: Array, index: Array, axis: int, keep: bool) -> Array:
        # index: for each axis of x the position, ready for x[index]
        self.before, self.axis, self.index, self.keep = x.shape, axis, index, keep
        out = x[index]
        return xp.expand_dims(out, axis) if keep else out

    def backward(self, dout: Array) -> tuple[Array]:
        if self.keep:
            dout = dout.reshape(reduced_shape(self.before, (self.axis,)))
        return (put(dout, self.index, self.before),)


def _extreme(x: Tensor, dim: Any, keepdim: bool, argument: Any) -> ValuesAndIndices:
    axes = axes_of(x, dim)
    if axes is None:
        return ValuesAndIndices(x, constant(xp.asarray(0, like=x._data)))
    (axis,) = axes
    place = argument(x._data, axis)
    index = positions(place.shape, place)
    index.insert(axis, place)
    values = unary(ExtremeAlong, x, tuple(index), axis, keepdim)
    return ValuesAndIndices(values, constant(xp.expand_dims(place, axis) if keepdim else place))


@method("max")
def max(x: Tensor, dim: Any = None, keepdim: bool = False) -> Any:
    """The greatest element; along an axis, (values, indices); with a tensor, ``maximum``."""
    if dim is None:
        return unary(Extreme, x, greatest, None, keepdim)
    if isinstance(dim, Tensor):
        return x.maximum(dim)
    return _extreme(x, dim, keepdim, xp.argmax)


@method("min")
def min(x: Tensor, dim: Any = None, keepdim: bool = False) -> Any:
    """The least element; along an axis, (values, indices); with a tensor, ``minimum``."""
    if dim is None:
        return unary(Extreme, x, least, None, keepdim)
    if isinstance(dim, Tensor):
        return x.minimum(dim)
    return _extreme(x, dim, keepdim, xp.argmin)


@method("amax")
def amax(x: Tensor, dim: Dim = None, keepdim: bool = False) -> Tensor:
    """The greatest element over axes; elements that tie share the gradient."""
    return unary(Extreme, x, greatest, axes_of(x, dim), keepdim)


@method("amin")
def amin(x: Tensor, dim: Dim = None, keepdim: bool = False) -> Tensor:
    """The least element over axes; elements that tie share the gradient."""
    return unary(Extreme, x, least, axes_of(x, dim), keepdim)


@method("argmax")
def argmax(x: Tensor, dim: int | None = None, keepdim: bool = False) -> Tensor:
    """The index of the greatest element along an axis, or in the flattened tensor."""
    return constant(xp.argmax(x._data, dim, keepdims=keepdim))


@method("argmin")
def argmin(x: Tensor, dim: int | None = None, keepdim: bool = False) -> Tensor:
    """The index of the least element along an axis, or in the flattened tensor."""
    return constant(xp.argmin(x._data, dim, keepdims=keepdim))


@method("all")
def all(x: Tensor, dim: Dim = None, keepdim: bool = False) -> Tensor:
    """Are all elements true (not zero)?"""
    return constant(xp.all(x._data, axes_of(x, dim), keepdims=keepdim))


@method("any")
def any(x: Tensor, dim: Dim = None, keepdim: bool = False) -> Tensor:
    """Is any element true (not zero)?"""
    return constant(xp.any(x._data, axes_of(x, dim), keepdims=keepdim))
