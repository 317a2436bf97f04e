"""Files in a folder that students may write to, while it is read: nothing there is what it was.

Whose folder it is may put a link to the lecturer's own files in place of it, or a pipe on which to
wait for ever, between the look at it and the opening.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import IO


def open_below(folder: Path, path: Path) -> IO[bytes]:
    """A file somewhere below ``folder``. OSError if it is none by now, or a link is on the way."""
    if os.open not in os.supports_dir_fd:  # on Windows
        return path.open("rb")
    at = _descend(folder, path)
    file = open(at, "rb")  # noqa: SIM115
    if not stat.S_ISREG(os.fstat(at).st_mode):
        file.close()
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL), str(path))
    return file


def entries_below(folder: Path, path: Path) -> list[tuple[str, str, int]]:
    """The names in a folder below ``folder``, in order, each with "link", "folder", "file" or "",
    and the number of the account to which it belongs.

    OSError as for a file: behind a link that came in its place lies the whole disk.
    """
    by_number = os.open in os.supports_dir_fd and os.scandir in os.supports_fd
    at = _descend(folder, path) if by_number else None
    try:
        with os.scandir(path if at is None else at) as entries:
            return sorted((entry.name, _kind(entry), _owner(entry)) for entry in entries)
    finally:
        if at is not None:
            os.close(at)


def _kind(entry: os.DirEntry[str]) -> str:
    if entry.is_symlink():
        return "link"
    return "folder" if entry.is_dir() else "file" if entry.is_file() else ""


def _owner(entry: os.DirEntry[str]) -> int:
    try:
        return entry.stat(follow_symlinks=False).st_uid
    except OSError:  # it is gone by now
        return -1


def _descend(folder: Path, path: Path) -> int:
    at = os.open(folder, os.O_RDONLY)
    for part in path.relative_to(folder).parts:
        outer = at
        try:
            at = os.open(part, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=outer)
        finally:
            os.close(outer)
    return at
