"""explain_gradient(): the rules of the diagnosis for any two arrays, outside of any exercise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from nncourse.diagnosis import Context, Finding, Quantity, Term, diagnose, distance, tolerance
from nncourse.diagnosis.measure import Array
from nncourse.diagnosis.picture import text_map
from nncourse.language import catalogue, mark

_ = catalogue("check")

_PENALTY = mark(
    "The difference is {k:.4g} times the weights: a penalty on the weights (L2) is missing, "
    "doubled, or added where it does not belong."
)


@dataclass(frozen=True)
class Explanation:
    """Whether two gradients agree, and if not, the reason if one was recognised (else None)."""

    agrees: bool
    error: float | None
    finding: Finding | None
    analytic: Array
    numeric: Array
    axes: tuple[str, ...] = ()
    blocks: tuple[str, ...] = ()

    def __str__(self) -> str:
        if self.agrees:
            limit = tolerance(self.analytic)
            return _("The gradients agree: relative error below {limit:g}.", limit=limit)
        lines = []
        if self.error is not None:
            lines.append(_("The gradients differ: relative error {error:.2g}.", error=self.error))
        else:
            lines.append(_("The gradients cannot be compared entry by entry."))
        if self.finding is not None:
            lines.append(self.finding.message)
        else:
            lines.append(_("The mistake was not recognised."))
        if self.error is not None and self.analytic.ndim:
            lines.append(_("where (. right; - + # small to large difference):"))
            rows = text_map(self.analytic, self.numeric, self.axes, self.blocks)
            lines += ["  " + row for row in rows]
        return "\n".join(lines)

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        return f'<pre style="white-space:pre-wrap">{escape(str(self))}</pre>'


def explain_gradient(
    analytic: ArrayLike,
    numeric: ArrayLike,
    *,
    batch: int | None = None,
    classes: int | None = None,
    averaged: bool = False,
    upstream: ArrayLike | None = None,
    preactivation: ArrayLike | None = None,
    targets: ArrayLike | None = None,
    probabilities: ArrayLike | None = None,
    logits: ArrayLike | None = None,
    derivative: ArrayLike | None = None,
    derivative_at_output: ArrayLike | None = None,
    left: ArrayLike | None = None,
    right: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    constants: Mapping[str, float] | None = None,
    quantities: Mapping[str, ArrayLike] | None = None,
    branches: Mapping[str, ArrayLike] | None = None,
    axes: Sequence[str] = (),
    blocks: Sequence[str] = (),
) -> Explanation:
    """Why a gradient computed by hand differs from the numerical one.

    ``analytic``: the gradient to judge; ``numeric``: the one to trust, of any shape. Everything
    else is optional and lets more rules speak (shapes: n is that of ``numeric``):

    batch, classes: N and C. averaged: the loss is a mean over the batch.
    upstream: the gradient from above. preactivation: z of a ReLU (n).
    targets (N,), probabilities (N, C), logits (N, C): of a cross-entropy, n = (N, C).
    derivative, derivative_at_output: f'(z) and f'(f(z)) of an activation (n, or ``left``'s).
    left (N, a), right (N, b): the factors of a weight's gradient left.T @ right; ``left`` alone
    for a bias's gradient, left.sum(axis=0).
    weights: W (n), to recognise a penalty. constants: by name, such as {"1 - p": 0.7}.
    quantities: arrays (n) by name, such as {"gamma": gamma}.
    branches: contributions of several paths, by name.
    axes: what the axes of n mean, such as ("batch", "time", "unit") or ("step", "entry").
    blocks: names of the equal parts of the last axis, such as the gates ("i", "f", "g", "o").
    """

    def array(value: ArrayLike | None) -> Any:
        return None if value is None else np.asarray(value)

    local = [
        Quantity(name, np.asarray(value), role)
        for name, value, role in (
            ("f'(z)", derivative, "derivative"),
            ("f'(f(z))", derivative_at_output, "derivative at output"),
        )
        if value is not None
    ]
    local += [Quantity(name, np.asarray(value)) for name, value in (quantities or {}).items()]
    terms = () if weights is None else (Term("M40", np.asarray(weights), _PENALTY, added=True),)
    context = Context(
        batch=batch,
        classes=classes,
        averaged=averaged,
        constants=dict(constants or {}),
        upstream=array(upstream),
        preactivation=array(preactivation),
        targets=array(targets),
        probabilities=array(probabilities),
        logits=array(logits),
        quantities=tuple(local),
        product=None if left is None else (np.asarray(left), array(right)),
        branches={name: np.asarray(value) for name, value in (branches or {}).items()},
        terms=terms,
        axes=tuple(axes),
        blocks=tuple(blocks),
    )
    a, n = np.asarray(analytic), np.asarray(numeric, dtype=np.float64)
    finding = diagnose(a, n, context)
    comparable = a.shape == n.shape and bool(np.isfinite(a).all())
    error = distance(a, n) if comparable else None
    agrees = finding is None and error is not None and error < tolerance(a)
    return Explanation(agrees, error, finding, a, n, tuple(axes), tuple(blocks))
