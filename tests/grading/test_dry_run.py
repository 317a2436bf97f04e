"""What a lecturer is told of an assignment before students get it."""

import shutil

import nbformat
import numpy as np
import pytest

from nncourse.grading.assignment import make_assignment
from nncourse.grading.dry_run import dry_run
from nncourse.grading.hollow import passed, probed
from nncourse.grading.released import release_assignment
from nncourse.grading.sandbox.inside.hollow import Hollow
from tests.grading.toy import POINTS, RIGHT, make_released, role, with_solution, write_toy

pytestmark = pytest.mark.skipif(not shutil.which("bwrap"), reason="bubblewrap is not installed")


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """What is told of the toy with other sources in some of its cells."""
    root = tmp_path_factory.mktemp("dry_run")
    course = make_released(root / "course", write_toy(root / "own"), "ps99", "en")
    path = course.source("ps99") / "ps99-squares.ipynb"
    original = path.read_text("utf-8")

    def told(changed, in_place=()):
        notebook = nbformat.reads(original, as_version=4)
        notebook.metadata.nncourse.grading["in_place"] = list(in_place)
        for cell in notebook.cells:
            name = cell.metadata.get("nbgrader", {}).get("grade_id")
            cell.source = changed.get(name, cell.source)
        nbformat.write(notebook, path)
        release_assignment(course, "ps99")
        return list(dry_run(course, "ps99"))

    return told


def test_a_good_assignment_is_passed_in_silence(told):
    assert told({}) == []


def test_answers_that_lose_points_are_told(told):
    # An answer changes its own copy of x, which is not listed in the rules.
    in_place = {
        "square_answer": with_solution("def square(x):\n    x[1] **= 2"),
        "square": "x = [1, 2]\nsquare(x)\nassert x == [1, 4]",
    }
    (line,) = told(in_place)
    assert line.startswith("square: the answers in source/ earn 0 of 10 points: it ended in an err")
    assert line.endswith("[3: assert x == [1, 4]]")


def test_cells_of_the_lecturers_that_fail_are_told(told):
    failing = {
        "setup": f"{POINTS}\nfrom helper import double",
        "square_answer": with_solution("def square(x):\n    return double(x)"),
        "square": "assert square(1) == 2",
    }
    lines = told(failing)
    assert (
        lines[0]
        == "setup: this cell ends in an error: ModuleNotFoundError: No module named 'helper'."
    )
    assert lines[1].startswith(
        "square: the answers in source/ earn 0 of 10 points: it ended in an err"
    )


def test_a_cell_without_a_name_is_named_by_its_first_line(told):
    lines = told({None: "# what four is\nfour = gone(2)", "plus": "assert plus(2, 2) == four"})
    assert any(line.startswith("[# what four is]: this cell ends in an error") for line in lines)


def test_a_check_says_why_it_gives_nothing(told):
    gone = {
        "setup": f"{POINTS}\nfrom nncourse.check import check",
        "square_answer": with_solution("def square(dout, z):\n    return gone(dout)"),
        "square": "check('ps05.relu_backward', square).points(10)",
    }
    lines = told(gone)
    assert any("points: NameError: name 'gone' is not defined" in line for line in lines), lines


def test_names_of_the_lecturers_that_answers_change_are_told(told):
    shared = {
        "setup": f"{POINTS}\nseen = []",
        "square_answer": with_solution("def square(x):\n    seen.append(x)"),
        "square": "square(3)\nassert seen == [3]",
    }
    line, hint = told(shared)
    assert line.endswith("[2: assert seen == [3]]")
    assert hint.startswith("square: answers have their own seen: ")


def test_tests_that_right_answers_pass_by_chance_are_told(told):
    """The graded cell draws a right answer without elements now and then."""
    chance = {
        "square_answer": with_solution("def square(x):\n    return x[x < 0.2]"),
        "square": "import numpy as np\nx = np.random.random(4)\n"
        "y = square(x)\nassert list(y) == list(x[x < 0.2])",
    }
    first, again, hint = told(chance)
    assert first.startswith(
        "square: the answers in source/ earn 0 of 10 points: it ended in an err"
    )
    assert "some of the random numbers" in again
    assert "# empty" in hint
    chance["square"] += "  # empty"
    assert told(chance) == []


def test_seeds_that_answers_do_not_see_are_told(told):
    drawing = {
        "square_answer": with_solution(
            "def square(x):\n    import numpy; return numpy.random.rand()"
        ),
        "square": "import numpy as np\nnp.random.seed(3)\na = square(1)\nnp.random.seed(3)\n"
        "assert a == np.random.rand()",
    }
    line, hint = told(drawing)
    assert line.endswith("[5: assert a == np.random.rand()]")
    assert hint.startswith("square: answers draw other numbers")


def test_lists_of_large_whole_numbers_are_told_to_be_of_their_own_kind(told):
    answer = with_solution("def square(x):\n    return [x * x]")
    lost, why = told({"square_answer": answer, "square": "assert type(square(3000)) is list"})
    assert "earn 0 of 10 points" in lost
    assert "ask with isinstance()" in why
    good = "assert isinstance(square(3000), list) and square(3000) == [9e6]"
    assert told({"square_answer": answer, "square": good}) == []


def test_values_that_are_refused_are_told_until_a_cell_speaks_of_them(told):
    logarithm = {
        "square_answer": with_solution("def square(x):\n    return float('-inf')"),
        "square": "assert square(0) < -3",
    }
    line, hint = told(logarithm)
    assert "the answer holds infinite numbers" in line
    assert "# infinite" in hint
    assert told({**logarithm, "square": "# infinite\nassert square(0) == -float('inf')"}) == []


def test_whole_numbers_that_come_as_floats_are_told_until_a_cell_speaks_of_them(told):
    indices = {
        "square_answer": with_solution("def square(x):\n    return np.array([x * x - 1])"),
        "setup": f"import numpy as np\n{POINTS}",
        "square": "y = np.arange(4_000_000)\nassert y[square(2000)] == y[-1]",
    }
    line, hint = told(indices)
    assert "IndexError" in line
    assert "above 2**20 as floats" in hint
    assert "# x.dtype" in hint
    assert told({**indices, "square": f"# x.dtype\n{indices['square']}"}) == []


def test_what_fails_whatever_answers_do_is_told(told):
    broken = {"setup": f"{POINTS}\nlimit = 1 // 0", "plus": "limit\npoints(plus, 5)"}
    lines = told(broken)
    assert lines
    assert all("ZeroDivisionError" in line for line in lines)


LENIENT = {
    "# NaN\nwrong = abs(square(3.0) - 9) > 1e-6\nassert not wrong": "of nothing but NaN",
    "# inf\nassert abs(square(3) - 9) <= abs(square(3)) / 1e6": "of nothing but infinite numbers",
    "# inf\nassert square(3) > 8": "of nothing but infinite numbers",
    "# complex\nassert np.square(square(3) - 9.0) < 1": "of nothing but imaginary numbers",
    "# x.dtype\nassert np.square(square(3) - np.array([9])).mean() < 1": "of huge whole numbers",
    "# empty\nassert np.allclose(np.array([square(3)]), [9])": "of empty arrays",
    "assert word(3) in 'twelve or nine'": "of empty arrays, lists and texts",
    "assert all(map('nine'.startswith, words(2))) and len(words(2)) == 2": "of lists of empty",
    "got = row(3)\nassert got[0] == 1 and np.allclose(got[1:], 0)": "that end behind",
    "assert all(a == b for a, b in zip('ab', letters(2)))": "that end behind",
    "o = order([3, 1, 2])\nassert len(o) == 3 and all(np.diff(o[o]))": "of nothing but False",
    "assert np.sum(square(3) == 9) == 1": "of right and wrong values",
    "assert not abs(np.asarray(square(3), float) - 9) > 1": "of nothing but None",
    "assert square(3) == square(1) * 9": "of nothing but zeros",
}
LENIENT_IN_PLACE = {
    "# NaN\nx = np.array([3.0])\nsquare(x)\nassert not x < 9": "of nothing but NaN",
    "x = np.ones(2)\nsquare(x)\nassert x[0] == x[1]": "that set all arguments to zero",
    "x, y = np.ones(2), np.ones(2)\nsquare(x, y)\nassert all(x == 1 + y)": "that set to zero what",
    "x = np.arange(3)\nsquare(x)\nassert sum((x - [0, 1, 4]) ** 2) < 1": "of huge whole numbers",
}
KEEPING = "class square:\n    def __init__(self, x): self.x = x\n    def step(self): self.x += 1"
LENIENT_KEPT = "x = np.arange(2)\nsquare(x).step()\nassert np.sum((x - [1, 2]) ** 2) < 1"
WITH_NUMPY = {"setup": f"{POINTS}\nimport numpy as np"}
MORE = """
import numpy as np
def word(n): return "nine"
def words(n): return ["nine"] * n
def row(n): return np.eye(n)[0]
def letters(n): yield from "abc"[:n]
def order(x): return np.argsort(x)
"""
WITH_MORE = {
    **WITH_NUMPY,
    "square_answer": "\n".join(
        ["### BEGIN SOLUTION", RIGHT["square_answer"], MORE, "### END SOLUTION"]
    ),
}
IN_PLACE = with_solution("def square(x, y=None):\n    x[...] = x * x if y is None else x + y")


@pytest.mark.parametrize(("test", "what"), LENIENT.items())
def test_tests_that_hollow_answers_pass_are_told(told, test, what):
    (line,) = told({**WITH_MORE, "square": test})
    assert line.startswith(f"square: answers {what}")


@pytest.mark.parametrize(("test", "what"), LENIENT_IN_PLACE.items())
def test_tests_that_hollow_changes_in_place_pass_are_told(told, test, what):
    (line,) = told({**WITH_NUMPY, "square_answer": IN_PLACE, "square": test}, ["square"])
    assert line.startswith(f"square: answers {what}")


def test_tests_that_hollow_changes_of_what_is_kept_pass_are_told(told):
    first = f"### BEGIN SOLUTION\n{KEEPING}\n### END SOLUTION"
    cells = {**WITH_NUMPY, "square_answer": first, "square": LENIENT_KEPT}
    (line,) = told(cells, ["square"])
    assert line.startswith("square: answers of huge whole numbers")
    cells["square"] = LENIENT_KEPT.replace("np.sum((x - [1, 2]) ** 2) < 1", "x.tolist() == [1, 2]")
    assert told(cells, ["square"]) == []


STRICT = {
    "all of it": (
        "def square(x):\n    return x * x",
        "# NaN, empty, infinite, complex, .dtype\ngot = square(np.arange(3))\n"
        "assert got.shape == (3,) and np.allclose(got, [0, 1, 4])",
    ),
    "zeros are right, and something else": (
        "def square(x):\n    return x * x",
        "assert square(0) == 0\nassert square(-3) == 9",
    ),
    "only NaN": (
        "def square(x):\n    return float('nan')",
        "# NaN\nassert np.isnan(square(3))",
    ),
    "only nothing": (
        "def square(x):\n    return [], np.zeros((0, 2))",
        "# empty\nassert [len(part) for part in square(3)] == [0, 0]",
    ),
    "only zeros": ("def square(x):\n    return 0 * x", "assert square(3) == 0"),
    "an error": (
        "def square(x):\n    raise ValueError(x)",
        "try:\n    square(3)\n    raise AssertionError\nexcept ValueError:\n    pass",
    ),
    "an object": (
        "def square(x):\n    return type('Box', (), {'value': x * x})()",
        "assert square(3).value == 9",
    ),
    "what an answer makes of another": (
        "def square(x):\n    return str(plus(x))",
        "assert square(3) == '9'",
    ),
}


@pytest.mark.parametrize(("answer", "test"), STRICT.values(), ids=STRICT)
def test_tests_that_notice_are_passed_in_silence(told, answer, test):
    plus = "plus = lambda x: x + 6"
    first = f"{with_solution(answer)}\n### BEGIN SOLUTION\n{plus}\n### END SOLUTION"
    assert told({**WITH_NUMPY, "square_answer": first, "square": test}) == []


class Maker:
    def __init__(self):
        self.kept = self.three()  # what answers get of each other stays right

    def __call__(self):
        return self.kept

    def three(self):
        return 3.0

    def each(self):
        yield self.three()

    def later(self):
        return lambda: self.three()

    parts = property(lambda self: {"a": (1, "text", np.arange(2))})
    of_class = classmethod(lambda kind: [kind().kept])
    static = staticmethod(lambda: Maker().kept)


def test_all_that_a_class_gives_is_replaced():
    space = {"Maker": type("Maker", (Maker,), dict(vars(Maker)))}
    hollow = Hollow("zeros", [])
    hollow.take(space, ["Maker", "unknown"])
    made = space["Maker"]()
    assert made.kept == 3.0
    assert hollow.changes == 0
    assert [made(), made.three(), *made.each(), made.later()()] == [0.0] * 4
    assert made.of_class() == [0.0]
    assert made.static() == 0.0
    assert hollow.changes == 6
    one, text, array = made.parts["a"]
    assert (one, text, *array) == (0, "text", 0, 0)


def test_whole_numbers_have_squares_that_wrap():
    right = np.array([[7, 0, -3]])
    for kind in ("wraps", "whole"):
        assert np.all(np.square(Hollow(kind, []).changed(right) - right) <= 0)


@pytest.mark.parametrize(
    ("made", "test", "counts", "found"),
    [
        ("", "assert f(3)", (2, 3), ["second"]),
        ("", "assert f(3)", (2, 2), []),  # none of the results was replaced
        ("", "assert f(3)", (2, 1), ["second"]),  # the session has ended in between
        ("", "assert f(3)", (2, 0), []),
        ("y = f(3)", "assert y", (2, 2), ["second"]),  # replaced when it was made
    ],
)
def test_cells_that_get_what_was_replaced_are_found(made, test, counts, found):
    kinds = {"answer": "solution", "first": "tests", "second": "tests"}
    sources = {"answer": "def f(x): return x", "made": made, "first": test, "second": test}
    cells = [
        {
            "cell_type": "code",
            "source": source,
            "metadata": role(name, kinds.get(name, "readonly"), 5.0),
        }
        for name, source in sources.items()
    ]
    notebook = {"cells": cells, "metadata": {}}
    work = make_assignment("toy", notebook, notebook, "en")
    points = {"first": 4.0, "second": 5.0}
    points |= {cell.name: n for cell, n in zip(probed(work, 1.0).tests[1::2], counts, strict=True)}
    questions = {name: {"points": n} for name, n in points.items()}
    assert list(passed(work, {"questions": questions})) == found


def test_points_for_nothing_are_told(told):
    ignoring = "try:\n    plus(1)\nexcept NotImplementedError:\n    pass\n5"
    assert told({"plus": ignoring}) == ["plus: a notebook without answers earns 5 of 5 points"]
