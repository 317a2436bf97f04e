"""What students handed in, found in a folder and put into the lecturer's own notebook.

A submitted file may be anything: cut off, of another exercise, with graded cells deleted, copied or
edited. It is not repaired. The answers are taken out of it, by the names of their cells, and put
into a fresh copy of the released notebook; everything else of the submission is left behind. So a
student can neither lose nor gain points by the form of the file, and nbgrader never meets it.
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nncourse.course.folder import CourseFolderError
from nncourse.language import catalogue

if TYPE_CHECKING:
    from nbformat import NotebookNode  # takes longer to load than all of this

_ = catalogue("course")

LARGEST = 20_000_000  # bytes; a solved exercise has well under one million
# nbgrader reads a student's name as a part of a path and as a pattern.
STUDENT = re.compile(r"[\w@-][\w .@+-]*")


class IntakeError(Exception):
    """No answer can be taken from a submission; the text says why and what to do."""


class SubmissionsError(CourseFolderError):
    """A folder of submissions can't be understood; the text says what was expected."""


@dataclass(frozen=True)
class Submission:
    """One file of one student."""

    student: str
    path: Path


@dataclass
class Intake:
    """The notebook to be graded, and what was noticed on the way (for the report)."""

    notebook: NotebookNode
    notes: list[str] = field(default_factory=list)


def find_submissions(folder: Path, assignment: str) -> list[Submission]:
    """The submissions of an assignment in a folder, by student, in alphabetical order.

    Three layouts are understood, also mixed:

        folder/STUDENT/ps05/NAME.ipynb     nbgrader's own ("submitted")
        folder/STUDENT/NAME.ipynb
        folder/STUDENT.ipynb

    A student's folder without a notebook counts as a submission that can't be read. Where it holds
    several, the one whose name starts with the assignment's name is taken, or else the first.
    Raises SubmissionsError if the folder holds nothing of this kind, or a student twice.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise SubmissionsError(_("{folder} is not a folder", folder=folder))
    found: list[Submission] = []
    for entry in sorted(folder.iterdir()):
        if entry.name.startswith("."):
            continue
        if entry.is_dir():
            inner = entry / assignment if (entry / assignment).is_dir() else entry
            notebooks = sorted(inner.glob("*.ipynb"))
            named = [path for path in notebooks if path.name.startswith(assignment)]
            best = (named or notebooks or [inner])[0]
            found.append(Submission(entry.name, best))
        elif entry.suffix == ".ipynb":
            found.append(Submission(entry.stem, entry))
    if not found:
        raise SubmissionsError(
            _(
                "{folder} holds no submissions: expected STUDENT.ipynb, STUDENT/NAME.ipynb or "
                "STUDENT/{assignment}/NAME.ipynb",
                folder=folder,
                assignment=assignment,
            )
        )
    found.sort(key=lambda submission: submission.student)
    for one, other in pairwise(found):
        if one.student == other.student:
            raise SubmissionsError(
                _(
                    "{student} is there twice, as {one} and as {other}: remove one of them",
                    student=one.student,
                    one=one.path.relative_to(folder),
                    other=other.path.relative_to(folder),
                )
            )
    return found


def take_in(submission: Submission, released: NotebookNode) -> Intake:
    """The released notebook with the answers of a submission. Raises IntakeError."""
    if not STUDENT.fullmatch(submission.student):
        raise IntakeError(
            _(
                "the student's name {name!r} can't be a folder of the gradebook: use letters, "
                "digits, spaces and . _ - @ +",
                name=submission.student,
            )
        )
    return rebuild(_cells(_read(submission.path)), released)


def rebuild(cells: list[Any], released: NotebookNode) -> Intake:
    """Put the answers found in ``cells`` into a copy of ``released``.

    Of several cells with one name the first counts. Raises IntakeError if there is no answer cell.
    """
    notes: list[str] = []
    submitted: dict[str, str] = {}
    released_code = {c.source.strip() for c in released.cells if not _name(c)}
    own = 0
    for cell in cells:
        name, source = _name(cell), _source(cell)
        if name is None:
            is_code = isinstance(cell, dict) and cell.get("cell_type") == "code"
            own += is_code and bool(source.strip()) and source.strip() not in released_code
        elif name in submitted:
            notes.append(_("cell {name} occurs twice: the first one counts", name=name))
        else:
            submitted[name] = source

    notebook = copy.deepcopy(released)
    answers = 0
    for cell in notebook.cells:
        name = _name(cell)
        if name is None:
            continue
        if cell.metadata["nbgrader"]["solution"]:
            if name in submitted:
                cell.source = submitted[name]
                answers += 1
            else:
                notes.append(_("answer cell {name} is missing: nothing to grade in it", name=name))
        elif name not in submitted:
            notes.append(_("cell {name} was deleted: the original was put back", name=name))
        elif submitted[name].strip() != cell.source.strip():
            notes.append(_("cell {name} was changed: the original was used", name=name))
    if not answers:
        raise IntakeError(
            _(
                "no answer cell of this assignment is in the file. It may be another exercise's "
                "notebook, or one whose cells were copied into a new file: ask for the notebook "
                "that was handed out"
            )
        )
    if own:
        notes.append(
            _("{count} cells outside the answer cells are new or changed: not graded", count=own)
        )
    return Intake(notebook, notes)


def _read(path: Path) -> str:
    if path.is_dir():
        raise IntakeError(_("the folder {name} holds no notebook (*.ipynb)", name=path.name))
    if path.is_symlink() or not path.is_file():
        raise IntakeError(_("{name} is a link or no file: ask for the notebook", name=path.name))
    size = path.stat().st_size
    if size > LARGEST:
        raise IntakeError(
            _(
                "the file has {size} MB, and at most {largest} are read: ask for it without "
                "outputs (Edit, Clear Outputs of All Cells)",
                size=round(size / 1e6),
                largest=round(LARGEST / 1e6),
            )
        )
    try:
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise IntakeError(
            _(
                "the file is not text in UTF-8 (byte {position}): ask for the notebook as "
                "JupyterLab saved it",
                position=error.start,
            )
        ) from None


def _cells(text: str) -> list[Any]:
    try:
        notebook = json.loads(text)
    except (ValueError, RecursionError) as error:
        where = (
            _("line {line}, column {column}", line=error.lineno, column=error.colno)
            if isinstance(error, json.JSONDecodeError)
            else type(error).__name__
        )
        raise IntakeError(
            _(
                "the file is not valid JSON ({where}), so it is no notebook. It may have been cut "
                "off or edited by hand: ask for it again, saved from JupyterLab",
                where=where,
            )
        ) from None
    cells = notebook.get("cells") if isinstance(notebook, dict) else None
    if not isinstance(cells, list):
        raise IntakeError(
            _(
                "the file has no list of cells. A notebook of an old format must be opened and "
                "saved in JupyterLab; anything else is not a notebook"
            )
        )
    return cells


def _name(cell: Any) -> str | None:
    """The name by which nbgrader knows a cell, or None for an ordinary cell."""
    for step in ("metadata", "nbgrader", "grade_id"):
        if not isinstance(cell, dict):
            return None
        cell = cell.get(step)
    return cell if isinstance(cell, str) else None


def _source(cell: Any) -> str:
    """The text of a cell, as a string that can be written in UTF-8."""
    source = cell.get("source", "") if isinstance(cell, dict) else ""
    text = "".join(map(str, _strings(source)))
    return text.encode("utf-8", "replace").decode("utf-8")


def _strings(source: Any) -> Iterator[str]:
    if isinstance(source, str):
        yield source
    elif isinstance(source, list):
        yield from (part for part in source if isinstance(part, str))
