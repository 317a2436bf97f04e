"""Adagrad, RMSprop, Adadelta: a step size for every number, from its past gradients."""

from __future__ import annotations

import numpy as np

from nncourse.diagnosis.measure import Array
from nncourse.exercises.ps06.trajectory import (
    ALL_UPHILL,
    EPS,
    EPS_INSIDE,
    NO_EPS,
    NO_ROOT,
    NOT_SQUARED,
    State,
    drawing,
    mutant,
    piece,
    shared_memory,
)
from nncourse.language import mark

RATES = (0.1, 0.05, 0.2)
DECAYS = (0.9, 0.8, 0.95)
DELTA = (1e-3, 2e-3)
"""eps of Adadelta, which starts its steps from sqrt(eps)."""


def _over(lr: float, g: Array, s: Array, eps: float) -> Array:
    return -lr * g / (np.sqrt(s) + eps)


def adagrad(s: State, g: Array, t: int, lr: float, eps: float) -> Array:
    """s += g^2; the change is -lr g / (sqrt(s) + eps)."""
    s["s"] = s.get("s", 0 * g) + g**2
    return _over(lr, g, s["s"], eps)


def _latest(s: State, g: Array, t: int, lr: float, eps: float) -> Array:
    return _over(lr, g, g**2, eps)


def _adagrad_no_root(s: State, g: Array, t: int, lr: float, eps: float) -> Array:
    s["s"] = s.get("s", 0 * g) + g**2
    return -lr * g / (s["s"] + eps)


def _adagrad_not_squared(s: State, g: Array, t: int, lr: float, eps: float) -> Array:
    s["s"] = s.get("s", 0 * g) + g
    return _over(lr, g, np.abs(s["s"]), eps)


def _adagrad_no_eps(s: State, g: Array, t: int, lr: float, eps: float) -> Array:
    return adagrad(s, g, t, lr, 0.0)


def _adagrad_eps_inside(s: State, g: Array, t: int, lr: float, eps: float) -> Array:
    s["s"] = s.get("s", 0 * g) + g**2
    return -lr * g / np.sqrt(s["s"] + eps)


def _adagrad_up(s: State, g: Array, t: int, lr: float, eps: float) -> Array:
    return -adagrad(s, g, t, lr, eps)


def _adagrad_late(s: State, g: Array, t: int, lr: float, eps: float) -> Array:
    before = s.get("s", 0 * g)
    s["s"] = before + g**2
    return _over(lr, g, before, eps)


def _whole(s: State, g: Array, t: int, lr: float, eps: float) -> Array:
    s["s"] = s.get("s", np.zeros(())) + np.sum(g**2)
    return _over(lr, g, s["s"], eps)


_LATE = mark(
    "The step divides by the memory before this gradient was added: the first step divides by eps."
)

ADAGRAD = piece(
    "Adagrad",
    "lr, eps",
    drawing(RATES, EPS),
    adagrad,
    (
        mutant(
            "no memory",
            _latest,
            mark(
                "The memory holds the latest square only (= in place of +=): every step then has "
                "the length lr."
            ),
            "accumulate",
            "M105",
        ),
        mutant("no root", _adagrad_no_root, NO_ROOT, "root", "M102"),
        mutant("not squared", _adagrad_not_squared, NOT_SQUARED, "square", "M102"),
        mutant("no eps", _adagrad_no_eps, NO_EPS, "stability"),
        mutant("eps under the root", _adagrad_eps_inside, EPS_INSIDE, "stability"),
        mutant("uphill", _adagrad_up, ALL_UPHILL, "sign", "M04"),
        mutant("memory one step late", _adagrad_late, _LATE, "order", "X29"),
        shared_memory(adagrad),
    ),
    look=mark("With a constant gradient the first step is lr long. How long are the next ones?"),
    derive=mark("Each number has a sum of its own. What is added to it, and what is done with it?"),
    formula="s ← s + g²,   w ← w - lr · g / (√s + eps)",
)


def rmsprop(s: State, g: Array, t: int, lr: float, rho: float, eps: float) -> Array:
    """s = rho s + (1 - rho) g^2; the change is -lr g / (sqrt(s) + eps)."""
    s["s"] = rho * s.get("s", 0 * g) + (1 - rho) * g**2
    return _over(lr, g, s["s"], eps)


def _swapped(s: State, g: Array, t: int, lr: float, rho: float, eps: float) -> Array:
    return rmsprop(s, g, t, lr, 1 - rho, eps)


def _rms_no_root(s: State, g: Array, t: int, lr: float, rho: float, eps: float) -> Array:
    s["s"] = rho * s.get("s", 0 * g) + (1 - rho) * g**2
    return -lr * g / (s["s"] + eps)


def _rms_sum(s: State, g: Array, t: int, lr: float, rho: float, eps: float) -> Array:
    s["s"] = rho * s.get("s", 0 * g) + g**2
    return _over(lr, g, s["s"], eps)


def _rms_forgets(s: State, g: Array, t: int, lr: float, rho: float, eps: float) -> Array:
    return _over(lr, g, (1 - rho) * g**2, eps)


def _rms_eps_inside(s: State, g: Array, t: int, lr: float, rho: float, eps: float) -> Array:
    s["s"] = rho * s.get("s", 0 * g) + (1 - rho) * g**2
    return -lr * g / np.sqrt(s["s"] + eps)


def _rms_up(s: State, g: Array, t: int, lr: float, rho: float, eps: float) -> Array:
    return -rmsprop(s, g, t, lr, rho, eps)


def _rms_no_eps(s: State, g: Array, t: int, lr: float, rho: float, eps: float) -> Array:
    return rmsprop(s, g, t, lr, rho, 0.0)


RMSPROP = piece(
    "RMSprop",
    "lr, rho, eps",
    drawing(RATES, DECAYS, EPS),
    rmsprop,
    (
        mutant(
            "roles of rho swapped",
            _swapped,
            mark(
                "rho and 1 - rho are exchanged: the old mean gets the large share, the new square "
                "the small one."
            ),
            "exchange",
            "M106",
        ),
        mutant("no root", _rms_no_root, NO_ROOT, "root", "M102"),
        mutant(
            "a sum, not a mean",
            _rms_sum,
            mark("The new square lacks its factor 1 - rho: a decaying sum, not a mean."),
            "factor missing",
            "X28",
        ),
        mutant(
            "memory not stored",
            _rms_forgets,
            mark("The mean of squares is not kept: each step starts from 0."),
            "state",
            "M103",
        ),
        mutant("uphill", _rms_up, ALL_UPHILL, "sign", "M04"),
        mutant("no eps", _rms_no_eps, NO_EPS, "stability"),
        mutant("eps under the root", _rms_eps_inside, EPS_INSIDE, "stability"),
        shared_memory(rmsprop),
    ),
    look=mark("With a constant gradient the steps must fall towards lr: print five of them."),
    derive=mark("A moving mean: how much of the old value stays, how much of the new one enters?"),
    formula="s ← rho · s + (1 - rho) · g²,   w ← w - lr · g / (√s + eps)",
)


def adadelta(s: State, g: Array, t: int, rho: float, eps: float) -> Array:
    """d = -sqrt(u + eps) / sqrt(s + eps) g, with moving means s of g^2 and u of d^2."""
    s["s"] = rho * s.get("s", 0 * g) + (1 - rho) * g**2
    u = s.get("u", 0 * g)
    d = -np.sqrt(u + eps) / np.sqrt(s["s"] + eps) * g
    s["u"] = rho * u + (1 - rho) * d**2
    return d


def _no_numerator(s: State, g: Array, t: int, rho: float, eps: float) -> Array:
    s["s"] = rho * s.get("s", 0 * g) + (1 - rho) * g**2
    return -g / np.sqrt(s["s"] + eps)


def _steps_not_stored(s: State, g: Array, t: int, rho: float, eps: float) -> Array:
    s["s"] = rho * s.get("s", 0 * g) + (1 - rho) * g**2
    return -np.sqrt(eps) / np.sqrt(s["s"] + eps) * g


def _squares_of_gradients(s: State, g: Array, t: int, rho: float, eps: float) -> Array:
    d = adadelta(s, g, t, rho, eps)
    s["u"] = s["s"]
    return d


def _not_squared(s: State, g: Array, t: int, rho: float, eps: float) -> Array:
    u = s.get("u", 0 * g)
    d = adadelta(s, g, t, rho, eps)
    s["u"] = rho * u + (1 - rho) * np.abs(d)
    return d


def _delta_swapped(s: State, g: Array, t: int, rho: float, eps: float) -> Array:
    return adadelta(s, g, t, 1 - rho, eps)


def _delta_up(s: State, g: Array, t: int, rho: float, eps: float) -> Array:
    return -adadelta(s, g, t, rho, eps)


def _no_start(s: State, g: Array, t: int, rho: float, eps: float) -> Array:
    return 0 * g


def _eps_outside(s: State, g: Array, t: int, rho: float, eps: float) -> Array:
    s["s"] = rho * s.get("s", 0 * g) + (1 - rho) * g**2
    u = s.get("u", 0 * g)
    d = -(np.sqrt(u) + eps) / (np.sqrt(s["s"]) + eps) * g
    s["u"] = rho * u + (1 - rho) * d**2
    return d


ADADELTA = piece(
    "Adadelta",
    "rho, eps",
    drawing(DECAYS, DELTA),
    adadelta,
    (
        mutant(
            "no numerator",
            _no_numerator,
            mark("The root of the mean of past steps is missing: it stands where others have lr."),
            "term missing",
            "X31",
        ),
        mutant(
            "steps not stored",
            _steps_not_stored,
            mark("The mean of past steps is never renewed: the numerator stays at sqrt(eps)."),
            "state",
            "X31",
        ),
        mutant(
            "squares of gradients in the numerator",
            _squares_of_gradients,
            mark("The numerator remembers squares of gradients; it needs squares of the steps."),
            "wrong array",
            "X31",
        ),
        mutant(
            "steps not squared",
            _not_squared,
            mark("The numerator's mean holds the steps, not their squares."),
            "square",
            "M102",
        ),
        mutant(
            "roles of rho swapped",
            _delta_swapped,
            mark("rho and 1 - rho are exchanged in the moving means."),
            "exchange",
            "M106",
        ),
        mutant("uphill", _delta_up, ALL_UPHILL, "sign", "M04"),
        mutant(
            "never starts",
            _no_start,
            mark("Nothing moves: without eps under the root the first step is 0, and all others."),
            "stability",
        ),
        mutant(
            "eps outside of the roots",
            _eps_outside,
            mark(
                "eps stands outside of the roots. Under the root it lets the steps begin at "
                "sqrt(eps)."
            ),
            "formula",
        ),
        shared_memory(adadelta),
    ),
    look=mark("The first step must be sqrt(eps) / sqrt(1 - rho) long, nearly: is it?"),
    derive=mark("Two moving means: of which squares, and when is each of them renewed?"),
    formula="s ← rho·s+(1-rho)·g²,  d = -√(u+eps)/√(s+eps)·g,  u ← rho·u+(1-rho)·d²,  w ← w+d",
)
