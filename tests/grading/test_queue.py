"""How items are dealt out to workers."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from nncourse.grading import child, queue
from nncourse.grading.assignment import make_assignment
from nncourse.grading.bench import Bench, folder_of_its_own
from nncourse.grading.child import can_fork
from nncourse.grading.queue import Workers
from nncourse.grading.sandbox import SandboxUnavailable
from nncourse.grading.worker import Worker, WorkerLost, make_item
from tests.grading.processes import processes_below


class Ready:
    """What a coordinator has made ready."""

    def __init__(self, unsafe: bool = False) -> None:
        self.data: bytes | None = None

    def prepare(self, data: bytes) -> None:
        if data != self.data:
            Line.happened.append("prepared")
        self.data = data

    def close(self) -> None:
        pass


class Line:
    """A worker that answers at once, and notes what happens in which order."""

    happened: list[str] = []
    lose: set[bytes] = set()
    cores: list[int | None] = []

    def __init__(
        self, unsafe: bool = False, bench: Ready | None = None, core: int | None = None
    ) -> None:
        self.core = core
        self.cores.append(core)
        self.connection = self
        self.happened.append("forked" if bench else "spawned")
        self.item = b""

    def send(self, assignment: bytes, item: bytes) -> None:
        self.item = item
        self.happened.append(f"sent {item.decode()}")

    def receive(self) -> bytes:
        if self.item in self.lose:
            self.lose.discard(self.item)
            raise WorkerLost("gone")
        return self.item.upper()

    def close(self) -> None:
        pass

    kill = close

    def grade(self, assignment: bytes, item: bytes) -> bytes:
        self.send(assignment, item)
        return self.receive()


@pytest.fixture
def line(monkeypatch: pytest.MonkeyPatch) -> type[Line]:
    monkeypatch.setattr(queue, "Worker", Line)
    monkeypatch.setattr(queue, "Bench", Ready)
    monkeypatch.setattr(queue, "can_fork", lambda: True)  # other tests may have left threads
    monkeypatch.setattr(queue, "wait", lambda connections, _patience: list(connections))
    monkeypatch.setattr(Line, "happened", [])
    monkeypatch.setattr(Line, "lose", set())
    monkeypatch.setattr(Line, "cores", [])
    return Line


def items(names: str) -> Iterator[tuple[str, bytes]]:
    for name in names:
        Line.happened.append(f"made {name}")
        yield name, name.encode()


def run(names: str, count: int) -> dict[str, bytes | WorkerLost]:
    found = {}
    for key, result in Workers(count).run(b"", items(names)):
        Line.happened.append(f"took {key}")
        found[key] = result
    return found


def test_a_worker_has_its_next_item_before_its_result_is_taken(line: type[Line]) -> None:
    assert run("abc", 1) == {"a": b"A", "b": b"B", "c": b"C"}
    assert line.happened == [
        "made a",
        "prepared",
        "forked",
        "sent a",
        "made b",
        "sent b",
        "took a",
        "made c",
        "sent c",
        "took b",
        "took c",
    ]


@pytest.mark.parametrize("count", [1, 2, 3, 9])
def test_every_item_comes_back_once_though_workers_are_lost(line: type[Line], count: int) -> None:
    line.lose |= {b"b", b"e"}
    assert run("abcdef", count) == {name: name.upper().encode() for name in "abcdef"}
    assert line.happened.count("sent b") == 2


@pytest.mark.parametrize("all_are_lost", [False, True])
def test_an_item_is_given_up_where_another_is_graded(
    line: type[Line], monkeypatch: pytest.MonkeyPatch, all_are_lost: bool
) -> None:
    class Deadly(Line):
        def receive(self) -> bytes:
            if all_are_lost or self.item == b"b":
                raise WorkerLost("No space left on device")
            return b"{}"

    monkeypatch.setattr(queue, "Worker", Deadly)
    if all_are_lost:
        with pytest.raises(SandboxUnavailable, match=r"not even an empty submission.*No space"):
            run("abc", 1)
    else:
        found = run("abc", 1)
        assert isinstance(found.pop("b"), WorkerLost)
        assert found == {"a": b"{}", "c": b"{}"}


def test_a_process_of_another_version_grades_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """As when nncourse is renewed, or was found in a folder that a new process does not look in."""
    monkeypatch.setattr(child, "can_fork", lambda: False)
    monkeypatch.setattr(child, "tool_version", lambda: "that of this process")
    with Worker() as one, pytest.raises(SandboxUnavailable, match="another nncourse"):
        one.grade(empty(), make_item("anna", {}, 7))


def test_why_a_machine_can_t_be_made_ready_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child, "can_fork", lambda: False)
    with Worker() as one, pytest.raises(SandboxUnavailable, match="JSONDecodeError"):
        one.grade(b"no assignment", make_item("anna", {}, 7))


def test_no_more_is_made_than_workers_will_soon_use(line: type[Line]) -> None:
    made = 0
    for name in (run("abcdefgh", 2), line.happened)[1]:
        made += name.startswith("made") - name.startswith("took")
        assert made <= 2 + 2 + 1  # at work, ahead, done


def test_no_worker_waits_until_several_results_are_taken(line: type[Line]) -> None:
    """Though both have finished at the same time."""
    run("abcdef", 2)
    last = line.happened.index("sent f")
    order = [what for what in line.happened[:last] if not what.startswith("made")]
    assert order[order.index("sent b") :] == [
        "sent b",
        "sent c",
        "took a",
        "sent d",
        "took b",
        "sent e",
        "took c",
    ]


def test_they_end_while_something_else_is_done(
    line: type[Line], monkeypatch: pytest.MonkeyPatch
) -> None:
    something = threading.Event()
    ended = []
    monkeypatch.setattr(Ready, "close", lambda _bench: ended.append(something.wait(60)))
    with Workers(1).ending():
        something.set()
    assert ended == [True]


def test_nothing_to_do(line: type[Line]) -> None:
    assert run("", 2) == {}


def test_nothing_is_made_ready_where_there_is_nothing_to_do(line: type[Line]) -> None:
    run("", 2)
    assert line.happened == []


def test_all_is_made_ready_once_and_workers_are_forks_of_it(line: type[Line]) -> None:
    line.lose |= {b"b", b"e"}
    run("abcdef", 2)
    assert line.happened.count("prepared") == 1
    assert line.happened.index("prepared") < line.happened.index("forked")
    assert (line.happened.count("forked"), line.happened.count("spawned")) == (4, 0)


def test_workers_compute_in_one_thread_and_their_coordinator_as_before(
    line: type[Line], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []

    class Watched(Line):
        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments)
            seen.append(threads())

    monkeypatch.setattr(queue, "Worker", Watched)
    with threadpool_limits(2):
        run("ab", 2)
        assert seen == [1, 1]
        assert threads() == 2


def threads() -> int:
    """In how many threads NumPy multiplies matrices here."""
    return max(pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas")


@pytest.mark.parametrize(
    ("count", "lost", "cores"),
    [
        (1, b"", [None]),
        (2, b"", [3, 5]),
        (2, b"b", [3, 5, 5]),
        (5, b"", [3, 5, 3, 5, 3]),
    ],
)
def test_where_there_are_no_more_cores_than_workers_each_has_its_own(
    line: type[Line],
    monkeypatch: pytest.MonkeyPatch,
    count: int,
    lost: bytes,
    cores: list[int | None],
) -> None:
    monkeypatch.setattr(queue, "cores", lambda: [3, 5])
    line.lose.add(lost)
    run("abcdefgh", count)
    assert line.cores == cores


@pytest.mark.parametrize("forked", [False, True])
@pytest.mark.parametrize("bound", [False, True])
def test_a_worker_and_its_sandbox_stay_on_a_core(
    monkeypatch: pytest.MonkeyPatch, forked: bool, bound: bool
) -> None:
    if shutil.which("bwrap") is None:
        pytest.skip("bubblewrap is not installed")
    monkeypatch.setattr(child, "can_fork", lambda: forked)
    every = os.sched_getaffinity(0)
    core = max(every)
    assignment = empty()
    with Bench() as bench:
        bench.prepare(assignment)
        with Worker(bench=bench if forked else None, core=core if bound else None) as one:
            one.grade(assignment, make_item("anna", {}, 7))
            seen = {}
            for pid in {one.pid, *processes_below(one.pid)}:
                with contextlib.suppress(ProcessLookupError):  # the session that has just ended
                    seen[pid] = os.sched_getaffinity(pid)
            assert one.pid in seen
            assert len(seen) > 1
            assert all(cores == ({core} if bound else every) for cores in seen.values())
    assert os.sched_getaffinity(0) == every


def empty() -> bytes:
    """An assignment without questions, for a sandbox that starts at once."""
    rules = {"withheld": ["nncourse"], "packages": ["numpy"], "limits": {}}
    notebook = {"cells": [], "metadata": {"nncourse": {"grading": rules}}}
    return make_assignment("empty", notebook, notebook, "en").packed


def test_beside_other_threads_workers_are_new_processes(
    line: type[Line], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fork has only one of the threads, and whatever lock the others held."""
    monkeypatch.setattr(queue, "can_fork", can_fork)
    end = threading.Event()
    other = threading.Thread(target=end.wait)
    other.start()
    try:
        assert run("abc", 2) == {"a": b"A", "b": b"B", "c": b"C"}
    finally:
        end.set()
        other.join()
    assert line.happened.count("spawned") == 2
    assert "prepared" not in line.happened


def test_a_new_process_loads_nothing_of_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may be that of the submissions."""
    if shutil.which("bwrap") is None:
        pytest.skip("bubblewrap is not installed")
    for module in ("nncourse", "numpy", "json"):
        (tmp_path / f"{module}.py").write_text("raise SystemExit('run')")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(child, "can_fork", lambda: False)
    with Worker() as one:
        answer = json.loads(one.grade(empty(), make_item("anna", {}, 7)))
    assert answer["questions"] == {}


def test_a_worker_that_was_killed_leaves_no_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As all those at work are, where the command is stopped."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(child, "can_fork", lambda: True)  # other tests may have left threads
    made = os.pipe()

    class Writing(Bench):
        def take_over(self) -> None:
            with folder_of_its_own(self.mark):
                os.write(made[1], b"x")
                threading.Event().wait()

    worker = Worker(bench=Writing())
    try:
        assert os.read(made[0], 1) == b"x"
        assert len(os.listdir(tmp_path)) == 1
        # Of a worker in another container, where it has the same number.
        (tmp_path / f"nncourse-{worker.pid}-x").mkdir()
    finally:
        worker.kill()
        worker.close()
    assert os.listdir(tmp_path) == [f"nncourse-{worker.pid}-x"]


def test_a_worker_ends_where_no_folder_has_room(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_room() -> str:
        raise FileNotFoundError("No usable temporary directory found")

    monkeypatch.setattr(tempfile, "gettempdir", no_room)
    Worker().close()
