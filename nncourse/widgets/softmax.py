"""How do scores become probabilities, and what does a wrong one cost? Softmax and cross-entropy.

The browser computes (softmax.js), so a slider answers at once; Python has the same numbers.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import traitlets

from nncourse.language import catalogue, mark
from nncourse.widgets.explorer import COLOURS, Explorer, explorer_script, explorer_styles, picture
from nncourse.widgets.numbers import format_number

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_ = catalogue("widgets")

MOST_CLASSES = 5


class SoftmaxExplorer(Explorer):
    """Move the scores of a few classes; see probabilities, the loss -ln p and its gradient.

    ``names`` are the classes (2 to 5), ``scores`` their z, ``target`` the number of the right one.
    ``temperature`` T divides the scores, ``shift`` is added to all of them; ``naive`` computes
    exp(z) without subtracting the largest score first, which overflows.
    """

    _esm = explorer_script("softmax.js")
    _css = explorer_styles()

    question = mark("How do scores become probabilities, and what does a wrong one cost?")
    settings = ("scores", "names", "target", "temperature", "shift", "naive")
    texts = {
        "scores": mark("Scores"),
        "score": mark("Score of"),
        "target": mark("Right class"),
        "temperature": mark("Temperature T"),
        "shift": mark("Add to all scores"),
        "naive": mark("without subtracting the maximum"),
        "probability": mark("Probabilities p"),
        "loss": mark("Loss: −ln p of the right class"),
        "gradient": mark("Gradient by the scores: (p − y)/T"),
        "p_target": mark("p of the right class"),
        "right": mark("The right class leads. The loss is {loss}, not 0: p < 1."),
        "wrong": mark(
            "“{best}” leads, and the loss is {loss}. Minus the gradient lowers it and "
            "raises the right score."
        ),
        "overflow": mark(
            "exp(z) is infinite or all are 0, and the quotient is not a number. Subtract the "
            "largest score first: p stays the same."
        ),
    }

    names: traitlets.List[Any] = traitlets.List(traitlets.Unicode()).tag(sync=True)
    scores: traitlets.List[Any] = traitlets.List(traitlets.Float()).tag(sync=True)
    target = traitlets.Int(0, min=0).tag(sync=True)
    temperature = traitlets.Float(1.0, min=0.1, max=10).tag(sync=True)
    shift = traitlets.Float(0.0).tag(sync=True)
    naive = traitlets.Bool(False).tag(sync=True)

    def __init__(
        self,
        scores: Sequence[float] = (2, 1, -1),
        names: Sequence[str] | None = None,
        **traits: Any,
    ) -> None:
        if names is None:
            names = [f"{k + 1}" for k in range(len(scores))]
        if not 2 <= len(scores) <= MOST_CLASSES or len(names) != len(scores):
            raise ValueError(
                f"SoftmaxExplorer: 2 to {MOST_CLASSES} scores and as many names; got "
                f"{len(scores)} scores and {len(names)} names"
            )
        super().__init__(names=list(names), scores=[float(z) for z in scores], **traits)

    @traitlets.validate("target")
    def _check_target(self, proposal: Any) -> int:
        target: int = proposal["value"]
        if self.scores and target >= len(self.scores):
            raise traitlets.TraitError(f"target: 0 to {len(self.scores) - 1}; got {target}")
        return target

    @property
    def probabilities(self) -> np.ndarray:
        """softmax((z + shift) / T), (classes,), the largest score subtracted first."""
        z = np.array(self.scores) / self.temperature
        powers = np.exp(z - z.max())
        return powers / powers.sum()

    @property
    def loss(self) -> float:
        """-ln p of the right class."""
        z = np.array(self.scores) / self.temperature
        return float(np.log(np.exp(z - z.max()).sum()) + z.max() - z[self.target])

    @property
    def gradient(self) -> np.ndarray:
        """The loss differentiated by the scores: (p - y) / T, (classes,)."""
        return (self.probabilities - np.eye(len(self.scores))[self.target]) / self.temperature

    def describe(self) -> str:
        """Scores, probabilities, loss and gradient in words."""
        lines = [
            _("Class {name}: score {z}, probability {p}, gradient {g}.", name=name,
              z=format_number(z), p=format_number(float(p)), g=format_number(float(g)))
            for name, z, p, g in zip(self.names, self.scores, self.probabilities, self.gradient)
        ]  # fmt: skip
        lines.append(
            _("Right class: {name}. Loss −ln p = {loss}; guessing costs ln {n} = {guess}.",
              name=self.names[self.target], loss=format_number(self.loss), n=len(self.names),
              guess=format_number(math.log(len(self.names))))
        )  # fmt: skip
        return "\n".join(lines)

    def figure(self) -> Figure:
        figure, (bars, cost, slope) = picture(self.heading, 3, 2.9)
        colours = [COLOURS[int(k == self.target)] for k in range(len(self.names))]
        labels = [name + (" *" if k == self.target else "") for k, name in enumerate(self.names)]
        for place, values, title in (
            (bars, self.probabilities, "probability"),
            (slope, self.gradient, "gradient"),
        ):
            drawn = place.bar(labels, values, color=colours, width=0.6)
            place.bar_label(drawn, [f"{v:.3f}" for v in values], fontsize=8)
            place.margins(y=0.15)
            place.axhline(0, color="#555555", linewidth=0.8)
            place.set_title(self.said(title), fontsize=9)
        p = np.linspace(0.003, 1, 300)
        cost.plot(p, -np.log(p), color=COLOURS[0])
        cost.plot(float(self.probabilities[self.target]), self.loss, "s", color=COLOURS[1])
        cost.axhline(math.log(len(self.names)), color="#777777", linestyle="--", linewidth=1)
        cost.set_title(self.said("loss"), fontsize=9)
        cost.set_ylim(0, max(6, self.loss * 1.05))
        return figure
