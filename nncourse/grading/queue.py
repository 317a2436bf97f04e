"""Work items spread over the workers of this machine.

A worker that is lost is replaced, and its item is given to another one; an item that loses its
worker three times is given up, with a reason. Only as many items are taken at a time as workers can
soon use, so the memory needed does not grow with the class.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from multiprocessing.connection import wait
from typing import Any

from nncourse.grading.bench import Bench
from nncourse.grading.child import can_fork
from nncourse.grading.sandbox import SandboxUnavailable
from nncourse.grading.worker import Worker, WorkerLost, one_thread, try_nobody

TRIES = 3


def cores() -> list[int]:
    """On which this process may run."""
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


class Workers:
    """The workers of this machine: up to ``count`` of them, by default one for each core.

    Where this process has no other threads, it makes ready for the assignment itself, once, and
    workers are forks of it.
    """

    def __init__(self, count: int | None = None, unsafe: bool = False) -> None:
        self.unsafe = unsafe
        self.most = len(cores()) if count is None else count
        self.bench = Bench(unsafe)
        self.idle: list[Worker] = []
        self.busy: dict[Worker, tuple[Any, bytes, int]] = {}

    def begin(self, assignment: bytes) -> None:
        """Let the sandbox start, while the items are still to be made.

        Where it can't, ``run`` says so, if there are any.
        """
        if can_fork():
            with contextlib.suppress(SandboxUnavailable, OSError):
                self.bench.begin(assignment)

    def run(
        self, assignment: bytes, items: Iterable[tuple[Any, bytes]]
    ) -> Iterator[tuple[Any, bytes | WorkerLost]]:
        """Grade items, (key, work) each; gives (key, result) as they are done, in any order.

        A result is JSON, or WorkerLost for an item that was given up. Raises SandboxUnavailable.
        """
        waiting = iter(items)
        ahead: deque[tuple[Any, bytes, int]] = deque()
        done: tuple[Any, bytes | WorkerLost] | None = None
        while True:
            while self.idle or len(self.busy) < self.most:
                job = ahead.popleft() if ahead else _next(waiting)
                if job is None:
                    break
                worker = self.idle.pop() if self.idle else self._hire(assignment)
                self.busy[worker] = job
                # A worker that is already gone is noticed when its answer is read.
                with contextlib.suppress(WorkerLost):
                    worker.send(assignment, job[1])
            # Meanwhile the caller's part, and items ahead: one at a time, so that no worker that
            # has finished waits for long.
            patience: float | None = 0.0
            if done is not None:
                yield done
                done = None
            elif len(ahead) < self.most and (job := _next(waiting)) is not None:
                ahead.append(job)
            elif self.busy:
                patience = None
            else:
                return
            ready = wait([worker.connection for worker in self.busy], patience)
            found = next((worker for worker in self.busy if worker.connection in ready), None)
            if found is None:
                continue
            key, work, tries = self.busy.pop(found)
            try:
                result: bytes | WorkerLost = found.receive()
            except WorkerLost as error:
                found.close()
                if tries < TRIES:
                    ahead.append((key, work, tries + 1))
                    continue
                try_nobody(self._hire(assignment), assignment)
                result = error
            except BaseException:
                found.close()
                raise
            else:
                self.idle.append(found)
            done = key, result

    def _hire(self, assignment: bytes) -> Worker:
        if not can_fork():
            return Worker(self.unsafe, core=self._core())
        with one_thread():
            self.bench.prepare(assignment)
            return Worker(self.unsafe, self.bench, self._core())

    def _core(self) -> int | None:
        """For the next worker, where there are no more cores than workers.

        A worker and its sandbox take turns, a hundred times for each item, and to wake another core
        takes longer than most turns.
        """
        known = cores()
        taken = [worker.core for worker in (*self.busy, *self.idle)]
        return min(known, key=taken.count) if len(known) <= self.most else None

    @contextlib.contextmanager
    def ending(self) -> Iterator[None]:
        """End them all while the block runs, which must not need them."""
        end = threading.Thread(target=self.close)
        end.start()
        try:
            yield
        finally:
            end.join()

    def close(self) -> None:
        """End them all."""
        for worker in self.busy:
            worker.kill()
        for worker in [*self.busy, *self.idle]:
            worker.connection.close()
        self.bench.close()
        for worker in [*self.busy, *self.idle]:
            worker.close()
        self.busy, self.idle = {}, []

    def __enter__(self) -> Workers:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def run_local(
    assignment: bytes,
    items: Iterable[tuple[Any, bytes]],
    count: int | None = None,
    unsafe: bool = False,
) -> Iterator[tuple[Any, bytes | WorkerLost]]:
    """``Workers.run`` with workers that end with it."""
    with Workers(count, unsafe) as workers:
        yield from workers.run(assignment, items)


def _next(waiting: Iterator[tuple[Any, bytes]]) -> tuple[Any, bytes, int] | None:
    job = next(waiting, None)
    return None if job is None else (*job, 1)
