"""The perceptron: its rule, the theorem about it, and what happens without a separating line."""

import itertools
import math

import numpy as np
import pytest

from nncourse.nn.perceptron import Perceptron, extend, novikoff_bound, widest_margin

SQUARE = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
AND, OR, XOR = (np.array(y) for y in ([-1, -1, -1, 1], [-1, 1, 1, 1], [-1, 1, 1, -1]))


def separable_data(seed, n=2, N=30, gap=0.1):
    rng = np.random.default_rng(seed)
    weight = rng.normal(size=n + 1)
    x = rng.uniform(-1, 1, size=(10 * N, n))
    score = extend(x) @ weight / np.linalg.norm(weight)
    keep = np.flatnonzero(np.abs(score) > gap)[:N]
    return x[keep], np.where(score[keep] > 0, 1, -1)


def with_weight(*weight):
    perceptron = Perceptron(len(weight) - 1)
    perceptron.weight = np.array(weight, dtype=float)
    return perceptron


def test_threshold_is_the_weight_of_minus_one():
    perceptron = with_weight(1.5, 1, 1)
    np.testing.assert_array_equal(extend(SQUARE)[:, 0], -1)
    np.testing.assert_array_equal(perceptron.score(SQUARE), [-1.5, -0.5, -0.5, 0.5])
    np.testing.assert_array_equal(perceptron(SQUARE), [0, 0, 0, 1])
    assert perceptron.margin(SQUARE, AND) == pytest.approx(0.5 / math.sqrt(2))
    assert perceptron.margin(SQUARE, OR) == pytest.approx(-0.5 / math.sqrt(2))


def test_a_point_on_the_line_gives_zero_and_is_corrected_for_either_class():
    for y in (-1, 1):
        perceptron = with_weight(1, 1, 0)
        assert perceptron([1, 5]) == 0
        assert perceptron.update([1, 5], y)
        np.testing.assert_array_equal(perceptron.weight, [1 - y, 1 + y, 5 * y])


def test_a_right_answer_changes_nothing():
    perceptron = with_weight(1.5, 1, 1)
    assert not perceptron.update([1, 1], 1)
    np.testing.assert_array_equal(perceptron.weight, [1.5, 1, 1])


def test_history_can_be_followed_by_hand():
    perceptron = Perceptron(2)
    history = perceptron.fit(SQUARE, AND)
    assert history.converged
    assert history.cycle == 0
    assert len(history) == len(history.weights) - 1
    w = np.zeros(3)
    for k, i in enumerate(history.examples):
        z = AND[i] * extend(SQUARE[i])
        assert z @ w <= 0
        w = w + z
        np.testing.assert_array_equal(history.weights[k + 1], w)
    np.testing.assert_array_equal(perceptron.weight, w)
    np.testing.assert_array_equal(perceptron(SQUARE), [0, 0, 0, 1])


@pytest.mark.parametrize("n", [1, 2, 3, 7])
@pytest.mark.parametrize("seed", range(10))
def test_corrections_stay_below_novikoffs_bound(seed, n):
    x, y = separable_data(seed, n)
    perceptron = Perceptron(n)
    history = perceptron.fit(x, y, max_updates=10**6)
    assert history.converged
    assert perceptron.margin(x, y) > 0
    assert len(history) <= novikoff_bound(x, y) < 10**4


@pytest.mark.parametrize("seed", range(10))
def test_no_other_weight_has_a_wider_margin(seed):
    x, y = separable_data(seed, gap=0.02)
    z = y[:, None] * extend(x)
    weight, gamma = widest_margin(x, y)
    assert np.linalg.norm(weight) == pytest.approx(1)
    assert (z @ weight).min() == pytest.approx(gamma)
    rng = np.random.default_rng(seed)
    for size in (1.0, 0.1, 0.01, 0.001):
        others = weight + size * rng.normal(size=(2000, 3))
        others /= np.linalg.norm(others, axis=1, keepdims=True)
        assert (others @ z.T).min(axis=1).max() <= gamma + 1e-9


def test_margins_known_in_closed_form():
    # Two points on a line, at -a and a: w = (0, 1), margin a.
    weight, gamma = widest_margin([[-0.5], [0.5]], [-1, 1])
    np.testing.assert_allclose(weight, [0, 1], atol=1e-12)
    assert gamma == pytest.approx(0.5)
    # AND: w is along (3, 2, 2), by hand from the three equal sums.
    weight, gamma = widest_margin(SQUARE, AND)
    np.testing.assert_allclose(weight, np.array([3, 2, 2]) / math.sqrt(17), atol=1e-12)
    assert gamma == pytest.approx(1 / math.sqrt(17))
    assert novikoff_bound(SQUARE, AND) == pytest.approx(51)


def test_xor_has_no_margin_and_goes_round():
    weight, gamma = widest_margin(SQUARE, XOR)
    assert gamma == 0
    assert not weight.any()
    assert novikoff_bound(SQUARE, XOR) == math.inf
    history = Perceptron(2).fit(SQUARE, XOR, max_updates=10**5)
    assert not history.converged
    assert history.cycle > 0
    np.testing.assert_array_equal(history.weights[-1], history.weights[-1 - history.cycle])


@pytest.mark.parametrize(("n", "count"), [(1, 4), (2, 14), (3, 104)])
def test_number_of_separable_boolean_functions_found_in_two_ways(n, count):
    x = np.array(list(itertools.product([0, 1], repeat=n)))
    tables = [np.array(y) for y in itertools.product([-1, 1], repeat=2**n)]
    by_margin = [widest_margin(x, y)[1] > 0 for y in tables]
    histories = [Perceptron(n).fit(x, y, max_updates=10**4) for y in tables]
    assert all(history.converged or history.cycle for history in histories)
    assert [history.converged for history in histories] == by_margin
    assert sum(by_margin) == count


def test_stops_when_told():
    history = Perceptron(2).fit(SQUARE, XOR, max_updates=3)
    assert len(history) == 3
    assert not history.converged
    assert history.cycle == 0


def test_wrong_arguments_say_what_to_do():
    with pytest.raises(ValueError, match=r"2 \* y - 1"):
        Perceptron(2).fit(SQUARE, [0, 0, 0, 1])
    with pytest.raises(ValueError, match="-1 and \\+1"):
        Perceptron(2).fit(SQUARE, [0, 1, 2, 3])
    with pytest.raises(ValueError, match=r"\(4, 2\) and \(3,\)"):
        novikoff_bound(SQUARE, [1, 1, 1])
    with pytest.raises(ValueError, match="2 features, the perceptron 3"):
        Perceptron(3)(SQUARE)
    with pytest.raises(ValueError, match="at least 1"):
        Perceptron(0)
    assert math.isnan(Perceptron(2).margin(SQUARE, AND))
