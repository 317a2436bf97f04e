"""Grade a folder of submissions with nbgrader.

Each submission goes the same way: its answers are put into the released notebook
(``nncourse.grading.intake``), nbgrader runs that and records the points, the run is looked over for
points that were not earned, and feedback is written. Whatever goes wrong with one submission is
reported with it, its automatic points are 0, and the next one follows.

**This grader runs the students' code on this machine with your rights**: the code can read, change
and delete whatever you can. Isolation is not part of it. Grade only submissions that you would run
yourself.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from nncourse.course.folder import CourseFolder, CourseFolderError
from nncourse.grading.intake import IntakeError, Submission, find_submissions, take_in
from nncourse.grading.nbgrader import Nbgrader, StepError
from nncourse.grading.verdict import answer_errors, role, verdict
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
    """

    student: str
    grades: dict[str, Grade] = field(default_factory=dict)
    problem: str = ""
    notes: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def points(self) -> float:
        """The sum of the points so far."""
        return sum(grade.points for grade in self.grades.values())

    @property
    def max_points(self) -> float:
        """What could be reached."""
        return sum(grade.max_points for grade in self.grades.values())

    @property
    def waiting(self) -> list[str]:
        """The cells that are still to be graded by hand."""
        return [name for name, grade in self.grades.items() if grade.manual]


def release_assignment(course: CourseFolder, assignment: str) -> Path:
    """Make what students get from ``source/ASSIGNMENT``; returns the folder with it.

    The graded cells are recorded in the gradebook. Raises CourseFolderError.
    """
    if not any(course.source(assignment).glob("*.ipynb")):
        raise CourseFolderError(
            _("there is no notebook in {folder}", folder=course.source(assignment))
        )
    nbgrader = Nbgrader(course)
    try:
        nbgrader.release(assignment)
    except StepError as error:
        raise CourseFolderError(
            _("{assignment} was not released: {error}", assignment=assignment, error=error)
        ) from error
    finally:
        nbgrader.close()
    return course.release(assignment)


def grade_submissions(
    course: CourseFolder,
    assignment: str,
    submissions: Path | None = None,
    advance: Callable[[Result], None] | None = None,
) -> list[Result]:
    """Grade every submission in the folder ``submissions``; one Result each, in order of names.

    Runs the students' code with your rights: grade only submissions that you would run yourself.
    ``submissions``: default is ``submitted/`` in the course folder; nothing in it is changed. For
    the layouts see ``find_submissions``. ``advance`` is called after each submission. Manual
    grades that were given before are kept. Raises
    CourseFolderError if the assignment is not released, SubmissionsError if nothing is found.
    """
    path = course.notebook(assignment)
    released = nbformat.read(path, as_version=4)
    found = find_submissions(submissions or course.submitted, assignment)
    nbgrader = Nbgrader(course)
    results = []
    try:
        with nbgrader.gradebook() as gradebook:
            if assignment not in [known.name for known in gradebook.assignments]:
                raise CourseFolderError(
                    _(
                        "{assignment} is not in the gradebook: release it first",
                        assignment=assignment,
                    )
                )
        for submission in found:
            result = _Grading(nbgrader, assignment, path.stem, released).grade(submission)
            results.append(result)
            if advance is not None:
                advance(result)
    finally:
        nbgrader.close()
    return results


def read_results(course: CourseFolder, assignment: str) -> list[Result]:
    """What the gradebook holds for an assignment, manual grades included."""
    nbgrader = Nbgrader(course)
    try:
        with nbgrader.gradebook() as gradebook:
            names = sorted(s.student_id for s in gradebook.assignment_submissions(assignment))
        return [Result(name, _grades(nbgrader, assignment, name)) for name in names]
    finally:
        nbgrader.close()


def _grades(nbgrader: Nbgrader, assignment: str, student: str) -> dict[str, Grade]:
    with nbgrader.gradebook() as gradebook:
        submission = gradebook.find_submission(assignment, student)
        found = {
            grade.name: Grade(grade.score or 0.0, grade.max_score, bool(grade.needs_manual_grade))
            for notebook in submission.notebooks
            for grade in notebook.grades
        }
    return dict(sorted(found.items()))


class _Grading:
    """The way of one submission through one assignment."""

    def __init__(
        self, nbgrader: Nbgrader, assignment: str, notebook: str, released: NotebookNode
    ) -> None:
        self.nbgrader = nbgrader
        self.course = nbgrader.course
        self.assignment = assignment
        self.notebook = notebook
        self.released = released

    def grade(self, submission: Submission) -> Result:
        start = time.perf_counter()
        result = Result(submission.student)
        try:
            intake = take_in(submission, self.released)
            result.notes += intake.notes
            self._hand_over(submission.student, intake.notebook)
            self.nbgrader.autograde(self.assignment, submission.student)
            result.notes += self._record_verdicts(submission.student)
            result.grades = _grades(self.nbgrader, self.assignment, submission.student)
            self._write_feedback(submission.student, result)
        except IntakeError as error:
            self._fail(result, str(error))
        except StepError as error:
            self._fail(result, _explain(str(error)))
        except Exception as error:
            # The next student's work must be graded whatever this one's has done.
            self.nbgrader.log.exception("grading %s failed", submission.student)
            self._fail(result, f"{type(error).__name__}: {error}")
        result.seconds = time.perf_counter() - start
        return result

    def _hand_over(self, student: str, notebook: NotebookNode) -> None:
        folder = self.course.prepared(student, self.assignment)
        _remove(folder)
        folder.mkdir(parents=True)
        nbformat.write(notebook, folder / f"{self.notebook}.ipynb")

    def _record_verdicts(self, student: str) -> list[str]:
        """Put the points that were earned into the gradebook, in place of what nbgrader reads.

        Returns a note for each answer that can't be run and each graded cell without a result.
        """
        path = self.course.autograded(student, self.assignment) / f"{self.notebook}.ipynb"
        ran = {role(cell).get("grade_id"): cell for cell in nbformat.read(path, as_version=4).cells}
        notes = []
        with self.nbgrader.gradebook() as gradebook:
            for known in map(role, self.released.cells):
                name = known.get("grade_id")
                if known.get("solution"):
                    errors = answer_errors(ran.get(name))
                    notes += [_("{name}: {error}", name=name, error=error) for error in errors]
                elif known.get("grade"):
                    earned = verdict(ran.get(name), float(known["points"]))
                    grade = gradebook.find_grade(name, self.notebook, self.assignment, student)
                    grade.auto_score = earned.points
                    if earned.why:
                        notes.append(_("{name}: 0 points, {why}", name=name, why=earned.why))
            gradebook.db.commit()
        return notes

    def _write_feedback(self, student: str, result: Result) -> None:
        try:
            self.nbgrader.feedback(self.assignment, student)
        except StepError as error:
            result.notes.append(_("no feedback was written: {error}", error=error))

    def _fail(self, result: Result, problem: str) -> None:
        """Record 0 automatic points, so that the gradebook and its exports know the student."""
        result.problem = problem
        for folder in (self.course.autograded, self.course.feedback):
            _remove(folder(result.student, self.assignment))
        try:
            with self.nbgrader.gradebook() as gradebook:
                gradebook.update_or_create_student(result.student)
                submission = gradebook.update_or_create_submission(self.assignment, result.student)
                for notebook in submission.notebooks:
                    for grade in notebook.grades:
                        grade.auto_score, grade.needs_manual_grade = 0.0, False
                gradebook.db.commit()
            result.grades = _grades(self.nbgrader, self.assignment, result.student)
        except Exception as error:
            self.nbgrader.log.exception("recording %s failed", result.student)
            result.notes.append(_("not in the gradebook: {error}", error=error))


def _explain(problem: str) -> str:
    """What nbgrader said, in words that help."""
    if "DeadKernelError" in problem or "Kernel died" in problem:
        return _(
            "the code ended its Python process, by exit() or by using too much memory, so nothing "
            "could be graded: run the notebook yourself to see where"
        )
    return _("nbgrader could not grade it: {problem}", problem=problem)


def _remove(folder: Path) -> None:
    """Remove a folder that nbgrader has made read-only."""
    if folder.exists():
        for path in folder.rglob("*"):
            if not path.is_symlink():
                path.chmod(0o755 if path.is_dir() else 0o644)
        shutil.rmtree(folder)
