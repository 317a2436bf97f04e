"""The kill matrix finds what it should find, and its page shows it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from typer.testing import CliRunner

from nncourse import cli, language
from nncourse.check import matrix, matrix_page
from nncourse.exercises import Equivalent
from nncourse.exercises.ps05 import PIECES

RELU = PIECES["relu_backward"]


def rows_of(piece):
    return {row.name: row for row in matrix.judge_all("ps05", piece, [None])}


def test_a_good_piece_has_no_faults():
    rows = rows_of(RELU)
    assert all(row.good for row in rows.values())
    assert len(rows) == 2 + len(RELU.equivalents) + len(RELU.mutants)
    tally = matrix.Tally.of(list(rows.values()))
    assert tally.caught == tally.hinted == tally.mutants == len(RELU.mutants)
    assert tally.right == tally.right_passed == 1 + len(RELU.equivalents)
    assert tally.empty_good


def test_faults_are_found():
    wrong = Equivalent("not right at all", RELU.mutants[0].function)
    harmless = replace(RELU.mutants[0], name="harmless", function=RELU.reference)
    mute = replace(RELU.mutants[1], name="twin", hint="Another hint for the same numbers.")
    rows = rows_of(replace(RELU, equivalents=(wrong,), mutants=(*RELU.mutants, harmless, mute)))
    assert not rows["not right at all"].good
    assert not rows["harmless"].caught
    assert not rows["twin"].hinted
    assert rows["twin"].caught
    tally = matrix.Tally.of(list(rows.values()))
    assert tally.caught == tally.mutants - 1
    assert tally.right_passed == 1


def test_the_page_is_whole_and_names_everything(tmp_path):
    for lang in language.LANGUAGES:
        with language.using(lang):
            rows = list(rows_of(RELU).values())
            page = matrix_page.page(rows)
        assert page.count("<rect") == len(rows)
        assert f'lang="{lang}"' in page
        for row in rows:
            assert page.count(row.name) >= 2
        assert "<script" not in page
        assert "http" not in page


def test_the_command(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run = CliRunner().invoke(cli.app, ["kill-matrix", "ps05", "--seeds", "1"])
    assert run.exit_code == 0, run.output
    assert "100%" in run.output
    assert "<svg" in (tmp_path / "kill-matrix.html").read_text("utf-8")
    assert CliRunner().invoke(cli.app, ["kill-matrix", "ps99"]).exit_code == 1


def test_a_set_that_does_not_exist_is_named():
    with pytest.raises(KeyError, match="ps99"):
        matrix.kill_matrix(["ps99"])
