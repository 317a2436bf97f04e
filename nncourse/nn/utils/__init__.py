"""Gradients that are too large, and all parameters as one vector: PyTorch's ``nn.utils``."""

from __future__ import annotations

import math
from collections.abc import Iterable

from nncourse.autograd.changes import changes
from nncourse.autograd.mode import no_grad
from nncourse.autograd.tensor import Tensor
from nncourse.backend import Array, as_array, xp
from nncourse.dtypes import float32
from nncourse.nn.utils import rnn as rnn
from nncourse.ops.shape import cat


@no_grad()
def clip_grad_norm_(
    parameters: Iterable[Tensor] | Tensor,
    max_norm: float,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Tensor:
    """Shorten the gradient of all parameters together to the length ``max_norm``; keep it if short.

    Its direction stays. Call it between ``backward()`` and the optimiser's step. Returns the length
    before, a 0-d tensor: worth a look, for it tells whether gradients explode.
    norm_type: 2 for the Euclidean length, ``math.inf`` for the largest number, p for any other.
    error_if_nonfinite: raise RuntimeError if the length is NaN or infinite. Otherwise NaN spreads
    to all gradients, and after an infinite one they are zero or NaN, as in PyTorch.
    foreach: PyTorch's switch between its implementations; without effect.
    (Pascanu, Mikolov and Bengio, 2013)
    """
    arrays = _gradients(parameters)
    if not arrays:
        return Tensor(as_array(0.0).astype(float32))
    norm_type = float(norm_type)
    norms = xp.concatenate([_norm(g.reshape(-1), norm_type).reshape(1) for g in arrays])
    total = as_array(_norm(norms, norm_type)).astype(arrays[0].dtype)
    length = float(total)  # of a GPU, the one number that is read
    if error_if_nonfinite and not math.isfinite(length):
        raise RuntimeError(
            f"the gradients' norm is {length}, so they cannot be clipped: look for the operation "
            "that made them so, or for a learning rate that is too large"
        )
    factor = max_norm / (length + 1e-6)
    if not factor >= 1:  # NaN as well
        with xp.errstate(invalid="ignore"):
            for g in arrays:
                g *= factor
                changes.note(g)
    return Tensor(total)


@no_grad()
def clip_grad_value_(
    parameters: Iterable[Tensor] | Tensor, clip_value: float, foreach: bool | None = None
) -> None:
    """Bring every number of the gradients into [-clip_value, clip_value].

    The direction of the gradient changes; ``clip_grad_norm_`` keeps it.
    """
    for g in _gradients(parameters):
        xp.clip(g, -clip_value, clip_value, out=g)
        changes.note(g)


def _gradients(parameters: Iterable[Tensor] | Tensor) -> list[Array]:
    found = [parameters] if isinstance(parameters, Tensor) else parameters
    return [p._grad._data for p in found if p._grad is not None]


def _norm(vector: Array, p: float) -> Array:
    if not vector.size:
        return vector.sum()
    if p == 2:
        return xp.sqrt(vector.dot(vector))
    size = abs(vector)
    if p == math.inf:
        return size.max()
    if p == -math.inf:
        return size.min()
    if p == 0:
        return (size != 0).sum()
    return (size**p).sum() ** (1 / p)


def parameters_to_vector(parameters: Iterable[Tensor]) -> Tensor:
    """All parameters one after another, as one vector; gradients flow back through it."""
    return cat([p.reshape(-1) for p in parameters])


@no_grad()
def vector_to_parameters(vec: Tensor, parameters: Iterable[Tensor]) -> None:
    """Write what ``parameters_to_vector`` returned back into the parameters, in place."""
    parameters = list(parameters)
    total = sum(p.numel() for p in parameters)
    if not isinstance(vec, Tensor) or vec.shape != (total,):
        got = tuple(vec.shape) if isinstance(vec, Tensor) else type(vec).__name__
        raise ValueError(f"the parameters hold {total} numbers, so vec must be ({total},): {got}")
    start = 0
    for p in parameters:
        p.copy_(vec[start : start + p.numel()].reshape(p.shape))
        start += p.numel()
