"""train_perceptron: the whole run by Rosenblatt's rule."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from operator import add, mul

import numpy as np

from nncourse.diagnosis.measure import Array
from nncourse.exercises.piece import (
    PLAIN,
    Equivalent,
    Mutant,
    Output,
    Part,
    Piece,
    Point,
    single,
)
from nncourse.exercises.ps01.update import extend
from nncourse.exercises.ps01.weights import rows
from nncourse.language import mark

XOR, THREE = "xor", "three"


def draw_train(rng: np.random.Generator, case: str) -> Point:
    """x (N, 2) or (N, 3) of small multiples of 1/2, y (N,) of ±1, the number of passes allowed."""
    if case == XOR:
        x = rows(2)[rng.permutation(4)]
        y = np.where(x.sum(axis=1) == 1, 1.0, -1.0)
        # Never done before the last pass. There are as many as there are weights after one of them,
        # which nobody knows: passes and corrections must not be confused.
        passes = len(train_perceptron(x, y, int(rng.integers(7, 13))))
        return Point((x, y, passes), {}, 1.0, case)
    few = int(rng.choice((4, 12)))
    while True:
        n, count = 3 if case == THREE else 2, int(rng.integers(7, 10))
        x = rng.integers(-8, 9, (4 * count, n)) / 2
        w = rng.integers(-3, 4, n + 1).astype(np.float64)
        # Those next to the border, where the run is long, but none on it.
        distance = np.abs(extend(x) @ w)
        nearest = np.argsort(distance)
        x = rng.permutation(x[nearest[distance[nearest] >= 0.5][:count]])
        y = np.where(extend(x) @ w > 0, 1.0, -1.0)
        if len(x) < count or np.ptp(y) == 0:
            continue
        if np.all(y * (extend(x) @ train_perceptron(x, y, few)[-1]) > 0):
            continue  # few passes are enough
        history = train_perceptron(x, y, 50)
        if not 6 <= len(history) <= 50:
            continue
        if not any(np.array_equal(other, history) for other in _others(x, y)):
            return Point((x, y, 50), {}, 1.0, case)


def _others(x: Array, y: Array) -> Iterator[Array]:
    """Runs that must come out otherwise: with sums up to 1/2 taken for wrong, without the last
    example or fractions, or in another order of the examples.
    """
    yield train_perceptron(x, y, 50, 0.5)
    yield train_perceptron(x[:-1], y[:-1], 50)
    yield train_perceptron(np.trunc(x), y, 50)
    yield _batch(x, y, 50)
    yield _restart(x, y, 50)


def train_perceptron(x: Array, y: Array, passes: int, border: float = 0.0, few: int = 0) -> Array:
    """The weights at the start (zeros) and after each correction: (corrections + 1, n + 1).

    ``border``, ``few``: other rules, by which sums up to this are wrong, or so few corrections in a
    pass are none.
    """
    # In lists, which are faster so short: of many runs that are drawn few are kept.
    w, signed = [0.0] * (x.shape[1] + 1), (y[:, None] * extend(x)).tolist()
    history = [w]
    for _pass in range(passes):
        before = len(history)
        for row in signed:
            if sum(map(mul, w, row)) <= border:
                w = list(map(add, w, row))
                history.append(w)
        if len(history) - before <= few:
            break
    return np.array(history)


def _aliased(x: Array, y: Array, passes: int) -> Array:
    right = train_perceptron(x, y, passes)
    return np.array([right[-1]] * len(right))


def _batch(x: Array, y: Array, passes: int) -> Array:
    w, z = np.zeros(x.shape[1] + 1), extend(x)
    history = [w]
    for _pass in range(passes):
        wrong = y * (z @ w) <= 0
        if not wrong.any():
            break
        for i in np.flatnonzero(wrong):
            w = w + y[i] * z[i]
            history.append(w)
    return np.array(history)


def _until_right(x: Array, y: Array, passes: int) -> Array:
    w, history = np.zeros(x.shape[1] + 1), [np.zeros(x.shape[1] + 1)]
    for _pass in range(passes):
        before = len(history)
        for row, label in zip(extend(x), y):
            while label * (w @ row) <= 0:
                w = w + label * row
                history.append(w)
        if len(history) == before:
            break
    return np.array(history)


def _until_answered(x: Array, y: Array, passes: int) -> Array:
    w, history = np.zeros(x.shape[1] + 1), [np.zeros(x.shape[1] + 1)]
    for _pass in range(passes):
        for row, label in zip(extend(x), y):
            if label * (w @ row) <= 0:
                w = w + label * row
                history.append(w)
        if np.array_equal(np.where(extend(x) @ w > 0, 1, -1), y):
            break
    return np.array(history)


def varied_train(points: Sequence[Point]) -> bool:
    """Whether first examples of either class occur, as from zeros they are judged on the border,
    and different numbers of examples; and whether it comes out otherwise somewhere with each
    example until it is right, with sums up to 1/4 taken for wrong, with 12 passes, or if the run
    ends after a pass with a single correction. The first goes on where all answers are right; one
    of the first two has nine examples, the most that there are.
    """
    usual = [point.arguments for point in points if point.case == PLAIN]
    if np.array_equal(_until_answered(*usual[0]), train_perceptron(*usual[0])):
        return False
    if len(usual) < 3:
        return len(usual) < 2 or max(len(y) for _x, y, _passes in usual) == 9
    near = partial(train_perceptron, border=0.25)
    ended = partial(train_perceptron, few=1)
    told = len({y[0] for _x, y, _passes in usual}) == 2 and len({len(y) for _x, y, _p in usual}) > 1
    return told and all(
        any(not np.array_equal(other(*task), train_perceptron(*task)) for task in usual)
        for other in (_until_right, near, ended, lambda x, y, _n: train_perceptron(x, y, 12))
    )


def _restart(x: Array, y: Array, passes: int) -> Array:
    w, z = np.zeros(x.shape[1] + 1), extend(x)
    history = [w]
    for _pass in range(passes):
        wrong = np.flatnonzero(y * (z @ w) <= 0)
        if not wrong.size:
            break
        w = w + y[wrong[0]] * z[wrong[0]]
        history.append(w)
    return np.array(history)


def _plus(x: Array, y: Array, passes: int) -> Array:
    w = np.zeros(x.shape[1] + 1)
    history = [w]
    for _pass in range(passes):
        before = len(history)
        for row, label in zip(extend(x), y):
            if label * (w @ row) <= 0:
                w = w + label * np.r_[-row[0], row[1:]]
                history.append(w)
        if len(history) == before:
            break
    return np.array(history)


TRAIN_MUTANTS = (
    Mutant(
        "one array for all steps",
        _aliased,
        mark(
            "All rows of the history are the final weights: the same array was put into the list "
            "each time and then changed in place. Store copies, or make a new array for each step."
        ),
        "alias",
        "X13",
    ),
    Mutant(
        "only the first pass",
        lambda x, y, passes: train_perceptron(x, y, 1),
        mark("The run ends after one pass through the examples, though some are still misjudged."),
        "loop",
        "X04",
    ),
    Mutant(
        "the whole pass with old weights",
        _batch,
        mark(
            "Which examples are misjudged is decided at the beginning of a pass. Each correction "
            "counts at once: the next example is judged by the new weights."
        ),
        "order",
        "X17",
    ),
    Mutant(
        "from the first example again",
        _restart,
        mark(
            "After each correction the examples start again from the first one. Go on with the "
            "next example instead; a pass goes through all of them."
        ),
        "order",
        "X17",
    ),
    Mutant(
        "threshold moves the wrong way",
        _plus,
        mark("The threshold is moved the wrong way: with x0 = -1 the rule gives w0 - y."),
        "sign",
        "X10",
    ),
    Mutant(
        "the border counts as right",
        lambda x, y, passes: np.zeros((1, x.shape[1] + 1)),
        mark(
            "No correction was made: from zeros every sum is 0, and your rule does not take "
            "y h = 0 for a mistake."
        ),
        "border",
        "X11",
    ),
    Mutant(
        "until the answers are right",
        _until_answered,
        mark(
            "The run ends as soon as the neuron's answers agree with the classes. On the border "
            "(h = 0) it is silent, as class -1 wants it, but such an example still counts as "
            "misjudged: stop after a pass without corrections."
        ),
        "end",
        "X11",
    ),
    Mutant(
        "zeros left out",
        lambda x, y, passes: train_perceptron(x, y, passes)[1:],
        mark("The weights at the start, all zeros, are missing from the history."),
        "record",
    ),
    Mutant(
        "only the final weights",
        lambda x, y, passes: train_perceptron(x, y, passes)[-1],
        mark("Only the final weights came back; the weights after every correction are asked for."),
        "record",
    ),
)


def _in_place(x: Array, y: Array, passes: int) -> list[Array]:
    w = np.zeros(x.shape[1] + 1)
    history = [w.copy()]
    for _pass in range(passes):
        clean = True
        for i in range(len(x)):
            h = w[1:] @ x[i] - w[0]
            if y[i] * h <= 0:
                w[1:] += y[i] * x[i]
                w[0] -= y[i]
                history.append(w.copy())
                clean = False
        if clean:
            return history
    return history


def _while(x: Array, y: Array, passes: int) -> Array:
    w, z = np.zeros(x.shape[1] + 1), extend(x)
    history, seen, clean = [w], 0, 0
    while clean < len(x) and seen < passes * len(x):
        i = seen % len(x)
        seen, clean = seen + 1, clean + 1
        if np.sign(z[i] @ w) != y[i]:
            w, clean = w + y[i] * z[i], 0
            history.append(w)
    return np.stack(history)


TRAIN = Piece(
    name="train_perceptron",
    signature="train_perceptron(x, y, passes) -> history",
    outputs=(
        Output(
            "history",
            by="value",
            axes=("step", "unit"),
            look=mark(
                "Compare the rows one by one. The first wrong one tells the correction after which "
                "the runs part; on which example was it made?"
            ),
            derive=mark(
                "Play the first pass on paper: start from zeros, take the examples in the order "
                "in which they stand, correct at once."
            ),
            formula="w ← update(w, x[i], y[i]),   i = 0, 1, ..., N - 1, 0, 1, ...",
        ),
    ),
    parts=(Part("history", 0.7, (PLAIN,)), Part("history", 0.3, (PLAIN, XOR, THREE))),
    draw=draw_train,
    reference=train_perceptron,
    mutants=TRAIN_MUTANTS,
    equivalents=(
        Equivalent("in place with copies", _in_place),
        Equivalent("one loop", _while),
        Equivalent("float32", lambda x, y, p: single(train_perceptron(x, y, p))),
    ),
    cases=(PLAIN, PLAIN, PLAIN, XOR, THREE),
    varied=varied_train,
    case_names={XOR: mark("XOR"), THREE: mark("three features")},
)
