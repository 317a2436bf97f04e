"""Sandboxes within the same walls: each worker's is a twin of the one that the coordinator made."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from nncourse.grading.sandbox import Limits, Sandbox, cgroups
from nncourse.grading.sandbox.limits import MB
from tests.grading.processes import commands

LIMITS = Limits(memory=200 * MB, processes=24, cell_seconds=3.0)
NAMES = ["numpy"]
SHARED = """\
import mmap, os, time
for i in range(8):
    if os.fork() == 0:
        x = mmap.mmap(-1, 60 << 20)
        for at in range(0, len(x), 4096):
            x[at] = 1
        x.madvise(mmap.MADV_DONTNEED)
        time.sleep(100)
time.sleep(2)
"""
MANY = """\
import os, time
for i in range(4):
    if os.fork() == 0:
        x = [bytearray(1 << 20) for _ in range(100)]
        time.sleep(100)
time.sleep(2)
"""
CROWD = """\
import os, time
made = 0
try:
    while made < 100:
        if os.fork() == 0:
            time.sleep(100)
        made += 1
except OSError:
    pass
made
"""


def make(cache: Path, unsafe: bool = False) -> Sandbox:
    options = {"withheld": ["nncourse"], "packages": NAMES, "preload": NAMES}
    return Sandbox(LIMITS, cache=cache, unsafe=unsafe, **options)


@pytest.fixture(params=["control groups", "no control groups"])
def twins(
    cache: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Sandbox, Sandbox, Sandbox]]:
    if request.param == "no control groups":
        monkeypatch.setattr(cgroups, "new_group", lambda: None)
    with make(cache) as first, first.twin() as one, first.twin() as other:
        yield first, one, other


def outputs(sandbox: Sandbox, *cells: str) -> list[str]:
    with sandbox.session() as session:
        return [session.run_cell(cell).output for cell in cells]


def test_nothing_is_loaded_again(twins: tuple[Sandbox, ...]) -> None:
    first, *both = twins
    for twin in both:
        assert outputs(twin, "x = 6", "x * 7") == ["", "42\n"]
        assert twin.alive
        assert (first.starts, twin.starts) == (1, 1)
    assert outputs(first, "1 + 1") == ["2\n"]


def test_that_of_a_process_which_is_bound_to_a_core_stays_there_too(cache: Path) -> None:
    every = os.sched_getaffinity(0)
    asked = "import os\nsorted(os.sched_getaffinity(0))"
    with make(cache) as first:
        try:
            for core in every:
                os.sched_setaffinity(0, {core})
                with first.twin() as twin:
                    assert outputs(twin, asked) == [f"[{core}]\n"]
        finally:
            os.sched_setaffinity(0, every)
        with first.twin() as twin:
            assert outputs(twin, asked) == outputs(first, asked) == [f"{sorted(every)}\n"]


@pytest.mark.parametrize("crowd", [MANY, SHARED])
def test_memory_that_one_takes_ends_nothing_in_the_other(
    twins: tuple[Sandbox, ...], crowd: str
) -> None:
    first, one, other = twins
    with first.session() as above, other.session() as honest, one.session() as greedy:
        honest.run_cell("import numpy as np\nx = np.ones(5_000_000)")
        error = greedy.run_cell(crowd).error
        assert error is not None or (one.group is not None and one.group.kills() > 0)
        assert honest.run_cell("x.sum()").output.endswith("5000000.0)\n")
        assert above.run_cell("1").output == "1\n"
        if other.group is not None:
            assert other.group.kills() == 0
        greedy.close()
    assert outputs(one, "'again'") == ["'again'\n"]


def test_processes_that_one_starts_leave_room_for_the_other(twins: tuple[Sandbox, ...]) -> None:
    first, one, other = twins
    if not first.layers["own user namespace"] and first.group is None:
        pytest.skip("without namespaces or control groups processes are counted by user")
    with one.session() as crowd:
        assert int(crowd.run_cell(CROWD).output) < LIMITS.processes
        assert int(outputs(other, CROWD)[0]) > LIMITS.processes // 2
        assert outputs(first, "1") == ["1\n"]


def test_sessions_don_t_meet(twins: tuple[Sandbox, ...]) -> None:
    """Not by the network, a signal, shared memory or a folder."""
    _, one, other = twins
    listen = "import socket\ns = socket.socket(socket.AF_UNIX)\ns.bind('\\0here')\ns.listen()"
    call = listen.replace("bind", "connect").replace("\ns.listen()", "")
    with one.session() as server, other.session() as caller:
        assert server.run_cell(listen).error is None
        assert server.run_cell(call.replace("s =", "t =").replace("s.c", "t.c")).error is None
        assert caller.run_cell(call).error.kind == "ConnectionRefusedError"
        places = "[p for p in ('/tmp/x', '/tmp/work/x', '/dev/shm/x') if %s]"
        server.run_cell(places % "open(p, 'w').write('x')")
        assert server.run_cell("import os\n" + places % "os.path.exists(p)").output.count("x'") == 3
        assert caller.run_cell("import os\n" + places % "os.path.exists(p)").output == "[]\n"
        kill = "import os\nfor p in range(2, 40):\n    try: os.kill(p, 9)\n    except OSError: pass"
        caller.run_cell(kill)
        assert server.run_cell("1").output == "1\n"


# What two sessions have in common, above all the files of the machine: what one does before, what
# the other says with it, and what the first then looks at. It prints only if it has heard.
COMMON = """
import ctypes, fcntl, os, signal, struct, time
libc = ctypes.CDLL(None, use_errno=True)
shared = open(os.__file__, "rb")
seldom = open(os.path.join(os.path.dirname(os.__file__), "this.py"), "rb")
lock = struct.pack("hhqqi", fcntl.F_RDLCK, 0, 0, 0, 0)
write = struct.pack("hhqqi", fcntl.F_WRLCK, 0, 0, 0, 0)
def cached():
    try: return os.preadv(seldom.fileno(), [bytearray(9)], 0, os.RWF_NOWAIT) > 0
    except BlockingIOError: return False
def tasks():
    info = bytearray(112)
    if libc.sysinfo((ctypes.c_char * 112).from_buffer(info)): return 0
    return struct.unpack_from("H", info, 80)[0]
def fill():
    signal.pthread_sigmask(signal.SIG_BLOCK, [40])
    info, sent = struct.pack("iii116x", 40, 0, -1), 0
    while sent < 1000 and libc.syscall(QUEUE, os.getpid(), 40, info) == 0: sent += 1
    return sent
"""
COMMON = COMMON.replace("QUEUE", {"x86_64": "129", "aarch64": "138"}[os.uname().machine])
CHANNELS = {
    "a lock": (
        "",
        "fcntl.flock(shared, fcntl.LOCK_EX)",
        "try: fcntl.flock(shared, fcntl.LOCK_EX | fcntl.LOCK_NB)\n"
        "except BlockingIOError: print('heard')",
    ),
    "a lock of a part": (
        "",
        "fcntl.fcntl(shared, fcntl.F_SETLK, lock)",
        "if struct.unpack('hhqqi', fcntl.fcntl(shared, fcntl.F_GETLK, write))[0] != fcntl.F_UNLCK:"
        " print('heard')",
    ),
    "a lock of an open file": (
        "",
        "fcntl.fcntl(shared, 37, lock)",
        "if struct.unpack('hhqqi', fcntl.fcntl(shared, 36, write))[0] != fcntl.F_UNLCK:"
        " print('heard')",
    ),
    "who opens a file": (
        "watch = libc.inotify_init1(os.O_NONBLOCK)\n"
        "libc.inotify_add_watch(watch, os.__file__.encode(), 0x20)",
        "open(os.__file__).close()",
        "if os.read(watch, 100): print('heard')",
    ),
    "who opens a device": (
        "watch = libc.inotify_init1(os.O_NONBLOCK)\n"
        "libc.inotify_add_watch(watch, b'/dev/full', 0x20)",
        "open('/dev/full').close()",
        "if os.read(watch, 100): print('heard')",
    ),
    "the time of a device": (
        "before = os.stat('/dev/full').st_mtime_ns",
        "os.utime('/dev/full')",
        "if os.stat('/dev/full').st_mtime_ns != before: print('heard')",
    ),
    "what is in memory": (
        "for _ in range(100):\n"
        "    os.posix_fadvise(seldom.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)\n"
        "    if not cached(): break",
        "seldom.read()",
        "if cached(): print('heard')",
    ),
    "the number of tasks": (
        "before = tasks()",
        "for _ in range(20):\n    if os.fork() == 0: time.sleep(9)",
        "if tasks() - before > 15: print('heard')",
    ),
    "a priority": (
        "",
        "os.setpriority(os.PRIO_USER, os.getuid(), 9)",
        "if os.getpriority(os.PRIO_PROCESS, 0) == 9: print('heard')",
    ),
    "the room for signals that wait": (
        "",
        "fill()",
        "if fill() == 0: print('heard')",
    ),
}


@pytest.mark.parametrize("name", CHANNELS)
def test_neither_tells_the_other_anything(first: Sandbox, warm: Sandbox, name: str) -> None:
    before, says, after = CHANNELS[name]
    with first.session() as listener, warm.session() as speaker:
        for session in (listener, speaker):
            assert session.run_cell(COMMON).error is None
        listener.run_cell(before)
        speaker.run_cell(says)
        assert listener.run_cell(after).output == ""


def test_one_ends_alone(twins: tuple[Sandbox, ...]) -> None:
    first, one, other = twins
    groups = [] if one.group is None else list(one.group.folders.values())
    assert all(folder.exists() for folder in groups)
    one.close()
    assert not one.alive
    assert not any(folder.exists() for folder in groups)
    assert outputs(other, "1") == outputs(first, "1") == ["1\n"]


def test_it_does_not_need_the_first(twins: tuple[Sandbox, ...]) -> None:
    first, one, _ = twins
    with one.session() as session:
        first.close()
        assert session.run_cell("1").output == "1\n"
        assert outputs(one, "2") == ["2\n"]
        assert (one.starts, first.starts) == (1, 1)


def test_one_that_dies_is_replaced_and_takes_no_other_with_it(cache: Path) -> None:
    with make(cache) as first, first.twin() as one, first.twin() as other:
        if first.group is None:
            pytest.skip("no control group can be made here, by which to find the process")
        for dies in (first, one):
            with contextlib.ExitStack() as sessions:
                for sandbox in (one, other):
                    sessions.enter_context(sandbox.session())
                os.kill(process_behind(dies), signal.SIGKILL)
                end = time.monotonic() + 10
                while dies.alive and time.monotonic() < end:
                    time.sleep(0.01)
                assert not dies.alive
            assert [outputs(sandbox, "1") for sandbox in (first, one, other)] == [["1\n"]] * 3
        assert [sandbox.starts for sandbox in (first, one, other)] == [2, 2, 1]


def process_behind(sandbox: Sandbox) -> int:
    """The warm process, by the control groups that no other process is in."""
    assert sandbox.group is not None
    listed = next(iter(sandbox.group.folders.values())) / "cgroup.procs"
    pids = [int(line) for line in listed.read_text().split()]
    started = commands()
    return next(pid for pid in pids if "--unshare-pid" not in started.get(pid, "--unshare-pid"))


def test_without_the_same_bounds_it_starts_its_own(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with make(cache) as first:
        if first.group is None:
            pytest.skip("no control group can be made here")
        with monkeypatch.context() as patch:
            patch.setattr(cgroups, "new_group", lambda: None)
            twin = first.twin()
            assert not twin.alive
        with twin:
            assert outputs(twin, "1") == ["1\n"]
            assert twin.starts == 2
            assert cgroups.controllers(twin.group) == cgroups.controllers(first.group)


def test_without_its_bounds_it_is_not_there(cache: Path, tmp_path: Path) -> None:
    """Where the files of a control group are not to be written by the one in the sandbox."""
    with make(cache) as first:
        if first.group is None:
            pytest.skip("no control group can be made here")
        twin = first.twin()
        twin.close()
        full = Path("/dev/full")  # can be opened, and refuses what is written

        class Refusing(cgroups.Group):
            @property
            def joins(self) -> list[str]:
                return [str(full)]

        with pytest.MonkeyPatch.context() as patch:
            group = cgroups.new_group()
            assert group is not None
            patch.setattr(cgroups, "new_group", lambda: Refusing(group.version, group.folders))
            twin = first.twin()
        with twin.session() as session:
            assert session.run_cell("1").output == "1\n"
        assert twin.starts == 2
        twin.close()


def test_a_fork_uses_the_twin_that_it_made(cache: Path) -> None:
    with make(cache) as first:
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                with first.twin() as twin:
                    grandchild = os.fork()
                    if grandchild == 0:
                        os._exit(0 if outputs(twin, "6 * 7") == ["42\n"] else 1)
                    code = os.waitstatus_to_exitcode(os.waitpid(grandchild, 0)[1])
            finally:
                os._exit(code)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
        assert outputs(first, "1") == ["1\n"]


def test_without_bubblewrap(cache: Path) -> None:
    with make(cache, unsafe=True) as first:
        folder = first.folder
        assert folder is not None
        with first.twin() as one, first.twin() as other:
            assert one.starts == 1
            assert outputs(one, "1") == outputs(other, "1") == ["1\n"]
        assert os.path.isdir(folder)
        assert outputs(first, "1") == ["1\n"]
    assert not os.path.exists(folder)


def test_of_one_that_was_not_started(cache: Path) -> None:
    with make(cache).twin() as twin:
        assert outputs(twin, "1") == ["1\n"]
        assert twin.starts == 1
