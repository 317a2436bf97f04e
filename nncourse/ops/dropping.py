"""Dropout: elements set to 0 at random while training, the others made larger to make up for it."""

from __future__ import annotations

from typing import Any

from nncourse.autograd.function import Function, unary
from nncourse.autograd.tensor import Tensor
from nncourse.backend import Array, as_array, xp
from nncourse.ops.activations import real
from nncourse.random import Generator, default_generator


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


def dropout_mask(
    shape: tuple[int, ...], p: float, dtype: Any, generator: Generator | None = None
) -> Array:
    """0 with probability p, else 1 / (1 - p), in the given shape and type."""
    if not 0 <= p <= 1:
        raise ValueError(f"dropout: p is the probability of dropping, 0 to 1; got {p}")
    if p == 1:
        return xp.zeros(shape, dtype)
    stream = (generator or default_generator).stream
    kept = as_array(stream.random(shape, "float32")) >= p
    return kept.astype(dtype) * xp.asarray(1 / (1 - p), dtype)


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
    if not 0 <= p <= 1:
        raise ValueError(f"dropout: p is the probability of dropping, 0 to 1; got {p}")
    if not training or p == 0:
        return input
    x = real(input, "dropout")
    return unary(Dropout, x, dropout_mask(x.shape, p, x._data.dtype, generator))


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
    if not training or p == 0:
        return input
    x = real(input, "dropout2d")
    one_each = (*x.shape[:2], *[1] * (x._data.ndim - 2))
    mask = dropout_mask(one_each, p, x._data.dtype, generator)
    return unary(Dropout, x, mask)
