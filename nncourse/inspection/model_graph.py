"""A model as a graph of its layers: what ``plot_model`` draws.

The model is run on an input, and the graph is what happened: which layer got what other made. A
module is one node, with all that happens inside it, from a chosen depth on; operations in the
``forward`` of modules above that depth are nodes of their own. What is computed from parameters
alone is left out.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from nncourse.inspection.tracing import Call, Operation, Trace, arrays_in, tracing
from nncourse.inspection.undisturbed import undisturbed
from nncourse.nn.module import Module

_MOST = 40  # nodes: of a larger graph, modules are drawn as one node each


@dataclass(eq=False)
class Node:
    """A layer, an operation, an input or the output. name: of the module in the model, or ""."""

    kind: str
    name: str
    shapes: list[tuple[int, ...]]
    module: Module | None = None


@dataclass
class ModelGraph:
    """Nodes, and edges as pairs of their places."""

    nodes: list[Node] = field(default_factory=list)
    edges: list[tuple[int, int]] = field(default_factory=list)


def model_graph(model: Module, *inputs: Any, depth: int | None = None, **named: Any) -> ModelGraph:
    """The graph of what ``model(*inputs)`` does.

    depth: down to which depth modules are opened, 1 for those directly inside the model. If not
    given, all the way, or as far as the graph has no more than 40 nodes.
    """
    with undisturbed(model), tracing(model) as trace:
        out = model(*inputs, **named)
        result = list(arrays_in(out))
    given = list(arrays_in([inputs, named]))
    if depth is not None:
        return _graph(trace, given, result, depth)
    deepest = max((call.depth for call in trace.calls), default=0)
    graphs = (_graph(trace, given, result, d) for d in range(max(deepest, 1), 0, -1))
    return next((g for g in graphs if len(g.nodes) <= _MOST), _graph(trace, given, result, 1))


class _Builder:
    def __init__(self, depth: int) -> None:
        self.depth = depth
        self.nodes: list[Node] = []
        self.edges: dict[tuple[int, int], None] = {}
        self.units: dict[int, int] = {}  # of calls, by id
        self.makers: dict[int, int] = {}  # of arrays, by id

    def add(self, node: Node) -> int:
        self.nodes.append(node)
        return len(self.nodes) - 1

    def call_of(self, call: Call | None) -> Call | None:
        """The call that is drawn as one node and holds this one, if there is one."""
        found = None
        while call is not None:
            if call.depth >= self.depth or not any(call.module.children()):
                found = call
            call = call.parent
        return found

    def unit(self, call: Call) -> int:
        if id(call) not in self.units:
            node = Node(type(call.module).__name__, call.name, [], call.module)
            self.units[id(call)] = self.add(node)
        return self.units[id(call)]

    def operation(self, operation: Operation) -> None:
        call = self.call_of(operation.call)
        if call is not None:
            place = self.unit(call)
        else:
            shape = [operation.out.shape]
            place = self.add(Node(operation.name, "", shape))
        self.join(operation.inputs, place)
        self.makers[id(operation.out)] = place

    def ended(self, call: Call) -> None:
        if self.call_of(call) is not call:
            return
        place = self.unit(call)
        if not any(target == place for _source, target in self.edges):
            self.join(call.inputs, place)  # it only passes on, or computes out of sight
        self.nodes[place].shapes = [array.shape for array in call.outputs]
        for array in call.outputs:
            self.makers[id(array)] = place

    def join(self, arrays: list[Any], place: int) -> None:
        for array in arrays:
            maker = self.makers.get(id(array))
            if maker is not None and maker != place:
                self.edges[maker, place] = None


def _graph(trace: Trace, inputs: list[Any], outputs: list[Any], depth: int) -> ModelGraph:
    builder = _Builder(depth)
    for array in inputs:
        builder.makers[id(array)] = builder.add(Node("Input", "", [array.shape]))
    starts = len(builder.nodes)
    for event in trace.events:
        if isinstance(event, Operation):
            builder.operation(event)
        elif event.parent is not None or not any(event.module.children()):
            builder.ended(event)
    end = builder.add(Node("Output", "", [array.shape for array in outputs]))
    builder.join(outputs, end)
    return _connected(builder, starts, end)


def _connected(builder: _Builder, starts: int, end: int) -> ModelGraph:
    """What lies behind the inputs and before the output, in order."""
    edges = list(builder.edges)
    behind = set(range(starts))
    for source, target in sorted(edges, key=lambda edge: edge[1]):
        if source in behind:
            behind.add(target)
    before = {end}
    for source, target in sorted(edges, key=lambda edge: -edge[0]):
        if target in before:
            before.add(source)
    kept = [i for i in range(len(builder.nodes)) if i in behind and (i in before or i < starts)]
    kept = sorted({*kept, end})
    place = {i: k for k, i in enumerate(kept)}
    return ModelGraph(
        [builder.nodes[i] for i in kept],
        [(place[a], place[b]) for a, b in edges if a in place and b in place],
    )
