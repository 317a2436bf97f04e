"""The backward pass.

From the result back to the leaves, each function turns the derivative with respect to its result
into derivatives with respect to its inputs. A function may run only when all users of its result
have run, for their contributions add up. Users are always younger than what they use; so the
youngest waiting function is always ready, and a priority queue by age gives the right order
without looking at the rest of the graph and without recursion.
"""

from __future__ import annotations

from heapq import heappop, heappush
from typing import Any

from nncourse.autograd.changes import changes
from nncourse.autograd.function import Function, constant
from nncourse.autograd.tensor import Tensor
from nncourse.autograd.vocabulary import array_copy, ones_like, unbroadcast
from nncourse.backend import Array, as_array, ndarray


def run_backward(root: Tensor, gradient: Any = None, retain_graph: bool = False) -> None:
    """Add to the ``.grad`` of every leaf behind ``root`` its share of the gradient."""
    dout = first_gradient(root, gradient)
    if root._grad_fn is None:
        deposit({root: array_copy(dout)})
    else:
        deposit(propagate(root._grad_fn, dout, retain_graph))


def propagate(root: Function, gradient: Array, retain_graph: bool) -> dict[Tensor, Array]:
    """The gradients of all leaves behind ``root``, whose result has the given gradient."""
    waiting: list[tuple[int, Function]] = [(root.order, root)]
    gradients: dict[Function, Array] = {root: gradient}
    leaves: dict[Tensor, Array] = {}
    own: set[Function] = set()  # whose gradient is a sum made here, and so may be added to in place
    last_change = changes.latest

    while waiting:
        node = heappop(waiting)[1]
        dout = gradients.pop(node)
        if node.saves and (node.saved is None or node.order > last_change):
            check_saved(node)
        shares: Any = node.backward(dout)
        for edge, share in zip(node.edges, shares):
            if edge is None:
                continue
            if share.shape != edge.shape:
                share = fitted(share, edge, node)
            if isinstance(edge, Tensor):
                known = leaves.get(edge)
                if known is not None:
                    known += share
                elif share is dout or type(share) is not ndarray or share.base is not None:
                    leaves[edge] = array_copy(share)  # someone else may hold its memory
                else:
                    leaves[edge] = share
            else:
                known = gradients.get(edge)
                if known is None:
                    gradients[edge] = share
                    heappush(waiting, (edge.order, edge))
                elif edge in own:
                    known += share
                else:
                    gradients[edge] = as_array(known + share)
                    own.add(edge)
        if not retain_graph:
            node.saved = None
    return leaves


def fitted(share: Array, edge: Function | Tensor, node: Function) -> Array:
    """A gradient in the shape of the value it belongs to, which was broadcast to another."""
    if not node.broadcasts:
        raise RuntimeError(
            f"the backward of {type(node).__name__} returned a gradient of shape {share.shape} "
            f"for an input of shape {edge.shape}: they must be equal"
        )
    return unbroadcast(share, edge.shape)


def deposit(gradients: dict[Tensor, Array]) -> None:
    """Add gradients to the ``.grad`` of their leaves."""
    for leaf, array in gradients.items():
        if leaf._grad is None:
            leaf._grad = constant(array)
        else:
            leaf._grad._data += array
            changes.note(leaf._grad._data)


def first_gradient(root: Tensor, gradient: Any) -> Array:
    """The gradient to start from, checked against the tensor it belongs to."""
    if not root._needs:
        raise RuntimeError(
            "backward() found nothing to do: this tensor was not computed from tensors with "
            "requires_grad=True, or it was computed under no_grad()"
        )
    if gradient is None:
        if root._data.size != 1:
            raise RuntimeError(
                f"backward() without a gradient needs one number to differentiate; this tensor has "
                f"shape {root.shape}. Reduce it first, e.g. with .sum() or .mean(), "
                "or pass backward(gradient)"
            )
        return ones_like(root._data)
    array = gradient._data if isinstance(gradient, Tensor) else gradient
    array = array if isinstance(array, ndarray) else as_array(array)
    if array.shape != root.shape:
        raise RuntimeError(
            f"the gradient passed to backward() has shape {array.shape}; "
            f"it must be the tensor's own, {root.shape}"
        )
    return array if array.dtype == root.dtype else array.astype(root.dtype)


def check_saved(node: Function) -> None:
    """Raise if what the function saved has been dropped, or overwritten since."""
    kind = type(node).__name__
    if node.saved is None:
        raise RuntimeError(
            f"a second backward pass came to {kind}, but its saved values were dropped after the "
            "first one. Compute the result anew before each backward(), or keep the values "
            "with backward(retain_graph=True)"
        )
    for name, array in zip(node.saves, node.saved):
        if isinstance(array, ndarray) and changes.since(node.order, array):
            what = "result" if name == "out" else f"input {name!r}"
            raise RuntimeError(
                f"the {what} of {kind}, of shape {array.shape}, is needed for the backward pass "
                "but has been changed in place since. Change a copy instead: "
                "y = y + 1 rather than y += 1"
            )
