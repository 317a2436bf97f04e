"""Softmax, its logarithm, and the logarithm of a sum of exponentials, computed without overflow.

All three subtract the greatest element first, which changes nothing but the size of the numbers
in between.
"""

from __future__ import annotations

from typing import Any

from nncourse.autograd.function import Function, cast, unary
from nncourse.autograd.tensor import Tensor, method
from nncourse.autograd.vocabulary import exp, keep_axes, sum_over, where
from nncourse.backend import Array, amax, filled, xp
from nncourse.dtypes import get_default_dtype
from nncourse.ops.reduction import axes_of, reduced_shape


class Softmax(Function):
    """out = e^x / sum of e^x along an axis;  dx = out * (dout - sum of dout * out)."""

    __slots__ = ("axis",)
    saves = ("out",)

    def forward(self, x: Array, axis: int | None) -> Array:
        self.axis = axis
        out = xp.exp(x - greatest(x, axis))
        out /= _total(out, axis)
        self.saved = (out,)
        return out

    def backward(self, dout: Array) -> tuple[Array]:
        (out,) = self.saved
        weighted = dout * out
        return (weighted - out * _total(weighted, self.axis),)


@method("softmax")
def softmax(input: Tensor, dim: int, dtype: Any = None) -> Tensor:
    """e^x divided by its sum along ``dim``: positive numbers that add up to 1.

    ``dtype``: the number type to convert to before.
    """
    return unary(Softmax, *_checked(input, dim, dtype, "softmax"))


class LogSoftmax(Function):
    """out = x - log of the sum of e^x along an axis;  dx = dout - e^out * sum of dout."""

    __slots__ = ("axis",)
    saves = ("out",)

    def forward(self, x: Array, axis: int | None) -> Array:
        self.axis = axis
        out = x - greatest(x, axis)
        out -= xp.log(_total(xp.exp(out), axis))
        self.saved = (out,)
        return out

    def backward(self, dout: Array) -> tuple[Array]:
        (out,) = self.saved
        return (dout - exp(out) * _total(dout, self.axis),)


@method("log_softmax")
def log_softmax(input: Tensor, dim: int, dtype: Any = None) -> Tensor:
    """The logarithm of softmax along ``dim``, computed without overflow."""
    return unary(LogSoftmax, *_checked(input, dim, dtype, "log_softmax"))


def _total(x: Array, axis: int | None) -> Array:
    """The sum along an axis, which is kept; along the last one as a product, BLAS being faster."""
    if isinstance(x, Tensor) or axis is None or axis != x.ndim - 1 or not axis:
        return sum_over(x, axis, True)
    return (x @ filled(x.shape[-1], 1, x.dtype, x))[..., None]


def greatest(x: Array, axes: Any) -> Array:
    """The greatest element along axes, which are kept; of no elements, 0."""
    if not x.size:
        return x.sum(axes, keepdims=True)
    return amax(x, axes, True)


def _checked(x: Tensor, dim: int, dtype: Any, what: str) -> tuple[Tensor, int | None]:
    if dtype is not None:
        x = cast(x, xp.dtype(dtype))
    if x._data.dtype.kind not in "fc":
        raise RuntimeError(
            f"{what} needs a floating-point tensor; this one is {x.dtype}. Convert it: x.float()"
        )
    if not -max(x._data.ndim, 1) <= dim < max(x._data.ndim, 1):
        raise IndexError(f"{what}: dim {dim} is out of range for shape {x.shape}")
    return x, dim if x._data.ndim else None


class LogSumExp(Function):
    """out = log of the sum of e^x over axes;  dx = dout * e^(x - out), which is softmax."""

    __slots__ = ("axes", "keep")
    saves = ("x", "out")

    def forward(self, x: Array, axes: tuple[int, ...] | None, keep: bool) -> Array:
        self.axes, self.keep = axes, keep
        top = greatest(x, axes)
        top = xp.where(xp.isfinite(top), top, 0)  # infinity minus infinity would not be a number
        with xp.errstate(divide="ignore"):
            out = xp.log(xp.add.reduce(xp.exp(x - top), axes, None, None, True)) + top
        if not keep:
            out = out.reshape(reduced_shape(x.shape, axes))
        self.saved = x, out
        return out

    def backward(self, dout: Array) -> tuple[Array]:
        x, out = self.saved
        if self.axes is not None and not self.keep:
            dout, out = keep_axes(dout, x.shape, self.axes), keep_axes(out, x.shape, self.axes)
        # Where all of x is -infinity, so is out, and nothing has a share.
        return (dout * exp(x - where(out == -xp.inf, 0.0, out)),)


@method("logsumexp")
def logsumexp(x: Tensor, dim: Any, keepdim: bool = False) -> Tensor:
    """log(sum(e^x)) over axes: a smooth maximum, computed without overflow."""
    if x._data.dtype.kind not in "fc":
        x = cast(x, get_default_dtype())
    return unary(LogSumExp, x, axes_of(x, dim), keepdim)
