"""A real JupyterLab, started by ``nncourse lab`` on a copy of the course, and Chromium on it."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.browser.jupyterlab import PATIENCE, close_notebooks, new_page

FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@dataclass(frozen=True)
class Lab:
    """A running JupyterLab: its address, its token, and the course that it serves."""

    url: str
    token: str
    root: Path

    def address(self, path: str = "") -> str:
        return f"{self.url}/lab/tree/{path}?token={self.token}&reset"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="session")
def lab(root: Path, chromium: str, tmp_path_factory) -> Iterator[Lab]:
    course = tmp_path_factory.mktemp("lab")
    for folder in ("lectures", "exercises"):
        shutil.copytree(root / folder, course / folder, ignore=shutil.ignore_patterns("*.md"))
    home = tmp_path_factory.mktemp("home")
    command = ["nncourse.cli", "lab", "--lang", "en", "--expose-app-in-browser"]
    with serving(command, course, home) as lab:
        yield lab


@contextmanager
def serving(command: list[str], folder: Path, home: Path) -> Iterator[Lab]:
    """A JupyterLab that ``python -m COMMAND`` starts in ``folder``, with settings of its own."""
    environment = {
        **{key: value for key, value in os.environ.items() if not key.startswith("JUPYTER")},
        "HOME": str(home),
        "JUPYTER_CONFIG_DIR": str(home / "config"),
        "JUPYTER_DATA_DIR": str(home / "data"),
        "JUPYTER_RUNTIME_DIR": str(home / "runtime"),
        "IPYTHONDIR": str(home / "ipython"),
    }
    port = free_port()
    log = home / "lab.log"
    with log.open("w") as out:
        server = subprocess.Popen(
            [sys.executable, "-m", *command, "--no-browser", f"--port={port}"],
            cwd=folder,
            env=environment,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield Lab(f"http://127.0.0.1:{port}", wait_for_token(server, log), folder)
    finally:
        # The server and its kernels share a process group of their own.
        if server.poll() is None:
            os.killpg(server.pid, signal.SIGTERM)
            server.wait(20)


def wait_for_token(server: subprocess.Popen, log: Path) -> str:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        found = re.search(r"token=(\w+)", log.read_text())
        if found:
            return found[1]
        if server.poll() is not None:
            break
        time.sleep(0.2)
    raise RuntimeError(f"JupyterLab did not start:\n{log.read_text()[-3000:]}")


@pytest.fixture(scope="session")
def browser(chromium: str) -> Iterator[object]:
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with playwright.sync_playwright() as tool:
        instance = tool.chromium.launch(executable_path=chromium, args=FLAGS)
        yield instance
        instance.close()


class Desk:
    """The page with JupyterLab that stays from test to test; a new one after a test that failed.

    To load JupyterLab takes a browser longer than most tests.
    """

    def __init__(self, browser, session: pytest.Session) -> None:
        self.browser = browser
        self._session = session
        self._page = None
        self._failed = 0

    @property
    def page(self):
        if self._page is None or self._failed != self._session.testsfailed:
            self.close()
            self._page, self._failed = new_page(self.browser), self._session.testsfailed
        return self._page

    def close(self) -> None:
        if self._page is not None:
            self._page.context.close()


@pytest.fixture(scope="session")
def desk(browser, request) -> Iterator[Desk]:
    desk = Desk(browser, request.session)
    yield desk
    desk.close()


@pytest.fixture
def page(browser, desk, request) -> Iterator[object]:
    """A page of 1400 x 1000 px; the test fails when a script of the page fails.

    A fresh one, or for tests in the ``lab`` the desk, cleared.
    """
    at_desk = "lab" in request.fixturenames
    page = desk.page if at_desk else new_page(browser)
    errors: list[str] = []

    def note(error: object) -> None:
        errors.append(str(error))

    page.on("pageerror", note)
    yield page
    if at_desk:
        close_notebooks(page)
        page.remove_listener("pageerror", note)
    else:
        page.context.close()
    assert errors == []


@pytest.fixture(scope="session")
def pictures(root: Path) -> Path:
    """Where screenshots are kept, for a person to look at."""
    folder = root / "test-results"
    folder.mkdir(exist_ok=True)
    return folder
