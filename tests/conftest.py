"""What all tests share: tools that may be missing, and where the project is."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def root() -> Path:
    """The project's folder."""
    return ROOT


def pytest_runtest_makereport(item, call):
    """Where every tool must be there (the continuous check), a skip for a missing one fails."""
    if os.environ.get("NNCOURSE_ALL_TOOLS") and call.excinfo is not None:
        reason = str(call.excinfo.value)
        if call.excinfo.errisinstance(pytest.skip.Exception) and "not installed" in reason:
            pytest.fail(f"here every tool must be installed: {reason}", pytrace=False)


def find_tool(name: str, purpose: str) -> str:
    """The path of a program; the test is skipped where the program is not installed."""
    path = shutil.which(name)
    if path is None:
        pytest.skip(f"{name} is not installed; it is needed {purpose}")
    return path


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of Chromium."""
    return find_tool("chromium", "to drive a browser")
