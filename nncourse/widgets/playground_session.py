"""A network being trained on points of the plane: what the playground shows, without the showing.

Everything follows from the settings and their seed, and from when they were changed on the way, so
that playground_program.py can write the same training as a program of the library.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import nncourse as nnc
from nncourse import nn, optim
from nncourse.nn import functional as F
from nncourse.widgets.playground_settings import (
    REACH,
    RULES,
    Settings,
    count_classes,
    layer_calls,
    make_features,
    make_points,
)

PIXELS, SMALL = 100, 16
LEVELS = 84  # of confidence, for each class, in a byte of the picture
BETTER = 1e-3  # a held-out loss that falls by less has not fallen


class Session:
    """A network, its optimiser and its points; ``train`` makes steps.

    own_model(inputs, classes) returns a module, own_optimizer(parameters, rate) an optimiser; they
    take the place of the settings' layers and rule.
    """

    def __init__(
        self, settings: Settings, own_model: Callable | None = None,
        own_optimizer: Callable | None = None,
    ) -> None:  # fmt: skip
        self.settings = settings
        self.own_model, self.own_optimizer = own_model, own_optimizer
        self._take_points()
        nnc.manual_seed(settings.seed)
        if own_model is not None:
            self.model = own_model(len(settings.features), self.classes)
            self._check_model()
        else:
            self.model = self._stack([])
        self.optimizer = self._make_optimizer()
        self.draw = np.random.default_rng(settings.seed)
        self.steps = 0
        self.phases: list[list[Any]] = [[settings, 0]]  # settings, and steps made with them
        self.losses: list[tuple[int, float, float]] = []
        self.accuracy = (0.0, 0.0)
        self.best = (float("inf"), 0)  # the lowest held-out loss, and when it was
        ticks = {k: np.linspace(-REACH, REACH, k, dtype=np.float32) for k in (PIXELS, SMALL)}
        self.grids = {
            k: nnc.tensor(make_features(np.stack(np.meshgrid(t, t), -1).reshape(-1, 2),
                                        settings.features))
            for k, t in ticks.items()
        }  # fmt: skip
        self.measure()

    def _take_points(self) -> None:
        self.x, self.y = make_points(self.settings)
        self.trained = self.settings.trained
        self.classes = count_classes(self.y)
        inputs = np.zeros((0, 2), np.float32)
        if len(self.x):
            inputs = make_features(self.x, self.settings.features)
        self.inputs, self.targets = nnc.tensor(inputs), nnc.tensor(self.y)

    def _stack(self, linears: list[Any]) -> Any:
        """The settings' network, of these linear layers or of new ones."""
        parts: list[Any] = []
        for k, (n_in, n_out, behind) in enumerate(layer_calls(self.settings, self.classes)):
            parts.append(linears[k] if linears else nn.Linear(n_in, n_out))
            parts += [eval(call, {"nn": nn}) for call in behind]
        return nn.Sequential(*parts)

    def _make_optimizer(self) -> Any:
        parameters = list(self.model.parameters())
        if self.settings.rule == "own" and self.own_optimizer is not None:
            optimizer = self.own_optimizer(parameters, self.settings.rate)
            missing = [name for name in ("zero_grad", "step") if not hasattr(optimizer, name)]
            if missing:
                raise TypeError(
                    f"optimizer(parameters, rate) must return an object with zero_grad() and "
                    f"step(); {type(optimizer).__name__} has no {missing[0]}()"
                )
            return optimizer
        call = RULES.get(self.settings.rule, RULES["SGD"]).format(lr=self.settings.rate)
        return eval(call, {"optim": optim, "parameters": parameters})

    def _check_model(self) -> None:
        """Say what is wrong with a model of the reader's own before it is trained."""
        if not isinstance(self.model, nn.Module):
            raise TypeError(
                f"model(inputs, classes) must return an nn.Module; got "
                f"{type(self.model).__name__}. Is a return missing?"
            )
        if not list(self.model.parameters()):
            raise ValueError("the model has no parameters: nothing can be trained")
        inputs = len(self.settings.features)
        self.model.eval()
        with nnc.no_grad():
            scores = self.model(nnc.tensor(np.zeros((5, inputs), np.float32)))
        if not isinstance(scores, nnc.Tensor):
            raise TypeError(
                f"the model must return a Tensor of scores; it returned {type(scores).__name__}"
            )
        shape = tuple(scores.shape)
        if shape != (5, self.classes):
            raise ValueError(
                f"the model must turn (N, {inputs}) inputs into (N, {self.classes}) scores; "
                f"for N = 5 it returned {shape}"
            )

    def change(self, settings: Settings) -> None:
        """Go on with other settings, from the weights that there are."""
        before, self.settings = self.settings, settings
        if settings.rule != before.rule or settings.rate != before.rate:
            try:
                self._change_optimizer(settings.rule != before.rule)
            except Exception:  # of the reader's own
                self.settings = before
                raise
        if settings.points != before.points:
            self._take_points()
        if self.own_model is None and (settings.activations, settings.dropout) != (
            before.activations, before.dropout
        ):  # fmt: skip
            self.model = self._stack(self.linears)
        if self.phases[-1][1] == 0:
            self.phases.pop()
        self.phases.append([settings, 0])
        self.best = (float("inf"), self.steps)
        self.measure()

    def _change_optimizer(self, other: bool) -> None:
        groups = getattr(self.optimizer, "param_groups", None)
        if other or groups is None:
            self.optimizer = self._make_optimizer()
            return
        for group in groups:
            group["lr"] = self.settings.rate

    def train(self, steps: int) -> None:
        """Mini-batches drawn with replacement, one step each."""
        if not len(self.x):
            return
        self.model.train()
        for _step in range(steps):
            chosen = self.draw.integers(self.trained, size=self.settings.batch)
            self.optimizer.zero_grad()
            loss = F.cross_entropy(self.model(self.inputs[chosen]), self.targets[chosen])
            if self.settings.l2:
                for layer in self.linears:
                    loss = loss + self.settings.l2 * (layer.weight**2).sum()
            loss.backward()
            self.optimizer.step()
            self.steps += 1
            self.phases[-1][1] += 1

    def measure(self) -> None:
        """Note loss and accuracy on the training points and on the others."""
        if not len(self.x):
            return
        self.model.eval()
        with nnc.no_grad():
            scores = self.model(self.inputs)
            parts = slice(0, self.trained), slice(self.trained, len(self.x))
            losses, right = [], []
            for part in parts:
                if part.start == part.stop:
                    losses.append(float("nan"))
                    right.append(float("nan"))
                    continue
                losses.append(F.cross_entropy(scores[part], self.targets[part]).item())
                winner = scores.numpy()[part].argmax(axis=1)
                right.append(float((winner == self.y[part]).mean()))
        self.losses.append((self.steps, losses[0], losses[1]))
        if len(self.losses) > 200:  # keep the shape, at half the density
            self.losses = self.losses[::2]
        if losses[1] < self.best[0] - BETTER:
            self.best = (losses[1], self.steps)
        self.accuracy = (right[0], right[1])

    def reached(self, stop: str, at: float) -> bool:
        """Is the condition for stopping met? ``stop`` is one of STOPS."""
        if not self.losses or stop == "never":
            return False
        if stop == "steps":
            return self.steps >= at
        if stop == "loss":
            return self.losses[-1][1] <= at
        return self.steps - self.best[1] >= at

    @property
    def linears(self) -> list[Any]:
        """The network's linear layers, in order."""
        return [layer for layer in self.model.modules() if isinstance(layer, nn.Linear)]

    def picture(self) -> bytes:
        """PIXELS x PIXELS bytes from the bottom row: 85 * class + 84 * confidence."""
        self.model.eval()
        with nnc.no_grad():
            scores = self.model(self.grids[PIXELS]).numpy()
        with np.errstate(invalid="ignore"):  # weights that have flown away say nothing anywhere
            powers = np.exp(np.nan_to_num(scores - scores.max(axis=1, keepdims=True), nan=0.0))
        least = 1 / scores.shape[1]
        sure = np.clip((1 / powers.sum(axis=1) - least) / (1 - least), 0, 1)
        shown = np.minimum(scores.argmax(axis=1), 2) * (LEVELS + 1) + np.round(LEVELS * sure)
        return shown.astype(np.uint8).tobytes()

    def neurons(self) -> tuple[bytes, list[int]]:
        """Small pictures of all hidden neurons, SMALL x SMALL bytes each, and neurons by layer.

        128 is 0. Only a Sequential tells where its hidden values are.
        """
        if not isinstance(self.model, nn.Sequential):
            return b"", []
        self.model.eval()
        found, widths = [], []
        x = self.grids[SMALL]
        parts = list(self.model)
        with nnc.no_grad():
            for k, part in enumerate(parts):
                x = part(x)
                last = k + 1 == len(parts)
                hidden = not isinstance(part, nn.Linear | nn.Dropout)
                plain = isinstance(part, nn.Linear) and not last and isinstance(
                    parts[k + 1], nn.Linear | nn.Dropout
                )  # fmt: skip
                if not last and (hidden or plain) and x.ndim == 2:
                    values = np.nan_to_num(x.numpy(), nan=0.0, posinf=0.0, neginf=0.0)
                    size = np.maximum(np.abs(values).max(axis=0), 1e-6)
                    found.append((128 + 127 * values / size).astype(np.uint8).T)
                    widths.append(values.shape[1])
        return b"".join(part.tobytes() for part in found), widths

    def edges(self) -> list[dict[str, Any]]:
        """Weight and gradient (out, in) of every linear layer, to three digits."""

        def digits(values: Any) -> list[list[float]]:
            # JSON has no NaN: what is not a number is drawn as nothing.
            return [[float(f"{v:.3g}") for v in row] for row in np.nan_to_num(values)]

        return [
            {
                "weight": digits(layer.weight.detach().numpy()),
                "gradient": []
                if layer.weight.grad is None
                else digits(layer.weight.grad.detach().numpy()),
            }
            for layer in self.linears
        ]
