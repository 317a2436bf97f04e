"""A class in numbers: how the scores lie, which parts were hard, which mistakes were made often.

Computed from the gradebook alone, so manual grades and penalties are in it.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from nncourse.exercises.mistakes import CATALOGUE
from nncourse.grading.results import Result
from nncourse.language import catalogue, current

_ = catalogue("course")

BINS = 10  # columns of the distribution
FENCE = 1.5  # quartile distances beyond which a score is an outlier (Tukey, 1977)
LONG = 3.0  # medians of the time beyond which a submission was slow


@dataclass(frozen=True)
class Difficulty:
    """How one graded cell went: the mean share of its points, and how many got all, some, none.

    waiting: submissions whose points are still to be given by hand; they count nowhere else.
    """

    name: str
    max_points: float
    mean: float
    full: int
    some: int
    none: int
    waiting: int


@dataclass(frozen=True)
class Frequent:
    """A mistake: its code, what is said about it, in which parts it occurred, and whose it is."""

    code: str
    text: str
    parts: tuple[str, ...]
    students: tuple[str, ...]


@dataclass
class Overview:
    """shares: of the points, by student; only of those who could be graded. quartiles: of them.

    outliers: students with unusual scores; slow: with unusual times; failed: with their problems;
    literals: with answers that carry much data; outdated: graded before the last release.
    """

    shares: dict[str, float] = field(default_factory=dict)
    max_points: float = 0.0
    quartiles: tuple[float, float, float] = (0.0, 0.0, 0.0)
    bins: list[int] = field(default_factory=lambda: [0] * BINS)
    parts: list[Difficulty] = field(default_factory=list)
    mistakes: list[Frequent] = field(default_factory=list)
    outliers: list[str] = field(default_factory=list)
    slow: dict[str, float] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    literals: dict[str, dict[str, int]] = field(default_factory=dict)
    outdated: list[str] = field(default_factory=list)
    waiting: int = 0
    seconds: float = 0.0
    median_seconds: float = 0.0

    @property
    def mean(self) -> float:
        """The mean share of the points."""
        return statistics.fmean(self.shares.values()) if self.shares else 0.0


def overview(results: Iterable[Result], version: str = "") -> Overview:
    """The numbers of a class, with texts in the current language. ``version``: of what is released
    now, if known.
    """
    found = Overview()
    mistakes = _Mistakes()
    graded = []
    for result in results:
        if result.outdated(version):
            found.outdated.append(result.student)
        if result.problem:
            found.failed[result.student] = result.problem
            continue
        mistakes.count(result)
        if result.literals:
            found.literals[result.student] = result.literals
        # The texts of a class may be larger than memory.
        graded.append(replace(result, notes=[], reasons={}, reports={}))
    found.waiting = sum(bool(result.waiting) for result in graded)
    found.mistakes = mistakes.found()
    if not graded:
        return found
    found.max_points = max(result.max_points for result in graded)
    for result in graded:
        share = result.score / result.max_points if result.max_points else 0.0
        found.shares[result.student] = share
        found.bins[min(int(share * BINS + 1e-9), BINS - 1)] += 1
    found.quartiles = _quartiles(list(found.shares.values()))
    low, _middle, high = found.quartiles
    reach = FENCE * (high - low)
    found.outliers = [
        student
        for student, share in found.shares.items()
        if not low - reach - 1e-9 <= share <= high + reach + 1e-9
    ]
    times = {result.student: result.seconds for result in graded}
    found.seconds = sum(times.values())
    found.median_seconds = statistics.median(times.values())
    slow = {s: t for s, t in times.items() if t > LONG * found.median_seconds}
    found.slow = dict(sorted(slow.items(), key=lambda item: -item[1]))
    found.parts = [_difficulty(name, graded) for name in graded[0].grades]
    found.parts.sort(key=lambda part: (part.waiting > 0, part.mean))
    return found


def _quartiles(values: Sequence[float]) -> tuple[float, float, float]:
    if len(values) == 1:
        return values[0], values[0], values[0]
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    return low, middle, high


def _difficulty(name: str, graded: Sequence[Result]) -> Difficulty:
    grades = [result.grades[name] for result in graded if name in result.grades]
    done = [grade for grade in grades if not grade.manual]
    most = max(grade.max_points for grade in grades)
    full = sum(grade.points >= grade.max_points for grade in done)
    none = sum(grade.points <= 0 < grade.max_points for grade in done)
    mean = statistics.fmean(g.points / most for g in done) if done and most else 1.0
    some = len(done) - full - none
    return Difficulty(name, most, mean, full, some, none, len(grades) - len(done))


class _Mistakes:
    """By code: whose they are, in which parts they occurred, and what was said of them."""

    def __init__(self) -> None:
        self.students: dict[str, dict[str, None]] = {}
        self.parts: dict[str, dict[str, None]] = {}
        self.texts: dict[str, dict[str, set[str]]] = {}  # and to whom

    def count(self, result: Result) -> None:
        for part, reports in result.reports.items():
            for mistake in (m for report in reports for m in report["mistakes"]):
                code = mistake["code"]
                self.students.setdefault(code, {})[result.student] = None
                self.parts.setdefault(code, {})[part] = None
                says = mistake.get("says", {}).get(current()) or CATALOGUE.get(code, ("", code))[1]
                texts = self.texts.setdefault(code, {})
                texts.setdefault(says, set()).add(result.student)

    def found(self) -> list[Frequent]:
        """The most frequent first."""
        found = [
            Frequent(code, self._text(code), tuple(self.parts[code]), tuple(whose))
            for code, whose in self.students.items()
        ]
        return sorted(found, key=lambda mistake: (-len(mistake.students), mistake.code))

    def _text(self, code: str) -> str:
        """What most students are told; where students may have a say in it, more than half of
        them, and no one's alone.
        """
        texts = self.texts[code]
        most = max(texts, key=lambda text: len(texts[text]))
        enough = max(1, len(self.students[code]) // 2)
        return most if len(texts[most]) > enough else _in_general(code) or most


def _in_general(code: str) -> str:
    """What is said of a mistake without what students have named or written; "" if that is all."""
    return {
        "raised": _("An error is raised."),
        "exit": _("The function ends the program instead of returning."),
        "time": _("The function did not return in time and was stopped: a loop without end?"),
        "signature": _("It cannot be called as it should be."),
        "use": _("It cannot be used as it should be."),
        "not callable": _("Something else than the function itself is given."),
        "not written": _("Not written yet."),
        "type": _("A result is of another type than is expected."),
        "count": _("The number of results is another than is expected."),
        "key": _("A key or a name is another than is expected."),
    }.get(code, "")
