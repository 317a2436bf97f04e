"""What happens when hidden neurons change places? Equal minima, and the hill between them.

The browser computes (swap.js), and Python has the same numbers.
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

# Rows (w, b, v) of three hidden neurons: f(x) = sum of v tanh(w x + b).
NETWORK = np.array([[2, 1, 1], [-3, 1.5, 0.6], [1, -1, -1.4]])
ORDERS = ("123", "132", "213", "231", "312", "321")
POINTS = np.linspace(-3, 3, 41)


def exchanged(order: str, flip: bool) -> np.ndarray:
    """The network with its neurons in another order, (3, 3).

    With ``flip`` the first one changes all its signs; tanh is odd, so its share stays the same.
    """
    rows = NETWORK[[int(digit) - 1 for digit in order]].copy()
    if flip:
        rows[0] *= -1
    return rows


def value(network: np.ndarray, x: np.ndarray) -> np.ndarray:
    """The network's function at the points x (N,)."""
    w, b, v = network.T
    return np.tanh(np.outer(x, w) + b) @ v


def between(order: str, flip: bool, way: float) -> np.ndarray:
    """The weights on the straight way from the network to the exchanged one, (3, 3)."""
    return (1 - way) * NETWORK + way * exchanged(order, flip)


def loss(network: np.ndarray) -> float:
    """The mean squared distance of a network's function from that of the first."""
    return float(((value(network, POINTS) - value(NETWORK, POINTS)) ** 2).mean())


class NeuronSwap(Explorer):
    """Exchange three hidden neurons, and walk straight from one network to the other.

    ``order``: "123", "132", ... "321"; ``flip`` changes the signs of the first neuron; ``way`` from
    0, the first network, to 1, the exchanged one.
    """

    _esm = explorer_script("swap.js")
    _css = explorer_styles()

    question = mark("Does the network change when its hidden neurons change places?")
    settings = ("order", "flip", "way")
    texts = {
        "order": mark("New order"),
        "flip": mark("all signs of neuron 1"),
        "way": mark("Way"),
        "curve": mark("The network's function"),
        "course": mark("Loss on the straight way"),
        "first": mark("at the start"),
        "here": mark("on the way"),
        "loss": mark("loss here"),
        "top": mark("highest on the way"),
        "equal": mark("equal networks:"),
        "same": mark("Nothing has changed places: choose an order or change the signs."),
        "ends": mark("At both ends the function is the same: two minima, equally good."),
        "middle": mark(
            "In between lies a hill: the mean of two equal networks is another network, "
            "so the loss is not convex."
        ),
        "alt": mark("Order {order}, way {way}: loss {loss}"),
    }

    order = traitlets.Enum(ORDERS, "213").tag(sync=True)
    flip = traitlets.Bool(False).tag(sync=True)
    way = traitlets.Float(0.5, min=0, max=1).tag(sync=True)

    @property
    def network(self) -> np.ndarray:
        """The weights on the way, (3, 3): rows w, b, v."""
        return between(self.order, self.flip, self.way)

    @property
    def loss(self) -> float:
        """The mean squared distance from the first network's function."""
        return loss(self.network)

    def describe(self) -> str:
        """The loss on the way, in words."""
        end = self.way in (0, 1)
        changed = self.order != "123" or self.flip
        comment = "same" if not changed else "ends" if end else "middle"
        alt = self.said(
            "alt", order=self.order, way=format_number(self.way), loss=format_number(self.loss)
        )
        return f"{alt}.\n{self.said(comment)}"

    def figure(self) -> Figure:
        figure, (curve, course) = picture(self.heading, 2)
        x = np.linspace(-3, 3, 121)
        curve.plot(x, value(NETWORK, x), **look(0), label=self.said("first"))
        curve.plot(x, value(self.network, x), **look(1), label=self.said("here"))
        curve.legend(fontsize=8)
        ways = np.linspace(0, 1, 51)
        course.plot(ways, [loss(between(self.order, self.flip, t)) for t in ways], **look(1))
        curve.set_xlabel("x", fontsize=9)
        curve.set_title(self.said("curve"), fontsize=9)
        course.plot(self.way, self.loss, "o", color=COLOURS[1])
        course.set_title(self.said("course"), fontsize=9)
        course.set_xlabel(self.said("way"), fontsize=9)
        return figure
