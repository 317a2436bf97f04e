"""Multi-head attention: several attentions side by side, each on projections of its own.

A head projects queries, keys and values to a narrow space of its own and attends there; the heads'
results stand side by side and are mixed by one more projection (Vaswani et al., 2017).
"""

from __future__ import annotations

from typing import Any

from nncourse.autograd.function import constant
from nncourse.autograd.tensor import Tensor
from nncourse.backend import xp
from nncourse.nn import init
from nncourse.nn.linear import Linear
from nncourse.nn.module import Module
from nncourse.nn.parameter import unset
from nncourse.ops.attention import additive, causal_mask, weights_spelled_out
from nncourse.ops.dropping import dropout_mask
from nncourse.ops.heads import heads_attention, in_heads, join_heads
from nncourse.ops.linalg import linear
from nncourse.ops.shape import cat


class MultiheadAttention(Module):
    """``attention(query, key, value)``: (the result, the weights averaged over the heads).

    query (L, N, embed_dim), key (S, N, kdim), value (S, N, vdim), the result as the query, the
    weights (N, L, S); with ``batch_first`` the batch N is axis 0 of all; it may be missing.
    in_proj_weight (3 embed_dim, embed_dim) holds the projections of queries, keys and values; with
    other kdim or vdim they are q_proj_weight, k_proj_weight and v_proj_weight.
    dropout: the share of the weights that is dropped in training. add_bias_kv: a key and a value
    that are learned are added to the rest; add_zero_attn: ones that are zero.
    A query that may look nowhere gets zeros (where PyTorch gives NaN if need_weights).
    """

    def __init__(
        self,
        embed_dim: int,
        num_heads: int,
        dropout: float = 0.0,
        bias: bool = True,
        add_bias_kv: bool = False,
        add_zero_attn: bool = False,
        kdim: int | None = None,
        vdim: int | None = None,
        batch_first: bool = False,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        if embed_dim <= 0 or num_heads <= 0 or embed_dim % num_heads:
            raise ValueError(
                f"MultiheadAttention: embed_dim is divided among the heads, so it must be a "
                f"multiple of num_heads; got embed_dim={embed_dim}, num_heads={num_heads}"
            )
        place = {"device": device, "dtype": dtype}
        self.embed_dim = embed_dim
        self.num_heads = num_heads
        self.head_dim = embed_dim // num_heads
        self.kdim = embed_dim if kdim is None else kdim
        self.vdim = embed_dim if vdim is None else vdim
        self.dropout = dropout
        self.batch_first = batch_first
        self.add_zero_attn = add_zero_attn

        if self.kdim == self.vdim == embed_dim:
            self.in_proj_weight = unset(3 * embed_dim, embed_dim, **place)
        else:
            self.q_proj_weight = unset(embed_dim, embed_dim, **place)
            self.k_proj_weight = unset(embed_dim, self.kdim, **place)
            self.v_proj_weight = unset(embed_dim, self.vdim, **place)
        self.in_proj_bias = unset(3 * embed_dim, **place) if bias else None
        self.bias_k = unset(1, 1, embed_dim, **place) if add_bias_kv else None
        self.bias_v = unset(1, 1, embed_dim, **place) if add_bias_kv else None
        self.out_proj = Linear(embed_dim, embed_dim, bias, **place)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw new initial values from the default generator."""
        for weight in self._in_proj_weights():
            init.xavier_uniform_(weight)
        self.out_proj.reset_parameters()
        if self.in_proj_bias is not None:
            init.zeros_(self.in_proj_bias)
            init.zeros_(self.out_proj.bias)  # type: ignore[arg-type]
        if self.bias_k is not None:
            init.xavier_normal_(self.bias_k)
            init.xavier_normal_(self.bias_v)  # type: ignore[arg-type]

    def _in_proj_weights(self) -> tuple[Tensor, ...]:
        if "in_proj_weight" in self.__dict__:
            return (self.in_proj_weight,)
        return self.q_proj_weight, self.k_proj_weight, self.v_proj_weight

    def forward(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        key_padding_mask: Tensor | None = None,
        need_weights: bool = True,
        attn_mask: Tensor | None = None,
        average_attn_weights: bool = True,
        is_causal: bool = False,
    ) -> tuple[Tensor, Tensor | None]:
        """Attend.

        key_padding_mask (N, S) and attn_mask (L, S) or (N * num_heads, L, S): bool, true where a
        query may NOT look (in ``F.scaled_dot_product_attention`` true means that it may); or
        numbers, added to the products. is_causal: query i may look at keys 0 to i; attn_mask, if
        there is one, says it already. need_weights=False is faster and returns None for the
        weights; average_attn_weights=False returns those of every head, (N, num_heads, L, S).
        """
        self._check(query, key, value)
        axis = 0 if self.batch_first else 1
        if query.ndim == 2:
            same = query is key is value
            query = query.unsqueeze(axis)
            key, value = (query, query) if same else (key.unsqueeze(axis), value.unsqueeze(axis))
            if key_padding_mask is not None:
                key_padding_mask = key_padding_mask.unsqueeze(0)
            masks = key_padding_mask, need_weights, attn_mask, average_attn_weights, is_causal
            out, weights = self.forward(query, key, value, *masks)
            return out.squeeze(axis), None if weights is None else weights.squeeze(0)

        batch, lengths = query.shape[axis], (query.shape[1 - axis], key.shape[1 - axis])
        mask = self._mask(batch, *lengths, attn_mask, key_padding_mask, is_causal)
        packs = self._projected(query, key, value)
        if self._more_keys():
            packs, mask = self._with_more_keys(packs, mask, axis)
        kept = None
        if self.training and self.dropout > 0:
            shape = (batch, self.num_heads, lengths[0], lengths[1] + self._more_keys())
            kept = dropout_mask(shape, self.dropout, packs[0]._data)
        if not need_weights and (mask is None or not mask.requires_grad):
            numbers = None if mask is None else mask._data
            out = heads_attention(
                *packs, self.num_heads, numbers, kept=kept, batch_first=self.batch_first
            )
            return self.out_proj(out), None
        q, k, v = self._in_heads(packs)
        weights = weights_spelled_out(q, k, mask, self.head_dim**-0.5)
        weights = weights if kept is None else weights * constant(kept)
        out = self.out_proj(join_heads(weights @ v, self.batch_first))
        if not need_weights:
            return out, None
        return out, weights.mean(1) if average_attn_weights else weights

    def _projected(
        self, query: Tensor, key: Tensor, value: Tensor
    ) -> tuple[Tensor, Tensor | None, Tensor | None]:
        """Queries, keys and values; side by side where they are projections of one tensor."""
        weights, b, width = self._in_proj_weights(), self.in_proj_bias, self.embed_dim
        if len(weights) == 1:
            (W,) = weights
            if query is key is value:
                return linear(query, W, b), None, None
            if key is value:
                q = linear(query, W[:width], None if b is None else b[:width])
                return q, linear(key, W[width:], None if b is None else b[width:]), None
            weights = W[:width], W[width : 2 * width], W[2 * width :]
        biases = (None,) * 3 if b is None else (b[:width], b[width : 2 * width], b[2 * width :])
        q, k, v = map(linear, (query, key, value), weights, biases)
        return q, k, v

    def _in_heads(self, packs: Any) -> tuple[Tensor, Tensor, Tensor]:
        q, k, v = packs
        return in_heads(q, k, v, self.num_heads, self.batch_first)

    def _more_keys(self) -> int:
        return (self.bias_k is not None) + self.add_zero_attn

    def _with_more_keys(self, packs: Any, mask: Tensor | None, axis: int) -> tuple[Any, Any]:
        """The key and value that are learned, and those of zeros, after the others."""
        q, k, v = (join_heads(x, self.batch_first) for x in self._in_heads(packs))
        one = [*k.shape]
        one[1 - axis] = 1
        keys, values = [k], [v]
        if self.bias_k is not None and self.bias_v is not None:
            keys.append(self.bias_k.expand(*one))
            values.append(self.bias_v.expand(*one))
        if self.add_zero_attn:
            nothing = constant(xp.zeros(one, k.dtype, like=k._data))
            keys.append(nothing)
            values.append(nothing)
        if mask is not None:
            shape = (*mask.shape[:-1], self._more_keys())
            mask = cat([mask, constant(xp.zeros(shape, mask.dtype, like=mask._data))], -1)
        return (q, cat(keys, 1 - axis), cat(values, 1 - axis)), mask

    def _mask(
        self,
        batch: int,
        n_queries: int,
        n_keys: int,
        attn_mask: Tensor | None,
        key_padding_mask: Tensor | None,
        is_causal: bool,
    ) -> Tensor | None:
        """What is added to the products, (N or 1, num_heads or 1, L or 1, S); None for nothing."""
        found = []
        dtype = self.out_proj.weight.dtype
        if attn_mask is not None:
            one, each = (n_queries, n_keys), (batch * self.num_heads, n_queries, n_keys)
            _check_mask("attn_mask", attn_mask, one, each)
            heads = (1, 1) if attn_mask.ndim == 2 else (batch, self.num_heads)
            found.append(_numbers(attn_mask, dtype).reshape(*heads, n_queries, n_keys))
        elif is_causal:
            found.append(constant(causal_mask(n_queries, n_keys, self.out_proj.weight._data)))
        if key_padding_mask is not None:
            _check_mask("key_padding_mask", key_padding_mask, (batch, n_keys))
            found.append(_numbers(key_padding_mask, dtype).reshape(batch, 1, 1, n_keys))
        return sum(found[1:], found[0]) if found else None

    def _check(self, query: Tensor, key: Tensor, value: Tensor) -> None:
        """Raise RuntimeError unless the shapes fit."""
        shapes = f"query {query.shape}, key {key.shape}, value {value.shape}"
        if not query.ndim == key.ndim == value.ndim or query.ndim not in (2, 3):
            raise RuntimeError(
                "MultiheadAttention: query, key and value must all be (length, batch, width), with "
                f"batch_first (batch, length, width), or without a batch (length, width); {shapes}"
            )
        widths = {"query": self.embed_dim, "key": self.kdim, "value": self.vdim}
        for (name, width), x in zip(widths.items(), (query, key, value)):
            if x.shape[-1] != width:
                known = "embed_dim" if width == self.embed_dim else f"{name[0]}dim"
                raise RuntimeError(
                    f"MultiheadAttention: the last axis of {name} must be {known}={width}; "
                    f"it is {x.shape}"
                )
        axis = 0 if self.batch_first else 1
        if key.shape[:-1] != value.shape[:-1]:
            raise RuntimeError(
                f"MultiheadAttention: there must be a value for every key; got {shapes}"
            )
        if query.ndim == 3 and query.shape[axis] != key.shape[axis]:
            other = query.shape[1 - axis] == key.shape[1 - axis]
            hint = f" Did you mean batch_first={not self.batch_first}?" if other else ""
            raise RuntimeError(
                f"MultiheadAttention: with batch_first={self.batch_first} axis {axis} is the batch "
                f"and must be the same for queries and keys; got {shapes}.{hint}"
            )


def _numbers(mask: Tensor, dtype: Any) -> Tensor:
    """A mask as numbers to add: of bools, -infinity where it is true."""
    return constant(additive(~mask._data, dtype)) if mask.dtype.kind == "b" else mask


def _check_mask(name: str, mask: Tensor, *shapes: tuple[int, ...]) -> None:
    if mask.dtype.kind not in "bf":
        raise RuntimeError(
            f"MultiheadAttention: {name} must be bool (true: may not look) or floating-point "
            f"(added); got {mask.dtype}. Did you mean {name}.bool()?"
        )
    if tuple(mask.shape) not in shapes:
        wanted = " or ".join(str(shape) for shape in shapes)
        hint = f" Did you mean {name}.T?" if mask.shape[::-1] == shapes[0] else ""
        raise RuntimeError(
            f"MultiheadAttention: {name} must be {wanted}; it is {tuple(mask.shape)}.{hint}"
        )
