"""The unpacking of what students packed, in a process that is ended when it takes too long.

An archive can be made to keep its reader busy for hours, or to fill the memory, in more ways than
can be told: by its entries, by what is said of them, by files with holes. So it costs some seconds,
and who packed it, whose other archives have what is left of them.
"""

from __future__ import annotations

import json
import signal
import sys
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from multiprocessing.connection import Connection

from nncourse import language
from nncourse.grading.child import Child, attend, other_version
from nncourse.grading.forked import bound_memory
from nncourse.grading.packed import Unpacked, files_in
from nncourse.grading.sandbox.inside import kernel
from nncourse.language import catalogue

_ = catalogue("course")

# Of processor time, for all that one student packed. What takes longest as usual, 100 MB in a
# tar.bz2, takes six on a slow machine.
SECONDS = 10.0
LEAST = 0.001  # that are worth a try
MEMORY = 1 << 30  # bytes


class Unpacker:
    """Unpacks one archive after the other. Its process starts with the first."""

    def __init__(self) -> None:
        self._child: Child | None = None
        self._taken: defaultdict[str, float] = defaultdict(float)  # seconds

    def files(
        self,
        name: str,
        data: bytes,
        kinds: Iterable[str],
        only: Iterable[str] | None,
        look: bool,
        whose: str,
    ) -> list[Unpacked]:
        """As ``files_in``. ``whose``: who has handed it in."""
        seconds = SECONDS - self._taken[whose]
        if seconds < LEAST:
            return [
                Unpacked("", _("what the same student packed takes too long: unpack this by hand"))
            ]
        paths = None if only is None else sorted(only)
        asked = [seconds, language.current(), name, list(kinds), paths, look]
        child = self._child = self._child or Child(_serve, __name__)
        try:
            child.connection.send_bytes(json.dumps(asked).encode())
            child.connection.send_bytes(data)
            found = list(_received(child.connection))
            self._taken[whose] += json.loads(child.connection.recv_bytes())
        except (OSError, EOFError):
            self._taken[whose] = SECONDS
            self.close()
            return [Unpacked("", _("to unpack it takes too long: pack it as usual"))]
        return found

    def close(self) -> None:
        """End the process, which may be at work."""
        if self._child is not None:
            self._child.kill()
            self._child.close()
            self._child = None


def main() -> None:
    """Serve a process that has started this one anew."""
    attend()
    _serve(int(sys.argv[1]), other_version(sys.argv[2]))


def _serve(file: int, trouble: str = "") -> None:
    """Serve until the other end closes. ``trouble``: why nothing can be unpacked."""
    kernel.close_all_but({file})
    bound_memory(MEMORY)
    signal.signal(signal.SIGPROF, signal.SIG_DFL)  # the end
    connection = Connection(file)
    try:
        while True:
            seconds, words, name, kinds, only, look = json.loads(connection.recv_bytes())
            data = connection.recv_bytes()
            language.use(words)
            start = time.process_time()
            signal.setitimer(signal.ITIMER_PROF, seconds)
            found = [Unpacked("", trouble)] if trouble else files_in(name, data, kinds, only, look)
            for path, why, content in found:
                connection.send_bytes(json.dumps([path, why]).encode())
                connection.send_bytes(content)
            connection.send_bytes(b"")
            connection.send_bytes(json.dumps(time.process_time() - start).encode())
            signal.setitimer(signal.ITIMER_PROF, 0.0)  # what is left is not the next one's
    except (EOFError, OSError):
        return


def _received(connection: Connection) -> Iterator[Unpacked]:
    while head := connection.recv_bytes():
        path, why = json.loads(head)
        yield Unpacked(path, why, connection.recv_bytes())


if __name__ == "__main__":
    main()
