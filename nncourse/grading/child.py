"""A process that works for this one, and can be ended at any time.

It is a fork of this process, with what that has made ready; or it is ``python -m MODULE FD``, and
makes itself ready. It ends with the process that started it.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

from nncourse.grading.assignment import tool_version
from nncourse.grading.sandbox.inside import kernel

PATIENCE = 5.0  # seconds for it to end by itself
ONE_THREAD = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")


def can_fork() -> bool:
    """Whether it can be a fork, which has everything loaded: while there is one thread."""
    return threading.active_count() == 1


class Child:
    """The caller's end of it: ``connection`` leads to the other one."""

    def __init__(
        self, serve: Callable[[int], None], module: str, *arguments: str, core: int | None = None
    ) -> None:
        """``serve``: what a fork does, told its end, until that is closed; of the files that were
        open it keeps what it needs. ``module``: whose ``main`` does the same, told the number of
        its end, ``tool_version`` and the ``arguments``. ``core``: where it is to run, if not
        anywhere.
        """
        self.core = core
        ours, theirs = socket.socketpair()
        if can_fork():
            self.pid = self._fork(theirs, serve)
        else:
            self.pid = self._spawn(theirs, module, *arguments)
        theirs.close()
        self.connection = Connection(ours.detach())

    def _fork(self, end: socket.socket, serve: Callable[[int], None]) -> int:
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:  # as where the command was started with it closed
                stream.flush()
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                os.setsid()
                self._stay(0)
                attend()
                serve(end.detach())
                code = 0
            finally:
                os._exit(code)
        return pid

    def _spawn(self, end: socket.socket, module: str, *arguments: str) -> int:
        # -P: the current folder may be that of the submissions.
        command = [sys.executable, "-P", "-m", module, str(end.fileno()), tool_version()]
        environment = {**os.environ, **dict.fromkeys(ONE_THREAD, "1")}
        process = subprocess.Popen(
            [*command, *arguments],
            env=environment,
            pass_fds=[end.fileno()],
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
        self._stay(process.pid)
        process.returncode = 0  # it is waited for in ``close``
        return process.pid

    def _stay(self, pid: int) -> None:
        if self.core is not None:
            with contextlib.suppress(OSError):  # this machine may have it no longer
                os.sched_setaffinity(pid, {self.core})

    def close(self) -> None:
        """End it; at once, if it is at work."""
        self.connection.close()
        if not kernel.ends_within(self.pid, PATIENCE):
            self.kill()
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self.pid, 0)

    def kill(self) -> None:
        """Let it go at once."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def attend() -> None:
    """Be one: end with the process that has started this one, and leave Ctrl-C to it."""
    kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) != signal.SIG_IGN:  # it may be the command's own way to end
            signal.signal(number, signal.SIG_DFL)
    # Who has started the command may not care for how its children end; this process does.
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)


def other_version(version: str) -> str:
    """Why a process that was started anew can't work for one of this ``version``, or ''."""
    if version == tool_version():
        return ""
    # It was found elsewhere, or renewed in the meantime.
    return "it starts another nncourse than it has loaded: install one, and start it anew"
