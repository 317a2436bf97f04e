"""Why does descent arrive, crawl or fly away, and what does noise change? Gradient descent on Q.

Q(w) is the mean of the losses C_i(w) of 24 objects, so that a batch of a few gives a noisy gradient
of the same mean. The browser computes (descent.js), and Python has the same numbers. A loss of the
reader's own is computed here, in the kernel (descent_own.py).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import traitlets

from nncourse.language import catalogue, mark
from nncourse.widgets.base import told_figure
from nncourse.widgets.descent_own import FAR, Loss, OwnLoss, Path, walk
from nncourse.widgets.explorer import (
    COLOURS,
    Explorer,
    explorer_script,
    explorer_styles,
    look,
    normals,
    picture,
    tell,
    uniforms,
)
from nncourse.widgets.numbers import format_number
from nncourse.widgets.own import check_names, without_nan

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_ = catalogue("widgets")

OBJECTS = 24
LIMITS = {"line": ([-2], [4]), "wells": ([-2], [2]), "plane": ([-2, -2], [4, 3])}
STARTS = {"line": [-1.5], "wells": [1.8], "plane": [-1.5, 2.5]}


def make_objects() -> list[list[float]]:
    """Rows (x, y, a), in the order of x: y is near 1.5 x + 0.5, the a are noise of mean zero."""
    noise = normals(3)
    drawn = np.array([next(noise) for _ in range(2 * OBJECTS)]).reshape(2, OBJECTS)
    x = np.linspace(-1.5, 1.5, OBJECTS)
    tilts = np.sort(drawn[1] - drawn[1].mean())
    return np.round(np.stack([x, 1.5 * x + 0.5 + 0.6 * drawn[0], tilts], axis=1), 3).tolist()


def losses(problem: str, w: Any, objects: np.ndarray) -> np.ndarray:
    """C_i(w) for every object, (N,)."""
    x, y, a = objects.T
    if problem == "wells":
        return (w[0] ** 2 - 1) ** 2 / 4 + 0.2 * w[0] + a * w[0]
    return (w[0] * x + (w[1] if problem == "plane" else 0) - y) ** 2 / 2


def slopes(problem: str, w: Any, objects: np.ndarray) -> np.ndarray:
    """The gradient of C_i(w) for every object, (N, 1) or (N, 2)."""
    x, y, a = objects.T
    if problem == "wells":
        return (w[0] * (w[0] ** 2 - 1) + 0.2 + a)[:, None]
    wrong = w[0] * x + (w[1] if problem == "plane" else 0) - y
    return np.stack([wrong * x, wrong], axis=1) if problem == "plane" else (wrong * x)[:, None]


def descend(
    problem: str, objects: Any, *, rate: float, batch: int, order: str, smoothing: float,
    noise: float = 0.0, start: Sequence[float], seed: int, total: int,
) -> Path:  # fmt: skip
    """Steps w := w - rate * mean gradient of the batch, and Q := (1 - l) Q + l C of the batch.

    A batch smaller than the set is drawn with replacement, or taken in the order stored. ``noise``
    times a normal number is added to each coordinate of the gradient.
    """
    objects = np.asarray(objects)
    stream = uniforms(seed)
    bell = normals(seed)
    w = np.array(start, dtype=np.float64)
    q = float(losses(problem, w, objects).mean())
    path = Path([w.tolist()], [q], [q])
    cursor = 0
    for _step in range(total):
        chosen = np.arange(len(objects))
        if batch < len(objects):
            if order == "random":
                chosen = np.array([int(next(stream) * len(objects)) for _ in range(batch)])
            else:
                chosen = np.arange(cursor, cursor + batch) % len(objects)
                cursor += batch
        cost = float(losses(problem, w, objects[chosen]).mean())
        slope = slopes(problem, w, objects[chosen]).mean(axis=0)
        if noise:
            slope = slope + noise * np.array([next(bell) for _coordinate in w])
        w = w - rate * slope
        q = (1 - smoothing) * q + smoothing * cost
        path.w.append(w.tolist())
        path.risk.append(float(losses(problem, w, objects).mean()))
        path.smooth.append(q)
        path.batch.append(cost)
        if not np.abs(w).max() < FAR:
            break
    return path


# What the path on a loss of one's own depends on; there are no objects, and so no batches.
_OWN = ("rate", "smoothing", "noise", "start", "seed", "total")


class DescentExplorer(Explorer):
    """Descend on a line's slope, on two wells or on a plane of two weights.

    ``problem``: "line", "wells" or "plane"; ``rate``: the step; ``batch``: objects in a step, all
    24 of them for the exact gradient; ``order``: "random" or "stored"; ``noise``: the deviation of
    what is added to the gradient; ``smoothing``: the lambda of the smoothed Q; ``start``: where to
    begin; ``steps``: how many steps are on show.
    """

    _esm = explorer_script("descent.js")
    _css = explorer_styles()

    question = mark("Why does descent arrive, crawl or fly away, and what does noise change?")
    settings = ("problem", "rate", "batch", "order", "noise", "smoothing", "start", "seed", "steps")
    texts = {
        "problem": mark("Minimise"),
        "problem_line": mark("slope of a line"),
        "problem_wells": mark("two wells"),
        "problem_plane": mark("slope and intercept"),
        "rate": mark("Step ε"),
        "batch": mark("Batch size"),
        "order": mark("Order"),
        "order_random": mark("random"),
        "order_stored": mark("as stored"),
        "noise": mark("Noise in the gradient"),
        "smoothing": mark("Smoothing λ"),
        "again": mark("Other random numbers"),
        "steps": mark("Steps"),
        "play": mark("Play"),
        "pause": mark("Pause"),
        "course": mark("Loss against the number of steps"),
        "risk": mark("Q of all objects"),
        "smooth": mark("smoothed Q"),
        "batch_loss": mark("loss of the batch"),
        "begin": mark("start"),
        "walked": mark("path"),
        "single": mark("losses of the batch's objects"),
        "help": mark("Choose the start with the mouse or with arrow keys."),
        "start_alt": mark("The start can be moved with arrow keys."),
        "exact": mark("All objects in each step: the gradient is exact, the path has no noise."),
        "noisy": mark(
            "The gradient of a batch is right on average. Near the minimum noise rules: "
            "a smaller step or a larger batch calms it."
        ),
        "shaken": mark(
            "Noise of this size is added to every gradient: w never comes to rest, and the spread "
            "grows with the step."
        ),
        "own_exact": mark("The gradient of your loss is exact, the path has no noise."),
        "nowhere": mark("The loss or its gradient is no number on this path."),
        "flown": mark("The step is too large: each one overshoots further, and w flies away."),
        "alt": mark("After {steps} steps w = {w}, Q = {q}, smoothed {smooth}"),
    }

    own_surfaces = traitlets.Dict(read_only=True).tag(sync=True)
    own_path = traitlets.Dict(read_only=True).tag(sync=True)
    problems = traitlets.Dict(read_only=True).tag(sync=True)
    objects: traitlets.List[Any] = traitlets.List(read_only=True).tag(sync=True)
    starts = traitlets.Dict(read_only=True).tag(sync=True)
    problem = traitlets.Unicode("line").tag(sync=True)
    rate = traitlets.Float(0.3, min=1e-3, max=4).tag(sync=True)
    batch = traitlets.Int(OBJECTS, min=1, max=OBJECTS).tag(sync=True)
    order = traitlets.Enum(["random", "stored"], "random").tag(sync=True)
    noise = traitlets.Float(0.0, min=0, max=10).tag(sync=True)
    smoothing = traitlets.Float(0.1, min=0.01, max=1).tag(sync=True)
    start: traitlets.List[Any] = traitlets.List(traitlets.Float()).tag(sync=True)
    seed = traitlets.Int(0, min=0).tag(sync=True)
    steps = traitlets.Int(20, min=0).tag(sync=True)
    total = traitlets.Int(100, min=1, max=1000).tag(sync=True)

    def __init__(
        self,
        problem: str = "line",
        own: Mapping[str, Loss] | None = None,
        reach: float = 3.0,
        **traits: Any,
    ) -> None:
        self.own = dict(own or {})
        check_names(self.own, LIMITS)
        self.losses: dict[str, OwnLoss] = {}
        given, problems = traits.pop("start", None), {}
        for name, loss in self.own.items():
            try:
                coordinates = len(given) if given is not None and name == problem else None
                self.losses[name] = OwnLoss(loss, coordinates, reach)
            except Exception as wrong:  # the reader's own code may fail in any way
                problems[name] = tell(wrong)
        starts = {**STARTS, **{name: loss.start for name, loss in self.losses.items()}}
        start = starts.get(problem, [0.0]) if given is None else given
        super().__init__(problem=problem, start=[float(w) for w in start], **traits)
        if problem not in problems and len(self.start) != len(starts[problem]):
            raise ValueError(
                f"DescentExplorer: a start on {problem!r} has {len(starts[problem])} numbers; "
                f"got {self.start}"
            )
        self.set_trait("objects", make_objects())
        self.set_trait("starts", starts)
        self.set_trait("problems", problems)
        surfaces = {
            name: {"low": loss.low, "high": loss.high, "grid": without_nan(loss.surface.ravel()),
                   "wrong": loss.wrong}
            for name, loss in self.losses.items()
        }  # fmt: skip
        self.set_trait("own_surfaces", surfaces)
        self._walk()
        self.observe(self._walk, ["problem", *_OWN])

    @traitlets.validate("problem")
    def _valid_problem(self, proposal: Any) -> str:
        name: str = proposal["value"]
        if name not in LIMITS and name not in self.own:
            known = ", ".join([*LIMITS, *self.own])
            raise traitlets.TraitError(f"problem: one of {known}; got {name!r}")
        return name

    def _walk(self, _change: Any = None) -> None:
        """The descent on a loss of one's own, for the front end."""
        loss = self.losses.get(self.problem)
        if loss is None or len(self.start) != len(loss.low):
            return  # the start follows in a moment
        with self.lock:
            path = walk(loss, **{name: getattr(self, name) for name in _OWN})
            lists = {name: without_nan(values) for name, values in vars(path).items()}
            self.set_trait("own_path", {"problem": self.problem, "chosen": [], **lists})

    @property
    def path(self) -> Path:
        """The whole descent with the settings on show."""
        if self.problem in self.problems:
            raise ValueError(f"{self.problem}: {self.problems[self.problem]}")
        if self.problem in self.losses:
            return walk(self.losses[self.problem], **{name: getattr(self, name) for name in _OWN})
        names = (*_OWN, "batch", "order")
        return descend(self.problem, self.objects, **{name: getattr(self, name) for name in names})

    def describe(self) -> str:
        """The state after the steps on show, in words."""
        wrong = [f"{name}: {problem}" for name, problem in self.problems.items()]
        if self.problem in self.problems:
            return "\n".join(wrong)
        path = self.path
        own = self.losses.get(self.problem)
        k = min(self.steps, len(path.w) - 1)
        ended = "own_exact" if own else "noisy" if self.batch < OBJECTS else "exact"
        if self.noise:
            ended = "shaken"
        if len(path.w) <= self.total:
            ended = "flown" if np.isfinite(path.risk).all() else "nowhere"
        size = _("Step ε = {rate}, batches of {batch}.", rate=format_number(self.rate),
                 batch=self.batch)  # fmt: skip
        return "\n".join([
            f"{self.said('rate')} = {format_number(self.rate)}." if own else size,
            self.said("alt", steps=k, w="; ".join(format_number(v) for v in path.w[k]),
              q=format_number(path.risk[k]), smooth=format_number(path.smooth[k])) + ".",
            self.said(ended),
            *([own.wrong] if own and own.wrong else []),
            *wrong,
        ])  # fmt: skip

    def _surface(self) -> tuple[Any, Any, list[np.ndarray], np.ndarray]:
        """Where Q is drawn, low and high, the places on each axis, and Q there."""
        if own := self.losses.get(self.problem):
            return own.low, own.high, own.ticks, own.surface
        low, high = LIMITS[self.problem]
        objects = np.asarray(self.objects)
        ticks = [np.linspace(a, b, 121) for a, b in zip(low, high)]
        if self.problem == "plane":
            q = [[losses("plane", (u, v), objects).mean() for u in ticks[0]] for v in ticks[1]]
        else:
            q = [losses(self.problem, (u,), objects).mean() for u in ticks[0]]
        return low, high, ticks, np.array(q)

    def figure(self) -> Figure:
        if self.problem in self.problems:
            return told_figure(self.heading, self.problems[self.problem])
        figure, (surface, course) = picture(self.heading, 2)
        path = self.path
        k = min(self.steps, len(path.w) - 1)
        low, high, ticks, q = self._surface()
        w = np.array(path.w[: k + 1])
        if len(low) == 2:
            surface.contourf(*ticks, np.log(0.02 + q - min(0, np.nanmin(q))), 12, cmap="cividis")
            surface.plot(*w.T, color="white", linewidth=3.4)
            surface.plot(*w.T, "o-", color=COLOURS[1], markersize=3)
            surface.plot(*w[0], "D", color=COLOURS[0])
            surface.set_ylim(low[1], high[1])
        else:
            surface.plot(ticks[0], q, **look(0))
            surface.plot(w[:, 0], path.risk[: k + 1], "o-", color=COLOURS[1], linewidth=1, ms=4)
            surface.plot(w[0, 0], path.risk[0], "D", color=COLOURS[0])
            finite = q[np.isfinite(q)]
            margin = 0.05 * np.ptp(finite)
            surface.set_ylim(finite.min() - margin, finite.max() + margin)
        surface.set_xlim(low[0], high[0])
        names = ("w₁", "w₂") if self.problem in self.losses else ("w", "b")
        surface.set_xlabel(names[0] if len(low) == 2 else "w", fontsize=9)
        surface.set_ylabel(names[1] if len(low) == 2 else "Q(w)", fontsize=9)
        steps = np.arange(k + 1)
        if path.batch:
            course.plot(steps[1:], path.batch[:k], "o", color=COLOURS[2], ms=2.5,
                        label=self.said("batch_loss"))  # fmt: skip
        course.plot(steps, path.risk[: k + 1], **look(0), label=self.said("risk"))
        course.plot(steps, path.smooth[: k + 1], **look(1), label=self.said("smooth"))
        course.set_yscale("log")
        course.set_xlabel(self.said("steps"), fontsize=9)
        course.legend(fontsize=8)
        return figure
