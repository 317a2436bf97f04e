"""What a student's code may use: memory, time, processes, files, output.

The kernel keeps these limits, by rlimits always and by control groups where they can be written;
wall time is kept by the grader, which ends a session that is late.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from nncourse.grading.sandbox import clock

MB = 1 << 20
LONGER = 3.0  # a limit of wall time becomes at most, where others use the machine too
OURS = 0.5  # what grading itself adds to the load of each core that it uses


@dataclass(frozen=True)
class Limits:
    """The bounds of one session, and of one submission, which may need several sessions.

    memory: bytes, above what the warm process holds. cpu_seconds: of each process in a session.
    processes: processes and threads at one time. open_files: in each process. file_size: bytes of
    one file. folder_size, folder_files: the private folder, in bytes and in number of files.
    output: characters of a cell's printed text that are kept. cell_seconds, call_seconds,
    submission_seconds: wall time of one cell, one call (both more on a busy machine, see
    ``crowding``), and of all of them together.
    callbacks: how often student code may call back into a test within one call.
    """

    memory: int = 1024 * MB
    cpu_seconds: int = 120
    processes: int = 64
    open_files: int = 128
    file_size: int = 64 * MB
    folder_size: int = 128 * MB
    folder_files: int = 10_000
    output: int = 100_000
    cell_seconds: float = 60.0
    call_seconds: float = 30.0
    submission_seconds: float = 300.0
    callbacks: int = 100_000


def crowding() -> float:
    """How many times longer things take than where nobody else uses the machine.

    Points must not depend on what else the lecturer's machine does.
    """
    return _crowding(int(time.monotonic()))


@lru_cache(1)
def _crowding(_second: int) -> float:
    try:
        load = os.getloadavg()[0] / (os.cpu_count() or 1)
    except (AttributeError, OSError):
        return 1.0
    return min(max(1.0, load - OURS), LONGER)


class Budget:
    """The wall time that a submission has left, whatever it spends it on.

    Only time in which student code may run counts: ``deadline`` opens it, ``spend`` closes it.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.spent = 0.0
        self._part = seconds, seconds  # how much, and up to where

    @contextlib.contextmanager
    def part(self, seconds: float) -> Iterator[None]:
        """No more than so much in this block: one mistake must not take the time of all."""
        before, self._part = self._part, (seconds, self.spent + seconds)
        try:
            yield
        finally:
            self._part = before

    @property
    def left(self) -> float:
        """Seconds, never below 0."""
        return max(0.0, min(self.seconds, self._part[1]) - self.spent)

    @property
    def name(self) -> str:
        """What runs out first, in words."""
        seconds, until = self._part
        if until < self.seconds:
            return f"{seconds:g} s of this graded cell"
        return f"{self.seconds:g} s of the submission"

    def deadline(self, seconds: float) -> float:
        """The moment (``clock.now``) at which an operation that starts now must be done."""
        # A longer one must leave time for others.
        longer = max(seconds, min(seconds * crowding(), self.left / 2))
        return clock.now() + min(longer, self.left)

    def spend(self, seconds: float) -> None:
        """Take off what was used."""
        self.spent += seconds
