"""The catalogue of mistakes, and the table of those that some exercise catches."""

from __future__ import annotations

from nncourse.exercises.mistakes import ADDED, CATALOGUE, TABLE, places, table


def test_the_catalogue_is_whole():
    assert list(CATALOGUE) == [f"M{i:02d}" for i in range(1, 111)]
    assert all(layer and mistake for layer, mistake in [*CATALOGUE.values(), *ADDED.values()])


def test_mutants_name_entries_that_exist():
    assert set(places()) <= set(CATALOGUE) | set(ADDED)


def test_the_table_is_current():
    hint = "run python -m nncourse.exercises.mistakes"
    assert TABLE.read_text(encoding="utf-8") == table(), hint
