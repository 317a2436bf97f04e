"""No place of a course may be among what the sandbox shows, such as the system's libraries."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from nncourse.course.folder import CourseFolder, CourseFolderError
from nncourse.language import catalogue

_ = catalogue("course")

OWN = "source", "release", "submitted", "autograded", "feedback", "gradebook.db"


def places(course: CourseFolder) -> list[Path]:
    """A course folder and its parts, which may be links to other places."""
    return [course.root, *(course.root / name for name in OWN)]


def refuse_seen(paths: Iterable[str | Path]) -> None:
    """Raises CourseFolderError where the students' code could read what lies there."""
    from nncourse.grading.sandbox.view import shown

    for path in shown(paths):
        raise CourseFolderError(
            _(
                "{path} lies among the libraries of the system or of Python, which the sandbox "
                "shows to the students' code: move it elsewhere",
                path=path,
            )
        )
