"""Adam and its relatives: a step of its own for every parameter, along an average of gradients.

p: parameters, g: their gradient, lr: the learning rate, t: the number of the step, from 1.
"""

from __future__ import annotations

import math
from typing import Any

from nncourse.backend import Array, xp
from nncourse.optim.optimizer import Optimizer, Parameters, settings_in


class Adam(Optimizer):
    """m = b1 m + (1 - b1) g,  v = b2 v + (1 - b2) g^2,  p -= lr m' / (sqrt(v') + eps).

    m' = m / (1 - b1^t) and v' = v / (1 - b2^t) make up for the start at zero. amsgrad takes the
    largest v so far for v. weight_decay adds weight_decay * p to the gradient, or, with
    decoupled_weight_decay, makes p = (1 - lr weight_decay) p before the step; maximize climbs.
    "Adaptive moment estimation": RMSprop with (classical) momentum, and corrected averages.
    (Kingma and Ba, 2015; amsgrad: Reddi, Kale and Kumar, 2018)
    """

    uses_scratch = False

    def __init__(
        self,
        params: Parameters,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
        decoupled_weight_decay: bool = False,
        **implementation: Any,
    ) -> None:
        super().__init__(params, settings_in(locals()), implementation)

    def check_settings(self, settings: dict[str, Any]) -> None:
        super().check_settings(settings)
        check_betas(settings["betas"])

    def kept(self, group: dict[str, Any]) -> tuple[tuple[str, float], ...]:
        return _WITH_LARGEST if group["amsgrad"] else _AVERAGES

    def rule(
        self,
        group: dict[str, Any],
        counts: tuple[Any, ...],
        scratch: Array,
        g: Array,
        change: Array,
        *state: Array,
    ) -> None:
        m, v, *largest = state
        (step,) = counts
        beta1, beta2 = group["betas"]
        m *= beta1
        m += xp.multiply(g, 1 - beta1, change)
        # What is there now is (1 - b1) g: its square is made to (1 - b2) g^2.
        xp.multiply(change, change, change)
        change *= (1 - beta2) / (1 - beta1) ** 2
        v *= beta2
        v += change
        for w in largest:
            v = xp.maximum(w, v, out=w)
        # lr m' / (sqrt(v) / c + eps) = c lr m' / (sqrt(v) + c eps): the constants are gathered.
        c = math.sqrt(1 - beta2**step)
        xp.sqrt(v, change)
        change += c * group["eps"]
        xp.divide(m, change, change)
        change *= c * group["lr"] / (1 - beta1**step)


class AdamW(Adam):
    """Adam with decoupled weight decay:  p = (1 - lr weight_decay) p, then Adam's step.

    Added to the gradient, the decay would be divided by sqrt(v) like the rest, and parameters with
    large gradients would hardly decay. (Loshchilov and Hutter, 2019)
    """

    def __init__(
        self,
        params: Parameters,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
        **implementation: Any,
    ) -> None:
        super().__init__(
            params,
            lr,
            betas,
            eps,
            weight_decay,
            amsgrad,
            maximize=maximize,
            decoupled_weight_decay=True,
            **implementation,
        )

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        super().load_state_dict(state_dict)
        for group in self.param_groups:
            group["decoupled_weight_decay"] = True


class NAdam(Optimizer):
    """Adam with Nesterov's look ahead: the step mixes this gradient with the average.

        m = b1 m + (1 - b1) g,  v = b2 v + (1 - b2) g^2
        p -= lr (mu_next m / (1 - P mu_next) + (1 - mu) g / (1 - P)) / (sqrt(v / (1 - b2^t)) + eps)

    mu = b1 (1 - 0.96^(t momentum_decay) / 2) is the momentum of step t, mu_next that of step
    t + 1, and P = mu_1 mu_2 ... mu_t. weight_decay as for Adam; maximize climbs. (Dozat, 2016)
    """

    start = (0, 1.0)
    count_names = ("step", "mu_product")

    def __init__(
        self,
        params: Parameters,
        lr: float = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        momentum_decay: float = 4e-3,
        decoupled_weight_decay: bool = False,
        *,
        maximize: bool = False,
        **implementation: Any,
    ) -> None:
        super().__init__(params, settings_in(locals()), implementation)

    def check_settings(self, settings: dict[str, Any]) -> None:
        super().check_settings(settings)
        check_betas(settings["betas"])
        if settings["momentum_decay"] < 0:
            raise ValueError(
                f"momentum_decay must not be negative; got {settings['momentum_decay']}"
            )

    def kept(self, group: dict[str, Any]) -> tuple[tuple[str, float], ...]:
        return _AVERAGES

    def counted(self, group: dict[str, Any], counts: tuple[Any, ...]) -> tuple[Any, ...]:
        step, product = counts
        return step + 1, product * self._momentum(group, step + 1)

    @staticmethod
    def _momentum(group: dict[str, Any], step: int) -> float:
        """mu in step ``step``: it warms up from about b1 / 2 to b1."""
        return group["betas"][0] * (1 - 0.96 ** (step * group["momentum_decay"]) / 2)

    def rule(
        self,
        group: dict[str, Any],
        counts: tuple[Any, ...],
        scratch: Array,
        g: Array,
        change: Array,
        *state: Array,
    ) -> None:
        m, v = state
        step, product = counts
        beta1, beta2 = group["betas"]
        averages(m, v, g, beta1, beta2, scratch)
        mu, mu_next = self._momentum(group, step), self._momentum(group, step + 1)
        # As for Adam, numerator and denominator are multiplied by c.
        c = math.sqrt(1 - beta2**step)
        xp.multiply(g, c * group["lr"] * (1 - mu) / (1 - product), change)
        change += xp.multiply(m, c * group["lr"] * mu_next / (1 - product * mu_next), scratch)
        xp.sqrt(v, scratch)
        scratch += c * group["eps"]
        change /= scratch


_AVERAGES = (("exp_avg", 0.0), ("exp_avg_sq", 0.0))
_WITH_LARGEST = (*_AVERAGES, ("max_exp_avg_sq", 0.0))


def averages(m: Array, v: Array, g: Array, beta1: float, beta2: float, scratch: Array) -> None:
    """m = b1 m + (1 - b1) g and v = b2 v + (1 - b2) g^2, in place."""
    # m += (1 - b1) (g - m)
    xp.subtract(g, m, scratch)
    scratch *= 1 - beta1
    m += scratch
    xp.multiply(g, g, scratch)
    scratch *= 1 - beta2
    v *= beta2
    v += scratch


def check_betas(betas: tuple[float, float]) -> None:
    """Raise ValueError unless both are at least 0 and below 1."""
    for beta in betas:
        if not 0 <= beta < 1:
            raise ValueError(f"betas must be at least 0 and below 1; got {betas}")
