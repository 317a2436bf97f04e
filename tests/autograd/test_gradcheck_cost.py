"""gradcheck and gradgradcheck evaluate the function no more often than a verdict needs."""

import numpy as np
import pytest

import nncourse as nnc
from nncourse.autograd import gradcheck
from nncourse.autograd.gradcheck import gradgradcheck
from nncourse.autograd.gradcheck_numeric import Slopes, central_slopes
from nncourse.autograd.gradcheck_opinion import RIDDERS, WORST, Allowed, Question, decide

SIZE = 100


def leaf(*shape):
    return nnc.tensor(np.random.default_rng(1).standard_normal(shape), requires_grad=True)


@pytest.fixture
def asked():
    """A question about a sum of sines, that counts evaluations; no complex numbers for it."""
    x = np.linspace(0.1, 1.2, SIZE)
    count = []

    def evaluate(xs):
        count.append(1)
        return np.array([np.sin(np.real(xs[0])).sum()])

    question = Question(evaluate, [x], 0, list(range(SIZE)), np.ones(1))
    return question, np.cos(x), count


def verdict(claimed, question, count, slopes=None):
    if slopes is None:
        slopes = central_slopes(*question, 1e-5, 1e-6)
    count.clear()
    return decide(claimed, slopes, question, Allowed(1e-6, 0.0))


def test_a_few_directions_show_that_a_gradient_is_wrong(asked):
    question, right, count = asked
    status, method, slopes = verdict(2 * right, question, count)
    assert (status, method) == ("wrong", RIDDERS)
    np.testing.assert_allclose(slopes.values, right, rtol=1e-8)
    assert len(count) <= 1 + WORST * 2 * 9  # the complex step fails at once


def test_an_error_that_a_few_directions_show_is_the_worst_one(asked):
    question, right, count = asked
    claimed = right.copy()
    claimed[70] += 1e-3
    assert verdict(claimed, question, count)[0] == "wrong"
    assert len(count) <= 1 + WORST * 2 * 9


def test_an_error_spread_over_all_directions_is_found_by_asking_them_all(asked):
    question, right, count = asked
    small = 3e-6 * np.linalg.norm(right) / np.sqrt(SIZE)
    assert verdict(right + small, question, count)[0] == "wrong"
    assert len(count) > SIZE * 2 * 9


@pytest.mark.parametrize("doubt", [1e-9, 1e-2])
def test_right_gradients_are_not_refuted_by_bad_differences(asked, doubt):
    """Neither by those that call themselves exact nor by those that call themselves noisy."""
    question, right, count = asked
    bad = right.copy()
    bad[3] += 0.5
    slopes = Slopes(bad, np.full(SIZE, doubt), np.zeros(SIZE, bool))
    assert verdict(right, question, count, slopes)[0] == "right"


def test_points_beyond_the_second_are_for_what_is_not_yet_known():
    """The bias has no second derivative at any of 20 points; the weight is not asked so often."""
    calls = {False: 0, True: 0}

    def linear(x, weight, *bias):
        calls[bool(bias)] += 1
        return nnc.nn.functional.linear(x, weight, *bias)

    x, weight, bias = leaf(3, 5), leaf(4, 5), leaf(4)
    assert gradgradcheck(linear, [x, weight])
    assert gradgradcheck(linear, [x, weight, bias])
    coordinates = 2 * bias.numel()
    assert calls[True] < calls[False] + 20 * 2 * coordinates


def test_a_known_input_is_not_asked_again_though_another_stays_unknown():
    x, unused = leaf(30), leaf(2)
    calls = []

    def squared(x, unused):
        calls.append(1)
        return (x * x).sum() + 0 * unused.sum()

    report = gradcheck(squared, [x, unused], raise_exception=False)
    assert [v.status for v in report.verdicts] == ["right", "zero"]
    # Six times a coordinate, for a bend is looked at twice; 20 points for the other input alone.
    assert len(calls) < 2 * (6 * 30) + 20 * (6 * 2 + 2)
