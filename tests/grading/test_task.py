"""Tasks, which ask for cells of the student's own: these are kept, shown, and graded by hand."""

from __future__ import annotations

import json

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell

from nncourse.course.files import Course
from nncourse.grading.feedback import write_feedback
from nncourse.grading.formgrader import markdown
from nncourse.grading.grade import grade_submissions
from nncourse.grading.nbgrader import Nbgrader
from nncourse.grading.own import is_own
from nncourse.grading.similar import answers_in
from tests.grading.toy import RIGHT, cell_name, make_released, role, submission, toy_notebook

TASK = "Draw the squares, and say what you see."
SCHEME = "\n\n=== BEGIN MARK SCHEME ===\n4 for axes\n=== END MARK SCHEME ==="


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    root = tmp_path_factory.mktemp("task")
    notebook = toy_notebook()
    task = new_markdown_cell(TASK + SCHEME, metadata=role("draw", "readonly", 8), id="task")
    task.metadata["nbgrader"]["task"] = True
    notebook.cells[4:4] = [task]
    folder = root / "solutions" / "en" / "ps99"
    folder.mkdir(parents=True)
    nbformat.write(notebook, folder / "ps99-squares.ipynb")
    return make_released(root / "course", Course(root), "ps99", "en")


def behind(*sources, into=""):
    """Cells behind the task: code where it says so; and lines in the task itself."""
    new = [
        new_code_cell(text[1:]) if text[0] == ">" else new_markdown_cell(text) for text in sources
    ]

    def change(cells):
        (at,) = [n for n, cell in enumerate(cells) if cell_name(cell) == "draw"]
        cells[at]["source"] += into
        return [*cells[: at + 1], *json.loads(json.dumps(new)), *cells[at + 1 :]]

    return change


def graded(course, tmp_path, **changes):
    for student, change in changes.items():
        (tmp_path / f"{student}.ipynb").write_text(submission(course, "ps99", RIGHT, change))
    results = grade_submissions(course, "ps99", tmp_path)
    return {result.student: result for result in results}


def cells_of(course, student):
    (path,) = course.autograded(student, "ps99").glob("*.ipynb")
    return json.loads(path.read_text("utf-8"))["cells"]


def test_what_is_done_for_a_task_is_kept_and_graded_by_hand(course, tmp_path):
    work = behind("I see <script>$x^2$", ">square(4)", "Steep.", into="\nin the question")
    results = graded(course, tmp_path, anna=work, boris=list)
    for result in results.values():
        assert result.waiting == ["draw", "why"]
        assert (result.grades["square"].points, result.grades["plus"].points) == (10, 5)

    cells = cells_of(course, "anna")
    (at,) = [n for n, cell in enumerate(cells) if cell_name(cell) == "draw"]
    assert cells[at]["source"].strip() == TASK
    place = {"path": str(course.autograded("anna", "ps99")), "name": "ps99-squares"}
    pages = {"submission_id": "1", "metadata": place}
    assert "4 for axes" in markdown({"cell": cells[at], "resources": pages}, TASK)
    assert "own" in cells[at + 1]["source"]
    done = cells[at + 2]
    assert is_own(done)
    assert done["source"] == (
        "in the question\n\nI see < script>$x^2$\n\n~~~python\nsquare(4)\n~~~\n\nSteep."
    )
    assert "mathjax_ignore" in markdown({"cell": done}, done["source"])
    assert not any(map(is_own, cells_of(course, "boris")))
    assert list(answers_in({"cells": cells})) == ["square_answer", "plus_answer"]


def test_what_is_done_for_a_task_is_no_cell_that_was_not_run(course, tmp_path):
    trial = behind(">square(4)", "Steep.", ">for n in range(9):\n    print(square(n))")
    both = behind(">square(4)")

    def with_trial(cells):
        return [*json.loads(json.dumps([new_code_cell("1 + 1")])), *both(cells)]

    def with_helper(cells):
        cells = behind(">print(1)", ">def six():\n    return 6")(cells)
        for cell in cells:
            if cell_name(cell) == "plus_answer":
                cell["source"] = "def plus(x):\n    return x + six()"
        return cells

    results = graded(course, tmp_path, anna=trial, boris=with_trial, vera=with_helper)
    assert results["anna"].notes == []
    says = "1 cells of their own were not run: no answer uses them"
    assert results["boris"].notes == [says]
    says = "1 of 1 cells of their own were run, since answers use them: six"
    assert results["vera"].notes == [says]
    assert all(result.grades["plus"].points == 5 for result in results.values())


def test_points_by_hand_stay_until_the_work_changes(course, tmp_path):
    graded(course, tmp_path, anna=behind("One."))
    nbgrader = Nbgrader(course)
    with nbgrader.gradebook() as book:
        grade = book.find_grade("draw", "ps99-squares", "ps99", "anna")
        grade.manual_score, grade.needs_manual_grade = 5.0, False
        book.db.commit()
    nbgrader.close()
    results = graded(course, tmp_path, anna=behind("One.", "# Two."))
    assert results["anna"].waiting == ["draw", "why"]
    assert results["anna"].grades["draw"].points == 5

    write_feedback(course, "ps99")
    (page,) = course.feedback("anna", "ps99").glob("*.html")
    html = page.read_text("utf-8")
    part = html[html.index("<h2>draw") : html.index("<h2>plus")]
    assert "Two." in part
    assert "Tests of this part failed" not in html


def test_a_set_may_have_nothing_but_tasks(tmp_path):
    """Everyone was told that their file held no answer."""
    notebook = toy_notebook()
    task = new_markdown_cell(TASK, metadata=role("draw", "readonly", 8), id="task")
    task.metadata["nbgrader"]["task"] = True
    notebook.cells[1:] = [task]
    folder = tmp_path / "solutions" / "en" / "ps99"
    folder.mkdir(parents=True)
    nbformat.write(notebook, folder / "ps99-squares.ipynb")
    course = make_released(tmp_path / "course", Course(tmp_path), "ps99", "en")
    (tmp_path / "in").mkdir()
    found = graded(
        course, tmp_path / "in", ann=behind("They grow."), bob=list, eve=lambda cells: []
    )
    assert {name: (one.problem[:9], one.waiting) for name, one in found.items()} == {
        "ann": ("", ["draw"]),
        "bob": ("", ["draw"]),
        "eve": ("no answer", []),
    }
