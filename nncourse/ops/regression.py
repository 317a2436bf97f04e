"""Losses of regression: squares, absolute values, and what lies between them.

Each compares an input with a target of the same shape, which may require a gradient as well.
"""

from __future__ import annotations

from nncourse.autograd.function import Function, apply, unary
from nncourse.autograd.tensor import Tensor
from nncourse.autograd.vocabulary import absolute, sign, where
from nncourse.backend import Array, xp
from nncourse.ops.loss_reduction import of_one_shape, reduced


class MSELoss(Function):
    """out = (x - y)^2, its mean or sum;  dx = dout * 2 (x - y), for the mean / n,  dy = -dx."""

    __slots__ = ("reduction",)
    saves = ("x", "y")

    def forward(self, x: Array, y: Array, reduction: str) -> Array:
        self.reduction = reduction
        self.saved = x, y
        squares = x - y
        squares *= squares
        if reduction == "none":
            return squares
        out = xp.add.reduce(squares, None)
        return out / (x.size or xp.nan) if reduction == "mean" else out

    def backward(self, dout: Array) -> tuple[Array | None, ...]:
        x, y = self.saved
        need_x, need_y = self.needs
        scale = 2.0
        if self.reduction == "mean":
            n = 1
            for length in x.shape:
                n *= length
            scale = 2 / (n or xp.nan)
        dx = (dout * scale) * (x - y)
        return dx if need_x else None, -dx if need_y else None


def mse_loss(input: Tensor, target: Tensor, reduction: str = "mean") -> Tensor:
    """The squared difference of two tensors of one shape: its "mean", "sum" or "none"."""
    return apply(MSELoss, of_one_shape("mse_loss", input, target, reduction), reduction)


def mse_loss_spelled_out(input: Tensor, target: Tensor, reduction: str = "mean") -> Tensor:
    """The same as ``mse_loss``, composed of small operations."""
    return reduced((input - target) ** 2, reduction)


def half_squared_error(input: Tensor, target: Tensor, reduction: str = "sum") -> Tensor:
    """Half the squared difference, as the source lectures write it, so that its slope is x - y.

    The error of a batch is the sum over examples and outputs there, which is the default here.
    PyTorch has ``mse_loss`` alone.
    """
    return mse_loss(input, target, reduction) * 0.5


def l1_loss(input: Tensor, target: Tensor, reduction: str = "mean") -> Tensor:
    """The absolute difference of two tensors of one shape: its "mean", "sum" or "none"."""
    x, y = of_one_shape("l1_loss", input, target, reduction)
    return reduced((x - y).abs(), reduction)


class Huber(Function):
    """out = x^2 / 2 where |x| <= delta, else delta (|x| - delta / 2);  dx = dout * x, limited.

    The derivative is x limited to [-delta, delta].
    """

    __slots__ = ("delta",)
    saves = ("x",)

    def forward(self, x: Array, delta: float) -> Array:
        self.saved, self.delta = (x,), delta
        size = xp.abs(x)
        return xp.where(size <= delta, 0.5 * x * x, delta * (size - 0.5 * delta))

    def backward(self, dout: Array) -> tuple[Array]:
        (x,) = self.saved
        return (dout * where(absolute(x) <= self.delta, x, self.delta * sign(x)),)


def huber_loss(
    input: Tensor, target: Tensor, reduction: str = "mean", delta: float = 1.0
) -> Tensor:
    """Half the square of small differences, ``delta`` times the absolute value of large ones."""
    if delta <= 0:
        raise ValueError(f"huber_loss: delta must be positive; got {delta}")
    x, y = of_one_shape("huber_loss", input, target, reduction)
    return reduced(unary(Huber, x - y, delta), reduction)


def smooth_l1_loss(
    input: Tensor, target: Tensor, reduction: str = "mean", beta: float = 1.0
) -> Tensor:
    """``huber_loss`` divided by ``beta``: slope 1 for differences greater than ``beta``."""
    if beta < 0:
        raise ValueError(f"smooth_l1_loss: beta must not be negative; got {beta}")
    x, y = of_one_shape("smooth_l1_loss", input, target, reduction)
    difference = x - y
    if beta == 0:
        return reduced(difference.abs(), reduction)
    return reduced(unary(Huber, difference, beta) / beta, reduction)
