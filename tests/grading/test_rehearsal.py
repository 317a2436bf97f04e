"""What workers have ready before the first submission, and that it changes no verdict."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module
from typing import Any

import numpy as np
import pytest

from nncourse.check.judge import judge
from nncourse.diagnosis import distance
from nncourse.exercises import Piece
from nncourse.exercises.piece import sets
from nncourse.grading import rehearsal
from nncourse.grading.assignment import Assignment
from nncourse.grading.proxy import Proxy
from nncourse.grading.rehearsal import SEED, load, rehearse

PIECES = [
    pytest.param(piece, id=f"{name}.{piece.name}")
    for name in sets()
    for piece in import_module(f"nncourse.exercises.{name}").PIECES.values()
]


@pytest.mark.parametrize("piece", PIECES)
def test_right_numbers_are_the_same_when_drawn_quickly(piece: Piece) -> None:
    for seed in (3, 2**50 + 7):
        for point in piece.points(seed):
            slow, quick = piece.expected(point), piece.expected(point, quick=True)
            assert slow.keys() == quick.keys()
            for name, right in slow.items():
                assert quick[name].dtype == right.dtype
                assert distance(quick[name], right) < 1e-7


@pytest.mark.parametrize("piece", import_module("nncourse.exercises.ps05").PIECES.values())
def test_every_known_answer_gets_the_same_verdict_when_drawn_quickly(piece: Piece) -> None:
    answers = [piece.reference, *[mutant.function for mutant in piece.mutants]]
    answers += [equivalent.function for equivalent in piece.equivalents]
    for seed in (11, 12):
        reports = []
        for quick in (False, True):
            piece._tasks.clear()
            piece.task(seed, quick)
            reports.append([judge(piece, [answer], seed=seed) for answer in answers])
        for slow, fast in zip(*reports, strict=True):
            assert (slow.score, slow.passed) == (fast.score, fast.passed)
            assert [v.passed for v in slow.verdicts] == [v.passed for v in fast.verdicts]
            told = [
                [(d.outputs, d.mutant, d.finding.code) for d in r.diagnoses] for r in (slow, fast)
            ]
            assert told[0] == told[1]


def test_a_reference_that_is_wrong_is_not_believed() -> None:
    right = import_module("nncourse.exercises.ps05").PIECES["linear_backward"]
    mutants = {mutant.name: mutant.function for mutant in right.mutants}
    wrong = Piece(**{**vars_of(right), "reference": mutants["db mean"]})
    for point in right.points(5):
        quick = wrong.expected(point, quick=True)
        np.testing.assert_array_equal(quick["db"], right.expected(point)["db"])


def test_a_reference_is_confirmed_once_for_each_kind_of_inputs() -> None:
    piece = import_module("nncourse.exercises.ps05").PIECES["linear_backward"]
    calls = []

    def forward(*given: Any) -> Any:
        calls.append(given)
        return piece.forward(*given)

    counted = Piece(**{**vars_of(piece), "forward": forward})
    for seed, more in ((5, 2 * len(piece.outputs) * len({*piece.cases})), (6, 0)):
        before = len(calls)
        points = counted.points(seed)
        for point in points:
            counted.expected(point, quick=True)
        assert len(calls) == before + more


def vars_of(piece: Piece) -> dict:
    return {name: getattr(piece, name) for name in Piece.__dataclass_fields__}


def test_the_pieces_of_the_graded_cells_are_found() -> None:
    cells = [
        'check("ps05.linear_backward", f).points(10)',
        'nnc.check.check("ps05.training", f).points(10)',
        'check("ps05.nothing", f); check(name, f); check()',
        "1 +",
    ]
    notebook = {"cells": [graded(f"q{number}", text) for number, text in enumerate(cells)]}
    rules: dict[str, Any] = {
        "withheld": [],
        "operators": [],
        "objects": {},
        "packages": [],
        "limits": {},
    }
    found = load(Assignment("ps05", notebook, rules, {}, [], {}, {}))
    assert [piece.name for piece in found] == ["linear_backward", "training"]
    found[0]._tasks.clear()
    assert len(list(rehearse(found))) == 3 * len(found)
    assert SEED in found[0]._tasks


@pytest.mark.parametrize("piece", PIECES)
def test_a_right_answer_passes_where_it_is_rehearsed(piece: Piece, monkeypatch: Any) -> None:
    reports, kinds = [], []

    def judged(piece: Piece, answers: list, **how: Any) -> Any:
        kinds.append(type(answers[0]).__mro__)
        reports.append(judge(piece, answers, **how))
        return reports[-1]

    monkeypatch.setattr(rehearsal, "judge", judged)
    next(rehearse([piece]))
    assert [report.passed for report in reports] == [True]
    plain = not any(callable(value) for value in piece.points(SEED)[0].arguments)
    assert (Proxy in kinds[0]) == (piece.drive is None and plain)


INSIDE = """
import linecache, sys
before = sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__, sys.modules["__main__"]
finders = sys.meta_path[:]
from nncourse.grading.sandbox.inside import cells, rehearsal
notebooks = []
def notebook(output):
    notebooks.append(cells.Notebook(output))
    return notebooks[0]
rehearsal.Notebook = notebook
rehearsal.rehearse(1000)
assert notebooks[0].count == rehearsal.ROUNDS and "answer" in notebooks[0].names
after = sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__, sys.modules["__main__"]
assert all(map(lambda a, b: a is b, before, after))
assert sys.meta_path == finders and not linecache.cache
"""


def test_the_warm_process_is_after_its_rehearsal_as_it_was() -> None:
    done = subprocess.run([sys.executable, "-c", INSIDE], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-1000:]


NOTHING_NEW = """
import sys
from nncourse.check.judge import judge
from nncourse.exercises.ps05 import PIECES
from nncourse.grading.rehearsal import rehearse
from nncourse.grading.reports import summary

list(rehearse(PIECES.values()))
loaded = set(sys.modules)
for piece in PIECES.values():
    for mutants in (True, False):
        for mutant in piece.mutants:
            report = judge(piece, [mutant.function], seed=2, mutants=mutants)
            report.points(10)
            summary(report)
assert set(sys.modules) == loaded, sorted(set(sys.modules) - loaded)
"""


def test_after_the_rehearsal_no_oracle_loads_anything() -> None:
    done = subprocess.run([sys.executable, "-c", NOTHING_NEW], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-1000:]


def graded(name: str, source: str) -> dict:
    role = {"grade_id": name, "grade": True, "solution": False, "points": 10, "locked": True}
    return {"cell_type": "code", "source": source, "metadata": {"nbgrader": role}}


@pytest.mark.parametrize(
    ("source", "draws"),
    [
        ("import matplotlib.pyplot as plt\nx = 1", False),
        ("import matplotlib.pyplot as plt\nfig, ax = plt.subplots()", True),
        ("import matplotlib.pyplot as plt\ndef show():\n    plt.show()", True),
        ("from nncourse import plots\nplots.digit_grid(x)", True),
        ("from matplotlib.colors import to_rgb\nred = to_rgb('red')", True),
        ("import matplotlib\nmatplotlib.use('agg')", True),
        ("import numpy as plt\nplt.zeros(3)", False),
    ],
)
def test_an_assignment_draws_if_its_own_cells_do(source: str, draws: bool) -> None:
    role = {"grade_id": "setup", "grade": False, "solution": False, "locked": True}
    cell = {"cell_type": "code", "source": source, "metadata": {"nbgrader": role}}
    assignment = Assignment("x", {"cells": [cell]}, {}, {}, [], {}, {})
    assert assignment.draws is draws
