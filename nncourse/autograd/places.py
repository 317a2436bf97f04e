"""Where in the program something happened, for error messages.

A place is the nearest line of the user's own code: the frames of this package are passed over.
Noting one is cheap, for only the code object and the position in it are kept; the text, "In [3],
line 2" for a notebook cell or "train.py:40" for a file, is made when a message needs it.
"""

from __future__ import annotations

import os
import sys
from types import CodeType
from typing import Any, NamedTuple

_INSIDE = __name__.partition(".")[0] + "."


class Place(NamedTuple):
    """A position in code: which instruction of which code object."""

    code: CodeType
    instruction: int

    def __str__(self) -> str:
        line = next(
            (n for start, end, n in self.code.co_lines() if start <= self.instruction < end and n),
            self.code.co_firstlineno,
        )
        cell = _cell(self.code.co_filename)
        if cell:
            return f"{cell}, line {line}"
        name = self.code.co_filename
        return f"{name if name[:1] == '<' else os.path.basename(name)}:{line}"


def here() -> Place | None:
    """The line of the user's code that is being run."""
    frame: Any = sys._getframe(1)
    while frame is not None:
        if not frame.f_globals.get("__name__", "").startswith(_INSIDE):
            return Place(frame.f_code, frame.f_lasti)
        frame = frame.f_back
    return None


def made_at(node: Any) -> str:
    """ ", made at ...," for messages, if it is known."""
    place = getattr(node, "made", None)
    return f" (made at {place})" if place else ""


def _cell(filename: str) -> str | None:
    """The name of the notebook cell that was compiled under this file name."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    number = getattr(getattr(shell, "compile", None), "_filename_map", {}).get(filename)
    return None if number is None else f"In [{number}]"
