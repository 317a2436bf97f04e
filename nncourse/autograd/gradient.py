"""``nnc.grad``: derivatives of some tensors with respect to some others, returned, not stored.

Only the part of the graph that lies between the two is run, and no ``.grad`` is touched.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nncourse.autograd.engine import propagate
from nncourse.autograd.function import constant
from nncourse.autograd.part import Part
from nncourse.autograd.refusals import first_gradient
from nncourse.autograd.tensor import Tensor

Tensors = Tensor | Sequence[Tensor]


def grad(
    outputs: Tensors,
    inputs: Tensors,
    grad_outputs: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    allow_unused: bool = False,
    materialize_grads: bool = False,
) -> tuple[Tensor | None, ...]:
    """The derivatives of the sum of ``outputs`` with respect to each of ``inputs``.

    ``grad_outputs``: for each output the derivative of the final result with respect to it, of its
    shape; may be left out for one-element outputs, where it is 1. The result is a tuple, one
    derivative for each input, of its shape.

    ``create_graph``: the derivatives can be differentiated again. ``retain_graph``: the graph can
    be run again; by default as ``create_graph``. An input that the outputs do not depend on is an
    error, unless ``allow_unused``, which gives None, or ``materialize_grads``, which gives zeros.
    """
    outputs, inputs = _several(outputs, "outputs"), _several(inputs, "inputs")
    if grad_outputs is None or isinstance(grad_outputs, Tensor):
        grad_outputs = (grad_outputs,) * (len(outputs) if grad_outputs is None else 1)
    if len(grad_outputs) != len(outputs):
        raise ValueError(f"grad: {len(outputs)} outputs, but {len(grad_outputs)} grad_outputs")
    for i, x in enumerate(inputs):
        if x._edge is None:
            raise RuntimeError(f"grad: input {i} does not require gradients, so there is none")

    edges: list[Any] = [x._edge for x in inputs]
    roots: list[tuple[Any, Any]] = [
        (y._edge, first_gradient(y, g, create_graph, "grad()"))
        for y, g in zip(outputs, grad_outputs)
    ]
    keep = create_graph if retain_graph is None else retain_graph
    found = propagate(roots, keep, create_graph, Part(set(edges), [root for root, _ in roots]))
    unused = [i for i, edge in enumerate(edges) if edge not in found]
    if unused and not (allow_unused or materialize_grads):
        raise RuntimeError(
            f"grad: the outputs do not depend on input {unused[0]}, of shape "
            f"{inputs[unused[0]].shape}. If that is meant, pass allow_unused=True, "
            "which gives None for it"
        )
    return tuple([_result(x, found.get(edge), materialize_grads) for x, edge in zip(inputs, edges)])


def _several(tensors: Tensors, what: str) -> tuple[Tensor, ...]:
    several = (tensors,) if isinstance(tensors, Tensor) else tuple(tensors)
    for x in several:
        if not isinstance(x, Tensor):
            raise TypeError(f"grad: {what} must be tensors; got {type(x).__name__}")
    return several


def _result(x: Tensor, gradient: Any, zeros: bool) -> Tensor | None:
    if gradient is None:
        return constant(x._data * 0) if zeros else None
    return gradient if isinstance(gradient, Tensor) else constant(gradient)
