"""The files inside of whatever students or a learning platform packed: folders, zip, tar.

Nothing is ever unpacked onto the disk. Only files of the wanted kinds are read, into memory and up
to a limit, so a path out of the archive leads nowhere and a bomb does not go off. What is refused
is said in a line.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import stat
import tarfile
import unicodedata
import zipfile
from collections.abc import Container, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO

from nncourse.grading.below import entries_below, open_below
from nncourse.grading.notebook_file import LARGEST
from nncourse.grading.sanitize import clean_text
from nncourse.grading.submissions import NOTEBOOKS
from nncourse.language import catalogue

_ = catalogue("course")

ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")
MOST_FILES = 50_000
MOST_BYTES = 4 << 30  # that all files may claim to have together
NESTED = 100 << 20  # bytes of an archive within an archive
HEADERS = (tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE)
HEADERS += (tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK)  # type: ignore[assignment]
LONGEST_NAME = 1 << 16  # bytes
LONGEST_PATH = 1000  # characters
MOST_SAID = 100  # entries in the headers for all files of a tar
# The others are unpacked as a whole, however much that is and whatever their size is said to be.
PACKED = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
ZIP_ENTRY = b"PK\x01\x02"  # begins an entry in the list of a zip
MOST_ADDED = 1 << 20  # bytes of the fields that may be added to the entries there
# How Moodle and Canvas begin the names of all that one student has handed in.
OF_ONE = re.compile(r"(?s)([^/]*?_(?:LATE_)?\d+)_(?:\d+_|assignsubmission_)")
MIXED = re.compile(r"[A-Za-z][\u0400-\u04ff]|[\u0400-\u04ff][A-Za-z]")  # within a word
DEPTH = 2  # an archive of all, and one of each student


class _Entry(tarfile.TarInfo):
    """A header of a tar that takes no more than headers need.

    The reader believes whatever it is told: a name of gigabytes, a list of the pieces of a sparse
    file without an end, a size below zero, by which it goes back to what it has read; and it gives
    every file a copy of what is said of all.
    """

    def _proc_member(self, tar: tarfile.TarFile) -> tarfile.TarInfo:
        if self.type in HEADERS and self.size > LONGEST_NAME:
            raise tarfile.ReadError(f"a header of {self.size} bytes")
        if self.type == tarfile.GNUTYPE_SPARSE and self._sparse_structs[1]:  # type: ignore[attr-defined]
            raise tarfile.ReadError("a sparse file of many pieces")
        found: tarfile.TarInfo = super()._proc_member(tar)  # type: ignore[misc]
        if len(tar.pax_headers) > MOST_SAID:
            raise tarfile.ReadError("too much is said of all files")
        if found.size < 0 or tar.offset < found.offset_data:
            raise tarfile.ReadError("a size below zero")
        return found

    def _proc_gnusparse_10(self, *_: object) -> None:
        raise tarfile.ReadError("a sparse file")


class ArchiveError(Exception):
    """Nothing can be read; the text says why and what to do."""


@dataclass(frozen=True)
class File:
    """A file and its path inside of the source, with "/". packed: the beginning of the path that
    leads to the archive in which the file lies, if that lies in the source; what follows was
    written by whoever packed it. account: to whom the file belongs, where it is on this disk.
    """

    path: str
    data: bytes
    packed: str = ""
    account: int | None = None


@dataclass
class Reader:
    """Goes through a folder or an archive; ``refused``: (name, why) of what was left out.

    most_files, most_size: how many entries, and bytes in all, an archive may claim to hold.
    only: the paths that are wanted, where not all are. look: of the notebooks in a folder only see
    that they are there; their data is empty. entries: all files in the source
    itself but archives: of one without a notebook something is said anyway.
    """

    kinds: tuple[str, ...] = NOTEBOOKS
    refused: list[tuple[str, str]] = field(default_factory=list)
    most_files: int = field(default_factory=lambda: MOST_FILES)
    most_size: int = field(default_factory=lambda: MOST_BYTES)
    only: Container[str] | None = None
    look: bool = False
    files: int = 0
    size: int = 0
    entries: list[str] = field(default_factory=list)
    others: dict[int, Reader] = field(default_factory=dict)  # who counts what an account has
    owner: Reader | None = None  # whose file is being read
    packers: dict[str, Reader] = field(default_factory=dict)  # who reads what a student packed

    def read(self, source: Path) -> Iterator[File]:
        """Each wanted file.

        Raises ArchiveError if ``source`` itself is no folder and no archive, or too large.
        """
        if source.is_dir():
            for path in sorted(self._below(source)):
                name = path.relative_to(source).as_posix()
                self._see(_tame(name) or name)
                if self._wanted(name):
                    try:
                        data = open_below(source, path)
                    except OSError as error:
                        self._refuse(name, str(error.strerror))
                        continue
                    about = os.fstat(data.fileno())
                    with data:
                        if self._bears(name, about):
                            found = self._on_disk(name, about.st_size, data)
                            yield from (replace(file, account=about.st_uid) for file in found)
            return
        if not source.is_file():
            raise ArchiveError(_("there is no {path}", path=source))
        if not source.name.lower().endswith(ARCHIVES):
            raise ArchiveError(
                _(
                    "{name} is no folder and no archive ({kinds})",
                    name=source.name,
                    kinds=", ".join(ARCHIVES),
                )
            )
        try:
            with source.open("rb") as archive:
                yield from self._archive("", source.name, archive, DEPTH)
        except ArchiveError:
            raise
        except Exception as error:  # of damaged data the readers raise almost anything
            raise ArchiveError(
                _("{name} is damaged: {error}", name=source.name, error=error)
            ) from error

    def _on_disk(self, name: str, size: int, data: IO[bytes]) -> Iterator[File]:
        path = _tame(name) or name
        if not self.look or _is_archive(name):
            yield from self._file(path, "", size, data, DEPTH)
        elif size > LARGEST:
            self._refuse_large(path, LARGEST)
        else:
            yield File(path, b"")

    def _bears(self, name: str, about: os.stat_result) -> bool:
        """Whether no account but our own has too much here: files without content cost nobody
        anything but the time to read them.
        """
        self.owner = None
        if not hasattr(os, "getuid") or about.st_uid == os.getuid():
            return True
        bounds = MOST_FILES // 10, MOST_BYTES // 4
        counter = Reader(self.kinds, self.refused, *bounds, self.only)
        counter = self.owner = self.others.setdefault(about.st_uid, counter)
        before = counter.files
        try:
            counter._count(about.st_size if _is_archive(name) else 0)
        except ArchiveError as error:
            if before <= counter.most_files:
                self._refuse(name, str(error))
            counter.files = counter.most_files + 1
            return False
        return True

    def _below(self, source: Path) -> Iterator[Path]:
        """The files in a folder and in those in it."""
        waiting = [source]
        while waiting:
            folder = waiting.pop()
            name = folder.relative_to(source).as_posix()
            try:
                entries = entries_below(source, folder)
            except OSError as error:
                self._refuse(name, str(error.strerror))
                continue
            for entry, kind in entries:
                path = folder / entry
                if entry.startswith("."):
                    continue
                if kind == "link":
                    self._refuse(path.relative_to(source).as_posix(), _("a link"))
                elif kind == "file":
                    yield path
                elif kind == "folder" and len(str(path)) - len(str(source)) > LONGEST_PATH:
                    self._refuse(name, _("its path is too long"))
                elif kind == "folder":
                    waiting.append(path)
                else:  # a pipe, a socket
                    self._refuse(path.relative_to(source).as_posix(), _("no plain file"))

    def _archive(self, inside: str, name: str, file: IO[bytes], depth: int) -> Iterator[File]:
        kind = name.lower().rpartition(".")[2]
        entries = self._zip(inside, file) if kind == "zip" else self._tar(inside, file, kind)
        for entry, size, data in entries:
            path = _tame(entry)
            if path is not None and not inside and not entry.endswith("/"):
                self._see(path)
            if len(entry) > LONGEST_PATH:
                self._refuse(inside + entry, _("its path is too long"))
            elif path is None:
                self._refuse(inside + entry, _("its path leads out of the archive"))
            elif data is not None and self._wanted(path):
                yield from self._file(inside + path, inside, size, data, depth)

    def _zip(self, inside: str, file: IO[bytes]) -> Iterator[tuple[str, int, IO[bytes] | None]]:
        with zipfile.ZipFile(file) as archive:
            entries = archive.infolist()
            if len({entry.header_offset for entry in entries}) < len(entries):
                raise zipfile.BadZipFile("several entries are one and the same")
            for entry in entries:
                name = _name_in_zip(entry)
                if entry.is_dir() or not self._wanted(name):
                    yield name, entry.file_size, None  # it costs nothing
                    continue
                limit = NESTED if _is_archive(name) else LARGEST
                if entry.file_size > limit:
                    self._refuse_large(inside + name, limit)
                    continue
                # Much may be unpacked to nothing.
                self._count(max(entry.file_size, entry.compress_size))
                if stat.S_ISLNK(entry.external_attr >> 16):
                    self._refuse(inside + name, _("a link"))
                elif entry.flag_bits & 1:
                    self._refuse(inside + name, _("encrypted"))
                elif entry.compress_type not in PACKED:
                    self._refuse(inside + name, _("packed in an unusual way: pack it as usual"))
                else:
                    try:
                        data = archive.open(entry)
                    except Exception as error:
                        self._refuse(inside + name, str(error))
                        continue
                    yield name, entry.file_size, data

    def _tar(
        self, inside: str, file: IO[bytes], kind: str
    ) -> Iterator[tuple[str, int, IO[bytes] | None]]:
        mode = {"gz": "r:gz", "tgz": "r:gz", "bz2": "r:bz2", "xz": "r:xz"}.get(kind, "r:")
        with tarfile.open(None, mode, file, tarinfo=_Entry) as archive:  # type: ignore[call-overload]
            before = self.size
            while (entry := archive.next()) is not None:
                archive.members.clear()  # it keeps them all
                self._count(entry.size)
                # What an entry takes may be much more than it says that it holds.
                self.size = max(self.size, before + archive.offset)
                self._bound(self.files, self.size)
                if entry.isfile():
                    wanted = self._wanted(entry.name)
                    yield entry.name, entry.size, archive.extractfile(entry) if wanted else None
                elif not entry.isdir():
                    self._refuse(inside + entry.name, _("a link"))

    def _file(
        self, name: str, inside: str, size: int, file: IO[bytes], depth: int
    ) -> Iterator[File]:
        nested = _is_archive(name)
        if not nested and self.only is not None and name not in self.only:
            return
        limit = NESTED if nested else LARGEST
        try:
            with file:
                data = file.read(limit + 1) if size <= limit else None
        except Exception as error:
            self._refuse(name, str(error))
            return
        if data is None or len(data) > limit:
            self._refuse_large(name, limit)
        elif not nested:
            yield File(name, data, inside)
        elif depth < 2:
            self._refuse(name, _("an archive within an archive within an archive"))
        else:
            folder = name[: -len(next(kind for kind in ARCHIVES if name.lower().endswith(kind)))]
            # With bounds of their own, so that one student's archives do not end the collecting.
            theirs = OF_ONE.match(name)
            inner = Reader(self.kinds, self.refused, MOST_FILES // 10, MOST_BYTES // 40, self.only)
            if self.owner is not None:
                inner = self.owner
            elif theirs is not None:
                inner = self.packers.setdefault(theirs[1], inner)
            before, empty = len(self.refused), self.only is None
            try:
                # The reader of zips makes an object of each entry before one can be looked at, and
                # copies the fields of one as many times as there are.
                inner._bound(inner.files + data.count(ZIP_ENTRY), 0)
                if _added(data) > MOST_ADDED:
                    raise zipfile.BadZipFile("too much is added to its entries")
                for found in inner._archive(folder + "/", name, io.BytesIO(data), depth - 1):
                    empty = False
                    yield found
                if empty and len(self.refused) == before:
                    self._refuse(name, _("there is no notebook (*.ipynb) in it"))
            except Exception as error:
                self._refuse(name, str(error))

    def _wanted(self, name: str) -> bool:
        """Hidden folders hold what programs keep for themselves, such as JupyterLab's copies."""
        parts = name.replace("\\", "/").split("/")
        hidden = any(part.startswith(".") and part.strip(".") for part in parts)
        return parts[-1].lower().endswith((*self.kinds, *ARCHIVES)) and not hidden

    def _see(self, path: str) -> None:
        # macOS packs what it knows of each file into a folder of its own.
        other = _is_archive(path) or path.startswith("__MACOSX/")
        if not other and len(self.entries) < self.most_files:
            self.entries.append(path)

    def _count(self, size: int) -> None:
        self.files += 1
        self.size += size
        self._bound(self.files, self.size)

    def _bound(self, files: int, size: int) -> None:
        if files > self.most_files or size > self.most_size:
            raise ArchiveError(
                _(
                    "more than {files} files or {size} MB are packed: unpack it and look at it",
                    files=self.most_files,
                    size=round(self.most_size / 1e6),
                )
            )

    def _refuse_large(self, name: str, limit: int) -> None:
        self._refuse(name, _("larger than {size} MB", size=round(limit / 1e6)))

    def _refuse(self, name: str, why: str) -> None:
        self.refused.append((clean_text(name)[:200], clean_text(why)[:200]))


def _is_archive(name: str) -> bool:
    return name.lower().endswith(ARCHIVES)


def _added(data: bytes) -> int:
    """Bytes of the fields that are added to the entries in the list of a zip, or more."""
    starts = (found.start() + 30 for found in re.finditer(re.escape(ZIP_ENTRY), data))
    return sum(int.from_bytes(data[start : start + 2], "little") for start in starts)


def _name_in_zip(entry: zipfile.ZipInfo) -> str:
    """The name, where a program has not said its encoding: UTF-8, or that of Russian Windows."""
    if entry.flag_bits & 0x800:
        return entry.filename
    try:
        raw = entry.filename.encode("cp437")
    except UnicodeEncodeError:
        return entry.filename
    for encoding in ("utf-8", "cp866"):
        with contextlib.suppress(UnicodeDecodeError):
            name = raw.decode(encoding)
            if encoding == "utf-8" or not MIXED.search(name):
                return name
    return entry.filename


def _tame(name: str) -> str | None:
    """A path inside of an archive in one form; None if it leads out of it."""
    path = unicodedata.normalize("NFC", clean_text(name)).replace("\\", "/")
    parts = [part for part in path.split("/") if part not in ("", ".")]
    if path.startswith("/") or re.match(r"[A-Za-z]:", path) or ".." in parts or not parts:
        return None
    return "/".join(parts)
