"""Where an array is wrong: a small map with one mark for each entry, or for a block of entries.

Four marks: "." right, "-" "+" "#" a small, middle and large difference, relative to the largest.
Text and HTML draw the same map. Where the axes have a meaning, rows are labelled with theirs
(n2 t0: example 2 at time step 0), and blocks of columns, such as gates, stand apart under their
names.
"""

from __future__ import annotations

from collections.abc import Sequence
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


LETTERS = {"batch": "n", "time": "t", "step": "k", "layer": "l", "row": "i"}
"""The index letter of an axis, by its meaning; others have none."""


def row_labels(shape: tuple[int, ...], axes: Sequence[str]) -> list[str]:
    """A label for each row of the map of an array of this shape; "" where axes say nothing."""
    rows = int(np.prod(shape[:-1], dtype=int))
    letters = [LETTERS.get(axis, "") for axis in axes]
    if len(letters) == 1 == len(shape):
        return [""]
    if len(letters) != len(shape) or rows > ROWS or not all(letters[:-1]):
        return [""] * min(rows, ROWS)
    return [
        " ".join(f"{letter}{i}" for letter, i in zip(letters, index))
        for index in np.ndindex(shape[:-1])
    ]


def _width(columns: int, blocks: Sequence[str]) -> int:
    """Columns of one block of the map; 0 where there are none, or too many to draw each."""
    count = len(blocks)
    return columns // count if count > 1 and columns <= COLUMNS and columns % count == 0 else 0


def text_map(
    yours: Array, right: Array, axes: Sequence[str] = (), blocks: Sequence[str] = ()
) -> list[str]:
    """The map as lines of marks."""
    level = levels(yours, right)
    labels = row_labels(right.shape, axes)
    space = max(map(len, labels))
    width = _width(level.shape[1], blocks)
    lines = []
    if width:
        names = " | ".join(f"{name:^{2 * width - 1}}" for name in blocks)
        lines.append(f"{'':{space + 1 if space else 0}}{names}".rstrip())
    for label, row in zip(labels, shrink(level), strict=True):
        marks = [MARKS[i] for i in row]
        parts = [marks[i : i + width] for i in range(0, len(marks), width)] if width else [marks]
        line = " | ".join(" ".join(part) for part in parts)
        lines.append(f"{label:<{space}} {line}" if space else line)
    return lines


def html_map(
    yours: Array,
    right: Array,
    label: str,
    axes: Sequence[str] = (),
    blocks: Sequence[str] = (),
) -> str:
    """The map as a table: mark and shade by size, both numbers on hover.

    ``label`` says to screen readers what is shown.
    """
    level = levels(yours, right)
    labels = row_labels(right.shape, axes)
    width = _width(level.shape[1], blocks)
    whole = level.shape[0] <= ROWS and level.shape[1] <= COLUMNS
    scale = float(np.max(np.abs(right), initial=0)) or 1.0
    yours, right = yours.reshape(level.shape), right.reshape(level.shape)
    rows = []
    plain = f"padding:0 6px 0 0;border:0;background:none;{TEXT};{MONO};font-size:.8em"
    if width:
        names = "".join(
            f'<td colspan="{width}" style="{plain};text-align:center">{escape(name)}</td>'
            for name in blocks
        )
        corner = f'<td style="{plain}"></td>' if any(labels) else ""
        rows.append(f'<tr style="background:none">{corner}{names}</tr>')
    for i, row in enumerate(shrink(level)):
        cells = []
        if any(labels):
            cells.append(f'<td style="{plain};white-space:nowrap">{escape(labels[i])}</td>')
        for j, k in enumerate(row):
            title = ""
            if whole:
                numbers = f"{number(yours[i, j], scale)} / {number(right[i, j], scale)}"
                title = f' title="[{i}, {j}]: {escape(numbers)}"'
            shade = f"rgba(213,94,0,{(0, 0.25, 0.5, 0.8)[k]})"
            if width and j and j % width == 0:
                shade += ";border-left:3px solid var(--jp-ui-font-color2, gray)"
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


BARS = " ▁▂▃▄▅▆▇█"


def text_bars(shares: Array, full: float) -> str:
    """Shares as a line of bars; ``full`` is the share of a full one."""
    heights = np.clip(np.round(8 * np.asarray(shares) / full), 0, 8).astype(int)
    return "".join(BARS[height] for height in heights)


def html_bars(yours: Array, right: Array, label: str) -> str:
    """Two sets of shares as bars: filled for yours, a line at the height of the right ones."""
    full = 1.25 * max(float(np.max(yours)), float(np.max(right)), 1e-12)
    cells = []
    for mine, want in zip(yours, right, strict=True):
        up, line = round(60 * float(mine) / full), round(60 * float(want) / full)
        title = f"{100 * float(mine):.1f}% / {100 * float(want):.1f}%"
        cells.append(
            f'<td title="{title}" style="width:17px;min-width:17px;height:62px;padding:0 1px;'
            f'border:0;border-bottom:1px solid {LINE};background:none;vertical-align:bottom">'
            f'<div style="position:relative;height:{max(up, line) + 2}px">'
            f'<div style="position:absolute;bottom:0;left:0;right:0;height:{up}px;'
            f'background:rgba(213,94,0,.65)"></div>'
            f'<div style="position:absolute;bottom:{line}px;left:0;right:0;height:0;'
            f'border-top:2px solid var(--jp-ui-font-color1, gray)"></div></div></td>'
        )
    return (
        f'<table role="img" aria-label="{escape(label, quote=True)}" '
        f'style="border-collapse:collapse;margin:5px 0 2px">'
        f'<tr style="background:none">{"".join(cells)}</tr></table>'
    )
