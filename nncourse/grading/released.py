"""What is released: made by nbgrader together with its gradebook, and read where it is graded."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

from nncourse import language
from nncourse.course.folder import CourseFolder, CourseFolderError
from nncourse.grading.assignment import Assignment, AssignmentError, make_assignment
from nncourse.grading.earlier import remember
from nncourse.language import catalogue

_ = catalogue("course")

# nbgrader's words
ADDED_OR_REMOVED = "Cannot add or remove cells"
RENAMED = "Cannot modify existing assignment"


def release_assignment(course: CourseFolder, assignment: str, db: str | None = None) -> Path:
    """Make what students get from ``source/ASSIGNMENT``; returns the folder with it.

    The graded cells are recorded in the gradebook, the course's own or that of the address ``db``.
    Raises CourseFolderError.
    """
    from nncourse.grading.nbgrader import Nbgrader, StepError

    if not any(course.source(assignment).glob("*.ipynb")):
        raise CourseFolderError(
            _("there is no notebook in {folder}", folder=course.source(assignment))
        )
    nbgrader = Nbgrader(course, db)
    place = course.release(assignment)
    with contextlib.suppress(CourseFolderError):  # there may be no notebook
        remember(course, assignment)
    try:
        nbgrader.release(assignment)
    except StepError as error:
        why = str(error)
        if ADDED_OR_REMOVED in why:
            why = _(
                "there are submissions in the gradebook, so no cell with a name of nbgrader's "
                "(grade_id) can come or go. Put those of release/{assignment} back, with 0 "
                "points if they are not to count, or make a new assignment. nbgrader db "
                "assignment remove {assignment} --force forgets all points, also those by hand",
                assignment=assignment,
            )
        elif RENAMED in why:
            names = ", ".join(sorted(path.name for path in place.glob("*.ipynb")))
            why = _(
                "there are submissions in the gradebook, so the notebook keeps its name: in "
                "{folder} must be {names} alone",
                folder=course.source(assignment),
                names=names,
            )
        raise CourseFolderError(
            _("{assignment} was not released: {error}", assignment=assignment, error=why)
        ) from error
    finally:
        nbgrader.close()
    return place


def load_assignment(course: CourseFolder, assignment: str) -> Assignment:
    """The assignment out of the course folder. Raises CourseFolderError."""
    path = course.notebook(assignment)
    source = course.source(assignment) / path.name
    try:
        solved, released = (json.loads(p.read_text(encoding="utf-8")) for p in (source, path))
        return make_assignment(assignment, solved, released, language.current())
    except (OSError, ValueError, AssignmentError) as error:
        raise CourseFolderError(
            _("{assignment} can't be graded: {error}", assignment=assignment, error=error)
        ) from error


def version_of(course: CourseFolder, assignment: str) -> str:
    """The version of what is released now; empty where that can't be said."""
    try:
        return load_assignment(course, assignment).version
    except CourseFolderError:  # whoever only looks at grades needs no release
        return ""
