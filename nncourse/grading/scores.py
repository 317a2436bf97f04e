"""The scores of an assignment, for the eye and for a spreadsheet."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from pathlib import Path

from rich.markup import escape
from rich.table import Table

from nncourse.grading.results import Result
from nncourse.grading.sanitize import clean_text
from nncourse.language import catalogue

_ = catalogue("course")


def write_scores(path: Path, results: Iterable[Result]) -> Path:
    """Write a CSV file: one row a student, one column a graded cell. Returns its path.

    ``waiting`` names the cells that are still to be graded by hand, ``problem`` says why a
    submission could not be graded. Text that a spreadsheet would take for a formula is quoted.
    """
    rows = list(results)
    names = sorted({name for result in rows for name in result.grades})
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["student", "points", "max_points", *names, "waiting", "problem"])
        for result in rows:
            points = [result.grades[n].points if n in result.grades else "" for n in names]
            writer.writerow(
                [
                    plain(result.student),
                    result.points,
                    result.max_points,
                    *points,
                    " ".join(result.waiting),
                    plain(result.problem),
                ]
            )
    return path


def plain(text: str) -> str:
    """Text that a spreadsheet does not take for a formula."""
    return "'" + text if text.startswith(("=", "+", "-", "@")) else text


def table(results: Iterable[Result]) -> Table:
    """A table for the terminal: points, what waits for the lecturer, problems and notes."""
    out = Table(box=None, pad_edge=False)
    out.add_column(_("student"))
    out.add_column(_("points"), justify="right")
    out.add_column(_("by hand"))
    out.add_column(_("remarks"), overflow="fold")
    for result in results:
        remarks = [f"[red]{_shown(result.problem)}[/]"] if result.problem else []
        remarks += [_shown(note) for note in result.notes]
        out.add_row(
            _shown(result.student),
            f"{result.points:g} / {result.max_points:g}",
            " ".join(result.waiting),
            "\n".join(remarks),
        )
    return out


def _shown(text: str) -> str:
    """Neither rich nor the terminal takes anything in it for a command."""
    return escape(clean_text(text))
