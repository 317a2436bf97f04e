"""Sequences of different lengths in one batch: where they end, and how they are reversed.

A batch is as long as its longest sequence; what comes after the end of a shorter one is padding.
The fused operations compute it along, for a step costs little more with all sequences than with
some, and see to it that it has no effect: outputs there are 0, no gradient comes from there, and
the last state of a sequence is that at its own end. ``lengths`` is an array (N), or None if all
are equally long.
"""

from __future__ import annotations

from nncourse.autograd.function import Function, constant, unary
from nncourse.autograd.tensor import Tensor
from nncourse.autograd.vocabulary import applied
from nncourse.backend import Array, xp
from nncourse.ops.arrangement import flip
from nncourse.ops.elementwise import choose
from nncourse.ops.indexing import Slice


def padding(lengths: Array, n_steps: int) -> Array:
    """(T, N): true where a sequence has ended."""
    return xp.arange(n_steps, like=lengths)[:, None] >= lengths


def outputs(states: Array, lengths: Array | None, n_more: int = 0) -> Array:
    """(T + n_more, N, H): a copy of the states with 0 for padding; room for more at the end."""
    T, N, H = states.shape
    out = xp.empty((T + n_more, N, H), states.dtype, like=states)
    if lengths is not None:
        states[padding(lengths, T)] = 0  # a growing state of relu would end as infinity times 0
    out[:T] = states
    return out


def of_outputs(dout: Array, lengths: Array | None) -> Array:
    """The derivatives by the outputs, with 0 for padding."""
    if lengths is None:
        return dout
    return xp.where(padding(lengths, len(dout))[:, :, None], 0, dout)


def at_ends(g: Array, lengths: Array, n_steps: int) -> Array:
    """(T, N, H): zeros, and g (N, H) where each sequence ends."""
    out = xp.zeros((n_steps, *g.shape), g.dtype, like=g)
    out[lengths - 1, xp.arange(len(lengths), like=lengths)] = g
    return out


# In words of the lecture, for the spelled-out twins


def kept(lengths: Array | None, t: int, new: Tensor, old: Tensor) -> Tensor:
    """The new state; but a sequence that has ended before step t keeps its old one."""
    return new if lengths is None else choose(constant((t < lengths)[:, None]), new, old)


def without_padding(x: Tensor, lengths: Array | None) -> Tensor:
    """x (T, N, ...) with 0 for padding, whatever stood there, NaN included."""
    if lengths is None:
        return x
    mask = padding(lengths, len(x)).reshape(*x.shape[:2], *[1] * (x.ndim - 2))
    return choose(constant(mask), 0.0, x)


class Reverse(Function):
    """out = x (T, N, ...) with each sequence back to front within its length;  dx: the same."""

    __slots__ = ("lengths",)

    def forward(self, x: Array, lengths: Array) -> Array:
        self.lengths = lengths
        steps, sequences = xp.arange(len(x), like=x)[:, None], xp.arange(x.shape[1], like=x)
        return x[xp.where(steps < lengths, lengths - 1 - steps, steps), sequences]

    def backward(self, dout: Array) -> tuple[Array]:
        return (applied(Reverse, (dout,), self.lengths),)


def reverse(x: Tensor, lengths: Array | None = None) -> Tensor:
    """Sequences (T, N, ...) back to front; padding stays at the end."""
    return flip(x, 0) if lengths is None else unary(Reverse, x, lengths)


def last(states: Tensor, n_steps: int, lengths: Array | None) -> Tensor:
    """(N, H): of states h_1, h_2... the one at the end of each sequence."""
    if lengths is None:
        return states[n_steps - 1]
    return unary(Slice, states, (lengths - 1, xp.arange(len(lengths), like=lengths)))
