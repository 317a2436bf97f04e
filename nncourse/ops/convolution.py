"""Convolution of images and of sequences, with stride, padding, dilation and groups.

out[n, o, y, x] = b[o] + sum over c, i, j of W[o, c, i, j] * x[n, c, y s + i d, x s + j d]: what
mathematics calls cross-correlation. It is computed in ``correlation``; the twin is the formula
itself.
"""

from __future__ import annotations

from typing import Any

from nncourse.autograd.function import Function, apply, promoted
from nncourse.autograd.tensor import Tensor
from nncourse.backend import Array
from nncourse.ops.activations import real
from nncourse.ops.batch_normalization import total_by_channel
from nncourse.ops.correlation import Options, correlate, in_order_of, of_weight, spread
from nncourse.ops.padding import pad
from nncourse.ops.windows import Pair, along, count, place


class Convolution(Function):
    """out = x * W + b, x (N, C, H, W), W (O, C / groups, kh, kw), b (O), out (N, O, oh, ow).

    dW = sum over images and windows of dout times the window;  dx = every window's W dout, added
    where windows overlap;  db = dout summed over images and windows.
    """

    __slots__ = ("options",)
    saves = ("x", "W", "b")

    def forward(self, x: Array, W: Array, b: Array | None, options: Options) -> Array:
        self.options = options
        self.saved = x, W, b
        stride, padding, dilation, _ = options
        oh, ow = [
            count(n + 2 * p, k, s, d)
            for n, k, s, p, d in zip(x.shape[2:], W.shape[2:], stride, padding, dilation)
        ]
        return correlate(x, W, b, (oh, ow), options)

    def backward(self, dout: Array) -> tuple[Array | None, ...]:
        x, W, _ = self.saved
        need_x, need_W, need_b = self.needs
        dx = dW = None
        if need_x:
            dx = in_order_of(spread(dout, W, x.shape[2:], self.options), x)
        if need_W:
            dW = of_weight(x, dout, W, self.options)
        return dx, dW, total_by_channel(dout) if need_b else None

    def twin(self, x: Tensor, W: Tensor, b: Tensor | None) -> Tensor:
        return conv2d_spelled_out(x, W, b, *self.options)


def conv2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Tensor:
    """The convolution of images with kernels: (N, C, H, W) to (N, O, oh, ow), or without N.

    weight: (O, C / groups, kh, kw); bias: (O). stride, padding, dilation: a number or a pair (rows,
    columns); padding may be "valid" (none) or "same" (with stride 1, the size stays).
    """
    return _convolved("conv2d", 2, input, weight, bias, stride, padding, dilation, groups)


def conv1d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Tensor:
    """The convolution of sequences with kernels: (N, C, L) to (N, O, ol), or without N.

    weight: (O, C / groups, k); bias: (O). padding may be "valid" or "same".
    """
    return _convolved("conv1d", 1, input, weight, bias, stride, padding, dilation, groups)


def _convolved(
    what: str,
    axes: int,
    x: Tensor,
    W: Tensor,
    b: Tensor | None,
    stride: Any,
    padding: Any,
    dilation: Any,
    groups: int,
) -> Tensor:
    if x.ndim == axes + 1 and W.ndim == axes + 2:
        one = _convolved(what, axes, x.unsqueeze(0), W, b, stride, padding, dilation, groups)
        return one.squeeze(0)
    _check(what, axes, x, W, b, groups)
    x, W, b = one_type(what, x, W, b)
    stride, dilation = (
        along(value, name, what, axes)
        for value, name in ((stride, "stride"), (dilation, "dilation"))
    )
    if min(*stride, *dilation) < 1:
        raise ValueError(f"{what}: stride and dilation must be positive; got {stride}, {dilation}")
    if axes == 1:  # a sequence is an image of one row
        x, W = x.unsqueeze(2), W.unsqueeze(2)
    if padding == "same":
        if stride != (1, 1):
            raise ValueError(f"{what}: padding='same' needs stride 1")
        total = [d * (k - 1) for d, k in zip(dilation, W.shape[2:])]
        if any(n % 2 for n in total):  # more on one side than on the other
            ends = [(n // 2, n - n // 2) for n in total]
            x, total = pad(x, (*ends[1], *ends[0])), [0, 0]
        sides: Pair = (total[0] // 2, total[1] // 2)
    elif padding == "valid":
        sides = (0, 0)
    else:
        sides = along(padding, "padding", what, axes, 0)
    _check_size(what, axes, x, W, sides, dilation)
    out = apply(Convolution, (x, W, b), Options(stride, sides, dilation, groups))
    return out.squeeze(2) if axes == 1 else out


def conv2d_spelled_out(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Pair = (1, 1),
    padding: Pair = (0, 0),
    dilation: Pair = (1, 1),
    groups: int = 1,
) -> Tensor:
    """The same as ``conv2d``: a sum over kernel positions, composed of small operations."""
    p, q = padding
    images = pad(input, (q, q, p, p)) if p or q else input
    n, c, h, w = images.shape
    o, _, kh, kw = weight.shape
    size = count(h, kh, stride[0], dilation[0]), count(w, kw, stride[1], dilation[1])
    total: Any = 0.0
    for i in range(kh):
        for j in range(kw):
            seen = images[(slice(None), slice(None), *place(i, j, size, stride, dilation))]
            seen = seen.reshape(n, groups, c // groups, size[0] * size[1])
            total = total + weight[:, :, i, j].reshape(groups, o // groups, c // groups) @ seen
    out = total.reshape(n, o, *size)
    return out if bias is None else out + bias.reshape(-1, 1, 1)


def one_type(what: str, x: Tensor, W: Tensor, b: Tensor | None) -> Any:
    """Input, weight and bias in one number type."""
    real(x, what)
    if b is None:
        return *promoted(x, W), None
    return promoted(x, W, b)


def _check(what: str, axes: int, x: Tensor, W: Tensor, b: Tensor | None, groups: int) -> None:
    """Raise, with the likely mend, where shapes do not fit."""
    layout = "(N, C, H, W)" if axes == 2 else "(N, C, L)"
    if W.ndim != axes + 2:
        kernel = "(O, C, kh, kw)" if axes == 2 else "(O, C, k)"
        raise RuntimeError(f"{what}: weight must be {kernel}; its shape is {W.shape}")
    if x.ndim != axes + 2:
        hint = ""
        if x.ndim == axes and W.shape[1] * groups == 1:
            hint = " Did you mean x.unsqueeze(0)?"
        raise RuntimeError(f"{what}: input must be {layout}; its shape is {x.shape}.{hint}")
    channels, wanted = x.shape[1], W.shape[1] * groups
    if groups < 1 or W.shape[0] % groups:
        raise RuntimeError(
            f"{what}: {W.shape[0]} output channels cannot be divided into {groups} groups"
        )
    if channels != wanted:
        hint = f" The weight {W.shape} is (out, in / groups, ...)."
        if x.shape[-1] == wanted:
            order = (0, x.ndim - 1, *range(1, x.ndim - 1))
            hint = f" Did you mean x.permute{order}, with the channels in second place?"
        elif W.shape[0] == channels:
            hint = " Did you mean weight.transpose(0, 1)?"
        elif groups == 1 and channels % W.shape[1] == 0:
            hint += f" With groups={channels // W.shape[1]} it would fit."
        raise RuntimeError(
            f"{what}: input has {channels} channels, weight expects {wanted}; input is {x.shape}, "
            f"{layout}.{hint}"
        )
    if b is not None and b.shape != (W.shape[0],):
        raise RuntimeError(f"{what}: bias must be ({W.shape[0]},); its shape is {b.shape}")


def _check_size(what: str, axes: int, x: Tensor, W: Tensor, padding: Pair, dilation: Pair) -> None:
    lengths = [n + 2 * p for n, p in zip(x.shape[2:], padding)]
    extents = [d * (k - 1) + 1 for d, k in zip(dilation, W.shape[2:])]
    if any(n < e for n, e in zip(lengths, extents)):
        got, kernel = (tuple(v[2 - axes :]) for v in (lengths, extents))
        raise RuntimeError(
            f"{what}: the kernel reaches over {kernel}, more than the padded input has, {got}. "
            "More padding, or a smaller kernel?"
        )
