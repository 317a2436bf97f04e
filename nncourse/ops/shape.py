"""The same elements under another shape, and tensors put together.

Results share memory with their input where NumPy can arrange it, as in PyTorch. Backward, the
gradient is brought back to the shape of the input.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

from nncourse.autograd.function import Function, apply, promoted, unary
from nncourse.autograd.tensor import Tensor, method
from nncourse.autograd.vocabulary import permute as permuted
from nncourse.autograd.vocabulary import reshape as reshaped
from nncourse.autograd.vocabulary import unbroadcast
from nncourse.backend import Array, xp


def sizes_of(shape: tuple[Any, ...]) -> tuple[int, ...]:
    """Sizes passed one by one or as one tuple."""
    if len(shape) == 1 and isinstance(shape[0], tuple | list):
        return tuple(shape[0])
    return shape


def axis_of(x: Tensor, dim: int, extra: int = 0) -> int:
    """A possibly negative axis as a non-negative one; ``extra`` axes are about to be added."""
    n = x._data.ndim + extra
    if not -max(n, 1) <= dim < max(n, 1):
        raise IndexError(
            f"dim {dim} is out of range for shape {x.shape}: it must be {-n} to {n - 1}"
        )
    return dim % n if n else 0


class Reshape(Function):
    """out = x with the same elements in row-major order;  dx = dout reshaped back."""

    __slots__ = ("before",)

    def forward(self, x: Array, shape: tuple[int, ...]) -> Array:
        self.before = x.shape
        return x.reshape(shape)

    def backward(self, dout: Array) -> tuple[Array]:
        return (reshaped(dout, self.before),)


@method("reshape", "view")
def reshape(x: Tensor, *shape: Any) -> Tensor:
    """The elements in row-major order under another shape; one size may be -1: what is left.

    ``view`` is the same here: it copies where the memory cannot be viewed.
    """
    sizes = sizes_of(shape)
    try:
        return unary(Reshape, x, sizes)
    except ValueError:
        raise RuntimeError(
            f"a tensor of shape {x.shape} has {x.numel()} elements and cannot take shape {sizes}"
        ) from None


@method("flatten")
def flatten(x: Tensor, start_dim: int = 0, end_dim: int = -1) -> Tensor:
    """Join the axes from ``start_dim`` to ``end_dim`` into one."""
    start, end = axis_of(x, start_dim), axis_of(x, end_dim)
    if start > end:
        raise RuntimeError(f"flatten: start_dim {start_dim} comes after end_dim {end_dim}")
    shape = x._data.shape
    # Written out rather than -1, which an empty axis would make ambiguous.
    joined = 1
    for n in shape[start : end + 1]:
        joined *= n
    return unary(Reshape, x, (*shape[:start], joined, *shape[end + 1 :]))


@method("unflatten")
def unflatten(x: Tensor, dim: int, sizes: Any) -> Tensor:
    """Split axis ``dim`` into axes of these lengths, of which one may be -1: what is left."""
    axis, shape = axis_of(x, dim), x._data.shape
    parts = list(sizes)
    known = prod([n for n in parts if n != -1])
    if parts.count(-1) == 1 and known and shape[axis] % known == 0:
        parts[parts.index(-1)] = shape[axis] // known
    if not parts or min(parts) < 0 or prod(parts) != shape[axis]:
        raise RuntimeError(
            f"unflatten: axis {dim} of {shape} has {shape[axis]} elements; it cannot be split into "
            f"{tuple(sizes)}"
        )
    return unary(Reshape, x, (*shape[:axis], *parts, *shape[axis + 1 :]))


@method("squeeze")
def squeeze(x: Tensor, dim: int | tuple[int, ...] | None = None) -> Tensor:
    """Drop axes of length 1: all of them, or those named, if their length is 1."""
    shape = x._data.shape
    if dim is None:
        named = set(range(len(shape)))
    else:
        named = {axis_of(x, d) for d in ((dim,) if isinstance(dim, int) else dim)}
    return unary(Reshape, x, tuple([n for i, n in enumerate(shape) if n != 1 or i not in named]))


@method("unsqueeze")
def unsqueeze(x: Tensor, dim: int) -> Tensor:
    """Insert an axis of length 1."""
    axis = axis_of(x, dim, extra=1)
    shape = x._data.shape
    return unary(Reshape, x, (*shape[:axis], 1, *shape[axis:]))


class Permute(Function):
    """out = x with axis order[i] of x at place i;  dx = dout with the axes put back."""

    __slots__ = ("inverse",)

    def forward(self, x: Array, order: tuple[int, ...]) -> Array:
        inverse = [0] * len(order)
        for place, axis in enumerate(order):
            inverse[axis] = place
        self.inverse = tuple(inverse)
        return x.transpose(order)

    def backward(self, dout: Array) -> tuple[Array]:
        return (permuted(dout, self.inverse),)


@method("permute")
def permute(x: Tensor, *dims: Any) -> Tensor:
    """Axes in another order: axis i of the result is axis ``dims[i]`` of x."""
    order = tuple([axis_of(x, d) for d in sizes_of(dims)])
    if sorted(order) != list(range(x._data.ndim)):
        raise RuntimeError(
            f"permute of shape {x.shape}: {sizes_of(dims)} must name every axis once"
        )
    return unary(Permute, x, order)


@method("transpose", "swapaxes")
def transpose(x: Tensor, dim0: int, dim1: int) -> Tensor:
    """Swap two axes."""
    order = list(range(x._data.ndim))
    if order:
        i, j = axis_of(x, dim0), axis_of(x, dim1)
        order[i], order[j] = order[j], order[i]
    return unary(Permute, x, tuple(order))


@method("t")
def t(x: Tensor) -> Tensor:
    """The transpose of a matrix; vectors and numbers stay as they are."""
    if x._data.ndim > 2:
        raise RuntimeError(f"t() is for at most two axes; shape is {x.shape}. Use transpose or mT")
    return unary(Permute, x, tuple(range(x._data.ndim))[::-1])


def _all_reversed(x: Tensor) -> Tensor:
    """All axes in reverse order: for a matrix, its transpose."""
    return unary(Permute, x, tuple(range(x._data.ndim))[::-1])


def _matrices_transposed(x: Tensor) -> Tensor:
    """The last two axes swapped."""
    return transpose(x, -2, -1)


Tensor.T = property(_all_reversed)  # type: ignore[attr-defined]
Tensor.mT = property(_matrices_transposed)  # type: ignore[attr-defined]


class Expand(Function):
    """out = x repeated along axes of length 1 and new leading axes;  dx = dout summed over them."""

    __slots__ = ("before",)

    def forward(self, x: Array, shape: tuple[int, ...]) -> Array:
        self.before = x.shape
        return xp.broadcast_to(x, shape)

    def backward(self, dout: Array) -> tuple[Array]:
        return (unbroadcast(dout, self.before),)


@method("expand")
def expand(x: Tensor, *sizes: Any) -> Tensor:
    """Repeat along axes of length 1 without copying; -1 keeps an axis, new axes go in front."""
    wanted = list(sizes_of(sizes))
    offset = len(wanted) - x._data.ndim
    for i, n in enumerate(x._data.shape):
        if offset + i >= 0 and wanted[offset + i] == -1:
            wanted[offset + i] = n
    try:
        return unary(Expand, x, tuple(wanted))
    except ValueError:
        raise RuntimeError(
            f"a tensor of shape {x.shape} cannot be expanded to {sizes_of(sizes)}: "
            "only axes of length 1 can be repeated, new axes go in front"
        ) from None


@method("expand_as")
def expand_as(x: Tensor, other: Tensor) -> Tensor:
    """Repeat to the shape of another tensor."""
    return expand(x, other.shape)


class Concatenate(Function):
    """out = tensors one after another along an axis;  each gets its own piece of dout."""

    __slots__ = ("axis", "lengths")

    def forward(self, *arrays: Any) -> Array:
        *parts, self.axis = arrays
        self.lengths = [part.shape[self.axis] for part in parts]
        return xp.concatenate(parts, self.axis)

    def backward(self, dout: Array) -> tuple[Array | None, ...]:
        before = (slice(None),) * self.axis
        pieces: list[Array | None] = []
        start = 0
        for n, needed in zip(self.lengths, self.needs):
            pieces.append(dout[(*before, slice(start, start + n))] if needed else None)
            start += n
        return tuple(pieces)


def cat(tensors: Sequence[Tensor], dim: int = 0) -> Tensor:
    """Tensors one after another along an existing axis; the other axes must agree."""
    parts = _some(tensors, "cat")
    axis = axis_of(parts[0], dim)
    try:
        return apply(Concatenate, parts, axis)
    except ValueError:
        shapes = ", ".join(str(part.shape) for part in parts)
        raise RuntimeError(
            f"cat along dim {dim} needs shapes that agree elsewhere; got {shapes}"
        ) from None


class Stack(Function):
    """out = tensors side by side along a new axis;  each gets its own slice of dout."""

    __slots__ = ("axis",)

    def forward(self, *arrays: Any) -> Array:
        *parts, self.axis = arrays
        return xp.stack(parts, self.axis)

    def backward(self, dout: Array) -> tuple[Array | None, ...]:
        before = (slice(None),) * self.axis
        return tuple([dout[(*before, i)] if need else None for i, need in enumerate(self.needs)])


def stack(tensors: Sequence[Tensor], dim: int = 0) -> Tensor:
    """Tensors of one shape side by side along a new axis."""
    parts = _some(tensors, "stack")
    if any(part.shape != parts[0].shape for part in parts):
        shapes = ", ".join(str(part.shape) for part in parts)
        raise RuntimeError(f"stack needs tensors of one shape; got {shapes}")
    return apply(Stack, parts, axis_of(parts[0], dim, extra=1))


def _some(tensors: Sequence[Tensor], what: str) -> tuple[Tensor, ...]:
    parts = tuple(tensors)
    if not parts:
        raise RuntimeError(f"{what} needs at least one tensor")
    return promoted(*parts)
