"""Pooling to a wanted size: windows of equal length, as nearly as that goes.

Of n windows over a length L, window i reaches from floor(i L / n) to ceil((i + 1) L / n); where n
does not divide L, neighbours overlap. A mean over windows is linear, so it is a product with a
matrix that holds the shares.
"""

from __future__ import annotations

from typing import Any

from nncourse.autograd.function import constant
from nncourse.autograd.tensor import Tensor
from nncourse.backend import xp
from nncourse.ops.activations import real
from nncourse.ops.pooling import avg_pool2d, max_pool2d
from nncourse.ops.shape import stack
from nncourse.ops.windows import Pair


def adaptive_avg_pool2d(input: Tensor, output_size: Any) -> Tensor:
    """The means of output_size windows of each channel: (N, C, H, W) to (N, C, oh, ow).

    output_size: a number, or two; None keeps the size of that axis. N may be missing.
    """
    size, even = _sizes("adaptive_avg_pool2d", input, output_size)
    if size == (1, 1):
        return input.mean((-2, -1), keepdim=True)
    if even:
        return avg_pool2d(input, even)
    down, across = (_shares(n, m, input) for n, m in zip(input.shape[-2:], size))
    return down @ input @ across.T


def adaptive_max_pool2d(input: Tensor, output_size: Any, return_indices: bool = False) -> Any:
    """The greatest elements of output_size windows of each channel; sizes as for the means.

    return_indices is not here for windows of unequal size.
    """
    size, even = _sizes("adaptive_max_pool2d", input, output_size)
    if even:
        return max_pool2d(input, even, return_indices=return_indices)
    if return_indices:
        raise NotImplementedError(
            f"adaptive_max_pool2d: positions are found for windows of equal size only, and "
            f"{input.shape[-2:]} cannot be divided into {size}"
        )
    x: Any = input
    rows = [
        stack([x[..., a:b, c:d].amax((-2, -1)) for c, d in _ends(x.shape[-1], size[1])], -1)
        for a, b in _ends(x.shape[-2], size[0])
    ]
    return stack(rows, -2)


def adaptive_avg_pool1d(input: Tensor, output_size: Any) -> Tensor:
    """The means of output_size windows: (N, C, L) to (N, C, output_size), or without N."""
    return adaptive_avg_pool2d(*_as_image("adaptive_avg_pool1d", input, output_size)).squeeze(-2)


def adaptive_max_pool1d(input: Tensor, output_size: Any, return_indices: bool = False) -> Any:
    """The greatest elements of output_size windows: (N, C, L) to (N, C, output_size)."""
    image, size = _as_image("adaptive_max_pool1d", input, output_size)
    found = adaptive_max_pool2d(image, size, return_indices)
    if return_indices:
        return type(found)(*[part.squeeze(-2) for part in found])
    return found.squeeze(-2)


def _as_image(what: str, x: Tensor, size: Any) -> tuple[Tensor, tuple[int, int]]:
    if real(x, what).ndim not in (2, 3):
        raise RuntimeError(f"{what}: input must be (N, C, L) or (C, L); its shape is {x.shape}")
    (length,) = (size,) if isinstance(size, int) else tuple(size)
    return x.unsqueeze(-2), (1, length)


def _sizes(what: str, x: Tensor, wanted: Any) -> tuple[Pair, Pair | None]:
    """The size of the result, and the size of windows if all are equal and do not overlap."""
    if real(x, what).ndim not in (3, 4):
        raise RuntimeError(
            f"{what}: input must be (N, C, H, W) or (C, H, W); its shape is {x.shape}"
        )
    pair = (wanted, wanted) if isinstance(wanted, int) else tuple(wanted)
    if len(pair) != 2 or any(n is not None and (not isinstance(n, int) or n < 1) for n in pair):
        raise ValueError(f"{what}: output_size must be a number or a pair; got {wanted!r}")
    h, w = [n if m is None else m for n, m in zip(x.shape[-2:], pair)]
    rest = [n % m for n, m in zip(x.shape[-2:], (h, w))]
    return (h, w), None if any(rest) else (x.shape[-2] // h, x.shape[-1] // w)


def _ends(length: int, n: int) -> list[Pair]:
    """Where each of n windows begins and ends."""
    return [(i * length // n, -(-(i + 1) * length // n)) for i in range(n)]


def _shares(length: int, n: int, like: Tensor) -> Tensor:
    """(n, length): the share of every element in the mean of every window."""
    shares = xp.zeros((n, length), like.dtype, like=like._data)
    for i, (start, end) in enumerate(_ends(length, n)):
        shares[i, start:end] = 1 / (end - start)
    return constant(shares)
