"""The optimisers with their settings, and a run of fixed gradients through them.

Run as a script (with PyTorch) it writes the reference trajectories that the tests compare with
where PyTorch is not installed: ``python tests/optim/rules.py``.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

FILE = Path(__file__).with_name("trajectories.json")
STEPS = 24
SHAPES = ((2, 3), (4,), ())

RULES = {
    "SGD": ("SGD", {"lr": 0.1}),
    "SGD, weight decay": ("SGD", {"lr": 0.1, "weight_decay": 0.2}),
    "SGD, maximize": ("SGD", {"lr": 0.1, "weight_decay": 0.2, "maximize": True}),
    "momentum": ("SGD", {"lr": 0.1, "momentum": 0.9}),
    "momentum, dampening": ("SGD", {"lr": 0.1, "momentum": 0.9, "dampening": 0.3}),
    "Nesterov": (
        "SGD",
        {"lr": 0.1, "momentum": 0.8, "nesterov": True, "weight_decay": 0.01},
    ),
    "Adagrad": ("Adagrad", {"lr": 0.1}),
    "Adagrad, other settings": (
        "Adagrad",
        {
            "lr": 0.2,
            "lr_decay": 0.1,
            "weight_decay": 0.1,
            "initial_accumulator_value": 0.5,
            "eps": 0.1,
        },
    ),
    "RMSprop": ("RMSprop", {"lr": 0.05}),
    "RMSprop, momentum": (
        "RMSprop",
        {"lr": 0.02, "alpha": 0.7, "eps": 0.1, "momentum": 0.6, "weight_decay": 0.1},
    ),
    "RMSprop, centered": ("RMSprop", {"lr": 0.02, "alpha": 0.7, "centered": True, "eps": 0.1}),
    "RMSprop, centered, momentum": (
        "RMSprop",
        {"lr": 0.02, "alpha": 0.9, "centered": True, "momentum": 0.5, "maximize": True},
    ),
    "Adadelta": ("Adadelta", {}),
    "Adadelta, other settings": (
        "Adadelta",
        {"lr": 0.5, "rho": 0.6, "eps": 1e-2, "weight_decay": 0.1},
    ),
    "Adam": ("Adam", {"lr": 0.05}),
    "Adam, other settings": (
        "Adam",
        {"lr": 0.05, "betas": (0.5, 0.9), "eps": 0.1, "weight_decay": 0.1},
    ),
    "Adam, amsgrad": ("Adam", {"lr": 0.05, "betas": (0.7, 0.6), "amsgrad": True, "maximize": True}),
    "AdamW": ("AdamW", {"lr": 0.05}),
    "AdamW, amsgrad": (
        "AdamW",
        {"lr": 0.05, "betas": (0.6, 0.8), "weight_decay": 0.5, "amsgrad": True},
    ),
    "NAdam": ("NAdam", {"lr": 0.05}),
    "NAdam, other settings": (
        "NAdam",
        {
            "lr": 0.05,
            "betas": (0.8, 0.9),
            "eps": 0.1,
            "weight_decay": 0.1,
            "momentum_decay": 0.2,
        },
    ),
    "NAdam, decoupled": (
        "NAdam",
        {"lr": 0.05, "weight_decay": 0.3, "decoupled_weight_decay": True, "maximize": True},
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


def give_gradients(parameters, tensor, step: int, dtype: str) -> None:
    for p, g in zip(parameters, gradients(step)):
        p.grad = None if g is None else tensor(g.astype(dtype))


def numbers(parameters) -> list[float]:
    """All numbers of all parameters."""
    return [float(x) for p in parameters for x in p.detach().numpy().ravel()]


def made(library, tensor, name: str, dtype: str = "float64"):
    """Parameters and their optimiser."""
    kind, settings = RULES[name]
    parameters = [tensor(p.astype(dtype)).requires_grad_() for p in start()]
    return parameters, getattr(library.optim, kind)(parameters, **settings)


def trajectory(library, tensor, name: str, dtype: str = "float64") -> list[list[float]]:
    """All numbers of all parameters after each step."""
    parameters, optimizer = made(library, tensor, name, dtype)
    steps = []
    for step in range(STEPS):
        give_gradients(parameters, tensor, step, dtype)
        optimizer.step()
        steps.append(numbers(parameters))
    return steps


def main() -> None:
    import torch

    torch.set_default_dtype(torch.float64)  # NAdam's product is kept in the default type
    found = {name: trajectory(torch, torch.tensor, name) for name in RULES}
    text = json.dumps({"torch": torch.__version__, "trajectories": found})
    FILE.write_text(text.replace("], [", "],\n[").replace("]], ", "]],\n") + "\n")


if __name__ == "__main__":
    main()
