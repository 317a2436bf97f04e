"""Dropout: elements set to 0 at random while training, the others made larger to make up for it."""

from __future__ import annotations

from nncourse.autograd.function import Function, unary
from nncourse.autograd.tensor import Tensor
from nncourse.backend import Array, as_array, xp
from nncourse.dtypes import float32
from nncourse.ops.activations import real
from nncourse.random import Generator, stream


class Dropout(Function):
    """out = x * m for a mask m of zeros and of 1 / (1 - p);  dx = dout * m."""

    __slots__ = ()
    saves = ("mask",)

    def forward(self, x: Array, mask: Array) -> Array:
        self.saved = (mask,)
        return x * mask

    def backward(self, dout: Array) -> tuple[Array]:
        (mask,) = self.saved
        return (dout * mask,)


def check_probability(what: str, p: float) -> None:
    """Raise unless p is a probability."""
    if not 0 <= p <= 1:
        raise ValueError(f"{what}: p is the probability of dropping, 0 to 1; got {p}")


def dropout_mask(
    shape: tuple[int, ...], p: float, like: Array, generator: Generator | None = None
) -> Array:
    """0 with probability p, else 1 / (1 - p), in the given shape, of the type of an array."""
    check_probability("dropout", p)
    if p == 1:
        return xp.zeros(shape, like.dtype, like=like)
    kept = as_array(stream(generator, like).random(shape, float32)) >= p
    return kept.astype(like.dtype) * (1 / (1 - p))


def dropout(
    input: Tensor,
    p: float = 0.5,
    training: bool = True,
    inplace: bool = False,
    *,
    generator: Generator | None = None,
) -> Tensor:
    """Each element is 0 with probability p, else divided by 1 - p, so that the mean is kept.

    Without ``training`` the input itself. generator: where the random numbers come from.
    """
    check_probability("dropout", p)
    if not training or p == 0:
        return input
    x = real(input, "dropout")
    return unary(Dropout, x, dropout_mask(x.shape, p, x._data, generator))


def dropout1d(
    input: Tensor,
    p: float = 0.5,
    training: bool = True,
    inplace: bool = False,
    *,
    generator: Generator | None = None,
) -> Tensor:
    """``dropout`` of whole channels: input (N, C, L) or (C, L), one draw for each channel."""
    if input._data.ndim not in (2, 3):
        raise RuntimeError(f"dropout1d drops channels of (N, C, L); got shape {input.shape}")
    return _of_channels("dropout1d", input, 1, p, training, generator)


def dropout2d(
    input: Tensor,
    p: float = 0.5,
    training: bool = True,
    inplace: bool = False,
    *,
    generator: Generator | None = None,
) -> Tensor:
    """``dropout`` of whole channels: input (N, C, ...), one draw for each of N x C channels."""
    if input._data.ndim < 3:
        raise RuntimeError(f"dropout2d drops channels of (N, C, H, W); got shape {input.shape}")
    return _of_channels("dropout2d", input, input._data.ndim - 2, p, training, generator)


def _of_channels(
    what: str, x: Tensor, axes: int, p: float, training: bool, generator: Generator | None
) -> Tensor:
    """One draw for everything that lies along the last axes."""
    check_probability(what, p)
    if not training or p == 0:
        return x
    x = real(x, what)
    one_each = (*x.shape[:-axes], *[1] * axes)
    return unary(Dropout, x, dropout_mask(one_each, p, x._data, generator))


def plain_dropout(
    input: Tensor,
    p: float = 0.5,
    training: bool = True,
    *,
    generator: Generator | None = None,
) -> Tensor:
    """Each element is 0 with probability p in training, else itself; afterwards all times 1 - p.

    The form of the source lectures; PyTorch has ``dropout`` alone.
    """
    check_probability("plain_dropout", p)
    x = real(input, "plain_dropout")
    if not training:
        return x * (1 - p)
    if p == 0:
        return x
    mask = dropout_mask(x.shape, p, x._data, generator) != 0
    return unary(Dropout, x, mask.astype(x._data.dtype))
