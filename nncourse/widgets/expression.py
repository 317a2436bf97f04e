"""A formula as a computation graph: leaves, operations, and how they read.

parser.py makes one from typed text, graph_model.py computes with it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from nncourse.widgets.numbers import format_number, subscript
from nncourse.widgets.operations import Operation, write


class ExpressionError(ValueError):
    """A formula that cannot be read or computed; ``text[start:end]`` is the place."""

    def __init__(self, message: str, text: str, start: int, end: int) -> None:
        self.message, self.text = message, text
        self.start, self.end = start, max(end, start + 1)
        marker = " " * start + "^" * (self.end - start)
        super().__init__(f"{message}\n    {text}\n    {marker}".rstrip())


@dataclass(frozen=True)
class Node:
    """A leaf (``operation`` is None) or an operation.

    ``operands`` mixes inputs and constants: an int is the number of an earlier node, a float a
    constant. ``start`` and ``end`` are its place in the text.
    """

    name: str
    operation: Operation | None
    operands: tuple[int | float, ...]
    start: int
    end: int

    @property
    def label(self) -> str:
        """The name with its number lowered: v3 reads v₃."""
        stem, digits = re.fullmatch(r"(.*?)_?(\d*)", self.name).groups()  # type: ignore[union-attr]
        return stem + subscript(digits)

    @property
    def inputs(self) -> tuple[int, ...]:
        return tuple(u for u in self.operands if isinstance(u, int))


@dataclass(frozen=True)
class Expression:
    """The nodes in the order in which they are computed; the last one is the output.

    ``defaults`` are values that the text itself gives to leaves: ``x = 5; f = log(x)``.
    """

    text: str
    nodes: list[Node]
    defaults: dict[str, float] = field(default_factory=dict)

    @property
    def leaves(self) -> list[int]:
        return [i for i, node in enumerate(self.nodes) if node.operation is None]

    @property
    def edges(self) -> list[tuple[int, int, int]]:
        """(source, target, place among the target's operands), in the order of computation."""
        return [
            (u, i, place)
            for i, node in enumerate(self.nodes)
            for place, u in enumerate(node.operands)
            if isinstance(u, int)
        ]

    def written(self, i: int, template: str, values: list[float] | None = None) -> str:
        """A template of node i's operation in names, or in numbers when ``values`` are given."""
        node = self.nodes[i]

        def word(u: int | float) -> str:
            if isinstance(u, int):
                return self.nodes[u].label if values is None else format_number(values[u])
            return format_number(u)

        result = node.label if values is None else format_number(values[i])
        return write(template, [word(u) for u in node.operands], result)

    def formula(self, i: int, values: list[float] | None = None) -> str:
        """What node i computes, such as "x·y", or "2·3" when ``values`` are given."""
        operation = self.nodes[i].operation
        return self.written(i, operation.formula, values) if operation else self.nodes[i].label
