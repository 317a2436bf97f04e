"""nbgrader zip_collect, as a lecturer calls it."""

from __future__ import annotations

import io
import shutil
import subprocess
import sys
import zipfile

from nbgrader.apps.zipcollectapp import ZipCollectApp
from nbgrader.plugins.zipcollect import FileNameCollectorPlugin

from nncourse.course.folder import CONFIG_FILE
from nncourse.grading import unpacker
from nncourse.grading.zip_collect import Extracting
from tests.grading.test_collect import headers
from tests.grading.toy import RIGHT, submission

NAME = r".*/(?P<student_id>[^/]+?)(_x)?/(?P<file_id>[^/]+)\.ipynb"


def packed(files):
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return data.getvalue()


# As nbgrader's manual has it, for names as Blackboard writes them.
TIMED = r".*_(?P<student_id>\w+)_attempt_(?P<timestamp>[^_]*)_(?P<file_id>.+)"


def collected(toy, files, pattern=NAME):
    """The folder ``archive`` with these files, collected by a pattern."""
    for before in (toy.root / "downloaded", toy.submitted):
        shutil.rmtree(before, ignore_errors=True)
    archives = toy.root / "downloaded" / "ps99" / "archive"
    archives.mkdir(parents=True)
    for name, data in files.items():
        (archives / name).write_bytes(data)
    (toy.root / CONFIG_FILE).open("a").write(
        f"\nc.FileNameCollectorPlugin.named_regexp = {pattern!r}\n"
    )
    command = [sys.executable, "-P", "-m", "nbgrader", "zip_collect", "ps99"]
    done = subprocess.run(command, cwd=toy.root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done


def test_what_a_student_packed_harms_no_other(toy, tmp_path):
    notebook = submission(toy, "ps99", RIGHT)
    name = "ps99-squares.ipynb"
    given = {
        "anna": packed({name: notebook}),
        "bad": b"PK\x03\x04 no zip",
        "eve": packed(
            {
                "../../../../source/ps99/evil.ipynb": "{}",
                "../zoe/" + name: "{}",
                "zoe/" + name: "{}",
            }
        ),
        "bomb": packed({"big.ipynb": b" " * (64 << 20), "a.py": "", name: notebook}),
        "zoe": packed({name: notebook}),
    }
    done = collected(toy, {f"{student}.zip": data for student, data in given.items()})
    found = {path.parts[-3]: path for path in toy.submitted.glob("*/ps99/*")}
    assert {"anna", "bomb", "zoe"} <= set(found)
    assert found["zoe"].read_text("utf-8") == notebook
    for path in (
        "bad.zip",
        "eve/../../../../source/ps99/evil.ipynb",
        "bomb/big.ipynb",
        "eve/zoe/" + name,
    ):
        assert f"{path} was left out: " in done.stderr
    assert not list(toy.root.rglob("evil.ipynb"))
    assert not list((toy.root / "downloaded").rglob("*.py"))


def test_nobody_packs_what_counts_as_another_ones(toy):
    notebook, name = submission(toy, "ps99", RIGHT), "ps99-squares.ipynb"
    platforms = {
        f"zoe/{name}": notebook,
        "eve/work.zip": packed({f"zoe/{name}": "{}"}),
        "kim/work.zip": packed({name: notebook}),
        "tom.zip": packed({f"my work/{name}": notebook}),
    }
    done = collected(toy, {"class.zip": packed(platforms)})
    found = {path.parts[-3]: path for path in toy.submitted.glob("*/ps99/*")}
    assert set(found) == {"zoe", "work", "my work"}
    assert found["zoe"].read_text("utf-8") == notebook
    assert f"eve/work/zoe/{name} was left out: " in done.stderr


def test_what_one_student_packed_has_one_time(tmp_path, monkeypatch):
    monkeypatch.setattr(unpacker, "SECONDS", 0.3)
    (tmp_path / "in").mkdir()
    for n in range(20):
        (tmp_path / "in" / f"eve_{n:02}.tar.gz").write_bytes(headers(4000))
    (tmp_path / "in" / "zoe_x.zip").write_bytes(packed({"x.ipynb": "right"}))
    app = ZipCollectApp()
    app.collector_plugin_inst = FileNameCollectorPlugin(parent=app)
    app.collector_plugin_inst.named_regexp = r".*/(?P<student_id>[a-z]+)_(?P<file_id>.*)"
    said = []
    extracting = Extracting(parent=app)
    monkeypatch.setattr(extracting.log, "warning", lambda _, line: said.append(line))
    extracting.extract(str(tmp_path / "in"), str(tmp_path / "out"))
    assert (tmp_path / "out" / "zoe_x" / "x.ipynb").read_text() == "right"
    late = [line for line in said if "unpack this by hand" in line]
    assert len(late) > 10
    assert "eve_19" in late[-1]


def test_no_name_leads_elsewhere_or_ends_the_collecting(toy):
    notebook, name = submission(toy, "ps99", RIGHT), "ps99-squares.ipynb"
    now = "attempt_2026-01-30-15-00-00"
    roots = "".join(f"{folder}/" for folder in toy.root.parts[1:])
    packed_by_eve = {
        f"x_eve_attempt_2026-01-01_/{roots}release/ps99/evil.ipynb": "{}",
        f"x_eve_attempt_2026-01-01_/{roots}submitted/zoe/ps99/{name}": "{}",
        f"x_eve_attempt_2026-01-01_{name}/{name}": "{}",
    }
    files = {
        f"g_anna_{now}_{name}": notebook.encode(),
        f"g_eve_{now}_work.zip": packed(packed_by_eve),
        f"g_kim_attempt_2026-99-99_{name}": notebook.encode(),
        f"g_lee_attempt_{'9' * 30}_{name}": notebook.encode(),
        f"g_ann_attempt__{name}": notebook.encode(),
        f"h_ann_attempt__{name}": b"{}",
        f"g_tom_attempt_2026-01-01_{name}": b"{}",
        f"h_tom_attempt_2026-01-02_{name}": notebook.encode(),
        f"g_zed_{now}_{name}": notebook.encode(),
    }
    done = collected(toy, files, TIMED)
    found = {path.parts[-3]: path for path in toy.submitted.glob(f"*/ps99/{name}")}
    assert set(found) == {"anna", "ann", "tom", "zed"}
    assert {path.read_text("utf-8") for path in found.values()} == {notebook}
    assert not list(toy.release("ps99").glob("evil*"))
    for line in (
        "evil.ipynb was left out: its name leads to another folder",
        f"{name}/{name} was left out: its name leads to another folder",
        f"g_kim_attempt_2026-99-99_{name} was left out: '2026-99-99' is no time",
        f"g_lee_attempt_{'9' * 30}_{name} was left out: '{'9' * 30}' is no time",
        f"h_ann_attempt__{name} was left out: not taken: g_ann_attempt__{name} is",
    ):
        assert line in done.stderr
