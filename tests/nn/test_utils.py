"""Clipping gradients, and parameters as one vector, as in PyTorch."""

import math

import numpy as np
import pytest

import nncourse as nnc
from nncourse import nn
from nncourse.nn.utils import (
    clip_grad_norm_,
    clip_grad_value_,
    parameters_to_vector,
    vector_to_parameters,
)


def parameters(library=nnc, scale=1.0, bad=None):
    random = np.random.default_rng(0)
    found = []
    for shape in ((3, 2), (4,), (), (2, 2)):
        p = library.tensor(random.standard_normal(shape)).requires_grad_()
        g = scale * random.standard_normal(shape)
        if bad is not None and shape == (4,):
            g[1] = bad
        p.grad = library.tensor(g)
        found.append(p)
    found[-1].grad = None
    return found


def gradients(found):
    return [x for p in found if p.grad is not None for x in p.grad.numpy().ravel().tolist()]


@pytest.mark.parametrize("scale", [0.01, 1.0, 100.0])
@pytest.mark.parametrize("norm_type", [2, 1, 3.5, math.inf, -math.inf, 0, 0.5])
def test_clipped_norms_are_pytorchs(norm_type, scale):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed; nothing to compare with")
    ours, theirs = parameters(scale=scale), parameters(torch, scale)
    norm = clip_grad_norm_(ours, 1.5, norm_type)
    their_norm = torch.nn.utils.clip_grad_norm_(theirs, 1.5, norm_type)
    np.testing.assert_allclose(norm.item(), their_norm.item(), rtol=1e-12)
    np.testing.assert_allclose(gradients(ours), gradients(theirs), rtol=1e-12)


@pytest.mark.parametrize("norm_type", [1, 2, 3, math.inf])
def test_a_long_gradient_gets_the_length_and_keeps_its_direction(norm_type):
    found = parameters(scale=7.0)
    before = np.array(gradients(found))
    norm = clip_grad_norm_(iter(found), 0.5, norm_type)
    after = np.array(gradients(found))
    np.testing.assert_allclose(norm.item(), np.linalg.norm(before, norm_type))
    np.testing.assert_allclose(np.linalg.norm(after, norm_type), 0.5, rtol=1e-6)
    np.testing.assert_allclose(after / before, after[0] / before[0])
    assert norm.shape == ()


def test_a_short_gradient_stays():
    found = parameters()
    before = gradients(found)
    clip_grad_norm_(found, 1e3)
    assert gradients(found) == before


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_norms_that_are_not_finite(bad):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed; nothing to compare with")
    ours, theirs = parameters(bad=bad), parameters(torch, bad=bad)
    before = gradients(ours)
    with pytest.raises(RuntimeError, match="cannot be clipped"):
        clip_grad_norm_(ours, 1.0, error_if_nonfinite=True)
    np.testing.assert_array_equal(gradients(ours), before)
    norm = clip_grad_norm_(ours, 1.0)
    np.testing.assert_array_equal(norm.item(), torch.nn.utils.clip_grad_norm_(theirs, 1.0).item())
    np.testing.assert_array_equal(gradients(ours), gradients(theirs))


def test_clipped_values():
    found = parameters(scale=3.0)
    before = np.array(gradients(found))
    assert clip_grad_value_(found, 0.7) is None
    np.testing.assert_array_equal(gradients(found), before.clip(-0.7, 0.7))
    assert (abs(before) > 0.7).any()
    clip_grad_value_(found[0], 0.1)
    assert abs(found[0].grad.numpy()).max() == 0.1
    assert abs(found[1].grad.numpy()).max() == 0.7


def test_nothing_to_clip():
    p = nnc.ones(2, requires_grad=True)
    assert clip_grad_norm_([p], 1.0).item() == 0
    assert clip_grad_norm_(p, 1.0).dtype == nnc.float32
    clip_grad_value_([p], 1.0)
    assert p.grad is None


def test_float32_stays_float32():
    p = nnc.ones(3, requires_grad=True)
    p.grad = nnc.tensor([3.0, 4.0, 0.0])
    norm = clip_grad_norm_(p, 1.0)
    assert norm.dtype == p.grad.dtype == nnc.float32
    np.testing.assert_allclose(p.grad.numpy(), [0.6, 0.8, 0.0], rtol=1e-6)


def test_clipping_is_a_change_that_backward_notices():
    x = nnc.ones(2, requires_grad=True)
    g = nnc.tensor([30.0, 40.0], requires_grad=True)
    loss = (x * g).sum()
    p = nnc.ones(2, requires_grad=True)
    p.grad = g.detach()
    clip_grad_norm_(p, 1.0)
    with pytest.raises(RuntimeError, match="in place"):
        loss.backward()


def test_parameters_as_a_vector_and_back():
    model = nn.Sequential(nn.Linear(3, 2), nn.Linear(2, 1))
    vector = parameters_to_vector(model.parameters())
    expected = np.concatenate([p.detach().numpy().ravel() for p in model.parameters()])
    assert vector.tolist() == expected.tolist()
    (vector**2).sum().backward()
    np.testing.assert_allclose(model[0].weight.grad.numpy(), 2 * model[0].weight.detach().numpy())
    array = model[1].weight._data
    assert vector_to_parameters(nnc.arange(11.0), model.parameters()) is None
    assert parameters_to_vector(model.parameters()).tolist() == list(range(11))
    assert model[1].weight._data is array
    assert model[0].weight.requires_grad
    for wrong in (nnc.arange(10.0), nnc.zeros(11, 1), [0.0] * 11):
        with pytest.raises(ValueError, match="11 numbers"):
            vector_to_parameters(wrong, model.parameters())
