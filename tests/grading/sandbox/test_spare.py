"""A session that is forked ahead of its submission, and given to the process that uses it."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from pathlib import Path

from nncourse.grading.sandbox import Sandbox
from nncourse.grading.sandbox.limits import Budget
from tests.grading.processes import processes_below


def test_a_spare_session_waits_for_its_submission(warm: Sandbox) -> None:
    spare = warm.spare()
    assert spare is not None
    assert spare.idle
    with warm.session() as other:  # which does not disturb it
        assert other.run_cell("x = 1").error is None
    assert spare.idle
    spare.begin(Budget(0.3))
    assert spare.run_cell("print('x' in globals())").output == "False\n"
    late = spare.run_cell("while True: pass")
    assert getattr(late.error, "kind", "") == "budget"
    assert not spare.idle


def test_a_spare_session_is_given_to_a_fork(warm: Sandbox) -> None:
    spare = warm.spare()
    assert spare is not None
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            spare.begin(Budget(5))
            code = 0 if spare.run_cell("print(6 * 7)").output == "42\n" else 2
        finally:
            os._exit(code)
    spare.hand_over()
    assert not spare.idle
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    spare.close()


def test_a_spare_session_that_has_died_is_not_idle(cache: Path) -> None:
    names = ["numpy"]
    with Sandbox(withheld=["nncourse"], packages=names, preload=names, cache=cache) as sandbox:
        before = _processes(sandbox)
        spare = sandbox.spare()
        assert spare is not None
        for pid in _processes(sandbox) - before:
            with contextlib.suppress(ProcessLookupError):  # one dies with the other
                os.kill(pid, signal.SIGKILL)
        end = time.monotonic() + 10
        while spare.idle and time.monotonic() < end:
            time.sleep(0.01)
        assert not spare.idle
        spare.close(wait=False)
        sandbox.close()
        assert sandbox.spare() is None
        with sandbox.session() as session:  # a new warm process
            assert session.run_cell("1 + 1").output == "2\n"


def test_a_session_that_is_not_waited_for_ends_as_well(first: Sandbox, warm: Sandbox) -> None:
    before = _processes(first)
    session = warm.session()
    session.run_cell("import os, time\nif os.fork() == 0:\n    time.sleep(100)")
    assert _processes(first) - before
    session.close(wait=False)
    end = time.monotonic() + 10
    while _processes(first) - before and time.monotonic() < end:
        time.sleep(0.01)
    assert not _processes(first) - before


def _processes(sandbox: Sandbox) -> set[int]:
    """The processes in and below the sandbox."""
    assert sandbox._process is not None
    return processes_below(sandbox._process.pid)
