"""Gradient descent, with momentum."""

from __future__ import annotations

from typing import Any

from nncourse.backend import Array, xp
from nncourse.optim.optimizer import Optimizer, Parameters


class SGD(Optimizer):
    """p -= lr g;  with momentum:  v = momentum v + (1 - dampening) g,  p -= lr v.

    The first step sets v = g. Nesterov's variant steps along g + momentum v. weight_decay adds
    weight_decay * p to the gradient.
    """

    state_names = ("momentum_buffer",)

    def __init__(
        self,
        params: Parameters,
        lr: float = 1e-3,
        momentum: float = 0.0,
        dampening: float = 0.0,
        weight_decay: float = 0.0,
        nesterov: bool = False,
    ) -> None:
        super().__init__(
            params,
            {
                "lr": lr,
                "momentum": momentum,
                "dampening": dampening,
                "weight_decay": weight_decay,
                "nesterov": nesterov,
            },
        )

    def check_settings(self, settings: dict[str, Any]) -> None:
        super().check_settings(settings)
        if settings["nesterov"] and (settings["momentum"] <= 0 or settings["dampening"] != 0):
            raise ValueError("nesterov needs a momentum above 0 and no dampening")

    def rule(
        self,
        group: dict[str, Any],
        step: int,
        scratch: Array,
        g: Array,
        change: Array,
        *state: Array,
    ) -> None:
        momentum = group["momentum"]
        if not momentum:
            xp.multiply(g, group["lr"], change)
            return
        (v,) = state
        if step == 1:
            v[...] = g
        else:
            v *= momentum
            v += g if not group["dampening"] else xp.multiply(g, 1 - group["dampening"], scratch)
        if group["nesterov"]:
            xp.multiply(v, momentum, change)
            change += g
            change *= group["lr"]
        else:
            xp.multiply(v, group["lr"], change)
