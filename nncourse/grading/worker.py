"""Work items: one submission in, as bytes; its verdict out, as JSON.

A worker is a process that keeps a warm sandbox for the assignment it was last given and grades one
item after the other (``nncourse.grading.bench``). It knows neither course folder nor gradebook. It
is forked from the process that wants it, with what that has made ready; or it is
``python -m nncourse.grading.worker FD``, and makes itself ready. It ends with the process that
started it, and its sandbox ends with it.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from multiprocessing.connection import Connection
from typing import Any

from nncourse.grading.assignment import tool_version
from nncourse.grading.bench import Bench
from nncourse.grading.own import OwnCell
from nncourse.grading.sandbox import SandboxUnavailable
from nncourse.grading.sandbox.inside import kernel

PATIENCE = 5.0  # seconds for a worker to end by itself
ONE_THREAD = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")


def can_fork() -> bool:
    """Whether a worker can be a fork, which has everything loaded: while there is one thread."""
    return threading.active_count() == 1


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


class Worker:
    """The caller's end of a worker process."""

    def __init__(
        self, unsafe: bool = False, bench: Bench | None = None, core: int | None = None
    ) -> None:
        """``bench``: what it is to begin with, if it can be forked. ``core``: where it and its
        sandbox are to run, if not anywhere."""
        self.unsafe = unsafe
        self.core = core
        self.sent = b""
        ours, theirs = socket.socketpair()
        if can_fork():
            self.pid = self._fork(theirs, bench)
        else:
            self.pid = self._spawn(theirs)
        theirs.close()
        self.connection = Connection(ours.detach())

    def _fork(self, end: socket.socket, bench: Bench | None) -> int:
        sys.stdout.flush()
        sys.stderr.flush()
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                os.setsid()
                self._stay(0)
                one_thread()
                file = end.detach()
                if bench is not None:
                    bench.take_over()
                # The other workers' sockets, the gradebook's files.
                kernel.close_all_but({file, *(bench.files if bench is not None else ())})
                serve(file, bench or Bench(self.unsafe))
                code = 0
            finally:
                os._exit(code)
        return pid

    def _spawn(self, end: socket.socket) -> int:
        # -P: the current folder may be that of the submissions.
        command = [sys.executable, "-P", "-m", "nncourse.grading.worker", str(end.fileno())]
        command.append(tool_version())
        environment = {**os.environ, **dict.fromkeys(ONE_THREAD, "1")}
        if self.unsafe:
            command.append("unsafe")
        nothing = subprocess.DEVNULL
        process = subprocess.Popen(
            command, env=environment, pass_fds=[end.fileno()], stdin=nothing, start_new_session=True
        )
        self._stay(process.pid)
        process.returncode = 0  # it is waited for in ``close``
        return process.pid

    def _stay(self, pid: int) -> None:
        if self.core is not None:
            with contextlib.suppress(OSError):  # this machine may have it no longer
                os.sched_setaffinity(pid, {self.core})

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

    def grade(self, assignment: bytes, item: bytes) -> bytes:
        """An item and its result."""
        self.send(assignment, item)
        return self.receive()

    def close(self) -> None:
        """End the process; at once, if it is at work."""
        self.connection.close()
        if not kernel.ends_within(self.pid, PATIENCE):
            self.kill()
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self.pid, 0)

    def kill(self) -> None:
        """Let it go at once."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


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
    trouble = ""
    if sys.argv[2] != tool_version():  # found elsewhere, or renewed in the meantime
        trouble = "it starts another nncourse than it has loaded: install one, and start it anew"
    serve(int(sys.argv[1]), Bench(unsafe="unsafe" in sys.argv[3:]), trouble)


def serve(file: int, bench: Bench, other: str = "") -> None:
    """Serve until the other end closes. ``other``: why nothing can be graded."""
    kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the coordinator decides
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
