"""The backward step of one function, recorded: derivatives that can be differentiated again.

Under ``create_graph`` the same ``backward`` runs on tensors instead of arrays. For that, what the
function saved is handed back as tensors that hang where the arrays came from: an input at the edge
to what computed it, "out" at the function itself. All that backward computes then has a graph.
"""

from __future__ import annotations

import inspect
from typing import Any

from nncourse.autograd.function import Edge, Function, constant
from nncourse.autograd.part import Part
from nncourse.autograd.tensor import Tensor
from nncourse.backend import as_array


def special_step(
    node: Function, dout: Any, create_graph: bool, part: Part | None
) -> tuple[Any, Any]:
    """Edges and gradients of one function, where derivatives are recorded, or only some needed."""
    backward = recorded_backward if create_graph else type(node).backward
    shares = backward(node, dout) if part is None else part.run(backward, node, dout)
    needed = [
        edge if share is not None and (part is None or edge in part.needed) else None
        for edge, share in zip(node.edges, shares)
    ]
    return needed, shares


def recorded_backward(node: Function, dout: Tensor) -> tuple[Tensor | None, ...]:
    """What ``node.backward(dout)`` returns, as tensors with a graph."""
    if not node.saves:
        return node.backward(dout)
    if node.twin is not None:
        return _backward_of_twin(node, dout)
    arrays = node.saved
    node.saved = tuple(_attached(node).values())
    try:
        return node.backward(dout)
    finally:
        node.saved = arrays


def _attached(node: Function) -> dict[str, Any]:
    """What the function saved, by name, as tensors with their history."""
    edges = dict(zip(_input_names(node), node.edges), out=node)
    return {
        name: tuple(map(_tensor, value, node.edges))
        if name == "inputs"
        else _tensor(value, edges.get(name))
        for name, value in zip(node.saves, node.saved)
    }


def _input_names(node: Function) -> tuple[str, ...]:
    code = inspect.unwrap(type(node).forward).__code__
    return code.co_varnames[1 : code.co_argcount]


def _tensor(value: Any, edge: Edge | None) -> Any:
    """A saved value as a tensor that was computed by ``edge``; numbers and None stay."""
    if not hasattr(value, "dtype"):
        return value
    out = constant(as_array(value))
    out._edge = edge
    return out


def _backward_of_twin(node: Function, dout: Tensor) -> tuple[Tensor | None, ...]:
    """The derivatives of the same result, composed of elementary operations."""
    from nncourse.autograd.engine import propagate

    saved = _attached(node)
    if "inputs" in saved:
        inputs = list(saved["inputs"])
    else:
        inputs = [saved.get(name) for name, _ in zip(_input_names(node), node.edges)]
    for i, x in enumerate(inputs):
        if isinstance(x, Tensor) and x._edge is not None:
            inputs[i] = x.reshape(x.shape)  # the same tensor may come in twice: two doors to it
    root = node.twin(*inputs)._edge
    doors = [x._edge if isinstance(x, Tensor) else None for x in inputs]
    found = propagate(
        [(root, dout)],
        retain_graph=True,
        create_graph=True,
        part=Part({door for door in doors if door is not None}, [root]),
    )
    return tuple([None if door is None else found.get(door) for door in doors])
