"""Answers are found in whatever was handed in, and nothing else is taken."""

import json
from pathlib import Path

import nbformat
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nncourse.grading.intake import (
    LARGEST,
    IntakeError,
    Submission,
    SubmissionsError,
    find_submissions,
    rebuild,
    take_in,
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


def test_a_deleted_test_cell_comes_back(hand_in, released):
    intake = hand_in(without("square"))
    assert sources(intake.notebook)["square"] == sources(released)["square"]
    assert intake.notes == ["cell square was deleted: the original was put back"]


def test_an_edited_test_cell_is_restored(hand_in, released):
    intake = hand_in(answers={**RIGHT, "square": "10.0"})
    assert sources(intake.notebook)["square"] == sources(released)["square"]
    assert intake.notes == ["cell square was changed: the original was used"]


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
    assert intake.notes == ["cell square_answer occurs twice: the first one counts"]


def test_order_does_not_matter(hand_in):
    intake = hand_in(lambda cells: cells[::-1])
    assert sources(intake.notebook) == sources(hand_in().notebook)


def test_a_missing_answer_leaves_the_stub(hand_in, released):
    intake = hand_in(without("plus_answer"))
    assert "NotImplementedError" in sources(intake.notebook)["plus_answer"]
    assert intake.notes == ["answer cell plus_answer is missing: nothing to grade in it"]


def test_cells_of_ones_own_are_counted_and_left_behind(hand_in):
    intake = hand_in(with_cell("import os"))
    assert "import os" not in [cell.source for cell in intake.notebook.cells]
    assert len(intake.notes) == 1
    assert intake.notes[0].startswith("1 cells outside the answer cells")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('{"cells": [', "not valid JSON (line 1, column"),
        ("", "not valid JSON"),
        ("[" * 100_000, "not valid JSON"),
        ("[]", "no list of cells"),
        ('{"worksheets": []}', "old format"),
        ('{"cells": []}', "no answer cell"),
        ('{"cells": [null, 3, {"metadata": null}, {"metadata": {"nbgrader": 5}}]}', "no answer"),
    ],
)
def test_a_file_without_answers_is_refused_with_the_likely_mend(
    toy, released, tmp_path, text, says
):
    path = tmp_path / "ann.ipynb"
    path.write_text(text, "utf-8")
    with pytest.raises(IntakeError) as refused:
        take_in(Submission("ann", path), released)
    assert says in str(refused.value)


def test_files_that_are_no_text_or_too_large_or_links_are_refused(released, tmp_path):
    def refusal(path):
        with pytest.raises(IntakeError) as refused:
            take_in(Submission("ann", path), released)
        return str(refused.value)

    binary = tmp_path / "binary.ipynb"
    binary.write_bytes(b"\xff\xfe\x00")
    assert "UTF-8" in refusal(binary)
    large = tmp_path / "large.ipynb"
    large.write_bytes(b" " * (LARGEST + 1))
    assert "without outputs" in refusal(large)
    link = tmp_path / "link.ipynb"
    link.symlink_to(binary)
    assert "link" in refusal(link)
    folder = tmp_path / "folder"
    folder.mkdir()
    assert "holds no notebook" in refusal(folder)


@pytest.mark.parametrize("name", ["[x]", "a*", "../a", ".a", "a/b", ""])
def test_a_name_that_nbgrader_would_misread_is_refused(released, name):
    with pytest.raises(IntakeError, match="can't be a folder"):
        take_in(Submission(name, Path("x.ipynb")), released)


@pytest.mark.parametrize("name", ["ann", "Иванов Пётр", "o'neill"[:1] + "-neill", "st0123@x.org"])
def test_usual_names_pass(released, name):
    with pytest.raises(IntakeError, match="link or no file"):
        take_in(Submission(name, Path("x.ipynb")), released)


def test_a_byte_order_mark_and_lone_surrogates_do_no_harm(toy, released, tmp_path):
    path = tmp_path / "ann.ipynb"
    answers = {**RIGHT, "why": "half a character: XX"}
    text = submission(toy, "ps99", answers).replace("XX", "\\ud800")
    path.write_text("\ufeff" + text, "utf-8")
    intake = take_in(Submission("ann", path), released)
    assert sources(intake.notebook)["why"] == "half a character: ?"
    nbformat.writes(intake.notebook).encode("utf-8")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["metadata", "nbgrader", "grade_id", "source", "cell_type", "x"]), inner
        )
    ),
    max_leaves=20,
)


@given(cells=st.lists(json_values, max_size=5))
@settings(max_examples=200, deadline=None)
def test_any_cells_give_a_valid_notebook_or_a_refusal(toy, cells):
    released = nbformat.read(toy.notebook("ps99"), as_version=4)
    answer = {
        "metadata": {"nbgrader": {"grade_id": "plus_answer"}},
        "source": ["def plus(x):\n", "    return x + 6"],
    }
    intake = rebuild([*cells, answer], released)
    nbformat.validate(intake.notebook)
    assert sources(intake.notebook)["plus"] == "points(plus, 5)"
    assert sources(intake.notebook)["plus_answer"] == RIGHT["plus_answer"]


def test_the_three_layouts_of_a_folder(tmp_path):
    for path in (
        "ann/ps05/ps05-x.ipynb",
        "ann/ps06/ps06-y.ipynb",
        "bob/notes.ipynb",
        "bob/ps05-x.ipynb",
        "cid.ipynb",
        "dan/readme.txt",
        ".hidden/ps05-x.ipynb",
        "scores.csv",
    ):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text("{}")
    found = {
        s.student: s.path.relative_to(tmp_path).as_posix()
        for s in find_submissions(tmp_path, "ps05")
    }
    assert found == {
        "ann": "ann/ps05/ps05-x.ipynb",
        "bob": "bob/ps05-x.ipynb",
        "cid": "cid.ipynb",
        "dan": "dan",
    }


def test_an_empty_folder_is_said_to_be_empty(tmp_path):
    with pytest.raises(SubmissionsError, match=r"expected STUDENT\.ipynb"):
        find_submissions(tmp_path, "ps05")
    with pytest.raises(SubmissionsError, match="not a folder"):
        find_submissions(tmp_path / "absent", "ps05")


def test_a_student_who_is_there_twice_is_named(tmp_path):
    (tmp_path / "ann").mkdir()
    (tmp_path / "ann" / "ps05.ipynb").write_text("{}")
    (tmp_path / "ann.ipynb").write_text("{}")
    with pytest.raises(SubmissionsError, match="ann is there twice"):
        find_submissions(tmp_path, "ps05")
