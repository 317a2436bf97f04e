"""The cost of single operations on small arrays: everything but the arithmetic."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.peers import Peer, Program
from benchmarks.timing import Result, Settings, compare

LENGTH = 500

GOAL = {"PyTorch": 1.0}


def arrays(*shapes: tuple[int, ...]) -> list[np.ndarray]:
    random = np.random.default_rng(0)
    return [random.standard_normal(shape).astype(np.float32) * 0.25 for shape in shapes]


def _compared(
    name: str,
    program: Program,
    leaves: list[np.ndarray],
    peers: list[Peer],
    settings: Settings,
    units: int,
    goals: dict[str, float] = GOAL,
) -> Result:
    ones = np.ones((16, 16), np.float32)
    programs = {peer.name: peer.step(program, leaves, ones) for peer in peers}
    first, *others = [[np.asarray(g) for g in run()] for run in programs.values()]
    for found in others:  # all compute the same, or the comparison means nothing
        for a, b in zip(first, found, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-5)
    return compare(name, programs, settings, units, goals)


def chain_of_sums_and_products(peers: list[Peer], settings: Settings) -> Result:
    """h = h * w; h = h + b on 16 x 16 float32, w and b requiring gradients."""
    (x,) = arrays((16, 16))

    def program(peer: Peer, w: Any, b: Any) -> Any:
        h = peer.constant(x)
        for _ in range(LENGTH // 2):
            h = h * w
            h = h + b
        return h

    leaves = arrays((16, 16), (16, 16))
    goals = {"PyTorch": 1.0, "MyGrad": 0.2, "autograd": 0.2}
    return _compared("+ and *, 16x16", program, leaves, peers, settings, LENGTH, goals)


def chain_with_one_leaf(peers: list[Peer], settings: Settings) -> Result:
    """The same, with gradients for the first array only."""
    w, b = arrays((16, 16), (16, 16))

    def program(peer: Peer, x: Any) -> Any:
        weight, bias = peer.constant(w), peer.constant(b)
        h = x
        for _ in range(LENGTH // 2):
            h = h * weight
            h = h + bias
        return h

    leaves = arrays((16, 16))
    return _compared("the same, only x with gradients", program, leaves, peers, settings, LENGTH)


def chain_with_numbers(peers: list[Peer], settings: Settings) -> Result:
    """h = h * 0.9; h = h + 0.1: Python numbers as operands."""

    def program(peer: Peer, x: Any) -> Any:
        h = x
        for _ in range(LENGTH // 2):
            h = h * 0.9
            h = h + 0.1
        return h

    leaves = arrays((16, 16))
    return _compared("the same with Python numbers", program, leaves, peers, settings, LENGTH)


def chain_with_broadcasting(peers: list[Peer], settings: Settings) -> Result:
    """h = h * w; h = h + b with w and b of shape (16,) for h (16, 16)."""
    (x,) = arrays((16, 16))

    def program(peer: Peer, w: Any, b: Any) -> Any:
        h = peer.constant(x)
        for _ in range(LENGTH // 2):
            h = h * w
            h = h + b
        return h

    leaves = arrays((16,), (16,))
    return _compared("the same, broadcasting a row", program, leaves, peers, settings, LENGTH)


def chain_of_activations(peers: list[Peer], settings: Settings) -> Result:
    """tanh, relu, sigmoid in turns on 16 x 16."""
    n = 300

    def program(peer: Peer, x: Any) -> Any:
        h = x
        for _ in range(n // 3):
            h = peer.tanh(h)
            h = peer.relu(h)
            h = peer.sigmoid(h)
        return h

    leaves = arrays((16, 16))
    return _compared("tanh, relu, sigmoid, 16x16", program, leaves, peers, settings, n)


def slices_in_a_loop(peers: list[Peer], settings: Settings) -> Result:
    """h = h + x[t] over the 64 steps of x (64, 16, 16), as a recurrent layer reads its input."""
    n = 64

    def program(peer: Peer, x: Any) -> Any:
        h = x[0]
        for t in range(1, n):
            h = h + x[t]
        return h

    leaves = arrays((n, 16, 16))
    return _compared("x[t] in a loop, and a sum", program, leaves, peers, settings, n)


def chain_of_products(peers: list[Peer], settings: Settings) -> Result:
    """h = h @ w on 16 x 16."""
    (x,) = arrays((16, 16))
    n = 200

    def program(peer: Peer, w: Any) -> Any:
        h = peer.constant(x)
        for _ in range(n):
            h = h @ w
        return h

    leaves = arrays((16, 16))
    return _compared("matmul, 16x16", program, leaves, peers, settings, n)


COMPARISONS = (
    chain_of_sums_and_products,
    chain_with_one_leaf,
    chain_with_numbers,
    chain_with_broadcasting,
    chain_of_activations,
    slices_in_a_loop,
    chain_of_products,
)
