"""A toy assignment of three questions, and the writing of submissions."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from nncourse.course.files import Course
from nncourse.course.folder import CourseFolder, make_course
from nncourse.grading.released import release_assignment
from nncourse.grading.results import Result, read_results

KERNEL = {"name": "python3", "display_name": "Python 3", "language": "python"}

LIMITS = {"cell_seconds": 2.0, "call_seconds": 2.0, "submission_seconds": 10.0}

POINTS = """\
def points(f, most):
    try:
        return float(most * (f(3) == 9))
    except NotImplementedError:
        return 0.0"""

RIGHT = {
    "square_answer": "def square(x):\n    return x * x",
    "plus_answer": "def plus(x):\n    return x + 6",
    "why": "Because.",
}


def role(name: str, kind: str, points: float | None = None) -> dict[str, Any]:
    flags = {
        "solution": {"grade": False, "solution": True, "locked": False},
        "tests": {"grade": True, "solution": False, "locked": True},
        "manual": {"grade": True, "solution": True, "locked": False},
        "readonly": {"grade": False, "solution": False, "locked": True},
    }[kind]
    metadata = {"grade_id": name, "schema_version": 3, "task": False, **flags}
    return {"nbgrader": metadata if points is None else {**metadata, "points": points}}


def with_solution(code: str) -> str:
    head, body = code.split("\n")
    return f"{head}\n    ### BEGIN SOLUTION\n{body}\n    ### END SOLUTION"


def toy_notebook() -> nbformat.NotebookNode:
    cells = [
        new_markdown_cell("# Squares"),
        new_code_cell(POINTS, metadata=role("setup", "readonly")),
        new_code_cell(
            with_solution(RIGHT["square_answer"]), metadata=role("square_answer", "solution")
        ),
        new_code_cell("points(square, 10)", metadata=role("square", "tests", 10)),
        new_code_cell("# a place to try things"),
        new_code_cell(
            with_solution(RIGHT["plus_answer"]), metadata=role("plus_answer", "solution")
        ),
        new_code_cell("points(plus, 5)", metadata=role("plus", "tests", 5)),
        new_markdown_cell("Because of the rubric.", metadata=role("why", "manual", 10)),
    ]
    for number, cell in enumerate(cells):
        cell.id = f"cell-{number}"
    rules = {"withheld": ["nncourse"], "packages": ["numpy"], "limits": LIMITS}
    metadata = {"kernelspec": KERNEL, "nncourse": {"grading": rules}}
    return new_notebook(cells=cells, metadata=metadata)


def write_toy(root: Path, language: str = "en") -> Course:
    """A course that holds the toy, built."""
    folder = root / "solutions" / language / "ps99"
    folder.mkdir(parents=True)
    nbformat.write(toy_notebook(), folder / "ps99-squares.ipynb")
    return Course(root)


def make_released(root: Path, source: Course, assignment: str, language: str) -> CourseFolder:
    course = make_course(root, language, [assignment], source)
    release_assignment(course, assignment)
    return course


Change = Callable[[list[dict[str, Any]]], list[dict[str, Any]]]


def submission(
    course: CourseFolder, assignment: str, answers: dict[str, str], change: Change = list
) -> str:
    """The released notebook with ``answers``, its cells put through ``change``, as JSON."""
    notebook = json.loads(course.notebook(assignment).read_text("utf-8"))
    for cell in notebook["cells"]:
        name = cell_name(cell)
        if name in answers:
            cell["source"] = answers[name]
    notebook["cells"] = change(notebook["cells"])
    return json.dumps(notebook, ensure_ascii=False)


def cell_name(cell: dict[str, Any]) -> str | None:
    return cell["metadata"].get("nbgrader", {}).get("grade_id")


def without(*names: str) -> Change:
    """Delete cells."""
    return lambda cells: [cell for cell in cells if cell_name(cell) not in names]


def with_cell(source: str) -> Change:
    """Add a cell of the student's own."""
    return lambda cells: [*cells, json.loads(json.dumps(new_code_cell(source)))]


def check_records(course: CourseFolder, wanted: dict[str, Result]) -> int:
    """Whatever is recorded in the course's SQLite gradebook is whole and right; how many are.

    The notebook of student s07 must hold the comment "# 7" in the answer "plus_answer".
    """
    with sqlite3.connect(course.root / "gradebook.db") as db:
        assert db.execute("pragma integrity_check").fetchone() == ("ok",)
        made = db.execute("select 1 from sqlite_master where name = 'nncourse_verdict'").fetchone()
        rows = db.execute("select student from nncourse_verdict") if made else []
        recorded = {row[0] for row in rows}
    found = {result.student: result for result in read_results(course, "ps99")}
    assert recorded == set(found)
    for student in recorded:
        assert found[student].grades == wanted[student].grades
        assert found[student].seed == wanted[student].seed
        (path,) = course.autograded(student, "ps99").glob("*.ipynb")
        cells = {cell_name(c): c for c in json.loads(path.read_text("utf-8"))["cells"]}
        assert f"# {int(student[1:])}" in cells["plus_answer"]["source"]
    for path in course.root.glob("autograded/*/ps99/*.ipynb"):
        json.loads(path.read_text("utf-8"))
    return len(recorded)
