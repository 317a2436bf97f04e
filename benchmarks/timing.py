"""How programs are compared fairly.

All run in one process, on one thread, in turns: A B C A B C ... Machines that are shared change
their speed from second to second; neighbours in time meet the same weather. So the ratio is taken
within each turn, and the median over many short turns is steady where the times are not.
"""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

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

    goals: the largest ratio that is good enough, by peer.
    """

    name: str
    unit: str
    medians: Mapping[str, float]
    ratios: Mapping[str, float]
    goals: Mapping[str, float] = field(default_factory=dict)

    @property
    def missed(self) -> list[str]:
        """The peers to which we are slower than we want to be."""
        return [p for p, goal in self.goals.items() if self.ratios.get(p, 0) > goal]

    @property
    def reached(self) -> bool:
        return not self.missed

    def row(self, peers: list[str]) -> str:
        """The line under the columns of ``table_head``."""
        cells = [f"{self.name:42}", f"{self.medians[OURS]:9.2f} {self.unit}"]
        for peer in peers:
            if peer not in self.medians:
                cells.append(f"{'-':>26}")
                continue
            mark = ""
            if peer in self.goals:
                sign = ">" if peer in self.missed else "<="
                mark = f"{sign}{self.goals[peer]:.1f}"
            cells.append(f"{self.medians[peer]:10.2f} {self.ratios[peer]:7.2f} {mark:>7}")
        return " ".join(cells).rstrip()


def table_head(peers: list[str]) -> str:
    """What stands above the rows: of each peer the median, the ratio and the goal for the ratio."""
    return " ".join([f"{'':42}", f"{OURS:>12}", *[f"{p + ', ratio, goal':>26}" for p in peers]])


def compare(
    name: str,
    programs: Mapping[str, Callable[[], object]],
    settings: Settings,
    units: int = 1,
    goals: Mapping[str, float] | None = None,
) -> Result:
    """Run the programs in turns and compare their times in microseconds.

    ``programs``: by library, ours among them. ``units``: how much work one call does.
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
    return result_of(name, "us", times, goals)


def result_of(
    name: str,
    unit: str,
    measured: Mapping[str, list[float]],
    goals: Mapping[str, float] | None = None,
) -> Result:
    """A result from the measurements of each turn."""
    medians = {library: statistics.median(found) for library, found in measured.items()}
    ratios = {
        library: statistics.median(a / b for a, b in zip(measured[OURS], found))
        for library, found in measured.items()
        if library != OURS
    }
    return Result(
        name, unit, medians, ratios, {p: g for p, g in (goals or {}).items() if p in ratios}
    )
