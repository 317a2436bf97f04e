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
    at = os.open(folder, os.O_RDONLY)
    for part in path.relative_to(folder).parts:
        outer = at
        try:
            at = os.open(part, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=outer)
        finally:
            os.close(outer)
    file = open(at, "rb")  # noqa: SIM115
    if not stat.S_ISREG(os.fstat(at).st_mode):
        file.close()
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL), str(path))
    return file
