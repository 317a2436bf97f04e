"""The cost of single operations on small arrays: everything but the arithmetic."""

from __future__ import annotations

import numpy as np
import torch

import nncourse as nnc
from benchmarks.timing import Result, compare

LENGTH = 500


def _arrays(*shapes: tuple[int, ...]) -> list[np.ndarray]:
    random = np.random.default_rng(0)
    return [random.standard_normal(shape).astype(np.float32) * 0.25 for shape in shapes]


def chain_of_sums_and_products() -> Result:
    """h = h * w; h = h + b on 16 x 16 float32, w and b requiring gradients."""
    x, w, b = _arrays((16, 16), (16, 16), (16, 16))
    ones = np.ones((16, 16), np.float32)

    def program(library, tensor):
        h0 = tensor(x)
        weight, bias = tensor(w).requires_grad_(), tensor(b).requires_grad_()
        gradient = tensor(ones)

        def run():
            h = h0
            for _ in range(LENGTH // 2):
                h = h * weight
                h = h + bias
            h.backward(gradient)
            weight.grad = bias.grad = None

        return run

    return compare(
        "small + and *, 16x16, per operation",
        program(nnc, nnc.tensor),
        program(torch, torch.tensor),
        units=LENGTH,
        goal=0.7,
    )


def chain_with_one_leaf() -> Result:
    """The same, with gradients for the first array only."""
    x, w, b = _arrays((16, 16), (16, 16), (16, 16))
    ones = np.ones((16, 16), np.float32)

    def program(tensor):
        start, weight, bias = tensor(x).requires_grad_(), tensor(w), tensor(b)
        gradient = tensor(ones)

        def run():
            h = start
            for _ in range(LENGTH // 2):
                h = h * weight
                h = h + bias
            h.backward(gradient)
            start.grad = None

        return run

    return compare(
        "the same, only x requires gradients",
        program(nnc.tensor),
        program(torch.tensor),
        units=LENGTH,
        goal=0.7,
    )


def chain_with_numbers() -> Result:
    """h = h * 0.9; h = h + 0.1: Python numbers as operands."""
    (x,) = _arrays((16, 16))
    ones = np.ones((16, 16), np.float32)

    def program(tensor):
        start = tensor(x).requires_grad_()
        gradient = tensor(ones)

        def run():
            h = start
            for _ in range(LENGTH // 2):
                h = h * 0.9
                h = h + 0.1
            h.backward(gradient)
            start.grad = None

        return run

    return compare(
        "the same with Python numbers",
        program(nnc.tensor),
        program(torch.tensor),
        units=LENGTH,
        goal=1.0,
    )


def chain_with_broadcasting() -> Result:
    """h = h * w; h = h + b with w and b of shape (16,) for h (16, 16)."""
    x, w, b = _arrays((16, 16), (16,), (16,))
    ones = np.ones((16, 16), np.float32)

    def program(tensor):
        h0 = tensor(x)
        weight, bias = tensor(w).requires_grad_(), tensor(b).requires_grad_()
        gradient = tensor(ones)

        def run():
            h = h0
            for _ in range(LENGTH // 2):
                h = h * weight
                h = h + bias
            h.backward(gradient)
            weight.grad = bias.grad = None

        return run

    return compare(
        "the same, broadcasting a row",
        program(nnc.tensor),
        program(torch.tensor),
        units=LENGTH,
        goal=1.0,
    )


def chain_of_activations() -> Result:
    """tanh, relu, sigmoid in turns on 16 x 16."""
    (x,) = _arrays((16, 16))
    ones = np.ones((16, 16), np.float32)
    n = 300

    def program(tensor):
        start = tensor(x).requires_grad_()
        gradient = tensor(ones)

        def run():
            h = start
            for _ in range(n // 3):
                h = h.tanh()
                h = h.relu()
                h = h.sigmoid()
            h.backward(gradient)
            start.grad = None

        return run

    return compare(
        "tanh, relu, sigmoid, 16x16, per operation",
        program(nnc.tensor),
        program(torch.tensor),
        units=n,
        goal=1.0,
    )


def chain_of_products() -> Result:
    """h = h @ w on 16 x 16."""
    x, w = _arrays((16, 16), (16, 16))
    ones = np.ones((16, 16), np.float32)
    n = 200

    def program(tensor):
        start, weight = tensor(x), tensor(w).requires_grad_()
        gradient = tensor(ones)

        def run():
            h = start
            for _ in range(n):
                h = h @ weight
            h.backward(gradient)
            weight.grad = None

        return run

    return compare(
        "matmul 16x16, per operation",
        program(nnc.tensor),
        program(torch.tensor),
        units=n,
        goal=1.0,
    )


COMPARISONS = (
    chain_of_sums_and_products,
    chain_with_one_leaf,
    chain_with_numbers,
    chain_with_broadcasting,
    chain_of_activations,
    chain_of_products,
)
