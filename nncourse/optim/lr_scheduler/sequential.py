"""Schedules one after another, such as a warm-up and then a decay."""

from __future__ import annotations

from bisect import bisect_right
from typing import Any

from nncourse.optim.lr_scheduler.plateau import ReduceLROnPlateau
from nncourse.optim.lr_scheduler.scheduler import LRScheduler
from nncourse.optim.optimizer import Optimizer


class SequentialLR(LRScheduler):
    """The first schedule up to milestones[0], the second up to milestones[1], and so on.

    Each begins at its own epoch 0, from the optimiser's initial rates.
    """

    _not_saved = (*LRScheduler._not_saved, "_schedulers")

    def __init__(
        self,
        optimizer: Optimizer,
        schedulers: list[Any],
        milestones: list[int],
        last_epoch: int = -1,
    ) -> None:
        self._attach(optimizer)
        if len(milestones) != len(schedulers) - 1:
            raise ValueError(
                f"{len(schedulers)} schedules need {len(schedulers) - 1} milestones between them; "
                f"got {len(milestones)}"
            )
        for scheduler in schedulers:
            if isinstance(scheduler, ReduceLROnPlateau):
                raise ValueError("ReduceLROnPlateau needs a metric and cannot be in a sequence")
            if scheduler.optimizer is not optimizer:
                raise ValueError(
                    f"{type(scheduler).__name__} belongs to another optimiser than the sequence"
                )
        self._schedulers = schedulers
        self._milestones = milestones
        self.last_epoch = last_epoch + 1
        # Every schedule has written its first rates when it was made: only one of them is due.
        for group in optimizer.param_groups:
            group["lr"] = group["initial_lr"]
        self._undo()
        first = schedulers[bisect_right(milestones, 0)]
        first._start()
        self._last_lr = first.get_last_lr()

    def _undo(self) -> None:
        for scheduler in self._schedulers:
            if isinstance(scheduler, SequentialLR):
                scheduler._undo()
            else:
                scheduler.last_epoch -= 1

    def _start(self) -> None:
        self._schedulers[bisect_right(self._milestones, 0)]._start()

    def step(self) -> None:
        """One epoch on, in the schedule whose turn it is."""
        self.last_epoch += 1
        turn = bisect_right(self._milestones, self.last_epoch)
        scheduler = self._schedulers[turn]
        if turn > 0 and self._milestones[turn - 1] == self.last_epoch:
            scheduler._restart()
        else:
            scheduler.step()
        self._last_lr = scheduler.get_last_lr()

    def _restart(self) -> None:
        self.last_epoch = 0
        first = self._schedulers[bisect_right(self._milestones, 0)]
        first._restart()
        self._last_lr = first.get_last_lr()

    def state_dict(self) -> dict[str, Any]:
        return super().state_dict() | {"_schedulers": [s.state_dict() for s in self._schedulers]}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        schedulers = self._schedulers
        super().load_state_dict(state_dict)
        self._schedulers = schedulers
        for scheduler, saved in zip(schedulers, state_dict["_schedulers"], strict=True):
            scheduler.load_state_dict(saved)
