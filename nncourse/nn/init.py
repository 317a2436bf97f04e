"""Initial values of parameters.

Each function overwrites a tensor in place and returns it. ``fan_in`` is the number of inputs of
one neuron, ``fan_out`` the number of neurons that one input reaches.
"""

from __future__ import annotations

import math
import warnings
from typing import Any

from nncourse.autograd.mode import no_grad
from nncourse.autograd.tensor import Tensor
from nncourse.backend import filled, xp
from nncourse.dtypes import float32, float64
from nncourse.ops.creation import eye
from nncourse.random import Generator, stream


def fans(tensor: Tensor) -> tuple[int, int]:
    """(fan_in, fan_out) of a weight (out, in, ...)."""
    if tensor.ndim < 2:
        raise ValueError(f"a weight needs at least two axes (out, in); its shape is {tensor.shape}")
    n_out, n_in, *window = tensor.shape
    size = math.prod(window)
    return n_in * size, n_out * size


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """The factor by which weights are enlarged to make up for what the activation takes away.

    1 for linear and convolutional layers and the sigmoid, 5/3 for tanh, sqrt(2) for ReLU,
    sqrt(2 / (1 + slope^2)) for leaky ReLU (``param`` is the slope, 0.01 if not given), 3/4 for
    SELU. As in PyTorch; 5/3 is a rule of thumb, and so is SELU's.
    """
    if nonlinearity in ("linear", "identity", "sigmoid") or nonlinearity in _CONVOLUTIONS:
        return 1.0
    if nonlinearity == "tanh":
        return 5 / 3
    if nonlinearity == "relu":
        return math.sqrt(2)
    if nonlinearity == "leaky_relu":
        return math.sqrt(2 / (1 + (0.01 if param is None else param) ** 2))
    if nonlinearity == "selu":
        return 0.75
    raise ValueError(f"no gain is known for {nonlinearity!r}")


_CONVOLUTIONS = {f"{kind}{n}d" for kind in ("conv", "conv_transpose") for n in (1, 2, 3)}


@no_grad()
def uniform_(
    tensor: Tensor, a: float = 0.0, b: float = 1.0, generator: Generator | None = None
) -> Tensor:
    """Numbers distributed evenly over [a, b)."""
    values = stream(generator, tensor._data).random(tensor.shape, _drawn(tensor))
    return tensor.copy_(values * (b - a) + a)


@no_grad()
def normal_(
    tensor: Tensor, mean: float = 0.0, std: float = 1.0, generator: Generator | None = None
) -> Tensor:
    """Normally distributed numbers."""
    values = stream(generator, tensor._data).standard_normal(tensor.shape, _drawn(tensor))
    return tensor.copy_(values * std + mean)


@no_grad()
def trunc_normal_(
    tensor: Tensor,
    mean: float = 0.0,
    std: float = 1.0,
    a: float = -2.0,
    b: float = 2.0,
    generator: Generator | None = None,
) -> Tensor:
    """Normally distributed numbers, of which those outside [a, b] are drawn again.

    a and b are numbers, not multiples of std: with a std of 0.02 the defaults cut nothing off.
    """
    if not a < b:
        raise ValueError(f"a must be below b; got a={a}, b={b}")
    if std <= 0:
        raise ValueError(f"std must be above 0; got {std}")
    draws = stream(generator, tensor._data)
    low, high = (a - mean) / std, (b - mean) / std
    inside = (math.erf(high / math.sqrt(2)) - math.erf(low / math.sqrt(2))) / 2
    peak = max(low, min(0.0, high))  # where the density is largest
    # So far from the peak the density is e^-40 of what it is there.
    far = math.sqrt(peak * peak + 80)
    left, right = max(low, -far), min(high, far)
    values = xp.empty(tensor.shape, like=tensor._data).reshape(-1)
    missing = filled(values.shape, True, bool, tensor._data)
    while n := int(missing.sum()):
        if inside > 0.3:
            drawn = draws.standard_normal(n)
            good = (drawn >= low) & (drawn <= high)
        else:
            # Normal numbers would hardly ever fall inside: draw evenly, keep by the density.
            drawn = draws.uniform(left, right, n)
            good = draws.random(n) < xp.exp((peak * peak - drawn * drawn) / 2)
        places = xp.flatnonzero(missing)[good]
        values[places] = drawn[good]
        missing[places] = False
    # Rounding to the tensor's type must not lead out of the bounds.
    values = (values * std + mean).clip(a, b).reshape(tensor.shape).astype(tensor.dtype)
    return tensor.copy_(values)


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


@no_grad()
def eye_(tensor: Tensor) -> Tensor:
    """The identity matrix, as far as a matrix of this shape can be it."""
    if tensor.ndim != 2:
        raise ValueError(f"eye_ fills a matrix; the tensor's shape is {tensor.shape}")
    return tensor.copy_(eye(*tensor.shape, dtype=tensor.dtype, device=tensor.device))


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
    if _empty(tensor):
        return tensor
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
    if _empty(tensor):
        return tensor
    std = calculate_gain(nonlinearity, a) / math.sqrt(_fan(tensor, mode))
    return normal_(tensor, 0.0, std, generator)


def _fan(tensor: Tensor, mode: str) -> int:
    if mode not in ("fan_in", "fan_out"):
        raise ValueError(f"mode must be 'fan_in' or 'fan_out'; got {mode!r}")
    return fans(tensor)[mode == "fan_out"]


def _empty(tensor: Tensor) -> bool:
    """Has a weight no numbers at all? Says so, as a layer of that kind is rarely meant."""
    if 0 not in tensor.shape:
        return False
    warnings.warn(f"a weight of shape {tensor.shape} has nothing to initialise", stacklevel=3)
    return True


@no_grad()
def orthogonal_(tensor: Tensor, gain: float = 1.0, generator: Generator | None = None) -> Tensor:
    """A random orthogonal matrix times ``gain`` (Saxe, McClelland and Ganguli, 2014).

    Its rows, or its columns where there are fewer of them, are orthonormal, so that a linear layer
    keeps lengths. Axes after the first are taken together: (out, in * height * width).
    """
    if tensor.ndim < 2:
        raise ValueError(f"a weight needs at least two axes (out, in); its shape is {tensor.shape}")
    if 0 in tensor.shape:
        return tensor
    rows = tensor.shape[0]
    columns = tensor.numel() // rows
    draws = stream(generator, tensor._data)
    normal = draws.standard_normal((max(rows, columns), min(rows, columns)))
    q, r = xp.linalg.qr(normal)
    # QR leaves the signs to chance of the algorithm; with these all rotations are equally likely.
    q *= xp.sign(xp.diagonal(r))
    if rows < columns:
        q = q.T
    return tensor.copy_((gain * q).reshape(tensor.shape).astype(tensor.dtype))


@no_grad()
def sparse_(
    tensor: Tensor, sparsity: float, std: float = 0.01, generator: Generator | None = None
) -> Tensor:
    """Normal numbers, with a part ``sparsity`` of each column set to zero (Martens, 2010)."""
    if tensor.ndim != 2:
        raise ValueError(f"sparse_ fills a matrix; the tensor's shape is {tensor.shape}")
    if not 0 <= sparsity <= 1:
        raise ValueError(f"sparsity must be between 0 and 1; got {sparsity}")
    draws = stream(generator, tensor._data)
    rows, columns = tensor.shape
    normal_(tensor, 0.0, std, generator)
    order = draws.random((rows, columns)).argsort(0)
    values = tensor._data.copy()
    dropped = order[: math.ceil(sparsity * rows)]
    values[dropped, xp.arange(columns, like=values)] = 0
    return tensor.copy_(values)
