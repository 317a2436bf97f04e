"""Schedules that are a formula of the epoch t. The rate of the start is lr0; gamma is a factor."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable
from types import FunctionType
from typing import Any

from nncourse.optim.lr_scheduler.scheduler import LRScheduler
from nncourse.optim.optimizer import Optimizer


class LambdaLR(LRScheduler):
    """lr = lr0 * lr_lambda(t). ``lr_lambda``: one function, or one for each group.

    Functions are not saved; callable objects are, by their attributes.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        lr_lambda: Callable[[int], float] | list[Callable[[int], float]],
        last_epoch: int = -1,
    ) -> None:
        groups = len(optimizer.param_groups)
        self.lr_lambdas: list[Callable[[int], float]] = (
            list(lr_lambda) if isinstance(lr_lambda, list | tuple) else [lr_lambda] * groups
        )
        if len(self.lr_lambdas) != groups:
            raise ValueError(
                f"the optimiser has {groups} groups; got {len(self.lr_lambdas)} functions"
            )
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        return [f(self.last_epoch) * base for f, base in zip(self.lr_lambdas, self.base_lrs)]

    def state_dict(self) -> dict[str, Any]:
        objects = [None if isinstance(f, FunctionType) else vars(f).copy() for f in self.lr_lambdas]
        return super().state_dict() | {"lr_lambdas": objects}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        functions = self.lr_lambdas
        super().load_state_dict(state_dict)
        self.lr_lambdas = functions
        for f, attributes in zip(functions, state_dict["lr_lambdas"], strict=True):
            if attributes is not None:
                vars(f).update(attributes)


class StepLR(LRScheduler):
    """lr = lr0 * gamma^(t // step_size): multiplied by gamma every step_size epochs."""

    def __init__(
        self, optimizer: Optimizer, step_size: int, gamma: float = 0.1, last_epoch: int = -1
    ) -> None:
        self.step_size = step_size
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        due = self.last_epoch > 0 and self.last_epoch % self.step_size == 0
        return self._times(self.gamma) if due else self._present()

    def get_closed_form_lr(self) -> list[float]:
        factor = self.gamma ** (self.last_epoch // self.step_size)
        return [base * factor for base in self.base_lrs]


class MultiStepLR(LRScheduler):
    """lr = lr0 * gamma^(number of milestones up to t)."""

    def __init__(
        self,
        optimizer: Optimizer,
        milestones: Iterable[int],
        gamma: float = 0.1,
        last_epoch: int = -1,
    ) -> None:
        self.milestones = Counter(milestones)
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        times = self.milestones[self.last_epoch]
        return self._times(self.gamma**times) if times else self._present()

    def get_closed_form_lr(self) -> list[float]:
        passed = bisect_right(sorted(self.milestones.elements()), self.last_epoch)
        return [base * self.gamma**passed for base in self.base_lrs]

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """As for every schedule; from a file the milestones come back as a plain dict."""
        super().load_state_dict(state_dict)
        self.milestones = Counter(self.milestones)


class ExponentialLR(LRScheduler):
    """lr = lr0 * gamma^t."""

    def __init__(self, optimizer: Optimizer, gamma: float, last_epoch: int = -1) -> None:
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        return self._present() if self._starting else self._times(self.gamma)

    def get_closed_form_lr(self) -> list[float]:
        return [base * self.gamma**self.last_epoch for base in self.base_lrs]


class ConstantLR(LRScheduler):
    """lr = lr0 * factor for total_iters epochs, then lr0."""

    def __init__(
        self,
        optimizer: Optimizer,
        factor: float = 1 / 3,
        total_iters: int = 5,
        last_epoch: int = -1,
    ) -> None:
        if not 0 < factor <= 1:
            # PyTorch takes 0 as well, and divides by it when the time is over.
            raise ValueError(f"factor must be above 0 and at most 1; got {factor}")
        self.factor = factor
        self.total_iters = total_iters
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        if self.last_epoch == 0:
            return self._times(self.factor)
        if self.last_epoch == self.total_iters:
            return self._times(1 / self.factor)
        return self._present()

    def get_closed_form_lr(self) -> list[float]:
        factor = 1.0 if self.last_epoch >= self.total_iters else self.factor
        return [base * factor for base in self.base_lrs]


class LinearLR(LRScheduler):
    """lr = lr0 * (start_factor + (end_factor - start_factor) t / total_iters), then constant.

    With end_factor 1 it is a warm-up: large steps wait until the averages of the optimiser and the
    statistics of the network have settled.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        start_factor: float = 1 / 3,
        end_factor: float = 1.0,
        total_iters: int = 5,
        last_epoch: int = -1,
    ) -> None:
        if not 0 < start_factor <= 1:
            raise ValueError(f"start_factor must be above 0 and at most 1; got {start_factor}")
        if not 0 <= end_factor <= 1:
            raise ValueError(f"end_factor must be between 0 and 1; got {end_factor}")
        self.start_factor = start_factor
        self.end_factor = end_factor
        self.total_iters = total_iters
        super().__init__(optimizer, last_epoch)

    def _factor(self, epoch: int) -> float:
        done = min(epoch, self.total_iters) / self.total_iters
        return self.start_factor + (self.end_factor - self.start_factor) * done

    def get_lr(self) -> list[float]:
        if self.last_epoch == 0:
            return self._times(self.start_factor)
        if self._starting or self.last_epoch > self.total_iters:
            return self._present()
        return self._times(self._factor(self.last_epoch) / self._factor(self.last_epoch - 1))

    def get_closed_form_lr(self) -> list[float]:
        return [base * self._factor(self.last_epoch) for base in self.base_lrs]


class CosineAnnealingLR(LRScheduler):
    """lr = eta_min + (lr0 - eta_min) (1 + cos(pi t / T_max)) / 2: slow, fast, slow.

    After T_max epochs the rate rises again. (Loshchilov and Hutter, 2017, without the restarts)
    """

    def __init__(
        self, optimizer: Optimizer, T_max: int, eta_min: float = 0.0, last_epoch: int = -1
    ) -> None:
        self.T_max = T_max
        self.eta_min = eta_min
        super().__init__(optimizer, last_epoch)

    def _part(self, epoch: int) -> float:
        """What is left of the way from eta_min to lr0, times two."""
        return 1 + math.cos(math.pi * epoch / self.T_max)

    def get_lr(self) -> list[float]:
        if self._starting:
            return self._present()
        t, bottom = self.last_epoch, self.eta_min
        if (t - 1 - self.T_max) % (2 * self.T_max) == 0:
            # The epoch before was at the very bottom, where nothing is left to multiply.
            rise = (1 - math.cos(math.pi / self.T_max)) / 2
            return [
                rate + (base - bottom) * rise for rate, base in zip(self._present(), self.base_lrs)
            ]
        factor = self._part(t) / self._part(t - 1)
        return [bottom + factor * (rate - bottom) for rate in self._present()]

    def get_closed_form_lr(self) -> list[float]:
        part = self._part(self.last_epoch) / 2
        return [self.eta_min + (base - self.eta_min) * part for base in self.base_lrs]
