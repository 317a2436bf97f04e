"""A training step that nncourse and PyTorch run from equal weights on equal batches.

A workload is written once, as a function of the library: what the course promises is that only the
import changes. Weights are copied by name, and the losses of the first steps must agree before
anything is timed. Beside PyTorch stand two floors in NumPy: the step written by hand, and the
matrix products alone, which no library on the same BLAS can undercut.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np

import nncourse as nnc
from benchmarks.memory import peak_of_numpy, peak_of_torch
from benchmarks.peers import Peer
from benchmarks.timing import BY_HAND, OURS, PRODUCTS, Result, Settings, compare

Step = Callable[[], Any]  # one whole step of training; returns the loss
Weights = dict[str, np.ndarray]

COMPARED_STEPS = 3


@dataclass(frozen=True)
class Workload:
    """One row of the table.

    build: takes the library (nncourse or torch) and returns (model, step). What it draws at random
    for data comes from a generator of its own, so that both libraries get the same.
    goal: the largest ratio of our time to PyTorch's that is good enough; memory: of peak memory.
    products: (rows, inner, columns) of the step's matrix products, forward and backward; or
    (batch, rows, inner, columns) of products of many small matrices.
    by_hand: the same step in plain NumPy, from the weights by their names in ``state_dict``.
    others: the same for other libraries, by the peer's name.
    compared: ``build`` with what is random inside the step (masks) fixed, for comparing losses.
    steps: steps per turn; a turn should take milliseconds at least.
    in_mean: does the row count in the geometric mean of the table?
    """

    name: str
    build: Callable[[Any], tuple[Any, Step]]
    goal: float
    products: Sequence[tuple[int, ...]] = ()
    by_hand: Callable[[Weights], Step] | None = None
    others: Mapping[str, Callable[[Weights], Step]] = field(default_factory=dict)
    compared: Callable[[Any], tuple[Any, Step]] | None = None
    memory: float = 1.3
    steps: int = 1
    in_mean: bool = True

    def __call__(self, peers: list[Peer], settings: Settings) -> Result | str:
        """Compare with the peers that are here."""
        torch = next((peer.library for peer in peers if peer.name == "PyTorch"), None)
        if torch is None:
            return f"{self.name}: compared with PyTorch, which is not installed"
        self._agree(torch, peers)
        held = {
            OURS: peak_of_numpy(lambda: _run(self.build(nnc)[1])),
            "PyTorch": peak_of_torch(lambda: _run(self.build(torch)[1])),
        }
        weights, ours, theirs = self._pair(torch, self.build)
        programs = {OURS: ours, "PyTorch": theirs, **self._in_numpy(weights, peers)}
        if self.products:
            programs[PRODUCTS] = products_alone(self.products)
        repeated = {name: _repeated(step, self.steps) for name, step in programs.items()}
        return compare(
            self.name,
            repeated,
            settings,
            self.steps,
            {"PyTorch": self.goal},
            memory=held,
            memory_goal=self.memory,
            in_mean=self.in_mean,
        )

    def _pair(self, torch: Any, build: Any) -> tuple[Weights, Step, Step]:
        """(PyTorch's weights, our step, PyTorch's step), both from these weights."""
        their_model, theirs = build(torch)
        our_model, ours = build(nnc)
        weights = {name: t.numpy().copy() for name, t in their_model.state_dict().items()}
        our_model.load_state_dict(weights)
        return weights, ours, theirs

    def _in_numpy(self, weights: Weights, peers: list[Peer]) -> dict[str, Step]:
        here = {peer.name for peer in peers}
        steps = {n: make(_copied(weights)) for n, make in self.others.items() if n in here}
        if self.by_hand is not None:
            steps[BY_HAND] = self.by_hand(_copied(weights))
        return steps

    def _agree(self, torch: Any, peers: list[Peer]) -> None:
        """The same losses in all libraries, or the comparison means nothing."""
        weights, ours, theirs = self._pair(torch, self.compared or self.build)
        want = [_number(theirs()) for _ in range(COMPARED_STEPS)]
        steps = {OURS: ours}
        if self.compared is None:
            steps |= self._in_numpy(weights, peers)
        for name, step in steps.items():
            found = [_number(step()) for _ in range(COMPARED_STEPS)]
            if not np.allclose(found, want, rtol=1e-3, atol=1e-5):
                raise AssertionError(
                    f"{self.name}: the losses of {name} are {found}, PyTorch's {want}"
                )

    @property
    def __name__(self) -> str:
        return self.name


def products_alone(shapes: Sequence[tuple[int, ...]]) -> Step:
    """The matrix products of a step and nothing else, into memory that is there already."""
    random = np.random.default_rng(0)

    def matrix(*shape: int) -> np.ndarray:
        return random.standard_normal(shape).astype(np.float32)

    made = [
        (matrix(*batch, m, k), matrix(*batch, k, n), np.empty((*batch, m, n), np.float32))
        for *batch, m, k, n in shapes
    ]

    def step() -> None:
        for a, b, out in made:
            np.matmul(a, b, out)

    return step


def of_linear(
    batch: int, widths: Sequence[int], input_gradient: bool = False
) -> list[tuple[int, int, int]]:
    """The products of a chain of Linear layers: forward, by weight, by input (not the first's)."""
    found = []
    for i, (n, m) in enumerate(pairwise(widths)):
        found += [(batch, n, m), (m, batch, n)]
        if i or input_gradient:
            found.append((batch, m, n))
    return found


def _number(loss: Any) -> float:
    return loss if isinstance(loss, float) else loss.item()


def _copied(weights: Weights) -> Weights:
    return {name: array.copy() for name, array in weights.items()}


def _repeated(step: Step, times: int) -> Step:
    def run() -> None:
        for _ in range(times):
            step()

    return run


def _run(step: Step) -> None:
    for _ in range(COMPARED_STEPS):
        step()
