"""Which optimiser gets there first, and where? A race of all eight, and of one's own.

The browser computes the eight (race.js), so a dragged start answers at once. An optimiser of the
reader's own, any class with PyTorch's interface, runs here, in the kernel.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import traitlets

import nncourse as nnc
from nncourse import nn, optim
from nncourse.language import catalogue, mark
from nncourse.widgets.explorer import (
    COLOURS,
    MARKS,
    Explorer,
    explorer_script,
    explorer_styles,
    look,
    normals,
    picture,
    tell,
)
from nncourse.widgets.numbers import format_number

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_ = catalogue("widgets")

FAR = 1e6
PATIENCE = 1.0  # seconds for the path of an optimiser of the reader's own


@dataclass(frozen=True)
class Surface:
    """A function of two weights: where it is shown, its least value, where a race begins.

    ``value`` takes anything with arithmetic: numbers, arrays, tensors.
    """

    low: tuple[float, float]
    high: tuple[float, float]
    start: tuple[float, float]
    least: float
    value: Callable[[Any, Any], Any]


def _exp(x: Any) -> Any:
    return x.exp() if isinstance(x, nnc.Tensor) else np.exp(x)


SURFACES = {
    "ravine": Surface((-4, -2), (4, 2), (-3.5, 1.5), 0.0,
                      lambda x, y: 0.1 * x**2 + 2 * y**2),
    "rosenbrock": Surface((-2, -1), (2, 3), (-1.5, 2.5), 0.0,
                          lambda x, y: (1 - x) ** 2 / 4 + (y - x**2) ** 2),
    "saddle": Surface((-2, -2.5), (2, 2.5), (-1.8, 0.05), -0.75,
                      lambda x, y: x**2 / 2 - y**2 / 2 + y**4 / 12),
    "wells": Surface((-5, -5), (5, 5), (-0.5, -4.5), 0.0,
                     lambda x, y: ((x**2 + y - 11) ** 2 + (x + y**2 - 7) ** 2) / 100),
    "plateau": Surface((-4, -3), (4, 3), (-3.3, 1.6), 0.0,
                       lambda x, y: 1 - _exp(-(x**2 + 3 * y**2) / 2) + 0.002 * (x**2 + y**2)),
}  # fmt: skip

# Learning rates at which each does well on several of the surfaces; the slider multiplies them.
RATES = {"SGD": 0.05, "Momentum": 0.02, "NAG": 0.02, "Adagrad": 0.5, "RMSprop": 0.03,
         "Adadelta": 1.0, "Adam": 0.1, "NAdam": 0.1}  # fmt: skip


def make_optimizer(rule: str, parameters: Any, lr: float, momentum: float) -> Any:
    """The library's optimiser with the settings of the race."""
    if rule == "Momentum":
        return optim.SGD(parameters, lr=lr, momentum=momentum)
    if rule == "NAG":
        return optim.NAG(parameters, lr=lr, momentum=momentum)
    if rule == "RMSprop":
        return optim.RMSprop(parameters, lr=lr, alpha=0.9)
    if rule in ("Adam", "NAdam"):
        return getattr(optim, rule)(parameters, lr=lr, betas=(momentum, 0.999))
    return getattr(optim, rule)(parameters, lr=lr)


def run(
    make: Callable[[list[Any]], Any],
    surface: str,
    *,
    noise: float,
    start: Any,
    seed: int,
    total: int,
) -> np.ndarray:
    """The path of an optimiser, (steps + 1, 2); it ends early when w flies away.

    make(parameters) returns the optimiser. ``noise`` times a normal number is added to every
    gradient. Raises TimeoutError when it takes longer than PATIENCE, and TypeError when make
    returns no optimiser.
    """
    value = SURFACES[surface].value
    w = nn.Parameter(nnc.tensor(np.array(start, dtype=np.float64)))
    optimizer = make([w])
    for name in ("zero_grad", "step"):
        if not callable(getattr(optimizer, name, None)):
            raise TypeError(
                f"the function must return an optimiser with zero_grad() and step(); "
                f"{type(optimizer).__name__} has no {name}()"
            )
    end = time.perf_counter() + PATIENCE
    bell = normals(seed)
    path = [w.detach().numpy().copy()]
    for _step in range(total):
        optimizer.zero_grad()
        value(w[0], w[1]).backward()
        if noise:
            w.grad = w.grad + noise * nnc.tensor(np.array([next(bell), next(bell)]))
        optimizer.step()
        here = w.detach().numpy().copy()
        if here.shape != (2,):
            raise ValueError(f"step() changed the shape of the weights from (2,) to {here.shape}")
        if not np.abs(here).max() < FAR:
            break
        if time.perf_counter() > end:
            raise TimeoutError(
                _("{n} steps took more than {seconds} s: too slow to race", n=len(path),
                  seconds=f"{PATIENCE:g}")
            )  # fmt: skip
        path.append(here)
    return np.array(path)


class OptimizerRace(Explorer):
    """Let optimisers run on a surface from one start.

    ``surface``: "ravine", "rosenbrock", "saddle", "wells" or "plateau"; ``start``: (w1, w2);
    ``scale`` multiplies the learning rates; ``noise`` is added to the gradients; ``hidden`` lists
    names that are not shown. ``own`` adds optimisers: {"mine": lambda parameters: Mine(parameters,
    lr=0.1)}, with ``zero_grad()`` and ``step()`` as in PyTorch; ``problems`` says what went wrong
    in one of them.
    """

    _esm = explorer_script("race.js")
    _css = explorer_styles()

    question = mark("Which optimiser gets there first, and where does it end?")
    settings = ("surface", "start", "scale", "momentum", "noise", "seed", "steps", "hidden")
    texts = {
        "surface": mark("Surface"),
        "surface_ravine": mark("a ravine"),
        "surface_rosenbrock": mark("Rosenbrock's valley"),
        "surface_saddle": mark("a saddle"),
        "surface_wells": mark("four wells"),
        "surface_plateau": mark("a plateau with a hole"),
        "scale": mark("Learning rates"),
        "momentum": mark("Momentum μ = β₁"),
        "noise": mark("Noise"),
        "again": mark("Other random numbers"),
        "steps": mark("Steps"),
        "play": mark("Play"),
        "pause": mark("Pause"),
        "shown": mark("Optimisers shown"),
        "course": mark("Height above the minimum"),
        "flown": mark("has flown away"),
        "help": mark(
            "The ring is the start: move it with the mouse or with arrow keys. Blue is low, "
            "yellow is high."
        ),
        "start_alt": mark("The start can be moved with arrow keys."),
        "alt": mark("After {steps} steps, height above the minimum: {order}"),
    }

    rates = traitlets.Dict(read_only=True).tag(sync=True)
    starts = traitlets.Dict(read_only=True).tag(sync=True)
    least = traitlets.Dict(read_only=True).tag(sync=True)
    own_paths = traitlets.Dict(read_only=True).tag(sync=True)
    problems = traitlets.Dict(read_only=True).tag(sync=True)  # what went wrong in own optimisers
    surface = traitlets.Enum(list(SURFACES), "ravine").tag(sync=True)
    start: traitlets.List[Any] = traitlets.List(traitlets.Float(), minlen=2, maxlen=2).tag(
        sync=True
    )
    scale = traitlets.Float(1.0, min=0.1, max=10).tag(sync=True)
    momentum = traitlets.Float(0.9, min=0, max=0.99).tag(sync=True)
    noise = traitlets.Float(0.0, min=0, max=2).tag(sync=True)
    seed = traitlets.Int(0, min=0).tag(sync=True)
    steps = traitlets.Int(60, min=0).tag(sync=True)
    total = traitlets.Int(200, min=1, max=1000).tag(sync=True)
    hidden: traitlets.List[Any] = traitlets.List(traitlets.Unicode()).tag(sync=True)

    def __init__(
        self, surface: str = "ravine", own: Mapping[str, Callable] | None = None, **traits: Any
    ) -> None:
        if surface in SURFACES:
            traits.setdefault("start", SURFACES[surface].start)
        traits["start"] = [float(v) for v in traits.get("start", (0, 0))]
        self.own = dict(own or {})
        super().__init__(surface=surface, **traits)
        self.set_trait("rates", RATES)
        self.set_trait("starts", {name: list(s.start) for name, s in SURFACES.items()})
        self.set_trait("least", {name: s.least for name, s in SURFACES.items()})
        self._run_own()
        self.observe(self._run_own, ["surface", "start", "noise", "seed", "total"])

    def _settings(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in ("noise", "start", "seed", "total")}

    def _run_own(self, _change: Any = None) -> None:
        with self.lock:
            paths, problems = {}, {}
            for name, make in self.own.items():
                try:
                    paths[name] = run(make, self.surface, **self._settings()).tolist()
                except Exception as problem:  # the reader's own code may fail in any way
                    paths[name] = [list(self.start)]
                    problems[name] = tell(problem)
            with self.hold_sync():
                self.set_trait("own_paths", paths)
                self.set_trait("problems", problems)

    def path(self, rule: str) -> np.ndarray:
        """The path of one of the eight, or of one of one's own, (steps + 1, 2)."""
        if rule in self.own:
            return np.array(self.own_paths[rule])
        lr = RATES[rule] * self.scale
        return run(
            lambda parameters: make_optimizer(rule, parameters, lr, self.momentum),
            self.surface, **self._settings(),
        )  # fmt: skip

    def heights(self) -> dict[str, float]:
        """How high above the minimum each is after the steps on show; infinite if flown away."""
        surface = SURFACES[self.surface]
        found = {}
        for rule in [*RATES, *self.own]:
            path = self.path(rule)
            k = min(self.steps, self.total)
            arrived = k < len(path) and rule not in self.problems
            found[rule] = float(surface.value(*path[k]) - surface.least) if arrived else np.inf
        return found

    def describe(self) -> str:
        """The order in which they stand after the steps on show."""
        standing = sorted(
            (height, rule) for rule, height in self.heights().items() if rule not in self.hidden
        )
        order = "; ".join(f"{rule} {format_number(max(h, 1e-8))}" for h, rule in standing)
        wrong = [f"\n{name}: {problem}" for name, problem in self.problems.items()]
        return self.said("alt", steps=self.steps, order=order) + "." + "".join(wrong)

    def figure(self) -> Figure:
        figure, (plane, course) = picture(self.heading, 2, 3.6)
        surface = SURFACES[self.surface]
        ticks = [np.linspace(a, b, 121) for a, b in zip(surface.low, surface.high)]
        height = np.log(0.01 + surface.value(*np.meshgrid(*ticks)) - surface.least)
        plane.contourf(*ticks, height, 14, cmap="cividis")
        for k, rule in enumerate([*RATES, *self.own]):
            if rule in self.hidden:
                continue
            path = self.path(rule)[: self.steps + 1]
            plane.plot(*path.T, color="white", linewidth=3)
            plane.plot(*path.T, color=COLOURS[k % 9], linewidth=1.6)
            head = {"markeredgecolor": "white", "ms": 9, "zorder": 5}
            plane.plot(*path[-1], MARKS[k % 9], color=COLOURS[k % 9], **head)
            values = np.maximum(surface.value(*path.T) - surface.least, 1e-8)
            course.plot(values, **look(k), label=rule)
        plane.plot(*self.start, "o", mfc="none", mec="black", mew=2.2, ms=11)
        plane.plot(*self.start, "o", mfc="none", mec="white", mew=1, ms=11)
        plane.grid(visible=False)
        plane.set_xlabel("w₁", fontsize=9)
        plane.set_ylabel("w₂", fontsize=9)
        plane.set_xlim(surface.low[0], surface.high[0])
        plane.set_ylim(surface.low[1], surface.high[1])
        course.set_yscale("log")
        course.set_ylim(1e-6, 1e2)
        course.legend(fontsize=7, ncols=2)
        course.set_title(self.said("course"), fontsize=9)
        course.set_xlabel(self.said("steps"), fontsize=9)
        return figure
