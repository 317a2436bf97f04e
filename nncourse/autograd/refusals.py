"""What a backward pass refuses, each with the reason and the likely mend."""

from __future__ import annotations

from typing import Any

from nncourse.autograd.changes import changes
from nncourse.autograd.function import Edge, Function, constant
from nncourse.autograd.placement import different_devices
from nncourse.autograd.places import made_at
from nncourse.autograd.tensor import Tensor
from nncourse.autograd.vocabulary import as_type, ones_like
from nncourse.backend import is_array, same_device


def first_gradient(
    root: Tensor, gradient: Any, create_graph: bool = False, caller: str = "backward()"
) -> Any:
    """The gradient to start from, checked against the tensor it belongs to.

    An array, or a tensor if ``create_graph``.
    """
    if root._edge is None:
        raise RuntimeError(
            f"{caller} found nothing to do: this tensor was not computed from tensors with "
            "requires_grad=True, or it was computed under no_grad()"
        )
    if gradient is None:
        if root._data.size != 1:
            given = "backward(gradient)" if caller == "backward()" else "grad_outputs"
            raise RuntimeError(
                f"{caller} without a gradient needs one number to differentiate; this tensor has "
                f"shape {root.shape}. Reduce it first, e.g. with .sum() or .mean(), "
                f"or pass {given}"
            )
        ones = ones_like(root._data)
        return constant(ones) if create_graph else ones
    if not isinstance(gradient, Tensor):
        gradient = constant(gradient)
    if gradient.shape != root.shape:
        raise RuntimeError(
            f"the gradient passed to {caller} has shape {gradient.shape}; "
            f"it must be the tensor's own, {root.shape}"
        )
    if not same_device(gradient._data, root._data):
        raise different_devices(caller, root._data, gradient._data)
    given = gradient if create_graph else gradient._data
    return given if given.dtype == root.dtype else as_type(given, root.dtype)


def check_saved(node: Function) -> None:
    """Raise if what the function saved has been dropped, or overwritten since."""
    kind = type(node).__name__
    if node.saved is None:
        raise RuntimeError(
            f"a second backward pass came to {kind}{made_at(node)}, but its saved values were "
            "dropped after the first one. Compute the result anew before each backward(), or keep "
            "the values with backward(retain_graph=True)"
        )
    for name, value in zip(node.saves, node.saved):
        for array in value if name == "inputs" else (value,):
            if is_array(array) and changes.since(node.order, array):
                what = (
                    "result"
                    if name == "out"
                    else "input"
                    if name == "inputs"
                    else f"input {name!r}"
                )
                raise RuntimeError(
                    f"the {what} of {kind}{made_at(node)}, of shape {array.shape}, is needed for "
                    f"the backward pass but has been changed in place since"
                    f"{changes.told(node.order, array)}. Change a copy instead: "
                    "y = y + 1 rather than y += 1"
                )


def check_shape(node: Function, edge: Edge, share: Any) -> None:
    """Raise if a gradient has another shape than the input, and that was not broadcast."""
    if not node.broadcasts:
        raise RuntimeError(
            f"the backward of {type(node).__name__} returned a gradient of shape {share.shape} "
            f"for an input of shape {edge.shape}: they must be equal"
        )
