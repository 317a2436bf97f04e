"""Forward and backward pass through a typed expression, and where its graph is drawn.

Plain numbers and no widget, so that all of it can be tested without a browser. graph_steps.py tells
the same two passes step by step.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nncourse.inspection.layout import layered_layout
from nncourse.language import catalogue
from nncourse.widgets.expression import Expression, ExpressionError

_ = catalogue("widgets")

_FEW, _MANY = (2.0, 3.0, 0.5), (0.5, 1.0, 0.25, 0.75)  # large graphs saturate with large values
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
    usual = _FEW if len(names) <= len(_FEW) else _MANY
    return {
        name: float(given.get(name, expression.defaults.get(name, usual[k % len(usual)])))
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
        width = max(112.0, len(title) * _CHARACTER + 22)
        sizes.append((width, max(3 * _ROW + 6, len(node.inputs) * 20.0 + 8)))
    edges = expression.edges
    layout = layered_layout(
        sizes, [(u, i) for u, i, _place in edges], column_gap=80, row_gap=30, port_gap=20
    )
    nodes = [
        {
            "name": node.name,
            "label": node.label,
            "formula": "" if node.operation is None else expression.formula(i),
            "leaf": node.operation is None,
            "rows": 2,
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
