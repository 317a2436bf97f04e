"""The files in one archive, a zip or a tar.

Nothing is unpacked onto the disk, so a path out of the archive leads nowhere. A file is unpacked
when it is asked for, up to a limit; the names of the others cost nothing, but in a tar, which has
no list of them.
"""

from __future__ import annotations

import contextlib
import io
import re
import stat
import tarfile
import unicodedata
import zipfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import IO, NamedTuple, cast

from nncourse.grading.notebook_file import LARGEST
from nncourse.grading.sanitize import clean_text
from nncourse.language import catalogue

_ = catalogue("course")

ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tbz", ".tar.xz", ".txz")
# How they begin; some have the name of another kind.
BEGINNINGS = {b"PK\3\4": "zip", b"PK\5\6": "zip", b"\x1f\x8b": "gz"}
BEGINNINGS |= {b"BZh": "bz2", b"\xfd7zXZ\0": "xz"}
NESTED = 100 << 20  # bytes of an archive within an archive, and of what is unpacked of it
MOST_NESTED = 1000  # notebooks in it, and what is left out
LONGEST_PATH = 1000  # characters
# The others are unpacked as a whole, however much that is and whatever their size is said to be.
PACKED = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
MIXED = re.compile(r"[A-Za-z][\u0400-\u04ff]|[\u0400-\u04ff][A-Za-z]")  # within a word
RUSSIAN = re.compile(r"[\x20-\x7e\u0400-\u04ff\u2116]*")  # what Russian names are made of
WESTERN = re.compile(r"[\x20-\x7e\xc0-\xff]*")  # what Western names are made of
UNIX, MACOS = 3, 19  # on which a zip was made

Refuse = Callable[[str, str], None]
"""Told the name of what is left out, and why."""


class ArchiveError(Exception):
    """Nothing can be read; the text says why and what to do."""


class Entry(NamedTuple):
    """A file in an archive. right: it is wanted, and can be read. open: unpacks it, before the next
    one is looked at; it may raise almost anything.
    """

    path: str
    size: int
    right: bool
    open: Callable[[], IO[bytes]]

    def read(self) -> bytes:
        """Its content, as much as it is said to be. Raises almost anything."""
        with self.open() as file:
            return file.read(self.size)


class Unpacked(NamedTuple):
    """A file of an archive, or what is left out of it and ``why``; without a path, the rest."""

    path: str
    why: str = ""
    data: bytes = b""


@dataclass
class Limits:
    """How many files, and bytes in all, may be asked for; ArchiveError says that it is too much."""

    most_files: int
    most_size: int
    files: int = 0
    size: int = 0

    def count(self, files: int, size: int) -> None:
        """Take note of more of them."""
        self.files += files
        self.size += size
        if self.files > self.most_files or self.size > self.most_size:
            raise ArchiveError(
                _(
                    "more than {files} files or {size} MB are packed: unpack it and look at it",
                    files=self.most_files,
                    size=round(self.most_size / 1e6),
                )
            )


def is_archive(name: str) -> bool:
    """Whether it is called like one that can be read."""
    return name.lower().endswith(ARCHIVES)


def is_wanted(path: str, kinds: tuple[str, ...]) -> bool:
    """Whether a file has one of the endings ``kinds``, or is an archive.

    Hidden folders hold what programs keep for themselves, such as JupyterLab's copies.
    """
    parts = path.replace("\\", "/").split("/")
    hidden = any(part.startswith(".") and part.strip(".") for part in parts)
    return parts[-1].lower().endswith((*kinds, *ARCHIVES)) and not hidden


def without_ending(name: str) -> str:
    """The name of an archive without what tells its kind: that of a folder with the same files.

    A Mac packs one notebook as ``NAME.ipynb.zip``.
    """
    name = name[: -len(next(kind for kind in ARCHIVES if name.lower().endswith(kind)))]
    return re.sub(r"(?i)(?<=[^/])\.ipynb$", "", name)


def files_in(
    name: str, data: bytes, kinds: Iterable[str], only: Iterable[str] | None, look: bool
) -> list[Unpacked]:
    """The files of the ``kinds`` in an archive of a student, or those that are asked for by their
    paths, and what is left out.

    ``look``: without their data.
    """
    found: list[Unpacked] = []
    asked = None if only is None else set(only)
    limits = Limits(MOST_NESTED, NESTED)

    def refuse(path: str, why: str) -> None:
        limits.count(1, 0)
        found.append(Unpacked(path[:LONGEST_PATH], why[:LONGEST_PATH]))

    def wanted(path: str) -> bool:
        return is_wanted(path, tuple(kinds))

    try:
        for entry in entries(name, io.BytesIO(data), wanted, refuse, limits):
            if entry.right and is_archive(entry.path):
                refuse(entry.path, _("an archive within an archive within an archive"))
            elif entry.right and (asked is None or entry.path in asked):
                try:
                    found.append(Unpacked(entry.path, data=b"" if look else entry.read()))
                except ArchiveError:
                    raise
                except Exception as error:
                    refuse(entry.path, str(error))
        if not found and asked is None:
            found.append(Unpacked("", _("there is no notebook (*.ipynb) in it")))
    except Exception as error:  # of damaged data the readers raise almost anything
        found.append(Unpacked("", str(error)[:LONGEST_PATH] or type(error).__name__))
    return found


def entries(
    name: str, file: IO[bytes], wanted: Callable[[str], bool], refuse: Refuse, limits: Limits
) -> Iterator[Entry]:
    """The files in an archive. One that is not ``wanted`` by its path is not right.

    Of damaged archives almost anything is raised.
    """
    kind = _kind(name, file)
    found = _zip(file, wanted, refuse, limits)
    for entry in found if kind == "zip" else _tar(file, kind, wanted, refuse, limits):
        path = tame(entry.path)
        if len(entry.path) > LONGEST_PATH:
            refuse(entry.path, _("its path is too long"))
        elif path is None:
            refuse(entry.path, _("its path leads out of the archive"))
        else:
            yield entry._replace(path=path)


def _kind(name: str, file: IO[bytes]) -> str:
    """Of an archive: zip, or how a tar is packed."""
    head = file.read(tarfile.BLOCKSIZE)
    file.seek(0)
    if head[257:262] == b"ustar":
        return "tar"
    known = (kind for start, kind in BEGINNINGS.items() if head.startswith(start))
    return next(known, name.lower().rpartition(".")[2])


def _zip(
    file: IO[bytes], wanted: Callable[[str], bool], refuse: Refuse, limits: Limits
) -> Iterator[Entry]:
    with zipfile.ZipFile(file) as archive:
        infos = archive.infolist()
        if len({info.header_offset for info in infos}) < len(infos):
            raise zipfile.BadZipFile("several entries are one and the same")
        for info, name in zip(infos, _names(infos)):
            if info.is_dir():
                continue

            def unpacked(info: zipfile.ZipInfo = info) -> IO[bytes]:
                # Much may be unpacked to nothing.
                limits.count(0, max(info.file_size, info.compress_size))
                return archive.open(info)

            right = False
            if wanted(name):
                limits.count(1, 0)
                if stat.S_ISLNK(info.external_attr >> 16):
                    refuse(name, _("a link"))
                elif info.flag_bits & 1:
                    refuse(name, _("encrypted"))
                elif info.compress_type not in PACKED:
                    refuse(name, _("packed in an unusual way: pack it as usual"))
                else:
                    right = fits(name, info.file_size, refuse)
            yield Entry(name, info.file_size, right, unpacked)


def _tar(
    file: IO[bytes], kind: str, wanted: Callable[[str], bool], refuse: Refuse, limits: Limits
) -> Iterator[Entry]:
    mode = kind if kind in ("gz", "bz2", "xz") else ""
    try:
        opened = tarfile.open(None, f"r:{mode}", file)  # type: ignore[call-overload] # noqa: SIM115
    except tarfile.ReadError as error:  # as of a file that was packed alone
        raise tarfile.ReadError(_("no zip and no tar ({error})", error=error)) from None
    with opened as archive:
        at = 0
        while (member := archive.next()) is not None:
            archive.members.clear()  # it keeps them all
            if archive.offset <= at:
                raise tarfile.ReadError("a size below zero")
            # All that lies before a file is unpacked, too, and may be more than entries say.
            limits.count(0, archive.offset - at)
            at = archive.offset
            if member.isdir():
                continue
            right = wanted(member.name)
            if right:
                limits.count(1, 0)
                right = False
                if not member.isfile():
                    refuse(member.name, _("a link"))
                elif member.issparse():  # for each of its pieces all may be unpacked again
                    refuse(member.name, _("packed in an unusual way: pack it as usual"))
                else:
                    right = fits(member.name, member.size, refuse)
            unpacked = partial(archive.extractfile, member)
            yield Entry(member.name, member.size, right, cast(Callable[[], IO[bytes]], unpacked))


def fits(name: str, size: int, refuse: Refuse) -> bool:
    """Whether a file, or an archive, is small enough to be read; else it is refused."""
    limit = NESTED if is_archive(name) else LARGEST
    if size > limit:
        refuse(name, _("larger than {size} MB", size=round(limit / 1e6)))
    return size <= limit


def _names(infos: list[zipfile.ZipInfo]) -> list[str]:
    """The names in a zip. Where a program has not said their encoding, it is UTF-8, or else the one
    of Windows in which all of them are Russian, or Western ones.

    Some Russian words are UTF-8, too, which Windows does not write.
    """
    read, others = {}, {}
    for info in infos:
        if info.flag_bits & 0x800:
            continue
        with contextlib.suppress(UnicodeEncodeError):
            raw = info.filename.encode("cp437")
            windows = info.create_system not in (UNIX, MACOS)
            if not (windows and RUSSIAN.fullmatch(raw.decode("cp866"))):
                with contextlib.suppress(UnicodeDecodeError):
                    read[info.filename] = raw.decode("utf-8")
                    continue
            others[info.filename] = raw
    for encoding in ("cp866", "cp1251", "cp850"):
        names = [raw.decode(encoding, "replace") for raw in others.values()]
        plain = WESTERN if encoding == "cp850" else RUSSIAN
        # Letters that are both are told apart by their neighbours.
        if all(map(plain.fullmatch, names)) and not any(map(MIXED.search, names)):
            break
    else:
        names = [raw.decode("cp866") for raw in others.values()]
    read |= zip(others, names)
    return [read.get(info.filename, info.filename) for info in infos]


def tame(name: str) -> str | None:
    """A path inside of an archive in one form; None if it leads out of it."""
    path = unicodedata.normalize("NFC", clean_text(name)).replace("\\", "/")
    parts = [part for part in path.split("/") if part not in ("", ".")]
    if path.startswith("/") or re.match(r"[A-Za-z]:", path) or ".." in parts or not parts:
        return None
    return "/".join(parts)
