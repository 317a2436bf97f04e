"""What comes of a graded cell: its points, the reason for no points, and what is shown of it."""

from __future__ import annotations

import traceback
from dataclasses import dataclass, field
from typing import Any

from nncourse.check.call import printable
from nncourse.grading.sandbox import StudentError
from nncourse.grading.sandbox.refused import OddValue

TEXTS = 4000  # of a message


@dataclass
class Question:
    """What came of one graded cell. why: the reason for no points. report: what the checks in it
    found: [{"name", "score", "wrong", "mistakes": [{"code", "mutant", "outputs", "says"}]}], with
    the names of the outputs that are wrong and what to say by language.
    """

    points: float
    max_points: float
    why: str = ""
    report: list[dict[str, Any]] = field(default_factory=list)


class Given(Exception):
    """This graded cell is not tried again."""


def name_of(error: BaseException) -> str:
    """Its kind and its message, in one line."""
    # Python 3.13 has a private kind of syntax error for code that ends too soon.
    kind = error.kind if isinstance(error, StudentError) else type(error).__name__
    kind = "SyntaxError" if kind == "_IncompleteInputError" else kind
    try:
        text = error.message if isinstance(error, StudentError) else str(error)
    except OddValue as odd:  # its text is the answer, as in ``assert type(y) is int, y``
        text = str(odd)
    except Exception:
        text = ""
    line = text.strip().partition("\n")[0]
    line = line[:120] + ("..." if len(line) > 120 else "")
    return printable(f"{kind}: {line}".removesuffix(": "))


def lines_of(error: BaseException) -> list[str]:
    """The traceback without the grader's own frames."""
    summary = traceback.TracebackException.from_exception(error, limit=-20)
    own = [f for f in summary.stack if f.filename.startswith(("<test", "<cell", "<notebook"))]
    summary.stack = traceback.StackSummary.from_list(own)
    return printable("".join(summary.format(chain=False))[:TEXTS]).splitlines()


def error_output(kind: str, text: str, lines: list[str]) -> dict[str, Any]:
    """As nbformat has it."""
    return {"output_type": "error", "ename": kind, "evalue": text[:TEXTS], "traceback": lines}
