"""The grader inside nbgrader: its own commands and its own API, in a configured course folder."""

from __future__ import annotations

import datetime
import json
import os
import shutil
import subprocess
import sysconfig
from html import escape
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from nbgrader.apps.api import NbGraderAPI
from nbgrader.coursedir import CourseDirectory

from nncourse.course.files import Course
from nncourse.course.folder import make_course
from nncourse.grading.earlier import FILE, text_mark
from nncourse.grading.feedback import feedback_pages
from nncourse.grading.grade import grade_submissions
from nncourse.grading.nbgrader import Nbgrader
from nncourse.grading.released import release_assignment
from nncourse.grading.results import each_result, read_results
from nncourse.grading.worker import Worker
from tests.grading.toy import (
    KERNEL,
    LIMITS,
    RIGHT,
    cell_name,
    role,
    submission,
    with_solution,
    without,
    write_toy,
)

SCRIPTS = sysconfig.get_path("scripts")
SQUARE = RIGHT["square_answer"]
PARTIAL = """\
right = [f(2) == 4, f(3) == 9, f(-1) == 1]
print(f"{sum(right)} of {len(right)} are right")
### BEGIN HIDDEN TESTS
right += [f(0) == 0]
### END HIDDEN TESTS
10.0 * sum(right) / len(right)"""

# name: (answers, points for "partial", points for "asserted")
CLASS = {
    "right": ({"f_answer": "def f(x):\n    return x * x", "why": "So."}, 10, 5),
    "half": ({"f_answer": "def f(x):\n    return 4", "why": "So."}, 2.5, 0),
    "noisy": (
        {"f_answer": "import sys\ndef f(x):\n    print('hm', file=sys.stderr)\n    return x * x"},
        10,
        5,
    ),
    "hostile": (
        {"f_answer": "class f:\n    __eq__ = lambda *a: True\n    __init__ = __eq__"},
        0,
        0,
    ),
    "pasted": ({"f_answer": f"DATA = {'7' * 200}\ndef f(x):\n    return x * x"}, 10, 5),
    "helped": ({"f_answer": "def f(x):\n    return power(x, TWO)", "why": "So."}, 10, 5),
    "dies": ({"f_answer": "import os\ndef f(x):\n    os._exit(0)"}, 0, 0),
    "empty": ({}, 0, 0),
}


HELPERS = ["power = pow\n1 / 0", "TWO = 2", "trial = power(3, 5)"]


def helped(cells):
    """With cells of the student's own."""
    return [
        *({**new_code_cell(source), "id": f"own-{n}"} for n, source in enumerate(HELPERS)),
        *cells,
    ]


def write_partial(root: Path) -> Course:
    cells = [
        new_code_cell(
            with_solution("def f(x):\n    return x * x"), metadata=role("f_answer", "solution")
        ),
        new_code_cell(PARTIAL, metadata=role("partial", "tests", 10)),
        new_code_cell("assert f(5) == 25\nassert f(6) == 36", metadata=role("all", "tests", 5)),
        new_markdown_cell("The rubric.", metadata=role("why", "manual", 5)),
    ]
    for number, cell in enumerate(cells):
        cell.id = f"cell-{number}"
    rules = {"withheld": ["nncourse"], "packages": ["numpy"], "limits": LIMITS}
    metadata = {"kernelspec": KERNEL, "nncourse": {"grading": rules}}
    folder = root / "solutions" / "en" / "ps97"
    folder.mkdir(parents=True)
    nbformat.write(new_notebook(cells=cells, metadata=metadata), folder / "ps97-partial.ipynb")
    write_toy(root)
    return Course(root)


def nbgrader(course, *arguments: str) -> str:
    """nbgrader's own command, started in the course folder as a lecturer does."""
    environment = {**os.environ, "PATH": f"{SCRIPTS}{os.pathsep}{os.environ['PATH']}"}
    run = subprocess.run(
        [f"{SCRIPTS}/nbgrader", *arguments],
        cwd=course.root,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr[-3000:]
    return run.stderr


def scores(course, assignment="ps97"):
    gradebook = Nbgrader(course)
    try:
        with gradebook.gradebook() as book:
            return {
                submission.student.id: {
                    grade.name: (grade.auto_score, grade.needs_manual_grade)
                    for notebook in submission.notebooks
                    for grade in notebook.grades
                }
                for submission in book.assignment_submissions(assignment)
            }
    finally:
        gradebook.close()


def hand_in(course, name, text, assignment="ps97", file="ps97-partial.ipynb"):
    folder = course.submitted / name / assignment
    folder.mkdir(parents=True, exist_ok=True)
    (folder / file).write_text(text, "utf-8")
    return folder


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    if shutil.which("bwrap") is None:
        pytest.skip("bubblewrap is not installed")
    root = tmp_path_factory.mktemp("plugin")
    course = make_course(root / "course", "en", ["ps97", "ps99"], write_partial(root / "repo"))
    release_assignment(course, "ps97")
    release_assignment(course, "ps99")
    return course


LINKS = "linked", "lent"  # to the work of another student


@pytest.fixture(scope="module")
def graded(course):
    for name, (answers, *_points) in CLASS.items():
        change = helped if name == "helped" else list
        folder = hand_in(course, name, submission(course, "ps97", answers, change))
    (folder / "passwords.txt").symlink_to("/etc/passwd")
    (folder / "numpy.py").write_text("raise SystemExit")
    hand_in(course, "cut off", "{")
    hand_in(course, "deleted", submission(course, "ps97", CLASS["half"][0], without("partial")))
    for name, place in zip(LINKS, (".", "ps97"), strict=True):
        link = Path(os.path.normpath(course.submitted / name / place))
        link.parent.mkdir(exist_ok=True)
        link.symlink_to(course.submitted / "right" / place)
    return nbgrader(course, "autograde", "ps97")


@pytest.mark.parametrize("name", CLASS)
def test_points(graded, course, name):
    _answers, partial, asserted = CLASS[name]
    found = scores(course)[name]
    assert found["partial"] == (partial, False)
    assert found["all"] == (asserted, False)


def test_written_answers_wait_and_empty_ones_are_0(graded, course):
    found = scores(course)
    assert found["right"]["why"] == (None, True)
    assert found["empty"]["why"] == (0, False)


def test_what_is_no_notebook_stops_nobody(graded, course):
    found = scores(course)
    assert set(found) == {*CLASS, "cut off", "deleted", *LINKS}
    for name in LINKS:
        assert found[name]["partial"] == found[name]["all"] == (0, False)
    assert found["cut off"]["partial"] == (0, False)
    assert found["deleted"]["partial"] == (2.5, False)
    assert "not valid JSON" in graded


def test_own_cells_run_where_answers_need_them_and_are_shown(graded, course):
    (path,) = course.autograded("helped", "ps97").glob("*.ipynb")
    remarks, *cells = nbformat.read(path, as_version=4).cells
    assert "2 of 3 cells of their own were run, since answers use them: power, TWO" in " ".join(
        remarks.source.split()
    )
    mark = "The student's own cell:"
    assert [cell.source for cell in cells[:5]] == [
        f"**{mark}**",
        "power = pow",
        f"**{mark}**",
        "TWO = 2",
        CLASS["helped"][0]["f_answer"],
    ]
    page = dict(feedback_pages(course, "ps97"))["helped"]
    assert page.count("<pre>power = pow</pre>") == 1
    assert page.count(f'<div class="soft">{escape(mark)}</div>\n<pre>') == 2
    assert "trial" not in page


def test_points_and_message_come_from_one_cell(graded, course):
    (path,) = course.autograded("half", "ps97").glob("*.ipynb")
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    message, result = next(c for c in notebook.cells if cell_name(c) == "partial").outputs
    assert message.text == "1 of 3 are right\n"
    assert result.data["text/plain"] == "2.5"


def test_nothing_else_of_a_submission_is_kept(graded, course):
    for name in CLASS:
        assert [p.name for p in course.autograded(name, "ps97").iterdir()] == ["ps97-partial.ipynb"]


def test_the_own_command_gives_the_same_scores(graded, course):
    before = scores(course)
    grade_submissions(course, "ps97", force=True)
    after = scores(course)
    assert after == before


def test_our_record_goes_along(graded, course):
    found = {result.student: result for result in read_results(course, "ps97")}
    assert "it ended its process" in found["dies"].reasons["partial"]
    assert found["dies"].language == "en"
    assert found["pasted"].literals == {"f_answer": 200}
    assert "not valid JSON" in found["cut off"].problem
    assert {name for name, result in found.items() if result.problem} == {"cut off", *LINKS}


def test_remarks_open_the_notebook(graded, course):
    for name, says in (
        ("cut off", "not valid JSON"),
        ("deleted", "cell partial is not in the file"),
    ):
        (path,) = course.autograded(name, "ps97").glob("*.ipynb")
        assert says in nbformat.read(path, as_version=4).cells[0].source


def test_grading_again_after_the_own_command_forgets_what_that_found(course, tmp_path):
    """In the formgrader a lecturer grades a mended submission anew."""
    mended = submission(course, "ps99", RIGHT)
    (tmp_path / "mended.ipynb").write_text("{", "utf-8")
    (broken,) = grade_submissions(course, "ps99", tmp_path)
    assert broken.problem
    hand_in(course, "mended", mended, "ps99", "ps99-squares.ipynb")
    nbgrader(course, "autograde", "ps99", "--student", "mended", "--force")
    (result,) = each_result(course, "ps99", students=["mended"])
    assert (result.problem, result.points) == ("", 15)
    (again,) = grade_submissions(course, "ps99", tmp_path)
    assert not again.skipped, "the own command does not take nbgrader's grade for one of its own"


def test_who_was_removed_from_the_gradebook_is_graded_again(course, tmp_path):
    (tmp_path / "back.ipynb").write_text(submission(course, "ps99", RIGHT), "utf-8")
    grade_submissions(course, "ps99", tmp_path)
    nbgrader(course, "db", "student", "remove", "back", "--force")
    (again,) = grade_submissions(course, "ps99", tmp_path)
    assert (again.skipped, again.points) == (False, 15)


def test_nothing_lies_there_as_it_was_written_while_it_is_judged(course, monkeypatch):
    """The formgrader finds it."""
    answers = {**RIGHT, "why": "<script>alert(1)</script>"}
    text = submission(course, "ps99", answers)
    hand_in(course, "script", text, "ps99", "ps99-squares.ipynb")
    seen = []
    as_before = Worker.grade

    def grade(self, packed, item):
        (between,) = course.autograded("script", "ps99").glob("*.ipynb")
        seen.append(nbformat.read(between, as_version=4))
        return as_before(self, packed, item)

    monkeypatch.setattr(Worker, "grade", grade)
    config = course.config()
    directory = CourseDirectory(config=config, root=str(course.root))
    answer = NbGraderAPI(directory, config=config).autograde("ps99", "script")
    assert answer["success"], answer.get("error")
    assert [cell.source for cell in seen[0].cells if cell_name(cell) == "why"] == [
        "< script>alert(1)< /script>"
    ]
    assert scores(course, "ps99")["script"]["square"] == (10, False)


def test_nbgraders_feedback_is_ours_and_shows_no_hidden_test(graded, course):
    nbgrader(course, "generate_feedback", "ps97")
    pages = {p.parents[1].name: p.read_text("utf-8") for p in course.root.glob("feedback/*/*/*")}
    assert set(pages) == {*CLASS, "cut off", "deleted", *LINKS}
    assert pages == dict(feedback_pages(course, "ps97"))
    assert "2.5 / 10" in pages["half"]
    assert "HIDDEN" in (course.source("ps97") / "ps97-partial.ipynb").read_text("utf-8")
    assert not any("HIDDEN" in page or "f(0) == 0" in page for page in pages.values())


@pytest.mark.slow
def test_export_is_nbgraders(graded, course):
    nbgrader(course, "export", "--to", "grades.csv")
    rows = (course.root / "grades.csv").read_text().splitlines()
    assert any(row.startswith("ps97") and ",right," in row and "15.0" in row for row in rows)


def test_manual_grades_are_kept_and_late_work_is_penalised(graded, course):
    config = course.root / "nbgrader_config.py"
    before = config.read_text("utf-8")
    gradebook = Nbgrader(course)
    with gradebook.gradebook() as book:
        grade = book.find_grade("why", "ps97-partial", "ps97", "right")
        grade.manual_score, grade.needs_manual_grade = 4.0, False
        grade.extra_credit = 2.0
        book.find_assignment("ps97").duedate = datetime.datetime(2026, 11, 20)
        book.db.commit()
    folder = course.submitted / "right" / "ps97"
    (folder / "timestamp.txt").write_text("2026-11-21 00:00:00.000000 UTC")
    try:
        config.write_text(before + '\nc.LateSubmissionPlugin.penalty_method = "zero"\n', "utf-8")
        nbgrader(course, "autograde", "ps97", "--student", "right", "--force")
        with gradebook.gradebook() as book:
            found = book.find_submission("ps97", "right")
            assert found.score == 21
            assert found.late_submission_penalty == 21
        grade_submissions(course, "ps97")
        with gradebook.gradebook() as book:
            assert book.find_submission("ps97", "right").late_submission_penalty == 21
    finally:
        config.write_text(before, "utf-8")
        (folder / "timestamp.txt").unlink()
        gradebook.close()


def test_marks_given_after_nbgraders_grading_stand_while_nothing_changes(course, tmp_path):
    """They wait for the lecturer's eye again only where what they were given for has changed."""
    text = submission(course, "ps99", RIGHT)
    hand_in(course, "marked", text, "ps99", "ps99-squares.ipynb")
    press(course, "autograde", "ps99", "marked")
    gradebook = Nbgrader(course)
    with gradebook.gradebook() as book:
        grade = book.find_grade("why", "ps99-squares", "ps99", "marked")
        grade.manual_score, grade.needs_manual_grade = 7.0, False
        book.db.commit()
    gradebook.close()
    for now, waiting in ((text, []), (text.replace("Because.", "Perhaps."), ["why"])):
        (tmp_path / "marked.ipynb").write_text(now, "utf-8")
        (result,) = grade_submissions(course, "ps99", tmp_path)
        assert (result.grades["why"].points, result.waiting) == (7, waiting)
        assert not result.skipped


def test_the_formgraders_button(graded, course):
    """What it calls: nbgrader's API."""
    hand_in(course, "new", submission(course, "ps99", RIGHT), "ps99", "ps99-squares.ipynb")
    config = course.config()
    directory = CourseDirectory(config=config, root=str(course.root))
    answer = NbGraderAPI(directory, config=config).autograde("ps99", "new")
    assert answer["success"], answer.get("error")
    assert scores(course, "ps99")["new"]["square"] == (10, False)
    with NbGraderAPI(directory, config=config).gradebook as book:
        assert book.find_submission("ps99", "new").score == 15


def press(course, button, *arguments):
    """A button of the formgrader calls nbgrader's API."""
    config = course.config()
    directory = CourseDirectory(config=config, root=str(course.root))
    answer = getattr(NbGraderAPI(directory, config=config), button)(*arguments)
    assert answer["success"], answer.get("error") or answer["log"]


@pytest.mark.parametrize(
    ("student", "name"),
    [("txt", "ps99-squares.ipynb.txt"), ("json", "ps99 (1).ipynb.json"), ("big", "PS99.IPYNB")],
)
def test_the_button_sees_what_browsers_make_of_a_name(graded, course, student, name):
    """As our command does."""
    hand_in(course, student, submission(course, "ps99", RIGHT), "ps99", name)
    press(course, "autograde", "ps99", student)
    assert scores(course, "ps99")[student]["square"] == (10, False)
    (course.submitted / "nothing" / "ps99").mkdir(parents=True, exist_ok=True)
    nbgrader(course, "autograde", "ps99", "--force")
    assert scores(course, "ps99")[student]["square"] == (10, False)
    assert scores(course, "ps99")["nothing"]["square"] == (0, False)


def test_the_time_of_an_earlier_submission_is_forgotten(graded, course):
    """Where the new one has none, as from a folder; else points for late work go on being lost."""
    folder = hand_in(course, "twice", submission(course, "ps99", RIGHT), "ps99", "ps99.ipynb")
    (folder / "timestamp.txt").write_text("2026-11-21 00:00:00 UTC")
    press(course, "autograde", "ps99", "twice")
    (folder / "timestamp.txt").unlink()
    press(course, "autograde", "ps99", "twice")
    gradebook = Nbgrader(course)
    with gradebook.gradebook() as book:
        assert book.find_submission("ps99", "twice").timestamp is None
    gradebook.close()


def test_what_the_button_released_before_is_known(graded, course):
    """A lecturer has mended a text with nbgrader's own button, and students have the old one."""
    path = course.source("ps99") / "ps99-squares.ipynb"
    before = path.read_text("utf-8")
    try:
        for text in ("# a place", "# one place", "# two places"):
            path.write_text(before.replace("# a place", text), "utf-8")
            press(course, "generate_assignment", "ps99")
        known = json.loads((course.root / FILE.format(assignment="ps99")).read_text("utf-8"))
        assert text_mark("cell-4", "# one place to try things") in known
    finally:
        path.write_text(before, "utf-8")
        press(course, "generate_assignment", "ps99")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["right", "half"])
def test_validate_works_on_the_students_side(graded, course, tmp_path, name):
    path = tmp_path / "ps97-partial.ipynb"
    path.write_text(submission(course, "ps97", CLASS[name][0]), "utf-8")
    run = subprocess.run(
        [f"{SCRIPTS}/nbgrader", "validate", path.name],
        cwd=tmp_path,
        env={**os.environ, "PATH": f"{SCRIPTS}{os.pathsep}{os.environ['PATH']}"},
        capture_output=True,
        text=True,
    )
    passes = "Success! Your notebook passes all the tests." in run.stdout
    assert passes == (name == "right"), run.stdout + run.stderr
