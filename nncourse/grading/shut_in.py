"""How the process of the tests is shut in, which the lecturer's graded cells run in.

They are trusted, but may run a text of the student's unawares: as a doctest, a pickle, a query.
Landlock leaves them a folder to write into, and no program to start. What it does not know, such
as whose a file is and when it was changed, sockets other than TCP, what processes share, signals
before its sixth version, and what empties a file before its third, a filter on system calls
refuses, as the session's does (``nncourse.grading.sandbox.inside.seccomp``). This one is milder: a
test asks the sandbox for sessions, over sockets that were open before, and ends its own threads.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable
from functools import partial

from nncourse.grading.sandbox.inside import kernel, landlock, seccomp
from nncourse.grading.sandbox.inside.seccomp import FIRST, SECOND, THIRD

# Refused to a session, but not here: to hand the sandbox an end of a new socket, which is how it is
# asked for a session; its core; and what tells of the machine, whose files may all be read here.
ALLOWED = {"sendmsg", "sched_setaffinity", "sysinfo", "fadvise64", "readahead", "mincore"}
# name: number on x86_64, number on aarch64 (None where there is none).
FURTHER: dict[str, tuple[int, int | None]] = {
    # whose a file is, who may use it, when it was changed: of every file, writable or not
    "chmod": (90, None),
    "fchmod": (91, 52),
    "fchmodat": (268, 53),
    "fchmodat2": (452, 452),
    "chown": (92, None),
    "fchown": (93, 55),
    "lchown": (94, None),
    "fchownat": (260, 54),
    "utime": (132, None),
    "utimes": (235, None),
    "futimesat": (261, None),
    "utimensat": (280, 88),
    "setxattr": (188, 5),
    "lsetxattr": (189, 6),
    "fsetxattr": (190, 7),
    "removexattr": (197, 14),
    "lremovexattr": (198, 15),
    "fremovexattr": (199, 16),
    # whom to talk to; without an address no socket leads anywhere but to its pair
    "socket": (41, 198),
    "connect": (42, 203),
    "bind": (49, 200),
    # memory, semaphores and queues that processes share: known by small numbers, or by names
    "shmat": (30, 196),
    "shmctl": (31, 195),
    "semop": (65, 193),
    "semtimedop": (220, 192),
    "semctl": (66, 191),
    "msgsnd": (69, 189),
    "msgrcv": (70, 188),
    "msgctl": (71, 187),
    "mq_open": (240, 180),
    "mq_unlink": (241, 181),
    # other processes
    "execve": (59, 221),
    "execveat": (322, 281),
    "tkill": (200, 130),
    "pidfd_send_signal": (424, 424),
    "rt_sigqueueinfo": (129, 138),
    "rt_tgsigqueueinfo": (297, 240),
    "process_mrelease": (448, 448),
    "setpriority": (141, 140),
    "ioprio_set": (251, 30),
    "sched_setparam": (142, 118),
    "sched_setscheduler": (144, 119),
    "sched_setattr": (314, 274),
}
# What empties a file without opening it for writing, which Landlock would see.
TRUNCATE, OPEN, OPENAT, OPENAT2 = (76, 45), (2, None), (257, 56), (437, 437)
O_TRUNC, O_ACCMODE = 0o1000, 3
EMPTYING = [O_TRUNC | os.O_RDONLY, O_TRUNC | O_ACCMODE]  # the last: to do neither
SOCKETPAIR = (53, 199)
KILL, TGKILL, SCHED_SETAFFINITY = (62, 129), (234, 131), (203, 122)
CLOEXEC, NONBLOCK = 0x80000, 0x800
STREAMS = [1, 1 | CLOEXEC, 1 | NONBLOCK, 1 | CLOEXEC | NONBLOCK]  # others may be given an address
F_SETOWN, F_SETSIG, F_SETOWN_EX = 8, 10, 15  # to signal a process when a file is ready
# Is it a terminal, and of what size; how much is to be read; not to be waited for, not to be left
# open. Others change attributes of files that are open for reading only.
QUESTIONS = [0x5401, 0x5413, 0x541B, 0x5421, 0x5450, 0x5451, 0x802C542A]


def _only(call: tuple[int, int | None], place: int, values: list[int]) -> seccomp.ByArgument:
    """Of a call, these values of an argument and no others."""
    return [
        (call, place, seccomp.JUMP_EQUAL, values, seccomp.ALLOW),
        (call, place, seccomp.JUMP_AT_LEAST, [0], seccomp.REFUSE),
    ]


def _common(machine: str) -> bytes:
    refused = {name: call for name, call in seccomp.REFUSED.items() if name not in ALLOWED}
    owners = [F_SETOWN, F_SETSIG, F_SETOWN_EX]
    tests = [
        *seccomp.BY_ARGUMENT,
        (seccomp.FCNTL, SECOND, seccomp.JUMP_EQUAL, owners, seccomp.REFUSE),
        *_only(SOCKETPAIR, SECOND, STREAMS),
        *_only(seccomp.IOCTL, SECOND, QUESTIONS),
    ]
    return seccomp.program(machine, refused | FURTHER, tests)


COMMON = {machine: _common(machine) for machine in seccomp.ARCHITECTURES}  # made once for all forks


def program(machine: str, version: int = landlock.TRUNCATES) -> bytes:
    """The filter for this process, which may signal itself; ``version``: Landlock's. KeyError for
    an unknown machine."""
    own = os.getpid()
    tests = [
        *_only(KILL, FIRST, [own]),
        *_only(TGKILL, FIRST, [own]),
        *_only(seccomp.PRLIMIT64, FIRST, [0, own]),
        *_only(SCHED_SETAFFINITY, FIRST, [0, own]),
    ]
    filter = seccomp.with_tests(COMMON[machine], machine, tests)
    if version >= landlock.TRUNCATES:
        return filter
    called = [
        (TRUNCATE, FIRST, seccomp.JUMP_AT_LEAST, [0], seccomp.REFUSE),
        # Its flags lie in memory, where a filter can't look. The C library then uses openat.
        (OPENAT2, FIRST, seccomp.JUMP_AT_LEAST, [0], seccomp.NOT_THERE),
    ]
    opened = [
        (OPEN, SECOND, seccomp.JUMP_EQUAL, EMPTYING, seccomp.REFUSE),
        (OPENAT, THIRD, seccomp.JUMP_EQUAL, EMPTYING, seccomp.REFUSE),
    ]
    filter = seccomp.with_tests(filter, machine, called)
    return seccomp.with_tests(filter, machine, opened, mask=O_TRUNC | O_ACCMODE)


def shut_in(folder: str, files: Iterable[int]) -> None:
    """Leave this process a folder and these open files, and nothing else to change or to start."""
    os.chdir(folder)
    os.environ["TMPDIR"] = tempfile.tempdir = folder
    nothing = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(nothing, standard)
    kernel.close_all_but(file for file in files if file > 2)
    kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)
    version = landlock.restrict(["/"], [folder], [os.devnull], execute=False)
    seccomp.install(partial(program, version=version))
