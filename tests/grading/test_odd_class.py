"""A class of which every submission is odd in its own way: each gets a line, nobody is stopped."""

from __future__ import annotations

import hashlib
import json
import os

import nbformat
import pytest

from nncourse.grading import child, notebook_file
from nncourse.grading.grade import grade_submissions
from nncourse.grading.sanitize import clean_markdown
from tests.grading.test_sanitize import HOSTILE
from tests.grading.toy import RIGHT, cell_name, make_released, submission, without, write_toy

FULL = 15.0  # what the right answers earn; the written one waits


def changed(text, **metadata):
    notebook = json.loads(text)
    notebook["metadata"] |= metadata
    return json.dumps(notebook)


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """A course of its own: the class would stand in the gradebook of other tests."""
    root = tmp_path_factory.mktemp("odd course")
    return make_released(root / "course", write_toy(root / "repository"), "ps99", "en")


@pytest.fixture(scope="module")
def graded(course, tmp_path_factory):
    folder = tmp_path_factory.mktemp("odd") / "in"
    right = submission(course, "ps99", RIGHT)
    old = json.loads(right)
    sheet = [{**cell, "input": cell["source"]} for cell in old["cells"]]
    texts = {
        "aa honest": right,
        "another kernel": changed(right, kernelspec={"name": "ir", "language": "R"}),
        "another language": changed(right, nncourse={"language": "ru"}),
        "array": "[]",
        "bom": "\ufeff" + right,
        "cut": right[:-300],
        "deep": "[" * 50_000,
        "emptied": "",
        "huge number": right[:-1] + ', "x": ' + "9" * 10_000 + "}",
        "hostile text": submission(course, "ps99", {**RIGHT, "why": "\n\n".join(HOSTILE)}),
        "merge conflict": "<<<<<<< HEAD\n" + right,
        "nan": right[:-1] + ', "x": NaN}',
        "old format": json.dumps({"nbformat": 3, "worksheets": [{"cells": sheet}]}),
        "one answer": submission(course, "ps99", RIGHT, without("square_answer")),
        "reordered": submission(course, "ps99", RIGHT, lambda cells: cells[::-1]),
        "star*": right,
        "surrogate": submission(course, "ps99", {**RIGHT, "why": "XX"}).replace("XX", "\\ud800"),
        "too large": " " * 70_000 + right,
        "zz honest": right,
        "Ёлкина Зоя": right,
    }
    folder.mkdir()
    for name, text in texts.items():
        (folder / f"{name}.ipynb").write_text(text, "utf-8")
    (folder / "cp1251.ipynb").write_bytes(
        submission(course, "ps99", {**RIGHT, "why": "Потому."}).encode("cp1251")
    )
    (folder / "binary.ipynb").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(range(256)))
    (folder / os.fsdecode(b"\xff bytes.ipynb")).write_text(right, "utf-8")
    (folder / "link.ipynb").symlink_to(folder / "aa honest.ipynb")
    (folder / "linked").symlink_to(folder)
    os.mkfifo(folder / "pipe.ipynb")
    (folder / "directory.ipynb").mkdir()
    own = folder / "shadows"
    own.mkdir()
    (own / "renamed by me.ipynb").write_text(right, "utf-8")
    (own / "numpy.py").write_text("raise SystemExit", "utf-8")
    (own / "timestamp.txt").write_text("never", "utf-8")
    for name in ("twice", "twice.ipynb"):
        path = folder / name / "x.ipynb" if name == "twice" else folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(right, "utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(notebook_file, "LARGEST", 60_000)
        patch.setattr(child, "can_fork", lambda: True)  # other tests may have left threads
        results = grade_submissions(course, "ps99", folder)
    return {result.student: result for result in results}


# Names that can't stand in the gradebook, as they do there.
STAR = f"star_~{hashlib.sha256(b'star*').hexdigest()[:12]}"
BYTES = f"__bytes~{hashlib.sha256(bytes([255]) + b' bytes').hexdigest()[:12]}"
REFUSED = {
    "array": "no list of cells",
    "binary": "not text in UTF-8",
    "cut": "not valid JSON",
    "deep": "not valid JSON",
    "directory.ipynb": "holds no notebook",
    "emptied": "not valid JSON",
    "huge number": "not valid JSON",
    "link": "is a link",
    "linked": "is a link",
    "merge conflict": "line 1, column 1",
    "pipe": "is a link or no file",
    STAR: f"nbgrader db student remove {STAR} --force",  # once it has another name
    "too large": "without outputs",
    "twice": "is there twice",
    BYTES: "can't be a folder",
}
REMARKED = {
    "another kernel": "kernel ir",
    "cp1251": "in cp1251",
    "one answer": "square_answer is missing",
    "reordered": "another order",
    "shadows": "numpy.py",
}


def test_everyone_is_in_the_report(graded):
    assert set(REFUSED) | set(REMARKED) < set(graded)
    assert len(graded) == 29


@pytest.mark.parametrize("student", REFUSED)
def test_what_has_no_answer_gets_a_clear_line(graded, student):
    assert REFUSED[student] in graded[student].problem
    assert graded[student].points == 0
    assert len(graded[student].problem) < 400


@pytest.mark.parametrize("student", REMARKED)
def test_what_is_odd_is_remarked_upon_and_graded(graded, student):
    assert REMARKED[student] in "\n".join(graded[student].notes)
    assert graded[student].points == (5 if student == "one answer" else FULL)


def test_everybody_else_gets_their_due(graded):
    for student in set(graded) - set(REFUSED) - {"one answer"}:
        assert (graded[student].problem, graded[student].points) == ("", FULL), student
    assert "time of this submission is unknown" in "\n".join(graded["shadows"].notes)


def test_the_graded_notebook_is_harmless(graded, course):
    (path,) = course.autograded("hostile text", "ps99").glob("*.ipynb")
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    (why,) = [cell.source for cell in notebook.cells if cell_name(cell) == "why"]
    assert why == clean_markdown("\n\n".join(HOSTILE))
    assert "<script>" not in why
