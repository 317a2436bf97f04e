"""Memory of all processes of a session together, where no control group bounds it.

An rlimit bounds each process for itself, so many processes could take many times as much. The
guardian therefore looks every few milliseconds. Pages shared with the warm process since the fork
are not the session's, so each process is allowed as much as the warm process holds.

Memory that processes share with each other need not be mapped to be held, so it counts as far as
there are addresses for it: whatever is mapped and is no private data.
"""

from __future__ import annotations

import contextlib
import os
import resource

INTERVAL = 50  # milliseconds


class Watch:
    """Made before ``/proc`` is covered; ``used`` is asked later."""

    def __init__(self) -> None:
        self.folder = os.open("/proc", os.O_RDONLY | os.O_DIRECTORY)
        # Its own number as this /proc counts, which may be that of an outer namespace.
        self.own = int(os.readlink("self", dir_fd=self.folder))
        self.before = self._held(self.own)

    def used(self) -> int:
        """Bytes that the processes below this one have taken since the fork."""
        parents = {}
        for name in os.listdir(self.folder):
            if name.isdigit():
                with contextlib.suppress(OSError, ValueError, IndexError):
                    parents[int(name)] = int(self._read(name, "stat").rpartition(")")[2].split()[1])
        below: set[int] = set()
        fresh = {self.own}
        while fresh:
            fresh = {pid for pid, parent in parents.items() if parent in fresh} - below
            below |= fresh
        held = [self._held(pid) for pid in below]
        return sum(max(0, n - m) for each in held for n, m in zip(each, self.before, strict=True))

    def _held(self, pid: int) -> tuple[int, int]:
        """Bytes of private data in memory, and bytes of addresses that are for anything else."""
        with contextlib.suppress(OSError, ValueError):
            fields = [int(field) for field in self._read(str(pid), "statm").split()]
            size, resident, shared, _code, _none, data, _dirty = fields
            page = resource.getpagesize()
            return (resident - shared) * page, (size - data) * page
        return 0, 0

    def _read(self, pid: str, name: str) -> str:
        file = os.open(f"{pid}/{name}", os.O_RDONLY, dir_fd=self.folder)
        try:
            return os.read(file, 4096).decode()
        finally:
            os.close(file)
