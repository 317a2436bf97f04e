"""The static picture of a computation graph, for places where no widget runs.

It has the places, colours and marks of the widget: a circle before a value, a triangle pointing
back before a gradient, local derivatives on the edges.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nncourse.widgets.base import new_figure
from nncourse.widgets.graph_model import Passes
from nncourse.widgets.numbers import format_number

if TYPE_CHECKING:
    from matplotlib.figure import Figure

INK, LINE, FORWARD, BACKWARD = "#1f1f1f", "#8a8f98", "#0072b2", "#d55e00"
_MARGIN, _HEAD = 12.0, 34.0
_POINTS = 0.72  # points per unit of the drawing


def graph_figure(passes: Passes, graph: dict[str, Any], heading: str) -> Figure:
    """Draw both passes, complete: every value and every gradient."""
    from matplotlib.patches import FancyBboxPatch, PathPatch
    from matplotlib.path import Path

    width = max(graph["width"], 480.0) + 2 * _MARGIN
    height = graph["height"] + 2 * _MARGIN + _HEAD
    figure = new_figure(width * _POINTS / 72, height * _POINTS / 72)
    figure.set_layout_engine("none")
    axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    axes.set(xlim=(-_MARGIN, width - _MARGIN), ylim=(height - _MARGIN - _HEAD, -_MARGIN - _HEAD))
    axes.axis("off")

    def write(x: float, y: float, text: str, size: float = 9.5, **style: Any) -> None:
        axes.text(x, y, text, fontsize=size, va="center_baseline", **{"color": INK, **style})

    write(0, -_HEAD * 0.6, heading, 10.5, weight="bold")
    for (_u, i, place), edge in zip(passes.expression.edges, graph["edges"]):
        vertices, codes = [edge["route"][0]], [Path.MOVETO]
        for k, (start, end) in enumerate(zip(edge["route"], edge["route"][1:])):
            middle = (start[0] + end[0]) / 2
            vertices += [(middle, start[1]), (middle, end[1]), end] if k % 2 == 0 else [end]
            codes += [Path.CURVE4] * 3 if k % 2 == 0 else [Path.LINETO]
        axes.add_patch(PathPatch(Path(vertices, codes), fill=False, edgecolor=LINE, linewidth=1.1))
        x, y = edge["route"][-1]
        axes.plot([x - 5], [y], marker=">", markersize=4.5, color=LINE)
        box = {"boxstyle": "round,pad=0.15", "facecolor": "white", "edgecolor": "none"}
        local = format_number(passes.partials[i][place])
        write(x - 12, y, local, 8.5, ha="right", color="#5a5a5a", bbox=box)
    for i, node in enumerate(graph["nodes"]):
        x, y, w, h = node["x"], node["y"], node["width"], node["height"]
        rounding = 12 if node["leaf"] else 3
        axes.add_patch(
            FancyBboxPatch(
                (x - w / 2, y - h / 2),
                w,
                h,
                boxstyle=f"round,pad=0,rounding_size={rounding}",
                facecolor="#f3f4f6" if node["leaf"] else "white",
                edgecolor=INK,
                linewidth=1.1,
                zorder=3,
            )
        )
        title = f"{node['label']} = {node['formula']}" if node["formula"] else node["label"]
        write(x, y - 21, title, 9.5, ha="center", weight="bold", zorder=4)
        for row, marker, colour, number in (
            (0, "o", FORWARD, passes.values[i]),
            (1, "<", BACKWARD, passes.gradients[i]),
        ):
            axes.plot([x - w / 2 + 13], [y + 21 * row], marker, color=colour, ms=5, zorder=4)
            write(x - w / 2 + 24, y + 21 * row, format_number(number), zorder=4)
    return figure
