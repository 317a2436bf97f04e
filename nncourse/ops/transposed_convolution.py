"""Transposed convolution: every input pixel spreads a kernel over the output, where they add up.

It is the transpose of a convolution as a linear map: what that does to the derivative on the way
back. So its forward pass is convolution's backward pass, and the other way round.
"""

from __future__ import annotations

from typing import Any

from nncourse.autograd.function import Function, apply
from nncourse.autograd.tensor import Tensor
from nncourse.backend import Array
from nncourse.ops.activations import real
from nncourse.ops.batch_normalization import total_by_channel
from nncourse.ops.convolution import conv2d_spelled_out, one_type
from nncourse.ops.correlation import Options, correlate, in_order_of, of_weight, spread
from nncourse.ops.padding import pad
from nncourse.ops.windows import Pair, along


class TransposedConvolution(Function):
    """out = W^T x spread over windows, + b: x (N, C, h, w), W (C, O / groups, kh, kw), b (O).

    dx = the convolution of dout with W;  dW = sum over pixels of x times dout's window;  db = dout
    summed over images and pixels.
    """

    __slots__ = ("missing", "options")
    saves = ("x", "W", "b")

    def forward(
        self, x: Array, W: Array, b: Array | None, missing: Pair, options: Options
    ) -> Array:
        self.missing, self.options = missing, options
        self.saved = x, W, b
        out = spread(x, W, _size(x.shape, W.shape, missing, options), options)
        if b is not None:
            out += b.reshape(-1, 1, 1)
        return out

    def backward(self, dout: Array) -> tuple[Array | None, ...]:
        x, W, _ = self.saved
        need_x, need_W, need_b = self.needs
        dx = dW = None
        if need_x:
            dx = in_order_of(correlate(dout, W, None, x.shape[2:], self.options), x)
        if need_W:
            dW = of_weight(dout, x, W, self.options)
        return dx, dW, total_by_channel(dout) if need_b else None

    def twin(self, x: Tensor, W: Tensor, b: Tensor | None) -> Tensor:
        stride, padding, dilation, groups = self.options
        return conv_transpose2d_spelled_out(
            x, W, b, stride, padding, self.missing, groups, dilation
        )


def _size(x: tuple[int, ...], W: tuple[int, ...], missing: Pair, options: Options) -> Pair:
    """(H, W) of the result."""
    h, w = [
        (n - 1) * s - 2 * p + d * (k - 1) + 1 + m
        for n, s, p, d, k, m in zip(
            x[2:], options.stride, options.padding, options.dilation, W[2:], missing
        )
    ]
    return h, w


def conv_transpose2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    groups: int = 1,
    dilation: Any = 1,
) -> Tensor:
    """The transpose of ``conv2d`` with the same options: (N, C, h, w) to (N, O, H, W).

    weight: (C, O / groups, kh, kw); bias: (O). H = (h - 1) stride - 2 padding + dilation (kh - 1)
    + 1 + output_padding, W likewise. N may be missing.
    """
    return _spread(
        "conv_transpose2d",
        2,
        input,
        weight,
        bias,
        stride,
        padding,
        output_padding,
        groups,
        dilation,
    )


def conv_transpose1d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    groups: int = 1,
    dilation: Any = 1,
) -> Tensor:
    """The transpose of ``conv1d`` with the same options: (N, C, l) to (N, O, L).

    weight: (C, O / groups, k); bias: (O). L as H of ``conv_transpose2d``.
    """
    return _spread(
        "conv_transpose1d",
        1,
        input,
        weight,
        bias,
        stride,
        padding,
        output_padding,
        groups,
        dilation,
    )


def conv_transpose2d_spelled_out(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Pair = (1, 1),
    padding: Pair = (0, 0),
    output_padding: Pair = (0, 0),
    groups: int = 1,
    dilation: Pair = (1, 1),
) -> Tensor:
    """The same as ``conv_transpose2d``, as a convolution.

    The pixels are set apart by zeros, stride - 1 between two, and the kernel is turned round.
    """
    x, W = input, weight
    c = x.shape[1]
    for axis, s in ((3, stride[1]), (2, stride[0])):
        shape = x.shape
        apart = pad(x.unsqueeze(axis + 1), (0,) * (2 * (3 - axis)) + (0, s - 1))
        x = apart.reshape(*shape[:axis], shape[axis] * s, *shape[axis + 1 :])
    # Behind the last pixel of an axis no zeros are needed, but output_padding.
    kh, kw = W.shape[2:]
    frame: list[int] = []
    for s, p, d, k, m in zip(stride, padding, dilation, (kh, kw), output_padding):
        reach = d * (k - 1) - p
        frame = [reach, reach - (s - 1) + m, *frame]
    turned: Any = W.flip((2, 3)).reshape(groups, c // groups, -1, kh, kw)
    turned = turned.transpose(1, 2).reshape(-1, c // groups, kh, kw)
    return conv2d_spelled_out(pad(x, frame), turned, bias, dilation=dilation, groups=groups)


def _spread(
    what: str,
    axes: int,
    x: Tensor,
    W: Tensor,
    b: Tensor | None,
    stride: Any,
    padding: Any,
    missing: Any,
    groups: int,
    dilation: Any,
) -> Tensor:
    if x.ndim == axes + 1 and W.ndim == axes + 2:
        given = stride, padding, missing, groups, dilation
        return _spread(what, axes, x.unsqueeze(0), W, b, *given).squeeze(0)
    _check(what, axes, x, W, b, groups)
    x, W, b = one_type(what, x, W, b)
    stride, dilation = along(stride, "stride", what, axes), along(dilation, "dilation", what, axes)
    padding = along(padding, "padding", what, axes, 0)
    missing = along(missing, "output_padding", what, axes, 0)
    if min(*stride, *dilation) < 1 or min(*padding, *missing) < 0:
        raise ValueError(
            f"{what}: stride and dilation must be positive, paddings not negative; got {stride}, "
            f"{dilation}, {padding}, {missing}"
        )
    if any(m >= max(s, d) for m, s, d in zip(missing, stride, dilation)):
        raise RuntimeError(
            f"{what}: output_padding must be smaller than stride or dilation; got {missing}, with "
            f"stride {stride} and dilation {dilation}"
        )
    if axes == 1:
        x, W = x.unsqueeze(2), W.unsqueeze(2)
    options = Options(stride, padding, dilation, groups)
    size = _size(x.shape, W.shape, missing, options)
    if min(size) < 1:
        raise RuntimeError(
            f"{what}: nothing would be left of {x.shape}: padding {padding} is too much"
        )
    out: Any = apply(TransposedConvolution, (x, W, b), missing, options)
    return out.squeeze(2) if axes == 1 else out


def _check(what: str, axes: int, x: Tensor, W: Tensor, b: Tensor | None, groups: int) -> None:
    """Raise, with the likely mend, where shapes do not fit."""
    real(x, what)
    layout = "(N, C, H, W)" if axes == 2 else "(N, C, L)"
    if W.ndim != axes + 2:
        kernel = "(C, O, kh, kw)" if axes == 2 else "(C, O, k)"
        raise RuntimeError(f"{what}: weight must be {kernel}; its shape is {W.shape}")
    if x.ndim != axes + 2:
        raise RuntimeError(f"{what}: input must be {layout}; its shape is {x.shape}")
    if x.shape[1] != W.shape[0]:
        hint = " Did you mean weight.transpose(0, 1)?" if x.shape[1] == W.shape[1] else ""
        raise RuntimeError(
            f"{what}: input {x.shape} has {x.shape[1]} channels, weight {W.shape} is (in, "
            f"out / groups, ...) for {W.shape[0]}.{hint}"
        )
    if groups < 1 or x.shape[1] % groups:
        raise RuntimeError(f"{what}: {x.shape[1]} channels cannot be divided into {groups} groups")
    if b is not None and b.shape != (W.shape[1] * groups,):
        raise RuntimeError(f"{what}: bias must be ({W.shape[1] * groups},); its shape is {b.shape}")
