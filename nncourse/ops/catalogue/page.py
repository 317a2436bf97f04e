"""The catalogue as a page to read: every operation with its formula and derivative.

``python -m nncourse.ops.catalogue`` writes it; a test tells when it is not current.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from nncourse.ops.catalogue.entry import Operation

PAGE = Path(__file__).parent.parent / "OPERATIONS.md"

_HEAD = """\
# Operations

{count} entries, written by `python -m nncourse.ops.catalogue` from the catalogue that also drives
the tests of values, gradients and second gradients, and `python -m benchmarks.catalogue`.

- *elementary*: one function of the graph. Its backward is itself made of operations, so it can be
  differentiated any number of times.
- *fused*: one function of the graph that does the work of many, with a twin that spells it out.
  Where gradients of gradients are asked for, the twin takes its place.
- *composed*: several functions, each with an entry or a formula of its own.

The formulas stand in the code beside what they describe; `dx` is the gradient of the input `x`,
`dout` that of the result.
"""


def page(groups: Iterable[tuple[str, tuple[Operation, ...]]]) -> str:
    """The page in Markdown. groups: a heading and the operations under it."""
    groups = list(groups)
    parts = [_HEAD.format(count=sum(len(operations) for _, operations in groups))]
    for heading, operations in groups:
        parts.append(f"\n## {heading}\n\n| operation | kind | result and derivatives | PyTorch |")
        parts.append("\n|---|---|---|---|\n")
        parts += [_row(operation) for operation in operations]
    return "".join(parts)


def _row(operation: Operation) -> str:
    if len(operation.nodes) == 1:
        (node,) = operation.nodes
        kind = "elementary" if node.twin is None else "fused"
        formula = _first_paragraph(node.__doc__)
    else:
        kind = "composed"
        formula = "of " + ", ".join([node.__name__ for node in operation.nodes])
    torch = operation.torch
    peer = "-" if torch is None else torch if isinstance(torch, str) else "yes"
    cells = [f"`{operation.name}`", kind, formula, "yes" if peer == "same" else peer]
    return "| " + " | ".join([cell.replace("|", r"\|") for cell in cells]) + " |\n"


def _first_paragraph(text: str | None) -> str:
    return " ".join((text or "").strip().split("\n\n")[0].split())
