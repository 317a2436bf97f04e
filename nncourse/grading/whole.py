"""Files that are there whole or not at all, whatever happens while they are written."""

from __future__ import annotations

import os
from pathlib import Path
from secrets import token_hex


def write_whole(path: Path, data: str | bytes) -> Path:
    """Write a file beside its place, and then put it there; text in UTF-8. Returns its path.

    Where it can't be written (OSError), what was there before stays, and nothing half-written. What
    is no file, such as /dev/stdout, is written to as it is. Beside it may lie what students made,
    links too: the name there is one that none of them can know, and nothing has.
    """
    if path.exists() and not path.is_file():
        path.write_bytes(data.encode() if isinstance(data, str) else data)
        return path
    new = path.with_name(f".{token_hex(8)}.new")
    try:
        with new.open("xb") as file:
            file.write(data.encode() if isinstance(data, str) else data)
        os.replace(new, path)
    except BaseException:
        new.unlink(missing_ok=True)
        raise
    return path
