"""Answers are found in whatever was handed in, and nothing else is taken."""

import json
import os
import re
import tracemalloc
from contextlib import contextmanager
from copy import deepcopy
from pathlib import Path
from tempfile import TemporaryDirectory

import nbformat
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nncourse.course.folder import TEXT_STUB
from nncourse.grading.archive import Reader
from nncourse.grading.intake import take_in
from nncourse.grading.notebook_file import LARGEST, IntakeError
from nncourse.grading.own import OwnCell
from nncourse.grading.rebuild import LONGEST, rebuild
from nncourse.grading.similar import LONGEST as SIMILAR_LONGEST
from nncourse.grading.submissions import (
    Submission,
    SubmissionsError,
    find_submissions,
    timestamp_of,
)
from tests.grading.toy import RIGHT, cell_name, submission, with_cell, without


@pytest.fixture(scope="module")
def released(toy):
    return nbformat.read(toy.notebook("ps99"), as_version=4)


@pytest.fixture
def hand_in(toy, released, tmp_path):
    """Write a submission of the toy and take it in."""

    def write(change=list, answers=RIGHT, text=None):
        path = tmp_path / "ann.ipynb"
        path.write_text(text or submission(toy, "ps99", answers, change), "utf-8")
        return take_in(Submission("ann", path), released)

    return write


def sources(notebook):
    return {cell_name(cell): cell.source for cell in notebook.cells if cell_name(cell)}


def test_an_untouched_form_gives_the_answers_and_no_remarks(hand_in, released):
    intake = hand_in()
    assert intake.notes == []
    assert sources(intake.notebook) == {**sources(released), **RIGHT}
    assert [cell.id for cell in intake.notebook.cells] == [cell.id for cell in released.cells]
    nbformat.validate(intake.notebook)


@pytest.mark.parametrize("language", ["ru", "en"])
def test_the_form_of_the_other_edition_is_no_written_answer(hand_in, released, language):
    intake = hand_in(answers={**RIGHT, "why": TEXT_STUB[language]})
    assert sources(intake.notebook)["why"] == sources(released)["why"]


def test_a_deleted_test_cell_comes_back(hand_in, released):
    intake = hand_in(without("square"))
    assert sources(intake.notebook)["square"] == sources(released)["square"]
    assert intake.notes == ["cell square is not in the file: the original was put back"]


def test_an_edited_test_cell_is_restored(hand_in, released):
    intake = hand_in(answers={**RIGHT, "square": "10.0"})
    assert sources(intake.notebook)["square"] == sources(released)["square"]
    assert intake.notes == ["cell square is not as it was handed out: the original was used"]


def test_metadata_of_the_submission_is_not_taken(hand_in, released):
    def more_points(cells):
        for cell in cells:
            if cell_name(cell) == "square":
                cell["metadata"]["nbgrader"].update(points=1000, locked=False)
            cell["metadata"]["tags"] = ["raises-exception"]
        return cells

    intake = hand_in(more_points)
    assert [cell.metadata for cell in intake.notebook.cells] == [
        cell.metadata for cell in released.cells
    ]


def test_of_two_cells_with_one_name_the_first_counts(hand_in):
    def twice(cells):
        copy = json.loads(json.dumps(cells[2]))
        copy["source"] = "square = None"
        return [*cells, copy]

    intake = hand_in(twice)
    assert sources(intake.notebook)["square_answer"] == RIGHT["square_answer"]
    assert intake.notes == ["cell square_answer occurs twice: the first one is the answer"]


def parts(*sources):
    """Divide the first answer, as JupyterLab's Split Cell does."""

    def split(cells):
        (at,) = [i for i, cell in enumerate(cells) if cell_name(cell) == "square_answer"]
        split = [{**json.loads(json.dumps(cells[at])), "source": source} for source in sources]
        return [*cells[:at], *split, *cells[at + 1 :]]

    return split


def test_the_parts_of_a_cell_that_was_split_count_as_one(hand_in):
    intake = hand_in(parts("import math", "two = 2", "def square(x):\n    return x**two"))
    assert sources(intake.notebook)["square_answer"] == (
        "import math\ntwo = 2\ndef square(x):\n    return x**two"
    )
    assert intake.notes == ["cell square_answer was split: its parts count as one"]


def test_what_follows_a_whole_answer_does_not_count(hand_in):
    intake = hand_in(parts("two = 2", RIGHT["square_answer"], "square = None"))
    assert sources(intake.notebook)["square_answer"] == "two = 2\n" + RIGHT["square_answer"]
    assert "cell square_answer occurs twice: the first one is the answer" in intake.notes
    apart = hand_in(lambda cells: [*parts("two = 2")(cells), *cells[2:3]])
    assert sources(apart.notebook)["square_answer"] == "two = 2"


def text(source, **fields):
    return {"cell_type": "markdown", "id": "new", "metadata": {}, "source": source, **fields}


@pytest.mark.parametrize(
    ("change", "whole"),
    [
        (lambda why: [why, text("Mine.")], "Mine."),
        (lambda why: [text("Mine."), why], "Mine."),
        (lambda why: [text("Mine.")], "Mine."),
        (lambda why: [text("A"), {**why, "source": "B"}, text(" "), text("C")], "A\n\nB\n\nC"),
        (lambda why: [{**why, "source": "A"}, {**why, "source": "B", "id": "2"}], "A\n\nB"),
        (lambda why: [why, {**why, "source": "Mine.", "id": "2"}], "Mine."),
        (lambda why: [why, text("# So", cell_type="code")], "~~~\n# So\n~~~"),
        (lambda why: [{**why, "source": "A"}, text("1 + 1", cell_type="code")], "A"),
        (lambda why: [{**why, "source": "A"}, {**why, "source": "A"}], "A"),
        (lambda why: [why], "YOUR ANSWER HERE"),
    ],
)
def test_a_written_answer_may_stand_beside_its_cell(hand_in, change, whole):
    answers = {name: RIGHT[name] for name in ("square_answer", "plus_answer")}

    def change(cells):
        return [
            {**cell, "source": f"a{marks * 20_000} = 1"} if cell_name(cell) == "setup" else cell
            for cell in cells
        ]

    (own,) = hand_in(change).own
    assert len(own.source) < 50


def test_usual_marks_stay(hand_in):
    text = "def plus(x):\n    return x + 6  # \u0915\u094d\u0937\u093f e\u0301\u0316" + "\u0301" * 9
    intake = hand_in(answers={**RIGHT, "plus_answer": text})
    assert sources(intake.notebook)["plus_answer"] == text


def test_an_offset_may_stand_apart(tmp_path):
    (tmp_path / "ann").mkdir()
    (tmp_path / "ann" / "x.ipynb").write_text("{}")
    one = Submission("ann", tmp_path / "ann" / "x.ipynb", folder=tmp_path)
    for text in ("2026-11-25 10:00:00 +0300", "2026-11-25 10:00:00+03:00"):
        (tmp_path / "ann" / "timestamp.txt").write_text(text)
        assert str(timestamp_of(one)) == "2026-11-25 07:00:00"
