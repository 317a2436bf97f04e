"""A course folder as nbgrader knows it: its settings, and the making of a new one.

nbgrader reads ``nbgrader_config.py`` from the folder it is started in. The settings stand here
once: they are written into that file when a course folder is made, and they are used directly
where an assignment is released without a course folder (``nncourse.grading.release``).

    nbgrader_config.py    the settings, to be edited by the lecturer
    gradebook.db          nbgrader's database, made with the first release
    source/ps05/          notebooks with solutions
    release/ps05/         what students get
    submitted/STUDENT/    what came back
    autograded/STUDENT/   its answers in the lecturer's notebook, after it was run
    feedback/STUDENT/     HTML for the student
"""

from __future__ import annotations

import re
import shutil
import traceback
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nncourse.course.files import Course, find_course
from nncourse.language import LANGUAGES, catalogue, using

if TYPE_CHECKING:
    from traitlets.config import Config

_ = catalogue("course")

# What a student finds in place of a solution. The code must run up to the call of the function:
# a stub is a defined function that says, when it is called, that it is not written yet.
CODE_STUB = {
    "ru": "# ВАШ КОД\nraise NotImplementedError()",
    "en": "# YOUR CODE HERE\nraise NotImplementedError()",
}
TEXT_STUB = {"ru": "ВАШ ОТВЕТ", "en": "YOUR ANSWER HERE"}

CONFIG_FILE = "nbgrader_config.py"
CELL_TIMEOUT = 60  # seconds

Settings = dict[str, dict[str, Any]]


class CourseFolderError(Exception):
    """A course folder can't be made or used; the text says why and what to do."""


def settings(language: str) -> Settings:
    """nbgrader's settings for an edition ("ru" or "en"): {class name: {trait: value}}."""
    if language not in LANGUAGES:
        raise ValueError(f"language must be one of {', '.join(LANGUAGES)}; got {language!r}")
    return {
        "CourseDirectory": {"course_id": "nncourse"},
        "ClearSolutions": {
            "code_stub": {"python": CODE_STUB[language]},
            "text_stub": TEXT_STUB[language],
        },
        "GenerateAssignment": {"post_convert_hook": "nncourse.grading.earlier.released"},
        "Autograde": {
            "exporter_class": "nncourse.grading.plugin.AnyFile",
            "sanitize_preprocessors": ["nncourse.grading.plugin.Rebuild"],
            "autograde_preprocessors": [
                "nncourse.grading.plugin.Judge",
                "nbgrader.preprocessors.SaveAutoGrades",
                "nbgrader.preprocessors.AssignLatePenalties",
            ],
        },
        "GenerateFeedback": {"exporter_class": "nncourse.grading.plugin.Feedback"},
        "ExchangeFactory": {
            "list": "nncourse.grading.unfit.Listing",
            "collect": "nncourse.grading.exchange.Collecting",
            "release_feedback": "nncourse.grading.exchange.Releasing",
        },
        "ZipCollectApp": {"extractor_plugin": "nncourse.grading.zip_collect.Extracting"},
        "HTMLExporter": {
            "filters": {
                "markdown2html": "nncourse.grading.formgrader.markdown",
                "highlight_code": "nncourse.grading.formgrader.code",
            }
        },
        "OverwriteCells": {"add_missing_cells": True},
        "Execute": {
            "timeout": CELL_TIMEOUT,
            "shutdown_kernel": "immediate",
            "extra_arguments": ["--IPKernelApp.log_level=40"],
        },
    }


def as_config(values: Settings) -> Config:
    """The same settings as a traitlets ``Config``, which nbgrader's classes take."""
    from traitlets.config import Config

    config = Config()
    for name, traits in values.items():
        config[name].update(traits)
    return config


def config_text(language: str) -> str:
    """``nbgrader_config.py`` for an edition, with its comments in that language."""
    with using(language):
        comments = {
            "CourseDirectory": _("The course's name in the gradebook."),
            "ClearSolutions": _("What students find in place of solutions."),
            "GenerateAssignment": _("What students got in earlier releases is remembered."),
            "Autograde": _("Answers run in a sandbox; the tests run outside of it."),
            "GenerateFeedback": _("The pages of nncourse feedback, which show no hidden test."),
            "ExchangeFactory": _("What one hands in harms no other, and no link is followed."),
            "ZipCollectApp": _("Of what students have packed, notebooks alone are unpacked."),
            "HTMLExporter": _(
                "The formgrader draws formulas without the network, and shows marks."
            ),
            "OverwriteCells": _("A deleted graded cell is put back and run."),
            "Execute": _("Seconds that a cell may take; kernels end at once and in silence."),
        }
        lines = ["# " + _("nbgrader's settings of this course."), "c = get_config()  # noqa: F821"]
    for name, traits in settings(language).items():
        lines += ["", "# " + comments[name]]
        lines += [_assignment(f"c.{name}.{trait}", value) for trait, value in traits.items()]
    return "\n".join(lines) + "\n"


def _assignment(name: str, value: Any) -> str:
    """A line of Python, or one for each item of a long list or dictionary."""
    line = f"{name} = {value!r}"
    if len(line) <= 100 or not isinstance(value, (list, dict)):
        return line
    if isinstance(value, dict):
        begin, end, items = "{", "}", [f"{key!r}: {item!r}" for key, item in value.items()]
    else:
        begin, end, items = "[", "]", [repr(item) for item in value]
    return "\n".join([f"{name} = {begin}", *[f"    {item}," for item in items], end])


@dataclass(frozen=True)
class CourseFolder:
    """A folder that nbgrader can work in."""

    root: Path

    def source(self, assignment: str) -> Path:
        """The notebooks with solutions of an assignment."""
        return self.root / "source" / assignment

    def release(self, assignment: str) -> Path:
        """What students get."""
        return self.root / "release" / assignment

    @property
    def submitted(self) -> Path:
        """Where submissions are looked for, and where ``nbgrader collect`` puts them."""
        return self.root / "submitted"

    def autograded(self, student: str, assignment: str) -> Path:
        """A student's answers in the lecturer's notebook, after it was run."""
        return self.root / "autograded" / student / assignment

    def feedback(self, student: str, assignment: str) -> Path:
        """The HTML for the student."""
        return self.root / "feedback" / student / assignment

    def config(self) -> Config:
        """nbgrader's settings, as ``nbgrader_config.py`` gives them. Raises CourseFolderError."""
        from traitlets.config import PyFileConfigLoader

        try:
            return PyFileConfigLoader(CONFIG_FILE, path=str(self.root)).load_config()
        except Exception as error:  # the lecturer may write any Python there
            trace = traceback.extract_tb(error.__traceback__)
            lines = [frame.lineno for frame in trace if frame.filename.endswith(CONFIG_FILE)]
            if isinstance(error, SyntaxError):
                lines.append(error.lineno)
            raise CourseFolderError(
                _(
                    "{file} can't be read, line {line}: {error}",
                    file=self.root / CONFIG_FILE,
                    line=lines[-1] if lines else 1,
                    error=f"{type(error).__name__}: {error}",
                )
            ) from error

    def notebook(self, assignment: str) -> Path:
        """The released notebook of an assignment. Raises CourseFolderError."""
        found = sorted(self.release(assignment).glob("*.ipynb"))
        if len(found) == 1:
            return found[0]
        if not found:
            raise CourseFolderError(
                _(
                    "{folder} holds no released notebook: release {assignment} first",
                    folder=self.release(assignment),
                    assignment=assignment,
                )
            )
        raise CourseFolderError(
            _(
                "{folder} holds {count} notebooks; an assignment has one",
                folder=self.release(assignment),
                count=len(found),
            )
        )


def open_course(path: Path) -> CourseFolder:
    """The course folder at ``path``. Raises CourseFolderError if there is none."""
    root = Path(path).resolve()
    if not (root / CONFIG_FILE).is_file():
        raise CourseFolderError(
            _(
                "{root} is no course folder: it has no {file}. Give one with --course, or make "
                "it: nncourse release ps05 --course FOLDER",
                root=root,
                file=CONFIG_FILE,
            )
        )
    _refuse_patterns(root)
    return CourseFolder(root)


def make_course(
    path: Path, language: str, assignments: Iterable[str] = (), course: Course | None = None
) -> CourseFolder:
    """Make a course folder, or add assignments to one, and return it.

    ``language``: "ru" or "en", whose notebooks are copied to ``source/``. ``assignments``: names
    such as "ps05". ``course``: where the built notebooks with solutions are (default: the course
    around the current folder). Nothing that exists is overwritten. Raises CourseFolderError.
    """
    root = Path(path).resolve()
    _refuse_patterns(root)
    text = config_text(language)
    folder = CourseFolder(root)
    solutions = (course or find_course()).solutions / language
    wanted = list(assignments)
    for assignment in wanted:
        places = folder.source(assignment), solutions / assignment  # one's own need be only there
        if not any(any(place.glob("*.ipynb")) for place in places):
            known = ", ".join(sorted(p.name for p in solutions.glob("*") if p.is_dir())) or "-"
            raise CourseFolderError(
                _(
                    "there is no assignment {assignment} in {solutions}. There are: {known}. One "
                    "of your own is a notebook in {source}",
                    assignment=assignment,
                    solutions=solutions,
                    known=known,
                    source=folder.source(assignment),
                )
            )
    root.mkdir(parents=True, exist_ok=True)
    if not (root / CONFIG_FILE).exists():
        (root / CONFIG_FILE).write_text(text, encoding="utf-8")
    for assignment in wanted:
        if not folder.source(assignment).exists():
            ignore = shutil.ignore_patterns(".ipynb_checkpoints", "__pycache__")
            shutil.copytree(solutions / assignment, folder.source(assignment), ignore=ignore)
    return folder


def _refuse_patterns(root: Path) -> None:
    # In the gradebook's address %20 would be a blank.
    if re.search(r"[*?\[\]]|%[0-9A-Fa-f]{2}", str(root)):
        raise CourseFolderError(
            _(
                "nbgrader can't work in {root}: its path may not contain * ? [ ] or codes such as "
                "%20",
                root=root,
            )
        )
