"""Recurrent layers in ONNX: the same networks with the gates in another order.

ONNX has i, o, f, c for the LSTM and z, r, h for the GRU, where PyTorch and this library have
i, f, g, o and r, z, n; both biases stand in one vector; a direction is an axis of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy

from nncourse.inspection.tracing import Operation
from nncourse.onnx.export import ExportError, Graph

LSTM_ORDER = (0, 3, 1, 2)
GRU_ORDER = (1, 0, 2)


def _weights(
    graph: Graph, o: Operation, twin: Operation, order: Sequence[int], negated: int | None = None
) -> list[str]:
    """W, R and B with the gates in ONNX's order; one of them may change its sign."""
    hidden = o.arguments["w_hh"].shape[1]
    signs = [-1.0 if k == negated else 1.0 for k in order]

    def arranged(name: str) -> Any:
        value = o.arguments[name]
        if graph.known(value):
            raise ExportError(f"{o.name}: its weights are computed from the input")
        if value is None:
            value = numpy.zeros(len(order) * hidden, o.out.dtype)
        elif not numpy.array_equal(value, twin.arguments[name]):
            raise ExportError(f"{o.name}: its weights depend on the batch")
        blocks = numpy.asarray(value).reshape(len(order), hidden, *value.shape[1:])
        rows = [sign * blocks[k] for sign, k in zip(signs, order)]
        return numpy.concatenate(rows).astype(value.dtype)

    w, r = arranged("w_ih")[None], arranged("w_hh")[None]
    b = numpy.concatenate([arranged("b_ih"), arranged("b_hh")])[None]
    return [graph.constant(array, "weights") for array in (w, r, b)]


def _state(graph: Graph, o: Operation, twin: Operation, name: str) -> str:
    """An initial state with its axis of directions; zeros need not be said."""
    value, other = o.arguments[name], twin.arguments[name]
    if not graph.known(value):
        if value.any() or other.any():
            raise ExportError(f"{o.name}: an initial state that is no input must be zeros")
        return ""
    return graph.add("Unsqueeze", [graph.name(value, other), graph.sizes([0])])


def _sequence(graph: Graph, o: Operation, twin: Operation) -> str:
    if o.arguments["lengths"] is not None:
        raise ExportError(f"{o.name}: sequences of different lengths cannot be exported")
    return graph.name(o.arguments["x"], twin.arguments["x"])


def _without_direction(graph: Graph, name: str) -> str:
    return graph.add("Squeeze", [name, graph.sizes([1])])


def _recurrent(kind: str, order: Sequence[int], negated: int | None = None, **options: Any) -> Any:
    """RNN and GRU, whose result is h_1, ..., h_T."""

    def convert(graph: Graph, o: Operation, twin: Operation) -> str:
        inputs = [_sequence(graph, o, twin), *_weights(graph, o, twin, order, negated)]
        inputs += ["", _state(graph, o, twin, "h0")]
        hidden = o.arguments["w_hh"].shape[1]
        return _without_direction(
            graph, graph.add(kind, _short(inputs), hidden_size=hidden, **options)
        )

    return convert


def _short(inputs: list[str]) -> list[str]:
    """Without what is left out at the end."""
    while inputs and not inputs[-1]:
        inputs = inputs[:-1]
    return inputs


def _lstm(graph: Graph, o: Operation, twin: Operation) -> str:
    """The result is h_1, ..., h_T and, last, c_T."""
    inputs = [_sequence(graph, o, twin), *_weights(graph, o, twin, LSTM_ORDER), ""]
    inputs += [_state(graph, o, twin, name) for name in ("h0", "c0")]
    if o.name == "PeepholeLSTM":
        inputs.append(_peepholes(graph, o, twin))
    hidden = o.arguments["w_hh"].shape[1]
    h, _, c = graph.add_several("LSTM", _short(inputs), 3, hidden_size=hidden)
    return graph.add("Concat", [_without_direction(graph, h), c], axis=0)


def _peepholes(graph: Graph, o: Operation, twin: Operation) -> str:
    parts = []
    for name in ("p_i", "p_o", "p_f"):
        p = o.arguments[name]
        if p is None:
            p = numpy.zeros(o.arguments["w_hh"].shape[1], o.out.dtype)
        elif p.ndim != 1:
            raise ExportError("PeepholeLSTM: ONNX knows diagonal peepholes only, no matrices")
        parts.append(numpy.asarray(p))
    return graph.constant(numpy.concatenate(parts)[None], "peepholes")


RECURRENT: dict[str, Any] = {
    "GRU": _recurrent("GRU", GRU_ORDER, linear_before_reset=1),
    # z and 1 - z are exchanged, and 1 - sigmoid(a) = sigmoid(-a).
    "OriginalGRU": _recurrent("GRU", GRU_ORDER, negated=1, linear_before_reset=0),
    "LSTM": _lstm,
    "PeepholeLSTM": _lstm,
    "RNN": _recurrent("RNN", (0,)),
    "ReLURNN": _recurrent("RNN", (0,), activations=["Relu"]),
}
