"""nbgrader's ``zip_collect``: the notebooks in what a platform has packed, and nothing else of it.

    c.ZipCollectApp.extractor_plugin = "nncourse.grading.zip_collect.Extracting"

nbgrader unpacks all that students have packed, and ends at the first archive that is damaged or
leads out of its folder. Here each gives a line, and is read as ``nncourse collect`` reads it.
"""

from __future__ import annotations

from pathlib import Path

from nbgrader.plugins.zipcollect import ExtractorPlugin

from nncourse.grading.archive import Reader
from nncourse.grading.whole import write_below
from nncourse.language import catalogue

_ = catalogue("course")


class Extracting(ExtractorPlugin):
    """The step of ``zip_collect`` that unpacks."""

    def extract(self, archive_path: str, extracted_path: str) -> None:
        """Write the notebooks in a folder, also those in archives, into another one."""
        reader, target = Reader(), Path(extracted_path)
        for file in reader.read(Path(archive_path)):
            self.log.info("%s", file.path)
            write_below(target, target / file.path, file.data)
        for name, why in reader.refused:
            self.log.warning("%s", _("{name} was left out: {why}", name=name, why=why))
