"""Attacks by what lies around a notebook: the names of files, time stamps, sizes, archives."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
import time
import zipfile

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook
from rich.console import Console
from traitlets.config import LoggingConfigurable

from nncourse.grading.collect import collect
from nncourse.grading.feedback import write_feedback
from nncourse.grading.grade import grade_submissions
from nncourse.grading.names import quick_names
from nncourse.grading.plugin import AnyFile
from nncourse.grading.scores import table, write_scores
from nncourse.grading.submissions import LONGEST, LONGEST_BYTES
from tests.grading.toy import RIGHT, make_released, submission, write_toy

# File names without their ending; each is a submission that is right in itself.
REFUSED = {
    "characters that grow when they are composed": "\U0001d160" * 60,
    "bytes that are no text": os.fsdecode(b"\xff" * 200),
    "as long as a file's name may be": "x" * 249,
    "wider than a column of the gradebook": "y" * (LONGEST + 1),
    "a line of the report's own": "b\nzz honest      15 of 25\n",
    "codes of the terminal": "\x1b]0;evil\x07\x1b[2J",
    "a formula": "=cmd|' C'!A0",
    "a formula behind a blank": "\t=1+1",
    "a wide formula": "＝1+1",
    "markup": "<script>alert(1)<!--[red]",
    "a separator of lines": "c\u2028zz honest 15",
    "a pattern": "*?[a]{b}",
    "braces": "{0.__class__}",
}
TAKEN = {
    "an option": "--help",
    "a sum": "-1-1",
    "at": "@import",
    "dots": "a..b",
    "of Windows": "CON",
    "long enough": "z" * LONGEST,
}
STAMPS = {
    "before all time": "0001-01-01 00:00:00+14:00",
    "after all time": "9999-12-31 23:59:59-14:00",
    "far ahead": "9999-12-31 23:59:59",
    "a null byte": "2026-01-01\0 00:00:00",
    "nothing": "",
}


@pytest.fixture(scope="module")
def graded(tmp_path_factory):
    if shutil.which("bwrap") is None:
        pytest.skip("bubblewrap is not installed")
    root = tmp_path_factory.mktemp("names")
    course = make_released(root / "course", write_toy(root / "repository"), "ps99", "en")
    folder = root / "class"
    folder.mkdir()
    right = submission(course, "ps99", RIGHT)
    for name in ("aa honest", "zz honest", *REFUSED.values(), *TAKEN.values()):
        with open(os.path.join(os.fsencode(folder), os.fsencode(name) + b".ipynb"), "w") as file:
            file.write(right)
    for name, stamp in STAMPS.items():
        (folder / name).mkdir()
        (folder / name / "ps99-squares.ipynb").write_text(right)
        (folder / name / "timestamp.txt").write_text(stamp)
    (folder / "sparse").mkdir()
    (folder / "sparse" / "ps99-squares.ipynb").write_text(right)
    for file in (folder / "sparse" / "timestamp.txt", folder / "huge.ipynb"):
        file.touch()
        os.truncate(file, 64 << 30)
    start = time.monotonic()
    results = {result.student: result for result in grade_submissions(course, "ps99", folder)}
    return course, results, time.monotonic() - start


def test_honest_students_and_all_names_that_can_be_graded_get_what_is_due(graded):
    _course, results, _seconds = graded
    for name in ("aa honest", "zz honest", "sparse", *TAKEN.values(), *STAMPS):
        assert results[name].points == 15, results[name]
        assert results[name].problem == ""


def test_all_others_get_a_line(graded):
    _course, results, _seconds = graded
    refused = [result for result in results.values() if result.problem]
    assert len(refused) == len(REFUSED) + 1
    assert all(result.points == 0 for result in refused)
    assert "MB" in results["huge"].problem
    for result in results.values():
        assert len(result.student) <= LONGEST
        assert len(result.student.encode()) <= LONGEST_BYTES


def test_what_is_never_read_costs_no_time(graded):
    """64 GB take minutes to read, even of a file that holds nothing."""
    assert graded[2] < 60


def test_no_name_passes_for_another_line(graded):
    _course, results, _seconds = graded
    console = Console(file=io.StringIO(), width=300)
    console.print(table(results.values()))
    lines = console.file.getvalue().splitlines()
    assert all(line.isprintable() for line in lines)
    assert len([line for line in lines if line.startswith("zz honest")]) == 1


def test_no_cell_of_a_spreadsheet_is_a_formula(graded, tmp_path):
    _course, results, _seconds = graded
    path = write_scores(tmp_path / "scores.csv", results.values())
    with path.open(encoding="utf-8", newline="") as file:
        cells = [cell for row in csv.reader(file) for cell in row]
    assert not [cell for cell in cells if cell.lstrip()[:1] in tuple("=+-@＝")]


def test_everyone_who_can_have_a_folder_gets_feedback(graded):
    course, _results, _seconds = graded
    pages = write_feedback(course, "ps99")
    assert all(path.resolve().is_relative_to(course.root / "feedback") for path in pages)
    assert {path.parts[-3] for path in pages} >= {"aa honest", "zz honest", *TAKEN.values()}


def test_archives_with_such_names_are_collected(graded, tmp_path):
    course, _results, _seconds = graded
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        for name in ("x" * 300, "yy\n" * 90, "C:\x1b[31m", "..", "/etc", "anna"):
            archive.writestr(f"{name}/ps99.ipynb", "{}")
        archive.writestr("carla/" + "z" * 300 + ".ipynb", "{}")
    found = collect(course, "ps99", tmp_path / "all.zip")
    assert sorted(found.taken) == ["anna", "carla"]
    assert len(found.remarks) == 5
    assert all(
        c.isprintable() or c == "\n" for line in found.remarks for text in line for c in text
    )


def test_an_answer_can_neither_warn_nor_choke_the_grader(recwarn):
    """Its syntax is looked at on the grader's side."""
    quick_names("1 is 1\n" * 1000 + "'\\d'\n")
    assert not recwarn.list
    start = time.monotonic()
    quick_names("def (\n" + " " * 1_000_000 + "x")
    assert time.monotonic() - start < 5


def test_nbgrader_opens_no_file_that_is_too_large_or_none(tmp_path):
    """It converts a submission before the answers are taken out of the file."""
    huge, pipe = tmp_path / "huge.ipynb", tmp_path / "pipe.ipynb"
    huge.touch()
    os.truncate(huge, 64 << 30)
    os.mkfifo(pipe)
    for path in (huge, pipe):
        text, _resources = AnyFile().from_filename(str(path), resources={})
        assert json.loads(text)["cells"] == []


def test_nbgrader_does_not_look_at_what_was_handed_in(tmp_path):
    """It looks at the form of each cell, which takes minutes for a large notebook."""

    class Converter(LoggingConfigurable):
        _sanitizing = True

    path = tmp_path / "x.ipynb"
    nbformat.write(new_notebook(cells=[new_code_cell("1")]), path)
    converter = Converter()
    for first, cells in ((True, 0), (False, 1)):
        converter._sanitizing = first
        text, _resources = AnyFile(parent=converter).from_filename(str(path), resources={})
        assert len(json.loads(text)["cells"]) == cells
