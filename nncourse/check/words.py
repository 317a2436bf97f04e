"""A report in words, for terminals, for ``print`` and for the text beside the HTML.

The text is the same on every run and on every machine: numbers are rounded to what the arithmetic
guarantees, and the error of a right answer is only said to be below its limit.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

import numpy as np

from nncourse.check.report import Diagnosis, Report, Verdict
from nncourse.diagnosis.distribution import BINS, MEAN, SHARES, STD
from nncourse.diagnosis.measure import Array, tolerance, wrong_entries
from nncourse.diagnosis.picture import number, text_bars, text_map
from nncourse.exercises.piece import SQUARE, Output
from nncourse.language import catalogue

_ = catalogue("check")

STATISTICS = ("distribution", "at least")
"""Outputs that are judged by a few numbers and not entry by entry."""

WIDTH = 96
"""Columns of the text."""


def headline(report: Report) -> str:
    """One line: the name, the verdict, the share of the points."""
    percent = f"{100 * report.score:.0f}%"
    if report.passed:
        return _("{name}: right, {percent}", name=report.name, percent=percent)
    if report.score > 0:
        return _("{name}: partly right, {percent}", name=report.name, percent=percent)
    if report.problem is not None and report.problem.code == "not written":
        return _("{name}: not written yet, {percent}", name=report.name, percent=percent)
    return _("{name}: not right yet, {percent}", name=report.name, percent=percent)


def unanswered(report: Report, verdict: Verdict) -> bool:
    """Whether there is nothing to say on this output beyond the problem of the whole call."""
    return report.problem is not None and verdict.problem is report.problem


def status(report: Report, verdict: Verdict) -> str:
    """The word for one output."""
    if verdict.passed:
        return _("right")
    return _("no answer") if unanswered(report, verdict) else _("wrong")


def case_note(report: Report, verdict: Verdict) -> str:
    """What is special about the inputs at which the output is wrong; empty for ordinary ones."""
    if verdict.passed or unanswered(report, verdict) or verdict.accuracy is not None:
        return ""
    if verdict.case == SQUARE:
        return _("(inputs with two equal sizes)")
    name = report.piece.case_names.get(verdict.case)
    return f"({_(name)})" if name else ""


def measured(verdict: Verdict) -> str:
    """What was measured on one output, on one line."""
    if verdict.accuracy is not None and verdict.right is not None:
        return _(
            "{percent:.1f}% of {count} held-out examples right",
            percent=100 * verdict.accuracy,
            count=len(verdict.right),
        )
    if verdict.problem is not None:
        return verdict.problem.message
    if verdict.yours is None or verdict.right is None:
        return ""
    if verdict.output.by == "distribution":
        return _sample_facts(verdict.yours, verdict.right)
    if verdict.output.by == "table":
        size = verdict.right.size
        wrong = int(np.sum(verdict.yours != verdict.right))
        return _("{right} of {size} rows right", right=size - wrong, size=size)
    if verdict.output.by == "at least":
        return _(
            "{yours}; at least {right} is needed",
            yours=number(float(np.min(verdict.yours))),
            right=number(float(np.min(verdict.right))),
        )
    if verdict.passed:
        precise = verdict.error is not None and verdict.error < 1e-6
        limit = 1e-6 if precise else tolerance(verdict.yours)
        return _("relative error below {limit:g}", limit=limit)
    if verdict.error is None:
        return _("NaN or inf in the result")
    return _("relative error {error:.2g}", error=verdict.error)


def _sample_facts(yours: Array, right: Array) -> str:
    """Mean and spread of a sample beside those of its law. Two digits: more would be noise."""
    if not np.isfinite(yours).all():
        return _("NaN or inf in the result")
    spread = float(right[STD]) or 1.0
    mean = float(yours[MEAN])
    return _(
        "mean {mean:.2g}, standard deviation {std:.3g}; right {right_mean:.2g} and {right_std:.3g}",
        mean=0.0 if abs(mean) < 0.02 * spread else mean,
        std=float(yours[STD]),
        right_mean=float(right[MEAN]),
        right_std=float(right[STD]),
    )


def has_bars(verdict: Verdict) -> bool:
    """Whether a picture of the distribution says something."""
    yours, right = verdict.yours, verdict.right
    return (
        verdict.output.by == "distribution"
        and not verdict.passed
        and yours is not None
        and right is not None
        and bool(np.isfinite(yours).all())
    )


def worst_line(verdict: Verdict) -> str:
    """Both numbers at the place of the largest difference."""
    a, n = verdict.yours, verdict.right
    if a is None or n is None or verdict.output.by in (*STATISTICS, "table"):
        return ""
    scale = float(np.max(np.abs(n), initial=0)) or 1.0
    if n.ndim == 0:
        return _(
            "yours {yours}, right {right}",
            yours=number(float(a), scale),
            right=number(float(n), scale),
        )
    worst = verdict.worst
    assert worst is not None
    place = "[" + ", ".join(map(str, worst)) + "]"
    if verdict.output.by == "gradient":
        return _(
            "largest difference at {place}: yours {yours}, numerical gradient {right}",
            place=place,
            yours=number(a[worst], scale),
            right=number(n[worst], scale),
        )
    return _(
        "largest difference at {place}: yours {yours}, right {right}",
        place=place,
        yours=number(a[worst], scale),
        right=number(n[worst], scale),
    )


def has_map(verdict: Verdict) -> bool:
    """Whether a picture of the entries says something."""
    return (
        not verdict.passed
        and verdict.yours is not None
        and verdict.right is not None
        and verdict.right.ndim > 0
        and verdict.accuracy is None
        and verdict.output.by not in STATISTICS
    )


def unexplained(report: Report) -> bool:
    """Whether numbers are wrong and nothing was found out about them."""
    return not report.diagnoses and any(
        not (verdict.passed or verdict.problem or verdict.output.by == "at least")
        for verdict in report.verdicts
    )


def shape_of(verdict: Verdict) -> str:
    """The shape of the right array, for arrays."""
    right = verdict.right
    if right is None or right.ndim == 0 or verdict.output.by == "distribution":
        return ""
    return str(right.shape)


def diagnosis_title(diagnosis: Diagnosis) -> str:
    """The heading over a reason, or over an observation, which does not say why."""
    outputs = ", ".join(map(_, diagnosis.outputs))
    if diagnosis.is_reason:
        return _("Why ({outputs}):", outputs=outputs)
    return _("What can be seen ({outputs}):", outputs=outputs)


@np.errstate(all="ignore")
def report_text(report: Report) -> str:
    """The whole report."""
    lines = [headline(report)]
    if report.problem is not None:
        lines += _indent(report.problem.message, 2)
        if report.inputs:
            lines += _indent(_("Inputs: {shapes}", shapes=report.inputs), 2)
    if report.verdicts:
        names = max(len(verdict.output.title) for verdict in report.verdicts)
        words = max(len(status(report, verdict)) for verdict in report.verdicts)
        for verdict in report.verdicts:
            facts = [shape_of(verdict), "" if unanswered(report, verdict) else measured(verdict)]
            facts.append(case_note(report, verdict))
            start = f"  {verdict.output.title:<{names}}  {status(report, verdict):<{words}}"
            lines.append(f"{start}  {'  '.join(filter(None, facts))}".rstrip())
            if verdict.passed or verdict.accuracy is not None:
                continue
            worst = worst_line(verdict)
            if worst:
                lines.append(f"      {worst}")
            if has_map(verdict):
                assert verdict.yours is not None
                assert verdict.right is not None
                lines.append("      " + _("where (. right; - + # small to large difference):"))
                output = verdict.output
                marks = text_map(verdict.yours, verdict.right, output.axes, output.blocks)
                lines += [f"        {line}" for line in marks]
            if has_bars(verdict):
                assert verdict.yours is not None
                assert verdict.right is not None
                mine, want = verdict.yours[SHARES:], verdict.right[SHARES:]
                full = max(float(mine.max()), float(want.max()))
                if len(want) == BINS:
                    title = _("shares of 16 equally likely intervals, yours and right:")
                else:
                    title = _("shares of the right values, then of all others, yours and right:")
                lines.append("      " + title)
                lines += [f"        |{text_bars(shares, full)}|" for shares in (mine, want)]
    for diagnosis in report.diagnoses:
        lines.append(diagnosis_title(diagnosis))
        lines += _indent(diagnosis.finding.message, 2)
    if unexplained(report):
        lines.append(_("The mistake was not recognised."))
    for note in report.notes:
        lines += _indent(note.message, 0)
    if report.printed:
        lines.append(_("Printed by your code:"))
        lines += _indent(report.printed.rstrip("\n"), 2)
    steps = report.hints()
    if steps:
        lines.append(
            _(
                "Hints, step by step: check(...).hint(1), then .hint(2) to .hint({last})",
                last=len(steps),
            )
        )
    return "\n".join(lines)


def _indent(text: str, by: int) -> list[str]:
    """Lines, indented; long ones of prose are wrapped, indented ones (code, maps) are kept."""
    lines: list[str] = []
    for line in text.splitlines():
        kept = line.startswith(" ") or len(line) <= WIDTH - by
        lines += [line] if kept else textwrap.wrap(line, WIDTH - by, break_long_words=False)
    return [(" " * by + line).rstrip() for line in lines]


def _first_wrong(report: Report) -> Verdict | None:
    return next((verdict for verdict in report.verdicts if not verdict.passed), None)


def _output_of_line(report: Report) -> Output | None:
    """The output that the line with the error was to compute: "dW = x.T @ dout.T" is about dW."""
    place = None if report.problem is None else report.problem.evidence.get("place")
    name, equals, _rest = str(getattr(place, "source", "")).partition("=")
    named = (output for output in report.piece.outputs if equals and output.name == name.strip())
    return next(named, None)


def _seen(verdict: Verdict) -> str:
    """The first step: what there is to see, without a reason."""
    a, n = verdict.yours, verdict.right
    name = verdict.output.title
    if verdict.problem is not None:
        return f"{name}: {verdict.problem.message}"
    if a is None or n is None:
        return ""
    statistics = verdict.output.by in (*STATISTICS, "table")
    if verdict.accuracy is not None or n.ndim == 0 or statistics:
        return f"{name}: {measured(verdict)}"
    wrong = wrong_entries(a, n)
    facts = [
        _(
            "{name}: {wrong} of {size} entries are wrong.",
            name=name,
            wrong=int(wrong.sum()),
            size=wrong.size,
        )
    ]
    if np.isfinite(a).all() and np.any(a) and np.any(n):
        facts.append(_direction(a, n))
    return " ".join(facts)


def _direction(a: Array, n: Array) -> str:
    cosine = float(np.vdot(a, n) / np.linalg.norm(a) / np.linalg.norm(n))
    ratio = float(np.linalg.norm(a) / np.linalg.norm(n))
    return _(
        "As one long vector it is {ratio:.3g} times as long as the right one, "
        "and the cosine of the angle between them is {cosine:.3f}.",
        ratio=ratio,
        # No "-0.000": rounding noise has no sign.
        cosine=round(cosine, 3) + 0.0,
    )


@np.errstate(all="ignore")
def ladder(report: Report) -> list[tuple[str, str]]:
    """The steps for the first wrong output; none where there is nothing to compare yet."""
    verdict = _first_wrong(report)
    if verdict is not None and unanswered(report, verdict):
        verdict = None
    output = verdict.output if verdict is not None else _output_of_line(report)
    if output is None:
        return []
    steps = [
        (_("What you see"), _seen(verdict) if verdict is not None else ""),
        (_("Where to look"), _(output.look)),
        (_("What to derive again"), _(output.derive)),
        (_("The formula"), output.formula),
    ]
    return [(title, text) for title, text in steps if text]


def hint_text(steps: Sequence[tuple[str, str]], upto: int, only_last: bool = False) -> str:
    """The first ``upto`` steps as text, or only the last of them."""
    if not steps:
        return _("There is no hint here.")
    chosen = [(i, *steps[i]) for i in range(upto)]
    lines = [
        _("Hint {step} of {count}. {title}: {hint}", step=i + 1, count=len(steps), title=t, hint=s)
        for i, t, s in (chosen[-1:] if only_last else chosen)
    ]
    return "\n".join("\n".join(_indent(line, 0)) for line in lines)
