"""Where does an activation let the gradient through? Values and derivatives of six functions.

The browser computes (activations.js); Python has the same numbers from the library.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import traitlets

import nncourse as nnc
from nncourse.language import catalogue, mark
from nncourse.nn import functional as F
from nncourse.widgets.explorer import (
    COLOURS,
    MARKS,
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

NAMES = {"sigmoid": mark("sigmoid"), "tanh": "tanh", "relu": "ReLU",
         "leaky_relu": "Leaky ReLU, PReLU", "elu": "ELU", "gelu": "GELU"}  # fmt: skip


def value_and_slope(name: str, z: np.ndarray, alpha: float) -> tuple[np.ndarray, np.ndarray]:
    """f(z) and f'(z) of the library's function, both like z."""
    x = nnc.tensor(np.asarray(z, dtype=np.float64), requires_grad=True)
    more = {"leaky_relu": {"negative_slope": alpha}, "elu": {"alpha": alpha}}.get(name, {})
    y = getattr(F, name)(x, **more)
    y.sum().backward()
    assert x.grad is not None
    return y.detach().numpy(), x.grad.numpy()


class ActivationExplorer(Explorer):
    """Look at an activation function, its derivative, and what is left of it through depth.

    ``activation``: "sigmoid", "tanh", "relu", "leaky_relu", "elu" or "gelu"; ``z``: the score;
    ``alpha``: the parameter of Leaky ReLU, PReLU and ELU; ``depth``: how many such layers are in a
    row; ``compare`` draws all of them.
    """

    _esm = explorer_script("activations.js")
    _css = explorer_styles()

    question = mark("Where does an activation let the gradient through?")
    settings = ("activation", "z", "alpha", "depth", "compare")
    texts = {
        "activation": mark("Activation"),
        "depth": mark("Layers"),
        "compare": mark("draw all"),
        "value": mark("f(z)"),
        "slope": mark("f′(z)"),
        "product": mark("f′(z) through {n} layers:"),
        "kink": mark("A kink: no derivative here. By convention it is that of the left side."),
        "dead": mark("The derivative is 0, nothing passes. A unit with all examples here is dead."),
        "saturated": mark("Saturated: hardly anything of the gradient passes."),
        "vanishes": mark("One layer lets the gradient through, many in a row do not."),
        "flows": mark("The gradient passes."),
        "alt": mark("{name} at z = {z}: value {f}, derivative {d}"),
    }

    labels = traitlets.Dict(read_only=True).tag(sync=True)
    activation = traitlets.Enum(list(NAMES), "sigmoid").tag(sync=True)
    z = traitlets.Float(2.0, min=-6, max=6).tag(sync=True)
    alpha = traitlets.Float(0.1, min=0, max=1.5).tag(sync=True)
    depth = traitlets.Int(10, min=1, max=30).tag(sync=True)
    compare = traitlets.Bool(False).tag(sync=True)

    def __init__(self, activation: str = "sigmoid", **traits: object) -> None:
        super().__init__(activation=activation, **traits)
        self.set_trait("labels", {key: _(name) for key, name in NAMES.items()})

    @property
    def slope(self) -> float:
        """f'(z)."""
        return float(value_and_slope(self.activation, np.array([self.z]), self.alpha)[1][0])

    @property
    def through(self) -> float:
        """f'(z) to the power of the number of layers."""
        return self.slope**self.depth

    def describe(self) -> str:
        """Value, derivative and their product through depth, in words."""
        value = value_and_slope(self.activation, np.array([self.z]), self.alpha)[0][0]
        alt = self.said("alt", name=self.labels[self.activation], z=format_number(self.z),
                        f=format_number(float(value)), d=format_number(self.slope))  # fmt: skip
        return f"{alt}.\n{self.said('product', n=self.depth)} {format_number(self.through)}."

    def figure(self) -> Figure:
        figure, axes = picture(self.heading, 2)
        z = np.linspace(-6, 6, 241)
        for name in NAMES if self.compare else [self.activation]:
            k = list(NAMES).index(name)
            both = value_and_slope(name, z, self.alpha)
            for place, values in zip(axes, both):
                place.plot(z, values, **look(k), label=self.labels[name])
        k = list(NAMES).index(self.activation)
        here = value_and_slope(self.activation, np.array([self.z]), self.alpha)
        for place, value, key, limits in zip(
            axes, here, ("value", "slope"), ((-2, 6), (-0.3, 1.6))
        ):
            place.plot(self.z, value[0], MARKS[k], color=COLOURS[k], ms=8)
            place.set_title(self.said(key), fontsize=9)
            place.set(xlim=(-6, 6), ylim=limits)
            place.set_xlabel("z", fontsize=9)
        axes[0].legend(fontsize=8)
        return figure
