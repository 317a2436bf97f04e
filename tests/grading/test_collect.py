"""Collecting: every layout, and archives made to do harm."""

from __future__ import annotations

import contextlib
import datetime
import errno
import gzip
import io
import json
import os
import pwd
import re
import shutil
import stat
import struct
import subprocess
import tarfile
import time
import tracemalloc
import unicodedata
import warnings
import zipfile
import zlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from nncourse import cli
from nncourse.course.folder import CourseFolder, CourseFolderError
from nncourse.grading import archive as archives
from nncourse.grading import child, unpacker
from nncourse.grading import packed as one_archive
from nncourse.grading.collect import collect
from nncourse.grading.layouts import BY_NUMBER, CollectError, time_of
from nncourse.grading.submissions import find_submissions
from nncourse.grading.whole import remove
from nncourse.language import using


@pytest.fixture
def course(tmp_path):
    root = tmp_path / "course"
    (root / "release" / "ps05").mkdir(parents=True)
    (root / "release" / "ps05" / "ps05-x.ipynb").write_text("{}")
    return CourseFolder(root)


def packed(path, files):
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def zipped(files):
    made = io.BytesIO()
    packed(made, files)
    return made.getvalue()


def everything_under(folder):
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if not p.is_dir())


LAYOUTS = [
    {
        "ann.ipynb": "ann",
        "bob/any.ipynb": "bob",
        "cid/ps05/any.ipynb": "cid",
        "fay.ipynb.txt": "fay",
        "gus/any.IPYNB.json": "gus",
        "kim/hw+2026-01-30.ipynb": "kim",
        "lee+max+zed/any.ipynb": "lee+max+zed",
    },
    {
        "Иванова Анна_123_assignsubmission_file_/ps05.ipynb": "Иванова Анна",
        "Bob_7_assignsubmission_file_ps05.ipynb": "Bob",
        "ann.ipynb": "ann",
    },
    {
        "dan+ps05+2026-01-30 15:00:00 UTC+abc/ps05.ipynb": "dan",
        "eve+ps05+2026-01-30 15:00:00 UTC/ps05.ipynb": "eve",
        "ann.ipynb": "ann",
    },
    {"submitted/eve/ps05/any.ipynb": "eve", "submitted/fay/ps05/any.ipynb": "fay"},
    {"submitted/eve/ps05/any.ipynb": "eve"},
]


@pytest.mark.parametrize("kind", ["folder", "zip", "tar.gz"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_known_layouts(course, tmp_path, kind, layout):
    source = tmp_path / f"in.{kind}"
    if kind == "folder":
        for name in layout:
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            (source / name).write_text(name)
    elif kind == "zip":
        packed(source, layout | {"readme.txt": "x", "__MACOSX/._ann.ipynb": "x"})
    else:
        with tarfile.open(source, "w:gz") as tar:
            for name in layout:
                info = tarfile.TarInfo(name)
                data = name.encode() if kind == "tar.gz" else b""
                info.size = len(data)
                tar.addfile(info, io.BytesIO(data))
    found = collect(course, "ps05", source)
    assert sorted(found.taken) == sorted(layout.values())
    assert found.remarks == []
    if kind != "zip":
        for name, student in layout.items():
            assert found.taken[student].read_text("utf-8") == name
    assert {path.name for path in found.taken.values()} == {"ps05-x.ipynb"}
    assert [s.student for s in find_submissions(course.submitted, "ps05")] == sorted(found.taken)
    stamp = course.submitted / "dan" / "ps05" / "timestamp.txt"
    assert stamp.exists() == ("dan" in found.taken)
    assert not stamp.exists() or stamp.read_text() == "2026-01-30 15:00:00 UTC\n"


@pytest.mark.parametrize(("kind", "inside"), [("folder", ""), ("zip", "hw/")])
@pytest.mark.parametrize("zoes", ["zoe.ipynb", "zoe/ps05-x.ipynb", "zoe.zip"])
@pytest.mark.parametrize(
    "forged",
    [
        "zoe+ps05+2026-01-01 00_00_00/a.ipynb",
        "zoe+ps05+2026-01-01/a.zip",
        "zoe+ps05+2026-01-01.zip",
        "zoe+ps05+junk/a.ipynb",
        "zoe_7_assignsubmission_file_/a.ipynb",
        "zoe_7_assignsubmission_file_.zip",
        "zoe_7_assignsubmission_file_a.ipynb",
        "submitted/zoe/ps05/ps05-x.ipynb",
    ],
)
def test_where_students_choose_a_name_it_is_nobody_elses(
    course, tmp_path, kind, inside, zoes, forged
):
    """A folder of Mal's was named like one that Moodle, the exchange or a course makes."""
    texts = {"ann/x.ipynb": "ann", "bob.ipynb": "bob", zoes: "zoe", forged: "mal"}
    files = {
        inside + name: zipped({"a.ipynb": text}) if name.endswith(".zip") else text
        for name, text in texts.items()
    }
    source = packed(tmp_path / "in.zip", files)
    if kind == "folder":
        with zipfile.ZipFile(source) as archive:
            archive.extractall(tmp_path / "in")
        source = tmp_path / "in"
    found = collect(course, "ps05", source)
    taken = {who: path.read_text() for who, path in found.taken.items()}
    assert taken == {"ann": "ann", "bob": "bob", "zoe": "zoe"}
    ((name, why),) = found.remarks
    assert name.startswith(f"{inside}{forged.removesuffix('.zip').partition('/')[0]}")
    told = not forged.startswith("submitted") and not forged.endswith("/a.zip")
    assert why.endswith("if it is zoe, rename it") == told


def test_a_notebook_as_it_was_handed_out_is_no_students_name(course, tmp_path):
    files = {"ps05-x.ipynb": "", "ann.ipynb": ""}
    found = collect(course, "ps05", packed(tmp_path / "in.zip", files))
    assert list(found.taken) == ["ann"]
    assert found.remarks == [("ps05-x.ipynb", "no student is found in its path")]


@pytest.mark.parametrize("name", ["ps55", "../ps05"])
def test_what_was_not_released_is_not_collected(course, tmp_path, name):
    with pytest.raises(CourseFolderError, match="holds no released notebook"):
        collect(course, name, packed(tmp_path / "in.zip", {"ann.ipynb": ""}))
    assert not course.submitted.exists()


CANVAS = {
    "leeann_1234_567890_ps05-x.ipynb": "leeann",
    "doejohn_LATE_1235_567891_ps05-x-1.ipynb": "doejohn",
    "иванова_1236_567892_any.ipynb": "иванова",
}


def test_canvas_submissions(course, tmp_path):
    """By name, so that another attempt, with another number, is the same student's."""
    found = collect(course, "ps05", packed(tmp_path / "in.zip", CANVAS | {"kim_7_8_x.html": "x"}))
    assert sorted(found.taken) == sorted(CANVAS.values())
    assert found.taken["doejohn"].read_text() == "doejohn"
    assert [name for name, _why in found.remarks] == ["kim_7_8_x.html"]
    again = {"leeann_1234_567899_ps05-x-1.ipynb": "new"}
    assert collect(course, "ps05", packed(tmp_path / "in.zip", again)).taken.keys() == {"leeann"}
    both = {"leeann_1234_1_ps05-x.ipynb": "one", "leeann_1299_2_ps05-x.ipynb": "other"}
    assert not collect(course, "ps05", packed(tmp_path / "in.zip", both)).taken


def test_a_name_like_those_of_canvas_is_a_students_among_others(course, tmp_path):
    files = {"ann_1_2_b.ipynb": "x", "bob.ipynb": "x"}
    found = collect(course, "ps05", packed(tmp_path / "in.zip", files))
    assert sorted(found.taken) == ["ann_1_2_b", "bob"]


@pytest.mark.parametrize("kind", ["folder", "zip"])
@pytest.mark.parametrize("around", ["", "submissions/", "in/submissions/"])
@pytest.mark.parametrize("odd", [None, "readme.ipynb", "ps05-x.ipynb", "notes/x.ipynb"])
def test_canvas_is_known_in_a_folder_and_beside_other_files(course, tmp_path, kind, around, odd):
    """As a Mac and Windows pack it anew, and the lecturer lays something beside it."""
    files = {around + name: student for name, student in CANVAS.items()}
    files[f"{around}kim_3_13_hw.zip"] = zipped({"hw/a_9_9_b.ipynb": "kim"})
    files |= {f"{around}{odd}": "x"} if odd else {}
    source = packed(tmp_path / "in.zip", files)
    if kind == "folder":
        with zipfile.ZipFile(source) as archive:
            archive.extractall(tmp_path / "in")
        source = tmp_path / "in"
    found = collect(course, "ps05", source)
    taken = {who: path.read_text() for who, path in found.taken.items()}
    assert taken == {name: name for name in [*CANVAS.values(), "kim"]}
    told = [(f"{around}{odd}", "no student is found in its path")] if odd else []
    assert found.remarks == told


@pytest.mark.parametrize(
    ("name", "student"),
    [
        ("Ann_7_assignsubmission_file_/{}.ipynb", "Ann"),
        ("ann+ps05+2026-01-30 15:00:00 UTC+q/{}.ipynb", "ann"),
        ("ann/{}.ipynb", "ann"),
    ],
)
def test_nobody_is_another_by_names_like_those_of_canvas(course, tmp_path, name, student):
    files = {name.format("bob_1_2_x"): "x"}
    if student == "Ann" or "+" in name:
        files[name.format("cid_3_4_x")] = "x"
    found = collect(course, "ps05", packed(tmp_path / "in.zip", files))
    assert list(found.taken) == [student]


def test_folders_named_as_by_canvas_hide_no_others_in_the_exchange(course, tmp_path):
    for name in ("a_1_2_x", "b_1_2_x", "c_1_2_x", "ann+ps05+2026-01-30 15:00:00 UTC+q"):
        (tmp_path / "inbound" / name).mkdir(parents=True)
        (tmp_path / "inbound" / name / "ps05.ipynb").write_text(name)
    assert "ann" in collect(course, "ps05", tmp_path / "inbound").taken


@pytest.mark.parametrize("around", ["", "submissions/"])
def test_who_has_typed_something_into_canvas_handed_in_no_notebook(course, tmp_path, around):
    """Canvas gives such a file one number only, and so nothing was said of it."""
    names = [*CANVAS, "bobli_2_link.html", "cid_LATE_3_text.html", "leeann_1234_text.html"]
    source = packed(tmp_path / "in.zip", dict.fromkeys([around + name for name in names], "x"))
    found = collect(course, "ps05", source)
    assert sorted(found.taken) == sorted(CANVAS.values())
    assert [(name.removeprefix(around), why.split()[2]) for name, why in found.remarks] == [
        ("bobli_2_link.html", "bobli"),
        ("cid_LATE_3_text.html", "cid"),
    ]
    assert found.whose(f"{around}bobli_2_link.html") == "bobli_2"


@pytest.mark.parametrize("around", ["", "submissions/"])
def test_who_is_graded_anonymously_in_canvas_is_called_by_the_id(course, tmp_path, around):
    names = {
        "anon_k3a9Q_11_ps05-x.ipynb": "k3a9Q",
        "LATE_anon_57112_12_hw.ipynb": "57112",
        "anon_Zz1y2_13_hw_1_2_x.ipynb": "Zz1y2",
    }
    files = {around + name: student for name, student in names.items()}
    source = packed(tmp_path / "in.zip", files | {f"{around}anon_q9q9q_text.html": "x"})
    found = collect(course, "ps05", source)
    taken = {who: path.read_text() for who, path in found.taken.items()}
    assert taken == {student: student for student in names.values()}
    first, without = (why for _name, why in found.remarks)
    assert first == "Canvas gives no names here: each student is called by their ID, as k3a9Q"
    assert "of what q9q9q handed in nothing is a notebook" in without


def test_who_is_called_anon_is_so_among_others(course, tmp_path):
    files = {"anon_7_11_x.ipynb": "a", "anon_7_12_ps05-x.ipynb": "b", "bob_8_13_x.ipynb": "c"}
    found = collect(course, "ps05", packed(tmp_path / "in.zip", files))
    assert sorted(found.taken) == ["anon", "bob"]


@pytest.mark.parametrize("place", ["{}.zip", "{}/w.zip", "all/{}.zip", "a/b/{}/w.zip"])
def test_archives_in_a_folder_are_taken_by_the_pattern_that_is_named(course, tmp_path, place):
    files = {place.format(name): zipped({"x.ipynb": name}) for name in ("ann", "bob", "cid")}
    source = packed(tmp_path / "in.zip", files)
    found = collect(course, "ps05", source)
    if not found.taken:
        assert all(f"if it is {n}, give" in w for n, (_, w) in zip(("ann", "bob"), found.remarks))
        found = collect(
            course, "ps05", source, re.search("--pattern '(.+)'", found.remarks[0][1])[1]
        )
    assert {who: path.read_text() for who, path in found.taken.items()} == {
        name: name for name in ("ann", "bob", "cid")
    }


def test_a_file_that_was_packed_alone_is_no_archive(course, tmp_path):
    files = {"ann.ipynb": "x", "bob.zip": gzip.compress(b"{}")}
    found = collect(course, "ps05", packed(tmp_path / "in.zip", files))
    assert found.remarks == [("bob.zip", "no zip and no tar (truncated header)")]


def test_any_name_is_one_in_canvas(course, tmp_path):
    """One with an underscore, or without letters, hid the layout of all."""
    files = {"leeann_1_2_x.ipynb": "x", "o_brien_3_4_x.ipynb": "x", "_5_6_x.ipynb": "x"}
    found = collect(course, "ps05", packed(tmp_path / "in.zip", files))
    assert sorted(found.taken) == ["leeann", "o_brien"]
    assert [name for name, _why in found.remarks] == ["_5_6_x.ipynb"]


@pytest.mark.parametrize(("name", "inner"), [("", "a"), ("w", "a\u2028b\n/c"), ("w", "x\ny")])
def test_what_one_student_packed_does_not_hide_the_layout_of_all(course, tmp_path, name, inner):
    files = {
        "leeann_1_11_ps05-x.ipynb": "of lee",
        f"mallory_9_77_{name}.zip": zipped({f"{inner}.ipynb": "own"}),
    }
    found = collect(course, "ps05", packed(tmp_path / "in.zip", files))
    taken = {who: path.read_text() for who, path in found.taken.items()}
    assert taken == {"leeann": "of lee", "mallory": "own"}


def test_a_break_in_a_packed_name_does_not_hide_whose_it_is(course, tmp_path):
    source = packed(tmp_path / "in.zip", {f"{MOODLE}/w.zip": zipped({"a\nb/c.ipynb": "right"})})
    assert list(collect(course, "ps05", source).taken) == ["Anna"]


@pytest.mark.parametrize(
    ("theirs", "forged"),
    [
        ("leeann_1_11_ps05-of-november-1.ipynb", "leeann_1_11_ps05_9_12_w.ipynb"),
        ("leeann_1_11_my-own-homework.ipynb", "leeann_1_11_ps05_LATE_9_12_ps05-x.ipynb"),
        ("leeann_LATE_1_11_my-own-homework.ipynb", "leeann_LATE_1_11_my_9_12_w.ipynb"),
        ("ann_7_8_my-own-homework-of-november.ipynb", "ann_7_9_10_x.ipynb"),
        ("ann_7_8_my-own-homework-of-november.ipynb", "ann_7_9_10_ps05-x.ipynb"),
        (
            "ann_7_assignsubmission_file_my-own-homework-of-november.ipynb",
            "ann_7_assignsubmission_file_9_assignsubmission_file_x.ipynb",
        ),
    ],
)
@pytest.mark.parametrize("around", ["", "hw/"])
def test_nobody_is_another_with_their_number(course, tmp_path, theirs, forged, around):
    """Whose name is "ann_7", or "leeann_1_11_ps05"."""
    ann = theirs.partition("_")[0]
    files = {theirs: "right", forged: "wrong", theirs.replace(ann, "zoe"): "other"}
    files = {around + name: text for name, text in files.items()}
    found = collect(course, "ps05", packed(tmp_path / "in.zip", files))
    taken = {who: path.read_text() for who, path in found.taken.items()}
    assert taken == {ann: "right", "zoe": "other"}
    assert [name for name, _why in found.remarks] == [around + forged]


@pytest.mark.parametrize("start", ["ann_7_8_", "ann_LATE_7_8_", "ann_7_assignsubmission_file_"])
def test_of_several_the_one_named_like_the_assignment_is_taken(course, tmp_path, start):
    files = {f"{start}ps05-x.ipynb": "right", f"{start}a.ipynb": "wrong"}
    found = collect(course, "ps05", packed(tmp_path / "in.zip", files))
    assert found.taken["ann"].read_text() == "right"


@pytest.mark.parametrize("unpacked", [False, True])
@pytest.mark.parametrize("around", ["", "hw/", "ps05/", "a/b/"])
@pytest.mark.parametrize("inside", ["{}.ipynb", "{}/work.ipynb", "{}/ps05/work.ipynb"])
def test_a_folder_around_all_is_packed_with_them(course, tmp_path, around, inside, unpacked):
    files = {around + inside.format(name): name for name in ("ann", "bob", "Cid")}
    source = packed(tmp_path / "in.zip", files)
    if unpacked:
        with zipfile.ZipFile(source) as archive:
            archive.extractall(tmp_path / "in")
        source = tmp_path / "in"
    found = collect(course, "ps05", source)
    assert sorted(found.taken) == ["Cid", "ann", "bob"]
    assert found.remarks == []


@pytest.mark.parametrize(
    ("inside", "odd", "own"),
    [
        ("{}.ipynb", {"eve.zip": {"a.ipynb": "x"}}, True),
        ("{}.ipynb", {"eve.zip": {"a/b/c.ipynb": "x"}}, True),
        ("{}.ipynb", {"ps05eve.ipynb": "x"}, True),
        ("{}.ipynb", {"ps05-x.ipynb": "x"}, False),
        ("{}/work.ipynb", {"eve/x.zip": {"a.ipynb": "x", "bob/work.ipynb": "x"}}, False),
        ("{}/work.ipynb", {"ps05.ipynb": "x"}, True),
    ],
)
def test_what_one_student_handed_in_hides_no_folder_around_all(course, tmp_path, inside, odd, own):
    files = {inside.format(name): name for name in ("ann", "bob")}
    files |= {name: zipped(it) if isinstance(it, dict) else it for name, it in odd.items()}
    source = packed(tmp_path / "in.zip", {f"hw/{name}": data for name, data in files.items()})
    found = collect(course, "ps05", source)
    taken = {who: path.read_text() for who, path in found.taken.items()}
    assert (taken.pop("ann"), taken.pop("bob")) == ("ann", "bob")
    assert len(taken) == own
    assert "hw" not in taken
    assert bool(found.remarks) != own


@pytest.mark.parametrize("kind", ["folder", "zip"])
@pytest.mark.parametrize("last", ["mal.zip", "mal.ipynb", "mal/a.ipynb"])
def test_one_archive_more_does_not_make_the_folder_a_students(course, tmp_path, kind, last):
    """Of half as many archives as files, what all others had handed in was one student's."""
    names = [f"{name}.ipynb" for name in ("ann", "bob", "cid", "dan")]
    names += ["eve.zip", "fay.zip", "gus.zip", last]
    files = {f"Class/{n}": zipped({"x.ipynb": n[:3]}) if ".zip" in n else n[:3] for n in names}
    source = packed(tmp_path / "in.zip", files)
    if kind == "folder":
        with zipfile.ZipFile(source) as archive:
            archive.extractall(tmp_path / "in")
        source = tmp_path / "in"
    found = collect(course, "ps05", source)
    taken = {who: path.read_text() for who, path in found.taken.items()}
    assert taken == {name[:3]: name[:3] for name in names}
    assert found.remarks == []


@pytest.mark.parametrize(
    "name", ["Kim_7_assignsubmission_file_", "kim+ps05+2026-01-30 15:00:00 UTC"]
)
def test_where_few_are_marked_who_handed_in_no_notebook_is_named(course, tmp_path, name):
    files = {"ann.ipynb": "x", "bob.ipynb": "x", f"{name}/ps05.pdf": "x"}
    ((path, why),) = collect(course, "ps05", packed(tmp_path / "in.zip", files)).remarks
    assert path == f"{name}/ps05.pdf"
    assert why == f"of what {name} handed in nothing is a notebook (*.ipynb)"


@pytest.mark.parametrize("last", ["mal.ipynb", "mal.zip"])
def test_who_alone_packs_a_file_leaves_the_folder_everyones(course, tmp_path, last):
    (tmp_path / "in" / "Class").mkdir(parents=True)
    for name in ("ann.ipynb", "bob.ipynb", last):
        data = zipped({"x.ipynb": "x"}) if name.endswith(".zip") else b"x"
        (tmp_path / "in" / "Class" / name).write_bytes(data)
    assert sorted(collect(course, "ps05", tmp_path / "in").taken) == ["ann", "bob", "mal"]


def test_folders_with_archives_do_not_make_the_folder_around_all_a_students(course, tmp_path):
    files = {f"Class/{name}/x.ipynb": name for name in ("bob", "dan", "mal")}
    files |= {f"Class/{name}/x.zip": zipped({"x.ipynb": "x"}) for name in ("ann", "mal")}
    found = collect(course, "ps05", packed(tmp_path / "in.zip", files))
    taken = {who: path.read_text() for who, path in found.taken.items()}
    assert taken == {name: name for name in ("bob", "dan", "mal")}
    assert "if it is ann, give --pattern" in dict(found.remarks)["Class/ann/x/x.ipynb"]


@pytest.mark.parametrize("last", ["ps05_mal.ipynb", "ps05-x.ipynb"])
@pytest.mark.parametrize("around", ["Class", "a/Class"])
def test_whose_a_folder_is_that_may_be_everyones_or_a_students_is_asked(
    course, tmp_path, last, around
):
    """A single notebook in it, named like the assignment, made all a student's."""
    folder = tmp_path / "in" / around
    folder.mkdir(parents=True)
    names = ["ann", "bob", "cid"]
    for name in names:
        (folder / f"{name}.ipynb").write_text(name)
    assert sorted(collect(course, "ps05", tmp_path / "in").taken) == names
    shutil.rmtree(course.submitted)
    (folder / last).write_text("mal")
    with pytest.raises(CollectError, match=f"not clear whether {around} is that") as refused:
        collect(course, "ps05", tmp_path / "in")
    assert not course.submitted.exists()
    found = collect(course, "ps05", folder)
    assert set(found.taken) | {"ps05_mal"} == {*names, "ps05_mal"}
    assert (last == "ps05_mal.ipynb") == ("ps05_mal" in found.taken)
    shutil.rmtree(course.submitted)
    pattern = re.search("--pattern '(.+)'", str(refused.value))[1]
    found = collect(course, "ps05", tmp_path / "in", pattern)
    assert {who: path.read_text() for who, path in found.taken.items()} == {"Class": "mal"}


@pytest.mark.parametrize("kind", ["folder", "zip"])
@pytest.mark.parametrize("inner", ["x.ipynb", "x.csv"])
def test_beside_archives_with_notebooks_one_notebook_is_not_enough(course, tmp_path, kind, inner):
    files = {"ann/work.ipynb": "ann"}
    files |= {f"ann/{name}.zip": zipped({inner: "x"}) for name in ("bob", "cid")}
    source = packed(tmp_path / "in.zip", files)
    if kind == "folder":
        with zipfile.ZipFile(source) as archive:
            archive.extractall(tmp_path / "in")
        source = tmp_path / "in"
    if inner == "x.ipynb":
        with pytest.raises(CollectError, match="not clear whether ann is that of one student"):
            collect(course, "ps05", source)
    else:
        found = collect(course, "ps05", source)
        assert {who: path.read_text() for who, path in found.taken.items()} == {"ann": "ann"}


@pytest.mark.parametrize("names", [("Ann_1", "Bob_2", "Cid_3"), ("ann", "bob", "cid")])
def test_a_notebook_beside_marked_folders_asks_nothing(course, tmp_path, names):
    marked = "{}_assignsubmission_file_" if "_" in names[0] else "{}+ps05+2026-01-30 15:00:00 UTC"
    for name in names:
        (tmp_path / "in" / "all" / marked.format(name)).mkdir(parents=True)
        (tmp_path / "in" / "all" / marked.format(name) / "x.ipynb").write_text(name)
    (tmp_path / "in" / "all" / "ps05-x.ipynb").write_text("as handed out")
    found = collect(course, "ps05", tmp_path / "in")
    assert sorted(found.taken) == [name.partition("_")[0] for name in names]


@pytest.mark.parametrize("other", ["ps05-x (1).ipynb", "trial/ps05-x.ipynb"])
def test_the_folder_around_all_may_be_a_students(course, tmp_path, other):
    source = packed(tmp_path / "in.zip", {"ann/ps05-x.ipynb": "right", f"ann/{other}": "wrong"})
    found = collect(course, "ps05", source)
    assert [path.read_text() for path in found.taken.values()] == ["right"]
    assert list(found.taken) == ["ann"]


@pytest.mark.parametrize("names", [("ps05-x", "a", "b"), ("final", "draft")])
def test_the_only_folder_may_be_a_students(course, tmp_path, names):
    folder = tmp_path / "in" / "ann"
    folder.mkdir(parents=True)
    for name in names:
        (folder / f"{name}.ipynb").write_text(name)
    found = collect(course, "ps05", tmp_path / "in")
    assert list(found.taken) == ["ann"]
    assert "ps05-x" not in names or found.taken["ann"].read_text() == "ps05-x"


def test_names_from_a_mac_are_those_of_other_systems(course, tmp_path):
    source = tmp_path / "in"
    source.mkdir()
    (source / "Е\u0308лкина.ipynb").write_text("x")
    assert list(collect(course, "ps05", source).taken) == ["Ёлкина"]
    packed(tmp_path / "in.zip", {"Е\u0308лкина.ipynb": "x"})
    assert list(collect(course, "ps05", tmp_path / "in.zip").taken) == ["Ёлкина"]


def test_what_was_collected_stays_where_the_disk_is_full(course, tmp_path, monkeypatch):
    packed(tmp_path / "in.zip", {"ann.ipynb": "first"})
    collect(course, "ps05", tmp_path / "in.zip")
    packed(tmp_path / "in.zip", {"ann.ipynb": "second"})

    def full(_old, _new):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("nncourse.grading.whole.os.replace", full)
    with pytest.raises(OSError, match="No space left"):
        collect(course, "ps05", tmp_path / "in.zip")
    assert everything_under(course.submitted) == ["ann/ps05/ps05-x.ipynb"]
    assert (course.submitted / "ann" / "ps05" / "ps05-x.ipynb").read_text() == "first"


def test_an_archive_of_archives(course, tmp_path):
    inner = io.BytesIO()
    packed(inner, {"work/ps05.ipynb": "inner"})
    deeper = io.BytesIO()
    packed(deeper, {"x.zip": inner.getvalue()})
    source = packed(
        tmp_path / "in.zip",
        {
            "ann_1_assignsubmission_file_/hand in.zip": inner.getvalue(),
            "bob_2_assignsubmission_file_/x.zip": deeper.getvalue(),
            "cid_3_assignsubmission_file_/x.zip": b"PK no",
        },
    )
    found = collect(course, "ps05", source)
    assert list(found.taken) == ["ann"]
    assert [name.partition("_")[0] for name, _why in found.remarks] == ["bob", "cid"]


@pytest.mark.parametrize(
    "other",
    [
        "hw/.ipynb_checkpoints/ps05-x-checkpoint.ipynb",
        "hw/ps05-x-Copy1.ipynb",
        "hw/ps05-x (1).ipynb",
        "hw/ps05-trial.ipynb",
        "hw/old/ps05-x.ipynb",
        "__MACOSX/hw/._ps05-x.ipynb",
    ],
)
@pytest.mark.parametrize("turn", [1, -1])
def test_of_several_notebooks_in_an_archive_the_one_that_was_handed_out_counts(
    course, tmp_path, other, turn
):
    files = dict([("hw/ps05-x.ipynb", "right"), (other, "wrong")][::turn])
    source = packed(tmp_path / "in.zip", {f"{MOODLE}/hw.zip": zipped(files)})
    assert collect(course, "ps05", source).taken["Anna"].read_text() == "right"


def test_what_is_packed_in_a_folder_of_its_own_is_found(course, tmp_path):
    (tmp_path / "in").mkdir()
    packed(tmp_path / "in" / "anna.zip", {"home/work/any.ipynb": "right"})
    packed(tmp_path / "in" / "bob+ps06+2026-01-30 15:00:00 UTC+q.zip", {"a/b/any.ipynb": "other"})
    found = collect(course, "ps05", tmp_path / "in")
    assert {student: path.read_text() for student, path in found.taken.items()} == {"anna": "right"}


def tarred(mode, **files):
    made = io.BytesIO()
    with tarfile.open(None, mode, made) as tar:
        for name, text in files.items():
            entry = tarfile.TarInfo(f"{name}.ipynb")
            entry.size = len(text)
            tar.addfile(entry, io.BytesIO(text.encode()))
    return made.getvalue()


@pytest.mark.parametrize("kind", ["folder", "zip"])
@pytest.mark.parametrize(
    "files",
    [
        {"ann.ipynb.zip": zipped({"ann.ipynb": "ann"}), "bob.IPYNB.tar": tarred("w:", x="bob")},
        {"ann.tbz2": tarred("w:bz2", x="ann"), "bob.txz": tarred("w:xz", x="bob")},
        {"ann.tbz": tarred("w:bz2", x="ann"), "bob.TAR.GZ": tarred("w:gz", x="bob")},
        {"ann.zip": tarred("w:", x="ann"), "bob.tgz": zipped({"x.ipynb": "bob"})},
        {"ann.tar": tarred("w:gz", x="ann"), "bob.tar.gz": tarred("w:", x="bob")},
        {"ann.zip": tarred("w:bz2", x="ann"), "bob.tar.gz": tarred("w:xz", x="bob")},
        {"ann.tar": tarred("w:", PK="ann"), "bob.tar": tarred("w:", BZh="bob")},
    ],
)
def test_archives_of_every_name_and_kind(course, tmp_path, kind, files):
    files["zoe.ipynb"] = "zoe"
    source = packed(tmp_path / "in.zip", files)
    if kind == "folder":
        with zipfile.ZipFile(source) as archive:
            archive.extractall(tmp_path / "in")
        source = tmp_path / "in"
    found = collect(course, "ps05", source)
    assert {who: path.read_text() for who, path in found.taken.items()} == {
        "ann": "ann",
        "bob": "bob",
        "zoe": "zoe",
    }
    assert found.remarks == []


def test_who_packed_what_is_not_looked_into_is_named(course, tmp_path):
    names = "tar.zst", "TAR.Z", "rar", "zipx", "7z", "gz", "ipynb.gz", "tzst", "ipynb (1)", "xz"
    files = {f"{chr(97 + n)}.{name}": "x" for n, name in enumerate(names)}
    source = packed(tmp_path / "in.zip", files | {"zoe.ipynb": "x"})
    found = collect(course, "ps05", source)
    assert list(found.taken) == ["zoe"]
    assert [why.split()[2] for _name, why in found.remarks] == list("abcdefghij")


NO_NOTEBOOK = {
    "Ann_1_assignsubmission_file_/ps05.rar": "",
    "Bob_2_assignsubmission_file_/ps05.pdf": "",
    "Cid_3_assignsubmission_file_/empty.zip": "PK\5\6" + "\0" * 18,
    "Dan_4_assignsubmission_onlinetext_/onlinetext.html": "",
    "Eve_5_assignsubmission_file_/.ipynb_checkpoints/ps05.ipynb": "{}",
    "Fay_6_assignsubmission_file_ps05.7z": "",
}


@pytest.mark.parametrize("kind", ["folder", "zip"])
def test_who_handed_in_no_notebook_is_named(course, tmp_path, kind):
    right = "Zoe_9_assignsubmission"
    files = {
        **NO_NOTEBOOK,
        f"{right}_file_/ps05-x.ipynb": "right",
        f"{right}_file_/data.rar": "",
        f"{right}_onlinetext_/onlinetext.html": "",
        f"__MACOSX/{right}_file_/._ps05-x.ipynb": "",
    }
    source = packed(tmp_path / "in.zip", files)
    if kind == "folder":
        with zipfile.ZipFile(source) as archive:
            archive.extractall(tmp_path / "in")
        source = tmp_path / "in"
    found = collect(course, "ps05", source)
    assert list(found.taken) == ["Zoe"]
    named = sorted(name[:3] for name, _why in found.remarks)
    hidden = [] if kind == "zip" else ["Eve"]  # in a folder nothing hidden is looked at
    assert named == sorted({name[:3] for name in NO_NOTEBOOK} - set(hidden))
    assert all("notebook" in why for _name, why in found.remarks)


def test_a_pattern_with_named_groups(course, tmp_path):
    source = tmp_path / "in"
    source.mkdir()
    for name in (
        "ps1_ann_attempt_2026-01-30-15-00-00_p.ipynb",
        "ps1_ann_attempt_2026-01-30-16-00-00_p.ipynb",
        "notes.ipynb",
    ):
        (source / name).write_text(name)
    pattern = r".*_(?P<student_id>\w+)_attempt_(?P<timestamp>[0-9\-]+)_(?P<file_id>\w+)"
    found = collect(course, "ps05", source, pattern)
    assert "16-00-00" in found.taken["ann"].read_text()
    assert sorted(name for name, _why in found.remarks) == [
        "notes.ipynb",
        "ps1_ann_attempt_2026-01-30-15-00-00_p.ipynb",
    ]
    again = collect(course, "ps05", source, pattern)
    assert (again.taken, again.kept) == ({}, ["ann"])
    for bad, says in (("(", "no regular expression"), ("x", "student_id")):
        with pytest.raises(CollectError, match=says):
            collect(course, "ps05", source, bad)


OUT = [
    "../ann.ipynb",
    "bob/../../ann.ipynb",
    "/ann.ipynb",
    "C:/ann.ipynb",
    "..\\ann.ipynb",
    "\\ann.ipynb",
    "C:ann.ipynb",
]


@pytest.mark.parametrize("name", OUT)
def test_paths_out_of_the_archive_lead_nowhere(course, tmp_path, name):
    source = packed(tmp_path / "in.zip", {name: "x", "bob.ipynb": "x"})
    before = everything_under(tmp_path)
    found = collect(course, "ps05", source)
    assert list(found.taken) == ["bob"]
    ((_name, why),) = found.remarks
    assert "leads out" in why
    new = set(everything_under(tmp_path)) - set(before)
    assert new == {"course/submitted/bob/ps05/ps05-x.ipynb"}


def test_links_are_not_followed(course, tmp_path):
    secret = tmp_path / "secret.ipynb"
    secret.write_text("secret")
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "ann.ipynb").symlink_to(secret)
    assert collect(course, "ps05", folder).remarks == [("ann.ipynb", "a link")]
    (folder / "bob").symlink_to(tmp_path)
    found = collect(course, "ps05", folder)
    assert found.remarks == [("ann.ipynb", "a link"), ("bob", "a link")]
    assert found.taken == {}
    info = zipfile.ZipInfo("ann.ipynb")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "in.zip", "w") as archive:
        archive.writestr(info, str(secret))
    assert collect(course, "ps05", tmp_path / "in.zip").remarks == [("ann.ipynb", "a link")]
    with tarfile.open(tmp_path / "in.tar", "w") as tar:
        for kind, name in (
            (tarfile.SYMTYPE, "ann.ipynb"),
            (tarfile.LNKTYPE, "bob.ipynb"),
            (tarfile.FIFOTYPE, "cid.ipynb"),
        ):
            entry = tarfile.TarInfo(name)
            entry.type, entry.linkname = kind, str(secret)
            tar.addfile(entry)
    found = collect(course, "ps05", tmp_path / "in.tar")
    assert len(found.remarks) == 3
    assert found.taken == {}


def test_of_a_pipe_that_is_handed_in_there_is_a_remark(course, tmp_path):
    (tmp_path / "in" / "ann").mkdir(parents=True)
    os.mkfifo(tmp_path / "in" / "ann" / "ps05-x.ipynb")
    found = collect(course, "ps05", tmp_path / "in")
    assert (found.taken, found.remarks) == ({}, [("ann/ps05-x.ipynb", "no plain file")])


def test_a_submission_folder_that_is_a_link_is_not_written_through(course, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    (elsewhere / "ps05").mkdir(parents=True)
    course.submitted.mkdir()
    (course.submitted / "ann").symlink_to(elsewhere)
    source = packed(tmp_path / "in.zip", {"ann.ipynb": "x"})
    assert "is a link" in collect(course, "ps05", source).remarks[0][1]
    assert everything_under(elsewhere) == []


def pipe(path, _secret):
    os.mkfifo(path)


def full_folder(path, _secret):
    (path / "deep").mkdir(parents=True)


def link(path, secret):
    path.symlink_to(secret)


def link_to_a_folder(path, secret):
    path.symlink_to(secret.parent)


def link_to_a_pipe(path, secret):
    os.mkfifo(secret.with_name("pipe"))
    path.symlink_to(secret.with_name("pipe"))


def link_to_a_device(path, _secret):
    path.symlink_to("/dev/null")


def link_to_nothing(path, secret):
    path.symlink_to(secret.with_name("nothing"))


def deep_folder(path, _secret):
    for _folder in range(1200):
        path.mkdir()
        path /= "d"


MADE = [pipe, full_folder, deep_folder, link, link_to_a_folder, link_to_a_pipe]


@pytest.mark.parametrize("make", [*MADE, link_to_a_device, link_to_nothing])
@pytest.mark.parametrize("name", ["ps05-x.ipynb", ".ps05-x.ipynb.new", "timestamp.txt", "x"])
def test_what_lies_there_already_is_not_written_through(course, tmp_path, name, make):
    """It may have come there with all that students made, by ``cp -r`` or ``tar``."""
    place = course.submitted / "ann" / "ps05"
    place.mkdir(parents=True)
    (tmp_path / "own").mkdir()
    secret = tmp_path / "own" / "secret"
    secret.write_text("2026-01-01 00:00:00 UTC")
    make(place / name, secret)
    source = tmp_path / "source" / "inbound"
    for student in ("ann", "bob"):
        (source / f"{student}+ps05+2026-01-30 15:00:00 UTC+q").mkdir(parents=True)
        (source / f"{student}+ps05+2026-01-30 15:00:00 UTC+q" / "ps05.ipynb").write_text("x")
    assert set(collect(course, "ps05", source.parent).taken) == {"ann", "bob"}
    assert secret.read_text() == "2026-01-01 00:00:00 UTC"
    assert not secret.with_name("nothing").exists()
    assert (place / "ps05-x.ipynb").read_text() == "x"
    assert (place / "timestamp.txt").read_text() == "2026-01-30 15:00:00 UTC\n"
    assert not any(path.is_symlink() or path.is_fifo() for path in place.iterdir())
    remove(place)  # which pytest can't where it is deep
    assert not place.exists()


@pytest.mark.parametrize("name", ["bob", "bob/ps05"])
def test_a_folder_that_can_not_be_written_gives_a_line(course, tmp_path, name):
    path = course.submitted / name
    path.parent.mkdir(parents=True)
    path.write_text("a file in place of the folder")
    source = packed(tmp_path / "in.zip", {f"{who}.ipynb": "x" for who in ("ann", "bob", "zoe")})
    found = collect(course, "ps05", source)
    assert list(found.taken) == ["ann", "zoe"]
    ((student, why),) = found.remarks
    assert student == "bob"
    assert str(path) in why
    assert path.read_text() == "a file in place of the folder"


def test_bombs_do_not_go_off(course, tmp_path, monkeypatch):
    monkeypatch.setattr(one_archive, "LARGEST", 1000)
    source = tmp_path / "in.zip"
    with zipfile.ZipFile(source, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("ann.ipynb", b"0" * 5_000_000)
        archive.writestr("bob.ipynb", b"{}")
    found = collect(course, "ps05", source)
    assert list(found.taken) == ["bob"]
    assert "larger than" in found.remarks[0][1]
    # A size that lies: the header says 10, there is more.
    lying = bytearray(source.read_bytes())
    at = lying.rindex(b"PK\x01\x02", 0, lying.rindex(b"bob.ipynb"))
    first = lying.index(b"PK\x01\x02")
    assert first < at
    lying[first + 24 : first + 28] = (10).to_bytes(4, "little")
    source.write_bytes(bytes(lying))
    assert "ann" not in collect(course, "ps05", source).taken
    monkeypatch.setattr(archives, "MOST_FILES", 1)
    with pytest.raises(CollectError, match="more than 1 files"):
        collect(course, "ps05", source)
    monkeypatch.setattr(archives, "MOST_FILES", 100)
    monkeypatch.setattr(archives, "MOST_BYTES", 1 << 20)
    monkeypatch.setattr(one_archive, "LARGEST", 3 << 20)
    with pytest.raises(CollectError, match="are packed"):
        collect(course, "ps05", packed(tmp_path / "big.zip", {"x.ipynb": b"0" * (2 << 20)}))


def test_one_students_bomb_does_not_stop_the_others(course, tmp_path, monkeypatch):
    bomb, damaged = io.BytesIO(), io.BytesIO()
    packed(bomb, {f"{number}.ipynb": b"" for number in range(1001)})
    with zipfile.ZipFile(damaged, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x.ipynb", b"{}" * 1000)
    data = bytearray(damaged.getvalue())
    data[40:44] = b"\xff\xff\xff\xff"
    with tarfile.open(tmp_path / "gz.tgz", "w:gz") as tar:
        tar.addfile(tarfile.TarInfo("x.ipynb"), io.BytesIO())
    stream = bytearray((tmp_path / "gz.tgz").read_bytes())
    stream[20:24] = b"\xff\xff\xff\xff"
    files = {"ann.zip": bomb.getvalue(), "bob.zip": bytes(data), "cid.tgz": bytes(stream)}
    found = collect(course, "ps05", packed(tmp_path / "in.zip", {**files, "zoe.ipynb": "{}"}))
    assert sorted(found.taken) == ["ann", "zoe"]
    # That of bob is damaged where only who unpacks it can see.
    said = {name: why for name, why in found.remarks if "not taken" not in why}
    assert list(said) == ["ann.zip", "cid.tgz", "bob/x.ipynb"]
    assert "more than 1000 files" in said["ann.zip"]


def test_names_of_russian_windows_and_of_macos(course, tmp_path):
    name = "Пётр.ipynb"
    blank = b"X" * len(name.encode("cp866"))
    source = packed(tmp_path / "in.zip", {blank.decode(): "x"})
    source.write_bytes(source.read_bytes().replace(blank, name.encode("cp866")))
    assert list(collect(course, "ps05", source).taken) == ["Пётр"]
    apart = packed(tmp_path / "mac.zip", {"Пе\u0308тр.ipynb": "y"})
    assert collect(course, "ps05", apart).taken["Пётр"].read_text() == "y"


def test_a_name_with_marks_on_its_letters_stays_whole(course, tmp_path):
    source = packed(tmp_path / "in.zip", {"हिन्दी.ipynb": "x", "เพ็ชร.ipynb": "y"})
    assert sorted(collect(course, "ps05", source).taken) == ["हिन्दी", "เพ็ชร"]


def test_nobody_can_take_anothers_place_by_an_odd_name(course, tmp_path):
    source = packed(tmp_path / "in.zip", {"a_b.ipynb": "right", "a*b.ipynb": "wrong"})
    found = collect(course, "ps05", source)
    assert found.taken["a_b"].read_text() == "right"
    assert "is taken by" in found.remarks[0][1]


@pytest.mark.parametrize("name", ["\x1b[2J.ipynb", ".ipynb", "***.ipynb", "-.ipynb", "CON\n.ipynb"])
def test_odd_names_give_a_line_or_a_tame_folder(course, tmp_path, name):
    found = collect(course, "ps05", packed(tmp_path / "in.zip", {name: "x", "bob.ipynb": "x"}))
    assert "bob" in found.taken
    text = repr(found.remarks) + "".join(found.taken)
    assert "\x1b" not in text
    assert all(student.isprintable() for student in found.taken)


@pytest.mark.parametrize("data", [b"", b"PK", b"not a zip", b"PK\x05\x06" + b"\0" * 10])
@pytest.mark.parametrize("kind", ["zip", "tar", "tar.gz"])
def test_damaged_archives_are_named(course, tmp_path, data, kind):
    source = tmp_path / f"in.{kind}"
    source.write_bytes(data)
    with pytest.raises(CollectError, match=r"in\.|no notebook"):
        collect(course, "ps05", source)


def test_what_is_no_source_is_said(course, tmp_path):
    with pytest.raises(CollectError, match="there is no"):
        collect(course, "ps05", tmp_path / "absent")
    (tmp_path / "x.docx").write_text("")
    with pytest.raises(CollectError, match=r"no archive \(\.zip"):
        collect(course, "ps05", tmp_path / "x.docx")


def test_the_exchange(course, tmp_path):
    inbound = tmp_path / "exchange" / "inbound"
    for stamp, text in (("2026-01-30 15:00:00 UTC", "old"), ("2026-01-31 15:00:00 UTC", "new")):
        folder = inbound / f"ann+ps05+{stamp}+q"
        folder.mkdir(parents=True)
        (folder / "ps05-x.ipynb").write_text(text)
        (folder / "timestamp.txt").write_text("1999-01-01 00:00:00 UTC")
    other = inbound / "bob+ps06+2026-01-30 15:00:00 UTC+q"
    other.mkdir()
    (other / "ps06.ipynb").write_text("{}")
    found = collect(course, "ps05", inbound.parent)
    assert list(found.taken) == ["ann"]
    assert found.taken["ann"].read_text() == "new"
    assert (found.taken["ann"].parent / "timestamp.txt").read_text().startswith("2026-01-31")


MOODLE = "Anna_1_assignsubmission_file_"
EXCHANGE = "anna+ps05+2099-01-01 00:00:00 UTC+x"


@pytest.mark.parametrize("inner", [MOODLE, EXCHANGE, "submitted/Anna/ps05", "Anna", "Anna/ps05"])
@pytest.mark.parametrize("packing", ["folder", "archive"])
@pytest.mark.parametrize(
    "layout",
    [
        {MOODLE: "Anna", "Evil_9_assignsubmission_file_": "Evil"},
        {"anna+ps05+2026-01-01 00:00:00 UTC+x": "anna", "evil+ps05+2026-01-01 00:00:00 UTC+x": ""},
        {"class/Anna_1_assignsubmission_file_": "Anna", "class/Evil_2_assignsubmission_file_": ""},
        {"Anna": "Anna", "Evil": "Evil"},
        {"Anna/ps05": "Anna", "Evil/ps05": "Evil"},
    ],
)
def test_nobody_can_take_anothers_place_by_what_is_packed(course, tmp_path, inner, packing, layout):
    anna, evil = layout
    files = {f"{anna}/ps05.ipynb": "right", f"{evil}/own.ipynb": "own"}
    if packing == "folder":
        files[f"{evil}/{inner}/ps05.ipynb"] = "wrong"
    else:
        files[f"{evil}/x.zip"] = files[f"{evil}.zip"] = zipped({f"{inner}/ps05.ipynb": "wrong"})
    found = collect(course, "ps05", packed(tmp_path / "in.zip", files))
    assert found.taken.pop(layout[anna]).read_text() == "right"
    assert "anna" not in found.taken


@pytest.mark.parametrize("number", [1, 2])
def test_nobody_is_another_by_the_name_that_they_show(course, tmp_path, number):
    evil = f"Anna_{number}_assignsubmission_file_x_9_assignsubmission_file_"
    files = {f"{MOODLE}/ps05.ipynb": "right", f"{evil}/ps05-x.ipynb": "wrong"}
    found = collect(course, "ps05", packed(tmp_path / "in.zip", files))
    assert found.taken["Anna"].read_text() == "right"
    assert len(found.taken) == 2


def test_moodles_download_without_folders(course, tmp_path):
    files = {
        f"{MOODLE}ps05.ipynb": "right",
        f"Bob B_2_assignsubmission_file_{MOODLE}ps05.ipynb": "of bob",
        "Cid_3_assignsubmission_file_hw.zip": zipped({"hw/ps05.ipynb": "of cid"}),
    }
    found = collect(course, "ps05", packed(tmp_path / "in.zip", files))
    assert found.remarks == []
    assert {who: path.read_text() for who, path in found.taken.items()} == {
        "Anna": "right",
        "Bob B": "of bob",
        "Cid": "of cid",
    }


@pytest.mark.parametrize("inside", ["", "ps05/"])
def test_a_student_may_be_called_like_a_folder_of_the_exchange(course, tmp_path, inside):
    """Nobody else's work was taken then, without a word."""
    for name in ("anna", "inbound", "zoe"):
        (tmp_path / "in" / name / inside).mkdir(parents=True)
        (tmp_path / "in" / name / inside / "ps05.ipynb").write_text(name)
    found = collect(course, "ps05", tmp_path / "in")
    assert sorted(found.taken) == ["anna", "inbound", "zoe"]
    assert all(path.read_text() == name for name, path in found.taken.items())


@pytest.mark.parametrize("name", ["anna.ipynb", "anna.IPYNB.txt", "anna.zip"])
def test_nor_is_anyone_lost_whose_file_lies_beside(course, tmp_path, name):
    (tmp_path / "in" / "inbound").mkdir(parents=True)
    (tmp_path / "in" / "inbound" / "x.ipynb").write_text("own")
    (tmp_path / "in" / name).write_bytes(zipped({"x.ipynb": "x"}))
    found = collect(course, "ps05", tmp_path / "in")
    assert sorted(found.taken) == ["anna", "inbound"]


def test_an_archive_is_nobodys_folder_of_submissions(course, tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "anna.ipynb").write_text("right")
    packed(tmp_path / "in" / "submitted.zip", {"anna/ps05/x.ipynb": "wrong", "x.ipynb": "own"})
    found = collect(course, "ps05", tmp_path / "in")
    assert {student: path.read_text() for student, path in found.taken.items()} == {
        "anna": "right",
        "submitted": "own",
    }


def test_a_pattern_is_not_matched_with_the_names_that_students_gave(course, tmp_path):
    files = {
        "ps05_anna.ipynb": "right",
        "ps05_evil.zip": zipped({"ps05_anna.ipynb": "wrong", "ps05_bob.ipynb": "wrong"}),
    }
    pattern = r"(?:.*/)?ps05_(?P<student_id>[a-z]+)\.ipynb"
    found = collect(course, "ps05", packed(tmp_path / "in.zip", files), pattern)
    assert list(found.taken) == ["anna"]
    assert found.taken["anna"].read_text() == "right"
    assert len(found.remarks) == 2


@pytest.mark.parametrize("around", ["", "hw/"])
def test_of_two_people_with_one_name_nobodys_is_taken(course, tmp_path, around):
    files = {f"{around}Anna_{n}_assignsubmission_file_/ps05.ipynb": str(n) for n in (1, 9)}
    other = {f"{around}Bob_2_assignsubmission_file_/ps05.ipynb": "x"}
    found = collect(course, "ps05", packed(tmp_path / "in.zip", {**files, **other}))
    assert list(found.taken) == ["Bob"]
    why, again = (why for _name, why in found.remarks)
    assert why == again
    assert why.startswith("not taken: several people are called Anna")
    assert "remove submitted/*/ps05 and" in why, "Bob would be there twice, as Bob and as Bob_2"
    files = packed(tmp_path / "in.zip", files)
    numbered = collect(course, "ps05", files, re.search("--pattern '(.+)'", why)[1])
    assert sorted(numbered.taken) == ["Anna_1", "Anna_9"]


@pytest.mark.parametrize(
    ("path", "student"),
    [
        ("Bob Ray_5_assignsubmission_file_/ps05-x.ipynb", "Bob Ray_5"),
        ("Bob Ray_5_assignsubmission_file/ps05-x.ipynb", "Bob Ray_5"),
        ("Bob Ray_5_assignsubmission_file_ps05-x.ipynb", "Bob Ray_5"),
        ("Bob Ray_5_assignsubmission_file_my_file/ps05-x.ipynb", "Bob Ray_5"),
        ("Eve_9_assignsubmission_file_Bob Ray_5_assign.ipynb", "Eve_9"),
        ("Eve_9_assignsubmission_file_Bob Ray_5_assignsubmission_file_x.ipynb", "Eve_9"),
        ("Eve_9_assignsubmission_file_/Bob Ray_5_assignsubmission_file_x.ipynb", "Eve_9"),
        (
            "Bob Ray_5_assignsubmission_file_x_9_assignsubmission_file_/ps05-x.ipynb",
            "Bob Ray_5_assignsubmission_file_x_9",
        ),
    ],
)
def test_the_number_is_the_one_that_moodle_gave(course, tmp_path, path, student):
    found = collect(course, "ps05", packed(tmp_path / "in.zip", {path: "x"}), BY_NUMBER)
    assert list(found.taken) == [student]


@pytest.mark.parametrize("bob", [{}, {"Bob_5_assignsubmission_file_/x.ipynb": "of bob"}])
def test_nobody_in_moodle_is_called_like_a_folder_of_the_exchange(course, tmp_path, bob):
    evil = "Bob+ps05+2026-01-01_9_assignsubmission_file_"
    files = {**bob, f"{MOODLE}/x.ipynb": "of anna", f"{evil}/x.ipynb": "wrong"}
    found = collect(course, "ps05", packed(tmp_path / "in.zip", files))
    taken = {who: path.read_text() for who, path in found.taken.items()}
    assert taken.pop("Bob", None) == (*bob.values(), None)[0]
    assert taken == {"Anna": "of anna", "Bob+ps05+2026-01-01": "wrong"}


@pytest.mark.parametrize("name", [" anna", "anna ", "\tanna", "\u00a0anna"])
def test_a_blank_makes_no_other_name(course, tmp_path, name):
    source = packed(tmp_path / "in.zip", {f"{name}.ipynb": "wrong", "anna.ipynb": "right"})
    found = collect(course, "ps05", source)
    assert {student: path.read_text() for student, path in found.taken.items()}["anna"] == "right"
    assert set(found.taken) <= {"anna", "_anna"}


def test_in_the_exchange_the_account_says_whose_it_is(course, tmp_path, monkeypatch):
    """Whoever can write into the exchange can name a folder there as they like."""
    inbound = tmp_path / "inbound"
    for stamp, text in (("2026-01-30", "right"), ("2099-01-01", "wrong")):
        (inbound / f"anna+ps05+{stamp} 15:00:00 UTC+q").mkdir(parents=True)
        (inbound / f"anna+ps05+{stamp} 15:00:00 UTC+q" / "ps05.ipynb").write_text(text)
    monkeypatch.setattr(
        "nncourse.grading.collect._account",
        lambda file: "evil" if "2099" in file.path else "anna",
    )
    found = collect(course, "ps05", tmp_path / "inbound")
    assert found.taken["anna"].read_text() == "right"
    assert "it belongs to the account evil" in [why for _name, why in found.remarks]


def test_a_folder_of_the_same_name_but_for_the_accents_is_not_taken_for_it(
    course, tmp_path, monkeypatch
):
    """The one in Unicode's other form comes first."""
    if os.getuid() != 0:
        pytest.skip("only root can give a file away")
    for form, text, account in (("NFC", "right", 2001), ("NFD", "wrong", 2002)):
        name = unicodedata.normalize(form, "zo\u00eb")
        folder = tmp_path / "inbound" / f"{name}+ps05+2026-01-30 15:00:00 UTC+q"
        folder.mkdir(parents=True)
        (folder / "ps05.ipynb").write_text(text)
        os.chown(folder / "ps05.ipynb", account, account)
    names = {2001: "zo\u00eb", 2002: "eve"}
    monkeypatch.setattr("nncourse.grading.collect._account", lambda file: names[file.account])
    monkeypatch.setattr("nncourse.grading.collect.has_account", lambda student: True)
    found = collect(course, "ps05", tmp_path / "inbound")
    assert found.taken["zo\u00eb"].read_text() == "right"
    assert [why for _name, why in found.remarks] == ["not taken: it belongs to the account eve"]


def test_nobody_hands_in_for_an_account_of_this_machine(course, tmp_path, monkeypatch):
    """Else the forged one, of the year 9998, would keep the right one out for ever."""
    folder = tmp_path / "inbound" / "daemon+ps05+9998-01-01 15:00:00 UTC+q"
    folder.mkdir(parents=True)
    (folder / "ps05.ipynb").write_text("wrong")
    monkeypatch.setattr("nncourse.grading.collect._account", lambda file: "games")
    found = collect(course, "ps05", tmp_path / "inbound")
    assert not found.taken
    assert [why for _name, why in found.remarks] == ["not taken: it belongs to the account games"]
    monkeypatch.setattr("nncourse.grading.collect.has_account", lambda student: False)
    assert list(collect(course, "ps05", tmp_path / "inbound").taken) == ["daemon"]


@pytest.mark.parametrize(
    "name",
    [
        "daemon/x.ipynb",
        "daemon/ps05/x.ipynb",
        "daemon.ipynb",
        "daemon+ps05+junk+q/x.ipynb",
    ],
)
@pytest.mark.parametrize("pattern", [None, r"(?P<student_id>daemon).*"])
def test_in_the_exchange_the_account_is_asked_of_everything(course, tmp_path, name, pattern):
    if os.geteuid() != 0:
        pytest.skip("only root can give a file to another account")
    path = tmp_path / "inbound" / name
    path.parent.mkdir(parents=True)
    path.write_text("wrong")
    os.chown(path, pwd.getpwnam("games").pw_uid, -1)
    assert not collect(course, "ps05", tmp_path / "inbound", pattern).taken
    os.chown(path, pwd.getpwnam("daemon").pw_uid, -1)
    assert list(collect(course, "ps05", tmp_path / "inbound", pattern).taken) == ["daemon"]


def test_a_number_without_a_name_is_nobody_who_has_an_account(course, tmp_path):
    """Users may give files to numbers of their own, of /etc/subuid."""
    if os.geteuid() != 0:
        pytest.skip("only root can give a file to another account")
    for name, stamp in (("daemon", 2026), ("daemon", 2099), ("anna", 2026)):
        path = tmp_path / "inbound" / f"{name}+ps05+{stamp}-01-30 15:00:00 UTC+q" / "ps05.ipynb"
        path.parent.mkdir(parents=True)
        path.write_text(str(stamp))
        os.chown(
            path, pwd.getpwnam(name).pw_uid if (name, stamp) == ("daemon", 2026) else 1 << 30, 0
        )
    found = collect(course, "ps05", tmp_path / "inbound")
    assert {who: path.read_text() for who, path in found.taken.items()} == {
        "anna": "2026",
        "daemon": "2026",
    }
    assert [why for _name, why in found.remarks] == [
        f"not taken: it belongs to the account #{1 << 30}"
    ]


@pytest.mark.parametrize("known", [False, True])
def test_of_two_accounts_that_are_not_theirs_nobodys_is_taken(course, tmp_path, known):
    """In a class of containers; the later one took the other's place. The number of one may have
    another's name here.
    """
    if os.geteuid() != 0:
        pytest.skip("only root can give a file to another account")
    first = pwd.getpwnam("games").pw_uid if known else 5001
    for name, stamp, account in (("anna", 2026, first), ("anna", 2099, 5002), ("zoe", 2026, 5002)):
        folder = tmp_path / "inbound" / f"{name}+ps05+{stamp}-01-30 15:00:00 UTC+q"
        folder.mkdir(parents=True)
        (folder / "ps05.ipynb").write_text(str(stamp))
        os.chown(folder / "ps05.ipynb", account, 0)
    found = collect(course, "ps05", tmp_path / "inbound")
    assert list(found.taken) == ["zoe"]
    first, second = (why for _name, why in found.remarks if why.startswith("not taken"))
    assert first == second
    assert first.startswith("not taken: several accounts have handed in for anna")


def test_a_time_yet_to_come_shuts_nobody_out(course, tmp_path):
    """Eve hands in as Ann, before her; whose account is whose nobody knows here."""
    if os.geteuid() != 0:
        pytest.skip("only root can give a file to another account")
    inbound = tmp_path / "inbound"

    def hand_in(stamp, text, account):
        folder = inbound / f"ann+ps05+{stamp}+q"
        folder.mkdir(parents=True)
        (folder / "ps05.ipynb").write_text(text)
        os.chown(folder / "ps05.ipynb", account, 0)
        return folder

    forged = hand_in("9999-12-31 00:00:00 UTC", "eve", 5002)
    place = collect(course, "ps05", inbound).taken["ann"]
    assert place.with_name("timestamp.txt").read_text() < "9999"
    later = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=5)
    hand_in(later.strftime("%Y-%m-%d %H:%M:%S UTC"), "ann", 5001)
    assert not collect(course, "ps05", inbound).taken  # what is whose, the lecturer is asked
    shutil.rmtree(forged)
    place.with_name("timestamp.txt").write_text("2026-01-30 15:00:00 UTC")  # some seconds ago
    assert collect(course, "ps05", inbound).taken["ann"].read_text() == "ann"


@pytest.mark.parametrize("here", [False, True])
def test_in_the_exchange_no_archive_is_looked_into(course, tmp_path, monkeypatch, here):
    """By nbgrader none is handed in; and by hand, thousands may be laid there."""
    for name, file in (("eve", "x.zip"), ("zoe", "ps05.ipynb")):
        folder = tmp_path / "inbound" / f"{name}+ps05+2026-01-30 15:00:00 UTC+q"
        folder.mkdir(parents=True)
        packed(folder / file, {"ps05.ipynb": "x"})
    source = tmp_path / "inbound"
    if here:
        monkeypatch.chdir(source)
        source = Path(".")
    found = collect(course, "ps05", source)
    assert list(found.taken) == ["zoe"]
    ((path, why),) = found.remarks
    assert path.endswith("x.zip")
    assert "of what eve handed in nothing is a notebook" in why


def test_what_was_added_to_an_archive_replaces_what_was_there(course, tmp_path):
    own = tmp_path / "hw.zip"
    with zipfile.ZipFile(own, "w") as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for text in ("old", "older than the last", "new"):
            archive.writestr("hw/ps05.ipynb", text)
    with tarfile.open(tmp_path / "hw.tar", "w") as tar:
        for text in (b"old", b"new"):
            entry = tarfile.TarInfo("ps05.ipynb")
            entry.size = len(text)
            tar.addfile(entry, io.BytesIO(text))
    files = {"ann.zip": own.read_bytes(), "bob.tar": (tmp_path / "hw.tar").read_bytes()}
    found = collect(course, "ps05", packed(tmp_path / "in.zip", files))
    assert {student: path.read_text() for student, path in found.taken.items()} == {
        "ann": "new",
        "bob": "new",
    }
    assert found.remarks == []


@pytest.mark.parametrize("stamp", ["rubbish", "2026-02-31 10:00:00 UTC", "0001-01-01 00:00:00 UTC"])
def test_a_time_of_the_exchange_that_can_not_be_read_is_said(course, tmp_path, stamp):
    folder = tmp_path / "inbound" / f"ann+ps05+{stamp}+q"
    folder.mkdir(parents=True)
    (folder / "ps05.ipynb").write_text("x")
    found = collect(course, "ps05", tmp_path / "inbound")
    assert list(found.taken) == ["ann"]
    assert [stamp in why for _name, why in found.remarks] == [True]


def test_names_of_western_windows_are_not_taken_for_russian_ones(course, tmp_path):
    for number, (name, encoding) in enumerate(
        [("Jos\xe9 M\xfcller", "cp437"), ("\xc9va", "cp437"), ("Пётр 2b", "cp866")]
    ):
        blank = b"X" * len(name)
        source = packed(tmp_path / f"{number}.zip", {f"{blank.decode()}.ipynb": "x"})
        source.write_bytes(source.read_bytes().replace(blank, name.encode(encoding)))
        assert list(collect(course, "ps05", source).taken) == [name]


def explorer(names, encoding):
    """A zip as Windows makes it, whose names are in its own encoding."""
    made = io.BytesIO()
    blank = [f"{n:03}".encode() + b"X" * (len(name.encode(encoding)) - 3) for n, name in names]
    with zipfile.ZipFile(made, "w") as archive:
        for name in blank:
            entry = zipfile.ZipInfo(name.decode())
            entry.create_system = 0
            archive.writestr(entry, "x")
    data = made.getvalue()
    for at, (_, name) in zip(blank, names):
        data = data.replace(at, name.encode(encoding))
    return data


@pytest.mark.parametrize(
    ("encoding", "names"),
    [
        ("cp866", ["том", "Иванов", "хан", "ИВАНОВ ЁЖ"]),
        ("cp866", ["хан"]),
        ("cp866", ["ДЗfinal", "том", "Жуков"]),
        ("cp1251", ["Иванов", "Петрова Анна"]),
        ("cp850", ["Jos\xe9", "Jo\xe3o", "M\xf8ller"]),
        ("cp850", ["Jo\xe3o"]),
        ("utf-8", ["Иванов", "Jos\xe9", "том"]),
    ],
)
def test_names_are_read_as_windows_writes_them(course, tmp_path, encoding, names):
    source = tmp_path / "in.zip"
    paths = [f"{name}/ps05.ipynb" for name in names]
    source.write_bytes(explorer(list(enumerate(paths)), encoding))
    assert sorted(collect(course, "ps05", source).taken) == sorted(names)


def test_what_is_too_large_to_be_read_is_not_counted(course, tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "MOST_BYTES", 5 << 20)
    monkeypatch.setattr(one_archive, "NESTED", 1 << 20)
    files = {f"eve/{number}.zip": bytes(2 << 20) for number in range(5)}
    source = packed(tmp_path / "in.zip", {**files, "zoe/x.ipynb": "right"})
    found = collect(course, "ps05", source)
    assert list(found.taken) == ["zoe"]
    assert [why for _name, why in found.remarks] == ["larger than 1 MB"] * 5


def test_one_accounts_empty_files_do_not_stop_the_others(course, tmp_path, monkeypatch):
    """Files without content cost nobody anything but who reads them."""
    if os.geteuid() != 0:
        pytest.skip("only root can give a file to another account")
    monkeypatch.setattr(archives, "MOST_FILES", 10)
    evil, zoe = (
        tmp_path / "inbound" / f"{name}+ps05+2026-01-30 15:00:00 UTC+q" for name in ("evil", "zoe")
    )
    for folder in (evil, zoe):
        folder.mkdir(parents=True)
    for number in range(50):
        (evil / f"{number:02}.ipynb").touch()
        os.truncate(evil / f"{number:02}.ipynb", 19_000_000)
        os.chown(evil / f"{number:02}.ipynb", 2001, -1)
    (zoe / "ps05.ipynb").write_text("right")
    os.chown(zoe / "ps05.ipynb", 2003, -1)
    found = collect(course, "ps05", tmp_path / "inbound")
    assert found.taken["zoe"].read_text() == "right"
    said = [name for name, why in found.remarks if "more than 10 files" in why]
    assert [name.partition("/")[2] for name in said] == ["10.ipynb"]


def test_one_accounts_folders_do_not_stop_the_others(course, tmp_path, monkeypatch):
    if os.geteuid() != 0:
        pytest.skip("only root can give a folder to another account")
    monkeypatch.setattr(archives, "MOST_FILES", 10)
    for number in range(30):
        folder = tmp_path / "inbound" / f"evil+ps05+2026-01-30 15:00:00 UTC+{number:02}"
        folder.mkdir(parents=True)
        os.chown(folder, 2001, -1)
    zoe = tmp_path / "inbound" / "zoe+ps05+2026-01-30 15:00:00 UTC+q"
    zoe.mkdir()
    (zoe / "ps05.ipynb").write_text("right")
    opened = []
    real = archives.entries_below
    monkeypatch.setattr(
        archives, "entries_below", lambda *asked: (opened.append(asked[1].name), real(*asked))[1]
    )
    found = collect(course, "ps05", tmp_path / "inbound")
    assert list(found.taken) == ["zoe"]
    assert len([name for name in opened if name.startswith("evil")]) == 3 * 10
    (why,) = {why for name, why in found.remarks if name.startswith("evil")}
    assert why == "its account has more than 10 files and folders here"


@pytest.mark.parametrize("exchange", [False, True])
def test_the_way_to_thousands_of_files_is_short(course, tmp_path, monkeypatch, exchange):
    """For each one, hundreds of folders within one another were opened, three times."""
    source = tmp_path / ("inbound" if exchange else "in")
    for name in ("evil", "zoe"):
        folder = source / f"{name}+ps05+2026-01-30 15:00:00 UTC+q"
        folder.mkdir(parents=True)
        (folder / "ps05.ipynb").write_text(name)
    deep = source / "evil+ps05+2026-01-30 15:00:00 UTC+q" / "/".join("a" * 300)
    deep.mkdir(parents=True)
    (deep / "x.ipynb").touch()
    opened = []
    real = archives.open_below
    monkeypatch.setattr(
        archives, "open_below", lambda *asked: (opened.append(asked[1]), real(*asked))[1]
    )
    found = collect(course, "ps05", source)
    assert sorted(found.taken) == ["evil", "zoe"]
    ((name, why),) = found.remarks
    assert name.count("a") == (2 if exchange else 20)
    assert why == "too many folders within one another"
    assert len(opened) == 3 * 2
    subprocess.run(["rm", "-rf", source], check=True)  # pytest's own way recurses


def test_what_does_not_count_is_not_opened_again_in_a_folder(tmp_path, monkeypatch):
    for name in ("a", "b"):
        (tmp_path / f"{name}.ipynb").write_text(name)
    opened = []
    real = archives.open_below
    monkeypatch.setattr(
        archives, "open_below", lambda *asked: (opened.append(asked[1].name), real(*asked))[1]
    )
    (file,) = archives.Reader(only={"b.ipynb": ""}).read(tmp_path)
    assert (file.data, opened) == (b"b", ["b.ipynb"])


def test_thousands_of_files_of_one_student_are_soon_told_apart(course, tmp_path):
    files = {f"ann_1_assignsubmission_file_/{n}.ipynb": "x" for n in range(15_000)}
    start = time.perf_counter()
    found = collect(course, "ps05", packed(tmp_path / "in.zip", files))
    assert list(found.taken) == ["ann"]
    assert time.perf_counter() - start < 15


@pytest.mark.parametrize(("depth", "name"), [(1500, "a"), (300, "b" * 200)])
def test_a_pit_of_folders_has_a_bottom(course, tmp_path, monkeypatch, depth, name):
    (tmp_path / "in" / "ann").mkdir(parents=True)
    (tmp_path / "in" / "ann" / "ps05.ipynb").write_text("right")
    (tmp_path / "in" / "evil").mkdir()
    monkeypatch.chdir(tmp_path / "in" / "evil")
    for _ in range(depth):
        os.mkdir(name)
        os.chdir(name)
    found = collect(course, "ps05", tmp_path / "in")
    assert list(found.taken) == ["ann"]
    why = "its path is too long" if len(name) > 1 else "too many folders within one another"
    assert [why for _name, why in found.remarks] == [why]
    subprocess.run(["rm", "-rf", tmp_path / "in" / "evil"], check=True)  # pytest's own way recurses


def test_a_number_of_any_length_is_no_time(course, tmp_path):
    files = {f"ann_{'9' * 900}.ipynb": "x", "bob_2026-01-30.ipynb": "x"}
    pattern = r"(?P<student_id>\w+?)_(?P<timestamp>[0-9-]+)\.ipynb"
    found = collect(course, "ps05", packed(tmp_path / "in.zip", files), pattern)
    assert sorted(found.taken) == ["ann", "bob"]
    (found.taken["bob"].parent / "timestamp.txt").write_text("9" * 5000)
    again = collect(course, "ps05", packed(tmp_path / "in.zip", files), pattern)
    assert sorted(again.taken) == ["ann", "bob"]
    assert time_of("9" * 5000) is None


@pytest.mark.parametrize(
    "text", ["2026-01-30 02:30:00 +0300", "2026-01-30T02:30:00+03:00", "2026-01-29 18:30:00 -0500"]
)
def test_times_are_taken_in_utc(text):
    assert str(time_of(text)) == "2026-01-29 23:30:00"
    assert str(time_of("2026-01-30-15-00-00")) == "2026-01-30 15:00:00"
    for compact in (
        "20260130150000",
        "20260130_150000",
        "20260130T150000Z",
        "20260130T180000+0300",
    ):
        assert str(time_of(compact)) == "2026-01-30 15:00:00"


def test_of_two_by_times_that_are_one_number_the_later_counts(course, tmp_path):
    files = {"Lee_Ann_17/20260130150000_x.ipynb": "1", "Lee_Ann_17/20260201090000_x.ipynb": "2"}
    pattern = r"(?P<student_id>[^/]+)/(?P<timestamp>\d+)_"
    found = collect(course, "ps05", packed(tmp_path / "in.zip", files), pattern)
    assert found.taken["Lee_Ann_17"].read_text() == "2"
    assert found.taken["Lee_Ann_17"].with_name("timestamp.txt").read_text() == (
        "2026-02-01 09:00:00 UTC\n"
    )


def test_a_time_that_a_pattern_finds_and_that_is_none_is_said(course, tmp_path):
    files = {"ann_noon.ipynb": "x", "bob_2026-01-30.ipynb": "x"}
    pattern = r"(?P<student_id>\w+?)_(?P<timestamp>[^.]+)"
    found = collect(course, "ps05", packed(tmp_path / "in.zip", files), pattern)
    assert sorted(found.taken) == ["ann", "bob"]
    ((name, why),) = found.remarks
    assert name == "ann_noon.ipynb"
    assert why.startswith("noon is no time stamp such as 2026-01-30 15:00:00 UTC")


def test_a_path_that_patterns_choke_on_is_refused(course, tmp_path):
    name = "_1_assignsubmission_file" * 2500
    inner = zipped({f"{name}.ipynb": "x"})
    found = collect(course, "ps05", packed(tmp_path / "in.zip", {f"{MOODLE}/x.zip": inner}))
    assert [why for _name, why in found.remarks] == ["its path is too long"]


def test_remarks_on_one_do_not_hide_those_on_others(course, tmp_path):
    files = {f"evil/deep/in/{number}.ipynb": "" for number in range(500)}
    files |= {"bob/deep/in/x.ipynb": "", "ann.ipynb": "x"}
    (course.root / "nbgrader_config.py").write_text("c = get_config()\n")
    source = packed(tmp_path / "in.zip", files)
    command = ["collect", "ps05", str(source), "--course", str(course.root)]
    with using("en"):
        call = CliRunner().invoke(cli.app, command)
    assert call.exit_code == 0
    assert "bob/deep/in/x.ipynb: no student" in call.output
    assert "evil/: and 490 more" in call.output
    assert len(call.output.splitlines()) < 15


def test_nor_do_they_where_a_file_lies_beside_the_folder_of_all(course, tmp_path):
    files = {f"moodle/Aa_1_assignsubmission_file_/{n:02}.zip": "damaged" for n in range(12)}
    files |= {
        "moodle/Bob_2_assignsubmission_file_/b.zip": "damaged",
        "moodle/Cid_3_assignsubmission_file_/c.docx": "",
        "moodle/Dan_4_assignsubmission_onlinetext_/onlinetext.html": "",
        "moodle/Zoe_5_assignsubmission_file_/ps05.ipynb": "right",
        "grades.csv": "",
    }
    (course.root / "nbgrader_config.py").write_text("c = get_config()\n")
    source = packed(tmp_path / "in.zip", files)
    command = ["collect", "ps05", str(source), "--course", str(course.root)]
    with using("en"):
        call = CliRunner().invoke(cli.app, command)
    assert call.exit_code == 0
    for text in ("_/b.zip: ", "_/c.docx: ", "_/onlinetext.html: ", "Aa_1: and 2 more"):
        assert text in call.output


def test_each_who_handed_in_no_notebook_is_named_in_a_folder_around_all(course, tmp_path):
    files = {f"all/S{n}_{n}_assignsubmission_file_/x.rar": "" for n in range(20)}
    files["all/Zoe_20_assignsubmission_file_/ps05-x.ipynb"] = "x"
    (course.root / "nbgrader_config.py").write_text("c = get_config()\n")
    source = packed(tmp_path / "in.zip", files)
    command = ["collect", "ps05", str(source), "--course", str(course.root)]
    with using("en"):
        call = CliRunner().invoke(cli.app, command)
    assert all(f"what S{number} handed in" in call.output for number in range(20))


def test_only_what_is_wanted_counts_in_a_zip(course, tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "MOST_FILES", 5)
    files = {f"evil/venv/{number}.py": "" for number in range(20)}
    assert list(
        collect(course, "ps05", packed(tmp_path / "in.zip", {**files, "ann.ipynb": "x"})).taken
    )


def crafted(count, content, added=b"", apart=0):
    """A zip of ``count`` entries, of one byte as they say, all of which are one or begin ``apart``
    bytes from each other.
    """
    name, crc = b"a.ipynb", zlib.crc32(b"{")
    sizes = struct.pack("<HHHHHIII", 20, 0, 8, 0, 33, crc, len(content), 1)
    local = b"PK\3\4" + sizes + struct.pack("<HH", len(name), 0) + name
    body = bytes(apart * count) + local + content
    entries = b"".join(
        b"PK\1\2\x14\0" + sizes + struct.pack("<HHHHHII", 7, len(added), 0, 0, 0, 0, apart * n)
        + name + added
        for n in range(count)
    )  # fmt: skip
    end = struct.pack("<HHHHIIH", 0, 0, count, count, len(entries), len(body), 0)
    return body + entries + b"PK\5\6" + end


NOTHING = b"\0\0\0\xff\xff" * 20_000 + b"\1\1\0\xfe\xff{"  # packed, but for the last byte
ZIP_BOMBS = {
    "one entry many times": (
        crafted(4900, b"\1\1\0\xfe\xff{"),
        "several entries are one and the same",
    ),
    "much that is unpacked to nothing": (crafted(1200, NOTHING, apart=1), "MB are packed"),
    "many fields": (crafted(60_000, b"", b"\xfe\xca\0\0" * 400, apart=1), "takes too long"),
}


@pytest.mark.parametrize("name", ZIP_BOMBS)
def test_a_zip_of_a_student_takes_little_time(tmp_path, monkeypatch, name):
    monkeypatch.setattr(unpacker, "SECONDS", 5.0)
    bomb, why = ZIP_BOMBS[name]
    reader = archives.Reader()
    start = time.perf_counter()
    found = list(reader.read(packed(tmp_path / "in.zip", {"evil/x.zip": bomb, "zoe.ipynb": "x"})))
    assert time.perf_counter() - start < 20
    assert found[-1].path == "zoe.ipynb"
    assert reader.refused[-1][0] == "evil/x.zip"
    assert why in reader.refused[-1][1]


def test_what_does_not_count_is_not_read_again(tmp_path):
    source = packed(tmp_path / "in.zip", {"a.ipynb": "1", "b.zip": zipped({"c.ipynb": "2"})})
    assert [file.path for file in archives.Reader().read(source)] == ["a.ipynb", "b/c.ipynb"]
    (file,) = archives.Reader(only={"b/c.ipynb": "b.zip"}).read(source)
    assert (file.data, file.packed) == (b"2", "b/")


def test_the_first_look_reads_no_notebooks(tmp_path):
    (tmp_path / "a.ipynb").write_text("1")
    packed(tmp_path / "b.zip", {"c.ipynb": "2"})
    found = {file.path: file.data for file in archives.Reader(look=True).read(tmp_path)}
    assert found == {"a.ipynb": b"", "b/c.ipynb": b""}


def head(name, size, kind=tarfile.REGTYPE, said=b""):
    """The header of a file in a tar, with whatever size, and the headers of a sparse file."""
    entry = tarfile.TarInfo(name)
    entry.type = kind
    made = bytearray(entry.tobuf(tarfile.GNU_FORMAT))
    made[124:136] = tarfile.itn(size, 12, tarfile.GNU_FORMAT)
    made[386 : 386 + len(said)] = said
    made[148:156] = b" " * 8
    made[148:156] = b"%06o\0 " % sum(made)
    return bytes(made)


def said(kind, **records):
    """A header of the newer kind, that says something of the next file or of all."""
    lines = []
    for name, value in records.items():
        name = name.replace("_", ".")
        length = len(name) + len(value) + 3
        lines.append(f"{length + len(str(length + 2))} {name}={value}\n")
    data = "".join(lines).encode()
    return head("x", len(data), kind) + data + bytes(-len(data) % tarfile.BLOCKSIZE)


MB = 1 << 20
PIECES = b"00000000001\0" * 42 + b"\1" + bytes(7)
SPARSE = {"GNU_sparse_major": "1", "GNU_sparse_minor": "0", "GNU_sparse_realsize": "10"}
BOMBS = {
    "a list of pieces": lambda: (
        said(tarfile.XHDTYPE, **SPARSE) + head("x.ipynb", 9) + b"9999999999\n" + b"0\n" * 2 * MB
    ),
    "pieces far from each other": lambda: (
        head("0.bin", 50 * MB)
        + bytes(50 * MB)
        + said(tarfile.XHDTYPE, GNU_sparse_map=",".join(["0", "1", "1", str(-40 * MB)] * 500))
        + head("x.ipynb", 9)
        + bytes(512)
    ),
    "a number without an end": lambda: b"".join(
        head("x", 65_000, tarfile.XHDTYPE) + b"1" * 65_000 + bytes(24) + head(f"{n}.txt", 0)
        for n in range(6)
    ),
    "headers of pieces": lambda: (
        head("x.ipynb", 9, tarfile.GNUTYPE_SPARSE, bytes(96) + b"\1") + PIECES * (18 * MB // 512)
    ),
    "much said of all": lambda: (
        said(tarfile.XGLTYPE, **{f"a{n:04}": "" for n in range(6000)})
        + b"".join(head(f"{n}.txt", 0) for n in range(2000))
    ),
    "back again": lambda: head("0", 0) + head("1", MB) + bytes(MB) + head("2", -MB - 1024),
    "back again, said": lambda: (
        head("0", 0) + said(tarfile.XHDTYPE, size=f"-{MB}") + head("1", 0) + bytes(MB)
    ),
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_tar_of_a_student_takes_little_time(tmp_path, monkeypatch, name):
    monkeypatch.setattr(unpacker, "SECONDS", 5.0)
    files = {"evil/x.tar.gz": gzip.compress(BOMBS[name]() + bytes(10_240)), "zoe.ipynb": "x"}
    reader = archives.Reader()
    start = time.perf_counter()
    found = list(reader.read(packed(tmp_path / "in.zip", files)))
    assert time.perf_counter() - start < 20
    assert found[-1].path == "zoe.ipynb"
    assert {name for name, _why in reader.refused} <= {"evil/x.tar.gz", "evil/x/x.ipynb"}


@pytest.mark.parametrize("name", [name for name in BOMBS if name.startswith(("back", "pieces"))])
def test_a_tar_that_leads_back_is_refused_where_it_is_the_source(tmp_path, name):
    """It is read by the command itself."""
    source = tmp_path / "in.tar.gz"
    source.write_bytes(gzip.compress(BOMBS[name]() + bytes(10_240)))
    reader = archives.Reader()
    start = time.process_time()
    with contextlib.suppress(one_archive.ArchiveError):
        assert list(reader.read(source)) == []
        assert [why for _name, why in reader.refused] == [
            "packed in an unusual way: pack it as usual"
        ]
    assert time.process_time() - start < 10


def test_what_others_packed_is_unpacked_after_a_bomb(tmp_path, monkeypatch):
    """That it was ended, or what it had used up, is nobody else's loss."""
    monkeypatch.setattr(unpacker, "SECONDS", 5.0)
    bomb = gzip.compress(BOMBS["a number without an end"]() + bytes(10_240))
    files = {f"{n}.tar.gz": bomb for n in range(2)} | {"zoe.zip": zipped({"ps05.ipynb": "right"})}
    reader = archives.Reader()
    found = list(reader.read(packed(tmp_path / "in.zip", files)))
    assert [(file.path, file.data) for file in found] == [("zoe/ps05.ipynb", b"right")]
    assert [name for name, _why in reader.refused] == ["0.tar.gz", "1.tar.gz"]
    assert all("takes too long" in why for _name, why in reader.refused)


def headers(count):
    """A small tar.gz, of a notebook, that takes long."""
    entries = head("a", 0) * count + head("z.ipynb", 0)
    return gzip.compress(entries + bytes(10_240))


def test_what_one_student_packed_has_one_time(monkeypatch):
    """And what others packed, however much has been lost, has its own."""
    asked = []

    class Busy:
        def __init__(self, *_):
            self.connection = self

        def send_bytes(self, data):
            if data != b"data":
                asked.append(json.loads(data)[0])
                self.answers = [b"", b"4.0"]

        def recv_bytes(self):
            return self.answers.pop(0)

    monkeypatch.setattr(unpacker, "Child", Busy)
    unpack, refused = unpacker.Unpacker(), []
    for whose in ["eve"] * 4 + ["zoe"]:
        said = [why for _, why, _ in unpack.files("x.zip", b"data", (".ipynb",), None, True, whose)]
        refused.append(said)
    assert asked == [10.0, 6.0, 2.0, 10.0]
    late = "what the same student packed takes too long: unpack this by hand"
    assert refused == [[], [], [], [late], []]


def test_what_one_has_left_of_their_time_does_not_run_on(monkeypatch):
    """It ended the process while it was given what another had packed."""

    def busy(seconds):
        end = time.process_time() + seconds
        while time.process_time() < end:
            pass

    monkeypatch.setattr(child, "can_fork", lambda: True)  # other tests may have left threads
    monkeypatch.setattr(unpacker, "SECONDS", 1.0)
    monkeypatch.setattr(unpacker, "files_in", lambda *_: busy(0.7) or [])
    monkeypatch.setattr(unpacker.language, "use", lambda _: busy(0.5))
    with contextlib.closing(unpacker.Unpacker()) as unpack:
        for whose in ("eve", "zoe"):
            assert unpack.files("x.zip", b"data", (".ipynb",), None, True, whose) == []


@pytest.mark.parametrize("kind", ["folder", "zip"])
def test_many_archives_of_one_student_take_little_time(course, tmp_path, monkeypatch, kind):
    monkeypatch.setattr(unpacker, "SECONDS", 0.3)
    slow = headers(4000)
    files = {f"Aa_1_assignsubmission_file_/{n:02}.tar.gz": slow for n in range(30)}
    files["Zoe_2_assignsubmission_file_/x.zip"] = zipped({"ps05.ipynb": "right"})
    source = packed(tmp_path / "in.zip", files)
    if kind == "folder":
        with zipfile.ZipFile(source) as archive:
            archive.extractall(tmp_path / "in")
        source = tmp_path / "in"
    found = collect(course, "ps05", source)
    assert found.taken["Zoe"].read_text() == "right"
    late = [name for name, why in found.remarks if "unpack this by hand" in why]
    assert len(late) > 15
    assert late[-1] == "Aa_1_assignsubmission_file_/29.tar.gz"


@pytest.mark.parametrize(
    ("own", "theirs"),
    [
        ("Aa_1_assignsubmission_file_/{}.zip", "Zoe_2_assignsubmission_file_/x.zip"),
        ("Aa_1_assignsubmission_file_/{}/x.zip", "Zoe_2_assignsubmission_file_/x.zip"),
        ("Aa_1_assignsubmission_file_{}.zip", "Zoe_2_assignsubmission_file_x.zip"),
        (
            "Aa_1_assignsubmission_file_{}_assignsubmission_file_x.zip",
            "Zoe_2_assignsubmission_file_x.zip",
        ),
        (
            "Zoe_2_assignsubmission_file_{}_assignsubmission_file_x.zip",
            "Zoe_2_assignsubmission_file_x.zip",
        ),
        (
            "Zoe_2_assignsubmission_fileX_9_assignsubmission_file_/{}.zip",
            "Zoe_2_assignsubmission_file_/x.zip",
        ),
        ("class/Aa_1_assignsubmission_file_/{}.zip", "class/Zoe_2_assignsubmission_file_/x.zip"),
        ("aa_1_{}_x.zip", "zoe_2_7_x.zip"),
        ("aa_1_{}_7_8_x.zip", "zoe_2_7_x.zip"),
        ("zoe_2_{}_1_7_x.zip", "zoe_2_7_x.zip"),
        ("aa/{}.zip", "zoe/x.zip"),
        ("aa/{}/x.zip", "zoe/x.zip"),
        ("hw/aa/{}.zip", "hw/zoe.zip"),
        ("submitted/aa/ps05/{}.zip", "submitted/zoe/ps05.zip"),
    ],
)
def test_whose_an_archive_is_shows_before_it_is_opened(course, tmp_path, own, theirs):
    files = {own.format(n): b"damaged" for n in range(10)} | {theirs: b"damaged"}
    found = collect(course, "ps05", packed(tmp_path / "in.zip", files))
    (evil,) = {found.whose(own.format(n)) for n in range(10)}
    assert evil != found.whose(theirs)


def test_of_archives_of_one_name_only_the_chosen_one_is_unpacked_again(course, tmp_path):
    with tarfile.open(tmp_path / "x.tar", "w") as tar:
        for name, text in (("bob.ipynb", b"of the tar"), ("ann.ipynb", b"1")):
            entry = tarfile.TarInfo(name)
            entry.size = len(text)
            tar.addfile(entry, io.BytesIO(text))
    other = (tmp_path / "x.tar").read_bytes()
    source = packed(tmp_path / "in.zip", {"x.zip": zipped({"bob.ipynb": "2"}), "x.tar": other})
    found = [(file.path, file.archive) for file in archives.Reader(look=True).read(source)]
    assert found == [("x/bob.ipynb", "x.zip"), ("x/bob.ipynb", "x.tar"), ("x/ann.ipynb", "x.tar")]
    (file,) = archives.Reader(only={"x/bob.ipynb": "x.tar"}).read(source)
    assert (file.data, file.archive) == (b"of the tar", "x.tar")


def test_what_is_said_of_a_thousand_long_names_is_short(tmp_path):
    links = b"".join(head("x.ipynb", 0, tarfile.SYMTYPE) for _ in range(900))
    bomb = said(tarfile.XGLTYPE, path="x" * 900_000 + ".ipynb") + links + bytes(10_240)
    reader = archives.Reader()
    files = {"evil.tar.gz": gzip.compress(bomb), "zoe.ipynb": "x"}
    tracemalloc.start()
    found = [file.path for file in reader.read(packed(tmp_path / "in.zip", files))]
    _now, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert found == ["zoe.ipynb"]
    assert "evil.tar.gz" in [name for name, _why in reader.refused]
    assert most < 20 * MB


def test_links_beside_a_notebook_cost_it_nothing(tmp_path):
    """As in the environment that somebody has packed with it."""
    data = b"".join(head(f"env/{n}", 0, tarfile.SYMTYPE) for n in range(2000))
    data += head("ps05.ipynb", 1) + b"x" + bytes(511) + bytes(10_240)
    reader = archives.Reader()
    files = {"zoe.tar.gz": gzip.compress(data)}
    found = [file.path for file in reader.read(packed(tmp_path / "in.zip", files))]
    assert found == ["zoe/ps05.ipynb"]
    assert reader.refused == []


@pytest.mark.parametrize("name", ["Ann_7_1_9_assignsubmission_file_/f.zip", "ann_7_1_9_300_f.zip"])
def test_who_is_called_like_another_uses_up_nothing_of_theirs(course, tmp_path, name):
    """What was unpacked of everyone whose name begins alike was counted together."""
    flood = zipped({f"{n}.ipynb": "" for n in range(900)} | {"ps05-x.ipynb": "forged"})
    moodle = "assign" in name
    own = "Ann_7_assignsubmission_file_/f.zip" if moodle else "ann_7_301_f.zip"
    files = {name: flood, own: zipped({"ps05-x.ipynb": "right"})}
    found = collect(course, "ps05", packed(tmp_path / "in.zip", files))
    assert found.taken["Ann" if moodle else "ann"].read_text() == "right"


def test_names_with_two_numbers_in_moodle_are_not_those_of_canvas(course, tmp_path):
    files = {f"st_21_{n:03}_{n}_assignsubmission_file_/ps05.ipynb": "x" for n in range(5)}
    found = collect(course, "ps05", packed(tmp_path / "in.zip", files))
    assert list(found.taken) == [f"st_21_{n:03}" for n in range(5)]


def test_one_name_of_both_alphabets_does_not_change_how_the_others_are_read(course, tmp_path):
    """Of Russian Windows, which does not say how names are to be read."""
    names = [
        "работы/Жуков/ДЗfinal.ipynb",
        "работы/Иванова/ps05-x.ipynb",
        "работы/Пётр/ps05-x.ipynb",
    ]
    blank = {name: f"{n}" * len(name) for n, name in enumerate(names)}
    source = packed(tmp_path / "in.zip", dict.fromkeys(blank.values(), "x"))
    data = source.read_bytes()
    for name, at in blank.items():
        data = data.replace(at.encode(), name.encode("cp866"))
    source.write_bytes(data)
    assert list(collect(course, "ps05", source).taken) == ["Жуков", "Иванова", "Пётр"]


def test_headers_of_a_tar_are_not_kept(tmp_path, monkeypatch):
    kept = []
    real = tarfile.TarFile.next
    monkeypatch.setattr(
        tarfile.TarFile, "next", lambda tar: (kept.append(len(tar.members)), real(tar))[1]
    )
    with tarfile.open(tmp_path / "in.tar", "w") as tar:
        for number in range(20):
            tar.addfile(tarfile.TarInfo(f"{number}.ipynb"), io.BytesIO())
    assert len(list(archives.Reader().read(tmp_path / "in.tar"))) == 20
    assert max(kept) <= 1


@pytest.mark.parametrize("packing", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_what_would_be_unpacked_as_a_whole_is_not(course, tmp_path, packing):
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w", packing) as archive:
        archive.writestr("x.ipynb", bytes(100))
    source = packed(tmp_path / "in.zip", {"evil/x.zip": inner.getvalue(), "ann.ipynb": "x"})
    found = collect(course, "ps05", source)
    assert list(found.taken) == ["ann"]
    assert found.remarks == [("evil/x/x.ipynb", "packed in an unusual way: pack it as usual")]


@pytest.mark.parametrize("by", ["a folder that is a link", "a link", "a pipe", "nothing"])
def test_a_link_that_comes_between_two_looks_leads_nowhere(tmp_path, monkeypatch, by):
    """Whoever hands in by the exchange may change their folder there while it is collected."""
    own, secret = tmp_path / "in" / "evil", tmp_path / "source"
    for folder in (own, secret):
        folder.mkdir(parents=True)
        (folder / "ps05.ipynb").write_text(f"of {folder.name}")
    (tmp_path / "in" / "zoe.ipynb").write_text("of zoe")

    def late(name, kinds):
        if name == "evil/ps05.ipynb":
            shutil.rmtree(own)
            if by == "a folder that is a link":
                own.symlink_to(secret)
                return True
            own.mkdir()
            if by == "a link":
                (own / "ps05.ipynb").symlink_to(secret / "ps05.ipynb")
            if by == "a pipe":
                os.mkfifo(own / "ps05.ipynb")
        return True

    monkeypatch.setattr(archives, "is_wanted", late)
    reader = archives.Reader()
    assert [file.data for file in reader.read(tmp_path / "in")] == [b"of zoe"]
    assert [name for name, _why in reader.refused] == ["evil/ps05.ipynb"]


def test_a_folder_that_becomes_a_link_is_not_walked(tmp_path, monkeypatch):
    """Behind it may lie the whole disk."""
    for name in ("in/evil", "elsewhere/deep"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "elsewhere" / "deep" / "secret.ipynb").write_text("x")
    real = archives.entries_below

    def late(source, folder):
        if folder.name == "evil":
            folder.rmdir()
            folder.symlink_to(tmp_path / "elsewhere")
        return real(source, folder)

    monkeypatch.setattr(archives, "entries_below", late)
    reader = archives.Reader()
    assert list(reader.read(tmp_path / "in")) == []
    assert [name for name, _why in reader.refused] == ["evil"]


@given(names=st.lists(st.text(max_size=12).map(lambda t: t + ".ipynb"), max_size=5, unique=True))
@settings(max_examples=60, deadline=None)
def test_no_name_writes_outside(names, tmp_path_factory):
    root = tmp_path_factory.mktemp("any")
    course = CourseFolder(root / "course")
    course.release("ps05").mkdir(parents=True)
    (course.release("ps05") / "ps05.ipynb").touch()
    source = root / "in.tar"
    with tarfile.open(source, "w", errors="surrogateescape") as tar:
        for name in [*names, "bob.ipynb"]:
            tar.addfile(tarfile.TarInfo(name.replace("\0", "")), io.BytesIO())
    collect(course, "ps05", source)
    written = set(everything_under(root)) - {"in.tar", "course/release/ps05/ps05.ipynb"}
    assert all(path.startswith("course/submitted/") and path.count("/") == 4 for path in written)
    assert "course/submitted/bob/ps05/ps05.ipynb" in written
