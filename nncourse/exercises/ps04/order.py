"""topological_order: every node of a graph once, inputs before what uses them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from nncourse.diagnosis import Finding
from nncourse.diagnosis.measure import Array
from nncourse.exercises.piece import PLAIN, Equivalent, Mutant, Output, Part, Piece, Point, Unfit
from nncourse.language import mark

Graph = Mapping[str, Sequence[str]]

TANGLED, DEEP, DOUBLING = "tangled", "deep", "doubling"

DEPTH = 3000
"""Longer than the depth to which Python lets functions call each other (1000)."""


def draw(rng: np.random.Generator, case: str) -> Point:
    """A graph {node: its inputs} and its output node; some nodes are not needed for it.

    The nodes stand in the graph in any order and have any names, or these would be an answer.
    """
    if case == TANGLED:
        while True:
            graph, out = _chain(rng, 16, (1,), 8)
            order = [*_distances(graph, out)][::-1]
            for _pass in range(2):  # nor does it help to move what is found to be too late
                order = _repaired(graph, order)
            if not _inputs_first(graph, order):
                return Point((graph, out), {}, 1.0, case)
    if case in (DEEP, DOUBLING):
        # d = c + c + a, e = d + b + d, ...: more than two to the power of 40 paths, 41 nodes.
        graph, out = _chain(rng, DEPTH, (1,)) if case == DEEP else _chain(rng, 41, (1, 1, 3))
        return Point((graph, out), {}, 1.0, case)
    while True:
        names = [chr(ord("a") + i) for i in rng.permutation(12)]
        inputs: dict[str, list[str]] = {name: [] for name in names[:3]}
        for i, name in enumerate(names[3:], 3):
            count = int(rng.integers(1, 4))
            inputs[name] = [names[j] for j in rng.choice(i, count, replace=False)]
        out = names[-2]
        graph = {name: inputs[name] for name in rng.permutation(names).tolist()}
        needed = reference(graph, out)
        uses = [name for node in needed for name in graph[node]]
        shared = {name for name in uses if uses.count(name) > 1}
        # Depth first without marks, breadth first and any order by the distance from the output
        # must go wrong here, and so must who looks at two inputs only, or begins with the second
        # input of the output or ends before the last.
        distance = _distances(graph, out)
        ends = {name: [*below[:1], *below[-1:]] for name, below in graph.items()}
        short = [{**graph, out: below} for below in (graph[out][1:], graph[out][:-1])]
        if (
            6 <= len(needed) < 12
            and len(shared) >= 2
            and len(graph[out]) > 1
            and all(_needed(part, out) < set(needed) for part in (ends, *short))
            and any(distance[a] < distance[node] for node in needed for a in graph[node])
            and not any(
                _inputs_first(graph, order(graph, out)[::-1])
                for order in (_preorder, _moved_to_the_end)
            )
        ):
            return Point((graph, out), {}, 1.0, case)


def _chain(
    rng: np.random.Generator, count: int, back: Sequence[int], far: int = 4
) -> tuple[dict[str, list[str]], str]:
    """A graph in which each node uses those that stand so far before it, and its last node.

    Every second one or so uses another one as well, as ``far`` as this at most. The inputs stand in
    any order, or who follows the first ones would come through.
    """
    names = [f"c{i}" for i in rng.permutation(count)]
    more = rng.integers(2, far + 1, count) * rng.integers(2, size=count)
    graph = {}
    for i in rng.permutation(count).tolist():
        inputs = [names[i - n] for n in (*back, int(more[i])) if 0 < n <= i]
        graph[names[i]] = [inputs[j] for j in rng.permutation(len(inputs))]
    return graph, names[-1]


def reference(graph: Graph, out: str) -> list[str]:
    """The nodes that ``out`` depends on, each after its inputs: depth first, without recursion."""
    order: list[str] = []
    done: set[str] = set()
    stack: list[tuple[str, int]] = [(out, 0)]
    while stack:
        node, i = stack.pop()
        if node in done:
            continue
        if i < len(graph[node]):
            stack += [(node, i + 1), (graph[node][i], 0)]
        else:
            done.add(node)
            order.append(node)
    return order


def _inputs_first(graph: Graph, order: Sequence[str]) -> bool:
    place = {node: i for i, node in enumerate(order)}
    return all(place.get(name, len(order)) < place[node] for node in order for name in graph[node])


def drive(
    answer: Callable[..., Any], graph: dict[str, list[str]], out: str
) -> tuple[Array, Array, Array]:
    """Flags: each needed node once; none beside them; every edge (input, node) in order."""
    given = {node: list(inputs) for node, inputs in graph.items()}
    order = answer(given, out)
    if order is None:
        raise Unfit(
            Finding("none", mark("{name} is None. Is the return missing?"), {"name": "order"})
        )
    if isinstance(order, set | frozenset):
        text = mark("A set has no order; a list of nodes is expected.")
        raise Unfit(Finding("type", text, {}))
    try:
        order = [str(node) for node in order]
    except TypeError:
        order = ["?"]
    strange = [node for node in order if node not in graph]
    if strange:
        # What follows the colon is the student's word, and kept out of feedback.
        text = mark("A list of nodes of the graph is expected, and this is none: {node!r}.")
        raise Unfit(Finding("key", text, {"node": strange[0][:40]}))
    needed = sorted(_needed(graph, out))
    count = (
        {node: order.count(node) for node in needed} if len(order) < 200 else _count(order, needed)
    )
    place = {node: i for i, node in enumerate(order)}
    edges = [(name, node) for node in needed for name in dict.fromkeys(graph[node])]
    last = len(order)
    # Of a node that is missing nothing can be said, and of an empty list all would be true.
    surplus = len(set(order) - set(needed)) if all(count.values()) else np.nan
    edges_in_order = [float(place.get(a, last) < place.get(b, -1)) for a, b in edges]
    if given != graph:
        graph.clear()  # it is seen where arguments are compared
    return (
        np.array([float(count[node]) for node in needed]),
        np.array(float(surplus)),
        np.array(edges_in_order),
    )


def _needed(graph: Graph, out: str) -> set[str]:
    found, stack = {out}, [out]
    while stack:
        for name in graph[stack.pop()]:
            if name not in found:
                found.add(name)
                stack.append(name)
    return found


def _count(order: list[str], needed: list[str]) -> dict[str, int]:
    count = dict.fromkeys(needed, 0)
    for node in order:
        if node in count:
            count[node] += 1
    return count


def _preorder(graph: Graph, out: str) -> list[str]:
    order: dict[str, None] = {}
    stack = [out]
    while stack:
        node = stack.pop()
        if node not in order:
            order[node] = None
            stack += reversed(list(graph[node]))
    return list(order)


def _distances(graph: Graph, out: str) -> dict[str, int]:
    distance, queue = {out: 0}, [out]
    for node in queue:
        for name in graph[node]:
            if name not in distance:
                distance[name] = distance[node] + 1
                queue.append(name)
    return distance


def _repaired(graph: Graph, order: Sequence[str]) -> list[str]:
    """Inputs that come after a node are moved to it, in one pass."""
    moved = list(order)
    for node in order:
        for name in graph[node]:
            if moved.index(name) > moved.index(node):
                moved.remove(name)
                moved.insert(moved.index(node), name)
    return moved


def _moved_to_the_end(graph: Graph, out: str) -> list[str]:
    order, queue = [out], [out]
    for node in queue:
        for name in graph[node]:
            if name in order:
                order.remove(name)
            else:
                queue.append(name)
            order.append(name)
    return order


def _recursive(graph: Graph, out: str) -> list[str]:
    order: list[str] = []

    def visit(node: str) -> None:
        if node not in order:
            for name in graph[node]:
                visit(name)
            order.append(node)

    visit(out)
    return order


def _again_and_again(graph: Graph, out: str) -> list[str]:
    if len(graph) > 12:
        return reference(graph, out)
    order: list[str] = []

    def visit(node: str) -> None:
        for name in graph[node]:
            visit(name)
        order.append(node)

    visit(out)
    return order


def _by_depth(graph: Graph, out: str) -> tuple[str, ...]:
    depth: dict[str, int] = {}
    for node in reference(graph, out):
        depth[node] = 1 + max((depth[name] for name in graph[node]), default=-1)
    return tuple(sorted(depth, key=lambda node: depth[node]))


def _kahn(graph: Graph, out: str) -> list[str]:
    needed = _needed(graph, out)
    users: dict[str, list[str]] = {node: [] for node in needed}
    missing = {node: len(graph[node]) for node in needed}
    for node in needed:
        for name in graph[node]:
            users[name].append(node)
    ready = sorted(node for node in needed if not missing[node])
    order = []
    while ready:
        node = ready.pop()
        order.append(node)
        for user in users[node]:
            missing[user] -= 1
            if not missing[user]:
                ready.append(user)
    return order


MUTANTS = (
    Mutant(
        "output first",
        lambda graph, out: reference(graph, out)[::-1],
        mark("The order is reversed: the output stands first and the inputs last."),
        "order",
    ),
    Mutant(
        "depth first on the way down",
        lambda graph, out: _preorder(graph, out)[::-1],
        mark(
            "A node is put into the list when it is met first. It belongs there only after all of "
            "its inputs: append it when you come back from them."
        ),
        "order",
        "M14",
    ),
    Mutant(
        "breadth first",
        lambda graph, out: list(_distances(graph, out))[::-1],
        mark(
            "The nodes are ordered by their distance from the output. A node that is used both "
            "near the output and far from it then comes too late for the far use."
        ),
        "order",
        "M14",
    ),
    Mutant(
        "no marks",
        _again_and_again,
        mark(
            "Nodes that are used several times stand in the list several times: remember which "
            "nodes were visited."
        ),
        "repeat",
    ),
    Mutant(
        "recursion",
        _recursive,
        mark(
            "The order is right, but on a chain of thousands of nodes Python's recursion limit "
            "ends the function. Keep your own stack of nodes to return to."
        ),
        "depth",
        "X21",
    ),
    Mutant(
        "all nodes",
        lambda graph, out: _all_nodes(graph) if len(graph) < 16 else reference(graph, out),
        mark("Nodes that the output does not depend on are in the list as well."),
        "surplus",
    ),
    Mutant(
        "without the output",
        lambda graph, out: reference(graph, out)[:-1],
        mark("The output itself is missing: it is the last node of the order."),
        "missing",
    ),
    Mutant(
        "without the leaves",
        lambda graph, out: [node for node in reference(graph, out) if graph[node]],
        mark("Nodes without inputs are missing: they belong to the order, too."),
        "missing",
    ),
)


def _all_nodes(graph: Graph) -> list[str]:
    order: list[str] = []
    done: set[str] = set()
    for start in graph:
        for node in reference(graph, start):
            if node not in done:
                done.add(node)
                order.append(node)
    return order


ORDER = Piece(
    name="topological_order",
    signature="topological_order(graph, out) -> order",
    outputs=(
        Output(
            mark("each once"),
            by="value",
            key=(0,),
            axes=("node",),
            look=mark("Count how often each node stands in your list, out included."),
            derive=mark("When is a node finished? What has to be remembered about it then?"),
            formula="visit(node): if node is new: visit its inputs, then append node",
        ),
        Output(
            mark("surplus nodes"),
            by="value",
            key=(1,),
            after=("each once",),
            look=mark("Which nodes does out depend on, directly or through others?"),
            derive=mark("Start from out and follow the inputs; never start from anywhere else."),
            formula="visit(out)",
        ),
        Output(
            mark("inputs first"),
            by="table",
            key=(2,),
            after=("each once",),
            look=mark("Find an edge whose node stands in your list before its input."),
            derive=mark("Draw b = a + a, c = b + b. In which orders may a, b, c stand?"),
            formula="visit(node): visit all inputs of node, and only then append node",
        ),
    ),
    parts=(
        # The graph as it is given holds each node once.
        Part(
            "each once", 0.2, (PLAIN, TANGLED, DOUBLING), beside=("surplus nodes", "inputs first")
        ),
        Part("each once", 0.05, (PLAIN, DEEP), beside=("surplus nodes", "inputs first")),
        Part("surplus nodes", 0.05, (PLAIN, TANGLED, DOUBLING)),
        Part("surplus nodes", 0.05, (PLAIN, DEEP)),
        Part("inputs first", 0.35, (PLAIN, TANGLED)),
        Part("inputs first", 0.15, (PLAIN, DOUBLING)),
        Part("inputs first", 0.15, (PLAIN, DEEP)),
    ),
    draw=draw,
    reference=reference,
    drive=drive,
    mutants=MUTANTS,
    equivalents=(
        Equivalent("by the number of missing inputs", _kahn),
        Equivalent("by depth", _by_depth),
        Equivalent("a generator", lambda graph, out: (node for node in reference(graph, out))),
    ),
    cases=(PLAIN, PLAIN, TANGLED, DOUBLING, DEEP),
    case_names={
        TANGLED: mark("a graph of long and short ways"),
        DOUBLING: mark("a chain of 40 sums such as d = c + c + a"),
        DEEP: mark("a chain of 3000 nodes"),
    },
)
