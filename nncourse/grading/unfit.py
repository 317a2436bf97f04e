"""What nbgrader must not open of a submission, found before it does.

Ahead of its grading nbgrader copies every file that lies beside the notebook: a link to a device
never ends. And it reads ``timestamp.txt``, also for its list of submissions: on a pipe it waits for
ever, and one that is no time breaks the list for the whole class. So a submission with anything but
plain files is left out of the copying, which grading does not need, and what is no time stamp is
renamed.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from secrets import token_hex

from nbgrader.utils import parse_utc

from nncourse.grading.sanitize import one_line
from nncourse.grading.submissions import YEARS
from nncourse.language import catalogue

_ = catalogue("course")

STAMP = "timestamp.txt"
LONGEST = 100  # bytes of a time stamp
MOST = 1000  # files of a submission


def unfit(folder: Path, most_bytes: int) -> str:
    """Why the files of a submission can't be copied; empty if they can."""
    if _link_to(folder) is not None:
        return _("it is a link: nothing but a notebook is taken of it")
    left, size = MOST, 0
    for entry in _files(folder):
        name = one_line(os.path.relpath(entry.path, folder))
        found = entry.stat(follow_symlinks=False)
        if not stat.S_ISREG(found.st_mode) or not os.access(entry.path, os.R_OK):
            return _("{name} is no plain file: nothing but the notebook is taken", name=name)
        left, size = left - 1, size + found.st_size
        if left < 0 or size > most_bytes:
            return _("the files beside the notebook are too large or too many: none is taken")
    return ""


def _files(folder: Path) -> Iterator[os.DirEntry[str]]:
    """All that nbgrader would copy, and more of what can't be."""
    folders = [str(folder)]
    while folders:
        try:
            with os.scandir(folders.pop()) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(entry.path)
                    elif not entry.name.endswith(".ipynb"):
                        yield entry
        except OSError:  # nbgrader passes over it as well
            continue


def is_stamp(path: Path) -> bool:
    """Whether nbgrader can read it as a time, in reasonable time."""
    try:
        found = path.lstat()
        if not stat.S_ISREG(found.st_mode) or found.st_size > LONGEST:
            return False
        return YEARS[0] <= parse_utc(path.read_text().strip()).year <= YEARS[1]
    except Exception:  # whatever a reader of times raises
        return False


def put_aside(folder: Path) -> tuple[str, bool]:
    """Rename the time stamp of a submission if it is none: a line about it, or an empty one, and
    whether the submission can be graded.

    A link to a folder with such a stamp is renamed itself: what is behind it is somebody else's.
    """
    path = folder / STAMP
    if not os.path.lexists(path) or is_stamp(path):
        return "", True
    what = _link_to(folder) or path
    other = what.with_name(f".{what.name}.{token_hex(4)}")  # nbgrader lists no such folder
    line = _("{name} is no time stamp: the time of this submission is unknown", name=STAMP)
    try:
        what.rename(other)
    except OSError as error:
        return one_line(f"{line}; {error}"), False
    return one_line(f"{line} ({what.name} → {other.name})"), what is path


def _link_to(folder: Path) -> Path | None:
    """The link by which submitted/STUDENT/ASSIGNMENT leads elsewhere, if one does."""
    return next((path for path in (folder.parent, folder) if path.is_symlink()), None)
