"""The rules in their order, and the walk through them.

The order is from rules that must hold before others make sense (shape, numbers) to those that need
most knowledge. The first reason wins; where there is none, the first observation. Rules after a
wrong shape or NaN are not asked.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from nncourse.diagnosis import difference, factor, form, local, normalising, pattern, sequence
from nncourse.diagnosis.context import Context
from nncourse.diagnosis.finding import Finding
from nncourse.diagnosis.measure import Array, distance, tolerance

Rule = Callable[[Array, Array, Context], "Finding | None"]

ENTRY_RULES: tuple[Rule, ...] = (
    form.not_finite,
    form.wrong_shape,
    form.vacuous,
    form.all_zero,
)
"""Each of these ends the walk when it speaks."""

RULES: tuple[Rule, ...] = (
    form.permuted,
    factor.constant_factor,
    form.integers,
    local.relu_mask,
    local.upstream_factor,
    pattern.softmax_cross_entropy,
    pattern.probabilities,
    pattern.examples,
    pattern.branches,
    pattern.total_everywhere,
    normalising.missing_path,
    sequence.gate_blocks,
    sequence.late_steps,
    sequence.early_steps,
    sequence.optimiser_steps,
    local.elementwise_derivative,
    local.elementwise_quantity,
    difference.known_terms,
    factor.factor_along_axis,
    difference.constant_offset,
    pattern.yes_or_no,
    pattern.where,
)


def diagnose(
    a: Array, n: Array, context: Context | None = None, rules: Sequence[Rule] = RULES
) -> Finding | None:
    """Why ``a`` (the gradient to judge) differs from ``n`` (the numerical one), or None.

    None means either that they agree or that no rule recognises the difference. Any two numeric
    arrays are accepted; shapes need not match.
    """
    context = context or Context()
    a, n = np.asarray(a), np.asarray(n, dtype=np.float64)
    if a.dtype.kind not in "fiub":
        raise TypeError(f"a gradient is an array of real numbers; got dtype {a.dtype}")
    if a.dtype.kind == "b":
        a = a.astype(np.float64)
    with np.errstate(all="ignore"):
        for rule in ENTRY_RULES:
            found = rule(a, n, context)
            if found:
                return found
        if distance(a, n) < tolerance(a):
            return None
        observation = None
        for rule in rules:
            found = rule(a, n, context)
            if found and found.is_reason:
                return found
            observation = observation or found
    return observation
