"""What all schedules have in common: they count epochs and write rates into the groups.

As in PyTorch, a schedule computes the next rate from the present one, not from its formula at that
epoch: so several schedules of one optimiser multiply, and a rate that was set by hand stays in
effect. ``get_closed_form_lr`` is the formula itself; a sequence of schedules starts from it.
"""

from __future__ import annotations

import warnings
from typing import Any

from nncourse.optim.optimizer import Optimizer


class LRScheduler:
    """Base of the schedules; a subclass says in ``get_lr`` what the rates are.

    last_epoch: the number of the last epoch that was finished, to go on from there; the optimiser
    must then have its state loaded. -1 starts anew.
    """

    # What is not saved: it belongs to the optimiser or to the moment.
    _not_saved: tuple[str, ...] = ("optimizer", "_steps_before", "_starting")

    def __init__(self, optimizer: Optimizer, last_epoch: int = -1) -> None:
        self._attach(optimizer)
        for i, group in enumerate(optimizer.param_groups):
            if last_epoch == -1:
                group.setdefault("initial_lr", group["lr"])
            elif "initial_lr" not in group:
                raise KeyError(
                    f"group {i} of the optimiser has no initial_lr: to go on from epoch "
                    f"{last_epoch}, load the optimiser's state before making the schedule"
                )
        self.base_lrs = [group["initial_lr"] for group in optimizer.param_groups]
        self.last_epoch = last_epoch
        self._start()

    def _attach(self, optimizer: Optimizer) -> None:
        if not isinstance(optimizer, Optimizer):
            raise TypeError(f"a schedule is made for an optimiser; got {type(optimizer).__name__}")
        self.optimizer = optimizer
        self._steps_before = optimizer.steps_taken

    def _start(self) -> None:
        """Write the rates of the first epoch."""
        self._step_count = 0
        self._starting = True
        self.step()
        self._starting = False

    def step(self) -> None:
        """One epoch on: write the next rates into the optimiser's groups."""
        if self._step_count == 1 and self.optimizer.steps_taken == self._steps_before:
            warnings.warn(
                f"{type(self).__name__}.step() came before the optimiser's first step, so the "
                "first learning rate of the schedule is never used. Call optimizer.step() first, "
                "then scheduler.step()",
                UserWarning,
                stacklevel=2,
            )
        self._step_count += 1
        self.last_epoch += 1
        self._write(self.get_lr())

    def _restart(self) -> None:
        """Begin at the schedule's own start, whatever the present rates are."""
        self.last_epoch = 0
        self._write(self.get_closed_form_lr())

    def _write(self, rates: list[float]) -> None:
        for group, rate in zip(self.optimizer.param_groups, rates, strict=True):
            group["lr"] = rate
        self._last_lr = self._present()

    def _present(self) -> list[float]:
        """The present rates of all groups."""
        return [group["lr"] for group in self.optimizer.param_groups]

    def _times(self, factor: float) -> list[float]:
        """The present rates, multiplied."""
        return [rate * factor for rate in self._present()]

    def get_lr(self) -> list[float]:
        """The rates of all groups in epoch ``last_epoch``, from those of the epoch before."""
        raise NotImplementedError

    def get_closed_form_lr(self) -> list[float]:
        """The rates of all groups in epoch ``last_epoch`` by the schedule's formula."""
        return self.get_lr()

    def get_last_lr(self) -> list[float]:
        """The rates that were written last, one per group."""
        return self._last_lr

    def state_dict(self) -> dict[str, Any]:
        """Where the schedule stands, and its settings."""
        return {name: value for name, value in vars(self).items() if name not in self._not_saved}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from what ``state_dict`` of a schedule of the same kind returned."""
        own = self.state_dict()
        missing = sorted(own.keys() - state_dict.keys())
        if missing:
            raise ValueError(
                f"this is not the state of a {type(self).__name__}: it has no {', '.join(missing)}"
            )
        vars(self).update({name: state_dict[name] for name in own})
