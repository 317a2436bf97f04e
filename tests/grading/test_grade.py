"""A class graded: with what stops a run of nbgrader, and what earns gifts from it."""

import csv
import io
import json
import os
import re
import shutil
from functools import partial
from pathlib import Path

import nbformat
import pytest

from nncourse.course.folder import CourseFolder, CourseFolderError
from nncourse.grading.feedback import feedback_pages, write_feedback
from nncourse.grading.grade import grade_class, grade_submissions
from nncourse.grading.nbgrader import _environment
from nncourse.grading.notebook_file import Unread
from nncourse.grading.reader import Reader
from nncourse.grading.released import load_assignment, release_assignment
from nncourse.grading.results import read_results
from nncourse.grading.scores import table, write_scores
from nncourse.grading.submissions import find_submissions
from nncourse.grading.whole import remove
from tests.grading.toy import (
    RIGHT,
    cell_name,
    make_released,
    submission,
    with_cell,
    without,
    write_toy,
)

SQUARE = RIGHT["square_answer"]


def answers(**changed):
    return {**RIGHT, **changed}


def twice(cells):
    return [cell for cell in cells for _copy in range(2)]


def with_first_cell(source, cells):
    return [{"cell_type": "code", "metadata": {}, "source": source}, *cells]


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
    "helper": (
        answers(square_answer="def square(x):\n    return x**k"),
        partial(with_first_cell, "k = 2\nprint(k)"),
        10,
        5,
    ),
    "trial": (RIGHT, with_cell("x = square(plus(1))"), 10, 5),
    "own cell": ({}, with_cell("square = plus = lambda x: 9"), 0, 0),
    "no points": (answers(square_answer="points = lambda f, most: None"), list, 0, 5),
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
    "dies": (answers(plus_answer="import os\nos._exit(1)"), list, 10, 0),
}


@pytest.fixture(scope="module")
def graded(toy, tmp_path_factory):
    folder = tmp_path_factory.mktemp("submissions")
    for name, (given, change, *_points) in CLASS.items():
        (folder / f"{name}.ipynb").write_text(submission(toy, "ps99", given, change), "utf-8")
    (folder / "cut off.ipynb").write_text('{"cells": [', "utf-8")
    (folder / "nothing").mkdir()
    order = []
    results = grade_submissions(toy, "ps99", folder, advance=lambda r: order.append(r.student))
    assert sorted(order) == [r.student for r in results] == sorted([*CLASS, "cut off", "nothing"])
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
        ("hangs", "square_answer: it took more than 2 s"),
        ("dies", "plus_answer: it ended its process"),
        ("no points", "square: 0 points, it ended in an error: NameError"),
        ("deleted test", "cell square is not in the file"),
        ("twice", "cell plus_answer occurs twice"),
        ("own cell", "plus, square: defined below the last graded cell, too late"),
        ("trial", "1 cells of their own were not run: no answer uses them"),
        ("helper", "1 of 1 cells of their own were run, since answers use them: k"),
    ],
)
def test_remarks(graded, name, says):
    assert says in "\n".join(graded[name].notes)


def test_good_work_gets_no_remarks(graded):
    for name in ("right", "half", "wrong", "empty"):
        assert graded[name].notes == []


def first_cell(toy, name):
    (path,) = toy.autograded(name, "ps99").iterdir()
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    return notebook.cells[0].source


def test_remarks_open_the_notebook_that_the_formgrader_shows(graded, toy):
    assert first_cell(toy, "right") == "# Squares"
    assert "square_answer: it took more than 2 s" in first_cell(toy, "hangs")
    assert "not valid JSON" in first_cell(toy, "cut off")


def test_the_notebook_as_it_was_run_is_kept(graded, toy):
    (path,) = toy.autograded("wrong", "ps99").iterdir()
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    cells = {cell_name(cell): cell for cell in notebook.cells}
    assert cells["square_answer"].source.endswith("x + x")
    assert cells["plus"].outputs[-1].data == {"text/plain": "5.0"}
    assert notebook.metadata.nncourse.seed == str(graded["wrong"].seed)


def test_the_environment_is_put_back(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    monkeypatch.delenv("OPENBLAS_NUM_THREADS", raising=False)
    before = dict(os.environ)
    with _environment():
        assert os.environ["OMP_NUM_THREADS"] == os.environ["OPENBLAS_NUM_THREADS"] == "1"
    assert dict(os.environ) == before


def test_the_submissions_are_left_alone(graded, toy):
    assert not toy.submitted.exists()


def test_scores_are_exported(graded, toy, tmp_path):
    path = write_scores(tmp_path / "out" / "scores.csv", read_results(toy, "ps99"))
    with path.open(encoding="utf-8-sig", newline="") as file:
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


def by_hand(toy, name, points, student="right"):
    from nncourse.grading.nbgrader import Nbgrader

    nbgrader = Nbgrader(toy)
    with nbgrader.gradebook() as gradebook:
        grade = gradebook.find_grade(name, "ps99-squares", "ps99", student)
        grade.manual_score, grade.needs_manual_grade = points, False
        gradebook.db.commit()
    nbgrader.close()


def test_a_change_in_an_own_cell_is_graded_again(toy, tmp_path):
    path = tmp_path / "helped.ipynb"
    for source, points, skipped in (("k = 2", 10, False), ("k = 2", 10, True), ("k = 1", 0, False)):
        change = partial(with_first_cell, source)
        given = {"square_answer": "def square(x):\n    return x**k"}
        path.write_text(submission(toy, "ps99", given, change), "utf-8")
        (result,) = grade_submissions(toy, "ps99", tmp_path)
        assert (result.points, result.skipped) == (points, skipped)


def test_a_manual_grade_survives_regrading(graded, toy, tmp_path):
    by_hand(toy, "why", 8.0)
    (tmp_path / "right.ipynb").write_text(submission(toy, "ps99", RIGHT), "utf-8")
    (result,) = grade_submissions(toy, "ps99", tmp_path, force=True)
    assert not result.skipped
    assert (result.points, result.waiting) == (23, []), "nothing has changed"
    by_name = {r.student: r for r in read_results(toy, "ps99")}
    assert by_name["right"].points == 23
    assert by_name["half"].points == 10, "others are left alone"


def test_a_manual_grade_of_what_changed_is_kept_and_looked_at_again(graded, toy, tmp_path):
    by_hand(toy, "why", 8.0)
    by_hand(toy, "plus", 4.0)
    other = {**RIGHT, "why": "For another reason."}
    (tmp_path / "right.ipynb").write_text(submission(toy, "ps99", other), "utf-8")
    (result,) = grade_submissions(toy, "ps99", tmp_path)
    assert (result.points, result.waiting) == (22, ["why"])
    other["plus_answer"] = "def plus(x):\n    return 0"
    (tmp_path / "right.ipynb").write_text(submission(toy, "ps99", other), "utf-8")
    (result,) = grade_submissions(toy, "ps99", tmp_path)
    assert (result.points, result.waiting) == (22, ["plus", "why"]), "it still waits"
    by_hand(toy, "plus", None)


@pytest.mark.parametrize("changed", [False, True])
def test_a_manual_grade_outlasts_a_run_that_could_not_read(
    graded, toy, tmp_path, monkeypatch, changed
):
    """Whether the answers have changed since, the next run says."""
    path = tmp_path / "right.ipynb"
    path.write_text(submission(toy, "ps99", RIGHT), "utf-8")
    grade_submissions(toy, "ps99", tmp_path, force=True)
    by_hand(toy, "why", 8.0)
    by_hand(toy, "plus", 4.0)
    if changed:
        answers = {**RIGHT, "plus_answer": "", "why": "For another reason."}
        path.write_text(submission(toy, "ps99", answers), "utf-8")
    with monkeypatch.context() as patch:
        patch.setattr(Reader, "take_in", unread)
        for _ in range(2):
            (result,) = grade_submissions(toy, "ps99", tmp_path, force=True)
            assert (result.points, result.waiting) == (12, [])
    (result,) = grade_submissions(toy, "ps99", tmp_path)
    assert (result.points, result.waiting) == (22, ["plus", "why"] if changed else [])
    by_hand(toy, "plus", None)
    by_hand(toy, "why", None)


def unread(*_):
    raise Unread("too slow")


def test_a_manual_grade_above_what_a_question_is_worth_is_looked_at_again(graded, toy, tmp_path):
    by_hand(toy, "why", 12.0)  # the lecturer has lowered the points since then
    (tmp_path / "right.ipynb").write_text(submission(toy, "ps99", RIGHT), "utf-8")
    grade_submissions(toy, "ps99", tmp_path, force=True)
    by_hand(toy, "why", 12.0)
    (result,) = grade_submissions(toy, "ps99", tmp_path, force=True)
    assert (result.points, result.waiting) == (27, ["why"])
    by_hand(toy, "why", None)


def test_a_time_stamp_that_turns_out_bad_is_said(toy, tmp_path):
    folder = tmp_path / "class" / "stamped" / "ps99"
    folder.mkdir(parents=True)
    (folder / "ps99-squares.ipynb").write_text(submission(toy, "ps99", RIGHT), "utf-8")
    grade_submissions(toy, "ps99", tmp_path / "class")
    (folder / "timestamp.txt").write_text("yesterday")
    for _again in range(2):
        (result,) = grade_submissions(toy, "ps99", tmp_path / "class")
        assert any("the time of this submission is unknown" in note for note in result.notes)
    assert result.skipped, "once is enough"


def test_the_penalty_for_late_work_is_nbgraders(toy, tmp_path):
    import datetime

    from nncourse.grading.nbgrader import Nbgrader

    nbgrader = Nbgrader(toy)
    with nbgrader.gradebook() as gradebook:
        gradebook.find_assignment("ps99").duedate = datetime.datetime(2026, 11, 20)
        gradebook.db.commit()
    config = toy.root / "nbgrader_config.py"
    before = config.read_text("utf-8")
    config.write_text(before + 'c.LateSubmissionPlugin.penalty_method = "zero"\n', "utf-8")
    stamps = {
        "late": "2026-11-21 10:00:00.000000 UTC",
        "in time": "2026-11-19 23:00:00.000000 Europe/Moscow",
        "zone": "2026-11-20 01:00:00+03:00",
        "odd": "\x1b[31mnever",
        "year one": "0001-01-01 00:00:00 UTC",
        "end of time": "9999-12-31 23:59:59 UTC",
    }
    try:
        for name, stamp in stamps.items():
            folder = tmp_path / name / "ps99"
            folder.mkdir(parents=True)
            (folder / "ps99-squares.ipynb").write_text(submission(toy, "ps99", RIGHT), "utf-8")
            (folder / "timestamp.txt").write_text(stamp, "utf-8")
        results = {r.student: r for r in grade_submissions(toy, "ps99", tmp_path)}
        with nbgrader.gradebook() as gradebook:
            late = gradebook.find_submission("ps99", "late")
            assert late.timestamp == datetime.datetime(2026, 11, 21, 10)
            gradebook.grant_extension("ps99", "late", days=2)
        extended = {r.student: r for r in grade_submissions(toy, "ps99", tmp_path)}
        with nbgrader.gradebook() as gradebook:
            gradebook.grant_extension("ps99", "late", days=0)
        config.write_text(before, "utf-8")
        forgiven = {r.student: r for r in grade_submissions(toy, "ps99", tmp_path)}
        config.write_text(before + 'c.LateSubmissionPlugin.penalty_method = "zero"\n', "utf-8")
        by_hand(toy, "why", 8, student="late")
        graded = {r.student: r for r in grade_submissions(toy, "ps99", tmp_path)}
        with nbgrader.gradebook() as gradebook:
            gradebook.find_assignment("ps99").duedate = None
            gradebook.db.commit()
        open_ended = {r.student: r for r in grade_submissions(toy, "ps99", tmp_path)}
    finally:
        config.write_text(before, "utf-8")
        with nbgrader.gradebook() as gradebook:
            gradebook.find_assignment("ps99").duedate = None
            gradebook.db.commit()
        nbgrader.close()
    assert results["late"].penalty == 15
    assert results["late"].points == 15
    assert extended["late"].penalty == 0, "it is due later"
    assert forgiven["late"].penalty == 0, "there is no rule any more"
    assert (graded["late"].points, graded["late"].penalty) == (23, 23), "the points have changed"
    assert open_ended["late"].penalty == 0, "it is not due any more"
    assert all(r.skipped for r in open_ended.values()), "nothing had to be judged again"
    assert results["zone"].penalty == 0
    for name in ("odd", "year one", "end of time"):
        assert "no time stamp" in " ".join(results[name].notes)


RULE = """\
from nbgrader.plugins import BasePlugin
class Half(BasePlugin):
    def late_submission_penalty(self, student, score, late):
        return score / 2
"""


def test_the_penalty_follows_rules_dates_and_marks(tmp_path):
    import datetime

    from nncourse.grading.nbgrader import Nbgrader

    course = make_released(tmp_path / "course", write_toy(tmp_path / "repo"), "ps99", "en")
    folder = course.submitted / "late" / "ps99"
    folder.mkdir(parents=True)
    (folder / "ps99-squares.ipynb").write_text(submission(course, "ps99", RIGHT), "utf-8")
    (folder / "timestamp.txt").write_text("2026-11-21 10:00:00 UTC", "utf-8")
    nbgrader = Nbgrader(course)

    def due(date):
        with nbgrader.gradebook() as gradebook:
            gradebook.find_assignment("ps99").duedate = date
            gradebook.db.commit()

    def penalty():
        (result,) = grade_submissions(course, "ps99")
        return result.penalty

    due(datetime.datetime(2026, 11, 20))
    assert penalty() == 0
    # nbgrader's way to a rule of one's own: a module in the course folder.
    (course.root / "late_rule.py").write_text(RULE, "utf-8")
    config = course.root / "nbgrader_config.py"
    text = config.read_text("utf-8")
    config.write_text(text + 'c.AssignLatePenalties.plugin_class = "late_rule.Half"\n', "utf-8")
    assert penalty() == 7.5
    by_hand(course, "why", 7.0, "late")
    (seen,) = read_results(course, "ps99")
    assert (seen.points, seen.penalty) == (22, 11), "nobody grades again for an export"
    (page,) = dict(feedback_pages(course, "ps99", student="late")).values()
    assert "11 points taken off" in page
    assert penalty() == 11
    due(None)
    assert penalty() == 0
    due(datetime.datetime(2026, 11, 20))
    config.write_text(text + 'c.AssignLatePenalties.plugin_class = "no_such.Rule"\n', "utf-8")
    with pytest.raises(CourseFolderError, match=r"nbgrader_config\.py.*no_such"):
        penalty()
    nbgrader.close()


NUMBER_RULE = """\
import os
from decimal import Decimal
from fractions import Fraction
import numpy as np
from nbgrader.plugins import BasePlugin
class Number(BasePlugin):
    def late_submission_penalty(self, student, score, late):
        return eval(os.environ["PENALTY"])
"""


def test_a_rule_for_late_work_may_give_any_number_and_nothing_else(tmp_path, monkeypatch):
    """SQLite takes NumPy's numbers for bytes, which no command could read."""
    import datetime

    from nncourse.grading.nbgrader import Nbgrader

    course = make_released(tmp_path / "course", write_toy(tmp_path / "repo"), "ps99", "en")
    folder = course.submitted / "late" / "ps99"
    folder.mkdir(parents=True)
    (folder / "ps99-squares.ipynb").write_text(submission(course, "ps99", RIGHT), "utf-8")
    (folder / "timestamp.txt").write_text("2026-11-21 10:00:00 UTC", "utf-8")
    nbgrader = Nbgrader(course)
    with nbgrader.gradebook() as gradebook:
        gradebook.find_assignment("ps99").duedate = datetime.datetime(2026, 11, 20)
        gradebook.db.commit()
    nbgrader.close()
    (course.root / "number_rule.py").write_text(NUMBER_RULE, "utf-8")
    rule = 'c.AssignLatePenalties.plugin_class = "number_rule.Number"\n'
    with (course.root / "nbgrader_config.py").open("a", encoding="utf-8") as file:
        file.write(rule)
    monkeypatch.setenv("PENALTY", "np.int64(3)")
    (result,) = grade_submissions(course, "ps99")
    assert result.penalty == 3
    numbers = ["np.float32(3)", "np.array(3)", "Decimal(3)", "Fraction(6, 2)", "3"]
    for text, points in (*((number, 3) for number in numbers), ("None", 0), ("np.inf", 15)):
        monkeypatch.setenv("PENALTY", text)
        (result,) = read_results(course, "ps99")
        assert (type(result.penalty), result.penalty) == (float, points), text
    for text in ("'a third'", "[3]", "np.array([1, 2])", "np.nan", "Decimal('nan')", "1j"):
        monkeypatch.setenv("PENALTY", text)
        with pytest.raises(CourseFolderError, match=r"rule for late work .* can't be used"):
            read_results(course, "ps99")


def test_points_that_are_in_the_source_alone_are_told(tmp_path):
    course = make_released(tmp_path / "course", write_toy(tmp_path / "repo"), "ps99", "en")
    path = course.source("ps99") / "ps99-squares.ipynb"
    text = path.read_text("utf-8").replace("(square, 10)", "(square, 20)")
    path.write_text(text.replace('"points": 10,', '"points": 20,', 1), "utf-8")
    with pytest.raises(CourseFolderError, match=r"square has other points.*release ps99 again"):
        load_assignment(course, "ps99")


def test_what_was_handed_out_before_a_correction_is_nobodys_change(tmp_path):
    course = make_released(tmp_path / "course", write_toy(tmp_path / "repo"), "ps99", "en")
    place = tmp_path / "class"
    place.mkdir()
    early = submission(course, "ps99", RIGHT)
    path = course.source("ps99") / "ps99-squares.ipynb"
    for points in (20, 30):
        text = path.read_text("utf-8")
        text = re.sub(r"points\(square, \d+\)", f"points(square, {points})", text)
        text = re.sub(r'"points": [123]0,', f'"points": {points},', text, count=1)
        text = text.replace("# a place to try things", "trials = []")
        path.write_text(text.replace("# Squares", "# Squares, corrected"), "utf-8")
        release_assignment(course, "ps99")
        (place / "ann.ipynb").write_text(early, "utf-8")
        (place / "bob.ipynb").write_text(early.replace("(square, 10)", "(square, 11)"), "utf-8")
        (place / "eve.ipynb").write_text(submission(course, "ps99", RIGHT), "utf-8")
        ann, bob, eve = grade_submissions(course, "ps99", place)
        assert [one.points for one in (ann, bob, eve)] == [points + 5] * 3
        assert ann.notes == eve.notes == []
        assert bob.notes[0] == "cell square is not as it was handed out: the original was used"


def test_only_what_has_changed_is_graded_again(toy, tmp_path):
    def grade(**options):
        results = grade_submissions(toy, "ps99", tmp_path, **options)
        return {r.student: (r.points, r.skipped) for r in results}

    def write(name, **changed):
        text = submission(toy, "ps99", answers(**changed))
        (tmp_path / f"{name}.ipynb").write_text(text, "utf-8")

    for name in ("a", "b", "c"):
        write(name)
    assert grade() == {"a": (15, False), "b": (15, False), "c": (15, False)}
    assert grade() == {"a": (15, True), "b": (15, True), "c": (15, True)}
    write("b", plus_answer="def plus(x):\n    return 0")
    assert grade() == {"a": (15, True), "b": (10, False), "c": (15, True)}
    (toy.autograded("c", "ps99") / "ps99-squares.ipynb").unlink()
    assert grade()["c"] == (15, False), "what is missing is made again"
    assert grade(force=True)["a"] == (15, False)
    assert read_results(toy, "ps99")[0].seed is not None


def test_a_second_file_of_a_student_is_a_change_and_so_is_its_removal(toy, tmp_path):
    (tmp_path / "twice").mkdir()
    for path in (tmp_path / "twice" / "x.ipynb", tmp_path / "twice.ipynb"):
        path.write_text(submission(toy, "ps99", answers()), "utf-8")
    (result,) = grade_submissions(toy, "ps99", tmp_path)
    assert "remove one of them" in result.problem
    (tmp_path / "twice.ipynb").rename(tmp_path / "kept")
    (result,) = [r for r in grade_submissions(toy, "ps99", tmp_path) if r.student == "twice"]
    assert (result.problem, result.points) == ("", 15)
    (tmp_path / "kept").rename(tmp_path / "twice.ipynb")
    (result,) = [r for r in grade_submissions(toy, "ps99", tmp_path) if r.student == "twice"]
    assert "remove one of them" in result.problem


def test_seeds_differ_by_student_and_are_the_same_again(toy, tmp_path):
    for name in ("a", "b"):
        (tmp_path / f"{name}.ipynb").write_text(submission(toy, "ps99", RIGHT), "utf-8")
    one = {r.student: r.seed for r in grade_submissions(toy, "ps99", tmp_path, force=True)}
    two = {r.student: r.seed for r in grade_submissions(toy, "ps99", tmp_path, force=True)}
    assert one == two
    assert one["a"] != one["b"]
    assert (toy.root / ".nncourse-secret").stat().st_mode & 0o77 == 0


def test_without_bubblewrap_nothing_is_graded(toy, tmp_path, monkeypatch):
    from nncourse.grading.queue import run_local
    from nncourse.grading.sandbox import SandboxUnavailable

    folder, empty = tmp_path / "class", tmp_path / "bin"
    folder.mkdir()
    empty.mkdir()
    (folder / "z.ipynb").write_text(submission(toy, "ps99", RIGHT), "utf-8")
    monkeypatch.setenv("PATH", str(empty))
    with pytest.raises(SandboxUnavailable, match="bubblewrap is not installed"):
        grade_submissions(toy, "ps99", folder)
    assert "z" not in {result.student for result in read_results(toy, "ps99")}
    run = partial(run_local, count=1, unsafe=True)
    (result,) = grade_submissions(toy, "ps99", folder, run=run)
    assert result.points == 15


@pytest.mark.parametrize("what", ["course", "submissions", "gradebook", "a link of the course's"])
def test_what_the_sandbox_shows_is_no_place_for_a_course(toy, tmp_path, monkeypatch, what):
    shown, root, folder = tmp_path / "lib", tmp_path / "course", tmp_path / "class"
    if what == "course":
        root = shown / "python" / "course"
    if what == "submissions":
        folder = shown / "class"
    folder.mkdir(parents=True)
    shutil.copytree(toy.root, root)
    (folder / "z.ipynb").write_text(submission(toy, "ps99", RIGHT), "utf-8")
    shown.mkdir(exist_ok=True)
    db = None
    if what == "gradebook":
        (root / "gradebook.db").rename(shown / "marks.db")
        db = f"sqlite:///{shown / 'marks.db'}"
    if what == "a link of the course's":
        (root / "source").rename(shown / "source")
        (root / "source").symlink_to(shown / "source")
    grade = partial(grade_submissions, CourseFolder(root), "ps99", folder, run=none, db=db)
    (root / "python").symlink_to("/usr/lib")  # no part of a course
    assert len(grade()) == 1
    monkeypatch.setattr("nncourse.grading.sandbox.view.SYSTEM", (str(shown),))
    with pytest.raises(CourseFolderError, match="lies among the libraries of"):
        grade(force=True)


def none(_assignment, items):
    """Verdicts on nothing."""
    for student, _item in items:
        yield student, json.dumps({"student": student, "failed": "not tried"}).encode()


@pytest.mark.parametrize("by", ["a folder that is a link", "a link", "a pipe"])
def test_what_a_student_puts_in_place_of_their_file_while_it_is_graded(toy, tmp_path, by):
    """Where they may write to the folder that is graded. The source holds the solution."""
    homes = tmp_path / "homes"
    own = homes / "evil"
    own.mkdir(parents=True)
    (own / "ps99-squares.ipynb").write_text(submission(toy, "ps99", {}), "utf-8")
    (own / "timestamp.txt").write_text("2026-01-01 00:00:00 UTC")
    (homes / "zoe.ipynb").write_text(submission(toy, "ps99", RIGHT), "utf-8")
    found = find_submissions(homes, "ps99")

    def late(found):
        (own / "ps99-squares.ipynb").unlink()
        (own / "timestamp.txt").unlink()
        secret = toy.source("ps99") / "ps99-squares.ipynb"
        if by == "a folder that is a link":
            own.rmdir()
            own.symlink_to(secret.parent)
        else:
            put = os.mkfifo if by == "a pipe" else partial(os.symlink, secret)
            put(own / "ps99-squares.ipynb")
            put(own / "timestamp.txt")
        yield from found

    results = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Path, "is_symlink", lambda path: False)
        patch.setattr(Path, "is_file", lambda path: path.exists())
        grade_class(toy, "ps99", late(found), results.append)
    by_name = {result.student: result for result in read_results(toy, "ps99")}
    assert by_name["evil"].points == 0
    assert "can't be read" in by_name["evil"].problem
    assert by_name["zoe"].points == 15


def begun(path):
    return path.with_name(f".{path.name}.new")


IN_THE_WAY = {
    "the student's folder a link": lambda at, own: at.parents[1].symlink_to(own),
    "the folder a link": lambda at, own: at.parent.symlink_to(own),
    "a folder where a file may be begun": lambda at, own: begun(at).mkdir(parents=True),
    "a link where a file may be begun": lambda at, own: begun(at).symlink_to(own / "file"),
    "a folder": lambda at, own: (at / "x").mkdir(parents=True),
    "a folder that is read-only": lambda at, own: at.mkdir(0o500),
    "a pipe": lambda at, own: os.mkfifo(at),
    "a link to a device": lambda at, own: at.symlink_to("/dev/null"),
    "a link to a file": lambda at, own: at.symlink_to(own / "file"),
    "a link to a folder": lambda at, own: at.symlink_to(own),
}


@pytest.mark.parametrize("what", IN_THE_WAY)
def test_nothing_that_lies_where_a_notebook_or_a_page_goes_stops_the_class(toy, tmp_path, what):
    """nbgrader copies there what lies beside the notebook."""
    root, own, folder = tmp_path / "course", tmp_path / "own", tmp_path / "class"
    shutil.copytree(toy.root, root)
    course = CourseFolder(root)
    own.mkdir()
    (own / "file").write_text("precious")
    folder.mkdir()
    for name in ("ann", "bob", "zoe"):
        (folder / f"{name}.ipynb").write_text("{", "utf-8")
    written = [
        course.autograded("bob", "ps99") / "ps99-squares.ipynb",
        course.feedback("bob", "ps99") / "ps99-squares.html",
    ]

    def lay(path):
        remove(path.parents[1])
        above = {"the student's folder a link": 2, "the folder a link": 1}.get(what, 0)
        path.parents[above].mkdir(parents=True, exist_ok=True)
        IN_THE_WAY[what](path, own)

    def none(packed, items):
        assert not list(items)
        return ()

    for path in written:
        lay(path)
    results = grade_submissions(course, "ps99", folder, run=none, force=True)
    assert ["JSON" in result.problem for result in results] == [True] * 3
    lay(written[1])  # grading has removed the page
    write_feedback(course, "ps99")
    for path in written:
        for place in (path, path.parent, path.parents[1]):
            assert not place.is_symlink()
        assert path.is_file()
        assert "JSON" in path.read_text("utf-8")
    assert [(path.name, path.read_text()) for path in own.iterdir()] == [("file", "precious")]
