"""Operations that move numbers and do not change them: shapes, indices, order, padding."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy

from nncourse.inspection.tracing import Operation
from nncourse.onnx.export import ExportError, Graph

Conversion = Callable[[Graph, Operation, Operation], str]


def named(graph: Graph, o: Operation, twin: Operation, *arguments: str) -> list[str]:
    """The names of arguments that are arrays or numbers; numbers take the type of the result."""
    found = []
    for argument in arguments:
        value, other = o.arguments[argument], twin.arguments[argument]
        if isinstance(value, int | float):
            value, other = _like(o, value), _like(twin, other)
        found.append(graph.name(value, other))
    return found


def _like(o: Operation, number: float) -> Any:
    kind = next((a.dtype for a in o.inputs if a.dtype.kind == "f"), o.out.dtype)
    return numpy.array(number, kind)


def _open_shape(o: Operation, twin: Operation) -> list[int]:
    """The shape of the result, -1 for the one length that depends on the batch."""
    shape = [n if n == m else -1 for n, m in zip(o.out.shape, twin.out.shape)]
    if shape.count(-1) > 1:
        raise ExportError(f"{o.name}: more than one length of {o.out.shape} depends on the batch")
    return shape


def _reshape(graph: Graph, o: Operation, twin: Operation) -> str:
    shape = graph.sizes(_open_shape(o, twin))
    return graph.add("Reshape", [*named(graph, o, twin, "x"), shape], allowzero=0)


def _expand(graph: Graph, o: Operation, twin: Operation) -> str:
    shape = []
    before = (1,) * (o.out.ndim - o.inputs[0].ndim) + o.inputs[0].shape
    for size, other, old in zip(o.out.shape, twin.out.shape, before):
        if size != other and old == 1:
            raise ExportError("expand: an axis is repeated as often as the batch is long")
        shape.append(1 if size == old else size)
    return graph.add("Expand", [*named(graph, o, twin, "x"), graph.sizes(shape)])


def _slice(graph: Graph, o: Operation, twin: Operation) -> str:
    index, other = (_full(p.arguments["index"], p.inputs[0].ndim) for p in (o, twin))
    if index is None or other is None:
        raise ExportError(f"an index of arrays, {o.arguments['index']!r:.60}, cannot be exported")
    (out,) = named(graph, o, twin, "x")
    x, y = o.inputs[0], twin.inputs[0]
    starts, ends, axes, steps, gone, fresh = [], [], [], [], [], []
    axis = place = 0  # of x, of the result
    for item, item_too in zip(index, other):
        if item is None:
            fresh.append(place)
            place += 1
            continue
        if isinstance(item, slice):
            cut, cut_too = item.indices(x.shape[axis]), item_too.indices(y.shape[axis])
            whole = cut == (0, x.shape[axis], 1) and cut_too == (0, y.shape[axis], 1)
            if not whole:
                start, stop, step = _bounds(item, item_too, cut, cut_too)
                starts.append(start)
                ends.append(stop)
                axes.append(axis)
                steps.append(step)
            place += 1
        else:
            if item != item_too:
                raise ExportError("an index depends on the batch")
            number = int(item)
            starts.append(number)
            ends.append(number + 1 if number != -1 else numpy.iinfo(numpy.int64).max)
            axes.append(axis)
            steps.append(1)
            gone.append(axis)
        axis += 1
    if axes:
        cuts = [graph.sizes(numbers) for numbers in (starts, ends, axes, steps)]
        out = graph.add("Slice", [out, *cuts])
    if gone:
        out = graph.add("Squeeze", [out, graph.sizes(gone)])
    if fresh:
        out = graph.add("Unsqueeze", [out, graph.sizes(fresh)])
    return out


def _bounds(item: slice, item_too: slice, cut: Any, cut_too: Any) -> tuple[int, int, int]:
    if cut == cut_too:
        start, stop, step = cut
        least = numpy.iinfo(numpy.int64).min
        return start, least if step < 0 and stop < 0 else stop, step
    if item == item_too:  # counted from the end of an axis that depends on the batch
        step = 1 if item.step is None else item.step
        if step > 0:
            last = numpy.iinfo(numpy.int64).max
            return item.start or 0, last if item.stop is None else item.stop, step
    raise ExportError("a slice depends on the batch")


def _full(index: Any, ndim: int) -> list[Any] | None:
    """An index with an entry for each axis, or None if there are arrays in it."""
    items = list(index) if isinstance(index, tuple) else [index]
    if not all(i is None or i is Ellipsis or isinstance(i, slice | int | numpy.integer)
               for i in items):  # fmt: skip
        return None
    used = sum(i is not None and i is not Ellipsis for i in items)
    rest = [slice(None)] * (ndim - used)
    if Ellipsis in items:
        place = items.index(Ellipsis)
        return [*items[:place], *rest, *items[place + 1 :]]
    return [*items, *rest]


def _gather(graph: Graph, o: Operation, twin: Operation) -> str:
    index, other = o.arguments["index"], twin.arguments["index"]
    if not hasattr(index, "dtype") or index.dtype.kind not in "iu":
        raise ExportError(f"an index of several arrays, {index!r:.60}, cannot be exported")
    inputs = [*named(graph, o, twin, "x"), graph.name(index, other)]
    return graph.add("Gather", inputs, axis=0)


def _joined(kind: str) -> Conversion:
    """Concatenate and Stack, whose last argument is the axis."""

    def convert(graph: Graph, o: Operation, twin: Operation) -> str:
        *parts, axis = o.arguments["arrays"]
        *others, _ = twin.arguments["arrays"]
        names = [graph.name(a, b) for a, b in zip(parts, others)]
        if kind == "Stack":
            names = [graph.add("Unsqueeze", [name, graph.sizes([axis])]) for name in names]
        return graph.add("Concat", names, axis=int(axis))

    return convert


def _pad(graph: Graph, o: Operation, twin: Operation) -> str:
    widths = o.arguments["widths"]
    pads = graph.sizes([*[before for before, _ in widths], *[after for _, after in widths]])
    value = graph.constant(numpy.array(o.arguments["value"], o.out.dtype))
    return graph.add("Pad", [*named(graph, o, twin, "x"), pads, value])


def _flip(graph: Graph, o: Operation, twin: Operation) -> str:
    (name,) = named(graph, o, twin, "x")
    axes = list(o.arguments["axes"])
    least = numpy.iinfo(numpy.int64).min
    cuts = ([-1] * len(axes), [least] * len(axes), axes, [-1] * len(axes))
    return graph.add("Slice", [name, *[graph.sizes(numbers) for numbers in cuts]])


SHAPES: dict[str, Conversion] = {
    "Concatenate": _joined("Concatenate"),
    "Expand": _expand,
    "Flip": _flip,
    "Gather": _gather,
    "Pad": _pad,
    "Reshape": _reshape,
    "Slice": _slice,
    "Stack": _joined("Stack"),
}
