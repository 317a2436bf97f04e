"""The functions behind the modules, without parameters of their own."""

from nncourse.ops.activations import (
    elu,
    gelu,
    hardtanh,
    leaky_relu,
    logsigmoid,
    prelu,
    silu,
    softmin,
    softplus,
    threshold,
)
from nncourse.ops.attention import scaled_dot_product_attention
from nncourse.ops.convolution import conv1d, conv2d
from nncourse.ops.dropping import dropout, dropout2d
from nncourse.ops.elementwise import relu, sigmoid, tanh
from nncourse.ops.linalg import linear
from nncourse.ops.lookup import embedding
from nncourse.ops.losses import (
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
    cross_entropy,
    hinge_embedding_loss,
    hinge_loss,
    huber_loss,
    kl_div,
    l1_loss,
    log_softmax,
    margin_ranking_loss,
    mse_loss,
    multi_margin_loss,
    nll_loss,
    smooth_l1_loss,
    softmax,
)
from nncourse.ops.normalization import batch_norm, layer_norm
from nncourse.ops.padding import pad
from nncourse.ops.pooling import avg_pool1d, avg_pool2d, max_pool1d, max_pool2d
from nncourse.ops.selection import one_hot

__all__ = [
    "avg_pool1d",
    "avg_pool2d",
    "batch_norm",
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "conv1d",
    "conv2d",
    "cross_entropy",
    "dropout",
    "dropout2d",
    "elu",
    "embedding",
    "gelu",
    "hardtanh",
    "hinge_embedding_loss",
    "hinge_loss",
    "huber_loss",
    "kl_div",
    "l1_loss",
    "layer_norm",
    "leaky_relu",
    "linear",
    "log_softmax",
    "logsigmoid",
    "margin_ranking_loss",
    "max_pool1d",
    "max_pool2d",
    "mse_loss",
    "multi_margin_loss",
    "nll_loss",
    "one_hot",
    "pad",
    "prelu",
    "relu",
    "scaled_dot_product_attention",
    "sigmoid",
    "silu",
    "smooth_l1_loss",
    "softmax",
    "softmin",
    "softplus",
    "tanh",
    "threshold",
]
