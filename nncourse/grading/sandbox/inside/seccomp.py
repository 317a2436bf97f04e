"""A filter on system calls: what no exercise needs, and much of what kernels get wrong.

The namespaces already take the rights away; the filter keeps a student's code from even reaching
those parts of the kernel. It is a list of what is refused, so that a new version of Python or
NumPy doesn't break; calls that are newer than this list are refused as not existing. The program
is a classic BPF one, put together here by hand: it is short, and no library is needed for it.

Two sessions that want to can still notice each other: by the time that things take, and by waiting
at a page of a common file, which is how locks between processes work. Neither says anything that
they could not have agreed upon before.
"""

from __future__ import annotations

import ctypes
import errno
import os
import selectors
import struct
from collections.abc import Callable, Mapping, Sequence

from nncourse.grading.sandbox.inside.kernel import PR_SET_SECCOMP, prctl

# name: number on x86_64, number on aarch64 (None where there is none).
REFUSED: dict[str, tuple[int, int | None]] = {
    # other processes
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "process_madvise": (440, 440),
    "pidfd_getfd": (438, 438),
    "kcmp": (312, 272),
    "move_pages": (279, 239),
    "migrate_pages": (256, 238),
    # the view of the system
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "mount_setattr": (442, 442),
    "statmount": (457, 457),
    "listmount": (458, 458),
    "unshare": (272, 97),
    "setns": (308, 268),
    "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265),
    "fanotify_init": (300, 262),
    "quotactl": (179, 60),
    "quotactl_fd": (443, 443),
    "acct": (163, 89),
    "swapon": (167, 224),
    "swapoff": (168, 225),
    # the kernel itself
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    "kexec_load": (246, 104),
    "kexec_file_load": (320, 294),
    "reboot": (169, 142),
    "syslog": (103, 116),
    "keyctl": (250, 219),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "io_setup": (206, 0),
    "vmsplice": (278, 75),
    "splice": (275, 76),
    "tee": (276, 77),
    "remap_file_pages": (216, 234),
    "lookup_dcookie": (212, 18),
    "nfsservctl": (180, 42),
    "personality": (135, 92),
    "vhangup": (153, 58),
    "iopl": (172, None),
    "ioperm": (173, None),
    "modify_ldt": (154, None),
    "uselib": (134, None),
    # clocks and names of the machine
    "settimeofday": (164, 170),
    "clock_settime": (227, 112),
    "clock_adjtime": (305, 266),
    "adjtimex": (159, 171),
    "sethostname": (170, 161),
    "setdomainname": (171, 162),
    # memory that no rlimit counts
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "mbind": (237, 235),
    "set_mempolicy": (238, 237),
    "set_mempolicy_home_node": (450, 450),
    "shmget": (29, 194),
    "msgget": (68, 186),
    "semget": (64, 190),
    # rules of one's own, which lie with the kernel; the sandbox's are in force by now
    "landlock_create_ruleset": (444, 444),
    "landlock_add_rule": (445, 445),
    "landlock_restrict_self": (446, 446),
    "seccomp": (317, 277),
    # files that sessions and the machine have in common: who opens them, which are in memory
    "inotify_init": (253, None),
    "inotify_init1": (294, 26),
    "inotify_add_watch": (254, 27),
    "fadvise64": (221, 223),
    "readahead": (187, 213),
    "mincore": (27, 232),
    "cachestat": (451, 451),
    # another core than that which a worker and its sandbox have to themselves
    "sched_setaffinity": (203, 122),
    # the machine's load and memory, processes of all sessions included
    "sysinfo": (99, 179),
    "ustat": (136, None),
    "sysfs": (139, None),
    # a probe's, which ends who calls it
    "uretprobe": (335, None),
    # counted by user, the grader's own among them: open files sent about, and files waited for
    "sendmsg": (46, 211),
    "sendmmsg": (307, 269),
    "epoll_create": (213, None),
    "epoll_create1": (291, 20),
}
# A private folder lies in memory and is one session's, so there is nothing to write out and no one
# to lock out. The files of the machine are everyone's: locks on them, and waiting for its disks,
# would be felt elsewhere. And a new session of processes would get as much of the processor's time
# as all of a submission (sched(7), autogroup), where no control group sees to that.
NOTHING_TO_DO: dict[str, tuple[int, int | None]] = {
    "sync": (162, 81),
    "syncfs": (306, 267),
    "fsync": (74, 82),
    "fdatasync": (75, 83),
    "sync_file_range": (277, 84),
    "msync": (26, 227),
    "flock": (73, 32),
    "setsid": (112, 157),
}
NEWEST = 462  # calls above are unknown to this list; from 424 on all machines share the numbers
CLONE = (56, 220)
CLONE3 = (435, 435)
SOCKETS = ((41, 198), (53, 199))  # socket and socketpair
IOCTL = (16, 29)
FCNTL = (72, 25)
PRCTL = (157, 167)
MMAP = (9, 222)
PREADV2 = (327, 286)
SETRLIMIT, PRLIMIT64 = (160, 164), (302, 261)
SENDTO, RECVFROM, RECVMSG, RECVMMSG = (44, 206), (45, 207), (47, 212), (299, 243)

ARCHITECTURES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}

ALLOW = 0x7FFF0000
KILL_PROCESS = 0x80000000
DONE = 0x00050000
REFUSE = 0x00050000 | errno.EPERM
NOT_THERE = 0x00050000 | errno.ENOSYS
UNKNOWN = 0x00050000 | errno.EINVAL

LOAD, JUMP_EQUAL, JUMP_GREATER, JUMP_AT_LEAST, JUMP_SET, RETURN = 0x20, 0x15, 0x25, 0x35, 0x45, 0x06
AND, ALL = 0x54, 0xFFFFFFFF
NUMBER, ARCHITECTURE = 0, 4  # offsets in struct seccomp_data
FIRST, SECOND, THIRD, FOURTH, _FIFTH, SIXTH = range(16, 64, 8)

NEW_NAMESPACES = 0x7E020000  # CLONE_NEWNS, CGROUP, UTS, IPC, USER, PID, NET
TIOCSTI, TIOCLINUX = 0x5412, 0x541C
F_GETLK, F_SETLK, F_SETLKW, F_OFD_GETLK, F_OFD_SETLK, F_OFD_SETLKW = 5, 6, 7, 36, 37, 38
F_SETLEASE, F_NOTIFY = 1024, 1026
PR_SET_DUMPABLE = 4  # to hide from the guardian, which counts the mappings
PR_SCHED_CORE = 62  # to have a core for oneself
# Above: to share equal pages, and names of memory and tables of locks, which the kernel would hold
# uncounted. What is newer than this list is unknown with them.
PR_NEWEST = 66
MAP_HUGETLB = 0x40000  # pages from a store that the machine's other programs count on
RWF_NOWAIT = 8  # tells what of a file is in memory
# A byte ahead of its turn, which nobody sends; by what keeps it, programs have got into the kernel.
MSG_OOB = 1
RLIMIT_CORE = 4  # its value keeps the machine from starting a program when a process crashes
# Lowered they would end a session as if the system had done so, which is then begun anew: an answer
# that is drawn would be drawn once more, before it is judged.
RLIMIT_CPU, RLIMIT_RTTIME = 0, 15
KEPT_LIMITS = [RLIMIT_CPU, RLIMIT_CORE, RLIMIT_RTTIME]

Calls = Mapping[str, tuple[int, int | None]]
ByArgument = Sequence[tuple[tuple[int, int | None], int, int, Sequence[int], int]]

# Calls judged by an argument: the call, the argument, the test, its values, the verdict.
BY_ARGUMENT: ByArgument = [
    (CLONE, FIRST, JUMP_SET, [NEW_NAMESPACES], REFUSE),
    (IOCTL, SECOND, JUMP_EQUAL, [TIOCSTI, TIOCLINUX], REFUSE),
    (FCNTL, SECOND, JUMP_EQUAL, [F_GETLK, F_OFD_GETLK, F_SETLEASE, F_NOTIFY], REFUSE),
    (FCNTL, SECOND, JUMP_EQUAL, [F_SETLK, F_SETLKW, F_OFD_SETLK, F_OFD_SETLKW], DONE),
    (PRCTL, FIRST, JUMP_EQUAL, [PR_SET_DUMPABLE, PR_SET_SECCOMP, PR_SCHED_CORE], REFUSE),
    (PRCTL, FIRST, JUMP_GREATER, [PR_NEWEST], UNKNOWN),
    (MMAP, FOURTH, JUMP_SET, [MAP_HUGETLB], REFUSE),
    (PREADV2, SIXTH, JUMP_SET, [RWF_NOWAIT], REFUSE),
    *((call, FOURTH, JUMP_SET, [MSG_OOB], REFUSE) for call in (SENDTO, RECVFROM, RECVMMSG)),
    (RECVMSG, THIRD, JUMP_SET, [MSG_OOB], REFUSE),
    (SETRLIMIT, FIRST, JUMP_EQUAL, KEPT_LIMITS, REFUSE),
    (PRLIMIT64, SECOND, JUMP_EQUAL, KEPT_LIMITS, REFUSE),
]


def _step(code: int, value: int, yes: int = 0, no: int = 0) -> bytes:
    return struct.pack("<HBBI", code, yes, no, value)


def _when(code: int, value: int, verdict: int) -> list[bytes]:
    return [_step(code, value, 0, 1), _step(RETURN, verdict)]


def _argument(number: int, offset: int, tests: list[bytes]) -> list[bytes]:
    """Tests on the lower half of an argument of one call; the number is loaded again after."""
    body = [_step(LOAD, offset), *tests, _step(LOAD, NUMBER)]
    return [_step(JUMP_EQUAL, number, 0, len(body)), *body]


def program(machine: str, refused: Calls = REFUSED, by_argument: ByArgument = BY_ARGUMENT) -> bytes:
    """The filter for "x86_64" or "aarch64". KeyError for another machine."""
    column, architecture = ARCHITECTURES[machine]
    steps = [_step(LOAD, ARCHITECTURE)]
    # A 64-bit process can make 32-bit calls, which have other numbers.
    steps += [_step(JUMP_EQUAL, architecture, 1, 0), _step(RETURN, KILL_PROCESS)]
    steps += [_step(LOAD, NUMBER)]
    # Also refuses the x32 calls, whose numbers start at 0x40000000.
    steps += _when(JUMP_GREATER, NEWEST, NOT_THERE)
    # Its flags lie in memory, where a filter can't look. The C library then uses clone.
    steps += _when(JUMP_EQUAL, CLONE3[column], NOT_THERE)
    for calls, verdict in ((refused, REFUSE), (NOTHING_TO_DO, DONE)):
        for numbers in calls.values():
            number = numbers[column]
            if number is not None:
                steps += _when(JUMP_EQUAL, number, verdict)
    # Only sockets between processes of the session. Some families, such as those to a virtual
    # machine's host, know no network namespaces.
    unix = [_step(JUMP_EQUAL, 1, 1, 0), _step(RETURN, REFUSE)]
    for call in SOCKETS:
        steps += _argument(call[column], FIRST, unix)
    return with_tests(b"".join([*steps, _step(RETURN, ALLOW)]), machine, by_argument)


def with_tests(filter: bytes, machine: str, by_argument: ByArgument, mask: int = ALL) -> bytes:
    """The filter with further tests of arguments, which come last; ``mask``: the bits looked at."""
    column, _architecture = ARCHITECTURES[machine]
    steps = []
    look = [] if mask == ALL else [_step(AND, mask)]
    for call, place, test, values, verdict in by_argument:
        number = call[column]
        if number is not None:
            tests = [step for value in values for step in _when(test, value, verdict)]
            steps += _argument(number, place, look + tests)
    end = len(_step(RETURN, ALLOW))
    return b"".join([filter[:-end], *steps, filter[-end:]])


def available() -> bool:
    """Whether this kernel has filters and this machine is known."""
    return os.uname().machine in ARCHITECTURES and os.path.exists("/proc/sys/kernel/seccomp")


class _Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("steps", ctypes.c_char_p)]


def install(make: Callable[[str], bytes] = program) -> bool:
    """Put a filter on this process and all that it will start. False where there is none.

    The process must have given up new privileges before. ``make``: the filter for a machine.
    """
    machine = os.uname().machine
    if machine not in ARCHITECTURES:
        return False
    steps = make(machine)
    code = _Program(len(steps) // 8, steps)
    try:
        prctl(PR_SET_SECCOMP, 2, ctypes.byref(code))
    except OSError as error:
        if error.errno == errno.EINVAL:  # a kernel without filters
            return False
        raise
    # Python has chosen epoll, which is refused from now on.
    selectors.DefaultSelector = selectors.PollSelector  # type: ignore[misc, assignment]
    return True
