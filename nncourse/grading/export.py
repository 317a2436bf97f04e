"""The scores as files that nbgrader's users, Moodle and Canvas read.

Both platforms identify people by their own columns. With a roster, which is the file that they let
a lecturer download, its rows are kept as they are and only the column of the assignment is filled.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from unicodedata import category

from nncourse.course.folder import CourseFolderError
from nncourse.grading.page import number
from nncourse.grading.results import Result
from nncourse.grading.sanitize import one_line
from nncourse.grading.scores import plain
from nncourse.grading.submissions import as_student
from nncourse.grading.whole import write_table
from nncourse.language import catalogue

_ = catalogue("course")

Rows = list[list[str]]
Found = dict[str, list[str] | None]  # a student's row; None: it may be one of several
POSSIBLE = "Points Possible"

# Columns in which the platforms name a person, the surest first.
NAMES = ["SIS Login ID", "SIS User ID", "Username", "ID number", "Email address", "Email", "ID"]
NAMES += ["Identifier", "Student", "Full name", "Имя пользователя", "Логин", "Индивидуальный номер"]
NAMES += ["Адрес электронной почты", "Полное имя", "Идентификатор"]
PARTS = ("First name", "Last name"), ("First name", "Surname"), ("Имя", "Фамилия")
SHOWN = "Full name"
CHOSEN = {"Student", SHOWN, "Полное имя"}  # by the people themselves
NUMBERED = {"Identifier", "Идентификатор"}  # of Moodle: by a number, which its files have too
LONGEST = 100_000_000  # characters of a cell; students' own texts may be among them


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
    return rows + [[plain(result.student), _score(result)] for result in results]


def canvas_rows(assignment: str, results: Iterable[Result]) -> Rows:
    """For Grades, Import: students by their login, and the row of the points possible."""
    most = 0.0
    rows = []
    for result in results:
        most = max(most, result.max_points)
        name = plain(result.student)
        shown = "" if POSSIBLE in name else name  # the line of the maxima is known by these words
        rows.append([shown, "", "", name, "", _score(result)])
    head = ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", assignment]
    return [head, [f"    {POSSIBLE}", "", "", "", "", number(most)], *rows]


FORMATS: dict[str, Callable[[str, Iterable[Result]], Rows]] = {
    "nbgrader": nbgrader_rows,
    "moodle": moodle_rows,
    "canvas": canvas_rows,
}


def fill_roster(
    roster: str, assignment: str, results: Iterable[Result], column: str | None = None
) -> tuple[Rows, list[str]]:
    """The rows of a downloaded file with the scores in their column, and whose row is not
    known for sure.

    ``column``: its heading. Default: the one that begins with the assignment's name, as in Canvas,
    or "Grade", as in Moodle. Raises ExportError.
    """
    csv.field_size_limit(LONGEST)
    try:
        text = io.StringIO(roster.removeprefix("\ufeff"))
        rows = list(csv.reader(text, delimiter=separator(roster)))
    except csv.Error as error:
        raise ExportError(_("the roster is no CSV file: {error}", error=error)) from None
    if not rows:
        raise ExportError(_("the roster is empty"))
    head = [name.strip() for name in rows[0]]
    wanted = [column] if column else [assignment, "Grade", "Оценка"]
    at = [i for want in wanted for i, name in enumerate(head) if _is_column(name, want, column)]
    # In Moodle's grader report: points, and not a share of them.
    report = rf"[^:]+: ?{re.escape(assignment)}(?: \((?:Real|Значение)\))?"
    at += [i for i, name in enumerate(head) if not column and re.fullmatch(report, name)]
    keys: list[tuple[str, tuple[int, ...]]]
    keys = [(name, (head.index(name),)) for name in NAMES if name in head]
    for parts in PARTS:
        if set(parts) <= set(head):
            places = tuple(map(head.index, parts))
            keys += [(SHOWN, places), (SHOWN, places[::-1])]
    if not at or not keys:
        raise ExportError(
            _(
                "the roster needs a column that names people ({names}, ...) and one for the "
                "scores; it has: {head}. Give the latter with --column",
                names=", ".join(NAMES[:5]),
                head=", ".join(head),
            )
        )
    scores = {result.student: _score(result) for result in results}
    # Canvas's line of the maxima is nobody's, whatever somebody is called.
    left = [row for row in rows[1:] if not row or row[0].strip() != POSSIBLE]
    for row in left:
        row += [""] * (len(head) - len(row))
    # All folders are named in one way, so it is the one that knows most of them, whatever name
    # somebody has chosen. Where several know as many, only what all of them say holds.
    ways = _ways(list(scores), left, keys)
    most = max(map(len, ways))
    best = [way for way in ways if len(way) == most]
    for student, theirs in best[0].items():
        if theirs and all(way.get(student) is theirs for way in best):
            theirs[at[0]] = scores.pop(student)
    return rows, sorted(map(one_line, scores))


def separator(roster: str) -> str:
    """What stands between its cells: Moodle offers several, and Excel has its country's own."""
    head = re.sub(r'"[^"]*"', "", roster.lstrip("\ufeff").partition("\n")[0])
    return max(",;\t", key=head.count)


def _ways(
    students: list[str], rows: Rows, keys: Iterable[tuple[str, tuple[int, ...]]]
) -> list[Found]:
    """The students' rows: by what the platform calls people, and by each name that is shown of
    them, as it is collected and as Canvas writes it.
    """
    # Else somebody may only be called so.
    numbered = all(re.search(r"_\d+$", name) for name in students)
    together = [name for name in students if name == _together(name)]
    sure: Found = {}
    ways = [sure]
    for key, places in keys:
        if key in CHOSEN:
            ways.append(_found(students, rows, places, [_collected, _folded]))
            ways.append(_found(together, rows, places, [_written]))
            continue
        taken = set(map(id, sure.values()))
        free = [row for row in rows if id(row) not in taken]
        forms = [_collected, _folded] + ([_number] if numbered and key in NUMBERED else [])
        found = _found([name for name in students if name not in sure], free, places, forms)
        sure |= {student: row for student, row in found.items() if row}
    return ways


def _found(
    students: list[str],
    rows: Rows,
    places: Iterable[int],
    forms: Iterable[Callable[[str], str]],
) -> Found:
    """The students' rows by the columns ``places``; ``forms``: in which names are compared, the
    strictest first.

    People choose the name that is shown of them, so one that several have is nobody's.
    """
    found: Found = {}
    for form in forms:
        named: dict[str, list[str]] = {}
        lines: dict[str, Rows] = {}
        for student in students:
            if student not in found:
                named.setdefault(form(student), []).append(student)
        for row in rows:
            lines.setdefault(form(" ".join(row[i].strip() for i in places)), []).append(row)
        for name in named.keys() & lines.keys() - {""}:
            one = len(named[name]) == len(lines[name]) == 1
            found.update(dict.fromkeys(named[name], lines[name][0] if one else None))
        taken = set(map(id, found.values()))
        rows = [row for row in rows if id(row) not in taken]
    return found


def _collected(name: str) -> str:
    """A name as ``nncourse collect`` makes a folder of it."""
    return as_student(name) or name


def _folded(name: str) -> str:
    return _collected(name).casefold()


def _written(name: str) -> str:
    """A name as ``nncourse collect`` makes a folder of what Canvas writes."""
    return _collected(_together(name))


def _number(name: str) -> str:
    """The number at its end: "Ann Lee_17" and "Participant 17" are the same one's."""
    found = re.search(r"\d+$", name)
    return found[0] if found else ""


def _together(name: str) -> str:
    """A name as Canvas writes it in front of a file: "Lee, Ann" is leeann."""
    return "".join(c for c in name.lower() if re.match(r"\w", c) or category(c) in ("Mn", "Mc"))


def write_rows(path: Path, rows: Rows, delimiter: str = ",", mark: bool = True) -> Path:
    """Write CSV; returns its path. ``mark``: see ``write_table``."""
    path.parent.mkdir(parents=True, exist_ok=True)
    file = io.StringIO(newline="")
    csv.writer(file, delimiter=delimiter).writerows(rows)
    return write_table(path, file.getvalue(), mark)


def _is_column(name: str, want: str, exact: str | None) -> bool:
    return name == want or (not exact and name.startswith(f"{want} ("))


def _score(result: Result) -> str:
    return number(result.score)
