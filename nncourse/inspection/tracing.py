"""What happens when a model runs: which modules are called, and which operations on which arrays.

While a trace is on, calls of modules and the ``forward`` of every operation pass through here.
Otherwise nothing does: a trace puts itself in their place when it begins and goes away at its end,
so a program that is not looked at runs as ever.

Operations are joined by the arrays they pass on, by identity; the trace keeps the arrays, so that
no two ever have the same one.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from inspect import signature
from typing import Any

from nncourse.autograd.function import Function
from nncourse.autograd.tensor import Tensor
from nncourse.backend import Array, ndarray
from nncourse.nn.module import Module


@dataclass(eq=False)
class Call:
    """One call of a module. name: its dotted name in the model; "" is the model itself."""

    name: str
    module: Module
    parent: Call | None
    inputs: list[Array]
    outputs: list[Array] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    operations: list[Operation] = field(default_factory=list)

    @property
    def depth(self) -> int:
        return 0 if self.parent is None else 1 + self.parent.depth

    def everything(self) -> Iterator[Operation]:
        """The operations of this call and of the calls inside it."""
        yield from self.operations
        for call in self.calls:
            yield from call.everything()


@dataclass(eq=False)
class Operation:
    """One operation: the arguments of its ``forward`` by name, and the result."""

    kind: type[Function]
    node: Function
    arguments: dict[str, Any]
    out: Array
    call: Call | None

    @property
    def name(self) -> str:
        return self.kind.__name__

    @property
    def inputs(self) -> list[Array]:
        """The arrays among the arguments; all of them where a function takes any number."""
        found = []
        for value in self.arguments.values():
            parts = value if isinstance(value, tuple) else (value,)
            found += [part for part in parts if isinstance(part, ndarray)]
        return found


class Trace:
    """All calls of modules, outermost first, and all operations, in the order of the program.

    events: operations, and calls at their ends, in order.
    """

    def __init__(self, model: Module | None = None) -> None:
        self.names = {} if model is None else {id(m): name for name, m in model.named_modules()}
        self.model = model
        self.calls: list[Call] = []
        self.operations: list[Operation] = []
        self.events: list[Operation | Call] = []
        self.current: Call | None = None


@contextmanager
def tracing(model: Module | None = None) -> Iterator[Trace]:
    """Note what modules and operations do inside the ``with``, in this thread."""
    trace = Trace(model)
    thread = threading.get_ident()
    own_call = Module.__call__

    def called(module: Module, *args: Any, **kwargs: Any) -> Any:
        if threading.get_ident() != thread:
            return own_call(module, *args, **kwargs)
        name = trace.names.get(id(module), type(module).__name__)
        call = Call(name, module, trace.current, list(arrays_in([args, kwargs])))
        trace.calls.append(call)
        if call.parent is not None:
            call.parent.calls.append(call)
        trace.current = call
        try:
            out = own_call(module, *args, **kwargs)
        finally:
            trace.current = call.parent
        call.outputs = list(arrays_in(out))
        trace.events.append(call)
        return out

    def noting(kind: type[Function], forward: Callable[..., Any]) -> Callable[..., Any]:
        _, *parameters = signature(forward).parameters.values()
        several = bool(parameters) and parameters[0].kind is parameters[0].VAR_POSITIONAL

        def noted(node: Function, *args: Any) -> Any:
            out = forward(node, *args)
            if threading.get_ident() == thread:
                if several:
                    arguments: dict[str, Any] = {parameters[0].name: args}
                else:
                    arguments = {p.name: value for p, value in zip(parameters, args)}
                operation = Operation(type(node), node, arguments, out, trace.current)
                trace.operations.append(operation)
                trace.events.append(operation)
                if trace.current is not None:
                    trace.current.operations.append(operation)
            return out

        return noted

    with replaced("forward", noting):
        Module.__call__ = called  # type: ignore[method-assign,assignment]
        try:
            yield trace
        finally:
            Module.__call__ = own_call  # type: ignore[method-assign]


@contextmanager
def replaced(method: str, wrap: Callable[[type[Function], Any], Any]) -> Iterator[None]:
    """Put ``wrap(kind, original)`` in the place of a method of every kind of operation."""
    originals = []
    for kind in set(_kinds(Function)):
        original = vars(kind).get(method)
        if original is not None:
            originals.append((kind, original))
            setattr(kind, method, functools.wraps(original)(wrap(kind, original)))
    try:
        yield
    finally:
        for kind, original in originals:
            setattr(kind, method, original)


def _kinds(kind: type[Function]) -> Iterable[type[Function]]:
    for below in kind.__subclasses__():
        yield below
        yield from _kinds(below)


def arrays_in(value: Any) -> Iterator[Array]:
    """The arrays of the tensors in a value, in lists, tuples and dicts too."""
    if isinstance(value, Tensor):
        yield value._data
    elif isinstance(value, list | tuple):
        for item in value:
            yield from arrays_in(item)
    elif isinstance(value, dict):
        yield from arrays_in(list(value.values()))
    elif isinstance(getattr(value, "data", None), Tensor):  # a packed sequence
        yield value.data._data
