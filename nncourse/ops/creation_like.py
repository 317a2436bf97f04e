"""Tensors made after the pattern of another: its type and its device, other values and shape."""

from __future__ import annotations

from typing import Any

import numpy

from nncourse.autograd.function import cast
from nncourse.autograd.tensor import Tensor, method
from nncourse.ops import creation
from nncourse.random import Generator


def _settled(x: Tensor, dtype: Any, device: Any, requires_grad: bool) -> dict[str, Any]:
    """Type and device of x unless others are given."""
    return {
        "dtype": x.dtype if dtype is None else dtype,
        "device": x.device if device is None else device,
        "requires_grad": requires_grad,
    }


@method("new_tensor")
def new_tensor(
    x: Tensor, data: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """A tensor of the given numbers with the type and device of x."""
    return creation.tensor(data, **_settled(x, dtype, device, requires_grad))


@method("new_zeros")
def new_zeros(
    x: Tensor, *size: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """Zeros with the type and device of x."""
    return creation.zeros(*size, **_settled(x, dtype, device, requires_grad))


@method("new_ones")
def new_ones(
    x: Tensor, *size: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """Ones with the type and device of x."""
    return creation.ones(*size, **_settled(x, dtype, device, requires_grad))


@method("new_empty")
def new_empty(
    x: Tensor, *size: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """A tensor of unset values with the type and device of x."""
    return creation.empty(*size, **_settled(x, dtype, device, requires_grad))


@method("new_full")
def new_full(
    x: Tensor,
    size: Any,
    fill_value: Any,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """One value in a given shape with the type and device of x."""
    return creation.full(size, fill_value, **_settled(x, dtype, device, requires_grad))


def empty_like(
    input: Tensor, *, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """Unset values in the shape, type and on the device of another tensor."""
    return new_empty(input, input.shape, dtype=dtype, device=device, requires_grad=requires_grad)


def randint_like(
    input: Tensor,
    low: int,
    high: int | None = None,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    generator: Generator | None = None,
) -> Tensor:
    """Random integers from low to high - 1, or from 0 to low - 1, shaped and typed as ``input``."""
    first, end = (0, low) if high is None else (low, high)
    place = input.device if device is None else device
    drawn = creation.randint(first, end, input.shape, device=place, generator=generator)
    drawn = cast(drawn, input.dtype if dtype is None else numpy.dtype(dtype))
    return drawn.requires_grad_() if requires_grad else drawn
