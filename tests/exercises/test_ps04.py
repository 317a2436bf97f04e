"""What is said of answers to exercise 4."""

import math

import numpy as np
import pytest

from nncourse.check.judge import judge
from nncourse.exercises.ps04 import PIECES
from nncourse.exercises.ps04.slopes import RULES
from nncourse.exercises.ps04.values import Value

order = PIECES["topological_order"]
apply = PIECES["apply"]


@pytest.mark.parametrize("kind", [set, frozenset])
def test_a_set_is_no_order(kind):
    report = judge(order, [lambda graph, out: kind(order.reference(graph, out))], seed=1)
    assert report.score == 0
    assert "A set has no order; a list of nodes is expected." in str(report)


WRONG_FOR_SOME_SIGNS = {
    "pow: odd slope": ("pow", lambda a, n: (a**n, (n * abs(a) ** (n - 1),))),
    "pow: even value": ("pow", lambda a, n: (abs(a) ** n, (n * a ** (n - 1),))),
    "pow: n > 0": ("pow", lambda a, n: (a**n, (n * a ** abs(n - 1),))),
    "max: a > 0": ("max", lambda a, b: (max(a, b), (float(a > max(b, 0)), float(not a > b > 0)))),
    "max: by size": ("max", lambda a, b: (max(a, b), (float(a * a > b * b), float(b * b > a * a)))),
    "max: by sign": ("max", lambda a, b: (a if a > 0 else b, (float(a > 0), float(a <= 0)))),
    "sub: b > 0": ("sub", lambda a, b: (a - b, (1.0, -np.sign(b)))),
    "sub: a > b": ("sub", lambda a, b: (abs(a - b), (1.0, -1.0))),
    "mul: a b > 0": ("mul", lambda a, b: (a * b, (b, a * np.sign(a * b)))),
    "div: a > 0": ("div", lambda a, b: (a / b, (1 / b, -abs(a) / b**2))),
    "div: b > 0": ("div", lambda a, b: (a / b, (1 / abs(b), -a / b**2))),
    "div: a b > 0": ("div", lambda a, b: (a / b, (1 / b, -a / b**2 * np.sign(a * b)))),
    "exp: a > 0": ("exp", lambda a: (np.exp(a), (np.exp(abs(a)),))),
    "log: a > 1": ("log", lambda a: (abs(np.log(a)), (1 / a,))),
    "log: a < 1": ("log", lambda a: (np.log(a), (max(1.0, 1 / a),))),
    "tanh: a > 0": ("tanh", lambda a: (np.tanh(a), (1 - np.tanh(a) * abs(np.tanh(a)),))),
    "relu: a > 1": ("relu", lambda a: (max(a, 0.0), (float(a > 1),))),
}


@pytest.mark.parametrize(("name", "rule"), WRONG_FOR_SOME_SIGNS.values(), ids=WRONG_FOR_SOME_SIGNS)
def test_no_slope_that_is_wrong_for_some_signs_is_right_by_luck(name, rule):
    def answer(which, *x):
        return rule(*x) if which == name else apply.reference(which, *x)

    scores = {judge(apply, [answer], seed=seed, mutants=False).score for seed in range(100)}
    assert max(scores) == pytest.approx(0.9)


def power_by_logarithm(a, n):
    return math.exp(n * math.log(a)), (n * a ** (n - 1),)


AMISS = {
    "an unknown name": ("tanh", {}.__getitem__, "KeyError"),
    "a number that it does not take": ("pow", power_by_logarithm, "math domain error"),
    "no comma": ("exp", lambda a: (math.exp(a), (math.exp(a))), "exp: a pair (value, slopes)"),
}


@pytest.mark.parametrize(("name", "rule", "said"), AMISS.values(), ids=AMISS)
def test_what_an_operation_raises_or_lacks_costs_its_own_points_alone(name, rule, said):
    report = judge(apply, [lambda which, *x: (rule if which == name else RULES[which])(*x)], seed=3)
    assert report.score == pytest.approx(0.9)
    assert said in str(report)


def test_what_every_operation_raises_is_told_with_its_line():
    def answer(name, *x):
        raise ValueError("nowhere")

    def one_alone(name, *x):
        if name == "pow":
            raise ValueError("nowhere")
        raise NotImplementedError(name)

    for answered in (answer, one_alone):
        report = judge(apply, [answered], seed=3)
        assert report.score == 0
        assert 'raise ValueError("nowhere")' in str(report)


class LimitedEngine(Value):
    """Right, as long as there are not too many values."""

    def order(self):
        order = super().order()
        if len(order) > 1000:
            raise ValueError("too many values")
        return order


def limited_order(graph, out):
    if len(graph) > 1000:
        raise ValueError("too many nodes")
    return order.reference(graph, out)


@pytest.mark.parametrize(
    ("piece", "answer"), [(order, limited_order), (PIECES["Value"], LimitedEngine)]
)
def test_only_what_ends_at_the_recursion_limit_is_told_of_it(piece, answer):
    limited, recursive = (
        str(judge(piece, [one], seed=3))
        for one in (answer, next(m.function for m in piece.mutants if m.name == "recursion"))
    )
    assert "recursion limit" in recursive
    assert "recursion limit" not in limited
    assert "ValueError: too many" in limited


def step_with(move, last=None):
    """A step that finds the right gradients and then moves in this way."""

    def answer(parameters, loss, lr):
        for p in parameters:
            p.grad = 0.0
        loss().backward()
        move(parameters, lr)
        for p in parameters if last is not None else ():
            p.grad = last

    return answer


def a_new_name(parameters, lr):
    for p in parameters:
        p -= lr * p.grad


def of_numbers(parameters, lr):
    for p in parameters:
        d = p.data
        d -= lr * p.grad


def a_new_list(parameters, lr):
    parameters[:] = [p - lr * p.grad for p in parameters]


@pytest.mark.parametrize("move", [a_new_name, of_numbers, a_new_list])
def test_a_step_that_moves_nothing_is_told_why(move):
    report = judge(PIECES["train_step"], [step_with(move)], seed=3)
    assert report.score == 0
    assert "no parameter's data is changed" in str(report)
    assert "set to 0" not in str(report)


@pytest.mark.parametrize("move", [a_new_name, of_numbers])
def test_where_the_gradients_are_gone_two_causes_are_named(move):
    report = judge(PIECES["train_step"], [step_with(move, last=0.0)], seed=3)
    assert "or does the step change no parameter's data?" in str(report)
