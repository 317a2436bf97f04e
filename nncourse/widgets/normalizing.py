"""What does BatchNorm move, and what does the gradient lose? One feature of eight examples.

The browser computes (normalizing.js), and Python has the same numbers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import traitlets

from nncourse.language import catalogue, mark
from nncourse.widgets.explorer import COLOURS, Explorer, explorer_script, explorer_styles, picture
from nncourse.widgets.numbers import format_number

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_ = catalogue("widgets")

BATCH = np.array([-1.4, -0.9, -0.3, 0.1, 0.4, 0.8, 1.1, 1.9])
UPSTREAM = np.array([0.6, -0.4, 0.9, 0.2, -0.7, 0.5, 0.8, -0.1])
EPS = 1e-5


def normalise(
    shift: float, spread: float, gamma: float, beta: float, mode: str
) -> dict[str, np.ndarray]:
    """The input, normalised, the output, and the gradient by the input for UPSTREAM; each (8,).

    In training the statistics are the batch's own and depend on the input, so the gradient loses
    its mean and its part along the normalised values; for predictions they are constants.
    """
    u = spread * BATCH + shift
    measured = u if mode == "training" else BATCH
    deviation = np.sqrt(measured.var() + EPS)
    hat = (u - measured.mean()) / deviation
    d = UPSTREAM
    if mode == "training":
        d = d - d.mean() - hat * (d * hat).mean()
    return {"u": u, "hat": hat, "out": gamma * hat + beta, "gradient": gamma / deviation * d}


class BatchNormExplorer(Explorer):
    """Shift and spread a batch, choose gamma and beta; see values and gradients.

    ``mode``: "training", with the statistics of the batch, or "prediction", with the running ones,
    here those of the batch as it was before it was shifted.
    """

    _esm = explorer_script("normalizing.js")
    _css = explorer_styles()

    question = mark("What does BatchNorm move, and what does the gradient lose?")
    settings = ("shift", "spread", "gamma", "beta", "mode")
    texts = {
        "shift": mark("Shift"),
        "spread": mark("Spread"),
        "mode": mark("Statistics"),
        "training": mark("of the batch (training)"),
        "prediction": mark("running (prediction)"),
        "points": mark("Eight examples on their way"),
        "input": mark("input u"),
        "normalised": mark("normalised û"),
        "output": mark("output γû + β"),
        "gradients": mark("Gradient by the output and by the input"),
        "upstream": mark("by the output"),
        "downstream": mark("by the input"),
        "example": mark("example"),
        "value": mark("value"),
        "lost": mark(
            "Shift and spread of the input change nothing behind the layer, so the gradient has no "
            "part along them: its sum and its product with û are 0."
        ),
        "kept": mark(
            "The statistics are constants: the layer is linear, shifts pass, and the gradient is "
            "only multiplied by γ/σ."
        ),
        "alt": mark("Mean {mu}, deviation {sigma}; the gradient by the input has the sum {sum}"),
    }

    shift = traitlets.Float(1.5, min=-4, max=4).tag(sync=True)
    spread = traitlets.Float(1.0, min=0.1, max=10).tag(sync=True)
    gamma = traitlets.Float(1.0, min=-2, max=3).tag(sync=True)
    beta = traitlets.Float(0.0, min=-3, max=3).tag(sync=True)
    mode = traitlets.Enum(["training", "prediction"], "training").tag(sync=True)

    @property
    def values(self) -> dict[str, np.ndarray]:
        """Input u, normalised hat, out, and gradient: each (8,)."""
        return normalise(self.shift, self.spread, self.gamma, self.beta, self.mode)

    def describe(self) -> str:
        """The statistics, and what the gradient lost, in words."""
        values = self.values
        measured = values["u"] if self.mode == "training" else BATCH
        total = float(values["gradient"].sum())
        numbers = {"mu": measured.mean(), "sigma": np.sqrt(measured.var() + EPS),
                   "sum": 0.0 if abs(total) < 1e-4 else total}  # fmt: skip
        shown = {key: format_number(round(float(v), 4)) for key, v in numbers.items()}
        comment = "lost" if self.mode == "training" else "kept"
        return f"{self.said('alt', **shown)}.\n{self.said(comment)}"

    def figure(self) -> Figure:
        figure, (points, bars) = picture(self.heading, 2)
        values = self.values
        rows = [values["u"], values["hat"], values["out"]]
        for path in np.array(rows).T:
            points.plot(path, [2, 1, 0], color=COLOURS[0], linewidth=0.8)
        for k, (row, marker) in enumerate(zip(rows, "os^")):
            points.plot(row, np.full(8, 2 - k), marker, color=COLOURS[k])
        names = [self.said(key) for key in ("output", "normalised", "input")]
        points.set_yticks([0, 1, 2], names)
        points.set_title(self.said("points"), fontsize=9)
        points.set_xlabel(self.said("value"), fontsize=9)
        places = np.arange(1, 9)
        bars.bar(places - 0.2, UPSTREAM, 0.4, color=COLOURS[1], label=self.said("upstream"))
        bars.bar(places + 0.2, values["gradient"], 0.4, color=COLOURS[0],
                 label=self.said("downstream"))  # fmt: skip
        bars.legend(fontsize=8)
        bars.set_xticks(places)
        bars.set_xlabel(self.said("example"), fontsize=9)
        bars.set_title(self.said("gradients"), fontsize=9)
        return figure
