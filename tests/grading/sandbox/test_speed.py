"""What a session and a call cost. The bounds are wide: they notice a design that went wrong."""

from __future__ import annotations

import statistics
import time

import numpy as np
import pytest

pytestmark = pytest.mark.alone


def median(function, count: int) -> float:
    """Milliseconds."""
    times = []
    for _ in range(count):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return 1000 * statistics.median(times)


def test_a_session_from_fork_to_end(sandbox):
    def session():
        with sandbox.session() as session:
            session.run_cell("def f(x):\n    return 2 * x")

    assert median(session, 15) < 150


def test_a_call(session):
    session.run_cell(
        "def f(x):\n    return 2 * x\ndef g(f):\n    return [f(1) for _ in range(100)]"
    )
    assert median(lambda: session.call("f", (1,)), 200) < 3
    x = np.ones((100, 100))
    assert median(lambda: session.call("f", (x,)), 100) < 5
    assert median(lambda: session.call("g", (lambda x: x,)), 3) < 300
