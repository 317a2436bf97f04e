"""One grader at a time in a course folder: two would write over each other's notebooks.

The lock is the kernel's, so it ends with its process however that ends; the file stays.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

from nncourse.course.folder import CourseFolder, CourseFolderError
from nncourse.language import catalogue

_ = catalogue("course")

FILE = ".nncourse-grading"  # holds the process that grades, for the message


@contextlib.contextmanager
def alone(course: CourseFolder) -> Iterator[None]:
    """Hold the course folder's lock. Raises CourseFolderError if another process does."""
    try:
        import fcntl
    except ImportError:  # not on Windows
        yield
        return
    with (course.root / FILE).open("a+", encoding="ascii") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise CourseFolderError(
                _(
                    "process {process} is grading in {root}: wait for its end, or stop it",
                    process=file.read().strip() or "?",
                    root=course.root,
                )
            ) from None
        except OSError:  # a file system without locks
            yield
            return
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield
