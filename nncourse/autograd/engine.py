"""The backward pass.

From the result back to the leaves, each function turns the derivative with respect to its result
into derivatives with respect to its inputs. A function may run only when all users of its result
have run, for their contributions add up. Users are always younger than what they use; so the
youngest waiting function is always ready, and a priority queue by age gives the right order
without looking at the rest of the graph and without recursion.
"""

from __future__ import annotations

from collections.abc import Sequence
from heapq import heappop, heappush, heappushpop
from typing import Any

from nncourse.autograd.changes import changes
from nncourse.autograd.function import Edge, Function, constant
from nncourse.autograd.hooks import call_hooks, hooked
from nncourse.autograd.mode import enable_grad, recording
from nncourse.autograd.part import Part
from nncourse.autograd.recorded import special_step
from nncourse.autograd.refusals import check_saved, check_shape, first_gradient
from nncourse.autograd.tensor import Leaf, Tensor
from nncourse.autograd.vocabulary import added, array_copy, unbroadcast
from nncourse.backend import add, kinds


def run_backward(
    root: Tensor,
    gradient: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    inputs: Sequence[Tensor] | None = None,
) -> None:
    """Add to the ``.grad`` of every leaf behind ``root``, or of ``inputs``, its gradient."""
    dout = first_gradient(root, gradient, create_graph)
    start: Any = root._edge
    keep = create_graph if retain_graph is None else retain_graph
    if inputs is None:
        found = propagate([(start, dout)], keep, create_graph)
        targets = [(leaf, leaf.tensor()) for leaf in found]
    else:
        targets = [(x._edge, x) for x in inputs]
        part = Part({edge for edge, _ in targets}, [start])
        found = propagate([(start, dout)], keep, create_graph, part)
    for edge, tensor in targets:
        if tensor is not None and edge in found:
            deposit(tensor, found[edge])


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
    leaves: dict[Any, Any] = {}  # their gradients, in memory that nobody else holds
    gradients: dict[Any, Any] = {}  # of functions that wait
    own: set[Function] = set()  # those of them whose gradient may be added to in place, too
    following: Function | None = None  # one more, which in a chain is the only one,
    carried: Any = None  # and its gradient
    wanted: dict[Edge, Any] = {}  # gradients of functions that are asked for
    plain = part is None and not create_graph and not hooked
    last_change = changes.latest
    for root, dout in roots:
        found: Any = leaves if isinstance(root, Leaf) else gradients
        given = array_copy(dout) if found is leaves else dout
        found[root] = added(found[root], dout) if root in found else given
    waiting = sorted((root.order, root) for root in gradients)  # functions by age, a heap
    while waiting or following:
        if following is None:
            node = heappop(waiting)[1]
            dout = gradients.pop(node)
        else:
            node, dout = following, carried
            if waiting:
                gradients[node] = dout
                node = heappushpop(waiting, (node.order, node))[1]
                dout = gradients.pop(node)
        following = None
        if not plain:
            if id(node) in hooked:
                dout = call_hooks(node, dout)
            if part is not None and node in part.wanted:
                wanted[node] = array_copy(dout)
            if part is not None and node not in part.leading:
                continue
        if node.saves and (node.saved is None or node.order > last_change):
            check_saved(node)
        shares: Any = node.backward(dout) if plain else None
        edges: Any = node.edges
        if not plain:
            edges, shares = special_step(node, dout, create_graph, part)
        broadcast = node.shape if node.broadcasts else None
        i = -1  # counted by hand: to make a zip takes a twentieth of a small operation
        for edge in edges:
            i += 1
            if edge is None:
                continue
            share = shares[i]
            if edge.shape != (broadcast or share.shape):
                check_shape(node, edge, share)
                share = unbroadcast(share, edge.shape)
            if type(edge) is Leaf:
                known = leaves.get(edge)
                if known is None:
                    shared = share is dout or type(share) not in kinds or share.base is not None
                    leaves[edge] = array_copy(share) if shared else share
                elif create_graph:
                    leaves[edge] = added(known, share)
                else:
                    add(known, share, known)  # in place
            elif edge is following:
                carried = added(carried, share)
            elif waiting and edge in own:
                gradients[edge] += share
            elif waiting and edge in gradients:
                gradients[edge] = added(gradients[edge], share)
                if not create_graph:
                    own.add(edge)
            elif following is None:
                following, carried = edge, share
            else:
                gradients[edge] = share
                heappush(waiting, (edge.order, edge))
        if not retain_graph:
            node.saved = None
    for leaf in [leaf for leaf in leaves if hooked and id(leaf) in hooked]:
        leaves[leaf] = array_copy(call_hooks(leaf, leaves[leaf]))  # hooks may keep theirs
    return leaves | wanted


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
