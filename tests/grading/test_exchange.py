"""nbgrader's exchange, where whoever has an account lays what they like."""

from __future__ import annotations

import os
import shutil

import pytest
from nbgrader.apps.api import NbGraderAPI
from nbgrader.coursedir import CourseDirectory
from nbgrader.utils import notebook_hash

from nncourse.grading.collect import collect
from nncourse.grading.exchange import Collecting
from nncourse.grading.feedback import write_feedback
from nncourse.grading.grade import grade_submissions
from tests.grading.toy import RIGHT, submission

STAMP = "2026-11-21 00:00:00.000000 UTC"
FILE = "ps99-squares.ipynb"


@pytest.fixture
def inbound(toy, tmp_path):
    shutil.rmtree(toy.submitted, ignore_errors=True)
    folder = tmp_path / "nncourse" / "inbound"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def api(toy, inbound):
    config = toy.config()
    config.Exchange.root = str(inbound.parents[1])
    return NbGraderAPI(CourseDirectory(config=config, root=str(toy.root)), config=config)


@pytest.fixture
def lay(toy, inbound):
    """As nbgrader submit does."""

    def lay(student, stamp=STAMP, **answers):
        folder = inbound / f"{student}+ps99+{stamp}+r"
        folder.mkdir()
        (folder / FILE).write_text(submission(toy, "ps99", {**RIGHT, **answers}), "utf-8")
        (folder / "timestamp.txt").write_text(stamp)
        (folder / "submission_secret.txt").write_text(f"of {student}")
        return folder

    return lay


def collected(toy, api):
    answer = api.collect("ps99")
    assert answer["success"], answer["error"]
    return {path.parts[-3]: path for path in toy.submitted.glob(f"*/ps99/{FILE}")}, answer["log"]


def test_one_that_can_not_be_taken_holds_up_nobody(toy, api, lay, inbound):
    lay("anna")
    lay("zoe", plus_answer="# later", stamp="2026-11-22 00:00:00.000000 UTC")
    lay("zoe")
    lay("ben", stamp="yesterday")
    lay("<img src=x onerror=alert(1)>")
    lay("..")
    os.mkfifo(lay("pipe") / "data.bin")
    (lay("device") / "data.bin").symlink_to("/dev/zero")
    (inbound / f"nowhere+ps99+{STAMP}+r").symlink_to(inbound / "nothing")
    found, log = collected(toy, api)
    assert set(found) == {"anna", "zoe", "pipe", "device"}
    assert "# later" in found["zoe"].read_text("utf-8")
    for name in ("ben+ps99+yesterday", "<img src=x onerror=alert(1)>+ps99", "nowhere+ps99"):
        assert f"{name}" in log
    kept = {path.name for path in toy.submitted.glob("*/*/*")}
    assert kept == {FILE, "timestamp.txt", "submission_secret.txt"}


@pytest.mark.parametrize("file", [FILE, "timestamp.txt", "submission_secret.txt"])
def test_nothing_behind_a_link_is_taken(toy, api, lay, file):
    """The lecturer's solutions, or what another has handed in."""
    path = lay("mallory") / file
    path.unlink()
    path.symlink_to(toy.source("ps99") / FILE)
    _found, log = collected(toy, api)
    assert not (toy.submitted / "mallory" / "ps99" / file).exists()
    assert f"mallory+ps99+{STAMP}+r/{file}: " in log


def test_nobody_hands_in_for_another(toy, api, lay, monkeypatch):
    if os.getuid() != 0:
        pytest.skip("only root can give a file away")
    lay("anna", plus_answer="# hers")
    os.chown(lay("anna", stamp="9998-01-01 00:00:00 UTC"), 2001, 2001)
    names = {2001: "eve"}
    monkeypatch.setattr("nncourse.grading.exchange.account_of", lambda owner: names.get(owner, ""))
    monkeypatch.setattr("nncourse.grading.exchange.has_account", lambda student: True)
    found, log = collected(toy, api)
    assert "# hers" in found["anna"].read_text("utf-8")
    assert "not taken: it belongs to the account eve" in log


def test_of_two_accounts_without_a_name_nobodys_is_taken(toy, api, lay):
    """In a class of containers; the later one took the other's place."""
    if os.getuid() != 0:
        pytest.skip("only root can give a file away")
    folders = [
        (lay("anna", plus_answer="# hers"), 5001),
        (lay("anna", stamp="9998-01-01 00:00:00 UTC"), 5002),
        (lay("zoe"), 5002),
    ]
    for folder, account in folders:
        for path in (folder, *folder.iterdir()):
            os.chown(path, account, account)
    found, log = collected(toy, api)
    assert set(found) == {"zoe"}
    assert "anna: not taken: several accounts have handed in for anna" in log


def test_nobody_adds_to_what_another_has_handed_in(toy, api, lay):
    if os.getuid() != 0:
        pytest.skip("only root can give a file away")
    os.chown(lay("anna") / FILE, 2001, 2001)
    found, log = collected(toy, api)
    assert not found
    assert f"anna+ps99+{STAMP}+r/{FILE}: " in log


def test_the_list_shows_what_it_can_read(toy, api, lay, inbound):
    """It ended at the first that it could not, and wrote to the terminal what a name said."""
    for name in ("anna", "red\x1b[31m", "two\nlines", "huge", "binary", "big", "link", "folder"):
        lay(name)
    (lay("empty") / "submission_secret.txt").write_text("")
    for file in (FILE, "submission_secret.txt"):
        (inbound / f"folder+ps99+{STAMP}+r" / file).unlink()
    (inbound / f"folder+ps99+{STAMP}+r" / FILE).mkdir()
    (inbound / "without a plus").mkdir()
    for name in ("anna", "huge", "binary", "big", "link"):
        secret = inbound / f"{name}+ps99+{STAMP}+r" / "submission_secret.txt"
        if name == "huge":
            os.truncate(secret, 1 << 40)
        elif name == "binary":
            secret.write_bytes(b"\xff")
        elif name == "big":
            secret.unlink()
            os.truncate(secret.with_name(FILE), 1 << 40)
        elif name == "link":
            secret.with_name("data").symlink_to("/dev/zero")
    (inbound / f"file+ps99+{STAMP}+r").touch()
    (inbound / f"nowhere+ps99+{STAMP}+r").symlink_to(inbound / "nothing")
    for remove in (False, True):
        wanted = ["anna", "empty", "folder"] if remove else ["anna"]  # it reads less of them then
        lister = api.exchange.List(
            coursedir=api.coursedir, authenticator=api.authenticator, parent=api, inbound=True
        )
        lister.remove = remove
        assert [one["student_id"] for one in lister.start()] == wanted
    assert len(list(inbound.iterdir())) == 9


@pytest.mark.parametrize("ours", [False, True])
def test_feedback_is_found_by_who_has_renamed_the_notebook(toy, api, lay, inbound, ours):
    """Collected by nbgrader's command or by ours."""
    folder = lay("anna")
    (folder / FILE).rename(folder / "mine (1).ipynb")
    if ours:
        collect(toy, "ps99", inbound.parent)
    else:
        collected(toy, api)
    grade_submissions(toy, "ps99")
    write_feedback(toy, "ps99")
    assert api.release_feedback("ps99")["success"]
    released = {path.stem for path in (inbound.parent / "feedback").iterdir()}
    assert notebook_hash(secret="of anna", notebook_id="mine (1)") in released


@pytest.mark.parametrize("ours", [False, True])
def test_feedback_is_released_to_all_who_can_find_it(toy, api, lay, inbound, ours):
    """Collected by nbgrader's command or by ours."""
    lay("anna")
    lay("zoe")
    (lay("ben") / "submission_secret.txt").unlink()
    (lay("carl") / "submission_secret.txt").unlink()
    (inbound / f"carl+ps99+{STAMP}+r" / "submission_secret.txt").symlink_to(
        inbound / f"anna+ps99+{STAMP}+r" / "submission_secret.txt"
    )
    if ours:
        collect(toy, "ps99", inbound.parent)
    else:
        collected(toy, api)
    grade_submissions(toy, "ps99")
    write_feedback(toy, "ps99")
    answer = api.release_feedback("ps99")
    assert answer["success"], answer["error"]
    assert "ben: no submission_secret.txt came with the submission: not released" in answer["log"]
    released = inbound.parent / "feedback"
    assert len(list(released.iterdir())) == 2
    assert all(path.stat().st_mode & 0o777 == 0o644 for path in released.iterdir())
    shown = {path.read_text("utf-8") for path in released.iterdir()}
    pages = [toy.feedback(name, "ps99") / "ps99-squares.html" for name in ("anna", "zoe")]
    assert shown == {page.read_text("utf-8") for page in pages}


def test_a_folder_that_is_taken_away_meanwhile_holds_up_nobody(toy, api, lay, monkeypatch):
    for name in ("ann", "bob"):
        lay(name)
    taken = []
    real = Collecting._why_not

    def late(self, folder, student):
        why = real(self, folder, student)
        if student == "bob":
            shutil.rmtree(folder)
            taken.append(folder)
        return why

    monkeypatch.setattr(Collecting, "_why_not", late)
    found, log = collected(toy, api)
    assert taken
    assert list(found) == ["ann"]
    assert "bob+" in log


def test_of_many_notebooks_the_one_that_was_handed_out_is_taken(toy, api, lay):
    folder = lay("ann")
    for number in range(11):
        (folder / f"A{number:02}.ipynb").write_text("{}")
    found, log = collected(toy, api)
    assert list(found) == ["ann"]
    taken = {path.name for path in toy.submitted.glob("ann/ps99/*.ipynb")}
    assert FILE in taken
    assert len(taken) == 10
    assert "more than 10 notebooks" in log
