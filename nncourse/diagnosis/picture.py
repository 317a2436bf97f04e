"""Where an array is wrong: a small map with one mark for each entry, or for a block of entries.

Four marks: "." right, "-" "+" "#" a small, middle and large difference, relative to the largest.
Text and HTML draw the same map.
"""

from __future__ import annotations

from html import escape

import numpy as np

from nncourse.diagnosis.measure import Array, wrong_entries

MARKS = ".-+#"

ROWS, COLUMNS = 16, 32
"""The largest map; more entries than that are gathered into blocks, which show their worst."""

# Styles stand inside the elements, because notebooks that are not trusted lose their style sheets.
# Colours come from JupyterLab's variables, with fallbacks.
TEXT = "color:var(--jp-ui-font-color1, inherit)"
LINE = "var(--jp-border-color2, rgba(128,128,128,.45))"
MONO = "font-family:var(--jp-code-font-family, monospace);font-size:.93em"


def number(value: float, scale: float = 1.0) -> str:
    """Five digits; what is rounding noise beside ``scale`` is 0."""
    value = float(value)
    if np.isfinite(value) and abs(value) < 1e-8 * scale:
        return "0"
    return f"{value:.5g}"


def badge(word: str, mark: str, colour: str) -> str:
    """A verdict in HTML: a word on a ground of the colour, after a mark that says the same."""
    return (
        f'<span style="background:{colour};color:#fff;border-radius:3px;padding:1px 7px;'
        f'font-weight:600;white-space:nowrap">{mark} {escape(word)}</span>'
    )


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


def html_map(yours: Array, right: Array, label: str) -> str:
    """The map as a table: mark and shade by size, both numbers on hover.

    ``label`` says to screen readers what is shown.
    """
    level = levels(yours, right)
    whole = level.shape[0] <= ROWS and level.shape[1] <= COLUMNS
    scale = float(np.max(np.abs(right), initial=0)) or 1.0
    yours, right = yours.reshape(level.shape), right.reshape(level.shape)
    rows = []
    for i, row in enumerate(shrink(level)):
        cells = []
        for j, k in enumerate(row):
            title = ""
            if whole:
                numbers = f"{number(yours[i, j], scale)} / {number(right[i, j], scale)}"
                title = f' title="[{i}, {j}]: {escape(numbers)}"'
            shade = f"rgba(213,94,0,{(0, 0.25, 0.5, 0.8)[k]})"
            cells.append(
                f'<td{title} style="width:17px;height:17px;min-width:17px;padding:0;'
                f"text-align:center;line-height:17px;border:1px solid {LINE};"
                f'background:{shade};{TEXT};{MONO}">{MARKS[k]}</td>'
            )
        rows.append(f'<tr style="background:none">{"".join(cells)}</tr>')
    return (
        f'<table role="img" aria-label="{escape(label, quote=True)}" '
        f'style="border-collapse:collapse;margin:5px 0 2px">{"".join(rows)}</table>'
    )
