"""Lecture 00: what it claims about fitting, amounts of data and checks holds."""

import itertools

import numpy as np
import pytest

from nncourse.check import check
from tests.lectures.form import check_form, functions

NAME = "00-start"


@pytest.mark.parametrize("language", ["ru", "en"])
def test_form_of_the_lecture(language):
    check_form(NAME, language)


def test_a_higher_degree_is_never_worse_on_the_training_points():
    rng = np.random.default_rng(0)
    x, y = rng.uniform(-1, 1, 20), rng.normal(size=20)
    errors = []
    for degree in range(13):
        fit = np.polynomial.Polynomial.fit(x, y, degree)
        errors.append(((fit(x) - y) ** 2).sum())
    assert all(later <= earlier + 1e-9 for earlier, later in itertools.pairwise(errors))


def test_new_points_prefer_the_middle_degree():
    """The claim of the figure, as a median over many draws of the points."""
    wins = 0
    for seed in range(15):
        rng = np.random.default_rng(seed)

        def draw(n, rng=rng):
            x = np.sort(rng.uniform(-1, 1, n))
            return x, np.sin(3 * x) + 0.3 * rng.normal(size=n)

        train, new = draw(20), draw(200)
        errors = {}
        for degree in (1, 3, 12):
            fit = np.polynomial.Polynomial.fit(*train, degree)
            errors[degree] = ((fit(new[0]) - new[1]) ** 2).mean()
        wins += min(errors, key=errors.get) == 3
    assert wins >= 13


def test_the_check_finds_the_planted_mistake():
    wrong = functions(NAME)["linear_backward"]
    report = str(check("ps05.linear_backward", wrong))
    assert "dW is divided by the batch size" in report

    def right(dout, x, W, b):
        return dout @ W, dout.T @ x, dout.sum(axis=0)

    assert "wrong" not in str(check("ps05.linear_backward", right))
