"""A step of training from a loss written once, differentiated by HIPS autograd or by MyGrad.

Both have NumPy's names, so the forward pass takes the library in NumPy's place. Adam is the one by
hand, so that only the differentiation differs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from benchmarks.workload import Step, Weights
from benchmarks.workloads.mlp import Adam

Loss = Callable[..., Any]  # (library in NumPy's place, *weights in state_dict's order) -> scalar


def in_numpys_kin(loss: Callable[[], Loss]) -> dict[str, Callable[[Weights], Step]]:
    """The step of ``loss()`` in each library, by the peer's name, for ``Workload.others``."""
    return {
        "MyGrad": lambda weights: _in_mygrad(loss(), Adam(weights)),
        "autograd": lambda weights: _in_autograd(loss(), Adam(weights)),
    }


def _in_autograd(loss: Loss, adam: Adam) -> Step:
    import autograd
    import autograd.numpy as anp

    differentiated = autograd.value_and_grad(lambda weights: loss(anp, *weights))

    def step() -> float:
        value, gradients = differentiated(adam.weights)
        for into, gradient in zip(adam.gradients, gradients):
            into[...] = gradient
        adam.step()
        return float(value)

    return step


def _in_mygrad(loss: Loss, adam: Adam) -> Step:
    import mygrad as mg

    def step() -> float:
        tensors = [mg.tensor(w, copy=False) for w in adam.weights]
        value = loss(mg, *tensors)
        value.backward()
        for t, gradient in zip(tensors, adam.gradients):
            gradient[...] = t.grad
        number = value.item()
        del tensors, t, value  # gives the weights back, which MyGrad locks while in use
        adam.step()
        return number

    return step
