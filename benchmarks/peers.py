"""The libraries that are compared, brought to one form.

A program is written once, as a function of a peer and its leaves, in operators and the few
functions that the libraries name differently. A peer that is not installed is left out.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable
from typing import Any

import numpy as np

Program = Callable[..., Any]  # (peer, *leaves) -> result


class Peer:
    """nncourse itself; PyTorch differs in its name alone."""

    name = "nncourse"
    package = "nncourse"

    def __init__(self, threads: int = 1) -> None:
        self.library: Any = importlib.import_module(self.package)

    def constant(self, array: np.ndarray) -> Any:
        return self.library.tensor(array)

    def tanh(self, x: Any) -> Any:
        return x.tanh()

    def relu(self, x: Any) -> Any:
        return x.relu()

    def sigmoid(self, x: Any) -> Any:
        return x.sigmoid()

    def prepared(self, program: Program, arrays: list[np.ndarray]) -> Callable[[], Any]:
        """The forward pass, ready to be called."""
        leaves = [self.library.tensor(a).requires_grad_() for a in arrays]
        return lambda: program(self, *leaves)

    def step(
        self, program: Program, arrays: list[np.ndarray], gradient: np.ndarray
    ) -> Callable[[], list[Any]]:
        """Forward and backward, and the gradients of all leaves."""
        leaves = [self.library.tensor(a).requires_grad_() for a in arrays]
        above = self.library.tensor(gradient)

        def run() -> list[Any]:
            program(self, *leaves).backward(above)
            found = [x.grad for x in leaves]
            for x in leaves:
                x.grad = None
            return found

        return run


class PyTorch(Peer):
    name = "PyTorch"
    package = "torch"

    def __init__(self, threads: int = 1) -> None:
        super().__init__(threads)
        self.library.set_num_threads(threads)


class MyGrad(Peer):
    """Tensors need gradients unless told otherwise; those of the last pass go by themselves."""

    name = "MyGrad"
    package = "mygrad"

    def constant(self, array: np.ndarray) -> Any:
        return self.library.tensor(array, constant=True)

    def tanh(self, x: Any) -> Any:
        return self.library.tanh(x)

    def relu(self, x: Any) -> Any:
        return self.library.nnet.relu(x)

    def sigmoid(self, x: Any) -> Any:
        return self.library.nnet.sigmoid(x)

    def prepared(self, program: Program, arrays: list[np.ndarray]) -> Callable[[], Any]:
        leaves = [self.library.tensor(a) for a in arrays]
        return lambda: program(self, *leaves)

    def step(
        self, program: Program, arrays: list[np.ndarray], gradient: np.ndarray
    ) -> Callable[[], list[Any]]:
        leaves = [self.library.tensor(a) for a in arrays]

        def run() -> list[Any]:
            program(self, *leaves).backward(gradient)
            return [x.grad for x in leaves]

        return run


class Autograd(Peer):
    """Differentiates functions of plain arrays."""

    name = "autograd"
    package = "autograd"

    def __init__(self, threads: int = 1) -> None:
        super().__init__(threads)
        self.numpy = importlib.import_module("autograd.numpy")

    def constant(self, array: np.ndarray) -> Any:
        return array

    def tanh(self, x: Any) -> Any:
        return self.numpy.tanh(x)

    def relu(self, x: Any) -> Any:
        return self.numpy.maximum(x, 0)

    def sigmoid(self, x: Any) -> Any:
        return 0.5 * self.numpy.tanh(0.5 * x) + 0.5

    def prepared(self, program: Program, arrays: list[np.ndarray]) -> Callable[[], Any]:
        of_leaves = self.library.make_vjp(lambda leaves: program(self, *leaves))
        return lambda: of_leaves(tuple(arrays))

    def step(
        self, program: Program, arrays: list[np.ndarray], gradient: np.ndarray
    ) -> Callable[[], list[Any]]:
        forward = self.prepared(program, arrays)

        def run() -> list[Any]:
            vjp, _ = forward()
            return list(vjp(gradient))

        return run


PEERS = (PyTorch, MyGrad, Autograd)


def installed(threads: int = 1) -> tuple[list[Peer], list[str]]:
    """(nncourse and the peers that are here, the names of those that are not)."""
    here: list[Peer] = [Peer()]
    missing = []
    for kind in PEERS:
        if importlib.util.find_spec(kind.package) is None:
            missing.append(kind.name)
        else:
            here.append(kind(threads))
    return here, missing
