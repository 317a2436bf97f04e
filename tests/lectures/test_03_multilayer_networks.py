"""Lecture 03: its formulas hold, and so do the claims that its cells do not print."""

import itertools

import numpy as np
import pytest

from nncourse import nn
from nncourse.data.regions import And, polygon, region
from tests.lectures.form import check_form, functions

NAME = "03-multilayer-networks"


@pytest.mark.parametrize("language", ["ru", "en"])
def test_form_of_the_lecture(language):
    check_form(NAME, language)


def test_linear_layers_collapse_into_one():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(9, 3))
    W1, b1, W2, b2 = (rng.normal(size=s) for s in ((5, 3), (5,), (2, 5), (2,)))
    np.testing.assert_allclose((x @ W1.T + b1) @ W2.T + b2, x @ (W2 @ W1).T + (W2 @ b1 + b2))
    with_relu = np.maximum(x @ W1.T + b1, 0) @ W2.T + b2
    assert not np.allclose(with_relu, x @ (W2 @ W1).T + (W2 @ b1 + b2))


def test_loops_of_the_lecture_are_the_matrix_product():
    rng = np.random.default_rng(1)
    X, W = rng.normal(size=(4, 3)), rng.normal(size=(2, 3))
    np.testing.assert_allclose(functions(NAME)["loops"](X, W), X @ W.T)


@pytest.mark.parametrize("n", [1, 2, 5])
def test_and_and_or_by_their_thresholds(n):
    bits = np.array(list(itertools.product([0, 1], repeat=n)))
    np.testing.assert_array_equal(bits.sum(axis=1) - (n - 0.5) > 0, bits.all(axis=1))
    np.testing.assert_array_equal(bits.sum(axis=1) - 0.5 > 0, bits.any(axis=1))


def test_an_intersection_of_half_planes_is_convex():
    rng = np.random.default_rng(2)
    hexagon = region("hexagon")
    x = rng.uniform(-3, 3, size=(4000, 2))
    x = x[hexagon.contains(x)]
    pairs = rng.integers(len(x), size=(2, 3000))
    between = rng.random((3000, 1))
    assert hexagon.contains(between * x[pairs[0]] + (1 - between) * x[pairs[1]]).all()
    corner = region("corner")
    y = rng.uniform(-3, 3, size=(4000, 2))
    y = y[corner.contains(y)]
    pairs = rng.integers(len(y), size=(2, 3000))
    assert not corner.contains(between * y[pairs[0]] + (1 - between) * y[pairs[1]]).all()


def test_all_sides_joined_by_and_give_the_intersection_of_the_parts():
    """What the mistaken recipe builds for the corner: the square that both parts share."""
    x = np.random.default_rng(3).uniform(-3, 3, size=(5000, 2))
    found = And(tuple(region("corner").half_planes())).contains(x)
    shared = polygon((-2, -2), (0, -2), (0, 0), (-2, 0))
    np.testing.assert_array_equal(found, shared.contains(x))


def test_no_layer_of_steps_makes_a_chessboard():
    """The argument of the lecture: crossing x1 = 0 changes the score by the same amount."""
    rng = np.random.default_rng(4)
    for _ in range(200):
        others = rng.normal(size=(4, 3))  # lines that stay away from the point near zero
        others[:, 2] = np.sign(others[:, 2]) * (1 + abs(others[:, 2]))
        weights = rng.normal(size=6)

        def score(x, others=others, weights=weights):
            steps = [x[0] >= 0, x[1] >= 0, *(others[:, :2] @ x + others[:, 2] >= 0)]
            return weights @ np.array(steps, dtype=float)

        e = 1e-3
        above = score(np.array([e, e])) - score(np.array([-e, e]))
        below = score(np.array([e, -e])) - score(np.array([-e, -e]))
        assert above == pytest.approx(below)


def test_steep_units_with_one_bias_step_at_one_place():
    sigmoid = lambda z: 1 / (1 + np.exp(-np.clip(z, -500, 500)))  # noqa: E731
    x = np.linspace(0, 1, 401)
    rng = np.random.default_rng(5)
    common = sum(alpha * sigmoid(200 * x - 80) for alpha in rng.normal(size=10))
    away = abs(x - 0.4) > 0.05
    assert np.ptp(common[away & (x < 0.4)]) < 1e-3
    assert np.ptp(common[away & (x > 0.4)]) < 1e-3


def test_a_polynomial_activation_stays_a_polynomial():
    rng = np.random.default_rng(6)
    x = np.linspace(-1, 1, 50)
    for _ in range(5):
        w, b, v = rng.normal(size=(3, 40))
        out = ((np.outer(x, w) + b) ** 2) @ v
        np.testing.assert_allclose(np.polyval(np.polyfit(x, out, 2), x), out, atol=1e-9)


def test_pieces_of_wide_and_deep_networks():
    x = np.linspace(0, 1, 2**12 + 1)
    y = x
    for depth in range(1, 7):
        y = 2 * np.maximum(y, 0) - 4 * np.maximum(y - 0.5, 0)
        assert 1 + (abs(np.diff(y, 2)) > 1e-9).sum() == 2**depth
    rng = np.random.default_rng(7)
    for units in (1, 5, 20):
        w, b, v = rng.normal(size=(3, units))
        slopes = np.diff(np.maximum(np.outer(x, w) + b, 0) @ v)
        # A bend between two points shows in two second differences next to each other.
        bends = np.flatnonzero(abs(np.diff(slopes)) > 1e-12)
        assert (np.diff(bends) > 1).sum() + min(1, len(bends)) <= units


def test_number_of_parameters():
    model = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))
    assert sum(p.numel() for p in model.parameters()) == 65 * 32 + 33 * 10 == 2410
