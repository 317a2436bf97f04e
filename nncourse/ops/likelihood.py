"""Losses between probabilities: binary cross entropy and the Kullback-Leibler divergence."""

from __future__ import annotations

import math

from nncourse.autograd.function import Function, apply, unary
from nncourse.autograd.tensor import Tensor
from nncourse.autograd.vocabulary import log, where
from nncourse.backend import Array, xp
from nncourse.ops.activations import Softplus
from nncourse.ops.elementwise import choose
from nncourse.ops.loss_reduction import REDUCTIONS, check_reduction, of_one_shape, reduced

_LEAST = -100.0  # logarithms are not let below this, so that the loss stays finite
_TINY = 1e-12


class BinaryCrossEntropy(Function):
    """out = -(y log p + (1 - y) log(1 - p)), logarithms at least -100.

    dp = dout * (p - y) / (p (1 - p)),  dy = dout * (log(1 - p) - log p).
    """

    __slots__ = ()
    saves = ("p", "y")

    def forward(self, p: Array, y: Array) -> Array:
        self.saved = p, y
        with xp.errstate(divide="ignore"):
            yes, no = xp.log(p), xp.log1p(-p)
        return -(y * xp.maximum(yes, _LEAST) + (1 - y) * xp.maximum(no, _LEAST))

    def backward(self, dout: Array) -> tuple[Array | None, ...]:
        p, y = self.saved
        need_p, need_y = self.needs
        dp = dy = None
        if need_p:
            spread = p * (1 - p)
            dp = dout * (p - y) / where(spread < _TINY, _TINY, spread)
        if need_y:
            inside = (p > 0) & (p < 1)
            q = where(inside, p, 0.5)
            at_the_ends = (2 * _LEAST) * (p - 0.5)  # log 1 minus the least logarithm, or reversed
            dy = dout * where(inside, log(1 - q) - log(q), at_the_ends)
        return dp, dy


def binary_cross_entropy(
    input: Tensor, target: Tensor, weight: Tensor | None = None, *, reduction: str = "mean"
) -> Tensor:
    """-(y log p + (1 - y) log(1 - p)) for probabilities p (input) and y (target) of one shape.

    Logarithms are limited to -100, for the loss and for the target's gradient, which PyTorch lets
    grow to infinity. weight: a factor for each loss, broadcast. For logits there is
    ``binary_cross_entropy_with_logits``.
    """
    p, y = of_one_shape("binary_cross_entropy", input, target, reduction)
    if not ((p._data >= 0) & (p._data <= 1)).all():
        raise RuntimeError(
            f"binary_cross_entropy: input must be probabilities from 0 to 1; it holds "
            f"{xp.min(p._data):.4g} to {xp.max(p._data):.4g}. Did you forget the sigmoid, or mean "
            "binary_cross_entropy_with_logits?"
        )
    losses = apply(BinaryCrossEntropy, (p, y))
    return reduced(losses if weight is None else losses * weight, reduction)


def binary_cross_entropy_with_logits(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    *,
    reduction: str = "mean",
    pos_weight: Tensor | None = None,
) -> Tensor:
    """Binary cross entropy of sigmoid(input), computed from the logits without overflow.

    With y the target: (1 - y) x + log(1 + e^-x). pos_weight: how much more the positive class
    counts, broadcast along the last axes.
    """
    x, y = of_one_shape("binary_cross_entropy_with_logits", input, target, reduction)
    tail = unary(Softplus, -x, 1.0, math.inf)
    if pos_weight is not None:
        tail = tail * (1 + (pos_weight - 1) * y)
    losses = (1 - y) * x + tail
    return reduced(losses if weight is None else losses * weight, reduction)


def kl_div(
    input: Tensor, target: Tensor, *, reduction: str = "mean", log_target: bool = False
) -> Tensor:
    """y (log y - x) with x (input) the logarithm of a probability, y (target) a probability.

    log_target: the target is a logarithm as well. reduction: "batchmean", the sum divided by the
    length of axis 0, is the divergence itself; "mean" divides by all elements.
    """
    check_reduction(reduction, (*REDUCTIONS, "batchmean"))
    how = "sum" if reduction == "batchmean" else reduction
    x, y = of_one_shape("kl_div", input, target, how)
    if log_target:
        losses = y.exp() * (y - x)
    else:
        # y log y is 0 where y is 0, as in the limit.
        positive = y > 0
        losses = y * choose(positive, y, 1.0).log() - y * x
    total = reduced(losses, how)
    return total / (len(x) if x._data.ndim else 1) if reduction == "batchmean" else total
