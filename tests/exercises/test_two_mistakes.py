"""Two mistakes at once in exercise 5: each gets its own reason, and never a third one."""

from __future__ import annotations

import numpy as np
import pytest

from nncourse.check.judge import judge
from nncourse.exercises.ps05 import PIECES


def _codes(mutant):
    # One maximum for the whole batch (M27) overflows just as none does (M26), with one remedy.
    return {mutant.code, "M26"} if mutant.code == "M27" else {mutant.code}


def _two_at_once(piece, first, second):
    """Outputs from two mutants: of each output the first mutant that gets it wrong."""

    def function(*arguments):
        right = piece.reference(*arguments)
        answers = [mutant.function(*arguments) for mutant in (first, second)]
        if not isinstance(right, tuple):
            return answers[0]
        mixed = []
        for i, value in enumerate(right):
            wrong = [a[i] for a in answers if not _same(a[i], value)]
            mixed.append(wrong[-1] if wrong else value)
        return tuple(mixed)

    return function


def _same(a, b):
    if isinstance(b, dict):
        return all(_same(a[key], b[key]) for key in b)
    a, b = np.asarray(a), np.asarray(b)
    return a.shape == b.shape and np.allclose(a, b)


def test_two_mistakes_in_different_outputs_get_their_own_hints():
    piece = PIECES["linear_backward"]
    pick = {mutant.name: mutant for mutant in piece.mutants}
    for one in ("dW divided by N", "dW of the last example", "dW of the first example"):
        for other in ("db mean", "db not summed", "db total", "db over axis 1"):
            function = _two_at_once(piece, pick[one], pick[other])
            for seed in (1, 2):
                report = judge(piece, [function], seed=seed)
                told = {(d.outputs, d.mutant) for d in report.diagnoses}
                assert told == {(("dW",), one), (("db",), other)}


def test_two_mistakes_of_any_kind_never_get_a_third_mutants_hint():
    for name in ("linear_backward", "softmax_cross_entropy"):
        piece = PIECES[name]
        for i, first in enumerate(piece.mutants):
            for second in piece.mutants[i + 1 :]:
                report = judge(piece, [_two_at_once(piece, first, second)], seed=3)
                for diagnosis in report.diagnoses:
                    if diagnosis.mutant in (first.name, second.name):
                        continue
                    # Of twins such as "1/N missing in both" and "in the gradient" either will do.
                    if diagnosis.mutant or diagnosis.finding.is_reason:
                        assert diagnosis.finding.code in _codes(first) | _codes(second)


def _network(mistakes):
    """network_gradients with one mistake, or several, each in a stage of its own."""
    from nncourse.exercises.logits import cross_entropy
    from nncourse.exercises.ps05.network import steps

    def function(params, x, y):
        s = steps(params, x, y)
        h, d2, W2 = s["h"], s["d2"], params["W2"]
        if "M29" in mistakes:
            d2 = s["p"] / len(x)
        if "M01" in mistakes:
            d2 = d2 * len(x)
        if "M19" in mistakes:
            W2 = d2.T @ h
        if "M09" in mistakes:
            W2 = W2 - 0.1 * d2.T @ h
        slope = 1 - h**2
        if "M15" in mistakes:
            slope = np.ones_like(h)
        if "M16" in mistakes:
            slope = slope**2
        if "M17" in mistakes:
            slope = 1 - np.tanh(h) ** 2
        if "X03" in mistakes:
            slope = h * (1 - h)
        d1 = (d2 @ W2) * slope
        hidden = s["z1"] if "M20" in mistakes else h
        if "M11" in mistakes:
            x, d1 = x[-1:], d1[-1:]
        scale = 1 / len(y) if "M02" in mistakes else 1
        return cross_entropy(s["logits"], y), {
            "W1": scale * d1.T @ x,
            "b1": scale * d1.sum(axis=0),
            "W2": scale * d2.T @ hidden,
            "b2": scale * d2.sum(axis=0),
        }

    return function


NETWORK_STAGES = (
    ("M29", "M01"),
    ("M19", "M09"),
    ("M15", "M16", "M17", "X03"),
    ("M20",),
    ("M11",),
    ("M02",),
)


@pytest.mark.parametrize("mutants", [True, False])
def test_mistakes_in_a_network_are_named_and_pairs_get_no_third_reason(mutants):
    piece = PIECES["network_gradients"]
    code_of = {mutant.name: mutant.code for mutant in piece.mutants}
    stages = NETWORK_STAGES
    singles = [(mistake,) for stage in stages for mistake in stage]
    pairs = [
        (first, second)
        for i, stage in enumerate(stages)
        for later in stages[i + 1 :]
        for first in stage
        for second in later
    ]
    for chosen in singles + pairs:
        if set(chosen) == {"M01", "M02"}:
            continue  # N and 1/N cancel: a right answer
        for seed in (1, 2):
            report = judge(piece, [_network(chosen)], seed=seed, mutants=mutants)
            assert not report.passed
            named = [
                code_of.get(d.mutant, d.finding.code)
                for d in report.diagnoses
                if d.mutant or d.finding.is_reason
            ]
            assert set(named) <= set(chosen), (chosen, named)
            if len(chosen) == 1:
                assert set(named) == set(chosen)
