"""Scaled dot-product attention (Vaswani et al., 2017): averages of values, weighted by likeness.

Each query is compared with all keys; softmax turns the products into weights, with which the
values are averaged. As one operation it keeps the weights and nothing else of their size, save
what dropout drew.
"""

from __future__ import annotations

from math import sqrt

from nncourse.autograd.function import Function, apply, constant, promoted
from nncourse.autograd.tensor import Tensor
from nncourse.autograd.vocabulary import mT, unbroadcast
from nncourse.backend import Array, xp
from nncourse.ops.activations import real
from nncourse.ops.dropping import dropout_mask
from nncourse.ops.elementwise import choose
from nncourse.ops.exponentials import greatest
from nncourse.random import Generator


class Attention(Function):
    """out = (P * kept) v,  P = softmax of s q k^T + mask, over the keys.

    q (..., L, E), k (..., S, E), v (..., S, V), P (..., L, S), out (..., L, V); kept: what dropout
    multiplies the weights by, 0 or 1 / (1 - p), or None for 1.
    dv = (P * kept)^T dout;  dP = dout v^T * kept;  dS = P * (dP - sum of dP * P over keys);
    dq = s dS k,  dk = s dS^T q. A query that may look at no key gets zeros.
    """

    __slots__ = ("mask", "scale")
    saves = ("q", "k", "v", "P", "kept")

    def forward(
        self,
        q: Array,
        k: Array,
        v: Array,
        mask: Array | None = None,
        scale: float = 1.0,
        kept: Array | None = None,
    ) -> Array:
        self.mask, self.scale = mask, scale
        P = weights(q, k, mask, scale)
        self.saved = q, k, v, P, kept
        return (P if kept is None else P * kept) @ v

    def backward(self, dout: Array) -> tuple[Array | None, ...]:
        q, k, v, P, kept = self.saved
        shares = attention_backward(dout, q, k, v, P, kept, self.scale, self.needs)
        return tuple(
            [g if g is None else unbroadcast(g, x.shape) for g, x in zip(shares, (q, k, v))]
        )

    def twin(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        return attention_spelled_out(q, k, v, _known(self.mask), self.scale, _known(self.saved[4]))


def weights(q: Array, k: Array, mask: Array | None, scale: float) -> Array:
    """P = softmax of s q k^T + mask over the keys; a row of zeros where all of it is masked."""
    P = (q * scale) @ mT(k)
    if mask is not None:
        P = P + mask if mask.ndim > P.ndim else xp.add(P, mask, out=P)
    top = greatest(P, -1)
    P -= top if mask is None else xp.where(xp.isfinite(top), top, 0)
    xp.exp(P, out=P)
    total = xp.add.reduce(P, -1, None, None, True)
    P /= total if mask is None else xp.where(total == 0, 1, total)
    return P


def attention_backward(
    dout: Array,
    q: Array,
    k: Array,
    v: Array,
    P: Array,
    kept: Array | None,
    scale: float,
    needs: tuple[bool, ...] = (True, True, True),
    into: tuple[Array | None, ...] = (None, None, None),
) -> tuple[Array | None, ...]:
    """dq, dk and dv, as the formulas of ``Attention`` give them; ``into``: where to write them."""
    dq = dk = dv = None
    if needs[2]:
        dv = xp.matmul(mT(P if kept is None else P * kept), dout, out=into[2])
    if needs[0] or needs[1]:
        dS = dout @ mT(v)
        if kept is not None:
            dS *= kept
        dS -= xp.add.reduce(dS * P, -1, None, None, True)
        dS *= P
        if needs[0]:
            dq = xp.matmul(dS, k * scale, out=into[0])
        if needs[1]:
            dk = xp.matmul(mT(dS), q * scale, out=into[1])
    return dq, dk, dv


def scaled_dot_product_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    *,
    scale: float | None = None,
    enable_gqa: bool = False,
    generator: Generator | None = None,
) -> Tensor:
    """softmax(scale * query @ key^T + mask) @ value.

    query (..., L, E), key (..., S, E), value (..., S, V); the result is (..., L, V).
    attn_mask: (..., L, S), bool, true where a query may look; or numbers added to the products.
    is_causal: query i may look at keys 0 to i. scale: 1 / sqrt(E) unless given.
    dropout_p: the share of the weights that is dropped, whether in training or not.
    enable_gqa: groups of query heads (axis -3) share a head of keys and values.
    A query that may look nowhere gets zeros.
    """
    q, k, v = promoted(*[real(t, "scaled_dot_product_attention") for t in (query, key, value)])
    if enable_gqa:
        k, v = (_for_every_query_head(q, x) for x in (k, v))
    _check_shapes(q, k, v)
    n_queries, n_keys = q.shape[-2], k.shape[-2]
    if scale is None:
        scale = 1 / sqrt(q.shape[-1]) if q.shape[-1] else 1.0
    mask = _additive(attn_mask, q)
    if is_causal:
        if attn_mask is not None:
            raise RuntimeError("scaled_dot_product_attention: is_causal brings its own mask")
        mask = constant(causal_mask(n_queries, n_keys, q._data))
    if mask is not None and not _fits(mask.shape, (*q.shape[:-1], n_keys)):
        raise RuntimeError(
            f"scaled_dot_product_attention: attn_mask {mask.shape} must broadcast to "
            f"{(*q.shape[:-1], n_keys)}: queries by keys"
        )
    kept = None
    if dropout_p:
        shape = (*xp.broadcast_shapes(q.shape[:-2], k.shape[:-2]), n_queries, n_keys)
        kept = dropout_mask(shape, dropout_p, q._data, generator)
    if mask is not None and mask.requires_grad:
        return attention_spelled_out(q, k, v, mask, scale, _known(kept))
    return apply(Attention, (q, k, v), None if mask is None else mask._data, scale, kept)


def attention_spelled_out(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    mask: Tensor | None = None,
    scale: float = 1.0,
    kept: Tensor | None = None,
) -> Tensor:
    """The same as ``Attention``, composed of small operations."""
    P = weights_spelled_out(query, key, mask, scale)
    return (P if kept is None else P * kept) @ value


def weights_spelled_out(
    query: Tensor, key: Tensor, mask: Tensor | None = None, scale: float = 1.0
) -> Tensor:
    """The weights (..., L, S) with which the values are averaged; mask: numbers to add, or None."""
    products = (query * scale) @ key.mT
    if mask is None:
        return products.softmax(-1)
    products = products + mask
    hidden = xp.isneginf(products._data)
    nowhere = constant(hidden.all(-1, keepdims=True))
    return choose(nowhere, 0.0, choose(nowhere, 0.0, products).softmax(-1))


def causal_mask(n_queries: int, n_keys: int, like: Array) -> Array:
    """What is added so that query i looks at keys 0 to i: 0 there, -infinity elsewhere."""
    return additive(xp.tri(n_queries, n_keys, dtype="bool", like=like), like.dtype)


def additive(seen: Array, dtype: object) -> Array:
    """0 where a query may look, -infinity elsewhere."""
    numbers = xp.where(seen, 0.0, -xp.inf)
    return numbers.astype(dtype)


def _additive(mask: Tensor | None, q: Tensor) -> Tensor | None:
    """A bool mask as numbers to add: 0 where it is true, -infinity elsewhere."""
    if mask is None or mask._data.dtype.kind == "f":
        return mask
    if mask._data.dtype.kind != "b":
        raise RuntimeError(
            f"scaled_dot_product_attention: attn_mask must be bool (true: may look) or "
            f"floating-point (added); got {mask.dtype}. Did you mean attn_mask.bool()?"
        )
    return constant(additive(mask._data, q._data.dtype))


def _fits(mask: tuple[int, ...], products: tuple[int, ...]) -> bool:
    """Does a mask broadcast against the products? It may have more batch axes than they."""
    try:
        return xp.broadcast_shapes(mask, products)[-2:] == products[-2:]
    except ValueError:
        return False


def _known(array: Array | None) -> Tensor | None:
    return None if array is None else constant(array)


def _for_every_query_head(q: Tensor, x: Tensor) -> Tensor:
    """Each head of keys or values as often as there are query heads to it."""
    heads = q.shape[-3] if q.ndim > 2 else 0
    own = x.shape[-3] if x.ndim > 2 else 0
    if not own or heads % own:
        raise RuntimeError(
            f"scaled_dot_product_attention: with enable_gqa the {own} heads of keys and values "
            f"(axis -3) must divide the {heads} heads of queries"
        )
    return x.repeat_interleave(heads // own, -3)


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
