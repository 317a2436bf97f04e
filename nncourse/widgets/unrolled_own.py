"""The two passes of a student's own recurrent step, checked step by step against differences.

The step is called as in exercise ps10, step(x, h, Wx, Wh, b), for a batch: so all probes of one
numerical Jacobian go through it in a single call.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

H = 1e-5  # the step of the central differences
ALIKE = 1e-4  # gradients whose norm-wise relative error is below this are taken for equal
UNITS = 6

Array = np.ndarray
Network = tuple[Array, Array, Array, Array, Array]


def own_passes(
    step: Callable[..., Any],
    backward: Callable[..., Any] | None,
    network: Network,
    radius: float,
    length: int,
    horizon: int,
) -> dict[str, Any]:
    """What ``unrolled.passes`` returns, in lists, for ``step``; and beside it the true gradient.

    Gradients are those of ``backward``; without it, numerical ones. numerical (T + 1): norms of
    the numerical gradients at s_0 ... s_T, never cut; differences (T): dC/dx_k as differences;
    wrong: [step, name] of the first gradient on the way back that disagrees, [] if none does.
    """
    q, u, v, s0, x = network
    own = _Own(step, u[:, None], radius * q)
    states = [s0]
    for t in range(length):
        states.append(own.next(x[t : t + 1, None], states[-1][None])[0])
    jacobians = [own.jacobians(x[t], states[t]) for t in range(length)]
    true, slopes = [v], []
    for by_state, by_input in reversed(jacobians):
        slopes.append(float(true[-1] @ by_input))
        true.append(true[-1] @ by_state)
    first = max(0, length - horizon)
    arriving = np.zeros((length + 1, len(v)))
    arriving[length] = v
    terms, inputs, dw = np.zeros(length), np.zeros(length), np.zeros_like(own.wh)
    wrong: list[Any] = []
    for k in range(length, first, -1):
        g, before = arriving[k], states[k - 1]
        by_state, by_input = jacobians[k - 1]
        found = {"dx": g @ by_input, "dh": g @ by_state, "dWh": own.by_weights(x[k - 1], before, g)}
        if backward is not None:
            wanted = found
            arrays = (g[None], x[k - 1 : k, None], before[None], states[k][None], own.wx, own.wh)
            found = _shaped(backward(*arrays))
            size = float(np.linalg.norm(g))
            wrong = wrong or next(
                ([k, name] for name in found if not alike(found[name], wanted[name], size)), []
            )
        inputs[k - 1], terms[k - 1] = found["dx"], np.linalg.norm(found["dWh"])
        dw = dw + found["dWh"]
        if k - 1 > first or first == 0:
            arriving[k - 1] = found["dh"]
    return {
        "states": np.array(states).tolist(),
        "arriving": arriving.tolist(),
        "terms": terms.tolist(),
        "inputs": inputs.tolist(),
        "total": float(np.linalg.norm(dw)),
        "loss": float(v @ states[-1]),
        "numerical": np.linalg.norm(true[::-1], axis=1).tolist(),
        "differences": slopes[::-1],
        "wrong": wrong,
    }


class _Own:
    """The student's step with the weights of the widget, and its numerical derivatives."""

    def __init__(self, step: Callable[..., Any], wx: Array, wh: Array) -> None:
        self.step, self.wx, self.wh = step, wx, wh
        self.b = np.zeros(len(wh))

    def next(self, x: Array, h: Array, wh: Array | None = None) -> Array:
        found = np.asarray(self.step(x, h, self.wx, self.wh if wh is None else wh, self.b))
        if found.shape != h.shape or not np.isfinite(found).all():
            raise ValueError(
                f"UnrolledRNN: step(x, h, Wx, Wh, b) has to return the new state, finite numbers "
                f"of shape {h.shape}; it returned {np.array2string(found, threshold=8)} of shape "
                f"{found.shape}"
            )
        return found

    def jacobians(self, x: float, s: Array) -> tuple[Array, Array]:
        """ds'/ds (6, 6), row by output, and ds'/dx (6,), in one call of the step."""
        n = len(s)
        inputs = np.full((2 * n + 2, 1), x)
        inputs[-2:, 0] += H, -H
        probes = s + H * np.concatenate([np.eye(n), -np.eye(n), np.zeros((2, n))])
        found = self.next(inputs, probes)
        by_state = (found[:n] - found[n : 2 * n]).T / (2 * H)
        return by_state, (found[-2] - found[-1]) / (2 * H)

    def by_weights(self, x: float, s: Array, g: Array) -> Array:
        """The immediate gradient by Wh, the state before held fixed, entry by entry."""
        grad, moved = np.zeros_like(self.wh), self.wh.copy()
        for place in np.ndindex(moved.shape):
            ends = []
            for h in (H, -H):
                moved[place] = self.wh[place] + h
                ends.append(float(g @ self.next(np.array([[x]]), s[None], moved)[0]))
            moved[place] = self.wh[place]
            grad[place] = (ends[0] - ends[1]) / (2 * H)
        return grad


def _shaped(gradients: Any) -> dict[str, Any]:
    """dx, dh and dWh of what a student's backward pass returned for one example."""
    found = dict(zip(("dx", "dh", "dWx", "dWh"), map(np.asarray, gradients)))
    shapes = {"dx": (1, 1), "dh": (1, UNITS), "dWh": (UNITS, UNITS)}
    for name, shape in shapes.items():
        if name not in found or found[name].shape != shape or not np.isfinite(found[name]).all():
            raise ValueError(
                f"UnrolledRNN: backward(dh_next, x, h, h_next, Wx, Wh) has to return dx, dh, dWx, "
                f"dWh, ... of finite numbers; {name} has to be {shape}, here it is "
                f"{found[name].shape if name in found else 'missing'}"
            )
    return {"dx": found["dx"][0, 0], "dh": found["dh"][0], "dWh": found["dWh"]}


def alike(a: Any, n: Any, size: float) -> bool:
    """Equal up to the noise of a difference, for an upstream gradient of that size."""
    far = np.linalg.norm(a - n)
    return bool(far <= ALIKE * (np.linalg.norm(a) + np.linalg.norm(n)) + 1e-8 * size)
