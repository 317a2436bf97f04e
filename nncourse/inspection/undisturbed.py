"""Running a model, or even training it, without leaving a trace.

A look into a network has to run it, and running changes things: running averages of batch
normalisation, gradients, random generators, what a module notes in its attributes, and with a few
steps of training the weights and the optimiser's averages. Inside ``undisturbed`` all of that may
happen; afterwards everything has the bits it had before. The objects stay the same ones, so that
programs that hold on to them see nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from nncourse.autograd.changes import changes
from nncourse.autograd.tensor import Tensor
from nncourse.inspection.generators import untouched_generators
from nncourse.nn.module import Module
from nncourse.optim.optimizer import Optimizer


@contextmanager
def undisturbed(*parts: Any, **others: Any) -> Iterator[None]:
    """Put models and optimisers (others are left alone) and all generators back at the end.

    others: what else may hold generators, such as a loader.
    """
    modules = {id(m): m for part in parts if isinstance(part, Module) for m in part.modules()}
    optimizers = [part for part in parts if isinstance(part, Optimizer)]
    tensors = {id(t): t for m in modules.values() for t in _tensors(vars(m))}
    tensors |= {id(p): p for o in optimizers for group in o.param_groups for p in group["params"]}
    attributes = [(module, _noted(vars(module))) for module in modules.values()]
    values = [_Values(tensor) for tensor in tensors.values()]
    states = [(o, o.state_dict(), o.steps_taken) for o in optimizers]
    roots = {f"part {i}": part for i, part in enumerate(parts)} | others
    with untouched_generators(**roots):
        try:
            yield
        finally:
            for module, noted in attributes:
                _restore(vars(module), noted)
            for value in values:
                value.restore()
            for optimizer, state, steps in states:
                optimizer.load_state_dict(state)
                optimizer.steps_taken = steps


class _Values:
    """A tensor's numbers and gradient."""

    def __init__(self, tensor: Tensor) -> None:
        self.tensor, self.array, self.gradient = tensor, tensor._data, tensor._grad
        self.numbers = self.array.copy()
        self.slopes = None if self.gradient is None else self.gradient._data.copy()
        self.needs = tensor.requires_grad
        # What runs meanwhile must not add to a gradient that is to be kept.
        tensor._grad = None

    def restore(self) -> None:
        tensor = self.tensor
        if tensor._data is not self.array:
            tensor.data = self.array
        if (self.array != self.numbers).any():  # a NaN differs from itself, and is put back, too
            self.array[...] = self.numbers
            changes.note(self.array)
        tensor._grad = self.gradient
        if self.gradient is not None:
            self.gradient._data[...] = self.slopes
        if tensor.requires_grad != self.needs:
            tensor.requires_grad = self.needs


def _tensors(value: Any, depth: int = 0) -> Iterator[Tensor]:
    """The leaves among attributes, in lists and dicts as well."""
    if isinstance(value, Tensor):
        if value.is_leaf:
            yield value
    elif isinstance(value, list | tuple | dict) and depth < 4:
        for item in value.values() if isinstance(value, dict) else value:
            yield from _tensors(item, depth + 1)


def _noted(attributes: dict[str, Any]) -> dict[str, Any]:
    """The attributes, and what is in those that are lists and dicts."""
    return {
        name: (value, value.copy() if isinstance(value, list | dict | set) else None)
        for name, value in attributes.items()
    }


def _restore(attributes: dict[str, Any], noted: dict[str, Any]) -> None:
    attributes.clear()
    for name, (value, inside) in noted.items():
        attributes[name] = value
        if isinstance(value, list):
            value[:] = inside
        elif inside is not None and value != inside:
            value.clear()
            value.update(inside)
