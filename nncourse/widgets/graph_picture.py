"""The static picture of a computation graph, for places where no widget runs.

It has the places, colours and marks of the widget: a circle before a value, a triangle pointing
back before a gradient, local derivatives or weights on the edges.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

from nncourse.widgets.base import new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, MUTED, LINE, FORWARD, BACKWARD = "#1f1f1f", "#5a5a5a", "#8a8f98", "#0072b2", "#d55e00"
_MARGIN, _HEAD, _ROW = 12.0, 34.0, 21.0
_POINTS = 0.72  # points per unit of the drawing


def story_figure(steps: list[dict[str, Any]], graph: dict[str, Any], heading: str) -> Figure:
    """Draw what the last step knows: every value and every gradient."""
    seen = {
        (kind, which): text
        for step in steps
        for number in step["numbers"]
        for kind, which, text in number["shows"]
    }
    width = max(graph["width"], 480.0) + 2 * _MARGIN
    height = graph["height"] + 2 * _MARGIN + _HEAD
    figure = new_figure(width * _POINTS / 72, height * _POINTS / 72)
    figure.set_layout_engine("none")
    axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    axes.set(xlim=(-_MARGIN, width - _MARGIN), ylim=(height - _MARGIN - _HEAD, -_MARGIN - _HEAD))
    axes.axis("off")
    _write(axes, 0, -_HEAD * 0.6, heading, 10.5, weight="bold")
    for k, edge in enumerate(graph["edges"]):
        _draw_edge(axes, edge["route"], seen.get(("local", k), ""))
    for i, node in enumerate(graph["nodes"]):
        _draw_node(axes, node, seen.get(("value", i), ""), seen.get(("gradient", i), ""))
    return figure


def _write(axes: Axes, x: float, y: float, text: str, size: float = 9.5, **style: Any) -> None:
    axes.text(x, y, text, fontsize=size, va="center_baseline", **{"color": INK, **style})


def _draw_edge(axes: Axes, route: list[list[float]], label: str) -> None:
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path

    vertices, codes = [route[0]], [Path.MOVETO]
    for k, (start, end) in enumerate(pairwise(route)):
        middle = (start[0] + end[0]) / 2
        between_columns = k % 2 == 0
        vertices += [[middle, start[1]], [middle, end[1]], end] if between_columns else [end]
        codes += [Path.CURVE4] * 3 if between_columns else [Path.LINETO]
    axes.add_patch(PathPatch(Path(vertices, codes), fill=False, edgecolor=LINE, linewidth=1.1))
    x, y = route[-1]
    axes.plot([x - 5], [y], marker=">", markersize=4.5, color=LINE)
    if label:
        box = {"boxstyle": "round,pad=0.15", "facecolor": "white", "edgecolor": "none"}
        _write(axes, x - 12, y, label, 8.5, ha="right", color=MUTED, bbox=box)


def _draw_node(axes: Axes, node: dict[str, Any], value: str, gradient: str) -> None:
    from matplotlib.patches import FancyBboxPatch

    left = node["x"] - node["width"] / 2
    y = node["y"] + _ROW * (1 - node["rows"] / 2)  # of the value
    axes.add_patch(
        FancyBboxPatch(
            (left, node["y"] - node["height"] / 2),
            node["width"],
            node["height"],
            boxstyle=f"round,pad=0,rounding_size={12 if node['leaf'] else 3}",
            facecolor="#f3f4f6" if node["leaf"] else "white",
            edgecolor=INK,
            linewidth=1.1,
            zorder=3,
        )
    )
    title = f"{node['label']} = {node['formula']}" if node["formula"] else node["label"]
    _write(axes, node["x"], y - _ROW, title, 9.5, ha="center", weight="bold", zorder=4)
    for row, marker, colour, text in ((0, "o", FORWARD, value), (1, "<", BACKWARD, gradient)):
        if text:
            axes.plot([left + 13], [y + _ROW * row], marker, color=colour, ms=5, zorder=4)
            _write(axes, left + 24, y + _ROW * row, text, zorder=4)
