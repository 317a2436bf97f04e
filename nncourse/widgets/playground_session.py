"""A network being trained on points of the plane: what the playground shows, without the showing.

Everything follows from the settings and their seed, so that ``program`` can write the same training
as a program of the library, line by line.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from itertools import pairwise
from typing import Any

import numpy as np

import nncourse as nnc
from nncourse import data, nn, optim
from nncourse.nn import functional as F

REACH = 3.0  # the picture shows [-REACH, REACH] in both directions
PIXELS, SMALL = 100, 16
POINTS, TRAINED = 240, 160
LEVELS = 84  # of confidence, for each class, in a byte of the picture

DATA = {
    "moons": "two_moons({n}, noise={noise}, seed={seed})",
    "circles": "circles({n}, noise={noise}, seed={seed})",
    "xor": "xor_clouds({n}, noise={noise}, seed={seed})",
    "spirals": "spirals({n}, noise={noise}, seed={seed})",
    "blobs": "blobs({n}, centers=3, noise={noise}, seed={seed})",
}
SPREAD = {"spirals": 0.3, "xor": 2.5, "blobs": 5}  # so that equal noise is about equally hard
FEATURES = {
    "x1": "x[:, 0]", "x2": "x[:, 1]", "x1²": "x[:, 0] ** 2", "x2²": "x[:, 1] ** 2",
    "x1·x2": "x[:, 0] * x[:, 1]", "sin x1": "np.sin(2 * x[:, 0])", "sin x2": "np.sin(2 * x[:, 1])",
}  # fmt: skip
ACTIVATIONS = ("Tanh", "ReLU", "Sigmoid", "none")
RULES = {
    "SGD": "optim.SGD(parameters, lr={lr})",
    "Momentum": "optim.SGD(parameters, lr={lr}, momentum=0.9)",
    "NAG": "optim.NAG(parameters, lr={lr}, momentum=0.9)",
    "Adagrad": "optim.Adagrad(parameters, lr={lr})",
    "RMSprop": "optim.RMSprop(parameters, lr={lr})",
    "Adadelta": "optim.Adadelta(parameters, lr={lr})",
    "Adam": "optim.Adam(parameters, lr={lr})",
    "NAdam": "optim.NAdam(parameters, lr={lr})",
}


@dataclass(frozen=True)
class Settings:
    """What a training follows from. ``points``: rows (x1, x2, class) drawn by hand for "own"."""

    data: str = "moons"
    noise: float = 0.15
    points: tuple[tuple[float, float, int], ...] = ()
    features: tuple[str, ...] = ("x1", "x2")
    layers: tuple[int, ...] = (4, 3)
    activation: str = "Tanh"
    rule: str = "Adam"
    rate: float = 0.03
    batch: int = 16
    l2: float = 0.0
    dropout: float = 0.0
    seed: int = 0


def make_points(settings: Settings) -> tuple[np.ndarray, np.ndarray]:
    """The points x (N, 2) float32, scaled to fit the picture, and their classes (N,)."""
    if settings.data == "own":
        rows = np.array(settings.points, dtype=np.float32).reshape(-1, 3)
        return rows[:, :2], rows[:, 2].astype(np.int64)
    x, y = eval(f"data.{_data_call(settings)}", {"data": data})
    return scaled(x.numpy()), y.numpy()


def _data_call(settings: Settings) -> str:
    noise = round(settings.noise * SPREAD.get(settings.data, 1), 4)
    return DATA[settings.data].format(n=POINTS, noise=noise, seed=settings.seed)


def scaled(x: np.ndarray) -> np.ndarray:
    """Points around their middle, the farthest coordinate at 2.5."""
    x = x - (x.max(axis=0) + x.min(axis=0)) / 2
    return (2.5 * x / np.abs(x).max()).astype(np.float32)


def count_classes(y: np.ndarray) -> int:
    """How many outputs the classes y (N,) take, at least two."""
    return max(2, int(y.max(initial=0)) + 1)


def make_features(x: np.ndarray, names: Sequence[str]) -> np.ndarray:
    """The chosen features of the points x (N, 2): (N, features) float32."""
    columns = [eval(FEATURES[name], {"np": np, "x": x}) for name in names]
    return np.stack(columns, axis=1).astype(np.float32)


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
        x, y = make_points(settings)
        self.x, self.y = x, y
        n = TRAINED if len(x) == POINTS else max(1, len(x) - len(x) // 3)
        self.trained = n
        self.classes = count_classes(y)
        inputs = make_features(x, settings.features) if len(x) else np.zeros((0, 2), np.float32)
        self.inputs, self.targets = nnc.tensor(inputs), nnc.tensor(y)
        nnc.manual_seed(settings.seed)
        if own_model is not None:
            self.model = own_model(len(settings.features), self.classes)
        else:
            self.model = nn.Sequential(*self._layers())
        parameters = list(self.model.parameters())
        if own_optimizer is not None:
            self.optimizer = own_optimizer(parameters, settings.rate)
        else:
            call = RULES[settings.rule].format(lr=settings.rate)
            self.optimizer = eval(call, {"optim": optim, "parameters": parameters})
        self.draw = np.random.default_rng(settings.seed)
        self.steps = 0
        self.losses: list[tuple[int, float, float]] = []
        self.accuracy = (0.0, 0.0)
        ticks = {k: np.linspace(-REACH, REACH, k, dtype=np.float32) for k in (PIXELS, SMALL)}
        self.grids = {
            k: nnc.tensor(make_features(np.stack(np.meshgrid(t, t), -1).reshape(-1, 2),
                                        settings.features))
            for k, t in ticks.items()
        }  # fmt: skip
        self.measure()

    def _layers(self) -> list[Any]:
        parts: list[Any] = []
        widths = [len(self.settings.features), *self.settings.layers, self.classes]
        for k, (n_in, n_out) in enumerate(pairwise(widths)):
            parts.append(nn.Linear(n_in, n_out))
            if k < len(widths) - 2:
                if self.settings.activation != "none":
                    parts.append(getattr(nn, self.settings.activation)())
                if self.settings.dropout:
                    parts.append(nn.Dropout(self.settings.dropout))
        return parts

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
        self.accuracy = (right[0], right[1])

    @property
    def linears(self) -> list[Any]:
        """The network's linear layers, in order."""
        return [layer for layer in self.model.modules() if isinstance(layer, nn.Linear)]

    def picture(self) -> bytes:
        """PIXELS x PIXELS bytes from the bottom row: 85 * class + 84 * confidence."""
        self.model.eval()
        with nnc.no_grad():
            scores = self.model(self.grids[PIXELS]).numpy()
        powers = np.exp(scores - scores.max(axis=1, keepdims=True))
        best = powers.max(axis=1) / powers.sum(axis=1)
        least = 1 / scores.shape[1]
        sure = np.clip((best - least) / (1 - least), 0, 1)
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
                    values = x.numpy()
                    size = np.maximum(np.abs(values).max(axis=0), 1e-6)
                    found.append((128 + 127 * values / size).astype(np.uint8).T)
                    widths.append(values.shape[1])
        return b"".join(part.tobytes() for part in found), widths

    def edges(self) -> list[dict[str, Any]]:
        """Weight and gradient (out, in) of every linear layer, to three digits."""

        def digits(values: Any) -> list[list[float]]:
            return [[float(f"{v:.3g}") for v in row] for row in values]

        return [
            {
                "weight": digits(layer.weight.detach().numpy()),
                "gradient": []
                if layer.weight.grad is None
                else digits(layer.weight.grad.detach().numpy()),
            }
            for layer in self.linears
        ]


def program(settings: Settings, steps: int) -> str:
    """The same training as a program; it ends in ``loss``, that of the training points."""
    s = settings
    if s.data == "own":
        source = [
            f"points = np.array({[list(p) for p in s.points]}, dtype=np.float32).reshape(-1, 3)",
            "x, y = points[:, :2], points[:, 2].astype(np.int64)",
        ]
    else:
        source = [
            f"x, y = (part.numpy() for part in data.{_data_call(s)})",
            "x = x - (x.max(axis=0) + x.min(axis=0)) / 2",
            "x = (2.5 * x / np.abs(x).max()).astype(np.float32)",
        ]
    n = len(s.points) if s.data == "own" else POINTS
    trained = TRAINED if n == POINTS else max(1, n - n // 3)
    classes = count_classes(make_points(s)[1])
    widths = [len(s.features), *s.layers, classes]
    layers = []
    for k, (n_in, n_out) in enumerate(pairwise(widths)):
        layers.append(f"    nn.Linear({n_in}, {n_out}),")
        if k < len(widths) - 2:
            layers += [f"    nn.{s.activation}(),"] * (s.activation != "none")
            layers += [f"    nn.Dropout({s.dropout}),"] * (s.dropout > 0)
    rule = (
        RULES.get(s.rule, RULES["SGD"])
        .format(lr=s.rate)
        .replace("parameters", "model.parameters()")
    )
    columns = ", ".join(FEATURES[name] for name in s.features)
    penalty = [
        "    for layer in model.modules():",
        "        if isinstance(layer, nn.Linear):",
        f"            loss = loss + {s.l2} * (layer.weight**2).sum()",
    ] * (s.l2 > 0)
    return "\n".join([
        "import numpy as np",
        "import nncourse as nnc",
        "from nncourse import data, nn, optim",
        "from nncourse.nn import functional as F",
        "",
        *source,
        f"features = nnc.tensor(np.stack([{columns}], axis=1).astype(np.float32))",
        "targets = nnc.tensor(y)",
        f"nnc.manual_seed({s.seed})",
        "model = nn.Sequential(", *layers, ")",
        f"optimizer = {rule}",
        f"draw = np.random.default_rng({s.seed})",
        f"for step in range({steps}):",
        f"    chosen = draw.integers({trained}, size={s.batch})",
        "    optimizer.zero_grad()",
        "    loss = F.cross_entropy(model(features[chosen]), targets[chosen])",
        *penalty,
        "    loss.backward()",
        "    optimizer.step()",
        "model.eval()",
        f"loss = F.cross_entropy(model(features[:{trained}]), targets[:{trained}]).item()",
        'print(f"loss {loss:.4f}")',
    ])  # fmt: skip


def read_settings(**values: Any) -> Settings:
    """Settings from lists and numbers as they come from a front end; raises ValueError."""
    known = {field.name for field in fields(Settings)}
    chosen: dict[str, Any] = {
        key: tuple(map(tuple, value)) if key == "points"
        else tuple(value) if isinstance(value, list) else value
        for key, value in values.items() if key in known
    }  # fmt: skip
    settings = Settings(**chosen)
    if settings.data not in (*DATA, "own"):
        raise ValueError(f"data: one of {', '.join(DATA)}, own; got {settings.data!r}")
    if not settings.features or set(settings.features) - set(FEATURES):
        raise ValueError(f"features: some of {', '.join(FEATURES)}; got {settings.features}")
    if len(settings.layers) > 4 or not all(1 <= n <= 8 for n in settings.layers):
        raise ValueError(f"layers: up to 4 with 1 to 8 neurons; got {settings.layers}")
    if settings.activation not in ACTIVATIONS:
        raise ValueError(
            f"activation: one of {', '.join(ACTIVATIONS)}; got {settings.activation!r}"
        )
    if settings.rule not in (*RULES, "own"):
        raise ValueError(f"rule: one of {', '.join(RULES)}, own; got {settings.rule!r}")
    return settings
