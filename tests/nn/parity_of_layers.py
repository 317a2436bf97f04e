"""The same layer here and in PyTorch, from equal weights: results, gradients, statistics, steps."""

from __future__ import annotations

import numpy as np
import pytest

import nncourse as nnc
from nncourse import nn


def torch_or_skip():
    return pytest.importorskip("torch", reason="PyTorch is not installed; nothing to compare with")


def numbers(*shape, seed=0, dtype=np.float64):
    """Numbers that differ from each other, so that the greatest of a window is at one place."""
    random = np.random.default_rng([seed, *shape])
    n = int(np.prod(shape))
    return (random.permutation(n) / max(n, 1) * 4 - 1.987).reshape(shape).astype(dtype)


def pair(name, args=(), kwargs=None, dtype=np.float64):
    """Our layer and PyTorch's, ours with the weights of theirs, which are made less regular."""
    torch = torch_or_skip()
    kwargs = kwargs or {}
    theirs = getattr(torch.nn, name)(*args, **kwargs)
    theirs = theirs.to(torch.float64 if dtype == np.float64 else torch.float32)
    ours = getattr(nn, name)(*args, **kwargs).to(np.dtype(dtype))
    assert repr(ours) == repr(theirs)
    with torch.no_grad():
        for i, p in enumerate(theirs.parameters()):
            p += 0.1 * torch.tensor(numbers(*p.shape, seed=i + 1))
    state = {name: t.numpy() for name, t in theirs.state_dict().items()}
    assert [(k, tuple(v.shape), str(v.dtype)) for k, v in ours.state_dict().items()] == [
        (k, v.shape, str(v.dtype)) for k, v in state.items()
    ]
    ours.load_state_dict(state)
    return ours, theirs


def close(a, b, tolerance=1e-9):
    """Arrays, tensors of either library, or tuples of them are equal but for rounding."""
    if isinstance(a, tuple):
        assert len(a) == len(b)
        for x, y in zip(a, b):
            close(x, y, tolerance)
        return
    a, b = (x if isinstance(x, np.ndarray) else x.detach().numpy() for x in (a, b))
    assert a.shape == b.shape
    assert a.dtype == b.dtype
    np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)


def same(name, inputs, args=(), kwargs=None, dtype=np.float64, tolerance=1e-9, steps=20):
    """Compare one layer in training and evaluation, and over some steps of training by SGD."""
    torch = torch_or_skip()
    ours, theirs = pair(name, args, kwargs, dtype)
    inputs = [x if x.dtype.kind in "iu" else x.astype(dtype) for x in inputs]
    for training in (True, False):
        ours.train(training)
        theirs.train(training)
        a, b = ([lib.tensor(x) for x in inputs] for lib in (nnc, torch))
        for x, y in zip(a, b):
            if y.dtype.is_floating_point:
                x.requires_grad_()
                y.requires_grad_()
        out, expected = ours(*a), theirs(*b)
        close(out, expected, tolerance)
        if isinstance(out, tuple):
            out, expected = out[0], expected[0]
        upstream = numbers(*out.shape, seed=9, dtype=dtype)
        ours.zero_grad()
        theirs.zero_grad()
        out.backward(nnc.tensor(upstream))
        expected.backward(torch.tensor(upstream))
        for x, y in zip(a, b):
            if y.grad is not None:
                close(x.grad, y.grad, tolerance)
        for (n, p), (m, q) in zip(ours.named_parameters(), theirs.named_parameters()):
            assert n == m
            close(p.grad, q.grad, tolerance)
        for (n, p), (m, q) in zip(ours.named_buffers(), theirs.named_buffers()):
            assert n == m
            close(p, q, tolerance)
    ours.train()
    theirs.train()
    if list(theirs.parameters()):
        _train(ours, theirs, inputs, steps, tolerance)


def _train(ours, theirs, inputs, steps, tolerance):
    torch = torch_or_skip()
    found = []
    for lib, layer in ((nnc, ours), (torch, theirs)):
        optimizer = lib.optim.SGD(layer.parameters(), lr=0.05, momentum=0.9)
        tensors = [lib.tensor(x) for x in inputs]
        losses = []
        for _ in range(steps):
            optimizer.zero_grad()
            loss = (layer(*tensors) ** 2).mean()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        found.append(losses)
    np.testing.assert_allclose(*found, rtol=10 * tolerance, atol=10 * tolerance)
    for name, tensor in theirs.state_dict().items():
        close(ours.state_dict()[name], tensor, 10 * tolerance)
