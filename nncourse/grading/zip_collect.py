"""nbgrader's ``zip_collect``: the notebooks in what a platform has packed, and nothing else of it.

    c.ZipCollectApp.extractor_plugin = "nncourse.grading.zip_collect.Extracting"

nbgrader unpacks all that students have packed, and ends at the first archive that is damaged or
leads out of its folder. Here each gives a line, and is read as ``nncourse collect`` reads it.

Whose a file is, the lecturer's pattern reads in its path, of which a student who hands in an
archive writes the end. So nobody is found there of whom there is a file anywhere else. Nor is a
file unpacked of which nbgrader would read there that it belongs elsewhere than into the student's
folder, or at which it would end: for a time that is none, or for a second file of one name.
"""

from __future__ import annotations

import os
import re
from pathlib import Path, PurePosixPath

from nbgrader.plugins.zipcollect import ExtractorPlugin
from nbgrader.utils import parse_utc

from nncourse.grading.archive import File, Reader
from nncourse.grading.packed import is_archive, without_ending
from nncourse.grading.whole import write_below
from nncourse.language import catalogue

_ = catalogue("course")


class Extracting(ExtractorPlugin):
    """The step of ``zip_collect`` that unpacks."""

    def extract(self, archive_path: str, extracted_path: str) -> None:
        """Write the notebooks in a folder, also those in archives, into another one."""
        target = Path(extracted_path)
        self._seen: dict[tuple[PurePosixPath, PurePosixPath], tuple[Path, bool]] = {}
        source, place = _platforms(Path(archive_path), target)

        def packer(path: str) -> str:
            inside = File(f"{without_ending(path)}/x.ipynb", b"", path)
            student, written = self._whose(place, inside)
            return path if written else student or path

        reader = Reader(whose=packer)
        # Read twice, so that no more than one file is held at a time.
        certain = {
            student
            for student, written in (
                self._whose(place, file) for file in Reader(look=True, whose=packer).read(source)
            )
            if not written
        }
        for file in reader.read(source):
            student, written = self._whose(place, file)
            if written and student in certain:
                why = _("packed by a student; {student} has handed in another", student=student)
                reader.refused.append((file.path, why))
                continue
            if why := self._why_not(place / file.path):
                reader.refused.append((file.path, why))
                continue
            self.log.info("%s", file.path)
            write_below(target, place / file.path, file.data)
        for name, why in reader.refused:
            self.log.warning("%s", _("{name} was left out: {why}", name=name, why=why))

    def _why_not(self, path: Path) -> str:
        """Why nbgrader must not collect a file; empty if it may, or passes over it."""
        found = self.parent.collector_plugin_inst.collect(str(path))
        if not found or not {"student_id", "file_id"} <= found.keys():
            return ""
        student = PurePosixPath(found["student_id"] or "")
        stem, stamp = os.path.splitext(found["file_id"] or "")[0], found.get("timestamp") or None
        file = PurePosixPath(stem + path.suffix)
        folders = {*student.parts, *file.parts[:-1]}
        notebooks = any(folder.endswith(path.suffix) for folder in file.parts[:-1])
        if len(student.parts) != 1 or {"/", ".."} & folders or notebooks:
            return _("its name leads to another folder")
        try:
            if "/" in str(stamp):  # the file of a time zone
                raise ValueError(stamp)
            timed = parse_utc(stamp) is not None
        except Exception:  # whatever a reader of times raises
            return _("{stamp!r} is no time", stamp=stamp)
        other, both = self._seen.setdefault((student, file), (path, timed))
        if other != path and not (both and timed):
            return _("not taken: {other} is", other=other.name)
        return ""

    def _whose(self, place: Path, file: File) -> tuple[str, bool]:
        """The student that the lecturer's pattern finds, and whether a student has written that."""
        pattern = getattr(self.parent.collector_plugin_inst, "named_regexp", "")
        found = re.match(pattern, str(place / file.path)) if pattern else None
        if found is None or "student_id" not in found.re.groupindex:
            return "", False
        packed = len(str(place / file.packed)) if file.packed else len(found.string)
        return found["student_id"], found.end("student_id") > packed


def _platforms(folder: Path, target: Path) -> tuple[Path, Path]:
    """What is to be read, and where it goes: an archive that lies alone is the platform's."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    if len(files) != 1 or not is_archive(name := files[0].name):
        return folder, target
    return files[0], target / files[0].parent.relative_to(folder) / without_ending(name)
