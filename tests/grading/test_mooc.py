"""A made-up class, graded on a cluster with PostgreSQL while its parts are killed."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import pytest

from benchmarks.made_up import slips
from benchmarks.mooc import mooc
from tests.grading.postgres import programs


def test_slips_are_made_in_every_place():
    assert slips("def f(x):\n    return x + 2") == [
        "def f(x):\n    return x - 2",
        "def f(x):\n    return x + 3",
    ]


@pytest.mark.slow
def test_no_grade_is_lost_through_two_kills_of_a_worker_and_one_of_the_command(capsys):
    if shutil.which("bwrap") is None or shutil.which("openssl") is None or programs() is None:
        pytest.skip("bubblewrap, openssl or PostgreSQL is not installed")
    pytest.importorskip("distributed")
    pytest.importorskip("psycopg")
    with tempfile.TemporaryDirectory(prefix="nncourse-mooc-") as folder:
        Path(folder).chmod(0o755)
        assert mooc(Path(folder), 300, scaling=False) == []
    said = capsys.readouterr().out
    assert said.count("killed a worker") == 2
    assert said.count("killed the command") == 1
