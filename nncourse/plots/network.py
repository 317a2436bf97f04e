"""Diagrams of a small network: both passes with their numbers, and the shapes of its matrices."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from nncourse.language import catalogue
from nncourse.plots import style

_ = catalogue("plots")


def _heights(count: int) -> np.ndarray:
    return (np.arange(count)[::-1] - (count - 1) / 2) * 1.0


def _edges(axes: Any, values: np.ndarray, left: float, right: float, largest: float) -> None:
    """Lines from layer to layer: thickness is the size of ``values[j, h]``, dashes are minus."""
    starts, ends = _heights(values.shape[0]), _heights(values.shape[1])
    for j, start in enumerate(starts):
        for h, end in enumerate(ends):
            value = values[j, h]
            axes.plot(
                [left, right],
                [start, end],
                color=style.BLUE if value >= 0 else style.VERMILLION,
                linestyle="-" if value >= 0 else (0, (3, 1.5)),
                linewidth=0.4 + 3.2 * abs(value) / largest,
                zorder=1,
            )


def _nodes(axes: Any, numbers: Sequence[float], names: Sequence[str], x: float, fill: str) -> None:
    for y, number, name in zip(_heights(len(numbers)), numbers, names, strict=True):
        axes.scatter([x], [y], s=1150, color=fill, edgecolor=style.INK, linewidth=1, zorder=2)
        axes.text(x, y, f"{number:z.2f}", ha="center", va="center", fontsize=10, zorder=3)
        axes.text(x, y + 0.37, name, ha="center", va="bottom", fontsize=12, zorder=3)


@style.styled
def network_passes(
    values: Sequence[Any],
    errors: Sequence[Any],
    weights: Sequence[Any],
    gradients: Sequence[Any],
    names: Sequence[str] = ("x", "u", "a"),
    axes: Any = None,
) -> Any:
    """Draw a layered network twice: values and weights forward, errors and gradients backward.

    values[l] (width_l,) are the layers' outputs for one example, errors[l] the loss's derivatives
    with respect to them; weights[l] and gradients[l] (width_l, width_{l+1}) are w_jh, from j to h.
    Returns the two axes.
    """
    if axes is None:
        axes = style.make_axes(9.5, 4.1, ncols=2)
    columns = np.arange(len(values)) * 2.0
    panels = (
        (axes[0], values, weights, "#e3eff6", _("Forward: values and weights"), "{}_{}"),
        (
            axes[1],
            errors,
            gradients,
            "#fbe9dd",
            _("Backward: errors and gradients"),
            r"\partial SE/\partial {}_{}",
        ),
    )
    for panel, numbers, matrices, fill, title, pattern in panels:
        style.hide_frame(panel)
        panel.set_title(title, pad=12)
        arrays = [np.asarray(matrix, dtype=np.float64) for matrix in matrices]
        largest = max(float(np.abs(array).max()) for array in arrays) or 1.0
        for index, array in enumerate(arrays):
            _edges(panel, array, columns[index], columns[index + 1], largest)
        for index, row in enumerate(numbers):
            labels = [f"${pattern.format(names[index], i + 1)}$" for i in range(len(row))]
            _nodes(panel, [float(v) for v in row], labels, columns[index], fill)
        tallest = max(len(row) for row in numbers)
        panel.set_xlim(-0.8, columns[-1] + 0.8)
        panel.set_ylim(-tallest / 2 - 0.1, tallest / 2 + 0.35)
        start, end = (0.1, 0.9) if panel is axes[0] else (0.9, 0.1)
        panel.annotate(
            "",
            xy=(end, 0.01),
            xytext=(start, 0.01),
            xycoords="axes fraction",
            arrowprops={"arrowstyle": "-|>", "color": style.INK, "linewidth": 1.4},
        )
    return axes


@style.styled
def matrix_shapes(n: int = 5, inputs: int = 4, outputs: int = 3, axes: Any = None) -> Any:
    """The four products of a linear layer as rectangles to scale: out, dX, dW and db.

    out (n, outputs) = X (n, inputs) W^T + b; W is (outputs, inputs), as in PyTorch.
    """
    if axes is None:
        axes = style.make_axes(9.5, 4.6, nrows=2, ncols=2)
    data, weight = "#cfe5f2", "#f6d8c2"
    rows = (
        (r"$out = X\,W^{\top}$", ("out", n, outputs, data), ("X", n, inputs, data),
         (r"W^{\top}", inputs, outputs, weight)),
        (r"$dX = dOut\;W$", ("dX", n, inputs, data), ("dOut", n, outputs, data),
         ("W", outputs, inputs, weight)),
        (r"$dW = dOut^{\top} X$", ("dW", outputs, inputs, weight),
         (r"dOut^{\top}", outputs, n, data), ("X", n, inputs, data)),
        (r"$db = \mathbf{1}^{\top} dOut$", ("db", 1, outputs, weight),
         (r"\mathbf{1}^{\top}", 1, n, "#eeeeee"), ("dOut", n, outputs, data)),
    )  # fmt: skip
    letters = {n: "N", inputs: "in", outputs: "out", 1: "1"}
    for place, (title, *boxes) in zip(np.asarray(axes).reshape(-1), rows, strict=True):
        style.hide_frame(place)
        place.set_title(title, fontsize=14)
        left = 0.0
        for index, (name, height, width, colour) in enumerate(boxes):
            place.add_patch(
                style.load_pyplot().Rectangle(
                    (left, -height / 2), width, height, facecolor=colour, edgecolor=style.INK
                )
            )
            place.text(left + width / 2, 0, f"${name}$", ha="center", va="center", fontsize=12)
            place.text(left + width / 2, height / 2 + 0.12, letters[width], ha="center",
                       va="bottom", fontsize=10, color=style.FAINT)  # fmt: skip
            place.text(left - 0.12, 0, letters[height], ha="right", va="center", fontsize=10,
                       color=style.FAINT)  # fmt: skip
            left += width + 2.7
            if index < 2:
                place.text(left - 1.8, 0, "=@"[index], ha="center", va="center", fontsize=14)
        place.set_xlim(-1.0, left - 1.7)
        tallest = max(n, inputs, outputs)
        place.set_ylim(-tallest / 2 - 0.2, tallest / 2 + 0.9)
        place.set_aspect("equal")
    return axes
