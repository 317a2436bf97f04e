"""The kill matrix as one page of HTML that needs nothing else: a picture, sums, every row."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from nncourse.check.matrix import EMPTY, EQUIVALENT, MUTANT, REFERENCE, Row, Tally
from nncourse.language import catalogue, current, mark

_ = catalogue("check")

CELL, GAP = 16, 3

# Okabe-Ito colours; each has a sign of its own as well.
PASSED, CAUGHT, NAMED, FAULT = "#0072b2", "#56b4e9", "#009e73", "#d55e00"
SIGNS = {PASSED: "✓", CAUGHT: "●", NAMED: "◆", FAULT: "✗"}
MEANING = {
    PASSED: mark("right answer passes, empty stub earns nothing"),
    NAMED: mark("mistake caught with its hint; the rules alone name it too"),
    CAUGHT: mark("mistake caught with its hint"),
    FAULT: mark("not as promised"),
}
KINDS = {
    REFERENCE: mark("reference"),
    EQUIVALENT: mark("right solution"),
    EMPTY: mark("empty stub"),
    MUTANT: mark("mistake"),
}

STYLE = """
:root { color-scheme: light dark; }
body { color: light-dark(#1b1b1b, #e6e6e6); background: light-dark(#fff, #181a1b);
  font: 15px/1.5 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; width: 100%; font-size: .93em; }
td, th { text-align: left; vertical-align: top; padding: .2rem .9rem .2rem 0;
  border-bottom: 1px solid rgba(128, 128, 128, .3); }
td.n { font-variant-numeric: tabular-nums; }
text { fill: currentColor; font: 12px system-ui, sans-serif; }
.sign { fill: #fff; font-size: 10px; text-anchor: middle; }
svg { max-width: 100%; height: auto; }
summary { cursor: pointer; }
pre { white-space: pre-wrap; font-size: .85em; }
.key span { display: inline-block; min-width: 1.4em; text-align: center; color: #fff;
  border-radius: 3px; margin-right: .5em; }
"""


def colour(row: Row) -> str:
    """The colour of one answer."""
    if not row.good:
        return FAULT
    if row.kind != MUTANT:
        return PASSED
    return NAMED if row.code and row.named == row.seeds else CAUGHT


def groups(rows: Sequence[Row]) -> dict[tuple[str, str], list[Row]]:
    """The rows of each piece, by (exercise, piece)."""
    found: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        found.setdefault((row.exercise, row.piece), []).append(row)
    return found


def picture(rows: Sequence[Row]) -> str:
    """A line for each piece, a square for each answer; its name on hover."""
    by_piece = groups(rows)
    label = 260
    longest = max((len(group) for group in by_piece.values()), default=0)
    width = label + longest * (CELL + GAP)
    height = len(by_piece) * (CELL + 2 * GAP)
    parts = []
    for i, ((exercise, piece), group) in enumerate(by_piece.items()):
        y = i * (CELL + 2 * GAP)
        parts.append(f'<text x="0" y="{y + 12}">{escape(exercise)}.{escape(piece)}</text>')
        for j, row in enumerate(group):
            x, fill = label + j * (CELL + GAP), colour(row)
            title = escape(f"{_(KINDS[row.kind])}: {row.name} {row.code}".strip())
            parts.append(
                f'<g><title>{title}</title><rect x="{x}" y="{y}" width="{CELL}" height="{CELL}" '
                f'rx="3" fill="{fill}"/><text class="sign" x="{x + CELL / 2:g}" '
                f'y="{y + 12}">{SIGNS[fill]}</text></g>'
            )
    tally = Tally.of(rows)
    alt = _(
        "{caught} of {mutants} mistakes caught, {passed} of {right} right answers pass",
        caught=tally.caught,
        mutants=tally.mutants,
        passed=tally.right_passed,
        right=tally.right,
    )
    return (
        f'<svg role="img" aria-label="{escape(alt, quote=True)}" width="{width}" '
        f'height="{height}" viewBox="0 0 {width} {height}">{"".join(parts)}</svg>'
    )


def summary(rows: Sequence[Row]) -> list[str]:
    """The sums in words."""
    t = Tally.of(rows)

    def share(part: int, whole: int) -> str:
        return f"{part}/{whole} ({100 * part / max(whole, 1):.0f}%)"

    return [
        _("right answers that pass: {share}", share=share(t.right_passed, t.right)),
        _("mistakes caught: {share}", share=share(t.caught, t.mutants)),
        _("caught with their own hint: {share}", share=share(t.hinted, t.mutants)),
        _("named by the rules alone as well: {share}", share=share(t.named, t.coded)),
        _("empty stubs earn nothing: {yes}", yes=_("yes") if t.empty_good else _("no")),
    ]


def _table(rows: Sequence[Row]) -> str:
    heads = (_("answer"), _("kind"), _("family"), _("catalogue"), _("verdict"))
    lines = ["<tr>" + "".join(f"<th>{escape(head)}</th>" for head in heads) + "</tr>"]
    for row in rows:
        verdict = f'<span style="color:{colour(row)}">{SIGNS[colour(row)]}</span> '
        verdict += escape(_(MEANING[colour(row)]))
        if row.faults:
            verdict += f"<pre>{escape(row.faults[0])}</pre>"
        cells = (
            escape(row.name),
            escape(_(KINDS[row.kind])),
            escape(row.family),
            escape(row.code),
            verdict,
        )
        lines.append("<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>")
    return f"<table>{''.join(lines)}</table>"


def page(rows: Sequence[Row]) -> str:
    """The whole page, in the current language."""
    title, every = _("Kill matrix of the exercises"), _("Every answer")
    key = "<br>".join(
        f'<span style="background:{c}">{SIGNS[c]}</span>{escape(_(text))}'
        for c, text in MEANING.items()
    )
    details = "".join(
        f"<details><summary>{escape(exercise)}.{escape(piece)}</summary>{_table(group)}</details>"
        for (exercise, piece), group in groups(rows).items()
    )
    sums = "".join(f"<li>{escape(line)}</li>" for line in summary(rows))
    return (
        f'<!doctype html>\n<html lang="{current()}"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width"><title>{escape(title)}</title>'
        f"<style>{STYLE}</style></head>\n<body><main><h1>{escape(title)}</h1>\n<ul>{sums}</ul>\n"
        f'<p class="key">{key}</p>\n{picture(rows)}\n<h2>{escape(every)}</h2>\n'
        f"{details}</main></body></html>\n"
    )
