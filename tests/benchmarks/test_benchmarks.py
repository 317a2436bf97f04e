"""The benchmarks run, compare what computes the same, and say what they left out."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks import footprint, memory, peers
from benchmarks.__main__ import comparisons
from benchmarks.timing import (
    MEMORY,
    OURS,
    PRODUCTS,
    Result,
    Settings,
    compare,
    result_of,
    table_head,
)
from benchmarks.workload import Workload, of_linear, products_alone
from nncourse.ops.catalogue import OPERATIONS

ROOT = Path(__file__).parents[2]

# PyTorch's import alone takes a second: only its presence is asked for here.
INSTALLED = [p.name for p in peers.PEERS if importlib.util.find_spec(p.package)]


def _run(*arguments, command="benchmarks"):
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, "-m", command, "--quick", *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
    )


def test_the_command_compares_operations():
    done = _run("chain_of_sums", "slices")
    assert done.returncode == 0, done.stderr
    assert "; one thread;" in done.stdout
    assert "+ and *, 16x16" in done.stdout
    assert "x[t] in a loop" in done.stdout
    assert "matmul" not in done.stdout
    for peer in peers.PEERS:
        told = f"{peer.name} " if peer.name in INSTALLED else "left out: "
        assert told in done.stdout
        assert peer.name in done.stdout


def test_operations_of_the_catalogue_are_compared_by_name():
    pytest.importorskip("torch", reason="PyTorch is not installed; nothing to compare with")
    done = _run("tanh", "matmul", command="benchmarks.catalogue")
    assert done.returncode == 0, done.stderr
    _, *rows, last = done.stdout.splitlines()
    assert {row.split()[0] for row in rows} >= {"tanh", "matmul"}
    assert all(float(row.split()[-1]) > 0 for row in rows)
    assert last.startswith(f"{len(rows)} operations, median ratio ")


@pytest.mark.slow
def test_the_catalogue_is_compared_whole():
    pytest.importorskip("torch", reason="PyTorch is not installed; nothing to compare with")
    known = [operation for operation in OPERATIONS if operation.torch is not None]
    done = _run(command="benchmarks.catalogue")
    assert done.returncode == 0, done.stderr
    assert f"{len(known)} operations, median ratio " in done.stdout


@pytest.mark.slow
def test_the_command_runs_every_comparison():
    every = list(comparisons())
    assert len({run.__name__ for run in every}) == len(every) > 10
    done = _run()
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    start = next(i for i, line in enumerate(lines) if line.lstrip().startswith(OURS))
    rows = lines[start + 1 : start + 1 + len(every)]
    assert all("us" in row or "MB" in row or "ms" in row for row in rows)
    after = lines[start + 1 + len(every) :]
    assert after[-1].startswith("goals missed: ")
    assert len(after) == (2 if "PyTorch" in INSTALLED else 1)


def test_two_threads_are_asked_for_before_numpy_is_there():
    done = _run("chain_of_products", "--threads", "2")
    assert done.returncode == 0, done.stderr
    assert "; 2 threads;" in done.stdout


def test_missing_peers_are_named(monkeypatch):
    monkeypatch.setattr(peers.importlib.util, "find_spec", lambda name: None)
    here, missing = peers.installed()
    assert [peer.name for peer in here] == [OURS]
    assert missing == ["PyTorch", "MyGrad", "autograd"]
    told = [run(here, Settings(turns=1)) for run in comparisons() if isinstance(run, Workload)]
    assert told
    assert all("not installed" in line for line in told)


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
    columns = ["PyTorch", "MyGrad", PRODUCTS, MEMORY]
    row = result.row(columns)
    assert "3.00 us" in row
    assert "1.50 >1.00" in row
    assert row.split()[-3:] == ["-", "-", "-"]
    head = table_head(columns)
    assert "PyTorch, ratio, goal" in head
    full = result_of(
        "name",
        "us",
        {OURS: [1.0], "PyTorch": [2.0], PRODUCTS: [0.5]},
        {"PyTorch": 0.5},
        memory={OURS: 3.0, "PyTorch": 2.0},
    )
    row = full.row(columns)
    assert "0.50 <=0.50" in row
    assert "0.25" in row
    assert row.endswith("3.00 1.50 >1.30")
    assert len(row) == len(head)
    assert full.missed == ["memory"]


def test_a_goal_below_the_products_alone_is_void():
    measured = {OURS: [3.0], "PyTorch": [2.0], PRODUCTS: [2.2]}
    assert result_of("name", "us", measured, {"PyTorch": 1.2}).missed == ["PyTorch"]
    assert result_of("name", "us", measured, {"PyTorch": 1.0}).missed == []


def test_the_products_of_linear_layers():
    found = of_linear(7, [5, 4, 3])
    assert found == [(7, 5, 4), (4, 7, 5), (7, 4, 3), (3, 7, 4), (7, 3, 4)]
    products_alone(found)()
    assert of_linear(7, [5, 4], input_gradient=True)[-1] == (7, 4, 5)


def test_peak_memory_of_numpy_counts_what_is_held_at_once():
    def program():
        a = np.empty(1 << 20, np.uint8)
        for _ in range(3):
            b = np.empty(1 << 20, np.uint8)  # the one before is held until this one is there
        return a, b

    assert 3 <= memory.peak_of_numpy(program) < 3.01


def test_peak_memory_of_pytorch_counts_what_is_held_at_once():
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")

    def program():
        a = torch.zeros(1 << 20, dtype=torch.uint8)
        for _ in range(3):
            b = torch.zeros(1 << 20, dtype=torch.uint8)
        return a, b

    assert 3 <= memory.peak_of_torch(program) < 3.01


def _linear(slip=0.0):
    def build(library):
        x, y = library.ones(3, 2), library.ones(3, 1)
        model = library.nn.Linear(2, 1)
        optimizer = library.optim.SGD(model.parameters(), lr=0.1)

        def step():
            optimizer.zero_grad()
            loss = library.nn.functional.mse_loss(model(x), y)
            loss.backward()
            optimizer.step()
            return loss + (slip if library.__name__ == "nncourse" else 0)

        return model, step

    return build


def test_a_workload_is_compared_from_equal_weights():
    pytest.importorskip("torch", reason="PyTorch is not installed")

    def by_hand(weights):
        W, b = weights["weight"], weights["bias"]

        def step():
            error = (W.sum() + b - 1).item()
            W[...] -= 0.1 * 2 * error
            b[...] -= 0.1 * 2 * error
            return error**2

        return step

    here = peers.installed()[0]
    workload = Workload("linear", _linear(), 1e9, [(3, 2, 1)], by_hand, memory=1e9)
    assert workload.__name__ == "linear"
    result = workload(here, Settings(turns=2, quick=True))
    assert set(result.medians) == {OURS, "PyTorch", "by hand", "products"}
    assert result.floor == pytest.approx(
        result.medians["products"] / result.medians["PyTorch"], rel=1.0
    )
    assert set(result.memory) == {OURS, "PyTorch"}
    assert result.reached
    with pytest.raises(AssertionError, match="the losses of nncourse are"):
        Workload("linear", _linear(0.01), 1.0)(here, Settings(turns=1, quick=True))
    with pytest.raises(AssertionError, match="the losses of by hand are"):
        Workload("linear", _linear(), 1.0, by_hand=lambda weights: lambda: 0.0)(
            here, Settings(turns=1, quick=True)
        )


def test_memory_after_forward_counts_what_is_held():
    result = footprint.memory_after_forward([peers.Peer()], Settings(turns=2))
    if isinstance(result, str):
        assert "Linux" in result
    else:
        # h * w keeps h, which tanh keeps as its result: 40 arrays of 1 MB, and w.
        assert 35 < result.medians[OURS] < 50


def test_the_rows_of_the_geometric_mean_and_their_goals():
    counted = {w.name: w.goal for w in comparisons() if isinstance(w, Workload) and w.in_mean}
    goals = {
        "MLP 64-64-10, batch 32": 0.40,
        "MLP 784-512-256-10, batch 128": 0.90,
        "BatchNorm, Dropout, batch 64": 0.80,
        "LSTM T=64 B=32 I=64 H=128": 1.0,
        "LSTM T=20 B=16 I=32 H=32": 0.80,
        "GRU T=64 B=32 I=64 H=128": 1.0,
        "LeNet on 28x28, batch 64": 1.5,
        "Transformer layer d=64, T=32, B=16": 1.2,
    }
    assert len(counted) == len(goals)
    for part, goal in goals.items():
        (found,) = [value for name, value in counted.items() if part in name]
        assert found == goal, part
    for workload in comparisons():
        if isinstance(workload, Workload):
            assert workload.products, f"{workload.name} has no floor"
            assert workload.memory == 1.3
