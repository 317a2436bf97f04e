"""A fully connected network with batch normalisation and dropout.

MyGrad has no dropout: a constant mask stands for it. Its batch normalisation keeps no running
statistics, so its step does a little less than the others.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from benchmarks.peers import Peer
from benchmarks.workload import Step, Weights, Workload, of_linear
from benchmarks.workloads.mlp import (
    Adam,
    autograd_step,
    backward,
    batch_of,
    cross_entropy,
    forward,
    mygrad_step,
    stepping,
)

EPS = 1e-5  # of BatchNorm1d


def _masks(batch: int, widths: Sequence[int], fixed: bool) -> Callable[[], list[np.ndarray]]:
    """Draws the masks of a step's Dropout(0.5); ``fixed``: the same ones each time."""
    random = np.random.default_rng(1)

    def draw() -> list[np.ndarray]:
        kept = [random.random((batch, width), np.float32) < 0.5 for width in widths]
        return [mask.astype(np.float32) * 2 for mask in kept]

    once = draw()
    return (lambda: once) if fixed else draw


def _regularised(
    batch: int, *widths: int, fixed: bool = False
) -> Callable[[Any], tuple[Any, Step]]:
    """Linear, BatchNorm1d, ReLU, Dropout, over and over; with ``fixed`` masks for comparison."""

    def build(library: Any) -> tuple[Any, Step]:
        nn = library.nn

        class Mask(nn.Module):
            def __init__(self, mask: np.ndarray) -> None:
                super().__init__()
                self.mask = library.tensor(mask)

            def forward(self, x: Any) -> Any:
                return x * self.mask

        layers = []
        masks = _masks(batch, widths[1:-1], fixed=True)()
        for (n, m), mask in zip(pairwise(widths[:-1]), masks):
            drop = Mask(mask) if fixed else nn.Dropout(0.5)
            layers += [nn.Linear(n, m), nn.BatchNorm1d(m), nn.ReLU(), drop]
        layers.append(nn.Linear(*widths[-2:]))
        return stepping(library, nn.Sequential(*layers), batch, widths)

    return build


def _split(weights: Weights) -> tuple[Adam, list[np.ndarray]]:
    """(Adam on what is trained, running means and variances in turn)."""
    trained = {name: w for name, w in weights.items() if name.endswith(("weight", "bias"))}
    return Adam(trained), [w for name, w in weights.items() if "running" in name]


def _track(mean: np.ndarray, var: np.ndarray, new_mean: Any, new_var: Any, batch: int) -> None:
    """BatchNorm's running statistics, momentum 0.1, of the unbiased variance."""
    mean += 0.1 * (new_mean - mean)
    var += 0.1 * (new_var * (batch / (batch - 1)) - var)


def _regularised_by_hand(
    batch: int, *widths: int, fixed: bool = False
) -> Callable[[Weights], Step]:
    def make(weights: Weights) -> Step:
        x, y = batch_of(batch, widths)
        draw = _masks(batch, widths[1:-1], fixed)
        adam, running = _split(weights)
        blocks = len(widths) - 2

        def step() -> float:
            inputs, saved = [x], []
            for i, mask in enumerate(draw()):
                W, b, gamma, beta = adam.weights[4 * i : 4 * i + 4]
                h = inputs[-1] @ W.T
                h += b
                mean = h.mean(0)
                h -= mean
                var = np.einsum("ij,ij->j", h, h) / batch
                _track(*running[2 * i : 2 * i + 2], mean, var, batch)
                scale = 1 / np.sqrt(var + EPS)
                h *= scale
                saved.append((h, scale, mask))
                a = h * gamma
                a += beta
                np.maximum(a, 0, a)
                a *= mask
                inputs.append(a)
            last, d_last = adam.weights[4 * blocks :], adam.gradients[4 * blocks :]
            ends, z = forward(inputs[-1], last)
            loss, p = cross_entropy(z, y)
            p = backward(p, ends, last, d_last, input_gradient=True)
            for i in range(blocks - 1, -1, -1):
                W, _, gamma, _ = adam.weights[4 * i : 4 * i + 4]
                dW, db, dgamma, dbeta = adam.gradients[4 * i : 4 * i + 4]
                h, scale, mask = saved[i]
                p *= mask
                p *= inputs[i + 1] > 0
                np.einsum("ij,ij->j", p, h, out=dgamma)
                p.sum(0, out=dbeta)
                p -= dbeta / batch
                h *= dgamma / batch
                p -= h
                p *= gamma * scale
                np.matmul(p.T, inputs[i], dW)
                p.sum(0, out=db)
                p = p @ W if i else p
            adam.step()
            return loss

        return step

    return make


def _regularised_in_mygrad(
    batch: int, *widths: int, fixed: bool = False
) -> Callable[[Weights], Step]:
    def make(weights: Weights) -> Step:
        import mygrad as mg

        x, y = batch_of(batch, widths)
        draw = _masks(batch, widths[1:-1], fixed)

        def logits(parameters: list[Any]) -> Any:
            h, left = x, iter(parameters)
            for mask in draw():
                h = mg.matmul(h, next(left).T) + next(left)
                h = mg.nnet.batchnorm(h, gamma=next(left), beta=next(left), eps=EPS)
                h = mg.nnet.relu(h) * mask
            return mg.matmul(h, next(left).T) + next(left)

        return mygrad_step(_split(weights)[0], y, logits)

    return make


def _regularised_in_autograd(
    batch: int, *widths: int, fixed: bool = False
) -> Callable[[Weights], Step]:
    def make(weights: Weights) -> Step:
        import autograd.numpy as anp
        from autograd.tracer import getval

        x, y = batch_of(batch, widths)
        draw = _masks(batch, widths[1:-1], fixed)
        adam, running = _split(weights)

        def logits(parameters: list[Any]) -> Any:
            h, left, statistics = x, iter(parameters), iter(running)
            for mask in draw():
                h = h @ next(left).T + next(left)
                mean = anp.mean(h, axis=0)
                h = h - mean
                var = anp.mean(h * h, axis=0)
                _track(next(statistics), next(statistics), getval(mean), getval(var), batch)
                h = h / anp.sqrt(var + EPS) * next(left) + next(left)
                h = anp.maximum(h, 0) * mask
            return h @ next(left).T + next(left)

        return autograd_step(adam, y, logits)

    return make


class _Regularised(Workload):
    """The losses of all programs are compared with masks fixed."""

    def _agree(self, torch: Any, peers: list[Peer]) -> None:
        _regularised_workload(Workload, fixed=True)._agree(torch, peers)


def _regularised_workload(kind: type[Workload], fixed: bool) -> Workload:
    batch, *widths = 64, 784, 256, 128, 10
    return kind(
        name="MLP 784-256-128-10, BatchNorm, Dropout, batch 64",
        build=_regularised(batch, *widths, fixed=fixed),
        goal=0.80,
        products=of_linear(batch, widths),
        by_hand=_regularised_by_hand(batch, *widths, fixed=fixed),
        others={
            "MyGrad": _regularised_in_mygrad(batch, *widths, fixed=fixed),
            "autograd": _regularised_in_autograd(batch, *widths, fixed=fixed),
        },
        steps=3,
    )


COMPARISONS = (_regularised_workload(_Regularised, fixed=False),)
