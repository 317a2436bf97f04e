"""The grader's end of a session's guardian: it ends the session, and knows how it ended."""

from __future__ import annotations

import contextlib
import json
import select
import socket
from collections.abc import Callable
from typing import Any

from nncourse.grading.sandbox import clock
from nncourse.grading.sandbox.inside import CUT_OFF

GRACE = 5.0  # seconds for a killed session to be gone
LEAVING = 1.0  # seconds for a session that has closed its end to be gone by itself


class Guard:
    """``memory_kills``: how many processes the kernel has killed so far for want of memory.
    ``reached``: how often that was for the session's own bound.
    """

    def __init__(
        self, end: socket.socket, memory_kills: Callable[[], int], reached: Callable[[], int] = int
    ) -> None:
        self.socket = end
        self._memory_kills = memory_kills
        self._kills_before = memory_kills()
        self._reached = reached
        self._reached_before = reached()
        self._gone = False
        self.shot = False  # by the system, since the machine was short of memory, or by a person

    def begin(self) -> None:
        """What was killed before is not the session's."""
        self._kills_before = self._memory_kills()
        self._reached_before = self._reached()

    def end(self, wait: bool = True) -> dict[str, Any]:
        """End all processes of the session; returns the guardian's last message."""
        if self._gone:
            return {}
        self._gone = True
        try:
            self.socket.shutdown(socket.SHUT_WR)
            lines = read_lines(self.socket, clock.now() + GRACE) if wait else []
        except OSError:
            lines = []
        self.socket.close()
        return lines[-1] if lines else {}

    def death(self, cpu_seconds: float) -> tuple[str, str]:
        """Why the process or its connection is gone (kind and text), from what the guardian and the
        kernel say.

        ``cpu_seconds``: how much it might use.
        """
        poll = select.poll()
        poll.register(self.socket, select.POLLIN)
        left = clock.wait(poll, clock.now() + LEAVING)
        message = self.end()
        status = message.get("status")
        # The first process of a session can't be killed from within. Where it has only closed its
        # end, it is killed here.
        own = message.get("memory") or self._reached() > self._reached_before
        self.shot = bool(left) and status == -9 and not own
        if message.get("memory") or self._memory_kills() > self._kills_before:
            return "memory", "it used more memory than there is for it"
        # The kernel bounds it by its ticks and reports it exactly: less, where the machine is busy
        # or one of several on a host.
        if status == -9 and message.get("cpu", 0.0) >= 0.5 * cpu_seconds:
            self.shot = False
            return "cpu", f"it used more than {cpu_seconds} s of processor time"
        if "failed" in message:
            return "killed", f"the session could not be ended in order: {message['failed']}"
        if not left or status == CUT_OFF:
            return "protocol", "it has broken off its connection with the grader"
        if status is not None and status < 0:
            return "killed", f"its process was ended by signal {-status}"
        return "exit", "it ended its process"


def read_lines(end: socket.socket, deadline: float, count: int | None = None) -> list[dict]:
    """JSON lines from a trusted process: ``count`` of them, or until it closes its end."""
    data = b""
    poll = select.poll()
    poll.register(end, select.POLLIN)
    while count is None or data.count(b"\n") < count:
        if not clock.wait(poll, deadline):
            break
        part = b""
        with contextlib.suppress(ConnectionResetError):  # it has gone without hearing all
            part = end.recv(4096)
        if not part:
            break
        data += part
    return [json.loads(line) for line in data.splitlines()]
