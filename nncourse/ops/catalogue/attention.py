"""Entries: attention, with one head and with several."""

from typing import Any

import numpy as np

from nncourse.ops import arithmetic, attention, elementwise, exponentials, heads, linalg, shape
from nncourse.ops.catalogue.entry import MASK, REAL, Example, Operation, examples, like

_TORCH = "nn.functional.scaled_dot_product_attention"


def _attention(
    q: Any, k: Any, v: Any, mask: Any = None, is_causal: bool = False, kept: Any = 1.0
) -> Any:
    products = q @ np.swapaxes(k, -1, -2) / np.sqrt(q.shape[-1])
    if is_causal:
        mask = np.tri(q.shape[-2], k.shape[-2], dtype=bool)
    if mask is not None:
        products = np.where(mask, products, -1e300)
    weights = np.exp(products - products.max(-1, keepdims=True))
    return weights / weights.sum(-1, keepdims=True) * kept @ v


def _added(q: Any, k: Any, v: Any, mask: Any) -> Any:
    weights = np.exp(q @ k.T / np.sqrt(q.shape[-1]) + mask)
    return weights / weights.sum(-1, keepdims=True) @ v


def _heads(*packs: Any, heads: int, batch_first: bool = True, dropped: bool = False) -> Any:
    """Attention on each range of columns, side by side again."""
    q, k, v = np.split(packs[0], 3, -1) if len(packs) == 1 else _unpacked(*packs)
    kept = _kept(q, k, heads) if dropped else None
    if not batch_first:
        q, k, v = (np.swapaxes(x, 0, 1) for x in (q, k, v))
    parts = zip(*(np.split(x, heads, -1) for x in (q, k, v)))
    out = [
        _attention(of_q, of_k, of_v, kept=1.0 if kept is None else kept[:, h])
        for h, (of_q, of_k, of_v) in enumerate(parts)
    ]
    joined = np.concatenate(out, -1)
    return joined if batch_first else np.swapaxes(joined, 0, 1)


def _unpacked(q: Any, k: Any, v: Any = None) -> Any:
    return (q, *np.split(k, 2, -1)) if v is None else (q, k, v)


def _kept(q: Any, k: Any, heads: int) -> Any:
    """What dropping a third of the weights might draw."""
    shape = len(q), heads, q.shape[1], k.shape[1]
    return 1.5 * (np.arange(np.prod(shape)) % 3 > 0).reshape(shape)


def _on_heads(function: Any, wrap: Any) -> Any:
    def on(*packs: Any, heads: int, batch_first: bool = True, dropped: bool = False) -> Any:
        q, k, v = (*packs, None, None)[:3]
        scale = (q.shape[-1] // (3 if k is None else 1) // heads) ** -0.5
        kept = wrap(q, _kept(q, k, heads)) if dropped else None
        return function(q, k, v, heads, None, scale, kept, batch_first)

    return on


OPERATIONS: tuple[Operation, ...] = (
    Operation(
        "scaled_dot_product_attention",
        attention.scaled_dot_product_attention,
        _attention,
        _TORCH,
        (attention.Attention,),
        (REAL, REAL, REAL),
        (
            Example(((3, 4), (5, 4), (5, 2))),
            Example(((3, 3), (3, 3), (3, 3)), {"is_causal": True}),
            Example(((2, 2, 3, 4), (2, 2, 5, 4), (2, 2, 5, 3))),
            Example(((2, 4, 3), (2, 4, 3), (2, 4, 3)), {"is_causal": True}),
        ),
        spelled_out=lambda q, k, v, is_causal=False: attention.attention_spelled_out(
            q,
            k,
            v,
            like(q, np.where(np.tri(q.shape[-2], k.shape[-2]), 0, -np.inf)) if is_causal else None,
            q.shape[-1] ** -0.5,
        ),
    ),
    Operation(
        "scaled_dot_product_attention with a mask",
        lambda mask, q, k, v: attention.scaled_dot_product_attention(q, k, v, mask),
        lambda mask, q, k, v: _attention(q, k, v, mask) * mask.any(-1, keepdims=True),
        lambda torch, mask, q, k, v: torch.nn.functional.scaled_dot_product_attention(
            q, k, v, mask
        ),
        (attention.Attention,),
        (MASK, REAL, REAL, REAL),
        examples(
            ((3, 5), (3, 4), (5, 4), (5, 2)),
            ((4, 3), (2, 4, 2), (2, 3, 2), (2, 3, 2)),
            ((2, 1, 3), (2, 4, 2), (2, 3, 2), (2, 3, 2)),
        ),
    ),
    Operation(
        "scaled_dot_product_attention with added numbers",
        lambda q, k, v, mask: attention.scaled_dot_product_attention(q, k, v, mask),
        lambda q, k, v, mask: _added(q, k, v, mask),
        _TORCH,
        (
            arithmetic.Multiply,
            shape.Permute,
            linalg.MatMul,
            arithmetic.Add,
            exponentials.Softmax,
            elementwise.Where,
        ),
        (REAL, REAL, REAL, REAL),
        examples(((3, 4), (5, 4), (5, 2), (3, 5))),
    ),
    Operation(
        "attention with several heads",
        _on_heads(heads.heads_attention, lambda x, numbers: like(x, numbers)._data),
        _heads,
        None,
        (heads.HeadsAttention,),
        (REAL, REAL, REAL),
        (
            Example(((2, 3, 12),), {"heads": 2}),
            Example(((3, 2, 12),), {"heads": 2, "batch_first": False}),
            Example(((2, 3, 4), (2, 5, 8)), {"heads": 2}),
            Example(((2, 4, 4), (2, 4, 4), (2, 4, 4)), {"heads": 2, "dropped": True}),
            Example(((3, 2, 4), (4, 2, 4), (4, 2, 4)), {"heads": 1, "batch_first": False}),
        ),
        spelled_out=_on_heads(heads.heads_attention_spelled_out, like),
    ),
)
