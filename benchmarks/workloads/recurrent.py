"""Recurrent layers: forward, mean squared error of all outputs, backward, Adam."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from benchmarks.differentiated import in_numpys_kin
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


def _gru_by_hand(*sizes: int) -> Callable[[Weights], Step]:
    """The same for a GRU; the reset gate scales the state's part of n, as PyTorch has it."""

    def make(weights: Weights) -> Step:
        x, target = _batch(*sizes)
        T, N, _, H = sizes
        adam = Adam(weights)
        W, U, b, b2 = adam.weights
        dW, dU, db, db2 = adam.gradients

        def step() -> float:
            inputs = x @ W.T + b
            hs = np.zeros((T + 1, N, H), np.float32)
            gates = np.empty((T, N, 3 * H), np.float32)
            states = np.empty((T, N, H), np.float32)  # what the reset gate scales
            for t in range(T):
                s = hs[t] @ U.T + b2
                gates[t, :, : 2 * H] = 1 / (1 + np.exp(-inputs[t, :, : 2 * H] - s[:, : 2 * H]))
                r, z, n = np.split(gates[t], 3, 1)
                states[t] = s[:, 2 * H :]
                np.tanh(inputs[t, :, 2 * H :] + r * states[t], n)
                hs[t + 1] = n + z * (hs[t] - n)
            error = hs[1:] - target
            dout = error * np.float32(2 / error.size)
            dinputs, dstates = np.empty_like(gates), np.empty_like(gates)
            dh = np.zeros((N, H), np.float32)
            for t in range(T - 1, -1, -1):
                r, z, n = np.split(gates[t], 3, 1)
                dr, dz, dn = np.split(dinputs[t], 3, 1)
                dh = dh + dout[t]
                dn[...] = dh * (1 - z) * (1 - n * n)
                dr[...] = dn * states[t] * r * (1 - r)
                dz[...] = dh * (hs[t] - n) * z * (1 - z)
                dstates[t] = dinputs[t]
                dstates[t, :, 2 * H :] *= r
                dh = dh * z + dstates[t] @ U
            from_inputs, from_states = (d.reshape(T * N, 3 * H) for d in (dinputs, dstates))
            np.matmul(from_inputs.T, x.reshape(T * N, -1), dW)
            np.matmul(from_states.T, hs[:-1].reshape(T * N, H), dU)
            from_inputs.sum(0, out=db)
            from_states.sum(0, out=db2)
            adam.step()
            return float((error * error).mean())

        return step

    return make


def _sigmoid(xp: Any, z: Any) -> Any:
    return 1 / (1 + xp.exp(-z))


def _lstm_cell(xp: Any, inputs: Any, states: Any, h: Any, c: Any) -> tuple[Any, Any]:
    H = h.shape[1]
    z = inputs + states
    i, f = _sigmoid(xp, z[:, :H]), _sigmoid(xp, z[:, H : 2 * H])
    g, o = xp.tanh(z[:, 2 * H : 3 * H]), _sigmoid(xp, z[:, 3 * H :])
    c = f * c + i * g
    return o * xp.tanh(c), c


def _gru_cell(xp: Any, inputs: Any, states: Any, h: Any, c: Any) -> tuple[Any, Any]:
    H = h.shape[1]
    r = _sigmoid(xp, inputs[:, :H] + states[:, :H])
    z = _sigmoid(xp, inputs[:, H : 2 * H] + states[:, H : 2 * H])
    n = xp.tanh(inputs[:, 2 * H :] + r * states[:, 2 * H :])
    return n + z * (h - n), c


def _loss(cell: Callable[..., tuple[Any, Any]], *sizes: int) -> Callable[..., Any]:
    """Inputs step by step: a part of an array of all steps would get a gradient of its size."""
    x, target = _batch(*sizes)
    T, N, _, H = sizes

    def loss(xp: Any, W: Any, U: Any, b: Any, b2: Any) -> Any:
        h = c = np.zeros((N, H), np.float32)
        W, U = xp.transpose(W), xp.transpose(U)
        total = 0.0
        for t in range(T):
            h, c = cell(xp, xp.matmul(x[t], W) + b, xp.matmul(h, U) + b2, h, c)
            error = h - target[t]
            total = total + xp.sum(error * error)
        return total / target.size

    return loss


_GATES = {"LSTM": 4, "GRU": 3}
_BY_HAND = {"LSTM": _lstm_by_hand, "GRU": _gru_by_hand}
_CELLS = {"LSTM": _lstm_cell, "GRU": _gru_cell}


def _workload(kind: str, goal: float, steps: int, *sizes: int) -> Workload:
    T, N, n_in, H = sizes
    return Workload(
        name=f"{kind} T={T} B={N} I={n_in} H={H}, Adam",
        build=_step(kind, *sizes),
        goal=goal,
        products=_products(*sizes, _GATES[kind]),
        by_hand=_BY_HAND[kind](*sizes),
        others=in_numpys_kin(partial(_loss, _CELLS[kind], *sizes)),
        steps=steps,
    )


COMPARISONS = (
    _workload("LSTM", 1.0, 1, 64, 32, 64, 128),
    _workload("LSTM", 0.80, 5, 20, 16, 32, 32),
    _workload("GRU", 1.0, 1, 64, 32, 64, 128),
)
