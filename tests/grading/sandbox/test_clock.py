"""A grader that stands still for a while finds nobody late."""

from __future__ import annotations

import os
import signal
import socket
import time

import pytest

from nncourse.check.call import call
from nncourse.grading.sandbox import clock
from nncourse.grading.sandbox.channel import Channel, Late

LIMIT = 1.0  # seconds
STILL = 3 * LIMIT


@pytest.fixture
def ends():
    pair = socket.socketpair()
    yield [Channel(end) for end in pair]
    for end in pair:
        end.close()


def in_fork(work):
    pid = os.fork()
    if pid == 0:
        try:
            os._exit(work())
        finally:
            os._exit(99)
    return pid


def stop_for_a_while(pid):
    time.sleep(0.3)
    os.kill(pid, signal.SIGSTOP)
    time.sleep(STILL)
    os.kill(pid, signal.SIGCONT)


def status_of(pid):
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


@pytest.mark.parametrize("answered", [True, False])
def test_time_in_which_the_grader_is_stopped_does_not_count(ends, answered):
    def receive():
        try:
            return ends[0].receive(clock.now() + LIMIT)
        except Late:
            return 1

    pid = in_fork(receive)
    stop_for_a_while(pid)
    if answered:
        time.sleep(0.2)
        ends[1].send(0)
    assert status_of(pid) == (0 if answered else 1)


@pytest.mark.parametrize(("seconds", "status"), [(LIMIT / 2, 0), (10 * LIMIT, 1)])
def test_nor_does_it_for_a_call_of_a_check(monkeypatch, seconds, status):
    def answer(x):
        time.sleep(seconds)
        return x

    monkeypatch.setattr("nncourse.check.call.TIME_LIMIT", LIMIT)
    pid = in_fork(lambda: int(call(answer, (1,), "answer(x)").value != 1))
    stop_for_a_while(pid)
    assert status_of(pid) == status


def test_a_wait_ends_at_its_deadline(ends):
    start = time.monotonic()
    with pytest.raises(Late):
        ends[0].receive(clock.now() + 0.7)
    assert 0.7 <= time.monotonic() - start < 0.7 + clock.BUSY
