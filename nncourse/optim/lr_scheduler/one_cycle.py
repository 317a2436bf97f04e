"""One cycle: up to a large rate, then down to almost nothing, with momentum the other way."""

from __future__ import annotations

import math
from typing import Any

from nncourse.optim.lr_scheduler.scheduler import LRScheduler
from nncourse.optim.optimizer import Optimizer


class OneCycleLR(LRScheduler):
    """Rises from max_lr / div_factor to max_lr, falls to that start / final_div_factor.

    The rise takes pct_start of total_steps (or of epochs * steps_per_epoch); with three_phase the
    fall goes back to the start in as many steps, and to the end in the rest. anneal_strategy:
    "cos" or "linear". Momentum (beta1, where there are betas) falls from max_momentum to
    base_momentum while the rate rises, and back. Takes a step after every batch. max_lr,
    max_momentum and base_momentum: one number, or one for each group.
    (Smith and Topin, 2018)
    """

    _not_saved = (*LRScheduler._not_saved, "use_beta1")

    def __init__(
        self,
        optimizer: Optimizer,
        max_lr: float | list[float],
        total_steps: int | None = None,
        epochs: int | None = None,
        steps_per_epoch: int | None = None,
        pct_start: float = 0.3,
        anneal_strategy: str = "cos",
        cycle_momentum: bool = True,
        base_momentum: float | list[float] = 0.85,
        max_momentum: float | list[float] = 0.95,
        div_factor: float = 25.0,
        final_div_factor: float = 1e4,
        three_phase: bool = False,
        last_epoch: int = -1,
    ) -> None:
        self._attach(optimizer)
        self.total_steps = _total(total_steps, epochs, steps_per_epoch)
        if not 0 <= pct_start <= 1:
            raise ValueError(f"pct_start must be between 0 and 1; got {pct_start}")
        if anneal_strategy not in ("cos", "linear"):
            raise ValueError(f"anneal_strategy must be 'cos' or 'linear'; got {anneal_strategy!r}")
        self._anneal_func_type = anneal_strategy
        self._schedule_phases = _phases(self.total_steps, pct_start, three_phase)
        self.cycle_momentum = cycle_momentum
        self.use_beta1 = "betas" in optimizer.defaults
        if cycle_momentum and not self.use_beta1 and "momentum" not in optimizer.defaults:
            raise ValueError(
                f"{type(optimizer).__name__} has no momentum to cycle: pass cycle_momentum=False"
            )
        if last_epoch == -1:
            groups = optimizer.param_groups
            for group, rate in zip(groups, _each("max_lr", max_lr, groups)):
                group["initial_lr"] = rate / div_factor
                group["max_lr"] = rate
                group["min_lr"] = group["initial_lr"] / final_div_factor
            highest = _each("max_momentum", max_momentum, groups)
            lowest = _each("base_momentum", base_momentum, groups)
            for group, high, low in zip(groups, highest, lowest):
                if cycle_momentum:
                    group["max_momentum"], group["base_momentum"] = high, low
                    self._set_momentum(group, high)
        super().__init__(optimizer, last_epoch)

    def _set_momentum(self, group: dict[str, Any], momentum: float) -> None:
        if self.use_beta1:
            group["betas"] = (momentum, *group["betas"][1:])
        else:
            group["momentum"] = momentum

    def _between(self, start: float, end: float, part: float) -> float:
        """From ``start`` to ``end`` while ``part`` goes from 0 to 1."""
        if self._anneal_func_type == "cos":
            return end + (start - end) / 2 * (1 + math.cos(math.pi * part))
        return start + (end - start) * part

    def get_lr(self) -> list[float]:
        step = self.last_epoch
        if step > self.total_steps:
            raise ValueError(
                f"OneCycleLR was made for {self.total_steps} steps; this would be step {step}"
            )
        begin = 0.0
        for phase in self._schedule_phases:
            end = phase["end_step"]
            if step <= end or phase is self._schedule_phases[-1]:
                break
            begin = end
        part = (step - begin) / (end - begin)
        rates = []
        for group in self.optimizer.param_groups:
            start, stop = group[phase["start_lr"]], group[phase["end_lr"]]
            rates.append(self._between(start, stop, part))
            if self.cycle_momentum:
                start, stop = group[phase["start_momentum"]], group[phase["end_momentum"]]
                self._set_momentum(group, self._between(start, stop, part))
        return rates


def _total(total: int | None, epochs: int | None, steps_per_epoch: int | None) -> int:
    if total is None:
        if epochs is None or steps_per_epoch is None:
            raise ValueError("pass total_steps, or epochs and steps_per_epoch")
        total = epochs * steps_per_epoch
    if not isinstance(total, int) or total <= 0:
        raise ValueError(f"the number of steps must be a positive whole number; got {total}")
    return total


def _each(name: str, value: float | list[float], groups: list[Any]) -> list[float]:
    values = list(value) if isinstance(value, list | tuple) else [value] * len(groups)
    if len(values) != len(groups):
        raise ValueError(f"the optimiser has {len(groups)} groups; got {len(values)} of {name}")
    return values


def _phases(total: int, rise: float, three: bool) -> list[dict[str, Any]]:
    """The last step of each phase, and the settings of a group between which it goes."""
    marks: list[tuple[float, str, str]] = [(rise * total - 1, "max_lr", "base_momentum")]
    if three:
        marks.append((2 * rise * total - 2, "initial_lr", "max_momentum"))
    marks.append((total - 1, "min_lr", "max_momentum"))
    phases = []
    rate, momentum = "initial_lr", "max_momentum"
    for end_step, end_rate, end_momentum in marks:
        phases.append(
            {
                "end_step": end_step,
                "start_lr": rate,
                "end_lr": end_rate,
                "start_momentum": momentum,
                "end_momentum": end_momentum,
            }
        )
        rate, momentum = end_rate, end_momentum
    return phases
