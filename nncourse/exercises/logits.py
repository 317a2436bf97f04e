"""Logits, drawn at random, and the softmax and cross-entropy of them: what ps02 and ps05 share."""

from __future__ import annotations

from itertools import combinations

import numpy as np

from nncourse.diagnosis.measure import Array
from nncourse.exercises.piece import SQUARE, normal

LARGE = "large"
"""Logits so far from 0, and here and there from each other, that exp overflows or underflows."""

FAR = 2.0**14
"""That far, and a multiple of it: too far also for numbers of 80 bits, whose exp ends at 11356."""


def targets(rng: np.random.Generator, N: int, C: int) -> Array:
    """y (N,), in which the first class or the last never occurs, and every other does.

    A column without targets shows p[:, y] -= 1, and an array that is as wide as y.max() + 1.
    """
    return rng.permutation(np.resize(np.arange(C - 1), N)) + rng.integers(2)


def far_apart(rng: np.random.Generator, spread: float) -> tuple[Array, Array]:
    """The case LARGE: logits (10, 4), normal numbers times ``spread`` and moved, and targets (10,).

    Each class and each pair of classes is far above the others in some row. Less anything but the
    row's maximum (one or two columns, the median, what is furthest from 0), exp overflows, or is 0
    throughout a row; and where several overflow, no cut-off tells how much each of them is. Rows
    lie at three heights, two of them above 0: no two numbers serve all, and what is right for
    positive rows alone is told from one number for all.
    """
    C = 4
    high = [*([c] for c in range(C)), *map(list, combinations(range(C), 2))]
    high = [high[i] for i in rng.permutation(len(high))]
    never = C - 1 if rng.integers(2) else 0  # is no target: see targets
    # In 64ths, which float32 holds exactly also where they are far.
    logits = np.round(spread * normal(rng, len(high), C) * 64) / 64
    logits[::3] += FAR
    logits[1::3] -= FAR
    logits[2::3] += 1.75 * FAR  # from 2 on differences of the loss have fewer digits
    y = np.empty(len(high), dtype=int)
    for n, classes in enumerate(high):
        allowed = [c for c in classes if c != never]
        # The less likely one, for a gradient that differences of so large a loss find.
        y[n] = min(allowed or [1, 2], key=lambda c: logits[n, c])
        # That of the class that is no target leaves nothing of the probability of its row's.
        others = [c for c in range(C) if c not in classes]
        logits[n, others] -= (2 if allowed else 0.75) * FAR
        if len(classes) == 1 and allowed:
            logits[n, (y[n] + 1) % C] -= 64
    return logits, y


RARE = 1 / 105
"""A target of the case SQUARE is less likely: a cut-off at 0.01 shows."""


def examples(rng: np.random.Generator, case: str) -> int:
    """N: more in the case SQUARE, among which a rare target is still usual."""
    return int(rng.choice((9, 11) if case == SQUARE else (5, 7)))


def is_usual(p: Array, y: Array, case: str) -> bool:
    """Whether the loss of these probabilities tells mistakes in its logarithm apart, alike in
    float64 and float32: log(p + 1e-7) is none, and log(max(p, 0.01)) is one in the case SQUARE.
    """
    p = p[np.arange(len(y)), y]
    none = float(np.mean(1 / p)) < 14 * float(-np.mean(np.log(p)))
    return none and (case != SQUARE or float(p.min()) < RARE)


def softmax(logits: Array) -> Array:
    """Probabilities (N, C) whose rows sum to 1."""
    e = np.exp(logits - logits.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def cross_entropy(logits: Array, y: Array) -> float:
    """The mean of -log softmax(logits)[n, y[n]], through the logarithm of the sum."""
    shifted = logits - logits.max(axis=1, keepdims=True)
    log_sum = np.log(np.exp(shifted).sum(axis=1))
    return float(np.mean(log_sum - shifted[np.arange(len(y)), y]))


def onehot(y: Array, C: int) -> Array:
    """(N, C) with a 1 at each row's target."""
    return np.eye(C)[y]
