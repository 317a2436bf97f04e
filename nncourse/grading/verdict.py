"""What a graded cell earned, read from its outputs after the run.

In this course a graded cell ends in a number of points. nbgrader is more generous and more severe:
a cell without a result gets full points, also one whose result is negative or no number, and a
warning on stderr costs all points. Here a cell earns exactly the number that it ended in, and
nothing if it did not get there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from nbformat import NotebookNode

from nncourse.language import catalogue

_ = catalogue("course")


@dataclass(frozen=True)
class Verdict:
    """Points, and why there are none where a cell did not end in a number."""

    points: float
    why: str = ""


def verdict(cell: NotebookNode | None, max_points: float) -> Verdict:
    """The verdict on a graded cell after its run; None stands for a cell that vanished."""
    if cell is None:
        return Verdict(0.0, _("the cell is missing after the run"))
    for output in cell.outputs:
        if output.output_type == "error":
            return Verdict(0.0, _("it ended in an error: {error}", error=_error(output)))
        if output.output_type == "execute_result":
            text = output.data.get("text/plain", "")
            try:
                points = float(text)
            except ValueError:
                points = -1.0
            if 0 <= points <= max_points:
                return Verdict(points)
            what = _excerpt(text)
            return Verdict(0.0, _("its result is no number of points: {what}", what=what))
    return Verdict(0.0, _("it was not run to its end"))


def answer_errors(cell: NotebookNode | None) -> list[str]:
    """The errors of an answer cell that can't even be run."""
    outputs = [] if cell is None else cell.get("outputs", [])
    return [_error(output) for output in outputs if output.output_type == "error"]


def role(cell: NotebookNode) -> dict[str, Any]:
    """nbgrader's metadata of a cell, empty for an ordinary one."""
    return cell.metadata.get("nbgrader", {})


def _excerpt(text: str) -> str:
    line = text.strip().partition("\n")[0]
    return line[:120] + ("..." if len(line) > 120 else "")


def _error(output: NotebookNode) -> str:
    # Python 3.13 has a private kind of syntax error for code that ends too soon.
    kind = "SyntaxError" if output.ename == "_IncompleteInputError" else output.ename
    return _excerpt(f"{kind}: {output.evalue}".removesuffix(": "))
