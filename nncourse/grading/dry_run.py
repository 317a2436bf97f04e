"""An assignment tried out before students get it.

The lecturer's own answers must earn all points, and the released notebook, as it is, none. Both are
graded just as a submission is; where it comes out otherwise, a graded cell needs a change.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from nncourse.course.folder import CourseFolder
from nncourse.grading.autograded import answers_of
from nncourse.grading.bench import Bench
from nncourse.grading.grade import load_assignment
from nncourse.grading.worker import make_item
from nncourse.language import catalogue

_ = catalogue("course")

SEED = 1


def dry_run(course: CourseFolder, assignment: str) -> Iterator[str]:
    """A line for each graded cell that is not as promised. Raises SandboxUnavailable where there is
    no sandbox, CourseFolderError where there is no such assignment.
    """
    work = load_assignment(course, assignment)
    source = course.source(assignment) / course.notebook(assignment).name
    solved = answers_of(json.loads(source.read_text(encoding="utf-8")))
    with Bench() as bench:
        bench.prepare(work.packed)

        def grade(answers: dict[str, str]) -> dict[str, dict[str, object]]:
            verdict = json.loads(bench.grade(make_item("", answers, SEED)))
            return verdict.get("questions", {})

        right, empty = grade(solved), grade(answers_of(work.notebook))
    for cell in work.tests:
        points = right.get(cell.name, {}).get("points", 0.0)
        if points != cell.points:
            yield _(
                "{name}: the answers in source/ earn {points:g} of {most:g} points: {why}",
                name=cell.name,
                points=points,
                most=cell.points,
                why=right.get(cell.name, {}).get("why") or "-",
            )
        if earned := empty.get(cell.name, {}).get("points", 0.0):
            yield _(
                "{name}: a notebook without answers earns {points:g} of {most:g} points",
                name=cell.name,
                points=earned,
                most=cell.points,
            )
