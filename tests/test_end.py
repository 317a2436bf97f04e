"""How a command ends: at once, but in order."""

from __future__ import annotations

import subprocess
import sys

START = "import atexit, sys; atexit.register(print, 'last words'); sys.argv = ['nncourse', {}]; "
START += "from nncourse.cli import main; main()"


def run(option: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", START.format(repr(option))]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_all_is_said_before_the_end() -> None:
    said = run("--version")
    assert said.returncode == 0
    first, last = said.stdout.splitlines()
    assert first.startswith("nncourse ")
    assert last == "last words"
    assert said.stderr == ""


def test_what_went_wrong_is_told_to_the_shell() -> None:
    said = run("no-such-command")
    assert said.returncode == 2
    assert "No such command 'no-such-command'" in said.stderr
    assert said.stdout == "last words\n"


def test_nobody_listens_any_more() -> None:
    command = f"{sys.executable} -m nncourse.cli --help | true"
    said = subprocess.run(command, shell=True, capture_output=True, text=True, check=False)
    assert "Traceback" not in said.stderr
