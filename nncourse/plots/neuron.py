"""Pictures of one neuron on the plane: what it answers where, and how far examples lie from its
line. The weight is always (w0, w1, w2) with the threshold w0 of the constant feature x0 = -1.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from nncourse.inspection.layout import layered_layout
from nncourse.language import catalogue
from nncourse.plots import style

_ = catalogue("plots")

POSITIVE = {"color": style.BLUE, "marker": "o"}
NEGATIVE = {"color": style.VERMILLION, "marker": "s"}


def _plane(axes: Any, low: float, high: float, names: Sequence[str] = ("x_1", "x_2")) -> None:
    axes.set(xlim=(low, high), ylim=(low, high))
    axes.set_aspect("equal")
    axes.set_xlabel(f"${names[0]}$", labelpad=1)
    axes.set_ylabel(f"${names[1]}$", labelpad=1)


def draw_line(axes: Any, weight: Any, **look: Any) -> None:
    """Draw w1 x1 + w2 x2 = w0 across the axes; nothing where w1 = w2 = 0."""
    w0, w1, w2 = (float(w) for w in weight)
    squared = w1 * w1 + w2 * w2
    if squared:
        foot = (w0 * w1 / squared, w0 * w2 / squared)
        axes.axline(foot, (foot[0] - w2, foot[1] + w1), **{"color": style.INK, **look})


def draw_examples(axes: Any, x: Any, y: Any, size: float = 70) -> None:
    """Circles for the class +1 (or 1), squares for -1 (or 0)."""
    x, y = np.asarray(x, dtype=np.float64), np.asarray(y)
    for chosen, look in ((y > 0, POSITIVE), (y <= 0, NEGATIVE)):
        axes.scatter(*x[chosen].T, s=size, edgecolor=style.INK, linewidth=1, zorder=4, **look)


def shade_side(axes: Any, weight: Any, low: float, high: float) -> None:
    """Tint the side on which the neuron fires."""
    ticks = np.linspace(low, high, 201)
    across, up = np.meshgrid(ticks, ticks)
    w0, w1, w2 = (float(w) for w in weight)
    side = (w1 * across + w2 * up - w0 > 0).astype(float)
    axes.contourf(across, up, side, levels=[0.5, 1.5], colors=[style.SKY], alpha=0.22, zorder=0)


@style.styled
def neuron_maps(
    weight: Any, activations: Mapping[str, Callable], low: float = -3, high: float = 3,
    axes: Any = None,
) -> Any:  # fmt: skip
    """The output of one neuron over the plane, a panel for each activation; returns the axes.

    The line w . x = w0 is the same in all of them, and the arrow is its normal (w1, w2).
    """
    if axes is None:
        axes = style.make_axes(9.5, 3.2, ncols=len(activations))
    w0, w1, w2 = (float(w) for w in weight)
    ticks = np.linspace(low, high, 121)
    across, up = np.meshgrid(ticks, ticks)
    score = w1 * across + w2 * up - w0
    squared = w1 * w1 + w2 * w2
    foot = np.array([w0 * w1, w0 * w2]) / squared
    for place, (name, activation) in zip(np.atleast_1d(axes), activations.items(), strict=True):
        picture = place.pcolormesh(across, up, activation(score), rasterized=True)
        place.figure.colorbar(picture, ax=place, shrink=0.85)
        draw_line(place, weight, color="white", linewidth=3.5)
        draw_line(place, weight, linewidth=1.6)
        head = foot + np.array([w1, w2])
        shape = "simple,head_width=0.8,head_length=0.8,tail_width=0.22"
        arrow = {"arrowstyle": shape, "facecolor": style.INK, "edgecolor": "white"}
        place.annotate("", head, foot, arrowprops={**arrow, "shrinkA": 0, "shrinkB": 0})
        place.set_title(name)
        place.grid(False)
        _plane(place, low, high)
    return axes


@style.styled
def gate_planes(
    gates: Mapping[str, tuple[Any, Any]],
    names: Sequence[str] = ("x_1", "x_2"),
    axes: Any = None,
) -> Any:
    """Boolean functions with their lines: a panel for each, gates[name] = (weight, outputs).

    weight is (w0, w1, w2), or None where no line is drawn, and outputs (4,) are the values
    at (0,0), (0,1), (1,0), (1,1); or weight is (w0, w1) and outputs (2,) those at 0 and 1. Dotted
    lines lead from the nearest points to the boundary. Their length, the margin, stands below.
    """
    if axes is None:
        axes = style.make_axes(3.1 * len(gates), 3.5, ncols=len(gates))
    low, high = -0.6, 1.6
    for place, (name, (weight, outputs)) in zip(np.atleast_1d(axes), gates.items(), strict=True):
        outputs = np.asarray(outputs)
        points = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], dtype=np.float64)
        if len(outputs) == 2:
            points = np.array([[0.0, 0.5], [1.0, 0.5]])
            weight = [*weight, 0.0]
        _plane(place, low, high, names)
        place.set_title(name)
        place.set_xticks([0, 1])
        place.set_yticks([0, 1] if len(outputs) == 4 else [])
        if len(outputs) == 2:
            place.set_ylabel("")
        away = np.tile([0.7, 0.7], (len(points), 1))
        if weight is not None:
            away = _margin(place, np.asarray(weight, dtype=np.float64), points, (low, high))
        draw_examples(place, points, outputs)
        for point, direction, output in zip(points, away, outputs):
            place.annotate(str(int(output)), point, xytext=15 * direction, ha="center",
                           va="center", textcoords="offset points", fontweight="bold")  # fmt: skip
    return axes


def _margin(
    axes: Any, weight: np.ndarray, points: np.ndarray, limits: tuple[float, float]
) -> np.ndarray:
    """Draw line, normal and margin; returns the directions (N, 2) away from the line."""
    shade_side(axes, weight, *limits)
    draw_line(axes, weight)
    length = np.linalg.norm(weight[1:])
    normal = weight[1:] / length
    distance = (points @ weight[1:] - weight[0]) / length
    margin = np.abs(distance).min()
    for point, d in zip(points, distance):
        if np.isclose(abs(d), margin):
            axes.plot(*np.array([point, point - d * normal]).T, ":", color=style.INK, zorder=3)
    foot = weight[0] / length * normal
    along = np.array([-normal[1], normal[0]])
    foot = foot + 0.35 * along * (1 if along[1] > 0 else -1)
    arrow = {"arrowstyle": "-|>", "color": style.INK, "linewidth": 1.6, "shrinkA": 0}
    axes.annotate("", xy=foot + 0.45 * normal, xytext=foot, arrowprops=arrow)
    axes.text(*(foot + 0.55 * normal), "$w$", ha="center", va="center")
    text = _("margin {margin:.3f}", margin=margin)
    box = {"boxstyle": "round,pad=0.2", "facecolor": style.PAPER, "edgecolor": "none"}
    axes.text(0.5, 0.03, text, transform=axes.transAxes, ha="center", va="bottom", bbox=box)
    return np.sign(distance)[:, None] * normal


@style.styled
def neuron_graph(
    neurons: Mapping[str, tuple[Sequence[str], Sequence[float]]], axes: Any = None
) -> Any:
    """A network of neurons as a graph, from left to right: neurons[name] = (inputs, weight).

    weight is (w0, w1, ..., wn) for the n inputs. Names that are no neuron of the network are its
    features. Weights stand on the edges, the condition to fire under the name of the neuron.
    """
    names = list(neurons)
    for inputs, _weight in neurons.values():
        names += [name for name in inputs if name not in names]
    place = {name: i for i, name in enumerate(names)}
    edges, labels = [], []
    for name, (inputs, weight) in neurons.items():
        for source, w in zip(inputs, list(weight)[1:], strict=True):
            edges.append((place[source], place[name]))
            labels.append(f"{w:g}".replace("-", "−"))
    sizes = [(74.0, 46.0) if name in neurons else (38.0, 38.0) for name in names]
    found = layered_layout(sizes, edges, column_gap=88, row_gap=40, port_gap=18)
    if axes is None:
        axes = style.make_axes(found.width / 64 + 0.3, found.height / 64 + 0.3)
    style.hide_frame(axes)
    for route, label in zip(found.routes, labels):
        axes.plot(*np.array(route).T, color=style.FAINT, linewidth=1.4, zorder=1)
        end, before = np.array(route[-1]), np.array(route[-2])
        arrow = {"arrowstyle": "-|>", "color": style.FAINT, "shrinkA": 0, "shrinkB": 0}
        axes.annotate("", xy=end, xytext=end - 0.1 * (end - before), arrowprops=arrow)
        box = {"boxstyle": "round,pad=0.15", "facecolor": style.PAPER, "edgecolor": "none"}
        axes.text(*(end - 0.32 * (end - before)), label, ha="center", va="center", bbox=box)
    patch = style.load_pyplot().matplotlib.patches.FancyBboxPatch
    for name, (width, height), (x, y) in zip(names, sizes, found.centres):
        inner = name in neurons
        note = f"\n> {neurons[name][1][0]:g}".replace("-", "−") if inner else ""
        shown = f"${name[0]}_{{{name[1:]}}}$" if not inner and name[1:].isdigit() else name
        axes.text(x, y, shown + note, ha="center", va="center", zorder=3)
        axes.add_patch(
            patch((x - width / 2, y - height / 2), width, height,
                  boxstyle=f"round,pad=0,rounding_size={14 if inner else 2}", zorder=2,
                  facecolor="#e3eff6" if inner else "#ffffff", edgecolor=style.INK)
        )  # fmt: skip
    axes.set(xlim=(-6, found.width + 6), ylim=(found.height + 6, -6))
    axes.set_aspect("equal")
    return axes
