"""Forward and backward pass through a typed expression, as a list of steps to be shown.

No widget in here: numbers and sentences only, so that they can be tested without a browser and a
front end has nothing left to compute. A step visits one node. Its ``numbers`` come to light one
after the other; a reader who predicts is asked for each, all others see them at once.

A step is a plain dict:
    phase    "start", "forward", "seed", "backward" or "end"
    node     the number of the node that is visited, or None
    edges    the edges that it uses
    title    one line
    lines    lists of parts; a part is a text, or [k, text] for a text to hide until number k is out
    numbers  dicts: value, ask (the question, "" for none), hint, shows
``shows`` lists what appears in the picture with a number, as [kind, which, text]: the "value" or
"gradient" of a node, the "local" derivative on an edge; for this step only, the "flow" along an
edge and the "adding" at a node.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nncourse.inspection.layout import layered_layout
from nncourse.language import catalogue
from nncourse.widgets.expression import Expression, ExpressionError
from nncourse.widgets.numbers import format_number
from nncourse.widgets.operations import bracketed

_ = catalogue("widgets")

_FIRST_VALUES = (2.0, 3.0, 0.5, 1.5, 1.0, 2.5)
_ROW, _CHARACTER = 21.0, 7.8  # a line of text in a node, in the units of the picture


@dataclass(frozen=True)
class Passes:
    """All numbers of one forward and one backward pass.

    ``partials[i][k]`` is the derivative of node i by its operand k; ``gradients[i]`` that of the
    output by node i.
    """

    expression: Expression
    values: list[float]
    partials: list[tuple[float, ...]]
    gradients: list[float]

    @property
    def leaves(self) -> dict[str, float]:
        nodes = self.expression.nodes
        return {nodes[i].name: self.values[i] for i in self.expression.leaves}


def starting_values(expression: Expression, given: Mapping[str, float]) -> dict[str, float]:
    """A value for each leaf: the given one, else the text's own, else a small number."""
    names = [expression.nodes[i].name for i in expression.leaves]
    return {
        name: float(given.get(name, expression.defaults.get(name, _FIRST_VALUES[k % 6])))
        for k, name in enumerate(names)
    }


def run(expression: Expression, leaves: Mapping[str, float]) -> Passes:
    """Both passes. Raises ExpressionError where an operation has no value or no derivative."""
    values: list[float] = []
    partials: list[tuple[float, ...]] = []
    for i, node in enumerate(expression.nodes):
        if node.operation is None:
            values.append(float(leaves[node.name]))
            partials.append(())
            continue
        operands = [values[u] if isinstance(u, int) else u for u in node.operands]
        try:
            value = node.operation.value(*operands)
            if not math.isfinite(value):
                raise OverflowError
        except OverflowError:
            raise _undefined(expression, i, values, _("{formula} is too large.")) from None
        except (ValueError, ZeroDivisionError):
            raise _undefined(expression, i, values, _("{formula} is not defined.")) from None
        values.append(value)
        try:
            slopes = node.operation.partials(*operands)
            if not all(map(math.isfinite, slopes)):
                raise OverflowError
        except (ValueError, ZeroDivisionError, OverflowError):
            message = _("{formula} has no finite derivative here.")
            raise _undefined(expression, i, values, message) from None
        partials.append(slopes)

    gradients = [0.0] * len(values)
    gradients[-1] = 1.0
    for i in reversed(range(len(values))):
        for place, u in enumerate(expression.nodes[i].operands):
            if isinstance(u, int):
                gradients[u] += gradients[i] * partials[i][place]
    return Passes(expression, values, partials, gradients)


def _undefined(
    expression: Expression, i: int, values: list[float], message: str
) -> ExpressionError:
    node = expression.nodes[i]
    formula = expression.formula(i, [*values, math.nan])
    return ExpressionError(message.format(formula=formula), expression.text, node.start, node.end)


def central_difference(passes: Passes, name: str, h: float = 1e-5) -> float | None:
    """The numerical derivative of the output by one leaf; None beside a place without value."""
    size = h * max(1.0, abs(passes.leaves[name]))
    results = []
    for sign in (1, -1):
        try:
            moved = {**passes.leaves, name: passes.leaves[name] + sign * size}
            results.append(run(passes.expression, moved).values[-1])
        except ExpressionError:
            return None
    return (results[0] - results[1]) / (2 * size)


def drawing(expression: Expression) -> dict[str, Any]:
    """Nodes and edges with their coordinates, ready to be drawn."""
    sizes = []
    for i, node in enumerate(expression.nodes):
        title = node.label if node.operation is None else f"{node.label} = {expression.formula(i)}"
        width = max(100.0, len(title) * _CHARACTER + 22)
        sizes.append((width, max(3 * _ROW + 6, len(node.inputs) * 20.0 + 8)))
    edges = expression.edges
    layout = layered_layout(
        sizes, [(u, i) for u, i, _place in edges], column_gap=84, row_gap=30, port_gap=20
    )
    nodes = [
        {
            "name": node.name,
            "label": node.label,
            "formula": "" if node.operation is None else expression.formula(i),
            "leaf": node.operation is None,
            "x": round(x, 1),
            "y": round(y, 1),
            "width": round(width, 1),
            "height": round(height, 1),
        }
        for i, (node, (x, y), (width, height)) in enumerate(
            zip(expression.nodes, layout.centres, sizes)
        )
    ]
    routes = [[[round(x, 1), round(y, 1)] for x, y in route] for route in layout.routes]
    return {
        "nodes": nodes,
        "edges": [
            {"source": u, "target": i, "route": route}
            for (u, i, _place), route in zip(edges, routes)
        ],
        "width": round(layout.width, 1),
        "height": round(layout.height, 1),
    }


def steps(passes: Passes) -> list[dict[str, Any]]:
    """Start, one step per operation forward, the seed, one step per operation backward, end."""
    expression = passes.expression
    operations = [i for i, node in enumerate(expression.nodes) if node.operation is not None]
    sent = [0] * len(expression.nodes)
    so_far = [0.0] * len(expression.nodes)
    so_far[-1] = 1.0
    return [
        _start(passes),
        *(_forward(passes, i) for i in operations),
        _seed(passes),
        *(_backward(passes, i, sent, so_far) for i in reversed(operations)),
        _end(passes),
    ]


def _edges_into(expression: Expression, i: int) -> list[tuple[int, int, int, str]]:
    """(edge, source, place, name of the local derivative) of each edge into node i."""
    node = expression.nodes[i]
    result: list[tuple[int, int, int, str]] = []
    for k, (u, target, place) in enumerate(expression.edges):
        if target == i:
            name = f"∂{node.label}/∂{expression.nodes[u].label}"
            if node.inputs.count(u) > 1:  # a + a: the same name twice
                name += f" ({len([r for r in result if r[1] == u]) + 1})"
            result.append((k, u, place, name))
    return result


def _start(passes: Passes) -> dict[str, Any]:
    leaves = passes.expression.leaves
    shows = [["value", i, format_number(passes.values[i])] for i in leaves]
    return {
        "phase": "start",
        "node": None,
        "edges": [],
        "title": _("The leaves have their values."),
        "lines": [[_("The forward pass computes the other nodes from left to right.")]],
        "numbers": [{"value": 0.0, "ask": "", "hint": "", "shows": shows}],
    }


def _forward(passes: Passes, i: int) -> dict[str, Any]:
    expression, values = passes.expression, passes.values
    node = expression.nodes[i]
    assert node.operation is not None
    formula, substituted = expression.formula(i), expression.formula(i, values)
    text = format_number(values[i])
    shows: list[list[Any]] = [["value", i, text]]
    lines: list[list[Any]] = [[f"{node.label} = {formula} = {substituted} = ", [0, text]]]
    edges = _edges_into(expression, i)
    for k, _u, place, name in edges:
        template = node.operation.derivatives[place]
        local = format_number(passes.partials[i][place])
        shows.append(["local", k, local])
        written = expression.written(i, template)
        line: list[Any] = [f"{name} = {written}"]
        if written != local:
            line += [" = ", [0, local]]
        lines.append(line)
    operands = [values[u] if isinstance(u, int) else u for u in node.operands]
    if node.operation.at_kink(*operands):
        lines.append([_("This is a kink: any slope between the two sides would do as well.")])
    return {
        "phase": "forward",
        "node": i,
        "edges": [k for k, *_rest in edges],
        "title": _("Forward to {node}: its value and its local derivatives", node=node.label),
        "lines": lines,
        "numbers": [
            {
                "value": values[i],
                "ask": f"{node.label} = {formula} = ?",
                "hint": f"{node.label} = {substituted}",
                "shows": shows,
            }
        ],
    }


def _seed(passes: Passes) -> dict[str, Any]:
    output = len(passes.values) - 1
    label = passes.expression.nodes[output].label
    return {
        "phase": "seed",
        "node": output,
        "edges": [],
        "title": _("The backward pass begins at {node}", node=label),
        "lines": [
            [f"∂{label}/∂{label} = ", [0, "1"]],
            [_("From here the gradient runs from right to left.")],
        ],
        "numbers": [
            {
                "value": 1.0,
                "ask": f"∂{label}/∂{label} = ?",
                "hint": _("How fast does {node} change when {node} itself changes?", node=label),
                "shows": [["gradient", output, "1"]],
            }
        ],
    }


def _backward(passes: Passes, i: int, sent: list[int], so_far: list[float]) -> dict[str, Any]:
    """``sent`` counts the contributions that each node has had, ``so_far`` is their sum."""
    expression = passes.expression
    node, output = expression.nodes[i], expression.nodes[-1].label
    upstream = passes.gradients[i]
    lines: list[list[Any]] = [
        [
            _("The gradient of {node} is complete:", node=node.label)
            + f" ∂{output}/∂{node.label} = {format_number(upstream)}"
        ]
    ]
    numbers: list[dict[str, Any]] = []
    edges = _edges_into(expression, i)
    for k, u, place, name in edges:
        label, local = expression.nodes[u].label, passes.partials[i][place]
        product = upstream * local
        text = format_number(product)
        symbols = f"∂{output}/∂{node.label} · {name}"
        factors = f"{bracketed(format_number(upstream))} · {bracketed(format_number(local))}"
        lines.append([f"→ {label}:  {symbols} = {factors} = ", [len(numbers), text]])
        before, total = so_far[u], so_far[u] + product
        # u = v·w: the first contribution is the gradient so far; later ones are added to it.
        first = sent[u] == 0
        sum_text = f"{format_number(before)} + {bracketed(text)}"
        shows: list[list[Any]] = [["flow", k, text]]
        if first:
            shows.append(["gradient", u, text])
        else:
            shows.append(["adding", u, f"{sum_text} = ?"])
        numbers.append(
            {
                "value": product,
                "ask": f"{symbols} = ?",
                "hint": _("upstream · local = {product}", product=factors),
                "shows": shows,
            }
        )
        if not first:
            total_text = format_number(total)
            lines.append(
                [
                    _("{node} is used several times, so contributions add:", node=label)
                    + f" ∂{output}/∂{label} = {format_number(before)} + ",
                    [len(numbers) - 1, bracketed(text)],
                    " = ",
                    [len(numbers), total_text],
                ]
            )
            numbers.append(
                {
                    "value": total,
                    "ask": _("∂{output}/∂{node} so far = ?", output=output, node=label),
                    "hint": _("contributions add: {sum}", sum=sum_text),
                    "shows": [
                        ["gradient", u, total_text],
                        ["adding", u, f"{sum_text} = {total_text}"],
                    ],
                }
            )
        so_far[u] = total
        sent[u] += 1
    return {
        "phase": "backward",
        "node": i,
        "edges": [k for k, *_rest in edges],
        "title": _("Backward from {node}: upstream times local", node=node.label),
        "lines": lines,
        "numbers": numbers,
    }


def _end(passes: Passes) -> dict[str, Any]:
    nodes, output = passes.expression.nodes, passes.expression.nodes[-1].label
    lines = []
    for i in passes.expression.leaves:
        line = f"∂{output}/∂{nodes[i].label} = {format_number(passes.gradients[i])}"
        numerical = central_difference(passes, nodes[i].name)
        if numerical is not None:
            line += _("  (central difference: {number})", number=format_number(numerical))
        lines.append([line])
    return {
        "phase": "end",
        "node": None,
        "edges": [],
        "title": _("Every gradient is known"),
        "lines": lines,
        "numbers": [],
    }
