"""Lecture 08: its formulas hold, and so do the claims that its cells do not print."""

import numpy as np
import pytest

import nncourse as nnc
from nncourse import nn
from nncourse.nn import functional as F
from tests.lectures.form import check_form, functions

NAME = "08-regularisation-and-normalisation"


@pytest.mark.parametrize("language", ["ru", "en"])
def test_form_of_the_lecture(language):
    check_form(NAME, language)


def test_stopping_early_acts_like_a_penalty_on_a_bowl():
    """The share kept along curvature c: 1 - (1 - rate c)^t, against c / (c + 2 lambda)."""
    rate, steps = 0.01, 100
    for curvature in (1e-4, 1e-3, 1e-2):  # far below 1 / (rate steps) = 1
        w = 0.0
        for _ in range(steps):
            w -= rate * curvature * (w - 1)
        assert w == pytest.approx(1 - (1 - rate * curvature) ** steps)
        assert w < 2 * curvature
    for curvature in (20.0, 50.0):
        assert 1 - (1 - rate * curvature) ** steps > 0.99
    penalty = 0.5  # 2 lambda = 1 = 1 / (rate steps): the same directions are suppressed
    for curvature, low, high in ((1e-3, 0, 0.01), (50.0, 0.98, 1)):
        assert low <= curvature / (curvature + 2 * penalty) <= high


def test_weights_shrink_under_the_penalty_alone():
    w, rate, penalty = 3.0, 0.1, 0.2
    assert w - rate * 2 * penalty * w == pytest.approx((1 - 2 * rate * penalty) * w)


@pytest.mark.parametrize("p", [0.1, 0.5, 0.8])
def test_both_forms_of_dropout_have_the_mean_of_the_prediction(p):
    nnc.manual_seed(0)
    x = nnc.tensor(np.full((200, 200), 3.0))
    for layer, prediction in ((nn.Dropout(p), 3.0), (nn.PlainDropout(p), 3.0 * (1 - p))):
        out = layer(x).numpy()
        assert set(np.unique(out.round(9))) == {0.0, round(3 / (1 - p), 9)} or isinstance(
            layer, nn.PlainDropout
        )
        assert out.mean() == pytest.approx(prediction, rel=0.05)
        layer.eval()
        np.testing.assert_allclose(layer(x).numpy(), prediction)


def test_the_mask_of_the_backward_pass_is_that_of_the_forward_pass():
    nnc.manual_seed(1)
    x = nnc.tensor(np.ones((10, 10)), requires_grad=True)
    out = nn.Dropout(0.4)(x)
    out.sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), out.detach().numpy())


def test_the_lecture_s_backward_pass_is_that_of_autograd():
    backward = functions(NAME, nnc=nnc)["batchnorm_backward"]
    rng = np.random.default_rng(2)
    u, d = rng.normal(1, 2, size=(7, 3)), rng.normal(size=(7, 3))
    x = nnc.tensor(u, requires_grad=True)
    (F.batch_norm(x, None, None, training=True) * nnc.tensor(d)).sum().backward()
    np.testing.assert_allclose(backward(d, u), x.grad.numpy(), rtol=1e-6, atol=1e-10)


def test_what_the_gradient_loses():
    backward = functions(NAME, nnc=nnc)["batchnorm_backward"]
    rng = np.random.default_rng(3)
    u, d = rng.normal(size=(9, 4)), rng.normal(size=(9, 4))
    g = backward(d, u, eps=0.0)
    u_hat = (u - u.mean(axis=0)) / u.std(axis=0)
    np.testing.assert_allclose(g.sum(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose((g * u_hat).sum(axis=0), 0, atol=1e-12)
    # Shifting and stretching the input leaves the output as it is.
    moved = 5 * u - 2
    np.testing.assert_allclose((moved - moved.mean(axis=0)) / moved.std(axis=0), u_hat)


def test_a_bias_before_batch_norm_is_idle():
    x = np.random.default_rng(4).normal(size=(6, 2))
    outs = [F.batch_norm(nnc.tensor(x + b), None, None, training=True).numpy() for b in (0.0, 9.0)]
    np.testing.assert_allclose(outs[0], outs[1], atol=1e-9)


def test_the_answer_for_one_does_not_depend_on_its_neighbours_in_prediction():
    layer = nn.BatchNorm1d(3)
    x = nnc.tensor(np.random.default_rng(5).normal(2, 3, size=(20, 3)).astype(np.float32))
    for _ in range(100):
        layer(x)
    together = layer(x).detach().numpy()[:1]
    layer.eval()
    np.testing.assert_allclose(layer(x[:1]).detach().numpy(), layer(x).detach().numpy()[:1])
    np.testing.assert_allclose(layer(x[:1]).detach().numpy(), together, atol=0.1)
    assert sum(p.numel() for p in nn.BatchNorm1d(64).parameters()) == 128


def test_layer_norm_treats_every_object_alone():
    x = np.random.default_rng(6).normal(size=(5, 8)).astype(np.float32)
    out = nn.LayerNorm(8)(nnc.tensor(x)).detach().numpy()
    expected = (x - x.mean(axis=1, keepdims=True)) / np.sqrt(x.var(axis=1, keepdims=True) + 1e-5)
    np.testing.assert_allclose(out, expected, rtol=1e-4, atol=1e-5)


def test_a_batch_of_one_is_an_error():
    with pytest.raises(ValueError, match="one"):
        nn.BatchNorm1d(3)(nnc.zeros(1, 3))
