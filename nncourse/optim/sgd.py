"""Gradient descent, with momentum: steps along a sum of past gradients.

p: parameters, g: their gradient, lr: the learning rate. The source lectures write x, dx and v for
parameters, gradient and velocity.
"""

from __future__ import annotations

from typing import Any

from nncourse.backend import Array, xp
from nncourse.optim.optimizer import Optimizer, Parameters, settings_in


class SGD(Optimizer):
    """p -= lr g;  with momentum:  b = momentum b + (1 - dampening) g,  p -= lr b.

    The first step sets b = g. Without dampening b is a sum, not an average: under a constant
    gradient steps grow to lr / (1 - momentum) times it. Nesterov's variant steps along
    g + momentum b. weight_decay adds weight_decay * p to the gradient; maximize climbs.
    (Polyak, 1964; Sutskever, Martens, Dahl and Hinton, 2013)
    """

    count_names = ()  # as in PyTorch, the number of steps is not saved

    def __init__(
        self,
        params: Parameters,
        lr: float = 1e-3,
        momentum: float = 0.0,
        dampening: float = 0.0,
        weight_decay: float = 0.0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
        **implementation: Any,
    ) -> None:
        super().__init__(params, settings_in(locals()), implementation)

    def check_settings(self, settings: dict[str, Any]) -> None:
        super().check_settings(settings)
        if settings["nesterov"] and (settings["momentum"] <= 0 or settings["dampening"] != 0):
            raise ValueError("nesterov needs a momentum above 0 and no dampening")

    def kept(self, group: dict[str, Any]) -> tuple[tuple[str, float], ...]:
        return (("momentum_buffer", 0.0),) if group["momentum"] else ()

    def counted(self, group: dict[str, Any], counts: tuple[Any, ...]) -> tuple[Any, ...]:
        # Steps with momentum: the first of them is the one that fills the buffer.
        return (counts[0] + 1,) if group["momentum"] else counts

    def _loaded(self, entry: dict[str, Any]) -> tuple[Any, ...]:
        return (0 if entry.get("momentum_buffer") is None else 1,)

    def rule(
        self,
        group: dict[str, Any],
        counts: tuple[Any, ...],
        scratch: Array,
        g: Array,
        change: Array,
        *state: Array,
    ) -> None:
        if not state:
            xp.multiply(g, group["lr"], change)
            return
        (b,) = state
        (step,) = counts
        momentum = group["momentum"]
        if step == 1:
            b[...] = g
        else:
            b *= momentum
            b += g if not group["dampening"] else xp.multiply(g, 1 - group["dampening"], scratch)
        if group["nesterov"]:
            xp.add(g, xp.multiply(b, momentum, scratch), change)
            change *= group["lr"]
        else:
            xp.multiply(b, group["lr"], change)


class NAG(Optimizer):
    """Nesterov's accelerated gradient as the source lecture writes it, with a velocity v:

        v_prev = v
        v = momentum v - lr g
        p += -momentum v_prev + (1 + momentum) v

    p is the point where the gradient is taken, one look ahead of where the ball is. While lr is
    constant, v = -lr b with the b of ``SGD(nesterov=True)``, and both take the same steps. When lr
    changes they differ: here the velocity keeps the speed that it gained under the old lr, there
    the whole sum of gradients is multiplied by the new one.
    (Nesterov, 1983; in this form Sutskever et al., 2013, and Bengio et al., 2012)
    """

    def __init__(
        self,
        params: Parameters,
        lr: float = 1e-3,
        momentum: float = 0.9,
        weight_decay: float = 0.0,
        *,
        maximize: bool = False,
    ) -> None:
        super().__init__(params, settings_in(locals()))

    def kept(self, group: dict[str, Any]) -> tuple[tuple[str, float], ...]:
        return (("velocity", 0.0),)

    def rule(
        self,
        group: dict[str, Any],
        counts: tuple[Any, ...],
        scratch: Array,
        g: Array,
        change: Array,
        *state: Array,
    ) -> None:
        (v,) = state
        momentum = group["momentum"]
        # change = momentum v_prev - (1 + momentum) v
        xp.multiply(g, group["lr"], scratch)
        xp.multiply(v, momentum, change)
        v *= momentum
        v -= scratch
        change -= xp.multiply(v, 1 + momentum, scratch)
