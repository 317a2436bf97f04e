"""perceptron_update, train_perceptron: Rosenblatt's rule, one correction and the whole run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

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
    differing,
    lengths,
    single,
)
from nncourse.exercises.ps01.weights import rows
from nncourse.language import mark

NEGATIVE, RIGHT, BORDER, OTHER = "negative", "right", "border", "border of class -1"
KINDS = (PLAIN, NEGATIVE, RIGHT)
"""Cases off the border, of which some are near it."""

XOR, THREE = "xor", "three"


def extend(x: Array) -> Array:
    """The constant feature x0 = -1 in front of (n,) or (N, n)."""
    return np.concatenate([-np.ones((*x.shape[:-1], 1)), x], axis=-1)


def draw_update(rng: np.random.Generator, case: str) -> Point:
    """w (n + 1,), x (n,) and y = ±1: misjudged, judged rightly, or exactly on the border.

    All are multiples of 1/2, and not all of them whole; but half of the examples off the border are
    so near to it that the threshold has 64ths.
    """
    n = int(rng.choice((3, 4, 6)))
    near = case in KINDS and rng.random() < 0.5
    large = 3 if case == NEGATIVE else 6
    classes = {PLAIN: 1.0, NEGATIVE: -1.0, RIGHT: 0.0, BORDER: 1.0, OTHER: -1.0}
    while True:
        w, x = rng.integers(-6, 7, n + 1) / 2, rng.integers(-large, large + 1, n) / 2
        y = classes[case] or float(rng.choice((-1, 1)))
        if near:
            w[0] = x @ w[1:] - (y if case == RIGHT else -y) / 64
        z = extend(x)
        score = y * (z @ w)
        wanted = {
            PLAIN: score < 0,
            NEGATIVE: score < (0 if near else -z @ z),  # also after one correction
            RIGHT: score > 0,
            BORDER: score == 0,  # y / 0 > 0 must not pass for y * 0 > 0
            OTHER: score == 0,  # nor the neuron's answer there for a right one
        }
        broken = np.any(w[1:] % 1) and np.any(x % 1) and np.all(np.abs(w) <= 3)
        if wanted[case] and broken and np.all(x) and np.all(w) and np.all(w != w[0] - 2 * y):
            return Point((w, x, y), {}, 1.0, case)


def perceptron_update(w: Array, x: Array, y: float) -> Array:
    """The weights after one example: w + y (-1, x) if y h <= 0, else w."""
    z = extend(x)
    return w + y * z if y * (w @ z) <= 0 else w.copy()


def _change(rule: Callable[[Array, Array, float], Array]) -> Callable[..., Any]:
    """A correction that differs, made where one is due."""

    def function(w: Array, x: Array, y: float) -> Array:
        z = extend(x)
        return rule(w, z, y) if y * (w @ z) <= 0 else w.copy()

    return function


def _threshold_up(w: Array, z: Array, y: float) -> Array:
    changed = w + y * z
    changed[0] = w[0] + y
    return changed


def _threshold_kept(w: Array, z: Array, y: float) -> Array:
    changed = w + y * z
    changed[0] = w[0]
    return changed


UPDATE_MUTANTS = (
    Mutant(
        "threshold moves the wrong way",
        _change(_threshold_up),
        mark(
            "The threshold is moved the wrong way. Its feature is x0 = -1, so the rule w + y x "
            "gives w0 - y: an example that should fire lowers the threshold."
        ),
        "sign",
        "X10",
    ),
    Mutant(
        "threshold kept",
        _change(_threshold_kept),
        mark("The threshold is never changed. It is a weight like the others, of x0 = -1."),
        "threshold missing",
    ),
    Mutant(
        "class forgotten",
        _change(lambda w, z, y: w + z),
        mark("x is added whatever the class is: for y = -1 it has to be subtracted."),
        "factor missing",
        "X12",
    ),
    Mutant(
        "away from the example",
        _change(lambda w, z, y: w - y * z),
        mark("The correction goes the wrong way: afterwards y h is smaller than before."),
        "sign",
        "M04",
    ),
    Mutant(
        "corrects what is right",
        lambda w, x, y: w + y * extend(x),
        mark("The weights change also when the example is judged rightly; nothing is to be done."),
        "condition",
        "X12",
    ),
    Mutant(
        "corrects only what is right",
        lambda w, x, y: w + y * extend(x) if y * (w @ extend(x)) > 0 else w.copy(),
        mark("The condition is inverted: the correction is made where y h > 0."),
        "condition",
    ),
    Mutant(
        "the border counts as right",
        lambda w, x, y: w + y * extend(x) if y * (w @ extend(x)) < 0 else w.copy(),
        mark(
            "An example exactly on the border (h = 0) is left as it is. It counts as misjudged, "
            "or a neuron that starts from zeros never learns anything."
        ),
        "border",
        "X11",
    ),
    Mutant(
        "the answer compared",
        lambda w, x, y: w + y * extend(x) if y != np.where(w @ extend(x) > 0, 1, -1) else w.copy(),
        mark(
            "You compare the neuron's answer with the class. On the border (h = 0) the neuron is "
            "silent, and an example of class -1 passes for right; but y h <= 0 holds for it, too."
        ),
        "half of the border",
        "X11",
    ),
    Mutant(
        "error of 0 and 1",
        _change(lambda w, z, y: w + (y - float(w @ z > 0)) * z),
        mark(
            "The correction is multiplied by a difference of class and answer, but the classes are "
            "-1 and +1 and the answers 0 and 1: half of the corrections come out twice as long."
        ),
        "labels",
    ),
    Mutant(
        "only the change",
        _change(lambda w, z, y: y * z),
        mark("Only the correction is returned; it has to be added to w."),
        "accumulate",
    ),
)


def _loop(w: Array, x: Array, y: float) -> list[float]:
    total = -w[0] + sum(weight * feature for weight, feature in zip(w[1:], x))
    if y * total > 0:
        return list(w)
    return [w[0] - y] + [weight + y * feature for weight, feature in zip(w[1:], x)]


def _by_answer(w: Array, x: Array, y: float) -> Array:
    h = x @ w[1:] - w[0]
    mistaken = np.sign(h) != y
    return w + mistaken * y * np.r_[-1, x]


def _kind(point: Point) -> tuple[bool, float, bool]:
    """Whether it is near the border, its class, and whether y w0 > 0."""
    w, _x, y = point.arguments
    return bool(w[0] * 2 % 1), y, bool(y * w[0] > 0)


def varied_update(points: Sequence[Point]) -> bool:
    """Whether the numbers of features differ, and whether neither w0 nor y tells what is misjudged.

    Of the misjudged examples of either class one is near the border, and of those near it, as of
    the others, one has y w0 > 0; and w0 > 0 holds either for those near it or for the others. The
    same kinds occur among those that are judged rightly.
    """
    wrong = [_kind(point) for point in points if point.case in (PLAIN, NEGATIVE)]
    right = [_kind(point) for point in points if point.case == RIGHT]
    by_class = {(near, y) for near, y, _sign in wrong}
    by_sign = {(near, sign) for near, _y, sign in wrong}
    threshold = {(near, (y > 0) == sign) for near, y, sign in wrong}
    distances, signs = map(set, zip(*threshold))
    mixed = len(by_class) == len(by_sign) == len(wrong)
    mixed = mixed and len(threshold) == len(distances) == len(signs)
    alike = len(set(right)) == len(right) and set(right) <= set(wrong)
    return mixed and alike and differing(lengths)(points)


UPDATE = Piece(
    name="perceptron_update",
    signature="perceptron_update(w, x, y) -> w",
    outputs=(
        Output(
            "w",
            by="value",
            look=mark("Compute y h before and after your correction: it must grow."),
            derive=mark(
                "Write the neuron with x0 = -1, so that all weights follow one rule. What does it "
                "say for w0?"
            ),
            formula="w[j] + y · x[j] and w[0] - y, if y · h ≤ 0; otherwise w",
        ),
    ),
    parts=(
        Part("w", 0.6, (PLAIN, NEGATIVE)),
        Part("w", 0.2, (PLAIN, RIGHT)),
        Part("w", 0.2, (PLAIN, RIGHT, BORDER, OTHER)),
    ),
    draw=draw_update,
    reference=perceptron_update,
    mutants=UPDATE_MUTANTS,
    equivalents=(
        Equivalent("a loop, a list returned", _loop),
        Equivalent("by the answer", _by_answer),
        Equivalent("float32", lambda w, x, y: single(perceptron_update(w, x, y))),
    ),
    cases=(*(PLAIN, NEGATIVE) * 2, *(RIGHT,) * 4, BORDER, OTHER),
    varied=varied_update,
    case_names={
        NEGATIVE: mark("a misjudged example of class -1"),
        RIGHT: mark("an example that is judged rightly"),
        BORDER: mark("an example exactly on the border"),
        OTHER: mark("an example of class -1 exactly on the border"),
    },
)


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
        x = x[np.abs(extend(x) @ w) >= 0.5]
        x = rng.permutation(x[np.argsort(np.abs(extend(x) @ w))[:count]])
        y = np.where(extend(x) @ w > 0, 1.0, -1.0)
        if len(x) < count or np.ptp(y) == 0:
            continue
        history = train_perceptron(x, y, 50)
        if not 6 <= len(history) <= 50 or len(train_perceptron(x, y, few)) == len(history):
            continue
        # With few passes, in another order of the examples, without the last one or fractions, or
        # with sums up to 1/2 taken for wrong, it must come out otherwise.
        others = [_batch(x, y, 50), _restart(x, y, 50)]
        others += [train_perceptron(np.trunc(x), y, 50), train_perceptron(x, y, 50, 0.5)]
        others += [train_perceptron(x[:-1], y[:-1], 50)]
        if not any(np.array_equal(other, history) for other in others):
            return Point((x, y, 50), {}, 1.0, case)


def train_perceptron(x: Array, y: Array, passes: int, border: float = 0.0) -> Array:
    """The weights at the start (zeros) and after each correction: (corrections + 1, n + 1)."""
    w, z = np.zeros(x.shape[1] + 1), extend(x)
    history = [w]
    for _pass in range(passes):
        before = len(history)
        for row, label in zip(z, y):
            if label * (w @ row) <= border:
                w = w + label * row
                history.append(w)
        if len(history) == before:
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


def varied_train(points: Sequence[Point]) -> bool:
    """Whether first examples of either class occur, as from zeros they are judged on the border,
    and different numbers of examples; and whether it comes out otherwise somewhere with each
    example until it is right, with sums up to 1/4 taken for wrong, or with 12 passes. One of the
    first two has nine examples, the most that there are.
    """
    usual = [point.arguments for point in points if point.case == PLAIN]
    if len(usual) < 3:
        return len(usual) < 2 or max(len(y) for _x, y, _passes in usual) == 9
    near = partial(train_perceptron, border=0.25)
    told = len({y[0] for _x, y, _passes in usual}) == 2 and len({len(y) for _x, y, _p in usual}) > 1
    return told and all(
        any(not np.array_equal(other(*task), train_perceptron(*task)) for task in usual)
        for other in (_until_right, near, lambda x, y, _n: train_perceptron(x, y, 12))
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
