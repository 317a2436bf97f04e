"""Both languages of every source say the same; and the comparison notices when they don't."""

from pathlib import Path

import pytest

from nncourse.course import parity
from nncourse.course.files import Course
from nncourse.course.sources import read_source

COURSE = Course(Path(__file__).parents[2])


@pytest.mark.parametrize("path", COURSE.sources(), ids=lambda path: path.name)
def test_languages_agree(path):
    assert parity.problems(read_source(path, COURSE.root)) == []


def problems_after(course, old, new):
    path = course.lectures / "01-trial.md"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    return parity.problems(read_source(path, course.root))


def test_the_small_course_agrees(small_course):
    for path in small_course.sources():
        assert parity.problems(read_source(path, small_course.root)) == []


LONG = "слово " * 30


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("number: $x^2$", "number: $x^3$", "only one language has the formula 'x^3'"),
        ("number: $x^2$", "number: x^2", "only one language has the formula"),
        ("# Trial", "## Trial", "headings differ"),
        ("# Trial", "Trial", "headings differ"),
        ("The square of a number", LONG, "declared en, but reads otherwise"),
        ("Квадрат числа", LONG * 5, "characters face"),
        ('print("square:", 7**2)', 'print("square:", 7**3)', "the code differs"),
        ('+++ {"lang": "en"}', '+++ {"lang": "ru"}', "has no twin"),
        ('+++ {"lang": "en"}', '+++ {"lang": "en", "tags": ["a"]}', "tags, slides or grading"),
    ],
)
def test_a_difference_is_found(small_course, old, new, message):
    assert any(message in problem for problem in problems_after(small_course, old, new))


def test_words_inside_formulas_may_differ(small_course):
    path = small_course.lectures / "01-trial.md"
    text = path.read_text(encoding="utf-8")
    text = text.replace("числа: $x^2$", r"числа: $x^2_{\text{из}}$")
    text = text.replace("number: $x^2$", r"number: $x^2_{\text{from}}$")
    path.write_text(text, encoding="utf-8")
    assert parity.problems(read_source(path, small_course.root)) == []


def test_skeleton_leaves_out_words_only():
    ru = 'def f(x):\n    """Строка."""\n    # заметка\n    return f"сумма {x + 1} из {x}"'
    en = 'def f(x):\n    """Docstring."""\n    return f"out of {x} the sum {x + 1}"'
    assert parity.skeleton(ru) == parity.skeleton(en)
    assert parity.skeleton(ru) != parity.skeleton(en.replace("x + 1", "x + 2"))
    assert parity.skeleton("f(1)") != parity.skeleton("f(2)")
