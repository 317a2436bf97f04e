"""What a training in the playground follows from: data, features, layers, rule, seed.

Names stand for pieces of programs, so that the playground computes and its program says the same.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from nncourse import data

REACH = 3.0  # the picture shows [-REACH, REACH] in both directions
POINTS, TRAINED = 240, 160

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
STOPS = ("never", "steps", "loss", "patience")


@dataclass(frozen=True)
class Settings:
    """What a training follows from. ``points``: rows (x1, x2, class) drawn by hand for "own".

    ``activation`` is one for all hidden layers, or one for each.
    """

    data: str = "moons"
    noise: float = 0.15
    points: tuple[tuple[float, float, int], ...] = ()
    features: tuple[str, ...] = ("x1", "x2")
    layers: tuple[int, ...] = (4, 3)
    activation: str | tuple[str, ...] = "Tanh"
    rule: str = "Adam"
    rate: float = 0.03
    batch: int = 16
    l2: float = 0.0
    dropout: float = 0.0
    seed: int = 0

    @property
    def activations(self) -> tuple[str, ...]:
        """The activation of each hidden layer."""
        one = self.activation
        return (one,) * len(self.layers) if isinstance(one, str) else one

    @property
    def trained(self) -> int:
        """How many of the points are trained on, the first ones; the others are held out."""
        n = len(self.points) if self.data == "own" else POINTS
        return TRAINED if n == POINTS else max(1, n - n // 3)

    def continues(self, before: Settings) -> bool:
        """Can a training with the settings ``before`` go on with these, from the same weights?"""
        return (
            self.layers == before.layers
            and self.features == before.features
            and self.seed == before.seed
            and self.data == before.data
            and (self.data == "own" or self.noise == before.noise)
            and (self.data != "own" or _classes(self.points) == _classes(before.points) > 0)
        )


def _classes(points: tuple[tuple[float, float, int], ...]) -> int:
    return max((int(row[2]) + 1 for row in points), default=0)


def data_call(settings: Settings) -> str:
    """The call of ``nncourse.data`` that makes the points."""
    noise = round(settings.noise * SPREAD.get(settings.data, 1), 4)
    return DATA[settings.data].format(n=POINTS, noise=noise, seed=settings.seed)


def make_points(settings: Settings) -> tuple[np.ndarray, np.ndarray]:
    """The points x (N, 2) float32, scaled to fit the picture, and their classes (N,)."""
    if settings.data == "own":
        rows = np.array(settings.points, dtype=np.float32).reshape(-1, 3)
        return rows[:, :2], rows[:, 2].astype(np.int64)
    x, y = eval(f"data.{data_call(settings)}", {"data": data})
    return scaled(x.numpy()), y.numpy()


def scaled(x: np.ndarray) -> np.ndarray:
    """Points around their middle, the farthest coordinate at 2.5."""
    x = x - (x.max(axis=0) + x.min(axis=0)) / 2
    return (2.5 * x / np.abs(x).max()).astype(np.float32)


def count_classes(y: np.ndarray) -> int:
    """How many outputs the classes y (N,) take, at least two."""
    return max(2, int(y.max(initial=0)) + 1)


def make_features(x: np.ndarray, names: tuple[str, ...] | list[str]) -> np.ndarray:
    """The chosen features of the points x (N, 2): (N, features) float32."""
    columns = [eval(FEATURES[name], {"np": np, "x": x}) for name in names]
    return np.stack(columns, axis=1).astype(np.float32)


def layer_calls(settings: Settings, classes: int) -> list[list[Any]]:
    """The layers as calls of ``nn``: for each linear one, its sizes and what stands behind it."""
    widths = [len(settings.features), *settings.layers, classes]
    dropout = [f"nn.Dropout({settings.dropout})"] if settings.dropout else []
    behind = [[f"nn.{name}()"] * (name != "none") + dropout for name in settings.activations]
    return [[n_in, n_out, more] for n_in, n_out, more in zip(widths, widths[1:], [*behind, []])]


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
    if set(settings.activations) - set(ACTIVATIONS) or len(settings.activations) != len(
        settings.layers
    ):
        raise ValueError(
            f"activation: one of {', '.join(ACTIVATIONS)}, or one for each of the "
            f"{len(settings.layers)} hidden layers; got {settings.activation!r}"
        )
    if settings.rule not in (*RULES, "own"):
        raise ValueError(f"rule: one of {', '.join(RULES)}, own; got {settings.rule!r}")
    return settings
