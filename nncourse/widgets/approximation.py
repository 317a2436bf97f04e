"""How closely do H hidden units follow a curve? The universal approximation, by construction.

Nothing is trained: the weights are written down. Sigmoids make stairs, one step for each unit,
ReLUs a broken line. The browser computes (approximation.js), and Python has the same numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

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
PLACES = np.arange(1601) / 1600  # where a curve of the reader's own is known; straight in between
Curve = Callable[[np.ndarray], np.ndarray]


def sampled(function: Curve) -> np.ndarray:
    """The reader's function at PLACES (1601,), checked."""
    found = np.asarray(function(PLACES), dtype=np.float64)
    if found.shape != PLACES.shape:
        raise ValueError(
            f"the curve must turn {PLACES.shape} numbers into as many; it returned {found.shape}. "
            f"Compute with the whole array: np.sin(x), not math.sin(x)"
        )
    if not np.isfinite(found).all():
        raise ValueError(f"the curve is no number at x = {PLACES[~np.isfinite(found)][0]:g}")
    return found


def weights(f: Curve, units: int, activation: str, steepness: float) -> dict[str, np.ndarray]:
    """Hidden weight and bias (H,), output weight (H,) and bias of the network that follows f.

    The network is a(x) = bias + sum_h output_h s(hidden_h x + hidden_bias_h).
    """
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

    ``curve``: "sine", "hill", "tooth", "jump", or a function of one's own of an array of x;
    ``units``: H; ``activation``: "sigmoid" or "relu"; ``steepness``: of a sigmoid's step, in units
    of its width; ``parts`` shows the units.
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
        "curve_own": mark("your own"),
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
        "said_own": mark(
            "The curve is your own: a smooth one is followed like the others, a jump is not."
        ),
        "said_jump": mark(
            "The theorem speaks of continuous curves. Near a jump the largest error stays, "
            "however many units there are."
        ),
        "alt": mark("{n} units, largest error {error}"),
    }

    samples: traitlets.List[Any] = traitlets.List(read_only=True).tag(sync=True)
    curve = traitlets.Enum([*CURVES, "own"], "sine").tag(sync=True)
    units = traitlets.Int(6, min=1, max=MOST_UNITS).tag(sync=True)
    activation = traitlets.Enum(["sigmoid", "relu"], "sigmoid").tag(sync=True)
    steepness = traitlets.Float(20.0, min=1, max=100).tag(sync=True)
    parts = traitlets.Bool(True).tag(sync=True)

    def __init__(self, curve: str | Curve = "sine", **traits: Any) -> None:
        self._own = None if isinstance(curve, str) else sampled(curve)
        super().__init__(curve=curve if self._own is None else "own", **traits)
        self.set_trait("samples", [] if self._own is None else self._own.tolist())

    @traitlets.validate("curve")
    def _check_curve(self, proposal: Any) -> Any:
        if proposal["value"] == "own" and self._own is None:
            raise traitlets.TraitError("curve: give the function itself instead of 'own'")
        return proposal["value"]

    def function(self, x: np.ndarray) -> np.ndarray:
        """The curve at the points x (N,)."""
        if self.curve == "own":
            return np.interp(x, PLACES, self.samples)
        return CURVES[self.curve](x)

    @property
    def weights(self) -> dict[str, np.ndarray]:
        """The network's weights, to put into a layer of one's own."""
        return weights(self.function, self.units, self.activation, self.steepness)

    def error_with(self, units: int) -> float:
        """The largest distance of a network of so many units from the curve, on 401 points."""
        x = np.arange(401) / 400
        net = weights(self.function, units, self.activation, self.steepness)
        return float(np.abs(values(net, self.activation, x) - self.function(x)).max())

    @property
    def error(self) -> float:
        """The largest distance of network and curve on 401 points of [0, 1]."""
        return self.error_with(self.units)

    def describe(self) -> str:
        """The number of units and the largest error, in words."""
        special = self.curve in ("jump", "own")
        comment = f"said_{self.curve if special else self.activation}"
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
        curve.plot(x, self.function(x), **look(0), label=self.said("wanted"))
        curve.plot(x, values(net, self.activation, x), **look(1), label=self.said("made"))
        if self.curve != "own":
            curve.set_ylim(-1.5, 1.5)
        curve.set_xlabel("x", fontsize=9)
        curve.set_title(self.said("picture"), fontsize=9)
        curve.legend(fontsize=8)
        counts = np.array([1, 2, 3, 4, 6, 8, 11, 16, 23, 32, 45, 64])
        errors.loglog(counts, [self.error_with(int(n)) for n in counts], **look(1))
        errors.loglog(counts, 2.0 / counts ** (2 if self.activation == "relu" else 1), ":",
                      color="#777777")  # fmt: skip
        errors.plot(self.units, self.error, "s", color=COLOURS[1])
        errors.set_title(self.said("errors"), fontsize=9)
        errors.set_xlabel("H", fontsize=9)
        return figure
