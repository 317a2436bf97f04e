"""The verdict on a graded cell, reached when the session is over.

By the time that it takes to compare, to look for reasons and to put them into words, the answers of
a session, which go on, would know what it is.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nncourse.check.call import printable
from nncourse.grading.proxy import LONGEST, Silent
from nncourse.grading.question import Given, Question, error_output, lines_of, name_of
from nncourse.grading.reports import Pending, Points, summary
from nncourse.grading.sandbox.refused import OddValue
from nncourse.language import catalogue

_ = catalogue("course")


@dataclass
class Verdict:
    """``question`` and ``outputs`` are filled in. What it rests on: the ``value`` or ``problem`` in
    which the cell ended; what else was ``caught`` on the way, which takes all points from who has
    all; the reports of its checks, and what was printed.
    """

    question: Question
    outputs: list[dict[str, Any]]
    value: Any
    problem: BaseException | None
    caught: BaseException | None
    reports: Sequence[Pending]
    printed: Silent
    points: float | None = None

    def reach(self) -> None:
        """Give the points."""
        if isinstance(self.value, Points):
            try:
                with contextlib.redirect_stdout(self.printed):
                    self.value = self.value()
            except MemoryError as error:  # of large answers
                self.problem = error
        most = self.question.max_points
        self.points = self._earned(most)
        # Who expects an error of an answer must not be content with one of this side.
        if self.problem is None and self.caught is not None and self.points == most:
            self.points, self.problem = None, self.caught
        self.question.points = self.points or 0.0
        if not self.points:
            self.question.why = _("it was judged before the session ended, and not put into words")

    def _earned(self, most: float) -> float | None:
        """Points are what the cell ended in; one of assertions that ran to its end earns all. None
        if it ended in no points.
        """
        value = self.value
        if self.problem is not None:
            return None
        if value is None:
            return most
        if isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool):
            return float(value) if 0 <= float(value) <= most else None
        return None

    def say(self) -> None:
        """Say what is wrong and why, as far as there is memory for it: answers may be large."""
        with contextlib.suppress(MemoryError):
            self._say()

    def _say(self) -> None:
        if text := self.printed.text():
            cut = printable(text[:LONGEST]) + ("\n..." if len(text) > LONGEST else "")
            self.outputs.append({"output_type": "stream", "name": "stdout", "text": cut})
        self.question.why, shown = self._words()
        self.outputs += shown
        self.question.report = [summary(report) for report in self.reports]

    def _words(self) -> tuple[str, list[dict[str, Any]]]:
        """Why there are no points, and what to show of the cell."""
        if isinstance(self.problem, Given):
            why = str(self.problem)
            return why, [error_output("NotFinished", why, [why])]
        if self.problem is not None:
            name = name_of(self.problem)
            kind, _colon, text = name.partition(": ")
            why = _("it ended in an error: {error}", error=name)
            return why, [error_output(kind, text, lines_of(self.problem))]
        if self.value is None:
            return "", []
        if self.points is not None:
            result = {"data": {"text/plain": repr(self.points)}, "metadata": {}}
            output = {"output_type": "execute_result", "execution_count": None, **result}
            return "", [output]
        try:
            shown = printable(repr(self.value)[:120])
        except (Exception, OddValue):  # it may hold an object of the student's
            shown = type(self.value).__name__
        what = _("its result is no number of points: {what}", what=shown)
        return what, [error_output("NoPoints", what, [what])]
