"""Transformers (Vaswani et al., 2017): layers that mix places by attention, then work at each one.

Every sublayer adds to what it got, so that a stack of many layers is one sum with corrections; the
normalisation stands after the sum, as published, or with ``norm_first`` before the sublayer, which
trains more steadily (Xiong et al., 2020).
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from nncourse.autograd.function import constant
from nncourse.autograd.tensor import Tensor
from nncourse.nn import init
from nncourse.nn.attention import MultiheadAttention
from nncourse.nn.container import ModuleList
from nncourse.nn.dropout import Dropout
from nncourse.nn.linear import Linear
from nncourse.nn.module import Module
from nncourse.nn.normalization import LayerNorm
from nncourse.ops.activations import gelu
from nncourse.ops.attention import causal_mask
from nncourse.ops.creation import empty
from nncourse.ops.elementwise import relu

Activation = str | Callable[[Tensor], Tensor]


class _Layer(Module):
    """What layers of encoders and decoders share: sublayers, each with its norm and dropout.

    One sublayer for each attention, and last the network of two layers at each place.
    """

    _attentions: tuple[str, ...] = ("self_attn",)

    def __init__(
        self,
        d_model: int,
        nhead: int,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: Activation = relu,
        layer_norm_eps: float = 1e-5,
        batch_first: bool = False,
        norm_first: bool = False,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        place = {"device": device, "dtype": dtype}
        for name in self._attentions:
            attention = MultiheadAttention(
                d_model, nhead, dropout, bias, batch_first=batch_first, **place
            )
            setattr(self, name, attention)
        self.linear1 = Linear(d_model, dim_feedforward, bias, **place)
        self.dropout = Dropout(dropout)
        self.linear2 = Linear(dim_feedforward, d_model, bias, **place)
        self.norm_first = norm_first
        numbers = range(1, len(self._attentions) + 2)
        for i in numbers:
            setattr(self, f"norm{i}", LayerNorm(d_model, layer_norm_eps, bias=bias, **place))
        for i in numbers:
            setattr(self, f"dropout{i}", Dropout(dropout))
        self.activation = _activation(activation)

    def _add(self, x: Tensor, i: int, sublayer: Callable[[Tensor], Tensor]) -> Tensor:
        """x plus what the i-th sublayer makes of it, normalised before or after."""
        norm, dropout = getattr(self, f"norm{i}"), getattr(self, f"dropout{i}")
        if self.norm_first:
            return x + dropout(sublayer(norm(x)))
        return norm(x + dropout(sublayer(x)))

    def _feed_forward(self, x: Tensor) -> Tensor:
        return self.linear2(self.dropout(self.activation(self.linear1(x))))


class TransformerEncoderLayer(_Layer):
    """Self-attention, then a network of two layers at each place, both added to the input.

    src (S, N, d_model), with batch_first (N, S, d_model), or (S, d_model); the result likewise.
    dim_feedforward: the width inside the network. activation: "relu", "gelu" or a function.
    """

    def forward(
        self,
        src: Tensor,
        src_mask: Tensor | None = None,
        src_key_padding_mask: Tensor | None = None,
        is_causal: bool = False,
    ) -> Tensor:
        """The masks are those of ``MultiheadAttention``: bools are true where NOT to look."""

        def attention(x: Tensor) -> Tensor:
            attn = self.self_attn
            return attn(x, x, x, src_key_padding_mask, False, src_mask, is_causal=is_causal)[0]

        return self._add(self._add(src, 1, attention), 2, self._feed_forward)


class TransformerDecoderLayer(_Layer):
    """Self-attention, attention to the encoder's result, then a network at each place.

    tgt (T, N, d_model) and memory (S, N, d_model), or as for ``TransformerEncoderLayer``; the
    result is shaped as tgt. For a decoder that must not look ahead pass a causal tgt_mask.
    """

    _attentions = ("self_attn", "multihead_attn")

    def forward(
        self,
        tgt: Tensor,
        memory: Tensor,
        tgt_mask: Tensor | None = None,
        memory_mask: Tensor | None = None,
        tgt_key_padding_mask: Tensor | None = None,
        memory_key_padding_mask: Tensor | None = None,
        tgt_is_causal: bool = False,
        memory_is_causal: bool = False,
    ) -> Tensor:
        """The masks are those of ``MultiheadAttention``: bools are true where NOT to look."""

        def to_itself(x: Tensor) -> Tensor:
            attn = self.self_attn
            return attn(x, x, x, tgt_key_padding_mask, False, tgt_mask, is_causal=tgt_is_causal)[0]

        def to_memory(x: Tensor) -> Tensor:
            masks = {"attn_mask": memory_mask, "key_padding_mask": memory_key_padding_mask}
            return self.multihead_attn(
                x, memory, memory, need_weights=False, is_causal=memory_is_causal, **masks
            )[0]

        x = self._add(tgt, 1, to_itself)
        x = self._add(x, 2, to_memory)
        return self._add(x, 3, self._feed_forward)


class TransformerEncoder(Module):
    """``num_layers`` copies of a layer, one after another, then ``norm`` if there is one.

    The copies start from equal weights; draw new ones where that matters.
    enable_nested_tensor, mask_check: PyTorch's switches, without effect.
    """

    def __init__(
        self,
        encoder_layer: TransformerEncoderLayer,
        num_layers: int,
        norm: Module | None = None,
        enable_nested_tensor: bool = True,
        mask_check: bool = True,
    ) -> None:
        super().__init__()
        self.layers = ModuleList([copy.deepcopy(encoder_layer) for _ in range(num_layers)])
        self.num_layers = num_layers
        self.norm = norm

    def forward(
        self,
        src: Tensor,
        mask: Tensor | None = None,
        src_key_padding_mask: Tensor | None = None,
        is_causal: bool | None = None,
    ) -> Tensor:
        for layer in self.layers:
            src = layer(src, mask, src_key_padding_mask, bool(is_causal))
        return src if self.norm is None else self.norm(src)


class TransformerDecoder(Module):
    """``num_layers`` copies of a layer, one after another, then ``norm`` if there is one."""

    def __init__(
        self, decoder_layer: TransformerDecoderLayer, num_layers: int, norm: Module | None = None
    ) -> None:
        super().__init__()
        self.layers = ModuleList([copy.deepcopy(decoder_layer) for _ in range(num_layers)])
        self.num_layers = num_layers
        self.norm = norm

    def forward(
        self,
        tgt: Tensor,
        memory: Tensor,
        tgt_mask: Tensor | None = None,
        memory_mask: Tensor | None = None,
        tgt_key_padding_mask: Tensor | None = None,
        memory_key_padding_mask: Tensor | None = None,
        tgt_is_causal: bool | None = None,
        memory_is_causal: bool = False,
    ) -> Tensor:
        for layer in self.layers:
            tgt = layer(
                tgt,
                memory,
                tgt_mask,
                memory_mask,
                tgt_key_padding_mask,
                memory_key_padding_mask,
                bool(tgt_is_causal),
                memory_is_causal,
            )
        return tgt if self.norm is None else self.norm(tgt)


class Transformer(Module):
    """Encoder and decoder: from one sequence to another.

    src (S, N, d_model) and tgt (T, N, d_model), or with batch_first (N, S, d_model); the result is
    shaped as tgt. All weights of two axes start as Xavier's uniform ones.
    """

    def __init__(
        self,
        d_model: int = 512,
        nhead: int = 8,
        num_encoder_layers: int = 6,
        num_decoder_layers: int = 6,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: Activation = relu,
        custom_encoder: Any = None,
        custom_decoder: Any = None,
        layer_norm_eps: float = 1e-5,
        batch_first: bool = False,
        norm_first: bool = False,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        place = {"device": device, "dtype": dtype}
        settings = (d_model, nhead, dim_feedforward, dropout, activation, layer_norm_eps)
        ways = {"batch_first": batch_first, "norm_first": norm_first, "bias": bias, **place}

        def norm() -> LayerNorm:
            return LayerNorm(d_model, layer_norm_eps, bias=bias, **place)

        self.encoder = custom_encoder or TransformerEncoder(
            TransformerEncoderLayer(*settings, **ways), num_encoder_layers, norm()
        )
        self.decoder = custom_decoder or TransformerDecoder(
            TransformerDecoderLayer(*settings, **ways), num_decoder_layers, norm()
        )
        self.d_model = d_model
        self.nhead = nhead
        self.batch_first = batch_first
        for parameter in self.parameters():
            if parameter.ndim > 1:
                init.xavier_uniform_(parameter)

    def forward(
        self,
        src: Tensor,
        tgt: Tensor,
        src_mask: Tensor | None = None,
        tgt_mask: Tensor | None = None,
        memory_mask: Tensor | None = None,
        src_key_padding_mask: Tensor | None = None,
        tgt_key_padding_mask: Tensor | None = None,
        memory_key_padding_mask: Tensor | None = None,
        src_is_causal: bool | None = None,
        tgt_is_causal: bool | None = None,
        memory_is_causal: bool = False,
    ) -> Tensor:
        """The masks are those of ``MultiheadAttention``: bools are true where NOT to look."""
        memory = self.encoder(src, src_mask, src_key_padding_mask, src_is_causal)
        return self.decoder(
            tgt,
            memory,
            tgt_mask,
            memory_mask,
            tgt_key_padding_mask,
            memory_key_padding_mask,
            tgt_is_causal,
            memory_is_causal,
        )

    @staticmethod
    def generate_square_subsequent_mask(sz: int, device: Any = None, dtype: Any = None) -> Tensor:
        """The mask (sz, sz) that hides what comes later: 0 where to look, -infinity above."""
        mask = constant(causal_mask(sz, sz, empty(0, dtype=dtype)._data))
        return mask if device is None else mask.to(device)


def _activation(given: Activation) -> Callable[[Tensor], Tensor]:
    if not isinstance(given, str):
        return given
    known: dict[str, Callable[[Tensor], Tensor]] = {"relu": relu, "gelu": gelu}
    if given not in known:
        raise RuntimeError(f"activation must be 'relu', 'gelu' or a function; got {given!r}")
    return known[given]
