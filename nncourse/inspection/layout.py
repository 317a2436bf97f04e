"""A layered layout for directed acyclic graphs, in plain Python.

Computation graphs are drawn in lectures, widgets and reports, and a course cannot ask its readers
to install Graphviz. The four steps are those of Sugiyama, Tagawa and Toda (1981): give each node a
layer, order the layers so that few edges cross, place the nodes, route the edges. The graph runs
from left to right. Equal input gives equal output: there are no random numbers in it.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

Point = tuple[float, float]


@dataclass(frozen=True)
class Layout:
    """Where everything stands, in the unit of the sizes given; y grows downwards.

    ``centres[i]`` is the middle of node i. ``routes[k]`` are the points that edge k runs through,
    from the right border of its source to the left border of its target.
    """

    centres: list[Point]
    routes: list[list[Point]]
    width: float
    height: float


def layered_layout(
    sizes: Sequence[tuple[float, float]],
    edges: Sequence[tuple[int, int]],
    *,
    column_gap: float = 70.0,
    row_gap: float = 24.0,
    port_gap: float = 20.0,
) -> Layout:
    """Place nodes of the given (width, height), joined by ``edges`` (source, target).

    An edge may occur several times. Raises ValueError when the edges contain a cycle.
    ``port_gap`` is the distance between the points where edges enter one node.
    """
    layer = _layers(len(sizes), edges)
    chains = _chains(layer, edges)
    heights = [height for _, height in sizes] + [0.0] * (sum(len(c) - 2 for c in chains))
    for chain in chains:
        for place, bend in enumerate(chain[1:-1], start=1):
            heights[bend] = port_gap / 2
            layer.append(layer[chain[0]] + place)  # bends are numbered in this very order
    pairs = [pair for chain in chains for pair in itertools.pairwise(chain)]
    rows = _order(layer, pairs)
    y = _heights(rows, pairs, heights, row_gap, bends_from=len(sizes))

    x = [0.0] * len(layer)
    widths = [width for width, _ in sizes] + [0.0] * (len(layer) - len(sizes))
    left = 0.0
    for row in rows:
        column = max((widths[v] for v in row), default=0.0)
        for v in row:
            x[v] = left + column / 2
            if v >= len(sizes):
                widths[v] = column  # an edge crosses a column level, so it cuts no corner
        left += column + column_gap
    return Layout(
        centres=[(x[v], y[v]) for v in range(len(sizes))],
        routes=_routes(chains, widths, x, y, port_gap),
        width=left - column_gap if rows else 0.0,
        height=max((y[v] + h / 2 for v, h in enumerate(heights)), default=0.0),
    )


def _layers(count: int, edges: Sequence[tuple[int, int]]) -> list[int]:
    """Longest path from a source; then each source moves right, up to its first consumer."""
    targets: list[list[int]] = [[] for _ in range(count)]
    waiting = [0] * count
    for source, target in edges:
        targets[source].append(target)
        waiting[target] += 1
    is_source = [n == 0 for n in waiting]
    layer = [0] * count
    ready = [v for v in range(count) if is_source[v]]
    for v in ready:  # grows while we go through it
        for w in targets[v]:
            layer[w] = max(layer[w], layer[v] + 1)
            waiting[w] -= 1
            if waiting[w] == 0:
                ready.append(w)
    if len(ready) < count:
        raise ValueError("the graph has a cycle, so it has no layers")
    for v in range(count):
        if is_source[v] and targets[v]:
            layer[v] = min(layer[w] for w in targets[v]) - 1
    return layer


def _chains(layer: list[int], edges: Sequence[tuple[int, int]]) -> list[list[int]]:
    """Each edge as source, bends, target, with one bend in every layer that it crosses."""
    bend = len(layer)
    chains = []
    for source, target in edges:
        between = layer[target] - layer[source] - 1
        chains.append([source, *range(bend, bend + between), target])
        bend += between
    return chains


def count_crossings(rows: Sequence[Sequence[int]], pairs: Sequence[tuple[int, int]]) -> int:
    """Crossings of the edges between neighbouring layers, for a given order in each layer."""
    place = {v: i for row in rows for i, v in enumerate(row)}
    above = {v: k for k, row in enumerate(rows) for v in row}
    total = 0
    for k in range(len(rows)):
        spans = [(place[a], place[b]) for a, b in pairs if above[a] == k]
        total += sum(
            (a - c) * (b - d) < 0 for i, (a, b) in enumerate(spans) for c, d in spans[i + 1 :]
        )
    return total


def _order(layer: list[int], pairs: list[tuple[int, int]], sweeps: int = 8) -> list[list[int]]:
    """The order in each layer with the fewest crossings, out of several attempts.

    Each attempt starts from a walk through the graph, against the edges from the outputs or along
    them from the sources, which keeps what belongs together side by side.
    """
    before: list[list[int]] = [[] for _ in layer]
    after: list[list[int]] = [[] for _ in layer]
    for a, b in pairs:
        after[a].append(b)
        before[b].append(a)
    best: list[list[int]] = []
    fewest = -1
    for along, turned in ((before, False), (before, True), (after, False), (after, True)):
        walk = _walk(along, turned)
        rows: list[list[int]] = [[] for _ in range(max(layer, default=-1) + 1)]
        for v in walk:
            rows[layer[v]].append(v)
        for sweep in range(sweeps):
            _swap_neighbours(rows, before, after)
            crossings = count_crossings(rows, pairs)
            if not best or crossings < fewest:
                best, fewest = [list(row) for row in rows], crossings
            forward = sweep % 2 == 0
            neighbours = before if forward else after
            for row in rows if forward else reversed(rows):
                _sort(row, rows, neighbours)
    return best


def _walk(along: list[list[int]], turned: bool) -> list[int]:
    """All nodes, depth first, each after those that it leads to."""
    led_to = {v for targets in along for v in targets}
    starts = [v for v in range(len(along)) if v not in led_to]
    seen: set[int] = set()
    walk = []
    stack = [(v, False) for v in (starts if turned else starts[::-1])]
    while stack:
        v, done = stack.pop()
        if done:
            walk.append(v)
        elif v not in seen:
            seen.add(v)
            stack.append((v, True))
            stack += [(w, False) for w in (along[v] if turned else along[v][::-1])]
    return walk


def _sort(row: list[int], rows: list[list[int]], neighbours: list[list[int]]) -> None:
    """Sort a layer by the mean place of the neighbours on one side (both from 0 to 1)."""
    place = {v: (i + 0.5) / len(r) for r in rows for i, v in enumerate(r)}
    key = {}
    for v in row:
        around = [place[w] for w in neighbours[v]]
        # A node without neighbours on that side keeps its place.
        key[v] = sum(around) / len(around) if around else place[v]
    row.sort(key=lambda v: (key[v], place[v]))


def _swap_neighbours(
    rows: list[list[int]], before: list[list[int]], after: list[list[int]]
) -> None:
    """Exchange two nodes that stand side by side wherever that removes crossings."""
    place = {v: i for row in rows for i, v in enumerate(row)}

    def crossings(u: int, v: int) -> int:  # when u stands above v
        return sum(
            place[a] > place[b] for side in (before, after) for a in side[u] for b in side[v]
        )

    improved = True
    while improved:  # each exchange removes a crossing, so this ends
        improved = False
        for row in rows:
            for i in range(len(row) - 1):
                u, v = row[i], row[i + 1]
                if crossings(v, u) < crossings(u, v):
                    row[i], row[i + 1] = v, u
                    place[u], place[v] = i + 1, i
                    improved = True


def _heights(
    rows: list[list[int]],
    pairs: list[tuple[int, int]],
    heights: list[float],
    gap: float,
    bends_from: int,
    sweeps: int = 24,
) -> list[float]:
    """Centres in y: each node near the mean of its neighbours, none closer than ``gap``."""
    y = [0.0] * len(heights)
    for row in rows:
        _spread(row, dict.fromkeys(row, 0.0), heights, gap, y)
    neighbours: list[list[int]] = [[] for _ in heights]
    for a, b in pairs:
        neighbours[a].append(b)
        neighbours[b].append(a)
    for sweep in range(sweeps):
        for row in rows if sweep % 2 == 0 else reversed(rows):
            wish = {
                v: sum(y[w] for w in neighbours[v]) / len(neighbours[v]) if neighbours[v] else y[v]
                for v in row
            }
            # Bends pull harder, so that long edges become straight.
            weight = {v: 4.0 if v >= bends_from else 1.0 for v in row}
            _spread(row, wish, heights, gap, y, weight)
    top = min((y[v] - heights[v] / 2 for row in rows for v in row), default=0.0)
    return [value - top for value in y]


def _spread(
    row: list[int],
    wish: dict[int, float],
    heights: list[float],
    gap: float,
    y: list[float],
    weight: dict[int, float] | None = None,
) -> None:
    """Set y as close to the wishes as the order and the gaps allow (least squares).

    Subtracting the smallest offset that each node needs turns the constraint into "not
    decreasing", which is isotonic regression: neighbours that disagree are merged and share a mean.
    """
    offset, needed = [], 0.0
    for i, v in enumerate(row):
        if i:
            needed += (heights[row[i - 1]] + heights[v]) / 2 + gap
        offset.append(needed)
    blocks: list[list[float]] = []  # [weight, mean, length]
    for v, o in zip(row, offset):
        blocks.append([weight[v] if weight else 1.0, wish[v] - o, 1])
        while len(blocks) > 1 and blocks[-2][1] > blocks[-1][1]:
            w2, m2, n2 = blocks.pop()
            w1, m1, n1 = blocks.pop()
            blocks.append([w1 + w2, (w1 * m1 + w2 * m2) / (w1 + w2), n1 + n2])
    means = [mean for _, mean, length in blocks for _ in range(int(length))]
    for v, mean, o in zip(row, means, offset):
        y[v] = mean + o


def _routes(
    chains: list[list[int]],
    widths: list[float],
    x: list[float],
    y: list[float],
    port_gap: float,
) -> list[list[Point]]:
    """The points of each edge; edges enter a node one under the other, in the order they come."""
    entering: dict[int, list[int]] = {}
    for k, chain in enumerate(chains):
        entering.setdefault(chain[-1], []).append(k)
    port = [0.0] * len(chains)
    for edges in entering.values():
        edges.sort(key=lambda k: y[chains[k][-2]])  # stable: equal heights keep the edges' order
        for i, k in enumerate(edges):
            port[k] = (i - (len(edges) - 1) / 2) * port_gap
    routes = []
    for k, chain in enumerate(chains):
        source, target = chain[0], chain[-1]
        route = [(x[source] + widths[source] / 2, y[source])]
        for bend in chain[1:-1]:
            route += [(x[bend] - widths[bend] / 2, y[bend]), (x[bend] + widths[bend] / 2, y[bend])]
        route.append((x[target] - widths[target] / 2, y[target] + port[k]))
        routes.append(route)
    return routes
