"""What counts of what a student handed in.

``nncourse.grading.notebook_file`` reads the file, ``nncourse.grading.answers`` takes the answers
out of it; ``nncourse.grading.reader`` lets both be done where they can be ended. So nbgrader never
meets a submission itself.
"""

from __future__ import annotations

import contextlib
from collections.abc import Container, Mapping
from pathlib import Path
from typing import Any

from nncourse.grading.answers import Intake, find_answers
from nncourse.grading.autograded import answers_of
from nncourse.grading.notebook_file import (
    IntakeError,
    Unread,
    cells_of,
    language_of,
    parsed,
    read,
    shown,
)
from nncourse.grading.submissions import Submission, is_notebook, is_student
from nncourse.language import catalogue

_ = catalogue("course")


def take_in(
    submission: Submission, released: Mapping[str, Any], earlier: Container[str] = ()
) -> Intake:
    """The answers in a submission to ``released``, a notebook as students got it. ``earlier``: what
    is known of earlier releases (``nncourse.grading.earlier``). Raises IntakeError.
    """
    if not is_student(submission.student):
        raise IntakeError(
            _(
                "the student's name {name!r} can't be a folder of the gradebook: use letters, "
                "digits, spaces and . _ - @ +. Then remove this line: nbgrader db student remove "
                "{line} --force",
                name=shown(_outermost(submission)),
                line=shown(submission.student),
            )
        )
    if submission.rival is not None:
        raise IntakeError(
            _(
                "{student} is there twice, as {one} and as {other}: remove one of them",
                student=submission.student,
                one=shown(submission.path.name),
                other=shown(submission.rival.name),
            )
        )

    try:
        text, notes = read(submission)
        notebook = parsed(text)
        intake = find_answers(cells_of(notebook), released, language_of(notebook), earlier)
        intake.notes = [*notes, *_remarks(notebook, submission), *intake.notes]
    except IntakeError:
        raise
    except Exception as error:  # a file made to break readers may raise anything
        kind = Unread if isinstance(error, OSError) else IntakeError
        raise kind(
            _("the file can't be read: {error}", error=shown(f"{type(error).__name__}: {error}"))
        ) from error
    rivals = [name for name in _files_beside(submission) if is_notebook(Path(name))]
    if rivals and not intake.own and intake.answers == answers_of(released):
        raise IntakeError(
            _(
                "{name} is as it was handed out, and beside it lies {others}: remove what does "
                "not count",
                name=shown(submission.path.name),
                others=shown(", ".join(rivals)),
            )
        )
    return intake


def _remarks(notebook: Mapping[str, Any], submission: Submission) -> list[str]:
    """What else is odd about a submission, to no effect."""
    notes = []
    metadata = notebook.get("metadata")
    kernel = metadata.get("kernelspec") if isinstance(metadata, Mapping) else None
    spec = kernel if isinstance(kernel, Mapping) else {}
    if "python" not in f"{spec.get('language', '')} {spec.get('name', 'python')}".lower():
        name = shown(str(spec.get("name")))
        notes.append(_("the notebook is set to the kernel {name}: Python was used", name=name))
    files = _files_beside(submission)
    if files:
        text = shown(", ".join(files))
        notes.append(_("files beside the notebook were not used: {files}", files=text))
    return notes


def _files_beside(submission: Submission) -> list[str]:
    """The names of code and of other notebooks in a student's own folder."""
    folder = submission.path.parent
    files: list[str] = []
    # A student may be called like the folder of the class.
    if folder != submission.folder and submission.student in (folder.name, folder.parent.name):
        with contextlib.suppress(OSError):  # it may be gone by now
            files = sorted(
                path.name
                for path in folder.iterdir()
                if path.suffix in (".py", ".pyc", ".so")
                or (is_notebook(path) and path.name != submission.path.name)
            )
    return files


def _outermost(submission: Submission) -> str:
    """The name of the file or folder that names the student."""
    path, folder = submission.path, submission.folder
    return path.name if folder is None else path.relative_to(folder).parts[0]
