"""What the checks in a graded cell find: asked while it runs, and judged later."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from nncourse.check import judge as module
from nncourse.check.call import printable
from nncourse.check.report import Report
from nncourse.grading.question import TEXTS
from nncourse.language import LANGUAGES, using


class Pending:
    """The report of a check whose calls are made; it is judged when anything of it must be known.

    Has all that the calls gave in any case: a session would know by what is let go what is right.
    """

    def __init__(self, judged: Callable[[], tuple[Report, list[Any]]]) -> None:
        self._judged = judged

    @cached_property
    def _report(self) -> Report:
        return self._judged()[0]

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # as copies ask before there is anything
            raise AttributeError(name)
        return getattr(self._report, name)

    def __repr__(self) -> str:
        return repr(self._report)

    def __copy__(self) -> Report:
        return self._report

    def __deepcopy__(self, _known: Any) -> Report:
        return self._report


@dataclass
class Points:
    """The points of a check in which a cell ends, ``most`` at best; computed when it is called."""

    report: Pending
    most: float

    def __call__(self) -> float:
        """Say what the report says, where it is printed to, and give its points."""
        points: float = self.report.points(self.most)
        return points


@contextlib.contextmanager
def noted(found: list[Pending], in_place: Callable[[], Any]) -> Any:
    """Notes every report of ``check`` in the block.

    Whether an answer calls ready-made parts of the library need not be watched: it has none. What
    it does to its arguments is seen: they are copies, and the right values were computed before.
    """
    judge = module.judge

    def noting(*args: Any, **options: Any) -> Any:
        with in_place():
            report = Pending(module.ask(*args, **{**options, "own": False}))
        found.append(report)
        return report

    module.judge = noting
    try:
        yield
    finally:
        module.judge = judge


def summary(report: Report | Pending) -> dict[str, Any]:
    """What feedback and the lecturer's overview need of a check's report."""
    mistakes = [
        _mistake(d.finding, mutant=d.mutant, outputs=list(d.outputs)) for d in report.diagnoses
    ]
    explained = {name for d in report.diagnoses for name in d.outputs}
    bare: dict[str, tuple[Any, list[str]]] = {}  # what can't be compared at all, and why
    for verdict in report.verdicts:
        finding, name = verdict.problem, verdict.output.name
        if finding is not None and finding is not report.problem and name not in explained:
            bare.setdefault(finding.message, (finding, []))[1].append(name)
    mistakes += [_mistake(finding, outputs=names) for finding, names in bare.values()]
    if report.problem is not None:
        mistakes.append(_mistake(report.problem))
    mistakes += [_mistake(note) for note in report.notes]
    summary = {
        "name": report.name,
        "score": float(report.score),
        "wrong": [verdict.output.name for verdict in report.verdicts if not verdict.passed],
        "mistakes": mistakes,
    }
    return json.loads(json.dumps(summary, default=str))


def _mistake(finding: Any, mutant: str = "", outputs: Sequence[str] = ()) -> dict[str, Any]:
    """A finding as plain data; in every language, since classes mix them."""
    says = {}
    for language in LANGUAGES:
        with using(language):
            says[language] = printable(finding.message)[:TEXTS]
    return {"code": finding.code, "mutant": mutant, "outputs": list(outputs), "says": says}
