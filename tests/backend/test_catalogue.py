"""Every operation of the catalogue gives on a GPU what it gives on the processor.

Values, gradients and second gradients; and nothing crosses between the two in between, but for what
is listed here with its reason.
"""

import numpy as np
import pytest

import nncourse as nnc
from tests.ops.catalogue_checks import CASES, IDS, arrays_for, differentiable, upstream_for

# What computing the result may move, as (arrays sent, single numbers read). A number is read where
# values are checked, for what is wrong with them would not be noticed otherwise (CuPy takes any
# index). Sent are lists that serve as indices, and the numbers that an entry itself brings along.
CROSSING = {
    "x[[0, 2, 0]]": (1, 0),
    "x[[0, 2, 0], [1, 1, 1]]": (2, 0),
    "x[:, [0, 0]]": (1, 0),
    "put_add": (1, 0),
    "gather": (0, 1),
    "take_along_dim, index_select": (0, 1),
    "scatter_add": (0, 1),
    "scatter": (1, 1),
    "dropout with a mask": (1, 0),
    "cross_entropy": (0, 1),
    "cross_entropy with options": (0, 1),
    "cross_entropy with weights": (1, 1),
    "nll_loss": (0, 1),
    "multi_margin_loss": (0, 1),
    "binary_cross_entropy": (0, 1),
    "binary_cross_entropy_with_logits and weights": (2, 0),
    "embedding": (0, 1),
    "batch_norm without training": (2, 0),
    "attention with several heads": (1, 0),
}


def inputs_for(operation, example, where):
    """The inputs, and the gradient of the result, on a device."""
    arrays = arrays_for(operation, example)
    shape = np.shape(operation.reference(*arrays, **example.options))
    tensors = [nnc.tensor(a, requires_grad=differentiable(a), device=where) for a in arrays]
    return tensors, nnc.tensor(upstream_for(shape), requires_grad=True, device=where)


def derivatives(out, tensors, upstream):
    """Gradients, the same recorded, and the derivatives of their squares."""
    inputs = [t for t in tensors if t.requires_grad]
    plain = nnc.grad(out, inputs, upstream.detach(), retain_graph=True)
    slopes = nnc.grad(out, inputs, upstream, create_graph=True)
    total = sum([(g * g).sum() for g in slopes[1:]], (slopes[0] * slopes[0]).sum())
    second = nnc.grad(total, [*inputs, upstream], materialize_grads=True)
    return [*plain, *slopes, *second]


@pytest.mark.parametrize(("operation", "example"), CASES, ids=IDS)
def test_the_same_on_a_gpu_without_hidden_transfers(operation, example, transfers):
    tensors, upstream = inputs_for(operation, example, "cpu")
    out = operation.function(*tensors, **example.options)
    expected = [out, *derivatives(out, tensors, upstream)]

    tensors, upstream = inputs_for(operation, example, "cuda")
    with transfers:
        out = operation.function(*tensors, **example.options)
        sent, read = CROSSING.get(operation.name, (0, 0))
        transfers.were_at_most(sent, read)
    with transfers:
        found = [out, *derivatives(out, tensors, upstream)]
        transfers.were()
    for a, b in zip(found, expected, strict=True):
        assert a.device.type == "cuda"
        assert a.dtype == b.dtype
        np.testing.assert_allclose(
            a.detach().cpu().numpy(), b.detach().numpy(), rtol=1e-10, atol=1e-10
        )
