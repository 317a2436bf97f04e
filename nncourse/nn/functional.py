"""The functions behind the modules, without parameters of their own."""

from nncourse.ops.activations import (
    elu,
    gelu,
    hardtanh,
    leaky_relu,
    logsigmoid,
    prelu,
    relu6,
    selu,
    silu,
    softmin,
    softplus,
    step,
    threshold,
)
from nncourse.ops.adaptive_pooling import (
    adaptive_avg_pool1d,
    adaptive_avg_pool2d,
    adaptive_max_pool1d,
    adaptive_max_pool2d,
)
from nncourse.ops.attention import scaled_dot_product_attention
from nncourse.ops.batch_normalization import batch_norm
from nncourse.ops.bilinear import bilinear
from nncourse.ops.convolution import conv1d, conv2d
from nncourse.ops.dropping import dropout, dropout1d, dropout2d, plain_dropout
from nncourse.ops.elementwise import relu, sigmoid, tanh
from nncourse.ops.likeness import cosine_similarity, normalize
from nncourse.ops.linalg import linear
from nncourse.ops.lookup import embedding
from nncourse.ops.losses import (
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
    cosine_embedding_loss,
    cross_entropy,
    half_squared_error,
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
from nncourse.ops.normalization import group_norm, instance_norm, layer_norm, rms_norm
from nncourse.ops.padding import pad
from nncourse.ops.pooling import avg_pool1d, avg_pool2d, max_pool1d, max_pool2d
from nncourse.ops.selection import one_hot
from nncourse.ops.transposed_convolution import conv_transpose1d, conv_transpose2d

__all__ = [
    "adaptive_avg_pool1d",
    "adaptive_avg_pool2d",
    "adaptive_max_pool1d",
    "adaptive_max_pool2d",
    "avg_pool1d",
    "avg_pool2d",
    "batch_norm",
    "bilinear",
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "conv1d",
    "conv2d",
    "conv_transpose1d",
    "conv_transpose2d",
    "cosine_embedding_loss",
    "cosine_similarity",
    "cross_entropy",
    "dropout",
    "dropout1d",
    "dropout2d",
    "elu",
    "embedding",
    "gelu",
    "group_norm",
    "half_squared_error",
    "hardtanh",
    "hinge_embedding_loss",
    "hinge_loss",
    "huber_loss",
    "instance_norm",
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
    "normalize",
    "one_hot",
    "pad",
    "plain_dropout",
    "prelu",
    "relu",
    "relu6",
    "rms_norm",
    "scaled_dot_product_attention",
    "selu",
    "sigmoid",
    "silu",
    "smooth_l1_loss",
    "softmax",
    "softmin",
    "softplus",
    "step",
    "tanh",
    "threshold",
]
