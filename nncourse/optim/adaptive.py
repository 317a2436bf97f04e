"""Optimisers that give every parameter a step size of its own."""

from __future__ import annotations

import math
from typing import Any

from nncourse.backend import Array, xp
from nncourse.optim.optimizer import Optimizer, Parameters


class Adam(Optimizer):
    """m = b1 m + (1 - b1) g,  v = b2 v + (1 - b2) g^2,  p -= lr m' / (sqrt(v') + eps).

    m' = m / (1 - b1^t) and v' = v / (1 - b2^t) make up for the start at zero (t: number of the
    step). weight_decay adds weight_decay * p to the gradient. (Kingma and Ba, 2015)
    """

    state_names = ("exp_avg", "exp_avg_sq")

    def __init__(
        self,
        params: Parameters,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(
            params, {"lr": lr, "betas": tuple(betas), "eps": eps, "weight_decay": weight_decay}
        )

    def check_settings(self, settings: dict[str, Any]) -> None:
        super().check_settings(settings)
        for beta in settings["betas"]:
            if not 0 <= beta < 1:
                raise ValueError(f"betas must be at least 0 and below 1; got {settings['betas']}")

    def rule(
        self,
        group: dict[str, Any],
        step: int,
        scratch: Array,
        g: Array,
        change: Array,
        *state: Array,
    ) -> None:
        m, v = state
        beta1, beta2 = group["betas"]
        # m += (1 - b1) (g - m)
        xp.subtract(g, m, scratch)
        scratch *= 1 - beta1
        m += scratch
        # v = b2 v + (1 - b2) g^2
        xp.multiply(g, g, scratch)
        scratch *= 1 - beta2
        v *= beta2
        v += scratch
        # change = size * m / (sqrt(v) / c + eps), with the constants gathered
        size = group["lr"] / (1 - beta1**step)
        c = math.sqrt(1 - beta2**step)
        xp.sqrt(v, scratch)
        scratch *= 1 / c
        scratch += group["eps"]
        xp.divide(m, scratch, change)
        change *= size
