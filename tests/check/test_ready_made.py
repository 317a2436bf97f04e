"""An answer that merely calls the library is told so and earns nothing; what it may use is free."""

from __future__ import annotations

import sys

import numpy as np
import pytest

import nncourse as nnc
from nncourse.check import check
from nncourse.exercises.ps05 import PIECES

NAME = "ps05.relu_backward"


def relu_backward(dout, z):
    return dout * (z > 0)


def by_autograd(dout, z):
    x = nnc.tensor(z, requires_grad=True)
    nnc.nn.functional.relu(x).backward(nnc.tensor(dout))
    return np.asarray(x.grad)


def by_reference(dout, z):
    return PIECES["relu_backward"].reference(dout, z)


@pytest.mark.parametrize("answer", [by_autograd, by_reference, PIECES["relu_backward"].reference])
def test_the_librarys_own_implementation_is_no_answer(answer):
    report = check(NAME, answer)
    assert report.problem.code == "ready-made"
    assert not report.passed
    assert report.points(10) == 0.0
    assert "ready-made" in str(report)


def test_other_frameworks_are_ready_made_too():
    torch = pytest.importorskip("torch", reason="PyTorch is needed to call it")

    def answer(dout, z):
        return torch.threshold_backward(torch.tensor(dout), torch.tensor(z), 0).numpy()

    assert check(NAME, answer).problem.code == "ready-made"


def test_data_and_helpers_of_ones_own_are_free():
    def helper(z):
        return z > 0

    def answer(dout, z):
        nnc.data.digits()
        return dout * helper(z)

    assert check(NAME, relu_backward).passed
    assert check(NAME, answer).passed


def test_a_profiler_that_was_there_before_is_there_again():
    def profiler(*event):
        pass

    sys.setprofile(profiler)
    try:
        check(NAME, relu_backward)
        assert sys.getprofile() is profiler
    finally:
        sys.setprofile(None)
