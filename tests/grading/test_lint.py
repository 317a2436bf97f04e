"""What authors of graded cells are told; and that good cells are passed in silence."""

import pytest

from nncourse.course.files import Course
from nncourse.grading.assignment import make_assignment, role_of
from nncourse.grading.lint import lint
from tests.grading.kinds import KINDS, Kind
from tests.grading.test_oracle import assignment
from tests.grading.test_ps05 import NAME, ROOT
from tests.grading.toy import toy_notebook

ANSWER = """
class Layer:
    def forward(self, x):
        return x * scale
def f(x):
    return x
def score(x):
    return 10.0
"""


def remarks(test: str, **rules: list[str]) -> list[str]:
    kind = Kind(
        [
            ("readonly", "setup", "import numpy as np\nscale = 2"),
            ("answer", "a", ""),
            ("tests", "t", test),
        ],
        {"a": ANSWER},
        rules=rules,
    )
    return [str(remark) for remark in lint(assignment(kind))]


@pytest.mark.parametrize(
    ("test", "line", "says"),
    [
        ("from unittest.mock import patch\nwith patch('__main__.scale', 3): f(1)", 2, "__main__"),
        ("scale = 3\nassert Layer().forward(1) == 3", 1, "answers don't see it"),
        ("assert isinstance(Layer(), Layer)", 1, "isinstance() needs a class"),
        ("assert issubclass(Layer, Exception)", 1, "issubclass() needs a class"),
        ("import types\nassert isinstance(f(1), types.GeneratorType)", 2, "whatever isn't plain"),
        ("class A: pass\nx = Layer()\nassert isinstance(x, A)", 3, "whatever isn't plain data"),
        ("layer = Layer()\nlayer.parts.append(1)", 2, "comes as a copy"),
        ("import inspect\nassert 'for' not in inspect.getsource(f)", 2, "can't look into"),
        ("assert 'x' in f.__code__.co_varnames", 1, "__code__"),
        ("layer = Layer()\nlayer.W[0] = 1", 2, "comes as a copy"),
        ("assert eval('f(1)') == 1", 1, "eval()"),
        ("text = f(1)\nassert eval(text) == 1", 2, "with your rights"),
        ("assert open(f(1)).read() == ''", 1, "with your rights"),
        ("assert eval('1 + ' + f(1)) == 3", 1, "with your rights"),
        ("import io, pickle\nassert pickle.load(io.BytesIO(f(1))) == 1", 2, "with your rights"),
        ("import subprocess\nsubprocess.run(['python', '-c', f(2)])", 2, "with your rights"),
        ("import doctest\ndoctest.run_docstring_examples(f, {'f': f})", 2, "with your rights"),
        ("assert globals()['f'](1) == 1", 1, "globals()"),
        ("%timeit f(1)", 1, "magics"),
        ("f(1)\nscore(f)", 2, "what the student's code says"),
        ("round(score(f), 1)", 1, "what the student's code says"),
        ("p = 2 * score(f)\np", 2, "what the student's code says"),
        ("min(10.0, 10 * Layer().forward(1))", 1, "what the student's code says"),
        ("x = np.ones(3)\nassert not np.abs(f(x) - 1).max() > 1  # NaN", 2, "NaN passes"),
        ("x = np.ones(3)\nassert np.mean((f(x) - x) ** 2) < 1e-9", 2, "wrap below zero"),
        ("error = np.abs(f(np.ones(3)) - 1).sum()\nassert error < 1e-9", 2, "wrap below zero"),
        ("error = abs(f(2) - 2)\nif error > 1e-6:\n    raise NaN(error)", 2, "NaN"),
        ("got = float(f(2).strip())\nassert not abs(got - 2) > 1e-6", 2, "NaN passes"),
        ("y = f(np.ones(3)).astype(int)\nassert np.sum((y - 1) ** 2) < 1", 2, "wrap below zero"),
        ("points = 10\nif abs(f(2) - 2) >= 0.1:\n    points -= 5\npoints  # NaN", 2, "NaN passes"),
        ("loss = f(np.ones(3)).mean()\nmin(10.0, 1 / loss)  # NaN", 2, "NaN passes"),
        ("0 if abs(f(2) - 2) > 1 else 10  # NaN", 1, "NaN passes"),
        ("a = f(np.ones(3))\nassert not a.sum() / abs(a).sum() < 1", 2, "NaN passes"),
        ("if np.corrcoef(f([1]), [1])[0, 1] < 0.9:\n    raise ValueError", 1, "NaN passes"),
        ("for a, b in zip(f([1, 2]), [1, 2]):\n    assert a == b", 1, "too short"),
        ("found = f([1])\nassert all(a == 1 for a in found)", 2, "too short"),
        ("assert all(a == b for a, b in zip([1], f([1])))", 1, "too short"),
        ("np.testing.assert_allclose(f(np.ones(3)), 1)  # empty", 1, "without any elements"),
        ("assert np.allclose(1.0, Layer().forward(0.5))  # empty", 1, "without any elements"),
        ("x = np.array([])\nassert np.allclose(np.array(f([1])), x)", 2, "without any elements"),
        (
            "x = np.ones(3)\na = f(x)\nnorm = np.linalg.norm\n"
            "assert norm(a - 1) / (norm(a) + norm(x)) < np.inf",
            4,
            "huge numbers pass",
        ),
        ("e = abs(f(2) - 2) / abs(f(2))\nassert e < 1e-6  # inf", 2, "huge numbers pass"),
        ("x = np.ones(3)\nassert np.square(f(x) - x).mean() < 1e-6", 2, "wrap below zero"),
        ("x = np.ones(3)\nassert (f(x) - x) @ (f(x) - x) < 1e-6", 2, "wrap below zero"),
        ("for a, b in zip(f([1]), [1]):\n    np.testing.assert_allclose(a, b)", 1, "too short"),
        ("for i, a in enumerate(f([1])):\n    if a != 1:\n        raise ValueError", 1, "short"),
        ("p = 9\nfor a, b in zip(f([1]), [1]):\n    if a != b: p -= 3\np", 2, "too short"),
        ("g = f([1])\nfor k, v in g.items():\n    assert v == 1", 2, "too short"),
        ("assert not any(a != b for a, b in zip(f([1]), [1]))", 1, "too short"),
        ("wrong = sum(a != b for a, b in zip(f([1]), [1]))\nassert wrong == 0", 1, "too short"),
        ("bad = [b for a, b in zip(f([1]), [1]) if a != b]\nassert not bad", 1, "too short"),
        ("x = np.ones(1)\nassert x.shape\nfor a in f(x):\n    assert a == 1", 3, "too short"),
        ("g = f([1])\nfor i in range(len(g)): assert g[i] == 1\nfor a in g: assert a", 3, "short"),
        ("y = np.ones(3)\nassert np.sum(f(y) == y) / len(y) > 0.9", 2, "many values for each"),
        ("y = np.ones(3)\np = f(y)\nassert (p == y).sum() == len(y)", 3, "many values for each"),
        ("y = np.ones(3)\n10 * np.count_nonzero(f(y) == y) / 3", 2, "many values for each"),
        ("loss = f(np.ones(3))\nassert loss < 0.1", 2, "loss is what the student's code says"),
        ("losses = f([3, 2])\nassert losses[-1] < losses[0]", 2, "what the student's code says"),
        ("assert score(3) > 0.9", 1, "score is what the student's code says"),
        ("loss = -np.log(f(np.ones(3))).mean()\nassert loss < 0.5", 2, "sum to 1"),
        ("from unittest import mock\nwith mock.patch('numpy.sort', None): f(1)", 2, "numpy.sort"),
        ("from unittest import mock\nwith mock.patch.object(np, 'sort'): f(1)", 2, "np is changed"),
        ("np.sort = None\nassert f(1) == 1", 1, "np.sort is changed on this side only"),
        ("def g(monkeypatch):\n    monkeypatch.setattr(np, 'sort', 0)\ng(f)", 2, "np is changed"),
        ("with np.errstate(all='raise'):\n    f(np.ones(3))", 1, "errstate() is of this side"),
        ("import warnings\nwarnings.simplefilter('error')\nf(3)", 2, "simplefilter() is of"),
        (
            "import warnings as w\nwith w.catch_warnings(record=True) as c: f(3)",
            2,
            "is of this side",
        ),
        ("import pytest\nwith pytest.warns(UserWarning): f(3)", 2, "warns() is of this side"),
        ("x = np.ones(3)\ny = f(x)\nassert y is not x", 3, "never an object of this side"),
        ("x = np.ones(3)\nassert not np.shares_memory(x, f(x))", 2, "never an object of this side"),
        ("assert len({id(o) for o in f(3)}) == 3", 1, "never an object of this side"),
        ("g = f(3)\ng[0][0] = 1\nassert g[1][0] == 0", 2, "is a copy: whether a part of it"),
        ("d = f('ab')\nd['a'].append(1)\nassert d['b'] == [3]", 2, "is a copy: whether a part"),
        ("a, b = f(3)\na[0] = 9\nassert b[0] == 0", 2, "is a copy: whether a part of it"),
        ("a = f(3)\na.append(9)\nassert f(3) == [0]", 2, "another result or an arg"),
        ("l = Layer()\nl.parts().append(9)\nassert l.parts() == [1]", 2, "another result or an"),
        ("y = np.ones(3)\nscore(y)\nassert np.mean(f(3) == y) > 0.9", 3, "score was given y"),
        ("w = np.ones(3)\nz = f(w)\np = score(z)\nassert np.allclose(p, w)", 4, "f was given w"),
        ("a = [[1]]\nb = f(a)\nb[0].append(5)\nassert a == [[1]] == b", 3, "or an argument"),
        ("l = Layer()\nw = l.get()\nw[0] += 1\nassert l.get()[0] == 1", 3, "another result"),
        ("assert callable(f(3))", 1, "every object of the student's passes"),
        ("from typing import Callable\nassert isinstance(f(3), Callable)", 2, "every object"),
        ("layer = Layer()\nassert hasattr(layer, '__len__')", 2, "every object of the student's"),
        ("import pytest\nwith pytest.raises(Layer):\n    f(1)", 2, "exception is elsewhere"),
        ("try:\n    f(1)\nexcept Layer:\n    pass", 3, "exception is elsewhere"),
        ("from m import PIECES\nassert f(PIECES['f'].reference)", 2, "the reference would go"),
        ("assert (", 1, "no Python"),
        ("x = np.ones(3)\nf(x)\nassert np.allclose(x, 1)", 3, "no change to x"),
        ("x = np.ones(3)\nl = Layer()\nl.forward([x])\nnp.all(x == 1) * 10.0", 4, "no change to x"),
        ("x = np.ones(3)\nf(x, lambda: x.sum())", 2, "no change to x"),
        ("x = list(range(3))\nf(x)\nassert x == [0, 1, 2]", 3, "no change to x"),
        ("X = np.ones(9)\nx = X[:3]\nf(x)\nassert (x == 1).all()", 4, "no change to x"),
        ("x = np.ones(3) * 2\nf(x)\nassert (x == 2).all()", 3, "no change to x"),
        (
            "def make(): return np.ones(3), 1\nx, n = make()\nf(x)\nassert (x == 1).all()",
            4,
            "no change to x",
        ),
        ("a = Layer()\nb = a.forward(1)\nassert type(b) is type(a)", 3, "of one type here"),
        ("a = Layer()\nassert isinstance(a.forward(1), type(a))", 2, "of one type here"),
        ("a = Layer()\nb = f(a)\nassert b.__class__ is a.__class__", 3, "of one type here"),
        ("import time\nt = time.process_time()\nf(3)", 2, "process_time is of this side only"),
        ("import sys\nsys.setrecursionlimit(99)\nf(3)", 2, "setrecursionlimit is of this side"),
        ("import sys\nassert sys.getsizeof(f(3)) < 999", 2, "getsizeof is of this side only"),
        ("state = np.random.get_state()[1]\nf(3)", 1, "get_state is of this side only"),
        ("y = f(np.ones(3))\nassert y.base is None", 2, "base is of this side only"),
        ("x = np.ones(3)\ng = lambda _: x.sum()\nassert f(g, x)", 3, "no change to x"),
        ("x = np.ones(3)\ndef g(_):\n    return x.sum()\nassert f(g, x)", 4, "no change to x"),
    ],
)
def test_what_does_not_carry_over_is_said_with_its_line(test, line, says):
    found = remarks(test)
    assert any(remark.startswith(f"t, {line}: ") and says in remark for remark in found), found


@pytest.mark.parametrize(
    ("test", "line"),
    [
        ("x = np.ones(3)\nassert np.allclose(f(x), x * 2)", 2),
        ("x = np.ones(3)\nassert np.allclose(f({'x': 1}, x), x * 2)", 2),
        ("x = [1]\ny = f(x)\nassert y == x", 3),
        ("l, x = Layer(), np.ones(3)\nl.forward(x)\nwant = x * 2\nwant + 1", 3),
        ("x = np.random.normal(size=3)\nout = Layer().forward(x=x)\nout - x", 3),
        ("x = np.ones(3)\nfor _ in [1]:\n    y = f(x)\nassert y is x", 4),
    ],
)
def test_what_an_answer_can_make_fit_is_said_where_it_changes_its_arguments(test, line):
    (found,) = remarks(test, in_place=["f", "Layer"])
    assert found.startswith(f"t, {line}: x is read after")
    assert remarks(test) == []


@pytest.mark.parametrize(
    "test",
    [
        "w = np.ones(3)\nf(w)\nassert np.allclose(w, 0)",
        "w = np.ones(3)\nlayer = Layer()\nlayer.forward([w])\nassert np.allclose(w, 0)",
        "w = np.ones(3)\nassert f(lambda: w.sum(), w) == 1",
    ],
)
def test_changes_are_seen_where_they_are_asked_for(test):
    assert remarks(test, in_place=["f", "Layer"]) == []
    assert len(remarks(test)) == 1


@pytest.mark.parametrize(
    "test",
    [
        "w = np.zeros(3)\nw[0] = 1\nassert f(w) is not None",
        "assert isinstance(f(1), (int, np.integer)) and isinstance(f(np.ones(2)), np.ndarray)",
        "assert f.__doc__ and f.__name__ == 'f'",
        "class Log:\n    rows = []\nlog = Log()\nlog.rows.append(f(1))\nassert log.rows == [1]",
        "layer = Layer()\nlayer.W = np.ones(3)\nassert layer.forward(2) == 4",
        "assert f(lambda x: x)",
        "%time y = f(1)\nassert y == 1",
        "10.0 * (f(1) == 1)",
        "x = np.ones(3)\nassert np.allclose(x * 2, f(x))",
        "x = np.ones(3)\nassert np.allclose(f(x.copy()), x * 2)",
        "x = np.ones(3)\nwant = x * 2\nassert np.allclose(f(x), want)\nassert f(x) is not None",
        "x = np.ones(3)\nf(x)\nassert f(2) == 2",
        "x = np.ones(3)\nf(x)\nx = np.zeros(3)\nassert np.allclose(f(x), x)",
        "n = np.random.randint(9)\nassert f(n) == n",
        # NaN, infinities and emptiness don't come to tests that don't speak of them.
        "x = np.ones(3)\nassert not np.abs(f(x) - 1).max() > 1e-6",
        "x = np.ones(3)\nassert np.allclose(np.array(f([1])), x)",
        "y = np.ones(3)\nassert np.mean(f(y) == y) > 0.9 and f(y).shape == (3,)",
        "y = np.ones(3)\np = f(y)\nassert p.shape == y.shape\nassert (p == y).sum() > 2",
        "out = f({})\nassert set(out) == {1}\nfor k, v in out.items():\n    assert v == 1",
        "loss = f(np.ones(3))\nassert np.isclose(loss, 1)\nassert loss < 2 and f(2) < 3",
        "p = f(np.ones(3))\nassert np.allclose(p.sum(), 1)\nassert -np.log(p).mean() < 0.5",
        "import warnings\nwarnings.simplefilter('ignore')\nassert f(3) == 3",
        "with np.errstate(all='raise'):\n    want = np.exp(3.0)\nassert f(want) == want",
        "with np.errstate(all='ignore'):\n    assert f(3) == 3",
        "assert callable(f) and f(3) is not None and type(f(3)) is not float",
        "assert hasattr(Layer(), 'forward')",
        "import pytest\npytest.raises(ValueError, f, -1)",
        "assert type(f(3)) is type(3) and isinstance(f(3), type(3))",
        "import sys\nx = np.ones(3)\nassert sys.getsizeof(x) and x.base is None and f(3) == 3",
        "x, n = np.ones(3), 3\nf(x, n)\nassert n == 3",
        "import contextlib, io, sys\nsys.stdout = io.StringIO()\ny = f(3)",
        "x = np.ones(3)\nf(x)\nassert f(lambda: x)",
        "assert abs(f(2) - 2) < 1e-6 and not f(3) == 4",
        "y = f(np.ones(3))\ny[y > 1] = 1\nassert np.allclose(y, 1)",
        "y = f(np.ones(3)).astype('float32')\nassert y.shape and np.sum((y - 1) ** 2) < 1",
        "p = f(2)\np['w'][0] += 1\nup = f(p)\np['w'][0] -= 1\nassert up - 1 < 2 * p['b']",
        "w, g = f(1), f(2)\nw[0] += 1\nup = f(w)\nassert np.isclose(up, g[0])",
        "y = np.ones(3)\nassert score(y) == 3\ny = np.zeros(3)\nassert np.allclose(f(2), y)",
        "x = np.ones(3)\nl = Layer(x)\nassert f(x) is not None and np.allclose(l.get(), x)",
        "x = np.ones(3)\nassert score(x) == 3\nassert np.allclose(f(x.copy()), x * 2)",
        "l = Layer()\nl.append(1).append(2)\nassert l.forward(1) == 2",
        "x = np.ones(3)\ny = f(x.copy())\ny[y > 1] = 1\nassert np.allclose(y, x)",
        "l = Layer()\nl[0] = 1\nl.append(2)\nassert l.forward(1) == 2",
        "found = []\nfound.append(f(2))\nassert f(3) == 3 and found[0] == 2",
        "points = 10.0 * (abs(f(2) - 2) < 1e-6)\nmin(points, 10.0)",
        "if abs(f(2) - 2) < 1e-6:\n    points = 10.0\nelse:\n    points = 0.0\npoints",
        "out = f([1, 2])\nassert len(out) == 2 and all(a > 0 for a in out)",
        "for a, b in zip(f([1]), [1], strict=True):\n    assert a == b",
        "for n in range(3):\n    assert f(n) == n",
        "out = f(np.ones(3))\nassert out.shape == (3,)\nnp.testing.assert_allclose(out, 1)",
        "want = np.ones(3)\nassert np.abs(f(want.copy()) - want).max() / want.max() < 1e-6",
        "try:\n    f(-1)\nexcept ValueError as error:\n    assert 'negative' in str(error)",
        "from nncourse.check import check\ncheck('ps05.linear_backward', f).points(10)",
    ],
)
def test_good_cells_are_passed_in_silence(test):
    assert remarks(test) == []


@pytest.mark.parametrize("name", KINDS)
def test_every_kind_of_exercise_is_passed(name):
    assert lint(assignment(KINDS[name])) == []


@pytest.mark.parametrize("language", ["ru", "en"])
def test_the_courses_own_exercises_are_passed(language):
    import json

    course = Course(ROOT)
    source = json.loads((course.solutions / language / "ps05" / f"{NAME}.ipynb").read_text("utf-8"))
    released = ROOT / "exercises" / language / "ps05" / f"{NAME}.ipynb"
    found = make_assignment("ps05", source, json.loads(released.read_text("utf-8")), language)
    assert lint(found) == []


def of_cells(*cells: tuple[str, str]) -> list[str]:
    named = [(kind, f"c{number}", source) for number, (kind, source) in enumerate(cells)]
    answers = {"a": ANSWER} | {name: source for kind, name, source in named if kind == "answer"}
    kind = Kind([("readonly", "setup", "import numpy as np"), ("answer", "a", ""), *named], answers)
    return [str(remark) for remark in lint(assignment(kind))]


OWN = ("tests", "k = 3\nassert f(k) == 9")


@pytest.mark.parametrize("other", ["print(k)", "w = f(lambda: k)"])
def test_a_name_of_the_cells_above_may_be_used_again(other):
    assert not of_cells(("plain", "k = 1"), ("plain", other), OWN)


@pytest.mark.parametrize(
    "cells",
    [
        [OWN, ("plain", "print(k)")],
        [("plain", "k = 1"), ("plain", "def g(): return k"), OWN],
        [("plain", "k = 1"), ("plain", "g = lambda: k"), OWN],
        [("answer", "def g(): return k"), OWN],
    ],
)
def test_a_name_that_is_read_once_the_cell_has_run_is_told(cells):
    (found,) = of_cells(*cells)
    assert "k is assigned here, but answers don't see it" in found


@pytest.mark.parametrize("graded", ["assert good", "assert w > 0.9", "for _ in w:\n    f(3)"])
def test_what_is_made_where_the_answers_are_is_not_believed(graded):
    given = ("readonly", "w = f(3)\ngood = w == 3")
    reads = ("answer", "def g(x):\n    return x * w if good else x")
    assert not of_cells(given, ("tests", graded))
    found = of_cells(given, reads, ("tests", graded))
    assert len(found) == 1
    assert "on the student's side" in found[0]
    assert not of_cells(given, reads, ("tests", "assert f(w) == f(3)"))


@pytest.mark.parametrize(
    ("given", "graded", "says"),
    [
        ("error = np.abs(f(np.ones(3)) - 1).max()", "assert not error > 1  # NaN", "NaN passes"),
        ("error = np.mean((f(np.ones(3)) - 1) ** 2)", "assert error < 1e-9", "wrap below zero"),
        ("found = f([1])", "assert all(a == 1 for a in found)", "too short"),
        ("functions = {'f': f}", "assert not abs(functions['f'](3)) > 1  # NaN", "NaN passes"),
        ("points = score(f)", "points", "what the student's code says"),
        ("right = isinstance(f(3), Layer)", "assert right", "isinstance() needs a class"),
    ],
)
def test_what_other_cells_make_of_the_students_is_read_along(given, graded, says):
    found = of_cells(("readonly", given), ("tests", graded))
    assert any(says in remark for remark in found), found
    assert not of_cells(("readonly", given), ("tests", "assert f(2) == 4"))


def test_what_is_only_looked_at_is_passed():
    shown = "w = np.ones(3)\nf(w)\nprint(w)"
    assert not of_cells(("plain", shown), ("tests", "assert f(3) == 3"))
    assert of_cells(("plain", shown), ("tests", "assert w[0] == 1 and (w == 1).all()"))


def test_a_helper_that_calls_the_students_function_may_stand_anywhere():
    helper = "def right(x): return f(x) == x\nw = f(3)"
    assert not of_cells(("readonly", helper), ("tests", "assert right(3) and w == 3"))


def test_changes_that_a_later_cell_does_not_see_are_said():
    kind = Kind(
        [
            ("readonly", "setup", "import numpy as np\nscale = 2"),
            ("answer", "a", ""),
            ("readonly", "run", "w = np.zeros(3)\nlayer = Layer()\nlayer.step([w])"),
            ("tests", "t", "assert np.allclose(w, 1)"),
        ],
        {"a": ANSWER.replace("forward", "step")},
    )
    (remark,) = map(str, lint(assignment(kind)))
    assert remark.startswith("t, 1: no change to w is seen")
    kind.rules["in_place"] = ["Layer"]
    assert lint(assignment(kind)) == []


def test_what_answers_need_of_a_judgement_is_their_word():
    kind = Kind(
        [
            ("readonly", "setup", "scores = {}"),
            ("answer", "a", ""),
            ("readonly", "run", "scores['f'] = f(2)"),
            ("answer", "b", ""),
            ("tests", "t", "assert scores['f'] > 1"),
        ],
        {"a": ANSWER, "b": "def show():\n    return str(scores)"},
    )
    (remark,) = map(str, lint(assignment(kind)))
    assert remark.startswith("t, 1: scores is made on the student's side")


def test_labels_that_lie_beside_what_answers_made_are_theirs():
    """Since an answer uses what is put there, all of it is made on their side."""
    given = ("readonly", "data = {'x': np.ones(3), 'y': np.zeros(3)}")
    run = ("readonly", "data['p'] = f(data['x'])")
    test = ("tests", "assert np.mean(f(3) == data['y']) > 0.9")
    assert not of_cells(given, run, test)
    (found,) = of_cells(given, run, ("answer", "def g(): return data['p']"), test)
    assert "data is made on the student's side" in found


def test_a_task_is_no_place_for_an_answer():
    notebook = toy_notebook()
    notebook.cells[-1].metadata["nbgrader"].update(task=True, solution=False, grade=False)
    (remark,) = lint(make_assignment("ps99", notebook, notebook, "en"))
    assert str(remark).startswith("why, 1: what students add for a task is shown to you")


def test_a_set_in_which_nothing_is_graded_is_told_of():
    """Its students were in no list, and an export said that nobody was graded yet."""
    notebook = toy_notebook()
    notebook.cells = [cell for cell in notebook.cells if not role_of(cell).get("grade")]
    (remark,) = lint(make_assignment("ps99", notebook, notebook, "en"))
    assert str(remark).startswith("ps99, 1: no cell is graded")
