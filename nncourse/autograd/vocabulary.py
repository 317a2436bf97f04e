"""The words in which derivatives are written.

Backward code runs in two ways: on plain arrays, which is fast, and on tensors, under
``create_graph``, so that the derivative has a graph of its own and can be differentiated again.
Therefore it is written in words that mean the same for both, and in no others:

- arithmetic ``+ - * / ** @``, or ``xp.multiply``, ``xp.add`` and so on in its place, unary minus,
  comparisons ``== < <= > >=``, ``& | ~`` on masks;
- ``x.shape``, ``x.ndim``, ``x.dtype``, ``len(x)``, indexing ``x[index]`` for reading;
- the functions of this file. NumPy's and PyTorch's of one name (transpose, max, std...) do not
  mean the same, so none of their methods are called;
- ``applied(Operation, inputs, *options)`` for anything else that is an operation itself: the
  backward of a permutation is another permutation, that of a convolution another convolution.

What follows from it:

- ``dout`` and every saved array may be a ``Tensor``. One saved under the name of an input is
  attached to that input, one saved as "out" to the result itself; any other is a constant, whose
  own derivative is not followed. So what depends on an input and is needed for the derivative is
  computed anew from saved inputs or from "out" (see ``Variance``), or the operation has a twin.
- There is no ``if`` on values of arrays, only on shapes, options and ``self.needs``: use ``where``
  and masks. Nothing is written into an array, and ``out=`` and ``+=`` are not used.
- An operation whose backward cannot be written so (fused ones, which keep intermediate values)
  has a ``twin``: a method that takes the inputs of ``forward`` as tensors (options are read from
  ``self``) and computes the same result by elementary operations. Under ``create_graph`` the
  twin is run and differentiated in place of ``backward``. Such an operation saves every input that
  the twin computes with, under its own name, beside whatever its fast backward keeps:

      class CrossEntropy(Function):
          saves = ("p", "target", "x")
          def forward(self, x, target, reduction): ...
          def backward(self, dout): ...                # fast, from p and target; arrays only
          def twin(self, x, target):                   # Tensors in, Tensor out
              return cross_entropy_spelled_out(x, target, self.reduction)

- An operation with any number of inputs that it needs backward saves them as one tuple under the
  name "inputs": ``saves = ("inputs",)``, ``self.saved = (arrays,)``.
"""

from __future__ import annotations

from typing import Any

from nncourse.autograd.tensor import Tensor
from nncourse.backend import Array, add_at, as_array, filled, kinds, xp

Shape = tuple[int, ...]


def applied(operation: Any, inputs: tuple[Any, ...], *options: Any) -> Any:
    """The result of another operation: of its forward on arrays, recorded on tensors."""
    if not any(isinstance(x, Tensor) for x in inputs):
        return operation().forward(*inputs, *options)
    from nncourse.autograd.function import apply, constant

    tensors = [x if x is None or isinstance(x, Tensor) else constant(x) for x in inputs]
    return apply(operation, tuple(tensors), *options)


# Shapes


def unbroadcast(g: Array, shape: Shape) -> Array:
    """Sum ``g`` over the axes along which an array of ``shape`` was broadcast to ``g``'s shape."""
    if g.shape == shape:
        return g
    if not shape:
        return g.sum() if isinstance(g, Tensor) else xp.add.reduce(g, None)
    extra = g.ndim - len(shape)
    stretched = [extra + i for i, n in enumerate(shape) if n == 1 and g.shape[extra + i] != 1]
    axes = (*range(extra), *stretched)
    summed = g.sum(axes) if isinstance(g, Tensor) else xp.add.reduce(g, axes)
    return summed.reshape(shape) if stretched else summed


def sum_over(g: Array, axes: int | Shape | None, keepdims: bool = False) -> Array:
    """Sum over axes."""
    if isinstance(g, Tensor):
        return g.sum(axes, keepdims)
    return xp.add.reduce(g, axes, None, None, keepdims)


def fill(g: Array, shape: Shape) -> Array:
    """A new array of ``shape`` filled with ``g``, which must be broadcastable to it."""
    if isinstance(g, Tensor):
        return g.expand(shape)
    out = xp.empty(shape, g.dtype, like=g if type(g) in kinds else None)
    out[...] = g
    return out


def reshape(g: Array, shape: Shape) -> Array:
    """The same elements in row-major order under another shape."""
    return g.reshape(shape)


def keep_axes(g: Array, shape: Shape, axes: Shape) -> Array:
    """Put back, with length 1, the axes of ``shape`` over which ``g`` was reduced."""
    return g.reshape([1 if i in axes else n for i, n in enumerate(shape)])


def mT(x: Array) -> Array:
    """Swap the last two axes."""
    return x.swapaxes(-1, -2)


def permute(x: Array, order: Shape) -> Array:
    """Axes in another order: axis i of the result is axis ``order[i]`` of ``x``."""
    return x.permute(order) if isinstance(x, Tensor) else x.transpose(order)


# Functions of one number


def exp(x: Array) -> Array:
    return x.exp() if isinstance(x, Tensor) else xp.exp(x)


def log(x: Array) -> Array:
    return x.log() if isinstance(x, Tensor) else xp.log(x)


def sqrt(x: Array) -> Array:
    return x.sqrt() if isinstance(x, Tensor) else xp.sqrt(x)


def sin(x: Array) -> Array:
    return x.sin() if isinstance(x, Tensor) else xp.sin(x)


def cos(x: Array) -> Array:
    return x.cos() if isinstance(x, Tensor) else xp.cos(x)


def tanh(x: Array) -> Array:
    return x.tanh() if isinstance(x, Tensor) else xp.tanh(x)


def absolute(x: Array) -> Array:
    return x.abs() if isinstance(x, Tensor) else xp.abs(x)


def sign(x: Array) -> Array:
    """-1, 0 or 1; does not change with x."""
    return Tensor(xp.sign(x._data)) if isinstance(x, Tensor) else xp.sign(x)


def as_type(g: Array, dtype: Any) -> Array:
    """The same numbers in another type."""
    return g.to(dtype) if isinstance(g, Tensor) else g.astype(dtype)


# Choice and position


def where(mask: Array, a: Array, b: Array) -> Array:
    """``a`` where the mask is true, ``b`` elsewhere; either may be a number."""
    if isinstance(a, Tensor):
        return a.where(mask, b)
    if isinstance(b, Tensor):
        return b.where(~mask, a)
    return xp.where(values(mask), a, b)


def put(g: Array, index: object, shape: Shape) -> Array:
    """Zeros of ``shape`` with ``g`` at ``index``; no element of the index may occur twice."""
    if isinstance(g, Tensor):
        return g._put_add(index, shape)
    out = xp.zeros(shape, g.dtype, like=g if type(g) in kinds else None)
    out[index] = g
    return out


def put_add(g: Array, index: object, shape: Shape) -> Array:
    """Zeros of ``shape`` with ``g`` added at ``index``, elements that occur twice adding up."""
    if isinstance(g, Tensor):
        return g._put_add(index, shape)
    out = xp.zeros(shape, g.dtype, like=g if type(g) in kinds else None)
    add_at(out, index, g)
    return out


def without(g: Array, index: object) -> Array:
    """A copy of ``g`` with zeros at ``index``."""
    if isinstance(g, Tensor):
        mask = filled(g.shape, True, "bool", g._data)
        mask[index] = False
        return where(mask, g, 0.0)
    out = array_copy(g)
    out[index] = 0
    return out


# Others


def values(x: Array) -> Array:
    """The plain array, for masks and positions, through which no derivative goes."""
    return x._data if isinstance(x, Tensor) else x


def array_copy(x: Array) -> Array:
    """A copy with memory of its own."""
    if isinstance(x, Tensor):
        return x.clone()
    return x.copy("K") if type(x) in kinds else as_array(x)


def ones_like(x: Array) -> Array:
    return filled(x.shape, 1, x.dtype, x)


def added(a: Array, b: Array) -> Array:
    """a + b. NumPy makes a number of two 0-d arrays; here it is a 0-d array."""
    total = a + b
    return total if isinstance(total, Tensor) else as_array(total)


def positions(shape: Shape, like: Array) -> list[Array]:
    """For each axis the positions along it, shaped so that together they broadcast to ``shape``."""
    return [
        xp.arange(n, like=like).reshape([n if j == i else 1 for j in range(len(shape))])
        for i, n in enumerate(shape)
    ]


def one_hot_subtracted(p: Array, target: Array, scale: Array) -> Array:
    """``scale * (p - onehot(target))`` for rows of probabilities p (N, C) and classes (N).

    For fused operations with a twin: takes arrays only.
    """
    out = p * scale
    rows = xp.arange(len(target), like=p)
    out[rows, target] -= scale if not getattr(scale, "ndim", 0) else scale[:, 0]
    return out
