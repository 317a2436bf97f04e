"""A small memory at work: two units of an RNN, LSTM or GRU, step by step, and the way back.

Written out in the engine's operations, so that every gate can be read and the gradient of every
state kept; the fused layers of ``nncourse.nn`` say neither. Tests hold both together. The weights
are chosen by hand: unit 1 is to store the value that stands by the flag "write" and to show it at
"read", unit 2 collects what passes by.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

import nncourse as nnc
from nncourse import Tensor

STEPS = 16
UNITS = 2
VALUES = (0.4, -0.7, 0.9, -0.3, 0.6, -0.8, 0.2, 0.7, -0.5, 0.3, -0.9, 0.8, -0.2, 0.5, -0.6, 0.1)
GATES = {"rnn": "", "lstm": "ifo", "gru": "rz", "original_gru": "rz"}

# One row of (value, write, read) and one of the states of both units, per gate and unit.
INPUT = {
    "i": ((0.0, 6.0, 0.0), (1.0, 0.0, 0.0)),
    "f": ((0.0, -4.0, 0.0), (-1.0, 0.0, 0.0)),
    "g": ((2.0, 0.0, 0.0), (-1.5, 0.0, 0.0)),
    "o": ((0.0, 0.0, 4.0), (0.5, 0.0, 0.0)),
    "r": ((0.0, 0.0, 0.0), (1.0, 0.0, 0.0)),
    "z": ((0.0, -6.0, 0.0), (-1.0, 0.0, 0.0)),
}
STATE = {
    "i": ((0.3, -0.2), (-0.4, 0.5)),
    "f": ((0.2, 0.4), (-0.3, 0.2)),
    "g": ((0.5, -0.6), (0.7, 0.4)),
    "o": ((-0.3, 0.5), (0.4, 0.2)),
    "r": ((0.4, -0.3), (-0.5, 0.6)),
    "z": ((0.2, 0.4), (-0.3, 0.2)),
}
BIAS = {"i": (-3.0, -1.0), "g": (0.0, 0.0), "o": (-2.0, 0.0), "r": (1.0, 0.0)}
PEEPHOLE = {"i": (-1.5, 0.8), "f": (1.2, -0.9), "o": (0.9, 1.4)}


@dataclass(frozen=True)
class Settings:
    """A cell: its kind, which gates are forced "open" or "closed", peepholes, forget bias, write.

    forget is the bias of what keeps: f of an LSTM, z of PyTorch's GRU and, with its sign changed,
    z of the GRU of the lecture.
    """

    kind: str = "lstm"
    forced: Mapping[str, str] | None = None
    peepholes: str = ""
    forget: float = 1.0
    write: int = 3


@dataclass(frozen=True)
class Run:
    """What happened: arrays (STEPS, UNITS); those of states (STEPS + 1, UNITS), the start first.

    gates: by letter, with the candidate as "g" (LSTM) or "n" (GRU). kept and written add up to the
    state, for a plain RNN there is neither. c and dc are None where there is no cell. dh and dc are
    gradients of the answer, the last h of unit 1; direct is what of the state's gradient goes
    back to the state before without passing a gate's argument or a matrix.
    """

    gates: dict[str, np.ndarray]
    kept: np.ndarray
    written: np.ndarray
    h: np.ndarray
    dh: np.ndarray
    direct: np.ndarray
    c: np.ndarray | None = None
    dc: np.ndarray | None = None


def inputs(write: int) -> np.ndarray:
    """The value and the flags "write" and "read" of every step, (STEPS, 3)."""
    steps = np.arange(1, STEPS + 1)
    return np.column_stack([VALUES, steps == write, steps == STEPS]).astype(float)


def weights(kind: str, gate: str, forget: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """W (UNITS, 3), U (UNITS, UNITS) and b (UNITS,) of a gate."""
    row = "g" if gate == "n" else gate
    b = (forget, forget) if gate in "fz" else BIAS[row]
    sign = -1 if (kind, gate) == ("original_gru", "z") else 1
    return sign * np.array(INPUT[row]), sign * np.array(STATE[row]), sign * np.array(b)


def run(settings: Settings) -> Run:
    """Run the cell over all steps, and the gradient of the answer back."""
    kind, forced = settings.kind, settings.forced or {}
    x = inputs(settings.write)
    h, c = (nnc.tensor(np.zeros(UNITS), requires_grad=True) for _ in range(2))
    hs, cs = [h], [c]
    shown: dict[str, list[Tensor]] = {}
    parts = []

    def argument(gate: str, t: int, state: Tensor) -> Tensor:
        W, U, b = weights(kind, gate, settings.forget)
        return nnc.tensor(x[t] @ W.T + b) + nnc.tensor(U) @ state

    def gate(name: str, t: int, cell: Tensor | None = None) -> Tensor:
        if name in forced:
            return nnc.tensor(np.full(UNITS, float(forced[name] == "open")))
        a = argument(name, t, h)
        if cell is not None and name in settings.peepholes:
            a = a + nnc.tensor(np.array(PEEPHOLE[name])) * cell
        return a.sigmoid()

    for t in range(STEPS):
        if kind == "lstm":
            i, f = gate("i", t, c), gate("f", t, c)
            g = argument("g", t, h).tanh()
            kept, written, keep = f * c, i * g, f
            c = kept + written
            o = gate("o", t, c)
            h = o * c.tanh()
            found = {"i": i, "f": f, "g": g, "o": o}
        elif kind == "rnn":
            h = argument("g", t, h).tanh()
            kept = written = keep = nnc.tensor(np.zeros(UNITS))
            found = {}
        else:
            r, z = gate("r", t), gate("z", t)
            W, matrix, b = weights(kind, "n", settings.forget)
            U = nnc.tensor(matrix)
            of_state = r * (U @ h) if kind == "gru" else U @ (r * h)
            n = (nnc.tensor(x[t] @ W.T + b) + of_state).tanh()
            keep, write = (z, 1 - z) if kind == "gru" else (1 - z, z)
            kept, written = keep * h, write * n
            h = kept + written
            found = {"r": r, "z": z, "n": n}
        for state in (h, c) if kind == "lstm" else (h,):
            state.retain_grad()
        hs.append(h)
        cs.append(c)
        parts.append((kept, written, keep))
        for name, value in found.items():
            shown.setdefault(name, []).append(value)

    h[0].backward()
    of_kept, of_written, keeping = (_numbers(each) for each in zip(*parts))
    gates = {name: _numbers(values) for name, values in shown.items()}
    dh, dc = _gradients(hs), _gradients(cs)
    if kind != "lstm":
        return Run(gates, of_kept, of_written, _numbers(hs), dh, keeping * dh[1:])
    return Run(gates, of_kept, of_written, _numbers(hs), dh, keeping * dc[1:], _numbers(cs), dc)


def _numbers(tensors: Iterable[Tensor]) -> np.ndarray:
    return np.array([one.detach().numpy() for one in tensors])


def _gradients(tensors: Iterable[Tensor]) -> np.ndarray:
    return np.array([np.zeros(UNITS) if s.grad is None else s.grad.numpy() for s in tensors])
