"""All losses under one name; each family has a file of its own."""

from nncourse.ops.classification import cross_entropy, cross_entropy_spelled_out, nll_loss
from nncourse.ops.exponentials import log_softmax, logsumexp, softmax
from nncourse.ops.likelihood import binary_cross_entropy, binary_cross_entropy_with_logits, kl_div
from nncourse.ops.margins import (
    cosine_embedding_loss,
    hinge_embedding_loss,
    hinge_loss,
    margin_ranking_loss,
    multi_margin_loss,
)
from nncourse.ops.regression import (
    half_squared_error,
    huber_loss,
    l1_loss,
    mse_loss,
    mse_loss_spelled_out,
    smooth_l1_loss,
)

__all__ = [
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "cosine_embedding_loss",
    "cross_entropy",
    "cross_entropy_spelled_out",
    "half_squared_error",
    "hinge_embedding_loss",
    "hinge_loss",
    "huber_loss",
    "kl_div",
    "l1_loss",
    "log_softmax",
    "logsumexp",
    "margin_ranking_loss",
    "mse_loss",
    "mse_loss_spelled_out",
    "multi_margin_loss",
    "nll_loss",
    "smooth_l1_loss",
    "softmax",
]
