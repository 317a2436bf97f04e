"""The words in which derivatives are written, beside arithmetic and ``@``.

NumPy's and PyTorch's functions of one name (transpose, max, std...) do not mean the same, so
backward code calls neither, only these. Each takes and returns arrays.
"""

from __future__ import annotations

from nncourse.backend import Array, xp

Shape = tuple[int, ...]


def unbroadcast(g: Array, shape: Shape) -> Array:
    """Sum ``g`` over the axes along which an array of ``shape`` was broadcast to ``g``'s shape."""
    if g.shape == shape:
        return g
    if not shape:
        return xp.add.reduce(g, None)
    extra = g.ndim - len(shape)
    stretched = [extra + i for i, n in enumerate(shape) if n == 1 and g.shape[extra + i] != 1]
    summed = xp.add.reduce(g, (*range(extra), *stretched))
    return summed.reshape(shape) if stretched else summed


def sum_over(g: Array, axes: int | Shape | None, keepdims: bool = False) -> Array:
    """Sum over axes."""
    return xp.add.reduce(g, axes, None, None, keepdims)


def fill(g: Array, shape: Shape) -> Array:
    """A new array of ``shape`` filled with ``g``, which must be broadcastable to it."""
    out = xp.empty(shape, g.dtype)
    out[...] = g
    return out


def reshape(g: Array, shape: Shape) -> Array:
    """The same elements in row-major order under another shape."""
    return g.reshape(shape)


def keep_axes(g: Array, shape: Shape, axes: Shape) -> Array:
    """Put back, with length 1, the axes of ``shape`` over which ``g`` was reduced."""
    return g.reshape([1 if i in axes else n for i, n in enumerate(shape)])


def mT(x: Array) -> Array:
    """Swap the last two axes."""
    return x.swapaxes(-1, -2)


def permute(x: Array, order: Shape) -> Array:
    """Axes in another order: axis i of the result is axis ``order[i]`` of ``x``."""
    return x.transpose(order)


def exp(x: Array) -> Array:
    return xp.exp(x)


def log(x: Array) -> Array:
    return xp.log(x)


def sin(x: Array) -> Array:
    return xp.sin(x)


def cos(x: Array) -> Array:
    return xp.cos(x)


def sign(x: Array) -> Array:
    """-1, 0 or 1."""
    return xp.sign(x)


def where(mask: Array, a: Array, b: Array) -> Array:
    """``a`` where the mask is true, ``b`` elsewhere."""
    return xp.where(mask, a, b)


def put(g: Array, index: object, shape: Shape) -> Array:
    """Zeros of ``shape`` with ``g`` at ``index``; no element of the index may occur twice."""
    out = xp.zeros(shape, g.dtype)
    out[index] = g
    return out


def put_add(g: Array, index: object, shape: Shape) -> Array:
    """Zeros of ``shape`` with ``g`` added at ``index``, elements that occur twice adding up."""
    out = xp.zeros(shape, g.dtype)
    xp.add.at(out, index, g)
    return out


def one_hot_subtracted(p: Array, target: Array, scale: Array) -> Array:
    """``scale * (p - onehot(target))`` for rows of probabilities p (N, C) and classes (N)."""
    out = p * scale
    rows = xp.arange(len(target))
    out[rows, target] -= scale if not getattr(scale, "ndim", 0) else scale[:, 0]
    return out


def array_copy(x: Array) -> Array:
    """A copy with memory of its own."""
    return xp.array(x)


def ones_like(x: Array) -> Array:
    return xp.ones_like(x)
