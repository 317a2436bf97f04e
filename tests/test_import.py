"""``import nncourse`` is light: it costs little over NumPy, and brings in nothing of Jupyter."""

import json
import os
import statistics
import subprocess
import sys

HEAVY = (
    "matplotlib",
    "IPython",
    "jupyter",
    "ipywidgets",
    "anywidget",
    "traitlets",
    "torch",
    "nbgrader",
)

TIMED = """
import json, sys, time
import numpy
start = time.process_time()
import nncourse
seconds = time.process_time() - start
print(json.dumps({"seconds": seconds, "modules": sorted(sys.modules)}))
"""


def imported(bytecode):
    """What an import costs in processor time, and what it loads, with compiled files at hand."""
    environment = {**os.environ, "PYTHONPYCACHEPREFIX": str(bytecode)}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    done = subprocess.run(
        [sys.executable, "-c", TIMED], env=environment, check=True, capture_output=True, text=True
    )
    return json.loads(done.stdout)


def test_import_is_quick_and_light(tmp_path):
    imported(tmp_path)  # compiles
    runs = [imported(tmp_path) for _ in range(7)]
    modules = {name.partition(".")[0] for name in runs[0]["modules"]}
    assert not modules & set(HEAVY)
    assert statistics.median(run["seconds"] for run in runs) < 0.150


def test_the_public_names_are_there():
    import nncourse as nnc

    for name in nnc.__all__:
        assert getattr(nnc, name) is not None
    assert nnc.float is nnc.float32
    assert nnc.nn.functional.relu is nnc.relu
