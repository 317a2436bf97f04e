"""Adam and Nadam: moving means of the gradient and of its square, with their bias removed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from nncourse.diagnosis.measure import Array
from nncourse.exercises.piece import Equivalent, Mutant
from nncourse.exercises.ps06.trajectory import (
    ALL_UPHILL,
    EPS,
    EPS_INSIDE,
    NO_ROOT,
    NOT_SQUARED,
    State,
    drawing,
    mutant,
    optimiser,
    piece,
    shared_memory,
)
from nncourse.language import mark

RATES = (0.1, 0.05, 0.2)
BETA1, BETA2 = (0.9, 0.8), (0.99, 0.95)


def _moments(s: State, g: Array, b1: float, b2: float) -> tuple[Array, Array]:
    s["m"] = b1 * s.get("m", 0 * g) + (1 - b1) * g
    s["v"] = b2 * s.get("v", 0 * g) + (1 - b2) * g**2
    return s["m"], s["v"]


Corrections = Callable[[int, float, float], tuple[float, float]]


def _adam(correct: Corrections) -> Callable[..., Array]:
    """Adam with other corrections (of m, of v) in step t."""

    def rule(s: State, g: Array, t: int, lr: float, b1: float, b2: float, eps: float) -> Array:
        m, v = _moments(s, g, b1, b2)
        of_m, of_v = correct(t, b1, b2)
        return -lr * (m / of_m) / (np.sqrt(v / of_v) + eps)

    return rule


adam = _adam(lambda t, b1, b2: (1 - b1**t, 1 - b2**t))


def _stored(s: State, g: Array, t: int, lr: float, b1: float, b2: float, eps: float) -> Array:
    m, v = _moments(s, g, b1, b2)
    s["m"], s["v"] = m / (1 - b1**t), v / (1 - b2**t)
    return -lr * s["m"] / (np.sqrt(s["v"]) + eps)


def _from_zero(s: State, g: Array, t: int, lr: float, b1: float, b2: float, eps: float) -> Array:
    return adam(s, g, t - 1, lr, b1, b2, eps)


def _no_root(s: State, g: Array, t: int, lr: float, b1: float, b2: float, eps: float) -> Array:
    m, v = _moments(s, g, b1, b2)
    return -lr * (m / (1 - b1**t)) / (v / (1 - b2**t) + eps)


def _plain(s: State, g: Array, t: int, lr: float, b1: float, b2: float, eps: float) -> Array:
    s["m"] = b1 * s.get("m", 0 * g) + (1 - b1) * g
    s["v"] = b2 * s.get("v", 0 * g) + (1 - b2) * g
    v = np.abs(s["v"]) / (1 - b2**t)
    return -lr * (s["m"] / (1 - b1**t)) / (np.sqrt(v) + eps)


def _eps_inside(s: State, g: Array, t: int, lr: float, b1: float, b2: float, eps: float) -> Array:
    m, v = _moments(s, g, b1, b2)
    return -lr * (m / (1 - b1**t)) / np.sqrt(v / (1 - b2**t) + eps)


def _swapped(s: State, g: Array, t: int, lr: float, b1: float, b2: float, eps: float) -> Array:
    return adam(s, g, t, lr, b2, b1, eps)


def _up(s: State, g: Array, t: int, lr: float, b1: float, b2: float, eps: float) -> Array:
    return -adam(s, g, t, lr, b1, b2, eps)


def _no_first(s: State, g: Array, t: int, lr: float, b1: float, b2: float, eps: float) -> Array:
    _m, v = _moments(s, g, b1, b2)
    return -lr * g / (np.sqrt(v / (1 - b2**t)) + eps)


def _folded(s: State, g: Array, t: int, lr: float, b1: float, b2: float, eps: float) -> Array:
    m, v = _moments(s, g, b1, b2)
    root = (1 - b2**t) ** 0.5
    return -(lr * root / (1 - b1**t)) * m / (np.sqrt(v) + eps * root)


_NO_CORRECTION = mark(
    "The means start at 0 and are too small in the first steps: the correction for it is missing."
)
_NOT_IN_T = mark(
    "The correction is the same in every step, 1 - beta; it has to be 1 - beta to the power of t, "
    "so that it fades."
)
_T_FROM_ZERO = mark(
    "The steps are counted from 0: in the first one the correction divides by 1 - beta^0 = 0. "
    "Count them from 1."
)
_STORED = mark(
    "The corrected means are stored in place of the means themselves, so that the next step "
    "corrects them once more. Keep m and v as they are and correct copies."
)
_SWAPPED = mark("beta1 and beta2 are exchanged: beta1 is for the gradient, beta2 for its square.")
_T_PER_PARAMETER = mark(
    "The first step of the second parameter is wrong: the step counter goes up for every "
    "parameter. Count once in each call of step."
)

ADAM = piece(
    "Adam",
    "lr, beta1, beta2, eps",
    drawing(RATES, BETA1, BETA2, EPS),
    adam,
    (
        mutant(
            "no bias correction",
            _adam(lambda t, b1, b2: (1.0, 1.0)),
            _NO_CORRECTION,
            "correction",
            "M98",
        ),
        mutant(
            "1 - beta in every step",
            _adam(lambda t, b1, b2: (1 - b1, 1 - b2)),
            _NOT_IN_T,
            "correction",
            "M99",
        ),
        mutant("t from 0", _from_zero, _T_FROM_ZERO, "counter", "M100"),
        mutant("corrected means stored", _stored, _STORED, "state", "M101"),
        mutant("no root", _no_root, NO_ROOT, "root", "M102"),
        mutant("eps under the root", _eps_inside, EPS_INSIDE, "stability"),
        mutant("not squared", _plain, NOT_SQUARED, "square", "M102"),
        mutant("betas swapped", _swapped, _SWAPPED, "exchange", "M106"),
        mutant(
            "only the square corrected",
            _adam(lambda t, b1, b2: (1.0, 1 - b2**t)),
            mark("Only the mean of squares is corrected; that of the gradient needs it as well."),
            "correction",
            "M98",
        ),
        mutant(
            "only the gradient corrected",
            _adam(lambda t, b1, b2: (1 - b1**t, 1.0)),
            mark("Only the mean of gradients is corrected; that of the squares needs it as well."),
            "correction",
            "M98",
        ),
        mutant(
            "no mean of gradients",
            _no_first,
            mark("The gradient itself is used in place of its moving mean m."),
            "term missing",
        ),
        mutant("uphill", _up, ALL_UPHILL, "sign", "M04"),
        Mutant(
            "t counts parameters",
            optimiser(adam, counted_apart=True),
            _T_PER_PARAMETER,
            "counter",
            "M107",
        ),
        shared_memory(adam),
    ),
    look=mark("With a constant gradient, whatever its size, every step must be lr long."),
    derive=mark("Let all gradients be g. What is m after t steps? By what must it be divided?"),
    formula="m ← β1·m+(1-β1)·g, v ← β2·v+(1-β2)·g², w ← w - lr·(m/(1-β1ᵗ))/(√(v/(1-β2ᵗ))+eps)",
    equivalents=(Equivalent("corrections in the rate", optimiser(_folded)),),
)


def _nadam(ahead: Callable[..., Any]) -> Callable[..., Array]:
    """Nadam with another numerator, from (m, g, t, b1)."""

    def rule(s: State, g: Array, t: int, lr: float, b1: float, b2: float, eps: float) -> Array:
        m, v = _moments(s, g, b1, b2)
        return -lr * ahead(m, g, t, b1) / (np.sqrt(v / (1 - b2**t)) + eps)

    return rule


def _look_ahead(m: Array, g: Array, t: int, b1: float) -> Array:
    return b1 * m / (1 - b1 ** (t + 1)) + (1 - b1) * g / (1 - b1**t)


nadam = _nadam(_look_ahead)


def _nadam_from_zero(s: State, g: Array, t: int, *settings: float) -> Array:
    return nadam(s, g, t - 1, *settings)


def _nadam_up(s: State, g: Array, t: int, *settings: float) -> Array:
    return -nadam(s, g, t, *settings)


def _nadam_no_root(
    s: State, g: Array, t: int, lr: float, b1: float, b2: float, eps: float
) -> Array:
    m, v = _moments(s, g, b1, b2)
    return -lr * _look_ahead(m, g, t, b1) / (v / (1 - b2**t) + eps)


NADAM = piece(
    "Nadam",
    "lr, beta1, beta2, eps",
    drawing(RATES, BETA1, BETA2, EPS),
    nadam,
    (
        mutant(
            "plain Adam",
            _nadam(lambda m, g, t, b1: m / (1 - b1**t)),
            mark("This is Adam: the look ahead, beta1 m and a share of the gradient, is missing."),
            "term missing",
            "X32",
        ),
        mutant(
            "no gradient",
            _nadam(lambda m, g, t, b1: b1 * m / (1 - b1 ** (t + 1))),
            mark("The part of the new gradient, (1 - beta1) g, is missing in the numerator."),
            "term missing",
            "X32",
        ),
        mutant(
            "same power in both",
            _nadam(lambda m, g, t, b1: (b1 * m + (1 - b1) * g) / (1 - b1**t)),
            mark("m looks ahead by one step, so its correction has the power t + 1, not t."),
            "correction",
            "M99",
        ),
        mutant(
            "no bias correction",
            _nadam(lambda m, g, t, b1: b1 * m + (1 - b1) * g),
            _NO_CORRECTION,
            "correction",
            "M98",
        ),
        mutant(
            "whole gradient",
            _nadam(lambda m, g, t, b1: b1 * m / (1 - b1 ** (t + 1)) + g / (1 - b1**t)),
            mark("The new gradient lacks its share 1 - beta1 in the numerator."),
            "factor missing",
        ),
        mutant("t from 0", _nadam_from_zero, _T_FROM_ZERO, "counter", "M100"),
        mutant("no root", _nadam_no_root, NO_ROOT, "root", "M102"),
        mutant("uphill", _nadam_up, ALL_UPHILL, "sign", "M04"),
        shared_memory(nadam),
    ),
    look=mark("Set beta1 to 0: then m = g, and the step must be that of RMSprop with correction."),
    derive=mark("Write m of the next step under the guess that the next gradient equals this one."),
    formula="w ← w - lr·(β1·m/(1-β1ᵗ⁺¹) + (1-β1)·g/(1-β1ᵗ)) / (√(v/(1-β2ᵗ)) + eps)",
)
