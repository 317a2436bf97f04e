"""Which operation becomes which nodes of ONNX.

A conversion gets the graph, the operation and its twin of the other run; it adds nodes and returns
the name of the result.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy

from nncourse.inspection.tracing import Operation
from nncourse.onnx.export import ExportError, Graph
from nncourse.onnx.recurrent import RECURRENT
from nncourse.onnx.shapes import SHAPES, Conversion, named


def _plain(kind: str, *arguments: str, **options: Any) -> Conversion:
    """A node that takes the arguments and nothing else."""

    def convert(graph: Graph, o: Operation, twin: Operation) -> str:
        return graph.add(kind, named(graph, o, twin, *arguments), **options)

    return convert


def _with(kind: str, *arguments: str, **options: str) -> Conversion:
    """A node with options taken from the operation: ONNX's name = the operation's."""

    def convert(graph: Graph, o: Operation, twin: Operation) -> str:
        settings = {name: o.arguments[ours] for name, ours in options.items()}
        return graph.add(kind, named(graph, o, twin, *arguments), **settings)

    return convert


def _embedding(graph: Graph, o: Operation, twin: Operation) -> str:
    return graph.add("Gather", named(graph, o, twin, "table", "index"), axis=0)


def _linear(graph: Graph, o: Operation, twin: Operation) -> str:
    x, b = o.arguments["x"], o.arguments["b"]
    inputs = named(graph, o, twin, "x", "W")
    if x.ndim == 2:
        inputs += [] if b is None else named(graph, o, twin, "b")
        return graph.add("Gemm", inputs, transB=1)
    turned = graph.add("Transpose", [inputs[1]], perm=[1, 0])
    out = graph.add("MatMul", [inputs[0], turned])
    return out if b is None else graph.add("Add", [out, *named(graph, o, twin, "b")])


def _convolution(graph: Graph, o: Operation, twin: Operation) -> str:
    inputs = named(graph, o, twin, "x", "W")
    if o.arguments["b"] is not None:
        inputs += named(graph, o, twin, "b")
    transposed = o.name == "TransposedConvolution"
    more: dict[str, Any] = {"output_padding": list(o.arguments["missing"])} if transposed else {}
    return graph.add(
        "ConvTranspose" if transposed else "Conv",
        inputs,
        **_windows(o.arguments["options"]),
        **more,
    )


def _windows(options: Any) -> dict[str, Any]:
    return {
        "strides": list(options.stride),
        "pads": [*options.padding, *options.padding],
        "dilations": list(options.dilation),
        "group": int(options.groups),
    }


def _pool(kind: str) -> Conversion:
    def convert(graph: Graph, o: Operation, twin: Operation) -> str:
        grid = o.arguments["grid"]
        top, bottom, left, right = grid.padding
        (out,) = named(graph, o, twin, "x")
        if kind == "AveragePool":
            counts = numpy.asarray(o.arguments["n"])
            area = grid.kernel[0] * grid.kernel[1]
            if not (counts == area).all():
                raise ExportError("avg_pool with count_include_pad=False or a divisor of its own")
            if any(grid.padding):  # a frame of zeros that counts
                widths = graph.sizes([0, 0, top, left, 0, 0, bottom, right])
                out = graph.add("Pad", [out, widths])
                top = bottom = left = right = 0
        return graph.add(
            kind,
            [out],
            kernel_shape=list(grid.kernel),
            strides=list(grid.stride),
            pads=[top, left, bottom, right],
            dilations=list(grid.dilation),
        )

    return convert


def _reduction(kind: str) -> Conversion:
    def convert(graph: Graph, o: Operation, twin: Operation) -> str:
        inputs = named(graph, o, twin, "x")
        axes = o.arguments["axes"]
        if axes is not None:
            inputs.append(graph.sizes([axes] if isinstance(axes, int) else list(axes)))
        return graph.add(kind, inputs, keepdims=int(o.arguments["keep"]))

    return convert


def _extreme(graph: Graph, o: Operation, twin: Operation) -> str:
    x, out = o.inputs[0], o.out
    axes = o.arguments["axes"]
    axes = tuple(range(x.ndim)) if axes is None else (axes if isinstance(axes, tuple) else (axes,))
    largest = numpy.array_equal(out.ravel(), x.max(axis=axes).ravel(), equal_nan=True)
    return _reduction("ReduceMax" if largest else "ReduceMin")(graph, o, twin)


def _extreme_along(graph: Graph, o: Operation, twin: Operation) -> str:
    x, axis = o.inputs[0], o.arguments["axis"]
    out = numpy.expand_dims(o.out, axis) if not o.arguments["keep"] else o.out
    largest = numpy.array_equal(out, x.max(axis=axis, keepdims=True), equal_nan=True)
    inputs = [*named(graph, o, twin, "x"), graph.sizes([axis])]
    kind = "ReduceMax" if largest else "ReduceMin"
    return graph.add(kind, inputs, keepdims=int(o.arguments["keep"]))


def _variance(graph: Graph, o: Operation, twin: Operation) -> str:
    x = o.inputs[0]
    axes = o.arguments["axes"]
    axes = tuple(range(x.ndim)) if axes is None else (axes if isinstance(axes, tuple) else (axes,))
    counts = [_count(p.inputs[0].shape, axes) for p in (o, twin)]
    if counts[0] != counts[1]:
        raise ExportError("a variance over the batch depends on its size")
    (name,) = named(graph, o, twin, "x")
    along = graph.sizes(list(axes))
    apart = graph.add("Sub", [name, graph.add("ReduceMean", [name, along], keepdims=1)])
    square = graph.add("Mul", [apart, apart])
    total = graph.add("ReduceSum", [square, along], keepdims=int(o.arguments["keep"]))
    scale = graph.constant(numpy.array(1 / (counts[0] - o.arguments["c"]), x.dtype))
    return graph.add("Mul", [total, scale])


def _count(shape: Sequence[int], axes: Sequence[int]) -> int:
    n = 1
    for axis in axes:
        n *= shape[axis]
    return n


def _clip(low: str, high: str) -> Conversion:
    def convert(graph: Graph, o: Operation, twin: Operation) -> str:
        (name,) = named(graph, o, twin, "x")
        bounds = [o.arguments[low], o.arguments[high]]
        ends = ["" if b is None else graph.constant(numpy.array(b, o.out.dtype)) for b in bounds]
        return graph.add("Clip", [name, *ends])

    return convert


def _softplus(graph: Graph, o: Operation, twin: Operation) -> str:
    (name,) = named(graph, o, twin, "x")
    b = o.arguments["b"]
    if b == 1:
        return graph.add("Softplus", [name])
    scale = graph.constant(numpy.array(b, o.out.dtype))
    return graph.add("Div", [graph.add("Softplus", [graph.add("Mul", [name, scale])]), scale])


def _silu(graph: Graph, o: Operation, twin: Operation) -> str:
    (name,) = named(graph, o, twin, "x")
    return graph.add("Mul", [name, graph.add("Sigmoid", [name])])


def _gelu(graph: Graph, o: Operation, twin: Operation) -> str:
    return graph.add("Gelu", named(graph, o, twin, "x"), approximate=o.arguments["approximate"])


def _layer_norm(graph: Graph, o: Operation, twin: Operation) -> str:
    inputs = named(graph, o, twin, "x")
    w, b = o.arguments["w"], o.arguments["b"]
    n = o.inputs[0].shape[-1]
    inputs += named(graph, o, twin, "w") if w is not None else [
        graph.constant(numpy.ones(n, o.out.dtype))
    ]  # fmt: skip
    inputs += named(graph, o, twin, "b") if b is not None else []
    return graph.add("LayerNormalization", inputs, axis=-1, epsilon=float(o.arguments["eps"]))


def _by_channel(graph: Graph, o: Operation, twin: Operation) -> str:
    (out,) = named(graph, o, twin, "x")
    beyond = list(range(1, o.inputs[0].ndim - 1))  # the axes after that of the channels
    for kind, name in (("Mul", "w"), ("Add", "b")):
        if o.arguments[name] is None:
            continue
        (numbers,) = named(graph, o, twin, name)
        if beyond:
            numbers = graph.add("Unsqueeze", [numbers, graph.sizes(beyond)])
        out = graph.add(kind, [out, numbers])
    return out


def _cast(graph: Graph, o: Operation, twin: Operation) -> str:
    kind = graph.onnx.helper.np_dtype_to_tensor_dtype(o.out.dtype)
    return graph.add("Cast", named(graph, o, twin, "x"), to=kind)


def _log(graph: Graph, o: Operation, twin: Operation) -> str:
    out = graph.add("Log", named(graph, o, twin, "x"))
    base = o.arguments.get("ln_base", 1.0)
    if base == 1.0:
        return out
    return graph.add("Div", [out, graph.constant(numpy.array(base, o.out.dtype))])


def _one_more(kind: str, after: str) -> Conversion:
    """log(1 + x) and exp(x) - 1."""

    def convert(graph: Graph, o: Operation, twin: Operation) -> str:
        (name,) = named(graph, o, twin, "x")
        one = graph.constant(numpy.array(1, o.out.dtype))
        if after == "Log":
            return graph.add("Log", [graph.add("Add", [name, one])])
        return graph.add("Sub", [graph.add(kind, [name]), one])

    return convert


def _attention(graph: Graph, o: Operation, twin: Operation) -> str:
    _no_dropout(o)
    q, k, v = named(graph, o, twin, "q", "k", "v")
    turned = list(range(o.arguments["k"].ndim))
    turned[-2:] = turned[:-3:-1]
    return _attend(graph, o, twin, q, graph.add("Transpose", [k], perm=turned), v)


def _heads(graph: Graph, o: Operation, twin: Operation) -> str:
    """(N, L, E) to (N, heads, L, d) and back, around the attention of each head."""
    _no_dropout(o)
    heads, first = o.arguments["heads"], o.arguments["batch_first"]
    given = [o.arguments[name] for name in ("q", "k", "v")]
    count = sum(part is not None for part in given)
    names = named(graph, o, twin, *("q", "k", "v")[:count])
    while len(names) < 3:  # the last one holds what is missing side by side
        parts = 3 - len(names) + 1
        names[-1:] = graph.add_several("Split", [names[-1]], parts, axis=-1, num_outputs=parts)
    d = o.out.shape[-1] // heads
    apart = graph.sizes([0, 0, heads, d])
    q, k, v = (graph.add("Reshape", [name, apart]) for name in names)
    rows, columns = ([0, 2, 1, 3], [0, 2, 3, 1]) if first else ([1, 2, 0, 3], [1, 2, 3, 0])
    q, v = (graph.add("Transpose", [name], perm=rows) for name in (q, v))
    k = graph.add("Transpose", [k], perm=columns)
    out = _attend(graph, o, twin, q, k, v)
    out = graph.add("Transpose", [out], perm=[0, 2, 1, 3] if first else [2, 0, 1, 3])
    return graph.add("Reshape", [out, graph.sizes([0, 0, heads * d])])


def _attend(graph: Graph, o: Operation, twin: Operation, q: str, turned_k: str, v: str) -> str:
    scale = graph.constant(numpy.array(o.arguments["scale"], o.out.dtype))
    scores = graph.add("MatMul", [graph.add("Mul", [q, scale]), turned_k])
    mask = o.arguments["mask"]
    if mask is not None:
        if not numpy.isfinite(numpy.asarray(mask).max(-1)).all():
            raise ExportError("attention: a query that may look at no key has no counterpart")
        scores = graph.add("Add", [scores, graph.name(mask, twin.arguments["mask"])])
    return graph.add("MatMul", [graph.add("Softmax", [scores], axis=-1), v])


def _no_dropout(o: Operation) -> None:
    if o.arguments["kept"] is not None:
        raise ExportError("attention drops weights, though the model is in eval mode")


CONVERSIONS: dict[str, Conversion] = {
    "Abs": _plain("Abs", "x"),
    "Add": _plain("Add", "a", "b"),
    "Attention": _attention,
    "AveragePool": _pool("AveragePool"),
    "ByChannel": _by_channel,
    "Cast": _cast,
    "Clamp": _clip("low", "high"),
    "Clone": _plain("Identity", "x"),
    "Convolution": _convolution,
    "Cos": _plain("Cos", "x"),
    "Divide": _plain("Div", "a", "b"),
    "ELU": _with("Elu", "x", alpha="a"),
    "Embedding": _embedding,
    "Erf": _plain("Erf", "x"),
    "Exp": _plain("Exp", "x"),
    "Expm1": _one_more("Exp", ""),
    "Extreme": _extreme,
    "ExtremeAlong": _extreme_along,
    "GELU": _gelu,
    "Hardtanh": _clip("low", "high"),
    "HeadsAttention": _heads,
    "LayerNorm": _layer_norm,
    "LeakyReLU": _with("LeakyRelu", "x", alpha="slope"),
    "Linear": _linear,
    "Log": _log,
    "Log1p": _one_more("", "Log"),
    "LogSoftmax": _with("LogSoftmax", "x", axis="axis"),
    "LogSumExp": _reduction("ReduceLogSumExp"),
    "MatMul": _plain("MatMul", "a", "b"),
    "MaxPool": _pool("MaxPool"),
    "Maximum": _plain("Max", "a", "b"),
    "Mean": _reduction("ReduceMean"),
    "Minimum": _plain("Min", "a", "b"),
    "Multiply": _plain("Mul", "a", "b"),
    "Negate": _plain("Neg", "x"),
    "PReLU": _plain("PRelu", "x", "w"),
    "Permute": _with("Transpose", "x", perm="order"),
    "Power": _plain("Pow", "a", "b"),
    "PowerOfNumber": _plain("Pow", "x", "n"),
    "ReLU": _plain("Relu", "x"),
    "Root": _plain("Sqrt", "x"),
    "SiLU": _silu,
    "Sigmoid": _plain("Sigmoid", "x"),
    "Sin": _plain("Sin", "x"),
    "Softmax": _with("Softmax", "x", axis="axis"),
    "Softplus": _softplus,
    "Sqrt": _plain("Sqrt", "x"),
    "Subtract": _plain("Sub", "a", "b"),
    "Sum": _reduction("ReduceSum"),
    "Tan": _plain("Tan", "x"),
    "Tanh": _plain("Tanh", "x"),
    "TransposedConvolution": _convolution,
    "Variance": _variance,
    "Where": _plain("Where", "mask", "a", "b"),
    **SHAPES,
    **RECURRENT,
}
