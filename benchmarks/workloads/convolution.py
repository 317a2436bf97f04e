"""Convolutional networks: LeNet on 28x28, and a wider net with batch normalisation."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.workload import Step, Workload, of_linear

RATE = 1e-3


def _stepping(library: Any, model: Any, shape: tuple[int, ...]) -> tuple[Any, Step]:
    random = np.random.default_rng(0)
    x = library.tensor(random.standard_normal(shape).astype(np.float32))
    y = library.tensor(random.integers(0, 10, shape[0]))
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
    return _stepping(library, model, (64, 1, 28, 28))


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
