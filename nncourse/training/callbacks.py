"""What a program may do between the batches and epochs of ``fit``, and stopping early.

A callback is an object with any of the methods of ``Callback``, or just a function that is called
after every epoch. It gets the ``Run``: all that takes part in the training. To end the training it
sets ``run.stop`` to a few words that say why.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from nncourse.autograd.tensor import Tensor
from nncourse.nn.module import Module
from nncourse.optim.optimizer import Optimizer
from nncourse.training.history import History


@dataclass
class Run:
    """A training under way. epoch: how many are finished; batch: how many of the present epoch."""

    model: Module
    loader: Any
    loss: Callable[[Tensor, Tensor], Tensor]
    optimizer: Optimizer
    scheduler: Any
    epochs: int
    history: History
    epoch: int = 0
    batch: int = 0
    batch_loss: float = math.nan  # of the last batch
    stop: str | None = None


class Callback:
    """Base of callbacks; a subclass overrides what it needs.

    If it has ``state_dict()`` and ``load_state_dict(state)``, checkpoints keep its state.
    """

    def on_start(self, run: Run) -> None:
        """Before the first epoch, or the first after a checkpoint was loaded."""

    def on_batch_end(self, run: Run) -> None:
        """After each batch, when the parameters have moved (or gradients have been added up)."""

    def on_epoch_end(self, run: Run) -> None:
        """After each epoch; ``run.history`` has its numbers."""

    def on_end(self, run: Run) -> None:
        """After the last epoch, also when training ended early or by the keyboard."""


class _Function:
    def __init__(self, function: Callable[[Run], Any]) -> None:
        self.on_epoch_end = function


def as_callback(given: Any) -> Any:
    """A callback as it was given, or made of a function."""
    names = ("on_start", "on_batch_end", "on_epoch_end", "on_end")
    if any(hasattr(given, name) for name in names):
        return given
    if callable(given):
        return _Function(given)
    raise TypeError(
        f"a callback is a function of the run or has one of {', '.join(names)}; "
        f"got {type(given).__name__}"
    )


class EarlyStopping(Callback):
    """Ends the training when ``patience`` epochs in a row brought nothing better.

    monitor: a name in the history, such as "valid_loss" or "valid_accuracy", or one of the metrics.
    min_delta: how much better counts as better.
    mode: "min" if smaller is better, "max" if larger; by default "max" for accuracies.
    restore_best: give the model back the weights of its best epoch (when training ends, whatever
    the reason).
    ``best`` and ``best_epoch`` (from 1) tell what that was.
    """

    def __init__(
        self,
        patience: int = 5,
        min_delta: float = 0.0,
        monitor: str = "valid_loss",
        mode: str | None = None,
        restore_best: bool = True,
    ) -> None:
        if patience < 1:
            raise ValueError(f"patience is a number of epochs, at least 1; got {patience}")
        if mode not in (None, "min", "max"):
            raise ValueError(f"mode must be 'min' or 'max'; got {mode!r}")
        self.patience = patience
        self.min_delta = min_delta
        self.monitor = monitor
        self.mode = mode or ("max" if "accuracy" in monitor else "min")
        self.restore_best = restore_best
        self._forget()

    def _forget(self) -> None:
        self.best: float | None = None
        self.best_epoch = 0
        self.waited = 0
        self._weights: dict[str, Tensor] | None = None

    def on_start(self, run: Run) -> None:
        if not run.epoch:
            self._forget()

    def on_epoch_end(self, run: Run) -> None:
        numbers = run.history.last()
        if self.monitor not in numbers:
            hint = "; pass valid= to fit" if self.monitor.startswith("valid") else ""
            raise ValueError(
                f"EarlyStopping watches {self.monitor!r}, which is not measured; there are "
                f"{', '.join(numbers)}{hint}"
            )
        value = numbers[self.monitor]
        if self._better(value):
            self.best, self.best_epoch, self.waited = value, run.epoch, 0
            if self.restore_best:
                state = run.model.state_dict()
                self._weights = {name: tensor.detach().clone() for name, tensor in state.items()}
            return
        self.waited += 1
        if self.waited >= self.patience:
            run.stop = f"no better {self.monitor} in {self.waited} epochs"

    def _better(self, value: float) -> bool:
        if self.best is None:
            return not math.isnan(value)
        gain = self.best - value if self.mode == "min" else value - self.best
        return gain > self.min_delta

    def on_end(self, run: Run) -> None:
        if self._weights is not None:
            run.model.load_state_dict(self._weights)

    def state_dict(self) -> dict[str, Any]:
        """The best so far, with its weights."""
        return {
            "best": self.best,
            "best_epoch": self.best_epoch,
            "waited": self.waited,
            "weights": self._weights,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from what ``state_dict`` returned."""
        self.best, self.best_epoch = state["best"], state["best_epoch"]
        self.waited, self._weights = state["waited"], state["weights"]
