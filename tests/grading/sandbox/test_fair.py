"""One submission's processes do not take the time of another's answers."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from nncourse.grading.sandbox import Limits, Sandbox

BURN = """\
import time
def burn():
    end = time.process_time() + 0.3
    while time.process_time() < end: pass
"""
BUSY = """\
import os
for i in range(20):
    if os.fork() == 0:
        try: os.setsid()
        except OSError: pass
        while True: pass
"""


def seconds(session) -> float:
    """The wall time of a call that computes for 0.3 s; the shortest of three."""
    times = []
    for _ in range(3):
        start = time.monotonic()
        session.call("burn")
        times.append(time.monotonic() - start)
    return min(times)


AUTOGROUP = Path("/proc/sys/kernel/sched_autogroup_enabled")


@pytest.mark.parametrize("groups", [True, False])
def test_a_crowd_of_processes_gets_the_share_of_one(sandbox, cache, monkeypatch, groups):
    """Else an honest answer would be late, and lose its points."""
    if groups and (sandbox.group is None or "cpu" not in sandbox.group.folders):
        pytest.skip("no control group for processors can be made here")
    if not groups:
        if not AUTOGROUP.exists() or AUTOGROUP.read_text().strip() != "1":
            pytest.skip("this kernel makes no groups of the processes of a session")
        monkeypatch.setattr("nncourse.grading.sandbox.cgroups.new_group", lambda: None)
    options = {"withheld": ["nncourse"], "packages": ["numpy"], "preload": ["numpy"]}
    with (
        Sandbox(Limits(call_seconds=60.0), cache=cache, **options) as one,
        Sandbox(Limits(call_seconds=60.0), cache=cache, **options) as other,
        one.session() as honest,
        other.session() as crowd,
    ):
        honest.run_cell(BURN)
        before = seconds(honest)
        crowd.run_cell(BUSY)
        after = seconds(honest)
    assert after < 4 * before + 0.2
