"""Memory of all processes of a session together, where no control group bounds it.

An rlimit bounds each process for itself, so many processes could take many times as much. The
guardian therefore looks every few milliseconds. Pages shared with the warm process since the fork
are not the session's, so each process is allowed as much as the warm process holds.

Memory that processes share with each other need not be mapped to be held, so it counts as far as
there are addresses for it: whatever is mapped and is no private data. What was sent and not yet
received lies with the kernel, so each socket counts as full. The tables of pages lie there too:
a page that is only read takes no memory, but one in each gigabyte of addresses takes two tables.
And so do the descriptions of mappings, into thousands of which any piece of memory can be cut.
"""

from __future__ import annotations

import contextlib
import os
import resource
import socket
from collections.abc import Iterator

INTERVAL = 50  # milliseconds
# Bytes, at most: 300, and 75 for each fork between the process that first wrote there and its own.
MAPPING = 5000


class Watch:
    """Made before ``/proc`` is covered; ``used`` is asked later. ``sockets``: whether those that
    there are in the network of this process will be the session's alone.
    """

    def __init__(self, sockets: bool) -> None:
        self.room = _most_in_a_socket() if sockets else 0
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
        used = sum(max(0, n - m) for each in held for n, m in zip(each, self.before, strict=True))
        return used + self._sockets()

    def _sockets(self) -> int:
        """Bytes for which there is room in the sockets."""
        if self.room == 0:
            return 0
        with contextlib.suppress(OSError, ValueError):
            _sockets, _used, count, *_rest = self._read(str(self.own), "net/sockstat").split()
            return int(count) * self.room
        return 0

    def _held(self, pid: int) -> tuple[int, int, int, int]:
        """Bytes of private data, in memory or swapped out; of addresses that are for anything
        else; of tables; and of what describes the mappings."""
        for place in self._places(pid):
            with contextlib.suppress(OSError, ValueError):
                fields = [int(field) for field in self._read(place, "statm").split()]
                size, resident, shared, _code, _none, data, _dirty = fields
                if size == 0:
                    continue
                page = resource.getpagesize()
                status = self._read(place, "status")
                tables, swapped = (_kilobytes(status, name) for name in ("VmPTE", "VmSwap"))
                held = (resident - shared) * page + swapped * 1024
                mapped = self._mappings(place) * MAPPING
                return held, (size - data) * page, tables * 1024, mapped
        return 0, 0, 0, 0

    def _places(self, pid: int) -> Iterator[str]:
        """Where a process is described; and its threads, whose first may have ended before it."""
        yield str(pid)
        with contextlib.suppress(OSError):
            threads = os.open(f"{pid}/task", os.O_RDONLY | os.O_DIRECTORY, dir_fd=self.folder)
            try:
                found = os.listdir(threads)
            finally:
                os.close(threads)
            yield from (f"{pid}/task/{thread}" for thread in found)

    def _mappings(self, place: str) -> int:
        """How many: a line for each, which is the only place where the kernel says it."""
        count = 0
        # Where it may not be read, or the process just ends, all else still counts.
        with contextlib.suppress(OSError):
            number = os.open(f"{place}/maps", os.O_RDONLY, dir_fd=self.folder)
            with open(number, "rb", buffering=0) as file:
                while part := file.read(1 << 16):
                    count += part.count(b"\n")
        return count

    def _read(self, place: str, name: str) -> str:
        file = os.open(f"{place}/{name}", os.O_RDONLY, dir_fd=self.folder)
        try:
            # Any byte may be in the name that a process gives itself.
            return os.read(file, 4096).decode("latin-1")
        finally:
            os.close(file)


def _kilobytes(status: str, name: str) -> int:
    """What a line of ``/proc/PID/status`` says; 0 where the kernel does not say it."""
    found = status.partition(f"\n{name}:")[2].split(maxsplit=1)
    return int(found[0]) if found else 0


def _most_in_a_socket() -> int:
    """Bytes, as the kernel counts them."""
    with socket.socket(socket.AF_UNIX) as end:
        end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, (1 << 31) - 1)
        return end.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF)
