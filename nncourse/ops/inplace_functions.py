"""Functions that overwrite their tensor, named with an underscore: ``x.relu_()``, ``x.clamp_(0)``.

Each computes what the function without the underscore computes, and puts the result in its place;
the rules for recorded tensors are those of ``x += 1``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nncourse.autograd.tensor import Tensor, method
from nncourse.ops import activations, elementwise, selection, special
from nncourse.ops.arithmetic import neg
from nncourse.ops.inplace import in_place

_FUNCTIONS: dict[str, Callable[..., Tensor]] = {
    "abs": elementwise.abs,
    "ceil": special.ceil,
    "clamp": elementwise.clamp,
    "clip": elementwise.clamp,
    "elu": activations.elu,
    "exp": elementwise.exp,
    "floor": special.floor,
    "leaky_relu": activations.leaky_relu,
    "log": elementwise.log,
    "masked_fill": selection.masked_fill,
    "neg": neg,
    "relu": elementwise.relu,
    "round": special.round,
    "scatter": selection.scatter,
    "scatter_add": selection.scatter_add,
    "sigmoid": elementwise.sigmoid,
    "sqrt": elementwise.sqrt,
    "tanh": elementwise.tanh,
    "tril": selection.tril,
    "triu": selection.triu,
}


def _overwriting(name: str, function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    def change(self: Tensor, *args: Any, **options: Any) -> Tensor:
        return in_place(self, function, name, *args, **options)

    change.__name__ = change.__qualname__ = name
    change.__doc__ = f"``{name[:-1]}`` in place."
    return change


for _name, _function in _FUNCTIONS.items():
    method(f"{_name}_")(_overwriting(f"{_name}_", _function))


@method("detach_")
def detach_(x: Tensor) -> Tensor:
    """Forget how the tensor was computed: it becomes a leaf that needs no gradient."""
    x.__init__(x._data)  # type: ignore[misc]
    return x
