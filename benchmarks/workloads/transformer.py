"""One layer of a Transformer's encoder: forward, mean squared error, backward, Adam."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.workload import Step, Workload, of_linear

BATCH, LENGTH, WIDTH, HEADS, HIDDEN = 16, 32, 64, 4, 256
RATE = 1e-3


def _layer(dropout: float) -> Callable[[Any], tuple[Any, Step]]:
    def build(library: Any) -> tuple[Any, Step]:
        model = library.nn.TransformerEncoderLayer(
            WIDTH, HEADS, HIDDEN, dropout=dropout, batch_first=True
        )
        random = np.random.default_rng(0)
        x, y = (
            library.tensor(random.standard_normal((BATCH, LENGTH, WIDTH)).astype(np.float32))
            for _ in range(2)
        )
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


def _workload(dropout: float, **more: Any) -> Workload:
    told = "" if dropout else ", no dropout"
    return Workload(
        name=f"Transformer layer d={WIDTH}, T={LENGTH}, B={BATCH}{told}",
        build=_layer(dropout),
        compared=_layer(0.0),
        goal=1.2,
        products=_products(),
        steps=2,
        **more,
    )


# PyTorch's masks of dropout cost it a third of its step; without them the rest is compared.
COMPARISONS = (_workload(0.1), _workload(0.0, in_mean=False))
