"""What happened during training, epoch by epoch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

_MEASURED = ("loss", "accuracy", "valid_loss", "valid_accuracy")


@dataclass(repr=False)
class History:
    """One number per epoch in each list; lists stay empty where nothing was measured.

    loss: mean training loss over the epoch, while the parameters were moving.
    accuracy: share of right answers among the training examples, likewise (classification only).
    valid_loss, valid_accuracy: the same on the validation data, after the epoch.
    lr: the learning rate of the first group of parameters at the end of the epoch.
    metrics: further measurements on the validation data, by the names that were given to them.
    stopped: why training ended before its last epoch, if a callback ended it.
    interrupted: training was stopped by the keyboard.
    """

    loss: list[float] = field(default_factory=list)
    accuracy: list[float] = field(default_factory=list)
    valid_loss: list[float] = field(default_factory=list)
    valid_accuracy: list[float] = field(default_factory=list)
    lr: list[float] = field(default_factory=list)
    metrics: dict[str, list[float]] = field(default_factory=dict)
    stopped: str | None = None
    interrupted: bool = False

    def __len__(self) -> int:
        """The number of epochs that were finished."""
        return len(self.loss)

    def add(self, numbers: Mapping[str, float], lr: float) -> None:
        """Note the numbers of an epoch."""
        for name, value in numbers.items():
            known = getattr(self, name) if name in _MEASURED else self.metrics.setdefault(name, [])
            known.append(value)
        self.lr.append(lr)

    def last(self) -> dict[str, float]:
        """The numbers of the last epoch, by name."""
        lists = {name: getattr(self, name) for name in _MEASURED} | self.metrics
        return {name: values[-1] for name, values in lists.items() if values}

    def state_dict(self) -> dict[str, Any]:
        """All that is noted, for ``load_state_dict``."""
        return dict(vars(self))

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Become a history that was saved."""
        vars(self).update({name: state[name] for name in vars(self)})

    def __repr__(self) -> str:
        numbers = ", ".join(f"{name}={value:.4f}" for name, value in self.last().items())
        stopped = ", interrupted" if self.interrupted else ""
        if self.stopped:
            stopped += f", {self.stopped}"
        return f"History({len(self)} epochs{': ' + numbers if numbers else ''}{stopped})"
