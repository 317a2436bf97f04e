"""Losses as modules: called with the network's result and the target.

reduction: "mean" over all losses, their "sum", or "none" for the losses themselves.
"""

from __future__ import annotations

from typing import Any

from nncourse.autograd.tensor import Tensor
from nncourse.nn.module import Module
from nncourse.ops import losses
from nncourse.ops.loss_reduction import REDUCTIONS, check_reduction


class _Loss(Module):
    reductions: tuple[str, ...] = REDUCTIONS

    def __init__(self, reduction: str = "mean") -> None:
        super().__init__()
        check_reduction(reduction, self.reductions)
        self.reduction = reduction


class _Weighted(_Loss):
    """A loss with weights, which move with the module but are not learned."""

    weight: Tensor | None

    def __init__(self, weight: Tensor | None = None, reduction: str = "mean") -> None:
        super().__init__(reduction)
        self.register_buffer("weight", weight)


class MSELoss(_Loss):
    """(input - target)^2 for tensors of one shape."""

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return losses.mse_loss(input, target, reduction=self.reduction)


class HalfSquaredError(_Loss):
    """(input - target)^2 / 2, the squared error of the source lectures. Not in PyTorch.

    Their error of a batch is the sum over outputs and examples: reduction="sum", the default here.
    """

    def __init__(self, reduction: str = "sum") -> None:
        super().__init__(reduction)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return losses.half_squared_error(input, target, reduction=self.reduction)


class L1Loss(_Loss):
    """|input - target| for tensors of one shape."""

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return losses.l1_loss(input, target, reduction=self.reduction)


class SmoothL1Loss(_Loss):
    """``HuberLoss`` divided by ``beta``: slope 1 for differences greater than ``beta``."""

    def __init__(self, reduction: str = "mean", beta: float = 1.0) -> None:
        super().__init__(reduction)
        self.beta = beta

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return losses.smooth_l1_loss(input, target, reduction=self.reduction, beta=self.beta)


class HuberLoss(_Loss):
    """Half the square of small differences, ``delta`` times the absolute value of large ones."""

    def __init__(self, reduction: str = "mean", delta: float = 1.0) -> None:
        super().__init__(reduction)
        self.delta = delta

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return losses.huber_loss(input, target, reduction=self.reduction, delta=self.delta)


class BCELoss(_Weighted):
    """Binary cross entropy of probabilities: the sigmoid comes before it.

    weight: a factor for each loss, broadcast. ``BCEWithLogitsLoss`` is the one that cannot
    overflow.
    """

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return losses.binary_cross_entropy(input, target, self.weight, reduction=self.reduction)


class BCEWithLogitsLoss(_Weighted):
    """Binary cross entropy of sigmoid(input): no sigmoid before it.

    weight: a factor for each loss. pos_weight: how much more the positive class counts. Both are
    broadcast along the last axes.
    """

    pos_weight: Tensor | None

    def __init__(
        self,
        weight: Tensor | None = None,
        reduction: str = "mean",
        pos_weight: Tensor | None = None,
    ) -> None:
        super().__init__(weight, reduction)
        self.register_buffer("pos_weight", pos_weight)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return losses.binary_cross_entropy_with_logits(
            input, target, self.weight, reduction=self.reduction, pos_weight=self.pos_weight
        )


class NLLLoss(_Weighted):
    """The negative log-probability of the right class: ``LogSoftmax`` comes before it.

    input (N, C), target (N) of classes. weight (C): how much an example of each class counts.
    ignore_index: the class of examples that do not count.
    """

    def __init__(
        self, weight: Tensor | None = None, ignore_index: int = -100, reduction: str = "mean"
    ) -> None:
        super().__init__(weight, reduction)
        self.ignore_index = ignore_index

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return losses.nll_loss(
            input,
            target,
            self.weight,
            ignore_index=self.ignore_index,
            reduction=self.reduction,
        )


class CrossEntropyLoss(_Weighted):
    """Cross entropy of softmax(input), input logits (N, C), with classes (N). No softmax before it.

    The target may also hold the probabilities of all classes, (N, C). weight (C): how much an
    example of each class counts. ignore_index: the class of examples that do not count.
    label_smoothing: the share of the target that is spread evenly over all classes. reduction:
    "mean" over the examples that count, "sum", or "none".
    """

    def __init__(
        self,
        weight: Tensor | None = None,
        ignore_index: int = -100,
        reduction: str = "mean",
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__(weight, reduction)
        self.ignore_index = ignore_index
        self.label_smoothing = label_smoothing

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return losses.cross_entropy(
            input,
            target,
            self.weight,
            ignore_index=self.ignore_index,
            reduction=self.reduction,
            label_smoothing=self.label_smoothing,
        )


class KLDivLoss(_Loss):
    """y (log y - x), x (input) the logarithm of a probability, y (target) a probability.

    reduction: "batchmean", the sum divided by the length of axis 0, is the divergence itself.
    log_target: the target is a logarithm as well.
    """

    reductions = (*REDUCTIONS, "batchmean")

    def __init__(self, reduction: str = "mean", log_target: bool = False) -> None:
        super().__init__(reduction)
        self.log_target = log_target

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return losses.kl_div(input, target, reduction=self.reduction, log_target=self.log_target)


class _WithMargin(_Loss):
    def __init__(self, margin: float, reduction: str) -> None:
        super().__init__(reduction)
        self.margin = margin


class HingeEmbeddingLoss(_WithMargin):
    """x where y is 1, max(0, margin - x) where y is -1: x (input) is a distance of two things."""

    def __init__(self, margin: float = 1.0, reduction: str = "mean") -> None:
        super().__init__(margin, reduction)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return losses.hinge_embedding_loss(
            input, target, margin=self.margin, reduction=self.reduction
        )


class HingeLoss(_WithMargin):
    """max(0, margin - y x) for scores x (input) and y = -1 or 1 (target). Not in PyTorch."""

    def __init__(self, margin: float = 1.0, reduction: str = "mean") -> None:
        super().__init__(margin, reduction)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return losses.hinge_loss(input, target, margin=self.margin, reduction=self.reduction)


class MarginRankingLoss(_WithMargin):
    """max(0, margin - y (x1 - x2)): y = 1 if x1 should rank higher than x2, -1 if lower."""

    def __init__(self, margin: float = 0.0, reduction: str = "mean") -> None:
        super().__init__(margin, reduction)

    def forward(self, input1: Tensor, input2: Tensor, target: Tensor) -> Tensor:
        return losses.margin_ranking_loss(
            input1, input2, target, margin=self.margin, reduction=self.reduction
        )


class CosineEmbeddingLoss(_WithMargin):
    """1 - cos(x1, x2) where y is 1, max(0, cos(x1, x2) - margin) where y is -1.

    x1, x2 (N, d), y (N); or (d) and ().
    """

    def __init__(self, margin: float = 0.0, reduction: str = "mean") -> None:
        super().__init__(margin, reduction)

    def forward(self, input1: Tensor, input2: Tensor, target: Tensor) -> Tensor:
        return losses.cosine_embedding_loss(
            input1, input2, target, margin=self.margin, reduction=self.reduction
        )


class MultiMarginLoss(_Weighted):
    """max(0, margin - x_y + x_i)^p, averaged over the classes i other than the right one, y.

    input (N, C), target (N). weight (C): how much an example of each class counts.
    """

    def __init__(
        self,
        p: int = 1,
        margin: float = 1.0,
        weight: Tensor | None = None,
        reduction: str = "mean",
    ) -> None:
        super().__init__(weight, reduction)
        self.p = p
        self.margin = margin

    def forward(self, input: Tensor, target: Tensor) -> Any:
        return losses.multi_margin_loss(
            input,
            target,
            p=self.p,
            margin=self.margin,
            weight=self.weight,
            reduction=self.reduction,
        )
