"""Trainings that are set up well: no check of a training may complain about them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import numpy as np

import nncourse as nnc
from nncourse import data, nn, optim

Setup = tuple[Any, Any, tuple[Any, Any], Any]  # model, optimiser, batch, loss


def digits(seed: int, n: int = 32) -> tuple[Any, Any]:
    (x, y), _ = data.digits(split=True)
    rows = np.random.default_rng(seed).permutation(len(y))[:n]
    return x[rows], y[rows]


def points(seed: int, n: int = 40) -> tuple[Any, Any]:
    return data.two_moons(n, seed=seed)


def dense(activation: Any, *widths: int, between: tuple[Any, ...] = ()) -> Any:
    layers: list[Any] = []
    for i, (n, m) in enumerate(pairwise(widths)):
        if i:
            layers += [kind(n) for kind in between[:1]]
            layers.append(activation())
            layers += [kind() for kind in between[1:]]
        layers.append(nn.Linear(n, m))
    return nn.Sequential(*layers)


def adam(model: Any) -> Any:
    return optim.Adam(model.parameters(), lr=1e-3)


def classifier(model: Any, batch: tuple[Any, Any], optimizer: Any = adam) -> Setup:
    return model, optimizer(model), batch, nn.CrossEntropyLoss()


def mlps(seed: int) -> Iterator[Setup]:
    for activation in (nn.ReLU, nn.Tanh, nn.Sigmoid, nn.GELU, nn.LeakyReLU, nn.ELU, nn.SiLU):
        yield classifier(dense(activation, 64, 32, 10), digits(seed))
        yield classifier(dense(activation, 64, 32, 32, 32, 10), digits(seed))
    yield classifier(dense(nn.ReLU, 2, 8, 2), points(seed))
    yield classifier(nn.Linear(64, 10), digits(seed))
    yield classifier(dense(nn.ReLU, 64, 64, 64, 64, 64, 64, 10), digits(seed))
    both = (nn.BatchNorm1d, nn.Dropout)
    yield classifier(dense(nn.ReLU, 64, 48, 32, 10, between=both), digits(seed))
    yield classifier(dense(nn.ReLU, 64, 32, 10), digits(seed, n=1))
    yield classifier(dense(nn.ReLU, 64, 32, 10), digits(seed, n=2))


def optimisers(seed: int) -> Iterator[Setup]:
    rules: tuple[Callable[[Any], Any], ...] = (
        lambda p: optim.SGD(p, lr=0.1),
        lambda p: optim.SGD(p, lr=0.01, momentum=0.9),
        lambda p: optim.SGD(p, lr=0.01, momentum=0.9, nesterov=True, weight_decay=1e-4),
        lambda p: optim.Adagrad(p, lr=0.01),
        lambda p: optim.RMSprop(p, lr=0.001),
        lambda p: optim.Adadelta(p),
        lambda p: optim.AdamW(p, lr=3e-4),
        lambda p: optim.NAdam(p, lr=2e-3),
    )
    for rule in rules:
        model = dense(nn.ReLU, 64, 32, 10)
        yield model, rule(model.parameters()), digits(seed), nn.CrossEntropyLoss()


def others(seed: int) -> Iterator[Setup]:
    x, y = digits(seed)
    images = x.reshape(-1, 1, 8, 8)
    small = nn.Sequential(nn.Conv2d(1, 8, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten())
    yield classifier(nn.Sequential(small, nn.Linear(72, 10)), (images, y))
    normed = nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(512, 10),
    )
    yield classifier(normed, (images, y))
    # Regression, with one output and with several; an autoencoder.
    t = nnc.linspace(-1, 1, 40).reshape(40, 1)
    curve = dense(nn.Tanh, 1, 16, 1)
    yield curve, adam(curve), (t, (3 * t).sin()), nn.MSELoss()
    code = dense(nn.ReLU, 64, 16, 64)
    yield code, adam(code), (x, x), nn.MSELoss()
    # Two classes by one number.
    p, c = points(seed)
    target = c.float().reshape(-1, 1)
    one = dense(nn.Tanh, 2, 8, 1)
    yield one, adam(one), (p, target), nn.BCEWithLogitsLoss()
    one = nn.Sequential(dense(nn.Tanh, 2, 8, 1), nn.Sigmoid())
    yield one, adam(one), (p, target), nn.BCELoss()
    # Logarithms of probabilities.
    log = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10), nn.LogSoftmax(1))
    yield log, adam(log), (x, y), nn.NLLLoss()
    yield log, adam(log), (x, y), nn.CrossEntropyLoss()  # the second logarithm changes nothing
    smooth = dense(nn.ReLU, 64, 32, 10)
    yield smooth, adam(smooth), (x, y), nn.CrossEntropyLoss(label_smoothing=0.1)
    # Symbols.
    random = np.random.default_rng(seed)
    ids = nnc.tensor(random.integers(0, 12, (16, 6)))
    text = nn.Sequential(nn.Embedding(12, 8), nn.Flatten(), nn.Linear(48, 12))
    yield classifier(text, (ids, nnc.tensor(random.integers(0, 12, 16))))
    layer = nn.TransformerEncoderLayer(16, 2, 32, batch_first=True)
    attending = nn.Sequential(nn.Embedding(12, 16), layer, nn.Linear(16, 12))
    every = lambda scores, y: nn.functional.cross_entropy(scores.reshape(-1, 12), y.reshape(-1))  # noqa: E731
    yield attending, adam(attending), (ids, ids.flip(1)), every
    if hasattr(nn, "LSTM"):

        class Last(nn.Module):
            def __init__(self, kind: Any) -> None:
                super().__init__()
                self.cell = kind(8, 16, batch_first=True)
                self.out = nn.Linear(16, 10)

            def forward(self, x: Any) -> Any:
                return self.out(self.cell(x)[0][:, -1])

        for kind in (nn.RNN, nn.LSTM, nn.GRU):
            yield classifier(Last(kind), (x.reshape(-1, 8, 8), y))
    # Part of it frozen; two groups of parameters.
    frozen = dense(nn.ReLU, 64, 32, 10)
    frozen[0].requires_grad_(False)
    learning = [p for p in frozen.parameters() if p.requires_grad]
    yield frozen, optim.Adam(learning, lr=1e-2), (x, y), nn.CrossEntropyLoss()
    groups = dense(nn.ReLU, 64, 32, 10)
    parts = [{"params": groups[0].parameters()}, {"params": groups[2].parameters(), "lr": 0.01}]
    yield groups, optim.Adam(parts, lr=1e-3), (x, y), nn.CrossEntropyLoss()
    # A residual branch that begins with zeros.
    branch = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 64))
    nn.init.zeros_(branch[2].weight)
    yield classifier(nn.Sequential(nn.Residual(branch), nn.Linear(64, 10)), (x, y))


def trained(seed: int) -> Iterator[Setup]:
    """The same after some epochs: nothing is fresh any more."""
    for setup in (*mlps(seed), *others(seed)):
        model, optimizer, (x, y), loss = setup
        for _ in range(30):
            optimizer.zero_grad()
            loss(model(x), y).backward()
            optimizer.step()
        optimizer.zero_grad()
        yield setup


def everything(seed: int) -> Iterator[Setup]:
    for family in (mlps, optimisers, others, trained):
        nnc.manual_seed(seed)
        yield from family(seed)
