"""How much does an early input matter to a late loss? An unrolled RNN, the gradient step by step.

s_t = f(U x_t + W s_(t-1)), with W = radius times an orthogonal matrix, so that W alone changes no
gradient but by that factor; the loss is C = v . s_T with |v| = 1. The browser computes
(unrolled.js), and Python has the same numbers. A step function of the student's own runs in the
kernel, against the numerical gradient of itself.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import traitlets

from nncourse.language import catalogue, mark
from nncourse.widgets.base import new_figure
from nncourse.widgets.depth import weight
from nncourse.widgets.explorer import (
    COLOURS,
    Explorer,
    explorer_script,
    explorer_styles,
    look,
    normals,
)
from nncourse.widgets.numbers import format_number, subscript
from nncourse.widgets.unrolled_own import UNITS, own_passes

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_ = catalogue("widgets")

LONGEST = 24
UNIT: dict[str, tuple[Callable[[Any], Any], Callable[[Any], Any]]] = {
    "tanh": (np.tanh, lambda s: 1 - s**2),
    "identity": (lambda z: z, np.ones_like),
    "relu": (lambda z: np.maximum(z, 0), lambda s: (s > 0) * 1.0),
}  # f, and f' from the value of f
VANISHED, EXPLODED = 0.03, 30.0  # what is said about the ratio of the first to the last gradient


def network(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Q (6, 6) orthogonal, U (6), v (6) of length 1, s_0 (6) and inputs x (24) from a seed."""
    stream = normals(seed)

    def draw(*shape: int) -> np.ndarray:
        return np.array([next(stream) for _ in range(int(np.prod(shape)))]).reshape(shape)

    q = weight(draw(UNITS, UNITS), "orthogonal", 1.0)
    u, v, s0 = 0.3 * draw(UNITS), draw(UNITS), 0.3 * draw(UNITS)
    return q, u, v / np.linalg.norm(v), s0, draw(LONGEST)


def passes(activation: str, radius: float, length: int, horizon: int, seed: int) -> dict[str, Any]:
    """Both passes; lists begin with step 1, but ``states`` and ``arriving`` with s_0.

    states (T + 1, 6), arriving: dC/ds_k (T + 1, 6), terms (T,): the norms of the terms of dC/dW,
    inputs: dC/dx_k (T,), total: the norm of dC/dW, loss. The gradient is carried back over
    ``horizon`` steps at most; what lies before has none.
    """
    q, u, v, s0, x = network(seed)
    f, slope = UNIT[activation]
    states = [s0]
    for t in range(length):
        states.append(f(u * x[t] + radius * q @ states[-1]))
    arriving = np.zeros((length + 1, UNITS))
    arriving[length] = v
    terms, inputs, dw = np.zeros(length), np.zeros(length), np.zeros((UNITS, UNITS))
    first = max(0, length - horizon)
    for k in range(length, first, -1):
        dz = arriving[k] * slope(states[k])
        term = np.outer(dz, states[k - 1])
        terms[k - 1], inputs[k - 1] = np.linalg.norm(term), dz @ u
        dw += term
        if k - 1 > first or first == 0:
            arriving[k - 1] = radius * q.T @ dz
    return {"states": np.array(states), "arriving": arriving, "terms": terms, "inputs": inputs,
            "total": float(np.linalg.norm(dw)), "loss": float(v @ states[-1])}  # fmt: skip


def measured(activation: str, radius: float, length: int, seed: int, k: int) -> float:
    """dC/dx_k (k from 1) as a central difference, which no truncation can fool."""
    q, u, v, s0, x = network(seed)
    f, _slope = UNIT[activation]
    ends = []
    for h in (1e-4, -1e-4):
        s = s0
        for t in range(length):
            s = f(u * (x[t] + (h if t == k - 1 else 0.0)) + radius * q @ s)
        ends.append(float(v @ s))
    return (ends[0] - ends[1]) / 2e-4


class UnrolledRNN(Explorer):
    """Unroll a small recurrent network and follow the gradient of the last loss back in time.

    ``activation``: "tanh", "identity" or "relu"; ``radius``: the spectral radius of W, from 0.1 to
    3; ``length``: 2 to 24 steps; ``horizon``: over how many steps the gradient is carried back;
    ``limit``: the norm to which dC/dW is clipped if ``clipped``; ``chosen``: the step to look at;
    ``shown``: how much of the two passes is on show, 0 to 2 T + 1.

    ``step(x, h, Wx, Wh, b)``, the student's own, takes x (N, 1) and h (N, 6) and returns the new h
    (N, 6), as in exercise ps10; ``backward(dh_next, x, h, h_next, Wx, Wh)``, its gradients dx, dh,
    dWx, dWh, ... With them there is the activation "own", and the numerical gradient beside it.
    """

    _esm = explorer_script("matrix.js", "unrolled_picture.js", "unrolled.js")
    _css = explorer_styles("unrolled.css")

    question = mark(
        "How much does an early input matter to a late loss, and where is the gradient lost or "
        "blown up?"
    )
    settings = ("activation", "radius", "length", "horizon", "clipped", "limit", "chosen", "shown",
                "seed")  # fmt: skip
    texts = {
        "activation": mark("Activation"),
        "identity": mark("none"),
        "own": mark("your own step"),
        "radius": mark("Spectral radius of W"),
        "length": mark("Steps T"),
        "horizon": mark("Carried back, steps"),
        "all": mark("all"),
        "clipped": mark("Clip the gradient of W"),
        "limit": mark("Largest norm"),
        "passes": mark("Both passes"),
        "again": mark("Other random numbers"),
        "play": mark("Play"),
        "pause": mark("Pause"),
        "help": mark("Choose a step with the mouse or with arrow keys."),
        "norms": mark("Norms, step by step (the last column is the sum)"),
        "arriving": mark("gradient that arrives, ‖∂C/∂s‖"),
        "terms": mark("term of ∂C/∂W"),
        "numerical": mark("numerical gradient of your step"),
        "sum_before": mark("sum of the terms, ∂C/∂W"),
        "sum_after": mark("sum after clipping"),
        "by_rule": mark("∂C/∂x{k} by backpropagation"),
        "by_difference": mark("by a difference"),
        "after": mark("after clipping"),
        "lost": mark(
            "The gradient is lost on its way back: the first inputs hardly teach the network "
            "anything."
        ),
        "blown": mark("The gradient blows up on its way back: one step would throw the weights."),
        "flows": mark("The gradient arrives at the first step about as large as it set out."),
        "cut": mark(
            "Cut: before step {k} there is no gradient. The difference shows what that leaves out."
        ),
        "wrong": mark(
            "At step {k} your {name} is not the numerical gradient of your own step, for the "
            "gradient that arrives there."
        ),
        "alt": mark(
            "{steps} steps: the gradient is {first} at the first state and {last} at the last; "
            "{of_w} is that of W"
        ),
    }

    activation = traitlets.Unicode("tanh").tag(sync=True)
    radius = traitlets.Float(0.7, min=0.1, max=3).tag(sync=True)
    length = traitlets.Int(12, min=2, max=LONGEST).tag(sync=True)
    horizon = traitlets.Int(LONGEST, min=1, max=LONGEST).tag(sync=True)
    clipped = traitlets.Bool(False).tag(sync=True)
    limit = traitlets.Float(1.0, min=0.001, max=1000).tag(sync=True)
    chosen = traitlets.Int(1, min=1, max=LONGEST).tag(sync=True)
    shown = traitlets.Int(2 * LONGEST + 1, min=0, max=2 * LONGEST + 1).tag(sync=True)
    seed = traitlets.Int(0, min=0).tag(sync=True)
    own = traitlets.Dict(read_only=True).tag(sync=True)

    def __init__(
        self,
        activation: str | None = None,
        *,
        step: Callable[..., Any] | None = None,
        backward: Callable[..., Any] | None = None,
        **traits: Any,
    ) -> None:
        if backward is not None and step is None:
            raise ValueError("UnrolledRNN: backward= is the gradient of step=; give both")
        self._step, self._backward = step, backward
        traits.setdefault("shown", 2 * traits.get("length", 12) + 1)
        super().__init__(activation or ("own" if step else "tanh"), **traits)
        if step is not None:
            self._run()
            self.observe(self._run, ["radius", "length", "horizon", "seed"])

    @traitlets.validate("activation")
    def _valid_activation(self, proposal: Any) -> str:
        name: str = proposal["value"]
        if name in UNIT or (name == "own" and self._step is not None):
            return name
        known = ", ".join(UNIT)
        raise traitlets.TraitError(
            f"UnrolledRNN: the activation is one of {known}, or 'own' with step=; got {name!r}"
        )

    def _run(self, _change: Any = None) -> None:
        """The two passes of the student's step, for the front end."""
        with self.lock:
            assert self._step is not None
            found = own_passes(self._step, self._backward, network(self.seed), self.radius,
                               self.length, self.horizon)  # fmt: skip
            # The front end draws these numbers with the settings that they belong to.
            self.set_trait("own", {**found, "length": self.length, "horizon": self.horizon})

    @property
    def passes(self) -> dict[str, Any]:
        """The numbers on show, as ``passes`` returns them."""
        if self.activation == "own":
            return {**self.own, **{key: np.array(self.own[key]) for key in
                                   ("states", "arriving", "terms", "inputs")}}  # fmt: skip
        return passes(self.activation, self.radius, self.length, self.horizon, self.seed)

    @property
    def norms(self) -> np.ndarray:
        """The norm of the gradient that arrives at each state s_0 ... s_T, (T + 1,)."""
        return np.linalg.norm(self.passes["arriving"], axis=1)

    def _said(self, norms: np.ndarray) -> str:
        wrong = self.own["wrong"] if self.activation == "own" else []
        if wrong:
            return self.said("wrong", k=wrong[0], name=wrong[1])
        if self.horizon < self.length:
            return self.said("cut", k=self.length - self.horizon + 1)
        ratio = norms[1] / norms[-1]
        return self.said("lost" if ratio < VANISHED else "blown" if ratio > EXPLODED else "flows")

    def arguments(self) -> str:
        functions = {"step": self._step, "backward": self._backward}
        given = [f"{key}={one.__name__}" for key, one in functions.items() if one is not None]
        return ", ".join([super().arguments(), *given])

    def describe(self) -> str:
        """The ends of the gradient's way, in words."""
        found, norms = self.passes, self.norms
        alt = self.said("alt", steps=self.length, first=format_number(float(norms[1])),
                        last=format_number(float(norms[-1])),
                        of_w=format_number(found["total"]))  # fmt: skip
        return f"{alt}.\n{self._said(norms)}"

    def figure(self) -> Figure:
        figure = new_figure(8.6, 4.6)
        figure.suptitle(self.heading, fontsize=10.5, weight="bold", x=0.012, ha="left")
        above, place = figure.subplots(2, 1, sharex=True, height_ratios=[1, 3.4])
        place.tick_params(which="both", labelsize=8)
        place.grid(color="#d5d8dd", linewidth=0.6)
        place.set_axisbelow(True)
        found, norms = self.passes, self.norms
        steps = np.arange(self.length + 1)
        floor = 1e-12
        self._draw_states(above, found["states"])

        def line(x: Any, y: Any, k: int, key: str) -> None:
            y = np.where(np.asarray(y) > floor, y, np.nan)
            place.semilogy(x, y, marker="os^D"[k], ms=5, **look(k), label=self.said(key))

        line(steps, norms, 1, "arriving")
        line(steps[1:], found["terms"], 0, "terms")
        if self.activation == "own":
            line(steps, found["numerical"], 2, "numerical")
        total = found["total"]
        place.plot(self.length + 1, max(total, floor), "s", color=COLOURS[0], mfc="white", ms=8,
                   label=self.said("sum_before"))  # fmt: skip
        if self.clipped:
            place.plot(self.length + 1, min(total, self.limit), "D", color=COLOURS[2], ms=8,
                       label=self.said("sum_after"))  # fmt: skip
        place.set_xticks(
            [*steps, self.length + 1], [f"s{subscript(str(k))}" for k in steps] + ["Σ"]
        )
        place.set_title(self.said("norms"), fontsize=9)
        place.legend(fontsize=8)
        return figure

    def _draw_states(self, place: Any, states: np.ndarray) -> None:
        """The unrolled graph: a box of bars for every state, arrows there and back."""
        from matplotlib.patches import Rectangle

        largest = max(1.0, float(np.abs(states).max()))
        for k, state in enumerate(states):
            bars = k + np.linspace(-0.2, 0.2, UNITS)
            colours = [COLOURS[0] if value >= 0 else COLOURS[2] for value in state]
            place.bar(bars, state / largest, 0.07, color=colours)
            frame = Rectangle((k - 0.28, -1.1), 0.56, 2.2, fill=False, linewidth=0.8)
            place.add_patch(frame)
            if k:
                for height, way, colour in ((0.5, 1, COLOURS[0]), (-0.5, -1, COLOURS[1])):
                    ends = [k - 0.5 - 0.2 * way, k - 0.5 + 0.2 * way]
                    arrow = {"arrowstyle": "-|>", "color": colour, "shrinkA": 0, "shrinkB": 0}
                    place.annotate("", (ends[1], height), (ends[0], height), arrowprops=arrow)
        place.annotate("C", (len(states) - 0.62, 0), (len(states) - 0.3, 0), va="center",
                       fontsize=9, arrowprops={"arrowstyle": "<|-"})  # fmt: skip
        place.set_ylim(-1.3, 1.3)
        place.set_axis_off()
