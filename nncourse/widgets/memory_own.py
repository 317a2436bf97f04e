"""A memory cell of the student's own: its states, and the way back, checked against differences.

The cell is called as the LSTM of exercise ps11, step(x, h, c, Wx, Wh, b), for a batch: so all
probes of one numerical Jacobian go through it in a single call.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from nncourse.widgets.memory_cells import STEPS, UNITS, inputs, weights
from nncourse.widgets.unrolled_own import H, alike

Array = np.ndarray
GATES = "ifgo"


def own_run(
    step: Callable[..., Any], backward: Callable[..., Any] | None, forget: float, write: int
) -> dict[str, Any]:
    """States and gradients of every step, in lists, for a cell with the weights of the LSTM.

    h, c, dh, dc (STEPS + 1, UNITS), the start first; here dc is what goes back to the cell of the
    step before, apart from h. gates: by letter, (STEPS, UNITS), {} if the step returns none. With
    ``backward`` the gradients are its own, numerical (STEPS + 1) the norms of the true ones and
    wrong [step, name] the first on the way back that disagrees, [] if none does.
    """
    cell = _Cell(step, forget)
    x = inputs(write)
    h, c, gates = [np.zeros(UNITS)], [np.zeros(UNITS)], []
    for t in range(STEPS):
        state, memory, seen = cell.next(x[t : t + 1], h[-1][None], c[-1][None])
        h.append(state[0])
        c.append(memory[0])
        gates.append(seen)
    jacobians = [cell.jacobian(x[t], h[t], c[t]) for t in range(STEPS)]
    first = np.eye(2 * UNITS)[0]  # of the answer, the last h of unit 1
    true = [first]
    for by_state, _by_input in reversed(jacobians):
        true.append(true[-1] @ by_state)
    found = [first]
    wrong: list[Any] = []
    for t in reversed(range(STEPS)):
        g = found[-1]
        by_state, by_input = jacobians[t]
        before = g @ by_state
        if backward is not None:
            wanted = {"dh": before[:UNITS], "dc": before[UNITS:], "dx": g @ by_input}
            arrays = (g[None, :UNITS], g[None, UNITS:], x[t : t + 1], h[t][None], c[t][None],
                      c[t + 1][None], gates[t], cell.wx, cell.wh)  # fmt: skip
            given = _shaped(backward(*arrays))
            size = float(np.linalg.norm(g))
            wrong = wrong or next(
                ([t + 1, name] for name in wanted if not alike(given[name], wanted[name], size)), []
            )
            before = np.concatenate([given["dh"], given["dc"]])
        found.append(before)
    both = np.array(found[::-1])
    told = [one for one in gates if one is not None]
    shown = dict(zip(GATES, np.split(np.concatenate(told), 4, axis=1))) if told else {}
    return {
        "h": np.array(h).tolist(),
        "c": np.array(c).tolist(),
        "dh": both[:, :UNITS].tolist(),
        "dc": both[:, UNITS:].tolist(),
        "gates": {name: values.tolist() for name, values in shown.items()},
        "numerical": np.linalg.norm(true[::-1], axis=1).tolist() if backward else [],
        "wrong": wrong,
        "write": write,
    }


class _Cell:
    """The student's step with the weights of the widget, and its numerical derivatives."""

    def __init__(self, step: Callable[..., Any], forget: float) -> None:
        self.step = step
        blocks = [weights("lstm", gate, forget) for gate in GATES]
        self.wx, self.wh, self.b = (np.concatenate(parts).astype(float) for parts in zip(*blocks))

    def next(self, x: Array, h: Array, c: Array) -> tuple[Array, Array, Array | None]:
        found = self.step(x, h, c, self.wx, self.wh, self.b)
        if not isinstance(found, tuple | list) or len(found) not in (2, 3):
            raise ValueError(
                f"MemoryCell: cell(x, h, c, Wx, Wh, b) has to return the new h and c, and the "
                f"gates if it likes; it returned {type(found).__name__}"
            )
        state, memory = (np.asarray(one) for one in found[:2])
        for name, one in (("h", state), ("c", memory)):
            if one.shape != h.shape or not np.isfinite(one).all():
                raise ValueError(
                    f"MemoryCell: cell(x, h, c, Wx, Wh, b) has to return the new {name}, finite "
                    f"numbers of shape {h.shape}; it returned {np.array2string(one, threshold=8)} "
                    f"of shape {one.shape}"
                )
        if len(found) == 2:
            return state, memory, None
        gates = np.asarray(found[2])
        if gates.shape != (len(h), 4 * UNITS):
            raise ValueError(
                f"MemoryCell: the gates have to be i, f, g, o side by side, of shape "
                f"{(len(h), 4 * UNITS)}; they are {gates.shape}"
            )
        return state, memory, gates

    def jacobian(self, x: Array, h: Array, c: Array) -> tuple[Array, Array]:
        """d(h', c')/d(h, c) (4, 4), row by output, and d(h', c')/dx (4, 3), in one call."""
        at = np.concatenate([h, c, x])
        probes = at + H * np.concatenate([np.eye(len(at)), -np.eye(len(at))])
        state, memory, _gates = self.next(
            probes[:, 2 * UNITS :], probes[:, :UNITS], probes[:, UNITS : 2 * UNITS]
        )
        found = np.concatenate([state, memory], axis=1)
        both = (found[: len(at)] - found[len(at) :]).T / (2 * H)
        return both[:, : 2 * UNITS], both[:, 2 * UNITS :]


def _shaped(gradients: Any) -> dict[str, Array]:
    """dc, dx and dh of what a student's backward pass returned for one example."""
    found = dict(zip(("dz", "dc", "dx", "dh"), map(np.asarray, gradients)))
    shapes = {"dc": (1, UNITS), "dx": (1, 3), "dh": (1, UNITS)}
    for name, shape in shapes.items():
        if name not in found or found[name].shape != shape or not np.isfinite(found[name]).all():
            raise ValueError(
                f"MemoryCell: backward(dh_next, dc_next, x, h, c, c_next, gates, Wx, Wh) has to "
                f"return dz, dc, dx, dh, ... of finite numbers; {name} has to be {shape}, here it "
                f"is {found[name].shape if name in found else 'missing'}"
            )
    return {name: found[name][0] for name in shapes}
