"""Rules on local quantities: f'(z) missing or doubled, a mask of another array, a factor too much.

They compare a / n with the arrays that the forward pass has at hand, entry by entry, or, where the
gradient is a product left.T @ right, entry by entry in its left factor.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from nncourse.diagnosis.context import Context, Quantity
from nncourse.diagnosis.finding import Finding
from nncourse.diagnosis.measure import Array, same, wrong_entries
from nncourse.language import mark

_MISSING = mark(
    "The numbers are the right ones divided by {name}, entry by entry: "
    "the derivative of the activation is missing."
)
_TWICE = mark(
    "The numbers are the right ones times {name} once more: "
    "the derivative of the activation is applied twice."
)
_AT_OUTPUT = mark(
    "The derivative is evaluated at the wrong place: {name} is a function of the pre-activation z, "
    "and the numbers fit when the activation's output is put into it instead."
)
_OTHER = mark("The numbers fit {name} in place of the derivative; it belongs to another function.")


def relu_mask(a: Array, n: Array, context: Context) -> Finding | None:
    """The mask z > 0 missing, inverted, or taken from another array."""
    z, up = context.preactivation, context.upstream
    if z is None or z.shape != n.shape or a.shape != n.shape:
        return None
    off = z <= 0
    if not off.any() or off.all():
        return None
    if up is not None and up.shape == n.shape:
        if same(a, up * off) and np.any(a):
            return Finding(
                "M23",
                mark(
                    "The gradient passes exactly where it should be stopped: "
                    "the mask is inverted (non-zero where z <= 0)."
                ),
            )
        if same(a, np.where(off, up, n)):
            return Finding(
                "M21",
                mark(
                    "Right wherever z > 0; where z <= 0 ({count} entries) the gradient from above "
                    "comes through unchanged. The output does not depend on z there."
                ),
                {"count": int(off.sum())},
            )
        if same(a, up * (up > 0)) or same(a, n * (up > 0)):
            return Finding(
                "M22",
                mark(
                    "Zeros stand exactly where the gradient from above is negative: "
                    "the mask is taken from dout, but it depends on z."
                ),
            )
        square = float(np.vdot(up[off], up[off]))
        slope = float(np.vdot(up[off], a[off])) / max(square, 1e-300)
        if abs(slope) > 1e-6 and same(a, np.where(off, slope * up, n)):
            return Finding(
                "M25",
                mark(
                    "Right wherever z > 0; where z <= 0 the slope is {slope:.4g}, "
                    "which is another function's."
                ),
                {"slope": slope},
            )
    wrong = wrong_entries(a, n)
    if wrong.any() and not wrong[~off].any():
        return Finding(
            "inactive",
            mark("Right wherever z > 0; all {count} wrong entries lie where z <= 0."),
            {"count": int(wrong.sum())},
        )
    if same(a, n * z):
        return Finding(
            "M24",
            mark(
                "Where z > 0, the numbers are the right ones times z: the gradient is multiplied "
                "by the output of ReLU instead of by its derivative."
            ),
        )
    return None


def upstream_factor(a: Array, n: Array, context: Context) -> Finding | None:
    """The gradient from above not used, or used twice."""
    up = context.upstream
    if up is None or up.shape != n.shape or a.shape != n.shape or a.size < 2:
        return None
    if np.min(np.abs(up)) > 0 and same(a * up, n) and not same(up * up, up):
        return Finding(
            "X01",
            mark(
                "This is the local derivative alone. The chain rule multiplies it "
                "by the gradient that arrives from above (dout)."
            ),
        )
    if same(a, n * up):
        return Finding("X02", mark("The gradient from above (dout) is multiplied in twice."))
    if same(a, up):
        return Finding(
            "M15",
            mark(
                "The gradient from above is returned unchanged: "
                "the derivative of the function itself is missing."
            ),
        )
    return None


def _over(n: Array, q: Array, smallest: float = 1e-5) -> Array | None:
    """n / q, unless q is so small somewhere that the noise of a numerical n would be blown up."""
    return n / q if np.min(np.abs(q)) > smallest else None


def _derivatives(
    context: Context,
) -> tuple[list[Quantity], list[Quantity], list[Quantity], list[Quantity]]:
    kinds = ("derivative", "derivative at output", "other derivative", "quantity")
    d, at_output, other, rest = (
        [q for q in context.quantities if q.role == kind] for kind in kinds
    )
    return d, at_output, other, rest


def _compare(
    a: Array,
    n: Array,
    context: Context,
    build: Callable[[Array], Array] = lambda factor: factor,
    smallest: float = 1e-5,
) -> Finding | None:
    """Try the quantities on ``n``, the elementwise factor; ``build`` makes the gradient of it."""

    def fits(candidate: Array | None) -> bool:
        return candidate is not None and same(a, build(candidate))

    derivative, at_output, other, _rest = _derivatives(context)
    for d in derivative:
        if d.value.shape != n.shape:
            continue
        plain = _over(n, d.value, smallest)
        if fits(plain):
            return Finding("M15", _MISSING, {"name": d.name})
        if fits(n * d.value):
            return Finding("M16", _TWICE, {"name": d.name})
        if plain is None:
            continue
        for q in at_output:
            if fits(plain * q.value):
                return Finding("M17", _AT_OUTPUT, {"name": d.name})
        for q in other:
            if fits(plain * q.value):
                return Finding("X03", _OTHER, {"name": q.name})
    return None


def elementwise_derivative(a: Array, n: Array, context: Context) -> Finding | None:
    """The derivative of an activation missing, doubled, misplaced, or another function's."""
    if a.shape != n.shape or a.size < 2 or not np.any(n):
        return None
    if context.product is None:
        return _compare(a, n, context)
    left, right = context.product
    # The left factor is computed, not numerical: it has no noise that a division could blow up.
    return _compare(a, left, context, lambda factor: multiply(factor, right), smallest=0.0)


def multiply(left: Array, right: Array | None) -> Array:
    """left.T @ right: the gradient of a weight, or of a bias where ``right`` is None."""
    return left.sum(axis=0) if right is None else left.T @ right


def elementwise_quantity(a: Array, n: Array, context: Context) -> Finding | None:
    """A local quantity as a surplus or missing factor, in its first or second power."""
    if a.shape != n.shape or a.size < 2 or context.product is not None:
        return None
    for q in _derivatives(context)[3]:
        try:
            value = np.broadcast_to(q.value, n.shape)
        except ValueError:
            continue
        if same(a, n * value) or same(a, n * value**2):
            power = 1 if same(a, n * value) else 2
            return Finding(
                "factor",
                mark(
                    "The numbers are the right ones times {name} (power {power}), entry by entry."
                ),
                {"name": q.name, "power": power},
            )
        inverse = _over(n, value)
        if inverse is not None and same(a, inverse):
            return Finding(
                "factor",
                mark("The numbers are the right ones divided by {name}, entry by entry."),
                {"name": q.name},
            )
    return None
