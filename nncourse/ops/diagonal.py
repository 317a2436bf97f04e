"""Diagonals: taken out of matrices, put into them, and summed."""

from __future__ import annotations

from nncourse.autograd.function import unary
from nncourse.autograd.tensor import Tensor, method
from nncourse.backend import xp
from nncourse.ops.indexing import PutAdd, Slice
from nncourse.ops.shape import axis_of


def _places(n: int, offset: int, like: Tensor) -> tuple[object, object]:
    """Rows and columns of a diagonal of n elements."""
    steps = xp.arange(n, like=like._data)
    return steps + max(-offset, 0), steps + max(offset, 0)


@method("diagonal")
def diagonal(input: Tensor, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Tensor:
    """The diagonal of two axes, as the last axis; offset: so many places above the main one."""
    first, second = axis_of(input, dim1), axis_of(input, dim2)
    others = [i for i in range(input.ndim) if i not in (first, second)]
    x = input.permute(first, second, *others)
    n = max(0, min(x.shape[0] + min(offset, 0), x.shape[1] - max(offset, 0)))
    found = unary(Slice, x, _places(n, offset, x))
    return found.movedim(0, -1) if others else found


@method("diag")
def diag(input: Tensor, diagonal: int = 0) -> Tensor:
    """A matrix with the vector on its diagonal; of a matrix, its diagonal."""
    if input.ndim == 2:
        return input.diagonal(diagonal)
    if input.ndim != 1:
        raise RuntimeError(f"diag takes a vector or a matrix; got shape {input.shape}")
    n = len(input) + abs(diagonal)
    return unary(PutAdd, input, _places(len(input), diagonal, input), (n, n))


@method("trace")
def trace(input: Tensor) -> Tensor:
    """The sum of a matrix's diagonal."""
    if input.ndim != 2:
        raise RuntimeError(f"trace is of a matrix; got shape {input.shape}")
    return diagonal(input).sum()
