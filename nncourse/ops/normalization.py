"""Layer, group and RMS normalisation: each example to mean 0 and variance 1 by itself.

All sums here are products of a matrix with a vector, which BLAS does several times faster than
NumPy adds up.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import prod
from typing import Any

from nncourse.autograd.function import Function, apply, promoted
from nncourse.autograd.tensor import Tensor
from nncourse.backend import Array, filled, xp
from nncourse.ops.activations import real
from nncourse.ops.batch_normalization import (
    by_channel,
    by_channel_spelled_out,
    normalize_spelled_out,
    one_type,
)

# Rows are normalised some at a time, so many that the numbers stay in the processor's cache from
# one operation to the next: with a million numbers that takes four fifths of the time.
BLOCK = 2**16


class LayerNorm(Function):
    """out = z w + b,  z = (x - mean) r,  r = 1 / sqrt(var + eps), mean and var of each row.

    x (..., n), w and b (n) or None. With dz = dout w:  dx = r (dz - mean of dz - z * mean of dz z);
    dw = dout z and db = dout, summed over rows.
    """

    __slots__ = ("eps",)
    saves = ("x", "w", "b", "mean", "r")

    def forward(self, x: Array, w: Array | None, b: Array | None, eps: float) -> Array:
        self.eps = eps
        n = x.shape[-1]
        rows = x.reshape(prod(x.shape[:-1]), n)
        shares = filled(n, 1 / (n or 1), x.dtype, x)  # a product with it is a mean
        mean = (rows @ shares)[:, None]
        r = xp.empty_like(mean)
        out = xp.empty(x.shape, x.dtype, like=x)
        into = out.reshape(rows.shape)
        for some in _blocks(len(rows), n):
            part = into[some]
            centred = xp.subtract(rows[some], mean[some], out=part)
            variance = (centred * centred) @ shares
            r[some] = (1 / xp.sqrt(variance + eps))[:, None]
            part *= r[some]
            if w is not None:
                part *= w
            if b is not None:
                part += b
        self.saved = x, w, b, mean, r
        return out

    def backward(self, dout: Array) -> tuple[Array | None, ...]:
        # With z written out, dx = r w dout - c x + (c mean - r m), where m is the mean of dz and
        # c = r^2 times the mean of dz z: fewer passes over the numbers than by way of z.
        x, w, _, mean, r = self.saved
        need_x, need_w, need_b = self.needs
        n = x.shape[-1]
        rows = x.reshape(prod(x.shape[:-1]), n)
        g = dout.reshape(rows.shape)
        shares = filled(n, 1 / (n or 1), g.dtype, g)
        if w is not None:
            shares *= w
        dx = xp.empty(x.shape, g.dtype, like=g) if need_x else None
        dw = xp.zeros(n, g.dtype, like=g) if need_w else None
        for some in _blocks(len(rows), n):
            seen, above, middle, scale = rows[some], g[some], mean[some], r[some]
            products = above * seen
            if dw is not None:
                dw += scale[:, 0] @ products
                dw -= (scale * middle)[:, 0] @ above
            if dx is not None:
                m = (above @ shares)[:, None]
                c = ((products @ shares)[:, None] - m * middle) * scale**3
                part = xp.multiply(above, scale, out=dx.reshape(rows.shape)[some])
                if w is not None:
                    part *= w
                part -= xp.multiply(seen, c, out=products)
                part += c * middle - m * scale
        db = filled(len(g), 1, g.dtype, g) @ g if need_b else None
        return dx, dw, db

    def twin(self, x: Tensor, w: Tensor | None, b: Tensor | None) -> Tensor:
        return normalize_spelled_out(x, w, b, (x.ndim - 1,), self.eps)


def _blocks(rows: int, n: int) -> Iterator[slice]:
    some = max(BLOCK // (n or 1), 1)
    for start in range(0, rows, some):
        yield slice(start, start + some)


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
    shape, x, w, b = _checked("layer_norm", input, normalized_shape, weight, bias)
    if len(shape) == 1:
        return apply(LayerNorm, (x, w, b), eps)
    rows: Any = x.reshape(*x.shape[: x.ndim - len(shape)], prod(shape))
    w, b = (None if t is None else t.reshape(-1) for t in (w, b))
    return apply(LayerNorm, (rows, w, b), eps).reshape(x.shape)


def rms_norm(
    input: Tensor,
    normalized_shape: int | Sequence[int],
    weight: Tensor | None = None,
    eps: float | None = None,
) -> Tensor:
    """Each example divided by the root of the mean of its squares, then times weight.

    eps: added to the mean; the smallest difference from 1 of the number type, unless given.
    """
    shape, x, w, _ = _checked("rms_norm", input, normalized_shape, weight, None)
    axes = tuple(range(x.ndim - len(shape), x.ndim))
    small = float(xp.finfo(x.dtype).eps) if eps is None else eps
    out: Any = x * ((x * x).mean(axes, keepdim=True) + small).rsqrt()
    return out if w is None else out * w


def group_norm(
    input: Tensor,
    num_groups: int,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Tensor:
    """Each group of neighbouring channels of each example to mean 0 and variance 1.

    input: (N, C, ...). Then each channel times weight (C), plus bias (C).
    """
    x: Any = real(input, "group_norm")
    if x.ndim < 2:
        raise RuntimeError(f"group_norm needs (N, C, ...); the input is {x.shape}")
    n, channels, *rest = x.shape
    if num_groups < 1 or channels % num_groups:
        raise RuntimeError(
            f"group_norm: {channels} channels (axis 1 of {x.shape}) cannot be divided into "
            f"{num_groups} groups"
        )
    for name, t in (("weight", weight), ("bias", bias)):
        if t is not None and t.shape != (channels,):
            raise RuntimeError(f"group_norm: {name} must be ({channels},); it is {t.shape}")
    rows = x.reshape(n, num_groups, channels // num_groups * prod(rest))
    z = apply(LayerNorm, (rows, None, None), eps).reshape(x.shape)
    return by_channel(*one_type(z, weight, bias))


def group_norm_spelled_out(
    input: Tensor,
    num_groups: int,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Tensor:
    """The same as ``group_norm``, composed of small operations."""
    x: Any = input
    groups = x.reshape(len(x), num_groups, prod(x.shape[1:]) // num_groups)
    centred = groups - groups.mean(-1, keepdim=True)
    variance = (centred * centred).mean(-1, keepdim=True)
    z = (centred / (variance + eps).sqrt()).reshape(x.shape)
    return by_channel_spelled_out(z, weight, bias)


def instance_norm(
    input: Tensor,
    running_mean: Tensor | None = None,
    running_var: Tensor | None = None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    use_input_stats: bool = True,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """Each channel of each example to mean 0 and variance 1: ``group_norm`` with groups of one.

    Running statistics, which PyTorch can keep here, are not.
    """
    if running_mean is not None or running_var is not None or not use_input_stats:
        raise NotImplementedError("instance_norm keeps no running statistics; leave them out")
    if prod(input.shape[2:]) <= 1:
        raise ValueError(
            f"instance_norm: each channel needs more than one value; the input is {input.shape}"
        )
    return group_norm(input, input.shape[1], weight, bias, eps)


def _checked(
    what: str,
    x: Tensor,
    normalized_shape: int | Sequence[int],
    weight: Tensor | None,
    bias: Tensor | None,
) -> tuple[tuple[int, ...], Tensor, Tensor | None, Tensor | None]:
    """The shape as a tuple; input, weight and bias in one number type."""
    real(x, what)
    shape = (normalized_shape,) if isinstance(normalized_shape, int) else tuple(normalized_shape)
    if not shape or x.shape[x.ndim - len(shape) :] != shape or len(shape) > x.ndim:
        raise RuntimeError(
            f"{what}: the last axes of the input {x.shape} must be {shape}."
            + (" Did you mean x.T?" if x.ndim == 2 and x.shape[:1] == shape else "")
        )
    for name, t in (("weight", weight), ("bias", bias)):
        if t is not None:
            if t.shape != shape:
                raise RuntimeError(f"{what}: {name} must be {shape}; it is {t.shape}")
            if t._data.dtype is not x._data.dtype:
                x, t = promoted(x, t)
                weight, bias = (t, bias) if name == "weight" else (weight, t)
    return shape, x, weight, bias
