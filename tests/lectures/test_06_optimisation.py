"""Lecture 06: its formulas hold, and so do the claims that its cells do not print."""

import numpy as np
import pytest

import nncourse as nnc
from nncourse import nn, optim
from tests.lectures.form import check_form, functions

NAME = "06-optimisation"


@pytest.mark.parametrize("language", ["ru", "en"])
def test_form_of_the_lecture(language):
    check_form(NAME, language)


def test_the_stochastic_gradient_is_unbiased_and_its_noise_falls_with_the_root():
    rng = np.random.default_rng(0)
    each = rng.normal(size=(50, 3)) ** 3
    np.testing.assert_allclose(sum(g / 50 for g in each), each.mean(axis=0))
    noise = {}
    for batch in (1, 4, 16):
        found = each[rng.integers(50, size=(20000, batch))].mean(axis=1)
        np.testing.assert_allclose(found.mean(axis=0), each.mean(axis=0), atol=0.15)
        noise[batch] = found.std(axis=0)
    np.testing.assert_allclose(noise[1] / noise[4], 2, rtol=0.05)
    np.testing.assert_allclose(noise[4] / noise[16], 2, rtol=0.05)


def test_the_unrolled_q_is_the_recursion():
    rng = np.random.default_rng(1)
    c, lam = rng.random(30), 0.2
    q = first = 5.0
    for value in c:
        q = (1 - lam) * q + lam * value
    unrolled = lam * sum((1 - lam) ** k * c[-1 - k] for k in range(30)) + (1 - lam) ** 30 * first
    assert q == pytest.approx(unrolled)


def test_the_velocity_settles_at_the_step_over_one_minus_mu():
    for mu in (0.5, 0.9):
        v = 0.0
        for _ in range(500):
            v = mu * v - 0.01 * 3.0
        assert v == pytest.approx(-0.01 / (1 - mu) * 3.0)


def test_momentum_as_an_average_is_the_sum_with_a_smaller_step():
    g = np.random.default_rng(2).normal(size=40)
    total = average = 0.0
    for value in g:
        total = 0.9 * total - 0.1 * value
        average = 0.9 * average - (1 - 0.9) * 0.1 * value
    assert average == pytest.approx(0.1 * total)


def test_nesterov_at_the_point_ahead():
    """v = mu v - lr g(w + mu v), w = w + v, kept as w + mu v, is the library's NAG."""
    w, v, mu, lr = 2.0, 0.0, 0.8, 0.1
    p = nnc.tensor(np.array([2.0]), requires_grad=True)
    optimizer = optim.NAG([p], lr=lr, momentum=mu)
    for _ in range(20):
        v = mu * v - lr * np.sinh(w + mu * v)  # the gradient of cosh
        w = w + v
        optimizer.zero_grad()
        (0.5 * (p.exp() + (-p).exp())).sum().backward()
        optimizer.step()
        assert p.item() == pytest.approx(w + mu * v)


def test_adagrad_only_lowers_its_step_sizes():
    rng = np.random.default_rng(3)
    for scale in (1.0, 1e-3):
        s = np.cumsum((scale * rng.normal(size=200)) ** 2)
        assert (np.diff(1 / np.sqrt(s)) <= 0).all()


def test_adadelta_does_not_depend_on_the_unit_of_the_loss():
    paths = []
    for unit in (1.0, 100.0):
        p = nnc.tensor(np.array([1.0]), requires_grad=True)
        optimizer = optim.Adadelta([p], eps=1e-12)
        for _ in range(30):
            optimizer.zero_grad()
            (unit * p * p).sum().backward()
            optimizer.step()
        paths.append(p.item())
    assert paths[0] == pytest.approx(paths[1], rel=1e-6)


def test_the_bias_of_adam_s_averages():
    m = 0.0
    for t in range(1, 30):
        m = 0.9 * m + 0.1 * 2.0
        assert m / (1 - 0.9**t) == pytest.approx(2.0)


@pytest.mark.parametrize("gradient", [1e-3, 1.0, 1e4])
def test_the_first_step_of_adam_is_the_rate(gradient):
    p = nnc.tensor(np.array([0.0]), requires_grad=True)
    optimizer = optim.Adam([p], lr=0.1)
    (gradient * p).sum().backward()
    optimizer.step()
    assert p.item() == pytest.approx(-0.1, rel=1e-4)


def test_the_lecture_s_adam_is_the_library_s():
    mine = functions(NAME, nnc=nnc)["MyAdam"]
    results = []
    for make in (mine, optim.Adam):
        nnc.manual_seed(0)
        layer = nn.Linear(3, 2)
        optimizer = make(layer.parameters(), lr=0.05)
        x = nnc.tensor(np.linspace(-1, 1, 12, dtype=np.float32).reshape(4, 3))
        for _ in range(10):
            optimizer.zero_grad()
            (layer(x) ** 2).mean().backward()
            optimizer.step()
        results.append(layer.weight.detach().numpy())
    np.testing.assert_allclose(results[0], results[1], rtol=1e-4, atol=1e-6)


def test_nadam_is_adam_with_a_look_ahead():
    """Without the warm-up: the numerator b1 m'(next) + (1 - b1) g'."""
    p = nnc.tensor(np.array([1.0]), requires_grad=True)
    optimizer = optim.NAdam([p], lr=0.01, momentum_decay=0.0)
    w, m, v, mu, product = 1.0, 0.0, 0.0, 0.9 * 0.5, 1.0
    for t in range(1, 8):
        g = 2 * w
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g**2
        product *= mu
        ahead = mu * m / (1 - product * mu) + (1 - mu) * g / (1 - product)
        w -= 0.01 * ahead / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)
        optimizer.zero_grad()
        (p * p).sum().backward()
        optimizer.step()
        assert p.item() == pytest.approx(w)


def test_best_factors_for_a_condition_of_100():
    assert round(99 / 101, 3) == 0.980
    assert round(9 / 11, 3) == 0.818


def test_a_critical_point_of_many_dimensions_is_rarely_a_minimum():
    """All curvatures of a random symmetric matrix are positive ever more rarely."""
    rng = np.random.default_rng(4)
    shares = []
    for n in (1, 2, 4, 6):
        a = rng.normal(size=(3000, n, n))
        shares.append((np.linalg.eigvalsh(a + a.transpose(0, 2, 1)) > 0).all(axis=1).mean())
    assert shares == sorted(shares, reverse=True)
    assert shares[-1] < 0.01 < shares[0]
