"""What happened during training, epoch by epoch."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(repr=False)
class History:
    """One number per epoch in each list; lists stay empty where nothing was measured.

    loss: mean training loss over the epoch, while the parameters were moving.
    accuracy: share of right answers among the training examples, likewise (classification only).
    valid_loss, valid_accuracy: the same on the validation data, after the epoch.
    interrupted: training was stopped by the keyboard.
    """

    loss: list[float] = field(default_factory=list)
    accuracy: list[float] = field(default_factory=list)
    valid_loss: list[float] = field(default_factory=list)
    valid_accuracy: list[float] = field(default_factory=list)
    interrupted: bool = False

    def __len__(self) -> int:
        """The number of epochs that were finished."""
        return len(self.loss)

    def last(self) -> dict[str, float]:
        """The numbers of the last epoch, by name."""
        lists = {
            "loss": self.loss,
            "accuracy": self.accuracy,
            "valid_loss": self.valid_loss,
            "valid_accuracy": self.valid_accuracy,
        }
        return {name: values[-1] for name, values in lists.items() if values}

    def __repr__(self) -> str:
        numbers = ", ".join(f"{name}={value:.4f}" for name, value in self.last().items())
        stopped = ", interrupted" if self.interrupted else ""
        return f"History({len(self)} epochs{': ' + numbers if numbers else ''}{stopped})"
