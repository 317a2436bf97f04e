"""Lecture 02: its formulas hold, and so do the claims that its cells do not print."""

import numpy as np
import pytest

import nncourse as nnc
from nncourse import nn
from nncourse.nn import functional as F
from tests.lectures.form import check_form, functions

NAME = "02-linear-models"


@pytest.fixture(scope="module")
def taught():
    return functions(NAME)


@pytest.mark.parametrize("language", ["ru", "en"])
def test_form_of_the_lecture(language):
    check_form(NAME, language)


def test_mean_and_median_minimise():
    rng = np.random.default_rng(0)
    for n in (4, 5, 11):
        y = rng.exponential(size=n)
        others = np.linspace(y.min(), y.max(), 2001)[:, None]
        assert ((y.mean() - y) ** 2).mean() <= ((others - y) ** 2).mean(axis=1).min() + 1e-12
        assert abs(np.median(y) - y).mean() <= abs(others - y).mean(axis=1).min() + 1e-12
    y[y.argmax()] += 100  # an outlier moves one of them
    assert np.median(y) < 5 < y.mean()


def test_gradient_of_the_mean_square_and_its_largest_step():
    rng = np.random.default_rng(1)
    X, y, w = rng.normal(size=(30, 3)), rng.normal(size=30), rng.normal(size=3)
    weight = nnc.tensor(w, requires_grad=True)
    ((nnc.tensor(X) @ weight - nnc.tensor(y)) ** 2).mean().backward()
    np.testing.assert_allclose(weight.grad.numpy(), 2 / 30 * X.T @ (X @ w - y), rtol=1e-9)
    curvature, axes = np.linalg.eigh(2 / 30 * X.T @ X)
    best = np.linalg.lstsq(X, y, rcond=None)[0]
    for share in (0.3, 0.9, 1.1):
        rate = share * 2 / curvature.max()
        after = w - rate * 2 / 30 * X.T @ (X @ w - y)
        # Along each axis of the bowl the distance is multiplied by 1 - rate * curvature.
        np.testing.assert_allclose(
            (after - best) @ axes, (1 - rate * curvature) * ((w - best) @ axes)
        )
        assert (abs(1 - rate * curvature) < 1).all() == (share < 1)


def test_binary_cross_entropy_and_its_gradient():
    rng = np.random.default_rng(2)
    x, w, y = rng.normal(size=(20, 4)), rng.normal(size=4), rng.integers(0, 2, 20)
    weight = nnc.tensor(w, requires_grad=True)
    loss = F.binary_cross_entropy_with_logits(nnc.tensor(x) @ weight, nnc.tensor(y * 1.0))
    loss.backward()
    p = 1 / (1 + np.exp(-x @ w))
    assert loss.item() == pytest.approx(-(y * np.log(p) + (1 - y) * np.log(1 - p)).mean())
    np.testing.assert_allclose(weight.grad.numpy(), ((p - y)[:, None] * x).mean(axis=0), rtol=1e-9)


def test_squares_of_a_sigmoid_are_not_convex_and_cross_entropy_is():
    h = np.linspace(-8, 8, 1601)
    p = 1 / (1 + np.exp(-h))
    assert np.diff((p - 1) ** 2, 2).min() < -1e-6
    assert np.diff(-np.log(p), 2).min() > 0
    slope = 2 * (p - 1) * p * (1 - p)
    assert abs(slope[0]) < 1e-3 < 0.99 < abs(p - 1)[0]


def test_softmax_of_the_lecture_is_that_of_the_library(taught):
    rng = np.random.default_rng(3)
    z = 5 * rng.normal(size=(40, 6))
    p = taught["softmax"](z)
    np.testing.assert_allclose(p, F.softmax(nnc.tensor(z), dim=1).numpy(), rtol=1e-9)
    np.testing.assert_allclose(taught["softmax"](z - 777.0), p, rtol=1e-9)
    assert np.isfinite(taught["softmax"](np.array([1000.0, -1000.0]))).all()
    two = taught["softmax"](z[:, :2])[:, 0]
    np.testing.assert_allclose(two, 1 / (1 + np.exp(-(z[:, 0] - z[:, 1]))), rtol=1e-9)


@pytest.mark.parametrize("penalty", [0.0, 0.1])
def test_loss_and_gradients_of_the_lecture(taught, penalty):
    rng = np.random.default_rng(4)
    x, W, b = rng.normal(size=(12, 5)), rng.normal(size=(3, 5)), rng.normal(size=3)
    y = rng.integers(0, 3, 12)
    loss, dW, db = taught["loss_and_gradients"](W, b, x, y, penalty)
    weight, bias = nnc.tensor(W, requires_grad=True), nnc.tensor(b, requires_grad=True)
    expected = F.cross_entropy(nnc.tensor(x) @ weight.T + bias, nnc.tensor(y))
    expected = expected + penalty * (weight**2).sum()
    expected.backward()
    assert loss == pytest.approx(expected.item())
    np.testing.assert_allclose(dW, weight.grad.numpy(), rtol=1e-9)
    np.testing.assert_allclose(db, bias.grad.numpy(), rtol=1e-9, atol=1e-15)
    numeric = taught["numerical"](lambda w: taught["loss_and_gradients"](w, b, x, y, penalty)[0], W)
    np.testing.assert_allclose(dW, numeric, rtol=1e-6, atol=1e-8)


def test_cross_entropy_is_minus_the_logarithm_of_the_likelihood(taught):
    rng = np.random.default_rng(5)
    z, y = rng.normal(size=(7, 4)), rng.integers(0, 4, 7)
    likelihood = np.prod(taught["softmax"](z)[np.arange(7), y])
    loss = F.cross_entropy(nnc.tensor(z), nnc.tensor(y)).item()
    assert loss == pytest.approx(-np.log(likelihood) / 7)
    zeros = F.cross_entropy(nnc.tensor(0 * z), nnc.tensor(y)).item()
    assert zeros == pytest.approx(np.log(4))


def test_the_noted_formula_does_not_depend_on_lambda(taught):
    """The mistake: lambda + R has the same gradient for every lambda; lambda R has not."""
    W = np.random.default_rng(6).normal(size=(2, 3))
    numerical = taught["numerical"]
    wrong = [numerical(lambda w, lam=lam: lam + (w**2).sum(), W) for lam in (0.01, 1.0)]
    right = [numerical(lambda w, lam=lam: lam * (w**2).sum(), W) for lam in (0.01, 1.0)]
    np.testing.assert_allclose(wrong[0], wrong[1], rtol=1e-6)
    np.testing.assert_allclose(right[1], 2 * W, rtol=1e-6)
    np.testing.assert_allclose(right[0], 0.02 * W, rtol=1e-6)


def test_weights_are_stored_as_outputs_by_inputs():
    assert nn.Linear(64, 10).weight.shape == (10, 64)
