"""Landlock: a process says for itself what it will never touch.

A further layer under the mount namespace: reading only below the folders that a sandbox shows,
writing only in the private ones, no TCP, no signals and no abstract sockets beyond the session.
Kernels have had it since 5.13 and learned more later; what a kernel doesn't know is left out.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct
from collections.abc import Iterable

from nncourse.grading.sandbox.inside.kernel import syscall

CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446  # the same on all machines

EXECUTE, WRITE_FILE, READ_FILE, READ_DIR = 1, 2, 4, 8
MAKE_CHAR, MAKE_BLOCK = 1 << 6, 1 << 11
TRUNCATE, IOCTL_DEV = 1 << 14, 1 << 15
FILE_RIGHTS = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL_DEV

# All rights on files that a version knows: 13, then "refer", "truncate", "ioctl on devices".
KNOWN = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 4: (1 << 15) - 1}
TRUNCATES = 3  # the version since which it knows what empties a file
BIND_AND_CONNECT = 3  # since version 4
SIGNALS_AND_SOCKETS = 3  # since version 6


def version() -> int:
    """Landlock's version in this kernel, 0 where there is none."""
    try:
        return syscall(CREATE_RULESET, None, 0, 1, name="landlock")
    except OSError:
        return 0


def restrict(
    readable: Iterable[str],
    writable: Iterable[str],
    devices: Iterable[str] = (),
    execute: bool = True,
) -> int:
    """Bind this process, and all that it will start, to these folders. Returns the version.

    ``devices`` are files that may be read and written. ``execute``: whether it may start programs
    that it may read. Paths that don't exist are passed over. The process must have given up new
    privileges before.
    """
    known = version()
    if known == 0:
        return 0
    files = KNOWN.get(known, (1 << 16) - 1)
    attributes = struct.pack("<Q", files)
    if known >= 4:
        attributes += struct.pack("<Q", BIND_AND_CONNECT)
    if known >= 6:
        attributes += struct.pack("<Q", SIGNALS_AND_SOCKETS)
    ruleset = syscall(CREATE_RULESET, attributes, len(attributes), 0, name="landlock")
    try:
        for path in readable:
            _allow(ruleset, path, files & (EXECUTE * execute | READ_FILE | READ_DIR))
        for path in writable:
            _allow(ruleset, path, files & ~(MAKE_CHAR | MAKE_BLOCK | IOCTL_DEV))
        for path in devices:
            _allow(ruleset, path, files & (READ_FILE | WRITE_FILE | TRUNCATE))
        syscall(RESTRICT_SELF, ruleset, 0, name="landlock")
    finally:
        os.close(ruleset)
    return known


def _allow(ruleset: int, path: str, rights: int) -> None:
    try:
        file = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.EACCES, errno.ENOTDIR):
            return
        raise
    try:
        if not os.path.isdir(path):
            rights &= FILE_RIGHTS
        rule = struct.pack("<Qi", rights, file)
        syscall(ADD_RULE, ruleset, 1, ctypes.c_char_p(rule), 0, name=f"landlock {path}")
    finally:
        os.close(file)
