"""What the process of the tests can't do, asked for in a graded cell; and what it still can."""

from __future__ import annotations

import ctypes
import json
import os
import shutil
import time
from collections.abc import Iterable

import pytest

from nncourse.grading.bench import Bench
from nncourse.grading.sandbox.inside import landlock, seccomp
from nncourse.grading.shut_in import program
from nncourse.grading.worker import make_item
from tests.grading.kinds import SETUP, Kind
from tests.grading.test_oracle import assignment, points, whys

COLUMN = seccomp.ARCHITECTURES.get(os.uname().machine, (0,))[0]

needs_filter = pytest.mark.skipif(not seccomp.available(), reason="no seccomp here")

REFUSED = {
    # Each as a function of PATH, a file of the machine, OTHER, another process of the user, and
    # SHARED, the numbers of its shared memory, semaphores and queue.
    "chmod": "os.chmod(PATH, 0o600)",
    "fchmod": "os.fchmod(os.open(PATH, os.O_RDONLY), 0o600)",
    "chmod without following": "call(268, 53, -100, PATH.encode(), 0o600)",
    "chmod, the newest": "call(452, 452, -100, PATH.encode(), 0o600, 0)",
    "chown": "os.chown(PATH, -1, -1)",
    "fchown": "os.fchown(os.open(PATH, os.O_RDONLY), -1, -1)",
    "lchown": "os.lchown(PATH, -1, -1)",
    "utime": "os.utime(PATH, (1, 1))",
    "utime of an open file": "os.utime(os.open(PATH, os.O_RDONLY), (1, 1))",
    "setxattr": "os.setxattr(PATH, 'user.note', b'x')",
    "removexattr": "os.removexattr(PATH, 'user.note')",
    "flags of a file": "fcntl.ioctl(os.open(PATH, os.O_RDONLY), 0x40086602, bytes(8))",
    "UDP": "socket.socket(socket.AF_INET, socket.SOCK_DGRAM)",
    "UDP, version 6": "socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)",
    "TCP": "socket.create_connection(('127.0.0.1', 9), 1)",
    "Unix sockets": "socket.socket(socket.AF_UNIX)",
    "raw sockets": "socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)",
    "netlink": "socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)",
    "pairs that take an address": "socket.socketpair(type=socket.SOCK_DGRAM)",
    "pairs of another family": "socket.socketpair(socket.AF_INET)",
    "connect": "socket.socketpair()[0].connect('somewhere')",
    "bind": "socket.socketpair()[0].bind('here')",
    "a signal": "os.kill(OTHER, 0)",
    "a signal to all": "os.kill(-1, 0)",
    "a signal to the group": "os.killpg(0, 0)",
    "a signal by a file": "fcntl.fcntl(socket.socketpair()[0], fcntl.F_SETOWN, OTHER)",
    "a signal by a descriptor": "signal.pidfd_send_signal(os.pidfd_open(OTHER), 0)",
    "a signal to a thread": "call(200, 130, OTHER, 0)",
    "limits": "resource.prlimit(OTHER, resource.RLIMIT_CPU)",
    "processors": "os.sched_setaffinity(OTHER, os.sched_getaffinity(0))",
    "priority": "os.setpriority(os.PRIO_PROCESS, OTHER, 1)",
    "a program": "os.execv(sys.executable, [sys.executable])",
    "ptrace": "call(101, 117, 16, OTHER, 0, 0)",
    "another's memory": "call(310, 270, OTHER, 0, 0, 0, 0, 0)",
    "into another's memory": "call(311, 271, OTHER, 0, 0, 0, 0, 0)",
    "mount": "call(165, 40, b'none', b'/mnt', b'tmpfs', 0, 0)",
    "namespaces": "call(272, 97, 0x10000000)",
    "io_uring": "call(425, 425, 1, bytes(120))",
    "bpf": "call(321, 280, 0, 0, 0)",
    "keyctl": "call(250, 219, 0, -3, 0)",
    "userfaultfd": "call(323, 282, 0)",
    "perf_event": "call(298, 241, 0, 0, -1, -1, 0)",
    "shared memory": "call(30, 196, SHARED[0], 0, 0)",
    "to remove it": "call(31, 195, SHARED[0], 0, 0)",
    "semaphores": "call(66, 191, SHARED[1], 0, 0)",
    "to wait for them": "call(65, 193, SHARED[1], struct.pack('hhh', 0, 1, 0), 1)",
    "and only for a while": "call(220, 192, SHARED[1], struct.pack('hhh', 0, 1, 0), 1, 0)",
    "queues": "call(71, 187, SHARED[2], 0, 0)",
    "to write to one": "call(69, 189, SHARED[2], struct.pack('lq', 1, 1), 8, 0)",
    "to read from one": "call(70, 188, SHARED[2], bytes(16), 8, 0, 0o4000)",
    "queues with names": "call(240, 180, b'of-a-test', 0o102, 0o600, 0)",
    "to remove one": "call(241, 181, b'of-nobody')",
}  # fmt: skip

ATTEMPT = """
import ctypes, errno, fcntl, os, resource, signal, socket, struct, sys
PATH, OTHER, SHARED, COLUMN = {path!r}, {other}, {shared}, {column}
def call(x86_64, aarch64, *arguments):
    libc = ctypes.CDLL(None, use_errno=True)
    full = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
    if libc.syscall(ctypes.c_long([x86_64, aarch64][COLUMN]), *full) < 0:
        raise OSError(ctypes.get_errno(), "refused")
met = {{}}
for name, attempt in {attempts!r}.items():
    try:
        eval(attempt)
        met[name] = "done"
    except OSError as error:
        if error.errno != errno.EPERM:
            met[name] = repr(error)
assert not met, met
"""


def attempt(path, attempts: dict[str, str], shared: Iterable[int] = ()) -> str:
    """A test that makes these attempts."""
    values = {"path": str(path), "other": os.getppid(), "shared": [*shared], "column": COLUMN}
    return ATTEMPT.format(attempts=attempts, **values)


@pytest.fixture(scope="module")
def grade():
    if shutil.which("bwrap") is None:
        pytest.skip("bubblewrap is not installed")
    with Bench() as bench:

        def grade(test: str, answer: str = "def f(x): return 2 * x") -> dict:
            kind = Kind([SETUP, ("answer", "a", ""), ("tests", "t", test)], {"a": answer})
            bench.prepare(assignment(kind).packed)
            return json.loads(bench.grade(make_item("anna", kind.right, 1)))

        yield grade


@pytest.fixture
def shared():
    """Shared memory, a semaphore and a queue, by their numbers."""
    libc = ctypes.CDLL(None)
    made = [libc.shmget(0, 4096, 0o600), libc.semget(0, 1, 0o600), libc.msgget(0, 0o600)]
    if min(made) < 0:
        pytest.skip("no System V IPC here")
    yield made
    assert libc.shmctl(made[0], 0, None) == 0, "somebody else removed it"
    assert libc.semctl(made[1], 0, 0) == 0
    assert libc.msgctl(made[2], 0, None) == 0


@needs_filter
def test_a_test_is_refused_what_landlock_does_not_know(grade, tmp_path, shared):
    path = tmp_path / "grades"
    path.write_text("100")
    os.utime(path, (10, 10))
    before = path.stat()
    test = attempt(path, REFUSED, shared)
    result = grade(test)
    after = path.stat()
    assert points(result) == [10], whys(result)
    assert (after.st_mode, after.st_mtime) == (before.st_mode, before.st_mtime)


EMPTYING = {
    "truncate": "os.truncate(PATH, 0)",
    "open": "call(2, 0, PATH.encode(), os.O_TRUNC) if COLUMN == 0 else os.truncate(PATH, 0)",
    "openat": "os.open(PATH, os.O_TRUNC)",
    "openat, and also to be closed": "os.open(PATH, os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW)",
    "openat, neither to read nor to write": "os.open(PATH, os.O_TRUNC | 3)",
    "creat": "call(85, 0, PATH.encode(), 0o600) if COLUMN == 0 else os.truncate(PATH, 0)",
    "openat2": "call(437, 437, -100, PATH.encode(), struct.pack('QQQ', os.O_TRUNC, 0, 0), 24)",
    "writing": "open(PATH, 'w')",
    "writing and reading": "open(PATH, 'w+')",
    "further writing": "open(PATH, 'a')",
}  # fmt: skip


@needs_filter
@pytest.mark.parametrize("version", [1, 2])
def test_nothing_is_emptied_where_landlock_knows_no_emptying(grade, tmp_path, monkeypatch, version):
    """As with the kernel of Debian 12."""
    if landlock.version() < version:
        pytest.skip("no Landlock here")
    monkeypatch.setattr(landlock, "version", lambda: version)
    path = tmp_path / "grades"
    path.write_text("100")
    own = """
with open("own", "w+") as file:
    file.write("100"), file.truncate(2)
os.close(os.open("own", os.O_WRONLY | os.O_TRUNC)), os.close(os.open("own", os.O_RDWR | os.O_TRUNC))
assert open("own").read() == ""
"""
    other = "errno.EPERM, errno.EACCES, errno.ENOSYS"
    test = attempt(path, EMPTYING).replace("!= errno.EPERM", f"not in ({other})")
    result = grade(test + own)
    assert path.read_text() == "100"
    assert points(result) == [10], whys(result)


@needs_filter
def test_a_doctest_of_the_students_changes_no_file(grade, tmp_path):
    """A text that the graded cell runs unawares."""
    path = tmp_path / "grades"
    path.write_text("100")
    path.chmod(0o600)
    os.utime(path, (10, 10))
    answer = f"""
def f(x):
    '''>>> import os; os.chmod({str(path)!r}, 0o666)
    >>> os.utime({str(path)!r}, (99, 99))
    '''
    return 2 * x
"""
    grade("import doctest\ndoctest.run_docstring_examples(f, {'f': f})\nassert f(2) == 4", answer)
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.stat().st_mtime == 10


def test_what_tests_do_goes_on(grade):
    test = """
import asyncio, concurrent.futures, io, os, signal, socket, sqlite3, tempfile, threading, zipfile
a = np.random.default_rng(0).normal(size=(300, 300))
with concurrent.futures.ThreadPoolExecutor(3) as pool:
    sums = list(pool.map(lambda k: (k * a @ a).sum(), range(4)))
assert len(sums) == 4
here, there = socket.socketpair()
here.send(b"x"), socket.send_fds(here, [b"y"], [0])
assert there.recv(1) == b"x" and socket.recv_fds(there, 1, 1)[0] == b"y"
assert asyncio.run(asyncio.sleep(0, 3)) == 3
with tempfile.TemporaryDirectory() as folder, open(f"{folder}/a.txt", "w+") as file:
    file.write("1 2 3\\n"), file.flush(), os.fsync(file.fileno())
    assert np.loadtxt(f"{folder}/a.txt").sum() == 6
    np.savez(f"{folder}/b.npz", a=a)
    assert (np.load(f"{folder}/b.npz")["a"] == a).all()
    base = sqlite3.connect(f"{folder}/c.db")
    base.execute("create table t (x)"), base.execute("insert into t values (1)"), base.commit()
    assert base.execute("select x from t").fetchall() == [(1,)]
seen = []
signal.signal(signal.SIGUSR1, lambda *a: seen.append(1))
os.kill(os.getpid(), signal.SIGUSR1), signal.raise_signal(signal.SIGUSR1)
signal.signal(signal.SIGALRM, lambda *a: seen.append(2))
signal.setitimer(signal.ITIMER_REAL, 0.01)
signal.pause()
assert seen == [1, 1, 2]
pid = os.fork()
if pid == 0:
    os._exit(7)
assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 7
assert not open("file", "w").isatty()
assert f(2) == 4
"""
    result = grade(test)
    assert points(result) == [10], whys(result)


def test_without_filters_all_else_goes_on(grade, monkeypatch):
    monkeypatch.setattr(seccomp, "ARCHITECTURES", {})
    result = grade("import os\nopen('own', 'w').close()\nos.chmod('own', 0o600)\nassert f(2) == 4")
    assert points(result) == [10], whys(result)


@pytest.mark.parametrize("machine", seccomp.ARCHITECTURES)
def test_the_filter_is_quickly_made_for_every_process(machine):
    start = time.process_time()
    for _ in range(100):
        program(machine)
    assert time.process_time() - start < 0.1
