"""Profiles: calls, time and memory by operation, and nothing left behind."""

import threading
import time

import numpy as np
import pytest

import nncourse as nnc
from nncourse import language, nn
from nncourse.autograd.function import Function, unary
from nncourse.inspection import profile


@pytest.fixture(autouse=True)
def _english():
    with language.using("en"):
        yield


class Slow(Function):
    """The identity, in its own time."""

    __slots__ = ()

    def forward(self, x):
        time.sleep(0.004)
        return x.copy()

    def backward(self, dout):
        time.sleep(0.008)
        return (dout,)


def test_calls_times_and_bytes():
    model = nn.Sequential(nn.Linear(10, 20), nn.Tanh(), nn.Linear(20, 5))
    x = nnc.zeros(7, 10)
    with profile() as p:
        for _ in range(3):
            unary(Slow, model(x), *[]).sum().backward()
    lines = {line.name: line for line in p.lines}
    assert lines["Linear"].calls == lines["Linear"].backward_calls == 6
    assert lines["Slow"].calls == 3
    assert p.lines[0].name == "Slow"
    assert 0.012 <= lines["Slow"].forward < 5
    assert 0.024 <= lines["Slow"].backward < 5
    # Per pass: the output of tanh, kept by it first; x and the weights only once in all.
    assert lines["Tanh"].kept == 3 * 4 * 7 * 20
    weights = 4 * (10 * 20 + 20 * 5)
    assert lines["Linear"].kept == 4 * 7 * 10 + weights
    assert p.seconds >= sum(line.seconds for line in p.lines)
    text = repr(p)
    assert text.splitlines()[0].split()[:2] == ["operation", "calls"]
    assert text.splitlines()[2].split()[:2] == ["Slow", "3"]
    assert "operations: " in text


def test_time_inside_operations_is_counted_once():
    class Outer(Function):
        __slots__ = ()

        def forward(self, x):
            return Slow().forward(x)

        def backward(self, dout):
            return (dout,)

    with profile() as p:
        unary(Outer, nnc.ones(3))
    lines = {line.name: line for line in p.lines}
    assert lines["Slow"].forward >= 0.004
    assert lines["Outer"].forward < lines["Slow"].forward


def test_nothing_is_left_behind():
    kinds = [nnc.ops.linalg.Linear, nnc.ops.elementwise.Tanh, Slow]
    before = [(kind.forward, kind.backward) for kind in kinds]
    with profile():
        assert all(kind.forward is not f for kind, (f, _) in zip(kinds, before))
    assert [(kind.forward, kind.backward) for kind in kinds] == before
    with pytest.raises(ZeroDivisionError), profile():
        1 / 0  # noqa: B018
    assert [(kind.forward, kind.backward) for kind in kinds] == before


def test_other_threads_and_results_are_left_alone():
    x = nnc.ones(4, requires_grad=True)
    with profile() as p:
        thread = threading.Thread(target=lambda: x.tanh())
        thread.start()
        thread.join()
        y = (x * x).sum()
        y.backward()
    assert {line.name for line in p.lines} == {"Multiply", "Sum"}
    assert np.array_equal(x.grad, [2, 2, 2, 2])


def test_an_empty_profile():
    with profile() as p:
        pass
    assert p.lines == []
    assert "operations: 0.0 of" in repr(p)
