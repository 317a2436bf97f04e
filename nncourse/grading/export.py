"""The scores as files that nbgrader's users, Moodle and Canvas read.

Both platforms identify people by their own columns. With a roster, which is the file that they let
a lecturer download, its rows are kept as they are and only the column of the assignment is filled.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable
from pathlib import Path

from nncourse.course.folder import CourseFolderError
from nncourse.grading.page import number
from nncourse.grading.results import Result
from nncourse.grading.scores import plain
from nncourse.language import catalogue

_ = catalogue("course")

Rows = list[list[str]]

# Columns in which the platforms name a person, the surest first.
NAMES = ["SIS Login ID", "SIS User ID", "Username", "ID number", "Email address", "Email", "ID"]
NAMES += ["Identifier", "Student", "Full name", "Имя пользователя", "Логин", "Индивидуальный номер"]
NAMES += ["Адрес электронной почты", "Полное имя", "Идентификатор"]


class ExportError(CourseFolderError):
    """The scores can't be exported; the text says why and what to do."""


def nbgrader_rows(assignment: str, results: Iterable[Result]) -> Rows:
    """As nbgrader's own export, as far as the gradebook's grades go."""
    head = ["assignment", "student_id", "raw_score", "late_submission_penalty", "score"]
    rows = [[*head, "max_score"]]
    for result in results:
        points, penalty = result.points, result.penalty
        numbers = [points, penalty, max(points - penalty, 0.0), result.max_points]
        rows.append([assignment, plain(result.student), *map(number, numbers)])
    return rows


def moodle_rows(assignment: str, results: Iterable[Result]) -> Rows:
    """For Grades, Import, CSV file: map the user name, then the column of the assignment."""
    rows = [["Username", assignment]]
    return rows + [[plain(result.student), _score(result)] for result in results]


def canvas_rows(assignment: str, results: Iterable[Result]) -> Rows:
    """For Grades, Import: students by their login, and the row of the points possible."""
    most = 0.0
    rows = []
    for result in results:
        most = max(most, result.max_points)
        name = plain(result.student)
        rows.append([name, "", "", name, "", _score(result)])
    head = ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", assignment]
    return [head, ["    Points Possible", "", "", "", "", number(most)], *rows]


FORMATS: dict[str, Callable[[str, Iterable[Result]], Rows]] = {
    "nbgrader": nbgrader_rows,
    "moodle": moodle_rows,
    "canvas": canvas_rows,
}


def fill_roster(
    roster: str, assignment: str, results: Iterable[Result], column: str | None = None
) -> tuple[Rows, list[str]]:
    """The rows of a downloaded file with the scores in their column, and who is not in it.

    ``column``: its heading. Default: the one that begins with the assignment's name, as in Canvas,
    or "Grade", as in Moodle. Raises ExportError.
    """
    rows = list(csv.reader(io.StringIO(roster.removeprefix("\ufeff"))))
    if not rows:
        raise ExportError(_("the roster is empty"))
    head = [name.strip() for name in rows[0]]
    wanted = [column] if column else [assignment, "Grade", "Оценка"]
    at = [i for want in wanted for i, name in enumerate(head) if _is_column(name, want, column)]
    keys = [head.index(name) for name in NAMES if name in head]
    if not at or not keys:
        raise ExportError(
            _(
                "the roster needs a column that names people ({names}, ...) and one for the "
                "scores; it has: {head}. Give the latter with --column",
                names=", ".join(NAMES[:5]),
                head=", ".join(head),
            )
        )
    scores = {result.student.casefold(): (result.student, _score(result)) for result in results}
    missing = {student for student, _ in scores.values()}
    for row in rows[1:]:
        row += [""] * (len(head) - len(row))
        for key in keys:
            found = scores.get(row[key].strip().casefold())
            if found is not None:
                student, row[at[0]] = found
                missing.discard(student)
                break
    return rows, sorted(missing)


def write_rows(path: Path, rows: Rows) -> Path:
    """Write CSV; returns its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)
    return path


def _is_column(name: str, want: str, exact: str | None) -> bool:
    return name == want or (not exact and name.startswith(f"{want} ("))


def _score(result: Result) -> str:
    return number(max(result.points - result.penalty, 0.0))
