"""Files that are there whole or not at all, whatever happens while they are written, and whatever a
student has laid where they go.

Beside a notebook lies what a student packed: links to the lecturer's own files, pipes, folders. It
stands in ``submitted/`` as soon as somebody unpacks it there, and nbgrader copies it.
"""

from __future__ import annotations

import os
from pathlib import Path
from secrets import token_hex


def write_whole(path: Path, data: str | bytes) -> Path:
    """Write a file beside its place, and then put it there; text in UTF-8. Returns its path.

    Where it can't be written (OSError), what was there before stays, and nothing half-written. What
    is no file, such as /dev/stdout, is written to as it is: a student's folder may hold no such
    path, see ``write_below``.
    """
    if path.exists() and not path.is_file():
        path.write_bytes(data.encode() if isinstance(data, str) else data)
        return path
    return _replace(path, data)


def write_table(path: Path, text: str, mark: bool = True) -> Path:
    """``write_whole`` for CSV. ``mark``: begin with the byte order mark, without which Excel takes
    UTF-8 for another encoding; Moodle and Canvas read past it.
    """
    return write_whole(path, text.encode("utf-8-sig" if mark else "utf-8"))


def write_below(root: Path, path: Path, data: str | bytes) -> Path:
    """``write_whole`` for a student's folder: below ``root`` no link is followed, and whatever
    stands in the way gives way, links without what they lead to.
    """
    make_folder(root, path.parent)
    return _replace(path, data)


def make_folder(root: Path, folder: Path) -> None:
    """Let ``folder``, somewhere below ``root``, and all between them be folders and no links."""
    root.mkdir(parents=True, exist_ok=True)
    for part in folder.relative_to(root).parts:
        root = root / part
        if root.is_symlink() or not root.is_dir():
            remove(root)
            root.mkdir()


def remove(path: Path) -> None:
    """Remove what is there, if anything is, through no link; also folders that nbgrader has made
    read-only, and of any depth.
    """
    if path.is_symlink() or not path.is_dir():
        path.unlink(missing_ok=True)
        return
    folders = [path]
    for folder in folders:  # grows meanwhile
        folder.chmod(0o700)
        for entry in list(folder.iterdir()):
            if entry.is_dir() and not entry.is_symlink():
                folders.append(entry)
                continue
            if os.name == "nt":  # where a read-only file can't be removed
                entry.chmod(0o600)
            entry.unlink()
    for folder in reversed(folders):
        folder.rmdir()


def _replace(path: Path, data: str | bytes) -> Path:
    new = path.with_name(f".{token_hex(8)}.new")  # a name that nobody can have taken
    try:
        with new.open("xb") as file:  # nor does this follow a link
            file.write(data.encode() if isinstance(data, str) else data)
        if path.is_dir() and not path.is_symlink():
            remove(path)
        os.replace(new, path)
    except BaseException:
        new.unlink(missing_ok=True)
        raise
    return path
