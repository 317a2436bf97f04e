"""Which processes of graders and sandboxes have outlived whoever started them."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path

from nncourse.grading.sandbox.walls import unprivileged_id

MARKS = ("nncourse.grading.worker", "nncourse.grading.sandbox.inside")


def processes_below(pid: int) -> set[int]:
    """A process and all that it and theirs have started, as far as they run."""
    parents = _parents()
    below = {pid}
    while fresh := {child for child, parent in parents.items() if parent in below} - below:
        below |= fresh
    return below


def _parents() -> dict[int, int]:
    """The parent of each process that runs."""
    parents = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text(errors="replace").rpartition(")")[2].split()
        except OSError:
            continue
        if fields[0] != "Z":
            parents[int(folder.name)] = int(fields[1])
    return parents


def commands() -> dict[int, str]:
    """The command line of each process that runs, its arguments apart by NUL."""
    lines = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # one that has just ended
            lines[int(folder.name)] = (folder / "cmdline").read_text(errors="replace")
    return lines


def running(pids: set[int], seconds: float = 5.0) -> set[int]:
    """Those of these processes that are still there after so many seconds."""
    end = time.monotonic() + seconds
    while (found := pids & _parents().keys()) and time.monotonic() < end:
        time.sleep(0.1)
    return found


def orphans(seconds: float = 5.0) -> list[str]:
    """Command lines of those still there after so many seconds.

    A process is an orphan if it is a grader's or a sandbox's and none of its ancestors is a test
    run or a command; those of other runs on this machine don't count.
    """
    end = time.monotonic() + seconds
    while (found := _orphans()) and time.monotonic() < end:
        time.sleep(0.1)
    return found


def _orphans() -> list[str]:
    uid = unprivileged_id()
    known = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            command = (
                (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
            )
            lines = dict(
                line.split(":\t", 1)
                for line in (folder / "status").read_text(errors="replace").splitlines()
            )
        except (OSError, ValueError):
            continue
        if "Z" not in lines["State"]:
            own = any(mark in command for mark in MARKS) or int(lines["Uid"].split()[0]) == uid
            known[int(folder.name)] = (int(lines["PPid"]), command, own)
    return [command for pid, (_, command, own) in known.items() if own and _lonely(pid, known)]


def _lonely(pid: int, known: dict[int, tuple[int, str, bool]]) -> bool:
    """Whether nothing above it is but the system."""
    while pid in known:
        pid, _command, _own = known[pid]
        if pid in known and not known[pid][2]:
            return "pytest" not in known[pid][1] and "python" not in known[pid][1]
    return True
