"""A function of the graph, and how an operation is recorded.

A function is written as a small class: ``forward`` computes the result from arrays, ``backward``
takes the derivative with respect to the result and returns the derivatives with respect to the
inputs. One object of the class is one node of the graph. It keeps no tensors of its inputs, only

- ``edges``: for each input the node that computed it, or a leaf's place in the graph, or None
  where no gradient is needed. So there are no cycles, and memory goes when the result goes;
- ``saved``: the arrays that ``backward`` needs, named in ``saves`` in the same order. A name of a
  parameter of ``forward`` means that input, "out" the result, any other a constant.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from nncourse import dtypes
from nncourse.autograd.changes import clock
from nncourse.autograd.mode import recording, switches
from nncourse.autograd.tensor import Leaf, Tensor
from nncourse.autograd.vocabulary import as_type
from nncourse.backend import Array, as_array, filled, is_array, kinds, ndarray

if TYPE_CHECKING:
    from nncourse.autograd.hooks import Hooks
    from nncourse.autograd.places import Place


class Function:
    """Base of all operations. One differentiable result; inputs are arrays, then options.

    ``backward`` returns for each input the derivative, or None where ``needs`` says that it is not
    needed: arrays that are new, or ``dout`` itself, or views; never a saved one. It is written in
    arithmetic, ``@`` and the functions of ``autograd.vocabulary``, so that it runs on tensors too.
    Where that is not possible there is a ``twin``: the same result from elementary operations on
    the inputs as tensors, which is differentiated instead under ``create_graph``.
    """

    # No room for weak references: they would make each node slower to come and go.
    __slots__ = ("_hooks", "edges", "made", "needs", "order", "saved", "shape")

    saves: tuple[str, ...] = ()
    # True for operations whose inputs are broadcast to a common shape: their derivatives come in
    # that shape, and the backward pass sums them over the axes along which an input was repeated.
    broadcasts: bool = False
    twin: Any = None

    edges: tuple[Edge | None, ...]
    needs: tuple[Any, ...]  # for each input, true if its derivative is needed
    order: int  # time of creation; the youngest has the smallest number
    saved: Any
    shape: tuple[int, ...]  # of the result
    _hooks: Hooks  # only where there are any
    made: Place  # in the user's program; noted only while anomalies are looked for

    def forward(self, *arrays: Any) -> Array:
        raise NotImplementedError

    def backward(self, dout: Array) -> tuple[Array | None, ...]:
        raise NotImplementedError

    @classmethod
    def apply(cls, *args: Any) -> Tensor:
        """The result of a function that is defined in PyTorch's form, see ``custom.py``."""
        from nncourse.autograd.custom import apply_custom

        return apply_custom(cls, args)

    @property
    def next_functions(self) -> tuple[tuple[Any, int], ...]:
        """What made the inputs, as PyTorch tells it: (function, 0), or (None, 0) for a constant."""
        return tuple([(edge, 0) for edge in self.edges])

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"


Edge = Function | Leaf  # where a value came from

_new = object.__new__
_NUMBERS = {float, int}


def constant(array: Array) -> Tensor:
    """A tensor without history around an array."""
    out: Tensor = _new(Tensor)
    out._data = array if type(array) is ndarray else as_array(array)
    out._grad = out._edge = None
    return out


def unary(operation: type[Function], x: Tensor, *options: Any) -> Tensor:
    """Apply an operation to one tensor."""
    node = operation()
    data = node.forward(x._data, *options)
    shape = data.shape
    out: Tensor = _new(Tensor)
    out._data = data if shape else as_array(data)
    out._grad = None
    edge = x._edge
    if edge is None or (switches.open and not recording.enabled):
        out._edge = None
    else:
        node.edges = (edge,)
        node.order = next(clock)
        node.shape = shape
        out._edge = node
    return out


def binary(operation: type[Function], name: str = "") -> Callable[[Any, Any], Tensor]:
    """The function that applies an operation to two operands.

    One of them may be a Python number or an array. It is made here, and not written to call one
    that is common to all, because in small operations calls are what takes the time.
    """

    def operator(a: Any, b: Any) -> Tensor:
        if isinstance(b, Tensor) and isinstance(a, Tensor):
            x, y = a._data, b._data
            if x.dtype is not y.dtype:
                a, b = promoted(a, b)
                x, y = a._data, b._data
            edge_a, edge_b = a._edge, b._edge
        elif type(b) in _NUMBERS and a._data.dtype.kind == "f":
            # NumPy's rule for a floating-point array with a Python number is PyTorch's.
            x, y, edge_a, edge_b = a._data, b, a._edge, None
        elif type(a) in _NUMBERS and b._data.dtype.kind == "f":
            x, y, edge_a, edge_b = a, b._data, None, b._edge
        else:
            a, b = promoted(a, b)
            x, y, edge_a, edge_b = a._data, b._data, a._edge, b._edge
        node = operation()
        try:
            data = node.forward(x, y)
        except TypeError:
            return operator(*_together(operation, (a, b)))
        shape = data.shape
        out: Tensor = _new(Tensor)
        out._data = data if shape else as_array(data)
        out._grad = None
        if (edge_a is None and edge_b is None) or (switches.open and not recording.enabled):
            out._edge = None
        else:
            node.edges = node.needs = edge_a, edge_b
            node.order = next(clock)
            node.shape = shape
            out._edge = node
        return out

    # A copy of the code for each operation: the interpreter adapts code to the types that it meets.
    operator.__code__ = operator.__code__.replace()
    operator.__name__ = operator.__qualname__ = name or operation.__name__.lower()
    operator.__doc__ = operation.__doc__
    operator.__module__ = operation.__module__
    return operator


def apply(operation: type[Function], inputs: tuple[Tensor | None, ...], *options: Any) -> Tensor:
    """Apply an operation to any number of tensors, None standing for one that is left out."""
    node = operation()
    try:
        data = node.forward(*[None if x is None else x._data for x in inputs], *options)
    except TypeError:
        return apply(operation, _together(operation, inputs), *options)
    out = constant(data)
    if recording.enabled:
        edges = tuple([None if x is None else x._edge for x in inputs])
        if any(edges):
            node.edges = node.needs = edges
            node.order = next(clock)
            node.shape = out._data.shape
            out._edge = node
    return out


def _together(operation: type[Function], operands: tuple[Any, ...]) -> tuple[Any, ...]:
    """The operands on one device, if the operation failed for that; else the error again."""
    from nncourse.autograd.placement import together

    return together(operation, operands)


def promoted(*operands: Any) -> tuple[Tensor, ...]:
    """The operands as tensors of the common type, by PyTorch's rules."""
    plain = [x._data if isinstance(x, Tensor) else _operand(x) for x in operands]
    dtype = dtypes.result_type(*plain)
    home = next((x for x in plain if type(x) in kinds), None)
    return tuple(
        [
            (x if x._data.dtype == dtype else cast(x, dtype))
            if isinstance(x, Tensor)
            else constant(
                array.astype(dtype) if type(array) in kinds else filled((), array, dtype, home)
            )
            for x, array in zip(operands, plain)
        ]
    )


def _operand(x: Any) -> Any:
    if isinstance(x, bool | int | float):
        return x
    if is_array(x):
        return x
    item = getattr(x, "dtype", None)
    if item is not None and not getattr(x, "shape", True):
        return x.item()  # a NumPy scalar counts as a Python number
    raise TypeError(
        f"an operand must be a tensor, an array or a number; got {type(x).__name__}. "
        "Make a tensor of it first: nnc.tensor(...)"
    )


class Cast(Function):
    """out = x in another type;  dx = dout in the type of x."""

    __slots__ = ("dtype",)

    def forward(self, x: Array, dtype: Any) -> Array:
        self.dtype = x.dtype
        return x.astype(dtype)

    def backward(self, dout: Array) -> tuple[Array]:
        return (as_type(dout, self.dtype),)


def cast(x: Tensor, dtype: Any) -> Tensor:
    """``x`` in another number type; gradients pass between floating-point types only."""
    if dtype.kind not in "fc":
        return constant(x._data.astype(dtype))
    return unary(Cast, x, dtype)
