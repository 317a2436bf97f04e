"""Computation graphs of numbers: values, gradients, the paths between them, and the cost of passes.

A node is any hashable thing, so that a reader's own engine can be drawn as it is. Sizes are in
points, the unit of the text, and the figure grows with the graph: letters keep their size.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Hashable, Mapping, Sequence
from itertools import pairwise
from typing import Any

from nncourse.inspection.layout import Layout, layered_layout
from nncourse.language import catalogue
from nncourse.plots import style

_ = catalogue("plots")

Node = Hashable
_CHARACTER, _TITLE, _ROW = 6.6, 24.0, 15.0  # points
_MARGIN = 10.0


def _number(value: float, sign: bool = False) -> str:
    return (f"{value:+.3g}" if sign else f"{value:.3g}").replace("-", "−")


def _arrange(
    nodes: Mapping[Any, str],
    edges: Sequence[tuple[Any, Any]],
    *,
    rows: int = 0,
    width: float = 26.0,
    gap: float = 44.0,
) -> tuple[Layout, list[tuple[float, float]]]:
    """Where the nodes stand, and how large they are: at least as high as their edges need."""
    entering = Counter(target for _source, target in edges)
    sizes = []
    for node, text in nodes.items():
        letters = len(re.sub(r"[$\\_{}^]", "", text))
        height = max(_TITLE + rows * _ROW, entering[node] * _ROW + 4)
        sizes.append((max(width, letters * _CHARACTER + 14), height))
    place = {node: i for i, node in enumerate(nodes)}
    pairs = [(place[source], place[target]) for source, target in edges]
    return layered_layout(sizes, pairs, column_gap=gap, row_gap=12, port_gap=_ROW), sizes


def _panels(layout: Layout, count: int, title: float) -> Any:
    """A figure with ``count`` axes side by side, each as large as the graph."""
    width, height = layout.width + 2 * _MARGIN, layout.height + 2 * _MARGIN
    return style.make_axes(count * width / 72, (height + title) / 72, ncols=count)


def _open(axes: Any, layout: Layout, height: float | None = None) -> None:
    style.hide_frame(axes)
    axes.set_aspect("equal")
    axes.set_xlim(-_MARGIN, layout.width + _MARGIN)
    half = (height or layout.height) / 2 + _MARGIN
    axes.set_ylim(layout.height / 2 + half, layout.height / 2 - half)


def _draw_edge(axes: Any, route: Sequence[Any], colour: str, width: float, back: bool) -> None:
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path

    vertices, codes = [route[0]], [Path.MOVETO]
    for k, (start, end) in enumerate(pairwise(route)):
        middle = (start[0] + end[0]) / 2
        between_columns = k % 2 == 0
        bent = [(middle, start[1]), (middle, end[1]), end]
        vertices += bent if between_columns else [end]
        codes += [Path.CURVE4] * 3 if between_columns else [Path.LINETO]
    axes.add_patch(
        PathPatch(Path(vertices, codes), fill=False, edgecolor=colour, linewidth=width, zorder=1)
    )
    (x, y), marker, shift = (route[0], "<", 4) if back else (route[-1], ">", -4)
    axes.plot([x + shift], [y], marker, color=colour, markersize=5 + width / 2, zorder=1)


def _draw_label(axes: Any, route: Sequence[Any], text: str, colour: str, bold: bool) -> None:
    """Beside the place where the edge enters its target: there edges never lie on each other."""
    x, y = route[-1]
    weight = "bold" if bold else "normal"
    box = {"boxstyle": "round,pad=0.1", "facecolor": style.PAPER, "edgecolor": "none"}
    axes.text(x - 11, y, text, ha="right", va="center_baseline", fontsize=9.5, color=colour,
              fontweight=weight, bbox=box, zorder=2)  # fmt: skip


def _draw_node(
    axes: Any,
    centre: tuple[float, float],
    size: tuple[float, float],
    title: str,
    rows: Sequence[tuple[str, str, str]],
    fill: str,
    border: str = style.INK,
) -> None:
    from matplotlib.patches import FancyBboxPatch

    (x, y), (width, height) = centre, size
    corner = (x - width / 2, y - height / 2)
    axes.add_patch(
        FancyBboxPatch(corner, width, height, boxstyle="round,pad=0,rounding_size=6",
                       facecolor=fill, edgecolor=border,
                       linewidth=1 if border == style.INK else 2, zorder=3)
    )  # fmt: skip
    top = y - len(rows) * _ROW / 2
    axes.text(x, top, title, ha="center", va="center_baseline", fontsize=11.5, zorder=4)
    for k, (marker, colour, text) in enumerate(rows, start=1):
        row = top + k * _ROW
        axes.plot([x - width / 2 + 9], [row], marker, color=colour, markersize=4.5, zorder=4)
        axes.text(x - width / 2 + 17, row, text, va="center_baseline", fontsize=9.5, zorder=4)


@style.styled
def computation_graph(
    nodes: Mapping[Node, str],
    edges: Sequence[tuple[Node, Node, float]],
    values: Mapping[Node, float] | None = None,
    gradients: Mapping[Node, float] | None = None,
    axes: Any = None,
) -> Any:
    """Draw a graph from left to right: a circle before each value, a triangle before each gradient.

    ``nodes`` gives each node its title (mathtext allowed); an edge is (source, target, local
    derivative), the last written where the edge ends. Nodes without inputs are shaded. Raises
    ValueError when the edges contain a cycle.
    """
    kinds = [("o", style.BLUE, values), ("<", style.VERMILLION, gradients)]
    shown = [(marker, colour, numbers) for marker, colour, numbers in kinds if numbers is not None]
    layout, sizes = _arrange(
        nodes,
        [(a, b) for a, b, _local in edges],
        rows=len(shown),
        width=66 if shown else 26,
        gap=46,
    )
    if axes is None:
        axes = _panels(layout, 1, 0)
    _open(axes, layout)
    computed = {target for _source, target, _local in edges}
    for (_source, _target, local), route in zip(edges, layout.routes, strict=True):
        _draw_edge(axes, route, style.FAINT, 1, back=False)
        _draw_label(axes, route, _number(local), style.FAINT, bold=False)
    for i, (node, title) in enumerate(nodes.items()):
        rows = [(marker, colour, _number(numbers[node])) for marker, colour, numbers in shown]
        fill = "#ffffff" if node in computed else "#e9ecef"
        _draw_node(axes, layout.centres[i], sizes[i], title, rows, fill)
    return axes


def all_paths(edges: Sequence[tuple[Node, Node, float]], source: Node, output: Node) -> list:
    """Every path from ``source`` to ``output``, as lists of places in ``edges``."""
    if source == output:
        return [[]]
    return [
        [k, *rest]
        for k, (start, target, _local) in enumerate(edges)
        if start == source
        for rest in all_paths(edges, target, output)
    ]


@style.styled
def gradient_paths(
    edges: Sequence[tuple[str, str, float]], source: str, output: str, axes: Any = None
) -> Any:
    """One panel per path from ``source`` to ``output``: the product of the derivatives along it.

    An edge is (source, target, local derivative). The sum of the products, written above, is the
    derivative of the output by the source (Bauer, 1974). Returns the axes.
    """
    names = dict.fromkeys(name for a, b, _local in edges for name in (a, b))
    layout, sizes = _arrange({name: name for name in names}, [e[:2] for e in edges])
    paths = all_paths(edges, source, output)
    if axes is None:
        axes = _panels(layout, len(paths), 44)
    axes = [axes] if len(paths) == 1 else list(axes)
    products = [math.prod(edges[k][2] for k in path) for path in paths]
    for place, path, product in zip(axes, paths, products, strict=True):
        _open(place, layout)
        passed = {source, *(edges[k][1] for k in path)}
        for k, route in enumerate(layout.routes):
            on = k in path
            colour = style.VERMILLION if on else style.FAINT
            _draw_edge(place, route, colour, 2.4 if on else 0.8, back=False)
            _draw_label(place, route, _number(edges[k][2]), colour, on)
        for i, name in enumerate(names):
            border = style.VERMILLION if name in passed else style.INK
            fill = "#fbe9dd" if name in passed else "#ffffff"
            _draw_node(place, layout.centres[i], sizes[i], f"${name}$", [], fill, border)
        factors = " · ".join(_number(edges[k][2]) for k in reversed(path))
        heading = f"{factors} = {_number(product)}" if len(path) > 1 else factors
        place.set_title(heading, fontsize=12)
    total = " + ".join(map(_number, products)).replace("+ −", "− ")
    axes[0].figure.suptitle(
        rf"$\partial {output} / \partial {source}$ = {total} = {_number(math.fsum(products))}"
    )
    return axes


@style.styled
def gradient_orders(
    traces: Mapping[str, Sequence[tuple[str, str, float]]], axes: Any = None
) -> Any:
    """Walks back through one graph, a panel each: what was sent along which edge, in which order.

    A trace holds (from, to, amount) in the order of sending; under each node stands the sum of what
    it has received. The node that receives nothing is the output and has gradient 1.
    """
    longest = max(traces.values(), key=len)
    names = dict.fromkeys(name for a, b, _amount in reversed(longest) for name in (b, a))
    letters = dict.fromkeys(names, "f")
    arranged = {
        heading: _arrange(letters, [(b, a) for a, b, _sent in trace], rows=1, width=40, gap=84)
        for heading, trace in traces.items()
    }
    largest = max((layout for layout, _sizes in arranged.values()), key=lambda one: one.height)
    if axes is None:
        axes = _panels(largest, len(traces), 26)
    axes = [axes] if len(traces) == 1 else list(axes)
    for place, (heading, trace) in zip(axes, traces.items(), strict=True):
        layout, sizes = arranged[heading]
        _open(place, layout, largest.height)
        received = dict.fromkeys(names, 0.0)
        for k, (route, (_sender, receiver, amount)) in enumerate(zip(layout.routes, trace), 1):
            received[receiver] += amount
            _draw_edge(place, route, style.VERMILLION, 1.2, back=True)
            _draw_label(place, route, f"{k}) {_number(amount, sign=True)}", style.INK, bold=False)
        receivers = {receiver for _sender, receiver, _amount in trace}
        for i, name in enumerate(names):
            sum_text = _number(received[name]) if name in receivers else "1"
            row = [("<", style.VERMILLION, sum_text)]
            _draw_node(place, layout.centres[i], sizes[i], f"${name}$", row, "#ffffff")
        place.set_title(heading, fontsize=12)
    return axes


@style.styled
def mode_costs(
    counts: Sequence[int],
    many_inputs: Sequence[int],
    many_outputs: Sequence[int],
    axes: Any = None,
) -> Any:
    """Multiplications that forward and reverse mode need for all derivatives, on two graphs.

    ``many_inputs[k]`` is the number of edges of a graph with ``counts[k]`` inputs and one output,
    ``many_outputs[k]`` of one with one input and ``counts[k]`` outputs. A pass multiplies once per
    edge; forward mode makes a pass per input, reverse mode one per output. Returns the two axes.
    """
    if axes is None:
        axes = style.make_axes(9.5, 3.6, ncols=2, sharey=True)

    def once(_count: int, edges: int) -> int:
        return edges

    def each(count: int, edges: int) -> int:
        return count * edges

    Cost = Callable[[int, int], int]
    panels: list[tuple[Sequence[int], str, str, Cost, Cost]] = [
        (many_inputs, _("inputs"), _("Many inputs, one output"), each, once),
        (many_outputs, _("outputs"), _("One input, many outputs"), once, each),
    ]
    for place, (edges, label, title, forward, reverse) in zip(axes, panels, strict=True):
        for index, (name, cost) in enumerate(
            ((_("forward mode"), forward), (_("reverse mode"), reverse))
        ):
            numbers = [cost(n, e) for n, e in zip(counts, edges, strict=True)]
            place.loglog(counts, numbers, label=name, base=10, **style.line(index))
        place.set_xlabel(label)
        place.set_title(title)
        place.legend(loc="upper left")
    axes[0].set_ylabel(_("multiplications"))
    return axes
