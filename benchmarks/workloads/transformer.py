"""One layer of a Transformer's encoder: forward, mean squared error, backward, Adam.

The row with dropout has PyTorch alone beside it: PyTorch draws masks inside the attention, where
they cannot be fixed to compare the losses. The row without has all.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.differentiated import in_numpys_kin
from benchmarks.workload import Step, Weights, Workload, of_linear
from benchmarks.workloads.mlp import RATE, Adam

BATCH, LENGTH, WIDTH, HEADS, HIDDEN = 16, 32, 64, 4, 256
EPS = 1e-5  # of the layer's normalisations
SCALE = (WIDTH // HEADS) ** -0.5


def _batch() -> list[np.ndarray]:
    random = np.random.default_rng(0)
    return [random.standard_normal((BATCH, LENGTH, WIDTH)).astype(np.float32) for _ in range(2)]


def _layer(dropout: float) -> Callable[[Any], tuple[Any, Step]]:
    def build(library: Any) -> tuple[Any, Step]:
        model = library.nn.TransformerEncoderLayer(
            WIDTH, HEADS, HIDDEN, dropout=dropout, batch_first=True
        )
        x, y = map(library.tensor, _batch())
        optimizer = library.optim.Adam(model.parameters(), lr=RATE)
        loss = library.nn.MSELoss()

        def step() -> Any:
            optimizer.zero_grad()
            value = loss(model(x), y)
            value.backward()
            optimizer.step()
            return value

        return model, step

    return build


def _products() -> list[tuple[int, ...]]:
    """Of the projections and of the heads; the layer's input needs no gradient."""
    rows = BATCH * LENGTH
    inside = (BATCH * HEADS, LENGTH, WIDTH // HEADS, LENGTH)  # products of queries and keys
    averages = (BATCH * HEADS, LENGTH, LENGTH, WIDTH // HEADS)
    return [
        *of_linear(rows, (WIDTH, 3 * WIDTH)),
        inside,  # q k^T
        averages,  # P v
        inside,  # dP = dout v^T
        *[averages] * 3,  # dq, dk, dv
        *of_linear(rows, (WIDTH, WIDTH), input_gradient=True),
        *of_linear(rows, (WIDTH, HIDDEN, WIDTH), input_gradient=True),
    ]


def _normalised(r: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(rows of mean 0 and variance 1, what they were multiplied by)"""
    centred = r - r.mean(-1, keepdims=True)
    scale = 1 / np.sqrt((centred * centred).mean(-1, keepdims=True) + EPS)
    centred *= scale
    return centred, scale


def _through_norm(d: np.ndarray, n: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """The gradient by the input of ``_normalised`` from ``d``, by its output ``n``."""
    return scale * (d - d.mean(-1, keepdims=True) - n * (d * n).mean(-1, keepdims=True))


def _by_hand(weights: Weights) -> Step:
    x, target = (array.reshape(-1, WIDTH) for array in _batch())
    heads = (BATCH, LENGTH, 3, HEADS, WIDTH // HEADS)
    adam = Adam(weights)
    Wi, bi, Wo, bo, W1, b1, W2, b2, gain1, shift1, gain2, shift2 = adam.weights
    dWi, dbi, dWo, dbo, dW1, db1, dW2, db2, dgain1, dshift1, dgain2, dshift2 = adam.gradients

    def linear_gradients(d: np.ndarray, into: np.ndarray, dW: np.ndarray, db: np.ndarray) -> None:
        np.matmul(d.T, into, dW)
        d.sum(0, out=db)

    def step() -> float:
        q, k, v = (x @ Wi.T + bi).reshape(heads).transpose(2, 0, 3, 1, 4)
        P = q @ k.swapaxes(-1, -2)
        P *= SCALE
        P -= P.max(-1, keepdims=True)
        np.exp(P, P)
        P /= P.sum(-1, keepdims=True)
        attended = (P @ v).transpose(0, 2, 1, 3).reshape(-1, WIDTH)
        n1, scale1 = _normalised(x + (attended @ Wo.T + bo))
        middle = n1 * gain1 + shift1
        hidden = middle @ W1.T
        hidden += b1
        np.maximum(hidden, 0, hidden)
        n2, scale2 = _normalised(middle + (hidden @ W2.T + b2))
        error = n2 * gain2 + shift2 - target

        d = error * np.float32(2 / error.size)
        (d * n2).sum(0, out=dgain2)
        d.sum(0, out=dshift2)
        d = _through_norm(d * gain2, n2, scale2)
        linear_gradients(d, hidden, dW2, db2)
        dhidden = d @ W2
        dhidden *= hidden > 0
        linear_gradients(dhidden, middle, dW1, db1)
        d += dhidden @ W1
        (d * n1).sum(0, out=dgain1)
        d.sum(0, out=dshift1)
        d = _through_norm(d * gain1, n1, scale1)
        linear_gradients(d, attended, dWo, dbo)
        dattended = (d @ Wo).reshape(BATCH, LENGTH, HEADS, -1).transpose(0, 2, 1, 3)
        dqkv = np.empty(heads, np.float32)
        dq, dk, dv = dqkv.transpose(2, 0, 3, 1, 4)
        np.matmul(P.swapaxes(-1, -2), dattended, dv)
        dP = dattended @ v.swapaxes(-1, -2)
        dP -= (dP * P).sum(-1, keepdims=True)
        dP *= P
        dP *= SCALE
        np.matmul(dP, k, dq)
        np.matmul(dP.swapaxes(-1, -2), q, dk)
        linear_gradients(dqkv.reshape(len(x), -1), x, dWi, dbi)
        adam.step()
        return float((error * error).mean())

    return step


def _loss() -> Callable[..., Any]:
    """The same forward pass for a library that differentiates it, ``xp`` in NumPy's place."""
    x, target = (array.reshape(-1, WIDTH) for array in _batch())

    def loss(xp: Any, *weights: Any) -> Any:
        Wi, bi, Wo, bo, W1, b1, W2, b2, gain1, shift1, gain2, shift2 = weights

        def linear(a: Any, W: Any, b: Any) -> Any:
            return xp.matmul(a, xp.transpose(W)) + b

        def norm(r: Any, gain: Any, shift: Any) -> Any:
            centred = r - xp.mean(r, axis=-1, keepdims=True)
            variance = xp.mean(centred * centred, axis=-1, keepdims=True)
            return centred / xp.sqrt(variance + EPS) * gain + shift

        qkv = xp.reshape(linear(x, Wi, bi), (BATCH, LENGTH, 3, HEADS, WIDTH // HEADS))
        q, k, v = (xp.transpose(qkv[:, :, i], (0, 2, 1, 3)) for i in range(3))
        scores = xp.matmul(q, xp.swapaxes(k, -1, -2)) * SCALE
        P = xp.exp(scores - xp.max(scores, axis=-1, keepdims=True))
        P = P / xp.sum(P, axis=-1, keepdims=True)
        attended = xp.reshape(xp.transpose(xp.matmul(P, v), (0, 2, 1, 3)), (-1, WIDTH))
        middle = norm(x + linear(attended, Wo, bo), gain1, shift1)
        hidden = xp.maximum(linear(middle, W1, b1), 0)
        error = norm(middle + linear(hidden, W2, b2), gain2, shift2) - target
        return xp.mean(error * error)

    return loss


def _workload(dropout: float, **more: Any) -> Workload:
    told = "" if dropout else ", no dropout"
    return Workload(
        name=f"Transformer layer d={WIDTH}, T={LENGTH}, B={BATCH}{told}",
        build=_layer(dropout),
        goal=1.2,
        products=_products(),
        steps=2,
        **more,
    )


# PyTorch's masks of dropout cost it a third of its step; without them the rest is compared.
COMPARISONS = (
    _workload(0.1, compared=_layer(0.0)),
    _workload(0.0, by_hand=_by_hand, others=in_numpys_kin(_loss), in_mean=False),
)
