"""A training of the playground as a program of the library, with what was changed on the way."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nncourse.widgets.playground_settings import (
    FEATURES,
    RULES,
    Settings,
    count_classes,
    data_call,
    layer_calls,
    make_points,
)

HEAD = """import numpy as np
import nncourse as nnc
from nncourse import data, nn, optim
from nncourse.nn import functional as F
"""

TRAIN = """
draw = np.random.default_rng({seed})


def train(steps, batch={batch}, l2={l2}):
    model.train()
    for _step in range(steps):
        chosen = draw.integers(trained, size=batch)
        optimizer.zero_grad()
        loss = F.cross_entropy(model(features[chosen]), targets[chosen])
        for layer in model if l2 else ():
            if isinstance(layer, nn.Linear):
                loss = loss + l2 * (layer.weight**2).sum()
        loss.backward()
        optimizer.step()

"""

END = """
model.eval()
loss = F.cross_entropy(model(features[:trained]), targets[:trained]).item()
print(f"loss {loss:.4f}")"""


def program(phases: Sequence[Sequence[Any]]) -> str:
    """The training with these settings, each for its steps; it ends in the training ``loss``."""
    first: Settings = phases[0][0]
    lines = [
        *_points(first),
        f"nnc.manual_seed({first.seed})",
        *_model(first),
        _optimizer(first),
        TRAIN.format(seed=first.seed, batch=first.batch, l2=first.l2),
    ]
    before = first
    for settings, steps in phases:
        lines += _changes(before, settings)
        other = {"batch": settings.batch, "l2": settings.l2}
        named = [f"{k}={v}" for k, v in other.items() if v != getattr(first, k)]
        lines.append(f"train({', '.join([str(steps), *named])})")
        before = settings
    return HEAD + "\n" + "\n".join(lines).replace("\n\n\n\n", "\n\n\n") + "\n" + END


def _changes(before: Settings, now: Settings) -> list[str]:
    """What is done between two phases."""
    lines = []
    if now.points != before.points:
        lines += _points(now)
    if (now.activations, now.dropout) != (before.activations, before.dropout):
        lines.append("linears = [layer for layer in model if isinstance(layer, nn.Linear)]")
        lines += _model(now, again=True)
    if now.rule != before.rule:
        lines.append(_optimizer(now))
    elif now.rate != before.rate:
        lines += ["for group in optimizer.param_groups:", f'    group["lr"] = {now.rate}']
    return lines


def _points(s: Settings) -> list[str]:
    if s.data == "own":
        source = [
            f"points = np.array({[list(p) for p in s.points]}, dtype=np.float32)",
            "x, y = points[:, :2], points[:, 2].astype(np.int64)",
        ]
    else:
        source = [
            f"x, y = (part.numpy() for part in data.{data_call(s)})",
            "x = x - (x.max(axis=0) + x.min(axis=0)) / 2",
            "x = (2.5 * x / np.abs(x).max()).astype(np.float32)",
        ]
    columns = ", ".join(FEATURES[name] for name in s.features)
    return [
        *source,
        f"features = nnc.tensor(np.stack([{columns}], axis=1).astype(np.float32))",
        "targets = nnc.tensor(y)",
        f"trained = {s.trained}",
    ]


def _model(s: Settings, again: bool = False) -> list[str]:
    layers = []
    for k, (n_in, n_out, behind) in enumerate(layer_calls(s, count_classes(make_points(s)[1]))):
        layers.append(f"linears[{k}]" if again else f"nn.Linear({n_in}, {n_out})")
        layers += behind
    return ["model = nn.Sequential(", *(f"    {layer}," for layer in layers), ")"]


def _optimizer(s: Settings) -> str:
    call = RULES.get(s.rule, RULES["SGD"]).format(lr=s.rate)
    return f"optimizer = {call.replace('parameters', 'model.parameters()')}"
