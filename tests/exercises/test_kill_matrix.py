"""The kill matrix: right solutions pass, every known wrong one is caught with its own hint."""

from __future__ import annotations

import numpy as np
import pytest

from nncourse.check.judge import judge
from nncourse.exercises.ps05 import PIECES

MUTANTS = [(piece, mutant) for piece in PIECES.values() for mutant in piece.mutants]
RIGHT = [
    (piece, name, function)
    for piece in PIECES.values()
    for name, function in [
        ("reference", piece.reference),
        *((equivalent.name, equivalent.function) for equivalent in piece.equivalents),
    ]
]
mutant_by_mutant = pytest.mark.parametrize(
    ("piece", "mutant"), MUTANTS, ids=[f"{p.name}-{m.name}" for p, m in MUTANTS]
)
solution_by_solution = pytest.mark.parametrize(
    ("piece", "name", "function"), RIGHT, ids=[f"{p.name}-{name}" for p, name, _f in RIGHT]
)

FRESH_SEEDS = [None, 11, 12, 13, 14]


@mutant_by_mutant
def test_mutant_is_caught_with_its_own_hint(piece, mutant):
    for seed in FRESH_SEEDS:
        report = judge(piece, [mutant.function], seed=seed)
        assert not report.passed
        assert report.score < 1
        assert [d.mutant for d in report.diagnoses] == [mutant.name]
        assert report.diagnoses[0].finding.message == mutant.hint
        assert mutant.hint in " ".join(str(report).split())


def _codes(mutant):
    # One maximum for the whole batch (M27) overflows just as none does (M26), with one remedy.
    return {mutant.code, "M26"} if mutant.code == "M27" else {mutant.code}


@mutant_by_mutant
def test_rules_alone_name_no_other_mistake(piece, mutant):
    """With the mutants switched off: the mutant's own code, an observation, or nothing."""
    for seed in FRESH_SEEDS:
        report = judge(piece, [mutant.function], seed=seed, mutants=False)
        for diagnosis in report.diagnoses:
            assert not diagnosis.mutant
            assert not diagnosis.finding.is_reason or diagnosis.finding.code in _codes(mutant)


def test_rules_alone_tell_many_mistakes_apart():
    """The share of mutants with a code that the rules name without help, over fresh seeds."""
    named, codes = 0, set()
    coded = [(piece, mutant) for piece, mutant in MUTANTS if mutant.code]
    for piece, mutant in coded:
        report = judge(piece, [mutant.function], seed=99, mutants=False)
        found = {diagnosis.finding.code for diagnosis in report.diagnoses}
        if mutant.code in found:
            named += 1
            codes.add(mutant.code)
    assert len(codes) >= 20, sorted(codes)
    assert named >= 0.9 * len(coded)


@solution_by_solution
def test_right_solution_passes(piece, name, function):
    for seed in [None, *range(200, 220 if piece.name != "training" else 203)]:
        report = judge(piece, [function], seed=seed)
        assert report.passed, f"seed {seed}\n{report}"
        assert report.score == 1.0
        assert report.diagnoses == ()


@pytest.mark.slow
@solution_by_solution
def test_right_solution_passes_on_many_seeds(piece, name, function):
    for seed in range(1000, 1200):
        assert judge(piece, [function], seed=seed).passed, seed


def test_every_piece_has_mutants_of_several_families_and_equivalents():
    for piece in PIECES.values():
        assert len(piece.mutants) >= 4, piece.name
        assert len({mutant.family for mutant in piece.mutants}) >= 4, piece.name
        assert len(piece.equivalents) >= 3, piece.name
        names = [mutant.name for mutant in piece.mutants]
        assert len(set(names)) == len(names)


def test_mutants_of_a_piece_differ_from_each_other():
    """Two mutants with the same numbers could not have hints of their own."""
    for piece in PIECES.values():
        for mutant in piece.mutants:
            report = judge(piece, [mutant.function], seed=5)
            assert [d.mutant for d in report.diagnoses] == [mutant.name]


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
                    if diagnosis.mutant:
                        assert diagnosis.mutant in (first.name, second.name)
                    elif diagnosis.finding.is_reason:
                        assert diagnosis.finding.code in _codes(first) | _codes(second)


def _network(mistakes):
    """network_gradients with one mistake, or several, each in a stage of its own."""
    from nncourse.exercises.ps05.network import steps
    from nncourse.exercises.ps05.softmax import loss

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
        return loss(s["logits"], y), {
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
