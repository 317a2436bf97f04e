"""Backpropagation through a small network, neuron by neuron, and steps of gradient descent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import traitlets

from nncourse.language import catalogue, mark
from nncourse.widgets import network_model
from nncourse.widgets.base import script, styles
from nncourse.widgets.network_model import ACTIVATIONS, SHAPES
from nncourse.widgets.numbers import format_number
from nncourse.widgets.step_widget import StepWidget

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_ = catalogue("widgets")

_LARGEST = 1e6  # beyond this all is saturated and the numbers say nothing more


class BackpropNet(StepWidget):
    """Walk through a network of 2 inputs, 3 hidden neurons and 2 classes.

    ``x`` are the two inputs, ``target`` is the right class (1 or 2, as in the picture),
    ``activation`` "tanh", "sigmoid" or "relu". ``weights`` may hold arrays W1 (3, 2), b1 (3,),
    W2 (2, 3), b2 (2,), in PyTorch's order (out, in); otherwise they are drawn with ``seed`` (26
    gives a network with nothing special: no saturated neuron, no cancelling sums).
    ``gradients`` has the same names and shapes, ``loss`` the cross-entropy, ``losses`` what it was
    before each step of descent.
    """

    _esm = script("base.js", "graph_drawing.js", "steps.js", "backprop_net.js")
    _css = styles("base.css", "steps.css", "backprop_net.css")

    question = mark("Which way does the error take back to each weight of a network?")
    texts = StepWidget.texts | {
        "target": mark("Right class"),
        "activation": mark("Activation"),
        "rate": mark("Learning rate"),
        "descend": mark("Take a gradient step"),
        "restart": mark("Initial weights"),
        "losses": mark("Loss: {losses}"),
        "legend_value": mark("value (sum → activation)"),
        "legend_gradient": mark("δ, the derivative of the loss by the sum"),
        "legend_local": mark("weight ◂ its gradient"),
    }

    values = traitlets.Dict(read_only=True).tag(sync=True)
    target = traitlets.Int(1, min=1, max=2).tag(sync=True)
    activation = traitlets.Enum(list(ACTIVATIONS), "tanh").tag(sync=True)
    losses: traitlets.List[float] = traitlets.List(read_only=True).tag(sync=True)

    def __init__(
        self,
        x: Sequence[float] = (1.0, 0.5),
        target: int = 1,
        *,
        activation: str = "tanh",
        weights: Mapping[str, Any] | None = None,
        seed: int = 26,
        step: int = 0,
    ) -> None:
        super().__init__(target=target, activation=activation)
        if len(x) != 2:
            raise ValueError(_("x has {n} numbers; this network has two inputs.", n=len(x)))
        self._first = {**network_model.starting_weights(seed), **_checked(weights or {})}
        self._weights = self._first
        self._seed = seed if weights is None else None
        self._x = np.array([float(v) for v in x])
        self._losses: list[float] = []
        self._show()
        self.step = step
        self.observe(self._assigned, names=["target", "activation"])

    def _show(self) -> None:
        with self.hold_sync(), self.hold_trait_notifications():
            passes = network_model.run(self._weights, self._x, self.target - 1, self.activation)
            self._passes = passes
            self.set_trait("graph", network_model.drawing(self.activation))
            self.set_trait("steps", network_model.steps(passes))
            self.set_trait("values", {"x1": float(self._x[0]), "x2": float(self._x[1])})
            self.set_trait("losses", [*self._losses, passes.loss])

    def _assigned(self, _change: Any) -> None:
        with self.lock:
            self._losses = []
            self._show()

    def request(self, content: dict[str, Any]) -> None:
        """A reader has edited an input, or asked for a step or for the first weights."""
        self.set_trait("error", {})
        if "values" in content:
            values = {**self.values, **content["values"]}
            inputs = [float(values["x1"]), float(values["x2"])]
            self._x = np.clip(inputs, -_LARGEST, _LARGEST)
            self._losses = []
        if "rate" in content:
            self._descend(float(content["rate"]))
        if content.get("restart"):
            self._weights, self._losses = self._first, []
        self._show()

    def _descend(self, rate: float) -> None:
        rate = min(max(rate, 0.0), 100.0)
        moved = {k: w - rate * self._passes.grads[k] for k, w in self._weights.items()}
        if max(np.abs(w).max() for w in moved.values()) > _LARGEST:
            self.set_trait("error", {"text": _("The weights explode: take a smaller step.")})
            return
        self._losses = [*self._losses, self._passes.loss][-8:]
        self._weights = moved

    def descend(self, rate: float = 0.5) -> float:
        """One step of gradient descent on this example; returns the new loss."""
        with self.lock:
            self._descend(rate)
            self._show()
        return self.loss

    @property
    def loss(self) -> float:
        return self._passes.loss

    @property
    def weights(self) -> dict[str, np.ndarray]:
        return {name: w.copy() for name, w in self._weights.items()}

    @property
    def gradients(self) -> dict[str, np.ndarray]:
        return {name: g.copy() for name, g in self._passes.grads.items()}

    def arguments(self) -> str:
        start = f"[{self._x[0]:g}, {self._x[1]:g}], target={self.target}"
        own = "weights=..." if self._seed is None else f"seed={self._seed}"
        return f"{start}, activation={self.activation!r}, {own}"

    def describe(self) -> str:
        """All values, δ and gradients, in words."""
        n = self._passes

        def row(values: np.ndarray) -> str:
            return ", ".join(format_number(float(v)) for v in np.ravel(values))

        return "\n".join(
            [
                _("Network of 2 inputs, 3 hidden neurons ({activation}) and 2 classes.",
                  activation=self.activation),
                f"x = {row(n.x)}; h = {row(n.h)}; o = {row(n.o)}; p = {row(n.p)}; "
                f"L = {format_number(n.loss)}.",
                f"δ(o) = {row(n.delta_o)}; δ(z) = {row(n.delta_z)}.",
                f"∂L/∂W₁ = {row(n.grads['W1'])}; ∂L/∂W₂ = {row(n.grads['W2'])}.",
            ]
        )  # fmt: skip

    def figure(self) -> Figure:
        from nncourse.widgets.graph_picture import story_figure

        return story_figure(self.steps, self.graph, self.heading)


def _checked(weights: Mapping[str, Any]) -> dict[str, np.ndarray]:
    arrays = {}
    for name, given in weights.items():
        if name not in SHAPES:
            raise ValueError(
                _(
                    "There is no weight {name}; there are {names}.",
                    name=name,
                    names=", ".join(SHAPES),
                )
            )
        if not isinstance(given, np.ndarray):
            given = getattr(given, "data", given)  # of a Tensor or a Parameter
        array = np.array(given, dtype=np.float64)
        if array.shape != SHAPES[name]:
            raise ValueError(
                _("{name} has shape {got}; it must be {want}.",
                  name=name, got=array.shape, want=SHAPES[name])
            )  # fmt: skip
        arrays[name] = array
    return arrays
