"""How a session is shut in, one layer after the other.

The order matters: namespaces and mounts need rights that the later layers take away. What is
mandatory raises; seccomp and Landlock are used where the kernel has them, and reported.
"""

from __future__ import annotations

import contextlib
import os
import resource
from dataclasses import dataclass
from typing import Any

from nncourse.grading.sandbox.inside import kernel, landlock, seccomp

FOLDER = "/tmp"  # the private one; everything else is read-only
WORK = "/tmp/work"
DEVICES = ["/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom"]


@dataclass(frozen=True)
class Confinement:
    """What the grader asks for, sent to the warm process when it starts.

    uid, gid: whom to become; None to stay. namespaces: False without bubblewrap (``unsafe``).
    watch: the guardian bounds the memory of all processes together, since no control group does.
    readable: the folders that the sandbox shows. folder: where sessions make their private folders
    when there are no namespaces. The rest is explained in ``nncourse.grading.sandbox.limits``.
    """

    uid: int | None
    gid: int | None
    namespaces: bool
    watch: bool
    readable: list[str]
    folder: str
    memory: int
    cpu_seconds: int
    processes: int
    open_files: int
    file_size: int
    folder_size: int
    folder_files: int
    output: int


def become_nobody(to: Confinement) -> None:
    """Give up root for an id that no account has, in a user namespace of its own.

    Root's right to make user namespaces is used before it is given up: some systems grant it to
    nobody else.
    """
    if to.uid is None or to.gid is None:
        return
    os.setgroups([])
    kernel.prctl(kernel.PR_SET_KEEPCAPS, 1)
    os.setresgid(to.gid, to.gid, to.gid)
    os.setresuid(to.uid, to.uid, to.uid)
    with contextlib.suppress(OSError):  # not all containers grant it, nor do all kernels need it
        kernel.set_capabilities(1 << kernel.CAP_SYS_ADMIN)
    # A change of user makes /proc/self root's, and the id maps are written there.
    kernel.prctl(kernel.PR_SET_DUMPABLE, 1)
    kernel.unshare(kernel.CLONE_NEWUSER)
    kernel.map_own_ids(to.uid, to.gid)


def can_nest() -> bool:
    """Whether a session can have a user namespace of its own and still mount its folders."""
    child = os.fork()
    if child == 0:
        code = 1
        with contextlib.suppress(BaseException):
            uid, gid = os.geteuid(), os.getegid()
            kernel.unshare(kernel.CLONE_NEWUSER | kernel.CLONE_NEWNS)
            kernel.map_own_ids(uid, gid)
            kernel.mount("none", FOLDER, "tmpfs", 0, "size=4k")
            code = 0
        os._exit(code)
    return os.waitpid(child, 0)[1] == 0


def enter_namespaces(to: Confinement, nested: bool) -> None:
    """New namespaces; the next child is process 1 of its own. Private folders are mounted.

    Without ``/proc`` there is nothing to learn about other processes, nor to write to.
    """
    flags = kernel.CLONE_NEWNS | kernel.CLONE_NEWPID | kernel.CLONE_NEWNET
    flags |= kernel.CLONE_NEWIPC | kernel.CLONE_NEWUTS | kernel.CLONE_NEWCGROUP
    uid, gid = os.geteuid(), os.getegid()
    kernel.unshare(flags | (kernel.CLONE_NEWUSER if nested else 0))
    if nested:
        kernel.map_own_ids(uid, gid)
    kernel.mount("none", "/", "none", kernel.MS_REC | kernel.MS_PRIVATE)
    own = kernel.MS_NOSUID | kernel.MS_NODEV
    room = f"size={to.folder_size},nr_inodes={to.folder_files},mode=0700"
    kernel.mount("folder", FOLDER, "tmpfs", own, room)
    kernel.mount("shared", "/dev/shm", "tmpfs", own, room)
    os.mkdir(WORK, 0o700)
    # They are the machine's own, and whoever may write to a device may set its time of change.
    for device in (*DEVICES, "/dev/tty"):
        kept = os.statvfs(device).f_flag & (kernel.MS_NOSUID | kernel.MS_NODEV | kernel.MS_NOEXEC)
        again = kernel.MS_BIND | kernel.MS_REMOUNT | kernel.MS_RDONLY
        kernel.mount("none", device, "none", again | kept)
    for hidden in ("/proc", "/dev/pts"):
        if os.path.isdir(hidden):
            kernel.mount("none", hidden, "tmpfs", own | kernel.MS_RDONLY, "size=0,nr_inodes=1")


def set_limits(to: Confinement) -> None:
    """The rlimits. Memory counts above what this process already has mapped."""
    limits = {
        resource.RLIMIT_AS: _mapped() + to.memory,
        resource.RLIMIT_CPU: to.cpu_seconds,
        resource.RLIMIT_NOFILE: to.open_files,
        resource.RLIMIT_FSIZE: to.file_size,
        # At 0 a system whose core dumps go to a program would still start it, outside.
        resource.RLIMIT_CORE: 1,
        resource.RLIMIT_MEMLOCK: 0,
        resource.RLIMIT_MSGQUEUE: 0,
        resource.RLIMIT_SIGPENDING: 256,
        resource.RLIMIT_RTPRIO: 0,
        resource.RLIMIT_NICE: 0,
    }
    if to.namespaces:  # otherwise everything that this user runs would count
        limits[resource.RLIMIT_NPROC] = to.processes
    for name, value in limits.items():
        hard = resource.getrlimit(name)[1]
        if hard != resource.RLIM_INFINITY:
            value = min(value, hard)
        resource.setrlimit(name, (value, value))


_sizes: dict[str, int] = {}


def _mapped() -> int:
    return _sizes["mapped"]


def remember_size() -> None:
    """Note how much this process has mapped, while ``/proc`` can be read."""
    with open("/proc/self/statm") as file:
        _sizes["mapped"] = int(file.read().split()[0]) * resource.getpagesize()


def drop_rights(to: Confinement) -> dict[str, Any]:
    """The last layers. Returns which of them this kernel has."""
    kernel.drop_capabilities()
    kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)
    kernel.prctl(kernel.PR_SET_PDEATHSIG, 9)
    private = [FOLDER, "/dev/shm"] if to.namespaces else [os.getcwd()]
    known = landlock.restrict(to.readable, private, DEVICES)
    return {"landlock": known, "seccomp": seccomp.install()}
