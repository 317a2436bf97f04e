"""Control groups: bounds on memory and processes that hold for all processes of a sandbox together.

An rlimit bounds each process for itself. Where this process may write to the tree of control
groups, of the first version or the second, a sandbox is put into a group of its own. Then it also
gets a processor's time as one process does, however many it starts: many that compute would take
it from the answers of others, which must come in time.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import secrets
import time
from pathlib import Path

LEFT_BEHIND = 600.0  # seconds after which an empty group of a process that is gone is removed

PEAK, BOUND = "memory.max_usage_in_bytes", "memory.limit_in_bytes"  # of the first version

_numbers = itertools.count()
_swept: set[Path] = set()


class Group:
    """One group of each controller; ``folders`` maps "memory", "pids" and "cpu" to where it is."""

    def __init__(self, version: int, folders: dict[str, Path]) -> None:
        self.version = version
        self.folders = folders
        self._reached = 0

    @property
    def joins(self) -> list[str]:
        """The files to which a process writes its id, or 0 for itself, to join."""
        return [str(folder / "cgroup.procs") for folder in dict.fromkeys(self.folders.values())]

    def limit_memory(self, size: int) -> None:
        """Bound the memory of all its processes together, swap included."""
        if self.version == 2:
            self._write("memory", "memory.max", size)
            self._write("memory", "memory.swap.max", 0)
        else:
            self._write("memory", "memory.limit_in_bytes", size)
            self._write("memory", "memory.memsw.limit_in_bytes", size)

    def limit_processes(self, count: int) -> None:
        """Bound the number of its processes and threads."""
        self._write("pids", "pids.max", count)

    def used(self) -> int:
        """Bytes of memory in use now."""
        name = "memory.current" if self.version == 2 else "memory.usage_in_bytes"
        return int((self.folders["memory"] / name).read_text()) if "memory" in self.folders else 0

    def kills(self) -> int:
        """How many processes were killed since memory was short."""
        name = "memory.events" if self.version == 2 else "memory.oom_control"
        with contextlib.suppress(OSError, KeyError):
            for line in (self.folders["memory"] / name).read_text().splitlines():
                if line.startswith("oom_kill "):
                    return int(line.split()[1])
        return 0

    def reached(self) -> int:
        """How often its own bound left no memory, as opposed to the machine's."""
        with contextlib.suppress(OSError, KeyError):
            folder = self.folders["memory"]
            if self.version == 2:
                events = (folder / "memory.events").read_text().split()
                return int(events[events.index("oom") + 1]) if "oom" in events else 0
            if int((folder / PEAK).read_text()) >= int((folder / BOUND).read_text()):
                self._reached += 1
                self._write("memory", PEAK, 0)  # begins anew at what is in use
        return self._reached

    def remove(self) -> None:
        """Remove the group, once its last process is gone."""
        for folder in dict.fromkeys(self.folders.values()):
            for _ in range(1000):
                try:
                    folder.rmdir()
                except FileNotFoundError:
                    break
                except OSError:
                    time.sleep(0.001)
                else:
                    break

    def _write(self, controller: str, name: str, value: int) -> None:
        with contextlib.suppress(OSError, KeyError):
            (self.folders[controller] / name).write_text(str(value))


def controllers(group: Group | None) -> set[str]:
    """What a group bounds; nothing without one."""
    return set() if group is None else set(group.folders)


def new_group() -> Group | None:
    """A new group below the one that this process is in, or None where that is not allowed."""
    try:
        mounts = [line.split() for line in Path("/proc/self/mounts").read_text().splitlines()]
        own = [line.split(":", 2) for line in Path("/proc/self/cgroup").read_text().splitlines()]
    except OSError:
        return None
    # A process's number comes again: the rest keeps the name from one that was left behind.
    name = f"nncourse-{os.getpid()}-{next(_numbers)}-{secrets.token_hex(4)}"
    return _second(mounts, own, name) or _first(mounts, own, name)


def _second(mounts: list[list[str]], own: list[list[str]], name: str) -> Group | None:
    for _, at, kind, *_ in mounts:
        if kind != "cgroup2":
            continue
        parent = next((Path(at + path) for number, _, path in own if number == "0"), None)
        if parent is None:
            continue
        for controllers in ("+cpu", "+memory +pids"):  # not everyone is given the first
            with contextlib.suppress(OSError):  # refused where the parent has processes of its own
                (parent / "cgroup.subtree_control").write_text(controllers)
        # A user's own branch, as systemd delegates it, begins further up.
        for folder in (parent, *parent.parents):
            if not folder.is_relative_to(at):
                break
            made = _made(folder / name, ["memory.max", "pids.max", "cgroup.procs"])
            if made is not None:
                return Group(2, {"memory": made, "pids": made})
    return None


def _first(mounts: list[list[str]], own: list[list[str]], name: str) -> Group | None:
    needed = {"memory": "memory.limit_in_bytes", "pids": "pids.max", "cpu": "cpu.shares"}
    folders = {}
    for _, at, kind, options, *_ in mounts:
        for controller in needed:
            if kind == "cgroup" and controller in options.split(","):
                path = next((p for _, names, p in own if controller in names.split(",")), "")
                # In a container the tree may begin at the process's own group.
                for parent in (Path(at + path), Path(at)):
                    folder = _made(parent / name, [needed[controller], "cgroup.procs"])
                    if folder is not None:
                        folders[controller] = folder
                        break
    return Group(1, folders) if folders else None


def _made(folder: Path, files: list[str]) -> Path | None:
    if folder.parent not in _swept:
        _swept.add(folder.parent)
        _sweep(folder.parent)
    try:
        folder.mkdir()
    except OSError:
        return None
    if all(os.access(folder / file, os.W_OK) for file in files):
        return folder
    with contextlib.suppress(OSError):
        folder.rmdir()
    return None


def _sweep(parent: Path) -> None:
    """Remove the groups of processes that were killed before they could."""
    for folder in parent.glob("nncourse-*-*"):
        with contextlib.suppress(OSError, ValueError):
            gone = not Path("/proc", str(int(folder.name.split("-")[1]))).exists()
            # The process may be one of another container, so the young ones are left alone.
            if gone and time.time() - folder.stat().st_mtime > LEFT_BEHIND:
                folder.rmdir()  # refused while there are processes in it
