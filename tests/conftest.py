"""What all tests share: tools that may be missing, and where the project is."""

from __future__ import annotations

import gc
import os
import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
# The reasons to skip that no installation can mend.
UNMENDABLE = ("no GPU", "no control groups")


@pytest.fixture(scope="session")
def root() -> Path:
    """The project's folder."""
    return ROOT


@pytest.fixture(scope="module", autouse=True)
def _frozen() -> None:
    """Take modules and tests, which stay to the end, out of what the garbage collector looks at.

    Wherever a test makes many objects, that was a third of its time. Done anew for the next file
    where a test has undone it.
    """
    if not gc.get_freeze_count():
        gc.collect()
        gc.freeze()


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Where every tool must be there (the continuous check), a skipped test is a failure."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if not os.environ.get("NNCOURSE_ALL_TOOLS") or reporter is None:
        return
    reasons = {report.longrepr[2] for report in reporter.stats.get("skipped", [])}
    missing = sorted(r for r in reasons if not any(what in r for what in UNMENDABLE))
    if missing:
        reporter.write_line("skipped, but here every tool must be installed:", red=True)
        for reason in missing:
            reporter.write_line(f"  {reason}", red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


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
