"""Initial values of parameters.

Each function overwrites a tensor in place and returns it. ``fan_in`` is the number of inputs of
one neuron, ``fan_out`` the number of neurons that one input reaches.
"""

from __future__ import annotations

import math
from typing import Any

from nncourse.autograd.mode import no_grad
from nncourse.autograd.tensor import Tensor
from nncourse.dtypes import float32, float64
from nncourse.random import Generator, default_generator


def fans(tensor: Tensor) -> tuple[int, int]:
    """(fan_in, fan_out) of a weight (out, in, ...)."""
    if tensor.ndim < 2:
        raise ValueError(f"a weight needs at least two axes (out, in); its shape is {tensor.shape}")
    n_out, n_in, *window = tensor.shape
    size = math.prod(window)
    return n_in * size, n_out * size


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """The factor by which weights are enlarged to make up for what the activation takes away."""
    if nonlinearity in ("linear", "identity", "sigmoid"):
        return 1.0
    if nonlinearity == "tanh":
        return 5 / 3
    if nonlinearity == "relu":
        return math.sqrt(2)
    if nonlinearity == "leaky_relu":
        return math.sqrt(2 / (1 + (0.01 if param is None else param) ** 2))
    raise ValueError(f"no gain is known for {nonlinearity!r}")


@no_grad()
def uniform_(
    tensor: Tensor, a: float = 0.0, b: float = 1.0, generator: Generator | None = None
) -> Tensor:
    """Numbers distributed evenly over [a, b)."""
    stream = (generator or default_generator).stream
    values = stream.random(tensor.shape, _drawn(tensor))
    return tensor.copy_(values * (b - a) + a)


@no_grad()
def normal_(
    tensor: Tensor, mean: float = 0.0, std: float = 1.0, generator: Generator | None = None
) -> Tensor:
    """Normally distributed numbers."""
    stream = (generator or default_generator).stream
    values = stream.standard_normal(tensor.shape, _drawn(tensor))
    return tensor.copy_(values * std + mean)


def _drawn(tensor: Tensor) -> Any:
    """The type to draw in: NumPy draws float32 and float64."""
    return float64 if tensor.dtype == float64 else float32


@no_grad()
def constant_(tensor: Tensor, val: float) -> Tensor:
    """One value everywhere."""
    return tensor.fill_(val)


def zeros_(tensor: Tensor) -> Tensor:
    """Zeros."""
    return constant_(tensor, 0.0)


def ones_(tensor: Tensor) -> Tensor:
    """Ones."""
    return constant_(tensor, 1.0)


def xavier_uniform_(
    tensor: Tensor, gain: float = 1.0, generator: Generator | None = None
) -> Tensor:
    """Even on [-a, a], a = gain sqrt(6 / (fan_in + fan_out)) (Glorot and Bengio, 2010)."""
    fan_in, fan_out = fans(tensor)
    a = gain * math.sqrt(6 / (fan_in + fan_out))
    return uniform_(tensor, -a, a, generator)


def xavier_normal_(tensor: Tensor, gain: float = 1.0, generator: Generator | None = None) -> Tensor:
    """Normal, std = gain sqrt(2 / (fan_in + fan_out)) (Glorot and Bengio, 2010)."""
    fan_in, fan_out = fans(tensor)
    return normal_(tensor, 0.0, gain * math.sqrt(2 / (fan_in + fan_out)), generator)


def kaiming_uniform_(
    tensor: Tensor,
    a: float = 0.0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Generator | None = None,
) -> Tensor:
    """Even on [-b, b], b = gain sqrt(3 / fan) (He et al., 2015); ``a`` is leaky ReLU's slope."""
    bound = math.sqrt(3.0) * calculate_gain(nonlinearity, a) / math.sqrt(_fan(tensor, mode))
    return uniform_(tensor, -bound, bound, generator)


def kaiming_normal_(
    tensor: Tensor,
    a: float = 0.0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Generator | None = None,
) -> Tensor:
    """Normal, std = gain / sqrt(fan) (He et al., 2015); ``a`` is leaky ReLU's slope."""
    std = calculate_gain(nonlinearity, a) / math.sqrt(_fan(tensor, mode))
    return normal_(tensor, 0.0, std, generator)


def _fan(tensor: Tensor, mode: str) -> int:
    if mode not in ("fan_in", "fan_out"):
        raise ValueError(f"mode must be 'fan_in' or 'fan_out'; got {mode!r}")
    fan = fans(tensor)[mode == "fan_out"]
    if not fan:
        raise ValueError(f"a weight of shape {tensor.shape} has no inputs or no outputs")
    return fan
