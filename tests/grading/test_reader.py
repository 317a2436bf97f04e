"""Submissions are read elsewhere, and whatever comes of that, the next one is read."""

from __future__ import annotations

import errno
import gc
import json
import os
import signal
import threading
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from nncourse import language
from nncourse.course.folder import CourseFolder, CourseFolderError
from nncourse.grading import child, grade, reader
from nncourse.grading.grade import grade_submissions
from nncourse.grading.intake import take_in
from nncourse.grading.notebook_file import IntakeError, Unread
from nncourse.grading.reader import Reader, make_release
from nncourse.grading.submissions import Submission
from tests.grading.processes import processes_below
from tests.grading.toy import RIGHT, submission, with_cell


@pytest.fixture
def released(toy: CourseFolder) -> Any:
    return json.loads(toy.notebook("ps99").read_text("utf-8"))


@pytest.fixture(params=["forked", "anew"])
def one(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Reader]:
    monkeypatch.setattr(child, "can_fork", lambda: request.param == "forked")
    with Reader() as made:
        yield made


def hand_in(toy: CourseFolder, folder: Path, student: str, **change: Any) -> Submission:
    path = folder / f"{student}.ipynb"
    answers = {**RIGHT, "why": f"Says {student}."}
    path.write_text(submission(toy, "ps99", answers, **change), "utf-8")
    return Submission(student, path, folder=folder)


def test_it_finds_what_is_found_here(
    toy: CourseFolder, released: Any, tmp_path: Path, one: Reader
) -> None:
    anna = hand_in(toy, tmp_path, "anna", change=with_cell("k = 'ё\\ud800'"))
    assert one.take_in(anna, make_release(released)) == take_in(anna, released)
    odd = tmp_path / os.fsdecode(b"b\xff.ipynb")
    odd.write_bytes(anna.path.read_bytes())
    ben = Submission("ben", odd)
    assert one.take_in(ben, make_release(released)).answers == take_in(ben, released).answers


def test_a_refusal_is_told_in_the_language_of_the_command(
    released: Any, tmp_path: Path, one: Reader
) -> None:
    (tmp_path / "anna.ipynb").write_text("[")
    anna = Submission("anna", tmp_path / "anna.ipynb")
    with language.using("ru"):
        release = make_release(released)
        with pytest.raises(IntakeError) as here:
            take_in(anna, released)
    with pytest.raises(IntakeError) as there:
        one.take_in(anna, release)
    assert str(there.value) == str(here.value)
    assert not isinstance(there.value, Unread)


def test_a_file_that_is_away_or_out_of_order_is_tried_anew(
    toy: CourseFolder, released: Any, tmp_path: Path, one: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As while a synchronising program puts it there anew, or a disk far away is not heard."""
    anna = hand_in(toy, tmp_path, "anna")
    anna.path.rename(tmp_path / "away")
    with pytest.raises(Unread, match="no longer there"):
        one.take_in(anna, make_release(released))

    def broken(*_: Any) -> Any:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    (tmp_path / "away").rename(anna.path)
    monkeypatch.setattr(Submission, "open", broken)
    with pytest.raises(Unread, match=r"can't be read: OSError.*Input/output error"):
        take_in(anna, released)
    monkeypatch.undo()
    assert one.take_in(anna, make_release(released)).answers["why"] == "Says anna."


@pytest.mark.parametrize("part", ["[],", "{},"])
def test_millions_of_empty_things_are_read_soon(
    toy: CourseFolder, released: Any, tmp_path: Path, part: str
) -> None:
    anna = hand_in(toy, tmp_path, "anna")
    text = anna.path.read_text("utf-8")
    many = part * (19_000_000 // len(part)) + "[]"
    anna.path.write_text(f'{{"x": [{many}], {text.lstrip()[1:]}', "utf-8")
    collections = sum(found["collections"] for found in gc.get_stats())
    assert take_in(anna, released).answers["why"] == "Says anna."
    assert sum(found["collections"] for found in gc.get_stats()) - collections < 500


def test_another_release_is_read_by_the_same_process(
    toy: CourseFolder, released: Any, tmp_path: Path, one: Reader
) -> None:
    anna = hand_in(toy, tmp_path, "anna")
    other = {**released, "cells": released["cells"][:-1]}
    found = [one.take_in(anna, make_release(form)).answers for form in (released, other, released)]
    assert [set(answers) for answers in found] == [set(RIGHT), set(RIGHT) - {"why"}, set(RIGHT)]


def test_what_is_read_for_ever_costs_its_own_process(
    toy: CourseFolder, released: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At a place where no signal is heard."""
    monkeypatch.setattr(child, "can_fork", lambda: True)  # other tests may have left threads
    monkeypatch.setattr(reader, "take_in", slow_for("anna"))
    monkeypatch.setattr(reader, "SECONDS", 0.5)
    release = make_release(released)
    with Reader() as one:
        before = processes_below(os.getpid())
        with pytest.raises(Unread, match=r"more than 0\.5 s"):
            one.take_in(hand_in(toy, tmp_path, "anna"), release)
        assert not processes_below(os.getpid()) - before
        assert one.take_in(hand_in(toy, tmp_path, "ben"), release).answers["why"] == "Says ben."
    assert not processes_below(os.getpid()) - before


def slow_for(student: str) -> Any:
    def slowly(submission: Submission, *more: Any) -> Any:
        if submission.student == student:
            unicodedata.normalize("NFC", "a" + "\u0316\u0301" * 1_000_000)  # takes hours
        return take_in(submission, *more)

    return slowly


def test_what_takes_all_memory_is_refused_for_good(
    toy: CourseFolder, released: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def greedy(submission: Submission, *more: Any) -> Any:
        if submission.student == "anna":
            list(range(40_000_000))
        return take_in(submission, *more)

    monkeypatch.setattr(child, "can_fork", lambda: True)  # other tests may have left threads
    monkeypatch.setattr(reader, "take_in", greedy)
    monkeypatch.setattr(reader, "MEMORY", 512 << 20)
    release = make_release(released)
    with Reader() as one:
        with pytest.raises(IntakeError, match=r"more than 512 MB of memory") as refused:
            one.take_in(hand_in(toy, tmp_path, "anna"), release)
        assert not isinstance(refused.value, Unread)
        assert one.take_in(hand_in(toy, tmp_path, "ben"), release).answers["why"] == "Says ben."


def test_a_process_that_was_killed_is_replaced(
    toy: CourseFolder, released: Any, tmp_path: Path, one: Reader
) -> None:
    release = make_release(released)
    anna = hand_in(toy, tmp_path, "anna")
    first = one.take_in(anna, release)
    assert one._child is not None
    os.kill(one._child.pid, signal.SIGKILL)
    assert one.take_in(anna, release) == first


def test_who_ends_the_process_is_refused(
    toy: CourseFolder, released: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def deadly(submission: Submission, *more: Any) -> Any:
        return os._exit(3) if submission.student == "anna" else take_in(submission, *more)

    monkeypatch.setattr(child, "can_fork", lambda: True)  # other tests may have left threads
    monkeypatch.setattr(reader, "take_in", deadly)
    release = make_release(released)
    with Reader() as one:
        with pytest.raises(Unread, match="has ended, 2 times"):
            one.take_in(hand_in(toy, tmp_path, "anna"), release)
        assert one.take_in(hand_in(toy, tmp_path, "ben"), release).answers["why"] == "Says ben."


def test_where_no_process_starts_nobody_is_to_blame(
    toy: CourseFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hand_in(toy, tmp_path, "anna")
    monkeypatch.setattr(child, "can_fork", lambda: True)  # other tests may have left threads
    monkeypatch.setattr(reader, "_serve", lambda file: os._exit(3))
    with pytest.raises(CourseFolderError, match="can't be read: its process ends at once"):
        grade_submissions(toy, "ps99", tmp_path)
    monkeypatch.undo()
    (anna,) = grade_submissions(toy, "ps99", tmp_path)
    assert (anna.skipped, anna.score) == (False, 15)


def test_a_class_goes_on_and_who_was_not_read_is_tried_again(
    toy: CourseFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for student in ("anna", "ben", "cat"):
        hand_in(toy, tmp_path, student)
    with monkeypatch.context() as patch:
        patch.setattr(child, "can_fork", lambda: True)  # other tests may have left threads
        patch.setattr(reader, "take_in", slow_for("ben"))
        patch.setattr(reader, "SECONDS", 0.5)
        anna, ben, cat = grade_submissions(toy, "ps99", tmp_path)
    assert (anna.problem, anna.score, cat.problem, cat.score) == ("", 15, "", 15)
    text = "to read the file took more than 0.5 s. The next run tries it anew"
    assert ben.problem == text
    again = grade_submissions(toy, "ps99", tmp_path)
    assert [result.skipped for result in again] == [True, False, True]
    assert [result.score for result in again] == [15, 15, 15]


def test_beside_other_threads_it_is_a_new_process(
    toy: CourseFolder, released: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "fork", lambda: pytest.fail("forked"))
    end = threading.Event()
    other = threading.Thread(target=end.wait)
    other.start()
    try:
        with Reader() as one:
            one.take_in(hand_in(toy, tmp_path, "anna"), make_release(released))
    finally:
        end.set()
        other.join()


def test_a_process_of_another_version_reads_nobody(
    toy: CourseFolder, released: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(child, "can_fork", lambda: False)
    monkeypatch.setattr(child, "tool_version", lambda: "that of this process")
    with Reader() as one, pytest.raises(CourseFolderError, match="another nncourse"):
        one.take_in(hand_in(toy, tmp_path, "anna"), make_release(released))


def test_nothing_is_left_open_in_it(
    toy: CourseFolder, released: Any, tmp_path: Path, one: Reader
) -> None:
    """Of the gradebook, and of the sockets of workers."""
    with (tmp_path / "gradebook").open("w") as file:
        os.set_inheritable(file.fileno(), True)
        one.take_in(hand_in(toy, tmp_path, "anna"), make_release(released))
        assert one._child is not None
        files = Path(f"/proc/{one._child.pid}/fd").iterdir()
        assert {path.name for path in files if int(path.name) > 2} == {connection_of(one)}


def connection_of(one: Reader) -> str:
    assert one._child is not None
    sockets = Path(f"/proc/{one._child.pid}/fd").iterdir()
    (name,) = (p.name for p in sockets if int(p.name) > 2 and "socket" in os.readlink(p))
    return name


def test_what_can_t_be_shown_of_one_stops_nobody(
    toy: CourseFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for student in ("anna", "ben"):
        hand_in(toy, tmp_path, student)

    def heavy(_assignment: Any, answers: dict[str, str], _own: Any) -> dict[str, int]:
        if "anna" in answers["why"]:
            raise RecursionError("too deep")
        return {}

    with monkeypatch.context() as patch:
        patch.setattr(grade, "heavy_answers", heavy)
        anna, ben = grade_submissions(toy, "ps99", tmp_path, force=True)
    assert (ben.problem, ben.score) == ("", 15)
    text = "its verdict can't be shown: RecursionError: too deep. The next run tries it anew"
    assert anna.problem == text
    anna, ben = grade_submissions(toy, "ps99", tmp_path)
    assert (anna.problem, anna.score, anna.skipped, ben.skipped) == ("", 15, False, True)
