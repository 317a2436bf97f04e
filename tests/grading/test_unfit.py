"""Submissions with files that nbgrader can't copy or read, in its own command and its own list."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
from pathlib import Path

import pytest
from nbgrader.apps.api import NbGraderAPI
from nbgrader.coursedir import CourseDirectory

from nncourse.course.folder import make_course
from nncourse.grading.grade import grade_submissions
from nncourse.grading.released import release_assignment
from nncourse.grading.results import each_result
from nncourse.grading.sanitize import one_line
from nncourse.grading.submissions import find_submissions, row_name, timestamp_of
from nncourse.grading.unfit import is_stamp, unfit
from tests.grading.test_plugin import SCRIPTS, hand_in, nbgrader, scores, write_partial
from tests.grading.toy import RIGHT, submission

UNKNOWN = (
    "timestamp.txt is no time stamp such as 2026-01-30 15:00:00 UTC: the time of this submission "
    "is unknown"
)
NOTHING = "nothing but the notebook is taken"
ZONE = "/usr/share/zoneinfo/Etc/UTC"  # any file may stand there
GOOD = "2026-11-21 00:00:00.000000 UTC"


def pipe(path: Path) -> None:
    os.mkfifo(path)


def device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def huge(path: Path) -> None:
    path.touch()
    os.truncate(path, 1 << 43)


def text(content: str):
    return lambda path: path.write_text(content)


def folder(path: Path) -> None:
    path.mkdir()
    (path / "inside").touch()


def folders(path: Path) -> None:
    for number in range(8000):
        (path / str(number)).mkdir(parents=True)


def notebooks(path: Path) -> None:
    for number in range(8000):
        path.with_name(f"{number}.ipynb").touch()


# student: (file, what it is, what is said of it)
CLASS = {
    "device": ("data.bin", device, f"data.bin is no plain file: {NOTHING}"),
    "pipe": ("deep/er/data.bin", pipe, f"deep/er/data.bin is no plain file: {NOTHING}"),
    # Notebooks that nbgrader doesn't know for such.
    "hidden": (".a.ipynb", device, f".a.ipynb is no plain file: {NOTHING}"),
    "pattern": ("[x]/a.ipynb", device, f"[x]/a.ipynb is no plain file: {NOTHING}"),
    "sparse": ("data.bin", huge, "too large or too many"),
    # It would look through all of them for each of them.
    "folders": ("data", folders, "too large or too many"),
    "notebooks": ("data", notebooks, "too large or too many"),
    "stamp": ("timestamp.txt", text("yesterday"), UNKNOWN),
    "no text": ("timestamp.txt", lambda path: path.write_bytes(b"\xff\xfe"), UNKNOWN),
    "empty stamp": ("timestamp.txt", text(""), UNKNOWN),
    "late stamp": ("timestamp.txt", text("9999-12-31 23:59:59.000000 -0500"), UNKNOWN),
    "long stamp": ("timestamp.txt", huge, UNKNOWN),
    "stamp pipe": ("timestamp.txt", pipe, UNKNOWN),
    "stamp device": ("timestamp.txt", device, UNKNOWN),
    "stamp folder": ("timestamp.txt", folder, UNKNOWN),
    "time zone": ("timestamp.txt", text(f"2026-11-21 00:00:00 {ZONE}"), UNKNOWN),
    "good stamp": ("timestamp.txt", text(GOOD), None),
    "data": ("data.csv", text("1,2"), None),
    "folder": (".ps99-squares.ipynb.new", folder, None),
}


# It stops at an end of line, takes patterns for everyone, shows markup unescaped, makes addresses
# of names as they are, and looks them up in JavaScript's objects.
REFUSED = ["an\nna", "*", "<img src=x onerror=alert(1)>", "assign#", "x\\..\\api\\shutdown?"]
REFUSED += ["constructor", "__proto__"]


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    if shutil.which("bwrap") is None:
        pytest.skip("bubblewrap is not installed")
    root = tmp_path_factory.mktemp("unfit")
    course = make_course(root / "course", "en", ["ps99"], write_partial(root / "repo"))
    release_assignment(course, "ps99")
    return course


@pytest.fixture(scope="module")
def said(course, tmp_path_factory):
    """What nbgrader says when it grades them."""
    right = submission(course, "ps99", RIGHT)
    for name, (file, make, _says) in CLASS.items():
        path = hand_in(course, name, right, "ps99", "ps99-squares.ipynb") / file
        path.parent.mkdir(parents=True, exist_ok=True)
        make(path)
    (course.submitted / "device" / "ps99" / "timestamp.txt").write_text(GOOD)
    # One that leads elsewhere, one of whose notebook nothing has come.
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (elsewhere / "ps99-squares.ipynb").write_text(right)
    pipe(elsewhere / "timestamp.txt")
    for name in ("linked", "without"):
        (course.submitted / name).mkdir()
    (course.submitted / "linked" / "ps99").symlink_to(elsewhere)
    (course.submitted / "without" / "ps99").mkdir()
    pipe(course.submitted / "without" / "ps99" / "timestamp.txt")
    for name in REFUSED:
        hand_in(course, name, right, "ps99", "ps99-squares.ipynb")
    run = subprocess.run(
        [f"{SCRIPTS}/nbgrader", "autograde", "ps99"],
        cwd=course.root,
        env={**os.environ, "NNCOURSE_LANG": "en"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert run.returncode == 0, run.stderr[-3000:]
    assert (elsewhere / "timestamp.txt").exists(), "what is not theirs is left alone"
    return run.stderr


@pytest.fixture(scope="module")
def api(course):
    """What the formgrader asks and starts."""
    config = course.config()
    directory = CourseDirectory(config=config, root=str(course.root))
    return NbGraderAPI(directory, config=config)


def test_all_are_graded(said, course):
    found = scores(course, "ps99")
    assert {name: grades["square"][0] for name, grades in found.items()} == {
        **dict.fromkeys(CLASS, 10),
        "without": 0,  # a notebook
    }


@pytest.mark.parametrize("name", CLASS)
def test_a_line_says_what_was_not_taken(said, course, name):
    says = CLASS[name][2]
    (result,) = each_result(course, "ps99", students=[name])
    if says is None:
        assert result.notes == []
    else:
        assert says in " ".join(result.notes)
        assert any(says in line for line in said.splitlines() if f" {name}: " in line)


def test_the_list_of_the_class_is_whole(said, api):
    found = {one["student"]: one for one in api.get_submissions("ps99")}
    assert set(found) == {*CLASS, "without", *map(row_name, REFUSED[1:])}
    assert {one["id"] for one in api.get_students()} == set(found)
    for name in set(found) - {*CLASS, "without"}:
        assert re.fullmatch(r"[\w@.+~-]+", name), "it makes no other address"
        assert not api.autograde("ps99", name)["success"]
    assert found["good stamp"]["timestamp"] == "2026-11-21T00:00:00"
    assert found["stamp"]["timestamp"] is None
    assert all(found[name]["autograded"] for name in (*CLASS, "without"))


def test_a_bad_stamp_that_comes_later_does_not_break_it(said, course):
    """As the formgrader asks: it makes an API for each question."""
    right = submission(course, "ps99", RIGHT)
    place = hand_in(course, "new", right, "ps99", "ps99-squares.ipynb")
    pipe(place / "timestamp.txt")
    directory = CourseDirectory(config=course.config(), root=str(course.root))
    api = NbGraderAPI(directory, config=course.config())
    found = {one["student"]: one for one in api.get_submissions("ps99")}
    assert found["new"]["timestamp"] is None
    assert api.autograde("ps99", "new")["success"]
    (result,) = each_result(course, "ps99", students=["new"])
    assert UNKNOWN in result.notes, "also where it was set aside before"
    (one,) = [one for one in find_submissions(course.submitted, "ps99") if one.student == "new"]
    with pytest.raises(ValueError, match="is unknown"):
        timestamp_of(one)


def test_a_link_with_a_pipe_behind_it_is_set_aside(said, course):
    assert f"linked: {UNKNOWN} (ps99 → .ps99." in said
    assert not (course.submitted / "linked" / "ps99").exists()


def test_nothing_of_theirs_stays_beside_the_graded_notebooks(said, course):
    found = {path.name for name in CLASS for path in course.autograded(name, "ps99").rglob("*")}
    assert found == {"ps99-squares.ipynb", "timestamp.txt"}


@pytest.mark.parametrize("name", REFUSED)
def test_a_name_that_nbgrader_cant_work_with_is_left_out(said, name):
    assert f"{one_line(name)}: nbgrader can't work with such a name: not graded" in said


@pytest.mark.parametrize("step", ["autograde", "generate_feedback"])
@pytest.mark.parametrize("student", ["data/../../source", "data/../../release", "data/../stamp"])
def test_a_name_that_is_a_path_leads_to_no_other_folder(said, course, api, step, student):
    """As the formgrader takes "data%2f..%2f..%2fsource" for. Its content was removed."""
    place = course.submitted / student / "ps99"
    before = sorted(place.iterdir())
    answer = getattr(api, step)("ps99", student)
    assert (answer["success"], "nothing was done" in answer["log"]) == (False, True)
    assert sorted(place.iterdir()) == before
    assert student not in scores(course, "ps99")


def test_feedback_of_those_who_have_none_stops_nobody(said, course, api):
    grade_submissions(course, "ps99")
    refused = {path.parent.name for path in course.root.glob("autograded/*~*/ps99")}
    assert len(refused) == len(REFUSED)
    assert api.generate_feedback("ps99")["success"]
    with api.gradebook as book:
        book.remove_student("folder")
    answer = api.generate_feedback("ps99", "folder")
    assert "folder is not in the gradebook: run nncourse grade ps99 first" in answer["log"]
    pages = {path.parents[1].name for path in course.root.glob("feedback/*/ps99/*.html")}
    assert set(CLASS) - pages == {"folder"}
    assert not pages & refused
    api.autograde("ps99", "folder")


def test_what_is_named_or_lies_otherwise_is_graded_as_well(said, course, api):
    """nbgrader passes over a renamed notebook, and stops where files are in each other's way."""
    right = submission(course, "ps99", RIGHT)
    (course.source("ps99") / "data.csv").write_text("1,2")
    for name in ("ps99-squares (1).ipynb", "mine.ipynb"):
        hand_in(course, "renamed", right, "ps99", name)
    folder(hand_in(course, "in the way", right, "ps99", "ps99-squares.ipynb") / "data.csv")
    for student in ("renamed", "in the way"):
        answer = api.autograde("ps99", student)
        assert answer["success"], answer.get("error")
        assert scores(course, "ps99")[student]["square"][0] == 10
        found = {path.name for path in course.autograded(student, "ps99").iterdir()}
        assert found == {"ps99-squares.ipynb", "data.csv"}
    (course.source("ps99") / "data.csv").unlink()
    shutil.rmtree(course.autograded("renamed", "ps99"))
    grade_submissions(course, "ps99")
    assert course.autograded("renamed", "ps99").exists()


def test_the_time_is_the_same_for_all_who_read_it(said, course, api):
    """nbgrader took +0300 for 300 seconds, and showed what our command had graded as ungraded."""
    right = submission(course, "ps99", RIGHT)
    stamp = hand_in(course, "zone", right, "ps99", "ps99-squares.ipynb") / "timestamp.txt"
    for text, read in [
        ("2026-11-21 01:00:00 +0300", "2026-11-20T22:00:00"),
        ("2026-11-21 01:00:00 -05:30", "2026-11-21T06:30:00"),
        ("", None),  # taken away: that of the version before is not its time
    ]:
        stamp.write_text(text) if text else stamp.unlink()
        grade_submissions(course, "ps99")
        (shown,) = (one for one in api.get_submissions("ps99") if one["student"] == "zone")
        assert (shown["timestamp"], shown["autograded"]) == (read, True)
        with api.gradebook as book:
            stored = book.find_submission("ps99", "zone").timestamp
        assert (stored and stored.isoformat()) == read
        assert api.autograde("ps99", "zone")["success"]


def test_a_later_version_is_graded_again(said, course, api):
    """nbgrader knows it by the time stamps, also where it copies no file."""
    place = course.submitted / "device" / "ps99"
    wrong = submission(course, "ps99", {**RIGHT, "square_answer": "def square(x): return 0"})
    (place / "ps99-squares.ipynb").write_text(wrong)
    (place / "timestamp.txt").write_text("2026-11-23 00:00:00.000000 UTC")
    answer = api.autograde("ps99", "device", force=False)
    assert answer["success"], answer.get("error")
    assert scores(course, "ps99")["device"]["square"][0] == 0


@pytest.mark.parametrize("make", [pipe, text("soon"), text(""), lambda path: path.symlink_to(ZONE)])
def test_a_stamp_that_changes_after_all_were_looked_at_holds_up_nobody(course, api, make):
    """nbgrader waited at a pipe for ever, with the rest of the class behind it."""

    def stop(*_: object) -> None:
        raise TimeoutError

    folder = course.submitted / "late" / "ps97"
    folder.mkdir(parents=True)
    make(folder / "timestamp.txt")
    earlier = signal.signal(signal.SIGALRM, stop)
    signal.alarm(5)
    try:
        assert api.coursedir.get_existing_timestamp(str(folder)) is None
        assert api.get_submitted_timestamp("ps97", "late") is None
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, earlier)
        shutil.rmtree(folder.parent)


def test_what_is_a_stamp(tmp_path):
    path = tmp_path / "timestamp.txt"
    assert not is_stamp(path)
    for content, good in [
        (GOOD, True),
        ("2026-11-21 10:00:00.5 +0300\n", True),
        ("2026-11-21", True),
        ("2026-11-21T10:00:00+03:00", True),
        ("2026-13-21", False),
        ("2026-11-21 10:00:00 EST", False),  # names of files all of them
        ("2026-11-21 10:00:00 /tmp/zone", False),
        ("2026-11-21 10:00:00 ../../../tmp/zone", False),
        ("2026-11-21 10:00:00 +0300 /tmp/zone", False),
        ("2026-11-21\n10:00:00 UTC", False),
        ("1066-10-14", False),
        ("soon", False),
        ("2026-11-21 00:00:00 " + "x" * 100, False),
    ]:
        path.write_text(content)
        assert is_stamp(path) == good, content


def test_what_fits(tmp_path):
    place = tmp_path / "anna" / "ps99"
    place.mkdir(parents=True)
    (place / "a.csv").write_text("1")
    (place / "b.ipynb").write_text("2")
    (place / "empty").mkdir()
    for name in ("way out", "odd.ipynb"):
        (place / name).symlink_to("/")
        assert f"{name} is no plain file" in unfit(place, 10)
        (place / name).unlink()
    assert unfit(place, 10) == ""
    assert unfit(place, 1) != ""
    for number in range(998):
        (place / "empty" / str(number)).mkdir()
    assert "too many" in unfit(place, 10)
    (tmp_path / "carl").symlink_to(tmp_path / "anna")
    assert "link" in unfit(tmp_path / "carl" / "ps99", 10)


def test_no_notebook_ends_the_update_of_the_others(course, tmp_path):
    right = submission(course, "ps99", RIGHT)
    old = right.replace('"schema_version": 3', '"schema_version": 2')
    mine = tmp_path / "mine.ipynb"
    mine.write_text(old)
    place = tmp_path / "class"
    place.mkdir()
    for name, content in {
        "a": old,
        "cut off": "{",
        "deep": "[" * 100_000,
        "newer": right.replace('"schema_version": 3', '"schema_version": 9'),
        "twice": right.replace("plus_answer", "square_answer"),
        "z": old,
    }.items():
        (place / f"{name}.ipynb").write_text(content)
    (place / "link.ipynb").symlink_to(mine)
    pipe(place / "pipe.ipynb")
    said = nbgrader(course, "update", str(place))
    for name in ("cut off", "deep", "newer", "twice", "link", "pipe"):
        assert f"{place / name}.ipynb is not updated: " in said
    for name in ("a", "z"):
        found = json.loads((place / f"{name}.ipynb").read_text("utf-8"))
        roles = [cell["metadata"].get("nbgrader") for cell in found["cells"]]
        assert {role["schema_version"] for role in roles if role} == {3}
    assert mine.read_text() == old, "what a link leads to is left alone"
