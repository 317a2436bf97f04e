"""The computation-graph stepper: type a formula, walk forward and back through its graph.

All steps are computed here (see graph_steps.py); the front end shows them, so stepping needs no
round trip. What the reader edits, a formula or a value, comes as a request, is computed and goes
back as new traits; a request that cannot be computed changes nothing but ``error``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import traitlets

from nncourse.language import catalogue, mark
from nncourse.widgets import graph_model, graph_steps
from nncourse.widgets.base import script, styles
from nncourse.widgets.expression import Expression, ExpressionError
from nncourse.widgets.numbers import format_number
from nncourse.widgets.parser import parse
from nncourse.widgets.step_widget import StepWidget

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_ = catalogue("widgets")

STANDARD = "x^2 + x*y + (x + y)^2"


class GraphStepper(StepWidget):
    """Step through the computation graph of ``expression``, forward and then backward.

    The expression may use + - * / ** (or ^), brackets, exp, log, sin, cos, tanh, sigmoid, relu,
    sqrt, abs, max and min, and several statements: ``"b = a + a; c = b + b"``. Every name that is
    not computed is a leaf; ``values`` sets leaves, the others start at small numbers. (A leaf
    called expression, step or predict is set afterwards: ``widget.values = {"step": 1}``.)

    ``expression`` and ``values`` can be assigned later as well; both raise ExpressionError (a
    ValueError) with the place in the formula when they cannot be computed. ``gradients`` holds
    the derivative of the output by each named node. ``step`` is the step on show, ``predict``
    hides each number until it is typed, ``score`` counts the answers.
    """

    _esm = script("base.js", "graph_drawing.js", "steps.js", "graph_stepper.js")
    _css = styles("base.css", "steps.css", "graph_stepper.css")

    question = mark("How does each number reach the output, and how does the gradient come back?")
    texts = StepWidget.texts | {
        "expression": mark("Formula"),
        "draw": mark("Draw"),
        "examples": mark("Examples"),
        "legend_value": mark("value"),
        "legend_gradient": mark("gradient of the output by this node"),
        "legend_local": mark("local derivative"),
    }
    examples = (
        STANDARD,
        "b = a + a; c = b + b",
        "sigmoid(w*x + b)",
        "1 / (1 + exp(-(w0*x0 + w1*x1 + w2)))",
        "max(x, y) * (x + z)",
        "h = tanh(u*x + a); (v*h + b - y)^2",
        "relu(x - 2) + relu(2 - x)",
        "log(exp(a) + exp(b)) - a",
    )

    expression = traitlets.Unicode().tag(sync=True)
    values = traitlets.Dict().tag(sync=True)
    suggestions: traitlets.List[str] = traitlets.List().tag(sync=True)

    def __init__(
        self, expression: str = STANDARD, *, step: int = 0, predict: bool = False, **values: float
    ) -> None:
        super().__init__()
        self.suggestions = list(self.examples)
        self._show(parse(expression), values, strict=True)
        self.predict = predict
        self.step = step
        self.observe(self._assigned, names=["expression", "values"])

    def _show(self, expression: Expression, values: dict[str, Any], strict: bool = False) -> None:
        """Compute everything for a formula and its leaves, then send it in one message."""
        leaves = [expression.nodes[i].name for i in expression.leaves]
        unknown = [name for name in values if name not in leaves]
        if strict and unknown:
            raise ValueError(
                _(
                    "{name} is not a variable of this formula; its variables are {names}.",
                    name=unknown[0],
                    names=", ".join(leaves),
                )
            )
        passes = graph_model.run(expression, graph_model.starting_values(expression, values))
        same_graph = bool(self.steps) and expression.text == self.graph.get("text")
        with self.hold_sync(), self.hold_trait_notifications():
            self._passes = passes
            if not same_graph:
                drawing = graph_model.drawing(expression)
                self.set_trait("graph", {**drawing, "text": expression.text})
            self.set_trait("steps", graph_steps.steps(passes))
            self.expression = expression.text
            self.values = passes.leaves
            self.set_trait("error", {})
            self.step = self.step if same_graph else 0

    def _assigned(self, change: Any) -> None:
        """``expression`` or ``values`` was set from Python (or by a linked widget)."""
        with self.lock:
            expression = self._passes.expression
            if change["name"] == "expression":
                if change["new"] == expression.text:
                    return
                try:
                    expression = parse(change["new"])
                    keep = {k: v for k, v in self.values.items() if k not in expression.defaults}
                    self._show(expression, keep)
                except ExpressionError:
                    self.expression = self._passes.expression.text
                    raise
            elif change["new"] != self._passes.leaves:
                try:
                    self._show(expression, change["new"], strict=True)
                except ValueError:
                    self.values = self._passes.leaves
                    raise

    def request(self, content: dict[str, Any]) -> None:
        """A reader has edited the formula or a value."""
        try:
            values = {k: float(v) for k, v in content.get("values", {}).items()}
            text = content.get("expression", self.expression)
            if text == self._passes.expression.text:
                self._show(self._passes.expression, {**self.values, **values})
            else:
                expression = parse(text)
                keep = {k: v for k, v in self.values.items() if k not in expression.defaults}
                self._show(expression, keep | values)
        except ExpressionError as error:
            place = {"start": error.start, "end": error.end}
            self.set_trait("error", {"text": error.message, "in": error.text, **place})

    @property
    def gradients(self) -> dict[str, float]:
        """The derivative of the output by each node, by name, intermediate ones included."""
        nodes = self._passes.expression.nodes
        return {node.name: g for node, g in zip(nodes, self._passes.gradients)}

    def arguments(self) -> str:
        named = [f"{name}={value:g}" for name, value in self.values.items()]
        return ", ".join([repr(self.expression), *named])

    def describe(self) -> str:
        """The graph as a list: each node with its formula, value and gradient."""
        expression = self._passes.expression
        output = expression.nodes[-1].label
        lines = [_("Computation graph of {formula}.", formula=expression.text)]
        for i, node in enumerate(expression.nodes):
            formula = "" if node.operation is None else f" = {expression.formula(i)}"
            lines.append(
                f"{node.label}{formula} = {format_number(self._passes.values[i])}, "
                f"∂{output}/∂{node.label} = {format_number(self._passes.gradients[i])}."
            )
        return "\n".join(lines)

    def figure(self) -> Figure:
        from nncourse.widgets.graph_picture import story_figure

        return story_figure(self.steps, self.graph, self.heading)
