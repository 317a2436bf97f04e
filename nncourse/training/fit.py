"""The training loop: forward, loss, backward, step, over and over.

Lectures write this loop by hand first; ``fit`` is the same loop with a progress bar and a history.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nncourse.autograd.mode import no_grad
from nncourse.autograd.tensor import Tensor
from nncourse.data.loader import DataLoader
from nncourse.nn.module import Module
from nncourse.optim.optimizer import Optimizer
from nncourse.training.history import History
from nncourse.training.progress import Progress

Loss = Callable[[Tensor, Tensor], Tensor]


class _Mean:
    """Means over batches of different sizes. Right answers are counted where there are classes."""

    def __init__(self) -> None:
        self.loss = 0.0
        self.right = 0
        self.answers = 0
        self.examples = 0

    def add(self, prediction: Tensor, target: Tensor, loss: Tensor) -> None:
        n = len(target)
        self.loss += loss.item() * n
        self.examples += n
        scores, classes = prediction.data, target.data
        if classes.dtype.kind in "iu" and scores.shape[:-1] == classes.shape:
            self.right += int((scores.argmax(-1) == classes).sum())
            self.answers += classes.size

    def numbers(self, prefix: str = "") -> dict[str, float]:
        found = {}
        if self.examples:
            found[prefix + "loss"] = self.loss / self.examples
        if self.answers:
            found[prefix + "accuracy"] = self.right / self.answers
        return found


def fit(
    model: Module,
    loader: Any,
    loss: Loss,
    optimizer: Optimizer,
    epochs: int,
    valid: Any = None,
    progress: bool = True,
) -> History:
    """Train ``model`` for ``epochs`` passes over ``loader``; return what happened.

    loader: batches (x, y), as a ``DataLoader`` yields them.
    loss: called as loss(model(x), y); a mean over the batch.
    valid: what to measure the model on after every epoch: a pair of tensors (x, y), or a loader.
    progress: show a progress bar.

    Where y holds classes (integers) and the model returns scores for each, accuracy is recorded as
    well. An interrupt from the keyboard stops the training and keeps what has been reached; the
    epoch that was under way is not in the history.
    """
    if isinstance(valid, tuple | list):
        valid = DataLoader(tuple(valid), batch_size=1024)
    history = History()
    bar = Progress(epochs, progress)
    try:
        for epoch in range(epochs):
            numbers = _train(model, loader, loss, optimizer, bar, epoch, history)
            if valid is not None:
                numbers |= evaluate(model, valid, loss, "valid_")
            for name, value in numbers.items():
                getattr(history, name).append(value)
            bar.update(epoch + 1, numbers)
    except KeyboardInterrupt:
        history.interrupted = True
    bar.update(len(history), history.last(), final=True)
    return history


def _train(
    model: Module,
    loader: Any,
    loss: Loss,
    optimizer: Optimizer,
    bar: Progress,
    epoch: int,
    history: History,
) -> dict[str, float]:
    """One pass over the data."""
    model.train()
    mean = _Mean()
    batches = len(loader)
    for i, (x, y) in enumerate(loader):
        optimizer.zero_grad()
        prediction = model(x)
        value = loss(prediction, y)
        value.backward()
        optimizer.step()
        mean.add(prediction, y, value)
        bar.update(epoch + (i + 1) / batches, history.last())
    return mean.numbers()


def evaluate(model: Module, loader: Any, loss: Loss, prefix: str = "") -> dict[str, float]:
    """Mean loss, and accuracy where there are classes, over a loader; nothing is learned."""
    mean = _Mean()
    model.eval()
    with no_grad():
        for x, y in loader:
            prediction = model(x)
            mean.add(prediction, y, loss(prediction, y))
    return mean.numbers(prefix)
