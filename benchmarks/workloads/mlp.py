"""Fully connected networks: forward, cross entropy, backward, Adam."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from benchmarks.workload import Step, Weights, Workload, of_linear

RATE = 1e-3


def _batch(batch: int, widths: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    x = random.standard_normal((batch, widths[0])).astype(np.float32)
    return x, random.integers(0, widths[-1], batch)


def _stepping(library: Any, model: Any, batch: int, widths: Sequence[int]) -> tuple[Any, Step]:
    x, y = map(library.tensor, _batch(batch, widths))
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
        return _stepping(library, nn.Sequential(*layers), batch, widths)

    return build


def _regularised(
    batch: int, *widths: int, fixed: bool = False
) -> Callable[[Any], tuple[Any, Step]]:
    """Linear, BatchNorm1d, ReLU, Dropout, over and over; with ``fixed`` masks for comparison."""

    def build(library: Any) -> tuple[Any, Step]:
        nn = library.nn
        random = np.random.default_rng(1)

        class Mask(nn.Module):
            def __init__(self, width: int) -> None:
                super().__init__()
                kept = random.random((batch, width)) < 0.5
                self.mask = library.tensor(kept.astype(np.float32) * 2)

            def forward(self, x: Any) -> Any:
                return x * self.mask

        layers = []
        for n, m in pairwise(widths[:-1]):
            drop = Mask(m) if fixed else nn.Dropout(0.5)
            layers += [nn.Linear(n, m), nn.BatchNorm1d(m), nn.ReLU(), drop]
        layers.append(nn.Linear(*widths[-2:]))
        return _stepping(library, nn.Sequential(*layers), batch, widths)

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


def _by_hand(batch: int, *widths: int) -> Callable[[Weights], Step]:
    def make(weights: Weights) -> Step:
        x, y = _batch(batch, widths)
        adam = Adam(weights)
        Ws, bs = adam.weights[::2], adam.weights[1::2]
        dWs, dbs = adam.gradients[::2], adam.gradients[1::2]
        rows = np.arange(batch)

        def step() -> float:
            inputs = [x]
            for W, b in zip(Ws[:-1], bs[:-1]):
                h = inputs[-1] @ W.T
                h += b
                inputs.append(np.maximum(h, 0, h))
            z = inputs[-1] @ Ws[-1].T
            z += bs[-1]
            z -= z.max(1, keepdims=True)
            p = np.exp(z)
            total = p.sum(1, keepdims=True)
            loss = float((np.log(total[:, 0]) - z[rows, y]).mean())
            p /= total
            p[rows, y] -= 1
            p /= batch
            for i in range(len(Ws) - 1, -1, -1):
                np.matmul(p.T, inputs[i], dWs[i])
                p.sum(0, out=dbs[i])
                if i:
                    p = p @ Ws[i]
                    p *= inputs[i] > 0
            adam.step()
            return loss

        return step

    return make


def _in_mygrad(batch: int, *widths: int) -> Callable[[Weights], Step]:
    def make(weights: Weights) -> Step:
        import mygrad as mg

        x, y = _batch(batch, widths)
        adam = Adam(weights)

        def step() -> float:
            tensors = [mg.tensor(w, copy=False) for w in adam.weights]
            h = x
            for i in range(0, len(tensors), 2):
                h = mg.nnet.relu(h) if i else h
                h = mg.matmul(h, tensors[i].T) + tensors[i + 1]
            loss = mg.nnet.softmax_crossentropy(h, y)
            loss.backward()
            for t, gradient in zip(tensors, adam.gradients):
                gradient[...] = t.grad
            value = loss.item()
            del tensors, t, h, loss  # gives the weights back, which MyGrad locks while in use
            adam.step()
            return value

        return step

    return make


def _in_autograd(batch: int, *widths: int) -> Callable[[Weights], Step]:
    def make(weights: Weights) -> Step:
        import autograd
        import autograd.numpy as anp

        x, y = _batch(batch, widths)
        adam = Adam(weights)
        rows = np.arange(batch)

        def loss(parameters: list[Any]) -> Any:
            h = x
            for i in range(0, len(parameters), 2):
                h = anp.maximum(h, 0) if i else h
                h = h @ parameters[i].T + parameters[i + 1]
            h = h - anp.max(h, axis=1, keepdims=True)
            return anp.mean(anp.log(anp.sum(anp.exp(h), axis=1)) - h[rows, y])

        differentiated = autograd.value_and_grad(loss)

        def step() -> float:
            value, gradients = differentiated(adam.weights)
            for into, gradient in zip(adam.gradients, gradients):
                into[...] = gradient
            adam.step()
            return float(value)

        return step

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


_NORMALISED = (64, 784, 256, 128, 10)  # batch, widths

COMPARISONS = (
    _workload(0.40, 20, 32, 64, 64, 10),
    _workload(0.90, 1, 128, 784, 512, 256, 10),
    Workload(
        name="MLP 784-256-128-10, BatchNorm, Dropout, batch 64",
        build=_regularised(*_NORMALISED),
        compared=_regularised(*_NORMALISED, fixed=True),
        goal=0.80,
        products=of_linear(_NORMALISED[0], _NORMALISED[1:]),
        steps=3,
    ),
)
