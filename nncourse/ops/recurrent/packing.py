"""Packed sequences: the steps of sequences of different lengths, without the padding.

Sequences are sorted, the longest first. Then those that have not ended at step t are the first
``batch_sizes[t]``, and the packed rows are all first steps, all second steps, and so on.
"""

from __future__ import annotations

from nncourse.autograd.function import Function, unary
from nncourse.autograd.tensor import Tensor
from nncourse.backend import Array, filled, xp
from nncourse.ops.indexing import Slice

Places = tuple[Array, Array]


def places(lengths: Array, n_steps: int) -> Places:
    """(step, sequence) of every row, step by step; sequences that have ended have none."""
    return xp.nonzero(xp.arange(n_steps, like=lengths)[:, None] < lengths)


def packed(x: Tensor, where: Places) -> Tensor:
    """The rows of x (T, N, ...) at the places: (rows, ...)."""
    return unary(Slice, x, where)


class Unpack(Function):
    """out (T, N, ...) = the rows of x at their places, ``fill`` elsewhere;  dx = dout there."""

    __slots__ = ("where",)

    def forward(self, x: Array, where: Places, n_steps: int, n: int, fill: float) -> Array:
        self.where = where
        out = filled((n_steps, n, *x.shape[1:]), fill, x.dtype, x)
        out[where] = x
        return out

    def backward(self, dout: Array) -> tuple[Array]:
        return (dout[self.where],)


def unpacked(x: Tensor, where: Places, n_steps: int, n: int, fill: float = 0.0) -> Tensor:
    """Rows (rows, ...) at their places in (n_steps, n, ...), ``fill`` elsewhere."""
    return unary(Unpack, x, where, n_steps, n, fill)
