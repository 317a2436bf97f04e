"""How long the grader waits for an answer, and what becomes of one that it did not wait for."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from nncourse.check.call import TooLong, is_timed, time_limit
from nncourse.grading.sandbox import SessionEnded
from nncourse.grading.sandbox.limits import LONGER
from nncourse.grading.sandbox.outcome import student_error


class Impatient(BaseException):
    """What the clock of a check raises."""


def test_an_answer_that_nobody_waits_for_ends_the_session(sandbox):
    """Else it would be taken for the answer to the next question, or hold that up."""
    with sandbox.session() as session:
        session.run_cell("import time\ndef slow(f):\n    f()\n    time.sleep(0.2)\n    return 1")

        def give_up():
            raise Impatient

        with pytest.raises(Impatient):
            session.call("slow", (give_up,))
        assert session.ended is not None
        assert session.ended.kind == "interrupted"


def test_what_a_callback_asks_for_has_the_time_of_its_call(sandbox):
    """However deep questions and callbacks are within each other."""
    with sandbox.session() as session:
        session.run_cell(
            "import time\ndef deeper(f):\n    time.sleep(0.4)\n    return f()\n"
            "def never():\n    while True: pass"
        )

        def never():
            return session.call("never")

        start = time.monotonic()
        with pytest.raises(SessionEnded, match="more than 1 s"):
            session.call("deeper", (lambda: session.call("deeper", (never,)),))
        assert time.monotonic() - start < 2 + LONGER  # what 1 s may become on a busy machine


def endless():
    while True:
        pass


@pytest.mark.parametrize("depth", [1, 2])
def test_a_function_of_the_tests_ends_in_time_as_well(sandbox, depth):
    """Whatever it was given: it may be one that takes for ever for a large number."""
    with sandbox.session() as session:
        session.run_cell("def twice(f):\n    try: return f()\n    except BaseException: return 1")

        def deeper():
            return session.call("twice", (endless,))

        start = time.monotonic()
        with pytest.raises(SessionEnded, match="more than 1 s"):
            session.call("twice", (endless if depth == 1 else deeper,))
        assert time.monotonic() - start < 2 + LONGER  # what 1 s may become on a busy machine
        assert not is_timed()


def test_within_a_limit_of_time_no_other_holds(sandbox):
    with sandbox.session() as session:
        session.run_cell("def twice(f): return f()")
        with time_limit(0.2), pytest.raises(TooLong):
            session.call("twice", (endless,))


def test_callbacks_that_never_let_the_grader_wait_end_in_time(sandbox, monkeypatch):
    """Their frames are all there before the first is read."""
    monkeypatch.setattr(sandbox, "limits", replace(sandbox.limits, callbacks=10**9))
    with sandbox.session() as session:
        session.run_cell(
            "import gc, json, struct, threading\n"
            "server = next(o for o in gc.get_objects() if type(o).__name__ == 'Server')\n"
            "end = server.channel.socket\n"
            "def drain():\n    while True: end.recv(1 << 16)\n"
            "def f(g):\n"
            "    head = json.dumps(['d', 'n', server.current, 'callback', 0, 'args', ['t'],"
            " 'kwargs', ['d']]).encode()\n"
            "    one = struct.pack('<4sIQ', b'nnw1', len(head), 0) + head\n"
            "    threading.Thread(target=drain, daemon=True).start()\n"
            "    while True: end.sendall(one * 500)\n"
        )
        start = time.monotonic()
        with pytest.raises(SessionEnded, match="more than 1 s"):
            session.call("f", (lambda: time.sleep(0.001),))
        assert time.monotonic() - start < 2 + LONGER  # what 1 s may become on a busy machine


def test_names_of_functions_are_those_that_the_student_wrote():
    """Others could carry what a test handed over."""
    frames = [["<cell 1>", 1, name] for name in ("f", "x_1_25", "<lambda>", "<genexpr>", "")]
    frames += [["<cell 9>", 1, "f"], ["<cell 1>", 0, "f"], ["/etc/passwd", 1, "f"]]
    found = student_error({"type": "E", "frames": frames}, ["def f(): pass"]).frames
    names = [name for _file, _line, name in found]
    assert names == ["f", "?", "<lambda>", "<genexpr>", ""]  # there is no cell 9
    assert [name for _, _, name in student_error({"frames": frames}).frames][1] == "x_1_25"
