"""Export to ONNX: run the model, and write down the operations that it made of its inputs.

The model is run twice, on the example and on one that differs in the size of the batch and in its
numbers. Sizes that differ between the runs depend on the batch, and stay open in the file. All
other numbers must be equal in both: a number that is not has been computed in a way that the trace
does not see (a comparison, a draw, an index from the data), and the export is refused rather than
wrong. At the end the file's own graph is evaluated on both inputs and compared with the model.

``conversions`` says which operation becomes which node. The format: https://onnx.ai/onnx/
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from typing import Any

import numpy

from nncourse.autograd.mode import no_grad
from nncourse.autograd.tensor import Tensor
from nncourse.backend import to_numpy
from nncourse.inspection.tracing import Operation, Trace, arrays_in, tracing
from nncourse.inspection.undisturbed import undisturbed
from nncourse.nn.module import Module

OPSET = 20
_IR_VERSION = 10  # of the file's form: the one that belongs to this opset
_TOLERANCE = 1e-4  # relative to the largest number of the output


class ExportError(ValueError):
    """A model that cannot be written as an ONNX graph."""


def load_onnx() -> Any:
    """Import the onnx package, or say which extra brings it."""
    try:
        import onnx
        import onnx.numpy_helper
        import onnx.reference
    except ImportError as error:
        raise ImportError(
            "exporting to ONNX needs the onnx package; install it with: "
            "pip install 'nncourse[onnx]'"
        ) from error
    return onnx


def export(
    model: Module,
    args: Any,
    f: Any,
    *,
    input_names: Sequence[str] | None = None,
    output_names: Sequence[str] | None = None,
    batch_axis: int | None = 0,
    verify: bool = True,
) -> None:
    """Write ``model`` as it makes predictions (in ``eval`` mode) to an ONNX file.

    args: an example of the input, a tensor or a tuple of tensors; only shapes and types matter.
    f: a path, or a file open for writing bytes.
    batch_axis: the axis of all inputs whose length may differ when the file is used (1 for
    sequences (T, N, I)); None fixes all lengths. Other lengths, such as that of sequences, are
    fixed.
    verify: evaluate the graph with onnxruntime, or if it is not installed with the onnx
    package, and compare with the model.
    Raises ExportError for what cannot be written: operations without a counterpart, sequences of
    different lengths, programs that look at the numbers (``if x.sum() > 0``) or at the size of the
    batch. The model is afterwards as it was.
    """
    onnx = load_onnx()
    inputs = args if isinstance(args, tuple) else (args,)
    if not inputs or not all(isinstance(x, Tensor) for x in inputs):
        raise TypeError("args must be a tensor or a tuple of tensors")
    runs = [_run(model, inputs)]
    runs.append(_run(model, tuple([_other(x, batch_axis) for x in inputs])))
    graph = Graph(model, runs, batch_axis)
    names = [input_names or _numbered("x", len(inputs))]
    names.append(output_names or _numbered("y", len(runs[0].outputs)))
    if len(names[0]) != len(inputs) or len(names[1]) != len(runs[0].outputs):
        raise ValueError(
            f"the model has {len(inputs)} inputs and {len(runs[0].outputs)} outputs; got "
            f"{len(names[0])} and {len(names[1])} names"
        )
    proto = graph.model(*names)
    onnx.checker.check_model(proto)
    if verify:
        _verify(onnx, proto, runs)
    data = proto.SerializeToString()
    if hasattr(f, "write"):
        f.write(data)
        return
    with open(os.fspath(f), "wb") as file:
        file.write(data)


def _numbered(name: str, count: int) -> list[str]:
    return [name] if count == 1 else [f"{name}{i}" for i in range(count)]


class Run:
    """One run of the model."""

    def __init__(self, inputs: list[Any], outputs: list[Any], trace: Trace) -> None:
        self.inputs, self.outputs, self.trace = inputs, outputs, trace


def _run(model: Module, inputs: tuple[Tensor, ...]) -> Run:
    with undisturbed(model), no_grad(), tracing(model) as trace:
        model.eval()
        out = model(*inputs)
    return Run(list(arrays_in(inputs)), list(arrays_in(out)), trace)


def _other(x: Tensor, axis: int | None) -> Tensor:
    """An input with one example more, and other numbers of the same kind."""
    array = to_numpy(x._data)
    if axis is not None:
        if not -array.ndim <= axis < array.ndim:
            raise ValueError(f"batch_axis {axis} is none of an input of shape {array.shape}")
        first = numpy.take(array, [0], axis)
        array = numpy.concatenate([array, first], axis)
    if array.dtype.kind == "f":
        return Tensor((0.25 - 0.7 * array).astype(array.dtype))
    # Numbers of symbols and classes must stay among those that there are.
    return Tensor(numpy.flip(array).copy())


class Graph:
    """The nodes of the file, as they are made one by one."""

    def __init__(self, model: Module, runs: list[Run], batch_axis: int | None) -> None:
        self.onnx = load_onnx()
        self.model_name = type(model).__name__
        self.runs, self.batch_axis = runs, batch_axis
        self.nodes: list[Any] = []
        self.initializers: list[Any] = []
        self.names: dict[int, str] = {}  # of arrays, by id
        tensors = (*model.named_parameters(), *model.named_buffers())
        self.parameters = {id(t._data): name for name, t in tensors}
        self.taken: set[str] = set()
        self.kept: list[Any] = []  # constants, so that no other array gets the id of one

    def model(self, input_names: Sequence[str], output_names: Sequence[str]) -> Any:
        """The file's content."""
        from nncourse.onnx.conversions import CONVERSIONS

        first, second = self.runs
        self.taken |= {*input_names, *output_names}
        for array, name in zip(first.inputs, input_names):
            self.names[id(array)] = name
        pairs = self._pairs()
        for operation, twin in pairs:
            if not any(id(array) in self.names for array in operation.inputs):
                continue  # of constants only: its result is a constant
            convert = CONVERSIONS.get(operation.name)
            if convert is None:
                raise ExportError(
                    f"{self.place(operation)}: the operation {operation.name} has no counterpart "
                    f"in ONNX here; there are {', '.join(sorted(CONVERSIONS))}"
                )
            self.names[id(operation.out)] = convert(self, operation, twin)
        for array, twin_array, name in zip(first.outputs, second.outputs, output_names):
            self.add("Identity", [self.name(array, twin_array)], output=name)
        helper = self.onnx.helper
        graph = helper.make_graph(
            self.nodes,
            self.model_name,
            [self._info(*item) for item in zip(input_names, first.inputs, second.inputs)],
            [self._info(*item) for item in zip(output_names, first.outputs, second.outputs)],
            self.initializers,
        )
        return helper.make_model(
            graph,
            opset_imports=[helper.make_opsetid("", OPSET)],
            ir_version=_IR_VERSION,
            producer_name="nncourse",
        )

    def _pairs(self) -> list[tuple[Operation, Operation]]:
        """The operations of both runs, side by side."""
        first, second = (run.trace.operations for run in self.runs)
        if [o.name for o in first] != [o.name for o in second]:
            raise ExportError(
                "the model does other operations for another batch: its program depends on the "
                "numbers or on the size of the batch"
            )
        for a, b in zip(first, second):
            if a.out.ndim != b.out.ndim:
                raise ExportError(f"{self.place(a)}: its result has other axes for another batch")
        return list(zip(first, second))

    def _info(self, name: str, array: Any, twin: Any) -> Any:
        kind = self.onnx.helper.np_dtype_to_tensor_dtype(array.dtype)
        shape = [n if n == m else "batch" for n, m in zip(array.shape, twin.shape)]
        return self.onnx.helper.make_tensor_value_info(name, kind, shape)

    # For the conversions

    def place(self, operation: Operation) -> str:
        """Where an operation is, for messages."""
        call = operation.call
        if call is None or not call.name:
            return self.model_name
        return f"{call.name} ({type(call.module).__name__})"

    def known(self, array: Any) -> bool:
        """Was it computed from the inputs?"""
        return id(array) in self.names

    def name(self, array: Any, twin: Any) -> str:
        """The name of a value: of one that was computed, or of a constant, which is made here.

        twin: the same value in the other run.
        """
        if id(array) in self.names:
            return self.names[id(array)]
        same = array is twin or (
            getattr(array, "shape", None) == getattr(twin, "shape", None)
            and numpy.array_equal(numpy.asarray(array), numpy.asarray(twin), equal_nan=True)
        )
        if not same:
            raise ExportError(
                "a number was computed from the input, or for the size of the batch, in a way that "
                "cannot be followed (a comparison, an index, NumPy, a draw at random, zeros of the "
                "batch's size)"
            )
        return self.constant(array, self.parameters.get(id(array)))

    def constant(self, value: Any, name: str | None = None) -> str:
        """The name of a constant of the file."""
        array = numpy.ascontiguousarray(value).reshape(numpy.shape(value))
        name = self._free(name or "constant")
        self.initializers.append(self.onnx.numpy_helper.from_array(array, name))
        if hasattr(value, "shape") and id(value) not in self.names and value.shape:
            self.kept.append(value)
        return name

    def sizes(self, values: Sequence[int]) -> str:
        """A constant of whole numbers, such as axes and shapes."""
        return self.constant(numpy.array(values, numpy.int64), "sizes")

    def add(
        self, kind: str, inputs: Sequence[str], output: str | None = None, **options: Any
    ) -> str:
        """Add a node with one output; returns its name."""
        name = output or self._free(kind)
        self.nodes.append(self.onnx.helper.make_node(kind, list(inputs), [name], **options))
        return name

    def add_several(
        self, kind: str, inputs: Sequence[str], count: int, **options: Any
    ) -> list[str]:
        """Add a node with several outputs; returns their names."""
        names = [self._free(kind) for _ in range(count)]
        self.nodes.append(self.onnx.helper.make_node(kind, list(inputs), names, **options))
        return names

    def _free(self, wanted: str) -> str:
        name, number = wanted, 1
        while name in self.taken:
            number += 1
            name = f"{wanted}_{number}"
        self.taken.add(name)
        return name


def _verify(onnx: Any, proto: Any, runs: list[Run]) -> None:
    """Raise unless the graph computes what the model does."""
    names = [value.name for value in proto.graph.input]
    try:
        evaluate = _evaluator(onnx, proto)
    except RuntimeError as error:
        # The onnx package itself lacks a few options, such as relu in a recurrent layer.
        warnings.warn(f"not verified, for want of onnxruntime: {error}", stacklevel=3)
        return
    for run in runs:
        with numpy.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = evaluate(dict(zip(names, map(to_numpy, run.inputs))))
        for got, want in zip(found, map(to_numpy, run.outputs)):
            size = max(1.0, float(numpy.nanmax(abs(want), initial=0)))
            if got.shape != want.shape or not numpy.allclose(
                got, want, rtol=0, atol=_TOLERANCE * size, equal_nan=True
            ):
                raise ExportError(
                    "the exported graph does not compute what the model does: something in its "
                    "program depends on the numbers or on the batch in a way that the trace does "
                    "not see"
                )


def _evaluator(onnx: Any, proto: Any) -> Any:
    """What runs a graph on inputs by name: onnxruntime, or the onnx package's own evaluator."""
    try:
        import onnxruntime
    except ImportError:
        evaluator = onnx.reference.ReferenceEvaluator(proto)
        return lambda inputs: evaluator.run(None, inputs)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    providers = ["CPUExecutionProvider"]
    session = onnxruntime.InferenceSession(proto.SerializeToString(), options, providers)
    return lambda inputs: session.run(None, inputs)
