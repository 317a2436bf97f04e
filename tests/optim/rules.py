"""The optimisers with their settings, and a run of fixed gradients through them.

Run as a script (with PyTorch) it writes the reference trajectories that the tests compare with
where PyTorch is not installed: ``python tests/optim/rules.py``.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

FILE = Path(__file__).with_name("trajectories.json")
STEPS = 7
SHAPES = ((2, 3), (4,), ())

RULES = {
    "SGD": ("SGD", {"lr": 0.1}),
    "SGD, weight decay": ("SGD", {"lr": 0.1, "weight_decay": 0.2}),
    "momentum": ("SGD", {"lr": 0.1, "momentum": 0.9}),
    "momentum, dampening": ("SGD", {"lr": 0.1, "momentum": 0.9, "dampening": 0.3}),
    "Nesterov": (
        "SGD",
        {"lr": 0.1, "momentum": 0.8, "nesterov": True, "weight_decay": 0.01},
    ),
    "Adam": ("Adam", {"lr": 0.05}),
    "Adam, other settings": (
        "Adam",
        {"lr": 0.05, "betas": (0.5, 0.9), "eps": 1e-3, "weight_decay": 0.1},
    ),
}


def start() -> list[np.ndarray]:
    random = np.random.default_rng(1)
    return [random.standard_normal(shape) for shape in SHAPES]


def gradients(step: int) -> list[np.ndarray | None]:
    """Gradients of a step. The second parameter gets none in every third step, and at first."""
    random = np.random.default_rng([2, step])
    found: list[np.ndarray | None] = [random.standard_normal(shape) for shape in SHAPES]
    if step % 3 == 0:
        found[1] = None
    return found


def trajectory(library, tensor, name: str, dtype: str = "float64") -> list[list[float]]:
    """All numbers of all parameters after each step."""
    kind, settings = RULES[name]
    parameters = [tensor(p.astype(dtype)).requires_grad_() for p in start()]
    optimizer = getattr(library.optim, kind)(parameters, **settings)
    steps = []
    for step in range(STEPS):
        for p, g in zip(parameters, gradients(step)):
            p.grad = None if g is None else tensor(g.astype(dtype))
        optimizer.step()
        steps.append([float(x) for p in parameters for x in p.detach().numpy().ravel()])
    return steps


def main() -> None:
    import torch

    found = {name: trajectory(torch, torch.tensor, name) for name in RULES}
    text = json.dumps({"torch": torch.__version__, "trajectories": found}, indent=0)
    FILE.write_text(text + "\n")


if __name__ == "__main__":
    main()
