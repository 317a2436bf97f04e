"""Cosine annealing with restarts: the rate falls, jumps back to the start, and falls again."""

from __future__ import annotations

import math

from nncourse.optim.lr_scheduler.scheduler import LRScheduler
from nncourse.optim.optimizer import Optimizer


class CosineAnnealingWarmRestarts(LRScheduler):
    """lr = eta_min + (lr0 - eta_min) (1 + cos(pi T_cur / T_i)) / 2, T_cur epochs after a restart.

    The first fall takes T_i = T_0 epochs, each later one T_mult times as long as the one before.
    The optimiser's averages go on: hence "warm". (Loshchilov and Hutter, 2017)
    """

    def __init__(
        self,
        optimizer: Optimizer,
        T_0: int,
        T_mult: int = 1,
        eta_min: float = 0.0,
        last_epoch: int = -1,
    ) -> None:
        for name, value in (("T_0", T_0), ("T_mult", T_mult)):
            if value < 1 or not isinstance(value, int):
                raise ValueError(f"{name} must be a whole number, at least 1; got {value}")
        self.T_0 = T_0
        self.T_mult = T_mult
        self.eta_min = eta_min
        self.T_i = T_0
        self.T_cur: float = last_epoch
        super().__init__(optimizer, last_epoch)

    def step(self, epoch: float | None = None) -> None:
        """One epoch on; or to a given epoch, which may be a fraction, as within an epoch."""
        if epoch is None:
            super().step()
            return
        if epoch < 0:
            raise ValueError(f"epochs are counted from 0; got {epoch}")
        self.last_epoch = math.floor(epoch)
        self._write(self._after(epoch, self.T_0))

    def get_lr(self) -> list[float]:
        if self._starting:
            return self.get_closed_form_lr()
        return self._after(self.T_cur + 1, self.T_i)

    def get_closed_form_lr(self) -> list[float]:
        return self._after(self.last_epoch, self.T_0)

    def _after(self, epochs: float, length: int) -> list[float]:
        """The rates so many epochs after the start of a fall of the given length."""
        while epochs >= length:
            epochs -= length
            length *= self.T_mult
        self.T_cur, self.T_i = epochs, length
        part = (1 + math.cos(math.pi * epochs / length)) / 2
        return [self.eta_min + (base - self.eta_min) * part for base in self.base_lrs]
