"""perceptron_update: one correction by Rosenblatt's rule."""

from __future__ import annotations

from collections.abc import Callable, Sequence
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
from nncourse.language import mark

NEGATIVE, RIGHT, BORDER, OTHER = "negative", "right", "border", "border of class -1"
KINDS = (PLAIN, NEGATIVE, RIGHT)
"""Cases off the border, of which some are near it."""


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
