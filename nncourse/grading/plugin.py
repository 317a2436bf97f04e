"""The grader inside nbgrader: its commands and the formgrader's buttons, by configuration.

    c.Autograde.exporter_class = "nncourse.grading.plugin.AnyFile"
    c.Autograde.sanitize_preprocessors = ["nncourse.grading.plugin.Rebuild"]
    c.Autograde.autograde_preprocessors = ["nncourse.grading.plugin.Judge", ...]
    c.GenerateFeedback.exporter_class = "nncourse.grading.plugin.Feedback"

nbgrader converts a submission twice. In the first pass the answers are put into the lecturer's own
notebook; in the second they run in the sandbox, and the verdicts become the outputs of the graded
cells, from which nbgrader reads the points: a result is partial credit, an error is none. So points
and message come from one cell. Beside nbgrader's grades stands our record of what was found, from
which the feedback, the report and the next grading take it.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import shutil
from collections.abc import Callable
from functools import lru_cache, partial
from glob import glob
from pathlib import Path
from typing import Any

from nbconvert.exporters import Exporter, NotebookExporter
from nbformat import NotebookNode, from_dict, read
from nbformat.v4 import new_notebook
from nbgrader.api import Gradebook
from nbgrader.converters import Autograde, GenerateFeedback, base
from nbgrader.preprocessors import NbGraderPreprocessor
from traitlets import Bool

from nncourse.course.folder import CourseFolder
from nncourse.grading.answers import Intake
from nncourse.grading.assignment import Assignment
from nncourse.grading.autograded import UNGRADED, answers_of, compose, written_digests
from nncourse.grading.earlier import remember
from nncourse.grading.feedback import feedback_pages
from nncourse.grading.gradebook import Entry
from nncourse.grading.literals import heavy_answers
from nncourse.grading.notebook_file import LARGEST, IntakeError
from nncourse.grading.reader import Reader, make_release
from nncourse.grading.released import load_assignment
from nncourse.grading.results import findings, open_gradebook
from nncourse.grading.sanitize import clean_notebook
from nncourse.grading.seeds import secret_of, seeds_of
from nncourse.grading.seen import places, refuse_seen
from nncourse.grading.submissions import STAMP, Submission, best, is_student, timestamp_of
from nncourse.grading.unfit import files_but_of, is_stamp, keep, put_aside_all, unfit
from nncourse.grading.worker import Worker, WorkerLost, make_item
from nncourse.language import catalogue

_ = catalogue("course")

Pair = tuple[NotebookNode, dict[str, Any]]


def _find_all(converter: Any, search: Callable[[Any], None] = Autograde.init_notebooks) -> None:
    """nbgrader's ``search``, which passes over a notebook that a browser has named NAME.ipynb.txt;
    ours finds it, and says where there is none.
    """
    directory = converter.coursedir
    pattern = converter._format_source(directory.assignment_id, directory.student_id)
    found = [name for name in glob(pattern) if os.path.isdir(name)]
    if not found or not issubclass(converter.exporter_class, AnyFile):
        search(converter)
    else:
        converter.assignments, converter.notebooks = {name: [] for name in found}, []


Autograde.init_notebooks = _find_all


class AnyFile(NotebookExporter):
    """Opens the notebook for nbgrader; in the first pass, and of what is none, an empty one.

    What was handed in is read by ``Rebuild`` alone: a reader that checks a large notebook's form
    takes minutes. nbgrader makes it when it has listed the submissions, and before it opens any
    file of theirs; what it must not open is seen to then.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.remarks: dict[Path, str] = {}  # on submissions
        if isinstance(self.parent, Autograde):
            self._see_to_the_unfit(self.parent)

    def _see_to_the_unfit(self, converter: Any) -> None:
        directory, assignments = converter.coursedir, converter.assignments
        everyone = converter._format_source(directory.assignment_id, "*")
        left = put_aside_all(everyone, self.log)
        keep(converter, set(glob(everyone)).difference(left))
        released = CourseFolder(Path(directory.root)).notebook(directory.assignment_id).name
        for name in assignments:
            if why := unfit(Path(name), 1000 * directory.max_dir_size):
                self.remarks[Path(name)] = why
            # Students rename it; which file counts, ``Rebuild`` says.
            assignments[name] = [str(Path(name, released))]
        # It copies no file of theirs. What of it lies in the way of the lecturer's would stop it,
        # and its patterns of what to ignore would not keep it from walking through all folders.
        base.find_all_files = partial(files_but_of, set(map(Path, assignments)))

    def from_filename(self, filename: str, resources: Any = None, **options: Any) -> Any:
        """The exported notebook and its resources."""
        path = Path(filename)
        resources["metadata"] = {"path": str(path.parent), "name": path.stem}
        notebook = new_notebook()
        # A reader of hostile files may raise anything.
        with contextlib.suppress(Exception):
            rebuilt = not getattr(self.parent, "_sanitizing", False)
            if rebuilt and path.is_file() and path.stat().st_size <= LARGEST:
                notebook = read(path, as_version=4)
        return self.from_notebook_node(notebook, resources=resources, **options)


class Feedback(Exporter):
    """The page that ``nncourse feedback`` writes, without the hidden tests, in place of nbgrader's.

    It is made from the gradebook; the preprocessors of nbgrader's page have nothing to do.
    """

    file_extension = ".html"
    output_mimetype = "text/html"

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        if isinstance(self.parent, GenerateFeedback):
            # Who was refused for their name has a graded notebook, and no page.
            everyone = self.parent._format_source(self.parent.coursedir.assignment_id, "*")
            keep(self.parent, [n for n in glob(everyone) if is_student(Path(n).parent.name)])

    def from_filename(self, filename: str, resources: Any = None, **options: Any) -> Any:
        """The page of the student to whom the graded notebook belongs, and the resources."""
        converter: Any = self.parent
        names, directory = resources["nbgrader"], converter.coursedir
        course = CourseFolder(Path(directory.root))
        student, assignment = names["student"], names["assignment"]
        pages = dict(feedback_pages(course, assignment, directory.db_url, student))
        if student not in pages:
            raise base.NbGraderException(
                _(
                    "{student} is not in the gradebook: run nncourse grade {assignment} first",
                    student=student,
                    assignment=assignment,
                )
            )
        return pages[student], {**resources, "output_extension": self.file_extension}


class _Step(NbGraderPreprocessor):
    enabled = Bool(True).tag(config=True)

    @property
    def course(self) -> CourseFolder:
        """The course folder that nbgrader works in."""
        return CourseFolder(Path(self._directory.root))

    @property
    def _directory(self) -> Any:
        return self.parent.parent.coursedir


class Rebuild(_Step):
    """First pass: the lecturer's notebook with the student's answers; their own cells, of which the
    second pass may need some, wait in its metadata."""

    def preprocess(self, nb: NotebookNode, resources: dict[str, Any]) -> Pair:
        """Ignores ``nb``: the file itself is read, carefully."""
        names = resources["nbgrader"]
        assignment = names["assignment"]
        file = self.course.notebook(assignment)
        released = json.loads(file.read_text(encoding="utf-8"))
        place = Path(resources["metadata"]["path"])  # submitted/STUDENT/ASSIGNMENT
        path = best(place.parent, assignment, file.name)
        problem = ""
        folder = place.parents[1]  # no link below leads elsewhere
        submission = Submission(names["student"], path, folder=folder)
        release = make_release(released, remember(self.course, assignment))
        try:
            intake = _reader().take_in(submission, release)
        except IntakeError as error:
            intake, problem = Intake(answers_of(released)), str(error)
        if place in self.parent.remarks:
            intake.notes.append(self.parent.remarks[place])
        if not is_stamp(place / STAMP):
            try:
                timestamp_of(submission)
            except ValueError as error:
                intake.notes.append(str(error))
        for note in [problem] if problem else intake.notes:
            self.log.warning("%s: %s", names["student"], note)
        self._clear(assignment, names["student"])
        self._keep_stamp(place, self.course.autograded(names["student"], assignment))
        self._forget_time(place, names["student"], assignment)
        packed = load(self.course, assignment)
        # Until it is judged it lies where the formgrader finds it.
        notebook = from_dict(clean_notebook(compose(packed, intake.answers, UNGRADED)))
        notebook.metadata["nncourse"].update(
            notes=intake.notes,
            problem=problem,
            submitted_in=intake.language,
            answers=intake.answers,
            own=intake.own,
        )
        return notebook, resources

    def _clear(self, assignment: str, student: str) -> None:
        """Remove what an earlier grading has left, links and folders included."""
        folder = self.course.autograded(student, assignment)
        source = self.course.source(assignment)
        for path in sorted(folder.rglob("*"), reverse=True):
            kept = (source / path.relative_to(folder)).exists() or path == folder / STAMP
            if path.is_symlink() or (path.is_file() and not kept):
                path.unlink()
            elif path.is_dir() and not kept:
                path.rmdir()  # empty by now

    def _keep_stamp(self, submitted: Path, autograded: Path) -> None:
        """By it nbgrader sees that another version was handed in, also where it copied nothing."""
        stamp = submitted / STAMP
        if is_stamp(stamp) and not (autograded / STAMP).exists():
            autograded.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(stamp, autograded / STAMP)

    def _forget_time(self, submitted: Path, student: str, assignment: str) -> None:
        """That of an earlier version, which nbgrader keeps, is not the time of this one."""
        if not is_stamp(submitted / STAMP):
            with Gradebook(self._directory.db_url, self._directory.course_id) as book:
                book.update_or_create_submission(assignment, student, timestamp=None)


class Judge(_Step):
    """Second pass: the verdicts, as outputs of the graded cells.

    unsafe: without bubblewrap, run the answers with your rights.
    """

    unsafe = Bool(False).tag(config=True)

    def preprocess(self, nb: NotebookNode, resources: dict[str, Any]) -> Pair:
        """Raises SandboxUnavailable where nothing would hold the students' code in."""
        names = resources["nbgrader"]
        assignment = load(self.course, names["assignment"])
        about = nb.metadata["nncourse"]  # from the first pass
        answers = about["answers"]
        seeds = seeds_of(names["student"], names["assignment"], secret_of(self.course))
        item = make_item(names["student"], answers, own=about["own"], **seeds)
        try:
            verdict = json.loads(_worker(self.unsafe).grade(assignment.packed, item))
        except WorkerLost:
            _worker.cache_clear()
            raise
        why = verdict.get("failed", verdict.get("lost"))
        if why is not None:
            raise RuntimeError(why)
        if about["problem"]:
            data: dict[str, Any] = {"problem": about["problem"]}
            remarks, written = [about["problem"]], {}
        else:
            literals = heavy_answers(assignment, answers, verdict["own"])
            data = findings(verdict, about["notes"], about["submitted_in"], literals)
            remarks, written = data["notes"], written_digests(assignment, answers)
        data["version"] = assignment.version
        with open_gradebook(self.course, names["assignment"], self._directory.db_url) as book:
            # Without a digest: ``nncourse grade`` does not take the grade for one of its own.
            seed = verdict["seed"]
            book.record(Entry(names["student"], "", {}, seed=seed, data=data, written=written))
        for remark in remarks:
            self.log.info("%s: %s", names["student"], remark)
        notebook = clean_notebook(compose(assignment, answers, verdict, remarks))
        return from_dict(notebook), resources


def load(course: CourseFolder, name: str) -> Assignment:
    """The assignment, read again only when its files have changed."""
    files = [course.notebook(name), course.source(name) / course.notebook(name).name]
    return _load(course, name, tuple(path.stat().st_mtime_ns for path in files))


@lru_cache(maxsize=4)
def _load(course: CourseFolder, name: str, changed: tuple[int, ...]) -> Assignment:
    refuse_seen(places(course))
    return load_assignment(course, name)


@lru_cache
def _reader() -> Reader:
    """One for the life of nbgrader's process, as the worker."""
    reader = Reader()
    atexit.register(reader.close)
    return reader


@lru_cache(maxsize=2)
def _worker(unsafe: bool) -> Worker:
    """One warm worker for the life of nbgrader's process."""
    worker = Worker(unsafe)
    atexit.register(worker.close)
    return worker
