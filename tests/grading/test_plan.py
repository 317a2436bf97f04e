"""Which side runs what of cells that are not graded, and what comes of it."""

from __future__ import annotations

import ast

import pytest

from tests.grading.kinds import SETUP, Kind
from tests.grading.test_oracle import assignment, bench, grade, points, whys

__all__ = ["bench", "grade"]

F = "def f(x):\n    return 2 * x"


def kind(*cells: tuple[str, str], **answers: str) -> Kind:
    """Cells with the names c0, c1, ...; those of answers are the names of these."""
    names = iter(answers)
    named = [
        (what, next(names) if what == "answer" else f"c{number}", source)
        for number, (what, source) in enumerate(cells)
    ]
    return Kind([SETUP, *named], answers, rules=RULES)


RULES = {"in_place": ["descend", "Descent"]}


def sides(found: Kind, answers: dict[str, str] | None = None) -> tuple[list[str], list[str]]:
    """What the trusted side runs, and what of these cells the sandbox runs."""
    plan = assignment(found).plan
    steps = [step for steps in plan.steps.values() for step in steps if step.cell.index]
    trusted = [ast.unparse(step.statement) for step in steps if step.statement]
    inside = plan.sandboxed.cells({**found.right, **(answers or {})})
    return trusted, [cell.source for cell in inside if not cell.is_answer and cell.index]


def test_cells_to_look_at_run_only_if_something_depends_on_them():
    found = kind(
        ("plain", "z = np.linspace(0, 1)\nprint(z.sum())"),
        ("plain", "scale = 3"),
        ("answer", ""),
        ("plain", "for name in range(3):\n    print(f(name))"),
        ("tests", "assert f(1) == 3"),
        f="def f(x):\n    return scale * x",
    )
    assert sides(found) == ([], ["scale = 3"])
    reads_z = {"f": "def f(x): return z[x]"}
    assert sides(found, reads_z) == ([], ["z = np.linspace(0, 1)\nprint(z.sum())"])


@pytest.mark.parametrize(
    "given",
    [
        "table = {}\ntable['a'] = f(2)",
        "def twice(n): return f(f(n))\ntable = {'a': twice(1)}",
        "table = {name: f(2) for name in 'ab'}",
        "for name in 'a':\n    table = {name: f(2)}",
        "g = lambda n, h=f: h(n)\ntable = dict(a=g(2))",
        "with np.errstate(all='ignore'):\n    table = {'a': f(2)}",
    ],
)
def test_what_graded_cells_need_is_run_where_they_are(grade, given):
    found = kind(("answer", ""), ("readonly", given), ("tests", "assert table['a'] == 4"), f=F)
    trusted, inside = sides(found)
    assert trusted == list(map(ast.unparse, ast.parse(given).body))
    assert not any("f(" in source and "def" not in source for source in inside)
    result = grade(found)
    assert points(result) == [10], whys(result)
    assert points(grade(found, {"f": "def f(x):\n    return 3"})) == [0]
    liar = "class All:\n    def __eq__(self, other): return True\ndef f(x):\n    return All()"
    assert points(grade(found, {"f": liar})) == [0]
    there = (
        "def f(x):\n    global table, twice, g\n    table, twice, g = {'a': 4}, f, f\n    return 3"
    )
    assert points(grade(found, {"f": there})) == [0]


JUDGED = [
    ("accuracy = np.mean(f(np.ones(3)) == 2)", "assert accuracy > 0.9"),
    ("good = bool((f(np.ones(3)) == 2).all())", "assert good"),
    ("right = lambda x, g=f: g(x) == 2 * x", "assert right(3)"),
    ("functions = {'f': f}", "for name, g in functions.items():\n    assert g(3) == 6"),
    ("total = 0.0\nfor n in range(3):\n    total += f(n)", "10.0 * (total == 6)"),
]


LIES = """
import builtins, numpy as np
np.mean = lambda *a: 1.0
builtins.bool = lambda x: 1
accuracy, good, total, right, functions = 1, 1, 6, lambda x: True, {}
def f(x):
    global accuracy, good, total, right, functions
    accuracy, good, total, right, functions = 1, 1, 6, lambda x: True, {}
    return 1.5 + x
"""


@pytest.mark.parametrize(("given", "graded"), JUDGED)
def test_a_judgement_may_be_made_in_any_cell(grade, given, graded):
    found = kind(("answer", ""), ("readonly", given), ("tests", graded), f=F)
    result = grade(found)
    assert points(result) == [10], whys(result)
    assert points(grade(found, {"f": LIES})) == [0]


def test_what_answers_need_stays_with_them(grade):
    found = kind(
        ("answer", ""),
        ("readonly", "w = f(3)\nprint(w)"),
        ("answer", ""),
        ("tests", "assert g(2) == 12"),
        f=F,
        g="def g(x):\n    return w * x",
    )
    assert sides(found) == ([], ["w = f(3)\nprint(w)"])
    assert points(grade(found)) == [10]
    assert points(grade(found, {"f": "def f(x):\n    return x"})) == [0]


def test_what_an_answer_reads_unlike_the_lecturers_is_there_too(grade):
    found = kind(
        ("answer", ""),
        ("readonly", "w = f(3)"),
        ("answer", ""),
        ("tests", "assert g(2) == 12 and w == 6"),
        f=F,
        g="def g(x):\n    return 6 * x",
    )
    assert sides(found) == (["w = f(3)"], [])
    reads = {"g": "def g(x):\n    return w * x"}
    assert sides(found, reads) == (["w = f(3)"], ["w = f(3)"])
    assert points(grade(found, reads)) == [10]
    assert sides(found, {"g": "def g(x):\n    return x.w"}) == (["w = f(3)"], [])


def test_what_is_shown_of_it_does_not_run_twice():
    found = kind(
        ("answer", ""),
        ("readonly", "limit = 3\nw = f(limit)\nprint(w)\nprint(limit)"),
        ("tests", "assert w == 6"),
        f=F,
    )
    trusted, inside = sides(found)
    assert trusted == ["limit = 3", "w = f(limit)"]
    assert inside == ["limit = 3\nprint(limit)"]


BASE = "class Layer:\n    def run(self, x):\n        return self.scale() * x"
HEIR = "class Double(Layer):\n    def scale(self):\n        return factor"


def test_an_heir_of_the_students_class_is_made_where_that_is(grade):
    found = kind(
        ("answer", ""),
        ("readonly", f"factor = 2\n{HEIR}\ndouble = Double()\ny = double.run(3)"),
        ("tests", "assert y == 6 and double.run(4) == 8 and Double().run(5) == 10"),
        layer=BASE,
    )
    trusted, inside = sides(found)
    assert trusted == ["double = Double()", "y = double.run(3)"]
    assert inside == [ast.unparse(ast.parse(f"factor = 2\n{HEIR}"))]
    result = grade(found)
    assert points(result) == [10], whys(result)
    assert points(grade(found, {"layer": BASE.replace("* x", "+ x")})) == [0]


def test_arrays_that_are_changed_in_place_count_as_changed(grade):
    given = """
w, b = np.ones(2), np.ones(2)
descend(w, 0.5)
opt = Descent([b])
for _ in range(2):
    opt.step(0.25)
"""
    answer = """
def descend(w, rate):
    w *= 1 - rate
class Descent:
    def __init__(self, params):
        self.params = params
    def step(self, rate):
        for p in self.params:
            p -= rate
"""
    graded = "assert w.tolist() == [0.5, 0.5] and b.tolist() == [0.5, 0.5]"
    found = kind(("answer", ""), ("readonly", given), ("tests", graded), a=answer)
    result = grade(found)
    assert points(result) == [10], whys(result)
    assert points(grade(found, {"a": answer.replace("p -= rate", "p -= 0")})) == [0]
    assert points(grade(found, {"a": answer.replace("w *= 1 - rate", "pass")})) == [0]


NET = """
class Net:
    def __init__(self):
        self.w = 0
    def fit(self, n):
        self.w += n
        return self
class Descent:
    def __init__(self, nets):
        self.nets = nets
    def step(self):
        for net in self.nets:
            net.w += 1
def train(net):
    net.fit(3)
"""


@pytest.mark.parametrize(
    "given",
    [
        "net = Net()\nhistory = net.fit(3)",
        "net = Net()\nprint(net.fit(3).w)",
        "net = Net()\nnet.fit(1).fit(2)",
        "net = Net()\ntrain(net)",
        "net = Net()\ndef run(model):\n    return [model.fit(1) for _ in range(3)]\nout = run(net)",
        "net = Net()\ndef run():\n    for _ in range(3): net.fit(1)\nrun()",
        "net = Net()\noptimiser = Descent([net])\nfor _ in range(3): optimiser.step()",
        "net = Net()\nfor one in [net]:\n    one.w = 3",
        "nets = [Net()]\nfirst = nets[0]\nfirst.fit(3)\nnet = nets[0]",
    ],
)
@pytest.mark.parametrize("locked", ["readonly", "plain"])
def test_what_changes_an_object_by_the_way_is_run(grade, given, locked):
    found = kind(("answer", ""), (locked, given), ("tests", "assert net.w == 3"), a=NET)
    result = grade(found)
    assert points(result) == [10], whys(result)
    wrong = NET.replace("self.w += n", "self.w -= n").replace("net.w += 1", "net.w = 1")
    assert points(grade(found, {"a": wrong})) == [10 if "one.w = 3" in given else 0]


@pytest.mark.parametrize(
    ("given", "graded"),
    [
        ("t = {}\nt.setdefault('a', []).append(f(2))", "assert t == {'a': [4]}"),
        ("def fill(rows, g): rows.append(g(2))\nt = []\nfill(t, f)", "assert t == [4]"),
        ("def note(value): t['a'] = value\nt = {}\nnote(f(2))", "assert t == {'a': 4}"),
        ("t = []\nnote(t.append)", "assert t == [4]"),
        ("t = []\nnote(lambda n: t.append(n))", "assert t == [4]"),
        ("t = []\ndef log(n): t.append(n)\nnote(log)", "assert t == [4]"),
        (
            "class Log:\n    n = 0\n    def __call__(self, n): self.n += n\nt = Log()\nnote(t)",
            "assert t.n == 4",
        ),
        ("A = np.zeros((2, 2))\nnp.fill_diagonal(A, f(2))", "assert A.sum() == 8"),
        (
            "rng = np.random.default_rng(0)\nnoise = rng.random()\nx = f(rng.random())",
            "assert x == 2 * np.random.default_rng(0).random(2)[1]",
        ),
        (
            "np.random.seed(0)\nnoise = np.random.rand()\nx = f(np.random.rand())",
            "assert x == 2 * np.random.RandomState(0).rand(2)[1]",
        ),
    ],
)
def test_data_of_the_lecturers_is_as_their_cells_leave_it(grade, given, graded):
    answer = f"{F}\ndef note(log):\n    log(f(2))"
    found = kind(("answer", ""), ("readonly", given), ("tests", graded), f=answer)
    result = grade(found)
    assert points(result) == [10], whys(result)
    assert points(grade(found, {"f": answer.replace("2 * x", "3 * x")})) == [0]


def test_what_is_the_students_is_trained_once(grade):
    given = ("readonly", "net.fit(1)\nhistory = net.fit(2)")
    found = kind(("answer", ""), given, ("tests", "assert net.w == 3"), a=NET + "net = Net()")
    result = grade(found)
    assert points(result) == [10], whys(result)


def test_a_judge_who_was_interrupted_judges_nothing(grade):
    given = """
class Judge:
    def __init__(self):
        self.wrong = []
    def run(self, g):
        self.wrong += [n for n in range(3) if g(n) != 2 * n]
        return self
judge = Judge()
count = len(judge.run(f).wrong)
"""
    found = kind(("answer", ""), ("readonly", given), ("tests", "assert not judge.wrong"), f=F)
    assert points(grade(found)) == [10]
    result = grade(found, {"f": "def f(x):\n    raise ValueError('late')"})
    assert points(result) == [0]
    assert "ValueError: late" in whys(result)


def test_what_a_callback_was_given_costs_what_needs_it(grade):
    given = "rows = []\nf(rows.append)\nfalls = all(b <= a for a, b in zip(rows, rows[1:]))"
    graded = ["assert falls and rows == [2, 1]", "assert f(lambda n: None) is None"]
    answer = "def f(log):\n    for n in (2, 1): log(n)"
    tests = [("tests", cell) for cell in graded]
    found = kind(("answer", ""), ("readonly", given), *tests, f=answer)
    result = grade(found)
    assert points(result) == [10, 10], whys(result)
    assert points(grade(found, {"f": answer.replace("(2, 1)", "(2, 'x')")})) == [0, 10]


def test_what_an_answer_makes_go_wrong_is_its_own_loss(grade):
    given = "table = {2: 'even'}\nlabel = table[f(1)]"
    rest = ("tests", "assert f(0) == 0")
    found = kind(
        ("answer", ""), ("readonly", given), ("tests", "assert label == 'even'"), rest, f=F
    )
    assert points(grade(found)) == [10, 10]
    assert points(grade(found, {"f": "def f(x):\n    return 3 * x"})) == [0, 10]


def test_an_error_in_another_cell_is_the_reason_of_the_graded_one(grade):
    found = kind(
        ("answer", ""),
        ("tests", "w = 6\nassert f(1) == 2"),
        ("readonly", "n = 3\nw = f(n)\nz = n"),
        ("tests", "assert w == 6"),
        ("tests", "assert z == 3 and f(1) == 2"),
        f=F,
    )
    assert points(grade(found)) == [10, 10, 10]
    late = "def f(x):\n    if x == 3: raise ValueError('three')\n    return 2 * x"
    result = grade(found, {"f": late})
    assert points(result) == [10, 0, 10]
    assert "ValueError: three" in whys(result)
    (shown,) = result["outputs"]["3"]
    assert shown["ename"] == "ValueError"


def test_what_refuses_in_another_cell_refuses_what_comes_after_it(grade):
    given = "import math\nassert f(3) == 6\ntrained = True\ndef helper(x): return x"
    found = kind(
        ("answer", ""),
        ("readonly", given),
        ("tests", "assert trained"),
        ("tests", "assert helper(math.floor(2.5)) == 2 and f(1) in (1, 2)"),
        f=F,
    )
    assert points(grade(found)) == [10, 10]
    result = grade(found, {"f": "def f(x):\n    return x"})
    assert points(result) == [0, 10]
    assert "AssertionError" in whys(result)


def test_a_table_that_is_filled_half_is_none(grade):
    given = "results = {}\nfor n in (1, 2):\n    results[n] = f(n) == 2 * n"
    found = kind(
        ("answer", ""), ("readonly", given), ("tests", "assert all(results.values())"), f=F
    )
    assert points(grade(found)) == [10]
    half = "def f(x):\n    if x == 2: raise StopIteration\n    return 2 * x"
    assert points(grade(found, {"f": half})) == [0]


LAYER = """
class Layer:
    def __init__(self, w):
        self.w = w
    def run(self, x):
        if x == 13: import os; os._exit(0)
        return self.w * x
def f(x):
    return 2 * x
"""


def test_a_new_session_has_the_objects_of_the_last_one(grade):
    found = kind(
        ("answer", ""),
        ("readonly", "w = 3\nlayer = Layer(w)\nw = f(w)\nnet = [layer, Layer(w)]"),
        ("tests", "w = 7\nassert layer.run(12) == 36"),
        ("tests", "assert layer.run(13) == 39"),
        ("tests", "assert w == 7 and layer.run(2) == 6 and net[1].run(2) == 12"),
        a=LAYER.replace("13", "-1"),
    )
    result = grade(found)
    assert points(result) == [10, 10, 10], whys(result)
    result = grade(found, {"a": LAYER})
    assert points(result) == [10, 0, 10], whys(result)


@pytest.mark.parametrize(
    "check",
    [
        "np.testing.assert_allclose(f(3), 6)",
        "must(f(3) == 6)",
        "if f(3) != 6:\n    raise_it()",
        "import sys\nif f(3) != 6: sys.exit(1)",
    ],
)
def test_what_refuses_the_rest_of_a_cell_does_so_whatever_it_is_called(grade, check):
    given = "def must(ok):\n    assert ok\ndef raise_it():\n    raise ValueError"
    found = kind(
        ("readonly", given),
        ("answer", ""),
        ("readonly", f"{check}\npassed = True"),
        ("tests", "assert passed"),
        f=F,
    )
    assert points(grade(found)) == [10]
    assert points(grade(found, {"f": "def f(x): return x"})) == [0]


@pytest.mark.parametrize(
    "given",
    [
        "ok = True\nif f(3) != 6: ok = False",
        "ok = True\ntry:\n    assert f(3) == 6\nexcept AssertionError:\n    ok = False",
        "ok = True\nfor x in (1, 3):\n    if f(x) != 2 * x: ok = False",
        "ok = True\nwhile f(3) != 6:\n    ok = False\n    break",
        "ok = True\nwith __import__('contextlib').suppress(AssertionError):\n"
        "    assert f(3) != 6\n    ok = False",
        "ok = True\nf(3) != 6 and (ok := False)",
    ],
)
def test_what_a_branch_may_replace_is_kept(grade, given):
    found = kind(("answer", ""), ("readonly", given), ("tests", "assert ok"), f=F)
    assert points(grade(found)) == [10]
    assert points(grade(found, {"f": "def f(x): return x"})) == [0]
    apart = [("readonly", part) for part in given.split("\n", 1)]
    found = kind(("answer", ""), *apart, ("tests", "assert ok"), f=F)
    assert points(grade(found)) == [10]


COUNTERS = {
    "object": ("class Score:\n    n = 0\nscore = Score()", "score.n += {}", "score.n"),
    "closure": (
        "def make():\n    n = 0\n    def add(ok):\n        nonlocal n\n        n += ok\n"
        "        return n\n    return add\nadd = make()",
        "add({})",
        "add(0)",
    ),
    "Counter": (
        "import collections\nscore = collections.Counter()", "score.update([{}])", "score[True]"
    ),
    "iterator": (
        "import itertools\ncount = itertools.count()", "ok = [next(count) for _ in 'a' if {}]",
        "next(count)",
    ),
    "list": ("score = []", "score.append({})", "sum(score)"),
}  # fmt: skip


@pytest.mark.parametrize("name", COUNTERS)
def test_nothing_counts_twice_because_the_session_died(grade, name):
    begin, count, total = COUNTERS[name]
    counts = "\n".join(count.format(f"bool(f({k}) == {2 * k})") for k in (0, 1, 2))
    found = kind(
        ("readonly", begin),
        ("answer", ""),
        ("readonly", counts),
        ("tests", "assert f(100) == 200"),
        ("tests", "assert f(101) == 202"),
        ("tests", f"assert {total} >= 3"),
        f=F,
    )
    assert points(grade(found)) == [10, 10, 10]
    dies = "def f(x):\n    if x >= 100: import os; os._exit(0)\n    return 0"
    assert points(grade(found, {"f": dies})) == [0, 0, 0]


# What is there, what is done with it, and what is asked of that. 3 calls, or draws, are due.
LENT = {
    "function": ("log = []", "each(lambda x: log.append(x))", "log == [0, 1, 2]"),
    "method": (
        "class Log:\n    def __init__(self): self.xs = []\n    def add(self, x): self.xs += [x]\n"
        "log = Log()",
        "n = each(log.add)",
        "log.xs == [0, 1, 2] and n == 3",
    ),
    "built-in method": ("log = []", "each(log.append)", "log == [0, 1, 2]"),
    "default": (
        "log = []\ndef add(x, to=log): to.append(x)", "each(add)", "log == [0, 1, 2]",
    ),
    "global": (
        "count = 0\ndef add(x):\n    global count\n    count += 1", "each(add)", "count == 3",
    ),
    "object that is called": (
        "class Add:\n    n = 0\n    def __call__(self, x): self.n += 1\nadd = Add()",
        "each(add)",
        "add.n == 3",
    ),
    "game": (
        "won = []\ndef play(g):\n    for n in range(3): won.append(g(n) == 2 * n)",
        "play(f)",
        "len(won) == 3 and all(won)",
    ),
    "taken out": ("log = [1, 2, 3]", "a = f(log.pop())", "log == [1, 2] and a == 6"),
    "generator": (
        "rng = np.random.default_rng(1)",
        "a = f(rng.random())",
        "a == 2 * np.random.default_rng(1).random() and rng.random() != a / 2",
    ),
    "array": ("a = np.zeros(3)", "each(lambda x: a.__setitem__(x, a[x] + 1))", "a.sum() == 3"),
    "global of a method": (
        "board = []\nclass Log:\n    def add(self, x): board.append(x)\nlog = Log()",
        "each(log.add)",
        "board == [0, 1, 2]",
    ),
    "decorator that counts": (
        "import collections\ncalls = collections.Counter()\ndef counted(f):\n"
        "    def g(x):\n        calls['g'] += 1\n        return f(x)\n    return g",
        "@counted\ndef twice(x): return f(x)\na = twice(1)",
        "calls['g'] == 1 and a == 2",
    ),
    "made together": (
        "class Count:\n    n = 0\n    def add(self, x): self.n += 1\n"
        "def setup():\n    count = Count()\n    return count, Calls(count.add)",
        "count, calls = setup()",
        "calls.go() == 3 and count.n == 3",
    ),
    "cached": (
        "import functools\n@functools.cache\ndef made(): return Calls(lambda x: None)",
        "calls = made()",
        "calls.go() == 3 and made().go() == 3",
    ),
    "children of a generator": (
        "rng = np.random.default_rng(3)",
        "a = [f(r.random()) for r in rng.spawn(2)]\nb = f(rng.spawn(1)[0].random())",
        "b == 2 * np.random.default_rng(3).spawn(3)[2].random()",
    ),
}  # fmt: skip
EACH = (
    F
    + """
def each(call):
    for x in range(3): call(x)
    return 3
class Calls:
    def __init__(self, call): self.call = call
    def go(self): return each(self.call)
def g(x):
    if x == 13: import os; os._exit(0)
    return x
"""
)


@pytest.mark.parametrize("name", LENT)
def test_what_was_lent_is_called_once_for_all_although_the_session_died(grade, name):
    begin, done, told = LENT[name]
    found = kind(
        ("readonly", begin),
        ("answer", ""),
        ("readonly", done),
        ("tests", "assert g(12) == 12"),
        ("tests", "assert g(13) == 13"),
        ("tests", "assert g(14) == 14"),
        ("tests", f"assert {told}"),
        a=EACH.replace("13", "-1"),
    )
    result = grade(found)
    assert points(result) == [10] * 4, whys(result)
    result = grade(found, {"a": EACH})
    assert points(result) == [10, 0, 10, 10], whys(result)


PARAMETERS = """
class Param:
    def __init__(self, data): self.data = np.array(data)
p = Param([1.0, 2.0])
W = np.array([1.0, 2.0])
"""
STEPS = """
class Descent:
    def __init__(self, params): self.params = params
    def step(self):
        for p in self.params: p.data = p.data - 0.5
        return 1
class DescentOf:
    def __init__(self, arrays): self.arrays = arrays
    def step(self):
        for a in self.arrays: a -= 0.5
def g(x):
    if x == 13: import os; os._exit(0)
    return x
"""


@pytest.mark.parametrize("done", ["opt.step()\nof.step()", "n = opt.step()\nof.step()\nm = 2 * n"])
def test_what_was_changed_for_good_is_changed_once_although_the_session_died(grade, done):
    found = kind(
        ("readonly", PARAMETERS),
        ("answer", ""),
        ("readonly", f"opt = Descent([p])\nof = DescentOf([W])\n{done}"),
        ("tests", "assert g(13) == 13"),
        ("tests", "assert p.data.tolist() == W.tolist() == [0.5, 1.5]"),
        ("tests", "opt.step()\nof.step()\nassert p.data.tolist() == W.tolist() == [0.0, 1.0]"),
        ("tests", "W += 1; p.data += 1\nassert g(13) == 13"),
        ("tests", "opt.step()\nof.step()\nassert p.data.tolist() == W.tolist() == [0.5, 1.5]"),
        a=STEPS.replace("13", "-1"),
    )
    found.rules = {"objects": {"Param": ["data"]}, "in_place": ["DescentOf"]}
    result = grade(found)
    assert points(result) == [10] * 5, whys(result)
    result = grade(found, {"a": STEPS})
    assert points(result) == [0, 10, 10, 0, 10], whys(result)


def test_what_can_be_used_once_alone_is_there_although_the_session_died(grade):
    found = kind(
        ("answer", ""),
        ("readonly", "numbers = iter([1, 2])\nlayer = Layer(f(next(numbers)))"),
        ("readonly", "log = open('log.txt', 'a')\nn = log.write(str(f(1)))"),
        ("tests", "assert layer.run(13) == 26"),
        ("tests", "assert layer.run(3) == 6"),
        ("tests", "log.flush()\nassert f(next(numbers)) == 4 and open('log.txt').read() == '2'"),
        a=LAYER.replace("13", "-1"),
    )
    assert points(grade(found)) == [10, 10, 10]
    assert points(grade(found, {"a": LAYER})) == [0, 10, 10]


def test_a_session_that_is_ended_brings_no_other_random_numbers(grade):
    """Without a seed of the lecturer's too: else it would be ended until these suit."""
    drawn = (
        "import os, random, secrets, uuid\ndrawn = [f(random.random()), np.random.rand()]\n"
        "drawn += [random.Random().random(), random.SystemRandom().random(), os.urandom(8)]\n"
        "drawn += [secrets.token_hex(), uuid.uuid4().hex, secrets.randbelow(2**60)]\n"
        "random.seed()\ndrawn += [random.random(), np.random.SeedSequence().entropy]\n"
        "drawn += [np.random.RandomState().rand(), np.random.default_rng().random()]\n"
        "drawn.append(np.random.default_rng().random())\nassert drawn[-1] != drawn[-2]"
    )
    found = kind(
        ("answer", ""),
        ("readonly", drawn),
        ("tests", "print(drawn)"),
        ("tests", "assert f(13) == 13"),
        ("tests", "print(drawn)\nassert f(14) == 14"),
        a="def f(x):\n    if x == 13: import os; os._exit(0)\n    return x",
    )
    result = grade(found)
    assert points(result) == [10, 0, 10], whys(result)
    assert result["outputs"]["3"] == result["outputs"]["5"]


def test_what_is_judged_is_as_good_in_every_try(grade):
    """Else one could be right until that is judged, end the session, and leave what suits."""
    found = kind(
        ("answer", ""),
        ("tests", "before = loss()\nassert 2 < before < 3"),
        ("tests", "assert f(13) == 26"),
        ("tests", "train()\nassert loss() < before / 2"),
        a="n = 2.4\ndef loss(): return n\ndef train():\n    global n\n    n = 0.1\n"
        "def f(x): return 2 * x",
    )
    assert points(grade(found)) == [10, 10, 10]
    coin = (
        "import os\nright = os.urandom(1)[0] % 2\ndef loss(): return 2.4 if right else 1e9\n"
        "def train():\n    global right\n    right = True\ndef f(x):\n    os._exit(0)"
    )
    for _ in range(16):
        first, _died, last = points(grade(found, {"a": coin}))
        assert first + last <= 10, "each is right for another one"


def test_an_error_is_shown_once_on_each_side_whatever_ends_later(grade):
    found = kind(
        ("answer", ""),
        ("readonly", "a = f(13)\nb = f(13)\nc = f(1)"),
        ("tests", "assert c == 2"),
        ("tests", "assert b == 26"),
        a="def f(x):\n    if x == 13: import os; os._exit(0)\n    return 2 * x",
    )
    result = grade(found)
    assert points(result) == [10, 0], whys(result)
    there, here = result["outputs"]["2"]
    assert there["ename"] == here["ename"] == "SessionEnded"
    assert '"<notebook c1>", line 2' in here["traceback"][1], "c, which is there, was made last"


def test_a_question_of_many_slow_calls_takes_its_time_once(grade):
    found = kind(
        ("answer", ""),
        ("tests", "for n in range(3000): assert f(n) == 2 * n"),
        ("tests", "assert g(3) == 6"),
        a="def f(x): return 2 * x\ndef g(x): return 2 * x",
    )
    found.rules = {"limits": {"submission_seconds": 6.0, "cell_seconds": 2.0}}
    slow = "import time\ndef f(x):\n    time.sleep(0.02)\n    return 2 * x\ndef g(x): return 2 * x"
    result = grade(found, {"a": slow})
    assert points(result) == [0, 10], whys(result)
    assert "2 s of this graded cell" in whys(result)
    assert result["seconds"] < 5


def test_what_was_judged_stays_when_there_is_no_time_for_another_try(grade, monkeypatch):
    monkeypatch.setattr("nncourse.grading.bench.OWN_SECONDS", 1.0)
    crashes = [("tests", "assert f(13) == 26")] * 6
    found = kind(
        ("answer", ""),
        ("tests", "import time\ntime.sleep(1.2)\nassert f(1) == 2"),
        *crashes,
        ("tests", "assert f(3) == 6"),
        a=F,
    )
    found.rules = {"limits": {"submission_seconds": 2.0}}
    dies = "def f(x):\n    if x == 13: import os; os._exit(0)\n    return 2 * x"
    result = grade(found, {"a": dies})
    assert points(result) == [10, 0, 0, 0, 0, 0, 0, 0]
    assert "grading took more than" in result["questions"]["c8"]["why"]
    assert "tries" not in result


def test_sessions_that_end_elsewhere_each_time_come_to_an_end(grade):
    """A piece in which several have ended is run without the student's code."""
    found = kind(
        ("answer", ""),
        ("readonly", "seen = []\ntry:\n    for n in range(1000): seen.append(f(n))\nfinally: pass"),
        ("tests", "assert len(seen) == 1000"),
        ("tests", "assert g(3) == 6"),
        a="import os\nfrom random import Random\ndef f(x):\n"
        "    if Random().random() < 0.02: os._exit(0)\n    return x\ndef g(x):\n    return 2 * x",
    )
    result = grade(found)
    assert points(result) == [0, 10], whys(result)
    assert "it ended its process" in whys(result)
    found.cells[2] = ("readonly", "c1", "\n".join(f"seen = [f({n})]" for n in range(300)))
    found.right["a"] = found.right["a"].replace("0.02", "0.1")
    result = grade(found)
    assert points(result) == [0, 10], whys(result)
    assert result["seconds"] < 15


def test_a_cell_that_ends_the_session_is_not_done_again(grade):
    found = kind(
        ("answer", ""),
        ("readonly", "a = f(1)\nb = f(13)"),
        ("tests", "assert a == 2"),
        ("tests", "assert b == 26"),
        ("tests", "assert f(2) == 4"),
        f=F,
    )
    ends = "def f(x):\n    if x == 13: import os; os._exit(0)\n    return 2 * x"
    assert points(grade(found, {"f": ends})) == [10, 0, 10]


def test_another_cell_that_never_ends_costs_what_needs_it(grade, monkeypatch):
    monkeypatch.setattr("nncourse.grading.bench.OWN_SECONDS", -6.0)
    found = kind(
        ("answer", ""),
        ("plain", "while f(1) < 0: pass\ndone = f(2)"),
        ("plain", "while (last := f(1)) < 0: pass"),
        ("tests", "assert f(1) < 5 and done == 4"),
        ("tests", "assert last == 2"),
        f=F,
    )
    assert points(grade(found)) == [10, 10]
    result = grade(found, {"f": "def f(x):\n    return -1 if x == 1 else 2 * x"})
    assert points(result) == [10, 0]
    assert "took more than" in whys(result)


@pytest.mark.parametrize(
    ("first", "then"),
    [
        ("y = np.ones(3)\ndef loss(p): return float(np.sum(p - y))\nkeep(loss)", "y = np.zeros(3)"),
        ("y = np.ones(3)\nkeep(lambda p: float(np.sum(p - y)))", "y = np.zeros(3)"),
        ("y = np.ones(3)\ndef g(): return y\nkeep(lambda p: g().tolist())", "y = np.zeros(3)"),
        ("def loss(p): return str(p) if 'y' not in globals() else y\nkeep(loss)", "y = 0"),
        ("y = np.ones(3)\nimport functools\nkeep(functools.partial(lambda p: y.sum()))", "y = 0"),
        ("y = 1\nclass Loss:\n    def __call__(self, p): return y\nkeep(Loss())", "y = 0"),
        ("y = 1\nclass Loss:\n    def get(self, p): return y\nkeep(Loss().get)", "y = 0"),
        ("y = 1\ndef make(g): return lambda p: g()\nkeep(make(lambda: y))", "y = 0"),
    ],
)
def test_a_function_that_was_given_tells_nothing_of_later_cells(grade, first, then):
    answer = """
kept = []
def keep(f): kept.append(f)
def ask():
    try: return str(kept[-1](0))
    except Exception as error: return str(error)
"""
    goes_on, over = "assert 'over' not in ask()", "assert 'is over: it reads y' in ask()"
    cells = [f"{first}\n{goes_on}", goes_on, f"{then}\n{over}", over, f"{first}\n{goes_on}"]
    found = kind(("answer", ""), *(("tests", cell) for cell in cells), a=answer)
    result = grade(found)
    assert points(result) == [10] * 5, whys(result)


KEEP = """
kept = []
def keep(f): kept.append(f)
def ask():
    try: return str(kept[-1](0))
    except Exception as error: return str(error)
def die(): return None
"""


@pytest.mark.parametrize(
    ("first", "then"),
    [
        ("d = {'y': 1}\nkeep(lambda p: d['y'])", "d['y'] = 0"),
        ("d = {'a': {'y': 1}}\nkeep(lambda p: d['a']['y'])", "e = d['a']\ne['y'] = 0"),
        ("d = [{'y': 1}]\nkeep(lambda p: d[0]['y'])", "for e in d:\n    e['y'] = 0"),
        ("d = {}\ndef put(n): d['y'] = n\nput(1)\nkeep(lambda p: d['y'])", "put(0)\nd"),
        ("d = [1]\nkeep(lambda p: d[-1])", "d.append(0)"),
        ("d = [0, 1]\nkeep(lambda p: d[-1])", "last = d.pop()"),
        ("y = np.ones(3)\nkeep(lambda p: y.sum())", "y[:] = 0"),
        ("y = np.ones(3)\nkeep(lambda p: y.sum())", "y -= 1"),
        ("y = np.ones(3)\nkeep(lambda p, t=y: t.sum())", "np.copyto(y, 0)"),
        ("y = np.ones(3)\nz = y[1:]\nkeep(lambda p, t=z: t.sum())", "y[:] = 0"),
        ("y = np.ones(3)\ndef make(t): return lambda p: t.sum()\nkeep(make(y))", "y *= 0"),
        ("y = [1]\nimport functools\nkeep(functools.partial(lambda t, p: t[0], y))", "y[0] = 0"),
        ("class T:\n    y = 1\n    def f(self, p): return self.y\nt = T()\nkeep(t.f)", "t.y = 0"),
        ("class T: y = 1\nkeep(lambda p: T.y)", "T.y = 0"),
        ("class T: y = 1\nt = T()\nkeep(lambda p: t.y)", "setattr(t, 'y', 0)"),
    ],
)
@pytest.mark.parametrize("where", ["tests", "readonly"])
def test_a_function_tells_nothing_of_what_later_cells_change(grade, first, then, where):
    goes_on, over = "assert 'over' not in ask()", "assert 'is over: it reads' in ask()"
    change = [("readonly", then)] if where == "readonly" else []
    last = over if change else f"{then}\n{over}"
    read = {node.id for node in ast.walk(ast.parse(then)) if isinstance(node, ast.Name)}
    used = sorted({"d", "y", "t", "T"} & read)
    last += f"\nassert ({', '.join(used)},)"
    cells = [("tests", f"{first}\n{goes_on}"), ("tests", goes_on), *change, ("tests", last)]
    found = kind(("answer", ""), *cells, a=KEEP)
    result = grade(found)
    assert points(result) == [10] * 3, whys(result)


def test_a_function_given_again_to_a_new_session_tells_nothing_more(grade):
    found = kind(
        ("answer", ""),
        ("readonly", "y = np.ones(3)\ngiven = keep(lambda p: y.tolist())\ny[:] = 0"),
        ("tests", "assert die() is None"),
        ("tests", "assert given is None and y.sum() == 0 and 'is over' in ask()"),
        a=KEEP,
    )
    assert points(grade(found)) == [10, 10]
    result = grade(found, {"a": KEEP.replace("return None", "import os; os._exit(0)")})
    assert points(result) == [0, 10], whys(result)


def test_what_was_filled_is_filled_once_in_a_new_session(grade):
    given = """
rows, table, layers = [], {}, []
rows.append(f(1))
table.setdefault("a", []).append(f(2))
layers.append(Layer(3))
w = f(1)
w = np.zeros(2)
w[0] = f(4)
"""
    found = kind(
        ("answer", ""),
        ("readonly", given),
        ("tests", "assert layers[0].run(13) == 39"),
        ("tests", "assert rows == [2] and table == {'a': [4]} and w.tolist() == [8, 0]"),
        ("tests", "assert layers[0].run(2) == 6"),
        a=LAYER.replace("13", "-1"),
    )
    assert points(grade(found)) == [10, 10, 10]
    result = grade(found, {"a": LAYER})
    assert points(result) == [0, 10, 10], whys(result)


def test_a_function_that_was_given_stays_while_what_it_reads_does(grade):
    answer = "def keep(f):\n    global g\n    g = f\ndef ask(x): return g(x)\ndef f(x): return x"
    found = kind(
        ("answer", ""),
        ("tests", "y = 2\ndef loss(p): return f(p) * y\nkeep(loss)\nassert ask(3) == 6"),
        ("tests", "z = 3\nassert ask(3) == 6"),
        ("tests", "y = 4\nkeep(loss)\nassert ask(3) == 12"),
        a=answer,
    )
    assert points(grade(found)) == [10, 10, 10]
