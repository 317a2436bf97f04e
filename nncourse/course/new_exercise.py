"""A new exercise set: a notebook in both languages and its module, small but whole.

The skeleton runs, is graded and passes its own kill matrix from the first minute, so that an author
changes a working thing step by step.
"""

from __future__ import annotations

import re
from pathlib import Path

from nncourse.course.files import Course
from nncourse.language import catalogue

_ = catalogue("course")

TEMPLATES = Path(__file__).parent / "skeleton"
NAME = re.compile(r"ps(\d\d)-([a-z0-9]+(?:-[a-z0-9]+)*)")


class NewExerciseError(Exception):
    """The set can't be made; the text says why and what to do."""


def new_exercise(course: Course, name: str) -> list[Path]:
    """Write the set ``name``, such as "ps20-my-topic"; returns the files written.

    Raises NewExerciseError if the name has another form, if a set of this number exists, or if the
    course is no checkout of the project.
    """
    match = NAME.fullmatch(name)
    if match is None:
        raise NewExerciseError(
            _("{name}: a set is named psNN-topic, such as ps20-my-topic", name=name)
        )
    number, topic = match.groups()
    modules = course.root / "nncourse" / "exercises"
    if not modules.is_dir():
        raise NewExerciseError(
            _(
                "{root} is no checkout of the project: it has no nncourse/exercises",
                root=course.root,
            )
        )
    module, notebook = modules / f"ps{number}" / "__init__.py", course.solutions / f"{name}.md"
    taken = [module.parent, *course.solutions.glob(f"ps{number}-*.md")]
    for path in taken:
        if path.exists():
            raise NewExerciseError(_("{path} exists already: take another number", path=path))
    title = topic.replace("-", " ").capitalize()
    for template, path in (("piece.py.txt", module), ("notebook.md.txt", notebook)):
        text = (TEMPLATES / template).read_text(encoding="utf-8")
        for old, new in (("psNN", f"ps{number}"), ("NN", number), ("TITLE", title)):
            text = text.replace(old, new)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return [module, notebook]
