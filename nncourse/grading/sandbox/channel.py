"""Frames over a socket, with a deadline for each.

Both ends use it; only the grader's end relies on it. A peer that sends slowly, not at all, or
announces more than the limits is given up at the deadline, before memory is taken for it.
"""

from __future__ import annotations

import select
import socket
from collections.abc import Callable
from typing import Any

from nncourse.grading.sandbox import clock
from nncourse.grading.sandbox.wire import (
    LIMITS,
    PREFIX,
    Reference,
    WireError,
    WireLimits,
    decode,
    encode,
    lengths,
)

STALL = 15.0  # seconds within which more of a frame must come that has begun, on a busy machine too


class Closed(Exception):
    """The other end is gone."""


class Late(Exception):
    """The deadline has passed."""


class Channel:
    """One end of a socket pair that carries frames."""

    def __init__(self, end: socket.socket, limits: WireLimits = LIMITS) -> None:
        self.socket = end
        self.limits = limits

    def send(
        self,
        value: Any,
        deadline: float | None = None,
        refer: Callable[[Any], Reference] | None = None,
    ) -> None:
        """Send a value. Raises WireError (nothing was sent), Closed or Late."""
        self.send_frame(encode(value, self.limits, refer), deadline)

    def send_frame(self, frame: bytes, deadline: float | None = None) -> None:
        """Send what ``encode`` made."""
        left = memoryview(frame)
        while left:
            try:
                sent = self.socket.send(left, socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL)
                left = left[sent:]
            except BlockingIOError:
                self._wait(select.POLLOUT, deadline)
            except OSError as error:
                raise Closed(str(error)) from None

    def receive(
        self,
        deadline: float | None = None,
        resolve: Callable[[Reference], Any] | None = None,
    ) -> Any:
        """The next value. Raises WireError, Closed or Late."""
        return decode(self.receive_frame(deadline), self.limits, resolve)

    def receive_frame(self, deadline: float | None = None) -> bytearray:
        """The next frame, not yet decoded. With a deadline, one that breaks off is a WireError."""
        # Also for a peer that sends so fast that nobody ever has to wait for it.
        if deadline is not None and clock.now() > deadline:
            raise Late("the deadline has passed")
        prefix = self._read(bytearray(PREFIX.size), 0, deadline)
        frame = prefix + bytearray(sum(lengths(bytes(prefix), self.limits)))
        return self._read(frame, PREFIX.size, deadline)

    def close(self) -> None:
        """Close this end."""
        self.socket.close()

    def _read(self, frame: bytearray, at: int, deadline: float | None) -> bytearray:
        view = memoryview(frame)
        while at < len(frame):
            try:
                count = self.socket.recv_into(view[at:], 0, socket.MSG_DONTWAIT)
            except BlockingIOError:
                self._wait_for_more(at > 0, deadline)
                continue
            except OSError as error:
                raise Closed(str(error)) from None
            if count == 0:
                raise Closed("the other end has closed")
            at += count
        view.release()
        return frame

    def _wait_for_more(self, begun: bool, deadline: float | None) -> None:
        if deadline is None or not begun:
            return self._wait(select.POLLIN, deadline)
        soon = clock.now() + STALL
        try:
            self._wait(select.POLLIN, min(soon, deadline))
        except Late:
            # Who sends a frame has all of it; what is no frame may look like the beginning of one.
            if soon < deadline:
                raise WireError("a frame that breaks off") from None
            raise

    def _wait(self, event: int, deadline: float | None) -> None:
        poll = select.poll()
        poll.register(self.socket, event)
        if not clock.wait(poll, deadline):
            raise Late("the deadline has passed")


__all__ = ["Channel", "Closed", "Late", "WireError"]
