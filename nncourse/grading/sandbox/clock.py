"""The clock of a grading process, which stands still while the process does.

Stopped by Ctrl-Z, frozen with its container, or moved with its machine, it must not find that an
answer was late in the meantime. So it waits in short spells, and what one of them takes too long
does not count.
"""

from __future__ import annotations

import select
import time

SPELL = 0.5  # seconds
BUSY = 1.0  # seconds more than that, for which a busy machine may be the reason

_stood = 0.0


def now() -> float:
    """Seconds, as of ``time.monotonic``, less those in which this process stood still."""
    return time.monotonic() - _stood


def wait(poll: select.poll, deadline: float | None = None) -> bool:
    """Wait until there is something to do; False if that isn't so at the deadline, by ``now``."""
    global _stood
    if deadline is None:
        return bool(poll.poll())
    while (spell := min(SPELL, deadline - now())) > 0:
        start = time.monotonic()
        ready = poll.poll(spell * 1000 + 1)
        took = time.monotonic() - start
        if took > spell + BUSY:
            _stood += took - spell
        if ready:
            return True
    return False
