"""Skips are failures where NNCOURSE_ALL_TOOLS says that every tool is installed."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.parametrize(
    ("reason", "all_tools", "status"),
    [
        ("chromium is not installed", "1", 1),
        ("chromium is not installed", "", 0),
        ("no GPU here", "1", 0),
        ("no control groups for this process", "1", 0),
    ],
)
def test_a_skip_fails_where_all_tools_must_be_there(tmp_path, reason, all_tools, status):
    shutil.copy(Path(__file__).with_name("conftest.py"), tmp_path)
    (tmp_path / "test_skip.py").write_text(
        "import pytest\n"
        f"def test_skip(): pytest.skip({reason!r})\n"
        "def test_passes(): assert 1 == 1\n"
    )
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", tmp_path],
        env={**os.environ, "NNCOURSE_ALL_TOOLS": all_tools},
        capture_output=True,
        text=True,
    )
    assert run.returncode == status, run.stdout
