"""Lecture 07: its formulas hold, and so do the claims that its cells do not print."""

import math

import numpy as np
import pytest

import nncourse as nnc
from nncourse import nn
from nncourse.nn import functional as F
from tests.lectures.form import check_form, functions

NAME = "07-activations-and-initialisation"


@pytest.mark.parametrize("language", ["ru", "en"])
def test_form_of_the_lecture(language):
    check_form(NAME, language)


def normal_distribution(z):
    return np.array([0.5 * (1 + math.erf(v / math.sqrt(2))) for v in z])


def test_the_table_of_values_and_derivatives():
    z = np.linspace(-5, 5, 101) + 0.013
    s = 1 / (1 + np.exp(-z))
    density = np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi)
    above, a = z > 0, 0.2
    table = {
        "sigmoid": (s, s * (1 - s)),
        "tanh": (2 / (1 + np.exp(-2 * z)) - 1, 1 - np.tanh(z) ** 2),
        "relu": (np.maximum(z, 0), above * 1.0),
        "leaky_relu": (np.where(above, z, a * z), np.where(above, 1, a)),
        "elu": (np.where(above, z, a * (np.exp(z) - 1)), np.where(above, 1, a * np.exp(z))),
        "gelu": (z * normal_distribution(z), normal_distribution(z) + z * density),
    }
    for name, (value, derivative) in table.items():
        more = {"leaky_relu": {"negative_slope": a}, "elu": {"alpha": a}}.get(name, {})
        x = nnc.tensor(z, requires_grad=True)
        y = getattr(F, name)(x, **more)
        y.sum().backward()
        np.testing.assert_allclose(y.detach().numpy(), value, atol=1e-12, err_msg=name)
        np.testing.assert_allclose(x.grad.numpy(), derivative, atol=1e-12, err_msg=name)


def test_the_slope_of_prelu_is_learned():
    z, a = np.array([[-2.0, 3.0]]), nnc.tensor([0.25], requires_grad=True)
    F.prelu(nnc.tensor(z.astype(np.float32)), a).sum().backward()
    assert a.grad.item() == pytest.approx(-2.0)  # the sum of z over z < 0


def test_outputs_that_are_not_negative_give_gradients_of_one_sign():
    """The zigzag: all weights of one unit move up, or all move down."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(1, 6))
    for f, same in ((F.sigmoid, True), (F.tanh, False)):
        hidden = f(nnc.tensor(x))
        w = nnc.tensor(rng.normal(size=(1, 6)), requires_grad=True)
        (2.5 * (hidden * w).sum()).backward()
        signs = set(np.sign(w.grad.numpy()).ravel())
        assert (len(signs) == 1) == same


def test_zeros_keep_all_units_alike_and_stop_the_gradient():
    hidden, out = nn.Linear(3, 5), nn.Linear(5, 2)
    for layer in (hidden, out):
        nn.init.zeros_(layer.weight)
        nn.init.zeros_(layer.bias)
    x = nnc.tensor(np.random.default_rng(1).normal(size=(8, 3)).astype(np.float32))
    y = nnc.tensor(np.arange(8) % 2)
    F.cross_entropy(out(F.tanh(hidden(x))), y).backward()
    assert (hidden.weight.grad.numpy() == 0).all()
    assert (out.weight.grad.numpy() == 0).all()
    # With equal values other than zero the gradients are equal, and stay so.
    nn.init.constant_(hidden.weight, 0.3)
    nn.init.constant_(out.weight, 0.2)
    F.cross_entropy(out(F.tanh(hidden(x))), y).backward()
    rows = hidden.weight.grad.numpy()
    np.testing.assert_allclose(rows, np.tile(rows[:1], (5, 1)), rtol=1e-5, atol=1e-8)


def test_the_variance_of_a_sum_of_products():
    rng = np.random.default_rng(2)
    n = 50
    w, x = 0.3 * rng.normal(size=(20000, n)), rng.uniform(-1, 1, size=(20000, n))
    assert (w * x).sum(axis=1).var() == pytest.approx(n * 0.09 * (1 / 3), rel=0.05)


def test_relu_halves_the_second_moment():
    z = np.random.default_rng(3).normal(size=200_000)
    assert (np.maximum(z, 0) ** 2).mean() == pytest.approx(0.5, rel=0.02)


def test_variances_of_xavier_and_he():
    nnc.manual_seed(0)
    weight = nnc.empty(300, 500)
    assert nn.init.xavier_normal_(weight).numpy().var() == pytest.approx(2 / 800, rel=0.02)
    he = nn.init.kaiming_normal_(weight, nonlinearity="relu")
    assert he.numpy().var() == pytest.approx(2 / 500, rel=0.02)


def test_orthogonal_weights_keep_every_length_both_ways():
    nnc.manual_seed(0)
    w = nn.init.orthogonal_(nnc.empty(40, 40)).numpy()
    x = np.random.default_rng(4).normal(size=(10, 40))
    for product in (x @ w.T, x @ w):
        np.testing.assert_allclose(
            np.linalg.norm(product, axis=1), np.linalg.norm(x, axis=1), rtol=1e-4
        )


def test_what_is_said_of_the_measured_deviations():
    taught = functions(NAME, nnc=nnc)
    he = lambda w: nn.init.kaiming_normal_(w, nonlinearity="relu")  # noqa: E731
    deviations = taught["deviations"]
    xavier_loss = np.array(deviations(F.relu, nn.init.xavier_normal_))
    per_layer = (xavier_loss[-1] / xavier_loss[0]) ** (1 / 29)
    assert per_layer == pytest.approx(2**-0.5, rel=0.03)
    kept = deviations(F.relu, he)
    assert 0.2 < kept[-1] / kept[0] < 5
    scaled = deviations(F.relu, lambda w: nn.init.orthogonal_(w, gain=2**0.5))
    assert 0.2 < scaled[-1] / scaled[0] < 5
    saturated = deviations(F.tanh, he)[-1]
    assert saturated > 3 * deviations(F.tanh, nn.init.xavier_normal_)[-1]
