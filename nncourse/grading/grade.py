"""Grade a folder of submissions.

The answers are taken out of each submission (``nncourse.grading.reader``) and made into a work item
(``nncourse.grading.worker``); workers run the answers in a sandbox and judge them; and this
process, the only one that writes, puts the verdicts into nbgrader's gradebook and the notebooks as
they were run into ``autograded/``. Grades are written in batches, each in one transaction together
with what they were computed from. So a run can be stopped at any moment, and the next one goes on
from there; a submission is graded again only if it, the exercise or the grader has changed.
"""

from __future__ import annotations

import errno
import hashlib
import hmac
import json
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from nncourse.course.folder import CourseFolder, CourseFolderError
from nncourse.grading.answers import Intake
from nncourse.grading.assignment import Assignment, role_of, tool_version
from nncourse.grading.autograded import (
    UNGRADED,
    compose,
    remove,
    write_notebook,
    written_digests,
)
from nncourse.grading.earlier import remember
from nncourse.grading.gradebook import Entry, Gradebook, GradebookError
from nncourse.grading.literals import heavy_answers
from nncourse.grading.lock import alone
from nncourse.grading.notebook_file import LARGEST, IntakeError, Unread, shown
from nncourse.grading.query import SQLITE, file_of
from nncourse.grading.reader import Reader, make_release
from nncourse.grading.released import load_assignment
from nncourse.grading.results import Result, each_result, findings, open_gradebook
from nncourse.grading.sanitize import clean_notebook
from nncourse.grading.seeds import secret_of, seeds_of
from nncourse.grading.seen import places, refuse_seen
from nncourse.grading.submissions import Submission, find_submissions, timestamp_of
from nncourse.grading.worker import WorkerLost, make_item
from nncourse.language import catalogue

_ = catalogue("course")

BATCH = 64  # submissions in one transaction
BATCH_SECONDS = 1.0  # or what has come in this time
UNWRITABLE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM)

Run = Callable[[bytes, Iterable[tuple[Any, bytes]]], Iterable[tuple[Any, "bytes | WorkerLost"]]]
"""Grades items: ``nncourse.grading.queue.run_local`` with its options, or another of its kind."""
Begin = Callable[[bytes], None]
"""Lets start what ``Run`` will need for an assignment, and doesn't wait for it."""


def grade_submissions(
    course: CourseFolder,
    assignment: str,
    submissions: Path | None = None,
    advance: Callable[[Result], None] | None = None,
    *,
    run: Run | None = None,
    force: bool = False,
    db: str | None = None,
) -> list[Result]:
    """Grade every submission in the folder ``submissions``; one Result each, in order of names.

    ``submissions``: default is ``submitted/`` in the course folder; nothing in it is changed. For
    the layouts see ``find_submissions``. ``advance`` is called after each submission. ``run``:
    where the work is done; default: on all cores of this machine. ``force``: grade also what is
    unchanged. ``db``: the gradebook's address, if it isn't the course's own. Manual grades that
    were given before are kept. Raises CourseFolderError if the assignment is not released,
    SubmissionsError if nothing is found, SandboxUnavailable where nothing would hold the students'
    code in.
    """
    released = course.notebook(assignment).name
    found = find_submissions(submissions or course.submitted, assignment, released)
    skipped: set[str] = set()

    def note(result: Result) -> None:
        if result.skipped:
            skipped.add(result.student)
        if advance is not None:
            advance(result)

    grade_class(course, assignment, found, note, run=run, force=force, db=db)
    results = list(each_result(course, assignment, db, (s.student for s in found)))
    for result in results:
        if result.student in skipped:
            result.skipped, result.seconds = True, 0.0
    return results


def grade_class(
    course: CourseFolder,
    assignment: str,
    found: Iterable[Submission],
    advance: Callable[[Result], None],
    *,
    run: Run | None = None,
    begin: Begin | None = None,
    force: bool = False,
    db: str | None = None,
) -> list[str]:
    """``grade_submissions`` for classes of any size; returns the names of the graded cells.

    The results are read out of the gradebook afterwards (``nncourse.grading.results``); ``advance``
    is told of each once it stands there. ``begin``: told the assignment before all else,
    unless it may turn out that nothing has changed.
    """
    refuse_seen(places(course))
    work = load_assignment(course, assignment)
    if begin is not None and (force or not _graded_before(course, assignment)):
        begin(work.packed)
    try:
        with alone(course), open_gradebook(course, assignment, db) as book:
            if book.url.startswith(SQLITE):
                refuse_seen([file_of(book.url)])
            Grading(course, work, book, advance).run(found, run or _local, force)
            return sorted(book.max_scores)
    except GradebookError as error:
        raise CourseFolderError(str(error)) from error
    except OSError as error:
        if error.errno not in UNWRITABLE:
            raise
        raise CourseFolderError(
            _(
                "{why}: {path}. Free some space, or let yourself write there, and run the command "
                "again; what was graded before is kept",
                why=error.strerror,
                path=error.filename or course.root,
            )
        ) from error


def _graded_before(course: CourseFolder, assignment: str) -> bool:
    """Whether some of it was, and so it may be that nothing has changed since."""
    students = (course.root / "autograded").glob("*")
    return any(course.autograded(student.name, assignment).exists() for student in students)


def _local(
    assignment: bytes, items: Iterable[tuple[Any, bytes]]
) -> Iterable[tuple[Any, bytes | WorkerLost]]:
    from nncourse.grading.queue import run_local

    return run_local(assignment, items)


class Grading:
    """The way of many submissions through one assignment."""

    def __init__(
        self,
        course: CourseFolder,
        assignment: Assignment,
        book: Gradebook,
        advance: Callable[[Result], None],
    ) -> None:
        self.course = course
        self.assignment = assignment
        self.book = book
        self.advance = advance
        self.batch: list[tuple[Result, Entry]] = []  # on its way into the gradebook
        self.written_at = time.monotonic()
        self.secret = secret_of(course)
        self.file = course.notebook(assignment.name).name
        self.reader = Reader()
        notebook = json.loads(course.notebook(assignment.name).read_text(encoding="utf-8"))
        self.release = make_release(notebook, remember(course, assignment.name))
        self.packed = assignment.packed
        self.key = hashlib.sha256(self.packed + tool_version().encode()).hexdigest()

    def run(self, found: Iterable[Submission], run: Run, force: bool = False) -> None:
        """Grade what has changed. What is held at any time does not grow with the class."""
        known = {} if force else self.book.digests()
        at_work: dict[str, tuple[Submission, str, Intake, float]] = {}

        def items() -> Iterator[tuple[str, bytes]]:
            for submission in found:
                student = submission.student
                digest = self.digest(submission)
                if known.get(student) == digest and self._written(student):
                    self.advance(Result(student, skipped=True))
                    continue
                try:
                    intake = self.reader.take_in(submission, self.release)
                except Unread as error:
                    text = _("{error}. The next run tries it anew", error=error)
                    self._add(*self._failed(submission, "", text))
                    continue
                except IntakeError as error:
                    self._add(*self._failed(submission, digest, str(error)))
                    continue
                at_work[student] = (submission, digest, intake, time.monotonic())
                seeds = seeds_of(student, self.assignment.name, self.secret)
                yield student, make_item(student, intake.answers, own=intake.own, **seeds)

        with self.reader:
            for student, answer in run(self.packed, items()):
                submission, digest, intake, start = at_work.pop(student)
                try:
                    result, entry = self._finish(submission, digest, intake, answer)
                except (OSError, CourseFolderError):
                    raise
                except Exception as error:  # of reading texts: whatever it is, the others go on
                    what = f"{type(error).__name__}: {error}"
                    text = _("its verdict can't be shown: {error}", error=shown(what))
                    text = _("{error}. The next run tries it anew", error=text)
                    result, entry = self._failed(submission, "", text)
                result.seconds = result.seconds or time.monotonic() - start
                self._add(result, entry)
        self._write()
        self.book.penalise()

    def _add(self, result: Result, entry: Entry) -> None:
        self.batch.append((result, entry))
        if len(self.batch) >= BATCH or time.monotonic() - self.written_at > BATCH_SECONDS:
            self._write()

    def _write(self) -> None:
        self.book.write([entry for _, entry in self.batch])
        for result, _entry in self.batch:
            self.advance(result)
        self.batch = []
        self.written_at = time.monotonic()

    def digest(self, submission: Submission) -> str:
        """Of everything that the grades of a submission depend on."""
        digest = hmac.new(self.key.encode(), digestmod=hashlib.sha256)
        names = [os.fsencode(path.name) for path in (submission.path, submission.rival) if path]
        for part in (submission.student.encode(), *names, self.secret.encode()):
            digest.update(part + b"\0")
        try:
            if not submission.path.is_symlink() and submission.path.is_file():
                size = submission.path.stat().st_size
                if size > LARGEST:  # it is refused unread
                    digest.update(f"{size}\0".encode())
                else:
                    with submission.open() as file:
                        digest.update(hashlib.sha256(file.read(LARGEST)).digest())
            stamp: Any = timestamp_of(submission)
        except OSError:
            stamp = None
        except ValueError:
            stamp = "unknown"  # which is said, once it is graded again
        digest.update(str(stamp).encode())
        return digest.hexdigest()

    def _written(self, student: str) -> bool:
        return (self.course.autograded(student, self.assignment.name) / self.file).exists()

    def _finish(
        self, submission: Submission, digest: str, intake: Intake, answer: bytes | WorkerLost
    ) -> tuple[Result, Entry]:
        answers = intake.answers
        if isinstance(answer, WorkerLost):
            text = _("its grading was lost several times: {error}", error=answer)
            return self._failed(submission, "", text, answers)
        verdict = json.loads(answer)
        if "lost" in verdict:
            text = _(
                "no session could be started for it: {error}. The next run tries it anew",
                error=verdict["lost"],
            )
            return self._failed(submission, "", text, answers)
        if "failed" in verdict:
            text = _("{error}. Grade again with --force to try it anew", error=verdict["failed"])
            return self._failed(submission, digest, text, answers)
        literals = heavy_answers(self.assignment, answers, verdict["own"])
        data = findings(verdict, intake.notes, intake.language, literals)
        data["version"] = self.assignment.version
        notes = data["notes"]
        result = Result(submission.student, notes=notes, seconds=verdict["seconds"])
        scores: dict[str, float | None] = {}
        for name, question in verdict["questions"].items():
            scores[name] = question["points"]
        comments: dict[str, str | None] = {}
        for cell in self.assignment.notebook["cells"]:
            role = role_of(cell)
            name = role.get("grade_id")
            if name not in answers:
                continue
            if role.get("solution"):
                empty = answers[name].strip() == cell["source"].strip()
                comments[name] = "No response." if empty else None
                if role.get("grade"):
                    scores[name] = 0.0 if empty else None
        try:
            stamp = timestamp_of(submission)
        except ValueError as error:
            stamp = None
            notes.append(str(error))
        notebook = compose(self.assignment, answers, verdict, notes)
        self._keep(submission, notebook)
        written = written_digests(self.assignment, answers)
        entry = Entry(
            submission.student, digest, scores, comments, verdict["seed"], stamp, data, written
        )
        return result, entry

    def _keep(self, submission: Submission, notebook: dict[str, Any]) -> None:
        clean_notebook(notebook)
        write_notebook(self.course, submission.student, self.assignment.name, self.file, notebook)

    def _failed(
        self,
        submission: Submission,
        digest: str,
        problem: str,
        answers: Mapping[str, str] | None = None,
    ) -> tuple[Result, Entry]:
        """0 automatic points, so that the gradebook and its exports know the student; and a
        notebook with the problem and the ``answers``, if any, so that the formgrader does.
        """
        remove(self.course.feedback(submission.student, self.assignment.name))
        self._keep(submission, compose(self.assignment, answers or {}, UNGRADED, [problem]))
        scores = dict.fromkeys((name for _, _, name in self.book.grade_cells), 0.0)
        data = {"problem": problem, "version": self.assignment.version}
        entry = Entry(submission.student, digest, scores, data=data)
        return Result(submission.student, problem=problem), entry
