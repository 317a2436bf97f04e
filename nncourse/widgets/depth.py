"""What do initial values do to a deep network? Activations and gradients, layer by layer.

A network of equal layers of 32 units gets 32 normal examples; a normal gradient goes back through
it. The browser computes (depth.js), and Python has the same numbers.
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
    normals,
    picture,
)
from nncourse.widgets.numbers import format_number

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_ = catalogue("widgets")

WIDTH = EXAMPLES = 32
DEVIATIONS = {"zeros": 0.0, "small": 0.01, "xavier": (1 / WIDTH) ** 0.5, "he": (2 / WIDTH) ** 0.5}


def weight(drawn: np.ndarray, init: str, scale: float) -> np.ndarray:
    """The weight of a layer (WIDTH, WIDTH) from normal numbers of that shape."""
    if init != "orthogonal":
        return scale * DEVIATIONS[init] * drawn
    rows = np.zeros_like(drawn)
    for k, row in enumerate(drawn):
        v = row.copy()
        for u in rows[:k]:
            v -= (v @ u) * u
        rows[k] = v / np.linalg.norm(v)
    return scale * rows


def passes(
    activation: str, init: str, scale: float, depth: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Activations, and gradients by the scores, of every layer: both (depth, EXAMPLES, WIDTH)."""
    stream = normals(seed)

    def draw() -> np.ndarray:
        return np.array([next(stream) for _ in range(WIDTH * WIDTH)]).reshape(WIDTH, WIDTH)

    a = draw()
    weights, activations = [], []
    for _layer in range(depth):
        weights.append(weight(draw(), init, scale))
        z = a @ weights[-1].T
        a = {"relu": np.maximum(z, 0), "tanh": np.tanh(z), "sigmoid": 0.5 + 0.5 * np.tanh(z / 2)}[
            activation
        ]
        activations.append(a)
    g = draw()
    gradients = []
    for w, a in zip(reversed(weights), reversed(activations)):
        slope = {"relu": (a > 0) * 1.0, "tanh": 1 - a**2, "sigmoid": a * (1 - a)}[activation]
        gradients.append(g * slope)
        g = gradients[-1] @ w
    return np.array(activations), np.array(gradients[::-1])


class DepthExplorer(Explorer):
    """Choose activation, initial values and depth; see how activations and gradients fare.

    ``activation``: "tanh", "relu" or "sigmoid"; ``init``: "zeros", "small", "xavier", "he" or
    "orthogonal"; ``scale`` multiplies the weights; ``depth``: 2 to 12 layers.
    """

    _esm = explorer_script("matrix.js", "depth.js")
    _css = explorer_styles() + "\n.nnc-explorer .nnc-ridge { opacity: 0.85; }"

    question = mark("What do initial values do to activations and gradients in a deep network?")
    settings = ("activation", "init", "scale", "depth", "seed")
    texts = {
        "activation": mark("Activation"),
        "sigmoid": mark("sigmoid"),
        "init": mark("Initial values"),
        "init_zeros": mark("zeros"),
        "init_small": mark("small, 0.01"),
        "init_xavier": mark("Xavier"),
        "init_he": mark("He"),
        "init_orthogonal": mark("orthogonal"),
        "scale": mark("Weights"),
        "depth": mark("Layers"),
        "again": mark("Other random numbers"),
        "activations": mark("Activations, layer by layer"),
        "gradients": mark("Gradients by the scores, layer by layer"),
        "sizes": mark("Standard deviation"),
        "of_activations": mark("of activations"),
        "of_gradients": mark("of gradients"),
        "layer": mark("layer"),
        "activation_value": mark("activation"),
        "gradient_value": mark("gradient"),
        "last_activation": mark("deviation of the last activations"),
        "ratio": mark("gradient of the first layer over that of the last"),
        "said_zeros": mark("All units say the same, and no gradient passes a weight of zero."),
        "said_vanish": mark(
            "The gradient vanishes on its way back, the first layers do not learn."
        ),
        "said_explode": mark("The gradient explodes on its way back."),
        "said_flow": mark("The gradient flows."),
        "alt": mark("{depth} layers: last activations {up}, gradient of first over last {ratio}"),
    }

    activation = traitlets.Enum(["tanh", "relu", "sigmoid"], "tanh").tag(sync=True)
    init = traitlets.Enum([*DEVIATIONS, "orthogonal"], "small").tag(sync=True)
    scale = traitlets.Float(1.0, min=0.1, max=10).tag(sync=True)
    depth = traitlets.Int(8, min=2, max=12).tag(sync=True)
    seed = traitlets.Int(0, min=0).tag(sync=True)

    @property
    def passes(self) -> tuple[np.ndarray, np.ndarray]:
        """Activations and gradients of every layer, both (depth, examples, width)."""
        return passes(self.activation, self.init, self.scale, self.depth, self.seed)

    @property
    def ratio(self) -> float:
        """The deviation of the first layer's gradient over that of the last."""
        _activations, gradients = self.passes
        last = float(gradients[-1].std())
        return float(gradients[0].std()) / last if last else 0.0

    def describe(self) -> str:
        """The deviations at the ends of the network, in words."""
        activations, _gradients = self.passes
        return self.said("alt", depth=self.depth, up=format_number(float(activations[-1].std())),
                         ratio=format_number(self.ratio)) + "."  # fmt: skip

    def figure(self) -> Figure:
        figure, (forward, backward, sizes) = picture(self.heading, 3)
        both = self.passes
        wide = 3 * max(1e-12, *(float(layer.std()) for layer in both[1]))
        limits = ((-0.5, 4) if self.activation == "relu" else (-1.05, 1.05), (-wide, wide))
        for k, (place, layers, edge) in enumerate(zip((forward, backward), both, limits)):
            for depth, values in enumerate(layers):
                # Exact zeros, half of all behind a ReLU, would dwarf the rest.
                there = values[values != 0] if values.any() else values
                found, edges = np.histogram(np.clip(there, *edge), 41, edge)
                top = depth + 0.9 + 0.85 * found / max(1, found.max())
                place.fill_between(edges[:-1], depth + 0.9, top, step="post", color=COLOURS[k],
                                   linewidth=0.5)  # fmt: skip
            place.set(xlim=edge, yticks=range(1, self.depth + 1))
            place.set_xlabel(self.said(("activation_value", "gradient_value")[k]), fontsize=8)
        for k, (layers, name) in enumerate(zip(both, ("of_activations", "of_gradients"))):
            deviations = layers.std(axis=(1, 2))
            deviations[deviations == 0] = np.nan
            sizes.semilogy(range(1, self.depth + 1), deviations, **look(k), label=self.said(name))
        low, high = sizes.get_ylim()
        sizes.set(xlim=(1, self.depth), ylim=(min(0.1, low), max(10, high)))
        sizes.legend(fontsize=8)
        sizes.set_xlabel(self.said("layer"), fontsize=8)
        for place, key in zip((forward, backward, sizes), ("activations", "gradients", "sizes")):
            place.set_title(self.said(key), fontsize=8)
        return figure
