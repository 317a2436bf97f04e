"""nbgrader zip_collect, as a lecturer calls it."""

from __future__ import annotations

import io
import shutil
import subprocess
import sys
import zipfile

from nncourse.course.folder import CONFIG_FILE
from tests.grading.toy import RIGHT, submission

NAME = r".*/(?P<student_id>[^/]+?)(_x)?/(?P<file_id>[^/]+)\.ipynb"


def packed(files):
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return data.getvalue()


def collected(toy, files):
    """The folder ``archive`` with these files, collected by the pattern NAME."""
    for before in (toy.root / "downloaded", toy.submitted):
        shutil.rmtree(before, ignore_errors=True)
    archives = toy.root / "downloaded" / "ps99" / "archive"
    archives.mkdir(parents=True)
    for name, data in files.items():
        (archives / name).write_bytes(data)
    (toy.root / CONFIG_FILE).open("a").write(
        f"\nc.FileNameCollectorPlugin.named_regexp = {NAME!r}\n"
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
