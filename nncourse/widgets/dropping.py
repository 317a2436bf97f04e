"""What does dropout average? One output over all the networks that dropout makes of six neurons.

The browser computes (dropping.js), and Python has the same numbers.
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

VALUES = np.array([0.9, 0.4, 1.2, 0.7, 0.3, 1.0])
WEIGHTS = np.array([1.2, -0.8, 0.6, 1.5, -1.1, 0.4])
# Row m holds the bits of m, the first neuron first: 1 is kept, 0 left out.
MASKS = np.arange(64)[:, None] >> np.arange(6) & 1


def outputs(p: float, kind: str, bent: bool) -> np.ndarray:
    """The output while training, for all 64 masks."""
    z = MASKS @ (VALUES * WEIGHTS)
    z = z / (1 - p) if kind == "inverted" else z
    return np.tanh(z) if bent else z


def prediction(p: float, kind: str, bent: bool) -> float:
    """The output for predictions: nothing left out, in the plain form times 1 - p."""
    z = float(VALUES @ WEIGHTS) * (1.0 if kind == "inverted" else 1 - p)
    return float(np.tanh(z)) if bent else z


def chances(p: float) -> np.ndarray:
    """The probability of each of the 64 masks."""
    return np.where(MASKS, 1 - p, p).prod(axis=1)


class DropoutExplorer(Explorer):
    """Leave out neurons with probability ``p``, in the ``kind`` "inverted" or "plain".

    ``bent`` puts a tanh behind the sum; ``mask`` holds the neurons kept, as the bits of a number.
    """

    _esm = explorer_script("dropping.js")
    _css = explorer_styles()

    question = mark("What does dropout average, and what does the prediction say?")
    settings = ("p", "kind", "bent", "mask")
    texts = {
        "p": mark("Probability p of leaving out"),
        "kind": mark("Form"),
        "inverted": mark("inverted"),
        "plain": mark("plain"),
        "bent": mark("tanh behind the sum"),
        "again": mark("Draw neurons"),
        "units": mark("Kept neurons:"),
        "unit": mark("Neuron {k} is kept"),
        "spread": mark("The output over all 64 networks"),
        "all_masks": mark("all networks"),
        "this_mask": mark("this network"),
        "mean": mark("mean of the ensemble"),
        "prediction": mark("prediction"),
        "deviation": mark("deviation"),
        "count": mark("networks"),
        "output": mark("Output"),
        "chance": mark("probability"),
        "equal": mark("The prediction is exactly the mean of all 64 networks."),
        "close": mark(
            "Behind a nonlinearity the prediction is not the mean of the ensemble, but near it."
        ),
        "alt": mark("p = {p}: mean of the ensemble {mean}, prediction {says}"),
    }

    p = traitlets.Float(0.5, min=0, max=0.9).tag(sync=True)
    kind = traitlets.Enum(["inverted", "plain"], "inverted").tag(sync=True)
    bent = traitlets.Bool(False).tag(sync=True)
    mask = traitlets.Int(0b101101, min=0, max=63).tag(sync=True)

    @property
    def mean(self) -> float:
        """The mean output over all networks, each with its probability."""
        return float(chances(self.p) @ outputs(self.p, self.kind, self.bent))

    @property
    def prediction(self) -> float:
        """What the network says when nothing is left out."""
        return prediction(self.p, self.kind, self.bent)

    def describe(self) -> str:
        """Mean of the ensemble and prediction, in words."""
        mean, says = (format_number(round(v, 3)) for v in (self.mean, self.prediction))
        close = abs(self.mean - self.prediction) >= 1e-9
        alt = self.said("alt", p=format_number(self.p), mean=mean, says=says)
        return f"{alt}.\n{self.said('close' if close else 'equal')}"

    def figure(self) -> Figure:
        figure, (spread,) = picture(self.heading, 1)
        values = outputs(self.p, self.kind, self.bent)
        spread.hist(values, 30, weights=chances(self.p), color=COLOURS[0],
                    label=self.said("all_masks"))  # fmt: skip
        spread.axvline(self.mean, color=COLOURS[2], linestyle="-.", label=self.said("mean"))
        spread.axvline(self.prediction, color=COLOURS[1], linestyle="--",
                       label=self.said("prediction"))  # fmt: skip
        spread.plot(values[self.mask], 0, "D", color="#1f1f1f", label=self.said("this_mask"))
        spread.legend(fontsize=8)
        spread.set_title(self.said("spread"), fontsize=9)
        spread.set_xlabel(self.said("output"), fontsize=9)
        spread.set_ylabel(self.said("chance"), fontsize=9)
        return figure
