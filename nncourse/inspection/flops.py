"""How many floating-point operations a model takes: those of its products, by their shapes.

A multiplication and the addition that follows it count as two. Only products are counted (linear
maps, convolutions, matrix products, recurrent layers, attention): elementwise operations take
memory's time rather than arithmetic's, and no two sources count them alike. PyTorch's own counter
has the same convention.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

from nncourse.backend import Array
from nncourse.inspection.tracing import Operation


def _linear(out: Array, x: Array, W: Array, **_: Any) -> int:
    return x.size * W.shape[0]


def _matmul(out: Array, a: Array, b: Array) -> int:
    return out.size * a.shape[-1]


def _convolution(out: Array, W: Array, **_: Any) -> int:
    return out.size * prod(W.shape[1:])


def _transposed(out: Array, x: Array, W: Array, **_: Any) -> int:
    return x.size * prod(W.shape[1:])


def _attention(out: Array, q: Array, k: Array, v: Array, **_: Any) -> int:
    scores = out.size // v.shape[-1] * k.shape[-2]
    return scores * (q.shape[-1] + v.shape[-1])


def _heads(out: Array, q: Array, k: Array | None, batch_first: bool, **_: Any) -> int:
    keys = (q if k is None else k).shape[1 if batch_first else 0]
    return 2 * out.size * keys


def _recurrent(out: Array, x: Array, h0: Array, c0: Array | None = None, **others: Any) -> int:
    """Every weight matrix once for each step and example; vectors are elementwise."""
    steps = x.shape[0] * x.shape[1]
    return steps * sum(w.size for w in others.values() if getattr(w, "ndim", 0) == 2)


_PRODUCTS: dict[str, Callable[..., int]] = {
    "Linear": _linear,
    "MatMul": _matmul,
    "Convolution": _convolution,
    "TransposedConvolution": _transposed,
    "Attention": _attention,
    "HeadsAttention": _heads,
    "RNN": _recurrent,
    "ReLURNN": _recurrent,
    "LSTM": _recurrent,
    "PeepholeLSTM": _recurrent,
    "GRU": _recurrent,
    "OriginalGRU": _recurrent,
}


def flops(operation: Operation) -> int:
    """Floating-point operations of one forward pass of an operation; 0 if it has no products."""
    count = _PRODUCTS.get(operation.name)
    return 0 if count is None else 2 * count(operation.out, **operation.arguments)
