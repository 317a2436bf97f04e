"""Normalisation of each example by itself: over its features, over groups of channels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nncourse.autograd.tensor import Tensor
from nncourse.nn import init
from nncourse.nn.module import Module
from nncourse.nn.parameter import unset
from nncourse.ops import normalization


class _OverLastAxes(Module):
    def __init__(
        self, normalized_shape: int | Sequence[int], eps: float | None, elementwise_affine: bool
    ) -> None:
        super().__init__()
        if isinstance(normalized_shape, int):
            normalized_shape = (normalized_shape,)
        self.normalized_shape = tuple(normalized_shape)
        self.eps = eps
        self.elementwise_affine = elementwise_affine


class LayerNorm(_OverLastAxes):
    """Mean 0 and variance 1 over the last axes of each example, then times weight, plus bias.

    normalized_shape: the lengths of those axes, and the shape of weight (ones at first) and bias
    (zeros). Ba et al. 2016, Layer Normalization.
    """

    eps: float

    def __init__(
        self,
        normalized_shape: int | Sequence[int],
        eps: float = 1e-5,
        elementwise_affine: bool = True,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(normalized_shape, eps, elementwise_affine)
        shape = self.normalized_shape
        affine = elementwise_affine
        self.weight = unset(*shape, device=device, dtype=dtype) if affine else None
        self.bias = unset(*shape, device=device, dtype=dtype) if affine and bias else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Weight 1, bias 0."""
        _reset(self.weight, self.bias)

    def forward(self, input: Tensor) -> Tensor:
        return normalization.layer_norm(
            input, self.normalized_shape, self.weight, self.bias, self.eps
        )

    def extra_repr(self) -> str:
        return (
            f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}"
            + f", bias={self.bias is not None}"
        )


class RMSNorm(_OverLastAxes):
    """Each example divided by the root of the mean of its squares over the last axes, times weight.

    Zhang, Sennrich 2019, Root Mean Square Layer Normalization. eps: the smallest difference from 1
    of the number type, unless given.
    """

    def __init__(
        self,
        normalized_shape: int | Sequence[int],
        eps: float | None = None,
        elementwise_affine: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(normalized_shape, eps, elementwise_affine)
        shape = self.normalized_shape
        self.weight = unset(*shape, device=device, dtype=dtype) if elementwise_affine else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Weight 1."""
        _reset(self.weight, None)

    def forward(self, input: Tensor) -> Tensor:
        return normalization.rms_norm(input, self.normalized_shape, self.weight, self.eps)

    def extra_repr(self) -> str:
        return (
            f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}"
        )


class GroupNorm(Module):
    """Mean 0 and variance 1 over groups of neighbouring channels of each example (N, C, ...).

    Then each channel times weight (C), ones at first, plus bias (C), zeros at first. Wu, He 2018,
    Group Normalization.
    """

    def __init__(
        self,
        num_groups: int,
        num_channels: int,
        eps: float = 1e-5,
        affine: bool = True,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__()
        if num_groups < 1 or num_channels % num_groups:
            raise ValueError(
                f"GroupNorm: {num_channels} channels cannot be divided into {num_groups} groups"
            )
        self.num_groups = num_groups
        self.num_channels = num_channels
        self.eps = eps
        self.affine = affine
        self.weight = unset(num_channels, device=device, dtype=dtype) if affine else None
        self.bias = unset(num_channels, device=device, dtype=dtype) if affine and bias else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Weight 1, bias 0."""
        _reset(self.weight, self.bias)

    def forward(self, input: Tensor) -> Tensor:
        if input.ndim > 1 and input.shape[1] != self.num_channels:
            raise RuntimeError(
                f"GroupNorm: expected {self.num_channels} channels (axis 1); input is {input.shape}"
            )
        return normalization.group_norm(input, self.num_groups, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        return (
            f"{self.num_groups}, {self.num_channels}, eps={self.eps}, affine={self.affine}, "
            f"bias={self.bias is not None}"
        )


def _reset(weight: Tensor | None, bias: Tensor | None) -> None:
    if weight is not None:
        init.ones_(weight)
    if bias is not None:
        init.zeros_(bias)
