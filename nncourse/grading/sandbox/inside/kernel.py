"""Calls to the kernel that Python 3.11 has no function for: namespaces, capabilities, prctl.

Thin wrappers around the C library, so that everything that confines a session is in Python and
can be read. Each raises OSError with the name of the call. Linux only.
"""

from __future__ import annotations

import ctypes
import os
import select
from collections.abc import Iterable

CLONE_NEWNS = 0x00020000
CLONE_NEWCGROUP = 0x02000000
CLONE_NEWUTS = 0x04000000
CLONE_NEWIPC = 0x08000000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000

MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC = 1, 2, 4, 8
MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = 0x20, 0x1000, 0x4000, 1 << 18

PR_SET_PDEATHSIG = 1
PR_SET_DUMPABLE = 4
PR_SET_KEEPCAPS = 8
PR_SET_SECCOMP = 22
PR_CAPBSET_DROP = 24
PR_SET_CHILD_SUBREAPER = 36
PR_SET_NO_NEW_PRIVS = 38
PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL = 47, 4

CAP_SYS_ADMIN = 21
CAPABILITY_VERSION_3 = 0x20080522

_libc = ctypes.CDLL(None, use_errno=True)


def _checked(result: int, name: str) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")
    return result


def syscall(number: int, *arguments: object, name: str) -> int:
    """A call by its number; ints are passed at full width."""
    full = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
    _libc.syscall.restype = ctypes.c_long
    return _checked(_libc.syscall(ctypes.c_long(number), *full), name)


def close_all_but(kept: Iterable[int]) -> None:
    """Close every open file above the standard ones that is not in ``kept``."""
    low = 3
    for file in sorted(kept):
        os.closerange(low, file)
        low = file + 1
    os.closerange(low, 4096)


def ends_within(pid: int, seconds: float) -> bool:
    """Wait for the end of a child, which is then still to be waited for."""
    try:
        end = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        poll = select.poll()
        poll.register(end, select.POLLIN)
        return bool(poll.poll(1000 * seconds))
    finally:
        os.close(end)


def prctl(option: int, *arguments: object) -> int:
    """prctl(2)."""
    full = [ctypes.c_ulong(a) if isinstance(a, int) else a for a in arguments]
    full += [ctypes.c_ulong(0)] * (4 - len(full))
    return _checked(_libc.prctl(ctypes.c_int(option), *full), f"prctl {option}")


def unshare(flags: int) -> None:
    """unshare(2): new namespaces for this process, or for its next children."""
    _checked(_libc.unshare(ctypes.c_int(flags)), "unshare")


def mount(source: str, target: str, kind: str, flags: int, data: str = "") -> None:
    """mount(2)."""
    texts = [text.encode() for text in (source, target, kind)]
    result = _libc.mount(*texts, ctypes.c_ulong(flags), data.encode())
    _checked(result, f"mount on {target}")


class _Header(ctypes.Structure):
    _fields_ = [("version", ctypes.c_uint32), ("pid", ctypes.c_int)]


class _Sets(ctypes.Structure):
    _fields_ = [(name, ctypes.c_uint32) for name in ("effective", "permitted", "inheritable")]


def set_capabilities(mask: int) -> None:
    """Make the effective and the permitted set equal to ``mask``, the inheritable one empty."""
    header = _Header(CAPABILITY_VERSION_3, 0)
    low, high = mask & 0xFFFFFFFF, mask >> 32
    sets = (_Sets * 2)(_Sets(low, low, 0), _Sets(high, high, 0))
    _checked(_libc.capset(ctypes.byref(header), ctypes.byref(sets)), "capset")


def drop_capabilities() -> None:
    """Drop all capabilities, for this process and for whatever it may execute."""
    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL)
    for capability in range(64):
        try:
            prctl(PR_CAPBSET_DROP, capability)
        except OSError:
            break  # beyond the last one that this kernel knows, or nothing left to drop with
    set_capabilities(0)


def map_own_ids(uid: int, gid: int) -> None:
    """Give a new user namespace its one user and one group: those that this process has."""
    for name, text in (
        ("setgroups", "deny"),
        ("uid_map", f"{uid} {uid} 1"),
        ("gid_map", f"{gid} {gid} 1"),
    ):
        with open(f"/proc/self/{name}", "w") as file:
            file.write(text)
