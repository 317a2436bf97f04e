"""SGD, Momentum, Nesterov: steps along the gradient, and with a velocity."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nncourse.diagnosis.measure import Array
from nncourse.exercises.piece import Equivalent, Mutant
from nncourse.exercises.ps06.trajectory import (
    ALL_UPHILL,
    NO_RATE,
    State,
    drawing,
    mutant,
    optimiser,
    piece,
    shared_memory,
)
from nncourse.language import mark

RATES = (0.1, 0.05, 0.2)
FRICTIONS = (0.9, 0.8, 0.7)


def sgd(s: State, g: Array, t: int, lr: float) -> Array:
    """-lr g"""
    return -lr * g


def momentum(s: State, g: Array, t: int, lr: float, mu: float) -> Array:
    """v = mu v - lr g; the change is v."""
    s["v"] = mu * s.get("v", 0 * g) - lr * g
    return s["v"]


def nesterov(s: State, g: Array, t: int, lr: float, mu: float) -> Array:
    """v = mu v - lr g; the change is -mu v_before + (1 + mu) v."""
    before = s.get("v", 0 * g)
    s["v"] = mu * before - lr * g
    return -mu * before + (1 + mu) * s["v"]


def _summed(s: State, g: Array, t: int, lr: float) -> Array:
    s["sum"] = s.get("sum", 0 * g) + g
    return -lr * s["sum"]


class _FirstOnly:
    def __init__(self, params: list[Array], lr: float) -> None:
        self.params, self.lr = params, lr

    def step(self, grads: Sequence[Array]) -> None:
        self.params[0] -= self.lr * grads[0]


class _Assigns:
    def __init__(self, params: list[Array], lr: float) -> None:
        self.params, self.lr = params, lr

    def step(self, grads: Sequence[Array]) -> None:
        for p, g in zip(self.params, grads):
            p = p - self.lr * g


SGD = piece(
    "SGD",
    "lr",
    drawing(RATES),
    sgd,
    (
        mutant("uphill", lambda s, g, t, lr: lr * g, ALL_UPHILL, "sign", "M04"),
        mutant("no rate", lambda s, g, t, lr: -g, NO_RATE, "factor missing"),
        mutant(
            "gradients add up",
            _summed,
            mark(
                "The gradients of earlier steps are added to the new one; this rule has no memory."
            ),
            "state",
            "M12",
        ),
        Mutant(
            "first parameter only",
            _FirstOnly,
            mark(
                "Only the first parameter moves: the loop over the parameters is missing or ends."
            ),
            "loop",
            "X04",
        ),
        Mutant(
            "a new name for the parameter",
            _Assigns,
            mark(
                "Nothing moves: p = p - ... gives a new array the name p and leaves the parameter "
                "as it was. Change it in place, or put the new array into self.params."
            ),
            "assignment",
            "X30",
        ),
        mutant(
            "length of the gradient taken out",
            lambda s, g, t, lr: -lr * np.sign(g),
            mark("Only the sign of the gradient is used; the step is proportional to it."),
            "formula",
        ),
    ),
    look=mark("Take one number and one step: what must it be afterwards?"),
    derive=mark("In which direction does the loss fall, and what sets the length of the step?"),
    formula="w ← w - lr · g",
)


def _not_stored(s: State, g: Array, t: int, lr: float, mu: float) -> Array:
    return mu * s.setdefault("v", 0 * g) - lr * g


def _average(s: State, g: Array, t: int, lr: float, mu: float) -> Array:
    s["v"] = mu * s.get("v", 0 * g) - (1 - mu) * lr * g
    return s["v"]


def _old_velocity(s: State, g: Array, t: int, lr: float, mu: float) -> Array:
    before = s.get("v", 0 * g)
    s["v"] = mu * before - lr * g
    return before


def _plus(s: State, g: Array, t: int, lr: float, mu: float) -> Array:
    s["v"] = mu * s.get("v", 0 * g) + lr * g
    return s["v"]


def _no_friction(s: State, g: Array, t: int, lr: float, mu: float) -> Array:
    return momentum(s, g, t, lr, 1.0)


def _torch(s: State, g: Array, t: int, lr: float, mu: float) -> Array:
    s["v"] = mu * s.get("v", 0 * g) + g
    return -lr * s["v"]


_VELOCITY_NOT_STORED = mark(
    "The velocity is not kept: each step starts from the velocity 0, as plain descent does."
)

MOMENTUM = piece(
    "Momentum",
    "lr, mu",
    drawing(RATES, FRICTIONS),
    momentum,
    (
        mutant("velocity not stored", _not_stored, _VELOCITY_NOT_STORED, "state", "M103"),
        mutant("uphill", _plus, ALL_UPHILL, "sign", "M04"),
        mutant(
            "an average",
            _average,
            mark(
                "The gradient enters with a factor 1 - mu, which makes v an average. In this rule "
                "it is a sum, whose effective step is lr / (1 - mu)."
            ),
            "formula",
            "X28",
        ),
        mutant(
            "old velocity",
            _old_velocity,
            mark(
                "The step is made with the velocity before it was renewed: it comes one step late."
            ),
            "order",
            "X29",
        ),
        mutant(
            "no friction",
            _no_friction,
            mark("The old velocity is not multiplied by mu: nothing ever slows it down."),
            "factor missing",
        ),
        shared_memory(momentum),
    ),
    look=mark("Give a constant gradient of 1 and print three steps: they must grow."),
    derive=mark("Write v after one, two and three steps with the gradients g1, g2, g3."),
    formula="v ← mu · v - lr · g,   w ← w + v",
    equivalents=(Equivalent("the rate outside of the velocity", optimiser(_torch)),),
)


def _overwritten(s: State, g: Array, t: int, lr: float, mu: float) -> Array:
    s["v"] = mu * s.get("v", 0 * g) - lr * g
    return -mu * s["v"] + (1 + mu) * s["v"]


def _sign_of_before(s: State, g: Array, t: int, lr: float, mu: float) -> Array:
    before = s.get("v", 0 * g)
    s["v"] = mu * before - lr * g
    return mu * before + (1 + mu) * s["v"]


def _no_look_ahead(s: State, g: Array, t: int, lr: float, mu: float) -> Array:
    before = s.get("v", 0 * g)
    s["v"] = mu * before - lr * g
    return -mu * before + s["v"]


def _nesterov_not_stored(s: State, g: Array, t: int, lr: float, mu: float) -> Array:
    return -(1 + mu) * lr * g


def _before_left_out(s: State, g: Array, t: int, lr: float, mu: float) -> Array:
    s["v"] = mu * s.get("v", 0 * g) - lr * g
    return (1 + mu) * s["v"]


def _torch_nesterov(s: State, g: Array, t: int, lr: float, mu: float) -> Array:
    s["v"] = mu * s.get("v", 0 * g) + g
    return -lr * (g + mu * s["v"])


NESTEROV = piece(
    "Nesterov",
    "lr, mu",
    drawing(RATES, FRICTIONS),
    nesterov,
    (
        mutant(
            "old velocity overwritten",
            _overwritten,
            mark(
                "The steps are those of plain momentum. Is the look ahead missing, or are the two "
                "velocities in the step the same array? Keep the velocity of before, then renew it."
            ),
            "order",
            "M104",
        ),
        mutant(
            "sign of the old velocity",
            _sign_of_before,
            mark("The old velocity enters the step with the wrong sign: its part is taken back."),
            "sign",
            "M04",
        ),
        mutant(
            "no look ahead",
            _no_look_ahead,
            mark("The new velocity enters the step without its factor 1 + mu."),
            "factor missing",
        ),
        mutant("velocity not stored", _nesterov_not_stored, _VELOCITY_NOT_STORED, "state", "M103"),
        mutant(
            "old velocity left out",
            _before_left_out,
            mark("The part of the old velocity is missing: only (1 + mu) v is added."),
            "term missing",
        ),
        shared_memory(nesterov),
    ),
    look=mark("Compare the first two steps with those of momentum: they must differ."),
    derive=mark(
        "Let u = w + mu v be the point that looks ahead, with the gradient taken there. "
        "Write the new u with the old u, the old v and the new v."
    ),
    formula="v_new = mu · v - lr · g,   w ← w - mu · v + (1 + mu) · v_new",
    equivalents=(Equivalent("as PyTorch writes it", optimiser(_torch_nesterov)),),
)
