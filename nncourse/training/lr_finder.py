"""Which learning rate? One short run over all of them, from far too small to far too large.

The rate grows by a constant factor from batch to batch. At first nothing happens, then the loss
falls, the faster the larger the rate, and at last the steps are too long and it explodes. Near the
lowest point they are nearly too long; a tenth of that rate is a good one. (Smith, 2017, "Cyclical
learning rates for training neural networks", section 3.3)
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from nncourse.autograd.tensor import Tensor
from nncourse.nn.module import Module
from nncourse.optim.optimizer import Optimizer

_MEMORY = 0.9  # of the running mean of the losses
_TOO_MUCH = 4.0  # times the lowest loss: there it ends


@dataclass(repr=False)
class LRSearch:
    """The run: the rates, and the loss of the batch before the step with each."""

    rates: list[float]
    losses: list[float]

    @property
    def smoothed(self) -> list[float]:
        """Each loss as the mean of its neighbours, a tenth of all on either side."""
        reach = len(self.losses) // 10
        parts = [self.losses[max(0, i - reach) : i + reach + 1] for i in range(len(self.losses))]
        return [sum(part) / len(part) for part in parts]

    @property
    def suggestion(self) -> float | None:
        """A tenth of the rate by which the loss had fallen nearly as far as it ever did.

        Nearly: by nine tenths; the lowest point itself may be luck. None if the loss never fell.
        """
        smoothed = self.smoothed
        if not smoothed or min(smoothed) == smoothed[0]:
            return None
        enough = 0.1 * smoothed[0] + 0.9 * min(smoothed)
        first = next(i for i, value in enumerate(smoothed) if value <= enough)
        return self.rates[first] / 10

    def __repr__(self) -> str:
        found = self.suggestion
        told = "none" if found is None else f"{found:.2g}"
        first, last = (self.rates[0], self.rates[-1]) if self.rates else (math.nan, math.nan)
        return f"LRSearch({len(self.rates)} rates {first:.2g} to {last:.2g}, suggestion {told})"


def find_lr(
    model: Module,
    loader: Any,
    loss: Callable[[Tensor, Tensor], Tensor],
    optimizer: Optimizer,
    lowest: float = 1e-6,
    highest: float = 10.0,
    steps: int = 100,
) -> LRSearch:
    """Try all learning rates from ``lowest`` to ``highest`` in so many steps.

    Copies of the model and of the optimiser are trained: they, and all random generators, are
    afterwards as they were. The loader is gone through as often as the steps need. Groups of
    parameters keep the proportions of their rates. ``plots.learning_rates`` draws the result.
    """
    if not 0 < lowest < highest:
        raise ValueError(f"0 < lowest < highest is needed; got {lowest} and {highest}")
    if steps < 2:
        raise ValueError(f"at least two steps are needed; got {steps}")
    from nncourse.inspection.generators import untouched_generators  # it is slow to import

    with untouched_generators(model=model, loader=loader, loss=loss, optimizer=optimizer):
        return _search(*copy.deepcopy((model, loss, optimizer)), loader, lowest, highest, steps)


def _search(
    model: Module,
    loss: Callable[[Tensor, Tensor], Tensor],
    optimizer: Optimizer,
    loader: Any,
    lowest: float,
    highest: float,
    steps: int,
) -> LRSearch:
    first = optimizer.param_groups[0]["lr"] or 1.0
    parts = [(group["lr"] / first) or 1.0 for group in optimizer.param_groups]
    found = LRSearch([], [])
    model.train()
    mean, best = 0.0, math.inf
    for step, (x, y) in enumerate(_endless(loader, steps)):
        rate = lowest * (highest / lowest) ** (step / (steps - 1))
        for group, part in zip(optimizer.param_groups, parts):
            group["lr"] = rate * part
        optimizer.zero_grad()
        value = loss(model(x), y)
        number = value.item()
        if not math.isfinite(number):
            break
        mean = _MEMORY * mean + (1 - _MEMORY) * number
        smoothed = mean / (1 - _MEMORY ** (step + 1))  # as for Adam, the mean began at 0
        found.rates.append(rate)
        found.losses.append(number)
        best = min(best, smoothed)
        if step and smoothed > _TOO_MUCH * abs(best):
            break
        value.backward()
        optimizer.step()
    return found


def _endless(loader: Any, count: int) -> Any:
    """So many batches, pass after pass."""
    while count:
        before = count
        for batch in loader:
            if not count:
                return
            count -= 1
            yield batch
        if count == before:
            raise ValueError("the loader has no batches")
