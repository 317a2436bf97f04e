"""Which Boolean functions can one neuron compute? Sixteen to aim at, three numbers to choose.

The browser computes (perceptron.js and gates.js); Python has the same numbers from the library's
perceptron.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import traitlets

from nncourse.language import catalogue, mark
from nncourse.nn.perceptron import Perceptron, nearest_to_zero
from nncourse.widgets.base import CourseWidget, script, styles
from nncourse.widgets.numbers import format_number

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_ = catalogue("widgets")

INPUTS = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
# All functions of two bits; a table lists the values at 00, 01, 10, 11.
TABLES = {
    "AND": "0001", "OR": "0111", "NAND": "1110", "NOR": "1000",
    "XOR": "0110", "XNOR": "1001", "x₁": "0011", "x₂": "0101",
    "NOT x₁": "1100", "NOT x₂": "1010", "x₁ → x₂": "1101", "x₂ → x₁": "1011",
    "x₁ > x₂": "0010", "x₁ < x₂": "0100", "0": "0000", "1": "1111",
}  # fmt: skip
NAMES = {table: name for name, table in TABLES.items()}
# OR, AND, and the neuron u1 - u2 - 0.5 > 0 on their answers: XOR.
XOR_SOLUTION = [[0.5, 1.0, 1.0], [1.5, 1.0, 1.0], [0.5, 1.0, -1.0]]


def step_neuron(weight: Sequence[float]) -> Perceptron:
    """A perceptron of the library with the weight (w0, w1, w2)."""
    perceptron = Perceptron(2)
    perceptron.weight = np.array(weight, dtype=np.float64)
    return perceptron


def widest_distance(table: str) -> float:
    """The widest distance of a line from the four inputs that computes ``table``.

    Half of the distance between the convex hulls of the ones and of the zeros; 0 where no line
    separates them, infinite for a constant.
    """
    ones, zeros = (INPUTS[[k for k in range(4) if table[k] == bit]] for bit in "10")
    if not len(ones) or not len(zeros):
        return math.inf
    gaps = (ones[:, None] - zeros[None]).reshape(-1, 2)
    return float(np.linalg.norm(nearest_to_zero(gaps))) / 2


class GateBuilder(CourseWidget):
    """Choose the weights of a neuron until its truth table is the target's.

    ``target`` is a name such as "AND", "NAND", "XOR", or a table of the values at 00, 01, 10, 11
    such as "0110". ``neurons`` are three weights (w0, w1, w2): the neuron itself, or, with
    ``layer``, two hidden neurons and the one that reads them. ``found`` lists the functions that
    the reader has reached with one neuron.
    """

    _esm = script("base.js", "perceptron.js", "plane.js", "gates.js")
    _css = styles("base.css", "neuron.css")

    question = mark("Which Boolean functions can one neuron compute?")
    texts = {
        "target": mark("Target"),
        "tally": mark("Reached with one neuron: {n} of 16"),
        "add_layer": mark("Add a layer of two neurons"),
        "edited": mark("The sliders move"),
        "neuron_1": mark("hidden u₁"),
        "neuron_2": mark("hidden u₂"),
        "neuron_out": mark("output"),
        "solution": mark("Show XOR"),
        "plane_x": mark("the inputs x"),
        "plane_u": mark("what the output neuron sees: u"),
        "output": mark("out"),
        "wanted": mark("target"),
        "reached": mark("{name}: reached."),
        "not_reached": mark("{name}: wrong in {wrong} of 4 rows."),
        "margin": mark("Margin {margin}."),
        "widest": mark("The widest possible: {widest}."),
        "impossible": mark("No line separates these points: add a feature or a layer."),
        "hint_layer": mark("Let the hidden neurons place the points so that one line is enough."),
        "plane_alt": mark("The neuron {formula} > 0; target {name}, wrong in {wrong} of 4 rows"),
    }

    functions: traitlets.List[Any] = traitlets.List(read_only=True).tag(sync=True)
    solution: traitlets.List[Any] = traitlets.List(read_only=True).tag(sync=True)
    target = traitlets.Enum(list(NAMES), "0001").tag(sync=True)
    neurons: traitlets.List[Any] = traitlets.List().tag(sync=True)
    layer = traitlets.Bool(False).tag(sync=True)
    found: traitlets.List[Any] = traitlets.List().tag(sync=True)

    def __init__(
        self,
        target: str = "AND",
        weights: Sequence[float] | None = None,
        neurons: Sequence[Sequence[float]] | None = None,
        layer: bool = False,
        **traits: Any,
    ) -> None:
        if neurons is None:
            first = XOR_SOLUTION[0] if layer and weights is None else (weights or (1, 1, -1))
            neurons = [first, (1.5, 1, 1), (0.5, 1, 1)]
        super().__init__(
            target=TABLES.get(target, target),
            neurons=[[float(w) for w in neuron] for neuron in neurons],
            layer=layer,
            **traits,
        )
        self.set_trait("functions", [{"name": n, "table": t} for n, t in TABLES.items()])
        self.set_trait("solution", XOR_SOLUTION)

    @traitlets.validate("neurons")
    def _check_neurons(self, proposal: Any) -> list[list[float]]:
        neurons = proposal["value"]
        if len(neurons) != 3 or any(len(weight) != 3 for weight in neurons):
            raise traitlets.TraitError(
                f"neurons: three weights (w0, w1, w2), two hidden and the output; got {neurons}"
            )
        return neurons

    @property
    def hidden(self) -> np.ndarray:
        """What the last neuron reads, (4, 2): the hidden outputs, or the inputs themselves."""
        if not self.layer:
            return INPUTS
        return np.stack([step_neuron(w)(INPUTS) for w in self.neurons[:2]], axis=1)

    @property
    def last(self) -> Perceptron:
        """The neuron whose output is the answer."""
        return step_neuron(self.neurons[2 if self.layer else 0])

    @property
    def outputs(self) -> np.ndarray:
        """The answers at 00, 01, 10, 11: (4,) of 0 and 1."""
        return self.last(self.hidden)

    @property
    def reached(self) -> bool:
        """Is the truth table the target's?"""
        return "".join(map(str, self.outputs)) == self.target

    @property
    def margin(self) -> float:
        """The smallest distance of what the last neuron reads from its line."""
        return self.last.margin(self.hidden, 2 * self.outputs - 1)

    def arguments(self) -> str:
        neurons = ", ".join(f"({', '.join(f'{w:g}' for w in weight)})" for weight in self.neurons)
        return f"{NAMES[self.target]!r}, neurons=[{neurons}], layer={self.layer}"

    def describe(self) -> str:
        """The neurons, the truth table, and whether it is the target's, in words."""
        neurons = self.neurons if self.layer else self.neurons[:1]
        weights = ("(" + "; ".join(format_number(v) for v in weight) + ")" for weight in neurons)
        said = self.texts
        verdict = said["reached"] if self.reached else said["not_reached"]
        wrong = sum(str(out) != bit for out, bit in zip(self.outputs, self.target))
        lines = [
            _("Weights (w₀; w₁; w₂): {weights}.", weights=", ".join(weights)),
            _("Outputs at 00, 01, 10, 11: {outputs}.", outputs=", ".join(map(str, self.outputs))),
            _(verdict, name=NAMES[self.target], wrong=wrong),
        ]
        if self.reached and not math.isnan(self.margin):
            margin = said["margin"]
            lines.append(_(margin, margin=format_number(self.margin)))
        elif not self.layer and widest_distance(self.target) == 0:
            impossible = said["impossible"]
            lines.append(_(impossible))
        return "\n".join(lines)

    def figure(self) -> Figure:
        from nncourse.widgets.neuron_picture import gates_figure

        targets = np.array([int(bit) for bit in self.target])
        hidden = self.hidden if self.layer else None
        return gates_figure(INPUTS, hidden, targets, self.neurons, self.outputs,
                            self.last.score(self.hidden), self.heading)  # fmt: skip
