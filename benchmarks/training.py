"""Training steps of small networks, from equal weights on equal batches.

A step is: forget the gradients, forward, cross entropy, backward, Adam.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

import nncourse as nnc
from benchmarks.peers import Peer
from benchmarks.timing import OURS, Result, Settings, compare


def _networks(*widths: int):
    """The same network in both libraries, with ReLU between the layers."""
    import torch

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


def _missing(peers: list[Peer], name: str) -> str | None:
    if any(peer.name == "PyTorch" for peer in peers):
        return None
    return f"{name}: compared with PyTorch only, which is not installed"


def _step(
    widths: tuple[int, ...], batch: int, goal: float, repeats: int, peers, settings: Settings
) -> Result | str:
    name = f"step of {'-'.join(map(str, widths))}, batch {batch}, Adam"
    missing = _missing(peers, name)
    if missing:
        return missing
    import torch

    random = np.random.default_rng(0)
    x = random.standard_normal((repeats, batch, widths[0])).astype(np.float32)
    y = random.integers(0, widths[-1], (repeats, batch))
    ours, theirs = _networks(*widths)
    programs = {
        OURS: _stepping(nnc, ours, [(nnc.tensor(a), nnc.tensor(b)) for a, b in zip(x, y)]),
        "PyTorch": _stepping(
            torch, theirs, [(torch.tensor(a), torch.tensor(b)) for a, b in zip(x, y)]
        ),
    }
    return compare(name, programs, settings, repeats, {"PyTorch": goal})


def step_of_a_small_network(peers: list[Peer], settings: Settings) -> Result | str:
    return _step((64, 64, 10), 32, 0.5, 20, peers, settings)


def step_of_a_wide_network(peers: list[Peer], settings: Settings) -> Result | str:
    return _step((784, 256, 128, 10), 64, 1.0, 4, peers, settings)


def epoch_on_digits(peers: list[Peer], settings: Settings) -> Result | str:
    """One epoch of a two-layer network on the digits, with the libraries' own loaders."""
    name = "epoch of 64-128-10 on digits, with loaders"
    missing = _missing(peers, name)
    if missing:
        return missing
    import torch

    (x, y), _ = nnc.data.digits(split=True)
    ours, theirs = _networks(64, 128, 10)
    our_loader = nnc.data.DataLoader((x, y), 32, shuffle=True, seed=0)
    their_loader = torch.utils.data.DataLoader(
        torch.utils.data.TensorDataset(torch.tensor(x.numpy()), torch.tensor(y.numpy())),
        32,
        shuffle=True,
    )
    programs = {
        OURS: _stepping(nnc, ours, our_loader),
        "PyTorch": _stepping(torch, theirs, their_loader),
    }
    short = Settings(settings.shorter(15), settings.quick)
    return compare(name, programs, short, goals={"PyTorch": 0.5})


COMPARISONS = (step_of_a_small_network, step_of_a_wide_network, epoch_on_digits)
