"""How closely do H hidden units follow a curve? The universal approximation, by construction.

Nothing is trained: the weights are written down. Sigmoids make stairs, one step for each unit,
ReLUs a broken line. The browser computes (approximation.js), and Python has the same numbers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import traitlets

from nncourse.language import catalogue, mark
from nncourse.widgets.explorer import (
    COLOURS,
    Explorer,
    explorer_script,
    explorer_styles,
    look,
    picture,
)
from nncourse.widgets.numbers import format_number

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_ = catalogue("widgets")

CURVES = {
    "sine": lambda x: np.sin(2 * np.pi * x),
    "hill": lambda x: np.exp(-40 * (x - 0.4) ** 2) - 0.4 * x,
    "tooth": lambda x: np.abs(2 * ((3 * x) % 1) - 1),
    "jump": lambda x: np.where(x < 0.6, 0.3 * x, 1 - 0.5 * x),
}
MOST_UNITS = 64


def weights(curve: str, units: int, activation: str, steepness: float) -> dict[str, np.ndarray]:
    """Hidden weight and bias (H,), output weight (H,) and bias of the network that follows a curve.

    The network is a(x) = bias + sum_h output_h s(hidden_h x + hidden_bias_h).
    """
    f = CURVES[curve]
    at = np.arange(units + 1) / units
    if activation == "relu":
        slopes = np.diff(f(at)) * units
        hidden = np.ones(units)
        places = at[:-1]
        output = np.diff(slopes, prepend=0)
    else:
        hidden = np.full(units, steepness * units)
        places = at[1:] - 0.5 / units
        output = np.diff(f(at))
    return {
        "hidden": hidden,
        "hidden_bias": -hidden * places,
        "output": output,
        "bias": np.asarray(f(at[0])),
    }


def values(net: dict[str, np.ndarray], activation: str, x: np.ndarray) -> np.ndarray:
    """The network at the points x (N,)."""
    z = np.outer(x, net["hidden"]) + net["hidden_bias"]
    unit = np.maximum(z, 0) if activation == "relu" else 0.5 * (1 + np.tanh(z / 2))
    return net["bias"] + unit @ net["output"]


class ApproximationExplorer(Explorer):
    """Follow a curve on [0, 1] with 1 to 64 hidden units.

    ``curve``: "sine", "hill", "tooth" or "jump"; ``units``: H; ``activation``: "sigmoid" or "relu";
    ``steepness``: of a sigmoid's step, in units of its width; ``parts`` shows the units.
    """

    _esm = explorer_script("approximation.js")
    _css = explorer_styles()

    question = mark("How closely do H hidden units follow a curve?")
    settings = ("curve", "units", "activation", "steepness", "parts")
    texts = {
        "curve": mark("Curve"),
        "curve_sine": mark("a sine"),
        "curve_hill": mark("a hill"),
        "curve_tooth": mark("teeth"),
        "curve_jump": mark("a jump"),
        "activation": mark("Activation"),
        "sigmoid": mark("sigmoid"),
        "units": mark("Units H"),
        "steepness": mark("Steepness"),
        "parts": mark("show the units"),
        "picture": mark("Curve and network"),
        "errors": mark("Largest error against H"),
        "wanted": mark("curve"),
        "made": mark("network"),
        "one_unit": mark("one unit"),
        "parameters": mark("parameters"),
        "worst": mark("largest error"),
        "said_sigmoid": mark(
            "Each unit is one step of a staircase: twice the units, half the error, as long as the "
            "steps are steep."
        ),
        "said_relu": mark("Each unit is one bend: twice the units, a quarter of the error."),
        "said_jump": mark(
            "The theorem speaks of continuous curves. Near a jump the largest error stays, "
            "however many units there are."
        ),
        "alt": mark("{n} units, largest error {error}"),
    }

    curve = traitlets.Enum(list(CURVES), "sine").tag(sync=True)
    units = traitlets.Int(6, min=1, max=MOST_UNITS).tag(sync=True)
    activation = traitlets.Enum(["sigmoid", "relu"], "sigmoid").tag(sync=True)
    steepness = traitlets.Float(20.0, min=1, max=100).tag(sync=True)
    parts = traitlets.Bool(True).tag(sync=True)

    @property
    def weights(self) -> dict[str, np.ndarray]:
        """The network's weights, to put into a layer of one's own."""
        return weights(self.curve, self.units, self.activation, self.steepness)

    @property
    def error(self) -> float:
        """The largest distance of network and curve on 401 points of [0, 1]."""
        x = np.arange(401) / 400
        return float(np.abs(values(self.weights, self.activation, x) - CURVES[self.curve](x)).max())

    def describe(self) -> str:
        """The number of units and the largest error, in words."""
        comment = "said_jump" if self.curve == "jump" else f"said_{self.activation}"
        return "\n".join([
            f"{self.said('curve')}: {self.said('curve_' + self.curve)}.",
            self.said("alt", n=self.units, error=format_number(self.error)) + ".",
            self.said(comment),
        ])  # fmt: skip

    def figure(self) -> Figure:
        figure, (curve, errors) = picture(self.heading, 2)
        x = np.arange(401) / 400
        net = self.weights
        if self.parts:
            for h in range(min(24, self.units)):
                one = {name: net[name][h : h + 1] for name in ("hidden", "hidden_bias", "output")}
                part = values({**one, "bias": np.zeros(())}, self.activation, x)
                curve.plot(x, part, color=COLOURS[2], linewidth=0.8, alpha=0.7)
        curve.plot(x, CURVES[self.curve](x), **look(0), label=self.said("wanted"))
        curve.plot(x, values(net, self.activation, x), **look(1), label=self.said("made"))
        curve.set_ylim(-1.5, 1.5)
        curve.legend(fontsize=8)
        counts = np.array([1, 2, 3, 4, 6, 8, 11, 16, 23, 32, 45, 64])
        series = [
            np.abs(
                values(weights(self.curve, n, self.activation, self.steepness), self.activation, x)
                - CURVES[self.curve](x)
            ).max()
            for n in counts
        ]
        errors.loglog(counts, series, **look(1))
        errors.loglog(counts, 2.0 / counts ** (2 if self.activation == "relu" else 1), ":",
                      color="#777777")  # fmt: skip
        errors.plot(self.units, self.error, "s", color=COLOURS[1])
        errors.set_title(self.said("errors"), fontsize=9)
        errors.set_xlabel("H", fontsize=9)
        return figure
