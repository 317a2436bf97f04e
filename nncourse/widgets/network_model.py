"""A network of two inputs, three hidden neurons and two classes: forward, backward, told in steps.

z = W1 x + b1, h = act(z), o = W2 h + b2, L = −log softmax(o)[target]; the weights have PyTorch's
shape (out, in). δ is the derivative of the loss by the sum that enters a neuron: z for a hidden
one, o for an output. The steps have the form that graph_steps.py describes, one neuron at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from nncourse.inspection.layout import layered_layout
from nncourse.language import catalogue
from nncourse.widgets.numbers import format_number, subscript
from nncourse.widgets.operations import bracketed

_ = catalogue("widgets")

Weights = Mapping[str, np.ndarray]
Function = Callable[[np.ndarray], np.ndarray]

SHAPES = {"W1": (3, 2), "b1": (3,), "W2": (2, 3), "b2": (2,)}
# value, derivative expressed by the value h, and how the derivative is written
ACTIVATIONS: dict[str, tuple[Function, Function, str]] = {
    "tanh": (np.tanh, lambda h: 1 - h * h, "1 − {h}²"),
    "sigmoid": (lambda z: 1 / (1 + np.exp(-z)), lambda h: h * (1 - h), "{h}·(1 − {h})"),
    "relu": (lambda z: np.maximum(z, 0.0), lambda h: (h > 0) * 1.0, "[{h} > 0]"),
}
INPUTS, HIDDEN, OUTPUTS, LOSS = (0, 1), (2, 3, 4), (5, 6), 7  # the numbers of the nodes
EDGES = [
    *((i, h) for h in HIDDEN for i in INPUTS),
    *((h, o) for o in OUTPUTS for h in HIDDEN),
    *((o, LOSS) for o in OUTPUTS),
]


def starting_weights(seed: int = 0) -> dict[str, np.ndarray]:
    """Weights between 0.2 and 1 in tenths, so that a reader can calculate along; biases 0."""
    rng = np.random.default_rng(seed)
    return {
        name: np.zeros(shape)
        if len(shape) == 1
        else rng.integers(2, 11, shape) / 10 * rng.choice([-1, 1], shape)
        for name, shape in SHAPES.items()
    }


@dataclass(frozen=True)
class Passes:
    """All numbers of one example: ``grads`` has the shapes of the weights."""

    weights: Weights
    activation: str
    x: np.ndarray
    target: int
    z: np.ndarray
    h: np.ndarray
    o: np.ndarray
    p: np.ndarray
    loss: float
    delta_o: np.ndarray
    error_h: np.ndarray  # dL/dh, the sum of what comes back
    delta_z: np.ndarray
    grads: dict[str, np.ndarray]


def run(weights: Weights, x: np.ndarray, target: int, activation: str) -> Passes:
    """Both passes for the input ``x`` (2,) and the class ``target`` (0 or 1)."""
    act, slope, _text = ACTIVATIONS[activation]
    x = np.asarray(x, dtype=np.float64)
    z = weights["W1"] @ x + weights["b1"]
    h = act(z)
    o = weights["W2"] @ h + weights["b2"]
    shifted = o - o.max()
    p = np.exp(shifted) / np.exp(shifted).sum()
    loss = float(np.log(np.exp(shifted).sum()) - shifted[target])
    delta_o = p - np.eye(2)[target]
    error_h = weights["W2"].T @ delta_o
    delta_z = error_h * slope(h)
    grads = {
        "W1": np.outer(delta_z, x),
        "b1": delta_z,
        "W2": np.outer(delta_o, h),
        "b2": delta_o,
    }
    return Passes(
        weights, activation, x, target, z, h, o, p, loss, delta_o, error_h, delta_z, grads
    )


def _name(letter: str, *places: int) -> str:
    return letter + "".join(subscript(str(place + 1)) for place in places)


def _number(value: Any) -> str:
    # Sums that cancel leave 1e-17 or so, which says nothing to a reader.
    return format_number(float(value) if abs(value) > 1e-14 else 0.0)


def _factor(value: Any) -> str:
    return bracketed(_number(value))


def _weight_name(edge: int) -> str:
    u, v = EDGES[edge]
    return _name("w", v - 2, u) if v in HIDDEN else _name("v", v - 5, u - 2)


def _weight(passes_weights: Weights, edge: int) -> float:
    u, v = EDGES[edge]
    w = passes_weights["W1"][v - 2, u] if v in HIDDEN else passes_weights["W2"][v - 5, u - 2]
    return float(w)


def drawing(activation: str) -> dict[str, Any]:
    """Nodes and edges with their places."""
    formulas = [
        *[""] * 2,
        *[f"{activation}({_name('z', j)})" for j in range(3)],
        *[f"Σ {_name('v', k)}ⱼ·hⱼ + {_name('c', k)}" for k in range(2)],
        "−log p",
    ]
    names = ["x1", "x2", "h1", "h2", "h3", "o1", "o2", "L"]
    labels = [name[0] + subscript(name[1:]) for name in names]
    sizes = [(92.0, 50.0)] * 2 + [(196.0, 72.0)] * 3 + [(158.0, 72.0)] * 2 + [(112.0, 50.0)]
    layout = layered_layout(sizes, EDGES, column_gap=146, row_gap=34, port_gap=20)
    nodes = [
        {
            "name": name,
            "label": label,
            "formula": formula,
            "leaf": i in INPUTS,
            "rows": 1 if i in INPUTS or i == LOSS else 2,
            "x": round(x, 1),
            "y": round(y, 1),
            "width": width,
            "height": height,
        }
        for i, (name, label, formula, (x, y), (width, height)) in enumerate(
            zip(names, labels, formulas, layout.centres, sizes)
        )
    ]
    routes = [[[round(x, 1), round(y, 1)] for x, y in route] for route in layout.routes]
    edges = [{"source": u, "target": v, "route": r} for (u, v), r in zip(EDGES, routes)]
    return {
        "nodes": nodes,
        "edges": edges,
        "width": round(layout.width, 1),
        "height": round(layout.height, 1),
    }


def steps(n: Passes) -> list[dict[str, Any]]:
    """Start, each neuron forward, the loss, the loss backward, each neuron backward, end."""
    return [
        _start(n),
        *(_forward_hidden(n, j) for j in range(3)),
        *(_forward_output(n, k) for k in range(2)),
        _forward_loss(n),
        _backward_loss(n),
        *(_backward_output(n, k) for k in reversed(range(2))),
        *(_backward_hidden(n, j) for j in reversed(range(3))),
        _end(n),
    ]


def _step(phase: str, node: int | None, edges: list[int], title: str) -> dict[str, Any]:
    return {
        "phase": phase,
        "node": node,
        "edges": edges,
        "title": title,
        "lines": [],
        "numbers": [],
    }


def _tell(
    step: dict[str, Any], left: str, right: str, value: Any, shows: list[Any], ask: bool = True
) -> None:
    """Add the line "left = right = value", whose value is asked for."""
    text = _number(value)
    step["lines"].append([f"{left} = {right} = ", [len(step["numbers"]), text]])
    step["numbers"].append(
        {
            "value": float(value),
            "ask": f"{left.split(' = ')[0]} = ?" if ask else "",
            "hint": f"{left} = {right}",
            "shows": shows,
        }
    )


def _into(node: int) -> list[int]:
    return [k for k, (_u, v) in enumerate(EDGES) if v == node]


def _out_of(node: int) -> list[int]:
    return [k for k, (u, _v) in enumerate(EDGES) if u == node]


def _start(n: Passes) -> dict[str, Any]:
    step = _step("start", None, [], _("The inputs have their values, the edges their weights."))
    step["lines"] = [[_("The forward pass goes from neuron to neuron, from left to right.")]]
    shows: list[Any] = [["value", i, _number(n.x[i])] for i in INPUTS]
    shows += [
        ["local", k, _number(_weight(n.weights, k))] for k, (_u, v) in enumerate(EDGES) if v != LOSS
    ]
    step["numbers"] = [{"value": 0.0, "ask": "", "hint": "", "shows": shows}]
    return step


def _forward_hidden(n: Passes, j: int) -> dict[str, Any]:
    node, z, h = HIDDEN[j], _name("z", j), _name("h", j)
    step = _step("forward", node, _into(node), _("Forward to the hidden neuron {h}", h=h))
    w, b = n.weights["W1"][j], n.weights["b1"][j]
    symbols = " + ".join(f"{_name('w', j, i)}·{_name('x', i)}" for i in range(2))
    numbers = " + ".join(f"{_factor(w[i])}·{_factor(n.x[i])}" for i in range(2))
    _tell(step, f"{z} = {symbols} + {_name('b', j)}", f"{numbers} + {_factor(b)}", n.z[j],
          [["value", node, f"z = {_number(n.z[j])}"]])  # fmt: skip
    _tell(step, f"{h} = {n.activation}({z})", f"{n.activation}({_number(n.z[j])})", n.h[j],
          [["value", node, f"{_number(n.z[j])} → {_number(n.h[j])}"]])  # fmt: skip
    if n.activation == "relu" and n.z[j] <= 0:
        step["lines"].append([_("The neuron is silent here: relu passes nothing on.")])
    return step


def _forward_output(n: Passes, k: int) -> dict[str, Any]:
    node, o = OUTPUTS[k], _name("o", k)
    step = _step("forward", node, _into(node), _("Forward to the output {o}", o=o))
    v, c = n.weights["W2"][k], n.weights["b2"][k]
    symbols = " + ".join(f"{_name('v', k, j)}·{_name('h', j)}" for j in range(3))
    numbers = " + ".join(f"{_factor(v[j])}·{_factor(n.h[j])}" for j in range(3))
    _tell(step, f"{o} = {symbols} + {_name('c', k)}", f"{numbers} + {_factor(c)}", n.o[k],
          [["value", node, _number(n.o[k])]])  # fmt: skip
    return step


def _forward_loss(n: Passes) -> dict[str, Any]:
    step = _step("forward", LOSS, _into(LOSS), _("Forward to the loss: softmax, then −log"))
    t = n.target
    bottom = " + ".join(f"exp({_number(o)})" for o in n.o)
    shows = [["local", k, f"p = {_number(n.p[EDGES[k][0] - 5])}"] for k in _into(LOSS)]
    top = f"exp({_number(n.o[t])})"
    _tell(step, f"{_name('p', t)} = softmax(o){subscript(str(t + 1))}", f"{top} / ({bottom})",
          n.p[t], shows)  # fmt: skip
    _tell(step, f"L = −log {_name('p', t)}", f"−log {_number(n.p[t])}", n.loss,
          [["value", LOSS, _number(n.loss)]])  # fmt: skip
    return step


def _backward_loss(n: Passes) -> dict[str, Any]:
    step = _step("backward", LOSS, _into(LOSS), _("Backward from the loss: p minus the answer"))
    for k, edge in enumerate(_into(LOSS)):
        wanted = int(k == n.target)
        shows = [
            ["gradient", OUTPUTS[k], f"δ = {_number(n.delta_o[k])}"],
            ["flow", edge, _number(n.delta_o[k])],
        ]
        o, p = _name("o", k), _name("p", k)
        _tell(step, f"δ({o}) = ∂L/∂{o} = {p} − {wanted}", f"{_number(n.p[k])} − {wanted}",
              n.delta_o[k], shows)  # fmt: skip
    return step


def _weights_of(
    step: dict[str, Any], n: Passes, node: int, delta: float, starts: np.ndarray, names: list[str]
) -> None:
    """The gradients of the weights that enter a neuron."""
    for edge, start, name in zip(_into(node), starts, names):
        label, own = _weight_name(edge), _name("zo"[node in OUTPUTS], (node - 2) % 3)
        shows = [["local", edge, f"{_number(_weight(n.weights, edge))} ◂ {_number(delta * start)}"]]
        _tell(step, f"∂L/∂{label} = δ({own})·{name}", f"{_factor(delta)}·{_factor(start)}",
              delta * start, shows)  # fmt: skip
    step["lines"].append(
        [_("The gradient of a weight: δ at its end times the value at its beginning.")]
    )


def _backward_output(n: Passes, k: int) -> dict[str, Any]:
    node, o = OUTPUTS[k], _name("o", k)
    step = _step("backward", node, _into(node), _("Backward to the weights of {o}", o=o))
    names = [_name("h", j) for j in range(3)]
    _weights_of(step, n, node, float(n.delta_o[k]), n.h, names)
    return step


def _backward_hidden(n: Passes, j: int) -> dict[str, Any]:
    node, h, z = HIDDEN[j], _name("h", j), _name("z", j)
    step = _step("backward", node, _out_of(node), _("Backward to the hidden neuron {h}", h=h))
    v, d = n.weights["W2"][:, j], n.delta_o
    symbols = " + ".join(f"{_name('v', k, j)}·δ({_name('o', k)})" for k in range(2))
    numbers = " + ".join(f"{_factor(v[k])}·{_factor(d[k])}" for k in range(2))
    _tell(step, f"∂L/∂{h} = {symbols}", numbers, n.error_h[j],
          [["gradient", node, f"∂L/∂h = {_number(n.error_h[j])}"]])  # fmt: skip
    slope = ACTIVATIONS[n.activation][2]
    _tell(step, f"δ({z}) = ∂L/∂{h} · ({slope.format(h=h)})",
          f"{_factor(n.error_h[j])} · ({slope.format(h=_factor(n.h[j]))})", n.delta_z[j],
          [["gradient", node, f"δ = {_number(n.delta_z[j])}"]])  # fmt: skip
    _weights_of(step, n, node, float(n.delta_z[j]), n.x, [_name("x", i) for i in range(2)])
    return step


def _end(n: Passes) -> dict[str, Any]:
    step = _step("end", None, [], _("Every gradient is known; only now may the weights move."))
    step["lines"] = [
        [_("∂L/∂W₂ = δ(o) hᵀ and ∂L/∂W₁ = δ(z) xᵀ: two outer products give all twelve.")],
        [_("The biases enter with the factor 1, so their gradients are δ(o) and δ(z).")],
    ]
    return step
