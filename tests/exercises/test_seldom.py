"""Engines and shifts that are wrong on few graphs and logits only, and what they earn."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from nncourse.check.judge import judge
from nncourse.exercises.piece import find
from nncourse.exercises.ps04.values import (
    CountsAllUsers,
    CountsUsers,
    CountsUsersInTurn,
    LastMarkedFirst,
    MarkedWhenPushed,
    OneOfTwins,
    OneOfTwinsDivided,
    OneOfTwinsSubtracted,
    PowOfSize,
    Value,
)

SEEDS = range(5)


class Tape(Value):
    """A right engine that knows of all values ever made, and goes through them in any pass."""

    made: list[Any] = []

    def __init__(self, data: float, edges: tuple[tuple[Any, float], ...] = ()) -> None:
        super().__init__(data, edges)
        Tape.made.append(self)

    def backward(self) -> None:
        for node in self.made:
            if node.edges:
                node.grad = 0.0
        self.grad = 1.0
        for node in reversed(self.made):
            for edge, slope in node.edges:
                edge.grad += node.grad * slope


class ForgetsWhenUsed(Value):
    """The gradients of an operation's inputs are set to 0, those of leaves as well."""

    def __init__(self, data: float, edges: tuple[tuple[Any, float], ...] = ()) -> None:
        super().__init__(data, edges)
        for edge, _slope in edges:
            edge.grad = 0.0


class ForgetsAfterOperations(Value):
    """Leaves start from 0 in the first pass after an operation."""

    fresh = False

    def __init__(self, data: float, edges: tuple[tuple[Any, float], ...] = ()) -> None:
        super().__init__(data, edges)
        ForgetsAfterOperations.fresh = True

    def backward(self) -> None:
        if ForgetsAfterOperations.fresh:
            for node in self.order():
                node.grad = 0.0
        ForgetsAfterOperations.fresh = False
        super().backward()


class ZeroesWhatItMet(Value):
    """Values inside start from 0 in a pass from the output of the pass before, and in no other."""

    met: Any = None

    def backward(self) -> None:
        order = self.order()
        for node in order:
            if node.edges and vars(node).setdefault("met", self) is self:
                node.grad = 0.0
        self.grad = 1.0
        for node in reversed(order):
            for edge, slope in node.edges:
                edge.grad += node.grad * slope


class ZeroesInASecondPass(Value):
    """Values inside start from 0 where this output has passed its gradient back before."""

    passed = False

    def backward(self) -> None:
        if self.passed:
            for node in self.order():
                node.grad *= not node.edges
        self.passed = True
        self.grad = 1.0
        for node in reversed(self.order()):
            for edge, slope in node.edges:
                edge.grad += node.grad * slope


FORGETFUL = [CountsAllUsers, ForgetsAfterOperations, ForgetsWhenUsed]
INSIDE = [ZeroesInASecondPass, ZeroesWhatItMet]


def scores(piece: str, answer: Any, seeds: range = SEEDS) -> list[float]:
    return [judge(find(piece), [answer], seed=seed, mutants=False).score for seed in seeds]


ORDERS = [
    CountsUsers,
    CountsUsersInTurn,
    MarkedWhenPushed,
    LastMarkedFirst,
    OneOfTwins,
    OneOfTwinsDivided,
    OneOfTwinsSubtracted,
]


@pytest.mark.parametrize("engine", ORDERS)
def test_an_order_that_is_wrong_on_few_graphs_loses_the_shared_values(engine):
    assert max(scores("ps04.Value", engine)) <= 0.8


@pytest.mark.parametrize("engine", [CountsUsers, CountsUsersInTurn])
def test_users_counted_once_and_taken_off_twice_are_seen_in_all_shared_values(engine):
    assert max(scores("ps04.Value", engine, range(12))) < 0.75


@pytest.mark.parametrize("engine", [*FORGETFUL, *INSIDE])
def test_a_second_expression_is_built_of_the_first_one_when_that_was_passed_back(engine):
    assert max(scores("ps04.Value", engine)) <= 0.9


def test_a_power_of_a_negative_number_is_asked_for():
    assert max(scores("ps04.Value", PowOfSize)) < 0.85


# In place of __radd__ and the like, for a value and a number on the left of it.
WITHOUT_THE_NUMBER: dict[str, Callable[[Any, Any], Any]] = {
    "radd": lambda a, n: a,
    "rsub": lambda a, n: -a - n,
    "rmul": lambda a, n: a,
    "rtruediv": lambda a, n: a**-1,
}
EXCHANGED: dict[str, Callable[[Any, Any], Any]] = {
    "rsub": lambda a, n: a - n,
    "rtruediv": lambda a, n: a / n,
}
CUT_OFF: dict[str, Callable[[Any, Any], Any]] = {
    "radd": lambda a, n: type(a)(n + a.data),
    "rsub": lambda a, n: type(a)(n - a.data),
    "rmul": lambda a, n: type(a)(n * a.data),
    "rtruediv": lambda a, n: type(a)(n / a.data),
}
NUMBERS = [
    pytest.param(name, operation, due, id=f"{kind} {name}")
    for kind, operations, due in (
        ("without the number", WITHOUT_THE_NUMBER, 0.7),
        ("exchanged", EXCHANGED, 0.7),
        ("cut off", CUT_OFF, 0.75),
    )
    for name, operation in operations.items()
]


@pytest.mark.parametrize(("name", "operation", "due"), NUMBERS)
def test_what_is_wrong_with_a_number_on_the_left_is_seen_in_all_draws(name, operation, due):
    engine = type("Engine", (Value,), {f"__{name}__": operation})
    assert scores("ps04.Value", engine, range(8)) == pytest.approx([due] * 8)


def test_what_an_engine_keeps_of_other_graphs_is_its_affair():
    assert scores("ps04.Value", Tape) == [1.0] * len(SEEDS)


SHIFTS: dict[str, Callable[[Any], Any]] = {
    "first column": lambda z: z[:, :1],
    "last column": lambda z: z[:, -1:],
    "first two": lambda z: z[:, :2].max(axis=1, keepdims=True),
    "both ends": lambda z: z[:, [0, -1]].max(axis=1, keepdims=True),
    "median": lambda z: np.median(z, axis=1, keepdims=True),
    "mean": lambda z: z.mean(axis=1, keepdims=True),
    "mean of the top three": lambda z: np.sort(z)[:, -3:].mean(axis=1, keepdims=True),
}


@pytest.mark.parametrize("cut", [100, 700, None])
@pytest.mark.parametrize("shift", SHIFTS)
def test_no_cut_off_makes_up_for_a_wrong_shift(shift, cut):
    def softmax(logits):
        z = logits - SHIFTS[shift](logits)
        with np.errstate(all="ignore"):
            e = np.exp(z if cut is None else np.clip(z, -cut, cut))
            return np.nan_to_num(e / e.sum(axis=1, keepdims=True), nan=1.0)

    assert scores("ps02.softmax", softmax) == [0.7] * len(SEEDS)


PLUS, CUT = np.add, np.maximum
# Of the points, where log(p + 1e-7) is a mistake beside tiny probabilities only, and everywhere.
DUE = {
    "ps05.softmax_cross_entropy": (0.9, 0.6),
    "ps05.network_gradients": (0.95, 0.8),
    "ps02.loss_and_gradients": (0.95, 0.7),
}


def with_logarithm(piece: str, change: Callable[[Any, Any], Any], by: float, dtype: Any) -> Any:
    """The answer in this precision, with another number in the logarithm."""

    def loss_of(logits, y):
        z = logits - logits.max(axis=1, keepdims=True)
        p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
        rows = np.arange(len(y))
        d = p.copy()
        d[rows, y] -= 1
        return -np.log(change(p[rows, y], dtype(by))).mean(), d / dtype(len(y))

    def softmax_cross_entropy(logits, y):
        return loss_of(logits.astype(dtype), y)

    def network_gradients(params, x, y):
        W1, b1, W2, b2 = (params[name].astype(dtype) for name in ("W1", "b1", "W2", "b2"))
        x = x.astype(dtype)
        h = np.tanh(x @ W1.T + b1)
        loss, d = loss_of(h @ W2.T + b2, y)
        dz = d @ W2 * (1 - h**2)
        grads = {"W1": dz.T @ x, "b1": dz.sum(axis=0), "W2": d.T @ h, "b2": d.sum(axis=0)}
        return loss, grads

    def loss_and_gradients(W, b, x, y, lam):
        W, b, x, lam = W.astype(dtype), b.astype(dtype), x.astype(dtype), dtype(lam)
        loss, d = loss_of(x @ W.T + b, y)
        return loss + lam * (W**2).sum(), d.T @ x + 2 * lam * W, d.sum(axis=0)

    return locals()[piece.partition(".")[2]]


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("piece", DUE)
def test_a_small_number_in_the_logarithm_is_judged_alike_by_all_draws(piece, dtype):
    """And in either precision: 1e-7 is no mistake in usual draws, more is one."""
    fine, wrong = DUE[piece]
    for change, by, due in (
        (PLUS, 1e-7, fine),
        (CUT, 1e-7, fine),
        (PLUS, 1e-5, wrong),
        (CUT, 0.02, wrong),
        (CUT, 0.01, wrong),
        (CUT, 0.001, fine),
    ):
        found = scores(piece, with_logarithm(piece, change, by, dtype))
        assert found == pytest.approx([due] * len(SEEDS)), (change, by)
