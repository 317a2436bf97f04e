"""What occurs in a tensor: where it is not zero, which values there are, and how often."""

from __future__ import annotations

from typing import Any

from nncourse.autograd.function import constant
from nncourse.autograd.tensor import Tensor, method
from nncourse.backend import xp
from nncourse.ops.elementwise import choose
from nncourse.ops.reduction import axes_of


@method("nonzero")
def nonzero(input: Tensor, *, as_tuple: bool = False) -> Any:
    """The positions of all elements that are not zero: (n, axes), or a tensor for each axis."""
    found = xp.nonzero(input._data) if input._data.ndim else xp.nonzero(input._data.reshape(1))
    if as_tuple:
        return tuple([constant(positions) for positions in found])
    if not input._data.ndim:
        return constant(xp.stack(found, 1)[:, :0])
    return constant(xp.stack(found, 1))


def where(condition: Tensor, input: Any = None, other: Any = None) -> Any:
    """``input`` where the condition is true, ``other`` elsewhere; all three are broadcast.

    With the condition alone: the positions where it is true, a tensor for each axis.
    """
    if input is None and other is None:
        return nonzero(condition, as_tuple=True)
    return choose(condition, input, other)


@method("argwhere")
def argwhere(input: Tensor) -> Tensor:
    """The positions of all elements that are not zero: (n, axes)."""
    return nonzero(input)


@method("count_nonzero")
def count_nonzero(input: Tensor, dim: Any = None) -> Tensor:
    """How many elements are not zero, of all or along axes."""
    return constant((input._data != 0).sum(axes_of(input, dim)))


@method("bincount")
def bincount(input: Tensor, weights: Tensor | None = None, minlength: int = 0) -> Tensor:
    """How often each of 0, 1, 2, ... occurs, or the sum of its weights; input (n) of integers."""
    if input._data.ndim != 1 or input._data.dtype.kind not in "bui":
        raise RuntimeError(f"bincount counts integers in a row; got {input.dtype} {input.shape}")
    if input._data.size and int(input._data.min()) < 0:
        raise RuntimeError(f"bincount counts 0, 1, 2, ...; got {int(input._data.min())}")
    counted = xp.bincount(input._data, None if weights is None else weights._data, minlength)
    return constant(counted)


@method("unique")
def unique(
    input: Tensor,
    sorted: bool = True,
    return_inverse: bool = False,
    return_counts: bool = False,
    dim: int | None = None,
) -> Any:
    """The different values, in order; with ``dim`` the different slices.

    return_inverse: also the position among them of every element; return_counts: how often each
    occurs.
    """
    values, inverse, counts = xp.unique(
        input._data, return_inverse=True, return_counts=True, axis=dim
    )
    shape = input.shape if dim is None else (input.shape[dim],)
    parts = [constant(values)]
    if return_inverse:
        parts.append(constant(inverse.reshape(shape)))
    if return_counts:
        parts.append(constant(counts))
    return parts[0] if len(parts) == 1 else tuple(parts)
