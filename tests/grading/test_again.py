"""Whatever ungraded cells do with the student's code, a session that dies changes nothing of it."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.grading.test_oracle import bench, grade, points, whys
from tests.grading.test_plan import kind

__all__ = ["bench", "grade"]

ANSWER = """
import numpy as np
calls = []
def f(x):
    calls.append(x)
    return 2 * x
def each(call):
    for x in range(3): call(x)
    return 3
class Layer:
    def __init__(self, w):
        self.w = w
        self.log = []
    def run(self, x):
        self.log.append(x)
        return self.w * x + len(self.log)
class Descent:
    def __init__(self, arrays, rate):
        self.arrays, self.rate = arrays, rate
    def step(self):
        for a in self.arrays: a -= self.rate
def g(x):
    if x == 13: import os; os._exit(0)
    return x
"""
BEGIN = """
import collections  # lists may be empty
class Log:
    xs = []
    def __init__(self): self.n = 0
    def add(self, x):
        self.n += x
        self.xs.append(x)
def make():
    n = 0
    def add(x):
        nonlocal n
        n += x
        return n
    return add
def train(layers, log):
    for layer in layers:
        log.add(layer.run(1))
        layer.w = layer.w + 1
def draw(random=np.random.default_rng(5)): return random.integers(10)
rng = np.random.default_rng(3)
hist, layers, table, total = [], [], {}, 1
log, add, counter, W, best, out = Log(), make(), collections.Counter(), np.zeros(3), 0, []
opt = Descent([W], 0.5)
pair = (hist, layers)
"""
STATEMENTS = [
    "hist.append(f(len(hist)))",
    "each(hist.append)",
    "pair[0].append(f(1))",
    "n = each(lambda x: hist.append(x + len(layers)))",
    "each(log.add)",
    "log = Log()",
    "each(lambda x: log.add(add(x)))",
    "each(counter.update) if False else counter.update([f(2)])",
    "layers.append(Layer(len(layers) + 1))",
    "pair[1].append(Layer(int(rng.integers(5))))",
    "layers = layers + [Layer(draw())]",
    "out = [layer.run(2) for layer in layers]",
    "train(layers, log)",
    "for layer in layers: layer.w = layer.w + f(1)",
    "total = f(total)",
    "total += 1",
    "hist = hist[-3:]",
    "W += f(1)",
    "W = W + f(1)",
    "opt.step()",
    "opt = Descent([W], f(0.25))",
    "a = f(rng.random())\ntable[len(table)] = a",
    "table[f(len(table))] = Layer(2)",
    "best = max([best, *map(f, hist[:2])])",
    "np.random.seed(total % 100)\nbest = f(np.random.rand())",
    "while len(hist) < 4: hist.append(f(3))",
]
STATE = """
state = repr([hist, log.n, log.xs, add(0), counter, W.tolist(), total, out, best, draw(), pair[0],
 [(l.w, l.log[:], l.run(3)) for l in layers], [v if not hasattr(v, "run") else v.run(1) for v in
 table.values()], rng.random(), opt.rate])
"""


SETTINGS: dict[str, Any] = {
    "deadline": None,
    "derandomize": True,
    "suppress_health_check": [HealthCheck.function_scoped_fixture],
}


@settings(max_examples=40, **SETTINGS)
@given(
    st.lists(st.sampled_from(STATEMENTS), min_size=1, max_size=10),
    st.lists(st.integers(0, 10), min_size=1, max_size=3),
)
def test_what_ungraded_cells_did_stays_what_it_was(grade, done, deaths):
    check_one(grade, done, deaths)


@pytest.mark.slow
@settings(max_examples=400, **SETTINGS)
@given(
    st.lists(st.sampled_from(STATEMENTS), min_size=1, max_size=14),
    st.lists(st.integers(0, 14), min_size=1, max_size=4),
)
def test_what_ungraded_cells_did_stays_what_it_was_in_many_notebooks(grade, done, deaths):
    check_one(grade, done, deaths)


def check_one(grade: Any, done: list[str], deaths: list[int]) -> None:
    """``deaths``: before which of the statements a session dies."""
    space: dict[str, Any] = {"__name__": "__main__"}
    random.seed(0)
    exec("\n".join([ANSWER, BEGIN, *done, STATE]), space)
    cells = [("answer", ""), ("readonly", BEGIN)]
    for place, statement in enumerate(done):
        cells += [("tests", "assert g(13) == 13")] * deaths.count(place)
        cells.append(("readonly", statement))
    cells += [("tests", "assert g(13) == 13")] * sum(d >= len(done) for d in deaths)
    cells.append(("tests", f"{STATE}\nassert state == {space['state']!r}, state"))
    found = kind(*cells, a=ANSWER)
    found.rules = {"in_place": ["Descent"]}
    result = grade(found)
    *died, last = points(result)
    assert (died, last) == ([0.0] * len(deaths), 10), whys(result)
