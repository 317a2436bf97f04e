"""The verdict on a piece, and what can be asked of it: the text, the points, the next hint."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from nncourse.diagnosis import Finding
from nncourse.diagnosis.measure import Array
from nncourse.exercises.piece import Output, Piece


class Text(str):
    """A string whose repr is itself, so that a notebook shows it without quotes."""

    def __repr__(self) -> str:
        return str(self)


@dataclass(frozen=True)
class Verdict:
    """On one output, in the case where it is shown.

    ``problem``: why there is nothing to compare (shape, type, NaN). ``accuracy``: for labels.
    ``yours``, ``right``: the two arrays, where both have one shape.
    """

    output: Output
    passed: bool
    problem: Finding | None = None
    error: float | None = None
    accuracy: float | None = None
    yours: Array | None = None
    right: Array | None = None
    case: str = ""

    @property
    def worst(self) -> tuple[int, ...] | None:
        """The index of the largest difference; of several equal ones the first."""
        if self.yours is None or self.right is None or self.right.ndim == 0:
            return None
        with np.errstate(invalid="ignore"):
            gap = np.abs(self.yours - self.right)
        gap = np.where(np.isfinite(gap), gap, np.inf)
        top = gap.max()
        # Differences that are equal up to rounding must not compete: the place would depend on
        # the machine.
        first = int(np.argmax(gap.reshape(-1) >= top * (1 - 1e-6)))
        return tuple(int(i) for i in np.unravel_index(first, gap.shape))


@dataclass(frozen=True)
class Diagnosis:
    """A reason or an observation, and the outputs to which it applies."""

    outputs: tuple[str, ...]
    finding: Finding
    mutant: str = ""
    """The name of the known wrong solution whose numbers are exactly these, if that decided."""

    @property
    def is_reason(self) -> bool:
        """Whether it says why the numbers are wrong, rather than only what can be seen in them."""
        return bool(self.mutant) or self.finding.is_reason


@dataclass
class Report:
    """What ``check`` returns. ``score`` is in [0, 1]; ``passed`` means everything is right."""

    name: str
    piece: Piece
    score: float
    passed: bool
    verdicts: tuple[Verdict, ...] = ()
    problem: Finding | None = None
    look_for: Callable[[], tuple[Diagnosis, ...]] = field(default=tuple, repr=False)
    """Finds the reasons, which takes time; not before somebody wants to know them."""
    notes: tuple[Finding, ...] = ()
    printed: str = ""
    inputs: str = ""
    """The shapes of the inputs at which ``problem`` arose."""
    _shown: int = field(default=0, repr=False)

    @cached_property
    def diagnoses(self) -> tuple[Diagnosis, ...]:
        """The reasons, and what can be seen in the numbers, of what is wrong."""
        return self.look_for()

    def hints(self) -> list[tuple[str, str]]:
        """The ladder of hints for the first output that is wrong: (title, text) for each step."""
        from nncourse.check.words import ladder

        return ladder(self)

    def hint(self, step: int | None = None) -> Text:
        """The next step of the ladder of hints, or all steps up to ``step`` (from 1)."""
        from nncourse.check.words import hint_text

        steps = self.hints()
        if step is None:
            self._shown = min(self._shown + 1, len(steps))
            return Text(hint_text(steps, self._shown, only_last=True))
        self._shown = max(0, min(step, len(steps)))
        return Text(hint_text(steps, self._shown))

    def points(self, maximum: float) -> float:
        """Print the report and return the points earned, between 0 and ``maximum``.

        A stream that has ``keep`` gets the report itself, to be put into words later.
        """
        keep = getattr(sys.stdout, "keep", print)
        keep(self)
        earned = float(maximum) if self.passed else round(self.score * maximum, 2)
        return float(min(max(earned, 0.0), maximum))

    def __str__(self) -> str:
        from nncourse.check.words import report_text

        return report_text(self)

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        from nncourse.check.html import report_html

        return report_html(self)
