"""The outer walls: the command that starts the warm process in bubblewrap, or without it."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from nncourse.grading.sandbox.inside.confine import Confinement
from nncourse.grading.sandbox.limits import Limits
from nncourse.grading.sandbox.view import FONTS, LIBRARY, PACKAGES, View

BWRAP = "bwrap"
# Sums in a fixed order, and no threads that a fork would lose.
ENVIRONMENT = {
    "PATH": "/nowhere",
    "HOME": "/tmp/work",
    "USER": "student",
    "TMPDIR": "/tmp",
    "LANG": "C.UTF-8",
    "MPLBACKEND": "agg",
    "MPLCONFIGDIR": "/tmp/matplotlib",
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    # Else each thread of a session reserves 64 MB of addresses, which count as memory.
    "MALLOC_ARENA_MAX": "1",
}
START = (
    "import sys; sys.path[:0] = {path!r}; "
    "from nncourse.grading.sandbox.inside.warm import main; main()"
)


@dataclass(frozen=True)
class Walls:
    """view: what the sandbox shows. unsafe: without bubblewrap. own_proc: with a /proc of its own.
    folder: for its files, where it has no /tmp of its own.
    """

    view: View
    unsafe: bool
    own_proc: bool
    folder: str | None

    def command(self) -> list[str]:
        """What starts the warm process; its job is the last argument, to be added."""
        path = [LIBRARY, PACKAGES]
        if self.unsafe:
            packages = {str(Path(p).parent) for p, at in self.view.shown if "/packages/" in at}
            path = [p for p, at in self.view.shown if at == LIBRARY] + sorted(packages)
        python = [self.view.python, "-I", "-S", "-B", "-c", START.format(path=path)]
        return python if self.unsafe else [*bubblewrap(self.view, self.own_proc), *python]

    def environment(self) -> dict[str, str]:
        """Its environment variables, and no others."""
        if self.folder is None:
            return ENVIRONMENT
        own = {"HOME": self.folder, "TMPDIR": self.folder}
        return {**ENVIRONMENT, **own, "MPLCONFIGDIR": f"{self.folder}/matplotlib"}

    def job(self, limits: Limits, watch: bool) -> dict[str, Any]:
        """How its sessions are to be confined. ``watch``: no control group bounds their memory."""
        uid = unprivileged_id() if not self.unsafe else None
        bounds = asdict(limits)
        wanted = {name: bounds[name] for name in Confinement.__annotations__ if name in bounds}
        shown = [place if self.unsafe else at for place, at in self.view.shown]
        to = Confinement(
            uid=uid,
            gid=uid,
            namespaces=not self.unsafe,
            watch=watch,
            readable=shown if self.unsafe else [*shown, "/sandbox"],
            folder=self.folder or "",
            **wanted,
        )
        fonts = next((place for place, at in self.view.shown if at == FONTS), "")
        return {
            "confinement": asdict(to),
            "matplotlib": (fonts if self.unsafe else FONTS) if fonts else "",
        }


def unprivileged_id() -> int | None:
    """The user to become where this process is root: one that no account has. Else None."""
    if os.geteuid() != 0:
        return None
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/uid_map").read_text().splitlines():
            first, _, count = map(int, line.split())
            for uid in range(min(first + count - 1, 64_999), max(first, 1000), -1):
                try:
                    pwd.getpwuid(uid)
                except KeyError:
                    return uid
    return None


def bubblewrap(seen: View, own_proc: bool = True) -> list[str]:
    """bubblewrap's part of the command line."""
    command = [
        shutil.which(BWRAP) or BWRAP,
        "--unshare-pid",
        "--unshare-ipc",
        "--unshare-net",
        "--unshare-uts",
    ]
    command += ["--unshare-cgroup-try", "--hostname", "sandbox", "--new-session"]
    command += ["--cap-drop", "ALL", "--cap-add", "CAP_SYS_ADMIN"]
    if unprivileged_id() is None:
        command += ["--unshare-user", "--uid", "65534", "--gid", "65534"]
    else:
        command += ["--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"]
    command += ["--proc", "/proc"] if own_proc else ["--bind", "/proc", "/proc"]
    command += ["--dev", "/dev", "--perms", "1777", "--tmpfs", "/tmp"]
    for target, at in seen.links:
        command += ["--symlink", target, at]
    for place, at in seen.shown:
        # bubblewrap would make the folders on the way for root alone.
        for parent in reversed(Path(at).parents[:-1]):
            command += ["--dir", str(parent)]
        command += ["--ro-bind", place, at]
    for at in seen.covered:
        command += ["--tmpfs", at, "--remount-ro", at]
    return [*command, "--chdir", "/tmp", "--remount-ro", "/dev", "--remount-ro", "/", "--"]


def explain(said: str, tail: str) -> str:
    what = said or tail or "it ended without a word"
    text = f"the sandbox could not be started: {what}"
    if "uid map" in tail or "amespace" in tail or "unshare" in said:
        text += (
            ". This system keeps ordinary users, or this container, from making user namespaces; "
            "its administrator can allow them, or start the grader as root outside of a container"
        )
    return text + f" (Python {sys.version_info.major}.{sys.version_info.minor})"
