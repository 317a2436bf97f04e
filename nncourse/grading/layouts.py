"""Whose a file is, by its path.

Known are the layouts of ``find_submissions``, of nbgrader's exchange, and of Moodle's and Canvas's
downloads; anything else by a pattern with named groups, as nbgrader's FileNameCollectorPlugin takes
it.
"""

from __future__ import annotations

import datetime
import os
import re
from collections.abc import Callable

from nncourse.course.folder import CourseFolderError
from nncourse.grading.archive import File
from nncourse.grading.packed import is_archive, without_ending
from nncourse.grading.submissions import ENDING
from nncourse.language import catalogue

_ = catalogue("course")

# As only Moodle and the exchange name what they give, tried in this order.
MARKED = [
    # Moodle: NAME_NUMBER_assignsubmission_file_/NAME.ipynb; two people may have one name. People
    # choose their names, and may put anything there.
    r"(?P<person>(?P<student_id>[^/]+)_\d+)_assignsubmission_file(?:_[^/]*)?/(?:.*/)?[^/]+$",
    # The same without folders: NAME_NUMBER_assignsubmission_file_NAME.ipynb
    r"(?P<person>(?P<student_id>[^/]+?)_\d+)_assignsubmission_file_(?P<file_id>[^/]+)$",
    # nbgrader's exchange: USER+ASSIGNMENT+TIMESTAMP+RANDOM/NAME.ipynb
    r"(?P<student_id>[^+/]+)\+{assignment}\+(?P<timestamp>[^+/]+)(?:\+[^/]*)?/[^/]+$",
]
# Tried in this order on the path inside of the source.
PLAIN = [
    r"(?P<student_id>[^/]+)/{assignment}/[^/]+$",
    r"(?P<student_id>[^/]+)/[^/]+$",
    r"(?P<student_id>[^/]+?)(?i:\.ipynb)(?:\.[^/.]+)?$",
]
# How the names begin that Moodle and the exchange give. There lie other assignments, too.
MOODLES = r"[^/]+?_\d+_assignsubmission_file"
EXCHANGES = r"[^+/]+\+(?:{assignment}\+|[^+/]+\+\d{4}-)"
# Canvas, all in one folder: NAME_NUMBER_NUMBER_NAME.ipynb, with LATE after the first name where it
# was. It means something only if most are so: in another folder it may be the name of a student.
CANVAS = re.compile(
    r"(?s)(?P<student_id>[^/]*?)_(?:LATE_)?(?P<person>\d+)_\d+_(?P<file_id>[^/]*(?:/.*)?)$"
)
# The same where it is graded anonymously: anon_ID_NUMBER_NAME.ipynb
ANONYMOUS = re.compile(
    r"(?s)(?:LATE_)?anon_(?P<student_id>[^\W_]+)_\d+_(?P<file_id>[^/]*(?:/.*)?)$"
)
MOODLE = "_assignsubmission_"  # in all its names
OTHERS = re.compile(rf"{MOODLE}|\+\d{{4}}-")  # in those of Moodle and of the exchange
# What was typed in: Moodle has a folder for it, Canvas a file without the second number.
TYPED, FILED = f"{MOODLE}onlinetext", f"{MOODLE}file"
WRITTEN = re.compile(r"_(?:text|link)\.html$")
# Of somebody who is called Ann_7, like Ann, who has the number 7; or it is Ann's, and begins so.
UNSURE = re.compile(
    r"[^/]*?_\d+_(?:\d+_(?:(?:[^/]*_)?\d+_)?\d+_"
    r"|assignsubmission_file_(?:[^/]*_)?\d+_assignsubmission_file_)"
)
# Moodle's, for a lecturer to give. It may be in the name of a file, too, or in that of a person.
BY_NUMBER = r"(?P<student_id>[^/]+?_\d+)_assignsubmission_file(?!_[^/]*_assignsubmission_file_?/)"
# What lies anywhere in STUDENT.zip.
ARCHIVED = re.compile(r"(?P<student_id>[^/]+)/.*")
SUBMITTED = "submitted/"  # in a course's folder
# Archives that are not looked into, and notebooks of which some program has changed the ending.
UNREAD = re.compile(
    r"(?i)(?:\.tar)?\.(?:rar|7z|zipx?|gz|bz2|xz|lzma|zst|lz4?|br|z|t(?:gz|zst|lz))$"
    r"|(?<=\.ipynb) ?\(\d+\)$"
)
OFFSET = re.compile(r":\d\d(?:\.\d+)? ?([+-])(\d\d):?(\d\d)\s*$", re.ASCII)  # of a time
COMPACT = re.compile(r"(?<!\d)(\d{4})(\d\d)(\d\d)[T_-]?(\d\d)(\d\d)(\d\d)(?!\d)", re.ASCII)
UNKNOWN = datetime.datetime.min  # a time

Match = re.Match[str]


class CollectError(CourseFolderError):
    """Nothing can be collected; the text says why and what to do."""


def by_layout(
    files: list[File], assignment: str, folder: bool, exchange: bool, opened: bool
) -> Callable[[File], Match | None]:
    """Finds whose a file is where nothing is said about it.

    What a student packed may itself be named like the folder of another one. So the marked names
    are looked for from the outside, and no further in than all files have their folders in common.
    Where students choose their own names, one may be such: so it counts where most are, or in the
    ``exchange`` itself; elsewhere it is nobody's.
    Who packs a folder of submissions packs the folder around them, too; so the other layouts are
    looked for in it, unless it may be a student's. ``folder``: they are in one on the disk, where
    the only one that is there is a student's more often than in an archive. ``opened``: it is known
    what lies in the archives; then CollectError is raised where it is not clear whose the folder
    is.
    """
    moodle, exchanges, plain = _compiled(assignment)
    shared = os.path.commonpath([file.path for file in files]) if files else ""
    shared += "/" if shared else ""
    starts = [0, *(found.end() for found in re.finditer("/", shared))]
    if canvas := _canvas(files):
        names, begin = canvas
        return lambda file: names.match(file.path, begin)
    marked = [
        (layout, start)
        for start in ([0] if exchange else starts)
        for name, *layouts in ([exchanges] if exchange else [moodle, exchanges])
        if exchange or _most(files, name, start)
        for layout in layouts
    ]
    everyones = _everyones(files, shared, assignment, folder)
    if everyones is None and not marked and opened:
        raise CollectError(
            _(
                "it is not clear whether {folder} is that of one student or around those of all: "
                "for all, give that folder itself, unpacked; for one, give --pattern '{pattern}'",
                folder=shared.rstrip("/"),
                pattern="[^/]+/" * (shared.count("/") - 1) + "(?P<student_id>[^/]+)/",
            )
        )
    around = marked[0][1] if marked else len(shared) if everyones else 0
    outer = [(plain[0], len(SUBMITTED))] if shared.startswith(SUBMITTED) and not around else []

    def match(file: File) -> Match | None:
        tries = list(marked)
        if not any(name.match(file.path, around) for name, *_ in (moodle, exchanges)):
            tries += outer + [(layout, around) for layout in plain]
            tries += [(ARCHIVED, around)] if file.packed.count("/", around) == 1 else []
        found = (layout.match(file.path, start) for layout, start in tries)
        return next((one for one in found if one), None)

    return match


def _compiled(assignment: str) -> list[list[re.Pattern[str]]]:
    """How the names in Moodle and in the exchange begin, each before its layouts; PLAIN."""
    known = re.escape(assignment)
    return [
        [re.compile(layout.replace("{assignment}", known), re.DOTALL) for layout in layouts]
        for layouts in ([MOODLES, *MARKED[:2]], [EXCHANGES, *MARKED[2:]], PLAIN)
    ]


def _everyones(files: list[File], shared: str, assignment: str, folder: bool) -> bool | None:
    """Whether the folder ``shared`` is around those of all, and not a student's; None if that is
    not clear.

    How one student named or packed what they handed in says nothing of the others. So archives do
    not make it a student's, nor, by themselves, that of all; and names like the assignment's make
    it a student's where they are as many as all others.
    """
    below = {file.path[len(shared) :].partition("/")[0] for file in files}
    plain = {file.path[len(shared) :].partition("/")[0] for file in files if not file.packed}
    like = {name for name in plain if ENDING.search(name) and name.startswith(assignment)}
    students, enough = below - like, 2 + folder
    if not shared or shared.endswith(f"/{assignment}/") or 2 * len(like) >= len(below):
        return False
    if len(students) < enough or not students & plain:
        return False
    if len(students & plain) < enough and 2 * len(students - plain) >= len(below):
        return None
    return None if folder and like else True


def _most(files: list[File], name: re.Pattern[str], start: int) -> bool:
    """Whether most of what lies there, ``start`` characters into the paths, has such a name."""
    names = {file.path[start:].partition("/")[0] for file in files}
    return 2 * sum(bool(name.match(one)) for one in names) > len(names)


def marked_as(path: str, assignment: str) -> str:
    """Whose a file would be if Moodle or the exchange had named it; "" if they had not."""
    moodle, exchanges, _plain = _compiled(assignment)
    found = (layout.match(path) for layout in (*moodle[1:], *exchanges[1:]))
    return next((one["student_id"] for one in found if one), "")


def _canvas(files: list[File]) -> tuple[re.Pattern[str], int] | None:
    """How Canvas has named the files, and where in their paths; None if it was not Canvas.

    Beside them may lie others, such as the notebook that was handed out, and around them a folder,
    but not that of a single student.
    """
    # Of an archive the name alone: what follows is a student's.
    paths = [file.archive or file.path for file in files]
    outer = around(files)
    for start in [0, *(found.end() for found in re.finditer("/", outer))]:
        names = {path[start:].partition("/")[0] for path in paths}
        known = {name: ANONYMOUS.match(name) or CANVAS.match(name) for name in names}
        found = [match for match in known.values() if match]
        others = [outer[:start], *(name for name in names if not known[name])]
        if (
            2 * len(found) > len(names)
            and (start == 0 or len({match["student_id"] for match in found}) > 1)
            and not any(map(OTHERS.search, others))
            # In Moodle everyone may be called with two numbers at the end.
            and not all(MOODLE in match.string for match in found)
        ):
            return (ANONYMOUS if all(m.re is ANONYMOUS for m in found) else CANVAS), start
    return None


def around(files: list[File]) -> str:
    """The folders that are around all files and archives, each with "/"."""
    folders = [os.path.dirname(file.archive or file.path) for file in files]
    common = os.path.commonpath(folders or [""])
    return f"{common}/" if common else ""


def by_pattern(pattern: str) -> Callable[[File], Match | None]:
    """Finds whose a file is as the lecturer says. Raises CollectError."""
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise CollectError(
            _("{pattern} is no regular expression: {error}", pattern=pattern, error=error)
        ) from None
    if "student_id" not in compiled.groupindex:
        raise CollectError(_("{pattern} needs the group (?P<student_id>...)", pattern=pattern))

    def match(file: File) -> Match | None:
        found = compiled.match(file.path)
        return found or (None if file.packed else compiled.match(file.path.rpartition("/")[2]))

    return match


def time_of(text: str | None) -> datetime.datetime | None:
    """A time stamp in any order from the year on: 2026-01-30-15-00-00, 2026-01-30 15:00:00 UTC,
    20260130150000.

    In UTC, as which it is taken unless it ends in an offset from it.
    """
    try:
        text = COMPACT.sub(r"\1-\2-\3 \4:\5:\6", text or "", count=1)
        numbers = [int(number) for number in re.findall(r"\d+", text)[:6]]
        found = datetime.datetime(*numbers) if len(numbers) >= 3 else None  # type: ignore[arg-type]
        if found is not None and (ahead := OFFSET.search(text)):
            sign, hours, minutes = ahead.groups()
            found -= int(f"{sign}1") * datetime.timedelta(hours=int(hours), minutes=int(minutes))
        return None if found == UNKNOWN else found
    except (ValueError, OverflowError):
        return None


def as_file(path: str) -> str:
    """The path of a file in place of one of what somebody has typed in."""
    return WRITTEN.sub(r"_0\g<0>", path.replace(TYPED, FILED))


def unopened(path: str, name: str) -> File:
    """What lies at a path of the source; of an archive, a notebook of this name in it."""
    inside = is_archive(path)
    return File(f"{without_ending(path)}/{name}" if inside else path, b"", path if inside else "")


def whose_of(
    listed: list[File], name: str, match_of: Callable[[File], Match | None]
) -> Callable[[str], str]:
    """Finds who has handed in what lies at a path: their name and number, or the outermost folder.

    Who may be another that is called so is told apart, by a question mark.
    """
    around = os.path.commonpath([file.archive or file.path for file in listed] or [""])

    def whose(path: str) -> str:
        file = unopened(as_file(path), name)
        match = match_of(file)
        if match is None or not match["student_id"]:
            return path.removeprefix(f"{around}/").partition("/")[0] + "/"
        start, end = match.span("student_id")
        if "person" in match.groupdict():
            end = max(end, match.end("person"))
        person = match.string[start:end].partition(f"{FILED}_")[0]
        return person + ("?" if UNSURE.match(match.string, start) else "")

    return whose
