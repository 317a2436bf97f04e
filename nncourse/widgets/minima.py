"""Which minimum does noisy descent find, and what is it worth on new data? A wide and a sharp one.

The loss of new data is drawn as that of the training data, shifted a little: in a wide minimum this
costs hardly anything. The browser computes (minima.js), and Python has the same numbers.
"""

from __future__ import annotations

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
    normals,
    picture,
)
from nncourse.widgets.numbers import format_number

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_ = catalogue("widgets")

WIDE, WIDE_DEPTH, WIDE_WIDTH = -1.0, 1.0, 0.6
SHARP, SHARP_DEPTH = 1.2, 1.05
LOW, HIGH, BALLS, STEPS = -3.0, 3.0, 48, 150


def loss(w: Any, width: float) -> Any:
    """Two wells, the right one ``width`` wide, on a flat bowl."""
    wide = WIDE_DEPTH * np.exp(-((w - WIDE) ** 2) / (2 * WIDE_WIDTH**2))
    sharp = SHARP_DEPTH * np.exp(-((w - SHARP) ** 2) / (2 * width**2))
    return 1.2 + 0.02 * w**2 - wide - sharp


def slope(w: Any, width: float) -> Any:
    """The derivative of ``loss``."""
    wide = WIDE_DEPTH * np.exp(-((w - WIDE) ** 2) / (2 * WIDE_WIDTH**2))
    sharp = SHARP_DEPTH * np.exp(-((w - SHARP) ** 2) / (2 * width**2))
    return 0.04 * w + (w - WIDE) / WIDE_WIDTH**2 * wide + (w - SHARP) / width**2 * sharp


def roll(width: float, rate: float, noise: float, seed: int, steps: int = STEPS) -> np.ndarray:
    """Where 48 balls that start all over the interval are after noisy steps, (48,)."""
    bell = normals(seed)
    balls = LOW + (np.arange(BALLS) + 0.5) / BALLS * (HIGH - LOW)
    for _step in range(steps):
        shaken = np.array([next(bell) for _ball in range(BALLS)])
        balls = np.clip(balls - rate * (slope(balls, width) + noise * shaken), -9, 9)
    return balls


def share_wide(balls: np.ndarray) -> float:
    """The share of balls nearer to the wide minimum than to the sharp one."""
    return float((np.abs(balls - WIDE) < np.abs(balls - SHARP)).mean())


class MinimaExplorer(Explorer):
    """Roll 48 balls into a wide and a sharp minimum.

    ``width`` of the sharp one; ``shift`` between training and new data; ``rate``: the step;
    ``noise`` of the gradient.
    """

    _esm = explorer_script("minima.js")
    _css = explorer_styles()

    question = mark("Which minimum does noisy descent find, and what is it worth on new data?")
    settings = ("width", "shift", "rate", "noise", "seed")
    texts = {
        "width": mark("Width of the right one"),
        "shift": mark("Shift of new data"),
        "rate": mark("Step ε"),
        "noise": mark("Noise"),
        "again": mark("Other random numbers"),
        "curves": mark("Loss against the weight"),
        "shares": mark("Share in the wide minimum against the step"),
        "training": mark("training data"),
        "test": mark("new data"),
        "ball": mark("after 150 steps"),
        "share": mark("in the wide one"),
        "test_wide": mark("new loss in the wide one"),
        "test_sharp": mark("in the sharp one"),
        "limit_sharp": mark("2/λ sharp"),
        "limit_wide": mark("2/λ wide"),
        "thrown": mark(
            "The step is above 2/λ of the sharp minimum: it cannot hold a ball, the wide one can."
        ),
        "both": mark("Both minima can hold a ball; noise shakes them out of the sharp one first."),
        "alt": mark("{share}% in the wide minimum; new loss there {wide}, in the sharp {sharp}"),
    }

    width = traitlets.Float(0.12, min=0.05, max=0.6).tag(sync=True)
    shift = traitlets.Float(0.2, min=-0.6, max=0.6).tag(sync=True)
    rate = traitlets.Float(0.02, min=0.01, max=1).tag(sync=True)
    noise = traitlets.Float(0.0, min=0, max=3).tag(sync=True)
    seed = traitlets.Int(0, min=0).tag(sync=True)

    @property
    def balls(self) -> np.ndarray:
        """Where the balls are after 150 steps, (48,)."""
        return roll(self.width, self.rate, self.noise, self.seed)

    def describe(self) -> str:
        """The share in the wide minimum, and the loss of new data in both."""
        wide, sharp = (float(loss(w - self.shift, self.width)) for w in (WIDE, SHARP))
        return self.said("alt", share=round(100 * share_wide(self.balls)),
                         wide=format_number(wide), sharp=format_number(sharp)) + "."  # fmt: skip

    def figure(self) -> Figure:
        figure, (curves, shares) = picture(self.heading, 2)
        w = np.linspace(LOW, HIGH, 301)
        curves.plot(w, loss(w, self.width), **look(0), label=self.said("training"))
        curves.plot(w, loss(w - self.shift, self.width), **look(1), label=self.said("test"))
        balls = self.balls
        curves.plot(balls, loss(balls, self.width), "o", color=COLOURS[2], ms=4,
                    label=self.said("ball"))  # fmt: skip
        curves.set(xlim=(LOW, HIGH), ylim=(0, 1.6))
        curves.legend(fontsize=8, loc="upper center")
        rates = 10 ** np.linspace(-2, 0, 11)
        found = [share_wide(roll(self.width, rate, self.noise, self.seed)) for rate in rates]
        shares.semilogx(rates, found, **look(2))
        shares.plot(self.rate, share_wide(balls), "o", color=COLOURS[2], ms=7)
        shares.axvline(2 * self.width**2 / SHARP_DEPTH, color="#777777", linestyle=":")
        shares.axvline(2 * WIDE_WIDTH**2 / WIDE_DEPTH, color="#777777", linestyle=":")
        shares.set_ylim(0, 1.03)
        shares.set_title(self.said("shares"), fontsize=9)
        shares.set_xlabel(self.said("rate"), fontsize=9)
        return figure
