"""Put what came back into ``submitted/``: from a folder, an archive, or nbgrader's exchange.

A student and a time are found by the path of a file (``nncourse.grading.layouts``). Only notebooks
are taken, and nothing else of them than their bytes, which ``nncourse.grading.notebook_file`` reads
with care.
"""

from __future__ import annotations

import contextlib
import datetime
import errno
import os
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nncourse.course.folder import CourseFolder
from nncourse.grading.archive import DEEPEST, File, Reader
from nncourse.grading.below import open_below
from nncourse.grading.layouts import (
    ANONYMOUS,
    BY_NUMBER,
    UNKNOWN,
    UNREAD,
    UNSURE,
    CollectError,
    Match,
    around,
    as_file,
    by_layout,
    by_pattern,
    marked_as,
    time_of,
    unopened,
    whose_of,
)
from nncourse.grading.packed import ARCHIVES, ArchiveError
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

FULL = errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO  # concern everyone
LONGEST = 1000  # bytes of a secret
INBOUND = 2  # folders within one another in an exchange
NUMBER = "#"  # before that of an account without a name


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

        def layout(files: list[File], opened: bool) -> Callable[[File], Match | None]:
            if pattern is not None:
                return by_pattern(pattern)
            return by_layout(files, assignment, source.is_dir(), exchange, opened)

        # Before any archive is opened.
        listed = [unopened(file.path, name) for file in listing.read(source)]
        out.whose = reader.whose = whose_of(listed, name, layout(listed, opened=False))
        seen: dict[Any, File] = {}
        for file in reader.read(source):
            # What a student has added to an archive under the same name replaces what was there.
            one = file.archive, file.path
            seen[one if file.archive else len(seen)] = file
            times[one] += bool(file.archive)
        files = list(seen.values())
        match_of = layout(files, opened=True)
        theirs = _found(files, assignment, name, match_of, pattern is None, exchange, out)
        asked = assignment if pattern is None else ""
        out.remarks += _without(reader.entries, match_of, theirs, out, asked)
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


def _found(
    files: list[File],
    assignment: str,
    name: str,
    match_of: Callable[[File], Match | None],
    guessed: bool,
    exchange: bool,
    out: Collected,
) -> dict[str, list[_Found]]:
    """The files of each student; those of nobody are remarked upon. guessed: by no pattern."""
    found: dict[str, list[_Found]] = {}
    depth = around(files).count("/")
    anonymous = False
    for file in files:
        match = match_of(file)
        # Whose it is must be said outside of what they have packed.
        if (
            match is None
            or (file.packed and match.end("student_id") > len(file.packed))
            # It is named as it was handed out, and lies in no student's folder.
            or (guessed and match["student_id"] == ENDING.sub("", name))
        ):
            why = _("no student is found in its path")
            named = file.path.split("/", depth)[depth]
            if match is None and guessed and (theirs := marked_as(named, assignment)):
                why = _(
                    "not taken: it is named as by Moodle or nbgrader's exchange, and most here are "
                    "not; if it is {student}, rename it",
                    student=theirs,
                )
            elif guessed and "/" in file.archive:
                why = _(
                    "no student is found in its path; if it is {student}, give --pattern "
                    "'{pattern}'",
                    student=file.packed.split("/")[depth],
                    pattern="[^/]+/" * depth + "(?P<student_id>[^/]+)/",
                )
            out.remarks.append((file.path, why))
            continue
        groups = match.groupdict()
        raw = groups["student_id"] or ""
        student = as_student(raw)
        if student is None:
            why = _("the student's name {name!r} can't be a folder", name=raw[:80])
            out.remarks.append((file.path, why))
            continue
        stamp = time_of(groups.get("timestamp"))
        if stamp is None and (said := groups.get("timestamp")):
            out.remarks.append((file.path, no_time(said[:80])))
        # Folders with times are those of an exchange, wherever it lies.
        asked = exchange or (guessed and stamp is not None)
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
                bool(UNSURE.match(match.string, match.start("student_id"))),
                *likeness(groups.get("file_id") or file.path, assignment, name),
            ),
        )
        found.setdefault(student, []).append(new)
        if match.re is ANONYMOUS and not anonymous:
            anonymous = True
            why = _(
                "Canvas gives no names here: each student is called by their ID, as {id}", id=raw
            )
            out.remarks.append((file.path, why))
    return found


def _without(
    entries: list[str],
    match_of: Callable[[File], Match | None],
    found: dict[str, list[_Found]],
    out: Collected,
    assignment: str,
) -> list[tuple[str, str]]:
    """A remark on each student of whose files none is a notebook, unless there is one already."""

    def student_of(path: str) -> str:
        # Archives are named like notebooks.
        path = UNREAD.sub(".ipynb", as_file(path))
        match = match_of(File(path, b""))
        if match is None and assignment and marked_as(path, assignment):
            return path.partition("/")[0]  # whoever it may be
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
            before, _person, after = theirs[0].path.partition(theirs[0].person)
            if after.startswith("_assign"):
                why = _(
                    "not taken: several people are called {student}; to take everyone with their "
                    "numbers, remove submitted/*/{assignment} and give --pattern '{pattern}'",
                    student=student,
                    assignment=assignment,
                    pattern="[^/]+/" * before.count("/") + BY_NUMBER,
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
        before = time_of(file.read(100).decode("utf-8", "replace"))
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
