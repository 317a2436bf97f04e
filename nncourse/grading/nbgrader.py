"""nbgrader's own steps, called in this process: the release, and its gradebook's objects.

Everything nbgrader says goes to ``grading.log`` in the course folder; a step that fails
raises ``StepError`` with the last thing it said.
"""

from __future__ import annotations

import logging
import os
import sysconfig
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from nncourse.course.folder import CourseFolder

LOG_FILE = "grading.log"

# Sums in a fixed order and no fight for cores: a student's network is small.
ONE_THREAD = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")


class StepError(Exception):
    """A step of nbgrader failed; the text is its own last word."""


class Complaints(logging.Handler):
    """Keeps what nbgrader logs as an error, of a traceback only its last line."""

    # These lines only say that something else went wrong.
    EMPTY = ("There was an error processing", "Please see the")

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage().strip()
        if text.startswith("Traceback"):
            text = text.splitlines()[-1]
        if text and not text.startswith(self.EMPTY):
            self.lines.append(text)


class Nbgrader:
    """nbgrader with the settings of one course folder; ``db``: with another gradebook."""

    def __init__(self, course: CourseFolder, db: str | None = None) -> None:
        self.course = course
        self.config = course.config()
        if db:
            self.config.CourseDirectory.db_url = db
        self.log = logging.Logger("nncourse.grading", logging.INFO)
        handler = logging.FileHandler(course.root / LOG_FILE, encoding="utf-8")
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
        self.log.addHandler(handler)

    def close(self) -> None:
        """Close the log."""
        for handler in self.log.handlers:
            handler.close()

    def release(self, assignment: str) -> None:
        """Remove solutions, lock cells, and record the graded cells in the gradebook."""
        from nncourse.grading.release_aside import ReleaseAside

        self._run(ReleaseAside, assignment, ".")

    @contextmanager
    def gradebook(self) -> Iterator[Any]:
        """The gradebook, closed at the end of the block."""
        from nbgrader.api import Gradebook

        directory = self._directory("", "")
        with _environment(), Gradebook(directory.db_url, directory.course_id) as gradebook:
            yield gradebook

    def _directory(self, assignment: str, student: str) -> Any:
        from nbgrader.coursedir import CourseDirectory

        return CourseDirectory(
            config=self.config,
            log=self.log,
            root=str(self.course.root),
            assignment_id=assignment,
            student_id=student,
        )

    def _run(self, step: Any, assignment: str, student: str) -> None:
        from nbgrader.converters.base import NbGraderException

        complaints = Complaints()
        self.log.addHandler(complaints)
        try:
            directory = self._directory(assignment, student)
            with _environment():
                step(coursedir=directory, config=self.config, log=self.log, force=True).start()
        except NbGraderException as error:
            raise StepError((complaints.lines or [str(error)])[0]) from error
        except Exception as error:
            self.log.exception("%s failed", step.__name__)
            raise StepError(f"{type(error).__name__}: {error}") from error
        finally:
            self.log.removeHandler(complaints)


@contextmanager
def _environment() -> Iterator[None]:
    """What nbgrader and the kernels that it starts find in the environment."""
    # nbgrader calls the program "alembic", which need not be on the path of a called-up Python.
    path = os.pathsep.join([sysconfig.get_path("scripts"), os.environ.get("PATH", os.defpath)])
    values = {"PATH": path, **dict.fromkeys(ONE_THREAD, "1")}
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        with warnings.catch_warnings():
            # nbgrader builds its rows in an order that SQLAlchemy remarks upon, to no effect.
            warnings.filterwarnings("ignore", "Object of type <Submitted", module="nbgrader")
            yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
