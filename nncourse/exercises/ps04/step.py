"""train_step: gradients set to zero, backward pass, a step down: in this order, for all parameters.

The parameters are Values of the check's own, so this piece does not depend on the student's engine.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np

from nncourse.diagnosis import Finding
from nncourse.diagnosis.measure import Array
from nncourse.exercises.piece import (
    PLAIN,
    Equivalent,
    Mutant,
    Output,
    Part,
    Piece,
    Point,
    Unfit,
    differing,
    normal,
)
from nncourse.exercises.ps04.values import Value
from nncourse.language import mark

STEPS = 5

STEEP = 8
"""Some gradient is at least so large: one that is cut off shows."""

FIVE = "five"


def draw(rng: np.random.Generator, case: str) -> Point:
    """Start (3,) or (5,), target and curvatures of a bowl (3,) or (5,) and the learning rate."""
    n = 5 if case == FIVE else 3
    while True:
        start, target = 4 * normal(rng, n), normal(rng, n)
        lr = float(rng.choice((0.125, 0.0625, 0.1875)))
        curvatures = rng.integers(8, 21, n) / 16
        steps = np.diff(drive(reference, start, target, lr, curvatures), axis=0)
        if np.max(np.abs(steps)) > STEEP * lr:
            return Point((start, target, lr, curvatures), {}, 1.0, case)


def drive(
    answer: Callable[..., Any], start: Array, target: Array, lr: float, curvatures: Array
) -> Array:
    """The parameters after each step, (STEPS + 1, 3) or (STEPS + 1, 5).

    Raises Unfit for a step that computes the loss more often than there are parameters, or, without
    going back, elsewhere than before the step and after it, or never goes back; and for one that
    finds the gradients and moves nothing.
    """
    parameters = [Value(v) for v in start]
    inside: list[Any] = []  # a value of each graph
    places: set[tuple[float, ...]] = set()  # where the loss was computed

    def loss() -> Any:
        places.add(tuple(float(p.data) for p in parameters))
        a, b, c, *more = (p - float(t) for p, t in zip(parameters, target))
        inside.append(a**2)
        u, v, w, *rest = map(float, curvatures)
        total = inside[-1] * u + b**2 * (v * 0.5) + (c + a * 0.5) ** 2 * w
        for curvature, (one, other) in zip(rest, pairwise((c, *more))):
            total = total + (one * 0.5 - other) ** 2 * curvature
        return total

    path = [[p.data for p in parameters]]
    for _step in range(STEPS):
        inside.clear()
        places.clear()
        answer(list(parameters), loss, lr)
        elsewhere = len(places) > 2 and not all(value.grad for value in inside)
        if (count := len(inside)) > len(parameters) or elsewhere:
            text = mark(
                "loss() was called {count} times in one step: one derivative after the other, by "
                "differences? A single backward() gives all of them."
            )
            raise Unfit(Finding("differences", text, {"count": count}))
        if not any(value.grad for value in inside):
            text = mark("backward() was not called on loss(): it finds the gradients.")
            raise Unfit(Finding("no backward", text))
        path.append([p.data for p in parameters])
        if path[-1] == path[-2] and any(p.grad for p in parameters):
            text = mark(
                "Nothing moves: the gradients are there, but no parameter's data is changed. "
                "p = p - ... gives another value the name p, and d = p.data; d -= ... changes d "
                "alone."
            )
            raise Unfit(Finding("nothing moves", text))
    return np.array(path)


def reference(parameters: list[Any], loss: Callable[[], Any], lr: float) -> None:
    """One step of gradient descent."""
    for p in parameters:
        p.grad = 0.0
    loss().backward()
    for p in parameters:
        p.data -= lr * p.grad


def _no_zero(parameters: list[Any], loss: Callable[[], Any], lr: float) -> None:
    loss().backward()
    for p in parameters:
        p.data -= lr * p.grad


def _up(parameters: list[Any], loss: Callable[[], Any], lr: float) -> None:
    for p in parameters:
        p.grad = 0.0
    loss().backward()
    for p in parameters:
        p.data += lr * p.grad


def _zero_after_backward(parameters: list[Any], loss: Callable[[], Any], lr: float) -> None:
    loss().backward()
    for p in parameters:
        p.grad = 0.0
    for p in parameters:
        p.data -= lr * p.grad


def _no_rate(parameters: list[Any], loss: Callable[[], Any], lr: float) -> None:
    reference(parameters, loss, 1.0)


def _first_only(parameters: list[Any], loss: Callable[[], Any], lr: float) -> None:
    for p in parameters:
        p.grad = 0.0
    loss().backward()
    for p in parameters[:1]:
        p.data -= lr * p.grad


def _one_by_one(parameters: list[Any], loss: Callable[[], Any], lr: float) -> None:
    for p in parameters:
        for q in parameters:
            q.grad = 0.0
        loss().backward()
        p.data -= lr * p.grad


def _old_graph() -> Callable[..., None]:
    def function(parameters: list[Any], loss: Callable[[], Any], lr: float) -> None:
        for p in parameters:
            p.grad = 0.0
        loss().backward()
        for p in parameters:
            p.data = -lr * p.grad

    return function


MUTANTS = (
    Mutant(
        "gradients not set to zero",
        _no_zero,
        mark(
            "The first step is right, the later ones are too long: backward() adds to the "
            "gradients of the steps before. Set them to 0 first."
        ),
        "state",
        "M12",
    ),
    Mutant(
        "uphill",
        _up,
        mark("The step goes along the gradient, uphill. The loss falls against it."),
        "sign",
        "M04",
    ),
    Mutant(
        "zero after backward",
        _zero_after_backward,
        mark(
            "Nothing moves, and all gradients are 0 afterwards: are they set to 0 between "
            "backward() and the step, or does the step change no parameter's data?"
        ),
        "order",
    ),
    Mutant(
        "no learning rate",
        _no_rate,
        mark("The step is the whole gradient: the learning rate lr is missing."),
        "factor missing",
    ),
    Mutant(
        "first parameter only",
        _first_only,
        mark("Only the first parameter moves: a return or break inside the loop?"),
        "loop",
        "X04",
    ),
    Mutant(
        "each parameter at once",
        _one_by_one,
        mark(
            "Each parameter takes its step as soon as its gradient is known, so the next gradients "
            "belong to other parameters. First all gradients, then all steps."
        ),
        "order",
        "M09",
    ),
    Mutant(
        "= in place of -=",
        _old_graph(),
        mark("The parameter becomes the step itself; the step has to be added to where it was."),
        "accumulate",
    ),
)


def _zero_last(parameters: list[Any], loss: Callable[[], Any], lr: float) -> None:
    loss().backward()
    for p in parameters:
        p.data = p.data - lr * p.grad
        p.grad = 0.0


def _two_lists(parameters: list[Any], loss: Callable[[], Any], lr: float) -> Any:
    for p in parameters:
        p.grad = 0.0
    out = loss()
    out.backward()
    new = [p.data - lr * p.grad for p in parameters]
    for p, data in zip(parameters, new):
        p.data = data
    return out


def _backwards(parameters: list[Any], loss: Callable[[], Any], lr: float) -> float:
    out = loss()
    for p in reversed(parameters):
        p.grad = 0
    out.backward()
    for p in reversed(parameters):
        p.data -= p.grad * lr
    return float(out.data)


STEP = Piece(
    name="train_step",
    signature="train_step(parameters, loss, lr)",
    outputs=(
        Output(
            mark("path"),
            by="value",
            axes=("step", "unit"),
            look=mark("Print the gradients before and after each of your three parts."),
            derive=mark("Which numbers does backward() find in grad, and what does it do to them?"),
            formula="grad ← 0;   backward();   data ← data - lr · grad",
        ),
    ),
    parts=(Part("path", 0.7, (PLAIN,)), Part("path", 0.3, (PLAIN, FIVE))),
    draw=draw,
    reference=reference,
    drive=drive,
    mutants=MUTANTS,
    equivalents=(
        Equivalent("zero at the end", _zero_last),
        Equivalent("new data in a list first", _two_lists),
        Equivalent("from the last parameter", _backwards),
    ),
    cases=(PLAIN, PLAIN, FIVE),
    varied=differing(lambda point: [point.arguments[2]]),
    case_names={FIVE: mark("five parameters")},
)
