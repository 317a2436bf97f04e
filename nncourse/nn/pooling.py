"""Pooling layers: the greatest element of each window, or the mean."""

from __future__ import annotations

from typing import Any

from nncourse.autograd.tensor import Tensor
from nncourse.nn.module import Module
from nncourse.ops import adaptive_pooling, pooling


class _MaxPool(Module):
    _pool: Any

    def __init__(
        self,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        dilation: Any = 1,
        return_indices: bool = False,
        ceil_mode: bool = False,
    ) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = kernel_size if stride is None else stride
        self.padding = padding
        self.dilation = dilation
        self.return_indices = return_indices
        self.ceil_mode = ceil_mode

    def forward(self, input: Tensor) -> Any:
        return self._pool(
            input,
            self.kernel_size,
            self.stride,
            self.padding,
            self.dilation,
            self.ceil_mode,
            self.return_indices,
        )

    def extra_repr(self) -> str:
        return (
            f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}, "
            f"dilation={self.dilation}, ceil_mode={self.ceil_mode}"
        )


class MaxPool1d(_MaxPool):
    """The greatest element of each window of sequences (N, C, L) or (C, L).

    stride: the kernel's size unless given. ceil_mode: let windows reach over the end.
    return_indices: also where each element stands.
    """

    _pool = staticmethod(pooling.max_pool1d)


class MaxPool2d(_MaxPool):
    """The greatest element of each window of images (N, C, H, W) or (C, H, W).

    stride: the kernel's size unless given. ceil_mode: let windows reach over the end.
    return_indices: also where in the flattened image of its channel each element stands.
    """

    _pool = staticmethod(pooling.max_pool2d)


class _AvgPool(Module):
    _pool: Any

    def __init__(
        self,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
    ) -> None:
        super().__init__()
        self.kernel_size = self._each(kernel_size)
        self.stride = self.kernel_size if stride is None else self._each(stride)
        self.padding = self._each(padding)
        self.ceil_mode = ceil_mode
        self.count_include_pad = count_include_pad

    def _each(self, value: Any) -> Any:
        return value

    def forward(self, input: Tensor) -> Tensor:
        return self._pool(
            input,
            self.kernel_size,
            self.stride,
            self.padding,
            self.ceil_mode,
            self.count_include_pad,
        )

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class AvgPool1d(_AvgPool):
    """The mean of each window of sequences (N, C, L) or (C, L).

    count_include_pad: divide by the number of all elements, zeros of the padding among them.
    """

    _pool = staticmethod(pooling.avg_pool1d)

    def _each(self, value: Any) -> Any:
        return (value,) if isinstance(value, int) else tuple(value)  # as PyTorch shows it


class AvgPool2d(_AvgPool):
    """The mean of each window of images (N, C, H, W) or (C, H, W).

    count_include_pad: divide by the number of all elements, zeros of the padding among them.
    """

    _pool = staticmethod(pooling.avg_pool2d)


class _Adaptive(Module):
    def __init__(self, output_size: Any) -> None:
        super().__init__()
        self.output_size = output_size

    def extra_repr(self) -> str:
        return f"output_size={self.output_size}"


class AdaptiveAvgPool1d(_Adaptive):
    """The means of ``output_size`` windows of equal length, as nearly as it goes, of (N, C, L)."""

    def forward(self, input: Tensor) -> Tensor:
        return adaptive_pooling.adaptive_avg_pool1d(input, self.output_size)


class AdaptiveAvgPool2d(_Adaptive):
    """The means of ``output_size`` windows, a number or two (None: as many as there are).

    For images (N, C, H, W); windows are of equal size, as nearly as that goes.
    """

    def forward(self, input: Tensor) -> Tensor:
        return adaptive_pooling.adaptive_avg_pool2d(input, self.output_size)


class _AdaptiveMax(_Adaptive):
    def __init__(self, output_size: Any, return_indices: bool = False) -> None:
        super().__init__(output_size)
        self.return_indices = return_indices


class AdaptiveMaxPool1d(_AdaptiveMax):
    """The greatest elements of ``output_size`` windows of nearly equal length, of (N, C, L).

    return_indices: also where they stand; for windows of equal length only.
    """

    def forward(self, input: Tensor) -> Any:
        return adaptive_pooling.adaptive_max_pool1d(input, self.output_size, self.return_indices)


class AdaptiveMaxPool2d(_AdaptiveMax):
    """The greatest elements of ``output_size`` windows of nearly equal size, of (N, C, H, W).

    return_indices: also where in the flattened image they stand; for windows of equal size only.
    """

    def forward(self, input: Tensor) -> Any:
        return adaptive_pooling.adaptive_max_pool2d(input, self.output_size, self.return_indices)
