"""A network as a table: layers, shapes, parameters, operations, memory.

The model is run once on the given input, so that shapes are those that come out, whatever the
program of ``forward``; afterwards it is as it was.
"""

from __future__ import annotations

import html
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from nncourse.autograd.tensor import Tensor
from nncourse.inspection.flops import flops
from nncourse.inspection.kept import block_of, kept_bytes
from nncourse.inspection.tracing import Call, tracing
from nncourse.inspection.undisturbed import undisturbed
from nncourse.language import catalogue
from nncourse.nn.module import Module

_ = catalogue("widgets")


@dataclass(frozen=True)
class Row:
    """One call of a module. parameters: those inside it; a module that is called again counts 0."""

    name: str
    kind: str
    depth: int
    shapes: tuple[tuple[int, ...], ...]
    parameters: int
    flops: int

    @property
    def shape(self) -> str:
        return ", ".join("×".join(map(str, shape)) or "1" for shape in self.shapes)


@dataclass(frozen=True)
class Summary:
    """What ``summary`` found out; prints as a table.

    parameters: of the whole model, ``trainable`` of them requiring gradients. flops: of one forward
    pass, two for a multiplication and addition; see ``inspection.flops``. Bytes: of the parameters
    and buffers, and of what the forward pass keeps for the backward pass (in the model's present
    mode).
    """

    rows: tuple[Row, ...]
    parameters: int
    trainable: int
    flops: int
    parameter_bytes: int
    buffer_bytes: int
    kept_bytes: int

    def __repr__(self) -> str:
        cells = [[_("layer"), _("output"), _("parameters"), "FLOPs"]]
        for row in self.rows:
            layer = f"{'  ' * row.depth}{row.kind}" + (f" ({row.name})" if row.name else "")
            cells.append([layer, row.shape, _count(row.parameters), _count(row.flops)])
        widths = [max(len(line[i]) for line in cells) for i in range(4)]
        lines = [
            f"{a:{widths[0]}}  {b:>{widths[1]}}  {c:>{widths[2]}}  {d:>{widths[3]}}"
            for a, b, c, d in cells
        ]
        rule = "─" * len(lines[0])
        return "\n".join([lines[0], rule, *lines[1:], rule, *self._totals()])

    def _totals(self) -> list[str]:
        parameters = _count(self.parameters)
        if self.trainable < self.parameters:
            parameters += _(", {trainable} of them learned", trainable=_count(self.trainable))
        memory = _(
            "{parameters} parameters, {kept} kept for the backward pass",
            parameters=_bytes(self.parameter_bytes + self.buffer_bytes),
            kept=_bytes(self.kept_bytes),
        )
        return [
            _("parameters: {count}", count=parameters),
            _("FLOPs of a forward pass: {count}", count=_count(self.flops)),
            _("memory: {sizes}", sizes=memory),
        ]

    def _repr_html_(self) -> str:
        heads = (_("layer"), _("output"), _("parameters"), "FLOPs")
        left = ' style="text-align: left"'
        lines = ["<table><thead><tr>"]
        lines += [f"<th{'' if i else left}>{html.escape(h)}</th>" for i, h in enumerate(heads)]
        lines.append("</tr></thead><tbody>")
        for row in self.rows:
            name = f" <small>{html.escape(row.name)}</small>" if row.name else ""
            indent = f' style="text-align: left; padding-left: {0.5 + 1.2 * row.depth}em"'
            lines.append(
                f"<tr><td{indent}>{html.escape(row.kind)}{name}</td><td>{row.shape}</td>"
                f"<td>{_count(row.parameters)}</td><td>{_count(row.flops)}</td></tr>"
            )
        total = "<br>".join(map(html.escape, self._totals()))
        lines.append(f'</tbody><tfoot><tr><td colspan="4"{left}>{total}</td></tr></tfoot></table>')
        return "".join(lines)


def summary(model: Module, *inputs: Any, depth: int | None = None, **named: Any) -> Summary:
    """The calls of modules that ``model(*inputs)`` makes, with what each costs.

    inputs, named: as the model takes them; tensors, usually a batch. depth: how far down to list
    modules inside modules; all the way if None.
    """
    with undisturbed(model), tracing(model) as trace:
        # What is kept can be told only as long as the graph is there, and so the result.
        out = model(*inputs, **named)
        kept = kept_bytes(trace.operations, known=_known(model, (*inputs, *named.values())))
        del out
    seen: set[int] = set()
    rows = [_row(call, seen) for call in trace.calls if depth is None or call.depth <= depth]
    parameters = list(model.parameters())
    return Summary(
        rows=tuple(rows),
        parameters=sum(p.numel() for p in parameters),
        trainable=sum(p.numel() for p in parameters if p.requires_grad),
        flops=sum(flops(operation) for operation in trace.operations),
        parameter_bytes=sum(p._data.nbytes for p in parameters),
        buffer_bytes=sum(b._data.nbytes for b in model.buffers()),
        kept_bytes=kept,
    )


def count_parameters(model: Module, trainable: bool = False) -> int:
    """The number of parameters, a shared one counted once; only those that learn, if asked for."""
    return sum(p.numel() for p in model.parameters() if p.requires_grad or not trainable)


def count_flops(model: Module, *inputs: Any, **named: Any) -> int:
    """Floating-point operations of one forward pass; see ``inspection.flops`` for what counts."""
    with undisturbed(model), tracing(model) as trace:
        model(*inputs, **named)
    return sum(flops(operation) for operation in trace.operations)


def _row(call: Call, seen: set[int]) -> Row:
    module = call.module
    fresh = [p for p in module.parameters() if id(p) not in seen]
    again = id(module) in seen
    # A parameter counts in every module around it, but once in modules that are called again.
    if not call.calls:
        seen |= {id(p) for p in fresh}
    seen.add(id(module))
    total = sum(p.numel() for p in (fresh if not call.calls else module.parameters()))
    return Row(
        name=call.name,
        kind=type(module).__name__,
        depth=call.depth,
        shapes=tuple([array.shape for array in call.outputs]),
        parameters=0 if again else total,
        flops=sum(flops(operation) for operation in call.everything()),
    )


def _known(model: Module, inputs: Iterable[Any]) -> set[int]:
    tensors = [*model.parameters(), *model.buffers(), *[x for x in inputs if isinstance(x, Tensor)]]
    return {id(block_of(tensor._data)) for tensor in tensors}


def _count(number: int) -> str:
    return f"{number:,}".replace(",", " ")


def _bytes(number: int) -> str:
    size = float(number)
    for unit in ("B", "KB", "MB"):
        if size < 1000:
            return f"{size:.3g} {unit}"
        size /= 1024
    return f"{size:.3g} GB"
