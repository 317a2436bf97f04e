"""What comes of a graded cell: its points, the reason for no points, and what is shown of it."""

from __future__ import annotations

import traceback
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from nncourse.check.call import printable
from nncourse.grading.sandbox import StudentError
from nncourse.grading.sandbox.refused import OddValue
from nncourse.language import catalogue

_ = catalogue("course")

TEXTS = 4000  # of a message


@dataclass
class Question:
    """What came of one graded cell. why: the reason for no points. report: what the checks in it
    found: [{"name", "score", "wrong", "mistakes": [{"code", "mutant", "outputs", "says"}]}], with
    the names of the outputs that are wrong and what to say by language.

    Points come first, words when the session is over (``words_of``).
    """

    points: float
    max_points: float
    why: str = ""
    report: list[dict[str, Any]] = field(default_factory=list)


class Given(Exception):
    """This graded cell is not tried again."""


def points_of(most: float, value: Any, problem: BaseException | None) -> float | None:
    """The points of a cell that ended in ``value`` or ``problem``; None if it ended in no points.

    Points are what it ended in; a cell of assertions that ran to its end earns all, ``most``.
    """
    if problem is not None:
        return None
    if value is None:
        return most
    if isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool):
        points = float(value)
        return points if 0 <= points <= most else None
    return None


def words_of(
    points: float | None, value: Any, problem: BaseException | None
) -> tuple[str, list[dict[str, Any]]]:
    """Why there are no points, and what to show of the cell."""
    if isinstance(problem, Given):
        why = str(problem)
        return why, [error_output("NotFinished", why, [why])]
    if problem is not None:
        name = name_of(problem)
        kind, _colon, text = name.partition(": ")
        why = _("it ended in an error: {error}", error=name)
        return why, [error_output(kind, text, lines_of(problem))]
    if value is None:
        return "", []
    if points is not None:
        result = {"data": {"text/plain": repr(points)}, "metadata": {}}
        output = {"output_type": "execute_result", "execution_count": None, **result}
        return "", [output]
    try:
        shown = printable(repr(value)[:120])
    except (Exception, OddValue):  # it may hold an object of the student's
        shown = type(value).__name__
    what = _("its result is no number of points: {what}", what=shown)
    return what, [error_output("NoPoints", what, [what])]


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
