"""Batch and layer normalisation: mean 0 and variance 1 along some axes, then scale and shift.

Both are the same operation over different axes: batch normalisation over all axes but the
channels, layer normalisation over the last axes.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

from nncourse.autograd.changes import changes
from nncourse.autograd.function import Function, apply
from nncourse.autograd.tensor import Tensor
from nncourse.autograd.vocabulary import sum_over, unbroadcast
from nncourse.backend import Array, xp
from nncourse.ops.activations import real

Axes = tuple[int, ...]


class Normalize(Function):
    """out = z w + b,  z = (x - mean) r,  r = 1 / sqrt(var + eps), mean and var over axes.

    dz = dout w;  dx = r (dz - mean of dz - z * mean of dz z), both means over the same axes;
    dw = dout z and db = dout, summed to their shapes. w and b broadcast against x.
    """

    __slots__ = ("axes", "eps")
    saves = ("x", "w", "b", "z", "r")

    def forward(
        self,
        x: Array,
        w: Array | None,
        b: Array | None,
        axes: Axes,
        eps: float,
        moments: tuple[Array, Array, Array],
    ) -> Array:
        self.axes, self.eps = axes, eps
        z, _, variance = moments  # z = x - mean, an array of this function's own
        r = 1 / xp.sqrt(variance + eps)
        z *= r
        self.saved = x, w, b, z, r
        if w is None:
            return z.copy() if b is None else z + b
        out = z * w
        if b is not None:
            out += b
        return out

    def backward(self, dout: Array) -> tuple[Array | None, ...]:
        x, w, b, z, r = self.saved
        need_x, need_w, need_b = self.needs
        dx = dw = db = None
        products = dout * z
        if need_w:
            dw = unbroadcast(products, w.shape)
        if need_b:
            db = unbroadcast(dout, b.shape)
        if need_x:
            dz = dout if w is None else dout * w
            if w is not None:
                products = products * w
            share = r.size / (x.size or 1)
            along = sum_over(products, self.axes, True) * share
            dx = (dz - sum_over(dz, self.axes, True) * share - z * along) * r
        return dx, dw, db

    def twin(self, x: Tensor, w: Tensor | None, b: Tensor | None) -> Tensor:
        return normalize_spelled_out(x, w, b, self.axes, self.eps)


def moments(x: Array, axes: Axes) -> tuple[Array, Array, Array]:
    """x minus its mean over axes, the mean, and the variance (divided by n), the axes kept."""
    n = prod([x.shape[i] for i in axes]) or xp.nan
    mean = xp.add.reduce(x, axes, None, None, True) / n
    centred = x - mean
    return centred, mean, xp.add.reduce(centred * centred, axes, None, None, True) / n


def normalize_spelled_out(
    x: Tensor, w: Tensor | None, b: Tensor | None, axes: Axes, eps: float
) -> Tensor:
    """The same as ``Normalize``, composed of small operations."""
    centred = x - x.mean(axes, keepdim=True)
    out = centred / ((centred * centred).mean(axes, keepdim=True) + eps).sqrt()
    out = out if w is None else out * w
    return out if b is None else out + b


def layer_norm(
    input: Tensor,
    normalized_shape: int | Sequence[int],
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Tensor:
    """Each example to mean 0 and variance 1 over its last axes, then times weight, plus bias.

    normalized_shape: the lengths of those axes, which is also the shape of weight and bias.
    """
    x = real(input, "layer_norm")
    shape = (normalized_shape,) if isinstance(normalized_shape, int) else tuple(normalized_shape)
    if not shape or x.shape[x.ndim - len(shape) :] != shape or len(shape) > x.ndim:
        raise RuntimeError(
            f"layer_norm: the last axes of the input {x.shape} must be {shape}."
            + (" Did you mean x.T?" if x.ndim == 2 and x.shape[:1] == shape else "")
        )
    for name, parameter in (("weight", weight), ("bias", bias)):
        if parameter is not None and parameter.shape != shape:
            raise RuntimeError(f"layer_norm: {name} must be {shape}; it is {parameter.shape}")
    axes = tuple(range(x.ndim - len(shape), x.ndim))
    return apply(Normalize, (x, weight, bias), axes, eps, moments(x._data, axes))


def batch_norm(
    input: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """Each channel to mean 0 and variance 1 over the batch, then times weight, plus bias.

    input: (N, C) or (N, C, ...); all other arguments (C). In training the statistics are those of
    the batch, and the running ones move towards them by ``momentum`` (the variance with n - 1);
    otherwise the running ones are used.
    """
    x = real(input, "batch_norm")
    if x.ndim < 2:
        raise RuntimeError(f"batch_norm needs (N, C, ...); the input is {x.shape}")
    channels = x.shape[1]
    named = {
        "running_mean": running_mean,
        "running_var": running_var,
        "weight": weight,
        "bias": bias,
    }
    for name, t in named.items():
        if t is not None and t.shape != (channels,):
            raise RuntimeError(
                f"batch_norm: the input {x.shape} has {channels} channels (axis 1), so {name} must "
                f"be ({channels},); its shape is {t.shape}"
            )
    wide = (channels, *[1] * (x.ndim - 2))
    w, b = (None if t is None else t.reshape(wide) for t in (weight, bias))
    if not training:
        if running_mean is None or running_var is None:
            raise RuntimeError("batch_norm: without training it needs running_mean and running_var")
        scale = (running_var.reshape(wide) + eps) ** -0.5
        scale = scale if w is None else scale * w
        out = (x - running_mean.reshape(wide)) * scale
        return out if b is None else out + b

    axes = (0, *range(2, x.ndim))
    n = x.numel() // (channels or 1)
    if n <= 1:
        raise ValueError(
            f"batch_norm: in training each channel needs more than one value, or its variance is "
            f"0; the input is {x.shape}"
        )
    found = moments(x._data, axes)
    _, mean, variance = found
    if running_mean is not None:
        _move(running_mean, mean.reshape(channels), momentum)
    if running_var is not None:
        _move(running_var, variance.reshape(channels) * (n / (n - 1)), momentum)
    return apply(Normalize, (x, w, b), axes, eps, found)


def _move(running: Tensor, batch: Any, momentum: float) -> None:
    """Move running statistics towards those of the batch, in place."""
    running._data[...] = (1 - momentum) * running._data + momentum * batch
    changes.note(running._data)
