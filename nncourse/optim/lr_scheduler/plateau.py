"""A schedule that watches the training: the rate falls when there is no more progress."""

from __future__ import annotations

import math
from typing import Any

from nncourse.optim.lr_scheduler.scheduler import LRScheduler
from nncourse.optim.optimizer import Optimizer


class ReduceLROnPlateau(LRScheduler):
    """Multiplies the rate by ``factor`` when more than ``patience`` epochs brought nothing better.

    mode: "min" if smaller is better (a loss), "max" if larger (an accuracy).
    threshold: how much better counts as better, as a part of the best ("rel") or as such ("abs").
    cooldown: for so many epochs after a reduction bad epochs do not count.
    min_lr: the rate does not fall below; one number, or one for each group.
    eps: reductions by less are not made.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        mode: str = "min",
        factor: float = 0.1,
        patience: int = 10,
        threshold: float = 1e-4,
        threshold_mode: str = "rel",
        cooldown: int = 0,
        min_lr: float | list[float] = 0.0,
        eps: float = 1e-8,
    ) -> None:
        self._attach(optimizer)
        if factor >= 1:
            raise ValueError(f"factor must be below 1; got {factor}")
        if mode not in ("min", "max"):
            raise ValueError(f"mode must be 'min' or 'max'; got {mode!r}")
        if threshold_mode not in ("rel", "abs"):
            raise ValueError(f"threshold_mode must be 'rel' or 'abs'; got {threshold_mode!r}")
        groups = len(optimizer.param_groups)
        self.default_min_lr = None if isinstance(min_lr, list | tuple) else min_lr
        self.min_lrs = list(min_lr) if isinstance(min_lr, list | tuple) else [min_lr] * groups
        if len(self.min_lrs) != groups:
            raise ValueError(f"the optimiser has {groups} groups; got {len(self.min_lrs)} min_lr")
        self.mode = mode
        self.factor = factor
        self.patience = patience
        self.threshold = threshold
        self.threshold_mode = threshold_mode
        self.cooldown = cooldown
        self.eps = eps
        self.mode_worse = math.inf if mode == "min" else -math.inf
        self.best = self.mode_worse
        self.cooldown_counter = 0
        self.num_bad_epochs = 0
        self.last_epoch = 0
        self._last_lr = self._present()

    def step(self, metrics: Any) -> None:  # type: ignore[override]
        """One epoch on; ``metrics``: the number that is watched, as reached in this epoch."""
        current = float(metrics)
        self.last_epoch += 1
        if self.is_better(current):
            self.best = current
            self.num_bad_epochs = 0
        else:
            self.num_bad_epochs += 1
        if self.cooldown_counter > 0:
            self.cooldown_counter -= 1
            self.num_bad_epochs = 0
        if self.num_bad_epochs > self.patience:
            self._reduce()
            self.cooldown_counter = self.cooldown
            self.num_bad_epochs = 0
        self._last_lr = self._present()

    def is_better(self, value: float) -> bool:
        """Is ``value`` better than the best so far, by more than the threshold?"""
        if self.threshold_mode == "rel":
            margin = 1 - self.threshold if self.mode == "min" else 1 + self.threshold
            bar = self.best * margin
        else:
            bar = self.best - self.threshold if self.mode == "min" else self.best + self.threshold
        return value < bar if self.mode == "min" else value > bar

    def _reduce(self) -> None:
        lowest = self.min_lrs
        if len(lowest) != len(self.optimizer.param_groups):
            if self.default_min_lr is None:
                raise RuntimeError(
                    f"the optimiser has {len(self.optimizer.param_groups)} groups by now, and "
                    f"{len(lowest)} min_lr were given"
                )
            lowest = self.min_lrs = [self.default_min_lr] * len(self.optimizer.param_groups)
        for group, low in zip(self.optimizer.param_groups, lowest):
            rate = max(group["lr"] * self.factor, low)
            if group["lr"] - rate > self.eps:
                group["lr"] = rate
