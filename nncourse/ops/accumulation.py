"""Products, running sums and norms along axes."""

from __future__ import annotations

import math
from typing import Any

from nncourse.autograd.function import Function, cast, constant, unary
from nncourse.autograd.tensor import Tensor, method
from nncourse.autograd.vocabulary import applied
from nncourse.backend import Array, xp
from nncourse.ops.arrangement import narrow
from nncourse.ops.reduction import Dim, Root
from nncourse.ops.shape import axis_of, cat


class CumulativeSum(Function):
    """out_i = x_0 + ... + x_i along an axis;  dx_i = dout_i + ... + dout_(n-1).

    Backwards it is the same sum from the other end.
    """

    __slots__ = ("axis", "reverse")

    def forward(self, x: Array, axis: int, reverse: bool) -> Array:
        self.axis, self.reverse = axis, reverse
        if reverse:
            return xp.flip(xp.cumsum(xp.flip(x, axis), axis), axis)
        return xp.cumsum(x, axis)

    def backward(self, dout: Array) -> tuple[Array]:
        return (applied(CumulativeSum, (dout,), self.axis, not self.reverse),)


@method("cumsum")
def cumsum(x: Tensor, dim: int, *, dtype: Any = None) -> Tensor:
    """The sum of each element and all before it along an axis. Integers and bools give int64."""
    if dtype is not None:
        x = cast(x, xp.dtype(dtype))
    elif x._data.dtype.kind in "biu":
        x = constant(x._data.astype("int64"))
    axis = axis_of(x, dim)
    return unary(CumulativeSum, x, axis, False) if x._data.ndim else x.clone()


@method("prod")
def prod(x: Tensor, dim: int | None = None, keepdim: bool = False) -> Tensor:
    """The product along an axis, or of all elements. Products of integers are int64.

    Halves are multiplied with each other until one element is left: a tree of products, whose
    derivatives of every order are right also where elements are 0, which out / x would not be.
    """
    if x._data.dtype.kind in "biu":
        x = constant(x._data.astype("int64"))
    if dim is None:
        shape = [1] * x._data.ndim if keepdim else []
        return prod(x.reshape(x.numel()), 0).reshape(shape)
    axis = axis_of(x, dim)
    if not x._data.ndim:
        return x.clone()
    n = x._data.shape[axis]
    if not n:
        return x.sum(axis, keepdim) + 1
    while n > 1:
        half = n // 2
        product = narrow(x, axis, 0, half) * narrow(x, axis, half, half)
        x = cat([product, narrow(x, axis, n - 1, 1)], axis) if n % 2 else product
        n = half + n % 2
    return x if keepdim else x.squeeze(axis)


@method("norm")
def norm(x: Tensor, p: Any = "fro", dim: Dim = None, keepdim: bool = False) -> Tensor:
    """The p-norm over axes, of all elements if no axis is given: (sum of |x|^p)^(1/p).

    p: a number, "fro" (which is 2), infinity (the greatest |x|), -infinity, or 0 (how many are
    not 0). Where all elements are 0, the derivative is taken to be 0.
    """
    if x._data.dtype.kind not in "fc":
        raise RuntimeError(
            f"norm needs a floating-point tensor; this one is {x.dtype}. Convert it: x.float()"
        )
    if p in ("fro", 2, None):
        return unary(Root, (x * x).sum(dim, keepdim))
    if not isinstance(p, int | float):
        raise ValueError(f"norm: p must be a number or 'fro'; got {p!r}")
    if math.isinf(p):
        return x.abs().amax(dim, keepdim) if p > 0 else x.abs().amin(dim, keepdim)
    if p == 0:
        return constant((x._data != 0).astype(x._data.dtype)).sum(dim, keepdim)
    if p == 1:
        return x.abs().sum(dim, keepdim)
    return (x.abs() ** p).sum(dim, keepdim) ** (1 / p)
