"""Where the course's files are: sources, editions, what students get, and the student's own work.

The folder layout is fixed, so every path follows from the course's root and a source's name:

    lectures/05-name.md      ->  lectures/<language>/05-name.ipynb
    solutions/ps05-name.md   ->  solutions/<language>/ps05/ps05-name.ipynb   with solutions
                                 exercises/<language>/ps05/ps05-name.ipynb   without
    work/<language>/ps05/        a student's copy, made once and never overwritten
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from nncourse.language import LANGUAGES

PACKAGE = Path(__file__).parents[1]
# In an installed wheel the built notebooks travel inside the package.
PACKAGED_COURSE = PACKAGE / "_course"


@dataclass(frozen=True)
class Course:
    """A folder that holds the course."""

    root: Path

    @property
    def lectures(self) -> Path:
        return self.root / "lectures"

    @property
    def solutions(self) -> Path:
        return self.root / "solutions"

    @property
    def exercises(self) -> Path:
        return self.root / "exercises"

    @property
    def work(self) -> Path:
        return self.root / "work"

    def sources(self) -> list[Path]:
        """The bilingual sources, lectures first, in their order."""
        return [*sorted(self.lectures.glob("*.md")), *sorted(self.solutions.glob("*.md"))]

    def is_exercise(self, source: Path) -> bool:
        return source.parent == self.solutions

    def edition(self, source: Path, language: str) -> Path:
        """The built notebook of a source in one language."""
        folder = source.parent / language
        if self.is_exercise(source):
            folder /= assignment(source)
        return folder / f"{source.stem}.ipynb"

    def release(self, source: Path, language: str) -> Path:
        """What a student gets of an exercise."""
        return self.exercises / language / assignment(source) / f"{source.stem}.ipynb"

    def made_from(self, source: Path, language: str) -> list[Path]:
        """All notebooks that are made from a source in one language."""
        edition = self.edition(source, language)
        return [edition, self.release(source, language)] if self.is_exercise(source) else [edition]

    def own_copy(self, release: Path) -> Path:
        """Where a student works on a released notebook."""
        return self.work / release.relative_to(self.exercises)

    def built(self) -> list[Path]:
        """Every notebook that lies where built notebooks lie."""
        return [
            path
            for folder in (self.lectures, self.solutions, self.exercises)
            for language in LANGUAGES
            for path in sorted((folder / language).rglob("*.ipynb"))
            if ".ipynb_checkpoints" not in path.parts
        ]


def assignment(source: Path) -> str:
    """The short name that nbgrader knows an exercise by: "ps05" of "ps05-backpropagation.md"."""
    return source.stem.partition("-")[0]


def find_course(start: Path | None = None) -> Course:
    """The course around ``start`` (the current folder), or the one that this package lies in.

    An installed package brings its notebooks along; they are copied to ``nncourse-course/`` below
    ``start``, once, so that a student can edit them.
    """
    start = (start or Path.cwd()).resolve()
    for folder in (start, *start.parents, PACKAGE.parent):
        if (folder / "lectures").is_dir() and (folder / "exercises").is_dir():
            return Course(folder)
    if not PACKAGED_COURSE.is_dir():
        raise FileNotFoundError(
            f"no course found: neither {start} nor a folder above it holds lectures/ and "
            "exercises/. Change into the folder of the course, or clone it first."
        )
    copy = start / "nncourse-course"
    if not copy.is_dir():
        shutil.copytree(PACKAGED_COURSE, copy)
    return Course(copy)
