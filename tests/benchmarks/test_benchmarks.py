"""The benchmarks run, compare what computes the same, and say what they left out."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks import footprint, operations, peers, training
from benchmarks.timing import OURS, Result, Settings, compare, result_of, table_head

ROOT = Path(__file__).parents[2]

# PyTorch's import alone takes a second: only its presence is asked for here.
INSTALLED = [p.name for p in peers.PEERS if importlib.util.find_spec(p.package)]


def _run(*arguments):
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, "-m", "benchmarks", "--quick", *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
    )


def test_the_command_compares_operations():
    done = _run("chain_of_sums", "slices")
    assert done.returncode == 0, done.stderr
    assert "one thread" in done.stdout
    assert "+ and *, 16x16" in done.stdout
    assert "x[t] in a loop" in done.stdout
    assert "matmul" not in done.stdout
    for peer in peers.PEERS:
        told = f"{peer.name} " if peer.name in INSTALLED else "left out: "
        assert told in done.stdout
        assert peer.name in done.stdout


@pytest.mark.slow
def test_the_command_runs_every_comparison():
    done = _run()
    assert done.returncode == 0, done.stderr
    every = (*operations.COMPARISONS, *footprint.COMPARISONS, *training.COMPARISONS)
    lines = done.stdout.splitlines()
    start = next(i for i, line in enumerate(lines) if line.lstrip().startswith(OURS))
    assert len(lines) == start + 1 + len(every) + 1


def test_missing_peers_are_named(monkeypatch):
    monkeypatch.setattr(peers.importlib.util, "find_spec", lambda name: None)
    here, missing = peers.installed()
    assert [peer.name for peer in here] == [OURS]
    assert missing == ["PyTorch", "MyGrad", "autograd"]
    told = training.step_of_a_small_network(here, Settings(turns=1))
    assert "not installed" in told


def test_our_own_program_is_right():
    ours = peers.Peer()
    w = np.full((2, 2), 3.0, np.float32)
    run = ours.step(lambda peer, w: peer.relu(w * w), [w], np.ones((2, 2), np.float32))
    for _ in range(2):  # gradients do not pile up from run to run
        (found,) = run()
        np.testing.assert_array_equal(found.numpy(), 2 * w)


def test_ratios_are_taken_turn_by_turn():
    # Two turns in the sun and one in the rain, in which everything takes ten times as long.
    measured = {OURS: [1.0, 10.0, 1.0], "PyTorch": [2.0, 20.0, 2.0], "MyGrad": [4.0, 40.0, 5.0]}
    result = result_of("name", "us", measured, {"PyTorch": 0.4, "MyGrad": 0.3, "absent": 1.0})
    assert result.ratios == {"PyTorch": 0.5, "MyGrad": 0.25}
    assert result.medians[OURS] == 1.0
    assert result.missed == ["PyTorch"]
    assert not result.reached


def test_programs_run_in_turns():
    calls = []
    programs = {name: lambda name=name: calls.append(name) for name in (OURS, "PyTorch")}
    result = compare("name", programs, Settings(turns=2, quick=True))
    assert calls == [OURS, "PyTorch"] * 3  # one to warm up
    assert result.reached


def test_a_row_shows_ratios_goals_and_gaps():
    result = Result("name", "us", {OURS: 3.0, "PyTorch": 2.0}, {"PyTorch": 1.5}, {"PyTorch": 1.0})
    row = result.row(["PyTorch", "MyGrad"])
    assert "3.00 us" in row
    assert "1.50" in row
    assert ">1.0" in row
    assert row.endswith("-")
    assert "PyTorch, ratio, goal" in table_head(["PyTorch"])


def test_memory_after_forward_counts_what_is_held():
    result = footprint.memory_after_forward([peers.Peer()], Settings(turns=2))
    if isinstance(result, str):
        assert "Linux" in result
    else:
        # h * w keeps h, which tanh keeps as its result: 40 arrays of 1 MB, and w.
        assert 35 < result.medians[OURS] < 50
