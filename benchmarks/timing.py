"""How two programs are compared fairly.

Both run in one process, on one thread, in turns: A B A B ... Machines that are shared change their
speed from second to second; neighbours in time meet the same weather, so the ratio of the medians
of many short runs is steady where the times themselves are not.
"""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Result:
    """Median times per unit of work in microseconds, and how they compare."""

    name: str
    ours: float
    theirs: float
    goal: float | None = None

    @property
    def ratio(self) -> float:
        return self.ours / self.theirs

    @property
    def reached(self) -> bool:
        return self.goal is None or self.ratio <= self.goal

    def __str__(self) -> str:
        goal = ""
        if self.goal is not None:
            goal = f"goal {self.goal:.2f} {'reached' if self.reached else 'MISSED'}"
        return (
            f"{self.name:44} {self.ours:10.2f} us {self.theirs:10.2f} us   "
            f"ratio {self.ratio:5.2f}   {goal}"
        ).rstrip()


def compare(
    name: str,
    ours: Callable[[], object],
    theirs: Callable[[], object],
    units: int = 1,
    goal: float | None = None,
    rounds: int = 40,
) -> Result:
    """Run both in turns and compare. ``units``: how much work one call does."""
    for _ in range(3):
        ours()
        theirs()
    times: tuple[list[float], list[float]] = ([], [])
    gc.collect()
    for _ in range(rounds):
        for program, found in zip((ours, theirs), times):
            start = time.perf_counter()
            program()
            found.append(time.perf_counter() - start)
    a, b = (statistics.median(found) * 1e6 / units for found in times)
    return Result(name, a, b, goal)
