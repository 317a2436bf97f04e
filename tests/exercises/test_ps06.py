"""What is said of answers to exercise 6."""

import itertools

import numpy as np
import pytest

from nncourse.check.judge import judge
from nncourse.exercises.ps06 import PIECES


def test_of_plain_momentum_both_causes_are_named():
    piece = PIECES["Nesterov"]
    report = judge(piece, [PIECES["Momentum"].reference], seed=3)
    (diagnosis,) = report.diagnoses
    assert diagnosis.mutant == "old velocity overwritten"
    assert "Is the look ahead missing" in str(diagnosis.finding)


@pytest.mark.parametrize("name", ["Momentum", "Nesterov", "Adam"])
def test_a_memory_that_rests_without_a_gradient_is_right_for_no_parameter(name):
    """Also where what rests is the rest of the step."""
    reference = PIECES[name].reference

    class Rests(reference):
        def step(self, grads):
            super().step(list(itertools.takewhile(np.any, grads)))

    for seed in range(5):
        assert judge(PIECES[name], [Rests], seed=seed, mutants=False).score == 0
