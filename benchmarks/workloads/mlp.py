"""Fully connected networks: forward, cross entropy, backward, Adam."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from benchmarks.workload import Step, Weights, Workload, of_linear

RATE = 1e-3


def batch_of(batch: int, widths: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    x = random.standard_normal((batch, widths[0])).astype(np.float32)
    return x, random.integers(0, widths[-1], batch)


def stepping(library: Any, model: Any, batch: int, widths: Sequence[int]) -> tuple[Any, Step]:
    x, y = map(library.tensor, batch_of(batch, widths))
    optimizer = library.optim.Adam(model.parameters(), lr=RATE)
    loss = library.nn.CrossEntropyLoss()

    def step() -> Any:
        optimizer.zero_grad()
        value = loss(model(x), y)
        value.backward()
        optimizer.step()
        return value

    return model, step


def _plain(batch: int, *widths: int) -> Callable[[Any], tuple[Any, Step]]:
    """Linear layers with ReLU between them."""

    def build(library: Any) -> tuple[Any, Step]:
        nn = library.nn
        layers = []
        for i, (n, m) in enumerate(pairwise(widths)):
            layers += [nn.ReLU()] if i else []
            layers.append(nn.Linear(n, m))
        return stepping(library, nn.Sequential(*layers), batch, widths)

    return build


class Adam:
    """Adam in NumPy on all parameters as one vector."""

    def __init__(self, weights: Weights) -> None:
        self.vector = np.concatenate([w.ravel() for w in weights.values()])
        self.m, self.v = np.zeros_like(self.vector), np.zeros_like(self.vector)
        self.scratch, self.gradient = np.empty_like(self.vector), np.empty_like(self.vector)
        self.t = 0
        start = 0
        self.weights, self.gradients = [], []
        for w in weights.values():
            for whole, parts in ((self.vector, self.weights), (self.gradient, self.gradients)):
                parts.append(whole[start : start + w.size].reshape(w.shape))
            start += w.size

    def step(self) -> None:
        self.t += 1
        g, m, v, scratch = self.gradient, self.m, self.v, self.scratch
        m *= 0.9
        np.multiply(g, 0.1, scratch)
        m += scratch
        v *= 0.999
        np.multiply(g, g, scratch)
        scratch *= 0.001
        v += scratch
        np.sqrt(v, scratch)
        c = (1 - 0.999**self.t) ** 0.5
        scratch += c * 1e-8
        np.divide(m, scratch, scratch)
        scratch *= c * RATE / (1 - 0.9**self.t)
        self.vector -= scratch


def cross_entropy(z: np.ndarray, y: np.ndarray) -> tuple[float, np.ndarray]:
    """(mean loss, its derivative by the logits z); z is overwritten."""
    rows = np.arange(len(y))
    z -= z.max(1, keepdims=True)
    p = np.exp(z)
    total = p.sum(1, keepdims=True)
    loss = float((np.log(total[:, 0]) - z[rows, y]).mean())
    p /= total
    p[rows, y] -= 1
    p /= len(y)
    return loss, p


def forward(x: np.ndarray, parameters: Sequence[np.ndarray]) -> tuple[list[np.ndarray], np.ndarray]:
    """(inputs of the layers, result) of Linear layers with ReLU between them; W, b in turn."""
    *hidden, last = zip(parameters[::2], parameters[1::2])
    inputs = [x]
    for W, b in hidden:
        h = inputs[-1] @ W.T
        h += b
        inputs.append(np.maximum(h, 0, h))
    z = inputs[-1] @ last[0].T
    z += last[1]
    return inputs, z


def backward(
    p: np.ndarray,
    inputs: list[np.ndarray],
    parameters: Sequence[np.ndarray],
    gradients: Sequence[np.ndarray],
    input_gradient: bool = False,
) -> np.ndarray:
    """Fill the gradients of ``forward``; returns the derivative by its x where asked for."""
    Ws, dWs, dbs = parameters[::2], gradients[::2], gradients[1::2]
    for i in range(len(Ws) - 1, -1, -1):
        np.matmul(p.T, inputs[i], dWs[i])
        p.sum(0, out=dbs[i])
        if i or input_gradient:
            p = p @ Ws[i]
        if i:
            p *= inputs[i] > 0
    return p


def _by_hand(batch: int, *widths: int) -> Callable[[Weights], Step]:
    def make(weights: Weights) -> Step:
        x, y = batch_of(batch, widths)
        adam = Adam(weights)

        def step() -> float:
            inputs, z = forward(x, adam.weights)
            loss, p = cross_entropy(z, y)
            backward(p, inputs, adam.weights, adam.gradients)
            adam.step()
            return loss

        return step

    return make


def mygrad_step(adam: Adam, y: np.ndarray, logits: Callable[[list[Any]], Any]) -> Step:
    """Cross entropy of ``logits(parameters)`` written in MyGrad, its gradient, Adam."""
    import mygrad as mg

    def differentiate() -> float:  # its end gives the weights back, which MyGrad locks while in use
        tensors = [mg.tensor(w, copy=False) for w in adam.weights]
        loss = mg.nnet.softmax_crossentropy(logits(tensors), y)
        loss.backward()
        for into, t in zip(adam.gradients, tensors):
            into[...] = t.grad
        return loss.item()

    def step() -> float:
        loss = differentiate()
        adam.step()
        return loss

    return step


def autograd_step(adam: Adam, y: np.ndarray, logits: Callable[[list[Any]], Any]) -> Step:
    """Cross entropy of ``logits(parameters)`` written in autograd, its gradient, Adam."""
    import autograd
    import autograd.numpy as anp

    rows = np.arange(len(y))

    def loss(parameters: list[Any]) -> Any:
        z = logits(parameters)
        z = z - anp.max(z, axis=1, keepdims=True)
        return anp.mean(anp.log(anp.sum(anp.exp(z), axis=1)) - z[rows, y])

    differentiated = autograd.value_and_grad(loss)

    def step() -> float:
        value, gradients = differentiated(adam.weights)
        for into, gradient in zip(adam.gradients, gradients):
            into[...] = gradient
        adam.step()
        return float(value)

    return step


def linears(h: Any, parameters: Sequence[Any], relu: Callable[[Any], Any]) -> Any:
    """``forward`` for a library that differentiates by itself."""
    for i in range(0, len(parameters), 2):
        h = relu(h) if i else h
        h = h @ parameters[i].T + parameters[i + 1]
    return h


def _in_mygrad(batch: int, *widths: int) -> Callable[[Weights], Step]:
    def make(weights: Weights) -> Step:
        import mygrad as mg

        x, y = batch_of(batch, widths)
        return mygrad_step(
            Adam(weights), y, lambda p: linears(mg.tensor(x, constant=True), p, mg.nnet.relu)
        )

    return make


def _in_autograd(batch: int, *widths: int) -> Callable[[Weights], Step]:
    def make(weights: Weights) -> Step:
        import autograd.numpy as anp

        x, y = batch_of(batch, widths)
        return autograd_step(Adam(weights), y, lambda p: linears(x, p, lambda h: anp.maximum(h, 0)))

    return make


def _workload(goal: float, steps: int, batch: int, *widths: int) -> Workload:
    return Workload(
        name=f"MLP {'-'.join(map(str, widths))}, batch {batch}, Adam",
        build=_plain(batch, *widths),
        goal=goal,
        products=of_linear(batch, widths),
        by_hand=_by_hand(batch, *widths),
        others={
            "MyGrad": _in_mygrad(batch, *widths),
            "autograd": _in_autograd(batch, *widths),
        },
        steps=steps,
    )


COMPARISONS = (
    _workload(0.40, 20, 32, 64, 64, 10),
    _workload(0.90, 1, 128, 784, 512, 256, 10),
)
