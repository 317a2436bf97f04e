"""Where does an activation let the gradient through? Values and derivatives of six functions.

The browser computes (activations.js); Python has the same numbers from the library. A function of
the reader's own is computed here, at the places of the slider, and differentiated by autograd.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

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
    tell,
)
from nncourse.widgets.numbers import format_number
from nncourse.widgets.own import Own, check_function, check_names, without_nan
from nncourse.widgets.own import value_and_slope as own_value_and_slope

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_ = catalogue("widgets")

PLACES = np.arange(241) / 20 - 6  # those of the slider for z
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
    row; ``compare`` draws all of them. ``own`` adds functions of a Tensor, or pairs of functions of
    an array, value and slope: {"swish": lambda z: z * F.sigmoid(z), "square": (np.square, lambda z:
    2 * z)}; ``problems`` says what is wrong with one that cannot be drawn.
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
        "nowhere": mark("The function or its derivative is no number here."),
        "alt": mark("{name} at z = {z}: value {f}, derivative {d}"),
    }

    labels = traitlets.Dict(read_only=True).tag(sync=True)
    own_tables = traitlets.Dict(read_only=True).tag(sync=True)
    problems = traitlets.Dict(read_only=True).tag(sync=True)
    activation = traitlets.Unicode("sigmoid").tag(sync=True)
    z = traitlets.Float(2.0, min=-6, max=6).tag(sync=True)
    alpha = traitlets.Float(0.1, min=0, max=1.5).tag(sync=True)
    depth = traitlets.Int(10, min=1, max=30).tag(sync=True)
    compare = traitlets.Bool(False).tag(sync=True)

    def __init__(
        self, activation: str = "sigmoid", own: Mapping[str, Own] | None = None, **traits: Any
    ) -> None:
        self.own = dict(own or {})
        check_names(self.own, NAMES)
        super().__init__(activation=activation, **traits)
        labels = {key: _(name) for key, name in NAMES.items()}
        self.set_trait("labels", labels | {name: name for name in self.own})
        tables, problems = {}, {}
        for name, function in self.own.items():
            try:
                check_function(function, PLACES)
                tables[name] = without_nan(own_value_and_slope(function, PLACES))
            except Exception as problem:  # the reader's own code may fail in any way
                problems[name] = tell(problem)
        self.set_trait("own_tables", tables)
        self.set_trait("problems", problems)

    @traitlets.validate("activation")
    def _check_activation(self, proposal: Any) -> str:
        name: str = proposal["value"]
        if name not in NAMES and name not in self.own:
            raise traitlets.TraitError(
                f"activation: one of {', '.join([*NAMES, *self.own])}; got {name!r}"
            )
        return name

    def _both(self, name: str, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """f(z) and f'(z); NaN where the reader's own function cannot be computed."""
        if name in NAMES:
            return value_and_slope(name, z, self.alpha)
        if name in self.problems:
            return np.full(z.shape, np.nan), np.full(z.shape, np.nan)
        return own_value_and_slope(self.own[name], z)

    @property
    def slope(self) -> float:
        """f'(z)."""
        return float(self._both(self.activation, np.array([self.z]))[1][0])

    @property
    def through(self) -> float:
        """f'(z) to the power of the number of layers."""
        return self.slope**self.depth

    def describe(self) -> str:
        """Value, derivative and their product through depth, in words."""
        value = self._both(self.activation, np.array([self.z]))[0][0]
        alt = self.said("alt", name=self.labels[self.activation], z=format_number(self.z),
                        f=format_number(float(value)), d=format_number(self.slope))  # fmt: skip
        wrong = [f"\n{name}: {problem}" for name, problem in self.problems.items()]
        product = f"{self.said('product', n=self.depth)} {format_number(self.through)}."
        return f"{alt}.\n{product}" + "".join(wrong)

    def figure(self) -> Figure:
        figure, axes = picture(self.heading, 2)
        names = [*NAMES, *self.own]
        for name in names if self.compare else [self.activation]:
            k = names.index(name)
            for place, values in zip(axes, self._both(name, PLACES)):
                place.plot(PLACES, values, **look(k), label=self.labels[name])
        k = names.index(self.activation)
        here = self._both(self.activation, np.array([self.z]))
        for place, value, key, limits in zip(
            axes, here, ("value", "slope"), ((-2, 6), (-0.3, 1.6))
        ):
            place.plot(self.z, value[0], MARKS[k % 9], color=COLOURS[k % 9], ms=8)
            place.set_title(self.said(key), fontsize=9)
            place.set(xlim=(-6, 6), ylim=limits)
            place.set_xlabel("z", fontsize=9)
        axes[0].legend(fontsize=8)
        return figure
