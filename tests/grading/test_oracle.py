"""The oracle: every kind of exercise, and what it does when something goes wrong."""

from __future__ import annotations

import contextlib
import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import nncourse.grading.bench as bench_module
import nncourse.grading.forked as forked_module
from nncourse.check import check
from nncourse.check.report import Diagnosis
from nncourse.diagnosis import Finding
from nncourse.grading import oracle
from nncourse.grading.assignment import Assignment, make_assignment
from nncourse.grading.bench import Bench
from nncourse.grading.proxy import LONGEST, Silent
from nncourse.grading.sandbox import Sandbox, SandboxUnavailable, Session
from nncourse.grading.sandbox.outcome import SessionEnded
from nncourse.grading.seeds import seeds_of
from nncourse.grading.worker import make_item
from tests.grading.kinds import KINDS, POINTS, SETUP, Kind
from tests.grading.processes import processes_below
from tests.grading.toy import role

BARE = {"withheld": ["nncourse"], "packages": ["numpy"]}
LIMITS = {"cell_seconds": 2.0, "call_seconds": 1.0, "submission_seconds": 8.0}


def notebook(kind: Kind) -> dict:
    cells = []
    for what, name, source in kind.cells:
        given = kind.right.get(name, source)
        nbgrader = "solution" if what == "answer" else what
        metadata = role(name, nbgrader, POINTS.get(what)) if what != "plain" else {}
        cells.append({"cell_type": "code", "metadata": metadata, "source": given.strip()})
    rules = {**BARE, **kind.rules, "limits": {**LIMITS, **kind.rules.get("limits", {})}}
    return {"cells": cells, "metadata": {"nncourse": {"grading": rules}}}


def assignment(kind: Kind) -> Assignment:
    found = notebook(kind)
    return make_assignment("toy", found, found, "en")


@pytest.fixture(scope="module")
def bench():
    if shutil.which("bwrap") is None:
        pytest.skip("bubblewrap is not installed")
    with Bench() as found:
        yield found


@pytest.fixture(scope="module")
def grade(bench):
    def grade(kind: Kind, changed: dict[str, str] | None = None, seed: int = 11) -> dict:
        bench.prepare(assignment(kind).packed)
        item = make_item("anna", {**kind.right, **(changed or {})}, seed)
        return json.loads(bench.grade(item))

    return grade


def points(result: dict) -> list[float]:
    return [question["points"] for question in result["questions"].values()]


def whys(result: dict) -> str:
    return "\n".join(question["why"] for question in result["questions"].values())


def test_the_seed_tells_nothing_of_what_else_is_random(bench):
    """A generator that a test makes of the seed and lends gives the seed away."""
    test = """
import os, random
first = np.random.default_rng(int(os.environ["NNCOURSE_SEED"]))
noise = f(first)
print(noise, first.random(), np.random.rand(), random.random())
"""
    kind = Kind(
        [SETUP, ("answer", "f", ""), ("tests", "t", test)], {"f": "def f(r): return r.random()"}
    )
    bench.prepare(assignment(kind).packed)
    printed = []
    for seed, key in [(1, 1), (1, 2), (2, 1), (1, 2)]:
        verdict = json.loads(bench.grade(make_item("anna", kind.right, seed, key=key)))
        assert points(verdict) == [10], whys(verdict)
        printed.append(verdict["outputs"]["2"][0]["text"].split())
    (first, *other), (same, *others), (different, *_), again = printed
    assert first == same != different
    assert all(one != two for one, two in zip(other, others))
    assert again == [same, *others], "the same again"
    both = [seeds_of(student, "ps05", "secret") for student in ("anna", "ben")]
    assert len({number for seeds in both for number in seeds.values()}) == 4


def test_a_message_that_is_an_odd_answer_costs_its_own_question(grade):
    cells = [SETUP, ("answer", "f", ""), ("tests", "one", "y = f(3)\nassert type(y) is int, y")]
    kind = Kind([*cells, ("tests", "two", "assert f(2) == 4")], {"f": "def f(x): return x * x"})
    for answer in ("float('nan')", "[]", "{}", "np.full(3, np.inf)", "'1'"):
        result = grade(kind, {"f": f"def f(x): return 4 if x == 2 else {answer}"})
        assert points(result) == [0, 10], (answer, whys(result))
    text = """
class Text:
    def __init__(self, g): self.g = g
    def __str__(self): return str(self.g(float("nan")))
    __repr__ = __str__
def f(g): return Text(g) if callable(g) else g * g"""
    for test in ("y = f(lambda v: v * v)\nassert type(y) is int, y", "[f(lambda v: v * v)]"):
        asks = [SETUP, ("answer", "f", ""), ("tests", "one", test), kind.cells[3]]
        assert points(grade(Kind(asks, {"f": text}))) == [0, 10]


def test_of_what_a_test_prints_the_beginning_is_kept():
    sink = Silent()
    for _ in range(1000):
        print("x" * 1000, file=sink)
    assert LONGEST < len(sink.getvalue()) < 2 * LONGEST


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("seed", [1, 2**62])
def test_right_answers_of_every_kind_get_all_points(grade, name, seed):
    result = grade(KINDS[name], seed=seed)
    assert points(result) == KINDS[name].full, whys(result)
    assert result["seed"] == seed


def test_a_shared_array_is_changed_by_those_who_are_asked_to_and_only_then(grade):
    test = """
W = np.arange(3.0)
scaler, double = Scaler(W), Scaler(W).double
scaler.step(2.0)
np.testing.assert_array_equal(W, [0, 2, 4])
double()
np.testing.assert_array_equal(W, [0, 4, 8])
for _ in scaler.steps(2):
    pass
np.testing.assert_array_equal(W, [0, 16, 32])
np.testing.assert_array_equal(squares(W), W * W)
np.testing.assert_array_equal(squares(W, lambda: float(W.sum())), 48.0)
assert shape.rank == 1 and repr(shape + 1) and len(shape) == 3
np.testing.assert_array_equal(W, [0, 16, 32])
"""
    answer = """
def squares(x, f=None):
    {end}
    return {k} * x * x if f is None else {k} * f()
class Shape:
    @property
    def rank(self):
        {end}
        return 1
    def __len__(self):
        {end}
        return 3
    def __add__(self, n):
        {end}
        return self
shape = Shape()
class Scaler:
    def __init__(self, W):
        self.W = seen = W
        globals()["seen"] = W
    def step(self, k):
        self.W *= k
    def double(self):
        self.step(2.0)
    def steps(self, n):
        for _ in range(n):
            yield self.step(2.0)
"""
    rules = {"in_place": ["Scaler"], "operators": ["add"]}
    right = {"answer": answer.format(end="pass", k=1)}
    kind = Kind([SETUP, ("answer", "answer", ""), ("tests", "tests", test)], right, rules=rules)
    result = grade(kind)
    assert points(result) == [10.0], whys(result)
    # Whatever ends the array for good changes nothing here.
    assert points(grade(kind, {"answer": answer.format(end="seen[:] = 0", k=1)})) == [10.0]
    assert points(grade(kind, {"answer": answer.format(end="seen[:] = 0", k=0)})) == [0.0]
    kind.rules = {"operators": ["add"]}
    assert points(grade(kind)) == [0.0]


WRONG = [(kind, name) for kind, found in KINDS.items() for name in found.wrong]


@pytest.mark.parametrize(("kind", "name"), WRONG)
def test_wrong_answers_of_every_kind_get_what_is_due(grade, kind, name):
    changed, due = KINDS[kind].wrong[name]
    result = grade(KINDS[kind], changed)
    assert points(result) == due, whys(result)


THREE = Kind(
    [
        ("answer", "one", ""),
        ("tests", "first", "assert one(2) == 2"),
        ("answer", "two", ""),
        ("tests", "second", "10.0 if two(2) == 4 else 2.5"),
        ("answer", "three", ""),
        ("tests", "third", "print('three:', three(2))\nassert three(2) == 6"),
    ],
    {
        "one": "def one(x):\n    return x",
        "two": "def two(x):\n    return 2 * x",
        "three": "def three(x):\n    return one(x) + two(x)",
    },
)


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ("def two(x):\n    import os; os._exit(0)", "ended its process"),
        ("def two(x):\n    while True: pass", "more than 1 s"),
        ("def two(x):\n    import os; os.kill(os.getpid(), 9); os.abort()", "by signal"),
        ("def two(x):\n    return bytearray(1 << 40)", "MemoryError"),
        ("def two(x):\n    raise SystemExit", "SystemExit"),
        ("def two(x):\n    return two(x)", "RecursionError"),
        ("def two(x)", "NameError"),
        ("import os\nos._exit(0)", "NameError"),
        ("while True: pass", "NameError"),
        ("raise SystemExit", "NameError"),
        ("def two(x):\n    return object()", "can't be compared"),
        ("def two(x):\n    return 10 ** 10 ** 4", ""),
        ("def two(x):\n    import sys; sys.stdout.write('x' * 10**7); return 5", ""),
        (
            "class two:\n    def __init__(self, x): pass\n    def __eq__(self, o): return True",
            "can't",
        ),
    ],
)
def test_a_question_that_goes_wrong_costs_itself_alone(grade, answer, says):
    result = grade(THREE, {"two": answer})
    first, second, _third = result["questions"].values()
    assert first["points"] == 10
    assert second["points"] in (0.0, 2.5)
    assert says in second["why"]
    result = grade(THREE, {"two": answer, "three": "def three(x):\n    return 6"})
    assert points(result)[::2] == [10, 10]


CHECK = "from nncourse.check import check\ncheck('ps01.train_perceptron', train).points(10)"
PERCEPTRON = """
def train(x, y, passes):
    w, history = np.zeros(x.shape[1] + 1), [np.zeros(x.shape[1] + 1)]
    z = np.c_[-np.ones(len(x)), x]
    clean = False
    while not clean:
        {how}
        clean = True
        for row, label in zip(z, y):
            if label * (w @ row) <= 0:
                w = w + label * row
                history.append(w)
                clean = False
    return history
"""


@pytest.mark.parametrize(
    ("how", "due"),
    [("", 7), ("while x.shape == (4, 2) or x.shape[1] == 3: pass", 0), ("while True: pass", 0)],
)
def test_a_check_goes_on_after_a_case_without_end(grade, monkeypatch, how, due):
    """As it does in the notebook, whatever the order of its cases; XOR has no end."""
    monkeypatch.setattr("nncourse.check.call.TIME_LIMIT", 0.3)
    kind = Kind(
        [
            SETUP,
            ("answer", "train", ""),
            ("tests", "t", CHECK),
            ("tests", "u", "assert train(np.eye(2), np.array([1, -1]), 9)[0][0] == 0"),
            ("tests", "v", CHECK),
        ],
        {"train": PERCEPTRON.format(how=how)},
    )
    for seed in (2, 7):  # XOR is asked in the middle, or as the last
        result = grade(kind, seed=seed)
        assert points(result)[::2] == [due, due]
        assert points(result)[1] == 0 if how == "while True: pass" else 10
        for question in (result["questions"][name] for name in "tv"):
            assert question["report"][0]["mistakes"][-1]["code"] == "time"
        assert result["seconds"] < 8


@pytest.mark.parametrize("xor", ["raise ValueError", "os._exit(0)", "os.abort()"])
@pytest.mark.parametrize("three", ["pass", "raise ValueError", "os._exit(0)"])
def test_a_case_that_ends_the_process_costs_what_an_error_costs(grade, xor, three):
    """Whatever the order of the cases, which the seed gives; but two of them cost everything."""

    def found(xor, three, seed):
        ends = f"if x.shape == (4, 2): {xor}\n        if x.shape[1] == 3: {three}"
        stops = f"if clean: break\n        {ends}"
        code = PERCEPTRON.format(how=stops).replace("while not clean", "for _ in range(passes)")
        code = f"import os\n{code}"
        kind = Kind([SETUP, ("answer", "train", ""), ("tests", "t", CHECK)], {"train": code})
        return points(grade(kind, seed=seed))[0]

    raised = found("raise ValueError", three.replace("os._exit(0)", "raise ValueError"), 0)
    assert 0 < raised < 10
    two = "os" in xor and "os" in three
    assert {found(xor, three, seed) for seed in range(4)} == {0 if two else raised}


@pytest.mark.parametrize("size", ["> 500", "< 500"])
def test_what_ends_a_case_may_do_so_again_where_the_reason_is_looked_for(grade, size):
    """It is the same mistake. One is in a case of its own, the other in all others."""
    check = "from nncourse.check import check\ncheck('ps04.topological_order', order).points(10)"
    rest = "assert len(order({1: [], 2: [1]}, 2)) == 2"
    kind = [SETUP, ("answer", "a", ""), ("tests", "t", check), ("tests", "u", rest)]
    found = {}
    for how in ("raise ValueError", "os._exit(0)"):
        code = f"""
import os
def order(graph, out):
    if len(graph) {size} and len(graph) > 2: {how}
    order, done = [], set()
    stack = [(out, False)]
    while stack:
        n, ready = stack.pop()
        if ready:
            order.append(n)
        elif n not in done:
            done.add(n)
            stack += [(n, True), *((i, False) for i in graph[n])]
    return order"""
        found[how] = points(grade(Kind(kind, {"a": code})))
    raised, ended = found.values()
    assert ended == ([0, 10] if size == "< 500" else raised)
    assert (raised[0] > 5) == (size == "> 500")


def test_a_case_that_is_late_sooner_in_another_try_is_one_case():
    """Else what was late at first would be taken for a second case, and the first for nothing."""
    tries = oracle.Tries()
    for call in (676, 615):
        tries.note(3, call, SessionEnded("late", "", True), is_judged=False)
    ends = tries.ends_in(3)
    assert ends(615).kind == "late"
    assert ends(676) is None
    for call in range(600, 600 - oracle.DEATHS, -1):
        tries.note(3, call, SessionEnded("late", "", True), is_judged=False)
    assert tries.ends_in(3)(1).kind == "late"  # they are counted, and have an end


def test_loops_in_every_cell_are_bounded_by_the_submission(grade):
    loop = "while True: pass"
    result = grade(THREE, {"one": loop, "two": loop, "three": loop})
    assert points(result) == [0, 0, 0]
    assert result["seconds"] < 20


LATE = """
import os
for _ in range(30):
    if os.fork() == 0:
        while True:
            pass
"""


def test_when_one_begins_nothing_of_the_last_is_there(bench, grade, monkeypatch):
    """What it still holds counts against the bounds of both."""
    running = []

    def in_fork(*arguments):
        running.append(len(processes_below(os.getpid())))
        return original(*arguments)

    original = bench_module.in_fork
    monkeypatch.setattr(bench_module, "in_fork", in_fork)
    grade(THREE)
    for _ in range(4):
        assert points(grade(THREE, {"three": THREE.right["three"] + LATE})) == [10, 10, 10]
    grade(THREE)
    quiet = running[1]
    # Guardians may be on their way out, on a busy machine several; of the 30 none is there.
    assert max(running[1:]) < quiet + 5


@pytest.mark.parametrize("at", ["", "second"])
@pytest.mark.parametrize("times", [1, 9])
def test_a_verdict_that_was_killed_once_is_reached_anew(grade, monkeypatch, at, times):
    """As where another program has taken the memory; a question that always ends so is given up."""
    tries = []

    def in_fork(work, *rest):
        def dies(say):
            if at:
                say(at)
            os.kill(os.getpid(), signal.SIGKILL)

        tries.append(work)
        return original(dies if len(tries) <= times else work, *rest)

    original = bench_module.in_fork
    monkeypatch.setattr(bench_module, "in_fork", in_fork)
    result = grade(THREE)
    if times == 1:
        assert points(result) == [10, 10, 10]
    else:
        assert "ended with status -9" in result["failed"]
        assert len(tries) <= 3


OPTIMISED = """
import json
from nncourse.grading.bench import Bench
from nncourse.grading.names import quick_names
from nncourse.grading.worker import make_item
from tests.grading.test_oracle import KEPT, assignment, points
with Bench() as bench:
    bench.prepare(assignment(KEPT).packed)
    item = make_item("anna", {"one": "def one(x): return 3"}, 11)
    print(points(json.loads(bench.grade(item))), quick_names("assert f").later)"""
KEPT = Kind(
    [
        ("readonly", "helper", "def must(x):\n    assert x"),
        ("answer", "one", ""),
        ("tests", "first", "assert one(2) == 2"),
        ("tests", "second", "must(one(2) == 2)"),
    ],
    {"one": "def one(x):\n    return x"},
)


def test_assertions_are_kept_where_python_leaves_them_out(bench):
    command = [sys.executable, "-O", "-c", OPTIMISED]
    run = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parents[2])
    assert run.stdout == "[0.0, 0.0] {'f'}\n", run.stderr


SHOT = """
import ctypes, time
def two(x):
    ctypes.CDLL(None).prctl(15, b'to be shot')
    time.sleep(0.4)
    return 2 * x"""


@pytest.mark.parametrize("times", [2, 9])
def test_a_session_that_the_system_killed_is_begun_anew(grade, times):
    """As where another submission has taken the machine's memory."""
    grader = os.getpid()
    killer = os.fork()
    if killer == 0:
        killed: set[int] = set()
        while len(killed) < times:
            for pid in processes_below(grader) - {grader, os.getpid()} - killed:
                with contextlib.suppress(OSError):
                    if Path(f"/proc/{pid}/comm").read_text() == "to be shot\n":
                        os.kill(pid, signal.SIGKILL)
                        killed.add(pid)
            time.sleep(0.02)
        os._exit(0)
    try:
        result = grade(THREE, {"two": SHOT})
    finally:
        os.kill(killer, signal.SIGKILL)
        os.waitpid(killer, 0)
    assert points(result) == ([10, 10, 10] if times == 2 else [10, 0, 0])
    assert ("signal 9" in whys(result)) == (times == 9)


def test_a_lower_bound_of_the_machine_s_own_stays():
    """To raise it is refused to all but root."""
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    most = used + (500 << 20)

    def work(say):
        return {"bound": resource.getrlimit(resource.RLIMIT_AS)}

    pid = os.fork()
    if pid == 0:
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
        answer, *_ = bench_module.in_fork(work, 10, lambda: None, lambda writing: None)
        os._exit(0 if answer == {"bound": [most, most]} else 1)
    assert os.waitpid(pid, 0)[1] == 0


def test_what_was_judged_is_not_drawn_again_where_the_system_kills(grade):
    """An answer that is right only later on, as one by luck might be."""
    limits = {"call_seconds": 30.0, "submission_seconds": 90.0}
    kind = Kind(THREE.cells, THREE.right, rules={"limits": limits})
    grader, later = os.getpid(), time.time() + 10  # on a busy machine, too
    killer = os.fork()
    if killer == 0:
        while True:
            for pid in processes_below(grader) - {grader, os.getpid()}:
                with contextlib.suppress(OSError):
                    if Path(f"/proc/{pid}/comm").read_text() == "to be shot\n":
                        time.sleep(max(0, later - time.time()))
                        os.kill(pid, signal.SIGKILL)
                        os._exit(0)
            time.sleep(0.02)
    lucky = f"import time\ndef one(x): return x if time.time() > {later} else -1"
    waits = SHOT.replace("0.4", f"max(0, {later} + 0.4 - time.time())")
    try:
        result = grade(kind, {"one": lucky, "two": waits})
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(killer, signal.SIGKILL)
        os.waitpid(killer, 0)
    assert points(result) == [0, 10, 10]
    assert "signal" not in whys(result)


def test_answers_that_fill_the_memory_of_the_tests_are_told_so(grade, monkeypatch):
    monkeypatch.setattr(forked_module, "OWN_MEMORY", 300 << 20)
    test = ("tests", "first", "kept = [one(n) for n in range(99)]\nassert kept[2] == 2")
    rules = {"limits": {"call_seconds": 20.0, "submission_seconds": 90.0}}
    kind = Kind([SETUP, THREE.cells[0], test, *THREE.cells[2:]], THREE.right, rules=rules)
    for many in ("np.zeros(60 << 17)", "bytes(60 << 20)", "[bytes(n) for n in range(11_000)]"):
        result = grade(kind, {"one": f"def one(x):\n    return x if x == 2 else {many}"})
        assert points(result) == [0, 10, 10], whys(result)
        assert "memory than there is for the tests" in whys(result)


@pytest.mark.parametrize("everyone", [False, True])
def test_where_one_has_no_session_the_others_go_on(grade, monkeypatch, everyone):
    """The run ends only where nobody could have one."""
    grader = os.getpid()
    session = Sandbox.session

    def no_session(self, *arguments):
        if everyone or os.getpid() != grader:
            raise SandboxUnavailable("no session could be started")
        return session(self, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(Sandbox, "session", no_session)
        patch.setattr(Sandbox, "spare", lambda self: None)
        with contextlib.suppress(SandboxUnavailable):
            grade(THREE)  # which may have a session that was made before
        if everyone:
            with pytest.raises(SandboxUnavailable, match="no session could be started"):
                grade(THREE)
        else:
            assert grade(THREE)["lost"] == "no session could be started"
    assert points(grade(THREE)) == [10, 10, 10]


def test_an_error_is_shown_with_the_students_line(grade):
    result = grade(THREE, {"three": "def three(x):\n    y = x\n    return y / 0"})
    lines = "\n".join(result["outputs"]["5"][-1]["traceback"])
    assert "return y / 0" in lines
    assert "in three" in lines
    assert "ZeroDivisionError" in lines
    assert not re.search(r"(proxies|proxy|raised)\.py", lines)


def test_output_of_tests_and_answers_is_kept(grade):
    result = grade(THREE, {"three": THREE.right["three"] + "\nprint('hello')"})
    assert result["outputs"]["4"][0]["text"] == "hello\n"
    assert result["outputs"]["5"][0]["text"] == "three: 6\n"


@pytest.mark.parametrize(
    ("value", "due"),
    [
        ("3.5", 3.5),
        ("0", 0.0),
        ("10", 10.0),
        ("None", 10.0),
        ("-1.0", 0.0),
        ("10.5", 0.0),
        ("float('nan')", 0.0),
        ("float('inf')", 0.0),
        ("True", 0.0),
        ("'10'", 0.0),
        ("f", 0.0),
        ("f(1)", 0.0),
        ("__import__('numpy').float32(2.5)", 2.5),
        ("raise_it()", 0.0),
        ("exit()", 0.0),
    ],
)
def test_a_graded_cell_earns_what_it_ends_in(grade, value, due):
    kind = Kind(
        [("answer", "f", ""), ("tests", "t", f"x = f(1)\n{value}")],
        {"f": "class A:\n    def __eq__(self, o): return True\ndef f(x):\n    return A()"},
    )
    assert points(grade(kind)) == [due]


def test_names_that_answers_override_stay_the_lecturers_in_tests(grade):
    kind = Kind(
        [
            ("readonly", "setup", "import numpy as np\ndef score(ok):\n    return 10.0 * ok"),
            ("answer", "f", ""),
            ("tests", "t", "score(float(abs(f(3) - 9) < 1e-9))"),
            ("tests", "u", "np.testing.assert_allclose(f(4), 16)"),
        ],
        {"f": "def f(x):\n    return x * x"},
    )
    hostile = (
        "import builtins, numpy as np\n"
        "score = lambda ok: 10.0\nabs = lambda x: 0\nbuiltins.abs = abs\n"
        "builtins.float = lambda x: 1\n"
        "np.testing.assert_allclose = lambda *a: None\ndef f(x):\n    return 0.0"
    )
    assert points(grade(kind)) == [10, 10]
    assert points(grade(kind, {"f": hostile})) == [0, 0]


def test_what_the_students_names_make_is_the_students(grade):
    """A statement that runs an answer makes names of the student's: they are read, not believed."""
    kind = Kind(
        [
            ("answer", "f", ""),
            ("readonly", "use", "limit = 4\nresult = f(limit)\nlimits = [limit]"),
            ("readonly", "helper", "def twice(x):\n    return f(x) + f(x)"),
            ("tests", "t", "assert result == 8 and limit == 4 and limits == [4]"),
            ("tests", "u", "assert twice(1) == 4"),
        ],
        {"f": "def f(x):\n    return 2 * x"},
    )
    assert points(grade(kind)) == [10, 10]
    hostile = "limits = None\ndef f(x):\n    global limit\n    limit = 4\n    return x"
    assert points(grade(kind, {"f": hostile})) == [0, 0]


def test_a_test_that_never_ends_costs_itself_alone(grade, monkeypatch):
    monkeypatch.setattr("nncourse.grading.bench.OWN_SECONDS", -6.0)
    kind = Kind(
        [
            ("answer", "f", ""),
            ("tests", "t", "while f(1) < 0: pass"),
            ("tests", "u", "assert f(1) < 5"),
        ],
        {"f": "def f(x):\n    return x"},
    )
    assert points(grade(kind)) == [10, 10]
    result = grade(kind, {"f": "def f(x):\n    return -1"})
    assert points(result) == [0, 10]
    assert "took more than" in whys(result)


def test_the_bytes_of_an_assignment_hold_no_solution():
    found = notebook(THREE)
    released = json.loads(json.dumps(found))
    for cell in released["cells"]:
        if cell["metadata"]["nbgrader"]["solution"]:
            cell["source"] = "# YOUR CODE HERE\nraise NotImplementedError()"
    packed = make_assignment("toy", found, released, "en").packed
    assert b"return 2 * x" not in packed
    assert b"assert one(2) == 2" in packed
    again = Assignment.from_bytes(packed)
    assert again.packed == packed
    assert again.defines == {"one": ["one"], "two": ["two"], "three": ["three"]}


def test_what_a_tests_own_function_asserts_is_the_tests_verdict(grade):
    """Student code that catches it gets neither past it nor told what was right."""
    test = """
seen = []
def on_step(value):
    seen.append(value)
    assert value == 3.0 * len(seen), f"{value} is not {3.0 * len(seen)}"
walk(on_step)
assert len(seen) >= 3
"""
    right = {"walk": "def walk(f):\n    for i in range(3): f(3.0 * (i + 1))"}
    kind = Kind([SETUP, ("answer", "walk", ""), ("tests", "walk_test", test)], right)
    assert points(grade(kind)) == [10]
    catches = (
        "def walk(f):\n    for i in range(3):\n        try: f(0)\n        except Exception: pass"
    )
    told = catches.replace("Exception: pass", "Exception as e: print(e)")
    for wrong in (catches, told, catches + "\n    raise ValueError", catches + "\n    return f"):
        result = grade(kind, {"walk": wrong})
        assert points(result) == [0]
        assert "AssertionError: 0 is not 3.0" in whys(result)


@pytest.mark.parametrize("says", ["assert", "pytest.fail"])
def test_a_tests_own_function_judges_no_answer_that_comes_later(grade, says):
    """Nor does what it says of the wanted value end all, and come to feedback."""
    raises = {
        "assert": "assert w == 3.25, 3.25",
        "pytest.fail": "if w != 3.25: pytest.fail('3.25')",
    }
    test = f"""
import pytest
def loss(w):
    {raises[says]}
    return 0
assert fit(loss, 3.25) == 0
"""
    right = {"fit": "def fit(loss, w): return loss(w)", "two": "def two(): return 2"}
    cells = [SETUP, ("answer", "fit", ""), ("tests", "t", test)]
    cells += [("answer", "two", ""), ("tests", "u", "assert two() == 2")]
    late = {
        "fit": "kept = []\ndef fit(loss, w):\n    kept.append(loss)\n    return loss(w)",
        "two": "def two(): return 2\ntry: kept[0](9)\nexcept Exception: pass",
    }
    result = grade(Kind(cells, right), late)
    assert points(result) == [10, 10 if says == "assert" else 0]
    assert "3.25" not in json.dumps([result["notes"], result["outputs"]])


def test_cells_of_the_lecturers_that_use_the_students_names_in_unusual_places(grade):
    given = """
class Net:
    layer = Scale(2)
    def run(self, x): return self.layer.run(x)
once = lambda x, f=square: f(x)
match {"p": [1, 2], "q": 3, "r": 4}:
    case {"p": [first, *others], "q": third, **rest}: pass
from math import *
"""
    right = "class Scale:\n    def __init__(self, n): self.n = n\n    def run(self, x): "
    right += "return self.n * x\ndef square(x): return x * x"
    test = """
assert Net().run(3) == 6 and once(3) == 9
assert first + sum(others) + third + rest["r"] == 10
assert square(floor(2.5)) == 4
"""
    cells = [SETUP, ("answer", "answer", ""), ("readonly", "given", given), ("tests", "all", test)]
    kind = Kind(cells, {"answer": right})
    result = grade(kind)
    assert points(result) == [10], whys(result)
    assert points(grade(kind, {"answer": right + " + x"})) == [0]


def test_sets_complex_numbers_and_dicts_with_any_keys_are_plain_data(grade):
    test = """
assert count([1, 1, 2]) == {1: 2, 2: 1} and count(np.array([3])) == {3: 1}
assert words("a b a") == {"a", "b"} and "b" in words("b c") and frozen(3) == frozenset({0, 1, 2})
assert grid(2) == {(0, 1): None, (1, 0): None} and len(words({"x y", "z"})) == 2
assert abs(root(-4) - 2j) < 1e-12 and root(4) * 1j == 2j and count({1: 5}) == {1: 5}
seen = {1}
add(seen, 2)
assert seen == {1, 2}
"""
    right = """
from collections import Counter
def count(x): return Counter(x)
def words(x): return set(x.split()) if isinstance(x, str) else x
def frozen(n): return frozenset(range(n))
def grid(n): return {(i, 1 - i): None for i in range(n)}
def root(x): return complex(x) ** 0.5
def add(seen, x): seen.add(x)
"""
    cells = [SETUP, ("answer", "answer", ""), ("tests", "all", test)]
    kind = Kind(cells, {"answer": right}, rules={"in_place": ["add"]})
    result = grade(kind)
    assert points(result) == [10], whys(result)
    equal = (
        "\nclass All:\n    def __eq__(self, other): return True\n    __hash__ = lambda self: 1\n"
    )
    assert points(grade(kind, {"answer": right + equal + "def words(x): return {All()}"})) == [0]


def test_results_that_are_odd_do_not_take_the_others_with_them(grade):
    """Each of them counts in the student's own notebook, too."""
    test = """
square, third, names, half = results(np.float64(3.0))
assert square == 9.0 and type(square) is np.float64 and list(names) == ["a", "b"]
np.testing.assert_array_equal(third, [1.0])
np.testing.assert_array_equal(half, np.array([0.5 + 1j]))
"""
    right = """
import numpy as np
def results(x):
    wide = np.longdouble(x)
    half = np.array([x / 6 + 1j], np.clongdouble)
    return wide**2, np.array([wide / 3]), np.array(["a", "b"]), half
"""
    cells = [SETUP, ("answer", "answer", ""), ("tests", "all", test)]
    kind = Kind(cells, {"answer": right})
    result = grade(kind)
    assert points(result) == [10], whys(result)
    assert points(grade(kind, {"answer": right.replace("**2", "*2")})) == [0]


@pytest.mark.parametrize(
    "test",
    [
        "assert np.allclose(f(x), x * 2)",
        "assert (x * 2 == f(x)).all()",
        "assert not (f(x) != x * 2).any()",
        "assert np.abs(f(x) - x * 2).sum() < 1e-9",
        "assert np.allclose(f(2.0), 4.0)",
        "assert abs(half(2.0004) - 4.0008) < 1e-6",
        "np.testing.assert_allclose(f(2.0), 4.0)",
        "assert np.all(np.isclose(run(lambda v: v, x)[0], x * 2))",
        "def g(v): assert np.allclose(v, x * 2)\ndone = run(g, x)",
    ],
)
@pytest.mark.parametrize("setup", ["", "# may be empty\n"])
def test_an_answer_without_elements_or_digits_agrees_with_nothing(grade, test, setup):
    setup += "x = np.arange(6.0).reshape(2, 3)\n"
    right = "def f(x): return x * 2\ndef run(g, x): return [g(x * 2)]\nhalf = f"
    empty = "import numpy as np\ndef f(x): return np.zeros((0, *np.shape(x)))\n"
    empty += "def run(g, x): return [g(f(x))]\ndef half(x): return np.float16(4)"
    cells = [SETUP, ("answer", "answer", ""), ("tests", "all", setup + test)]
    kind = Kind(cells, {"answer": right})
    assert points(grade(kind)) == [10]
    assert points(grade(kind, {"answer": empty})) == [0]


def test_empty_arrays_are_compared_among_themselves(grade):
    test = """
none = boxes(np.zeros((0, 4)))
np.testing.assert_array_equal(none, np.zeros((0, 4)))
assert none.shape == (0, 4) and len(none) == 0 and np.allclose(none, boxes(none))
assert np.concatenate([none, np.ones((1, 4))]).sum() == 4 and none.sum() == 0
"""
    cells = [SETUP, ("answer", "answer", ""), ("tests", "all", test)]
    result = grade(Kind(cells, {"answer": "def boxes(x): return x[:, :]"}))
    assert points(result) == [10], whys(result)


def test_a_generator_that_was_given_away_tells_nothing_of_what_the_test_draws(grade):
    test = """
rng, twin = np.random.default_rng(3), np.random.default_rng(3)
assert draw(rng) == twin.integers(1 << 40) and draw(rng) == twin.integers(1 << 40)
secret = rng.integers(1 << 40)
assert draw(rng) != secret
np.testing.assert_allclose(add(secret, 1), secret + 1)
"""
    right = "def draw(rng): return rng.integers(1 << 40)\ndef add(a, b): return a + b"
    kind = Kind([SETUP, ("answer", "answer", ""), ("tests", "all", test)], {"answer": right})
    result = grade(kind)
    assert points(result) == [10], whys(result)
    foresees = """
import copy
seen = []
def draw(rng):
    seen.append(copy.deepcopy(rng))
    return rng.integers(1 << 40)
def add(a, b):
    twins = [copy.deepcopy(rng) for rng in seen]
    drawn = {int(rng.integers(1 << 40)) for rng in twins for _ in range(9)}
    return a + b if a in drawn else 0
"""
    assert points(grade(kind, {"answer": foresees})) == [0]


@pytest.mark.parametrize(
    "made",
    [
        "rng = np.random.default_rng(4)\nsecret = rng.integers(1 << 40)",
        "rng, other = np.random.default_rng(4).spawn(2)\nsecret = other.integers(1 << 40)",
    ],
)
def test_a_generator_tells_nothing_of_what_was_drawn_before_or_by_its_kin(grade, made):
    right = "def draw(rng): return rng.random()\ndef same(a): return a"
    knows = """
import copy
def draw(rng):
    global drawn
    back = copy.deepcopy(rng)
    back.bit_generator.advance(-1)
    drawn = {int(back.integers(1 << 40))}
    for key in ((0,), (1,)):
        kin = np.random.default_rng(np.random.SeedSequence(4, spawn_key=key))
        if kin.bit_generator.state == rng.bit_generator.state:
            kin = np.random.default_rng(np.random.SeedSequence(4, spawn_key=(1 - key[0],)))
            drawn.add(int(kin.integers(1 << 40)))
    return 0.5
def same(a): return a if a in drawn else 0
"""
    test = f"{made}\nassert 0 <= draw(rng) < 1 and same(int(secret)) == secret"
    kind = of_one_cell(test, right)
    assert points(grade(kind)) == [10]
    assert points(grade(kind, {"a": knows})) == [0]


def of_one_cell(test: str, answer: str) -> Kind:
    return Kind([SETUP, ("answer", "a", ""), ("tests", "t", test)], {"a": answer})


def assert_told_apart(grade, test: str, right: str, wrong: str) -> None:
    """By a graded cell that consists of ``test``."""
    kind = of_one_cell(test, right)
    result = grade(kind)
    assert points(result) == [10], whys(result)
    assert points(grade(kind, {"a": wrong})) == [0]


@pytest.mark.parametrize(
    ("test", "right", "wrong"),
    [
        ("assert round(f(2), 4) == 1.4142", "2 ** 0.5", "np.float16(1.414)"),
        ("assert f(6) == 1e6", "10.0 ** x", "np.float16(np.inf)"),
        ("assert f(2)[0]['y'] == 1e6", "[{'y': 1e6}]", "[{'y': np.float16(np.inf)}]"),
        ("assert (f(2) == 1e6).all()", "np.full(2, 1e6)", "np.full(2, np.inf, np.float16)"),
        ("found = []\nf(found.append)\nassert found[0] == 1e6", "x(1e6)", "x(np.float16(np.inf))"),
        ("assert next(f(2)) == 1e6", "iter([1e6])", "iter([np.float16(np.inf)])"),
    ],
)
def test_half_precision_makes_no_number_of_the_tests_coarser(grade, test, right, wrong):
    kind = of_one_cell(test, f"def f(x): return {right}")
    assert points(grade(kind)) == [10]
    assert points(grade(kind, {"a": f"def f(x): return {wrong}"})) == [0]


@pytest.mark.parametrize(
    ("test", "right", "wrong"),
    [
        ("assert all(abs(r * r - 2) < 1e-6 for r in f(2))",
         "def f(x): return {x**0.5, -x**0.5}",
         "def f(x): return {np.float16(1.4142), np.float16(-1.4142)}"),
        ("assert all(abs(k * k - 2) < 1e-6 and v == 1 for k, v in f(2).items())",
         "def f(x): return {x**0.5: 1}", "def f(x): return {np.float16(1.4142): 1}"),
        ("assert all(abs(r * r - 2) < 1e-6 and v == 1 for r, v in f(2))",
         "def f(x): return {(x**0.5, 1)}", "def f(x): return {(np.float16(1.4142), 1)}"),
        ("(found,) = f(20)\nassert all(map(int, found))\na, b, c = found\n"
         "assert a * a + b * b == c * c",
         "def f(n): return {(3, 4, 5)}", "def f(n): return {tuple(np.uint8([16, 48, 16]))}"),
        ("x = np.random.default_rng(2).integers(1 << 60, size=50)\n"
         "assert np.array_equal(f(x), np.sort(x))",
         "def f(x): return np.sort(x)", "def f(x): return np.sort(x.astype(float)).astype(int)"),
        ("want = [3 * (3**37 + k) for k in range(4)]\n"
         "assert np.array_equal([f(3**37 + k) for k in range(4)], want)",
         "def f(n): return 3 * n", "def f(n): return 3 * n + 1"),
        ("assert (np.array([f(2**60), 1]) == [2**60, 1]).all()",
         "def f(n): return n", "def f(n): return n + 100"),
        ("y = f(np.ones(2))\nassert np.isrealobj(y) and np.allclose(y, 2)",
         "def f(x): return 2 * x", "def f(x): return 2 * x + 0j"),
    ],
)  # fmt: skip
def test_what_is_rounded_or_of_another_kind_is_found_wrong(grade, test, right, wrong):
    assert_told_apart(grade, test, right, f"import numpy as np\n{wrong}")


@pytest.mark.parametrize(
    "made",
    [
        "np.array([object(), np.ones(2)], object)",
        "np.ma.array([1.0, 2.0], mask=[0, 1])",
        "np.zeros(2, [('a', int)])",
    ],
)
def test_an_array_that_stays_there_is_not_taken_for_another_one(grade, made):
    test = "w, v = np.ones(2), np.ones(2)\nf(make(), {'w': w}, v)\n"
    test += "assert w.tolist() == [2, 2] and v.tolist() == [1, 1]"
    right = f"import numpy as np\ndef make(): return {made}\ndef f(made, w, v): w['w'] *= 2"
    cells = [SETUP, ("answer", "a", ""), ("tests", "t", test)]
    result = grade(Kind(cells, {"a": right}, rules={"in_place": ["f"]}))
    assert points(result) == [10], whys(result)


@pytest.mark.parametrize("given", ["x", "x=x", "[1, {'x': x}]"])
def test_an_array_that_cannot_be_changed_cannot_there_either(grade, given):
    test = "y, x = np.ones(3), np.ones(3)\nx.flags.writeable = False\n"
    test += f"assert np.allclose(f({given}), 2)\nassert np.allclose(g(y, x), 1)"
    take = "def f(x): x = x[1]['x'] if type(x) is list else x; "
    add = "\ndef g(y, x): y -= x; return y + x"  # what may be changed still may
    assert_told_apart(grade, test, f"{take}return 2 * x{add}", f"{take}x *= 2; return x{add}")


def test_half_precision_comes_as_it_is_where_a_test_asks_for_it(grade):
    test = "x = np.ones(2)\nassert half(x).dtype == np.float16"
    assert points(grade(of_one_cell(test, "def half(x): return x.astype('float16')"))) == [10]
    check = "from nncourse.check import check\ncheck('ps02.softmax', softmax).points(10)"
    coarse = "def softmax(z):\n    p = np.exp(z - z.max(axis=1, keepdims=True))\n"
    coarse += "    return (p / p.sum(axis=1, keepdims=True)).astype(np.float16)"
    assert points(grade(of_one_cell(check, coarse))) == [0]


@pytest.mark.parametrize(
    ("name", "answer", "due"),
    [
        ("ps01.neuron", "def f(w, x): h = x @ w[1:] - w[0]; return h, np.round(h > 0)", 10),
        ("ps01.neuron", "def f(w, x): h = x @ w[1:] - w[0]; return np.float16(h), h > 0", 4),
        ("ps01.neuron", "def f(w, x): h = x @ w[1:] - w[0]; return h, np.rint(h > 9)", 6),
        ("ps02.softmax", "def f(z): return np.rint(z == z.max(axis=1, keepdims=True))", 0),
    ],
)
def test_half_precision_earns_the_same_in_the_notebook(grade, name, answer, due):
    """Of a Boolean array NumPy's rounding makes one in float16."""
    code = f"from nncourse.check import check\ncheck({name!r}, f).points(10)"
    kind = of_one_cell(code, f"import numpy as np\n{answer}")
    made: dict = {}
    exec(kind.right["a"], made)
    for seed in (3, 11):
        assert points(grade(kind, seed=seed)) == [due]
        assert check(name, made["f"], seed=seed).points(10) == due


@pytest.mark.parametrize("asks", ["mean", "std", "sum", "max", "all", "shape", "round", "argmax"])
def test_numpy_asks_no_object_of_the_students_for_its_verdict(grade, asks):
    answer = "def f(x): return x"
    liar = "class Liar:\n    def __getattr__(self, name): return lambda *a, **k: 1.0\n"
    liar += "    shape = (1.0,)\ndef f(x): return Liar()"
    kind = of_one_cell(f"np.{asks}(f(np.ones(1)))\nNone", answer)
    assert points(grade(kind)) == [10]
    result = grade(kind, {"a": liar})
    assert points(result) == [0]
    assert f"own {asks}" in whys(result)
    method = of_one_cell("assert f(np.ones(1)).mean() == 1.0", answer)
    assert points(grade(method, {"a": liar})) == [10]


def test_half_precision_makes_no_object_of_the_tests_coarser(grade):
    test = "p = Param(2.0)\nset_it(p)\nassert p.data == 1e6"
    given = "class Param:\n    def __init__(self, data): self.data = data"
    cells = [SETUP, ("readonly", "given", given), ("answer", "a", ""), ("tests", "t", test)]
    kind = Kind(cells, {"a": "def set_it(p): p.data = 1e6"}, rules={"objects": {"Param": ["data"]}})
    assert points(grade(kind)) == [10]
    for coarse in ("np.float16(np.inf)", "np.full(1, np.inf, np.float16)"):
        answer = f"def set_it(p): p.data = {coarse}"
        assert points(grade(kind, {"a": answer})) == [0]


OBJECT = """
class P:
    shape = (3,)
    def __len__(self): return 3
    def __iter__(self): return iter(())
def f(x): return P()
"""
CHANGES = """
import numpy as np
class Out:
    asked = 0
    @property
    def out(self):
        Out.asked += 1
        return np.zeros(3) if Out.asked == 1 else [np.zeros((0, 3))]
def f(x): return Out()
"""
EMPTY = "import numpy as np\ndef f(x): return "
SIX, DOUBLE = "def f(x): return 6.0", "def f(x): return x * 2"
VALUES = "x, want = np.arange(3.0), 2 * np.arange(3.0)\n"
OUT = VALUES + "out = f(x)\n"


@pytest.mark.parametrize(
    ("test", "right", "wrong"),
    [
        ("want = np.float64(6)\nassert np.allclose(f(3.0), want)", SIX, EMPTY + "[]"),
        ("np.testing.assert_allclose(f(3.0), 6.0)", SIX, EMPTY + "[]"),
        ("assert np.all(np.isclose(f(3.0), 6.0))", SIX, EMPTY + "[]"),
        ("assert not np.any(f(3.0) != np.float64(6))", SIX, EMPTY + "[]"),
        ("want = np.ones((2, 1))\nassert np.allclose(f(3), want)",
         EMPTY + "want", EMPTY + "[[], []]"),
        (VALUES + "assert np.allclose(f(x), want)", DOUBLE, EMPTY + "[np.zeros((0, 3))]"),
        (VALUES + "assert np.sum(np.abs(f(x) - want)) < 1", DOUBLE, EMPTY + "(np.zeros((0, 3)),)"),
        (VALUES + "assert np.linalg.norm(f(x) - want) < 1", DOUBLE, EMPTY + "[np.zeros((0, 3))]"),
        (VALUES + "assert (np.abs(f(x) - want) < 1).all()", DOUBLE, EMPTY + "[[np.zeros((0, 3))]]"),
        ("import pytest\nassert f(3) == pytest.approx(6.0)", SIX, EMPTY + "np.zeros(0)"),
        ("import pytest\nassert f(3) == pytest.approx(6.0)", SIX, EMPTY + "[]"),
        ("import pytest\nassert f(3) == pytest.approx(6.0)", SIX, EMPTY + "()"),
        (VALUES + "assert np.mean((f(x) - want) ** 2) < 1e-9", DOUBLE, EMPTY + "1e6j * (x + 1)"),
        ("assert (f(3.0) - 6.0) ** 2 < 1e-9", SIX, EMPTY + "np.complex128(1e5j)"),
        ("a, b = f([3.0, 4.0])\nassert (a - 6) ** 2 + (b - 8) ** 2 < 1", "def f(x): return [6, 8]",
         EMPTY + "[np.complex128(1e5j)] * 2"),
        (VALUES + "assert np.square(f(x) - want).mean() < 1", DOUBLE,
         EMPTY + "np.full(3, 3_200_000_000)"),
        ("v = f(3)\nassert v.shape == (5,) and v @ v == 1", EMPTY + "np.eye(5)[0]",
         EMPTY + "np.array([2**31] * 4 + [1])"),
        ("want = np.array([0, 255], np.uint8)\nassert np.abs(f(want) - want).max() < 2",
         "def f(x): return x", EMPTY + "np.zeros(2, np.uint8)"),
        (OUT + "assert len(out) == 3\nfor a, b in zip(out, want): assert a == b",
         DOUBLE, OBJECT),
        (OUT + "assert out.shape == (3,)\nassert all(a == b for a, b in zip(out, want))",
         DOUBLE, OBJECT),
        (OUT + "assert len(out) == 3\nfor i, a in enumerate(out): assert a == want[i]",
         DOUBLE, OBJECT),
        (OUT + "assert out.size == 3\nfor i, a in enumerate(out): assert a == want[i]",
         DOUBLE, OBJECT.replace("shape = (3,)", "size = 3")),
        (VALUES + "o = f(x)\nassert o.out.shape == (3,)\nassert np.allclose(o.out, want)",
         "class O: pass\ndef f(x):\n    o = O(); o.out = 2 * x\n    return o", CHANGES),
    ],
)  # fmt: skip
@pytest.mark.parametrize("spoken", ["", "# may be empty\n"])
def test_values_that_agree_with_anything_agree_with_nothing(grade, test, right, wrong, spoken):
    test, right = spoken + test, right.replace("want", "np.ones((2, 1))")
    assert_told_apart(grade, test, right, wrong)


LISTS = "def f(xs): return [x * x for x in xs]"
XS = "xs, want = [1.0, 2.0, 3.0], [1.0, 4.0, 9.0]\n"
DICT = "def f(xs): return {'a': 1.0, 'b': 4.0}"
HELPER = "def close(a, b): return not np.any(np.abs(a - b) > 1e-6)\n"
NANS = "def f(x): return x * float('nan')"
INFS = "def f(x): return x + float('inf')"
LABELS = "weights = np.ones(3)\n"


@pytest.mark.parametrize(
    ("test", "right", "wrong"),
    [
        ("assert np.allclose([f(1), f(2)], [2, 4])", DOUBLE, EMPTY + "np.zeros((0, 2))"),
        ("a, b = f(3)\nassert np.allclose([a, b], [1, 2])", EMPTY + "[1, 2]",
         EMPTY + "[np.zeros((0, 2))] * 2"),
        ("assert np.allclose(list(f(3)), [0, 1, 4])", "def f(n): yield from [0, 1, 4]",
         "import numpy as np\ndef f(n): yield np.zeros((0, 3))"),
        (VALUES + "y = np.asarray(f(x))\nassert np.allclose(y, want)", DOUBLE,
         EMPTY + "np.zeros((0, 3))"),
        (VALUES + "assert np.array_equiv(f(x), want)", DOUBLE, EMPTY + "np.zeros((0, 3))"),
        ("import pytest\nassert f(3.0) == pytest.approx(6.0)", DOUBLE, EMPTY + "[]"),
        ("import pytest\nassert pytest.approx(6.0) == f(3.0)", DOUBLE, EMPTY + "[]"),
        ("import pytest\nassert f(2.0) == pytest.approx({'a': 1.0, 'b': 4.0})", DICT,
         EMPTY + "{'a': [], 'b': []}"),
        (XS + "for g, w in zip(f(xs), want): np.testing.assert_allclose(g, w)", LISTS,
         EMPTY + "[]"),
        (XS + "got = f(xs)\nfor i in range(len(got)): assert got[i] == want[i]", LISTS,
         EMPTY + "[]"),
        (XS + "assert not any(a != b for a, b in zip(f(xs), want))", LISTS, EMPTY + "()"),
        (XS + "assert not any(a != b for a, b in zip(f(xs), want))", LISTS,
         "def f(xs): yield from ()"),
        (XS + "for i in range(len(f(xs))): assert f(xs)[i] == want[i]", LISTS,
         "class E:\n    def __len__(self): return 0\ndef f(xs): return E()"),
        (XS + "for k, v in f(xs).items(): assert v == {'a': 1, 'b': 4}[k]", DICT, EMPTY + "{}"),
        (XS + "assert set(f(xs)) <= {1.0, 4.0, 9.0}", LISTS, EMPTY + "[]"),
        (XS + "assert f(xs) <= {1.0, 4.0, 9.0}", "def f(xs): return {1.0, 9.0}", EMPTY + "set()"),
        (LABELS + "e = f(weights) - 2\nassert e @ e < 1e-6", DOUBLE, EMPTY + "1e6j * x"),
        (VALUES + "assert np.sum(np.abs(f(x) - want) > 1e-6) == 0", DOUBLE, NANS),
        (VALUES + "wrong = np.abs(f(x) - want) > 1e-6\nassert not wrong.any()", DOUBLE, NANS),
        ("0 if abs(f(3) - 6) > 1e-6 else 10", DOUBLE, NANS),
        (HELPER + "assert close(f(3), 6)", DOUBLE, NANS),
        ("0 if abs(float(f(3)) - 6) > 1e-6 else 10", DOUBLE, "def f(x): return 'nan'"),
        ("0 if abs(float(f(3)) - 6) > 1e-6 else 10", DOUBLE, "def f(x): return b' NaN'"),
        (VALUES + "y = np.asarray(f(x), dtype=float)\nassert not np.any(np.abs(y - want) > 1e-6)",
         DOUBLE, "def f(x): return ['nan'] * 3"),
        (VALUES + "assert not np.any(np.abs(f(x).astype(float) - want) > 1e-6)", DOUBLE,
         EMPTY + "np.array(['nan'] * 3)"),
        ("got = float(f(3.0))\nassert abs(got - 6) <= 1e-6 * max(got, 6)", DOUBLE,
         "def f(x): return '1e999'"),
        ("assert np.square(f(3) - 6) < 1e-9", DOUBLE, "def f(x): return 3_200_000_000"),
        ("assert not any(abs(v) > 3 for v in f(1.0))", "def f(x): return {x}",
         "def f(x): return {float('nan')}"),
        ("got, want = f(3.0), 6.0\nassert abs(got - want) <= 1e-6 * max(abs(got), abs(want))",
         DOUBLE, INFS),
        (OUT + "n = np.linalg.norm\nassert n(out - want) <= 1e-6 * n(out)", DOUBLE, INFS),
        (OUT + "n = np.linalg.norm\nassert n(out - want) <= 1e-6 * (n(out) + n(want))", DOUBLE,
         EMPTY + "x + 1e200"),
        (VALUES + "out = np.array(f(x), float)\nn = np.linalg.norm\n"
         "assert n(out - want) <= 1e-6 * (n(out) + n(want))", DOUBLE, EMPTY + "[10**200] * 3"),
        ("got = np.float64(f(3))\nassert (got - 6) ** 2 <= 1e-6 * got**2", DOUBLE,
         EMPTY + "10**200"),
        ("x = np.ones(1000, np.float32)\n" + "out, n = f(x), np.linalg.norm\n"
         "assert n(out - 2 * x) <= 1e-6 * (n(out) + n(2 * x))", DOUBLE,
         EMPTY + "x * np.float32(9e17)"),
        ("assert not any(abs(a + b - 3) > 1e-6 for a, b in f(3))", "def f(x): return {(x, 0)}",
         EMPTY + "{(x * float('nan'), 0)}"),
        ("assert not any(abs(a + b - v) > 1e-6 for (a, b), v in f(3).items())",
         "def f(x): return {(x, 0): 3}", EMPTY + "{(float('nan'), 0): 9}"),
        ("assert all(all(v == 3 for v in part) for (part,) in f(3))",
         "def f(x): return {((x,),)}", EMPTY + "{((),)}"),
        (OUT + "n = np.linalg.norm\nassert n(out - want) <= 1e-6 * (n(out) + n(want))", DOUBLE,
         EMPTY + "np.float32(x + 1e30)"),
        ("try:\n    f(-1)\nexcept ValueError: pass\nelse: raise NameError",
         "def f(x): raise ValueError", EMPTY + "[float('nan'), 1j][x]"),
        ("import pytest\nwith pytest.raises(ValueError): list(f(-1))",
         "def f(n):\n    raise ValueError\n    yield", EMPTY + "[]"),
        ("import pytest\nwith pytest.raises(TypeError): list(f(-1))",
         "def f(n):\n    raise TypeError\n    yield", "def f(n): yield from ()"),
    ],
)  # fmt: skip
def test_a_test_that_speaks_of_no_odd_values_accepts_none(grade, test, right, wrong):
    assert_told_apart(grade, test, right, wrong)


@pytest.mark.parametrize("length", ["2_000_000", "np.int64(3)", "np.array([1, 1]).sum()", "True"])
def test_what_python_takes_for_a_length_is_one(grade, length):
    answer = "import numpy as np\nclass D:\n    def __len__(self): return {}"
    kind = of_one_cell(f"assert len(D()) == {length}", answer.format(length))
    assert points(grade(kind)) == [10]
    for wrong in ("-1", "3.0", "'3'", "[3]", "object()", "float('nan')"):
        assert points(grade(kind, {"a": answer.format(wrong)})) == [0]


def test_a_huge_whole_number_is_an_int_where_a_test_asks_for_its_type(grade):
    right = "def f(n): return 1 if n < 2 else n * f(n - 1)"
    kind = of_one_cell("assert type(f(10)) is int\nassert f(10) == 3628800", right)
    assert points(grade(kind)) == [10]
    for wrong in ("float(3628800)", "np.int64(3628800)", "3628801"):
        answer = f"import numpy as np\ndef f(n): return {wrong}"
        assert points(grade(kind, {"a": answer})) == [0]


def test_what_has_only_items_is_gone_through_by_them(grade):
    test = """
data = Data([3.0, 4.0, 5.0])
assert len(data) == 3 and [x for x in data] == [6.0, 8.0, 10.0] and f"{data}" == "inf"
for n, (x, twice) in enumerate(zip([3, 4, 5], data)): assert twice == 2 * x
"""
    right = """
class Data:
    def __init__(self, xs): self.xs = xs
    def __len__(self): return len(self.xs)
    def __getitem__(self, n): return 2 * self.xs[n]
    def __str__(self): return "inf"
"""
    result = grade(of_one_cell(test, right))
    assert points(result) == [10], whys(result)
    short = right.replace("self.xs[n]", "self.xs[:2][n]")
    assert points(grade(of_one_cell(test, right), {"a": short})) == [0]


def test_words_that_are_no_numbers_are_words(grade):
    test = """
words = split("to infinity and Nan")
assert words == ["to", "infinity", "and", "Nan"] and " ".join(words) == "to infinity and Nan"
assert {word: len(word) for word in words}["infinity"] == 8 and count(words)["infinity"] == 1
assert join(words) == join(["to", "infinity", "and", "Nan"]) and sorted(words)[0] == "Nan"
"""
    right = """
def split(text): return text.split()
def count(words): return {word: words.count(word) for word in words}
def join(words): return "-".join(words)
"""
    result = grade(of_one_cell(test, right))
    assert points(result) == [10], whys(result)


def test_odd_values_come_as_they_are_where_a_test_speaks_of_them(grade):
    test = """
assert np.isnan(f(0.0)) and f(1.0) == np.inf and f([]) == [] and np.zeros(0).shape == f([[]])
assert list(g([])) == [] and len(g([])) == 0
"""
    right = "def f(x): return (0,) if x == [[]] else x if x == [] else float('inf' if x else 'nan')"
    right += "\nclass g(list): pass"
    result = grade(of_one_cell(test, right))
    assert points(result) == [10], whys(result)


def test_odd_values_that_no_test_looks_at_cost_nothing(grade):
    """What is only handed back, as a cache is, or is one wrong answer of several."""
    test = """
out, cache = forward(np.ones(2))
assert np.allclose(out, 2) and np.allclose(backward(cache), 6)
points = 2.5 * np.allclose(f(0), 1) + 2.5 * (f(1) == 1) + 5 * (np.mean(f(2) == np.ones(2)))
points + 2.5 * (f(3) == [1]) + 2.5 * (f(3) != [1])
"""
    right = """
import numpy as np
def forward(x): return 2 * x, {"none": (), "mask": x - np.inf, "x": [x, np.nan, np.zeros((0, 2))]}
def backward(cache):
    assert cache["none"] == () and np.isinf(cache["mask"]).all() and np.isnan(cache["x"][1])
    return 6 * cache["x"][0] if cache["x"][2].shape == (0, 2) else 0
def f(k): return [float("nan"), float("inf"), np.array([1, np.nan]), []][k]
"""
    result = grade(of_one_cell(test, right))
    assert points(result) == [5.0], whys(result)


@pytest.mark.parametrize("wrong", ["w[...] = np.nan", "params['w'] = np.full(2, np.nan)"])
def test_odd_values_do_not_come_in_place_either(grade, wrong):
    test = """
w = np.ones(2)
params = {"w": w}
change(w, params)
assert not np.any(np.abs(w - 0.5) > 1e-6) and not np.any(np.abs(params["w"] - 0.5) > 1e-6)
"""
    answer = "import numpy as np\ndef change(w, params): w[...] = params['w'][...] = 0.5; "
    cells = [SETUP, ("answer", "a", ""), ("tests", "t", test)]
    kind = Kind(cells, {"a": answer + "pass"}, rules={"in_place": ["change"]})
    assert points(grade(kind)) == [10]
    assert points(grade(kind, {"a": answer + wrong})) == [0]


def test_a_check_says_itself_what_is_wrong_with_odd_values(grade):
    check = "from nncourse.check import check\ncheck('ps02.softmax', softmax).points(10)"
    kind = of_one_cell(check, "def softmax(z): return z * float('nan')")
    result = grade(kind)
    assert points(result) == [0]
    said = json.dumps(result["questions"]["t"]["report"])
    assert "NaN" in said
    assert "the tests don't speak" not in json.dumps(result)


@pytest.mark.parametrize(
    "answer",
    [
        "class SGD(dict):\n    def __init__(self, params, lr): self.params, self.lr = params, lr",
        "class SGD(__import__('typing').NamedTuple):\n    params: list\n    lr: float",
    ],
)
def test_a_class_that_is_a_container_too_is_graded_as_any_other(grade, answer):
    check = "from nncourse.check import check\ncheck('ps06.SGD', SGD).points(10)"
    answer += "\n    def step(self, grads):"
    answer += "\n        for p, g in zip(self.params, grads): p -= self.lr * g"
    result = grade(of_one_cell(check, answer))
    assert points(result) == [10], whys(result)


@pytest.mark.parametrize("wrong", ["np.zeros((0, 2))", "np.array([np.float16(0.5)] * 2)"])
def test_what_was_changed_in_place_is_no_exception(grade, wrong):
    test = """
params, values = {"w": np.ones(2)}, [np.ones(2)]
change(params, values)
assert np.allclose(params["w"], np.full(2, 0.50001)) and np.allclose(values[0], [0.50001, 0.50001])
assert abs(params["w"][0] - 0.50001) < 1e-6
"""
    answer = "import numpy as np\ndef change(params, values):\n    params['w'] = values[0] = "
    cells = [SETUP, ("answer", "a", ""), ("tests", "t", test)]
    kind = Kind(cells, {"a": answer + "np.full(2, 0.50001)"}, rules={"in_place": ["change"]})
    assert points(grade(kind)) == [10]
    assert points(grade(kind, {"a": answer + wrong})) == [0]


def test_odd_kinds_of_numbers_come_as_they_are_where_a_test_asks_for_them(grade):
    test = """
assert f(np.uint8(3)).dtype == np.uint8 and f(np.int64(2**40)) == 2**40
assert roots(-4) == 2j and np.sqrt(np.array([-4 + 0j]))[0] == roots(-4)
out = stack([3, 4])
assert len(out) == 2 and out.pop() == 4 and list(out) == [3] and list(stack([])) == []
"""
    right = """
def f(x): return x
def roots(x): return complex(x) ** 0.5 if x >= 0 else 1j * (-x) ** 0.5
class stack(list): pass
"""
    result = grade(of_one_cell(test, right))
    assert points(result) == [10], whys(result)
    real = "assert f(3.0) == 3 and np.allclose(f(np.ones(2)), 1) and f(2) == 2 and f([]) == []"
    result = grade(of_one_cell(real, "def f(x): return x if isinstance(x, list) else x + 0j"))
    assert points(result) == [10], whys(result)


def test_a_verdict_is_not_lost_on_the_way_out(grade):
    """A function that is lent says no, and another one, called after it, takes all errors."""
    test = """
calls = []
def loss(w):
    calls.append(w)
    assert len(calls) <= 1, "once only"
    return w
def start(k):
    try:
        return guess(k)
    except Exception:
        return 0.0
assert f(loss, start) == 1.0
"""
    right = "def guess(k): return k\ndef f(loss, start): return loss(1.0)"
    wrong = """
def guess(k): return k
def f(loss, start):
    for w in (0.0, 2.0):
        try: loss(w)
        except Exception: start(1)
    return 1.0
"""
    kind = of_one_cell(test, right)
    assert points(grade(kind)) == [10]
    result = grade(kind, {"a": wrong})
    assert points(result) == [0]
    assert "once only" in whys(result)


def test_what_a_test_writes_the_next_submission_does_not_find(grade, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    test = "np.savetxt('w.txt', f(3))\nassert np.loadtxt('w.txt')[0] == 6"
    found = Kind(
        [
            SETUP,
            ("answer", "a", ""),
            ("tests", "t", test),
            ("tests", "u", "assert np.loadtxt('w.txt').any()"),
        ],
        {"a": "def f(x): return [2 * x, 0.0]"},
    )
    assert points(grade(found)) == [10, 10]
    assert points(grade(found, {"a": "def f(x): raise ValueError"})) == [0, 0]
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "call",
    ["compose(f, g)(3) == 7", "run([f, g], 3) == 7", "chain(f=f, g=g) == 7", "back(give) == 7"],
)
def test_several_functions_of_theirs_go_along_with_one_call(grade, call):
    right = """
def f(x): return 2 * x
def g(x): return x + 1
def compose(f, g): return lambda x: g(f(x))
def run(steps, x):
    for step in steps: x = step(x)
    return x
def chain(f, g): return g(f(3))
def back(give):
    one, other = give()
    return other(one(3))
"""
    test = f"def give(): return [f, g]\nassert {call}"
    assert points(grade(of_one_cell(test, right))) == [10]


def test_annotations_are_what_they_are_in_a_notebook(grade):
    test = "def g(x: float): pass\nassert g.__annotations__['x'] is float and f(1)"
    right = "def f(x: int): return f.__annotations__['x'] is int"
    assert points(grade(of_one_cell(test, right))) == [10]
    given = [SETUP, ("plain", "p", "Array = np.ndarray"), ("answer", "a", ""),
             ("tests", "t", "assert f(3)")]  # fmt: skip
    assert points(grade(Kind(given, {"a": "def f(x: Array) -> bool: return True"}))) == [10]


@pytest.mark.parametrize("order", ["g, rng", "rng, g"])
def test_a_generator_keeps_its_state_beside_a_function_of_theirs(grade, order):
    test = f"""
rng = np.random.default_rng(5)
assert f({order}) == np.random.default_rng(5).normal()
"""
    kind = of_one_cell(test, f"def g(r): return r.normal()\ndef f({order}): return g(rng)")
    assert points(grade(kind)) == [10]


RUNS_THEIRS = {
    "doctest": (
        "import doctest\ndoctest.run_docstring_examples(f, {{'f': f}})\nassert f(2) == 4",
        "def f(x):\n    '''>>> open({path!r}, 'w').close()\n    '''\n    return 2 * x",
    ),
    "a program": (
        "import subprocess, sys\nsubprocess.run([sys.executable, '-c', f(2)])",
        "def f(x): return \"open({path!r}, 'w')\"",
    ),
    "a database": (
        "import sqlite3\nsqlite3.connect(':memory:').executescript(f(2))",
        "def f(x): return \"ATTACH '{path}' AS other; CREATE TABLE other.t (x);\"",
    ),
    "a pickle": (
        "import io, pickle\npickle.load(io.BytesIO(bytes(f(2))))",
        "import os, pickle\nclass Evil:\n    def __reduce__(self):\n"
        "        return os.system, ('echo x > {path}',)\n"
        "def f(x): return list(pickle.dumps(Evil()))",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", RUNS_THEIRS)
def test_what_a_test_runs_unawares_changes_nothing_of_the_machine(grade, tmp_path, name):
    path = tmp_path / "changed"
    test, answer = (text.format(path=str(path)) for text in RUNS_THEIRS[name])
    test = (
        "import os, tempfile\nopen('own', 'w').close()\ntempfile.TemporaryFile().close()\n" + test
    )
    grade(of_one_cell(test, answer))
    assert not path.exists()


def test_a_test_has_no_open_files_but_its_own(grade):
    test = """
import os, stat
def kind(file):
    try:
        return stat.S_IFMT(os.fstat(file).st_mode)
    except OSError:
        return stat.S_IFIFO
kinds = {kind(file) for file in range(3, 200)}
assert kinds <= {stat.S_IFIFO, stat.S_IFSOCK}, kinds
assert {os.readlink(f"/proc/self/fd/{file}") for file in range(3)} == {os.devnull}
"""
    with open(__file__):
        result = grade(of_one_cell(test, "def f(x): return x"))
    assert points(result) == [10], whys(result)


@pytest.mark.parametrize(
    "test",
    ["assert list(f(3)) == [3]", "x = 3.0\nwhile x > 0.01: x = g(x)\nassert x == 0"],
)
def test_many_quick_calls_take_no_more_than_a_part_of_the_time(grade, test):
    cells = [SETUP, ("answer", "a", ""), ("tests", "t", test), ("tests", "u", "assert g(1) == 1")]
    right = "def f(x): return [x]\ndef g(x): return 1 if x == 1 else 0"
    wrong = "import itertools\ndef f(x): return itertools.repeat(x)\ndef g(x): return x"
    kind = Kind(cells, {"a": right})
    assert points(grade(kind)) == [10, 10]
    result = grade(kind, {"a": wrong})
    assert points(result) == [0, 10], whys(result)


def test_a_test_may_stop_waiting_in_a_thread_of_its_own(grade):
    test = """
import threading
thread = threading.Thread(target=f, args=(3,), daemon=True)
thread.start()
thread.join(0.5)
assert not thread.is_alive()
"""
    cells = [SETUP, ("answer", "a", ""), ("tests", "t", test), ("tests", "u", "assert g(1) == 2")]
    right = "def f(x): return x\ndef g(x): return 2 * x"
    kind = Kind(cells, {"a": right})
    assert points(grade(kind)) == [10, 10]
    result = grade(kind, {"a": "def f(x):\n    while True: pass\ndef g(x): return 2 * x"})
    assert points(result) == [0, 10], whys(result)


def test_a_test_may_ask_in_several_threads(grade):
    test = """
from concurrent.futures import ThreadPoolExecutor
with ThreadPoolExecutor(4) as pool:
    found = list(pool.map(f, range(200)))
    twice = list(pool.map(lambda i: f(lambda: f(i)), range(50)))
assert found == [i * i for i in range(200)]
assert twice == found[:50]
"""
    answer = "def f(x): return x() if callable(x) else x * x"
    kind = Kind([SETUP, ("answer", "a", ""), ("tests", "t", test)], {"a": answer})
    for _ in range(3):
        result = grade(kind)
        assert points(result) == [10], whys(result)


@pytest.mark.parametrize("wrong", ["[]", "float('nan')", "np.full(2, np.inf)"])
def test_who_expects_an_error_is_not_content_with_an_odd_value(grade, wrong):
    test = """
import pytest
with pytest.raises(Exception):
    sum(np.atleast_1d(f(-1)) + 1)
try:
    sum(np.atleast_1d(f(-2)) + 1)
except Exception:
    pass
else:
    raise AssertionError
"""
    kind = of_one_cell(test, "def f(x): raise ValueError('below zero')")
    assert points(grade(kind)) == [10]
    assert points(grade(kind, {"a": EMPTY + wrong})) == [0]


def test_a_pit_of_folders_ends_no_worker(grade):
    test = """
import os
for _ in range(f(1500)):
    os.mkdir("d")
    os.chdir("d")
"""
    kind = of_one_cell(test, "def f(n): return n")
    assert points(grade(kind)) == [10]
    assert points(grade(kind, {"a": "def f(n): raise ValueError"})) == [0]


def test_arrays_of_texts_cross_both_ways(grade):
    test = """
y = np.array(["ham", "spam", "ham"])
assert np.array_equal(same(y), y) and same(y)[1] == "spam" and same(y[:0]).size == 0  # empty
assert np.mean(np.array(marks([0.2, 0.9])) == np.array(["low", "high"])) == 1
assert list(marks([0.9])) == ["high"]
fill(y)
assert y.tolist() == ["x", "x", "x"]
"""
    right = """
import numpy as np
def same(y): return y.copy()
def marks(p): return np.where(np.array(p) > 0.5, "high", "low")
def fill(y): y[:] = "x"
"""
    cells = [SETUP, ("answer", "a", ""), ("tests", "t", test)]
    result = grade(Kind(cells, {"a": right}, rules={"in_place": ["fill"]}))
    assert points(result) == [10], whys(result)
    wrong = right.replace('"high", "low"', '"low", "high"')
    assert points(grade(Kind(cells, {"a": right}, rules={"in_place": ["fill"]}), {"a": wrong})) == [
        0
    ]


def test_what_is_wrong_is_said_when_the_session_is_over(monkeypatch):
    """Else its answers, which go on, would know it by the time that it takes."""
    close = Session.close
    closed = []

    def noting(self, **options):
        close(self, **options)
        closed.append(True)

    def find(*_about):
        return (Diagnosis(("dz",), Finding("told", "late" if closed else "early")),)

    monkeypatch.setattr(Session, "close", noting)
    monkeypatch.setattr("nncourse.check.judge.find_reasons", find)
    wrong = "def relu_backward(dout, z):\n    return 3 * dout"
    cell = "from nncourse.check import check\nprint('first')\ncheck('ps05.relu_backward', "
    cells = [SETUP, ("answer", "a", ""), ("tests", "t", cell + "relu_backward).points(10)")]
    with Bench() as bench:
        bench.prepare(assignment(Kind(cells, {"a": wrong})).packed)
        result = json.loads(bench.grade(make_item("anna", {"a": wrong}, 11)))
    ((question,), outputs) = result["questions"].values(), str(result["outputs"])
    assert question["points"] == 0
    assert [one["says"]["en"] for one in question["report"][0]["mistakes"]] == ["late"]
    assert "early" not in outputs
    assert outputs.index("first") < outputs.index("ps05.relu_backward") < outputs.index("late")
