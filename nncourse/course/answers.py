"""The course's own solutions, cell by cell, as a student would have written them."""

from __future__ import annotations

import ast
import contextlib
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from nbformat import NotebookNode

from nncourse.course.files import Course
from nncourse.course.sources import read_source
from nncourse.exercises.piece import find
from nncourse.language import current, use

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
    """The answer to each piece of a set, in order.

    Where a piece is judged by what was trained, the notebook's cells are run up to it.
    """
    (path,) = course.solutions.glob(f"{exercise}-*.md")
    cells = [
        cell
        for cell in read_source(path, course.root).cells
        if cell.cell_type == "code" and cell.metadata.get("lang", "en") == "en"
    ]
    space: dict[str, Any] = {"__name__": "__main__"}
    defined: dict[str, tuple[str, dict[str, Any]]] = {}
    for i, cell in enumerate(cells):
        asked = _CHECK.match(cell.source)
        if asked and asked[3] in defined:
            source, before = defined.pop(asked[3])
            if any(output.by == "labels" for output in find(f"{exercise}.{asked[2]}").outputs):
                before = _run(cells[:i])
            yield Answer(exercise, asked[2], asked[3], source, solution_lines(source), before)
            continue
        if (cell.metadata.get("nbgrader") or {}).get("kind") == "solution":
            names = [n.name for n in ast.parse(cell.source).body if hasattr(n, "name")]
            defined |= {name: (cell.source, dict(space)) for name in names}
        exec(compile(_definitions(cell.source), f"<{exercise}>", "exec"), space)


def _run(cells: Sequence[NotebookNode]) -> dict[str, Any]:
    """What stands in the kernel after these cells; checks and what follows them are left out."""
    import matplotlib
    import matplotlib.pyplot as plt

    matplotlib.use("Agg")
    space: dict[str, Any] = {"__name__": "__main__"}
    language = current()
    with contextlib.redirect_stdout(io.StringIO()):
        for cell in cells:
            if not _CHECK.match(cell.source):
                exec(compile(cell.source, "<notebook>", "exec"), space)
    plt.close("all")
    use(language)
    return space
