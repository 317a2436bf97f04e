"""Losses as modules: called with the network's result and the target."""

from __future__ import annotations

from nncourse.autograd.tensor import Tensor
from nncourse.nn.module import Module
from nncourse.ops.losses import cross_entropy, mse_loss


class _Loss(Module):
    def __init__(self, reduction: str = "mean") -> None:
        super().__init__()
        if reduction not in ("mean", "sum", "none"):
            raise ValueError(f"reduction must be 'mean', 'sum' or 'none'; got {reduction!r}")
        self.reduction = reduction


class CrossEntropyLoss(_Loss):
    """Cross entropy of softmax(input), input logits (N, C), with classes (N). No softmax before it.

    reduction: "mean" over the examples, "sum", or "none".
    """

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return cross_entropy(input, target, reduction=self.reduction)


class MSELoss(_Loss):
    """The squared difference of two tensors of one shape: its "mean", "sum" or "none"."""

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return mse_loss(input, target, self.reduction)
