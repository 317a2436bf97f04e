"""The teaching twin: automatic differentiation of single numbers, small enough to read aloud.

It is ``nncourse.autograd`` without arrays, in the same words. Each operation computes its value
and, beside it, its derivative with respect to each input: the slopes along the edges of the graph.
The backward pass takes the youngest value first, for what uses a value is always younger than it.
"""

from __future__ import annotations

import math
from heapq import heappop, heappush
from itertools import count

tick = count(1).__next__  # numbers the values in the order of their creation


class Value:
    """A number that remembers how it was computed. ``edges``: pairs (input, slope)."""

    def __init__(self, data: float, edges: tuple[tuple[Value, float], ...] = ()) -> None:
        self.data = float(data)
        self.grad = 0.0
        self.edges = edges
        self.order = tick()

    def __repr__(self) -> str:
        return f"Value({self.data:.4g}, grad={self.grad:.4g})"

    # Operations: the value, then for each input its slope

    def __add__(self, other: Value | float) -> Value:
        a, b = self, value(other)
        return Value(a.data + b.data, ((a, 1.0), (b, 1.0)))

    def __mul__(self, other: Value | float) -> Value:
        a, b = self, value(other)
        return Value(a.data * b.data, ((a, b.data), (b, a.data)))

    def __pow__(self, n: float) -> Value:
        slope = n * self.data ** (n - 1) if n else 0.0
        return Value(self.data**n, ((self, slope),))

    def exp(self) -> Value:
        out = math.exp(self.data)
        return Value(out, ((self, out),))

    def log(self) -> Value:
        return Value(math.log(self.data), ((self, 1 / self.data),))

    def sin(self) -> Value:
        return Value(math.sin(self.data), ((self, math.cos(self.data)),))

    def cos(self) -> Value:
        return Value(math.cos(self.data), ((self, -math.sin(self.data)),))

    def tanh(self) -> Value:
        out = math.tanh(self.data)
        return Value(out, ((self, 1 - out * out),))

    def sigmoid(self) -> Value:
        out = (1 + math.tanh(self.data / 2)) / 2  # cannot overflow
        return Value(out, ((self, out * (1 - out)),))

    def relu(self) -> Value:
        return Value(max(self.data, 0.0), ((self, float(self.data > 0)),))

    def max(self, other: Value | float) -> Value:
        a, b = self, value(other)
        share = 0.5 if a.data == b.data else float(a.data > b.data)
        return Value(max(a.data, b.data), ((a, share), (b, 1 - share)))

    # What the others make of these

    def __neg__(self) -> Value:
        return self * -1

    def __sub__(self, other: Value | float) -> Value:
        return self + -value(other)

    def __truediv__(self, other: Value | float) -> Value:
        return self * value(other) ** -1

    def __rsub__(self, other: float) -> Value:
        return value(other) - self

    def __rtruediv__(self, other: float) -> Value:
        return value(other) / self

    __radd__ = __add__
    __rmul__ = __mul__

    def backward(self, gradient: float = 1.0) -> None:
        """Add to the ``grad`` of every leaf its share; other values get that of this pass alone."""
        gradients = {self: gradient}
        waiting = [(-self.order, self)]
        while waiting:
            node = heappop(waiting)[1]
            dout = gradients.pop(node)
            if not node.edges:
                node.grad += dout
                continue
            node.grad = dout
            for edge, slope in node.edges:
                if edge not in gradients:
                    gradients[edge] = 0.0
                    heappush(waiting, (-edge.order, edge))
                gradients[edge] += dout * slope


def value(x: Value | float) -> Value:
    """Numbers as values; values stay."""
    return x if isinstance(x, Value) else Value(x)
