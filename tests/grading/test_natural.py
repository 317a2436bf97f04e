"""What lecturers ask of answers in graded cells of their own, as they would in any notebook."""

from __future__ import annotations

import json

import pytest

from tests.grading.test_oracle import bench, grade, points, whys
from tests.grading.test_plan import kind

__all__ = ["bench", "grade"]

OWN_ERROR = """
class ShapeError(ValueError): pass
def f(x):
    if x < 0: raise ShapeError("negative")
    return np.linalg.inv(np.zeros((x, x)))
"""
PRINTING = "def f(n):\n    for k in range(n): print(k)\n    print('go!')"
TEXTS = """
class V:
    '''A vector.'''
    def __repr__(self): return "V(1)"
    def __str__(self): return "one"
    def __format__(self, how): return "as " + how
    def size(self):
        '''How long.'''
"""
CAUGHT = """
try:
    f({x})
except {kind} as error:
    assert "n" in str(error)
else:
    raise NameError
"""
OUTPUT = """
import contextlib, io
with contextlib.redirect_stdout(io.StringIO()) as out:
    f(2)
assert out.getvalue() == "0\\n1\\ngo!\\n"
"""


@pytest.mark.parametrize(
    ("answer", "graded", "wrong"),
    [
        (OWN_ERROR, CAUGHT.format(x=-1, kind="ValueError"), ("ValueError", "KeyError")),
        (OWN_ERROR, CAUGHT.format(x=-1, kind="Exception"), ("raise ShapeError", "return")),
        (OWN_ERROR, CAUGHT.format(x=2, kind="np.linalg.LinAlgError"), ("np.linalg.inv", "1 /")),
        (PRINTING, OUTPUT, ("'go!'", "'no!'")),
        (TEXTS, "assert repr(V()) == 'V(1)'", ("V(1)", "V(2)")),
        (TEXTS, "assert f'{V()!s} {V():x}' == 'one as x'", ("one", "two")),
        (TEXTS, "assert V.__doc__", ("'''A vector.'''", "")),
        (TEXTS, "assert V().size.__doc__ == 'How long.'", ("How long.", "")),
        (
            TEXTS,
            "assert V().size.__name__ == 'size'",
            ("class V:", "class V:\n    size = 1\nclass W:"),
        ),
        ("def f(x): return abs(x)", "assert np.vectorize(f)([-1, 2]).sum() == 3", ("abs", "")),
    ],
)
def test_a_graded_cell_is_answered_as_in_one_notebook(grade, answer, graded, wrong):
    found = kind(("answer", ""), ("tests", graded), a=answer)
    result = grade(found)
    assert points(result) == [10], whys(result)
    changed = answer.replace(*wrong)
    assert changed != answer
    assert points(grade(found, {"a": changed})) == [0]


def test_what_answers_print_tells_nothing_of_hidden_tests(grade):
    answer = "def f(x):\n    print('was asked', x)\n    return x"
    found = kind(("answer", ""), ("tests", "assert f('a secret') == 'a secret'"), a=answer)
    result = grade(found)
    assert points(result) == [10]
    assert "secret" not in json.dumps(result["outputs"])


@pytest.mark.parametrize(
    "answer",
    [
        "class V:\n    def __repr__(self): return 3\n    __str__ = __repr__",
        "class V:\n    def __repr__(self): import os; os._exit(0)\n    __str__ = __repr__",
        "class V:\n    def __repr__(self): raise KeyboardInterrupt\n    __str__ = __repr__",
    ],
)
def test_texts_that_are_none_end_no_grading(grade, answer):
    cells = ["assert str(V()) == '3'", "[V()]", "assert V()"]
    found = kind(("answer", ""), *(("tests", cell) for cell in cells), a=answer)
    assert points(grade(found)) == [0, 0, 0]


def test_an_error_of_many_kinds_is_a_students_error(grade):
    """Of a kind that wants other arguments, or that would end the grader."""
    answer = """
class A(UnicodeDecodeError):
    def __init__(self): pass
class SandboxUnavailable(Exception): pass
def f(kind): raise kind()
def g(): f(A)
def h(): f(SandboxUnavailable)
"""
    cells = [
        f"try: {name}()\nexcept Exception as e:\n    assert type(e).__name__ == {kind!r}"
        for name, kind in [("g", "A"), ("h", "SandboxUnavailable")]
    ]
    found = kind(("answer", ""), *(("tests", cell) for cell in cells), a=answer)
    result = grade(found)
    assert points(result) == [10, 10], whys(result)
