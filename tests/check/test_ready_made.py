"""An answer that merely calls the library is told so and earns nothing; what it may use is free."""

from __future__ import annotations

import sys

import numpy as np
import pytest

import nncourse as nnc
from nncourse.check import check, ready_made
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


def slopes(f, w, h):
    from nncourse.plots.differences import central_difference

    slope = np.zeros(w.shape)
    for i in np.ndindex(w.shape):
        e = np.zeros(w.shape)
        e[i] = 1
        slope[i] = central_difference(lambda t, e=e: f(w + t * e), 0.0, h)
    return slope


def half_plane(p, q):
    left = p[0] - (q[1] - p[1]), p[1] + q[0] - p[0]
    corners = [tuple(int(16 * v) for v in corner) for corner in (p, q, left)]
    side = nnc.data.polygon(*corners).half_planes()[0]
    return np.array([side.a1, side.a2]), side.b / 16


@pytest.mark.parametrize(
    ("name", "answer"), [("ps02.numerical_gradient", slopes), ("ps03.half_plane", half_plane)]
)
def test_nor_is_what_pictures_and_data_need_themselves(name, answer):
    assert check(name, answer).problem.code == "ready-made"


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


def test_calls_are_looked_at_only_where_the_answer_runs(monkeypatch):
    seen = []

    def elsewhere(dout, z):
        seen.append(sys.getprofile())
        return dout * (z > 0)

    assert check(NAME, elsewhere).passed
    assert seen[0] is not None
    seen.clear()
    monkeypatch.setattr(ready_made, "HERE", lambda answer: answer is not elsewhere)
    assert check(NAME, elsewhere).passed
    assert set(seen) == {None}
