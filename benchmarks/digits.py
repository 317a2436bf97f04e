"""How well a small convolutional network reads digits, and how long it learns.

    python -m benchmarks.digits             ten seeds: accuracy on the held-out digits, seconds
    python -m benchmarks.digits --select    how the settings were chosen

What is timed is one whole training: making the network and the loader, and all steps of ``fit``;
not the measuring afterwards. The settings were chosen by five-fold cross-validation within the
training part; the held-out part is looked at once, by the run without --select.
"""

from __future__ import annotations

import argparse
import statistics
import time
from typing import Any

import numpy as np

import nncourse as nnc
from nncourse import nn, optim
from nncourse.data import DataLoader, TensorDataset, digits
from nncourse.training import fit

Settings = dict[str, Any]

CANDIDATES: tuple[Settings, ...] = (
    {"channels": (16, 32), "dropout": 0.3, "smoothing": 0.0, "rate": 1e-2, "epochs": 20},
    {"channels": (16, 32), "dropout": 0.5, "smoothing": 0.1, "rate": 1e-2, "epochs": 20},
    {"channels": (32, 64), "dropout": 0.3, "smoothing": 0.0, "rate": 5e-3, "epochs": 20},
    {"channels": (32, 64), "dropout": 0.5, "smoothing": 0.1, "rate": 5e-3, "epochs": 20},
    {"channels": (32, 64), "dropout": 0.5, "smoothing": 0.1, "rate": 5e-3, "epochs": 30},
)
CHOSEN = CANDIDATES[2]
BATCH = 32
FOLDS = 5


def network(channels: tuple[int, int], dropout: float) -> nn.Sequential:
    """Two convolutions of 3 x 3, each halved by pooling, then a linear layer: 8 x 8 to 10."""
    first, second = channels
    return nn.Sequential(
        nn.Conv2d(1, first, 3, padding=1),
        nn.BatchNorm2d(first),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(first, second, 3, padding=1),
        nn.BatchNorm2d(second),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Dropout(dropout),
        nn.Linear(second * 2 * 2, 10),
    )


def train(seed: int, x: Any, y: Any, settings: Settings = CHOSEN) -> nn.Sequential:
    """A network that has learned images x (n, 64) with classes y (n)."""
    nnc.manual_seed(seed)
    model = network(settings["channels"], settings["dropout"])
    images = x.reshape(-1, 1, 8, 8)
    loader = DataLoader(TensorDataset(images, y), batch_size=BATCH, shuffle=True, seed=seed)
    optimizer = optim.AdamW(model.parameters(), lr=settings["rate"], weight_decay=1e-2)
    schedule = optim.lr_scheduler.OneCycleLR(
        optimizer, settings["rate"], epochs=settings["epochs"], steps_per_epoch=len(loader)
    )
    fit(
        model,
        loader,
        nn.CrossEntropyLoss(label_smoothing=settings["smoothing"]),
        optimizer,
        settings["epochs"],
        progress=False,
        scheduler=schedule,
        schedule_by="step",
    )
    return model


def accuracy(model: nn.Sequential, x: Any, y: Any) -> float:
    """The share of images that are read right."""
    model.eval()
    with nnc.no_grad():
        return (model(x.reshape(-1, 1, 8, 8)).argmax(1) == y).float().mean().item()


def held_out(seeds: int = 10) -> tuple[list[float], list[float]]:
    """(accuracies on the held-out digits, seconds of training) for each seed."""
    learned, unseen = digits(split=True)
    accuracies, seconds = [], []
    for seed in range(seeds):
        start = time.perf_counter()
        model = train(seed, *learned)
        seconds.append(time.perf_counter() - start)
        accuracies.append(accuracy(model, *unseen))
    return accuracies, seconds


def cross_validated(settings: Settings) -> list[float]:
    """The accuracy on each fifth of the training part after learning the other four."""
    (x, y), _ = digits(split=True)
    folds = np.array_split(np.random.default_rng(0).permutation(len(x)), FOLDS)
    found = []
    for i, fold in enumerate(folds):
        others = np.concatenate(folds[:i] + folds[i + 1 :])
        model = train(i, x[others], y[others], settings)
        found.append(accuracy(model, x[fold], y[fold]))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.digits", description=__doc__)
    parser.add_argument("--select", action="store_true", help="compare the candidates")
    if parser.parse_args().select:
        for settings in CANDIDATES:
            found = cross_validated(settings)
            print(f"{statistics.mean(found):.4f} {min(found):.4f} {settings}", flush=True)
        return
    accuracies, seconds = held_out()
    print(f"accuracy on {len(digits(split=True)[1][0])} held-out digits, {len(seconds)} seeds:")
    print(f"  median {statistics.median(accuracies):.4f}, least {min(accuracies):.4f}")
    print(
        f"  seconds of training: median {statistics.median(seconds):.1f}, most {max(seconds):.1f}"
    )


if __name__ == "__main__":
    main()
