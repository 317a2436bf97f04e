"""Processes that are forks of a worker's, shut in, in which oracles work.

One ends with its submission, and with it whatever a graded cell has left behind (``in_fork``).
Where graded cells are nothing but checks, no line of a lecturer's could leave anything; and since
a new process costs as much as many checks, one works for several submissions (``Turns``), until
something happens to one of them.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import resource
import select
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NoReturn

from nncourse.grading.sandbox import clock
from nncourse.grading.sandbox.inside import kernel
from nncourse.grading.sandbox.limits import MB

OWN_MEMORY = 2048 * MB
# Objects between two collections, in a process that lives for a fraction of a second.
SELDOM = 50_000
MOST_TURNS = 50
LEAVING = 10.0  # seconds for its last session to be gone
GROWTH = 64 * MB  # of a process that takes turns, which is then replaced

Say = Callable[[str], None]
Told = tuple[dict[str, Any] | None, str, str]
"""An answer or None, what was said to be at work last, and why there is no answer."""


def in_fork(
    work: Callable[[Say], dict[str, Any]],
    seconds: float,
    meanwhile: Callable[[], None],
    shut_in: Callable[[int], None],
) -> Told:
    """Do ``work`` in a fork. It is handed a function by which it says what it is at.

    ``meanwhile``: done here while that goes on. ``shut_in``: done there before, told the open file
    by which the answer comes.
    """
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reading)
        _child(lambda: _answer(work, writing), partial(shut_in, writing), writing)
    os.close(writing)
    meanwhile()
    data, why = _read(reading, clock.now() + seconds, lambda data: False)
    why = why and f"grading took more than {seconds:g} s"
    status = _end(pid)
    os.close(reading)
    answer, at = _understood(data)
    return answer, at, why or f"the grading process ended with status {status}"


class Turns:
    """A fork that works for one item after the other.

    work(item, say): the answer, and whether another item may follow. afterwards(more): done there
    when it was given, before another item is asked for or, without ``more``, it ends. ``shut_in``:
    as for ``in_fork``.
    """

    def __init__(
        self,
        work: Callable[[bytes, Say], tuple[dict[str, Any], bool]],
        afterwards: Callable[[bool], None],
        shut_in: Callable[[int], None],
    ) -> None:
        ours, theirs = socket.socketpair()
        self.pid = os.fork()
        if self.pid == 0:
            ours.close()
            file = theirs.detach()
            _child(lambda: _take_turns(work, afterwards, file), partial(shut_in, file), file)
        theirs.close()
        self.socket = ours
        self.over = False

    def ask(self, item: bytes, seconds: float) -> Told:
        """The answer to an item. Where there is none, or no other may follow, it is ``over``."""
        answer, at, why = None, "", ""
        try:
            self.socket.sendall(len(item).to_bytes(8, "big") + item)
            data, why = _read(self.socket.fileno(), clock.now() + seconds, _is_answer)
            answer, at = _understood(data)
        except OSError as error:
            why = str(error)
        self.over = answer is None or not answer.pop("more", False)
        if answer is None:
            status = self.end()
            why = f"grading took more than {seconds:g} s" if why else ""
            why = why or f"the grading process ended with status {status}"
        elif self.over:
            with contextlib.suppress(OSError):
                _read(self.socket.fileno(), clock.now() + LEAVING, lambda data: False)
            self.end()
        return answer, at, why

    def end(self) -> int:
        """End it; its exit status."""
        self.over = True
        if not self.pid:
            return 0
        status, self.pid = _end(self.pid), 0
        self.socket.close()
        return status


@contextlib.contextmanager
def folder_of_its_own(mark: str) -> Iterator[str]:
    """For what a test writes, which no other one finds, however deep it makes its folders."""
    folder = tempfile.mkdtemp(prefix=f"{mark}-")
    try:
        yield folder
    finally:
        with contextlib.suppress(OSError, RecursionError):
            shutil.rmtree(folder)
        if os.path.exists(folder):
            subprocess.run(["rm", "-rf", folder], check=False, stderr=subprocess.DEVNULL)


def bound_memory(more: int) -> None:
    """Let this process take so many bytes more than it has now, if the machine allows as many."""
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    most = _memory() + more
    most = most if hard == resource.RLIM_INFINITY else min(most, hard)
    resource.setrlimit(resource.RLIMIT_AS, (most, most))


def _child(work: Callable[[], None], shut_in: Callable[[], None], file: int) -> NoReturn:
    kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)
    try:
        bound_memory(OWN_MEMORY)
        gc.set_threshold(SELDOM)
        shut_in()
        work()
    except BaseException as error:
        with contextlib.suppress(BaseException):
            _write(file, {"answer": {"failed": f"{type(error).__name__}: {error}"}})
    finally:
        os._exit(0)


def _answer(work: Callable[[Say], dict[str, Any]], file: int) -> None:
    _write(file, {"answer": work(lambda at: _write(file, {"at": at}))})


def _take_turns(
    work: Callable[[bytes, Say], tuple[dict[str, Any], bool]],
    afterwards: Callable[[bool], None],
    file: int,
) -> None:
    most = _memory() + GROWTH
    for turn in range(1, MOST_TURNS + 1):
        size = int.from_bytes(_exactly(file, 8), "big")
        answer, more = work(_exactly(file, size), lambda at: _write(file, {"at": at}))
        more = more and turn < MOST_TURNS and _memory() < most
        _write(file, {"answer": {**answer, "more": more}})
        afterwards(more)
        if not more:
            return


def _exactly(file: int, size: int) -> bytes:
    data = bytearray()
    while len(data) < size:
        part = os.read(file, size - len(data))
        if not part:
            os._exit(0)  # nobody asks any more
        data += part
    return bytes(data)


def _memory() -> int:
    with open("/proc/self/statm") as file:
        return int(file.read().split()[0]) * resource.getpagesize()


def _write(file: int, message: dict[str, Any]) -> None:
    data = json.dumps(message, ensure_ascii=True).encode() + b"\n"
    while data:
        data = data[os.write(file, data) :]


def _read(file: int, deadline: float, enough: Callable[[bytearray], bool]) -> tuple[bytearray, str]:
    """What is said until it is enough, or the other end closes; "late" if the deadline passes."""
    data = bytearray()
    poll = select.poll()
    poll.register(file, select.POLLIN)
    while not enough(data):
        if not clock.wait(poll, deadline):
            return data, "late"
        part = os.read(file, 1 << 16)
        if not part:
            break
        data += part
    return data, ""


def _is_answer(data: bytearray) -> bool:
    if not data.endswith(b"\n"):
        return False
    return data[data.rfind(b"\n", 0, -1) + 1 :].startswith(b'{"answer"')


def _understood(data: bytearray) -> tuple[dict[str, Any] | None, str]:
    """The answer, and what was said to be at work last."""
    answer, at = None, ""
    for line in bytes(data).splitlines():
        with contextlib.suppress(ValueError):
            message = json.loads(line)
            answer, at = message.get("answer", answer), message.get("at", at)
    return answer, at


def _end(pid: int) -> int:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
