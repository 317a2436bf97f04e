"""Hinge losses: nothing to pay beyond a margin, a growing price before it."""

from __future__ import annotations

from nncourse.autograd.function import constant
from nncourse.autograd.tensor import Tensor
from nncourse.backend import xp
from nncourse.ops.classification import check_classes
from nncourse.ops.elementwise import choose
from nncourse.ops.loss_reduction import check_reduction, of_one_shape, reduced


def hinge_loss(
    input: Tensor, target: Tensor, *, margin: float = 1.0, reduction: str = "mean"
) -> Tensor:
    """max(0, margin - y x) for scores x (input) and y = -1 or 1 (target): the loss of an SVM.

    PyTorch has it for several classes only, as ``multi_margin_loss``.
    """
    x, y = of_one_shape("hinge_loss", input, target, reduction)
    return reduced((margin - y * x).relu(), reduction)


def hinge_embedding_loss(
    input: Tensor, target: Tensor, margin: float = 1.0, *, reduction: str = "mean"
) -> Tensor:
    """x where y is 1, max(0, margin - x) where y is -1: x (input) is a distance of two things."""
    x, y = of_one_shape("hinge_embedding_loss", input, target, reduction)
    alike = constant(y._data == 1)
    return reduced(choose(alike, x, (margin - x).relu()), reduction)


def margin_ranking_loss(
    input1: Tensor, input2: Tensor, target: Tensor, margin: float = 0.0, *, reduction: str = "mean"
) -> Tensor:
    """max(0, margin - y (x1 - x2)): y = 1 if x1 should rank higher than x2, -1 if lower."""
    check_reduction(reduction)
    return reduced((margin - target * (input1 - input2)).relu(), reduction)


def cosine_embedding_loss(
    input1: Tensor, input2: Tensor, target: Tensor, margin: float = 0.0, *, reduction: str = "mean"
) -> Tensor:
    """1 - cos(x1, x2) where y is 1, max(0, cos(x1, x2) - margin) where y is -1.

    input1, input2: (N, d) with target (N), or (d) with target ().
    """
    check_reduction(reduction)
    a, b = input1, input2
    if a.shape != b.shape or a.ndim not in (1, 2) or target.shape != a.shape[:-1]:
        raise ValueError(
            f"cosine_embedding_loss: inputs must be (N, d) and target (N), or (d) and (); they are "
            f"{a.shape}, {b.shape} and {target.shape}"
        )
    # PyTorch's small number, which keeps the square roots from a slope that is infinite.
    lengths = ((a * a).sum(-1) + 1e-12) * ((b * b).sum(-1) + 1e-12)
    cosine = (a * b).sum(-1) / lengths.sqrt()
    return reduced(
        choose(constant(target._data == 1), 1 - cosine, (cosine - margin).relu()), reduction
    )


def multi_margin_loss(
    input: Tensor,
    target: Tensor,
    p: int = 1,
    margin: float = 1.0,
    weight: Tensor | None = None,
    *,
    reduction: str = "mean",
) -> Tensor:
    """The mean over classes j other than y of max(0, margin - x_y + x_j)^p.

    input: scores (N, C) or (C); target: classes (N) or (); weight: (C), a factor by right class.
    """
    check_reduction(reduction)
    if p not in (1, 2):
        raise ValueError(f"multi_margin_loss: p must be 1 or 2; got {p}")
    if input._data.ndim not in (1, 2):
        raise ValueError(f"multi_margin_loss: input must be (N, C) or (C); got {input.shape}")
    check_classes("multi_margin_loss", input, target)
    x = input if input._data.ndim == 2 else input.reshape(1, -1)
    y = target._data.reshape(-1)
    rows, classes = xp.arange(len(y), like=y), x._data.shape[1]
    right = x[(rows, y)].unsqueeze(1)
    distance = (margin - right + x).relu()
    others = constant(xp.arange(classes, like=y) != y[:, None])
    losses = choose(others, distance if p == 1 else distance * distance, 0.0).sum(1) / classes
    if weight is not None:
        losses = losses * weight[constant(y)]
    if reduction == "none":
        return losses.reshape(target.shape)
    return reduced(losses, reduction)
