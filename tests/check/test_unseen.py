"""The sweep over unseen mistakes sorts them rightly and notices a check that is blind."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from nncourse.check import call, judged
from nncourse.check.judged import Judgement, at_most, to_judge, wrong_among
from nncourse.check.unseen import (
    EQUAL,
    HINT,
    INSIDE,
    OBSERVATION,
    OUTSIDE,
    SURVIVED,
    Told,
    told_of,
    unseen,
)
from nncourse.exercises.ps05 import PIECES

ANSWER = """
def tanh_backward(dout, h):
    return dout * (1 - h ** 2)
"""


def sweep(piece=None, source=ANSWER, name="tanh_backward"):
    lines = range(3, len(source.splitlines()) + 1)
    return list(unseen("ps05", piece or PIECES[name], name, source, lines, {"np": np}))


def by_line(rows):
    return {row.change.after: row for row in rows}


def test_changes_are_sorted():
    rows = by_line(sweep())
    assert rows["return dout"].kind == INSIDE
    assert rows["return dout * (2 - h ** 2)"].kind == OUTSIDE
    assert rows["return dout * (2 - h ** 2)"].numbers
    assert not any(row.kind == SURVIVED for row in rows.values())
    assert not any(row.refuted for row in rows.values())


def test_a_change_that_changes_nothing_is_equal():
    source = ANSWER.replace("h ** 2", "h * h").replace("(1 -", "(0 + 1 -")
    rows = by_line(sweep(source=source))
    assert rows["return dout * (1 - h * h)"].kind == EQUAL


def test_a_blind_check_is_noticed():
    """With points at which h is 0 nothing but the first factor can be seen."""
    piece = PIECES["tanh_backward"]

    def blind(rng, case):
        point = piece.draw(rng, case)
        dout, h = point.arguments
        zero = np.zeros_like(h)
        return replace(point, arguments=(dout, zero), variables={"z": zero})

    kinds = [row.kind for row in sweep(replace(piece, draw=blind, mutants=(), equivalents=()))]
    assert kinds.count(EQUAL) > 3


def test_a_piece_without_points_for_a_case_is_noticed():
    piece = PIECES["linear_backward"]
    parts = tuple(part for part in piece.parts if part.output != "db")
    source = (
        "def linear_backward(dout, x, W, b):\n\n    return dout @ W, dout.T @ x, dout.sum(axis=0)"
    )
    rows = by_line(sweep(replace(piece, parts=parts), source, "linear_backward"))
    assert rows["return (dout @ W, dout.T @ x, dout.mean(axis=0))"].kind == SURVIVED


def test_a_wrong_solution_is_refused():
    with pytest.raises(ValueError, match="does not pass"):
        sweep(source=ANSWER.replace("1 -", "2 -"))


def test_loops_without_end_are_stopped_and_the_clock_is_put_back():
    source = ANSWER.replace("    return", "    n = 0\n    while n < 2:\n        n += 1\n    return")
    rows = [row for row in sweep(source=source) if row.change.after == "pass"]
    assert any(row.report.problem is not None for row in rows)
    assert (call.TIME_LIMIT, call.CLOCK) == (10.0, "ITIMER_REAL")


def test_what_is_told_can_be_judged():
    told = [one for row in sweep() for one in told_of(row)]
    assert told
    first = Told("ps05.x", HINT, "c", "dz", "text")
    many = [Told("ps05.x", OBSERVATION, str(i), "dz", "text") for i in range(500)]
    chosen = to_judge([first, *many])
    assert first in chosen
    assert len(chosen) == 1 + judged.SAMPLE
    assert chosen == to_judge([*many, first])
    judgements = {first: Judgement(first, judged.WRONG), many[0]: Judgement(many[0], judged.RIGHT)}
    assert wrong_among([first, *many], judgements) == (1, 2)


def test_judgements_come_back_from_their_file(tmp_path):
    one = Judgement(Told("ps05.x", HINT, 'a "b"\nc', "dz, db", "text, more"), judged.WRONG, "why")
    judged.write([one], tmp_path / "file.csv")
    assert judged.read(tmp_path / "file.csv") == {one.told: one}


def test_the_upper_limit_of_a_share():
    assert at_most(0, 59) == pytest.approx(1 - 0.05 ** (1 / 59), abs=1e-9)
    assert at_most(3, 3) == 1
    assert at_most(2, 100) == pytest.approx(0.0616, abs=5e-4)
