"""Control groups: of both versions on a tree that behaves as the kernel's, where folders get files;
and of the version that this machine has on the kernel's own, where it may be written. (Those two
tests have passed as root with version 1; with version 2, under Linux 6.1, as root in the root group
and in a session below a slice, and as an ordinary user in a branch that was given to them.)"""

from __future__ import annotations

import itertools
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from nncourse.grading.sandbox import cgroups
from nncourse.grading.sandbox.guard import Guard
from nncourse.grading.sandbox.limits import MB

SECOND = ["cgroup.procs", "memory.max", "memory.swap.max", "memory.current", "pids.max"]
SECOND += ["memory.events", "cgroup.subtree_control"]
FIRST = {
    "memory": [
        "cgroup.procs",
        "memory.limit_in_bytes",
        "memory.memsw.limit_in_bytes",
        "memory.usage_in_bytes",
        "memory.oom_control",
    ],
    "pids": ["cgroup.procs", "pids.max"],
}


@pytest.fixture
def kernel(tmp_path, monkeypatch):
    """Makes a folder of control files with each folder; ``read_only``: where none may be made."""
    files: dict[str, list[str]] = {}
    read_only: set[Path] = set()
    mkdir, rmdir = Path.mkdir, Path.rmdir

    def making(self, *args, **options):
        if self.parent in read_only:
            raise PermissionError
        mkdir(self, *args, **options)
        for root, names in files.items():
            if self.is_relative_to(root):
                for name in names:
                    (self / name).touch()

    def removing(self):
        if any(path.is_dir() for path in self.iterdir()):
            raise OSError
        shutil.rmtree(self)

    monkeypatch.setattr(cgroups.Path, "mkdir", making)
    monkeypatch.setattr(cgroups.Path, "rmdir", removing)
    yield files, read_only
    monkeypatch.setattr(Path, "mkdir", mkdir)
    monkeypatch.setattr(Path, "rmdir", rmdir)


def second(tmp_path, files, path="/user.slice/session"):
    root = tmp_path / "second"
    files[str(root)] = SECOND
    (root / path.strip("/")).mkdir(parents=True)
    return [["cgroup2", str(root), "cgroup2", "rw"]], [["0", "", path]], root


def test_second_version_below_the_own_group(tmp_path, kernel):
    files, _ = kernel
    mounts, own, root = second(tmp_path, files)
    group = cgroups._second(mounts, own, "new")
    assert group.version == 2
    folder = root / "user.slice/session/new"
    assert group.joins == [str(folder / "cgroup.procs")], "one folder, so one file"
    assert (folder.parent / "cgroup.subtree_control").read_text() == "+memory +pids"
    group.limit_memory(100 * MB)
    group.limit_processes(20)
    assert (folder / "memory.max").read_text() == str(100 * MB)
    assert (folder / "memory.swap.max").read_text() == "0"
    assert (folder / "pids.max").read_text() == "20"
    (folder / "memory.current").write_text("12345\n")
    assert group.used() == 12345
    (folder / "memory.events").write_text("low 0\nhigh 0\nmax 3\noom 2\noom_kill 2\n")
    assert (group.kills(), group.reached()) == (2, 2)
    group.remove()
    assert not folder.exists()


def test_second_version_further_up_where_the_own_group_is_closed(tmp_path, kernel):
    files, read_only = kernel
    mounts, own, root = second(tmp_path, files, "/user.slice/user@1000.service/app/session")
    branch = root / "user.slice/user@1000.service"
    read_only |= {branch / "app/session", branch / "app"}
    group = cgroups._second(mounts, own, "new")
    assert group.folders["memory"] == branch / "new"


def test_second_version_without_the_controllers_is_left_alone(tmp_path, kernel):
    files, _ = kernel
    mounts, own, root = second(tmp_path, files)
    files[str(root)] = ["cgroup.procs"]
    assert cgroups._second(mounts, own, "new") is None
    assert not list(root.rglob("new")), "and nothing stays behind"


def test_nothing_beyond_the_mount_is_tried(tmp_path, kernel):
    files, read_only = kernel
    mounts, own, root = second(tmp_path, files, "/a")
    files[str(tmp_path)] = SECOND
    read_only |= {root, root / "a"}
    assert cgroups._second(mounts, own, "new") is None
    assert not (tmp_path / "new").exists()


def test_first_version_has_a_folder_for_each_controller(tmp_path, kernel):
    files, _ = kernel
    mounts, own = [], []
    for controller, names in FIRST.items():
        root = tmp_path / controller
        files[str(root)] = names
        (root / "here").mkdir(parents=True)
        mounts.append(["cgroup", str(root), "cgroup", f"rw,{controller}"])
        own.append(["5", controller, "/here"])
    group = cgroups._first(mounts, own, "new")
    assert group.version == 1
    assert len(group.joins) == 2
    group.limit_memory(MB)
    group.limit_processes(7)
    memory, pids = (tmp_path / c / "here/new" for c in FIRST)
    assert (memory / "memory.limit_in_bytes").read_text() == str(MB)
    assert (memory / "memory.memsw.limit_in_bytes").read_text() == str(MB)
    assert (pids / "pids.max").read_text() == "7"
    (memory / "memory.oom_control").write_text("oom_kill_disable 0\nunder_oom 0\noom_kill 4\n")
    assert group.kills() == 4
    for peak, times in ((MB - 1, 0), (MB, 1), (5, 1), (MB, 2)):
        (memory / "memory.max_usage_in_bytes").write_text(f"{peak}\n")
        assert group.reached() == times
    group.remove()
    assert not memory.exists()
    assert not pids.exists()


def test_no_tree_no_group(tmp_path, kernel):
    assert cgroups._second([], [], "new") is None
    assert cgroups._first([["tmpfs", str(tmp_path), "tmpfs", "rw"]], [], "new") is None


@pytest.fixture
def group():
    """A group in the kernel's own tree."""
    found = cgroups.new_group()
    if found is None:
        pytest.skip("no control groups for this process")
    yield found
    found.remove()
    assert not any(folder.exists() for folder in found.folders.values())


def inside(group, code):
    """Run Python in the group; how it ended and what it said."""
    join = 'while [ "$1" != -- ]; do echo 0 > "$1" || exit 99; shift; done; shift; exec "$@"'
    command = ["/bin/sh", "-c", join, "sh", *group.joins, "--", sys.executable, "-c", code]
    run = subprocess.run(command, capture_output=True, text=True)
    return run.returncode, run.stdout


def test_the_kernel_bounds_the_memory_of_a_group(group):
    if "memory" not in group.folders:
        pytest.skip("no control groups that bound memory")
    group.limit_memory(64 * MB)
    assert inside(group, "print(len(bytearray(16 << 20)))") == (0, f"{16 << 20}\n")
    assert (group.kills(), group.reached()) == (0, 0)
    assert inside(group, "print(len(bytearray(256 << 20)))") == (-9, "")
    assert group.kills() == 1
    assert group.reached() == 1
    # The first holds its own while the second asks for more.
    both = "import os\nheld = bytearray(40 << 20)\npid = os.fork()\n"
    inside(group, both + "if pid: os.waitpid(pid, 0)\nelse: more = bytearray(40 << 20)\n")
    assert group.kills() > 1, "two processes with 40 MB each share the bound"


@pytest.mark.parametrize("own", [False, True])
def test_a_session_that_has_reached_its_own_bound_was_not_ended_for_others(own):
    here, there = socket.socketpair()
    kills, reached = [0], [0]
    guard = Guard(here, lambda: kills[0], lambda: reached[0])
    there.sendall(b'{"status": -9, "cpu": 0.1, "memory": false}\n')
    there.close()
    kills[0], reached[0] = 1, int(own)
    assert guard.death(120)[0] == "memory"
    assert guard.shot is not own


def test_the_kernel_bounds_the_number_of_processes_of_a_group(group):
    if "pids" not in group.folders:
        pytest.skip("no control groups that bound the number of processes")
    group.limit_processes(5)
    forks = (
        "import os, time\nmade = []\ntry:\n    for _ in range(20):\n"
        "        pid = os.fork()\n        if pid == 0:\n            time.sleep(30)\n"
        "        made.append(pid)\nexcept BlockingIOError:\n    print(len(made))\n"
        "for pid in made:\n    os.kill(pid, 9)\n    os.waitpid(pid, 0)\n"
    )
    assert inside(group, forks) == (0, "4\n")


def test_what_killed_processes_left_behind_is_removed(tmp_path, monkeypatch):
    with subprocess.Popen(["true"]) as gone:
        pass
    monkeypatch.setattr(cgroups, "_swept", set())
    empty, busy, young, alive, other = (
        tmp_path / name
        for name in (
            f"nncourse-{gone.pid}-0",
            f"nncourse-{gone.pid}-1-ab",
            f"nncourse-{gone.pid}-2",
            f"nncourse-{os.getpid()}-0",
            "nncourse-else-0",
        )
    )
    for folder in (empty, busy, young, alive, other):
        folder.mkdir()
        if folder == busy:
            (folder / "tasks").touch()  # so rmdir is refused
        if folder != young:
            os.utime(folder, (0, 0))
    made = cgroups._made(tmp_path / "new", [])
    assert {*tmp_path.iterdir()} == {busy, young, alive, other, made}


def test_a_name_that_was_left_behind_is_not_in_the_way(tmp_path, monkeypatch):
    (tmp_path / f"nncourse-{os.getpid()}-0").mkdir()
    monkeypatch.setattr(cgroups, "_numbers", itertools.count())
    monkeypatch.setattr(
        cgroups, "_second", lambda mounts, own, name: cgroups._made(tmp_path / name, [])
    )
    assert cgroups.new_group().is_dir()
