"""Rules on the form of the array: its numbers exist, its shape, its order of entries.

They come first because everything after them compares entry with entry.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np

from nncourse.diagnosis.context import Context
from nncourse.diagnosis.finding import Finding
from nncourse.diagnosis.measure import Array, same
from nncourse.language import mark


def not_finite(a: Array, n: Array, context: Context) -> Finding | None:
    """NaN or inf among the entries."""
    bad = ~np.isfinite(a)
    if not bad.any():
        return None
    count, size = int(bad.sum()), a.size
    logits = context.logits
    # A softmax that overflows gives NaN; inf alone is a logarithm of 0.
    if logits is not None and np.max(np.abs(logits)) > 700 and np.isnan(a).any():
        return Finding(
            "M26",
            mark(
                "{count} of {size} entries are NaN or inf, and the logits reach {largest:.0f}: "
                "exp overflows above 709 and gives 0 below -745. Softmax does not change when the "
                "same number is subtracted from all logits of a row; subtract the row's maximum."
            ),
            {"count": count, "size": size, "largest": float(np.max(np.abs(logits)))},
        )
    return Finding(
        "nan",
        mark(
            "{count} of {size} entries are NaN or inf. Print what is computed before them, in "
            "order: where NaN or inf stands first, there is a division by zero, an exp that "
            "overflows, a root or logarithm of a negative number, or a number that grew too large."
        ),
        {"count": count, "size": size},
    )


def wrong_shape(a: Array, n: Array, context: Context) -> Finding | None:
    """Another shape than the numerical gradient's: which simple step would give the right one?"""
    if a.shape == n.shape:
        return None
    shapes = {"got": a.shape, "want": n.shape}
    if a.ndim == n.ndim > 2:
        for one, other in combinations(range(a.ndim), 2):
            if same(np.swapaxes(a, one, other), n):
                return Finding(
                    "M66",
                    mark(
                        "The numbers are right, but axes {one} and {other} are exchanged: the "
                        "shape is {got} instead of {want}."
                    ),
                    {**shapes, "one": one, "other": other},
                )
    if a.ndim >= 2 and a.T.shape == n.shape:
        if same(a.T, n):
            return Finding(
                "M05",
                mark("The numbers are right but transposed: the shape is {got} instead of {want}."),
                shapes,
            )
        return Finding("shape", mark("The shape is {got}; {want} is its transpose."), shapes)
    if a.size == n.size and same(a.reshape(n.shape), n):
        return Finding(
            "M56", mark("The numbers are right, but the shape is {got} instead of {want}."), shapes
        )
    surplus = a.ndim - n.ndim
    if 0 < surplus <= 3:
        for axes in combinations(range(a.ndim), surplus):
            summed = a.sum(axis=axes)
            if same(summed, n):
                axis = axes[0] if len(axes) == 1 else axes
                return Finding(
                    "M07",
                    mark(
                        "The shape is {got} instead of {want}. Summed over axis {axis} it has the "
                        "right shape and the right numbers: this sum is missing."
                    ),
                    {**shapes, "axis": axis},
                )
    if a.size == 1 and n.size > 1 and same(a.reshape(()), np.asarray(n.sum())):
        return Finding(
            "M08",
            mark("One number came back: the sum of all {size} entries. The shape must be {want}."),
            {"size": n.size, **shapes},
        )
    up = context.upstream
    if up is not None and up.ndim >= 2:
        for axis in range(up.ndim):
            over = up.sum(axis=axis)
            if over.shape == a.shape and same(a, over):
                return Finding(
                    "M08",
                    mark(
                        "The shape is {got} instead of {want}: the gradient from above was summed "
                        "over axis {axis}, which is the wrong one."
                    ),
                    {**shapes, "axis": axis},
                )
    if a.ndim == n.ndim and all(s > t for s, t in zip(a.shape, n.shape, strict=True)):
        margins = [(s - t) // 2 for s, t in zip(a.shape, n.shape, strict=True)]
        inner = a[tuple(slice(m, m + t) for m, t in zip(margins, n.shape, strict=True))]
        if same(inner, n):
            return Finding(
                "M63",
                mark(
                    "The shape is {got} instead of {want}; the inner part is right. "
                    "The padding was not cut off."
                ),
                shapes,
            )
    return Finding("shape", mark("The shape is {got}, but it must be {want}."), shapes)


def vacuous(a: Array, n: Array, context: Context) -> Finding | None:
    """A numerical gradient of 0 shows nothing, whatever came back."""
    if np.max(np.abs(n), initial=0) > 1e-9:
        return None
    return Finding(
        "M110",
        mark(
            "The numerical gradient is 0 at this point, so the comparison says nothing. "
            "Use another point and a random gradient from above (ones make the gradients of "
            "softmax and of normalisation layers vanish)."
        ),
    )


def all_zero(a: Array, n: Array, context: Context) -> Finding | None:
    """Nothing was written into the result."""
    if a.size == 0 or np.max(np.abs(a)) > 1e-12 * np.max(np.abs(n)):
        return None
    return Finding("zero", mark("All entries are 0."))


def integers(a: Array, n: Array, context: Context) -> Finding | None:
    """An integer array cut the fractions off."""
    if a.dtype.kind not in "iu" or a.shape != n.shape:
        return None
    if np.array_equal(a, np.trunc(n)) or np.array_equal(a, np.rint(n)):
        return Finding(
            "X07",
            mark("The result is an array of whole numbers ({dtype}): the fractions were cut off."),
            {"dtype": str(a.dtype)},
        )
    return None


def permuted(a: Array, n: Array, context: Context) -> Finding | None:
    """The right entries at other places: transposed, rotated, flipped, rows in another order."""
    if a.shape != n.shape or a.size < 4:
        return None
    if a.ndim == 2 and a.shape[0] == a.shape[1] and same(a.T, n):
        return Finding(
            "M05",
            mark(
                "The numbers are right but transposed: entry [i, j] stands at [j, i]. "
                "This matrix is square here, so the shape does not tell."
            ),
        )
    if a.ndim > 2 and a.shape[-1] == a.shape[-2] and same(np.swapaxes(a, -1, -2), n):
        return Finding("M66", mark("The last two axes are swapped; the numbers are right."))
    if a.ndim >= 2 and same(a[..., ::-1, ::-1], n):
        return Finding(
            "M61", mark("The numbers are right but rotated by 180 degrees in the last two axes.")
        )
    for axis in range(a.ndim):
        if same(np.flip(a, axis), n):
            return Finding(
                "flipped",
                mark("The numbers are right but in reverse order along axis {axis}."),
                {"axis": axis},
            )
    for axis in range(a.ndim):
        rows = np.moveaxis(a, axis, 0).reshape(a.shape[axis], -1)
        wanted = np.moveaxis(n, axis, 0).reshape(n.shape[axis], -1)
        if len(rows) < 3 or rows.shape[1] < 2:
            continue
        apart = np.linalg.norm(rows[:, None] - wanted[None], axis=2)
        order = apart.argmin(axis=1)
        if len(set(order)) == len(order) and same(rows, wanted[order]):
            return Finding(
                "reordered",
                mark("The slices along axis {axis} are right but stand in another order."),
                {"axis": axis},
            )
    return None
