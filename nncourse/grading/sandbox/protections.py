"""What holds a student's code in on this machine, found out by trying.

A sandbox is started with nothing in it, and a session in it says which layers it got. So the answer
is that of this kernel, this user and this container, whatever the configuration files say.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from nncourse.grading.sandbox import cgroups
from nncourse.grading.sandbox.inside import landlock, seccomp
from nncourse.grading.sandbox.launcher import Sandbox, SandboxUnavailable
from nncourse.grading.sandbox.walls import BWRAP, unprivileged_id

CONTAINER_MARKS = ("/.dockerenv", "/run/.containerenv", "/run/systemd/container")


@dataclass(frozen=True)
class Protections:
    """One row of the table.

    sandbox: whether student code can be graded here; if not, ``reason`` says why. separate_user:
    it runs as a user that owns nothing; otherwise as the user who grades, within the view of the
    sandbox. own_namespace: each session has a user namespace of its own, and so its own count of
    processes. container: this process seems to be in one. bubblewrap: its version. cgroups: 1, 2,
    or 0 where memory and processes are bounded one by one only. landlock: its version, or 0.
    """

    sandbox: bool
    reason: str
    separate_user: bool
    own_namespace: bool
    container: bool
    bubblewrap: str
    cgroups: int
    seccomp: bool
    landlock: int


def protections(cache: Path | None = None) -> Protections:
    """What protects here. Takes about half a second."""
    reason = ""
    layers: dict = {}
    try:
        with (
            Sandbox(withheld=["nncourse"], packages=["numpy"], preload=[], cache=cache) as sandbox,
            sandbox.session() as session,
        ):
            layers = session.layers
            answer = session.run_cell("6 * 7").output
            version = sandbox.group.version if sandbox.group is not None else 0
            if answer != "42\n":
                reason = f"a session answers {answer!r} to 6 * 7"
    except SandboxUnavailable as error:
        reason = str(error)
        group = cgroups.new_group()
        version = group.version if group is not None else 0
        if group is not None:
            group.remove()
    return Protections(
        sandbox=not reason,
        reason=reason,
        separate_user=not reason and unprivileged_id() is not None,
        own_namespace=bool(layers.get("own user namespace")),
        container=in_container(),
        bubblewrap=bubblewrap_version(),
        cgroups=version,
        seccomp=bool(layers.get("seccomp")) if layers else seccomp.available(),
        landlock=layers.get("landlock", 0) if layers else landlock.version(),
    )


def bubblewrap_version() -> str:
    """Such as "0.8.0"; empty where it is not installed."""
    program = shutil.which(BWRAP)
    if program is None:
        return ""
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)
    return said.stdout.split()[-1] if said.stdout.split() else "?"


def in_container() -> bool:
    """A guess, for the report only: containers leave marks, or map only some users."""
    if any(os.path.exists(path) for path in CONTAINER_MARKS) or "container" in os.environ:
        return True
    try:
        return Path("/proc/self/uid_map").read_text().split()[2] != "4294967295"
    except (OSError, IndexError):
        return False
