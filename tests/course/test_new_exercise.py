"""The skeleton of a new exercise set works from the first minute."""

from __future__ import annotations

import importlib.util

import pytest
from typer.testing import CliRunner

from nncourse import cli
from nncourse.check.matrix import judge_all
from nncourse.course.files import Course
from nncourse.course.new_exercise import NewExerciseError, new_exercise
from nncourse.course.parity import problems
from nncourse.course.sources import make_edition, read_source


@pytest.fixture
def course(tmp_path):
    for folder in ("lectures", "exercises", "solutions", "nncourse/exercises"):
        (tmp_path / folder).mkdir(parents=True)
    return Course(tmp_path)


def load(path):
    spec = importlib.util.spec_from_file_location("skeleton", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_skeleton_passes_its_own_kill_matrix(course):
    module, _notebook = new_exercise(course, "ps20-my-topic")
    for piece in load(module).PIECES.values():
        rows = judge_all("ps20", piece, [None, 1, 2, 3])
        assert [row.faults for row in rows if not row.good] == []
        assert sum(row.kind == "mutant" for row in rows) >= 4
        assert sum(row.kind == "equivalent" for row in rows) >= 3


def test_its_notebook_is_right_in_both_languages(course):
    _module, notebook = new_exercise(course, "ps20-my-topic")
    source = read_source(notebook, course.root)
    assert problems(source) == []
    assert source.title("ru") == "My topic"
    for lang in ("ru", "en"):
        cells = make_edition(source, lang).cells
        assert sum(cell.metadata.get("nbgrader", {}).get("points", 0) for cell in cells) == 100
        text = "\n".join(cell.source for cell in cells)
        assert 'check("ps20.square_backward"' in text
        assert "NN" not in text.replace("nnc", "")


def test_what_exists_is_not_overwritten(course):
    new_exercise(course, "ps20-my-topic")
    with pytest.raises(NewExerciseError, match="exists"):
        new_exercise(course, "ps20-other")


@pytest.mark.parametrize("name", ["ps5-x", "topic", "ps20", "ps20-Topic", "../ps20-x", "ps20-x_y"])
def test_a_name_of_another_form_is_refused(course, name):
    with pytest.raises(NewExerciseError, match="psNN-topic"):
        new_exercise(course, name)


def test_a_course_that_is_no_checkout_is_refused(tmp_path):
    with pytest.raises(NewExerciseError, match="checkout"):
        new_exercise(Course(tmp_path), "ps20-x")


def test_the_command(course, monkeypatch):
    monkeypatch.chdir(course.root)
    run = CliRunner().invoke(cli.app, ["new", "exercise", "ps21-gates"])
    assert run.exit_code == 0, run.output
    assert "solutions/ps21-gates.md" in run.output
    again = CliRunner().invoke(cli.app, ["new", "exercise", "ps21-gates"])
    assert again.exit_code == 1
