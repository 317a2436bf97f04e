"""A report as HTML for notebooks: legible in dark and light themes, without JavaScript.

Styles stand inside the elements, because style sheets are removed from notebooks that are not
trusted and from feedback pages. Colours come from JupyterLab's variables with fallbacks; right and
wrong differ in word and mark, not in colour alone (blue and vermilion, safe for colour-blind
readers). Everything that is shown passes through ``escape``.
"""

from __future__ import annotations

from html import escape

import numpy as np

from nncourse.check.report import Diagnosis, Report, Verdict
from nncourse.check.words import (
    case_note,
    diagnosis_title,
    has_bars,
    has_map,
    headline,
    measured,
    shape_of,
    status,
    unanswered,
    unexplained,
    worst_line,
)
from nncourse.diagnosis.distribution import BINS, SHARES
from nncourse.diagnosis.picture import MONO as _MONO
from nncourse.diagnosis.picture import TEXT as _TEXT
from nncourse.diagnosis.picture import badge as _badge
from nncourse.diagnosis.picture import html_bars, html_map
from nncourse.language import catalogue

_ = catalogue("check")

RIGHT, WRONG, WAITING = "#0072b2", "#b24a00", "#5f6368"

_SOFT = "color:var(--jp-ui-font-color2, inherit)"
_CELL = (
    f"text-align:left;vertical-align:top;padding:3px 14px 3px 0;border:0;background:none;{_TEXT}"
)


def _lines(text: str) -> str:
    """A message: its first line as text, indented lines after it as code."""
    first, *rest = text.split("\n")
    html = escape(first)
    if rest:
        code = escape("\n".join(line.strip() for line in rest))
        html += (
            f'<pre style="{_MONO};{_TEXT};background:none;margin:4px 0 0;padding:0;'
            f'white-space:pre-wrap">{code}</pre>'
        )
    return html


def _map(verdict: Verdict) -> str:
    assert verdict.yours is not None
    assert verdict.right is not None
    label = _("Where {name} is wrong", name=verdict.output.title)
    output = verdict.output
    return html_map(verdict.yours, verdict.right, label, output.axes, output.blocks)


def _bars(verdict: Verdict) -> str:
    assert verdict.yours is not None
    assert verdict.right is not None
    label = _("The distribution of {name}", name=verdict.output.title)
    if len(verdict.right) - SHARES == BINS:
        text = _("bars: your shares of equally likely intervals; lines: the right ones")
    else:
        text = _("bars: your shares of the right values, then of all others; lines: the right ones")
    caption = escape(text)
    bars = html_bars(verdict.yours[SHARES:], verdict.right[SHARES:], label)
    return f'{bars}<div style="{_SOFT};font-size:.9em">{caption}</div>'


def _row(report: Report, verdict: Verdict) -> str:
    waiting = unanswered(report, verdict)
    name = f'<code style="background:none;{_TEXT}">{escape(verdict.output.title)}</code>'
    mark, colour = ("✓", RIGHT) if verdict.passed else ("…", WAITING) if waiting else ("✗", WRONG)
    badge = _badge(status(report, verdict), mark, colour)
    shape = escape(shape_of(verdict))
    note = case_note(report, verdict)
    facts = [] if waiting else [_lines(measured(verdict) + (f" {note}" if note else ""))]
    if not verdict.passed and verdict.accuracy is None:
        worst = worst_line(verdict)
        if worst:
            facts.append(f"<div>{escape(worst)}</div>")
        if has_map(verdict):
            facts.append(_map(verdict))
        if has_bars(verdict):
            facts.append(_bars(verdict))
    return (
        f'<tr style="background:none"><td style="{_CELL}">{name}</td>'
        f'<td style="{_CELL}">{badge}</td>'
        f'<td style="{_CELL};white-space:nowrap">{shape}</td>'
        f'<td style="{_CELL}">{"".join(facts)}</td></tr>'
    )


def _box(title: str, body: str, colour: str) -> str:
    return (
        f'<div style="border-left:4px solid {colour};padding:2px 0 2px 10px;margin:8px 0">'
        f"<b>{escape(title)}</b><br>{body}</div>"
    )


def _why(diagnosis: Diagnosis) -> str:
    return _box(diagnosis_title(diagnosis), _lines(diagnosis.finding.message), "#e69f00")


def _ladder(report: Report) -> str:
    """Nested details: each step opens the way to the next."""
    html = ""
    steps = report.hints()
    for i, (title, text) in reversed(list(enumerate(steps, 1))):
        head = _("Hint {step} of {count}: {title}", step=i, count=len(steps), title=title)
        html = (
            f'<details style="margin:4px 0 4px {0 if i == 1 else 14}px">'
            f'<summary style="cursor:pointer">{escape(head)}</summary>'
            f'<div style="margin:3px 0 3px 14px">{escape(text)}</div>{html}</details>'
        )
    return html


@np.errstate(all="ignore")
def report_html(report: Report) -> str:
    """The whole report."""
    if report.passed:
        colour, mark = RIGHT, "✓"
    elif report.score == 0 and report.problem is not None and report.problem.code == "not written":
        colour, mark = WAITING, "…"
    else:
        colour, mark = WRONG, "✗"
    parts = [f'<div style="margin-bottom:6px">{_badge(headline(report), mark, colour)}</div>']
    if report.problem is not None:
        parts.append(f'<div style="margin:6px 0">{_lines(report.problem.message)}</div>')
        if report.inputs:
            inputs = escape(_("Inputs: {shapes}", shapes=report.inputs))
            parts.append(f'<div style="margin:6px 0;{_SOFT}">{inputs}</div>')
    if report.verdicts:
        rows = "".join(_row(report, verdict) for verdict in report.verdicts)
        parts.append(
            f'<table style="border-collapse:collapse;margin:0;font-size:1em">{rows}</table>'
        )
    if any(has_map(verdict) for verdict in report.verdicts):
        caption = escape(
            _("In the maps: . right, - + # small to large difference; on hover: yours / right.")
        )
        parts.append(f'<div style="{_SOFT};font-size:.9em">{caption}</div>')
    parts += [_why(diagnosis) for diagnosis in report.diagnoses]
    if unexplained(report):
        parts.append(f"<div>{escape(_('The mistake was not recognised.'))}</div>")
    parts += [f'<div style="margin:6px 0">{escape(note.message)}</div>' for note in report.notes]
    if report.printed:
        printed = escape(report.printed.rstrip("\n"))
        parts.append(
            f'<div style="margin-top:6px">{escape(_("Printed by your code:"))}</div>'
            f'<pre style="{_MONO};{_TEXT};background:none;margin:2px 0 0 14px;'
            f'white-space:pre-wrap">{printed}</pre>'
        )
    parts.append(_ladder(report))
    return (
        '<div class="nncourse-check" style="font-family:var(--jp-ui-font-family, sans-serif);'
        f'font-size:14px;line-height:1.45;max-width:60em;{_TEXT}">{"".join(parts)}</div>'
    )
