"""What the commands share: how they fail, which language they speak, options of the same name."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from nncourse import language
from nncourse.language import catalogue

_ = catalogue("course")

console = Console(highlight=False, soft_wrap=True)

Lang = Annotated[
    str | None,
    typer.Option("--lang", help=_("Language: ru or en. Default: $NNCOURSE_LANG, or en.")),
]

Folder = Annotated[
    Path,
    typer.Option(
        "--course",
        show_default=False,
        help=_("nbgrader's course folder. Default: the current folder."),
    ),
]


def fail(message: object) -> typer.Exit:
    """Print what went wrong on stderr; to be raised by the caller.

    A message may quote what a student has written, which the terminal must not obey.
    """
    from nncourse.check.call import printable

    print(f"nncourse: {printable(str(message))}", file=sys.stderr)
    return typer.Exit(1)


def speak(lang: str | None) -> None:
    """Speak the language of ``--lang``, if it is given."""
    if lang is not None:
        try:
            language.use(lang)
        except ValueError as error:
            raise typer.BadParameter(str(error)) from None
