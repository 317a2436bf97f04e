"""Convolutional layers for sequences and images, and their transposes."""

from __future__ import annotations

import math
from typing import Any

from nncourse.autograd.tensor import Tensor
from nncourse.nn import init
from nncourse.nn.module import Module
from nncourse.nn.parameter import unset
from nncourse.ops.convolution import conv1d, conv2d
from nncourse.ops.padding import pad
from nncourse.ops.transposed_convolution import conv_transpose1d, conv_transpose2d

_MODES = ("zeros", "reflect", "replicate", "circular")


class _Conv(Module):
    """What all have: options, weight and bias, and their initial values.

    Weight and bias start evenly distributed over [-1/sqrt(n), 1/sqrt(n)], n the number of elements
    that one output sees.
    """

    axes: int
    _convolve: Any
    transposed = False

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Any,
        stride: Any = 1,
        padding: Any = 0,
        dilation: Any = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        what = type(self).__name__
        if groups < 1 or in_channels % groups or out_channels % groups:
            raise ValueError(
                f"{what}: {in_channels} and {out_channels} channels cannot both be divided into "
                f"{groups} groups"
            )
        if padding_mode not in _MODES:
            raise ValueError(f"{what}: padding_mode must be one of {_MODES}; got {padding_mode!r}")
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.kernel_size = self._each("kernel_size", kernel_size)
        self.stride = self._each("stride", stride)
        self.dilation = self._each("dilation", dilation)
        self.padding = self._padding(padding)
        self.output_padding: tuple[int, ...] = (0,) * self.axes
        self.groups = groups
        self.padding_mode = padding_mode
        first, second = out_channels, in_channels // groups
        if self.transposed:
            first, second = in_channels, out_channels // groups
        self.weight = unset(first, second, *self.kernel_size, device=device, dtype=dtype)
        self.bias = unset(out_channels, device=device, dtype=dtype) if bias else None
        self.reset_parameters()

    def _each(self, name: str, value: Any) -> tuple[int, ...]:
        """An option for every axis of the image."""
        values = (value,) * self.axes if isinstance(value, int) else tuple(value)
        if len(values) != self.axes or not all(isinstance(v, int) for v in values):
            raise ValueError(
                f"{type(self).__name__}: {name} must be a whole number or {self.axes} of them; "
                f"got {value!r}"
            )
        return values

    def _padding(self, padding: Any) -> Any:
        if not isinstance(padding, str):
            return self._each("padding", padding)
        if padding not in ("same", "valid"):
            raise ValueError(
                f"{type(self).__name__}: padding must be numbers, 'same' or 'valid'; got "
                f"{padding!r}"
            )
        if padding == "same" and any(s != 1 for s in self.stride):
            raise ValueError(f"{type(self).__name__}: padding='same' needs stride 1")
        return padding

    def reset_parameters(self) -> None:
        """Draw new initial values from the default generator."""
        init.kaiming_uniform_(self.weight, a=math.sqrt(5))
        if self.bias is not None:
            fan_in, _ = init.fans(self.weight)
            bound = 1 / math.sqrt(fan_in) if fan_in else 0.0
            init.uniform_(self.bias, -bound, bound)

    def _framed(self, input: Tensor) -> tuple[Tensor, Any]:
        """The input and the padding that is left to do, after any other than with zeros."""
        if self.padding_mode == "zeros" or self.padding == "valid":
            return input, self.padding
        widths: list[int] = []
        for i in reversed(range(self.axes)):
            if self.padding == "same":
                total = self.dilation[i] * (self.kernel_size[i] - 1)
                widths += [total // 2, total - total // 2]
            else:
                widths += [self.padding[i]] * 2
        return pad(input, widths, mode=self.padding_mode), 0

    def forward(self, input: Tensor) -> Tensor:
        x, padding = self._framed(input)
        return self._convolve(
            x, self.weight, self.bias, self.stride, padding, self.dilation, self.groups
        )

    def extra_repr(self) -> str:
        text = f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}"
        text += f", stride={self.stride}"
        zeros = (0,) * self.axes
        if self.padding != zeros:
            text += f", padding={self.padding}"
        if self.dilation != (1,) * self.axes:
            text += f", dilation={self.dilation}"
        if self.output_padding != zeros:
            text += f", output_padding={self.output_padding}"
        if self.groups != 1:
            text += f", groups={self.groups}"
        if self.bias is None:
            text += ", bias=False"
        if self.padding_mode != "zeros":
            text += f", padding_mode={self.padding_mode}"
        return text


class Conv1d(_Conv):
    """Convolution of sequences (N, C, L) or (C, L) with ``out_channels`` kernels.

    weight (out_channels, in_channels / groups, k), bias (out_channels). padding: a number,
    "same" or "valid". padding_mode: "zeros", or "reflect", "replicate", "circular".
    """

    axes = 1
    _convolve = staticmethod(conv1d)


class Conv2d(_Conv):
    """Convolution of images (N, C, H, W) or (C, H, W) with ``out_channels`` kernels.

    weight (out_channels, in_channels / groups, kh, kw), bias (out_channels). Options are one number
    or two (rows, columns); padding may be "same" or "valid". padding_mode: "zeros", or "reflect",
    "replicate", "circular".
    """

    axes = 2
    _convolve = staticmethod(conv2d)


class _ConvTranspose(_Conv):
    transposed = True

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Any,
        stride: Any = 1,
        padding: Any = 0,
        output_padding: Any = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: Any = 1,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        if padding_mode != "zeros" or isinstance(padding, str):
            raise ValueError(
                f"{type(self).__name__}: padding is a number, with zeros; got {padding!r}, "
                f"{padding_mode!r}"
            )
        super().__init__(
            in_channels,
            out_channels,
            kernel_size,
            stride,
            padding,
            dilation,
            groups,
            bias,
            padding_mode,
            device,
            dtype,
        )
        self.output_padding = self._each("output_padding", output_padding)

    def forward(self, input: Tensor, output_size: Any = None) -> Tensor:
        return self._convolve(
            input,
            self.weight,
            self.bias,
            self.stride,
            self.padding,
            self._missing(input, output_size),
            self.groups,
            self.dilation,
        )

    def _missing(self, input: Tensor, output_size: Any) -> Any:
        """The output padding with which the result gets a wanted size."""
        if output_size is None:
            return self.output_padding
        wanted = tuple(output_size)[-self.axes :]
        least = [
            (n - 1) * s - 2 * p + d * (k - 1) + 1
            for n, s, p, d, k in zip(
                input.shape[-self.axes :],
                self.stride,
                self.padding,
                self.dilation,
                self.kernel_size,
            )
        ]
        missing = tuple(w - n for w, n in zip(wanted, least))
        if any(not 0 <= m < s for m, s in zip(missing, self.stride)):
            most = [n + s - 1 for n, s in zip(least, self.stride)]
            raise ValueError(
                f"{type(self).__name__}: output_size {wanted} is out of reach; from {input.shape} "
                f"come sizes from {tuple(least)} to {tuple(most)}"
            )
        return missing


class ConvTranspose1d(_ConvTranspose):
    """The transpose of ``Conv1d`` as a linear map: (N, in_channels, L) to longer sequences.

    weight (in_channels, out_channels / groups, k). The length becomes (L - 1) stride - 2 padding +
    dilation (k - 1) + 1 + output_padding.
    """

    axes = 1
    _convolve = staticmethod(conv_transpose1d)


class ConvTranspose2d(_ConvTranspose):
    """The transpose of ``Conv2d`` as a linear map: (N, in_channels, H, W) to larger images.

    weight (in_channels, out_channels / groups, kh, kw). The height becomes (H - 1) stride - 2
    padding + dilation (kh - 1) + 1 + output_padding; the width likewise.
    """

    axes = 2
    _convolve = staticmethod(conv_transpose2d)
