"""The scores of an assignment, for the eye and for a spreadsheet."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

from rich.table import Table
from rich.text import Text

from nncourse.grading.page import number
from nncourse.grading.results import Result
from nncourse.grading.sanitize import one_line
from nncourse.grading.whole import write_table
from nncourse.language import catalogue

_ = catalogue("course")

# The beginning of a formula at that of a cell. In half of the world a semicolon ends a cell, and
# quotes that follow vanish; the wide signs count in Asia.
FORMULA = re.compile(r"((?:^|;)[\s\"]*)(?=[=+\-@＝＋－＠])")
END = "waiting", "problem"
MOST = 200  # lines of the table in the terminal


def write_scores(path: Path, results: Iterable[Result], names: Iterable[str] | None = None) -> Path:
    """Write a CSV file: one row a student, one column a graded cell. Returns its path.

    ``points`` are what counts: ``late_penalty`` is taken off already. ``names``: of the graded
    cells; without them all results are looked through first, and held.
    ``waiting`` names the cells that are still to be graded by hand, ``problem`` says why a
    submission could not be graded. Text that a spreadsheet would take for a formula is quoted.
    """
    if names is None:
        results = list(results)
        names = {name for result in results for name in result.grades}
    names = sorted(names)
    file = io.StringIO(newline="")
    writer = csv.writer(file)
    writer.writerow(["student", "points", "max_points", "late_penalty", *names, *END])
    for result in results:
        points = [result.grades[n].points if n in result.grades else "" for n in names]
        writer.writerow(
            [
                plain(result.student),
                result.score,
                result.max_points,
                result.penalty,
                *points,
                " ".join(result.waiting),
                plain(result.problem),
            ]
        )
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    return write_table(path, file.getvalue())


def plain(text: str) -> str:
    """Text that neither a spreadsheet takes for a formula nor a terminal for a command."""
    return FORMULA.sub(r"\1'", one_line(text))


def passing(
    results: Iterable[Result], students: Collection[str], shown: list[Result]
) -> Iterator[Result]:
    """The same results; what is for the terminal is put into ``shown`` on the way.

    That is all of these ``students`` if they are MOST at most; of more, the first with a remark.
    """
    for result in results:
        wanted = len(students) <= MOST or result.problem or result.notes
        if wanted and len(shown) < MOST and result.student in students:
            shown.append(result)
        yield result


def table(results: Iterable[Result]) -> Table:
    """A table for the terminal: points, what waits for the lecturer, problems and notes."""
    out = Table(box=None, pad_edge=False)
    out.add_column(_("student"))
    out.add_column(_("points"), justify="right")
    out.add_column(_("by hand"))
    out.add_column(_("remarks"), overflow="fold")
    for result in results:
        # As texts, and not as markup: what escaping leaves of two remarks may be markup together.
        remarks = [Text(one_line(note)) for note in result.notes]
        if result.penalty:
            text = _("Handed in late: {points} points taken off.", points=number(result.penalty))
            remarks.insert(0, Text(text))
        if result.problem:
            remarks.insert(0, Text(one_line(result.problem), "red"))
        out.add_row(
            Text(one_line(result.student)),
            f"{result.score:g} / {result.max_points:g}",
            Text(" ".join(result.waiting)),
            Text("\n").join(remarks),
        )
    return out
