"""Tensors put together side by side, on top of each other, or as the axes of a grid."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nncourse.autograd.tensor import Tensor, method
from nncourse.ops.arrangement import repeat
from nncourse.ops.shape import cat, expand, reshape


def hstack(tensors: Sequence[Tensor]) -> Tensor:
    """Side by side: along axis 1, or in a row where there is one axis."""
    parts = [x if x.ndim else x.reshape(1) for x in tensors]
    return cat(parts, 0 if parts and parts[0].ndim == 1 else 1)


def vstack(tensors: Sequence[Tensor]) -> Tensor:
    """On top of each other: along axis 0; vectors are rows."""
    return cat([x if x.ndim > 1 else x.reshape(1, -1) for x in tensors], 0)


@method("tile")
def tile(input: Tensor, *dims: Any) -> Tensor:
    """Copies side by side, so many along each of the last axes."""
    times = tuple(dims[0]) if len(dims) == 1 and not isinstance(dims[0], int) else dims
    return repeat(input, *([1] * (input.ndim - len(times))), *times)


def meshgrid(*tensors: Any, indexing: str = "ij") -> tuple[Tensor, ...]:
    """The coordinates of a grid's points: for each vector a tensor with an axis for each of them.

    indexing: "ij", axis i belongs to the i-th vector; "xy", the first two axes change places.
    """
    vectors = tuple(tensors[0]) if len(tensors) == 1 else tensors
    if indexing not in ("ij", "xy"):
        raise ValueError(f"indexing must be 'ij' or 'xy'; got {indexing!r}")
    shape = [x.numel() for x in vectors]
    found = []
    for i, x in enumerate(vectors):
        alone = reshape(x, *[x.numel() if j == i else 1 for j in range(len(shape))])
        grid = expand(alone, *shape)
        found.append(grid.transpose(0, 1) if indexing == "xy" and len(shape) > 1 else grid)
    return tuple(found)
