"""What the checks in a graded cell find: asked while it runs, and judged later."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

from nncourse.check import judge as module
from nncourse.check.call import printable
from nncourse.check.report import Report, show
from nncourse.grading.question import TEXTS
from nncourse.language import LANGUAGES, using


class Points:
    """A number of points, computed when it must be known. So are sums and multiples of it."""

    def __init__(self, compute: Callable[[], float]) -> None:
        self._compute = compute

    @cached_property
    def _value(self) -> float:
        return self._compute()

    def __float__(self) -> float:
        return float(self._value)

    def __repr__(self) -> str:
        return repr(self._value)

    def __format__(self, form: str) -> str:
        return format(self._value, form)

    def __round__(self, digits: int | None = None) -> float:
        return round(self._value, digits)


def _later(name: str) -> Callable[[Points, Any], Any]:
    now = _now(name)

    def operation(self: Points, other: Any) -> Any:
        is_number = isinstance(other, (int, float, Points))
        return Points(lambda: now(self, other)) if is_number else now(self, other)

    return operation


def _now(name: str) -> Callable[..., Any]:
    def operation(self: Points, *others: Any) -> Any:
        numbers = [float(other) if isinstance(other, Points) else other for other in others]
        return getattr(float(self), name)(*numbers)

    return operation


for _name in ("add", "sub", "mul", "truediv", "radd", "rsub", "rmul", "rtruediv"):
    setattr(Points, f"__{_name}__", _later(f"__{_name}__"))
for _name in ("lt", "le", "gt", "ge", "eq", "ne", "hash", "neg", "abs", "bool", "int", "floordiv"):
    setattr(Points, f"__{_name}__", _now(f"__{_name}__"))


class Pending:
    """The report of a check whose calls are made; it is judged when anything of it must be known.

    Has all that the calls gave in any case: a session would know by what is let go what is right.
    """

    def __init__(self, judged: Callable[[], tuple[Report, list[Any]]]) -> None:
        self._judged = judged

    @cached_property
    def _report(self) -> Report:
        return self._judged()[0]

    def points(self, maximum: float) -> Points:
        """As that of a report."""
        show(self)
        return Points(lambda: self._report.earned(maximum))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._report, name)

    def __str__(self) -> str:
        return str(self._report)


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
