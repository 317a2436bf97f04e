"""Work items spread over the workers of this machine.

A worker that is lost is replaced, and its item is given to another one; an item that loses its
worker three times is given up, with a reason. Only as many items are taken at a time as workers can
soon use, so the memory needed does not grow with the class.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator
from multiprocessing.connection import wait
from typing import Any

from nncourse.grading.worker import Worker, WorkerLost

TRIES = 3


def cores() -> int:
    """How many processes can run at a time here."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def run_local(
    assignment: bytes,
    items: Iterable[tuple[Any, bytes]],
    count: int | None = None,
    unsafe: bool = False,
) -> Iterator[tuple[Any, bytes | WorkerLost]]:
    """Grade items, (key, work) each; gives (key, result) as they are done, in any order.

    A result is JSON, or WorkerLost for an item that was given up. ``count``: of workers, by default
    one for each core. Raises SandboxUnavailable.
    """
    waiting = iter(items)
    again: list[tuple[Any, bytes, int]] = []
    busy: dict[Worker, tuple[Any, bytes, int]] = {}
    idle: list[Worker] = []
    most = count or cores()
    try:
        while True:
            while idle or len(busy) < most:
                job = again.pop() if again else _next(waiting)
                if job is None:
                    break
                worker = idle.pop() if idle else Worker(unsafe)
                busy[worker] = job
                # A worker that is already gone is noticed when its answer is read.
                with contextlib.suppress(WorkerLost):
                    worker.send(assignment, job[1])
            if not busy:
                return
            ready = wait([worker.connection for worker in busy])
            for worker in [w for w in busy if w.connection in ready]:
                key, work, tries = busy.pop(worker)
                try:
                    result: bytes | WorkerLost = worker.receive()
                except WorkerLost as error:
                    worker.close()
                    if tries < TRIES:
                        again.append((key, work, tries + 1))
                        continue
                    result = error
                except BaseException:
                    worker.close()
                    raise
                else:
                    idle.append(worker)
                yield key, result
    finally:
        for worker in [*busy, *idle]:
            if worker in busy:
                worker.process.kill()
            worker.close()


def _next(waiting: Iterator[tuple[Any, bytes]]) -> tuple[Any, bytes, int] | None:
    job = next(waiting, None)
    return None if job is None else (*job, 1)
