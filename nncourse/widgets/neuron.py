"""Which side of the line is a point on? A neuron on the plane, and the rule that moves its line.

The browser computes (perceptron.js, twin of nncourse/nn/perceptron.py), so that a dragged line
answers at once; Python has the same numbers.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import traitlets

from nncourse.language import catalogue, mark
from nncourse.nn.perceptron import Perceptron, novikoff_bound
from nncourse.widgets.base import CourseWidget, script, styles
from nncourse.widgets.numbers import format_number

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_ = catalogue("widgets")

# (x1, x2, y); multiples of 1/8, so that sums are exact and a point on the line is really on it.
DATASETS: dict[str, list[list[float]]] = {
    "clouds": [[1, 1.875, 1], [2.25, 0.625, 1], [0.5, 2.25, 1], [2.125, 1.625, 1],
               [1.5, 1.625, 1], [0.125, -0.375, -1], [1.375, -0.125, -1], [-0.625, -0.125, -1],
               [0, 1, -1], [-0.625, -0.875, -1]],
    "narrow": [[-2, -1.5, 1], [0, 0.5, 1], [2, 2.375, 1], [-1, 0.25, 1],
               [-1.5, -1.5, -1], [0.5, 0.5, -1], [2.5, 2.375, -1], [1.5, -0.5, -1]],
    "or": [[1, 1, 1], [0, 0, -1], [0, 1, 1], [1, 0, 1]],
    "and": [[1, 1, 1], [0, 0, -1], [0, 1, -1], [1, 0, -1]],
    "xor": [[1, 1, -1], [0, 0, -1], [0, 1, 1], [1, 0, 1]],
}  # fmt: skip
MOST_POINTS = 12


class NeuronPlane(CourseWidget):
    """A neuron with two inputs, its line, and points of two classes; all of them can be dragged.

    ``points`` is one of "clouds", "narrow", "or", "and", "xor", or a list of (x1, x2, y) with
    y = -1 or +1, at most 12. ``weights`` is (w0, w1, w2); the neuron gives 1 where
    w1 x1 + w2 x2 - w0 > 0. ``updates`` counts the corrections of the perceptron rule.
    """

    _esm = script("base.js", "perceptron.js", "plane.js", "neuron.js")
    _css = styles("base.css", "neuron.css")

    question = mark(
        "Which side of the line is a point on, and how does the perceptron move the line?"
    )
    texts = {
        "step": mark("One correction"),
        "run": mark("Run"),
        "stop": mark("Stop"),
        "reset": mark("Start at w = 0"),
        "data": mark("Points"),
        "own_data": mark("my own"),
        "data_clouds": mark("two clouds"),
        "data_narrow": mark("a narrow gap"),
        "data_or": mark("OR"),
        "data_and": mark("AND"),
        "data_xor": mark("XOR"),
        "add_positive": mark("Add a point of class +1"),
        "add_negative": mark("Add a point of class −1"),
        "remove": mark("Remove point"),
        "handle_base": mark("Line: arrow keys or the mouse shift it"),
        "handle_tip": mark("Normal w: arrow keys or the mouse turn it"),
        "output": mark("out"),
        "distance": mark("distance"),
        "point": mark("point {i}"),
        "point_label": mark("Point {i} of class {class} at ({x}; {y}): h = {h}, {verdict}"),
        "right": mark("on its side"),
        "wrong": mark("not on its side"),
        "next": mark("On the wrong side: {wrong} of {n}. Next to correct: point {i}."),
        "done": mark("All {n} points are on their sides; the nearest is {margin} from the line."),
        "count": mark("Corrections: {n}."),
        "gave_up": mark("Stopped after {n} corrections: they would never end."),
        "bound": mark("R = {radius}, γ = {gamma}: from w = 0 at most (R/γ)² = {most} corrections."),
        "bound_elsewhere": mark(
            "R = {radius}, γ = {gamma}. The bound (R/γ)² = {most} is for a start at w = 0."
        ),
        "not_separable": mark("No line separates these points, so there is no bound."),
        "no_correction": mark("Here a correction w := w + y x will be drawn."),
        "corrected": mark("point {i}, y = {y}, h = {h}:"),
        "weight_alt": mark("The weight {w} as an arrow"),
        "correction_alt": mark("The old weight {before}, plus {change}, gives {after}"),
        "plane_alt": mark("Line with normal {w} and w0 = {w0}; wrong {wrong} of {n} points"),
        "help": mark(
            "Drag the points, the full dot (shifts the line) and the ring (turns the normal w), "
            "or move them with arrow keys; space changes a point's class, Delete removes it. "
            "A double click adds ●, with Shift ■."
        ),
    }

    datasets = traitlets.Dict(read_only=True).tag(sync=True)
    points: traitlets.List[Any] = traitlets.List().tag(sync=True)
    weights = traitlets.List(traitlets.Float(), minlen=3, maxlen=3).tag(sync=True)
    updates = traitlets.Int(0, min=0).tag(sync=True)
    cursor = traitlets.Int(0, min=0).tag(sync=True)  # the point that the rule looks at next
    from_zero = traitlets.Bool(True).tag(sync=True)  # did the count of updates start at w = 0?

    def __init__(
        self,
        points: str | Sequence[Sequence[float]] = "clouds",
        weights: Sequence[float] = (0, 0, 0),
        **traits: Any,
    ) -> None:
        if isinstance(points, str):
            if points not in DATASETS:
                raise ValueError(f"NeuronPlane: no points {points!r}; there are {list(DATASETS)}")
            points = DATASETS[points]
        weights = [float(w) for w in weights]
        traits.setdefault("from_zero", not any(weights))
        super().__init__(
            points=[[float(v) for v in point] for point in points], weights=weights, **traits
        )
        self.set_trait("datasets", DATASETS)

    @traitlets.validate("points")
    def _check_points(self, proposal: Any) -> list[list[float]]:
        points = proposal["value"]
        if not 1 <= len(points) <= MOST_POINTS:
            raise traitlets.TraitError(f"points: 1 to {MOST_POINTS} of them, got {len(points)}")
        for point in points:
            if len(point) != 3 or point[2] not in (-1, 1) or not np.isfinite(point).all():
                raise traitlets.TraitError(f"points: each is (x1, x2, y), y -1 or +1; got {point}")
        return points

    @property
    def x(self) -> np.ndarray:
        """The features of the points, (N, 2)."""
        return np.array(self.points, dtype=np.float64)[:, :2]

    @property
    def y(self) -> np.ndarray:
        """The classes of the points, (N,) of -1 and +1."""
        return np.array(self.points, dtype=np.float64)[:, 2]

    @property
    def perceptron(self) -> Perceptron:
        """A perceptron of the library with the weights shown."""
        perceptron = Perceptron(2)
        perceptron.weight = np.array(self.weights)
        return perceptron

    @property
    def scores(self) -> np.ndarray:
        """h = w1 x1 + w2 x2 - w0 of each point, (N,)."""
        return self.perceptron.score(self.x)

    @property
    def mistakes(self) -> int:
        """How many points the rule would correct: those with y h <= 0."""
        return int((self.y * self.scores <= 0).sum())

    @property
    def bound(self) -> float:
        """(R / gamma)^2, the most corrections from w = 0; infinite if no line separates."""
        return novikoff_bound(self.x, self.y)

    def arguments(self) -> str:
        points = ", ".join(f"({x:g}, {y:g}, {c:g})" for x, y, c in self.points)
        return f"[{points}], weights=({', '.join(f'{w:g}' for w in self.weights)})"

    def describe(self) -> str:
        """The line, every point's sum and output, and the bound, in words."""
        w0, w1, w2 = (format_number(w) for w in self.weights)
        lines = [
            _("The neuron gives 1 where ({w1})·x₁ + ({w2})·x₂ − ({w0}) > 0.", w0=w0, w1=w1, w2=w2)
        ]
        for i, (point, h) in enumerate(zip(self.points, self.scores)):
            lines.append(
                _("Point {i} of class {c} at ({x}; {y}): h = {h}, output {out}.",
                  i=i + 1, c="+1" if point[2] > 0 else "−1", x=format_number(point[0]),
                  y=format_number(point[1]), h=format_number(float(h)), out=int(h > 0))
            )  # fmt: skip
        lines.append(_("Wrong: {wrong} of {n}. Corrections: {k}.", wrong=self.mistakes,
                       n=len(self.points), k=self.updates))  # fmt: skip
        if math.isinf(self.bound):
            never = self.texts["not_separable"]
            lines.append(_(never))
        else:
            most = math.floor(self.bound + 1e-9)
            lines.append(_("From w = 0 at most {most} corrections.", most=most))
        return "\n".join(lines)

    def figure(self) -> Figure:
        from nncourse.widgets.neuron_picture import neuron_figure

        return neuron_figure(self.x, self.y, self.weights, self.heading)
