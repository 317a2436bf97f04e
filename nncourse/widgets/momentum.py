"""Which step and which momentum are fastest? The plane of both on a bowl.

On a quadratic bowl with curvatures 1 and 1 / kappa the error along each axis follows a linear
recursion, whose spectral radius is the rate: below 1 it converges. The browser computes
(momentum.js), and Python has the same numbers.
"""

from __future__ import annotations

import math
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


def rate_of(step: float, momentum: float, curvature: float, nesterov: bool) -> float:
    """The spectral radius of the recursion of the error along an axis of this curvature.

    Classical: w' = w - step c w + momentum (w - w_prev). Nesterov takes the gradient one look
    ahead, at w + momentum (w - w_prev).
    """
    shrink = 1 - step * curvature
    if nesterov:
        matrix = [[(1 + momentum) * shrink, -momentum * shrink], [1, 0]]
    else:
        matrix = [[momentum + shrink, -momentum], [1, 0]]
    return float(np.abs(np.linalg.eigvals(np.array(matrix))).max())


def rate(step: float, momentum: float, kappa: float, nesterov: bool) -> float:
    """The rate of the slower axis, with curvatures 1 and 1 / kappa."""
    return max(rate_of(step, momentum, c, nesterov) for c in (1.0, 1 / kappa))


def errors(
    step: float, momentum: float, curvature: float, nesterov: bool, steps: int = 100
) -> np.ndarray:
    """The error along an axis after 0, 1, ... steps, (steps + 1,), from 1 and at rest."""
    path = [1.0, 1.0]  # the first is w before the start
    for _step in range(steps):
        before, w = path[-2:]
        ahead = w + momentum * (w - before) if nesterov else w
        path.append(w + momentum * (w - before) - step * curvature * ahead)
    return np.array(path[1:])


class MomentumPlane(Explorer):
    """Choose a step and a momentum on a bowl ``kappa`` times as long as it is wide (squared).

    ``step`` is in units of 1 / (largest curvature); ``nesterov`` looks ahead.
    """

    _esm = explorer_script("momentum.js")
    _css = explorer_styles()

    question = mark("Which step and which momentum bring w down fastest?")
    settings = ("step", "momentum", "kappa", "nesterov")
    texts = {
        "step": mark("Step ε"),
        "momentum": mark("Momentum μ"),
        "kappa": mark("Condition κ"),
        "nesterov": mark("Nesterov"),
        "course": mark("Error along each axis"),
        "steps": mark("Steps"),
        "steep": mark("steep axis, curvature 1"),
        "flat": mark("flat axis, curvature 1/κ"),
        "rate": mark("error per step ×"),
        "tenth": mark("steps for a tenth"),
        "best_plain": mark("best without momentum ×"),
        "best_ball": mark("best with it ×"),
        "fast": mark("fast"),
        "slow": mark("slow"),
        "grows": mark("the error grows"),
        "help": mark("Choose step and momentum in the plane, with the mouse or with arrow keys."),
        "diverges": mark("The error grows: the step is too large for the steep axis."),
        "steep_rules": mark(
            "The steep axis is the slower one, it oscillates: a smaller step helps."
        ),
        "flat_rules": mark(
            "The flat axis is the slower one. A larger step or more momentum helps, "
            "up to where both axes oscillate at the rate √μ."
        ),
        "alt": mark("Step {step}, momentum {momentum}: each step multiplies the error by {rate}"),
    }

    step = traitlets.Float(1.6, min=0.02, max=4).tag(sync=True)
    momentum = traitlets.Float(0.0, min=0, max=0.99).tag(sync=True)
    kappa = traitlets.Float(20.0, min=1, max=1000).tag(sync=True)
    nesterov = traitlets.Bool(False).tag(sync=True)

    @property
    def rate(self) -> float:
        """By how much a step multiplies the error in the long run, along the slower axis."""
        return rate(self.step, self.momentum, self.kappa, self.nesterov)

    def describe(self) -> str:
        """The rate, and the best rates with and without momentum."""
        root = math.sqrt(self.kappa)
        return "\n".join([
            self.said("alt", step=format_number(self.step), momentum=format_number(self.momentum),
                      rate=format_number(self.rate)) + ".",
            f"{self.said('best_plain')} {format_number((self.kappa - 1) / (self.kappa + 1))}; "
            f"{self.said('best_ball')} {format_number((root - 1) / (root + 1))}.",
        ])  # fmt: skip

    def figure(self) -> Figure:
        figure, (plane, course) = picture(self.heading, 2)
        steps, momenta = np.linspace(0.02, 4, 70), np.linspace(0, 0.995, 60)
        rates = np.array([[rate(a, m, self.kappa, self.nesterov) for a in steps] for m in momenta])
        scale = np.log10(-1 / np.log10(np.clip(rates, 0.05, 1 - 1e-9)))
        plane.pcolormesh(steps, momenta, -scale, cmap="cividis", vmin=-scale.min() - 1.5)
        plane.contourf(steps, momenta, (rates >= 1).astype(float), [0.5, 1.5], colors=["#6e2828"])
        plane.grid(visible=False)
        plane.plot(self.step, self.momentum, "o", color=COLOURS[1], markeredgecolor="white", ms=9)
        plane.set_xlabel(self.said("step"), fontsize=9)
        plane.set_ylabel(self.said("momentum"), fontsize=9)
        for k, (curvature, name) in enumerate(((1.0, "steep"), (1 / self.kappa, "flat"))):
            path = np.abs(errors(self.step, self.momentum, curvature, self.nesterov))
            course.plot(np.clip(path, 1e-9, 1e9), **look(k), label=self.said(name))
        course.set_yscale("log")
        course.set_ylim(1e-8, 1e4)
        course.legend(fontsize=8)
        course.set_title(self.said("course"), fontsize=9)
        course.set_xlabel(self.said("steps"), fontsize=9)
        return figure
