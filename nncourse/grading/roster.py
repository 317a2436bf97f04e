"""The scores in a roster: the file that Moodle or Canvas lets a lecturer download.

The platforms identify people by their own columns, so its rows are kept as they are and only the
column of the assignment is filled. What stands in a row, its person may have written.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterable
from typing import NamedTuple
from unicodedata import category

from nncourse.grading.export import POSSIBLE, ExportError, Rows, score
from nncourse.grading.page import number
from nncourse.grading.results import Result
from nncourse.grading.sanitize import one_line
from nncourse.grading.submissions import as_student
from nncourse.language import catalogue

_ = catalogue("course")

Found = dict[str, list[str] | None]  # a student's row; None: it may be one of several

# Columns in which the platforms name a person, the surest first. Their case and spaces don't count.
NAMES = ["SIS Login ID", "SIS User ID", "Username", "ID number", "Email address", "Email", "ID"]
NAMES += ["Identifier", "Student", "Full name", "Имя пользователя", "Логин", "Индивидуальный номер"]
NAMES += ["Адрес электронной почты", "Электронная почта", "Полное имя", "Идентификатор"]
PARTS = ("First name", "Last name"), ("First name", "Surname"), ("Имя", "Фамилия")
SHOWN = "Full name"
CHOSEN = {"Student", SHOWN, "Полное имя"}  # by the people themselves
NUMBERED = {"Identifier", "Идентификатор"}  # of Moodle: by a number, which its files have too
MAXIMUM = ["Maximum grade", "Максимальная оценка"]
# The column of an assignment in Canvas, in Moodle's worksheet and in its report of all grades:
# there in points, and not a share of them. Other activities may be called like the assignment.
COLUMNS = [r"{assignment}(?: \([^()]*\))?", r"(?:Grade|Оценка)(?: \([^()]*\))?"]
COLUMNS += [
    rf"{kind}: ?{{assignment}}(?: \((?:Real|Значение)\))?"
    for kind in ("(?:Assignment|Задание)", "[^:]+")
]
EXCUSED = {"EX", "N/A"}  # what Canvas has in place of a score
LONGEST = 100_000_000  # characters of a cell; students' own texts may be among them
LOOSE = re.compile(r'(?<!\\)\\++(?="|$)')  # backslashes that a reader may take for more
MARK = "\ue000"  # stands for a backslash and a quotation mark


class Filled(NamedTuple):
    """separator: what stands between the cells. missing: whose row is not known for sure.
    remarks: what the lecturer should know.
    """

    rows: Rows
    separator: str
    missing: list[str]
    remarks: list[str]


def fill_roster(
    roster: str, assignment: str, results: Iterable[Result], column: str | None = None
) -> Filled:
    """The rows of a downloaded file with the scores in their column.

    ``column``: its heading. Default: the one that is called like the assignment, as in Canvas, or
    "Grade", as in Moodle. Raises ExportError.
    """
    between = _separator(roster)
    rows = _read(roster, between)
    if not rows:
        raise ExportError(_("the roster is empty"))
    head = [name.strip() for name in rows[0]]
    known = [_same(name) for name in head]
    keys: list[tuple[str, tuple[int, ...]]]
    keys = [(name, (known.index(_same(name)),)) for name in NAMES if _same(name) in known]
    for parts in PARTS:
        if {*map(_same, parts)} <= set(known):
            places = tuple(known.index(_same(part)) for part in parts)
            keys += [(SHOWN, places), (SHOWN, places[::-1])]
    at = _column(head, assignment, column)
    if at is None or not keys:
        raise ExportError(
            _(
                "the roster needs a column that names people ({names}, ...) and one for the "
                "scores; it has: {head}. Give the latter with --column",
                names=", ".join(NAMES[:5]),
                head=", ".join(head),
            )
        )
    scores, most = {}, 0.0
    for result in results:
        scores[result.student] = score(result)
        most = max(most, result.max_points)
    # Canvas's line of the maxima is nobody's, whatever somebody is called.
    people = [row for row in rows[1:] if any(row) and row[0].strip() != POSSIBLE]
    for row in people:
        row += [""] * (len(head) - len(row))
    # All folders are named in one way, so it is the one that knows most of them, whatever name
    # somebody has chosen. Where several know as many, only what all of them say holds.
    ways = _ways(list(scores), people, keys)
    longest = max(map(len, ways))
    best = [way for way in ways if len(way) == longest]
    excused = []
    for student, theirs in best[0].items():
        if theirs and all(way.get(student) is theirs for way in best):
            given = scores.pop(student)
            if theirs[at].strip() in EXCUSED:
                excused.append(one_line(student))
            else:
                theirs[at] = given
    remarks = _maximum(rows, known, at, most)
    if excused:
        why = _(
            "left as it is, since there is {words}: {names}",
            words=" / ".join(sorted(EXCUSED)),
            names=", ".join(sorted(excused)),
        )
        remarks.append(why)
    return Filled(rows, between, sorted(map(one_line, scores)), remarks)


def _separator(roster: str) -> str:
    """What stands between its cells: Moodle offers several, and Excel has its country's own."""
    head = re.sub(r'"[^"]*"', "", roster.lstrip("\ufeff").partition("\n")[0])
    return max(",;\t", key=head.count) if re.search("[,;\t]", head) else ":"


def _read(roster: str, between: str) -> Rows:
    """Its rows. Raises ExportError.

    Moodle, which is written in PHP, leaves a quotation mark as it is after a backslash, where all
    others double it. So a person could end a cell, and write the rows of others. Of the two ways to
    read the file, the right one is where every quotation mark has its place, and all rows have as
    many cells as the head.
    """
    csv.field_size_limit(LONGEST)
    roster = roster.removeprefix("\ufeff")

    def rows_of(text: str) -> Rows:
        return list(csv.reader(io.StringIO(text), delimiter=between))

    if '\\"' not in roster:
        try:
            return rows_of(roster)
        except csv.Error as error:
            raise ExportError(_("the roster is no CSV file: {error}", error=error)) from None
    cell = rf'(?:"(?:[^"]|"")*+"|[^"{between}\r\n{MARK}]*+)'
    table = re.compile(rf"(?:{cell}(?:{between}{cell})*+(?:\r?\n|\Z))*+")
    found: list[Rows] = []
    for text in (roster, roster.replace('\\"', MARK)):
        rows = rows_of(text) if table.fullmatch(text) else []
        if rows and all(len(row) in (0, len(rows[0])) for row in rows):
            # Without the backslashes all read alike what is written.
            rows = [[LOOSE.sub("", cell.replace(MARK, '"')) for cell in row] for row in rows]
            found += [rows] if rows not in found else []
    if len(found) != 1:
        lines = [i for i, line in enumerate(roster.split("\n"), 1) if '\\"' in line]
        raise ExportError(
            _(
                "the roster can't be read for sure, since a quotation mark follows a backslash in "
                "line {lines}: change that text on the platform, or remove it from the file",
                lines=", ".join(map(str, lines[:5])),
            )
        )
    return found[0]


def _same(heading: str) -> str:
    """As Moodle writes it in different files: "First name", "firstname"."""
    return "".join(heading.casefold().split())


def _column(head: list[str], assignment: str, column: str | None) -> int | None:
    """Where the scores stand. Raises ExportError if several columns may be meant."""
    patterns = [layout.replace("{assignment}", re.escape(assignment)) for layout in COLUMNS]
    for pattern in [re.escape(column)] if column else patterns:
        at = [i for i, name in enumerate(head) if re.fullmatch(pattern, name, re.IGNORECASE)]
        if len(at) > 1:
            raise ExportError(
                _(
                    "several columns of the roster may be meant: {columns}. Give one of them with "
                    "--column",
                    columns=", ".join(head[i] for i in at),
                )
            )
        if at:
            return at[0]
    return None


def _maximum(rows: Rows, known: list[str], at: int, most: float) -> list[str]:
    """A remark, if the platform knows of other points: it takes scores as they are."""
    said = {row[at] for row in rows[1:] if row and row[0].strip() == POSSIBLE and len(row) > at}
    columns = [known.index(_same(name)) for name in MAXIMUM if _same(name) in known]
    said |= {row[i] for row in rows[1:] for i in columns if len(row) > i and i != at}
    for text in sorted(said):
        if re.fullmatch(r"\d+(?:[.,]\d*)?", text) and float(text.replace(",", ".")) != most:
            return [
                _(
                    "the platform has {there} points for it, here there are {here}, and it takes "
                    "scores as they are: set its maximum to {here}",
                    there=text,
                    here=number(most),
                )
            ]
    return []


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
    return _collected(name).casefold().replace("ё", "е")


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
