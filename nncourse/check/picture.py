"""Where an array is wrong: a small map with one mark for each entry, or for a block of entries.

Four marks: "." right, "-" "+" "#" a small, middle and large difference, relative to the largest.
Text and HTML draw the same map.
"""

from __future__ import annotations

import numpy as np

from nncourse.diagnosis.measure import Array, wrong_entries

MARKS = ".-+#"

ROWS, COLUMNS = 16, 32
"""The largest map; more entries than that are gathered into blocks, which show their worst."""


def levels(yours: Array, right: Array) -> Array:
    """0 to 3 for each entry, as a matrix: leading axes are laid out as rows."""
    with np.errstate(invalid="ignore"):
        gap = np.abs(yours - right)
    finite = np.isfinite(gap)
    largest = np.max(gap[finite], initial=0.0)
    # The small tolerance keeps equal differences on one side of a border.
    share = np.where(finite, gap, np.inf) / (largest or 1.0) - 1e-6
    level = np.where(share > 2 / 3, 3, np.where(share > 1 / 3, 2, 1))
    level = np.where(wrong_entries(yours, right), level, 0)
    return level.reshape(-1, level.shape[-1]) if level.ndim else level.reshape(1, 1)


def shrink(level: Array) -> Array:
    """At most ROWS x COLUMNS marks: blocks of entries are replaced by their maximum."""
    for axis, most in ((0, ROWS), (1, COLUMNS)):
        size = level.shape[axis]
        if size > most:
            starts = np.unique(np.arange(most) * size // most)
            level = np.maximum.reduceat(level, starts, axis=axis)
    return level


def text_map(yours: Array, right: Array) -> list[str]:
    """The map as lines of marks."""
    return [" ".join(MARKS[i] for i in row) for row in shrink(levels(yours, right))]
