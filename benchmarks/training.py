"""Training steps of small networks, from equal weights on equal batches.

A step is: forget the gradients, forward, cross entropy, backward, Adam.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import torch

import nncourse as nnc
from benchmarks.timing import Result, compare


def _networks(*widths: int):
    """The same network in both libraries, with ReLU between the layers."""
    theirs = torch.nn.Sequential()
    ours = nnc.nn.Sequential()
    for i, (n, m) in enumerate(pairwise(widths)):
        if i:
            theirs.append(torch.nn.ReLU())
            ours.append(nnc.nn.ReLU())
        theirs.append(torch.nn.Linear(n, m))
        ours.append(nnc.nn.Linear(n, m))
    ours.load_state_dict({k: v.numpy() for k, v in theirs.state_dict().items()})
    return ours, theirs


def _stepping(library, model, batches, lr=1e-3):
    optimizer = library.optim.Adam(model.parameters(), lr=lr)
    loss = library.nn.CrossEntropyLoss()

    def run():
        for x, y in batches:
            optimizer.zero_grad()
            loss(model(x), y).backward()
            optimizer.step()

    return run


def _step(widths: tuple[int, ...], batch: int, goal: float, repeats: int) -> Result:
    random = np.random.default_rng(0)
    x = random.standard_normal((repeats, batch, widths[0])).astype(np.float32)
    y = random.integers(0, widths[-1], (repeats, batch))
    ours, theirs = _networks(*widths)
    return compare(
        f"step of {'-'.join(map(str, widths))}, batch {batch}, Adam",
        _stepping(nnc, ours, [(nnc.tensor(a), nnc.tensor(b)) for a, b in zip(x, y)]),
        _stepping(torch, theirs, [(torch.tensor(a), torch.tensor(b)) for a, b in zip(x, y)]),
        units=repeats,
        goal=goal,
    )


def step_of_a_small_network() -> Result:
    return _step((64, 64, 10), 32, 0.5, 20)


def step_of_a_wide_network() -> Result:
    return _step((784, 256, 128, 10), 64, 1.0, 4)


def epoch_on_digits() -> Result:
    """One epoch of a two-layer network on the digits, with the libraries' own loaders."""
    (x, y), _ = nnc.data.digits(split=True)
    ours, theirs = _networks(64, 128, 10)
    our_loader = nnc.data.DataLoader((x, y), 32, shuffle=True, seed=0)
    their_loader = torch.utils.data.DataLoader(
        torch.utils.data.TensorDataset(torch.tensor(x.numpy()), torch.tensor(y.numpy())),
        32,
        shuffle=True,
    )
    return compare(
        "epoch of 64-128-10 on digits, with loaders",
        _stepping(nnc, ours, our_loader),
        _stepping(torch, theirs, their_loader),
        goal=0.5,
        rounds=15,
    )


COMPARISONS = (step_of_a_small_network, step_of_a_wide_network, epoch_on_digits)
