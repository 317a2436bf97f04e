"""How does a network bend its boundary while it learns? The playground, with live training.

The kernel trains with the library, or with the reader's own layers and optimiser, and sends a frame
after every few steps, as long as the front end follows (see playground_frames.py).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import traitlets

from nncourse.language import catalogue, mark
from nncourse.widgets.explorer import (
    COLOURS,
    Explorer,
    explorer_script,
    explorer_styles,
    picture,
    tell,
)
from nncourse.widgets.numbers import format_number
from nncourse.widgets.playground_frames import Frames
from nncourse.widgets.playground_program import program
from nncourse.widgets.playground_session import PIXELS, Session
from nncourse.widgets.playground_settings import (
    ACTIVATIONS,
    DATA,
    FEATURES,
    REACH,
    RULES,
    STOPS,
    Settings,
    read_settings,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_ = catalogue("widgets")

BUDGET = 0.012  # seconds of training in a frame
MOST_POINTS = 400


def number(value: float) -> float | None:
    """Four digits; None for what JSON has no number for."""
    return round(value, 4) if np.isfinite(value) else None


class Playground(Explorer):
    """Train a network live: data, features, layers, optimiser, penalties, and points of one's own.

    ``data``: "moons", "circles", "xor", "spirals", "blobs" (these two of three classes) or "own"
    with ``points``, rows (x1, x2, class). ``features``: some of "x1", "x2", "x1²", "x2²", "x1·x2",
    "sin x1", "sin x2". ``layers``: widths of up to four hidden layers, 1 to 8; ``activation``: one
    name for all of them, or a list of one for each. ``stop``: "never", "steps", "loss" (of the
    training points) or "patience" (steps in which the held-out loss has not fallen), each with the
    number ``stop_at``. ``model``: a function (inputs, classes) that returns a module of one's own;
    ``optimizer``: a function (parameters, rate) that returns an optimiser of one's own.

    Rate, batch size, penalties, activations, optimiser and drawn points can be changed while it
    trains, and the weights stay. ``train(steps)`` trains without a front end.
    """

    _esm = explorer_script("playground.js")
    _css = explorer_styles("playground.css")

    question = mark("How does a network bend its boundary while it learns?")
    settings = ("data", "noise", "points", "features", "layers", "activation", "rule", "rate",
                "batch", "l2", "dropout", "seed", "stop", "stop_at")  # fmt: skip
    texts = {
        "data": mark("Data"),
        "data_moons": mark("two moons"),
        "data_circles": mark("circles"),
        "data_xor": mark("XOR"),
        "data_spirals": mark("spirals"),
        "data_blobs": mark("three clouds"),
        "data_own": mark("drawn by hand"),
        "noise": mark("Noise"),
        "features": mark("Features"),
        "layers": mark("Hidden layers"),
        "more_layers": mark("One layer more"),
        "fewer_layers": mark("One layer less"),
        "width": mark("Neurons in layer {k}"),
        "activation": mark("Activation of layer {k}"),
        "none": mark("none"),
        "rule": mark("Optimiser"),
        "own": mark("your own"),
        "rate": mark("Rate"),
        "batch": mark("Batch size"),
        "l2": mark("L2"),
        "dropout": mark("Dropout"),
        "stop": mark("Stop"),
        "stop_never": mark("never"),
        "stop_steps": mark("after steps"),
        "stop_loss": mark("at a training loss of"),
        "stop_patience": mark("when the held-out loss has not fallen for steps"),
        "stop_at": mark("Stop at"),
        "stopped": mark("Stopped after {n} steps: the condition is met."),
        "play": mark("Train"),
        "pause": mark("Pause"),
        "step": mark("One step"),
        "reset": mark("New weights"),
        "show_gradients": mark("gradients on the edges"),
        "draw": mark("Draw class"),
        "clear": mark("Remove points"),
        "code": mark("As a program"),
        "copied": mark("Copied to the clipboard."),
        "network": mark("The network: weights on the edges, values of the neurons"),
        "boundary": mark("What the network says, and how surely"),
        "losses": mark("Loss"),
        "training": mark("training"),
        "test": mark("held out"),
        "trained_on": mark("trained on"),
        "accuracy": mark("accuracy"),
        "steps": mark("steps"),
        "help": mark(
            "Click into the picture to add a point of the chosen class; with the keyboard, arrow "
            "keys move the cross and Enter adds a point."
        ),
        "alt": mark("After {n} steps: loss {loss}; right in training {right}%, held out {held}%"),
        "no_kernel": mark(
            "No answer from the kernel for 3 seconds. It is at work on something slow, or it is "
            "gone: then run the cell again."
        ),
    }

    data = traitlets.Enum([*DATA, "own"], "moons").tag(sync=True)
    noise = traitlets.Float(0.15, min=0, max=1).tag(sync=True)
    points: traitlets.List[Any] = traitlets.List().tag(sync=True)
    features: traitlets.List[Any] = traitlets.List(traitlets.Unicode()).tag(sync=True)
    layers: traitlets.List[Any] = traitlets.List(traitlets.Int()).tag(sync=True)
    activation: Any = traitlets.Union(
        [traitlets.Enum(ACTIVATIONS), traitlets.List(traitlets.Enum(ACTIVATIONS))],
        default_value="Tanh",
    ).tag(sync=True)
    rule = traitlets.Enum([*RULES, "own"], "Adam").tag(sync=True)
    rate = traitlets.Float(0.03, min=1e-4, max=10).tag(sync=True)
    batch = traitlets.Int(16, min=1, max=160).tag(sync=True)
    l2 = traitlets.Float(0.0, min=0, max=1).tag(sync=True)
    dropout = traitlets.Float(0.0, min=0, max=0.9).tag(sync=True)
    seed = traitlets.Int(0, min=0).tag(sync=True)
    stop = traitlets.Enum(STOPS, "never").tag(sync=True)
    stop_at = traitlets.Float(1000.0, min=0).tag(sync=True)
    own = traitlets.List(traitlets.Bool(), [False, False], read_only=True).tag(sync=True)
    choices = traitlets.Dict(read_only=True).tag(sync=True)

    playing = traitlets.Bool(False).tag(sync=True)

    # What a frame brings.
    frame = traitlets.Bytes(read_only=True).tag(sync=True)
    small = traitlets.Bytes(read_only=True).tag(sync=True)
    widths: traitlets.List[Any] = traitlets.List(read_only=True).tag(sync=True)
    edges: traitlets.List[Any] = traitlets.List(read_only=True).tag(sync=True)
    shown: traitlets.List[Any] = traitlets.List(read_only=True).tag(sync=True)  # points
    trained = traitlets.Int(0, read_only=True).tag(sync=True)  # the first of them, not held out
    record = traitlets.Dict(read_only=True).tag(sync=True)
    code = traitlets.Unicode(read_only=True).tag(sync=True)
    error = traitlets.Unicode(read_only=True).tag(sync=True)
    frames = traitlets.Int(0, read_only=True).tag(sync=True)  # of training, sent so far
    answered = traitlets.Int(0, read_only=True).tag(sync=True)

    def __init__(
        self, data: str = "moons", model: Callable | None = None,
        optimizer: Callable | None = None, **traits: Any,
    ) -> None:  # fmt: skip
        self.own_model, self.own_optimizer = model, optimizer
        traits.setdefault("features", ["x1", "x2"])
        traits.setdefault("layers", [4, 3])
        traits.setdefault("rule", "own" if optimizer else "Adam")
        super().__init__(data=data, **traits)
        self.set_trait("own", [model is not None, optimizer is not None])
        choices = {"features": FEATURES, "rules": RULES, "activations": ACTIVATIONS, "stops": STOPS}
        self.set_trait("choices", {key: list(names) for key, names in choices.items()})
        self.session = self._start(self._settings())
        self._publish(everything=True)
        self.live = Frames(self.lock, lambda: self.playing, self._send_frame)
        self.observe(self._changed, list(self.settings))
        self.observe(self._played, "playing")
        self.on_msg(self._asked)

    def _settings(self) -> Settings:
        return read_settings(**{name: getattr(self, name) for name in self.settings})

    def _start(self, settings: Settings) -> Session:
        own_rule = self.own_optimizer if settings.rule == "own" else None
        return Session(settings, self.own_model, own_rule)

    def _changed(self, _change: Any) -> None:
        """Go on with a new setting or begin anew; if it is wrong, say so and keep the old one."""
        with self.lock:
            try:
                settings = self._settings()
                if settings == self.session.settings:
                    self.set_trait("error", "")
                    return
                if settings.continues(self.session.settings):
                    self.session.change(settings)
                else:
                    self.session = self._start(settings)
                self.set_trait("error", "")
            except Exception as problem:  # the reader's own model or optimiser may fail in any way
                self.set_trait("error", tell(problem))
                return
            with self.hold_sync():
                self._publish(everything=True)

    def _asked(self, _widget: Any, content: dict[str, Any], _buffers: Any) -> None:
        if content.get("do") == "train":
            self.live.allow(int(content["until"]))
            return
        with self.lock, self.hold_sync():
            if content.get("do") == "step":
                self.playing = False
                self.set_trait("error", "")
                self._advance(lambda: self.session.train(1))
            elif content.get("do") == "code":
                self.set_trait("code", self.program())
            self.set_trait("answered", int(content.get("serial", 0)))

    def _played(self, _change: Any) -> None:
        if self.playing:
            self.set_trait("error", "")
            self.live.go_on()

    def _send_frame(self, number: int) -> None:
        with self.hold_sync():
            self.set_trait("frames", number)
            self._advance(self._train_a_frame)

    def _advance(self, train: Callable[[], None]) -> None:
        """Train and show it; stop and say why where that fails."""
        try:
            train()
            self._publish(everything=False)
            if self.session.losses and not np.isfinite(self.session.losses[-1][1]):
                told = _("The weights are not numbers any more: the rate is too large.")
                self.set_trait("error", told)
                self.playing = False
        except Exception as problem:  # the reader's own code again
            self.set_trait("error", tell(problem))
            self.playing = False

    def _train_a_frame(self) -> None:
        """As many steps as there is time for, unless it is time to stop."""
        end = time.perf_counter() + BUDGET
        while not self.session.reached(self.stop, self.stop_at):
            self.session.train(1)
            if time.perf_counter() >= end:
                return
        self.playing = False

    def _publish(self, everything: bool) -> None:
        session = self.session
        session.measure()
        self.set_trait("frame", session.picture())
        small, widths = session.neurons()
        self.set_trait("small", small)
        self.set_trait("edges", session.edges())
        self.set_trait("record", {
            "steps": session.steps, "accuracy": [number(v) for v in session.accuracy],
            "losses": [[k, number(a), number(b)] for k, a, b in session.losses],
            "reached": session.reached(self.stop, self.stop_at),
        })  # fmt: skip
        if everything:
            self.set_trait("widths", widths)
            points = np.column_stack([session.x, session.y]).tolist() if len(session.x) else []
            self.set_trait("trained", session.trained)
            self.set_trait("shown", [[round(a, 3), round(b, 3), int(c)] for a, b, c in points])

    def train(self, steps: int) -> float:
        """Train without a front end; returns the loss of the training points (NaN without any)."""
        with self.lock, self.hold_sync():
            self.session.train(steps)
            self._publish(everything=False)
        return self.session.losses[-1][1] if self.session.losses else float("nan")

    def program(self) -> str:
        """The training so far as a program of the library; empty with code of one's own."""
        if any(self.own) or not len(self.session.x):
            return ""
        return program(self.session.phases)

    @traitlets.validate("points")
    def _check_points(self, proposal: Any) -> Any:
        rows: Sequence[Sequence[float]] = proposal["value"]
        if len(rows) > MOST_POINTS or any(len(row) != 3 or row[2] not in (0, 1, 2) for row in rows):
            raise traitlets.TraitError(
                f"points: up to {MOST_POINTS} rows (x1, x2, class) with class 0, 1 or 2"
            )
        return [list(row) for row in rows]

    def describe(self) -> str:
        """Steps, loss and accuracy in words."""
        session = self.session
        if not session.losses:
            return f"{self.said('data_own')}: 0."
        right, held = (f"{100 * v:.0f}" for v in session.accuracy)
        alt = self.said("alt", n=session.steps, loss=format_number(round(session.losses[-1][1], 3)),
                        right=right, held=held)  # fmt: skip
        return f"{self.said('data')}: {self.said('data_' + self.data)}. {alt}."

    def figure(self) -> Figure:
        figure, (boundary, losses) = picture(self.heading, 2)
        shown = np.frombuffer(self.session.picture(), np.uint8).reshape(PIXELS, PIXELS)
        colours = np.array([[int(c[k : k + 2], 16) for k in (1, 3, 5)] for c in COLOURS[:3]]) / 255
        sure = (shown % 85)[..., None] / 84
        image = 1 - 0.75 * sure * (1 - colours[np.minimum(shown // 85, 2)])
        extent = (-REACH, REACH, -REACH, REACH)
        boundary.imshow(image, origin="lower", extent=extent)
        for k, marker in enumerate("os^"):
            x = self.session.x[self.session.y == k]
            boundary.plot(*x.T, marker, color=COLOURS[k], markeredgecolor="white", ms=5)
        boundary.set_title(self.said("boundary"), fontsize=9)
        if self.session.losses:
            steps, *both = np.array(self.session.losses).T
            for k, (values, name) in enumerate(zip(both, ("training", "test"))):
                losses.plot(steps, values, color=COLOURS[k], linestyle="-" if k == 0 else "--",
                            label=self.said(name))  # fmt: skip
            losses.legend(fontsize=8)
        losses.set_title(self.said("losses"), fontsize=9)
        return figure
