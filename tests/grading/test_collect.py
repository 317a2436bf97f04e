"""Collecting: every layout, and archives made to do harm."""

from __future__ import annotations

import errno
import io
import stat
import tarfile
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nncourse.course.folder import CourseFolder
from nncourse.grading import archive as archives
from nncourse.grading.collect import CollectError, collect
from nncourse.grading.submissions import find_submissions


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


def everything_under(folder):
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if not p.is_dir())


LAYOUTS = {
    "ann.ipynb": "ann",
    "bob/any.ipynb": "bob",
    "cid/ps05/any.ipynb": "cid",
    "Иванова Анна_123_assignsubmission_file_/ps05.ipynb": "Иванова Анна",
    "dan+ps05+2026-01-30 15:00:00 UTC+abc/ps05.ipynb": "dan",
    "submitted/eve/ps05/any.ipynb": "eve",
}


@pytest.mark.parametrize("kind", ["folder", "zip", "tar.gz"])
def test_the_known_layouts(course, tmp_path, kind):
    source = tmp_path / f"in.{kind}"
    if kind == "folder":
        for name in LAYOUTS:
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            (source / name).write_text(name)
    elif kind == "zip":
        packed(source, LAYOUTS | {"readme.txt": "x", "__MACOSX/._ann.ipynb": "x"})
    else:
        with tarfile.open(source, "w:gz") as tar:
            for name in LAYOUTS:
                info = tarfile.TarInfo(name)
                data = name.encode() if kind == "tar.gz" else b""
                info.size = len(data)
                tar.addfile(info, io.BytesIO(data))
    found = collect(course, "ps05", source)
    assert sorted(found.taken) == sorted(LAYOUTS.values())
    assert found.remarks == []
    if kind != "zip":
        for name, student in LAYOUTS.items():
            assert found.taken[student].read_text("utf-8") == name
    assert {path.name for path in found.taken.values()} == {"ps05-x.ipynb"}
    assert [s.student for s in find_submissions(course.submitted, "ps05")] == sorted(found.taken)
    stamp = course.submitted / "dan" / "ps05" / "timestamp.txt"
    assert stamp.read_text() == "2026-01-30 15:00:00 UTC\n"


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


def test_a_submission_folder_that_is_a_link_is_not_written_through(course, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    (elsewhere / "ps05").mkdir(parents=True)
    course.submitted.mkdir()
    (course.submitted / "ann").symlink_to(elsewhere)
    source = packed(tmp_path / "in.zip", {"ann.ipynb": "x"})
    assert "is a link" in collect(course, "ps05", source).remarks[0][1]
    assert everything_under(elsewhere) == []


def test_bombs_do_not_go_off(course, tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "LARGEST", 1000)
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
    with pytest.raises(CollectError, match="are packed"):
        collect(course, "ps05", packed(tmp_path / "big.zip", {"x.txt": b"0" * (2 << 20)}))


def test_one_students_bomb_does_not_stop_the_others(course, tmp_path, monkeypatch):
    bomb, damaged = io.BytesIO(), io.BytesIO()
    packed(bomb, {f"{number}.txt": b"" for number in range(11)})
    with zipfile.ZipFile(damaged, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x.ipynb", b"{}" * 1000)
    data = bytearray(damaged.getvalue())
    data[40:44] = b"\xff\xff\xff\xff"
    with tarfile.open(tmp_path / "gz.tgz", "w:gz") as tar:
        tar.addfile(tarfile.TarInfo("x.ipynb"), io.BytesIO())
    stream = bytearray((tmp_path / "gz.tgz").read_bytes())
    stream[20:24] = b"\xff\xff\xff\xff"
    files = {"ann/x.zip": bomb.getvalue(), "bob/x.zip": bytes(data), "cid/x.tgz": bytes(stream)}
    monkeypatch.setattr(archives, "MOST_FILES", 100)
    found = collect(course, "ps05", packed(tmp_path / "in.zip", {**files, "zoe.ipynb": "{}"}))
    assert list(found.taken) == ["zoe"]
    assert [name[:3] for name, _why in found.remarks] == ["ann", "bob", "cid"]


@pytest.mark.parametrize("kind", [tarfile.XHDTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.XGLTYPE])
def test_a_name_of_gigabytes_is_not_read(course, tmp_path, kind):
    entry = tarfile.TarInfo("x")
    entry.type, entry.size = kind, 1 << 32
    source = tmp_path / "in.tar"
    source.write_bytes(entry.tobuf(tarfile.USTAR_FORMAT) + bytes(10_240))
    with pytest.raises(CollectError, match="a header of 4294967296 bytes"):
        collect(course, "ps05", source)


def test_names_of_russian_windows_and_of_macos(course, tmp_path):
    name = "Пётр.ipynb"
    blank = b"X" * len(name.encode("cp866"))
    source = packed(tmp_path / "in.zip", {blank.decode(): "x"})
    source.write_bytes(source.read_bytes().replace(blank, name.encode("cp866")))
    assert list(collect(course, "ps05", source).taken) == ["Пётр"]
    apart = packed(tmp_path / "mac.zip", {"Пе\u0308тр.ipynb": "y"})
    assert collect(course, "ps05", apart).taken["Пётр"].read_text() == "y"


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


@given(names=st.lists(st.text(max_size=12).map(lambda t: t + ".ipynb"), max_size=5, unique=True))
@settings(max_examples=60, deadline=None)
def test_no_name_writes_outside(names, tmp_path_factory):
    root = tmp_path_factory.mktemp("any")
    course = CourseFolder(root / "course")
    source = root / "in.tar"
    with tarfile.open(source, "w", errors="surrogateescape") as tar:
        for name in [*names, "bob.ipynb"]:
            tar.addfile(tarfile.TarInfo(name.replace("\0", "")), io.BytesIO())
    collect(course, "ps05", source)
    written = set(everything_under(root)) - {"in.tar"}
    assert all(path.startswith("course/submitted/") and path.count("/") == 4 for path in written)
    assert "course/submitted/bob/ps05/bob.ipynb" in written
