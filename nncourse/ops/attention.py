"""Scaled dot-product attention (Vaswani et al., 2017): averages of values, weighted by likeness.

Each query is compared with all keys; softmax turns the products into weights, with which the
values are averaged. As one operation it keeps the weights and nothing else of their size.
"""

from __future__ import annotations

from math import sqrt

from nncourse.autograd.function import Function, apply, constant, promoted
from nncourse.autograd.tensor import Tensor
from nncourse.autograd.vocabulary import mT, sum_over, unbroadcast
from nncourse.backend import Array, xp
from nncourse.ops.activations import real
from nncourse.ops.dropping import dropout
from nncourse.ops.elementwise import choose
from nncourse.ops.exponentials import greatest
from nncourse.random import Generator


class Attention(Function):
    """out = P v,  P = softmax of s q k^T + mask, over the keys.

    q (..., L, E), k (..., S, E), v (..., S, V), P (..., L, S), out (..., L, V).
    dv = P^T dout;  dP = dout v^T;  dS = P * (dP - sum of dP * P over keys);  dq = s dS k,
    dk = s dS^T q. A query that may look at no key gets zeros.
    """

    __slots__ = ("mask", "scale")
    saves = ("q", "k", "v", "P")

    def forward(self, q: Array, k: Array, v: Array, mask: Array | None, scale: float) -> Array:
        self.mask, self.scale = mask, scale
        P = (q * scale) @ mT(k)
        if mask is not None:
            P = P + mask
        top = greatest(P, -1)
        P -= top if mask is None else xp.where(xp.isfinite(top), top, 0)
        xp.exp(P, out=P)
        total = xp.add.reduce(P, -1, None, None, True)
        P /= total if mask is None else xp.where(total == 0, 1, total)
        self.saved = q, k, v, P
        return P @ v

    def backward(self, dout: Array) -> tuple[Array | None, ...]:
        q, k, v, P = self.saved
        need_q, need_k, need_v = self.needs
        dq = dk = dv = None
        if need_v:
            dv = unbroadcast(mT(P) @ dout, v.shape)
        if need_q or need_k:
            dS = P * (dout @ mT(v))
            dS = (dS - P * sum_over(dS, -1, True)) * self.scale
            if need_q:
                dq = unbroadcast(dS @ k, q.shape)
            if need_k:
                dk = unbroadcast(mT(dS) @ q, k.shape)
        return dq, dk, dv

    def twin(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        mask = None if self.mask is None else constant(self.mask)
        return attention_spelled_out(q, k, v, mask, self.scale)


def scaled_dot_product_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    *,
    scale: float | None = None,
    generator: Generator | None = None,
) -> Tensor:
    """softmax(scale * query @ key^T + mask) @ value.

    query (..., L, E), key (..., S, E), value (..., S, V); the result is (..., L, V).
    attn_mask: (..., L, S), bool, true where a query may look; or numbers added to the products.
    is_causal: query i may look at keys 0 to i. scale: 1 / sqrt(E) unless given.
    dropout_p: the share of the weights that is dropped. A query that may look nowhere gets zeros.
    """
    q, k, v = promoted(*[real(t, "scaled_dot_product_attention") for t in (query, key, value)])
    _check_shapes(q, k, v)
    n_queries, n_keys = q.shape[-2], k.shape[-2]
    if scale is None:
        scale = 1 / sqrt(q.shape[-1]) if q.shape[-1] else 1.0
    mask = _additive(attn_mask, q)
    if is_causal:
        if attn_mask is not None:
            raise RuntimeError("scaled_dot_product_attention: is_causal brings its own mask")
        seen = xp.tri(n_queries, n_keys, dtype="bool")
        mask = constant(xp.where(seen, 0, -xp.inf).astype(q._data.dtype))
    if mask is not None:
        try:
            xp.broadcast_shapes((*q.shape[:-2], n_queries, n_keys), mask.shape)
        except ValueError:
            raise RuntimeError(
                f"scaled_dot_product_attention: attn_mask {mask.shape} must broadcast to "
                f"{(*q.shape[:-2], n_queries, n_keys)}: queries by keys"
            ) from None
    if dropout_p or (mask is not None and mask._needs):
        return attention_spelled_out(q, k, v, mask, scale, dropout_p, generator)
    return apply(Attention, (q, k, v), None if mask is None else mask._data, scale)


def attention_spelled_out(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    mask: Tensor | None = None,
    scale: float = 1.0,
    dropout_p: float = 0.0,
    generator: Generator | None = None,
) -> Tensor:
    """The same composed of small operations; mask: numbers that are added, or None."""
    products = (query * scale) @ key.mT
    if mask is None:
        weights = products.softmax(-1)
    else:
        products = products + mask
        nowhere = constant(xp.isneginf(products._data).all(-1, keepdims=True))
        weights = choose(nowhere, 0.0, choose(nowhere, 0.0, products).softmax(-1))
    return dropout(weights, dropout_p, generator=generator) @ value


def _additive(mask: Tensor | None, q: Tensor) -> Tensor | None:
    """A bool mask as numbers to add: 0 where it is true, -infinity elsewhere."""
    if mask is None or mask._data.dtype.kind == "f":
        return mask
    if mask._data.dtype.kind != "b":
        raise RuntimeError(
            f"scaled_dot_product_attention: attn_mask must be bool (true: may look) or "
            f"floating-point (added); got {mask.dtype}. Did you mean attn_mask.bool()?"
        )
    return constant(xp.where(mask._data, 0, -xp.inf).astype(q._data.dtype))


def _check_shapes(q: Tensor, k: Tensor, v: Tensor) -> None:
    shapes = f"query {q.shape}, key {k.shape}, value {v.shape}"
    if min(q.ndim, k.ndim, v.ndim) < 2:
        raise RuntimeError(f"scaled_dot_product_attention needs two axes or more; got {shapes}")
    if q.shape[-1] != k.shape[-1]:
        raise RuntimeError(
            f"scaled_dot_product_attention: queries and keys must be of one length (last axis); "
            f"got {shapes}"
        )
    if k.shape[-2] != v.shape[-2]:
        raise RuntimeError(
            f"scaled_dot_product_attention: there must be as many values as keys (last axis but "
            f"one); got {shapes}"
        )
