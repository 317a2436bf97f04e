"""What operations refuse, and what their errors say: what was expected, what came, the mend."""

import numpy as np
import pytest

import nncourse as nnc
from nncourse.autograd.function import Function
from nncourse.nn import functional as F


def of(*shape):
    return nnc.zeros(*shape)


REFUSED = {
    # Shapes
    "matmul of a number": (lambda: of(3) @ nnc.tensor(1.0), r"Did you mean a \* b"),
    "matmul, second transposed": (lambda: of(2, 3) @ of(4, 3), r"Did you mean a @ b\.T"),
    "matmul, first transposed": (lambda: of(3, 2) @ of(3, 4), r"Did you mean a\.T @ b"),
    "matmul of batches": (lambda: of(2, 3, 4) @ of(5, 4, 3), "cannot be broadcast"),
    "outer of matrices": (lambda: nnc.outer(of(2, 2), of(2)), "outer needs two vectors"),
    "linear, weight": (lambda: F.linear(of(2, 3), of(3)), r"weight must be \(out, in\)"),
    "linear, x": (lambda: F.linear(of(3, 2), of(4, 3)), r"Did you mean x\.T"),
    "linear, images": (lambda: F.linear(of(5, 2, 2), of(3, 4)), r"Did you mean x\.flatten\(1\)"),
    "linear, turned": (lambda: F.linear(of(2, 4), of(4, 3)), "Did you mean a layer 4 -> 3"),
    "linear, bias": (lambda: F.linear(of(2, 3), of(4, 3), of(3)), r"it must be \(4,\)"),
    "bilinear, weight": (lambda: F.bilinear(of(2), of(3), of(2, 3)), r"\(out, in1, in2\)"),
    "bilinear, swapped": (lambda: F.bilinear(of(3), of(2), of(4, 2, 3)), "Are they swapped"),
    "bilinear, input": (lambda: F.bilinear(of(5), of(3), of(4, 2, 3)), "last axes must be 2 and 3"),
    "bilinear, batch": (lambda: F.bilinear(of(1, 2), of(5, 3), of(4, 2, 3)), "must agree"),
    "bilinear, bias": (lambda: F.bilinear(of(2), of(3), of(4, 2, 3), of(3)), r"must be \(4,\)"),
    "reshape": (lambda: of(2, 3).reshape(4, 2), "6 elements"),
    "unflatten": (lambda: of(2, 6).unflatten(1, (4, -1)), r"cannot be split into \(4, -1\)"),
    "expand": (lambda: of(2, 3).expand(2, 4), r"\(2, 3\)"),
    "permute": (lambda: of(2, 3).permute(0, 0), "name every axis once"),
    "squeeze": (lambda: of(2, 3).sum(2), "dim 2 is out of range"),
    "narrow": (lambda: of(4).narrow(0, 3, 2), "does not lie within 0 to 4"),
    "split": (lambda: of(4).split(0), "must be positive"),
    "split into lengths": (lambda: of(4).split([1, 2]), "they add up to 3"),
    "chunk": (lambda: of(4).chunk(0), "must be positive"),
    "flip twice": (lambda: of(2, 3).flip(0, -2), "names an axis twice"),
    "roll": (lambda: of(2, 3).roll((1, 2)), "several shifts need as many dims"),
    "roll along fewer": (lambda: of(2, 3).roll((1, 2), 0), "2 shifts, but 1 dims"),
    "repeat": (lambda: of(2, 3).repeat(2), "needs at least 2 sizes"),
    "diag": (lambda: of(2, 2, 2).diag(), "diag takes a vector or a matrix"),
    "trace": (lambda: of(3).trace(), "trace is of a matrix"),
    "tril": (lambda: of(3).tril(), "a triangle needs a matrix"),
    "tril from between": (lambda: of(3, 3).tril(0.5), "'float' object cannot be"),
    "half a repetition": (lambda: of(3).repeat_interleave(0.5), "'float' object cannot be"),
    # Indices
    "gather, index": (lambda: of(2, 3).gather(1, of(2, 3)), "must hold integers"),
    "gather, axes": (
        lambda: of(2, 3).gather(1, nnc.zeros(2, dtype=nnc.int64)),
        r"Did you mean index\.unsqueeze\(1\)",
    ),
    "gather, range": (lambda: of(2, 3).gather(1, nnc.tensor([[3]])), "positions are 0 to 2"),
    "scatter_add, type": (
        lambda: of(3).scatter_add(0, nnc.tensor([0]), nnc.tensor([1])),
        "src must have the tensor's type",
    ),
    "an index of floats": (lambda: of(3)[of(2)], "must hold integers or bools"),
    "masked_fill, value": (
        lambda: nnc.tensor([1, 2]).masked_fill(nnc.tensor([True, False]), 0.5),
        "0.5 does not fit",
    ),
    "masked_fill, tensor": (
        lambda: of(2).masked_fill(nnc.tensor([True, False]), of(2)),
        "a number or a 0-d tensor",
    ),
    "where": (lambda: nnc.where(of(2), of(2), of(2)), "must be a bool tensor"),
    "one_hot": (lambda: F.one_hot(of(2)), "needs class indices"),
    "one_hot, range": (lambda: F.one_hot(nnc.tensor([0, 3]), 3), "indices are 0 to 2; got 0 to 3"),
    "one_hot of nothing": (lambda: F.one_hot(nnc.tensor([], dtype=nnc.int64)), "num_classes"),
    "topk": (lambda: of(3).topk(4), "k must be 0 to 3"),
    "embedding of floats": (lambda: F.embedding(of(2), of(3, 2)), r"input\.long\(\)"),
    "embedding, table": (lambda: F.embedding(nnc.tensor([0]), of(3)), r"weight must be \(n, d\)"),
    "embedding, range": (lambda: F.embedding(nnc.tensor([3]), of(3, 2)), "rows 0 to 2"),
    "embedding, padding": (
        lambda: F.embedding(nnc.tensor([0]), of(3, 2), padding_idx=3),
        "padding_idx 3",
    ),
    "bincount": (lambda: nnc.bincount(of(3)), "counts integers in a row"),
    "bincount of negatives": (lambda: nnc.bincount(nnc.tensor([-1])), "got -1"),
    "meshgrid": (lambda: nnc.meshgrid(of(2), of(3), indexing="yx"), "'ij' or 'xy'"),
    "multinomial": (lambda: nnc.tensor([0.0, 0.0]).multinomial(1), "not all 0"),
    "multinomial of integers": (lambda: nnc.tensor([1, 2]).multinomial(1), "floating-point"),
    "multinomial of few": (lambda: nnc.tensor([1.0, 0.0]).multinomial(2), "only 1 weights"),
    # Number types
    "mean of integers": (lambda: nnc.tensor([1, 2]).mean(), r"x\.float\(\)"),
    "norm of integers": (lambda: nnc.tensor([1, 2]).norm(), r"x\.float\(\)"),
    "norm, p": (lambda: of(2).norm("nuc"), "p must be a number or 'fro'"),
    "softmax of integers": (lambda: nnc.tensor([1, 2]).softmax(0), r"x\.float\(\)"),
    "integers to a negative power": (lambda: nnc.tensor([1, 2]) ** -1, "convert to float"),
    "clamp": (lambda: of(2).clamp(), "needs min, max or both"),
    "an integer with a gradient": (
        lambda: nnc.tensor([1]).requires_grad_(),
        "only floating-point tensors",
    ),
    "a sum in place of another type": (
        lambda: nnc.tensor([1, 2]).add_(0.5),
        "does not fit into a tensor of int64",
    ),
    "a sum in place of another shape": (lambda: of(2).add_(of(3, 2)), "does not fit into"),
    "a text": (lambda: of(2) + "1", "a number; got str"),
    "rows of different lengths": (lambda: nnc.tensor([[1, 2], [3]]), "different lengths"),
    "a tensor of texts": (lambda: nnc.tensor(["a"]), "holds numbers"),
    # Images
    "conv2d, stride": (lambda: F.conv2d(of(1, 1, 3, 3), of(1, 1, 2, 2), stride=0), "positive"),
    "conv2d, pair": (
        lambda: F.conv2d(of(1, 1, 3, 3), of(1, 1, 2, 2), stride=(1, 2, 3)),
        "a number or a pair",
    ),
    "conv2d, weight": (lambda: F.conv2d(of(1, 1, 3, 3), of(1, 2, 2)), r"\(O, C, kh, kw\)"),
    "conv1d, weight": (lambda: F.conv1d(of(1, 1, 3), of(1, 2)), r"\(O, C, k\)"),
    "conv2d, no channel": (
        lambda: F.conv2d(of(3, 3), of(1, 1, 2, 2)),
        r"Did you mean x\.unsqueeze\(0\)",
    ),
    "conv2d, groups": (lambda: F.conv2d(of(1, 2, 3, 3), of(3, 1, 2, 2), groups=2), "2 groups"),
    "conv2d, channels last": (
        lambda: F.conv2d(of(1, 5, 5, 3), of(4, 3, 2, 2)),
        r"Did you mean x\.permute\(0, 3, 1, 2\)",
    ),
    "conv2d, weight turned": (
        lambda: F.conv2d(of(1, 4, 5, 5), of(4, 3, 2, 2)),
        r"Did you mean weight\.transpose\(0, 1\)",
    ),
    "conv2d, groups forgotten": (
        lambda: F.conv2d(of(1, 4, 5, 5), of(6, 2, 2, 2)),
        "With groups=2 it would fit",
    ),
    "conv2d, bias": (lambda: F.conv2d(of(1, 1, 3, 3), of(2, 1, 2, 2), of(3)), r"must be \(2,\)"),
    "conv2d, size": (lambda: F.conv2d(of(1, 1, 3, 3), of(1, 1, 4, 4)), "a smaller kernel"),
    "conv2d, same": (
        lambda: F.conv2d(of(1, 1, 3, 3), of(1, 1, 2, 2), stride=2, padding="same"),
        "needs stride 1",
    ),
    "max_pool2d": (lambda: F.max_pool2d(of(3, 3), 2), r"\(N, C, H, W\) or \(C, H, W\)"),
    "max_pool1d": (lambda: F.max_pool1d(of(3), 2), r"\(N, C, L\) or \(C, L\)"),
    "max_pool2d, kernel": (lambda: F.max_pool2d(of(1, 3, 3), 0), "must be positive"),
    "max_pool2d, padding": (lambda: F.max_pool2d(of(1, 3, 3), 2, padding=2), "half the kernel"),
    "avg_pool2d, size": (lambda: F.avg_pool2d(of(1, 3, 3), 4), "a window reaches over 4 elements"),
    "dropout1d": (lambda: F.dropout1d(of(3)), r"channels of \(N, C, L\)"),
    "dropout2d": (lambda: F.dropout2d(of(3, 3)), r"channels of \(N, C, H, W\)"),
    "batch_norm": (lambda: F.batch_norm(of(3), None, None, training=True), r"\(N, C, \.\.\.\)"),
    "batch_norm, weight": (
        lambda: F.batch_norm(of(2, 3), None, None, of(2), training=True),
        "3 channels",
    ),
    "reduction": (lambda: F.mse_loss(of(2), of(2), reduction="all"), "must be one of"),
    "mse_loss, shapes": (lambda: F.mse_loss(of(2, 3), of(3, 2)), r"Did you mean target\.T"),
    "conv_transpose2d, weight": (
        lambda: F.conv_transpose2d(of(1, 2, 3, 3), of(2, 3, 2)),
        r"\(C, O, kh, kw\)",
    ),
    "conv_transpose1d, input": (
        lambda: F.conv_transpose1d(of(3), of(2, 3, 2)),
        r"input must be \(N, C, L\)",
    ),
    "conv_transpose2d, channels": (
        lambda: F.conv_transpose2d(of(1, 3, 3, 3), of(2, 3, 2, 2)),
        r"Did you mean weight\.transpose\(0, 1\)",
    ),
    "conv_transpose2d, groups": (
        lambda: F.conv_transpose2d(of(1, 2, 3, 3), of(2, 3, 2, 2), groups=3),
        "cannot be divided into 3 groups",
    ),
    "conv_transpose2d, bias": (
        lambda: F.conv_transpose2d(of(1, 2, 3, 3), of(2, 3, 2, 2), of(2)),
        r"bias must be \(3,\)",
    ),
    "conv_transpose2d, stride": (
        lambda: F.conv_transpose2d(of(1, 2, 3, 3), of(2, 3, 2, 2), stride=0),
        "must be positive",
    ),
    "conv_transpose2d, output_padding": (
        lambda: F.conv_transpose2d(of(1, 2, 3, 3), of(2, 3, 2, 2), output_padding=1),
        "must be smaller than stride or dilation",
    ),
    "conv_transpose2d, padding": (
        lambda: F.conv_transpose2d(of(1, 2, 1, 1), of(2, 3, 2, 2), padding=1),
        "nothing would be left",
    ),
    "adaptive_max_pool2d, indices": (
        lambda: F.adaptive_max_pool2d(of(1, 1, 5, 4), 3, return_indices=True),
        "windows of equal size only",
    ),
    "adaptive_avg_pool1d": (lambda: F.adaptive_avg_pool1d(of(4), 2), r"\(N, C, L\) or \(C, L\)"),
    "adaptive_avg_pool2d": (lambda: F.adaptive_avg_pool2d(of(4, 4), 2), r"\(C, H, W\)"),
    "adaptive_avg_pool2d, size": (
        lambda: F.adaptive_avg_pool2d(of(1, 4, 4), (0, 1)),
        "a number or a pair",
    ),
    "pad, mode": (lambda: F.pad(of(2), (1, 1), mode="mirror"), "mode must be one of"),
    "pad, axes": (lambda: F.pad(of(2), (1, 1, 1, 1)), "for at most 1 axes"),
    "pad from inside": (lambda: F.pad(of(1, 2), (2, 0), mode="reflect"), "at most 1 elements"),
    "group_norm, axes": (lambda: F.group_norm(of(4), 2), r"needs \(N, C, \.\.\.\)"),
    "group_norm, groups": (lambda: F.group_norm(of(2, 4), 3), "cannot be divided into 3 groups"),
    "group_norm, weight": (lambda: F.group_norm(of(2, 4), 2, of(3)), r"weight must be \(4,\)"),
    "instance_norm, statistics": (
        lambda: F.instance_norm(of(1, 2, 3), of(2), of(2)),
        "keeps no running statistics",
    ),
    "instance_norm, one value": (lambda: F.instance_norm(of(2, 3, 1)), "more than one value"),
    "batch_norm, one value": (
        lambda: F.batch_norm(of(1, 3), None, None, training=True),
        "more than one value",
    ),
    "batch_norm without statistics": (
        lambda: F.batch_norm(of(2, 3), None, None),
        "needs running_mean and running_var",
    ),
    # Attention
    "attention, axes": (
        lambda: F.scaled_dot_product_attention(of(3), of(3), of(3)),
        "two axes or more",
    ),
    "attention, lengths": (
        lambda: F.scaled_dot_product_attention(of(2, 3), of(2, 4), of(2, 3)),
        "of one length",
    ),
    "attention, values": (
        lambda: F.scaled_dot_product_attention(of(2, 3), of(2, 3), of(4, 3)),
        "as many values as keys",
    ),
    "attention, heads": (
        lambda: F.scaled_dot_product_attention(
            of(3, 2, 4), of(2, 2, 4), of(2, 2, 4), enable_gqa=True
        ),
        "2 heads of keys",
    ),
    "attention, two masks": (
        lambda: F.scaled_dot_product_attention(
            of(2, 3), of(2, 3), of(2, 3), attn_mask=of(2, 2), is_causal=True
        ),
        "is_causal brings its own mask",
    ),
    "attention, integers": (
        lambda: F.scaled_dot_product_attention(
            of(2, 3), of(2, 3), of(2, 3), attn_mask=nnc.ones(2, 2, dtype=nnc.int64)
        ),
        r"attn_mask\.bool\(\)",
    ),
    # Losses
    "cross_entropy, weight": (
        lambda: F.cross_entropy(of(2, 3), nnc.tensor([0, 1]), of(2)),
        "one number for each of 3 classes",
    ),
    "cross_entropy, smoothing": (
        lambda: F.cross_entropy(of(2, 3), nnc.tensor([0, 1]), label_smoothing=2),
        "between 0 and 1",
    ),
    "cosine_embedding_loss": (
        lambda: F.cosine_embedding_loss(of(2, 3), of(2, 3), of(3)),
        r"target \(N\)",
    ),
    "a probability above 1": (
        lambda: F.binary_cross_entropy(of(2) + 2, of(2)),
        "binary_cross_entropy_with_logits",
    ),
    "dropout": (lambda: F.dropout(of(2), 1.5), "the probability of dropping"),
    # NumPy and the graph
    "a function of NumPy": (lambda: np.arctan2(of(2), of(2)), "cannot follow the gradients"),
    "an array without a copy": (
        lambda: of(2).__array__(dtype=np.float64, copy=False),
        "needs a copy",
    ),
    "einsum, letters": (lambda: nnc.einsum("i1->i", of(2, 2)), "may hold letters"),
    "einsum, operands": (lambda: nnc.einsum("ij,jk", of(2, 2)), "describes 2 operands; got 1"),
    "einsum, result": (lambda: nnc.einsum("ij->k", of(2, 2)), "which no operand has"),
    "einsum, sizes": (lambda: nnc.einsum("ij,jk", of(2, 3), of(2, 3)), "lengths 3 and 2"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_the_error_names_the_mistake(what):
    function, message = REFUSED[what]
    kinds = (RuntimeError, ValueError, TypeError, IndexError, NotImplementedError)
    with pytest.raises(kinds, match=message):
        function()


def test_functions_say_what_they_must_define():
    with pytest.raises(NotImplementedError):
        Function().forward()
    with pytest.raises(NotImplementedError):
        Function().backward(np.ones(1))


def test_dropout_draws_elements_or_channels():
    nnc.manual_seed(0)
    x = nnc.ones(200, 6, 5)
    assert F.dropout(x, 0.5, training=False) is x
    assert F.dropout(x, 1.0).sum().item() == 0
    elements = F.dropout(x, 0.25).numpy()
    assert set(np.unique(elements).tolist()) == {0.0, np.float32(4 / 3).item()}
    assert 0.7 < (elements > 0).mean() < 0.8
    for drop, shape in ((F.dropout1d, (200, 6, 5)), (F.dropout2d, (100, 6, 5, 2))):
        channels = drop(nnc.ones(*shape), 0.5).numpy().reshape(*shape[:2], -1)
        assert (channels == channels[:, :, :1]).all()
        assert 0.4 < (channels > 0).mean() < 0.6
        assert drop(nnc.ones(*shape), 0.5, training=False).numpy().all()
    assert set(F.plain_dropout(x, 0.25).unique().tolist()) == {0.0, 1.0}
    assert F.plain_dropout(x, 0.25, training=False).unique().tolist() == [0.75]


def test_positions_of_the_greatest_elements():
    x = nnc.tensor([[[1.0, 5.0, 2.0, 0.0], [3.0, 4.0, 8.0, 7.0]]])
    values, places = F.max_pool2d(x, 2, return_indices=True)
    assert values.tolist() == [[[5, 8]]]
    assert places.tolist() == [[[1, 6]]]
    values, places = F.max_pool1d(x, 2, return_indices=True)
    assert values.tolist() == [[[5, 2], [4, 8]]]
    assert places.tolist() == [[[1, 2], [1, 2]]]
