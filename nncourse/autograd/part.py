"""The part of a graph that lies between results and the inputs one asks for.

A backward pass to all leaves needs no such thing. ``nnc.grad(y, x)`` asks for some derivatives
only, so the pass leaves out all functions behind which none of the inputs lies.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from nncourse.autograd.function import Edge, Function


class Part:
    """``wanted``: the inputs. ``leading``: the functions to be run. ``needed``: both together."""

    def __init__(self, wanted: set[Any], roots: Iterable[Edge]) -> None:
        seen: set[Function] = set()
        waiting = [root for root in roots if isinstance(root, Function)]
        while waiting:
            node = waiting.pop()
            if node not in seen:
                seen.add(node)
                waiting += [edge for edge in node.edges if isinstance(edge, Function)]
        self.wanted = wanted
        self.needed: set[Edge] = set(wanted)
        self.leading: set[Edge] = set()
        for node in sorted(seen, key=lambda node: node.order, reverse=True):  # the oldest first
            if not self.needed.isdisjoint(node.edges):
                self.leading.add(node)
                self.needed.add(node)

    def run(self, backward: Callable[[Function, Any], Any], node: Function, dout: Any) -> Any:
        """The derivatives of a function, those left out that are not needed here."""
        if len(node.edges) == 1:
            return backward(node, dout)
        needs = node.needs
        node.needs = tuple([need and e in self.needed for need, e in zip(needs, node.edges)])
        try:
            return backward(node, dout)
        finally:
            node.needs = needs
