"""What do initial values do to a deep network? Activations and gradients, layer by layer.

A network of equal layers of 32 units gets 32 normal examples; a normal gradient goes back through
it. The browser computes (depth.js), and Python has the same numbers. With an activation or initial
values of the reader's own the kernel computes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import traitlets

from nncourse.language import catalogue, mark
from nncourse.widgets.base import told_figure
from nncourse.widgets.explorer import (
    COLOURS,
    Explorer,
    explorer_script,
    explorer_styles,
    look,
    normals,
    picture,
    tell,
)
from nncourse.widgets.numbers import format_number
from nncourse.widgets.own import Own, check_function, check_names, value_and_slope

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_ = catalogue("widgets")

WIDTH = EXAMPLES = 32
DEVIATIONS = {"zeros": 0.0, "small": 0.01, "xavier": (1 / WIDTH) ** 0.5, "he": (2 / WIDTH) ** 0.5}

INITS = (*DEVIATIONS, "orthogonal")


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


Initializer: TypeAlias = Callable[[int, int, np.random.Generator], Any]

ACTIVATIONS: dict[str, Own] = {
    "tanh": (np.tanh, lambda z: 1 - np.tanh(z) ** 2),
    "relu": (lambda z: np.maximum(z, 0), lambda z: (z > 0) * 1.0),
    "sigmoid": (lambda z: 0.5 + 0.5 * np.tanh(z / 2), lambda z: (1 - np.tanh(z / 2) ** 2) / 4),
}  # the value and the slope at a score


@lru_cache(maxsize=4)
def _normal(seed: int, layers: int) -> np.ndarray:
    """Normal numbers from a seed, (layers + 2, WIDTH, WIDTH): examples, weights, the gradient."""
    stream = normals(seed)
    count = (layers + 2) * WIDTH * WIDTH
    return np.array([next(stream) for _ in range(count)]).reshape(-1, WIDTH, WIDTH)


def own_weight(make: Initializer, rng: np.random.Generator) -> np.ndarray:
    """The weight (WIDTH, WIDTH) that the reader's function makes; raises where it makes none."""
    found = make(WIDTH, WIDTH, rng)
    drawn = np.array(found.detach() if hasattr(found, "detach") else found, dtype=np.float64)
    if drawn.shape != (WIDTH, WIDTH):
        text = _("the initial values must have the shape {want}; they have {got}",
                 want=(WIDTH, WIDTH), got=drawn.shape)  # fmt: skip
        raise ValueError(text)
    if not np.isfinite(drawn).all():
        raise ValueError(_("the initial values must be finite numbers; some are not"))
    return drawn


@np.errstate(invalid="ignore", over="ignore")
def passes(
    activation: str | Own, init: str | Initializer, scale: float, depth: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Activations, and gradients by the scores, of every layer: both (depth, EXAMPLES, WIDTH).

    ``activation``: a name, or one of one's own (own.py); ``init``: a name, or a function of
    fan_out, fan_in and a NumPy generator that returns the weight.
    """
    unit = ACTIVATIONS[activation] if isinstance(activation, str) else activation
    drawn = _normal(seed, depth)
    rng = np.random.default_rng(seed)
    a, g = drawn[0], drawn[-1]
    weights, activations, slopes = [], [], []
    for layer in range(depth):
        if isinstance(init, str):
            weights.append(weight(drawn[layer + 1], init, scale))
        else:
            weights.append(scale * own_weight(init, rng))
        a, slope = value_and_slope(unit, a @ weights[-1].T)
        activations.append(a)
        slopes.append(slope)
    gradients = []
    for w, slope in zip(reversed(weights), reversed(slopes)):
        gradients.append(g * slope)
        g = gradients[-1] @ w
    return np.array(activations), np.array(gradients[::-1])


class DepthExplorer(Explorer):
    """Choose activation, initial values and depth; see how activations and gradients fare.

    ``activation``: "tanh", "relu" or "sigmoid"; ``init``: "zeros", "small", "xavier", "he" or
    "orthogonal"; ``scale`` multiplies the weights; ``depth``: 2 to 12 layers.

    ``own`` adds activations: functions of a Tensor, or pairs of functions of an array, value and
    slope. ``own_init`` adds initial values: functions of fan_out, fan_in and a NumPy generator that
    return the weight, as in exercise ps07. ``problems`` says what is wrong with one of them:

        DepthExplorer("sine", init="mine", own={"sine": lambda z: z.sin()},
                      own_init={"mine": lambda n, m, rng: rng.normal(0, m**-0.5, (n, m))})
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
        "said_nowhere": mark("Not all activations and gradients are finite numbers."),
        "alt": mark("{depth} layers: last activations {up}, gradient of first over last {ratio}"),
    }

    own_names: traitlets.Dict[str, Any] = traitlets.Dict(read_only=True).tag(sync=True)
    # With something of one's own: the settings, and the numbers that belong to them as float32.
    own_at = traitlets.Dict(read_only=True).tag(sync=True)
    own_numbers = traitlets.Bytes(read_only=True).tag(sync=True)
    problems = traitlets.Dict(read_only=True).tag(sync=True)
    activation = traitlets.Unicode("tanh").tag(sync=True)
    init = traitlets.Unicode("small").tag(sync=True)
    scale = traitlets.Float(1.0, min=0.1, max=10).tag(sync=True)
    depth = traitlets.Int(8, min=2, max=12).tag(sync=True)
    seed = traitlets.Int(0, min=0).tag(sync=True)

    def __init__(
        self,
        activation: str = "tanh",
        own: Mapping[str, Own] | None = None,
        own_init: Mapping[str, Initializer] | None = None,
        **traits: Any,
    ) -> None:
        self.own, self.own_init = dict(own or {}), dict(own_init or {})
        check_names(self.own, ACTIVATIONS)
        check_names(self.own_init, INITS, "own_init")
        problems = {}
        for name, function in self.own.items():
            try:
                check_function(function, np.linspace(-3, 3, 25))
            except Exception as problem:  # the reader's own code may fail in any way
                problems[name] = tell(problem)
        for name, make in self.own_init.items():
            try:
                own_weight(make, np.random.default_rng(0))
            except Exception as problem:
                problems[name] = tell(problem)
        super().__init__(activation=activation, **traits)
        self.set_trait("own_names", {"own": list(self.own), "own_init": list(self.own_init)})
        self.set_trait("problems", problems)
        self._compute_own()
        self.observe(self._compute_own, list(self.settings))

    @traitlets.validate("activation", "init")
    def _valid_name(self, proposal: Any) -> str:
        name: str = proposal["value"]
        trait = proposal["trait"].name
        known = [*ACTIVATIONS, *self.own] if trait == "activation" else [*INITS, *self.own_init]
        if name not in known:
            raise traitlets.TraitError(f"{trait}: one of {', '.join(known)}; got {name!r}")
        return name

    def _compute_own(self, _change: Any = None) -> None:
        """Both passes for the front end, where they need the reader's own code."""
        mine = self.activation in self.own or self.init in self.own_init
        if not mine or self._problem():
            return
        with self.lock, self.hold_sync():
            numbers = np.array(self.passes, dtype=np.float32)
            self.set_trait("own_numbers", numbers.tobytes())
            self.set_trait("own_at", {name: getattr(self, name) for name in self.settings})

    def _problem(self) -> str | None:
        return self.problems.get(self.activation) or self.problems.get(self.init)

    @property
    def passes(self) -> tuple[np.ndarray, np.ndarray]:
        """Activations and gradients of every layer, both (depth, examples, width)."""
        if problem := self._problem():
            raise ValueError(problem)
        activation = self.own.get(self.activation, self.activation)
        init = self.own_init.get(self.init, self.init)
        return passes(activation, init, self.scale, self.depth, self.seed)

    @property
    @np.errstate(invalid="ignore")
    def ratio(self) -> float:
        """The deviation of the first layer's gradient over that of the last."""
        _activations, gradients = self.passes
        last = float(gradients[-1].std())
        return float(gradients[0].std()) / last if last else 0.0

    def describe(self) -> str:
        """The deviations at the ends of the network, in words."""
        wrong = [f"{name}: {problem}" for name, problem in self.problems.items()]
        if self._problem():
            return "\n".join(wrong)
        activations, _gradients = self.passes
        with np.errstate(invalid="ignore"):
            up = float(activations[-1].std())
        text = self.said("alt", depth=self.depth, up=format_number(up),
                         ratio=format_number(self.ratio)) + "."  # fmt: skip
        return "\n".join([text, *wrong])

    def _reach(self, activations: np.ndarray) -> tuple[float, float]:
        """The limits within which activations are drawn."""
        if self.activation in self.own:
            low, high = float(activations.min()), float(activations.max())
            return max(-4, min(-0.5, low)), min(4, max(0.5, high))
        return (-0.5, 4) if self.activation == "relu" else (-1.05, 1.05)

    def figure(self) -> Figure:
        if problem := self._problem():
            return told_figure(self.heading, problem)
        figure, (forward, backward, sizes) = picture(self.heading, 3)
        # What is no number is not drawn; only a function of one's own makes such.
        both = [np.where(np.isfinite(one), one, 0.0) for one in self.passes]
        wide = 3 * max(1e-12, *(float(layer.std()) for layer in both[1]))
        limits = (self._reach(both[0]), (-wide, wide))
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
