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


def test_ctrl_c_ends_it_also_while_an_object_is_freed() -> None:
    code = """
import signal, time
import nncourse.cli
class Freed:
    def __del__(self):
        signal.raise_signal(signal.SIGINT)
def work():
    Freed()
    time.sleep(30)
    print("went on")
nncourse.cli.app = work
nncourse.cli.main()
"""
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=20)
    assert said.returncode != 0
    assert said.stdout == ""
    assert "KeyboardInterrupt" in said.stderr
    assert "ignored" not in said.stderr


def test_a_command_that_is_stopped_says_so() -> None:
    code = """
import nncourse.cli
@nncourse.cli.app.command()
def wait():
    raise KeyboardInterrupt
nncourse.cli.main()
"""
    command = [sys.executable, "-c", code, "wait"]
    said = subprocess.run(command, capture_output=True, text=True)
    assert said.returncode == 130
    assert said.stderr.strip() in ("nncourse: stopped", "nncourse: остановлено")
