"""An epoch with each library's own data loader, from equal weights."""

from __future__ import annotations

from typing import Any

import nncourse as nnc
from benchmarks.peers import Peer
from benchmarks.timing import OURS, Result, Settings, compare


def _epoch(library: Any, model: Any, loader: Any) -> Any:
    optimizer = library.optim.Adam(model.parameters(), lr=1e-3)
    loss = library.nn.CrossEntropyLoss()

    def run() -> None:
        for x, y in loader:
            optimizer.zero_grad()
            loss(model(x), y).backward()
            optimizer.step()

    return run


def epoch_on_digits(peers: list[Peer], settings: Settings) -> Result | str:
    """One epoch of a two-layer network on the digits."""
    name = "epoch of 64-128-10 on digits, with loaders"
    torch = next((peer.library for peer in peers if peer.name == "PyTorch"), None)
    if torch is None:
        return f"{name}: compared with PyTorch, which is not installed"
    from torch.utils import data

    (x, y), _ = nnc.data.digits(split=True)
    ours, theirs = (
        library.nn.Sequential(
            library.nn.Linear(64, 128), library.nn.ReLU(), library.nn.Linear(128, 10)
        )
        for library in (nnc, torch)
    )
    ours.load_state_dict({k: v.numpy() for k, v in theirs.state_dict().items()})
    their_data = data.TensorDataset(torch.tensor(x.numpy()), torch.tensor(y.numpy()))
    programs = {
        OURS: _epoch(nnc, ours, nnc.data.DataLoader((x, y), 32, shuffle=True, seed=0)),
        "PyTorch": _epoch(torch, theirs, data.DataLoader(their_data, 32, shuffle=True)),
    }
    short = Settings(settings.shorter(15), settings.quick)
    return compare(name, programs, short, goals={"PyTorch": 0.5})


COMPARISONS = (epoch_on_digits,)
