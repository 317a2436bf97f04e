"""Hooks: functions that are called with a gradient as soon as it is complete.

A hook of a computed tensor belongs to the function that computed it, for the pass meets functions,
not tensors; a hook of a leaf to its place in the graph. Nearly all passes meet none. So the owners
are also listed in one table, by id: while it is empty, a pass loses no time over them.
"""

from __future__ import annotations

import itertools
import weakref
from collections.abc import Callable
from typing import Any

from nncourse.autograd.function import constant
from nncourse.autograd.tensor import Tensor

Hook = Callable[[Any], Any]


class Hooks(dict[int, Hook]):
    """The hooks of one owner, by number. It keeps them, so that they go with it."""

    __slots__ = ("__weakref__", "owner")

    owner: int  # its id


# Who has hooks, by id.
hooked: dict[int, weakref.ref[Hooks]] = {}
_number = itertools.count().__next__
_RETAIN = -1  # the number of the hook that stores .grad, which runs after all others


class RemovableHandle:
    """Takes a hook away, by ``remove()`` or at the end of a ``with``."""

    def __init__(self, hooks: Hooks, number: int) -> None:
        self._hooks = weakref.ref(hooks)
        self._number = number

    def remove(self) -> None:
        hooks = self._hooks()
        if hooks is not None:
            hooks.pop(self._number, None)
            if not hooks:
                hooked.pop(hooks.owner, None)

    def __enter__(self) -> RemovableHandle:
        return self

    def __exit__(self, *_: object) -> None:
        self.remove()


def add_hook(owner: Any, hook: Hook, number: int | None = None) -> RemovableHandle:
    """Have ``hook`` called with the gradient of a leaf, or of the result of a function."""
    key = id(owner)
    if key not in hooked:
        owner._hooks = hooks = Hooks()
        hooks.owner = key
        hooked[key] = weakref.ref(hooks, lambda _: hooked.pop(key, None))
    number = _number() if number is None else number
    owner._hooks[number] = hook
    return RemovableHandle(owner._hooks, number)


def register_hook(tensor: Tensor, hook: Hook) -> RemovableHandle:
    """Have ``hook`` called with the gradient of a tensor."""
    if tensor._edge is None:
        raise RuntimeError("a hook needs a tensor that requires gradients: this one gets none")
    return add_hook(tensor._edge, hook)


def retains_grad(tensor: Tensor) -> bool:
    """Has ``retain_grad`` been called?"""
    owner = tensor._edge
    return owner is not None and id(owner) in hooked and _RETAIN in owner._hooks


def retain(tensor: Tensor) -> None:
    """Have the gradient of a computed tensor stored in its ``.grad``."""
    known = weakref.ref(tensor)  # not the tensor, which holds the function that will hold the hook

    def store(gradient: Any) -> None:
        tensor = known()
        if tensor is not None:
            before = tensor._grad
            tensor._grad = gradient.clone() if before is None else before + gradient

    add_hook(tensor._edge, store, _RETAIN)


def call_hooks(owner: Any, gradient: Any) -> Any:
    """The gradient after the hooks: one that returns something has replaced it.

    Hooks take tensors; where the pass runs on arrays, so does the result.
    """
    if not isinstance(gradient, Tensor):
        return call_hooks(owner, constant(gradient))._data
    for number, hook in sorted(owner._hooks.items(), key=lambda item: item[0] == _RETAIN):
        new = hook(gradient)
        if new is None or number == _RETAIN:
            continue
        if not isinstance(new, Tensor) or new.shape != gradient.shape:
            raise RuntimeError(
                f"a hook must return a tensor of the gradient's shape {gradient.shape}, or None; "
                f"got {getattr(new, 'shape', type(new).__name__)}"
            )
        gradient = new if new.dtype == gradient.dtype else new.to(gradient.dtype)
    return gradient
