"""Feedback: a reason for each lost point, in the student's language, and nothing hidden."""

from __future__ import annotations

import json
import re
import time
from html import escape
from html.parser import HTMLParser

import numpy as np
import pytest
from nbformat import write
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from nncourse.check.judge import judge
from nncourse.course.files import Course
from nncourse.course.folder import TEXT_STUB
from nncourse.exercises.piece import find
from nncourse.grading import feedback
from nncourse.grading.feedback import feedback_page, reasons, render, unreadable, write_feedback
from nncourse.grading.grade import grade_submissions
from nncourse.grading.names import names
from nncourse.grading.nbgrader import Nbgrader
from nncourse.grading.reports import summary
from nncourse.grading.results import Grade, Result, read_results
from nncourse.language import using
from tests.grading.test_sanitize import HOSTILE
from tests.grading.toy import KERNEL, LIMITS, make_released, role, submission

ANSWER = "def square(x):\n    ### BEGIN SOLUTION\n    return x * x\n    ### END SOLUTION"
TESTS = """\
assert square(2) == 4
### BEGIN HIDDEN TESTS
print("the expected value is", 86436)
assert square(294) == 86436, "expected 86436"
### END HIDDEN TESTS"""
CHECK = 'from nncourse.check import check\ncheck("ps05.relu_backward", relu_backward).points(10)'
RELU = "def relu_backward(dout, z):\n    ### BEGIN SOLUTION\n    return dout * (z > 0)\n"
RELU += "    ### END SOLUTION"

STUDENTS = {
    "right": ("en", {}),
    "wrong": ("en", {"square_answer": "def square(x):\n    return 4"}),
    "неправ": ("ru", {"square_answer": "def square(x):\n    return 4"}),
    "маска": ("ru", {"relu_answer": "def relu_backward(dout, z):\n    return dout"}),
    "thief": (
        "en",
        {
            "square_answer": "def square(x):\n    if x == 2: return 4\n"
            "    raise type(f'saw {x}', (Exception,), {})(f'saw {x}')"
        },
    ),
    "smuggler": (
        "en",
        {"relu_answer": "def relu_backward(dout, z):\n    raise ValueError(f'saw {z.tolist()}')"},
    ),
    "object": (
        "en",
        {
            "square_answer": "from types import SimpleNamespace\n"
            "def square(x):\n    return SimpleNamespace(value=x * x)",
            "relu_answer": "def relu_backward(dout, z):\n    raise OverflowError",
        },
    ),
    "silent": ("en", {"why": TEXT_STUB["en"]}),
    "cross": ("en", {"why": "\n\n".join(HOSTILE)}),
    "syntax": (
        "en",
        {"square_answer": "def square(x:", "relu_answer": "\ndef relu_backward(dout, z)\n    pass"},
    ),
    "torch": ("en", {"square_answer": "import torch\ndef square(x):\n    return x * x"}),
    "हिन्दी": ("en", {}),
    "помощник": ("ru", {"relu_answer": "def relu_backward(dout, z):\n    return mask(dout, z)"}),
}


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    root = tmp_path_factory.mktemp("feedback")
    folder = root / "solutions" / "en" / "ps99"
    folder.mkdir(parents=True)
    cells = [
        new_markdown_cell("# Squares"),
        new_code_cell("import numpy as np", metadata=role("setup", "readonly")),
        new_code_cell(ANSWER, metadata=role("square_answer", "solution")),
        new_code_cell(TESTS, metadata=role("square", "tests", 10)),
        new_code_cell(RELU, metadata=role("relu_answer", "solution")),
        new_code_cell(CHECK, metadata=role("relu", "tests", 10)),
        new_markdown_cell("Because.", metadata=role("why", "manual", 5)),
    ]
    for number, cell in enumerate(cells):
        cell.id = f"cell-{number}"
    rules = {"withheld": ["nncourse"], "packages": ["numpy"], "limits": LIMITS}
    write(
        new_notebook(cells=cells, metadata={"kernelspec": KERNEL, "nncourse": {"grading": rules}}),
        folder / "ps99-squares.ipynb",
    )
    course = make_released(root / "course", Course(root), "ps99", "en")
    right = {"square_answer": "def square(x):\n    return x * x", "why": "So $x^2$."}
    right["relu_answer"] = "def relu_backward(dout, z):\n    return dout * (z > 0)"
    (root / "in").mkdir()
    for student, (language, answers) in STUDENTS.items():
        notebook = json.loads(submission(course, "ps99", {**right, **answers}))
        notebook["metadata"]["nncourse"] = {"language": language}
        (root / "in" / f"{student}.ipynb").write_text(json.dumps(notebook), "utf-8")
    (root / "in" / "cut off.ipynb").write_text('{"cells": [', "utf-8")
    grade_submissions(course, "ps99", root / "in")
    nbgrader = Nbgrader(course)
    with nbgrader.gradebook() as book:
        comment = book.find_comment("why", "ps99-squares", "ps99", "wrong")
        comment.manual_comment = "Not <b>quite</b>: **why** $x^2$?"
        grade = book.find_grade("why", "ps99-squares", "ps99", "wrong")
        grade.manual_score, grade.needs_manual_grade = 2.0, False
        book.db.commit()
    nbgrader.close()
    return course


@pytest.fixture(scope="module")
def pages(course):
    paths = write_feedback(course, "ps99")
    assert sorted(path.parents[1].name for path in paths) == sorted([*STUDENTS, "cut off"])
    return {path.parents[1].name: path.read_text("utf-8") for path in paths}


def test_each_lost_point_has_a_reason_and_others_have_none(pages):
    assert "A test found a wrong result." in pages["wrong"]
    assert "10 / 10" in pages["wrong"]
    assert 'class="why' not in pages["right"].partition('id="why"')[0].replace("why by-hand", "")
    assert "It ended in an error of its own kind." in pages["thief"]
    assert "return numbers, texts, lists, tuples" in pages["object"]
    assert "SyntaxError" in pages["syntax"]
    assert "SyntaxError: expected &#x27;:&#x27; (line 2)" in pages["syntax"]
    assert "A cell of the answer is not valid Python" in pages["syntax"]
    assert "not valid JSON" in pages["cut off"]


def test_an_answer_that_was_not_written_was_not_graded_by_hand(pages):
    assert pages["silent"].count("Not written yet.") == 1
    assert "by hand" not in pages["silent"]


def test_it_says_what_a_graded_answer_can_do(pages):
    assert "can import Python&#x27;s own modules, numpy, and nncourse" in pages["torch"]
    assert "тетрадь выполняется от первой ячейки до последней" in pages["помощник"]
    assert "NameError" in pages["помощник"], "the kind of error, in every language"
    for name in ("right", "wrong", "syntax"):
        assert "the notebook runs from its first cell" not in pages[name]


def test_it_speaks_the_language_of_the_submission(pages):
    assert '<html lang="ru">' in pages["маска"]
    assert "возвращён" in pages["маска"], "the hint of the course"
    assert '<html lang="en">' in pages["wrong"]
    assert "Тест обнаружил неверный результат." in pages["неправ"]


def test_the_lecturers_comment_is_in_it_rendered_and_escaped(pages):
    assert (
        "The lecturer: Not &lt;b&gt;quite&lt;/b&gt;: <strong>why</strong> <span" in pages["wrong"]
    )
    assert "2 / 5" in pages["wrong"]


def test_nothing_hidden_is_in_it(pages, course):
    seeds = {result.student: result.seed for result in read_results(course, "ps99")}
    for student, text in pages.items():
        assert "86436" not in text
        assert "saw [" not in text, "an input of the check"
        assert "294" not in text
        assert "HIDDEN" not in text
        assert "largest difference" not in text, "right values"
        if seeds[student] is not None:
            assert str(seeds[student]) not in text
    assert "return 4" in pages["wrong"], "the student's own answer is"
    assert "It ended in an error: ValueError." in pages["smuggler"]


class Fetched(HTMLParser):
    """Collects everything that runs or that a browser would fetch."""

    def __init__(self):
        super().__init__()
        self.found = []

    def handle_starttag(self, tag, attrs):
        if tag in ("script", "img", "link", "iframe", "object", "embed", "form", "base"):
            self.found.append(tag)
        # MathML only as our own converter writes it.
        if tag in ("maction", "mglyph", "malignmark", "mstyle", "semantics", "annotation-xml"):
            self.found.append(tag)
        if tag == "math" and [name for name, _ in attrs] != ["display", "alttext"]:
            self.found.append(tag)
        self.found += [
            f"{tag} {name}" for name, _ in attrs if name.startswith("on") or "src" in name
        ]
        self.found += [
            value
            for name, value in attrs
            if name == "href" and not value.startswith(("https://", "http://"))
        ]


@pytest.mark.parametrize("student", [*STUDENTS, "cut off"])
def test_nothing_runs_in_it_and_it_needs_no_network(pages, student):
    parser = Fetched()
    parser.feed(pages[student])
    assert parser.found == []
    assert "default-src 'none'" in pages[student]
    assert not re.search(r"url\(|@import", pages[student].partition("</style>")[0])


@pytest.mark.parametrize("text", HOSTILE)
def test_no_answer_breaks_out_of_the_page(text):
    parser = Fetched()
    parser.feed(render(text))
    assert parser.found == []


def test_formulas_are_drawn_and_form_is_kept():
    html = render("**So** $x_1 < y_1$ and\n\n$$\\frac12$$\n\n| a |\n|---|\n| 1 |")
    assert "<strong>So</strong>" in html
    assert '<math display="inline" alttext="x_1 &lt; y_1">' in html
    assert '<math display="block" alttext="\\frac12">' in html
    assert "<mfrac><mn>1</mn><mn>2</mn></mfrac>" in html
    assert "<td>1</td>" in html


def test_no_table_is_filled_up_without_end():
    table = "a|" * 180 + "\n" + "-|" * 180 + "\n" + "a\n" * 360 + "\n"
    begin = time.process_time()
    assert "<td>" not in render(table * 13)
    assert time.process_time() - begin < 2


@pytest.mark.parametrize("tex", ["\\foo{<b>}", "\\href{javascript:alert(1)}{x}", "x^{" * 500])
def test_a_formula_that_is_not_understood_stays_as_it_was_written(tex):
    assert f"<code>{escape(tex)}</code>" in render(f"a ${tex}$ b")


def test_what_looks_like_the_mark_of_a_formula_is_text():
    html = render("$x$ 0123456789abcdef0123456789abcdef-0;")
    assert html.count("<math") == 1
    assert "0123456789abcdef-0;" in html


def test_reasons_repeat_no_text_that_an_answer_gave_for_a_result():
    for name, answer in (
        ("ps04.topological_order", lambda graph, out: ["an input"]),
        ("ps05.network_gradients", lambda params, x, y: (0.0, {"an input": 1})),
    ):
        report = summary(judge(find(name), [answer]))
        assert report["score"] == 0
        found = reasons(Grade(0.0, 10.0), [report], [])
        assert found
        assert "an input" not in "".join(found)


@pytest.mark.parametrize("language", ["en", "ru"])
def test_reasons_repeat_no_name_that_an_answer_has_chosen(language):
    """Which of many functions it calls could tell what it was given."""

    def d17():
        raise NotImplementedError

    def stub(dout, s):
        raise NotImplementedError

    piece = find("ps05.sigmoid_backward")
    reports = [summary(judge(piece, [one], seed=3)) for one in (lambda dout, s: d17(), stub)]
    assert "d17" in reports[0]["mistakes"][0]["says"][language]
    with using(language):
        found = [reasons(Grade(0.0, 10.0), [report], [])[0] for report in reports]
    assert (
        found
        == {
            "en": ["Something that it calls is not written yet.", "Not written yet."],
            "ru": ["Ещё не написана одна из функций, которые вызывает ответ.", "Ещё не написано."],
        }[language]
    )


@pytest.mark.parametrize("language", ["en", "ru"])
def test_a_signature_is_told_to_its_end_and_no_word_of_the_error(language):
    """A dictionary in it has colons, too."""
    said = {"en": "It cannot be used as", "ru": "Это нельзя использовать как"}[language]
    for name in ("ps01.gates", "ps05.network_gradients", "ps01.neuron"):
        signature = find(name).signature
        says = f"{said} {signature}: an {{input: 1}}: 1"
        mistake = {"code": "use", "mutant": "", "outputs": [], "says": {language: says}}
        with using(language):
            found = reasons(Grade(0.0, 1.0), [{"name": name, "mistakes": [mistake]}], [])
        assert found == [f"{said} {signature}."]


def test_reasons_tell_why_an_output_cannot_be_compared():
    def initialise(name, fan_out, fan_in, rng):
        if name == "he_uniform":
            return None
        return find("ps07.initialise").reference(name, fan_out, fan_in, np.random.default_rng())

    report = summary(judge(find("ps07.initialise"), [initialise], seed=1))
    uniform, normal, missing = reasons(Grade(0.0, 10.0), [report], [])
    assert uniform.startswith("xavier_uniform: The distribution is right, but these are not")
    assert normal.startswith("xavier_normal, he_normal: The distribution is right, but these are")
    assert missing == "he_uniform: he_uniform is None."


def test_reasons_say_of_no_mistake_both_what_it_is_and_that_it_was_not_recognised():
    def clip(grads, limit):
        norm = sum((g**2).sum() for g in grads) ** 0.5
        return [g * limit / norm for g in grads] if norm > limit else None

    report = summary(judge(find("ps10.clip_gradients"), [clip], seed=1))
    said = "\n".join(reasons(Grade(7.0, 10.0), [report], []))
    assert "A list of as many arrays as came in is expected." in said
    assert "not recognised" not in said


def test_an_assertion_of_the_students_is_not_taken_for_one_of_the_tests():
    def clip(grads, limit):
        assert limit < 0
        return grads

    report = summary(judge(find("ps10.clip_gradients"), [clip], seed=1))
    assert reasons(Grade(0.0, 10.0), [report], [])[0] == "It ended in an error: AssertionError."


def test_a_missing_key_is_told_in_one_sentence():
    gates = {**find("ps01.gates").reference(), "NOT": (-0.5, -1)}
    del gates["not"]
    report = summary(judge(find("ps01.gates"), [lambda: gates]))
    (said,) = reasons(Grade(0.0, 10.0), [report], [])
    assert said.endswith("'not' is not in it.")
    assert not said.endswith("..")


def test_reasons_name_outputs_that_nothing_explains():
    report = {
        "name": "x",
        "score": 0.4,
        "wrong": ["dx", "db"],
        "mistakes": [
            {"code": "M1", "mutant": "", "outputs": ["dx"], "says": {"en": "why", "ru": "так"}}
        ],
    }
    grade = Grade(4.0, 10.0)
    found = reasons(grade, [report], [])
    assert found[0] == "dx: why"
    assert "db" in found[1]
    with using("ru"):
        assert reasons(grade, [report], [])[0] == "dx: так"
        words = {**report, "wrong": ["dx", "second gradient"]}
        assert "второй градиент" in reasons(grade, [words], [])[1]
    assert reasons(grade, [], []) == [
        "Tests of this part failed; they say no more about the reason."
    ]
    assert reasons(Grade(10.0, 10.0), [report], []) == []


@pytest.mark.parametrize(("locked", "which"), [(True, "The cell run"), (False, "A cell above")])
def test_a_cell_that_took_too_long_is_named_where_its_results_lack(locked, which):
    ended, missed = (
        [{"output_type": "error", "ename": kind, "evalue": "", "traceback": []}]
        for kind in ("SessionEnded", "NameError")
    )
    cells = [
        new_code_cell("f = 1", metadata=role("answer", "solution")),
        new_code_cell("x = f()", metadata=role("run", "readonly") if locked else {}, outputs=ended),
        new_code_cell("x", metadata=role("test", "tests", 5), outputs=missed),
        new_code_cell("y", metadata=role("other", "tests", 5), outputs=missed),
    ]
    result = Result("anna", grades={name: Grade(0.0, 5.0) for name in ("test", "other")})
    test, other = feedback_page("ps99", result, new_notebook(cells=cells)).split("<h2>")[1:]
    assert f"{which}, which uses your answers, was not finished. It took too long" in test
    assert "must be defined above" not in test
    assert "not finished" not in other


def test_an_answer_that_calls_another_wrong_one_points_there():
    step = "import numpy as np\ndef step(x):\n    return np.sin(x)"
    cells = [
        new_code_cell(step, metadata=role("step_answer", "solution")),
        new_code_cell("", metadata=role("step", "tests", 5)),
        new_code_cell("def fine(x):\n    return step(x)", metadata=role("fine_answer", "solution")),
        new_code_cell("", metadata=role("fine", "tests", 5)),
        new_code_cell("def run(x):\n    return step(x)", metadata=role("run_answer", "solution")),
        new_code_cell("", metadata=role("run", "tests", 5)),
        new_code_cell("def own(x):\n    return x.step()", metadata=role("own_answer", "solution")),
        new_code_cell("", metadata=role("own", "tests", 5)),
        new_code_cell("def fit():\n    return run(1)", metadata=role("fit_answer", "solution")),
        new_code_cell("", metadata=role("fit", "tests", 5)),
    ]
    points = {"step": 2.0, "fine": 5.0, "run": 0.0, "own": 0.0, "fit": 0.0}
    result = Result("anna", {name: Grade(given, 5.0) for name, given in points.items()})
    text = feedback_page("ps99", result, new_notebook(cells=cells))
    said = [part.partition("It uses ")[2].partition(",")[0] for part in text.split("<h2>")[1:]]
    assert said == ["", "", "step", "", "run"]


def test_names_and_penalties_are_shown_safely():
    result = Result("<img src=x>", {"<b>": Grade(5.0, 10.0)}, penalty=2.0)
    text = feedback_page("ps99", result, None)
    assert "<img" not in text
    assert "<b>" not in text
    assert "3 / 10" in text
    assert "2 points taken off" in text


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("%timeit f()", ""),
        ("x = '\0'", "SyntaxError: source code string cannot contain null bytes"),
        ("x = 1\n  y", "IndentationError: unexpected indent (line 2)"),
        ("-" * 50_000 + "1", ""),  # too deep for the parser
    ],
)
def test_what_is_said_of_cells_that_are_no_python(source, said):
    assert unreadable(source) == said


def test_an_answer_that_breaks_its_reader_costs_its_own_page_no_more_than_the_answers(
    course, pages, monkeypatch
):
    def names_of(text):
        if "SimpleNamespace" in text:
            raise RecursionError
        return names(text)

    monkeypatch.setattr(feedback, "names", names_of)
    found = {
        path.parents[1].name: path.read_text("utf-8") for path in write_feedback(course, "ps99")
    }
    assert found.keys() == pages.keys()
    changed = {student for student in found if found[student] != pages[student]}
    assert 0 < len(changed) < len(found)
    for student in changed:
        assert "<h2>" in found[student]
        assert "SimpleNamespace" not in found[student]
