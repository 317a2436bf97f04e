"""The JavaScript of the widgets, run by Node against numbers that Python computed."""

from __future__ import annotations

import json
import math
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

import nncourse.widgets
from nncourse.widgets import difference
from nncourse.widgets.graph_model import run, starting_values
from nncourse.widgets.graph_steps import steps
from nncourse.widgets.numbers import format_number
from nncourse.widgets.parser import parse

HERE = Path(__file__).parent
NODE = shutil.which("node")

pytestmark = pytest.mark.skipif(
    NODE is None, reason="node is not installed; it runs the widgets' JS"
)


def numbers() -> list[list[object]]:
    rng = np.random.default_rng(0)
    drawn = [float(s * 10.0**e) for s, e in zip(rng.normal(size=60), rng.uniform(-12, 9, 60))]
    chosen = [0.0, 1.0, -2.5, 1e6, 999999.0, 999999.7, 0.001, 1e-5, 12345.0, 0.1 + 0.2, 1 / 3]
    return [[value, format_number(value)] for value in chosen + drawn]


def differences() -> list[dict[str, object]]:
    cases = []
    for name, curve in difference.CURVES.items():
        for x in (-1.7, -0.4, 0.0, 0.6, 1.0, 2.25):
            slopes = curve.slopes(x)
            for dtype in difference.DTYPES:
                for method in difference.METHODS:
                    for e in range(-16, 1, 2):
                        point = (name, x, 10.0**e, method, dtype)
                        value = float(np.abs(curve.value(np.float64(x))))
                        eps = float(np.finfo(dtype).eps)
                        # Sines may differ in the last place; the division by h makes that large.
                        numerical = difference.difference(*point)
                        slack = 8 * eps * max(abs(slopes[0]), abs(numerical)) + 1e-300
                        if method != "complex":
                            slack += 4 * eps * (value + 1e-9) / 10.0**e
                        cases.append(
                            {
                                "point": point,
                                "difference": numerical,
                                "exact": difference.exact(name, x, dtype),
                                "estimates": difference.estimates(*point),
                                "cause": difference.cause(*point),
                                "slack": max(slack, 1e-15 if method == "complex" else 0.0),
                            }
                        )
    return cases


def stories() -> list[dict[str, object]]:
    cases = []
    for text in ("x^2 + x*y + (x + y)^2", "b = a + a; c = b + b", "relu(x)*exp(y) + x"):
        expression = parse(text)
        result = run(expression, starting_values(expression, {}))
        cases.append(
            {
                "steps": steps(result),
                "values": [format_number(v) for v in result.values],
                "gradients": [format_number(g) for g in result.gradients],
            }
        )
    return cases


def test_twins(tmp_path):
    fixtures = {"numbers": numbers(), "differences": differences(), "stories": stories()}
    assert all(math.isfinite(case["difference"]) for case in fixtures["differences"])
    (tmp_path / "fixtures.json").write_text(json.dumps(fixtures), encoding="utf-8")
    found = subprocess.run(
        [str(NODE), "--test", str(HERE / "twins.test.js")],
        env={"FIXTURES": str(tmp_path / "fixtures.json"), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert found.returncode == 0, found.stdout[-4000:] + found.stderr[-2000:]
    assert "pass 6" in found.stdout, found.stdout[-2000:]  # all of them ran


@pytest.mark.parametrize("name", nncourse.widgets.__all__)
def test_joined_module_is_valid_javascript(name, tmp_path):
    pytest.importorskip("anywidget", reason="the widgets need the extra 'course'")
    module = tmp_path / "joined.mjs"
    module.write_text(str(getattr(nncourse.widgets, name)._esm), encoding="utf-8")
    code = (
        f"import({json.dumps(module.as_uri())}).then((m) => console.log(typeof m.default.render))"
    )
    found = subprocess.run([str(NODE), "-e", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "function"
