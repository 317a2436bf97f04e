"""What a session is told: the same, to the byte, whether its answers are right or wrong.

An answer that knew that it, or another one, is wrong could leave that to later questions, which
would then try something else. Nothing that is asked of a session, in what order, when, and what is
let go of that it gave, may depend on a verdict.
"""

from __future__ import annotations

import ast
import itertools
import json
import os
import shutil
import struct
from collections.abc import Iterator
from typing import Any

import pytest

from nncourse.check.report import Diagnosis
from nncourse.check.trial import Trial
from nncourse.diagnosis import Finding
from nncourse.exercises.piece import sets
from nncourse.grading.assignment import Assignment, make_assignment
from nncourse.grading.autograded import answers_of
from nncourse.grading.bench import Bench
from nncourse.grading.sandbox.channel import Channel
from nncourse.grading.worker import make_item
from tests.grading.kinds import SETUP, Kind
from tests.grading.test_oracle import assignment, points
from tests.grading.test_sets import notebooks

LENGTH = struct.Struct("I")
IN_PLACE = {"train_step"}  # what it changes is spoilt by nothing here

SPOILED = """
def _spoiled(value):
    import numpy as np
    if isinstance(value, list) and value and isinstance(value[0], str) and SHIFT:
        return value[::-1]
    if isinstance(value, (tuple, list)):
        return type(value)(map(_spoiled, value))
    if isinstance(value, dict):
        more = {"extra": object()} if "W1" in value else {}
        return {key: _spoiled(item) for key, item in value.items()} | more
    if isinstance(value, (bool, np.bool_)):
        return bool(value) != bool(SHIFT)
    if isinstance(value, (int, float, np.number, np.ndarray)) and np.asarray(value).dtype != bool:
        return value + SHIFT
    return value

def _spoil(function):
    import functools
    @functools.wraps(function)
    def spoiled(*args, **named):
        value = _spoiled(function(*args, **named))
        for array in getattr(args[0], "params", []) if args else []:
            array += SHIFT
        if args and hasattr(args[0], "grad"):
            args[0].grad += SHIFT
        return value
    return spoiled

if isinstance(NAME, type):
    for _name, _method in [*vars(NAME).items()]:
        if not _name.startswith("_"):
            setattr(NAME, _name, _spoil(_method))
else:
    NAME = _spoil(NAME)
"""


def spoilt(source: str, shift: int) -> str:
    """An answer whose numbers are shifted, at the end of the last function or class in it."""
    names = [
        node.name
        for node in ast.parse(source).body
        if isinstance(node, (ast.FunctionDef, ast.ClassDef))
    ]
    if not names:
        return source
    return source + SPOILED.replace("SHIFT", str(shift)).replace("NAME", names[-1])


class Overheard(Bench):
    """Writes down what is sent to sessions."""

    def __init__(self, file: int) -> None:
        super().__init__()
        self.file = file

    @property
    def files(self) -> list[int]:
        return [*super().files, self.file]

    def hear(
        self, assignment: Assignment, answers: dict[str, str], seed: int = 7
    ) -> tuple[dict[str, Any], list[bytes]]:
        """The verdict, and what the sessions were told on the way."""
        self.prepare(assignment.packed)
        os.ftruncate(self.file, 0)
        verdict = json.loads(self.grade(make_item("anna", answers, seed)))
        data = os.pread(self.file, os.fstat(self.file).st_size, 0)
        frames, place = [], 0
        while place < len(data):
            (length,) = LENGTH.unpack_from(data, place)
            place += LENGTH.size + length
            frames.append(data[place - length : place])
        assert frames
        return verdict, frames


@pytest.fixture(scope="module")
def bench(tmp_path_factory) -> Iterator[Overheard]:
    if shutil.which("bwrap") is None:
        pytest.skip("bubblewrap is not installed")
    path = tmp_path_factory.mktemp("overheard") / "frames"
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND)
    send_frame = Channel.send_frame

    def heard(self, frame, deadline=None):
        os.write(file, LENGTH.pack(len(frame)) + bytes(frame))
        send_frame(self, frame, deadline)

    with pytest.MonkeyPatch.context() as patch, Overheard(file) as found:
        patch.setattr(Channel, "send_frame", heard)
        yield found
    os.close(file)


def differing(right: list[bytes], wrong: list[bytes]) -> list[int]:
    """The numbers of the messages that differ."""
    assert len(right) == len(wrong)
    pairs = enumerate(zip(right, wrong, strict=True))
    return [number for number, (one, other) in pairs if one != other]


@pytest.mark.parametrize("name", sets())
def test_a_session_is_told_the_same_whatever_is_wrong(bench, name):
    solved, released = notebooks(name, "en")
    graded = make_assignment(name, solved, released, "en")
    code = {
        cell["metadata"].get("nbgrader", {}).get("grade_id")
        for cell in solved["cells"]
        if cell["cell_type"] == "code"
    }
    answers = {cell: source for cell, source in answers_of(solved).items() if cell in code}
    right = {cell: spoilt(source, 0) for cell, source in answers.items()}
    verdict, told = bench.hear(graded, right)
    short = [n for n, q in verdict["questions"].items() if q["points"] < q["max_points"]]
    assert not short, verdict["questions"][short[0]]
    lost = set()
    for cell, source in answers.items():
        wrong = {**right, cell: spoilt(source, 1)}
        if wrong == right:
            continue
        verdict, told_wrong = bench.hear(graded, wrong)
        lost |= {n for n, q in verdict["questions"].items() if q["points"] < q["max_points"]}
        assert len(differing(told, told_wrong)) == 1, f"{cell}: more than its own source"
    assert verdict["questions"].keys() - lost <= IN_PLACE


MODEL = """
class Model:
    def predict(self, x):
        return 2 * x
"""


HELD = {
    "in a function": "def run():\n    model = Model()\n    assert model.predict(3) == 6\nrun()",
    "in the message": "model = Model()\nassert model.predict(3) == 6, model",
    "in the error": """
def run():
    model = Model()
    if model.predict(3) != 6:
        raise ValueError("wrong", model)
run()""",
    "in a list": """
errors = []
def run():
    model = Model()
    if model.predict(3) != 6:
        errors.append(model)
run()
10 - 10 * len(errors)""",
}


@pytest.mark.parametrize("test", HELD.values(), ids=HELD)
def test_what_a_failed_cell_still_has_is_let_go_as_late_as_what_a_right_one_had(bench, test):
    after = [("answer", "b", ""), ("tests", "u", "assert g() == 1")]
    kind = Kind(
        [SETUP, ("answer", "a", ""), ("tests", "t", test), *after],
        {"a": MODEL, "b": "def g(): return 1"},
    )
    graded = assignment(kind)
    verdict, told = bench.hear(graded, kind.right)
    assert points(verdict) == [10, 10]
    verdict, told_wrong = bench.hear(graded, {**kind.right, "a": MODEL.replace("2 *", "3 *")})
    assert points(verdict) == [0, 10]
    assert len(differing(told, told_wrong)) == 1


@pytest.fixture
def aloud(bench, monkeypatch):
    """Comparing and looking for reasons is heard as well, in the processes that grade."""
    compare = Trial.compare
    rehearses = os.getpid()

    def hear(what):
        if os.getpid() != rehearses:
            os.write(bench.file, LENGTH.pack(len(what)) + what)

    def comparing(*about):
        hear(b"compared")
        compare(*about)

    def finding(*_about):
        hear(b"reasons")
        return (Diagnosis(("dz",), Finding("told", "wrong by half")),)

    bench.close()  # forks of what follows are to know it
    monkeypatch.setattr(Trial, "compare", comparing)
    monkeypatch.setattr("nncourse.check.judge.find_reasons", finding)
    yield bench
    bench.close()


WRONG = "def relu_backward(dout, z):\n    return 3 * dout"
CHECK = "from nncourse.check import check\ncheck('ps05.relu_backward', relu_backward).points(10)"


@pytest.mark.parametrize("last", ["", "import os\nos._exit(3)"])
def test_a_verdict_is_reached_when_the_session_is_over(aloud, last):
    """And what is wrong is said when the last session is over: where one is ended, the clock of the
    next would tell how long the words took.
    """
    cells = [SETUP, ("answer", "a", ""), ("tests", "t", CHECK), ("answer", "b", "")]
    kind = Kind([*cells, ("tests", "u", CHECK)], {"a": WRONG, "b": last})
    verdict, frames = aloud.hear(assignment(kind), kind.right)
    assert points(verdict) == [0, 0]
    for question in verdict["questions"].values():
        assert question["report"][0]["mistakes"][0]["says"]["en"] == "wrong by half"
    kinds = [frame if frame in (b"compared", b"reasons") else b"asked" for frame in frames]
    turns = [kind for kind, _same in itertools.groupby(kinds)]
    first = [b"asked", b"compared"] if last else []
    assert turns == [*first, b"asked", b"compared", b"reasons", b"compared", b"reasons"]


def test_points_that_a_cell_computes_with_are_numbers_and_reports_are_reports(bench):
    setup, call = CHECK.removesuffix(".points(10)").split("\n")
    tests = {
        "sum": f"2 * {call}.points(4) + 1",
        "power": f"np.round({call}.points(3) ** 2)",
        "given": f"import copy\nreport = copy.copy({call})\nprint(report)\n10.0 * report.passed",
        "named": f"{call}.points(maximum=10)",
        "of another": "class Mine:\n    def points(self, n): return n / 2\nMine().points(10)",
        "no points": call,
    }
    cells = [("readonly", "setup", f"import numpy as np\n{setup}"), ("answer", "a", "")]
    cells += [("tests", name, source) for name, source in tests.items()]
    kind = Kind(cells, {"a": "def relu_backward(dout, z):\n    return dout * (z > 0)"})
    verdict, _frames = bench.hear(assignment(kind), kind.right)
    assert points(verdict) == [9, 9, 10, 10, 5, 0], verdict["questions"]
    assert "relu_backward" in str(verdict["outputs"]["4"])
    assert "relu_backward" in verdict["questions"]["no points"]["why"]
    verdict, _frames = bench.hear(assignment(kind), {"a": WRONG})
    assert points(verdict) == [1, 0, 0, 0, 5, 0], verdict["questions"]


def test_reasons_that_take_too_much_memory_cost_no_points(aloud, monkeypatch):
    def summary(_report):
        raise MemoryError

    monkeypatch.setattr("nncourse.grading.verdict.summary", summary)
    right = "def relu_backward(dout, z):\n    return dout * (z > 0)"
    cells = [
        SETUP,
        ("answer", "a", ""),
        ("tests", "t", CHECK),
        ("tests", "u", "assert relu_backward(5, 1) == 5"),
    ]
    verdict, _frames = aloud.hear(assignment(Kind(cells, {"a": right})), {"a": right})
    assert points(verdict) == [10, 10]
    assert verdict["questions"]["t"]["report"] == []
