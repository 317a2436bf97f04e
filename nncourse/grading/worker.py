"""Work items: one submission in, as bytes; its verdict out, as JSON.

``python -m nncourse.grading.worker FD`` is a process that keeps a warm sandbox for the assignment
it was last given and grades one item after the other. For each it forks an oracle, which is ended
when it takes too long or too much memory; then the item is graded once more, without the question
at which that happened. The process knows neither course folder nor gradebook. It ends with the
process that started it, and its sandbox ends with it.
"""

from __future__ import annotations

import contextlib
import gc
import hashlib
import json
import math
import os
import resource
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from multiprocessing.connection import Connection
from typing import Any, NoReturn

from nncourse import language
from nncourse.grading.assignment import Assignment
from nncourse.grading.sandbox import Limits, Sandbox, SandboxUnavailable, Session
from nncourse.grading.sandbox.inside import kernel
from nncourse.grading.sandbox.library import WithheldError
from nncourse.grading.sandbox.limits import MB

OWN_SECONDS = 60.0  # for the graded cells themselves, beyond what the student's code may take
OWN_MEMORY = 2048 * MB
SELDOM = (
    50_000  # objects between two collections in a process that lives for a fraction of a second
)
PATIENCE = 5.0  # seconds for a worker to end by itself
RETRIES = 2  # with a new warm process
ONE_THREAD = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")


class WorkerLost(Exception):
    """The worker's process is gone, or answers no more."""


def make_item(student: str, answers: Mapping[str, str], seed: int) -> bytes:
    """A work item. Answers by the names of their cells; the seed draws the inputs."""
    item = {"student": student, "answers": dict(answers), "seed": seed}
    return json.dumps(item, ensure_ascii=True, sort_keys=True).encode()


class Worker:
    """The caller's end of a worker process."""

    def __init__(self, unsafe: bool = False) -> None:
        self.unsafe = unsafe
        self.sent = b""
        ours, theirs = socket.socketpair()
        if threading.active_count() == 1:
            self.pid = self._fork(theirs)
        else:
            self.pid = self._spawn(theirs)
        theirs.close()
        self.connection = Connection(ours.detach())

    def _fork(self, end: socket.socket) -> int:
        """A fork has everything loaded; it is safe as long as there is one thread."""
        sys.stdout.flush()
        sys.stderr.flush()
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                os.setsid()
                os.environ.update(dict.fromkeys(ONE_THREAD, "1"))
                file = os.dup2(end.detach(), 3)
                os.closerange(4, 4096)  # the other workers' sockets, the gradebook's files
                serve(file, self.unsafe)
                code = 0
            finally:
                os._exit(code)
        return pid

    def _spawn(self, end: socket.socket) -> int:
        command = [sys.executable, "-m", "nncourse.grading.worker", str(end.fileno())]
        environment = {**os.environ, **dict.fromkeys(ONE_THREAD, "1")}
        if self.unsafe:
            command.append("unsafe")
        nothing = subprocess.DEVNULL
        process = subprocess.Popen(
            command, env=environment, pass_fds=[end.fileno()], stdin=nothing, start_new_session=True
        )
        process.returncode = 0  # it is waited for in ``close``
        return process.pid

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
        end = time.monotonic() + PATIENCE
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(self.pid, os.WNOHANG)[0] == 0:
                if time.monotonic() > end:
                    self.kill()
                    end = math.inf
                time.sleep(0.002)

    def kill(self) -> None:
        """Let it go at once."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def main() -> None:
    """Serve a coordinator that has started this process anew."""
    serve(int(sys.argv[1]), unsafe="unsafe" in sys.argv[2:])


def serve(file: int, unsafe: bool) -> None:
    """Serve until the other end closes."""
    kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the coordinator decides
    connection = Connection(file)
    bench = Bench(unsafe)
    trouble = ""  # no submission is to blame for it, so it ends the run
    with contextlib.suppress(EOFError, OSError), bench:
        while True:
            message = connection.recv_bytes()
            if message[:1] == b"a":
                try:
                    bench.prepare(message[1:])
                    trouble = ""
                except (OSError, WithheldError) as error:
                    trouble = f"the sandbox can't be made: {error}"
                continue
            try:
                if trouble:
                    raise SandboxUnavailable(trouble)
                answer = bench.grade(message[1:])
            except SandboxUnavailable as error:
                answer = b"!" + str(error).encode()
            connection.send_bytes(answer)


class Bench:
    """A worker's own: the assignment, its sandbox, and the grading of an item."""

    def __init__(self, unsafe: bool = False) -> None:
        self.unsafe = unsafe
        self.assignment: Assignment | None = None
        self.sandbox: Sandbox | None = None
        self._rules: Any = None
        self._pieces: list[Any] = []
        self._rehearsed = False
        self._spare: Session | None = None
        self._digest = b""

    def prepare(self, data: bytes) -> None:
        """Make ready for an assignment; the sandbox stays if its rules are the same."""
        digest = hashlib.sha256(data).digest()
        if digest == self._digest:
            return
        self.assignment, self._digest = Assignment.from_bytes(data), digest
        if self.sandbox is None or self._rules != self.assignment.rules:
            if self.sandbox is not None:
                self._end_spare()
                self.sandbox.close()
            self._rules = self.assignment.rules
            self.sandbox = make_sandbox(self._rules, self.unsafe, self.assignment.draws)
        # The sandbox loads what it needs while this process does.
        starting = threading.Thread(target=self._start)
        starting.start()
        self._load()
        starting.join()
        gc.collect()
        gc.freeze()  # so that forks copy fewer pages

    def _load(self) -> None:
        from nncourse.grading.rehearsal import load

        assert self.assignment is not None
        self._pieces = load(self.assignment)
        self._rehearsed = False

    def _start(self) -> None:
        assert self.sandbox is not None
        with contextlib.suppress(SandboxUnavailable):  # told when the first item is to be graded
            self.sandbox.start()

    def grade(self, item: bytes) -> bytes:
        """The verdict on an item, as JSON. Raises SandboxUnavailable."""
        assert self.assignment is not None
        assert self.sandbox is not None
        work = json.loads(item)
        given_up: dict[str, str] = {}
        seconds = self.sandbox.limits.submission_seconds + OWN_SECONDS
        start = time.monotonic()
        lost = 0
        while True:
            self.sandbox.start()
            left = min(seconds, start + 2 * seconds - time.monotonic())
            answer, at, why = _fork(
                lambda say: self._oracle(work, given_up, say), left, self._make_ready
            )
            if answer is not None and "unavailable" in answer and lost < RETRIES:
                lost += 1  # the warm process has died; the next start makes another
                self._end_spare()
                self.sandbox.close()
                continue
            if answer is not None:
                break
            # Questions that each take their time must not hold up the class.
            if not at or at in given_up or left < seconds:
                answer = {"student": work["student"], "failed": why}
                break
            given_up[at] = why
        if "unavailable" in answer:
            raise SandboxUnavailable(answer["unavailable"])
        answer["seconds"] = time.monotonic() - start
        return json.dumps(answer, ensure_ascii=True).encode()

    def _make_ready(self) -> None:
        """For the next item, while an oracle has the session that was at hand."""
        from nncourse.grading.rehearsal import rehearse

        assert self.assignment is not None
        assert self.sandbox is not None
        if self._spare is not None:
            self._spare.hand_over()
        self._spare = self.sandbox.spare()
        if not self._rehearsed:
            with language.using(self.assignment.language):
                rehearse(self._pieces)
            gc.collect()
            gc.freeze()
            self._rehearsed = True

    def _oracle(
        self, work: dict[str, Any], given_up: dict[str, str], say: Callable[[str], None]
    ) -> dict[str, Any]:
        from nncourse.grading.oracle import Oracle

        assert self.assignment is not None
        assert self.sandbox is not None
        try:
            with language.using(self.assignment.language):
                for piece in self._pieces:
                    with contextlib.suppress(Exception):  # then the check itself draws
                        piece.task(work["seed"], quick=True)
                oracle = Oracle(
                    self.assignment,
                    self.sandbox,
                    work["answers"],
                    work["seed"],
                    say,
                    given_up,
                    self._spare,
                )
                outcome = oracle.grade().to_json()
        except SandboxUnavailable as error:
            return {"unavailable": str(error)}
        return {"student": work["student"], "seed": work["seed"], **outcome}

    def close(self) -> None:
        """End the sandbox."""
        self._end_spare()
        if self.sandbox is not None:
            self.sandbox.close()

    def _end_spare(self) -> None:
        if self._spare is not None:
            self._spare.close(wait=False)
            self._spare = None

    def __enter__(self) -> Bench:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def make_sandbox(rules: Mapping[str, Any], unsafe: bool = False, draws: bool = True) -> Sandbox:
    """The sandbox that the rules of an assignment ask for, not yet started.

    ``draws``: whether most submissions will use matplotlib.
    """
    known = {field.name for field in fields(Limits)}
    given = {name: value for name, value in rules["limits"].items() if name in known}
    packages = list(rules["packages"])
    pyplot = ["matplotlib", "matplotlib.pyplot"] if "matplotlib" in packages else []
    preload = ["numpy"] if "numpy" in packages else []
    preload += pyplot if draws else []
    withheld = list(rules["withheld"])
    if withheld != ["nncourse"]:
        preload += ["nncourse", "nncourse.data.digits:_split"]
        preload += ["nncourse.check", "nncourse.plots"] if pyplot else ["nncourse.check"]
    return Sandbox(
        replace(Limits(), **given),
        withheld=withheld,
        packages=packages,
        preload=preload,
        defer=[] if draws else pyplot,
        unsafe=unsafe,
    )


def _fork(
    work: Callable[[Callable[[str], None]], dict[str, Any]],
    seconds: float,
    meanwhile: Callable[[], None],
) -> tuple[dict[str, Any] | None, str, str]:
    """Do ``work`` in a fork: (its answer or None, what it said it was at last, why it failed).

    ``meanwhile``: done here while that goes on.
    """
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reading)
        _child(work, writing)
    os.close(writing)
    meanwhile()
    deadline = time.monotonic() + seconds
    data = bytearray()
    why = ""
    poll = select.poll()
    poll.register(reading, select.POLLIN)
    while True:
        left = deadline - time.monotonic()
        if left <= 0 or not poll.poll(left * 1000 + 1):
            why = f"grading took more than {seconds:g} s"
            break
        part = os.read(reading, 1 << 16)
        if not part:
            break
        data += part
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    os.close(reading)
    answer, at = None, ""
    for line in bytes(data).splitlines():
        with contextlib.suppress(ValueError):
            message = json.loads(line)
            answer, at = message.get("answer", answer), message.get("at", at)
    return answer, at, why or f"the grading process ended with status {status}"


def _child(work: Callable[[Callable[[str], None]], dict[str, Any]], writing: int) -> NoReturn:
    kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)
    try:
        with open("/proc/self/statm") as file:
            used = int(file.read().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + OWN_MEMORY,) * 2)
        gc.set_threshold(SELDOM)
        _write(writing, {"answer": work(lambda at: _write(writing, {"at": at}))})
    except BaseException as error:
        with contextlib.suppress(BaseException):
            _write(writing, {"answer": {"failed": f"{type(error).__name__}: {error}"}})
    finally:
        os._exit(0)


def _write(file: int, message: dict[str, Any]) -> None:
    data = json.dumps(message, ensure_ascii=True).encode() + b"\n"
    while data:
        data = data[os.write(file, data) :]


if __name__ == "__main__":
    main()
