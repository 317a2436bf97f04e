"""Submissions found in a folder, whatever its layout: whose, which file counts, when it came."""

from __future__ import annotations

import datetime
import hashlib
import os
import re
import unicodedata
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import IO, Any

from nncourse.course.folder import CONFIG_FILE, CourseFolderError
from nncourse.grading.below import open_below
from nncourse.grading.seen import refuse_seen
from nncourse.language import catalogue

_ = catalogue("course")

# nbgrader reads a student's name as a part of a path and as a pattern. Blanks at its end or side by
# side, and letters that are drawn as nothing, would let it pass for another's name.
STUDENT = re.compile(r"(?!.*(?:  | $|[\u115f\u1160\u3164\uffa0]))[\w@-][\w .@+-]*")
MARKS = 4  # of one letter
# What every object has in JavaScript: nbgrader's pages look students up among them, and find these.
OBJECTS = {"constructor", "hasOwnProperty", "isPrototypeOf", "propertyIsEnumerable"}
OBJECTS |= {"toLocaleString", "toString", "valueOf", "__proto__", "__defineGetter__"}
OBJECTS |= {"__defineSetter__", "__lookupGetter__", "__lookupSetter__"}
UNSEEN = re.compile("[\u034f\u17b4\u17b5\u180b-\u180f\u2d7f\ufe00-\ufe0f\U00010000-\U0010ffff]")
LONGEST = 128  # characters of a name, as wide as nbgrader's column
LONGEST_BYTES = 240  # of a folder's name
# Some browsers and platforms add what they take a notebook for.
NOTEBOOKS = (".ipynb", ".ipynb.txt", ".ipynb.json")
ENDING = re.compile(r"(?i)\.ipynb(\.txt|\.json)?$")
COURSES = "source", "release", "autograded", "feedback"  # folders
APPLE = "__MACOSX"  # what a Mac packs beside all that it packs
STAMP = "timestamp.txt"
SECRET = "submission_secret.txt"  # by which nbgrader's students find their feedback
YEARS = 1970, 9998  # of a time stamp; others, in another time zone, may be none


class SubmissionsError(CourseFolderError):
    """A folder of submissions can't be understood; the text says what was expected."""


@dataclass(frozen=True, slots=True)
class Submission:
    """One file of one student. rival: another file of theirs, where it isn't clear which counts.
    folder: in which all were looked for.
    """

    student: str
    path: Path
    rival: Path | None = None
    folder: Path | None = None

    def open(self, name: str | None = None) -> IO[bytes]:
        """Open the file, or that of another name beside it, if no link leads there. OSError."""
        path = self.path if name is None else self.path.with_name(name)
        return open_below(self.folder or path.parent, path)


def find_submissions(folder: Path, assignment: str, released: str = "") -> list[Submission]:
    """The submissions of an assignment in a folder, by student, in alphabetical order.

    Three layouts are understood, also mixed:

        folder/STUDENT/ps05/NAME.ipynb     nbgrader's own ("submitted")
        folder/STUDENT/NAME.ipynb
        folder/STUDENT.ipynb

    A name may end in ``.ipynb.txt`` or ``.ipynb.json`` as well, as browsers save it.
    A student's folder without a notebook counts as a submission that can't be read; but who has
    folders for other assignments of the course alone has handed in nothing. Of several, see
    ``likeness``. ``released``: the file's name as it was handed out.
    Raises SubmissionsError if the folder holds nothing of this kind.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise SubmissionsError(
            _(
                "{folder} is not a folder of submissions: give one, or fill submitted/ with "
                "nncourse collect {assignment} SOURCE, which also takes archives",
                folder=folder,
                assignment=assignment,
            )
        )
    _refuse_the_courses_own(folder.resolve())
    refuse_seen([folder])
    found: list[Submission] = []
    course = folder.absolute().parent  # not resolved: it may be a link to another disk
    others = {path.name for path in course.glob("source/*")} - {assignment}
    for entry in sorted(folder.iterdir()):
        is_file = is_notebook(entry) and (entry.is_symlink() or not entry.is_dir())
        student = row_name(ENDING.sub("", entry.name) if is_file else entry.name)
        if entry.name.startswith(".") or entry.name == APPLE:
            continue
        if is_file or entry.is_symlink():
            # A link is never followed: it may lead to somebody else's work.
            found.append(Submission(student, entry, folder=folder))
        elif entry.is_dir() and not _holds_only(entry, others):
            found.append(Submission(student, best(entry, assignment, released), folder=folder))
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
    return [
        replace(one, rival=others[0].path) if others else one for one, *others in _by_student(found)
    ]


def _holds_only(entry: Path, others: Collection[str]) -> bool:
    try:
        names = {path.name for path in entry.iterdir() if not path.name.startswith(".")}
    except OSError:
        return False
    return bool(names) and names.issubset(others)


def _refuse_the_courses_own(folder: Path) -> None:
    """What lies there would be taken for students, and stand in the gradebook."""
    for course in (folder, *folder.parents):
        first, *below = (*folder.relative_to(course).parts, "")
        students = first not in ("", *COURSES) and (first != "submitted" or below == [""])
        if not students and (course / CONFIG_FILE).is_file():
            raise SubmissionsError(
                _(
                    "{folder} belongs to a course and is no folder of submissions: those are in "
                    "{submitted}",
                    folder=folder,
                    submitted=course / "submitted",
                )
            )


def likeness(path: str, assignment: str, released: str) -> tuple[Any, ...]:
    """By which a student's notebooks are put in order; the first one counts.

    That with the name that was handed out; one that is named like the assignment; and no copy, to
    whose name programs add something: ``ps05-x-Copy1.ipynb``, ``ps05-x (1).ipynb``.
    """
    folder, _, name = path.rpartition("/")
    other = ENDING.sub("", name) != ENDING.sub("", released)
    unlike = not name.startswith(assignment)
    return other, unlike, not name.endswith(".ipynb"), folder.count("/"), len(name), path


def best(entry: Path, assignment: str, released: str) -> Path:
    """The notebook in a student's folder, or the folder, where there is none or no way in."""
    try:
        inner = entry / assignment if (entry / assignment).is_dir() else entry
        inside = [] if inner.is_symlink() else [p for p in inner.glob("*") if is_notebook(p)]
    except OSError:
        return entry
    return min(inside, key=lambda p: likeness(p.name, assignment, released), default=inner)


def _by_student(found: list[Submission]) -> Iterator[list[Submission]]:
    for _student, theirs in groupby(found, key=lambda submission: submission.student):
        yield list(theirs)


def is_notebook(path: Path) -> bool:
    """Whether it is named like one; hidden files are what programs keep for themselves."""
    return path.name.lower().endswith(NOTEBOOKS) and not path.name.startswith(".")


def is_student(name: str) -> bool:
    """Whether a name can be a folder of the course and a row of the gradebook."""
    if name in OBJECTS:
        return False
    short = len(name) <= LONGEST and len(name.encode("utf-8", "replace")) <= LONGEST_BYTES
    letters = "".join(character for character, mark in _marked(name) if not mark)
    # Of two forms that look the same, one is another row of the gradebook.
    return short and unicodedata.is_normalized("NFC", name) and bool(STUDENT.fullmatch(letters))


def as_student(raw: str) -> str | None:
    """A name as a folder that nbgrader understands; None if nothing of it can be one."""
    name = unicodedata.normalize("NFC", " ".join(raw.split()))
    tame = "".join(c if mark else re.sub(r"[^\w .@+-]", "_", c) for c, mark in _marked(name))
    return tame if is_student(tame) and any(c.isalnum() for c in tame) else None


def _marked(name: str) -> Iterator[tuple[str, bool]]:
    """Its characters, each with whether it is a mark of the letter before it, such as a vowel of
    Hindi; not one that is drawn as nothing, or piled upon others.
    """
    marks = MARKS
    for character in name:
        mark = unicodedata.category(character) in ("Mn", "Mc") and not UNSEEN.match(character)
        marks = marks + 1 if mark else 0 if character.isalpha() else MARKS
        yield character, mark and marks <= MARKS


def row_name(name: str) -> str:
    """A student's name, as text: a file name may be any bytes, and accents may stand apart.

    One that can't be a row of the gradebook is refused, and stands there all the same. nbgrader's
    pages show it unescaped, so what is not a letter, a digit or ``.@+-`` is replaced, the length is
    cut, and it is marked.
    """
    text = name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    text = unicodedata.normalize("NFC", text)
    if is_student(text):
        return text
    tame = re.sub(r"[^\w.@+-]", "_", text[:30])
    return f"{tame}~{hashlib.sha256(os.fsencode(name)).hexdigest()[:12]}"


def timestamp_of(submission: Submission) -> datetime.datetime | None:
    """When it was handed in, in UTC, from nbgrader's ``timestamp.txt`` beside it; None without.

    Raises ValueError for a file that can't be read.
    """
    path = submission.path.parent / STAMP
    if path.parent == submission.folder:  # it is nobody's
        return None
    try:
        if submission.path.is_dir() or path.is_symlink() or not path.is_file():
            if any(path.parent.glob(f".{STAMP}.*")):  # see ``nncourse.grading.unfit``
                raise ValueError
            return None
        with submission.open(path.name) as file:
            text = file.read(100).decode("ascii", "replace").strip()
        text = re.sub(r" +(?=[+-][\d:]+$)", "", text.removesuffix("UTC").strip())
        stamp = datetime.datetime.fromisoformat(text)
        if stamp.tzinfo is not None:
            stamp = stamp.astimezone(datetime.UTC).replace(tzinfo=None)
        if not YEARS[0] <= stamp.year <= YEARS[1]:
            raise ValueError(stamp.year)
    except (ValueError, OverflowError, OSError):  # in UTC it may lie before the year 1
        raise ValueError(no_time(path.name)) from None
    return stamp


def no_time(name: str) -> str:
    """A line on what should say when something was handed in."""
    return _(
        "{name} is no time stamp such as 2026-01-30 15:00:00 UTC: the time of this submission is "
        "unknown",
        name=name,
    )
