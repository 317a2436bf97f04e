"""Gates that see the cell: what follows from a wrong cell is not called the cell's reason."""

from __future__ import annotations

import numpy as np
import pytest

from nncourse.check.judge import judge
from nncourse.exercises.ps11.peephole import EARLY, LATE, PEEPHOLE_STEP, STEP_LINES, step


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
