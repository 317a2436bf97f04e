"""A tensor that a module learns."""

from __future__ import annotations

from typing import Any

from nncourse.autograd.tensor import Tensor
from nncourse.ops.creation import empty


class Parameter(Tensor):
    """A leaf that requires gradients; a module finds it among its attributes.

    ``Parameter(tensor)`` shares memory with the tensor.
    """

    __slots__ = ()

    def __init__(self, data: Any, requires_grad: bool = True) -> None:
        super().__init__(data._data if isinstance(data, Tensor) else data, requires_grad)

    def __repr__(self) -> str:
        return f"Parameter containing:\n{super().__repr__()}"


def unset(*shape: int, device: Any = None, dtype: Any = None) -> Parameter:
    """A parameter whose initial values are still to be written."""
    return Parameter(empty(*shape, dtype=dtype, device=device))
