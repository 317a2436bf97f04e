"""Which files a distribution has is read quickly, and as importlib.metadata reads it."""

from __future__ import annotations

import importlib.metadata
from pathlib import Path

import pytest

from nncourse.grading.sandbox import view


def test_the_tops_of_distributions_are_those_of_their_files() -> None:
    for distribution in importlib.metadata.distributions():
        slow = {file.parts[0] for file in distribution.files or []} - {"/"}
        # Where importlib_metadata has been imported, ``files`` leaves out those that are missing.
        missing = {
            top for top in view._tops(distribution) if not distribution.locate_file(top).exists()
        }
        assert view._tops(distribution) - {""} - missing == slow - missing, distribution.name


def test_fonts_are_looked_for_by_the_matplotlib_that_is_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And not by a file of that name in the folder of submissions."""
    (tmp_path / "matplotlib.py").write_text("raise SystemExit('run')")
    monkeypatch.chdir(tmp_path)
    found = view.fonts(tmp_path / "cache")
    assert found is not None
    assert list(found.glob("fontlist*"))


def test_quoted_names_and_missing_records(tmp_path: Path) -> None:
    folder = tmp_path / "odd-1.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text("Name: odd\nVersion: 1\n")
    assert view._tops(importlib.metadata.Distribution.at(folder)) == set()
    (folder / "RECORD").write_text('odd.py,,\n\n"with, comma/a.py",,\n/etc/x,,\n../../bin/odd,,\n')
    found = view._tops(importlib.metadata.Distribution.at(folder))
    assert found == {"odd.py", "with, comma", "", ".."}


def test_the_requirements_of_distributions_are_those_that_python_reads() -> None:
    found = 0
    for distribution in importlib.metadata.distributions():
        assert view._requires(distribution) == (distribution.requires or [])
        found += len(distribution.requires or [])
    assert found > 20
