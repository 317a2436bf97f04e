"""Static pictures of the widgets about one neuron and about gates, for where no widget runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from nncourse.language import catalogue
from nncourse.nn.perceptron import Perceptron
from nncourse.widgets.base import new_figure
from nncourse.widgets.numbers import format_number

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_ = catalogue("widgets")

INK, POSITIVE, NEGATIVE, SOFT = "#1f1f1f", "#0072b2", "#d55e00", "#e1eff8"
LINES = (INK, "#009e73")


def neuron_figure(x: np.ndarray, y: np.ndarray, weights: Sequence[float], heading: str) -> Figure:
    """The plane with the points (N, 2), the line, its normal; beside it each point's sum."""
    figure = new_figure(7.6, 3.9)
    figure.suptitle(heading, fontsize=10.5, weight="bold", x=0.012, ha="left")
    plane, table = figure.subplots(1, 2, width_ratios=(1.15, 1))
    draw_plane(plane, -3, 3, [weights], x, y)
    w0, w1, w2 = weights
    squared = w1 * w1 + w2 * w2
    if squared:
        foot = np.array([w1, w2]) * w0 / squared
        head = foot + np.array([w1, w2]) * min(1.0, 1.7 / squared**0.5)
        arrow = {"arrowstyle": "-|>", "color": INK, "linewidth": 2, "shrinkA": 0, "shrinkB": 0}
        plane.annotate("", head, foot, arrowprops=arrow)
    for i, point in enumerate(x):
        plane.annotate(str(i + 1), point, (6, 5), textcoords="offset points", fontsize=8)
    table.axis("off")
    perceptron = Perceptron(2)
    perceptron.weight = np.array(weights)
    scores = perceptron.score(x)
    rows = [
        [str(i + 1), *(format_number(float(v)) for v in point), format_number(float(h)),
         str(int(h > 0)), "+1" if c > 0 else "−1"]
        for i, (point, h, c) in enumerate(zip(x, scores, y))
    ]  # fmt: skip
    _write_table(table, ["№", "$x_1$", "$x_2$", "$h$", _("out"), "$y$"], rows)
    return figure


def gates_figure(
    inputs: np.ndarray, hidden: np.ndarray | None, targets: np.ndarray,
    neurons: Sequence[Sequence[float]], outputs: np.ndarray, scores: np.ndarray, heading: str,
) -> Figure:  # fmt: skip
    """The plane of the inputs and, with a second layer, that of the hidden outputs; the table."""
    figure = new_figure(7.6, 3.3)
    figure.suptitle(heading, fontsize=10.5, weight="bold", x=0.012, ha="left")
    places = figure.subplots(1, 2 if hidden is None else 3)
    shown = 2 * targets - 1
    draw_plane(places[0], -0.5, 1.5, neurons[:1] if hidden is None else neurons[:2], inputs, shown)
    columns = [inputs]
    head = ["$x_1$", "$x_2$"]
    if hidden is not None:
        draw_plane(places[1], -0.5, 1.5, neurons[2:], hidden, shown, ("$u_1$", "$u_2$"))
        columns.append(hidden)
        head += ["$u_1$", "$u_2$"]
    places[-1].axis("off")
    rows = [
        [*(str(int(v)) for block in columns for v in block[i]), format_number(float(scores[i])),
         str(int(outputs[i])), str(int(targets[i]))]
        for i in range(4)
    ]  # fmt: skip
    _write_table(places[-1], [*head, "$h$", _("out"), "$y$"], rows)
    return figure


def draw_plane(
    axes: Axes, low: float, high: float, neurons: Sequence[Sequence[float]],
    x: np.ndarray, y: np.ndarray, names: tuple[str, str] = ("$x_1$", "$x_2$"),
) -> None:  # fmt: skip
    """Points of two classes, the lines of neurons, the first one's side tinted."""
    ticks = np.linspace(low, high, 201)
    across, up = np.meshgrid(ticks, ticks)
    for k, (w0, w1, w2) in enumerate(neurons):
        if k == 0 and len(neurons) == 1:
            fires = (w1 * across + w2 * up - w0 > 0).astype(float)
            axes.contourf(across, up, fires, levels=[0.5, 1.5], colors=[SOFT], zorder=0)
        squared = w1 * w1 + w2 * w2
        if squared:
            foot = (w0 * w1 / squared, w0 * w2 / squared)
            look: dict[str, Any] = {"color": LINES[k], "linestyle": "-" if k == 0 else "--"}
            axes.axline(foot, (foot[0] - w2, foot[1] + w1), linewidth=1.8, **look)
    for chosen, colour, marker in ((y > 0, POSITIVE, "o"), (y <= 0, NEGATIVE, "s")):
        axes.scatter(
            x[chosen, 0],
            x[chosen, 1],
            s=46,
            color=colour,
            marker=marker,
            edgecolor="white",
            zorder=4,
        )
    axes.set(xlim=(low, high), ylim=(low, high), aspect="equal")
    axes.set_xlabel(names[0], fontsize=9)
    axes.set_ylabel(names[1], fontsize=9)
    whole = range(int(np.ceil(low)), int(high) + 1)
    axes.set(xticks=whole, yticks=whole)
    axes.tick_params(labelsize=8)
    axes.grid(color="#d5d8dd", linewidth=0.6, zorder=0)


def _write_table(axes: Axes, head: list[str], rows: list[list[str]]) -> None:
    table = axes.table(rows, colLabels=head, loc="center", cellLoc="center", edges="horizontal")
    table.auto_set_font_size(False)
    table.set_fontsize(8.5)
    table.scale(1, 1.15)
