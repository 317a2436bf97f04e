"""Derivatives of functions: ``jacobian``, ``hessian`` and their products with vectors.

Names, arguments and shapes are those of ``torch.autograd.functional``; here, too, they are found
in ``nnc.autograd.functional``. Each takes a function of tensors and the tensors to evaluate it at,
one or a tuple. What is a tuple among inputs or outputs is a tuple in the result.

With J the matrix of derivatives of all outputs by all inputs: ``vjp`` is v^T J, one backward pass;
``jvp`` is J v, the derivative of v^T J by v; ``hvp`` is H v, with H the Jacobian of the gradient.
Neither builds the matrix. ``create_graph`` gives results that can be differentiated again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nncourse.autograd.function import constant
from nncourse.autograd.gradient import grad
from nncourse.autograd.mode import enable_grad
from nncourse.autograd.tensor import Tensor
from nncourse.autograd.vocabulary import ones_like
from nncourse.backend import xp

Function = Callable[..., Any]


def vjp(func: Function, inputs: Any, v: Any = None, create_graph: bool = False) -> tuple[Any, Any]:
    """(outputs, v^T J): v has the shapes of the outputs, the product those of the inputs."""
    with enable_grad():
        xs = _opened(inputs, create_graph)
        ys, many = _call(func, xs)
        product = _grad(ys, xs, _vectors(v, ys, "the outputs"), create_graph)
    return _closed(ys, many, create_graph), _closed(product, _many(inputs), create_graph)


def jvp(func: Function, inputs: Any, v: Any = None, create_graph: bool = False) -> tuple[Any, Any]:
    """(outputs, J v): v has the shapes of the inputs, the product those of the outputs."""
    with enable_grad():
        xs = _opened(inputs, create_graph)
        ys, many = _call(func, xs)
        directions = _vectors(v, xs, "the inputs")
        # u^T J is linear in u; its derivative by u, times v, is J v, whatever u is.
        us = [constant(xp.zeros_like(y._data)).requires_grad_() for y in ys]
        product = _grad(_grad(ys, xs, us, True), us, directions, create_graph)
    return _closed(ys, many, create_graph), _closed(product, many, create_graph)


def hvp(func: Function, inputs: Any, v: Any = None, create_graph: bool = False) -> tuple[Any, Any]:
    """(output, H v) for a function with one number as its result; v has the inputs' shapes."""
    with enable_grad():
        xs = _opened(inputs, create_graph)
        y = _number(func, xs, "hvp")
        directions = _vectors(v, xs, "the inputs")
        product = _grad(_grad([y], xs, [None], True), xs, directions, create_graph)
    return _closed([y], False, create_graph), _closed(product, _many(inputs), create_graph)


vhp = hvp  # H is symmetric


def jacobian(func: Function, inputs: Any, create_graph: bool = False) -> Any:
    """All derivatives of all outputs: of output.shape + input.shape for each pair.

    A tuple with an entry for each output if there are several; each (or the result) a tuple with
    an entry for each input if ``inputs`` is a tuple. One backward pass for each output element.
    """
    with enable_grad():
        xs = _opened(inputs, create_graph)
        ys, many = _call(func, xs)
        rows = [_rows(y, xs, create_graph) for y in ys]
    result = tuple([_closed(row, _many(inputs), create_graph) for row in rows])
    return result if many else result[0]


def hessian(func: Function, inputs: Any, create_graph: bool = False) -> Any:
    """The second derivatives of a function with one number as its result.

    Of input.shape + input.shape; for a tuple of inputs a tuple of tuples, [i][j] of shape
    inputs[i].shape + inputs[j].shape.
    """

    def gradient(*xs: Tensor) -> Any:
        slopes = _grad([_number(func, list(xs), "hessian")], list(xs), [None], True)
        return tuple(slopes) if _many(inputs) else slopes[0]

    return jacobian(gradient, inputs, create_graph)


def _rows(y: Tensor, xs: list[Tensor], create_graph: bool) -> list[Tensor]:
    """The derivatives of every element of one output by every input, as blocks."""
    blocks: list[list[Tensor]] = [[] for _ in xs]
    for place in range(y.numel()):
        one = xp.zeros(y.shape, y.dtype, like=y._data)
        one.reshape(-1)[place] = 1
        for block, row in zip(blocks, _grad([y], xs, [constant(one)], create_graph, True)):
            block.append(row.reshape(1, *row.shape))
    return [_joined(block, y, x) for block, x in zip(blocks, xs)]


def _joined(rows: list[Tensor], y: Tensor, x: Tensor) -> Tensor:
    shape = (*y.shape, *x.shape)
    if not any(row.requires_grad for row in rows):
        whole = [row._data for row in rows]
        empty = xp.zeros(0, y.dtype, like=y._data)
        return constant((xp.concatenate(whole) if whole else empty).reshape(shape))
    total = constant(xp.zeros((len(rows), *x.shape), x.dtype, like=x._data))
    for i, row in enumerate(rows):
        total[i : i + 1] = row
    return total.reshape(shape)


def _grad(
    ys: list[Tensor], xs: list[Tensor], vs: list[Any], create_graph: bool, retain: bool = False
) -> list[Tensor]:
    """Derivatives by the inputs, zeros where the outputs do not depend on one."""
    live = [(y, v) for y, v in zip(ys, vs) if y.requires_grad]
    if not live:
        return [constant(x._data * 0) for x in xs]
    slopes = grad(
        [y for y, _ in live],
        xs,
        [v for _, v in live],
        retain or create_graph,
        create_graph,
        materialize_grads=True,
    )
    return list(slopes)  # type: ignore[arg-type]


def _many(given: Any) -> bool:
    return not isinstance(given, Tensor)


def _opened(inputs: Any, create_graph: bool) -> list[Tensor]:
    """The inputs as tensors of our own, by which to differentiate; with their history if needed."""
    return [
        x.reshape(x.shape) if create_graph and x.requires_grad else x.detach().requires_grad_()
        for x in ((inputs,) if isinstance(inputs, Tensor) else inputs)
    ]


def _call(func: Function, xs: list[Tensor]) -> tuple[list[Tensor], bool]:
    """The outputs as a list, and whether they were a tuple."""
    ys = func(*xs)
    many = isinstance(ys, tuple | list)
    outputs = list(ys) if many else [ys]
    for y in outputs:
        if not isinstance(y, Tensor):
            raise TypeError(f"the function must return tensors; got {type(y).__name__}")
    return outputs, many


def _number(func: Function, xs: list[Tensor], what: str) -> Tensor:
    ys, many = _call(func, xs)
    if many or ys[0].numel() != 1:
        came = f"{len(ys)} tensors" if many else f"shape {ys[0].shape}"
        raise RuntimeError(f"{what} is for functions with one number as the result; got {came}")
    return ys[0]


def _vectors(v: Any, like: list[Tensor], what: str) -> list[Tensor]:
    """The vectors for a product, checked; ones if there are none and a single number is due."""
    if v is None:
        if len(like) != 1 or like[0].numel() != 1:
            raise RuntimeError(f"the vector v may be left out only if {what} are one number")
        return [constant(ones_like(like[0]._data))]
    vectors = [v] if isinstance(v, Tensor) else list(v)
    if [x.shape for x in vectors] != [x.shape for x in like]:
        shapes = ", ".join(str(x.shape) for x in like)
        came = ", ".join(str(x.shape) for x in vectors)
        raise RuntimeError(f"v must have the shapes of {what}: {shapes}; got {came}")
    return vectors


def _closed(tensors: list[Tensor], many: bool, create_graph: bool) -> Any:
    """Results as the caller gave them: one or a tuple; without history unless asked for."""
    done = tensors if create_graph else [t.detach() for t in tensors]
    return tuple(done) if many else done[0]
