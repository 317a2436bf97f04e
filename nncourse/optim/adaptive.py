"""Optimisers that give every parameter a step size of its own, from its past gradients.

p: parameters, g: their gradient, lr: the learning rate; squares, roots and quotients are taken of
each number on its own. weight_decay adds weight_decay * p to the gradient, maximize climbs.
"""

from __future__ import annotations

from typing import Any

from nncourse.backend import Array, xp
from nncourse.optim.optimizer import Optimizer, Parameters, settings_in


class Adagrad(Optimizer):
    """s += g^2,  p -= lr' g / (sqrt(s) + eps).

    s starts at initial_accumulator_value; lr' = lr / (1 + (t - 1) lr_decay) in step t. The step
    sizes never grow: those of parameters with small gradients only fall more slowly.
    (Duchi, Hazan and Singer, 2011)
    """

    saved_from_start = True  # PyTorch makes the sums before the first step and wants them back

    def __init__(
        self,
        params: Parameters,
        lr: float = 1e-2,
        lr_decay: float = 0.0,
        weight_decay: float = 0.0,
        initial_accumulator_value: float = 0.0,
        eps: float = 1e-10,
        *,
        maximize: bool = False,
        **implementation: Any,
    ) -> None:
        super().__init__(params, settings_in(locals()), implementation)

    def check_settings(self, settings: dict[str, Any]) -> None:
        super().check_settings(settings)
        for name in ("lr_decay", "initial_accumulator_value"):
            if settings[name] < 0:
                raise ValueError(f"{name} must not be negative; got {settings[name]}")

    def kept(self, group: dict[str, Any]) -> tuple[tuple[str, float], ...]:
        return (("sum", group["initial_accumulator_value"]),)

    def rule(
        self,
        group: dict[str, Any],
        counts: tuple[Any, ...],
        scratch: Array,
        g: Array,
        change: Array,
        *state: Array,
    ) -> None:
        (s,) = state
        (step,) = counts
        xp.multiply(g, g, scratch)
        s += scratch
        xp.sqrt(s, scratch)
        scratch += group["eps"]
        xp.divide(g, scratch, change)
        change *= group["lr"] / (1 + (step - 1) * group["lr_decay"])


class RMSprop(Optimizer):
    """s = alpha s + (1 - alpha) g^2,  p -= lr g / (sqrt(s) + eps).

    "Root mean square propagation": unlike Adagrad's sum the average forgets, so steps may grow
    again. centered: the mean is taken out, s - m^2 stands for s, with
    m = alpha m + (1 - alpha) g. momentum: b = momentum b + g / (sqrt(s) + eps), p -= lr b.
    (Tieleman and Hinton, 2012, lecture 6.5; centered: Graves, 2013)

    Rounding may leave s - m^2 a little below zero; it counts as zero (PyTorch returns NaN there).
    """

    def __init__(
        self,
        params: Parameters,
        lr: float = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        momentum: float = 0.0,
        centered: bool = False,
        *,
        maximize: bool = False,
        **implementation: Any,
    ) -> None:
        super().__init__(params, settings_in(locals()), implementation)

    def check_settings(self, settings: dict[str, Any]) -> None:
        super().check_settings(settings)
        if settings["alpha"] < 0:
            raise ValueError(f"alpha must not be negative; got {settings['alpha']}")

    def kept(self, group: dict[str, Any]) -> tuple[tuple[str, float], ...]:
        names = ["square_avg"]
        if group["momentum"]:
            names.append("momentum_buffer")
        if group["centered"]:
            names.append("grad_avg")
        return tuple((name, 0.0) for name in names)

    def rule(
        self,
        group: dict[str, Any],
        counts: tuple[Any, ...],
        scratch: Array,
        g: Array,
        change: Array,
        *state: Array,
    ) -> None:
        s, *others = state
        alpha = group["alpha"]
        xp.multiply(g, g, scratch)
        scratch *= 1 - alpha
        s *= alpha
        s += scratch
        if group["centered"]:
            m = others[-1]
            # m += (1 - alpha) (g - m)
            xp.subtract(g, m, scratch)
            scratch *= 1 - alpha
            m += scratch
            xp.multiply(m, m, scratch)
            xp.subtract(s, scratch, scratch)
            xp.maximum(scratch, 0, out=scratch)
            xp.sqrt(scratch, scratch)
        else:
            xp.sqrt(s, scratch)
        scratch += group["eps"]
        xp.divide(g, scratch, change)
        if group["momentum"]:
            b = others[0]
            b *= group["momentum"]
            b += change
            xp.multiply(b, group["lr"], change)
        else:
            change *= group["lr"]


class Adadelta(Optimizer):
    """s = rho s + (1 - rho) g^2,  d = g sqrt(u + eps) / sqrt(s + eps),  p -= lr d,

    u = rho u + (1 - rho) d^2: the size of past steps over the size of past gradients, so that a
    step has the unit of the parameter. The lr of the paper is 1. (Zeiler, 2012)
    """

    def __init__(
        self,
        params: Parameters,
        lr: float = 1.0,
        rho: float = 0.9,
        eps: float = 1e-6,
        weight_decay: float = 0.0,
        *,
        maximize: bool = False,
        **implementation: Any,
    ) -> None:
        super().__init__(params, settings_in(locals()), implementation)

    def check_settings(self, settings: dict[str, Any]) -> None:
        super().check_settings(settings)
        if not 0 <= settings["rho"] <= 1:
            raise ValueError(f"rho must be between 0 and 1; got {settings['rho']}")

    def kept(self, group: dict[str, Any]) -> tuple[tuple[str, float], ...]:
        return (("square_avg", 0.0), ("acc_delta", 0.0))

    def rule(
        self,
        group: dict[str, Any],
        counts: tuple[Any, ...],
        scratch: Array,
        g: Array,
        change: Array,
        *state: Array,
    ) -> None:
        s, u = state
        rho, eps = group["rho"], group["eps"]
        xp.multiply(g, g, scratch)
        scratch *= 1 - rho
        s *= rho
        s += scratch
        # change = g sqrt(u + eps) / sqrt(s + eps)
        xp.add(s, eps, scratch)
        xp.sqrt(scratch, scratch)
        xp.divide(g, scratch, change)
        xp.add(u, eps, scratch)
        xp.sqrt(scratch, scratch)
        change *= scratch
        xp.multiply(change, change, scratch)
        scratch *= 1 - rho
        u *= rho
        u += scratch
        change *= group["lr"]
