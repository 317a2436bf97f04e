"""What comes of a cell or a call in the sandbox: the student's word, or the end of the session.

All of it is read from what the student's process has sent, so every field is checked for its type
and cut to its length.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

CELL = re.compile(r"<cell (\d{1,6})>")  # as the files of tracebacks are called
NAMELESS = re.compile(r"<(module|lambda|\w+comp|genexpr)>")


class StudentError(Exception):
    """The student's code raised; ``kind`` is the name of the exception's type.

    frames: where, outermost first: (cell, line, function). kinds: the names of the types that it
    inherits from, the nearest first.
    """

    def __init__(
        self,
        kind: str,
        message: str,
        traceback: str = "",
        frames: Sequence[tuple[str, int, str]] = (),
        kinds: Sequence[str] = (),
    ) -> None:
        super().__init__(f"{kind}: {message}" if message else kind)
        self.kind = kind
        self.message = message
        self.traceback = traceback
        self.frames = tuple(frames)
        self.kinds = tuple(kinds)


class SessionEnded(Exception):
    """The session is over. ``kind`` says why:

    "time" (one cell or call took too long), "budget" (all of them together), "cpu", "memory",
    "exit" (the process ended itself), "killed" (by a signal), "protocol" (it answered what was
    not asked), "interrupted" (the test did not wait for an answer), "late" (the check of a piece
    did not, whose calls have a limit of their own), "closed" (by the grader).

    alone: it was a call of a check, which costs its own case there and not the others.
    """

    def __init__(self, kind: str, text: str, alone: bool = False) -> None:
        super().__init__(text)
        self.kind = kind
        self.alone = alone


@dataclass(frozen=True)
class CellResult:
    """What a cell did. ``output`` is its text, cut at the limit if ``truncated``.

    error: None, what it raised, or how the session ended. seconds: wall time.
    """

    output: str
    error: StudentError | SessionEnded | None
    seconds: float
    truncated: bool = False


def student_error(error: Any, cells: Sequence[str] | None = None) -> StudentError:
    """The error that an answer tells of, as far as it is well-formed.

    cells: the sources in which its frames lie, where names in these are to be looked for.
    """
    if type(error) is not dict:
        return StudentError("?", "")
    texts = [error.get(key) for key in ("type", "text", "traceback")]
    kind, text, trace = (text[:8000] if type(text) is str else "" for text in texts)
    kinds = error.get("kinds")
    kinds = [one for one in kinds[:20] if type(one) is str] if type(kinds) is list else []
    return StudentError(kind, text, trace, _frames(error.get("frames"), cells), kinds)


def _frames(found: Any, cells: Sequence[str] | None) -> list[tuple[str, int, str]]:
    """The well-formed ones, of functions whose names the student has written down.

    A name that was made up while a test ran could hold the test's inputs, and come to feedback.
    """
    frames = []
    for frame in found[:20] if type(found) is list else []:
        if type(frame) is list and [type(part) for part in frame] == [str, int, str]:
            file, line, name = frame
            match = CELL.fullmatch(file)
            if match is None or not 0 < line < 100_000:
                continue
            if cells is not None and not 0 < int(match[1]) <= len(cells):
                continue
            known = cells is None or NAMELESS.fullmatch(name) or name in cells[int(match[1]) - 1]
            frames.append((file, line, name[:100] if known else "?"))
    return frames
