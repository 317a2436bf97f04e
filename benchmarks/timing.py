"""How programs are compared fairly.

All run in one process, each on the same number of threads, in turns: A B C A B C ... Machines that
are shared change their speed from second to second; neighbours in time meet the same weather. So
the ratio is taken within each turn, and the median over many short turns is steady where the times
are not.
"""

from __future__ import annotations

import gc
import math
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

OURS = "nncourse"


@dataclass(frozen=True)
class Settings:
    """How long to measure: turns per comparison; quick ones are shorter and less exact."""

    turns: int = 40
    quick: bool = False

    def shorter(self, turns: int) -> int:
        """At most so many turns, for programs that take long."""
        return min(self.turns, turns)


@dataclass(frozen=True)
class Result:
    """One line: the medians of each library, and the median ratio of ours to each other.

    goals: the largest ratio that is good enough, by peer. floor: the time of the matrix products
    alone over PyTorch's. memory: megabytes at the peak, by library, and the largest good ratio.
    in_mean: does the ratio to PyTorch count in the geometric mean of the table?
    """

    name: str
    unit: str
    medians: Mapping[str, float]
    ratios: Mapping[str, float]
    goals: Mapping[str, float] = field(default_factory=dict)
    floor: float | None = None
    memory: Mapping[str, float] = field(default_factory=dict)
    memory_goal: float = 1.3
    in_mean: bool = False

    @property
    def memory_ratio(self) -> float | None:
        """Our peak over PyTorch's."""
        return self.memory[OURS] / self.memory["PyTorch"] if self.memory else None

    @property
    def missed(self) -> list[str]:
        """The peers to which we are slower, or larger in memory, than we want to be.

        No library can be faster than the products alone: where they exceed the goal, it is void.
        """
        slower = [p for p, goal in self.goals.items() if self.ratios.get(p, 0) > goal]
        if self.floor is not None and self.floor > self.goals.get("PyTorch", math.inf):
            slower = [p for p in slower if p != "PyTorch"]
        larger = ["memory"] if (self.memory_ratio or 0) > self.memory_goal else []
        return slower + larger

    @property
    def reached(self) -> bool:
        return not self.missed

    def row(self, columns: Sequence[str]) -> str:
        """The line under the columns of ``table_head``."""
        cells = [f"{self.name:44}", f"{self.medians[OURS]:10.2f} {self.unit}"]
        for column in columns:
            if column == MEMORY:
                cell = ""
                if self.memory_ratio is not None:
                    cell = f"{self.memory[OURS]:8.2f} "
                    cell += _judged(self.memory_ratio, self.memory_goal)
            elif column == PRODUCTS:
                cell = "" if self.floor is None else f"{self.floor:.2f}"
            else:
                cell = "" if column not in self.ratios else self._cell(column)
            cells.append(f"{cell or '-':>{_WIDTHS.get(column, 14)}}")
        return " ".join(cells).rstrip()

    def _cell(self, peer: str) -> str:
        time = f"{self.medians[peer]:10.2f} " if peer == "PyTorch" else ""
        return time + _judged(self.ratios[peer], self.goals.get(peer))


MEMORY, PRODUCTS, BY_HAND = "memory", "products", "by hand"
_WIDTHS = {"PyTorch": 26, MEMORY: 24}
_HEADS = {
    "PyTorch": "PyTorch, ratio, goal",
    BY_HAND: "NumPy by hand",
    PRODUCTS: "products",
    MEMORY: "peak MB, ratio, goal",
}


def _judged(ratio: float, goal: float | None) -> str:
    if goal is None:
        return f"{ratio:.2f}"
    return f"{ratio:.2f} {'>' if ratio > goal else '<='}{goal:.2f}"


def table_head(columns: Sequence[str]) -> str:
    """What stands above the rows.

    Of each library the ratio of our time to its own, with the goal for it; of the products alone
    their time over PyTorch's; of memory our peak and its ratio to PyTorch's.
    """
    heads = [f"{_HEADS.get(c, c):>{_WIDTHS.get(c, 14)}}" for c in columns]
    return " ".join([f"{'':44}", f"{OURS:>13}", *heads]).rstrip()


def compare(
    name: str,
    programs: Mapping[str, Callable[[], object]],
    settings: Settings,
    units: int = 1,
    goals: Mapping[str, float] | None = None,
    **others: Any,
) -> Result:
    """Run the programs in turns and compare their times in microseconds.

    ``programs``: by library, ours among them. ``units``: how much work one call does.
    ``others``: further fields of the result.
    """
    for _ in range(1 if settings.quick else 3):
        for program in programs.values():
            program()
    times: dict[str, list[float]] = {library: [] for library in programs}
    gc.collect()
    # What is loaded already is not searched for garbage again and again, in whosever turn.
    gc.freeze()
    try:
        for _ in range(settings.turns):
            for library, program in programs.items():
                start = time.perf_counter()
                program()
                times[library].append((time.perf_counter() - start) * 1e6 / units)
    finally:
        gc.unfreeze()
    return result_of(name, "us", times, goals, **others)


def result_of(
    name: str,
    unit: str,
    measured: Mapping[str, list[float]],
    goals: Mapping[str, float] | None = None,
    **others: Any,
) -> Result:
    """A result from the measurements of each turn."""
    medians = {library: statistics.median(found) for library, found in measured.items()}
    ratios = {
        library: _median_ratio(measured[OURS], found)
        for library, found in measured.items()
        if library != OURS
    }
    if PRODUCTS in measured and "PyTorch" in measured:
        others["floor"] = _median_ratio(measured[PRODUCTS], measured["PyTorch"])
    known = {p: g for p, g in (goals or {}).items() if p in ratios}
    return Result(name, unit, medians, ratios, known, **others)


def _median_ratio(ours: list[float], theirs: list[float]) -> float:
    return statistics.median(a / b for a, b in zip(ours, theirs))
