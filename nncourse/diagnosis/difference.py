"""Rules on a - n: what is too much or missing, as a multiple of a known array."""

from __future__ import annotations

import numpy as np

from nncourse.diagnosis.context import Context
from nncourse.diagnosis.finding import Finding
from nncourse.diagnosis.measure import Array, distance, same, tolerance
from nncourse.language import mark


def known_terms(a: Array, n: Array, context: Context) -> Finding | None:
    """An array that a particular mistake returns or adds."""
    if a.shape != n.shape:
        return None
    rest = a - n
    for term in context.terms:
        if term.value.shape != n.shape or not np.any(term.value):
            continue
        if not term.added:
            if same(a, term.value) and not same(n, term.value):
                return Finding(term.code, term.text, term.evidence)
            continue
        # One free factor explains everything when there are too few entries.
        if n.size < 4:
            continue
        k = float(np.vdot(term.value, rest) / np.vdot(term.value, term.value))
        noise = tolerance(a) * float(np.linalg.norm(n))
        left = float(np.linalg.norm(rest - k * term.value))
        if (
            k
            and left < max(noise, 1e-6 * float(np.linalg.norm(rest)))
            and (float(np.linalg.norm(rest)) > 10 * noise)
        ):
            return Finding(term.code, term.text, {**term.evidence, "k": k})
    return None


def constant_offset(a: Array, n: Array, context: Context) -> Finding | None:
    """The same difference in all entries, or in all examples."""
    if a.shape != n.shape or a.size < 4:
        return None
    rest = a - n
    if distance(rest, np.full_like(rest, rest.mean())) < 1e-5:
        return Finding(
            "offset",
            mark("The same number, {offset:.4g}, is added to every entry."),
            {"offset": float(rest.mean())},
        )
    if rest.ndim >= 2 and len(rest) > 2:
        mean = np.broadcast_to(rest.mean(axis=0), rest.shape)
        if distance(rest, mean) < 1e-5:
            return Finding(
                "offset",
                mark(
                    "The difference is the same for every example (index of axis 0): something "
                    "that does not depend on the example is added or missing."
                ),
            )
    return None
