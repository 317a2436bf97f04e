"""kill -9 at random moments: no grade is lost, none is half written, nothing stays behind."""

from __future__ import annotations

import os
import random
import shutil
import signal
import sqlite3
import threading
import time
from functools import partial

import pytest

from nncourse.course.folder import CourseFolderError
from nncourse.grading.grade import grade_submissions
from nncourse.grading.queue import run_local
from tests.grading.processes import orphans
from tests.grading.toy import RIGHT, check_records, submission

COUNT = 40
WRONG = "def square(x):\n    return 0"


@pytest.fixture(scope="module")
def reference(toy, tmp_path_factory):
    """A class, the verdicts on it as the workers gave them, and the undisturbed results."""
    if shutil.which("bwrap") is None:
        pytest.skip("bubblewrap is not installed")
    folder = tmp_path_factory.mktemp("class")
    for number in range(COUNT):
        changed = {"square_answer": WRONG} if number % 3 == 0 else {}
        changed["plus_answer"] = RIGHT["plus_answer"] + f"  # {number}"
        text = submission(toy, "ps99", {**RIGHT, **changed})
        (folder / f"s{number:02}.ipynb").write_text(text, "utf-8")
    verdicts = {}

    def recording(packed, items):
        for key, answer in run_local(packed, items):
            verdicts[key] = answer
            yield key, answer

    results = grade_submissions(toy, "ps99", folder, run=recording)
    return folder, verdicts, {r.student: r for r in results}


def fresh(toy) -> None:
    """Forget all grades."""
    shutil.rmtree(toy.root / "autograded")
    with sqlite3.connect(toy.root / "gradebook.db") as db:
        for table in ("nncourse_verdict", "grade", "comment", "submitted_notebook"):
            db.execute(f"delete from {table}")
        db.execute("delete from submitted_assignment")
        db.execute("delete from student")


def killed_after(seconds: float, toy, folder, run) -> bool:
    """Grade in a fork, and kill it; False if it had finished before."""
    pid = os.fork()
    if pid == 0:
        try:
            grade_submissions(toy, "ps99", folder, run=run)
        finally:
            os._exit(0)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if os.waitpid(pid, os.WNOHANG)[0]:
            return False
        time.sleep(0.001)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return True


@pytest.mark.slow
def test_a_hundred_kills_of_the_coordinator_lose_nothing(toy, reference, monkeypatch):
    """The verdicts come from memory, so the kills fall into the writing of files and grades."""
    folder, verdicts, wanted = reference
    monkeypatch.setattr("nncourse.grading.grade.BATCH", 3)

    def remembered(packed, items):
        for key, _work in items:
            yield key, verdicts[key]

    rng = random.Random(1)
    kills, ends, seen = 0, 0, set()
    longest = 0.2
    while kills < 100:
        fresh(toy)
        before = 0
        start = time.monotonic()
        while killed_after(rng.uniform(0, longest), toy, folder, remembered):
            kills += 1
            now = check_records(toy, wanted)
            assert now >= before, "what was graded is kept"
            before = now
            seen.add(now)
        ends += 1
        longest = max(0.05, 0.8 * (time.monotonic() - start))
        assert check_records(toy, wanted) == COUNT
    print(f"{kills} kills, {ends} classes, after 0 to {COUNT} of a class: {sorted(seen)}")
    assert len(seen) > 5, "the kills came at different moments"


@pytest.mark.slow
def test_kills_with_workers_leave_no_process(toy, reference):
    folder, _, wanted = reference
    fresh(toy)
    rng = random.Random(2)
    for _ in range(8):
        killed_after(rng.uniform(0.5, 4.0), toy, folder, partial(run_local, count=2))
        assert orphans() == []
        check_records(toy, wanted)
    grade_submissions(toy, "ps99", folder)
    assert check_records(toy, wanted) == COUNT


def test_a_worker_that_is_killed_is_replaced_and_its_item_graded(toy, reference, monkeypatch):
    folder, _, wanted = reference
    fresh(toy)
    from nncourse.grading import queue

    made = []

    class Mortal(queue.Worker):
        def send(self, assignment, item):
            super().send(assignment, item)
            made.append(self.pid)
            if len(made) in (2, 5, 6):
                time.sleep(0.02)
                os.kill(self.pid, signal.SIGKILL)

    monkeypatch.setattr(queue, "Worker", Mortal)
    results = {r.student: r for r in grade_submissions(toy, "ps99", folder)}
    assert {name: r.grades for name, r in results.items()} == {
        name: r.grades for name, r in wanted.items()
    }
    assert len(set(made)) >= 4
    assert check_records(toy, wanted) == COUNT


@pytest.mark.slow
def test_an_item_that_kills_every_worker_is_given_up_and_tried_again_next_time(
    toy, reference, monkeypatch
):
    folder, _, _wanted = reference
    fresh(toy)
    from nncourse.grading import queue

    class Mortal(queue.Worker):
        def send(self, assignment, item):
            super().send(assignment, item)
            if b'"s07"' in item:
                os.kill(self.pid, signal.SIGKILL)

    with monkeypatch.context() as patch:
        patch.setattr(queue, "Worker", Mortal)
        results = {r.student: r for r in grade_submissions(toy, "ps99", folder)}
    assert "lost several times" in results["s07"].problem
    assert results["s07"].points == 0
    assert results["s08"].points == 15
    again = {r.student: r for r in grade_submissions(toy, "ps99", folder)}
    assert again["s07"].points == 15
    assert again["s08"].skipped


def locking(toy, verdicts, release_after):
    """A run during which another program locks the gradebook; None: to the end."""
    lock = sqlite3.connect(toy.root / "gradebook.db", isolation_level=None, check_same_thread=False)

    def run(packed, items):
        for number, (key, _work) in enumerate(items):
            if number == 0:  # later, on a busy machine, some are already written
                lock.execute("begin exclusive")
                if release_after is not None:
                    threading.Timer(release_after, lock.close).start()
            yield key, verdicts[key]

    return run, lock


def test_a_gradebook_that_is_locked_for_a_while_is_waited_for(toy, reference):
    folder, verdicts, wanted = reference
    fresh(toy)
    run, _lock = locking(toy, verdicts, 2.0)
    start = time.monotonic()
    grade_submissions(toy, "ps99", folder, run=run)
    assert time.monotonic() - start > 1.5
    assert check_records(toy, wanted) == COUNT


@pytest.mark.slow
def test_a_gradebook_that_stays_locked_is_an_error_that_says_what_to_do(
    toy, reference, monkeypatch
):
    folder, verdicts, wanted = reference
    fresh(toy)
    monkeypatch.setattr("nncourse.grading.gradebook.PATIENCE", 0.3)
    run, lock = locking(toy, verdicts, None)
    with pytest.raises(CourseFolderError, match="run the command again"):
        grade_submissions(toy, "ps99", folder, run=run)
    lock.close()
    assert check_records(toy, wanted) == 0
    grade_submissions(toy, "ps99", folder)
    assert check_records(toy, wanted) == COUNT
