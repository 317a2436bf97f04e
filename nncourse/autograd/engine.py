"""The backward pass.

From the result back to the leaves, each function turns the derivative with respect to its result
into derivatives with respect to its inputs. A function may run only when all users of its result
have run, for their contributions add up. Users are always younger than what they use; so the
youngest waiting function is always ready, and a priority queue by age gives the right order
without looking at the rest of the graph and without recursion.
"""

from __future__ import annotations

from collections.abc import Sequence
from heapq import heappop, heappush
from typing import Any

from nncourse.autograd.changes import changes
from nncourse.autograd.function import Function, constant
from nncourse.autograd.hooks import call_hooks, hooked
from nncourse.autograd.mode import enable_grad, recording
from nncourse.autograd.part import Edge, Part
from nncourse.autograd.recorded import recorded_backward
from nncourse.autograd.refusals import check_saved, first_gradient, wrong_shape
from nncourse.autograd.tensor import Tensor
from nncourse.autograd.vocabulary import added, array_copy, unbroadcast
from nncourse.backend import ndarray


def run_backward(
    root: Tensor,
    gradient: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    inputs: Sequence[Tensor] | None = None,
) -> None:
    """Add to the ``.grad`` of every leaf behind ``root``, or of ``inputs``, its gradient."""
    start: Edge = root._grad_fn or root
    roots = [(start, first_gradient(root, gradient, create_graph))]
    part = None if inputs is None else Part({x._grad_fn or x for x in inputs}, [start])
    keep = create_graph if retain_graph is None else retain_graph
    found = propagate(roots, keep, create_graph, part)
    for tensor in found if inputs is None else inputs:
        share = found.get(tensor._grad_fn or tensor)
        if share is not None:
            deposit(tensor, share)


def propagate(
    roots: list[tuple[Edge, Any]],
    retain_graph: bool = False,
    create_graph: bool = False,
    part: Part | None = None,
) -> dict[Any, Any]:
    """The gradients of all leaves behind the roots, or of all that a part of the graph is for.

    roots: where to start, each with its gradient. Gradients are arrays, tensors if create_graph.
    """
    if create_graph and not recording.enabled:
        with enable_grad():
            return propagate(roots, retain_graph, create_graph, part)
    waiting: list[tuple[int, Any]] = []  # functions by age
    gradients: dict[Function, Any] = {}  # of those that wait
    found: dict[Edge, Any] = {}  # of leaves, and of what else is wanted
    own: set[Edge] = set()  # whose gradient is a sum made here, and so may be added to in place
    plain = part is None and not create_graph and not hooked
    last_change = changes.latest
    for root, dout in roots:
        if isinstance(root, Tensor):
            found[root] = added(found[root], dout) if root in found else array_copy(dout)
        elif root in gradients:
            gradients[root] = added(gradients[root], dout)
        else:
            gradients[root] = dout
            heappush(waiting, (root.order, root))

    while waiting:
        node = heappop(waiting)[1]
        dout = gradients.pop(node)
        if not plain:
            if id(node) in hooked:
                dout = call_hooks(node, dout)
            if part is not None and node in part.wanted:
                found[node] = array_copy(dout)
            if part is not None and node not in part.leading:
                continue
        if node.saves and (node.saved is None or node.order > last_change):
            check_saved(node)
        if plain:
            edges, shares = node.edges, node.backward(dout)
        else:
            edges, shares = step(node, dout, create_graph, part)
        for edge, share in zip(edges, shares):
            if edge is None:
                continue
            if share.shape != edge.shape:
                if not node.broadcasts:
                    raise wrong_shape(node, edge, share)
                share = unbroadcast(share, edge.shape)
            if isinstance(edge, Tensor):
                known = found.get(edge)
                if known is None:
                    # A copy, if someone else may hold the memory.
                    shared = share is dout or type(share) is not ndarray or share.base is not None
                    found[edge] = array_copy(share) if shared else share
                elif plain:
                    known += share
                else:
                    found[edge] = added(known, share)
            else:
                known = gradients.get(edge)
                if known is None:
                    gradients[edge] = share
                    heappush(waiting, (edge.order, edge))
                elif edge in own:
                    known += share
                else:
                    gradients[edge] = added(known, share)
                    if not create_graph:
                        own.add(edge)
        if not retain_graph:
            node.saved = None
    for edge in found if hooked else ():
        if isinstance(edge, Tensor) and id(edge) in hooked:
            found[edge] = array_copy(call_hooks(edge, found[edge]))  # hooks may keep theirs
    return found


def step(node: Function, dout: Any, create_graph: bool, part: Part | None) -> tuple[Any, Any]:
    """Edges and gradients of one function, where they are recorded, or only some are needed."""
    backward = recorded_backward if create_graph else type(node).backward
    shares = backward(node, dout) if part is None else part.run(backward, node, dout)
    needed = [
        edge if share is not None and (part is None or edge in part.needed) else None
        for edge, share in zip(node.edges, shares)
    ]
    return needed, shares


def deposit(tensor: Tensor, gradient: Any) -> None:
    """Add a gradient to the ``.grad`` of its tensor."""
    known = tensor._grad
    if isinstance(gradient, Tensor):  # recorded: the sum has a graph, too
        tensor._grad = gradient if known is None else known + gradient
    elif known is None:
        tensor._grad = constant(gradient)
    else:
        known._data += gradient
        changes.note(known._data)
