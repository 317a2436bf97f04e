"""A course folder as nbgrader knows it: its settings, and the making of a new one.

nbgrader reads ``nbgrader_config.py`` from the folder it is started in. The settings stand here
once: they are written into that file when a course folder is made, and they are used directly
where an assignment is released without a course folder (``nncourse.grading.release``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nncourse.language import LANGUAGES

if TYPE_CHECKING:
    from traitlets.config import Config

# What a student finds in place of a solution. The code must run up to the call of the function:
# a stub is a defined function that says, when it is called, that it is not written yet.
CODE_STUB = {
    "ru": "# ВАШ КОД\nraise NotImplementedError()",
    "en": "# YOUR CODE HERE\nraise NotImplementedError()",
}
TEXT_STUB = {"ru": "ВАШ ОТВЕТ", "en": "YOUR ANSWER HERE"}

Settings = dict[str, dict[str, Any]]


def settings(language: str) -> Settings:
    """nbgrader's settings for an edition ("ru" or "en"): {class name: {trait: value}}."""
    if language not in LANGUAGES:
        raise ValueError(f"language must be one of {', '.join(LANGUAGES)}; got {language!r}")
    return {
        "ClearSolutions": {
            "code_stub": {"python": CODE_STUB[language]},
            "text_stub": TEXT_STUB[language],
        },
        # A deleted graded cell is put back from the lecturer's source and run.
        "OverwriteCells": {"add_missing_cells": True},
        # A kernel that is asked politely to leave takes a quarter of the time of a submission.
        "Execute": {"timeout": 60, "shutdown_kernel": "immediate"},
    }


def as_config(values: Settings) -> Config:
    """The same settings as a traitlets ``Config``, which nbgrader's classes take."""
    from traitlets.config import Config

    config = Config()
    for name, traits in values.items():
        config[name].update(traits)
    return config
