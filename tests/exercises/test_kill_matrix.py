"""The kill matrix of every exercise set: a set that is added is tested without more ado."""

from __future__ import annotations

import pytest

from nncourse.check.judge import judge
from nncourse.check.matrix import Tally, answers_of, judge_all, pieces_of
from nncourse.exercises.piece import sets

PIECES = [(name, piece) for name in sets() for piece in pieces_of(name).values()]
piece_by_piece = pytest.mark.parametrize(
    ("exercise", "piece"), PIECES, ids=[f"{name}.{piece.name}" for name, piece in PIECES]
)

FAST_SEEDS = (None, 11)
FRESH_SEEDS = (12, 13, 14)


def check_rows(rows):
    faults = [f"{row.name}: {fault}" for row in rows for fault in row.faults]
    assert not faults, "\n\n".join(faults)


@piece_by_piece
def test_right_answers_pass_and_mistakes_are_caught_with_their_hint(exercise, piece):
    check_rows(judge_all(exercise, piece, FAST_SEEDS))


@pytest.mark.slow
@piece_by_piece
def test_the_same_on_fresh_seeds(exercise, piece):
    check_rows(judge_all(exercise, piece, FRESH_SEEDS))


@pytest.mark.slow
@piece_by_piece
def test_right_answers_pass_on_200_seeds(exercise, piece):
    right = [(name, answer) for kind, name, answer in answers_of(piece) if kind in RIGHT]
    for seed in range(1000, 1200):
        # Kept, and judged by. Numerical gradients, as a student's check takes them, cost most of
        # the time: every fourth seed has them, the others those of grading, where seeds are many.
        piece.task(seed, quick=bool(seed % 4))
        for name, answer in right:
            report = judge(piece, [answer], seed=seed)
            assert report.passed, f"{name}, seed {seed}\n{report}"


RIGHT = ("reference", "equivalent")


def _codes(mutant):
    # One maximum for the whole batch (M27) overflows just as none does (M26), with one remedy.
    return {mutant.code, *SAME_STORY.get(mutant.code, ())}


# A penalty with another factor (M38) and without its gradient (M40): both a multiple of W.
# A sum in place of a mean (M52): a factor N, or the paths through mean and variance too strong.
# The variance's path with another factor or sign (M54): the rules say "missing or wrong".
SAME_STORY = {
    "M27": ("M26",),
    "M38": ("M40",),
    "M52": ("M01", "M48"),
    "M54": ("M04", "M50"),
}


@piece_by_piece
def test_rules_alone_name_no_other_mistake(exercise, piece):
    """With the mutants switched off: the mutant's own code, an observation, or nothing."""
    for mutant in piece.mutants:
        for seed in (None, 12):
            report = judge(piece, [mutant.function], seed=seed, mutants=False)
            for diagnosis in report.diagnoses:
                assert not diagnosis.mutant
                reason = diagnosis.finding
                assert not reason.is_reason or reason.code in _codes(mutant), (
                    mutant.name,
                    str(report),
                )


@pytest.mark.parametrize("exercise", sets())
def test_a_set_has_mistakes_of_several_families_and_other_right_solutions(exercise):
    pieces = pieces_of(exercise).values()
    for piece in pieces:
        assert len(piece.mutants) >= 4, piece.name
        assert len({mutant.family for mutant in piece.mutants}) >= 4, piece.name
        assert len(piece.equivalents) >= 3, piece.name
        for answers in (piece.mutants, piece.equivalents):
            names = [answer.name for answer in answers]
            assert len(set(names)) == len(names)
    assert sum(len(piece.mutants) for piece in pieces) >= 25


def test_ps05_rules_alone_tell_many_mistakes_apart():
    rows = [row for p in pieces_of("ps05").values() for row in judge_all("ps05", p, [99])]
    tally = Tally.of(rows)
    assert tally.named >= 0.9 * tally.coded
    named = {row.code for row in rows if row.code and row.named}
    assert len(named) >= 20
