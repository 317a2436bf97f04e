"""The JavaScript of the neuron's widgets, run by Node against the library's perceptron."""

from __future__ import annotations

import itertools
import json
import math
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from nncourse.nn.perceptron import Perceptron, extend, novikoff_bound, widest_margin

HERE = Path(__file__).parent
NODE = shutil.which("node")

pytestmark = pytest.mark.skipif(
    NODE is None, reason="node is not installed; it runs the widgets' JS"
)


def number(value: float) -> float | None:
    return value if math.isfinite(value) else None


def sums() -> list[dict[str, object]]:
    rng = np.random.default_rng(0)
    cases = []
    for weight in [(0, 0, 0), (1, 0, 0), (-1, 0, 0), (1.5, 1, 1), *rng.normal(size=(20, 3))]:
        perceptron = Perceptron(2)
        perceptron.weight = np.array(weight, dtype=np.float64)
        points = rng.uniform(-3, 3, size=(10, 2))
        scores = perceptron.score(points)
        length = float(np.linalg.norm(perceptron.weight[1:]))
        cases.append(
            {
                "weight": perceptron.weight.tolist(),
                "points": points.tolist(),
                "scores": scores.tolist(),
                "outputs": perceptron(points).tolist(),
                "distances": (scores / length).tolist() if length else None,
            }
        )
    return cases


def data_sets() -> list[tuple[np.ndarray, np.ndarray]]:
    """Multiples of 1/8, so that sums are exact: separable ones, and some that are not."""
    found = []
    for seed in range(30):
        rng = np.random.default_rng(seed)
        x = rng.integers(-20, 21, size=(int(rng.integers(2, 12)), 2)) / 8
        y = np.where(extend(x) @ rng.normal(size=3) > 0, 1, -1)
        if seed % 5 == 0:
            y[0] = -y[0]
        found.append((x, y))
    return found


def examples(x: np.ndarray, y: np.ndarray) -> list[list[float]]:
    return np.column_stack([x, y]).tolist()


def gates() -> list[dict[str, object]]:
    widget = pytest.importorskip("nncourse.widgets.gates", exc_type=ImportError)
    rng = np.random.default_rng(1)
    cases = []
    for layer, drawn in itertools.product((False, True), rng.integers(-12, 13, size=(40, 3, 3))):
        builder = widget.GateBuilder("AND", neurons=(drawn / 4).tolist(), layer=layer)
        case = {"neurons": builder.neurons, "layer": layer, "outputs": builder.outputs.tolist()}
        cases.append({**case, "margin": number(builder.margin)})
    return cases


def test_twins(tmp_path):
    widget = pytest.importorskip("nncourse.widgets.gates", exc_type=ImportError)
    histories, margins = [], []
    for x, y in data_sets():
        history = Perceptron(2).fit(x, y, max_updates=200)
        histories.append(
            {
                "examples": examples(x, y),
                "weights": [w.tolist() for w in history.weights],
                "order": history.examples,
                "converged": history.converged,
            }
        )
        gamma, bound = widest_margin(x, y)[1], number(novikoff_bound(x, y))
        margins.append({"examples": examples(x, y), "gamma": gamma, "bound": bound})
    assert 3 <= sum(case["bound"] is None for case in margins) <= 10
    fixtures = {
        "sums": sums(),
        "histories": histories,
        "margins": margins,
        "gates": gates(),
        "widest": [[table, number(widget.widest_distance(table))] for table in widget.NAMES],
    }
    (tmp_path / "fixtures.json").write_text(json.dumps(fixtures), encoding="utf-8")
    found = subprocess.run(
        [str(NODE), "--test", str(HERE / "neuron.test.js")],
        env={"FIXTURES": str(tmp_path / "fixtures.json"), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert found.returncode == 0, found.stdout[-4000:] + found.stderr[-2000:]
    assert "pass 5" in found.stdout, found.stdout[-2000:]  # all of them ran
