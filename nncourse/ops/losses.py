"""All losses under one name; each family has a file of its own."""

from nncourse.ops.classification import cross_entropy, cross_entropy_spelled_out, nll_loss
from nncourse.ops.exponentials import log_softmax, logsumexp, softmax
from nncourse.ops.regression import (
    huber_loss,
    l1_loss,
    mse_loss,
    mse_loss_spelled_out,
    smooth_l1_loss,
)

__all__ = [
    "cross_entropy",
    "cross_entropy_spelled_out",
    "huber_loss",
    "l1_loss",
    "log_softmax",
    "logsumexp",
    "mse_loss",
    "mse_loss_spelled_out",
    "nll_loss",
    "smooth_l1_loss",
    "softmax",
]
