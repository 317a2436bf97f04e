"""Rules on which entries are wrong: the target classes, all but the last example, one branch."""

from __future__ import annotations

import math

import numpy as np

from nncourse.diagnosis.context import Context
from nncourse.diagnosis.finding import Finding
from nncourse.diagnosis.local import multiply
from nncourse.diagnosis.measure import Array, same, wrong_entries
from nncourse.language import mark


def softmax_cross_entropy(a: Array, n: Array, context: Context) -> Finding | None:
    """The gradient (p - onehot) / N in the logits, and the ways in which it goes wrong."""
    y, p = context.targets, context.probabilities
    if y is None or a.shape != n.shape or a.ndim != 2 or y.shape != (len(a),):
        return None
    if y.dtype.kind not in "iu" or y.min() < 0 or y.max() >= a.shape[1]:
        return None
    p = p if p is not None and p.shape == a.shape else None
    target = np.zeros(a.shape, dtype=bool)
    target[np.arange(len(y)), y] = True
    scale = 1 / len(y) if context.averaged else 1.0
    if same(a, n + scale * target):
        return Finding(
            "M29",
            mark(
                "Right everywhere except at the target class of each row, where exactly "
                "{surplus:.4g} is too much: the -1 at the target is missing."
            ),
            {"surplus": scale},
        )
    columns = np.isin(np.arange(a.shape[1]), y)
    if same(a, n + scale * target - scale * columns):
        return Finding(
            "M30",
            mark(
                "Whole columns are shifted down: p[:, y] takes these columns in every row. "
                "Each row has one target, so row and column must be indexed together."
            ),
        )
    if same(a, np.where(target, n, 0)):
        return Finding(
            "M33",
            mark(
                "Right at the target classes and 0 elsewhere: the other logits change the "
                "normalising sum, so they have a gradient too."
            ),
        )
    at, off = a[target], a[~target]
    if p is not None and not np.any(off) and np.all(at):
        by_p = at * p[target]
        if same(by_p, np.full_like(by_p, by_p.mean())):
            return Finding(
                "M32",
                mark(
                    "These are the derivatives with respect to the probabilities, -1/p at the "
                    "target and 0 "
                    "elsewhere. The step from probabilities to logits is missing."
                ),
            )
    if p is not None and same(a, n * p * (1 - p)):
        return Finding(
            "M35",
            mark(
                "The numbers are the right ones times p (1 - p): the derivative of softmax is "
                "applied once more, though p - onehot contains it already."
            ),
        )
    probabilities = a / scale + target
    if np.all(probabilities > 0):
        rows, cols = probabilities.sum(axis=1), probabilities.sum(axis=0)
        total = probabilities.sum()
        over_all = same(np.asarray(total), np.asarray(1.0))
        if not same(rows, np.ones_like(rows)) and (same(cols, np.ones_like(cols)) or over_all):
            return Finding(
                "M28",
                mark(
                    "The probabilities in this gradient do not sum to 1 in each row (example): "
                    "softmax is normalised over the wrong axis."
                ),
            )
    wrong = wrong_entries(a, n)
    if not wrong[~target].any():
        return Finding("targets", mark("Wrong only at the target class of each row."))
    if not wrong[target].any():
        return Finding("targets", mark("Right only at the target class of each row."))
    if not same(a.sum(axis=1) + 1, np.ones(len(a))):
        return Finding(
            "rows",
            mark(
                "Each row of this gradient must sum to 0, because adding one number to all logits "
                "of an example changes nothing. Yours sum to {low:.4f} ... {high:.4f}."
            ),
            {"low": float(a.sum(axis=1).min()), "high": float(a.sum(axis=1).max())},
        )
    return None


def probabilities(a: Array, n: Array, context: Context) -> Finding | None:
    """Rows that must sum to 1, and columns or the whole that do so instead."""
    if a.shape != n.shape or a.ndim != 2 or min(a.shape) < 2 or np.any(a < 0) or np.any(n < 0):
        return None
    if not same(n.sum(axis=1), np.ones(len(n))) or same(a.sum(axis=1), np.ones(len(a))):
        return None
    if same(a.sum(axis=0), np.ones(a.shape[1])):
        text = mark(
            "The columns sum to 1, and not the rows: softmax is normalised over the wrong axis."
        )
    elif same(np.asarray(a.sum()), np.asarray(1.0)):
        text = mark("All entries together sum to 1; each row must do so on its own.")
    else:
        return None
    return Finding("M28", text)


def examples(a: Array, n: Array, context: Context) -> Finding | None:
    """A sum over the batch that holds only some examples, or pairs them with the wrong array."""
    if context.product is None or a.shape != n.shape or a.size < 2:
        return None
    left, right = context.product
    if multiply(left, right).shape != n.shape:
        return None
    N = len(left)
    for i in range(N):
        one = multiply(left[i : i + 1], None if right is None else right[i : i + 1])
        if same(a, one):
            if i == 0 and N > 1:
                return Finding(
                    "X04",
                    mark(
                        "This is the contribution of the first example alone: "
                        "the sum over the batch ends too early (a return inside the loop?)."
                    ),
                )
            return Finding(
                "M11",
                mark(
                    "This is the contribution of example {i} alone (of {count}): each example "
                    "overwrites the one before (= instead of +=)."
                ),
                {"i": i, "count": N},
            )
        if N > 2 and same(a, n - one):
            return Finding(
                "X05",
                mark("The contribution of example {i} is missing from the sum over the batch."),
                {"i": i},
            )
    for name, other in context.instead.items():
        if right is not None and other.shape == right.shape and same(a, multiply(left, other)):
            return Finding(
                "M20",
                mark("The numbers fit when {name} is used in place of the layer's input."),
                {"name": name},
            )
    return None


def branches(a: Array, n: Array, context: Context) -> Finding | None:
    """One path's contribution instead of the sum over all paths."""
    for name, value in context.branches.items():
        if same(a, value) and not same(value, n):
            return Finding(
                "M13",
                mark(
                    "This is the contribution of one path only ({name}). A value that is used "
                    "several times collects the gradients of all its uses; they add up."
                ),
                {"name": name},
            )
    return None


def total_everywhere(a: Array, n: Array, context: Context) -> Finding | None:
    """Every entry holds the sum of all. Among decisions, 0 or 1, there may be a single 1."""
    if a.shape != n.shape or a.size < 2 or np.all((n == 0) | (n == 1)):
        return None
    if same(a, np.full_like(n, n.sum())):
        return Finding(
            "M08", mark("Every entry holds the total sum: the sum runs over too many axes.")
        )
    return None


def yes_or_no(a: Array, n: Array, context: Context) -> Finding | None:
    """Decisions, 0 or 1: how many of either kind are wrong."""
    if a.shape != n.shape or a.ndim == 0:
        return None
    ones, zeros = n == 1, n == 0
    if not (ones.any() and zeros.any() and np.all(ones | zeros) and np.all((a == 0) | (a == 1))):
        return None
    return Finding(
        "decisions",
        mark(
            "{missed} of the {ones} entries that must be 1 are 0, and {surplus} of the {zeros} "
            "that must be 0 are 1."
        ),
        {
            "missed": int((ones & (a == 0)).sum()),
            "ones": int(ones.sum()),
            "surplus": int((zeros & (a == 1)).sum()),
            "zeros": int(zeros.sum()),
        },
    )


CHANCE = 0.01
"""Wrong entries that lie so by chance more often than this are not called a pattern."""


def where(a: Array, n: Array, context: Context) -> Finding | None:
    """Last resort: the wrong entries fill some indices of an axis and leave the others right."""
    if a.shape != n.shape or a.ndim == 0:
        return None
    wrong = wrong_entries(a, n)
    for axis in range(a.ndim):
        size = a.shape[axis]
        others = tuple(i for i in range(a.ndim) if i != axis)
        bad = np.flatnonzero(wrong.any(axis=others))
        if size > 2 and 0 < len(bad) < size and not _by_chance(wrong, axis, len(bad)):
            shown = ", ".join(map(str, bad[:6])) + (", ..." if len(bad) > 6 else "")
            return Finding(
                "where",
                mark("Wrong only at index {indices} of axis {axis}; right at the other indices."),
                {"indices": shown, "axis": axis},
            )
    return None


def _by_chance(wrong: Array, axis: int, bad: int) -> bool:
    """Whether scattered wrong entries may well leave just so many indices of the axis right.

    They are scattered as thickly as where they are. A row of single entries tells nothing.
    """
    if wrong.ndim == 1:
        return False
    size, across = wrong.shape[axis], wrong.size // wrong.shape[axis]
    share = float(wrong.sum()) / (bad * across)
    return math.comb(size, bad) * (1 - share) ** ((size - bad) * across) > CHANCE
