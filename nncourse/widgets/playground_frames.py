"""Frames that the kernel sends of its own accord, but none that the front end has not allowed.

A front end that asks for each frame waits for a round trip through Jupyter every time, and
JupyterLab redraws the state of the kernel, busy and idle, with every question. So it allows some
frames ahead, and more when half of them have come. Nothing piles up, a pause is heard between two
frames, and the kernel rests when nobody looks.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

PERIOD = 1 / 40  # seconds from one frame to the next, where the machine is fast enough
REST = 0.001  # seconds at least between frames, in which other threads of the kernel send and hear


class Frames:
    """Calls ``make(number)`` for one frame after the other, with ``lock`` held.

    It does so while ``wanted()`` is true and the number is at most ``allowed``, in the event loop
    that hears the front end.
    """

    def __init__(
        self, lock: AbstractContextManager, wanted: Callable[[], bool],
        make: Callable[[int], None],
    ) -> None:  # fmt: skip
        self.lock, self.wanted, self.make = lock, wanted, make
        self.sent = 0
        self.allowed = 0
        self.task: asyncio.Task[Any] | None = None

    def allow(self, until: int) -> None:
        """Let frames be sent up to this number, counted from the first ever."""
        self.allowed = until
        self.go_on()

    def go_on(self) -> None:
        """Send what is wanted and allowed, unless that is being done."""
        with self.lock:
            # JupyterLab ends the loop of a notebook that is closed, with the task in it.
            busy = self.task is not None and self.task.get_loop().is_running()
            if self._is_another_due() and not busy:
                self.task = asyncio.get_running_loop().create_task(self._send())

    def _is_another_due(self) -> bool:
        return self.wanted() and self.sent < self.allowed

    async def _send(self) -> None:
        while True:
            start = time.perf_counter()
            with self.lock:
                if not self._is_another_due():
                    self.task = None
                    return
                self.sent += 1
                self.make(self.sent)
            await asyncio.sleep(max(REST, start + PERIOD - time.perf_counter()))
