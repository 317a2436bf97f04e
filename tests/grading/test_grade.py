"""A class graded by nbgrader: with what stops a run of nbgrader, and what earns gifts from it."""

import csv
import io
import os

import pytest

from nncourse.grading.grade import grade_submissions, read_results
from nncourse.grading.nbgrader import _environment
from nncourse.grading.scores import table, write_scores
from tests.grading.toy import RIGHT, cell_name, submission, with_cell, without

SQUARE = RIGHT["square_answer"]


def answers(**changed):
    return {**RIGHT, **changed}


def twice(cells):
    return [cell for cell in cells for _copy in range(2)]


def edited(cells):
    for cell in cells:
        if cell_name(cell) == "square":
            cell["source"] = "10.0"
    return cells


# name: (answers, change of the cells, points for square, points for plus)
CLASS = {
    "right": (RIGHT, list, 10, 5),
    "empty": ({}, list, 0, 0),
    "half": ({"square_answer": SQUARE}, list, 10, 0),
    "wrong": (answers(square_answer="def square(x):\n    return x + x"), list, 0, 5),
    "syntax": (answers(square_answer="def square(x:"), list, 0, 5),
    "deleted test": (
        answers(square_answer="def square(x):\n    return 0"),
        without("square"),
        0,
        5,
    ),
    "deleted": (RIGHT, without("square", "setup", "plus"), 10, 5),
    "edited": (answers(square_answer="def square(x):\n    return 0"), edited, 0, 5),
    "twice": (RIGHT, twice, 10, 5),
    "own cell": ({}, with_cell("square = plus = lambda x: 9"), 0, 0),
    "no points": (answers(square_answer="points = lambda f, most: None"), list, 0, 0),
    "warns": (
        answers(
            square_answer="import sys\ndef square(x):\n"
            "    print('overflow', file=sys.stderr)\n    return 9"
        ),
        list,
        10,
        5,
    ),
    "hangs": (answers(square_answer="while True:\n    pass"), list, 0, 5),
    "dies": (answers(plus_answer="import os\nos._exit(1)"), list, 0, 0),
}


@pytest.fixture(scope="module")
def graded(toy, tmp_path_factory):
    folder = tmp_path_factory.mktemp("submissions")
    for name, (given, change, *_points) in CLASS.items():
        (folder / f"{name}.ipynb").write_text(submission(toy, "ps99", given, change), "utf-8")
    (folder / "cut off.ipynb").write_text('{"cells": [', "utf-8")
    (folder / "nothing").mkdir()
    config = toy.root / "nbgrader_config.py"
    config.write_text(config.read_text("utf-8").replace("timeout = 60", "timeout = 2"), "utf-8")
    order = []
    results = grade_submissions(toy, "ps99", folder, advance=lambda r: order.append(r.student))
    assert order == [result.student for result in results] == sorted([*CLASS, "cut off", "nothing"])
    return {result.student: result for result in results}


@pytest.mark.parametrize("name", CLASS)
def test_points(graded, name):
    *_submission, square, plus = CLASS[name]
    grades = graded[name].grades
    assert (grades["square"].points, grades["plus"].points) == (square, plus)
    assert graded[name].max_points == 25


def test_a_written_answer_waits_for_the_lecturer(graded):
    assert graded["right"].waiting == ["why"]
    assert graded["empty"].waiting == [], "an unchanged answer is 0 without looking"


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("cut off", "not valid JSON"),
        ("nothing", "holds no notebook"),
        ("dies", "ended its Python process"),
    ],
)
def test_what_can_not_be_graded_gets_0_and_a_reason(graded, name, says):
    assert says in graded[name].problem
    assert graded[name].points == 0
    assert set(graded[name].grades) == {"square", "plus", "why"}


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("syntax", "square_answer: SyntaxError"),
        ("hangs", "CellTimeoutError"),
        ("no points", "plus: 0 points, it was not run to its end"),
        ("deleted test", "cell square was deleted"),
        ("twice", "cell plus_answer occurs twice"),
        ("own cell", "outside the answer cells"),
    ],
)
def test_remarks(graded, name, says):
    assert says in "\n".join(graded[name].notes)


def test_good_work_gets_no_remarks(graded):
    for name in ("right", "half", "wrong", "empty"):
        assert graded[name].notes == []


def test_feedback_is_written_for_whoever_was_graded(graded, toy):
    for name, result in graded.items():
        pages = list(toy.feedback(name, "ps99").glob("*.html"))
        assert bool(pages) == (not result.problem), name


def test_the_environment_is_put_back(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    monkeypatch.delenv("OPENBLAS_NUM_THREADS", raising=False)
    before = dict(os.environ)
    with _environment():
        assert os.environ["OMP_NUM_THREADS"] == os.environ["OPENBLAS_NUM_THREADS"] == "1"
    assert dict(os.environ) == before


def test_the_submissions_are_left_alone(graded, toy):
    assert not toy.submitted.exists()
    assert (toy.root / "grading.log").stat().st_size > 0


def test_scores_are_exported(graded, toy, tmp_path):
    path = write_scores(tmp_path / "out" / "scores.csv", read_results(toy, "ps99"))
    with path.open(encoding="utf-8", newline="") as file:
        rows = {row["student"]: row for row in csv.DictReader(file)}
    assert set(rows) == set(graded)
    assert rows["right"]["points"] == "15.0"
    assert rows["right"]["waiting"] == "why"
    assert rows["cut off"]["points"] == "0.0"


def test_nbgraders_own_export_agrees(graded, toy, tmp_path):
    from nbgrader.plugins import CsvExportPlugin

    from nncourse.grading.nbgrader import Nbgrader

    nbgrader = Nbgrader(toy)
    with nbgrader.gradebook() as gradebook:
        CsvExportPlugin(to=str(tmp_path / "grades.csv")).export(gradebook)
    nbgrader.close()
    with (tmp_path / "grades.csv").open(encoding="utf-8") as file:
        scores = {row["student_id"]: float(row["score"]) for row in csv.DictReader(file)}
    assert scores == {name: result.points for name, result in graded.items()}


def test_the_table_shows_problems_and_is_safe_from_markup(graded):
    from rich.console import Console

    graded["right"].notes.append("[bold]not markup")
    console = Console(width=200, record=True, file=io.StringIO())
    console.print(table(graded.values()))
    graded["right"].notes.pop()
    text = console.export_text()
    assert "15 / 25" in text
    assert "not valid JSON" in text
    assert "[bold]not markup" in text


def test_a_manual_grade_survives_regrading(graded, toy, tmp_path):
    from nncourse.grading.nbgrader import Nbgrader

    nbgrader = Nbgrader(toy)
    with nbgrader.gradebook() as gradebook:
        grade = gradebook.find_grade("why", "ps99-squares", "ps99", "right")
        grade.manual_score, grade.needs_manual_grade = 8.0, False
        gradebook.db.commit()
    nbgrader.close()
    (tmp_path / "right.ipynb").write_text(submission(toy, "ps99", RIGHT), "utf-8")
    (result,) = grade_submissions(toy, "ps99", tmp_path)
    assert result.points == 23
    by_name = {r.student: r for r in read_results(toy, "ps99")}
    assert by_name["right"].points == 23
    assert by_name["half"].points == 10, "others are left alone"
