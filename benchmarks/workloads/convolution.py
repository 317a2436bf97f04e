"""Convolutional networks: LeNet on 28x28, and a wider net with batch normalisation.

By hand and in autograd LeNet keeps its images channels last, as the products leave them, and takes
ReLU after pooling, which gives the same on a quarter of the numbers.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.workload import Step, Weights, Workload, of_linear
from benchmarks.workloads.mlp import (
    Adam,
    autograd_step,
    backward,
    cross_entropy,
    forward,
    linears,
    mygrad_step,
)

RATE = 1e-3


_LENET = (64, 1, 28, 28)  # shape of the images


def _batch(shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    x = random.standard_normal(shape).astype(np.float32)
    return x, random.integers(0, 10, shape[0])


def _stepping(library: Any, model: Any, shape: tuple[int, ...]) -> tuple[Any, Step]:
    x, y = map(library.tensor, _batch(shape))
    optimizer = library.optim.Adam(model.parameters(), lr=RATE)
    loss = library.nn.CrossEntropyLoss()

    def step() -> Any:
        optimizer.zero_grad()
        value = loss(model(x), y)
        value.backward()
        optimizer.step()
        return value

    return model, step


def _lenet(library: Any) -> tuple[Any, Step]:
    """LeCun et al. 1998, with ReLU and max pooling as it is built today."""
    nn = library.nn
    model = nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(6, 16, 5),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(400, 120),
        nn.ReLU(),
        nn.Linear(120, 84),
        nn.ReLU(),
        nn.Linear(84, 10),
    )
    return _stepping(library, model, _LENET)


def _padded(x: np.ndarray) -> np.ndarray:
    """The images channels last, in the zeros of padding=2."""
    return np.pad(x.transpose(0, 2, 3, 1), ((0, 0), (2, 2), (2, 2), (0, 0)))


def _columns(x: np.ndarray) -> np.ndarray:
    """Windows 5x5 as rows: (N, H, W, C) to (N (H - 4) (W - 4), C 25)."""
    windows = np.lib.stride_tricks.sliding_window_view(x, (5, 5), axis=(1, 2))
    return windows.reshape(-1, x.shape[3] * 25)


def _pooled(h: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(2x2 cells of (N, H, W, C), ReLU of their maxima)."""
    n, height, width, c = h.shape
    cells = h.reshape(n, height // 2, 2, width // 2, 2, c)
    best = np.maximum(cells[:, :, 0], cells[:, :, 1])
    return cells, np.maximum(np.maximum(best[:, :, :, 0], best[:, :, :, 1]), 0)


def _unpooled(p: np.ndarray, cells: np.ndarray, best: np.ndarray) -> np.ndarray:
    """The derivative goes to the positive maximum of each cell; (N H W, C)."""
    p = p * (best > 0)
    spread = (cells == best[:, :, None, :, None]) * p[:, :, None, :, None]
    return spread.reshape(-1, p.shape[-1])


def _lenet_by_hand(weights: Weights) -> Step:
    images, y = _batch(_LENET)
    n = len(images)
    columns1 = _columns(_padded(images))
    adam = Adam(weights)
    W1, b1, W2, b2, *dense = adam.weights
    dW1, db1, dW2, db2, *d_dense = adam.gradients

    def step() -> float:
        h = columns1 @ W1.reshape(6, 25).T
        h += b1
        cells1, a1 = _pooled(h.reshape(n, 28, 28, 6))
        columns2 = _columns(a1)
        h = columns2 @ W2.reshape(16, 150).T
        h += b2
        cells2, a2 = _pooled(h.reshape(n, 10, 10, 16))
        inputs, z = forward(a2.transpose(0, 3, 1, 2).reshape(n, 400), dense)
        loss, p = cross_entropy(z, y)
        p = backward(p, inputs, dense, d_dense, input_gradient=True)
        p = _unpooled(p.reshape(n, 16, 5, 5).transpose(0, 2, 3, 1), cells2, a2)
        np.matmul(p.T, columns2, dW2.reshape(16, 150))
        p.sum(0, out=db2)
        da1 = np.zeros_like(a1)
        for i, j in np.ndindex(5, 5):
            da1[:, i : i + 10, j : j + 10] += (p @ W2[:, :, i, j]).reshape(n, 10, 10, 6)
        p = _unpooled(da1, cells1, a1)
        np.matmul(p.T, columns1, dW1.reshape(6, 25))
        p.sum(0, out=db1)
        adam.step()
        return loss

    return step


def _lenet_in_mygrad(weights: Weights) -> Step:
    import mygrad as mg

    x, y = _batch(_LENET)

    def logits(parameters: list[Any]) -> Any:
        W1, b1, W2, b2, *dense = parameters
        h = mg.nnet.conv_nd(x, W1, stride=1, padding=2) + b1.reshape(-1, 1, 1)
        h = mg.nnet.max_pool(mg.nnet.relu(h), (2, 2), 2)
        h = mg.nnet.conv_nd(h, W2, stride=1) + b2.reshape(-1, 1, 1)
        h = mg.nnet.max_pool(mg.nnet.relu(h), (2, 2), 2)
        return linears(h.reshape(len(y), 400), dense, mg.nnet.relu)

    return mygrad_step(Adam(weights), y, logits)


def _lenet_in_autograd(weights: Weights) -> Step:
    import autograd.numpy as anp

    images, y = _batch(_LENET)
    x = _padded(images)

    def convolved(x: Any, W: Any, b: Any) -> Any:
        n, height, width, _ = x.shape
        height, width = height - 4, width - 4
        shifted = [x[:, i : i + height, j : j + width] for i, j in np.ndindex(5, 5)]
        columns = anp.concatenate(shifted, axis=3).reshape(n * height * width, -1)
        kernels = anp.transpose(W, (2, 3, 1, 0)).reshape(-1, len(b))
        return (columns @ kernels + b).reshape(n, height // 2, 2, width // 2, 2, len(b))

    def logits(parameters: list[Any]) -> Any:
        W1, b1, W2, b2, *dense = parameters
        h = anp.maximum(anp.max(convolved(x, W1, b1), axis=(2, 4)), 0)
        h = anp.maximum(anp.max(convolved(h, W2, b2), axis=(2, 4)), 0)
        h = anp.transpose(h, (0, 3, 1, 2)).reshape(len(y), 400)
        return linears(h, dense, lambda h: anp.maximum(h, 0))

    return autograd_step(Adam(weights), y, logits)


def _wide(library: Any) -> tuple[Any, Step]:
    nn = library.nn
    model = nn.Sequential(
        nn.Conv2d(3, 32, 3, padding=1),
        nn.BatchNorm2d(32),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 3, padding=1),
        nn.BatchNorm2d(64),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(64, 64, 3, padding=1),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(64, 10),
    )
    return _stepping(library, model, (32, 3, 32, 32))


def of_convolution(
    images: int, channels: int, kernel: int, out: int, side: int, input_gradient: bool = True
) -> list[tuple[int, int, int]]:
    """The products of a convolution: windows by kernels, and its derivatives; side: of the result.

    The derivative by the input is counted as the product that makes the columns.
    """
    windows, seen = images * side * side, channels * kernel * kernel
    found = [(windows, seen, out), (seen, windows, out)]
    return [*found, (windows, out, seen)] if input_gradient else found


COMPARISONS = (
    Workload(
        name="LeNet on 28x28, batch 64",
        build=_lenet,
        goal=1.5,
        products=[
            *of_convolution(64, 1, 5, 6, 28, input_gradient=False),
            *of_convolution(64, 6, 5, 16, 10),
            *of_linear(64, (400, 120, 84, 10), input_gradient=True),
        ],
        by_hand=_lenet_by_hand,
        others={"MyGrad": _lenet_in_mygrad, "autograd": _lenet_in_autograd},
    ),
    Workload(
        name="ConvNet 32-64-64 on 32x32, BatchNorm, batch 32",
        build=_wide,
        goal=1.5,
        products=[
            *of_convolution(32, 3, 3, 32, 32, input_gradient=False),
            *of_convolution(32, 32, 3, 64, 16),
            *of_convolution(32, 64, 3, 64, 8),
            *of_linear(32, (64, 10), input_gradient=True),
        ],
        in_mean=False,
    ),
)
