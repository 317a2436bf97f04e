"""The scores as files that nbgrader's users, Moodle and Canvas read."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable
from pathlib import Path

from nncourse.course.folder import CourseFolderError
from nncourse.grading.page import number
from nncourse.grading.results import Result
from nncourse.grading.scores import plain
from nncourse.grading.whole import write_table
from nncourse.language import catalogue

_ = catalogue("course")

Rows = list[list[str]]
POSSIBLE = "Points Possible"


class ExportError(CourseFolderError):
    """The scores can't be exported; the text says why and what to do."""


def nbgrader_rows(assignment: str, results: Iterable[Result]) -> Rows:
    """As nbgrader's own export, as far as the gradebook's grades go."""
    head = ["assignment", "student_id", "raw_score", "late_submission_penalty", "score"]
    rows = [[*head, "max_score"]]
    for result in results:
        numbers = [result.points, result.penalty, result.score, result.max_points]
        rows.append([assignment, plain(result.student), *map(number, numbers)])
    return rows


def moodle_rows(assignment: str, results: Iterable[Result]) -> Rows:
    """For Grades, Import, CSV file: map the user name, then the column of the assignment."""
    rows = [["Username", assignment]]
    return rows + [[plain(result.student), score(result)] for result in results]


def canvas_rows(assignment: str, results: Iterable[Result]) -> Rows:
    """For Grades, Import: students by their login, and the row of the points possible."""
    most = 0.0
    rows = []
    for result in results:
        most = max(most, result.max_points)
        name = plain(result.student)
        shown = "" if POSSIBLE in name else name  # the line of the maxima is known by these words
        rows.append([shown, "", "", name, "", score(result)])
    head = ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", assignment]
    return [head, [f"    {POSSIBLE}", "", "", "", "", number(most)], *rows]


FORMATS: dict[str, Callable[[str, Iterable[Result]], Rows]] = {
    "nbgrader": nbgrader_rows,
    "moodle": moodle_rows,
    "canvas": canvas_rows,
}


def write_rows(path: Path, rows: Rows, delimiter: str = ",", mark: bool = True) -> Path:
    """Write CSV; returns its path. ``mark``: see ``write_table``."""
    path.parent.mkdir(parents=True, exist_ok=True)
    file = io.StringIO(newline="")
    csv.writer(file, delimiter=delimiter).writerows(rows)
    return write_table(path, file.getvalue(), mark)


def score(result: Result) -> str:
    return number(result.score)
