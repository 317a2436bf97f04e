"""Large arrays of one step of training are made from the memory of the step before."""

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import resource
import numpy
import nncourse as nnc

layer = nnc.nn.RNN(64, 256)
x = nnc.randn(64, 64, 64)
def step():
    layer.zero_grad()
    output, _ = layer(x)
    output.square().mean().backward()
for _ in range(4):
    step()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(10):
    step()
print((resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before) / 10)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="about the allocator of glibc")
def test_steps_of_training_map_no_new_pages():
    """The step holds 20 MB; mapped anew they would be 5000 pages, or ten of 2 MB."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("MALLOC_")}
    environment |= {"PYTHONPATH": str(Path(__file__).parents[2]), "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, check=True
    )
    assert float(done.stdout) < 5
