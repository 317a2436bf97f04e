"""The files inside of whatever students or a learning platform packed: folders, zip, tar.

Nothing is ever unpacked onto the disk. Only files of the wanted kinds are read, into memory and up
to a limit. What is refused is said in a line.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from nncourse.grading.below import entries_below, open_below
from nncourse.grading.packed import (
    ARCHIVES,
    LONGEST_PATH,
    ArchiveError,
    Limits,
    Unpacked,
    entries,
    files_in,
    fits,
    is_archive,
    is_wanted,
    tame,
    without_ending,
)
from nncourse.grading.sanitize import clean_text
from nncourse.grading.submissions import NOTEBOOKS
from nncourse.language import catalogue

_ = catalogue("course")

MOST_FILES = 50_000  # and folders
DEEPEST = 20  # of folders within one another: for each file the way is gone anew
MOST_BYTES = 16 << 30  # that all files of an archive may have together, as far as they are unpacked


@dataclass(frozen=True)
class File:
    """A file and its path inside of the source, with "/". archive: the path of the one in which the
    file lies, if that lies in the source. account: to whom the file belongs, where it is on this
    disk.
    """

    path: str
    data: bytes
    archive: str = ""
    account: int | None = None

    @property
    def packed(self) -> str:
        """The beginning of its path, if it lies in an archive: what follows was written by whoever
        packed it.
        """
        return f"{without_ending(self.archive)}/" if self.archive else ""


@dataclass
class Reader:
    """Goes through a folder or an archive; ``refused``: (name, why) of what was left out.

    only: where not all are wanted, the paths that are, each with its archive. look: only see which
    files there are; their data is empty. deepest: how many folders within one another are entered.
    archives: whether those in a folder are looked into; else they are files as others. closed: each
    archive is a file like those that are wanted. whose: who handed in an archive, by its path; all
    of one share the time to unpack them. entries: all files in the source itself but archives: of
    one without a notebook something is said anyway.
    """

    kinds: tuple[str, ...] = NOTEBOOKS
    refused: list[tuple[str, str]] = field(default_factory=list)
    only: Mapping[str, str] | None = None
    look: bool = False
    deepest: int = DEEPEST
    archives: bool = True
    closed: bool = False
    whose: Callable[[str], str] = str
    entries: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._within: dict[str, set[str]] = {}  # the wanted files of each archive
        for path, archive in (self.only or {}).items():
            self._within.setdefault(archive, set()).add(path)

    def read(self, source: Path) -> Iterator[File]:
        """Each wanted file.

        Raises ArchiveError if ``source`` itself is no folder and no archive, or too large.
        """
        with _unpacking() as self._unpack:
            yield from self._folder(source) if source.is_dir() else self._archive(source)

    def _folder(self, source: Path) -> Iterator[File]:
        for path, wanted in sorted(self._below(source)):
            name = path.relative_to(source).as_posix()
            self._see(tame(name) or name)
            if not (wanted and self._asked(tame(name) or name)):
                continue
            try:
                file = open_below(source, path)
            except OSError as error:
                self._refuse(name, str(error.strerror))
                continue
            with file:
                about = os.fstat(file.fileno())
                read = partial(file.read, about.st_size)  # it may grow
                found = self._found(tame(name) or name, about.st_size, read)
                yield from (replace(one, account=about.st_uid) for one in found)

    def _archive(self, source: Path) -> Iterator[File]:
        if not source.is_file():
            raise ArchiveError(_("there is no {path}", path=source))
        if not is_archive(source.name):
            raise ArchiveError(
                _(
                    "{name} is no folder and no archive ({kinds})",
                    name=source.name,
                    kinds=", ".join(ARCHIVES),
                )
            )
        limits = Limits(MOST_FILES, MOST_BYTES)
        wanted = partial(is_wanted, kinds=self.kinds)
        try:
            with source.open("rb") as file:
                for entry in entries(source.name, file, wanted, self._refuse, limits):
                    self._see(entry.path)
                    if entry.right:
                        yield from self._found(entry.path, entry.size, entry.read)
        except ArchiveError:
            raise
        except Exception as error:  # of damaged data the readers raise almost anything
            raise ArchiveError(
                _("{name} is damaged: {error}", name=source.name, error=error)
            ) from error

    def _found(self, path: str, size: int, read: Callable[[], bytes]) -> Iterator[File]:
        """A file, or the files in an archive."""
        if not self._asked(path) or not fits(path, size, self._refuse):
            return
        nested = self._nested(path)
        try:
            data = read() if nested or not self.look else b""
        except ArchiveError:
            raise
        except Exception as error:  # of damaged data
            self._refuse(path, str(error))
            return
        if not nested:
            yield File(path, data)
            return
        inside = f"{without_ending(path)}/"
        only = None
        if self.only is not None:
            only = [name.removeprefix(inside) for name in self._within[path]]
        whose = self.whose(path)
        for name, why, content in self._unpack(path, data, self.kinds, only, self.look, whose):
            if why:
                self._refuse(inside + name if name else path, why)
            else:
                yield File(inside + name, content, path)

    def _nested(self, path: str) -> bool:
        """Whether it is an archive that is looked into."""
        return is_archive(path) and not self.closed

    def _asked(self, path: str) -> bool:
        """Whether a file, or something in an archive, is asked for."""
        known = self._within if self._nested(path) else self._within.get("", ())
        return self.only is None or path in known

    def _below(self, source: Path) -> Iterator[tuple[Path, bool]]:
        """The files in a folder and in those in it, each with whether it is wanted."""
        counts: Counter[int] = Counter()  # what costs time, of each account
        waiting = [source]
        while waiting:
            folder = waiting.pop()
            name = folder.relative_to(source).as_posix()
            try:
                entries = entries_below(source, folder)
            except OSError as error:
                self._refuse(name, str(error.strerror))
                continue
            for entry, kind, account in entries:
                if entry.startswith("."):
                    continue
                path = folder / entry
                below = path.relative_to(source)
                name = below.as_posix()
                wanted = kind == "file" and is_wanted(name, self.kinds)
                wanted = wanted and (self.archives or not is_archive(name))
                if wanted or kind == "folder":
                    counts[account] += 1
                    if counts[account] == MOST_FILES + 1:
                        more = _(
                            "its account has more than {files} files and folders here",
                            files=MOST_FILES,
                        )
                        self._refuse(name, more)
                    if counts[account] > MOST_FILES:
                        continue
                if kind == "link":
                    self._refuse(name, _("a link"))
                elif kind == "file":
                    yield path, wanted
                elif kind == "folder" and len(below.parts) > self.deepest:
                    self._refuse(name, _("too many folders within one another"))
                elif kind == "folder" and len(name) > LONGEST_PATH:
                    self._refuse(name, _("its path is too long"))
                elif kind == "folder":
                    waiting.append(path)
                else:  # a pipe, a socket
                    self._refuse(name, _("no plain file"))

    def _see(self, path: str) -> None:
        # macOS packs what it knows of each file into a folder of its own.
        looked_into = self.archives and is_archive(path)
        if not looked_into and not path.startswith("__MACOSX/") and len(self.entries) < MOST_FILES:
            self.entries.append(path)

    def _refuse(self, name: str, why: str) -> None:
        self.refused.append((clean_text(name)[:200], clean_text(why)[:200]))


@contextlib.contextmanager
def _unpacking() -> Iterator[Callable[..., list[Unpacked]]]:
    """What unpacks the archives of students, as ``Unpacker.files`` does: apart from this process,
    where it can.
    """
    if sys.platform != "linux":
        yield lambda *asked: files_in(*asked[:-1])
        return
    from nncourse.grading.unpacker import Unpacker

    with contextlib.closing(Unpacker()) as unpacker:
        yield unpacker.files
