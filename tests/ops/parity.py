"""Running the same program here and in PyTorch, and comparing values and gradients."""

from __future__ import annotations

import numpy as np
import pytest

import nncourse as nnc


def torch_or_skip():
    return pytest.importorskip("torch", reason="PyTorch is not installed; nothing to compare with")


def numbers(*shape, seed=0):
    """Numbers that differ from each other, so that extremes are at one place."""
    n = int(np.prod(shape))
    random = np.random.default_rng([seed, n, len(shape)])
    return (random.permutation(n) * 0.1 + random.uniform(-0.02, 0.02, n) - n * 0.05).reshape(shape)


def same(ours, theirs, arrays, tolerance=1e-10):
    """ours(*tensors) and theirs(*tensors) give equal values, shapes, types and gradients.

    Floating-point arrays get gradients; the derivative by the result is random.
    """
    torch = torch_or_skip()
    a = [nnc.tensor(v, requires_grad=v.dtype.kind == "f") for v in arrays]
    b = [torch.tensor(v, requires_grad=v.dtype.kind == "f") for v in arrays]
    found, expected = ours(*a), theirs(*b)
    assert found.shape == tuple(expected.shape)
    assert str(found.dtype) == str(expected.dtype).removeprefix("torch.")
    np.testing.assert_allclose(
        found.detach().numpy(), expected.detach().numpy(), rtol=tolerance, atol=tolerance
    )
    if not found.requires_grad:
        return
    upstream = np.random.default_rng(1).standard_normal(found.shape)
    found.backward(nnc.tensor(upstream))
    expected.backward(torch.tensor(upstream))
    for x, y in zip(a, b):
        if x.requires_grad:
            slope = np.zeros(x.shape) if y.grad is None else y.grad.numpy()
            np.testing.assert_allclose(x.grad.numpy(), slope, rtol=tolerance, atol=tolerance)
