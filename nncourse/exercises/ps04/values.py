"""The reference of Value, and engines of the same kind with one mistake or in another style."""

from __future__ import annotations

import itertools
import math
import sys
from collections import Counter, deque
from collections.abc import Callable
from typing import Any


class Value:
    """A number with its gradient. edges: (input, slope) for each input."""

    def __init__(self, data: float, edges: tuple[tuple[Any, float], ...] = ()) -> None:
        self.data = float(data)
        self.grad = 0.0
        self.edges = edges

    def wrap(self, other: Any) -> Any:
        """Plain numbers as values."""
        return other if isinstance(other, Value) else type(self)(other)

    def __add__(self, other: Any) -> Any:
        other = self.wrap(other)
        return type(self)(self.data + other.data, ((self, 1.0), (other, 1.0)))

    def __mul__(self, other: Any) -> Any:
        other = self.wrap(other)
        return type(self)(self.data * other.data, ((self, other.data), (other, self.data)))

    def __pow__(self, n: float) -> Any:
        return type(self)(self.data**n, ((self, n * self.data ** (n - 1)),))

    def exp(self) -> Any:
        """e to this power."""
        out = math.exp(self.data)
        return type(self)(out, ((self, out),))

    def tanh(self) -> Any:
        """The hyperbolic tangent."""
        out = math.tanh(self.data)
        return type(self)(out, ((self, 1 - out**2),))

    def __neg__(self) -> Any:
        return self * -1

    def __sub__(self, other: Any) -> Any:
        return self + -self.wrap(other)

    def __truediv__(self, other: Any) -> Any:
        return self * self.wrap(other) ** -1

    def __radd__(self, other: Any) -> Any:
        return self + other

    def __rmul__(self, other: Any) -> Any:
        return self * other

    def __rsub__(self, other: Any) -> Any:
        return self.wrap(other) - self

    def __rtruediv__(self, other: Any) -> Any:
        return self.wrap(other) / self

    def order(self) -> list[Any]:
        """All values below this one and itself, inputs first, without recursion."""
        order: list[Any] = []
        done: set[Any] = set()
        stack = [(self, 0)]
        while stack:
            node, i = stack.pop()
            if node in done:
                continue
            if i < len(node.edges):
                stack += [(node, i + 1), (node.edges[i][0], 0)]
            else:
                done.add(node)
                order.append(node)
        return order

    def backward(self) -> None:
        """Add the gradient of this value to the ``grad`` of every leaf."""
        order = self.order()
        for node in order:
            if node.edges:
                node.grad = 0.0
        self.grad = 1.0 if self.edges else self.grad + 1.0
        for node in reversed(order):
            for edge, slope in node.edges:
                edge.grad += node.grad * slope


# Engines with one mistake.


class Overwrites(Value):
    def backward(self) -> None:
        order = self.order()
        self.grad = 1.0
        for node in reversed(order):
            for edge, slope in node.edges:
                edge.grad = node.grad * slope


class DepthFirst(Value):
    turn = 1

    def backward(self) -> None:
        # Nodes in the order in which they are met from the output: inputs may come too early.
        order: list[Any] = []
        seen: set[Any] = set()
        stack: list[Any] = [self]
        while stack:
            node = stack.pop()
            if node not in seen:
                seen.add(node)
                order.append(node)
                stack += [edge for edge, _slope in node.edges[:: self.turn]]
        for node in order:
            if node.edges:
                node.grad = 0.0
        self.grad = 1.0
        for node in order:
            for edge, slope in node.edges:
                edge.grad += node.grad * slope


class FirstInputFirst(DepthFirst):
    turn = -1


class BreadthFirst(Value):
    """By the distance from the output."""

    moves = False

    def order(self) -> list[Any]:
        turns = itertools.count(1)
        place: dict[Any, int] = {self: 0}
        queue: deque[Any] = deque([self])
        while queue:
            for edge, _slope in queue.popleft().edges:
                if edge not in place:
                    queue.append(edge)
                elif not self.moves:
                    continue
                place[edge] = next(turns)
        return sorted(place, key=place.__getitem__, reverse=True)


class MovedToTheEnd(BreadthFirst):
    """What is met again is moved, without what it was computed from."""

    moves = True


class MarkedWhenPushed(Value):
    """A value waits where it was met first, and may come after what needs it."""

    turn = 1

    def order(self) -> list[Any]:
        order: list[Any] = []
        seen: set[Any] = {self}
        stack: list[Any] = [self]
        while stack:
            node = stack[-1]
            fresh = dict.fromkeys(edge for edge, _slope in node.edges[:: self.turn])
            fresh = {edge: None for edge in fresh if edge not in seen}
            seen.update(fresh)
            stack += fresh
            if not fresh:
                order.append(stack.pop())
        return order


class LastMarkedFirst(MarkedWhenPushed):
    turn = -1


class CountsUsers(Value):
    """By the number of values that use one, taken off once for each use."""

    turn = -1

    def order(self) -> list[Any]:
        left = Counter(edge for node in super().order() for edge in dict(node.edges))
        order: list[Any] = []
        ready = [self]
        while ready:
            order.insert(0, ready.pop(self.turn))
            for edge in (edge for edge, _slope in order[0].edges):
                left[edge] -= 1
                ready += [edge] * (left[edge] == 0)
        return order


class CountsUsersInTurn(CountsUsers):
    """The same; what waits longest comes next."""

    turn = 0


class CountsAllUsers(Value):
    """A value waits for all that ever used it, also where the output does not depend on them."""

    def __init__(self, data: float, edges: tuple[tuple[Any, float], ...] = ()) -> None:
        super().__init__(data, edges)
        self.users = 0
        for edge, _slope in edges:
            edge.users += 1

    def order(self) -> list[Any]:
        came: Counter[Any] = Counter()
        order = [self]
        for node in order:
            for edge, _slope in node.edges:
                came[edge] += 1
                order += [edge] * (came[edge] == edge.users)
        return order[::-1]


class OneOfTwins(Value):
    """Where both inputs are one value, a single slope is kept."""

    def __init__(self, data: float, edges: tuple[tuple[Any, float], ...] = ()) -> None:
        super().__init__(data, tuple(dict(edges).items()))


class OneOfTwinsDivided(Value):
    """The same in the quotient alone."""

    def __truediv__(self, other: Any) -> Any:
        other = self.wrap(other)
        edges = {self: 1 / other.data, other: -self.data / other.data**2}
        return type(self)(self.data / other.data, tuple(edges.items()))


class OneOfTwinsSubtracted(Value):
    """The same in the difference alone."""

    def __sub__(self, other: Any) -> Any:
        other = self.wrap(other)
        return type(self)(self.data - other.data, tuple({self: 1.0, other: -1.0}.items()))


class DeepRecursion(Value):
    def order(self) -> list[Any]:
        order: list[Any] = []
        seen: set[Any] = set()

        def visit(node: Any) -> None:
            if node not in seen:
                seen.add(node)
                for edge, _slope in node.edges:
                    visit(edge)
                order.append(node)

        visit(self)
        return order


class Recursive(DeepRecursion):
    def backward(self) -> None:
        limit = sys.getrecursionlimit()
        sys.setrecursionlimit(max(limit, 10_000))
        try:
            super().backward()
        finally:
            sys.setrecursionlimit(limit)


class NotSeeded(Value):
    def backward(self) -> None:
        order = self.order()
        for node in order:
            if node.edges:
                node.grad = 0.0
        for node in reversed(order):
            for edge, slope in node.edges:
                edge.grad += node.grad * slope


class ZeroesLeaves(Value):
    def backward(self) -> None:
        for node in self.order():
            node.grad = 0.0
        super().backward()


class AccumulatesInside(Value):
    def backward(self) -> None:
        order = self.order()
        self.grad = 1.0
        for node in reversed(order):
            for edge, slope in node.edges:
                edge.grad += node.grad * slope


class ClearsInside(Value):
    def backward(self) -> None:
        super().backward()
        for node in self.order():
            if node.edges:
                node.grad = 0.0


class BackwardFromLeaves(Value):
    def backward(self) -> None:
        order = self.order()
        for node in order:
            if node.edges:
                node.grad = 0.0
        self.grad = 1.0
        for node in order:
            for edge, slope in node.edges:
                edge.grad += node.grad * slope


class MulNotExchanged(Value):
    def __mul__(self, other: Any) -> Any:
        other = self.wrap(other)
        return type(self)(self.data * other.data, ((self, self.data), (other, other.data)))

    def __neg__(self) -> Any:
        return type(self)(-self.data, ((self, -1.0),))


class SubSign(Value):
    def __sub__(self, other: Any) -> Any:
        other = self.wrap(other)
        return type(self)(self.data - other.data, ((self, 1.0), (other, 1.0)))


class DivWrong(Value):
    def __truediv__(self, other: Any) -> Any:
        a, b = self, self.wrap(other)
        return type(self)(a.data / b.data, ((a, 1 / b.data), (b, -a.data / b.data)))


class PowWrong(Value):
    def __pow__(self, n: float) -> Any:
        # The quotient has a slope of its own, so that only powers are wrong.
        factor = n if n < 0 else 1.0
        return type(self)(self.data**n, ((self, factor * self.data ** (n - 1)),))


class PowOfSize(Value):
    def __pow__(self, n: float) -> Any:
        return type(self)(self.data**n, ((self, n * abs(self.data) ** (n - 1)),))


class TanhMissing(Value):
    def tanh(self) -> Any:
        return type(self)(math.tanh(self.data), ((self, 1.0),))


class ExpOfInput(Value):
    def exp(self) -> Any:
        return type(self)(math.exp(self.data), ((self, self.data),))


class NoReflected(Value):
    def __radd__(self, other: Any) -> Any:
        return NotImplemented

    __rmul__ = __rsub__ = __rtruediv__ = __radd__


def _with(**operations: Callable[[Any, Any], Any]) -> type[Value]:
    """An engine with these operations in place of its own."""
    return type("With" + "".join(operations), (Value,), operations)


WRONG_WITH_NUMBERS = (
    _with(__radd__=lambda a, n: a),
    _with(__rsub__=lambda a, n: -a),
    _with(__rsub__=lambda a, n: a - n),
    _with(__rmul__=lambda a, n: a),
    _with(__rtruediv__=lambda a, n: a**-1),
    _with(__sub__=lambda a, b: a + -b if isinstance(b, Value) else a),
)
"""Engines in which a plain number is lost or exchanged with the value."""


# Other right engines.


class ByCreation(Value):
    """Inputs are older than outputs, so the time of creation is a topological order."""

    count = 0

    def __init__(self, data: float, edges: tuple[tuple[Any, float], ...] = ()) -> None:
        super().__init__(data, edges)
        ByCreation.count += 1
        self.age = ByCreation.count

    def order(self) -> list[Any]:
        seen: dict[int, Any] = {}
        stack: list[Any] = [self]
        while stack:
            node = stack.pop()
            if node.age not in seen:
                seen[node.age] = node
                stack += [edge for edge, _slope in node.edges]
        return [seen[age] for age in sorted(seen)]


class Functional:
    """Each value keeps a function that passes its gradient on, as small engines often do."""

    def __init__(self, data: float, inputs: tuple[Any, ...] = ()) -> None:
        self.data, self.grad, self.inputs = data, 0.0, inputs
        self.pass_on: Callable[[], None] = lambda: None

    def _new(self, data: float, inputs: tuple[Any, ...], slopes: tuple[float, ...]) -> Functional:
        out = Functional(data, inputs)

        def pass_on() -> None:
            for node, slope in zip(inputs, slopes):
                node.grad += out.grad * slope

        out.pass_on = pass_on
        return out

    def __add__(self, other: Any) -> Functional:
        other = other if isinstance(other, Functional) else Functional(other)
        return self._new(self.data + other.data, (self, other), (1.0, 1.0))

    def __mul__(self, other: Any) -> Functional:
        other = other if isinstance(other, Functional) else Functional(other)
        return self._new(self.data * other.data, (self, other), (other.data, self.data))

    def __pow__(self, n: float) -> Functional:
        return self._new(self.data**n, (self,), (n * self.data ** (n - 1),))

    def exp(self) -> Functional:
        """e to this power."""
        return self._new(math.exp(self.data), (self,), (math.exp(self.data),))

    def tanh(self) -> Functional:
        """The hyperbolic tangent."""
        return self._new(math.tanh(self.data), (self,), (1 - math.tanh(self.data) ** 2,))

    def __neg__(self) -> Functional:
        return self * -1.0

    def __sub__(self, other: Any) -> Functional:
        return self + (-other)

    def __rsub__(self, other: float) -> Functional:
        return (-self) + other

    def __truediv__(self, other: Any) -> Functional:
        return self * (other**-1)

    def __rtruediv__(self, other: float) -> Functional:
        return self**-1 * other

    __radd__, __rmul__ = __add__, __mul__

    def backward(self) -> None:
        """The order by counting uses that still wait."""
        uses: dict[Functional, int] = {self: 0}
        queue: list[Functional] = [self]
        for node in queue:
            for below in node.inputs:
                if below not in uses:
                    uses[below] = 0
                    queue.append(below)
                uses[below] += 1
        for node in queue:
            if node.inputs:
                node.grad = 0.0
        self.grad = 1.0
        ready = [self]
        while ready:
            node = ready.pop()
            node.pass_on()
            for below in node.inputs:
                uses[below] -= 1
                if not uses[below]:
                    ready.append(below)
