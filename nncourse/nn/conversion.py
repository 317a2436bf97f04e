"""Moving a module to another number type or device.

Its tensors get new arrays and stay the same objects, so an optimiser that holds them goes on.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from nncourse.autograd.mode import no_grad
from nncourse.autograd.tensor import Tensor
from nncourse.ops.conversion import wanted

if TYPE_CHECKING:
    from nncourse.nn.module import Module


def to(module: Module, *args: Any, **kwargs: Any) -> None:
    """``Tensor.to`` for all parameters and buffers; the type of those with fractions only."""
    place, dtype = wanted(*args, **kwargs)
    if dtype is not None and dtype.kind != "f":
        raise TypeError(f"a module's parameters can be floating-point numbers only; got {dtype}")

    def convert(tensor: Tensor) -> Tensor:
        return tensor.to(place, dtype if tensor.dtype.kind == "f" else None)

    each(module, convert)


@no_grad()
def each(module: Module, convert: Callable[[Tensor], Tensor]) -> None:
    """Give every parameter, gradient and buffer the array of what ``convert`` makes of it."""
    for tensor in (*module.parameters(), *module.buffers()):
        gradient, tensor._grad = tensor._grad, None
        plain = tensor.detach()
        converted = convert(plain)
        if converted is not plain:
            tensor.data = converted
        if gradient is not None:
            tensor.grad = convert(gradient.detach())
