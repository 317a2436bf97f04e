"""What nbgrader must not open of a submission, found before it does.

Ahead of its grading nbgrader copies every file that lies beside the notebook: a link to a device
never ends. And it reads ``timestamp.txt``, also for its list of submissions: on a pipe it waits for
ever, and one that is no time breaks the list for the whole class. So a submission with anything but
plain files is left out of the copying, which grading does not need, and what is no time stamp is
renamed. That is done when nbgrader grades (``nncourse.grading.plugin.AnyFile``), and whenever its
formgrader is asked for anything:

    c.ExchangeFactory.list = "nncourse.grading.unfit.Listing"

With that every command of nbgrader's in the course's folder loads this module, also ``update``,
which ends at the first notebook that is none, waits at a pipe, and writes through links.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Collection, Container, Iterator
from functools import lru_cache
from glob import glob
from io import StringIO
from logging import Logger
from pathlib import Path
from secrets import token_hex
from typing import Any

import nbformat
from nbgrader import coursedir, nbgraderformat
from nbgrader.apps import api, updateapp
from nbgrader.converters.base import NbGraderException
from nbgrader.exchange.default import ExchangeList
from nbgrader.nbgraderformat import MetadataValidator
from nbgrader.utils import find_all_files, find_all_notebooks, parse_utc
from traitlets.log import get_logger

from nncourse.grading.below import open_below
from nncourse.grading.notebook_file import LARGEST
from nncourse.grading.sanitize import one_line
from nncourse.grading.submissions import SECRET, STAMP, YEARS, is_student, no_time, row_name
from nncourse.language import catalogue

_ = catalogue("course")

LONGEST = 100  # bytes of a time stamp
# A date, a time, and UTC or how far from it. What else may stand there nbgrader takes for the name
# of a time zone, which is that of any file that it reads then.
TIME = re.compile(
    r"\d{4}-\d\d-\d\d(?:[ T]\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?(?: ?(?:UTC|Z|[+-]\d\d:?\d\d))?)?",
    re.ASCII,
)
BEHIND_BLANK = re.compile(r" (?=[+-]\d\d:?\d\d$)")
SHOWN = 300  # characters of a reason
MOST = 1000  # files and folders of a submission; nbgrader's time grows with their square


def unfit(folder: Path, most_bytes: int) -> str:
    """Why the files of a submission can't be copied; empty if they can."""
    if _link_to(folder) is not None:
        return _("it is a link: nothing but a notebook is taken of it")
    left, size = MOST, 0
    for entry in _entries(folder):
        try:
            below = entry.is_dir(follow_symlinks=False)
            plain = below or (entry.is_file(follow_symlinks=False) and os.access(entry, os.R_OK))
            size += 0 if below else entry.stat(follow_symlinks=False).st_size
        except OSError:
            plain = False
        if not plain:
            name = one_line(os.path.relpath(entry.path, folder))
            return _("{name} is no plain file: nothing but the notebook is taken", name=name)
        left -= 1
        if left < 0 or size > most_bytes:
            return _("the files beside the notebook are too large or too many: none is taken")
    return ""


def _entries(folder: Path) -> Iterator[os.DirEntry[str]]:
    """All that lies below. nbgrader copies no notebooks, but doesn't know all of them for such."""
    folders = [str(folder)]
    while folders:
        try:
            with os.scandir(folders.pop()) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(entry.path)
                    yield entry
        except OSError:  # nbgrader passes over it as well
            continue


def files_but_of(unfit: Container[Path], path: str, exclude: list[str] | None = None) -> list[str]:
    """nbgrader's list of the files to copy: of these folders none, without a walk through them."""
    return [] if Path(path) in unfit else find_all_files(path, exclude)


def is_stamp(path: Path) -> bool:
    """Whether nbgrader can read it as a time, in reasonable time."""
    try:
        found = path.lstat()
    except OSError:
        return False
    short = stat.S_ISREG(found.st_mode) and found.st_size <= LONGEST
    return short and _is_time(path, found.st_mtime_ns, found.st_ino)


@lru_cache(100_000)
def _is_time(path: Path, *_version: int) -> bool:
    return bool(_text(path))


def _text(path: Path) -> str:
    """What stands in a time stamp; nothing if it is none, which it may have become meanwhile."""
    try:
        with open_below(path.parent, path) as file:
            text = file.read(LONGEST + 1).decode().strip()
        good = TIME.fullmatch(text) and YEARS[0] <= utc(text).year <= YEARS[1]
    except Exception:  # whatever a reader of times raises
        return ""
    return text if good else ""


def utc(stamp: Any) -> Any:
    """nbgrader's reading of a time, but for "+0300" behind a blank: that it takes for seconds."""
    if stamp == "":
        return None
    return parse_utc(BEHIND_BLANK.sub("", stamp) if isinstance(stamp, str) else stamp)


def open_stamp(path: str, _mode: str) -> StringIO:
    """nbgrader's ``open``, which would wait at a pipe that came after all were looked at."""
    return StringIO(_text(Path(path)))


coursedir.parse_utc = api.parse_utc = utc
coursedir.open = api.open = open_stamp  # where they open nothing else

submitted_students = api.NbGraderAPI.get_submitted_students


def row_names(self: Any, assignment_id: str) -> set[str]:
    """nbgrader's list of who has handed in, by names that can stand in an address.

    Of others the formgrader's buttons make the address of another button, or of Jupyter's own: a
    folder ``assign#`` has one by which the assignment is made anew.
    """
    return {row_name(student) for student in submitted_students(self, assignment_id)}


api.NbGraderAPI.get_submitted_students = row_names


def updatable(folder: str) -> list[str]:
    """nbgrader's list of the notebooks in a folder that it updates: those that it can."""
    return [name for name in find_all_notebooks(folder) if _can_be_updated(Path(folder, name))]


def _can_be_updated(path: Path) -> bool:
    try:
        about = path.lstat()
        if not stat.S_ISREG(about.st_mode) or about.st_size > LARGEST:
            raise ValueError(_("a link, no file, or larger than any notebook"))
        notebook = nbformat.read(path, nbformat.current_nbformat)
        nbgraderformat.writes(MetadataValidator().upgrade_notebook_metadata(notebook))
    except Exception as error:  # whatever readers of notebooks raise
        text = _("{path} is not updated: {error}", path=path, error=error)
        get_logger().error(one_line(text)[:SHOWN])
        return False
    return True


updateapp.find_all_notebooks = updatable


def put_aside_all(pattern: str, log: Logger) -> list[str]:
    """``put_aside`` for the submissions that match; returns those that can't be graded."""
    left = []
    for name in glob(pattern):
        folder = Path(name)
        line, usable = put_aside(folder)
        if line:
            log.warning("%s: %s", one_line(folder.parent.name), line)
        if not usable:
            left.append(name)
    return left


def keep(converter: Any, usable: Collection[str]) -> None:
    """Let a step of nbgrader's work on these of the folders alone that it has found.

    For a student's name the formgrader takes what stands in an address, where %2f is a slash: a
    path to any folder, which nbgrader removes before it writes it anew.
    """
    assignments = converter.assignments
    for name in set(assignments).difference(usable):
        del assignments[name]
    if not assignments:
        text = _("nbgrader can't work with such a name: nothing was done")
        converter.log.error(text)
        raise NbGraderException(text)


class Listing(ExchangeList):
    """nbgrader's list of what is in the exchange, which its formgrader makes before all else."""

    assignments: list[str]

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        directory = self.coursedir
        if directory is not None:
            put_aside_all(directory.format_path(directory.submitted_directory, "*", "*"), self.log)

    def init_dest(self) -> None:
        """Of what whoever has an account has laid there, only what it can read and show."""
        super().init_dest()
        if self.inbound:
            self.assignments = [path for path in self.assignments if self._listed(Path(path))]

    def _listed(self, folder: Path) -> bool:
        plain = not folder.is_symlink() and folder.is_dir() and one_line(folder.name) == folder.name
        secret = folder / SECRET
        try:
            # It reads secrets, and where there is none notebooks, whole.
            if plain and not unfit(folder, 1000 * self.coursedir.max_dir_size):
                self.assignments = [str(folder)]
                self.parse_assignments()
                return not secret.exists() or secret.read_text("utf-8").isprintable()
        except Exception:  # whatever it raises, as of an empty secret
            pass
        name = one_line(folder.name)
        text = _("{name}: not listed, for its name, or for what lies in it", name=name)
        self.log.warning(text)
        return False


def put_aside(folder: Path) -> tuple[str, bool]:
    """Rename the time stamp of a submission if it is none: a line about it, or an empty one, and
    whether nbgrader can grade the submission.

    A link to a folder with such a stamp is renamed itself: what is behind it is somebody else's.
    """
    # On an end of line nbgrader stops for all, others are patterns or markup in its pages.
    if not is_student(folder.parent.name):
        return _("nbgrader can't work with such a name: not graded"), False
    path = folder / STAMP
    if not os.path.lexists(path) or is_stamp(path):
        return "", True
    what = _link_to(folder) or path
    other = what.with_name(f".{what.name}.{token_hex(4)}")  # nbgrader lists no such folder
    line = no_time(STAMP)
    try:
        what.rename(other)
    except OSError as error:
        return one_line(f"{line}; {error}"), False
    return one_line(f"{line} ({what.name} → {other.name})"), what is path


def _link_to(folder: Path) -> Path | None:
    """The link by which submitted/STUDENT/ASSIGNMENT leads elsewhere, if one does."""
    return next((path for path in (folder.parent, folder) if path.is_symlink()), None)
