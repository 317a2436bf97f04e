"""Gates that see the cell: what follows from a wrong cell is not called the cell's reason."""

from __future__ import annotations

import numpy as np
import pytest

from nncourse.check.judge import judge
from nncourse.exercises.ps11 import PIECES
from nncourse.exercises.ps11.gru import GRU_STEP, GRU_STEP_BACKWARD
from nncourse.exercises.ps11.gru import STEP_LINES as GRU_LINES
from nncourse.exercises.ps11.peephole import (
    EARLY,
    LATE,
    PEEPHOLE_BACKWARD,
    PEEPHOLE_STEP,
    STEP_LINES,
    step,
)


@pytest.mark.parametrize(
    "cell",
    [
        lambda s: s.f * s.c - s.i * s.g,
        lambda s: s.f / s.c + s.i * s.g,
        lambda s: s.f * s.c + s.c * s.g,
    ],
)
def test_a_wrong_cell_is_told_of_the_cell_and_not_of_the_gate_that_sees_it(cell):
    report = judge(PEEPHOLE_STEP, [STEP_LINES.but(c_next=cell)])
    wrong = [verdict.output.name for verdict in report.verdicts if not verdict.passed]
    assert wrong == ["c_next", LATE, "h_next"]
    assert report.score == pytest.approx(0.4)
    assert not {LATE, "h_next"} & {name for d in report.diagnoses for name in d.outputs}
    assert report.hints()[0][1].startswith("c_next")


def test_a_wrong_output_gate_is_told_of_that_gate():
    def answer(*arguments):
        _h_next, c_next, gates = step(*arguments)
        H = c_next.shape[1]
        gates[:, 3 * H :] = 1 - gates[:, 3 * H :]
        return gates[:, 3 * H :] * np.tanh(c_next), c_next, gates

    report = judge(PEEPHOLE_STEP, [answer])
    assert [v.output.name for v in report.verdicts if not v.passed] == [LATE, "h_next"]
    assert report.hints()[0][1].startswith(LATE)


@pytest.mark.parametrize("keep", [lambda g: g[:, :-1], lambda g: g.T, lambda g: g[None], np.ravel])
def test_gates_of_another_shape_are_told_the_whole_shape(keep):
    def answer(*arguments):
        h_next, c_next, gates = step(*arguments)
        return h_next, c_next, keep(gates)

    report = judge(PEEPHOLE_STEP, [answer])
    x, h = PEEPHOLE_STEP.points()[0].arguments[:2]
    want = (len(x), 4 * h.shape[1])
    problems = {v.output.name: v.problem for v in report.verdicts if v.problem}
    assert set(problems) == {EARLY, LATE}
    assert all(problem.evidence["want"] == want for problem in problems.values())
    assert not report.diagnoses


def test_the_candidate_is_not_blamed_for_a_wrong_reset_gate():
    report = judge(GRU_STEP, [GRU_LINES.but(r=lambda s: 1 / (1 + np.exp(s.a_r)))])
    (diagnosis,) = report.diagnoses
    assert diagnosis.outputs == ("gates r, z",)
    assert diagnosis.finding.evidence["names"] == "r"


def test_the_reset_gate_is_not_blamed_for_a_wrong_candidate():
    def answer(dh_next, x, h, gates, Wx, Wh):
        return GRU_STEP_BACKWARD.reference(dh_next * 1.0, x, h, spoilt(gates), Wx, Wh)

    def spoilt(gates):
        r, z, n = np.split(gates, 3, axis=1)
        return np.concatenate([r, z, n**2], axis=1)

    report = judge(GRU_STEP_BACKWARD, [answer], mutants=False)
    wrong = [verdict.output.name for verdict in report.verdicts if not verdict.passed]
    assert wrong[:2] == ["da of z and n", "da of r"]
    assert "da of r" not in {name for d in report.diagnoses for name in d.outputs}


@pytest.mark.parametrize("gate", ["i", "f", "o"])
def test_a_wrong_peephole_is_told_by_its_gate(gate):
    def answer(*arguments):
        dz, dc, dp = PEEPHOLE_BACKWARD.reference(*arguments)
        return dz, dc, {**dp, gate: dp[gate] + arguments[2].sum(axis=0)} if gate in dp else dp

    (diagnosis,) = judge(PEEPHOLE_BACKWARD, [answer]).diagnoses
    assert diagnosis.outputs == ("dp",)
    assert diagnosis.finding.evidence["names"] == gate


def test_peepholes_summed_to_numbers_are_told_the_shape_of_one():
    def answer(*arguments):
        dz, dc, dp = PEEPHOLE_BACKWARD.reference(*arguments)
        return dz, dc, {gate: row.sum() for gate, row in dp.items()}

    report = judge(PEEPHOLE_BACKWARD, [answer])
    assert report.score == pytest.approx(0.7)
    H = PEEPHOLE_BACKWARD.points()[0].arguments[2].shape[1]
    problem = report.verdicts[2].problem
    assert problem.evidence == {"want": (H,), "got": "()"}


@pytest.mark.parametrize("value", [None, "0", 1j, [[1.0], []]])
def test_peepholes_that_are_no_numbers_cost_their_own_part_alone(value):
    def answer(*arguments):
        dz, dc, dp = PEEPHOLE_BACKWARD.reference(*arguments)
        return dz, dc, dict.fromkeys(dp, value)

    report = judge(PEEPHOLE_BACKWARD, [answer])
    assert report.score == pytest.approx(0.7)
    assert "dp is not an array of numbers" in str(report)


def test_gates_exchanged_in_what_is_returned_are_no_rows_exchanged_in_the_weights():
    """h_next is right, so r and z were computed with their own weights."""

    def answer(*arguments):
        h_next, gates = GRU_STEP.reference(*arguments)
        r, z, n = np.split(gates, 3, axis=1)
        return h_next, np.concatenate([z, r, n], axis=1)

    (diagnosis,) = judge(GRU_STEP, [answer]).diagnoses
    assert not diagnosis.mutant
    assert diagnosis.finding.code == "M86"
    assert str(diagnosis.finding).startswith("The blocks r, z are exchanged")


def test_peepholes_of_more_gates_cost_their_own_part_alone():
    def answer(*arguments):
        dz, dc, dp = PEEPHOLE_BACKWARD.reference(*arguments)
        return dz, dc, {gate: np.zeros(dc.shape[1]) for gate in "ifo"} | dp

    report = judge(PEEPHOLE_BACKWARD, [answer])
    assert [v.output.name for v in report.verdicts if not v.passed] == ["dp"]
    assert "dp must be a dictionary with the same gates as p" in str(report)


@pytest.mark.parametrize("zeros", [("h0",), ("c0",), ("h0", "c0")])
@pytest.mark.parametrize("name", ["lstm_forward", "lstm_backward"])
def test_a_start_from_zeros_is_told_of_what_is_zero(name, zeros):
    piece = PIECES[name]

    def answer(*arguments):
        named = zip(piece.arguments, arguments, strict=True)
        return piece.reference(*(0 * value if key in zeros else value for key, value in named))

    for seed in range(5):
        (diagnosis,) = judge(piece, [answer], seed=seed).diagnoses
        hint = str(diagnosis.finding)
        assert "zeros" in hint
        assert tuple(start for start in ("h0", "c0") if start in hint) == zeros
