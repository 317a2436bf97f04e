"""Penalties on the size of weights, to be added to a loss.

    loss = F.cross_entropy(model(x), y) + l2_penalty(weights, 1e-4)

Biases are usually left out: pass the weights that are meant.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from nncourse.autograd.tensor import Tensor


def l1_penalty(parameters: Iterable[Tensor] | Tensor, strength: float) -> Tensor:
    """strength * sum |w|. Its gradient, strength * sign(w), pulls weights to exactly zero."""
    return _total(parameters, lambda w: w.abs().sum()) * strength


def l2_penalty(parameters: Iterable[Tensor] | Tensor, strength: float) -> Tensor:
    """strength / 2 * sum w^2. Its gradient is strength * w, what ``weight_decay=strength`` adds.

    The half is there for that; texts that write lambda * sum w^2 mean twice as much.
    """
    return _total(parameters, lambda w: (w * w).sum()) * (strength / 2)


def _total(parameters: Iterable[Tensor] | Tensor, term: Callable[[Tensor], Tensor]) -> Tensor:
    found = [parameters] if isinstance(parameters, Tensor) else list(parameters)
    if not found:
        raise ValueError("a penalty needs at least one parameter")
    total = term(found[0])
    for w in found[1:]:
        total = total + term(w)
    return total
