"""The outer walls: bubblewrap's command line, and who the sandbox is to be."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import sys
from pathlib import Path

from nncourse.grading.sandbox.view import View

BWRAP = "bwrap"


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
