"""Work items: one submission in, as bytes; its verdict out, as JSON.

A worker is a process (``nncourse.grading.child``) that keeps a warm sandbox for the assignment it
was last given and grades one item after the other (``nncourse.grading.bench``). It knows neither
course folder nor gradebook. It ends with the process that started it, and its sandbox with it.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from nncourse.grading.bench import Bench
from nncourse.grading.child import Child, attend, other_version
from nncourse.grading.own import OwnCell
from nncourse.grading.sandbox import SandboxUnavailable
from nncourse.grading.sandbox.inside import kernel


def one_thread() -> Any:
    """Let NumPy compute in one thread, for good or in a ``with`` block.

    Workers share the cores, and threads within each would only be in each other's way; and a sum
    has the same order everywhere.
    """
    from threadpoolctl import threadpool_limits

    return threadpool_limits(1)


class WorkerLost(Exception):
    """The worker's process is gone, or answers no more."""


def make_item(
    student: str,
    answers: Mapping[str, str],
    seed: int,
    own: Sequence[OwnCell] = (),
    key: int | None = None,
) -> bytes:
    """A work item. Answers by the names of their cells; the seed draws the inputs; ``own``: code
    cells that the student has added; ``key``: what else is random follows from it, since a test may
    tell the seed by a generator that it makes of it. Default: the seed."""
    item: dict[str, Any] = {"student": student, "answers": dict(answers), "seed": seed}
    item |= {"own": list(own), "key": seed if key is None else key}
    return json.dumps(item, ensure_ascii=True, sort_keys=True).encode()


class Worker(Child):
    """The caller's end of a worker process."""

    def __init__(
        self, unsafe: bool = False, bench: Bench | None = None, core: int | None = None
    ) -> None:
        """``bench``: what it is to begin with, if it can be forked. ``core``: where it and its
        sandbox are to run, if not anywhere."""

        # Not its process: in another container that may be the number of a live one.
        self.mark = f"nncourse-{os.urandom(8).hex()}"

        def begin(file: int) -> None:
            one_thread()
            mine = bench or Bench(unsafe)
            mine.mark = self.mark
            if bench is not None:
                bench.take_over()
            # The other workers' sockets, the gradebook's files.
            kernel.close_all_but({file, *mine.files})
            serve(file, mine)

        arguments = [self.mark, *(["unsafe"] if unsafe else [])]
        super().__init__(begin, __name__, *arguments, core=core)
        self.sent = b""

    def send(self, assignment: bytes, item: bytes) -> None:
        """Begin with an item. The assignment is sent along only if it is another one."""
        try:
            if assignment is not self.sent and assignment != self.sent:
                self.connection.send_bytes(b"a" + assignment)
                self.sent = assignment
            self.connection.send_bytes(b"i" + item)
        except OSError as error:
            raise WorkerLost(str(error)) from None

    def receive(self) -> bytes:
        """The result of the item, as JSON. Raises WorkerLost, SandboxUnavailable."""
        try:
            answer = self.connection.recv_bytes()
        except (OSError, EOFError) as error:
            raise WorkerLost(str(error) or "the worker's process has ended") from None
        if answer[:1] == b"!":
            raise SandboxUnavailable(answer[1:].decode())
        return answer

    def close(self) -> None:
        """End it, and remove what it could not, being killed."""
        super().close()
        with contextlib.suppress(OSError):  # where no folder has room, it had none
            for folder in Path(tempfile.gettempdir()).glob(f"{self.mark}-*"):
                shutil.rmtree(folder, ignore_errors=True)

    def grade(self, assignment: bytes, item: bytes) -> bytes:
        """An item and its result."""
        self.send(assignment, item)
        return self.receive()


def try_nobody(worker: Worker, assignment: bytes) -> None:
    """Let it grade an item of nobody's, and end it; for when a submission's grading was lost.

    Raises SandboxUnavailable if that is lost as well: then no submission is to blame.
    """
    try:
        worker.grade(assignment, make_item("", {}, 0))
    except WorkerLost as error:
        raise SandboxUnavailable(f"not even an empty submission can be graded: {error}") from None
    finally:
        worker.close()


def main() -> None:
    """Serve a coordinator that has started this process anew."""
    attend()
    file, version, mark, *options = sys.argv[1:]
    bench = Bench(unsafe="unsafe" in options)
    bench.mark = mark
    serve(int(file), bench, other_version(version))


def serve(file: int, bench: Bench, other: str = "") -> None:
    """Serve until the other end closes. ``other``: why nothing can be graded."""
    connection = Connection(file)
    trouble = ""  # no submission is to blame for it, so it ends the run
    with contextlib.suppress(EOFError, OSError), bench:
        while True:
            message = connection.recv_bytes()
            if message[:1] == b"a":
                trouble = other or _prepare(bench, message[1:])
                continue
            try:
                if trouble:
                    raise SandboxUnavailable(trouble)
                answer = bench.grade(message[1:])
            except SandboxUnavailable as error:
                answer = b"!" + str(error).encode()
            connection.send_bytes(answer)


def _prepare(bench: Bench, assignment: bytes) -> str:
    """Make it ready; why it can't be, or ''."""
    try:
        bench.prepare(assignment)
    except SandboxUnavailable as error:
        return str(error)
    except Exception as error:  # such as a machine where nothing can be written
        return f"{type(error).__name__}: {error}"
    return ""


if __name__ == "__main__":
    main()
