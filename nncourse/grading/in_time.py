"""What a student wrote is read and drawn within a time, whatever it is.

Readers of Markdown and painters of code take hours for some texts, and no list of such texts is
complete. While the formgrader draws one, Jupyter does nothing else; while the feedback is made of
one, a class waits. So drawing is given up when its time is over, and the text is shown as it was
written.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from html import escape
from typing import Any, TypeVar

from nncourse.check.call import listen_as_before

T = TypeVar("T")

EACH = 2.0  # seconds of computing for one text
PAGE = 6.0  # for all texts of a page
# A text makes little more HTML than it is long; whoever reads that once more takes time as well.
LARGER = 50  # times as long, at most
FREE = 10_000  # characters of HTML that any text may make

Draw = Callable[[], str]


class _Late(BaseException):
    """The time is over. No library may take it for an error of its own."""


class Allowance:
    """The time for the texts of one page."""

    def __init__(self, page: float = PAGE, each: float = EACH) -> None:
        self.left, self.each = page, each

    def html(self, draw: Draw, text: str) -> str:
        """What ``draw`` makes of a text, or the text as it was written, if that takes too long."""
        before = time.process_time()
        made = in_time(draw, min(self.each, self.left)) if self.left > 0 else None
        self.left -= time.process_time() - before
        if made is None or len(made) > LARGER * len(text) + FREE:
            return f"<pre>{escape(text)}</pre>"
        return made


def in_time(work: Callable[[], T], seconds: float) -> T | None:
    """What ``work`` gives, or None if this process has then computed for longer.

    Only the main thread of a process can be interrupted; in another one nothing is done. On
    Windows, which can't interrupt at all, it takes its time.
    """
    if not hasattr(signal, "setitimer"):
        return work()

    def stop(*_: Any) -> None:
        raise _Late

    try:
        earlier = signal.signal(signal.SIGVTALRM, stop)
    except ValueError:  # not in the main thread
        return None
    try:
        try:
            # Again and again: the first may come where Python ignores what is raised.
            signal.setitimer(signal.ITIMER_VIRTUAL, seconds, seconds / 10)
            return work()
        finally:
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)
    except _Late:
        return None
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        listen_as_before(signal.SIGVTALRM, earlier)
