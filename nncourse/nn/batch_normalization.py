"""Batch normalisation as layers, with the statistics that predictions use as buffers.

Ioffe, Szegedy 2015, Batch Normalization.
"""

from __future__ import annotations

from typing import Any

from nncourse.autograd.changes import changes
from nncourse.autograd.tensor import Tensor
from nncourse.nn import init
from nncourse.nn.module import Module
from nncourse.nn.parameter import unset
from nncourse.ops.batch_normalization import batch_norm
from nncourse.ops.creation import ones, tensor, zeros


class _BatchNorm(Module):
    """Parameters weight and bias (C), buffers running_mean, running_var, num_batches_tracked."""

    axes: tuple[int, ...]
    layout: str
    running_mean: Tensor | None
    running_var: Tensor | None
    num_batches_tracked: Tensor | None

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__()
        self.num_features = num_features
        self.eps = eps
        self.momentum = momentum
        self.affine = affine
        self.track_running_stats = track_running_stats
        self.weight = unset(num_features, device=device, dtype=dtype) if affine else None
        self.bias = unset(num_features, device=device, dtype=dtype) if affine and bias else None
        kept: tuple[Any, ...] = (None, None, None)
        if track_running_stats:
            place = {"device": device, "dtype": dtype}
            kept = (
                zeros(num_features, **place),
                ones(num_features, **place),
                tensor(0, device=device),
            )
        for name, value in zip(("running_mean", "running_var", "num_batches_tracked"), kept):
            self.register_buffer(name, value)
        self.reset_parameters()

    def reset_running_stats(self) -> None:
        """Mean 0, variance 1, no batches seen."""
        if self.track_running_stats:
            self.running_mean.zero_()  # type: ignore[union-attr]
            self.running_var.fill_(1)  # type: ignore[union-attr]
            self.num_batches_tracked.zero_()  # type: ignore[union-attr]

    def reset_parameters(self) -> None:
        """Statistics as before the first batch, weight 1, bias 0."""
        self.reset_running_stats()
        if self.weight is not None:
            init.ones_(self.weight)
        if self.bias is not None:
            init.zeros_(self.bias)

    def forward(self, input: Tensor) -> Tensor:
        shape = input._data.shape
        if len(shape) not in self.axes:
            raise ValueError(
                f"{type(self).__name__}: input must be {self.layout}; its shape is {shape}"
            )
        if shape[1] != self.num_features:
            hint = ""
            if shape[-1] == self.num_features:
                order = (0, len(shape) - 1, *range(1, len(shape) - 1))
                hint = f". Did you mean x.permute{order}, with the channels in second place?"
            raise RuntimeError(
                f"{type(self).__name__}({self.num_features}): input {shape} has {shape[1]} "
                f"channels (axis 1){hint}"
            )
        mean, variance = self.running_mean, self.running_var
        momentum = self.momentum or 0.0
        if self.training and self.num_batches_tracked is not None:
            count = self.num_batches_tracked._data
            count += 1
            changes.note(count)
            if self.momentum is None:  # the plain average of all batches
                momentum = 1 / float(count)
        of_batch = self.training or mean is None
        return batch_norm(
            input, mean, variance, self.weight, self.bias, of_batch, momentum, self.eps
        )

    def extra_repr(self) -> str:
        return (
            f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, affine={self.affine}, "
            f"bias={self.bias is not None}, track_running_stats={self.track_running_stats}"
        )


class BatchNorm1d(_BatchNorm):
    """Each channel of (N, C) or (N, C, L) to mean 0 and variance 1, times weight, plus bias.

    In training over the batch, while running averages of mean and variance are kept; for
    predictions with these. momentum: the share of the newest batch in them, None for the average of
    all batches. track_running_stats=False: always over the batch.
    """

    axes = (2, 3)
    layout = "(N, C) or (N, C, L)"


class BatchNorm2d(_BatchNorm):
    """Each channel of (N, C, H, W) to mean 0 and variance 1; the rest as in ``BatchNorm1d``."""

    axes = (4,)
    layout = "(N, C, H, W)"
