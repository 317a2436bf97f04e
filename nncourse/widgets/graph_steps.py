"""The two passes through a computation graph, told as a list of steps to be shown.

The sentences and the order of the numbers are made here; a front end has nothing left to compute.
A step visits one node. Its ``numbers`` come to light one after the other; a reader who predicts is
asked for each, all others see them at once. A step is a plain dict:

    phase    "start", "forward", "seed", "backward" or "end"
    node     the number of the node that is visited, or None
    edges    the edges that it uses
    title    one line
    lines    lists of parts; a part is a text, or [k, text], a text to hide until number k is out;
             after the part "; " a narrow page may begin a new row
    numbers  dicts: value, ask (the question, "" for none), hint, shows

``shows`` lists what appears in the picture with a number, as [kind, which, text]: the "value" or
"gradient" of a node, the "local" derivative on an edge; and, for this step only, the "flow" along
an edge and the "adding" at a node.
"""

from __future__ import annotations

from typing import Any

from nncourse.language import catalogue
from nncourse.widgets.expression import Expression
from nncourse.widgets.graph_model import Passes, central_difference
from nncourse.widgets.numbers import format_number
from nncourse.widgets.operations import bracketed

_ = catalogue("widgets")


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


def _edges_into(expression: Expression, i: int) -> list[tuple[int, int, int, str, str]]:
    """(edge, source, place, name of the local derivative, "(edge 2)" where that is needed)."""
    node = expression.nodes[i]
    result: list[tuple[int, int, int, str, str]] = []
    for k, (u, target, place) in enumerate(expression.edges):
        if target == i:
            which = ""
            if node.inputs.count(u) > 1:  # a + a: two edges between the same nodes
                which = _(" (edge {k})", k=len([r for r in result if r[1] == u]) + 1)
            name = f"∂{node.label}/∂{expression.nodes[u].label}"
            result.append((k, u, place, name, which))
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
    for k, _u, place, name, which in edges:
        template = node.operation.derivatives[place]
        local = format_number(passes.partials[i][place])
        shows.append(["local", k, local])
        written = expression.written(i, template)
        line: list[Any] = [f"{name}{which} = {written}"]
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
    for k, u, place, name, which in edges:
        label, local = expression.nodes[u].label, passes.partials[i][place]
        product = upstream * local
        text = format_number(product)
        symbols = f"∂{output}/∂{node.label} · {name}"
        factors = f"{bracketed(format_number(upstream))} · {bracketed(format_number(local))}"
        line: list[Any] = [f"→ {label}{which}:  {symbols} = {factors} = ", [len(numbers), text]]
        lines.append(line)
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
                "ask": f"→ {label}{which}:  {symbols} = ?",
                "hint": _("upstream · local = {product}", product=factors),
                "shows": shows,
            }
        )
        if not first:
            total_text = format_number(total)
            line += [
                "; ",
                _("added to what {node} has:", node=label)
                + f" ∂{output}/∂{label} = {format_number(before)} + ",
                [len(numbers) - 1, bracketed(text)],
                " = ",
                [len(numbers), total_text],
            ]
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
