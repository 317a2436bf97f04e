"""A model's graph as a picture: ``plot_model``, as lectures know it from Keras, in SVG.

No program for drawing graphs has to be installed. A picture is a card with a light ground of its
own, so it reads the same on light pages and on dark ones; what a box is stands in it, and its
colour only repeats that.
"""

from __future__ import annotations

import html
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from nncourse.inspection.layout import layered_layout
from nncourse.inspection.model_graph import ModelGraph, Node, model_graph
from nncourse.language import catalogue
from nncourse.nn.module import Module

_ = catalogue("widgets")

_PAPER, _INK, _FAINT = "#fafaf7", "#222222", "#5f5f5f"
_ENDS = ("#eceff1", "#546e7a")
_LAYERS = ("#dcebf7", "#0072b2")  # what has parameters
_BENDS = ("#fdebd3", "#b86e00")  # activations
_NORMS = ("#d9f0e6", "#00795a")
_OTHERS = ("#f1f1ee", "#8a8a84")

_SYMBOLS = {"Add": "+", "Subtract": "−", "Multiply": "×", "Divide": "÷", "MatMul": "@"}
_ACTIVATIONS = {
    "CELU", "ELU", "GELU", "Hardtanh", "LeakyReLU", "LogSigmoid", "LogSoftmax", "PReLU", "ReLU",
    "ReLU6", "SELU", "SiLU", "Sigmoid", "Softmax", "Softmin", "Softplus", "Step", "Tanh",
    "Threshold",
}  # fmt: skip
_LETTER, _SMALL = 8.4, 6.8  # widths of letters of 13 and 11 pixels, generously
_TITLE, _LINE, _MARGIN = 24.0, 15.0, 14.0


class ModelPicture:
    """The picture: shown by Jupyter where it is the value of a cell; ``svg`` is its source."""

    def __init__(self, svg: str, graph: ModelGraph) -> None:
        self.svg = svg
        self.graph = graph

    def _repr_svg_(self) -> str:
        return self.svg

    def save(self, path: Any) -> None:
        """Write the picture to a file, whose name should end in .svg."""
        Path(path).write_text(self.svg, encoding="utf-8")

    def __repr__(self) -> str:
        return f"ModelPicture({len(self.graph.nodes)} nodes, {len(self.graph.edges)} edges)"


def plot_model(
    model: Module,
    *inputs: Any,
    rankdir: str = "LR",
    show_layer_names: bool = False,
    show_shapes: bool = True,
    depth: int | None = None,
    to_file: Any = None,
    **named: Any,
) -> ModelPicture:
    """Draw the layers of ``model`` and what flows between them when it runs on ``inputs``.

    rankdir: "LR" from left to right, "TB" from top to bottom. show_layer_names: the layers' names
    in the model as well. show_shapes: the shape of what each puts out. depth: down to which depth
    modules are opened, see ``model_graph``. to_file: where to write the picture, too.
    named: further arguments of the model. The model is afterwards as it was.
    """
    if rankdir not in ("LR", "TB"):
        raise ValueError(f"rankdir must be 'LR' or 'TB'; got {rankdir!r}")
    if not inputs and not named:
        raise TypeError("plot_model(model, x) needs an input x: the graph is what happens to it")
    graph = model_graph(model, *inputs, depth=depth, **named)
    texts = [_texts(node, show_layer_names, show_shapes) for node in graph.nodes]
    picture = ModelPicture(_drawn(graph, texts, rankdir, type(model).__name__), graph)
    if to_file is not None:
        picture.save(to_file)
    return picture


def _texts(node: Node, names: bool, shapes: bool) -> list[str]:
    """The lines in a box: its title, then smaller ones."""
    titles = {"Input": _("input"), "Output": _("output"), **_SYMBOLS}
    lines = [titles.get(node.kind, node.kind)]
    if names and node.name:
        lines.append(node.name)
    if shapes:
        lines += [" × ".join(map(str, shape)) or _("number") for shape in node.shapes]
    return lines


def _colours(node: Node) -> tuple[str, str]:
    if node.kind in ("Input", "Output"):
        return _ENDS
    if "Norm" in node.kind:
        return _NORMS
    if node.kind in _ACTIVATIONS:
        return _BENDS
    learns = node.module is not None and any(True for _parameter in node.module.parameters())
    return _LAYERS if learns or node.kind in ("Linear", "Convolution") else _OTHERS


def _size(lines: Sequence[str]) -> tuple[float, float]:
    width = max(len(lines[0]) * _LETTER, *[len(line) * _SMALL for line in lines]) + 18
    return max(width, 34.0), _TITLE + _LINE * (len(lines) - 1) + (4 if len(lines) > 1 else 0)


def _drawn(graph: ModelGraph, texts: list[list[str]], rankdir: str, title: str) -> str:
    sizes = [_size(lines) for lines in texts]
    turned = rankdir == "TB"
    # The layout runs from left to right: for the other direction it is given a turned page.
    given = [(h, w) if turned else (w, h) for w, h in sizes]
    layout = layered_layout(given, graph.edges, column_gap=34, row_gap=18, port_gap=14)

    def point(x: float, y: float) -> tuple[float, float]:
        return (y + _MARGIN, x + _MARGIN) if turned else (x + _MARGIN, y + _MARGIN)

    width, height = layout.width, layout.height
    if turned:
        width, height = height, width
    width, height = width + 2 * _MARGIN, height + 2 * _MARGIN
    label = html.escape(_("The graph of {model}", model=title), quote=True)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="0 0 {width:.1f} {height:.1f}" role="img" aria-label="{label}" '
        'font-family="DejaVu Sans, Verdana, sans-serif">',
        f"<title>{label}</title>",
        '<defs><marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" '
        f'markerHeight="7" orient="auto"><path d="M0 0.5 L8 4 L0 7.5 z" fill="{_FAINT}"/>'
        "</marker></defs>",
        f'<rect width="100%" height="100%" rx="8" fill="{_PAPER}"/>',
    ]
    parts += [_edge([point(*p) for p in route], turned) for route in layout.routes]
    for node, lines, centre, size in zip(graph.nodes, texts, layout.centres, sizes):
        parts.append(_box(node, lines, point(*centre), size))
    return "\n".join([*parts, "</svg>"])


def _edge(route: list[tuple[float, float]], turned: bool) -> str:
    path = [f"M{route[0][0]:.1f} {route[0][1]:.1f}"]
    for k, ((a, b), (c, d)) in enumerate(pairwise(route)):
        if k % 2:  # past a column, level
            path.append(f"L{c:.1f} {d:.1f}")
        elif turned:
            middle = (b + d) / 2
            path.append(f"C{a:.1f} {middle:.1f} {c:.1f} {middle:.1f} {c:.1f} {d:.1f}")
        else:
            middle = (a + c) / 2
            path.append(f"C{middle:.1f} {b:.1f} {middle:.1f} {d:.1f} {c:.1f} {d:.1f}")
    return (
        f'<path d="{" ".join(path)}" fill="none" stroke="{_FAINT}" stroke-width="1.3" '
        'marker-end="url(#arrow)"/>'
    )


def _box(
    node: Node, lines: list[str], centre: tuple[float, float], size: tuple[float, float]
) -> str:
    (x, y), (width, height) = centre, size
    fill, border = _colours(node)
    parts = [
        f'<rect x="{x - width / 2:.1f}" y="{y - height / 2:.1f}" width="{width:.1f}" '
        f'height="{height:.1f}" rx="6" fill="{fill}" stroke="{border}" stroke-width="1.2"/>'
    ]
    baseline = y - height / 2 + 17
    for k, line in enumerate(lines):
        text = html.escape(line)
        if k == 0:
            style = f'font-size="13" font-weight="600" fill="{_INK}"'
        else:
            style = f'font-size="11" fill="{_INK}"'
        parts.append(
            f'<text x="{x:.1f}" y="{baseline + k * _LINE:.1f}" text-anchor="middle" {style}>'
            f"{text}</text>"
        )
    return "".join(parts)
