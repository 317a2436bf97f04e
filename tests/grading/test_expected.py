"""What a test may rely upon though the answer is elsewhere: errors that it expects, errors of what
it lends, Python's own methods of objects."""

from __future__ import annotations

import pytest

from tests.grading.test_oracle import bench, grade, of_one_cell, points, whys
from tests.grading.test_plan import kind

__all__ = ["bench", "grade"]

RAISES = "import pytest\nassert f(2) == 4\nwith pytest.raises({}): f(-1) {}"
FALLS = "def f(n):\n    if n < 0: raise TypeError\n    return n * n"
OBJECT = """
class Odd:
    def __lt__(self, other): return True
    def __add__(self, other): return 0
def f(n): return n * n if n > 0 else Odd()
"""
BARE = "try:\n    f(-1) < 0\n    raised = False\nexcept:\n    raised = True\nassert raised"


@pytest.mark.parametrize(
    ("test", "wrong"),
    [
        (RAISES.format("Exception", ""), "def f(n):\n    while n != 2: n -= 1\n    return 4"),
        (RAISES.format("Exception", ""), "import os\ndef f(n): return 4 if n > 0 else os._exit(0)"),
        (RAISES.format("TypeError", "< 0"), OBJECT),
        (RAISES.format("TypeError", "+ 1"), OBJECT),
        (BARE, OBJECT),
        (BARE, "def f(n): return float('nan')"),
    ],
)  # fmt: skip
def test_who_expects_an_error_of_theirs_is_not_content_with_one_of_the_graders(grade, test, wrong):
    found = of_one_cell(test, FALLS)
    assert points(grade(found)) == [10]
    assert points(grade(found, {"a": wrong})) == [0]


def test_what_is_caught_costs_nothing_where_points_are_counted(grade):
    test = """
total = 0
for n in range(5):
    try: total += 2 * (f(n) == n * n)
    except Exception: pass
float(total)
"""
    found = of_one_cell(test, "def f(n): return n * n")
    assert points(grade(found)) == [10]
    wrong = "def f(n): return n * n if n < 3 else object()"
    assert points(grade(found, {"a": wrong})) == [6]


LENT = """
seen = []
def on_step(n, loss):
    seen.append(n)
    {}
train(on_step)
assert seen == [0, 1, 2]
"""
ASSERTS = ["assert abs(loss - 2.0 * n) < 1e-6", "np.testing.assert_allclose(loss, 2.0 * n)"]
TRAIN = "def train(call):\n    for n in range(3): call(n, 2.0 * n)"
SWALLOWS = "def train(call):\n    for n in range(3):\n        try: call(n, {})\n"
SWALLOWS += "        except Exception: pass"


@pytest.mark.parametrize("asserts", ASSERTS)
@pytest.mark.parametrize("wrong", ["5.0", "'x'", "None", "float('nan')", "object()", "[]"])
def test_whatever_a_tests_own_judge_can_not_take_is_wrong(grade, asserts, wrong):
    found = of_one_cell(LENT.format(asserts), TRAIN)
    assert points(grade(found)) == [10]
    assert points(grade(found, {"a": SWALLOWS.format(wrong)})) == [0]


def test_what_a_lent_function_raises_on_purpose_comes_to_the_answer_as_that(grade):
    test = """
calls = []
def flaky():
    calls.append(1)
    assert len(calls) < 5
    if len(calls) < 3: raise ValueError("again")
    return 7
assert retry(flaky) == 7 and len(calls) == 3
assert retry(lambda: 1 / 0) is None
"""
    right = """
def retry(f):
    for _ in range(5):
        try: return f()
        except ValueError as error: assert str(error) == "again"
        except ZeroDivisionError: return None
"""
    result = grade(of_one_cell(test, right))
    assert points(result) == [10], whys(result)
    never = "def retry(f): return f()"
    assert points(grade(of_one_cell(test, right), {"a": never})) == [0]


SPECIAL = {
    "__iter__ that returns a list": (
        "class D:\n    def __iter__(self): return iter([1, 2])",
        "assert list(D()) == [1, 2] and sum(n for n in D()) == 3",
        ("iter([1, 2])", "[1, 2]"),
    ),
    "indices alone": (
        "class D:\n    def __getitem__(self, i): return [1, 2][i]",
        "assert list(D()) == [1, 2]",
        ("[1, 2]", "[1]"),
    ),
    "__reversed__": (
        "class D:\n    def __len__(self): return 2\n"
        "    def __reversed__(self): return iter([2, 1])\n"
        "    def __getitem__(self, i): return [1, 2][i]",
        "assert list(reversed(D())) == [2, 1]",
        ("[2, 1]", "[1, 2]"),
    ),
    "reversed by indices": (
        "class D:\n    def __len__(self): return 2\n    def __getitem__(self, i): return [1, 2][i]",
        "assert list(reversed(D())) == [2, 1]",
        ("[1, 2][i]", "1"),
    ),
    "__iadd__": (
        "class D:\n    n = 1\n    def __add__(self, other): return D()\n"
        "    def __iadd__(self, other):\n        self.n += other.n\n        return self",
        "d = same = D()\nd += D()\nassert d.n == same.n == 2",
        ("return self", "return None"),
    ),
    "the name of a decorated function": (
        "import functools\ndef twice(g):\n    @functools.wraps(g)\n    def inner(x): return g(x)\n"
        "    return inner\n@twice\ndef f(x): return x",
        "assert f.__name__ == f.__qualname__ == 'f' and f(3) == 3",
        ("    @functools.wraps(g)\n", ""),
    ),
    "deleting": (
        "class D:\n    def __init__(self): self.n, self.rows = 1, {3: 4}\n"
        "    def __delitem__(self, i): del self.rows[i]\n"
        "    def __delattr__(self, name): raise AttributeError(name)",
        "import pytest\nd = D()\ndel d[3]\nassert d.rows == {}  # empty\n"
        "with pytest.raises(AttributeError): del d.n",
        ("raise AttributeError(name)", "pass"),
    ),
    "no such method": (
        "class D: pass",
        "import pytest\nfor use in (len, list, lambda d: d[0], reversed):\n"
        "    with pytest.raises(TypeError): use(D())",
        ("pass", "__getitem__ = lambda self, i: [1, 2][i]"),
    ),
    "an object as a key": (
        "class D:\n    def __eq__(self, other): return True\n    def __hash__(self): return 3",
        "d = D()\nassert {d: 1}[d] == 1 and hash(d)",
        ("def __hash__", "def other"),
    ),
    "what a property prints": (
        "class D:\n    @property\n    def n(self): print(1)",
        "import contextlib, io\nwith contextlib.redirect_stdout(io.StringIO()) as out: D().n\n"
        "assert out.getvalue() == '1\\n'",
        ("print(1)", "pass"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SPECIAL)
def test_what_pythons_syntax_asks_of_an_object_is_asked_of_theirs(grade, name):
    right, test, change = SPECIAL[name]
    found = of_one_cell(test, right)
    found.rules = {"operators": ["add"]}
    result = grade(found)
    assert points(result) == [10], whys(result)
    assert right.replace(*change) != right
    assert points(grade(found, {"a": right.replace(*change)})) == [0]


QUIET = """
class ignoring:
    def __init__(self, name): self.name = name
    def __enter__(self): return self
    def __exit__(self, kind, error, trace):
        self.seen = str(error)
        return kind is not None and kind.__name__ == self.name
"""
LOUD = """
import pytest
with ignoring("ValueError") as one:
    raise ValueError("quiet")
assert one.seen == "quiet"
with pytest.raises(ZeroDivisionError):
    with ignoring("ValueError"):
        1 / 0
"""


@pytest.mark.parametrize("returns", ["True", "None"])
def test_a_context_manager_sees_the_errors_in_its_block(grade, returns):
    found = of_one_cell(LOUD, QUIET)
    result = grade(found)
    assert points(result) == [10], whys(result)
    wrong = QUIET.replace("kind is not None and kind.__name__ == self.name", returns)
    assert points(grade(found, {"a": wrong})) == [0]


def test_a_context_manager_rolls_back(grade):
    right = """
from contextlib import contextmanager
log = []
@contextmanager
def transaction():
    try:
        yield 3
        log.append("commit")
    except KeyError:
        log.append("rollback")
        raise
def logged(): return log
"""
    test = """
import pytest
with pytest.raises(KeyError):
    with transaction() as n:
        assert n == 3
        raise KeyError("gone")
with transaction(): pass
assert logged() == ["rollback", "commit"]
"""
    found = of_one_cell(test, right)
    result = grade(found)
    assert points(result) == [10], whys(result)
    assert points(grade(found, {"a": right.replace("        raise\n", "")})) == [0]


@pytest.mark.parametrize(
    "block",
    [
        "assert f(3) == 6",
        "np.testing.assert_allclose(f(3), 6)",
        "f(3) + 1\n    assert f(3) == 6",
        "z = f(3)\n    if z != 6: raise ValueError",
        "if y != 6: raise ValueError",
        "z = y + 1\n    assert z == 7",
        "assert f(np.ones(2)).sum() == 4",
    ],
)
@pytest.mark.parametrize(
    "wrong", ["return 5.0", "return 'x'", "raise ValueError", "return object()"]
)
def test_a_context_manager_keeps_no_verdict_quiet(grade, block, wrong):
    right = "class Timer:\n    def __enter__(self): return self\n"
    right += "    def __exit__(self, *error): return {}\ndef f(x): {}"
    test = f"y = f(3)\nwith Timer() as t:\n    {block}"
    found = of_one_cell(test, right.format("None", "return 2 * x"))
    assert points(grade(found)) == [10]
    for quiet in ("True", "None"):
        assert points(grade(found, {"a": right.format(quiet, wrong)})) == [0]


def test_an_error_of_the_lecturers_own_kind_is_expected_as_one_of_pythons(grade):
    given = "class ShapeError(ValueError): pass"
    test = "import pytest\nfor n in (-1, 0):\n    with pytest.raises(ShapeError, match='no'): f(n)"
    right = """
class Zero(ShapeError): pass
def f(n):
    if n == 0: raise Zero("no zero")
    if n < 0: raise ShapeError("no")
"""
    found = kind(("readonly", given), ("answer", ""), ("tests", test), a=right)
    result = grade(found)
    assert points(result) == [10], whys(result)
    for wrong in (right.replace("raise ShapeError", "raise ValueError"), "def f(n): pass"):
        assert points(grade(found, {"a": wrong})) == [0]


def test_unittest_finds_the_tests_of_the_notebook(grade):
    test = """
import unittest
class Test(unittest.TestCase):
    def test_f(self): self.assertEqual(f(2), 4)
assert unittest.main(argv=[""], exit=False).result.wasSuccessful()
"""
    found = of_one_cell(test, "def f(x): return 2 * x")
    assert points(grade(found)) == [10]
    assert points(grade(found, {"a": "def f(x): return 3 * x"})) == [0]


@pytest.mark.parametrize(
    "given",
    ["best = max([1, 5, 3], key=lambda n: f(n))", "best = (lambda n: f(n))(5) // 2"],
)
def test_a_function_that_a_call_is_given_on_the_spot_runs_then(grade, given):
    found = kind(
        ("answer", ""),
        ("readonly", given),
        ("tests", "assert best == 5"),
        a="def f(x): return 2 * x",
    )
    result = grade(found)
    assert points(result) == [10], whys(result)
    assert points(grade(found, {"a": "def f(x): return -x"})) == [0]


@pytest.mark.parametrize("wrong", ["", "softmax = 3", "def softmax(z): __import__('os')._exit(0)"])
def test_a_check_can_name_what_is_not_there(grade, wrong):
    check = "from nncourse.check import check\ncheck('ps02.softmax', softmax).points(10)\n0.5"
    named = "assert softmax.__name__ == 'softmax'"
    cells = [("answer", ""), ("tests", check), ("tests", named)]
    found = kind(*cells, a="def softmax(z): return z")
    assert points(grade(found)) == [0.5, 10]
    result = grade(found, {"a": wrong})
    assert points(result) == [0.5, 10 if "def" in wrong else 0], whys(result)
