"""Windows that slide over images: views of an array, and the way back.

Convolution and pooling look at the same windows: kernel positions (i, j) in each window, windows
(y, x) in each image. Here they are cut out and, backward, added together again where they overlap.
Plain arrays only.
"""

from __future__ import annotations

from typing import Any

from nncourse.backend import Array, filled, strided, xp

Pair = tuple[int, int]


def pair(value: Any, name: str, what: str) -> Pair:
    """An option given as one number or as two."""
    values = (value, value) if isinstance(value, int) else tuple(value)
    if len(values) == 1:
        values = values * 2
    if len(values) != 2 or not all(isinstance(v, int) for v in values):
        raise ValueError(f"{what}: {name} must be a number or a pair of numbers; got {value!r}")
    return values


def along(value: Any, name: str, what: str, axes: int, missing: int = 1) -> Pair:
    """An option for the rows and columns of an image; a sequence (axes = 1) is one of one row."""
    if axes == 2:
        return pair(value, name, what)
    (single,) = (value,) if isinstance(value, int) else tuple(value)
    return (missing, single)


def count(length: int, kernel: int, stride: int, dilation: int = 1) -> int:
    """How many windows fit into an axis."""
    return (length - dilation * (kernel - 1) - 1) // stride + 1


def padded(x: Array, padding: Pair, value: float = 0.0) -> Array:
    """Images (N, C, H, W) with so many rows and columns of a value on either side."""
    p, q = padding
    if not p and not q:
        return x
    n, c, h, w = x.shape
    shape = n, c, h + 2 * p, w + 2 * q
    out = filled(shape, value, x.dtype, x) if value else xp.zeros(shape, x.dtype, like=x)
    out[:, :, p : p + h, q : q + w] = x
    return out


def unpadded(x: Array, padding: Pair) -> Array:
    """The inside of padded images."""
    p, q = padding
    return x[:, :, p : x.shape[2] - p, q : x.shape[3] - q] if p or q else x


def windows(x: Array, size: Pair, kernel: Pair, stride: Pair, dilation: Pair = (1, 1)) -> Array:
    """A view (N, C, kh, kw, oh, ow) of images (N, C, H, W); size: (oh, ow)."""
    n, c, _, _ = x.shape
    sn, sc, sh, sw = x.strides
    return strided(
        x,
        (n, c, *kernel, *size),
        (sn, sc, sh * dilation[0], sw * dilation[1], sh * stride[0], sw * stride[1]),
    )


def windows_added(g: Array, shape: tuple[int, ...], stride: Pair, dilation: Pair = (1, 1)) -> Array:
    """Images of ``shape`` in which the windows g (N, C, kh, kw, oh, ow) are added up."""
    kh, kw, oh, ow = g.shape[2:]
    out = xp.zeros(shape, g.dtype, like=g)
    for i in range(kh):
        for j in range(kw):
            out[(..., *place(i, j, (oh, ow), stride, dilation))] += g[:, :, i, j]
    return out


def place(i: int, j: int, size: Pair, stride: Pair, dilation: Pair) -> tuple[slice, slice]:
    """The rows and columns of an image that position (i, j) of the kernel sees."""
    top, left = i * dilation[0], j * dilation[1]
    return (
        slice(top, top + stride[0] * (size[0] - 1) + 1, stride[0]),
        slice(left, left + stride[1] * (size[1] - 1) + 1, stride[1]),
    )
