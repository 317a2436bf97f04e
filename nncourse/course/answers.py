"""The course's own solutions, cell by cell, as a student would have written them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nncourse.course.files import Course
from nncourse.course.sources import read_source

BEGIN, END = "### BEGIN SOLUTION", "### END SOLUTION"
_CHECK = re.compile(r'^check\("(\w+)\.(\w+)", (\w+)\)', re.MULTILINE)


@dataclass(frozen=True)
class Answer:
    """The cell that answers a piece.

    ``name``: of the function or class in it. ``lines``: of the solution, counted from 1.
    ``space``: what stands before it in the notebook: imports, given functions, earlier answers.
    """

    exercise: str
    piece: str
    name: str
    source: str
    lines: range
    space: dict[str, Any]


def solution_lines(source: str) -> range:
    """From the first line of a solution to the last; a cell may hold several."""
    rows = source.splitlines()
    marks = [i + 1 for i, row in enumerate(rows) if row.strip() in (BEGIN, END)]
    return range(marks[0] + 1, marks[-1]) if marks else range(1, len(rows) + 1)


def _definitions(source: str) -> str:
    """The imports, functions and classes of a cell; what only calls them is left out."""
    kept = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef)
    return "\n".join(ast.unparse(n) for n in ast.parse(source).body if isinstance(n, kept))


def answers(course: Course, exercise: str) -> Iterator[Answer]:
    """An answer for each piece of a set whose check needs no training, in order."""
    (path,) = (course.root / "solutions").glob(f"{exercise}-*.md")
    space: dict[str, Any] = {"__name__": "__main__"}
    defined: dict[str, tuple[str, dict[str, Any]]] = {}
    for cell in read_source(Path(path), course.root).cells:
        if cell.cell_type != "code" or cell.metadata.get("lang", "en") != "en":
            continue
        asked = _CHECK.match(cell.source)
        if asked and asked[3] in defined:
            source, before = defined.pop(asked[3])
            yield Answer(exercise, asked[2], asked[3], source, solution_lines(source), before)
            continue
        if (cell.metadata.get("nbgrader") or {}).get("kind") == "solution":
            names = [n.name for n in ast.parse(cell.source).body if hasattr(n, "name")]
            defined |= {name: (cell.source, dict(space)) for name in names}
        exec(compile(_definitions(cell.source), f"<{exercise}>", "exec"), space)
