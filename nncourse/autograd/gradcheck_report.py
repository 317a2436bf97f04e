"""What a gradient check found, in words and as HTML: which input, where, both numbers, and why.

The words and the picture are those of the course's checks, so that a student who has read one
report can read the other.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from nncourse.diagnosis.context import Context, Quantity, Term
from nncourse.diagnosis.finding import Finding
from nncourse.diagnosis.measure import Array
from nncourse.diagnosis.picture import MONO, TEXT, badge, html_map, number, text_map
from nncourse.language import catalogue, mark

if TYPE_CHECKING:
    from nncourse.autograd.gradcheck_program import Program

_ = catalogue("check")

_SWAPPED = mark(
    "This is the right gradient of another input, {name}: are the gradients returned in the order "
    "of the inputs?"
)
_UNKNOWN = {
    "zero": mark(
        "no verdict: the numerical gradient is 0 at every point tried, and so is yours; anything "
        "agrees with 0. Use other inputs, or pass allow_zero=True if 0 is meant"
    ),
    "kink": mark(
        "no verdict: at every point tried the two one-sided slopes differ. Has the function jumps "
        "or ties everywhere, or does it compute in less than float64?"
    ),
    "unclear": mark(
        "no verdict: the difference to the numerical gradient is within its own noise "
        "(relative error {error:.2g})"
    ),
}


@dataclass(frozen=True)
class Verdict:
    """What was found for one input.

    status: "right", "wrong", "empty" (no elements: nothing to be wrong), "zero" (the derivative is
    0 everywhere), "kink" or "unclear". limit, error: norm-wise relative. directions: how many
    random ones were compared, 0 for all coordinates. confirmed: the second method that agreed with
    a numerical gradient that calls yours wrong. analytic, numeric: whole arrays where it is wrong;
    NaN in ``numeric`` where it was not computed.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    status: str
    limit: float
    error: float = 0.0
    directions: int = 0
    analytic: Array | None = None
    numeric: Array | None = None
    confirmed: str = ""
    finding: Finding | None = None

    def but(self, **changes: Any) -> Verdict:
        return replace(self, **changes)

    @property
    def worst(self) -> tuple[int, ...] | None:
        """The index of the largest difference; None if there are no numbers to compare."""
        a, n = self.analytic, self.numeric
        if a is None or n is None or a.shape != n.shape or not a.size:
            return None
        with np.errstate(invalid="ignore"):
            gap = np.abs(a - n)
        # A gradient that is NaN is the worst; a numerical one that was not computed is no matter.
        gap = np.where(np.isnan(n), -1.0, np.where(np.isfinite(a), gap, np.inf))
        return tuple(int(k) for k in np.unravel_index(int(np.argmax(gap)), a.shape))


@dataclass(frozen=True)
class GradcheckReport:
    """The result of a gradient check; true if it passed. Shows itself in notebooks."""

    name: str
    verdicts: tuple[Verdict, ...]
    problems: tuple[Finding, ...] = ()
    allow_zero: bool = False

    def accepts(self, verdict: Verdict) -> bool:
        return verdict.status in ("right", "empty") or (
            verdict.status == "zero" and self.allow_zero
        )

    @property
    def passed(self) -> bool:
        return not self.problems and all(map(self.accepts, self.verdicts))

    def __bool__(self) -> bool:
        return self.passed

    def __str__(self) -> str:
        lines = [_headline(self)]
        for problem in self.problems:
            lines += _indent(problem.message, 2)
        width = max([len(v.name) for v in self.verdicts], default=0)
        for v in self.verdicts:
            lines += _indent(f"{v.name:<{width}}  {_status(self, v)}  {_facts(v)}", 2)
            lines += [f"      {line}" for line in _details(v)]
            if _drawable(v):
                assert v.analytic is not None
                assert v.numeric is not None
                lines.append("      " + _("where (. right; - + # small to large difference):"))
                lines += [f"        {row}" for row in text_map(v.analytic, v.numeric)]
        for v in self.verdicts:
            if v.status == "wrong":
                lines.append(_("Why ({outputs}):", outputs=v.name))
                lines += _indent(_why(v), 2)
        return "\n".join(lines)

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        colour, sign = ("#0072b2", "✓") if self else ("#b24a00", "✗")
        parts = [f'<div style="margin-bottom:6px">{badge(_headline(self), sign, colour)}</div>']
        parts += [f'<div style="margin:6px 0">{escape(p.message)}</div>' for p in self.problems]
        cell = f"text-align:left;vertical-align:top;padding:3px 14px 3px 0;border:0;{TEXT}"
        rows = ""
        for v in self.verdicts:
            good = self.accepts(v)
            shown = badge(_status(self, v), *(("✓", "#0072b2") if good else ("✗", "#b24a00")))
            facts = [escape(_facts(v)), *(f"<div>{escape(line)}</div>" for line in _details(v))]
            if _drawable(v):
                assert v.analytic is not None
                assert v.numeric is not None
                label = _("Where {name} is wrong", name=v.name)
                facts.append(html_map(v.analytic, v.numeric, label))
            rows += (
                f'<tr style="background:none"><td style="{cell}"><code style="{MONO}">'
                f'{escape(v.name)}</code></td><td style="{cell}">{shown}</td>'
                f'<td style="{cell}">{"".join(facts)}</td></tr>'
            )
        if rows:
            parts.append(f'<table style="border-collapse:collapse;margin:0">{rows}</table>')
        if any(map(_drawable, self.verdicts)):
            caption = _(
                "In the maps: . right, - + # small to large difference; on hover: yours / right."
            )
            parts.append(f'<div style="font-size:.9em">{escape(caption)}</div>')
        for v in self.verdicts:
            if v.status == "wrong":
                title = escape(_("Why ({outputs}):", outputs=v.name))
                parts.append(
                    '<div style="border-left:3px solid #e69f00;padding:2px 10px;margin:6px 0">'
                    f"<b>{title}</b><br>{escape(_why(v))}</div>"
                )
        return (
            '<div class="nncourse-gradcheck" style="font-family:var(--jp-ui-font-family, '
            f'sans-serif);font-size:14px;line-height:1.45;max-width:60em;{TEXT}">'
            f"{''.join(parts)}</div>"
        )


def context_of(
    program: Program,
    xs: list[Array],
    i: int,
    n: Array,
    upstreams: list[Array],
    others: Mapping[str, Array],
) -> Context:
    """What the rules may know of input ``i`` at the point ``xs``, where ``n`` is right.

    Where the one output has the input's shape, n / dout is taken for the function's derivative,
    and the input for the pre-activation of an activation.
    """
    x = xs[i]
    matrices = [y.shape[0] for y in xs if y.ndim >= 2]
    upstream = upstreams[0] if len(upstreams) == 1 else None
    quantities: tuple[Quantity, ...] = ()
    if upstream is not None and upstream.shape == x.shape and x.size:
        slope = n / upstream
        quantities = (Quantity(f"f'({program.checked_names[i]})", slope, "derivative"),)
    if x.size > 1:
        quantities += tuple(
            Quantity(name, y)
            for k, (name, y) in enumerate(zip(program.checked_names, xs))
            if y.ndim <= x.ndim and (k == i or y.size > 1)
        )
    terms = [Term("swapped", value, _SWAPPED, evidence={"name": k}) for k, value in others.items()]
    return Context(
        batch=matrices[0] if matrices else None,
        upstream=upstream,
        preactivation=x if quantities and quantities[0].role == "derivative" else None,
        quantities=quantities,
        terms=tuple(terms),
    )


def _headline(report: GradcheckReport) -> str:
    if report:
        return _("Gradients of {name}: right", name=report.name)
    if report.problems or any(v.status == "wrong" for v in report.verdicts):
        return _("Gradients of {name}: wrong", name=report.name)
    return _("Gradients of {name}: nothing shown", name=report.name)


def _status(report: GradcheckReport, verdict: Verdict) -> str:
    if verdict.status == "wrong":
        return _("wrong")
    return _("right") if report.accepts(verdict) else _("unknown")


def _facts(v: Verdict) -> str:
    facts = [f"{v.shape} {v.dtype}"]
    if v.status == "right":
        facts.append(_("relative error below {limit:g}", limit=v.limit))
    elif v.status == "empty":
        facts.append(_("no elements to compare"))
    elif v.status in _UNKNOWN:
        facts.append(_(_UNKNOWN[v.status], error=v.error))
    elif v.analytic is not None and not np.isfinite(v.analytic).all():
        facts.append(_("NaN or inf in the result"))
    else:
        facts.append(_("relative error {error:.2g}", error=v.error))
    if v.directions:
        facts.append(_("along {count} random directions", count=v.directions))
    return "  ".join(facts)


def _details(v: Verdict) -> list[str]:
    """The worst place with both numbers, and who else says so."""
    if v.status != "wrong" or v.worst is None:
        return []
    assert v.analytic is not None
    assert v.numeric is not None
    scale = float(np.nanmax(np.abs(v.numeric))) if np.isfinite(v.numeric).any() else 1.0
    numbers = {
        "yours": number(v.analytic[v.worst], scale or 1.0),
        "right": number(v.numeric[v.worst], scale or 1.0),
    }
    if v.worst:
        place = "[" + ", ".join(map(str, v.worst)) + "]"
        lines = [
            _(
                "largest difference at {place}: yours {yours}, numerical gradient {right}",
                place=place,
                **numbers,
            )
        ]
    else:
        lines = [_("yours {yours}, right {right}", **numbers)]
    if v.confirmed:
        lines.append(_("the numerical gradient is confirmed by {method}", method=_(v.confirmed)))
    unknown = int(np.isnan(v.numeric).sum())
    if unknown:
        known = v.numeric.size - unknown
        lines.append(_("compared at {known} of {size} elements", known=known, size=v.numeric.size))
    return lines


def _drawable(v: Verdict) -> bool:
    return (
        v.status == "wrong"
        and v.analytic is not None
        and v.numeric is not None
        and v.analytic.ndim > 0
        and v.analytic.shape == v.numeric.shape
        and bool(np.isfinite(v.numeric).all())
    )


def _why(v: Verdict) -> str:
    return v.finding.message if v.finding else _("The mistake was not recognised.")


def _indent(text: str, by: int) -> Sequence[str]:
    return textwrap.wrap(
        text, 96, initial_indent=" " * by, subsequent_indent=" " * by, break_long_words=False
    )
