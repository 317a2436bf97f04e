"""Operators that overwrite a tensor: ``p -= lr * g``, ``x[i] = v``, ``fill_``, ``zero_``.

Under ``no_grad``, or where no gradients are involved, the array is simply overwritten. While
operations are being recorded, the tensor becomes the result of the recorded operation: its values
are overwritten and its ``grad_fn`` is the new function. Three cases are refused, because the
gradient would be wrong: leaves that require gradients, views of other tensors, and (when the
backward pass comes there) values that an earlier function has saved.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nncourse.autograd.changes import changes, clock
from nncourse.autograd.function import cast, constant
from nncourse.autograd.mode import recording
from nncourse.autograd.placement import different_devices, to_device
from nncourse.autograd.places import here
from nncourse.autograd.tensor import Tensor, method
from nncourse.backend import as_array, device_of, same_device
from nncourse.ops.arithmetic import add, div, mul, pow, sub
from nncourse.ops.indexing import plain_index, set_item


def in_place(
    x: Tensor, function: Callable[..., Tensor], what: str, *args: Any, **options: Any
) -> Tensor:
    """x, overwritten with the result of ``function(x, ...)``."""
    for other in args or (None,):
        _check(x, other, what)
    return _become(x, function(x, *args, **options), what)


def _operator(name: str, compute: Callable[..., Tensor]) -> None:
    def change(self: Tensor, other: Any, **options: Any) -> Tensor:
        return in_place(self, compute, name, other, **options)

    change.__name__ = change.__qualname__ = f"__i{name}__"
    change.__doc__ = f"``{name}`` in place."
    method(f"__i{name}__", f"{name}_")(change)


def _check(x: Tensor, other: Any, what: str) -> None:
    """Refuse what would make gradients wrong."""
    if not recording.enabled:
        return
    if x.requires_grad and x.is_leaf:
        raise RuntimeError(
            f"{what} in place on a leaf that requires gradients: its value before would be lost. "
            "An update of parameters stands under no_grad: with nnc.no_grad(): p -= lr * p.grad"
        )
    needs = x.requires_grad or (isinstance(other, Tensor) and other.requires_grad)
    if needs and x._data.base is not None:
        raise RuntimeError(
            f"{what} in place on a view of another tensor cannot be recorded, for the other "
            "tensor's gradient would be wrong. Make a new tensor: y = y + 1 rather than y += 1"
        )


def _become(x: Tensor, result: Tensor, what: str) -> Tensor:
    """Take over value and history of ``result``, keeping the array."""
    array = x._data
    if result._data.shape != array.shape:
        raise RuntimeError(
            f"{what} in place gives shape {result.shape}, which does not fit into {x.shape}"
        )
    if result._data.dtype.kind != array.dtype.kind and array.dtype.kind != "f":
        raise RuntimeError(
            f"{what} in place gives {result.dtype}, which does not fit into a tensor of {x.dtype}"
        )
    if result.requires_grad and result._data.dtype != array.dtype:
        result = cast(result, array.dtype)
    node = result.grad_fn
    if node is not None and node.saves:
        # What the function saved must outlive the change: a value from before it is copied, and
        # its result lives on in the overwritten array.
        node.saved = tuple(
            [
                array if name == "out" else kept.copy() if kept is array else kept
                for name, kept in zip(node.saves, node.saved)
            ]
        )
    array[...] = result._data
    changes.note(array, here())
    if node is not None:
        node.order = next(clock)  # made before the change of its own result was noted
        x._edge = node
    return x


for _name, _compute in {"add": add, "sub": sub, "mul": mul, "truediv": div, "pow": pow}.items():
    _operator(_name, _compute)
method("div_")(Tensor.__itruediv__)  # type: ignore[attr-defined]


@method("__setitem__")
def setitem(x: Tensor, index: Any, value: Any) -> None:
    """x[index] = value."""
    _check(x, value, "an assignment")
    index = plain_index(index, x._data)
    needed = x.requires_grad or (isinstance(value, Tensor) and value.requires_grad)
    if recording.enabled and needed:
        if not isinstance(value, Tensor):
            value = constant(as_array(value))
        if not same_device(value._data, x._data):
            value = _brought(value, x)
        if value._data.dtype != x._data.dtype:
            value = cast(value, x._data.dtype)
        _become(x, set_item(x, value, index), "an assignment")
        return
    if isinstance(value, Tensor):
        if not same_device(value._data, x._data):
            value = _brought(value, x)
        value = value._data
    x._data[index] = value
    changes.note(x._data, here())


def _brought(value: Tensor, x: Tensor) -> Tensor:
    """A 0-d tensor may be put into a tensor of another device; others are moved on purpose."""
    if value._data.ndim:
        raise different_devices("an assignment", x._data, value._data)
    return to_device(value, device_of(x._data))


def overwrite(x: Tensor, value: Any, what: str) -> Tensor:
    """x, with every element set to ``value``, a number or an array that broadcasts."""
    _check(x, None, what)
    if x.requires_grad and recording.enabled:
        setitem(x, ..., value)
        return x
    x._data[...] = value
    changes.note(x._data, here())
    return x


@method("fill_")
def fill_(x: Tensor, value: Any) -> Tensor:
    """Set every element to one value, a number or a 0-d tensor."""
    if isinstance(value, Tensor):
        if value._data.ndim:
            raise RuntimeError(f"fill_ takes a number or a 0-d tensor; got shape {value.shape}")
        setitem(x, ..., value)
        return x
    return overwrite(x, value, "fill_")


@method("zero_")
def zero_(x: Tensor) -> Tensor:
    """Set every element to 0."""
    return overwrite(x, 0, "zero_")


@method("copy_")
def copy_(x: Tensor, source: Any, non_blocking: bool = False) -> Tensor:
    """Overwrite with the values of another tensor or array, which is broadcast.

    The source may be on another device.
    """
    _check(x, source, "copy_")
    source = source if isinstance(source, Tensor) else constant(source)
    setitem(x, ..., to_device(source, device_of(x._data)))
    return x
