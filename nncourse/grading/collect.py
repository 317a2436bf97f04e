"""Put what came back into ``submitted/``: from a folder, an archive, or nbgrader's exchange.

A student and a time are found by the path of a file. Known are the layouts of ``find_submissions``,
of nbgrader's exchange and of Moodle's download; anything else by a pattern with named groups, as
nbgrader's FileNameCollectorPlugin takes it. Only notebooks are taken, and nothing else of them than
their bytes, which ``nncourse.grading.intake`` reads with care.
"""

from __future__ import annotations

import datetime
import re
from dataclasses import dataclass, field
from pathlib import Path

from nncourse.course.folder import CourseFolder, CourseFolderError
from nncourse.grading.archive import ArchiveError, Reader
from nncourse.grading.sanitize import clean_text
from nncourse.grading.submissions import is_student
from nncourse.grading.whole import write_whole
from nncourse.language import catalogue

_ = catalogue("course")

# Tried in this order on the path inside of the source.
LAYOUTS = [
    # nbgrader's exchange: USER+ASSIGNMENT+TIMESTAMP+RANDOM/NAME.ipynb
    r"(?:.*/)?(?P<student_id>[^+/]+)\+{assignment}\+(?P<timestamp>[^+/]+)(?:\+[^/]*)?/[^/]+$",
    # Moodle: NAME_NUMBER_assignsubmission_file_/NAME.ipynb
    r"(?:.*/)?(?P<student_id>[^/]+?)_\d+_assignsubmission_file(?:_[^/]*)?/(?:.*/)?[^/]+$",
    r"(?:submitted/)?(?P<student_id>[^/]+)/{assignment}/[^/]+$",
    # In the exchange lie other assignments, too.
    r"(?!.*\+\d{4}-)(?P<student_id>[^/]+)/[^/]+$",
    r"(?P<student_id>[^/]+)\.ipynb$",
]


class CollectError(CourseFolderError):
    """Nothing can be collected; the text says why and what to do."""


@dataclass
class Collected:
    """taken: the files by student. kept: who has handed in later already. remarks: (name, why)."""

    taken: dict[str, Path] = field(default_factory=dict)
    kept: list[str] = field(default_factory=list)
    remarks: list[tuple[str, str]] = field(default_factory=list)


@dataclass(frozen=True)
class _Found:
    raw: str
    name: str
    data: bytes
    stamp: datetime.datetime | None
    wanted: bool


def collect(
    course: CourseFolder, assignment: str, source: Path, pattern: str | None = None
) -> Collected:
    """Fill ``submitted/STUDENT/ASSIGNMENT/`` from ``source``.

    ``pattern``: a regular expression with the group ``student_id`` and, if it likes,
    ``timestamp``; it is matched with the path of a notebook inside of ``source`` and, if that
    fails, with its name. Of several files of a student the latest is taken, or the one named like
    the assignment. One that was collected before is only replaced by a later one, or where the
    times are unknown. Raises CollectError.
    """
    patterns = _patterns(assignment, pattern)
    source = Path(source)
    source = source / "inbound" if (source / "inbound").is_dir() else source
    reader = Reader()
    out = Collected(remarks=reader.refused)
    found: dict[str, _Found] = {}
    try:
        for name, data in reader.read(source):
            match = _match(patterns, name, pattern is not None)
            if match is None:
                out.remarks.append((clean_text(name), _("no student is found in its path")))
                continue
            groups = match.groupdict()
            raw = groups["student_id"] or ""
            student = _student(raw)
            if student is None:
                why = _("the student's name {name!r} can't be a folder", name=clean_text(raw)[:80])
                out.remarks.append((clean_text(name), why))
                continue
            wanted = Path(name).name.startswith(assignment)
            new = _Found(raw, name, data, _time(groups.get("timestamp")), wanted)
            old = found.get(student)
            if old is not None and old.raw != new.raw:
                why = _(
                    "{student} is taken by {other}", student=student, other=clean_text(old.name)
                )
                out.remarks.append((clean_text(name), why))
                continue
            if old is not None:
                least = datetime.datetime.min
                new, old = sorted((old, new), key=lambda f: (f.stamp or least, f.wanted))[::-1]
                why = _("not taken: {other} is", other=clean_text(new.name))
                out.remarks.append((clean_text(old.name), why))
            found[student] = new
    except ArchiveError as error:
        raise CollectError(str(error)) from error
    if not found and not out.remarks:
        raise CollectError(_("there is no notebook (*.ipynb) in {source}", source=source))
    file = next(iter(sorted(course.release(assignment).glob("*.ipynb"))), None)
    for student, new in sorted(found.items()):
        name = file.name if file is not None else Path(new.name).name
        _put(course, assignment, student, name, new, out)
    return out


def _patterns(assignment: str, pattern: str | None) -> list[re.Pattern[str]]:
    if pattern is None:
        known = re.escape(assignment)
        return [re.compile(layout.replace("{assignment}", known)) for layout in LAYOUTS]
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise CollectError(
            _("{pattern} is no regular expression: {error}", pattern=pattern, error=error)
        ) from None
    if "student_id" not in compiled.groupindex:
        raise CollectError(_("{pattern} needs the group (?P<student_id>...)", pattern=pattern))
    return [compiled]


def _match(patterns: list[re.Pattern[str]], name: str, also_base: bool) -> re.Match[str] | None:
    texts = [name, name.rpartition("/")[2]] if also_base else [name]
    matches = (pattern.match(text) for pattern in patterns for text in texts)
    return next((match for match in matches if match), None)


def _student(raw: str) -> str | None:
    """The name as a folder that nbgrader understands; None if nothing of it can be one."""
    tame = re.sub(r"[^\w .@+-]", "_", raw.strip())
    return tame if is_student(tame) and any(c.isalnum() for c in tame) else None


def _time(text: str | None) -> datetime.datetime | None:
    """A time stamp in any order from the year on: 2026-01-30-15-00-00, 2026-01-30 15:00:00 UTC."""
    numbers = [int(number) for number in re.findall(r"\d+", text or "")[:6]]
    try:
        return datetime.datetime(*numbers) if len(numbers) >= 3 else None  # type: ignore[arg-type]
    except (ValueError, OverflowError):
        return None


def _put(
    course: CourseFolder, assignment: str, student: str, name: str, new: _Found, out: Collected
) -> None:
    folder = course.submitted / student / assignment
    if folder.is_symlink() or folder.parent.is_symlink():
        out.remarks.append((student, _("{folder} is a link: not written", folder=folder)))
        return
    stamp = folder / "timestamp.txt"
    before = _time(stamp.read_text("utf-8", "replace")) if stamp.is_file() else None
    if before is not None and new.stamp is not None and new.stamp <= before:
        out.kept.append(student)
        return
    folder.mkdir(parents=True, exist_ok=True)
    # Where writing fails, what was collected before is still there, with its time.
    write_whole(folder / name, new.data)
    for path in folder.iterdir():
        if path.name != name and (path.is_symlink() or path.is_file()):
            path.unlink()
    if new.stamp is not None:
        write_whole(stamp, f"{new.stamp:%Y-%m-%d %H:%M:%S} UTC\n")
    out.taken[student] = folder / name
