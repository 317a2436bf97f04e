"""One process for several submissions, where graded cells are nothing but checks."""

from __future__ import annotations

import contextlib
import json
import mmap
import os
import shutil
import signal
import time

import pytest

from nncourse.exercises.piece import sets
from nncourse.grading import forked
from nncourse.grading.assignment import Assignment, make_assignment
from nncourse.grading.autograded import answers_of
from nncourse.grading.bench import Bench
from nncourse.grading.forked import Turns
from nncourse.grading.worker import make_item
from tests.grading.kinds import Kind
from tests.grading.processes import processes_below
from tests.grading.test_oracle import assignment as toy
from tests.grading.test_oracle import points, whys
from tests.grading.test_sets import notebooks


def made(name: str) -> tuple[Assignment, dict[str, str]]:
    """An exercise set, and its right answers."""
    solved, released = notebooks(name, "en")
    return make_assignment(name, solved, released, "en"), answers_of(solved)


@pytest.fixture(scope="module")
def ps05():
    found, right = made("ps05")
    limits = {"cell_seconds": 2.0, "call_seconds": 1.0, "submission_seconds": 20.0}
    found.rules["limits"] = limits
    return found, right


@pytest.fixture(scope="module")
def bench(ps05):
    if shutil.which("bwrap") is None:
        pytest.skip("bubblewrap is not installed")
    with Bench() as found:
        found.prepare(ps05[0].packed)
        yield found


def graded(bench, ps05, number=0, **changed):
    item = make_item(f"s{number}", {**ps05[1], **changed}, 1000 + number)
    return json.loads(bench.grade(item))


FULL = [20, 10, 10, 10, 20, 10, 10]
# Tells of errors in a line of a cell, which may not have been run.
FORGES = """
import gc
server = next(one for one in gc.get_objects() if type(one).__name__ == "Server")
honest = server._answer
def answer(message):
    if isinstance(message.get("value"), dict):
        return honest(message)
    error = {"type": "ValueError", "kinds": ["ValueError"], "text": "x", "traceback": ""}
    honest({"n": message["n"], "error": {**error, "frames": [["<cell %d>", 2, "f"]]}})
server._answer = answer
"""
SIGMOID = "def sigmoid_backward(dout, s):\n    "
WRONG = {
    "wrong": SIGMOID + "return dout",
    "raises": SIGMOID + "raise ValueError(dout)",
    "prints": SIGMOID + "print('x' * 1000)\n    return dout * s * (1 - s)",
    "runs for ever": SIGMOID + "while True: pass",
    "ends its process": SIGMOID + "import os; os._exit(0)",
    "fills its memory": SIGMOID + "return bytearray(1 << 40)",
    "answers at length": SIGMOID + "return np.zeros((2000, 2000))",
    "draws": SIGMOID + "return np.random.rand(*dout.shape)",
    "no Python": "def",
    "warns": SIGMOID + "return np.log(-abs(dout))",
}


FORGED = {f"forges {n}": f"{SIGMOID}return dout\n{FORGES % n}" for n in range(1, 9)}


@pytest.mark.parametrize("name", sets())
def test_the_graded_cells_of_the_course_are_nothing_but_checks(name):
    assert made(name)[0].only_checks


CHECK = 'check("ps05.relu_backward", f).points(10)'
LOAD = ("readonly", "setup", "import nncourse as nnc\nfrom nncourse.check import check")


@pytest.mark.parametrize(
    ("load", "test", "only"),
    [
        (LOAD[2], CHECK, True),
        (LOAD[2] + "\nnnc.language.use('ru')", CHECK, True),
        (LOAD[2], "assert f(2) == 2", False),
        (LOAD[2], "print(1); " + CHECK, False),
        (LOAD[2], CHECK.replace("f)", "f, seed=3)"), False),
        (LOAD[2], CHECK.replace("f)", "f, mutants=[].append(1))"), False),
        (LOAD[2], CHECK.replace("(10)", "(10 * 2)"), False),
        (LOAD[2] + "\nimport numpy as np\nnp.seterr(all='raise')\nlimit = np.pi", CHECK, False),
        ("def check(*given): return nothing\nnothing = 1", CHECK, False),
        ("from mine import check", CHECK, False),
    ],
)
def test_anything_else_in_them_is_seen(load, test, only):
    kind = Kind(
        [("readonly", "setup", load), ("answer", "f", ""), ("tests", "first", test)],
        {"f": "def f(dout, z): return dout * (z > 0)"},
    )
    assert toy(kind).only_checks is only


def test_what_one_submission_did_changes_nothing_for_the_next(bench, ps05):
    """Each is judged as in a process of its own, whatever came before."""
    alone = {}
    sources = {**WRONG, **FORGED}
    for number, (what, source) in enumerate(sources.items()):
        bench._end_turns()
        alone[what] = graded(bench, ps05, number, sigmoid_backward_answer=source)
    bench._end_turns()
    right = graded(bench, ps05, 99)
    assert points(right) == FULL, whys(right)
    for number, (what, source) in enumerate(sources.items()):
        again = graded(bench, ps05, number, sigmoid_backward_answer=source)
        for part in ("questions", "outputs", "notes"):
            assert again[part] == alone[what][part], what
        after = graded(bench, ps05, 99)
        for part in ("questions", "outputs", "notes"):
            assert after[part] == right[part], what


ENDS = {"runs for ever", "ends its process", "answers at length"}  # the last fills the memory


@pytest.mark.parametrize("what", WRONG)
def test_the_process_stays_unless_something_happened(bench, ps05, what):
    graded(bench, ps05)
    first = bench._turns.pid
    result = graded(bench, ps05, 1, sigmoid_backward_answer=WRONG[what])
    expected = [20, 10, 10 * (what == "prints"), 10, 20, 10, 10]
    assert points(result) == expected, whys(result)
    assert (bench._turns is None) == (what in ENDS)
    assert what in ENDS or bench._turns.pid == first
    assert points(graded(bench, ps05, 2)) == FULL


@pytest.mark.parametrize("busy", [False, True])
def test_a_process_that_was_killed_is_replaced(bench, ps05, busy):
    graded(bench, ps05)
    pid = bench._turns.pid
    if busy:
        killer = os.fork()
        if killer == 0:
            time.sleep(0.03)
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
            os._exit(0)
    else:
        os.kill(pid, signal.SIGKILL)
    result = graded(bench, ps05, 1)
    if busy:
        os.waitpid(killer, 0)
    assert points(result) == FULL, whys(result)
    assert points(graded(bench, ps05, 2)) == FULL


def test_a_warm_process_that_was_killed_is_replaced(bench, ps05):
    graded(bench, ps05)
    bench.sandbox._process.kill()
    bench.sandbox._process.wait()
    assert points(graded(bench, ps05, 1)) == FULL
    assert points(graded(bench, ps05, 2)) == FULL


LATE = """
import os
def sigmoid_backward(dout, s):
    return dout * s * (1 - s)
for _ in range(12):
    if os.fork() == 0:
        while True:
            pass
"""


@pytest.mark.parametrize("more", [True, False])
def test_when_one_begins_nothing_of_the_last_is_there(bench, ps05, monkeypatch, more):
    """What it still holds counts against the bounds of both."""
    grader, take_turn = os.getpid(), bench._take_turn

    def counting(item, say):
        running = len(processes_below(grader))
        answer, well = take_turn(item, say)
        return {**answer, "running": running}, well and more

    bench._end_turns()
    monkeypatch.setattr(bench, "_take_turn", counting)
    graded(bench, ps05)
    quiet = graded(bench, ps05, 1)["running"]
    for number in range(3):
        late = graded(bench, ps05, number, sigmoid_backward_answer=LATE)
        assert points(late) == FULL, whys(late)
        assert graded(bench, ps05, 1)["running"] < quiet + 5
    bench._end_turns()


def turns(work, afterwards=lambda more: None):
    return Turns(work, afterwards, lambda file: None)


def test_who_serves_no_more_has_time_to_put_things_in_order(tmp_path):
    def afterwards(more):
        time.sleep(0.3)
        (tmp_path / "in order").write_text(str(more))

    found = turns(lambda item, say: ({}, False), afterwards)
    assert found.ask(b"", 5)[0] == {}
    assert (tmp_path / "in order").read_text() == "False"


@pytest.fixture
def counted():
    found = turns(lambda item, say: ({"item": item.decode(), "pid": os.getpid()}, item != b"last"))
    yield found
    found.end()


def test_one_process_answers_until_it_says_that_it_is_over(counted):
    answers = [counted.ask(item, 5)[0] for item in (b"one", b"", b"x" * 300_000)]
    assert [a["item"] for a in answers] == ["one", "", "x" * 300_000]
    assert {a["pid"] for a in answers} == {counted.pid}
    assert not counted.over
    assert counted.ask(b"last", 5)[0]["item"] == "last"
    assert counted.over


def test_who_takes_too_long_or_dies_gives_no_answer():
    def sleeps(item, say):
        say("the question")
        time.sleep(60 if item == b"sleep" else 0)
        os._exit(3)

    late = turns(sleeps)
    assert late.ask(b"sleep", 0.2) == (None, "the question", "grading took more than 0.2 s")
    dead = turns(sleeps)
    answer, at, why = dead.ask(b"", 5)
    assert answer is None
    assert at == "the question"
    assert "ended with status" in why
    assert late.over
    assert dead.over


def test_an_error_is_the_answer_and_the_end():
    failing = turns(lambda item, say: 1 / 0)
    answer, _at, _why = failing.ask(b"", 5)
    assert "ZeroDivisionError" in answer["failed"]
    assert failing.over
    failing.end()


def test_a_process_that_grows_is_replaced(monkeypatch):
    monkeypatch.setattr(forked, "GROWTH", 20 << 20)
    kept = []

    def grows(item, say):
        kept.append(mmap.mmap(-1, 8 << 20))  # not out of what was freed before
        return {}, True

    growing = turns(grows)
    count = 0
    while not growing.over:
        growing.ask(b"", 5)
        count += 1
    assert 2 <= count <= 4
    growing.end()


def test_no_process_serves_for_ever(monkeypatch):
    monkeypatch.setattr(forked, "MOST_TURNS", 3)
    found = turns(lambda item, say: ({}, True))
    over = []
    for _turn in range(3):
        found.ask(b"", 5)
        over.append(found.over)
    assert over == [False, False, True]
    found.end()
