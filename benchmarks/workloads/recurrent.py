"""Recurrent layers: forward, mean squared error of all outputs, backward, Adam."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.workload import Step, Weights, Workload
from benchmarks.workloads.mlp import RATE, Adam


def _batch(T: int, N: int, n_in: int, H: int) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    x = random.standard_normal((T, N, n_in)).astype(np.float32)
    return x, (random.standard_normal((T, N, H)) * 0.5).astype(np.float32)


def _step(kind: str, *sizes: int) -> Callable[[Any], tuple[Any, Step]]:
    def build(library: Any) -> tuple[Any, Step]:
        model = getattr(library.nn, kind)(*sizes[2:])
        x, target = map(library.tensor, _batch(*sizes))
        optimizer = library.optim.Adam(model.parameters(), lr=RATE)
        loss = library.nn.MSELoss()

        def step() -> Any:
            optimizer.zero_grad()
            output, _ = model(x)
            value = loss(output, target)
            value.backward()
            optimizer.step()
            return value

        return model, step

    return build


def _products(T: int, N: int, n_in: int, H: int, gates: int) -> list[tuple[int, ...]]:
    """Inputs at once, states step by step; backward states, then both weights at once."""
    rows, width = T * N, gates * H
    return [
        (rows, n_in, width),
        (T, N, H, width),
        (T - 1, N, width, H),
        (width, rows, n_in),
        (width, rows, H),
    ]


def _lstm_by_hand(*sizes: int) -> Callable[[Weights], Step]:
    """As one writes an LSTM in NumPy: gates together, all weights' gradients at the end."""

    def make(weights: Weights) -> Step:
        x, target = _batch(*sizes)
        T, N, _, H = sizes
        adam = Adam(weights)
        W, U, b, b2 = adam.weights
        dW, dU, db, db2 = adam.gradients

        def step() -> float:
            inputs = x @ W.T + (b + b2)
            hs = np.zeros((T + 1, N, H), np.float32)
            cs = np.zeros((T + 1, N, H), np.float32)
            gates = np.empty((T, N, 4 * H), np.float32)
            for t in range(T):
                z = inputs[t] + hs[t] @ U.T
                i, f, g, o = np.split(z, 4, 1)
                for s in (i, f, o):
                    s[...] = 1 / (1 + np.exp(-s))
                np.tanh(g, g)
                cs[t + 1] = f * cs[t] + i * g
                hs[t + 1] = o * np.tanh(cs[t + 1])
                gates[t] = z
            error = hs[1:] - target
            dout = error * np.float32(2 / error.size)
            dz = np.empty_like(gates)
            dh, dc = np.zeros((N, H), np.float32), np.zeros((N, H), np.float32)
            for t in range(T - 1, -1, -1):
                i, f, g, o = np.split(gates[t], 4, 1)
                di, df, dg, do = np.split(dz[t], 4, 1)
                tanh_c = np.tanh(cs[t + 1])
                dh = dh + dout[t]
                dc = dc + dh * o * (1 - tanh_c * tanh_c)
                do[...] = dh * tanh_c * o * (1 - o)
                di[...] = dc * g * i * (1 - i)
                df[...] = dc * cs[t] * f * (1 - f)
                dg[...] = dc * i * (1 - g * g)
                dc = dc * f
                dh = dz[t] @ U
            flat = dz.reshape(T * N, 4 * H)
            np.matmul(flat.T, x.reshape(T * N, -1), dW)
            np.matmul(flat.T, hs[:-1].reshape(T * N, H), dU)
            db[...] = db2[...] = flat.sum(0)
            adam.step()
            return float((error * error).mean())

        return step

    return make


def _workload(kind: str, goal: float, steps: int, *sizes: int) -> Workload:
    T, N, n_in, H = sizes
    return Workload(
        name=f"{kind} T={T} B={N} I={n_in} H={H}, Adam",
        build=_step(kind, *sizes),
        goal=goal,
        products=_products(*sizes, {"LSTM": 4, "GRU": 3}[kind]),
        by_hand=_lstm_by_hand(*sizes) if kind == "LSTM" else None,
        steps=steps,
    )


COMPARISONS = (
    _workload("LSTM", 1.0, 1, 64, 32, 64, 128),
    _workload("LSTM", 0.80, 5, 20, 16, 32, 32),
    _workload("GRU", 1.0, 1, 64, 32, 64, 128),
)
