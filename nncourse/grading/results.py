"""What became of each submission: the gradebook's rows as results, one student at a time.

A class may be larger than memory, so ``each_result`` holds a few hundred students at most.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from nncourse.course.folder import CONFIG_FILE, CourseFolder, CourseFolderError
from nncourse.grading.gradebook import Gradebook, GradebookError
from nncourse.grading.literals import remark
from nncourse.grading.sanitize import one_line
from nncourse.language import catalogue

_ = catalogue("course")


@dataclass(frozen=True)
class Grade:
    """The points of one graded cell. ``manual``: it waits for the lecturer's eye."""

    points: float
    max_points: float
    manual: bool = False


@dataclass
class Result:
    """What became of one submission.

    grades: by the name of the graded cell. problem: why nothing could be graded, and the likely
    mend; empty if it was graded. notes: what else the lecturer should know. seconds: time taken.
    reasons: why a graded cell earned nothing, where it did not end in points. reports: what the
    checks in each graded cell found, see ``nncourse.grading.oracle.Question``. seed: of its inputs.
    penalty: for late work. skipped: it was unchanged. language: of the submission, if known.
    literals: answers that carry much data, see ``nncourse.grading.literals``. version: of the
    assignment that it was graded by; empty if that is not known.
    """

    student: str
    grades: dict[str, Grade] = field(default_factory=dict)
    problem: str = ""
    notes: list[str] = field(default_factory=list)
    seconds: float = 0.0
    reasons: dict[str, str] = field(default_factory=dict)
    reports: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    seed: int | None = None
    penalty: float = 0.0
    skipped: bool = False
    language: str = ""
    literals: dict[str, int] = field(default_factory=dict)
    version: str = ""

    def outdated(self, version: str) -> bool:
        """Whether it was graded by another version than this one, as far as they are known."""
        return bool(version and self.version and version != self.version)

    @property
    def points(self) -> float:
        """The sum of the points so far, without the penalty for late work."""
        return sum(grade.points for grade in self.grades.values())

    @property
    def score(self) -> float:
        """The points without what is taken off late work: what counts."""
        return max(self.points - self.penalty, 0.0)

    @property
    def max_points(self) -> float:
        """What could be reached."""
        return sum(grade.max_points for grade in self.grades.values())

    @property
    def waiting(self) -> list[str]:
        """The cells that are still to be graded by hand."""
        return [name for name, grade in self.grades.items() if grade.manual]


def read_results(course: CourseFolder, assignment: str, db: str | None = None) -> list[Result]:
    """What the gradebook holds for an assignment, manual grades included."""
    return list(each_result(course, assignment, db))


def each_result(
    course: CourseFolder,
    assignment: str,
    db: str | None = None,
    students: Iterable[str] | None = None,
) -> Iterator[Result]:
    """What the gradebook holds, in order of names; ``students``: of these only.

    What is taken off for late work depends on points by hand, so it is seen to first. Raises
    CourseFolderError.
    """
    students = None if students is None else set(students)
    try:
        with open_gradebook(course, assignment, db) as book:
            book.penalise(students)
            for student, found in book.read(students):
                yield _result(student, found, book.max_scores)
    except GradebookError as error:
        raise CourseFolderError(str(error)) from error


def _result(student: str, found: dict[str, Any], max_scores: dict[str, float]) -> Result:
    data = found["data"]
    return Result(
        student,
        grades={
            name: Grade(score, max_scores[name], manual)
            for name, (score, manual) in sorted(found["grades"].items())
        },
        problem=data.get("problem", ""),
        notes=data.get("notes", []),
        seconds=data.get("seconds", 0.0),
        reasons=data.get("reasons", {}),
        reports=data.get("reports", {}),
        seed=found["seed"],
        penalty=found["penalty"],
        language=data.get("language", ""),
        literals=data.get("literals", {}),
        version=data.get("version", ""),
    )


def findings(
    verdict: Mapping[str, Any], notes: Iterable[str], language: str, literals: Mapping[str, int]
) -> dict[str, Any]:
    """What is kept of a verdict beside the grades, as plain data; see ``Result``.

    ``notes``: what was noticed before the answers ran. ``language``: of the submission.
    """
    questions = verdict["questions"].items()
    reasons = {name: one_line(question["why"]) for name, question in questions if question["why"]}
    lost = [_("{name}: 0 points, {why}", name=name, why=why) for name, why in reasons.items()]
    data = [remark(name, count) for name, count in literals.items()]
    return {
        "notes": [one_line(note) for note in (*notes, *data, *verdict["notes"], *lost)],
        "reasons": reasons,
        "reports": {name: question["report"] for name, question in questions if question["report"]},
        "seconds": round(verdict["seconds"], 3),
        "language": language,
        "literals": dict(literals),
    }


def open_gradebook(course: CourseFolder, assignment: str, db: str | None = None) -> Gradebook:
    """The gradebook of a course. Raises GradebookError if the assignment is not in it."""
    config = course.config()
    url = db or config.CourseDirectory.get("db_url")
    if not isinstance(url, str) or not url:
        path = course.root / "gradebook.db"
        if not path.is_file():
            raise GradebookError(
                _("{assignment} is not in the gradebook: release it first", assignment=assignment)
            )
        url = f"sqlite:///{path}"
    return Gradebook(url, assignment, _late_penalty(course, config))


def _late_penalty(
    course: CourseFolder, config: Any
) -> Callable[[str, float, float], float | None] | None:
    """The course's rule for late work, if it has one; nbgrader is loaded once there is any."""
    if not config.AssignLatePenalties and not config.LateSubmissionPlugin:
        return None  # nbgrader's own default
    plugins: list[Any] = []

    def penalty(student: str, score: float, late: float) -> float | None:
        try:
            if not plugins:
                plugins.append(_late_plugin(course, config))
            points = plugins[0].late_submission_penalty(student, score, late)
            return None if points is None else _number(points)
        except Exception as error:  # the lecturer's own code may raise anything
            raise GradebookError(
                _(
                    "the rule for late work that {file} names can't be used: {error}",
                    file=course.root / CONFIG_FILE,
                    error=f"{type(error).__name__}: {error}",
                )
            ) from error

    return penalty


def _number(points: Any) -> float:
    """As a number that any database takes: NumPy's would be stored as their bytes."""
    number = float(points)
    if math.isnan(number):
        raise ValueError(_("what it takes off is not a number: nan"))
    return number


def _late_plugin(course: CourseFolder, config: Any) -> Any:
    from nbgrader.preprocessors import AssignLatePenalties

    # A lecturer's own rule lies in the course folder, where nbgrader is started.
    sys.path.insert(0, str(course.root))
    try:
        step = AssignLatePenalties(config=config)
        step.init_plugin()
    finally:
        sys.path.remove(str(course.root))
    return step.plugin_inst
