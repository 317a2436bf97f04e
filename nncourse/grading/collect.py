"""Put what came back into ``submitted/``: from a folder, an archive, or nbgrader's exchange.

A student and a time are found by the path of a file. Known are the layouts of ``find_submissions``,
of nbgrader's exchange, and of Moodle's and Canvas's downloads; anything else by a pattern with
named groups, as nbgrader's FileNameCollectorPlugin takes it. Only notebooks are taken, and nothing
else of them than their bytes, which ``nncourse.grading.notebook_file`` reads with care.
"""

from __future__ import annotations

import contextlib
import datetime
import errno
import os
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nncourse.course.folder import CourseFolder, CourseFolderError
from nncourse.grading.archive import DEEPEST, File, Reader
from nncourse.grading.below import open_below
from nncourse.grading.packed import ARCHIVES, ArchiveError, is_archive, without_ending
from nncourse.grading.submissions import (
    ENDING,
    NOTEBOOKS,
    SECRET,
    STAMP,
    as_student,
    likeness,
    no_time,
)
from nncourse.grading.whole import write_below
from nncourse.language import catalogue

_ = catalogue("course")

# Folders that only Moodle and the exchange make, tried in this order.
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
    r"(?:submitted/)?(?P<student_id>[^/]+)/{assignment}/[^/]+$",
    # In the exchange lie other assignments, too.
    r"(?!.*\+\d{4}-)(?P<student_id>[^/]+)/[^/]+$",
    r"(?P<student_id>[^/]+?)(?i:\.ipynb)(?:\.[^/.]+)?$",
]
# Canvas, all in one folder: NAME_NUMBER_NUMBER_NAME.ipynb, with LATE after the first name where it
# was. It means something only if all are so: in another folder it may be the name of a student.
CANVAS = re.compile(
    r"(?s)(?P<student_id>[^/]*?)_(?:LATE_)?(?P<person>\d+)_\d+_(?P<file_id>[^/]*(?:/.*)?)$"
)
MOODLE = "_assignsubmission_"  # in all its names
TYPED, FILED = f"{MOODLE}onlinetext", f"{MOODLE}file"
# Of somebody who is called Ann_7, like Ann, who has the number 7; or it is Ann's, and begins so.
UNSURE = re.compile(
    r"[^/]*?_\d+_(?:\d+_(?:(?:[^/]*_)?\d+_)?\d+_"
    r"|assignsubmission_file_(?:[^/]*_)?\d+_assignsubmission_file_)"
)
# Moodle's, for a lecturer to give. It may be in the name of a file, too, or in that of a person.
BY_NUMBER = r"(?P<student_id>[^/]+?_\d+)_assignsubmission_file(?!_[^/]*_assignsubmission_file_?/)"
# What lies anywhere in STUDENT.zip.
ARCHIVED = re.compile(r"(?!.*\+\d{4}-)(?P<student_id>[^/]+)/.*")
FULL = errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO  # concern everyone
# Archives that are not looked into, and notebooks of which some program has changed the ending.
UNREAD = re.compile(
    r"(?i)(?:\.tar)?\.(?:rar|7z|zipx?|gz|bz2|xz|lzma|zst|lz4?|br|z|t(?:gz|zst|lz))$"
    r"|(?<=\.ipynb) ?\(\d+\)$"
)
OFFSET = re.compile(r":\d\d(?:\.\d+)? ?([+-])(\d\d):?(\d\d)\s*$", re.ASCII)  # of a time
COMPACT = re.compile(r"(?<!\d)(\d{4})(\d\d)(\d\d)[T_-]?(\d\d)(\d\d)(\d\d)(?!\d)", re.ASCII)
UNKNOWN = datetime.datetime.min  # a time
LONGEST = 1000  # bytes of a secret
INBOUND = 2  # folders within one another in an exchange
NUMBER = "#"  # before that of an account without a name

Match = re.Match[str]


class CollectError(CourseFolderError):
    """Nothing can be collected; the text says why and what to do."""


@dataclass
class Collected:
    """taken: the files by student. kept: who has handed in later already. remarks: (name, why).
    whose: who has handed in what lies at a path.
    """

    taken: dict[str, Path] = field(default_factory=dict)
    kept: list[str] = field(default_factory=list)
    remarks: list[tuple[str, str]] = field(default_factory=list)
    whose: Callable[[str], str] = str


@dataclass(frozen=True)
class _Found:
    """Whose a file is. person: which, of those with one name. exact: nothing of the name had to be
    changed. account: to whom it belongs. claimed: that has another name, or none. own: that is
    theirs, as far as is known. likeness: by which the files of one student are put in order.
    """

    path: str
    archive: str
    student: str
    person: str
    exact: bool
    account: int | None
    claimed: bool
    own: bool
    stamp: datetime.datetime
    likeness: tuple[Any, ...]


def collect(
    course: CourseFolder, assignment: str, source: Path, pattern: str | None = None
) -> Collected:
    """Fill ``submitted/STUDENT/ASSIGNMENT/`` from ``source``.

    ``pattern``: a regular expression with the group ``student_id`` and, if it likes,
    ``timestamp``; it is matched with the path of a notebook inside of ``source`` and, if that
    fails, with its name. Of several files of a student the latest is taken, or the one named like
    the assignment; of several people with one name, nobody's. One that was collected before is
    only replaced by a later one, or where the times are unknown. Raises CollectError.
    """
    source = _inbound(Path(source))
    exchange = source.resolve().name == "inbound" and source.is_dir()
    # Who has an account here can lay archives by the thousand; nbgrader hands in none.
    common: Any = {"archives": not exchange, "deepest": INBOUND if exchange else DEEPEST}
    reader = Reader(look=True, **common)
    listing = Reader(look=True, closed=True, **common)
    out = Collected(remarks=reader.refused)
    times: Counter[tuple[str, str]] = Counter()
    try:
        # Looked at, and those that count read again, so that no more than one is held at a time.
        released = sorted(course.release(assignment).glob("*.ipynb"))
        # Else a slip in the name would be found out at the grading, or never.
        name = (released[0] if released else course.notebook(assignment)).name

        def layout(files: list[File]) -> Callable[[File], Match | None]:
            if pattern is not None:
                return _by_pattern(pattern)
            return _by_layout(files, assignment, folder=source.is_dir())

        # Before any archive is opened.
        listed = [_unopened(file.path, name) for file in listing.read(source)]
        out.whose = reader.whose = _whose(listed, name, layout(listed))
        seen: dict[Any, File] = {}
        for file in reader.read(source):
            # What a student has added to an archive under the same name replaces what was there.
            one = file.archive, file.path
            seen[one if file.archive else len(seen)] = file
            times[one] += bool(file.archive)
        files = list(seen.values())
        match_of = layout(files)
        theirs = _found(files, assignment, name, match_of, pattern is None, exchange, out)
        out.remarks += _without(reader.entries, match_of, theirs, out)
        chosen = _choose(theirs, assignment, out)
        if not files and not out.remarks:
            raise CollectError(_("there is no notebook (*.ipynb) in {source}", source=source))
        only = {path: found.archive for path, found in chosen.items()}
        again = Reader(only=only, whose=out.whose, **common)
        for file in again.read(source):
            times[file.archive, file.path] -= 1
            if times[file.archive, file.path] > 0:
                continue
            new = chosen.get(file.path)
            # Two folders may have one name but for the form of its accents.
            if new is not None and new.account == file.account:
                del chosen[file.path]
                secret = _secret(source, file)
                # By its name and the secret its student finds the feedback.
                own = secret and file.path.endswith(".ipynb")
                kept = os.path.basename(file.path) if own else name
                try:
                    _put(course, assignment, kept, new, file.data, out)
                    if new.student in out.taken and secret:
                        place = out.taken[new.student].with_name(SECRET)
                        write_below(course.submitted, place, secret)
                except OSError as error:
                    if error.errno in FULL:
                        raise
                    out.remarks.append((new.student, str(error)))
        # What is damaged is found out when it is unpacked.
        known = set(out.remarks)
        out.remarks += [remark for remark in again.refused if remark not in known]
    except ArchiveError as error:
        raise CollectError(str(error)) from error
    return out


def _inbound(source: Path) -> Path:
    """Where a course's folder in the exchange keeps what was handed in; else ``source``.

    In a folder of submissions, where there are others, it is a student who is called so.
    """
    inbound = source / "inbound"
    if not inbound.is_dir():
        return source
    kinds = (*NOTEBOOKS, *ARCHIVES)
    others = {
        path.name for path in source.iterdir() if path.is_dir() or path.name.lower().endswith(kinds)
    } - {"inbound", "feedback"}
    return inbound if "outbound" in others or not others else source


def _unopened(path: str, name: str) -> File:
    """What lies at a path of the source; of an archive, a notebook of this name in it."""
    inside = is_archive(path)
    return File(f"{without_ending(path)}/{name}" if inside else path, b"", path if inside else "")


def _whose(
    listed: list[File], name: str, match_of: Callable[[File], Match | None]
) -> Callable[[str], str]:
    """Finds who has handed in what lies at a path: their name and number, or the outermost folder.

    Who may be another that is called so is told apart, by a question mark.
    """
    around = os.path.commonpath([file.archive or file.path for file in listed] or [""])

    def whose(path: str) -> str:
        file = _unopened(path.replace(TYPED, FILED), name)
        match = match_of(file)
        if match is None or not match["student_id"]:
            return path.removeprefix(f"{around}/").partition("/")[0] + "/"
        start, end = match.span("student_id")
        if "person" in match.groupdict():
            end = max(end, match.end("person"))
        person = match.string[start:end].partition(f"{FILED}_")[0]
        return person + ("?" if UNSURE.match(match.string, start) else "")

    return whose


def _found(
    files: list[File],
    assignment: str,
    name: str,
    match_of: Callable[[File], Match | None],
    by_layout: bool,
    exchange: bool,
    out: Collected,
) -> dict[str, list[_Found]]:
    """The files of each student; those of nobody are remarked upon."""
    found: dict[str, list[_Found]] = {}
    for file in files:
        match = match_of(file)
        # Whose it is must be said outside of what they have packed.
        if (
            match is None
            or (file.packed and match.end("student_id") > len(file.packed))
            # It is named as it was handed out, and lies in no student's folder.
            or (by_layout and match["student_id"] == ENDING.sub("", name))
        ):
            out.remarks.append((file.path, _("no student is found in its path")))
            continue
        groups = match.groupdict()
        raw = groups["student_id"] or ""
        student = as_student(raw)
        if student is None:
            why = _("the student's name {name!r} can't be a folder", name=raw[:80])
            out.remarks.append((file.path, why))
            continue
        stamp = _time(groups.get("timestamp"))
        if stamp is None and (said := groups.get("timestamp")):
            out.remarks.append((file.path, no_time(said[:80])))
        # Folders with times are those of an exchange, wherever it lies.
        asked = exchange or (by_layout and stamp is not None)
        account = _account(file) if asked else ""
        own = account in ("", student) or (account[0] == NUMBER and not has_account(student))
        if not own and has_account(student):
            why = _("not taken: it belongs to the account {account}", account=account)
            out.remarks.append((file.path, why))
            continue
        if not own:
            why = _("it belongs to the account {account}", account=account)
            out.remarks.append((file.path, why))
        new = _Found(
            file.path,
            file.archive,
            student,
            person=groups.get("person") or raw,
            exact=raw == student,
            account=file.account,
            claimed=account not in ("", student),
            own=own,
            stamp=stamp or UNKNOWN,
            likeness=(
                bool(UNSURE.match(file.path)),
                *likeness(groups.get("file_id") or file.path, assignment, name),
            ),
        )
        found.setdefault(student, []).append(new)
    return found


def _without(
    entries: list[str],
    match_of: Callable[[File], Match | None],
    found: dict[str, list[_Found]],
    out: Collected,
) -> list[tuple[str, str]]:
    """A remark on each student of whose files none is a notebook, unless there is one already."""

    def student_of(path: str) -> str:
        # A text that was typed in lies in a folder of its own; archives are named like notebooks.
        path = path.replace(TYPED, FILED)
        match = match_of(File(UNREAD.sub(".ipynb", path), b""))
        return as_student(match["student_id"] or "") or "" if match else ""

    known = {"", *found, *(student_of(path) for path, _why in out.remarks)}
    remarks = []
    for path in entries:
        student = student_of(path)
        if student not in known:
            known.add(student)
            why = _("of what {student} handed in nothing is a notebook (*.ipynb)", student=student)
            remarks.append((path, why))
    return remarks


def _choose(found: dict[str, list[_Found]], assignment: str, out: Collected) -> dict[str, _Found]:
    """The file that counts of each student, by its path; the others are remarked upon."""
    chosen = {}
    for student, theirs in found.items():
        people = {one.person for one in theirs if one.exact} or {one.person for one in theirs}
        if len({one.account for one in theirs if one.claimed}) > 1:  # without one of their name
            out.remarks += [(one.path, several_accounts(student)) for one in theirs]
            continue
        if len(people) > 1:
            why = _("not taken: several people are called {student}", student=student)
            if theirs[0].path.partition(theirs[0].person)[2].startswith("_assign"):
                why = _(
                    "not taken: several people are called {student}; to take everyone with their "
                    "numbers, remove submitted/*/{assignment} and give --pattern '{pattern}'",
                    student=student,
                    assignment=assignment,
                    pattern=BY_NUMBER,
                )
            out.remarks += [(one.path, why) for one in theirs]
            continue
        known = [one for one in theirs if one.person in people]
        known.sort(key=lambda one: one.likeness)
        best, *rest = sorted(known, key=lambda one: (one.own, one.stamp), reverse=True)
        chosen[best.path] = best
        why = _("not taken: {other} is", other=best.path)
        out.remarks += [(one.path, why) for one in rest]
        why = _("{student} is taken by {other}", student=student, other=best.path)
        out.remarks += [(one.path, why) for one in theirs if one.person not in people]
    return chosen


def _by_layout(files: list[File], assignment: str, folder: bool) -> Callable[[File], Match | None]:
    """Finds whose a file is where nothing is said about it.

    What a student packed may itself be named like the folder of another one. So the marked folders
    are looked for from the outside, and no further in than all files have their folders in common.
    Who packs a folder of submissions packs the folder around them, too; so the other layouts are
    looked for in it, unless it may be a student's. ``folder``: they are in one on the disk, where
    the only one that is there is a student's more often than in an archive.
    """
    known = re.escape(assignment)
    marked, plain = (
        [re.compile(layout.replace("{assignment}", known), re.DOTALL) for layout in layouts]
        for layouts in (MARKED, PLAIN)
    )
    shared = os.path.commonpath([file.path for file in files]) if files else ""
    shared += "/" if shared else ""
    starts = [0, *(found.end() for found in re.finditer("/", shared))]
    below = {file.path[len(shared) :].partition("/")[0] for file in files}
    archives = {file.path[len(shared) :].partition("/")[0] for file in files if file.packed}
    like = {name for name in below if ENDING.search(name) and name.startswith(assignment)}
    # What a few are like says nothing of the others.
    packed = len(below) > 1 + folder and 2 * len(archives) < len(below)
    enough = 1 if folder else len(below) / 2
    one = shared.endswith(f"/{assignment}/") or len(like) >= enough
    around = len(shared) if packed and not one else 0
    # Of an archive the name alone: what follows is a student's.
    canvas = all(CANVAS.match(file.packed or file.path) for file in files)
    # In Moodle everyone may be called with two numbers at the end.
    if canvas and not all(MOODLE in file.path.partition("/")[0] for file in files):
        return lambda file: CANVAS.match(file.path)

    def match(file: File) -> Match | None:
        tries = [(layout, start) for start in starts for layout in marked]
        tries += [(layout, around) for layout in plain]
        tries += [(ARCHIVED, around)] if file.packed.count("/", around) == 1 else []
        found = (layout.match(file.path, start) for layout, start in tries)
        return next((one for one in found if one), None)

    return match


def _by_pattern(pattern: str) -> Callable[[File], Match | None]:
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


def _time(text: str | None) -> datetime.datetime | None:
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


def _account(file: File) -> str:
    return account_of(file.account)


def account_of(owner: int | None) -> str:
    """Whose file, or archive, it is on this machine; '' if that says nothing: it is ours."""
    if owner is None or owner == os.getuid():
        return ""
    import pwd  # not on Windows, where no file has an account

    try:
        return pwd.getpwuid(owner).pw_name
    except KeyError:  # that of another machine, or one of those that users of this one may take
        return f"{NUMBER}{owner}"


def several_accounts(student: str) -> str:
    """Why nothing is taken that several accounts without a name say is one student's."""
    return _(
        "not taken: several accounts have handed in for {student}: remove what is not theirs",
        student=student,
    )


def has_account(student: str) -> bool:
    """Whether the student has one on this machine, and hands in with it."""
    import pwd

    try:
        return bool(pwd.getpwnam(student))
    except (KeyError, ValueError):
        return False


def _secret(source: Path, file: File) -> bytes:
    """The secret that lies beside it in nbgrader's exchange, for the release of the feedback."""
    path = (source / file.path).with_name(SECRET)
    with contextlib.suppress(OSError), open_below(source, path) as found:
        if os.fstat(found.fileno()).st_uid == file.account:
            return found.read(LONGEST)
    return b""


def _put(
    course: CourseFolder, assignment: str, name: str, new: _Found, data: bytes, out: Collected
) -> None:
    folder = course.submitted / new.student / assignment
    if folder.is_symlink() or folder.parent.is_symlink():
        out.remarks.append((new.student, _("{folder} is a link: not written", folder=folder)))
        return
    folder.mkdir(parents=True, exist_ok=True)
    # A time yet to come, as by a forged name or another time zone, would shut out what follows.
    time = min(new.stamp, datetime.datetime.now(datetime.UTC).replace(tzinfo=None, microsecond=0))
    stamp = folder / STAMP
    before = None
    with contextlib.suppress(OSError), open_below(course.submitted, stamp) as file:
        before = _time(file.read(100).decode("utf-8", "replace"))
    if before is not None and UNKNOWN != time <= before:
        out.kept.append(new.student)
        return
    # Where writing fails, what was collected before is still there, with its time.
    write_below(course.submitted, folder / name, data)
    for path in folder.iterdir():
        if path.name != name and (path.is_symlink() or not path.is_dir()):
            path.unlink()
    if time != UNKNOWN:
        write_below(course.submitted, stamp, f"{time.isoformat(' ')} UTC\n")
    out.taken[new.student] = folder / name
