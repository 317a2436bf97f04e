"""Submissions whose grading fails: how long that may take, what is kept, what the lecturer is told.

Nothing of a student's runs here; the grading itself is replaced by one that fails.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import time
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

from nncourse.grading import bench
from nncourse.grading.grade import grade_submissions
from nncourse.grading.grade_command import grading
from nncourse.grading.sandbox import Limits, SandboxUnavailable, StudentError
from nncourse.grading.worker import make_item
from tests.grading.toy import RIGHT, submission


def test_what_failed_is_not_tried_again_until_it_changes(toy, tmp_path):
    asked = []

    def run(assignment, items):
        for key, _item in items:
            asked.append(key)
            yield (
                key,
                json.dumps({"student": key, "failed": "grading took more than 360 s"}).encode(),
            )

    path = tmp_path / "fails.ipynb"
    path.write_text(submission(toy, "ps99", RIGHT), "utf-8")
    (result,) = grade_submissions(toy, "ps99", tmp_path, run=run)
    assert "more than 360 s" in result.problem
    assert "--force" in result.problem
    (result,) = grade_submissions(toy, "ps99", tmp_path, run=run)
    assert result.skipped
    assert "more than 360 s" in result.problem, "it is still told"
    assert asked == ["fails"]
    grade_submissions(toy, "ps99", tmp_path, run=run, force=True)
    path.write_text(submission(toy, "ps99", {**RIGHT, "why": "Otherwise."}), "utf-8")
    grade_submissions(toy, "ps99", tmp_path, run=run)
    assert asked == ["fails"] * 3


def test_what_no_session_was_started_for_is_tried_again_by_the_next_run(toy, tmp_path):
    asked = []

    def run(assignment, items):
        for key, _item in items:
            asked.append(key)
            lost = {"student": key, "lost": "the sandbox can't be started: no more processes"}
            yield key, json.dumps(lost).encode()

    (tmp_path / "lost.ipynb").write_text(submission(toy, "ps99", RIGHT), "utf-8")
    for _run in range(2):
        (result,) = grade_submissions(toy, "ps99", tmp_path, run=run)
        assert "no more processes. The next run tries it anew" in result.problem
    assert asked == ["lost"] * 2
    if shutil.which("bwrap"):
        (result,) = grade_submissions(toy, "ps99", tmp_path)
        assert result.problem == ""


class Unstartable:
    """A sandbox whose sessions start for nobody, or for nobody but in the coordinator's trial."""

    limits = Limits(submission_seconds=1.0)
    loaded = True
    files: tuple[int, ...] = ()

    def __init__(self, for_nobody):
        self.error = StudentError("OSError", "no more processes") if for_nobody else None

    def start(self):
        pass

    close = start

    @contextlib.contextmanager
    def session(self):
        yield SimpleNamespace(run_cell=lambda source: SimpleNamespace(error=self.error))


@pytest.mark.parametrize("for_nobody", [False, True])
def test_a_submission_is_told_from_a_machine_that_starts_no_session(monkeypatch, for_nobody):
    monkeypatch.setattr(bench, "in_fork", lambda *arguments: ({"unavailable": "no more"}, "", ""))
    found = bench.Bench()
    found.assignment = SimpleNamespace()
    found.sandbox = Unstartable(for_nobody)
    if for_nobody:
        with pytest.raises(SandboxUnavailable, match="no more"):
            found.grade(make_item("anna", {}, 1))
    else:
        verdict = json.loads(found.grade(make_item("anna", {}, 1)))
        assert verdict["lost"] == "no more"
        assert "failed" not in verdict


def test_questions_that_each_take_all_the_time_cost_twice_the_time(monkeypatch):
    """A submission of ten such questions would hold up its class for an hour."""
    tries = []

    def fork(work, seconds, meanwhile, shut_in):
        tries.append(seconds)
        time.sleep(seconds)
        return None, f"question {len(tries)}", "grading took more than 0.2 s"

    monkeypatch.setattr(bench, "in_fork", fork)
    monkeypatch.setattr(bench, "OWN_SECONDS", 0.1)
    found = bench.Bench()
    found.assignment = SimpleNamespace()
    found.sandbox = SimpleNamespace(
        limits=Limits(submission_seconds=0.1), loaded=True, start=lambda: None, files=[]
    )
    verdict = json.loads(found.grade(make_item("anna", {}, 1)))
    assert "more than 0.2 s" in verdict["failed"]
    assert 2 <= len(tries) <= 3
    assert sum(tries) < 0.45


@pytest.mark.parametrize(
    ("why", "hinted"),
    [
        ("bubblewrap is not installed", True),
        ("the sandbox can't be made: [Errno 28] No space left on device", False),
    ],
)
def test_grading_without_protection_is_proposed_only_where_it_would_help(
    toy, tmp_path, monkeypatch, why, hinted
):
    def grade_class(*args, **options):
        raise SandboxUnavailable(why)

    monkeypatch.setattr("nncourse.grading.grade.grade_class", grade_class)
    (tmp_path / "a.ipynb").write_text("{}")
    command = ["ps99", str(tmp_path), "--course", str(toy.root), "--workers", "1"]
    done = CliRunner().invoke(grading, command)
    assert done.exit_code == 1
    assert why in done.output
    assert ("--unsafe" in done.output) is hinted
