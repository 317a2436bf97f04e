"""Attention with several heads at once: each compares its own part of the queries and keys.

Between the projections of a multi-head layer nothing but views is needed: a head is a range of
columns, and matrix products read and write such ranges where they lie. So queries, keys and values
may come side by side in one array, as one product with one weight gives them, and their gradients
go back side by side.
"""

from __future__ import annotations

from typing import Any

from nncourse.autograd.function import Function, apply, constant
from nncourse.autograd.tensor import Tensor
from nncourse.autograd.vocabulary import permute, reshape
from nncourse.backend import Array, xp
from nncourse.ops.attention import attention_backward, attention_spelled_out, weights


class HeadsAttention(Function):
    """out = the outputs of ``Attention`` on each head, side by side: (N, L, E), E = H d.

    q (N, L, E), k and v (N, S, E), or with the batch on axis 1. Without v, k holds keys and values
    side by side, (N, S, 2 E); without k, q holds all three, (N, L, 3 E). mask and kept: (N, H, L,
    S), or what broadcasts to it.
    """

    __slots__ = ("batch_first", "heads", "mask", "scale")
    saves = ("q", "k", "v", "P", "kept")

    def forward(
        self,
        q: Array,
        k: Array | None,
        v: Array | None,
        heads: int,
        mask: Array | None,
        scale: float,
        kept: Array | None,
        batch_first: bool,
    ) -> Array:
        self.heads, self.mask, self.scale, self.batch_first = heads, mask, scale, batch_first
        of_queries, of_keys, of_values = in_heads(q, k, v, heads, batch_first)
        P = weights(of_queries, of_keys, mask, scale)
        parts = 3 if k is None else 1
        out = xp.empty((*q.shape[:-1], q.shape[-1] // parts), P.dtype, like=P)
        (by_head,) = split_heads(out, 1, heads, batch_first)
        xp.matmul(P if kept is None else P * kept, of_values, out=by_head)
        self.saved = q, k, v, P, kept
        return out

    def backward(self, dout: Array) -> tuple[Array | None, ...]:
        q, k, v, P, kept = self.saved
        dq, dk, dv = (None if x is None else xp.empty(x.shape, P.dtype, like=P) for x in (q, k, v))
        (of_out,) = split_heads(dout, 1, self.heads, self.batch_first)
        of_queries, of_keys, of_values = in_heads(q, k, v, self.heads, self.batch_first)
        attention_backward(
            of_out,
            of_queries,
            of_keys,
            of_values,
            P,
            kept,
            self.scale,
            into=in_heads(dq, dk, dv, self.heads, self.batch_first),
        )
        return dq, dk, dv

    def twin(self, q: Tensor, k: Tensor | None, v: Tensor | None) -> Tensor:
        kept = self.saved[4]
        return heads_attention_spelled_out(
            q,
            k,
            v,
            self.heads,
            None if self.mask is None else constant(self.mask),
            self.scale,
            None if kept is None else constant(kept),
            self.batch_first,
        )


def in_heads(q: Any, k: Any, v: Any, heads: int, batch_first: bool) -> tuple[Any, Any, Any]:
    """Queries, keys and values by head, each (N, H, length, d), wherever they are held."""
    if k is None:
        return split_heads(q, 3, heads, batch_first)
    if v is None:
        return (*split_heads(q, 1, heads, batch_first), *split_heads(k, 2, heads, batch_first))
    (q,), (k,), (v,) = (split_heads(x, 1, heads, batch_first) for x in (q, k, v))
    return q, k, v


def split_heads(x: Any, parts: int, heads: int, batch_first: bool) -> Any:
    """The parts that lie side by side in x, (N, L, parts * E), each as views (N, H, L, d)."""
    first, second, width = x.shape
    x = reshape(x, (first, second, parts, heads, width // (parts * heads)))
    x = permute(x, (2, 0, 3, 1, 4) if batch_first else (2, 1, 3, 0, 4))
    return tuple([x[i] for i in range(parts)])


def join_heads(x: Tensor, batch_first: bool) -> Tensor:
    """The heads (N, H, L, d) side by side again: (N, L, E)."""
    x = x.permute((0, 2, 1, 3) if batch_first else (2, 0, 1, 3))
    return x.reshape(*x.shape[:2], x.shape[2] * x.shape[3])


def heads_attention(
    q: Tensor,
    k: Tensor | None,
    v: Tensor | None,
    heads: int,
    mask: Array | None = None,
    scale: float | None = None,
    kept: Array | None = None,
    batch_first: bool = True,
) -> Tensor:
    """``HeadsAttention`` with the scale 1 / sqrt(d) unless given."""
    width = q.shape[-1] // (3 if k is None else 1)
    scale = (width // heads) ** -0.5 if scale is None else scale
    return apply(HeadsAttention, (q, k, v), heads, mask, scale, kept, batch_first)


def heads_attention_spelled_out(
    q: Tensor,
    k: Tensor | None,
    v: Tensor | None,
    heads: int,
    mask: Tensor | None = None,
    scale: float = 1.0,
    kept: Tensor | None = None,
    batch_first: bool = True,
) -> Tensor:
    """The same as ``HeadsAttention``, composed of small operations."""
    by_head = in_heads(q, k, v, heads, batch_first)
    return join_heads(attention_spelled_out(*by_head, mask, scale, kept), batch_first)
