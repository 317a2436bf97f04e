"""The layered layout: nothing overlaps, edges run from left to right, few of them cross."""

from __future__ import annotations

import itertools
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nncourse.inspection.layout import Layout, layered_layout

SIZE = (100.0, 60.0)


class Graph:
    """A graph that is written down as a calculation."""

    def __init__(self) -> None:
        self.count = 0
        self.edges: list[tuple[int, int]] = []

    def node(self, *inputs: int) -> int:
        self.edges += [(source, self.count) for source in inputs]
        self.count += 1
        return self.count - 1

    def layout(self) -> Layout:
        return layered_layout([SIZE] * self.count, self.edges)


def network() -> Graph:
    """Two inputs, three hidden units, two outputs, a loss; every operation is a node."""
    graph = Graph()
    x = [graph.node(), graph.node()]
    hidden = []
    for _unit in range(3):
        products = [graph.node(graph.node(), u) for u in x]
        hidden.append(graph.node(graph.node(graph.node(*products), graph.node())))
    outputs = []
    for _unit in range(2):
        a, b, c = (graph.node(graph.node(), u) for u in hidden)
        outputs.append(graph.node(graph.node(graph.node(a, b), c)))
    graph.node(*outputs)
    return graph


def lstm() -> Graph:
    """One step of a long short-term memory, gates as nodes."""
    graph = Graph()
    x, h, c = (graph.node() for _ in range(3))
    i, f, g, o = (
        graph.node(graph.node(graph.node(graph.node(), x), graph.node(graph.node(), h)))
        for _ in range(4)
    )
    new = graph.node(graph.node(f, c), graph.node(i, g))
    graph.node(o, graph.node(new))
    return graph


def crossings(layout: Layout, edges: list[tuple[int, int]]) -> int:
    """Pairs of straight pieces that cross between two columns."""
    pieces = []
    for (source, target), route in zip(edges, layout.routes):
        for k in range(0, len(route) - 1, 2):  # odd pieces run level through a column
            pieces.append((route[k], route[k + 1], source, target))
    total = 0
    for (a, b, s1, t1), (c, d, s2, t2) in itertools.combinations(pieces, 2):
        same_gap = a[0] < d[0] and c[0] < b[0]
        if same_gap and s1 != s2 and t1 != t2:
            total += (a[1] - c[1]) * (b[1] - d[1]) < 0
    return total


def check(layout: Layout, sizes: list[tuple[float, float]], edges: list[tuple[int, int]]) -> None:
    boxes = [
        (x - w / 2, y - h / 2, x + w / 2, y + h / 2)
        for (x, y), (w, h) in zip(layout.centres, sizes)
    ]
    for (l1, t1, r1, b1), (l2, t2, r2, b2) in itertools.combinations(boxes, 2):
        assert r1 <= l2 or r2 <= l1 or b1 <= t2 or b2 <= t1, "two nodes overlap"
    for left, top, right, bottom in boxes:
        assert left >= -1e-6
        assert top >= -1e-6
        assert right <= layout.width + 1e-6
        assert bottom <= layout.height + 1e-6
    for (source, target), route in zip(edges, layout.routes):
        assert route[0] == pytest.approx((boxes[source][2], layout.centres[source][1]))
        assert route[-1][0] == pytest.approx(boxes[target][0])
        assert boxes[target][1] <= route[-1][1] <= boxes[target][3]
        assert all(a[0] <= b[0] for a, b in itertools.pairwise(route))
        # Inside a column, where nodes stand, an edge is level and keeps off the nodes.
        for (x0, y0), (x1, y1) in itertools.pairwise(route[1:-1]):
            for left, top, right, bottom in boxes:
                if x0 < right and left < x1 and y0 == y1:
                    assert not top < y0 < bottom, "an edge runs through a node"


@pytest.mark.parametrize(("make", "most"), [(network, 8), (lstm, 12)])
def test_few_crossings_and_quick(make, most):
    graph = make()
    start = time.process_time()
    layout = graph.layout()
    assert time.process_time() - start < 0.5
    check(layout, [SIZE] * graph.count, graph.edges)
    assert crossings(layout, graph.edges) <= most


def test_standard_example_has_no_crossing_but_the_unavoidable_one():
    # x^2 + x*y + (x + y)^2: x and y both feed x*y and x + y, which costs one crossing.
    edges = [(0, 2), (0, 3), (1, 3), (0, 4), (1, 4), (2, 5), (3, 5), (4, 6), (5, 7), (6, 7)]
    assert crossings(layered_layout([SIZE] * 8, edges), edges) == 1


def test_sources_stand_next_to_their_first_consumer():
    edges = [(0, 1), (1, 2), (2, 4), (3, 4)]
    layout = layered_layout([SIZE] * 5, edges)
    assert layout.centres[3][0] == layout.centres[2][0]


def test_parallel_edges_enter_apart():
    layout = layered_layout([SIZE] * 2, [(0, 1), (0, 1)], port_gap=20)
    first, second = layout.routes
    assert abs(first[-1][1] - second[-1][1]) == pytest.approx(20)


def test_cycle_is_an_error():
    with pytest.raises(ValueError, match="cycle"):
        layered_layout([SIZE] * 2, [(0, 1), (1, 0)])


def test_nothing_and_one_node():
    assert layered_layout([], []).centres == []
    assert layered_layout([SIZE], []).centres == [(50.0, 30.0)]


@st.composite
def graphs(draw):
    count = draw(st.integers(1, 14))
    sizes = [
        (draw(st.integers(20, 150)) * 1.0, draw(st.integers(20, 90)) * 1.0) for _ in range(count)
    ]
    edges = []
    for target in range(1, count):
        edges += [
            (source, target) for source in draw(st.lists(st.integers(0, target - 1), max_size=3))
        ]
    # A node must be tall enough for the edges that enter it.
    sizes = [
        (w, max(h, 20.0 * sum(t == v for _, t in edges) + 2)) for v, (w, h) in enumerate(sizes)
    ]
    return sizes, edges


@settings(max_examples=60, deadline=None)
@given(graphs())
def test_any_graph(graph):
    sizes, edges = graph
    layout = layered_layout(sizes, edges)
    check(layout, sizes, edges)
    assert layered_layout(sizes, edges) == layout  # the same every time
