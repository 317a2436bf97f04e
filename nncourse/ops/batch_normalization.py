"""Batch normalisation: each channel to mean 0 and variance 1 over the batch."""

from __future__ import annotations

from math import prod
from typing import Any

from nncourse.autograd.changes import changes
from nncourse.autograd.function import Function, apply, promoted
from nncourse.autograd.tensor import Tensor
from nncourse.backend import Array, filled, xp
from nncourse.ops.activations import real


class BatchNorm(Function):
    """out = z w + b,  z = (x - mean) r,  r = 1 / sqrt(var + eps), mean and var of each channel.

    x (N, C, ...), w and b (C) or None. Means are over the batch and all axes behind the channels:
    dx = w r (dout - mean of dout - z * mean of dout z);  dw = sum of dout z,  db = sum of dout.
    """

    __slots__ = ("eps",)
    saves = ("x", "w", "b", "mean", "r")

    def forward(
        self,
        x: Array,
        w: Array | None,
        b: Array | None,
        eps: float,
        statistics: tuple[Array, Array, Array],
    ) -> Array:
        self.eps = eps
        out, mean, variance = statistics  # x - mean, an array of this function's own
        r = 1 / xp.sqrt(variance + eps)
        self.saved = x, w, b, mean, r
        out *= _wide(r if w is None else r * w, out)
        if b is not None:
            out += _wide(b, out)
        return _shaped(out, x.shape)

    def backward(self, dout: Array) -> tuple[Array | None, ...]:
        x, w, _, mean, r = self.saved
        need_x, need_w, need_b = self.needs
        by_channel, g = _by_channel(x), _by_channel(dout)
        if g.shape != by_channel.shape:  # channels lie otherwise in memory than in x
            by_channel, g = (_by_channel(xp.ascontiguousarray(a, like=a)) for a in (x, dout))
        centred = by_channel - _wide(mean, g)
        products = g * centred
        total, along = channel_sums(g), channel_sums(products)
        dx = None
        if need_x:
            n = x.size // (len(r) or 1) or 1
            dx = xp.multiply(centred, _wide(along * r * r / -n, g), out=products)
            dx += g
            dx -= _wide(total / n, g)
            dx *= _wide(r if w is None else r * w, g)
            dx = _shaped(dx, x.shape)
        return dx, along * r if need_w else None, total if need_b else None

    def twin(self, x: Tensor, w: Tensor | None, b: Tensor | None) -> Tensor:
        return batch_norm_spelled_out(x, w, b, self.eps)


class ByChannel(Function):
    """out = x w + b, x (N, C, ...), w and b (C) or None: each channel has numbers of its own.

    dx = dout w;  dw = dout x and db = dout, summed over everything but the channels.
    """

    __slots__ = ()
    saves = ("x", "w", "b")

    def forward(self, x: Array, w: Array | None, b: Array | None) -> Array:
        self.saved = x, w, b
        by_channel = _by_channel(x)
        out = by_channel.copy() if w is None else by_channel * _wide(w, by_channel)
        if b is not None:
            out += _wide(b, by_channel)
        return _shaped(out, x.shape)

    def backward(self, dout: Array) -> tuple[Array | None, ...]:
        x, w, _ = self.saved
        need_x, need_w, need_b = self.needs
        g = _by_channel(dout)
        return (
            (_shaped(g if w is None else g * _wide(w, g), x.shape)) if need_x else None,
            total_by_channel(dout * x) if need_w else None,
            channel_sums(g) if need_b else None,
        )

    def twin(self, x: Tensor, w: Tensor | None, b: Tensor | None) -> Tensor:
        return by_channel_spelled_out(x, w, b)


def by_channel(x: Tensor, w: Tensor | None, b: Tensor | None) -> Tensor:
    """x w + b with numbers w and b for each channel, axis 1."""
    return x if w is None and b is None else apply(ByChannel, (x, w, b))


def by_channel_spelled_out(x: Tensor, w: Tensor | None, b: Tensor | None) -> Tensor:
    """The same as ``by_channel``, composed of small operations."""
    wide = (-1, *[1] * (x.ndim - 2))
    out = x if w is None else x * w.reshape(wide)
    return out if b is None else out + b.reshape(wide)


# The images with their channels on one axis: (pixels, C) if channels come last in memory, as behind
# some convolutions and in (N, C); else (N, C, pixels).


def _by_channel(x: Array) -> Array:
    if x.ndim == 2:
        return x
    last = x.transpose(0, *range(2, x.ndim), 1)
    if last.flags.c_contiguous and not x.flags.c_contiguous:
        return last.reshape(-1, x.shape[1])
    return x.reshape(*x.shape[:2], prod(x.shape[2:]))


def _shaped(x: Array, shape: tuple[int, ...]) -> Array:
    """Back to (N, C, ...)."""
    if x.ndim == 2 and len(shape) > 2:
        images = x.reshape(shape[0], *shape[2:], shape[1])
        return images.transpose(0, len(shape) - 1, *range(1, len(shape) - 1))
    return x.reshape(shape)


def _wide(v: Array, like: Array) -> Array:
    """One number per channel, so that it meets its channel."""
    return v if like.ndim == 2 else v[:, None]


def channel_sums(x: Array) -> Array:
    """The sum of each channel (C), as products with ones, which BLAS does fastest."""
    if x.ndim == 3:
        n, c, pixels = x.shape
        x = (x.reshape(n * c, pixels) @ filled(pixels, 1, x.dtype, x)).reshape(n, c)
    return filled(len(x), 1, x.dtype, x) @ x


def total_by_channel(x: Array) -> Array:
    """The sum of each channel (C) of (N, C, ...)."""
    return channel_sums(_by_channel(x))


def moments(x: Array) -> tuple[Array, Array, Array]:
    """x by channel, minus its mean; the means (C), and the variances (C), divided by n."""
    by_channel = _by_channel(x)
    n = x.size // (x.shape[1] or 1) or xp.nan
    mean = channel_sums(by_channel) / n
    centred = by_channel - _wide(mean.astype(x.dtype), by_channel)
    return centred, mean, channel_sums(centred * centred) / n


def normalize_spelled_out(
    x: Tensor, w: Tensor | None, b: Tensor | None, axes: tuple[int, ...], eps: float
) -> Tensor:
    """Mean 0 and variance 1 along axes, times w, plus b, composed of small operations."""
    centred: Any = x - x.mean(axes, keepdim=True)
    out = centred / ((centred * centred).mean(axes, keepdim=True) + eps).sqrt()
    out = out if w is None else out * w
    return out if b is None else out + b


def batch_norm_spelled_out(
    x: Tensor, w: Tensor | None = None, b: Tensor | None = None, eps: float = 1e-5
) -> Tensor:
    """The same as ``batch_norm`` in training, composed of small operations."""
    z = normalize_spelled_out(x, None, None, (0, *range(2, x.ndim)), eps)
    return by_channel_spelled_out(z, w, b)


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
    if x._data.ndim < 2:
        raise RuntimeError(f"batch_norm needs (N, C, ...); the input is {x.shape}")
    channels = x._data.shape[1]
    w, b = weight, bias
    for t in (running_mean, running_var, w, b):
        if t is not None and t._data.shape != (channels,):
            raise _wrong_shape(x, running_mean, running_var, w, b)
    if not training:
        return _with_running(x, running_mean, running_var, w, b, eps)

    for t in (w, b):
        if t is not None and t._data.dtype is not x._data.dtype:
            x, w, b = one_type(x, w, b)
            break
    n = x._data.size // (channels or 1)
    if n <= 1:
        raise ValueError(
            f"batch_norm: in training each channel needs more than one value, or its variance is "
            f"0; the input is {x.shape}"
        )
    statistics = moments(x._data)
    _, mean, variance = statistics
    if running_mean is not None:
        _move(running_mean, mean, momentum)
    if running_var is not None:
        _move(running_var, variance * (n / (n - 1)), momentum)
    return apply(BatchNorm, (x, w, b), eps, statistics)


def _with_running(x: Any, mean: Any, variance: Any, w: Any, b: Any, eps: float) -> Tensor:
    if mean is None or variance is None:
        raise RuntimeError("batch_norm: without training it needs running_mean and running_var")
    scale = (variance + eps) ** -0.5
    if w is not None:
        scale = scale * w
    shift = -mean * scale if b is None else b - mean * scale
    return by_channel(*promoted(x, scale, shift))


def one_type(x: Tensor, w: Tensor | None, b: Tensor | None) -> Any:
    """Input, weight and bias in one number type."""
    found = iter(promoted(x, *[t for t in (w, b) if t is not None]))
    return [None if t is None else next(found) for t in (x, w, b)]


def _wrong_shape(x: Tensor, *parameters: Tensor | None) -> RuntimeError:
    channels = x.shape[1]
    names = "running_mean", "running_var", "weight", "bias"
    name, shape = next(
        (name, t.shape)
        for name, t in zip(names, parameters)
        if t is not None and t.shape != (channels,)
    )
    return RuntimeError(
        f"batch_norm: the input {x.shape} has {channels} channels (axis 1), so {name} must be "
        f"({channels},); its shape is {shape}"
    )


def _move(running: Tensor, batch: Array, momentum: float) -> None:
    """Move running statistics towards those of the batch, in place."""
    array = running._data
    array *= 1 - momentum
    array += momentum * batch
    changes.note(array)
