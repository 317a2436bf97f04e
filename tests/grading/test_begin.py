"""When the sandbox is begun before it is needed, and that nothing else follows from it."""

from __future__ import annotations

import errno
import json
import shutil
import threading
from collections.abc import Iterable, Iterator
from typing import Any

import pytest

from nncourse.course.folder import CourseFolderError
from nncourse.grading import bench, queue
from nncourse.grading.bench import Bench
from nncourse.grading.child import can_fork
from nncourse.grading.grade import grade_class
from nncourse.grading.gradebook import GradebookError
from nncourse.grading.queue import Workers
from nncourse.grading.released import load_assignment
from nncourse.grading.sandbox import SandboxUnavailable
from nncourse.grading.submissions import find_submissions
from tests.grading.toy import RIGHT, submission


class Slow:
    """A sandbox that counts its starts, or can't start."""

    made: list[Slow] = []
    error: Exception | None = None
    loaded = True

    def __init__(self) -> None:
        self.happened: list[str] = []
        self.made.append(self)

    def begin(self) -> None:
        self.happened.append("begun")
        if self.error is not None:
            raise self.error

    def start(self) -> None:
        self.happened.append("started")

    def close(self) -> None:
        self.happened.append("closed")


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> type[Slow]:
    monkeypatch.setattr(bench, "make_sandbox", lambda *arguments: Slow())
    monkeypatch.setattr(Slow, "made", [])
    monkeypatch.setattr(Slow, "error", None)
    monkeypatch.setattr(queue, "can_fork", lambda: True)  # other tests may have left threads
    return Slow


def graded(toy: Any, folder: Any, force: bool = False) -> list[str]:
    """What a run does, in order; nothing of a student's runs."""
    happened: list[str] = []

    def run(assignment: bytes, items: Iterable[tuple[Any, bytes]]) -> Iterator[tuple[Any, bytes]]:
        for key, _item in items:
            happened.append(f"item {key}")
            yield key, json.dumps({"student": key, "failed": "it is only a test"}).encode()

    def begin(assignment: bytes) -> None:
        assert assignment == load_assignment(toy, "ps99").packed
        happened.append("begin")

    found = find_submissions(folder, "ps99")
    grade_class(toy, "ps99", found, lambda _result: None, run=run, begin=begin, force=force)
    return happened


def test_the_sandbox_is_begun_before_the_first_item_is_made(toy: Any, tmp_path: Any) -> None:
    for name in ("anna", "ben"):
        (tmp_path / f"{name}.ipynb").write_text(submission(toy, "ps99", RIGHT), "utf-8")
    assert graded(toy, tmp_path) == ["begin", "item anna", "item ben"]
    assert graded(toy, tmp_path) == [], "nothing is begun where nothing has changed"
    assert graded(toy, tmp_path, force=True) == ["begin", "item anna", "item ben"]
    changed = submission(toy, "ps99", {**RIGHT, "why": "Otherwise."})
    (tmp_path / "ben.ipynb").write_text(changed, "utf-8")
    assert graded(toy, tmp_path) == ["item ben"], "the first worker begins"
    shutil.rmtree(toy.root / "autograded")
    assert graded(toy, tmp_path) == ["begin", "item anna", "item ben"], "notebooks are made anew"


def test_what_was_begun_is_what_is_made_ready(toy: Any, slow: type[Slow]) -> None:
    assignment = load_assignment(toy, "ps99").packed
    with Bench() as found:
        found.begin(assignment)
        assert slow.made[0].happened == ["begun"]
        for _again in range(2):
            found.prepare(assignment)
            assert slow.made[0].happened == ["begun", "started"]
    assert slow.made[0].happened == ["begun", "started", "closed"]
    assert len(slow.made) == 1


def test_another_assignment_is_made_ready_after_one_that_was_begun(
    toy: Any, slow: type[Slow]
) -> None:
    one = load_assignment(toy, "ps99")
    other = load_assignment(toy, "ps99")
    other.rules = {**other.rules, "limits": {"cell_seconds": 1.0}}
    with Bench() as found:
        found.begin(one.packed)
        found.prepare(other.packed)
        assert found.assignment is not None
        assert found.assignment.rules == other.rules
        assert [sandbox.happened for sandbox in slow.made] == [
            ["begun", "closed"],
            ["begun", "started"],
        ]
        found.prepare(one.packed)
        assert found.assignment.rules == one.rules
    assert [sandbox.happened[-1] for sandbox in slow.made] == ["closed"] * 3


@pytest.mark.parametrize(
    "error",
    [
        SandboxUnavailable("bubblewrap is not installed"),
        OSError(errno.ENOSPC, "No space left on device"),
    ],
)
def test_what_can_not_begin_is_told_once_it_is_needed(
    toy: Any, slow: type[Slow], error: Exception
) -> None:
    slow.error = error
    assignment = load_assignment(toy, "ps99").packed
    with Workers(1) as crew:
        crew.begin(assignment)
        assert list(crew.run(assignment, [])) == []
        with pytest.raises(type(error), match=str(error.args[-1])):
            list(crew.run(assignment, [("anna", b"{}")]))
    assert {sandbox.happened[-1] for sandbox in slow.made} == {"closed"}


def test_a_run_that_fails_after_the_beginning_leaves_nothing(
    toy: Any, slow: type[Slow], tmp_path: Any
) -> None:
    (tmp_path / "anna.ipynb").write_text(submission(toy, "ps99", RIGHT), "utf-8")

    def run(assignment: bytes, items: Any) -> Iterator[Any]:
        raise GradebookError("the gradebook is gone")
        yield

    found = find_submissions(tmp_path, "ps99")
    with pytest.raises(CourseFolderError, match="the gradebook is gone"), Workers(1) as crew:
        grade_class(toy, "ps99", found, lambda _result: None, run=run, begin=crew.begin, force=True)
    assert slow.made[0].happened == ["begun", "closed"]


def test_nothing_is_begun_beside_other_threads(
    toy: Any, slow: type[Slow], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Workers are new processes then, each with a sandbox of its own."""
    monkeypatch.setattr(queue, "can_fork", can_fork)
    end = threading.Event()
    other = threading.Thread(target=end.wait)
    other.start()
    try:
        with Workers(1) as crew:
            crew.begin(load_assignment(toy, "ps99").packed)
    finally:
        end.set()
        other.join()
    assert slow.made == []
