"""Convolution as one matrix product per image: every window becomes a column (im2col).

Plain arrays.
"""

from __future__ import annotations

from nncourse.backend import Array, xp
from nncourse.ops.windows import Pair, windows, windows_added

# Columns are kept for the backward pass up to this many elements, and cut out again beyond.
KEPT = 2**24


def columns_of(x: Array, kernel: Pair, stride: Pair, dilation: Pair, groups: int) -> Array:
    """Images (N, C, H, W) to columns (N, groups, C / groups * kh * kw, oh * ow)."""
    seen = windows(x, kernel, stride, dilation)
    n, c, kh, kw, oh, ow = seen.shape
    return seen.reshape(n, groups, c // groups * kh * kw, oh * ow)


def _rows(W: Array, groups: int) -> Array:
    """(O, C / groups, kh, kw) to (groups, O / groups, C / groups * kh * kw)."""
    o, c, kh, kw = W.shape
    return W.reshape(groups, o // groups, c * kh * kw)


def forward(columns: Array, W: Array, out: Pair, groups: int) -> Array:
    """W times the columns: (N, O, oh, ow)."""
    return xp.matmul(_rows(W, groups), columns).reshape(len(columns), len(W), *out)


def backward_of_weight(dout: Array, columns: Array, W: Array, groups: int) -> Array:
    """dW = dout columns^T, summed over the images."""
    g = dout.reshape(len(dout), groups, len(W) // groups, columns.shape[-1])
    return xp.matmul(g, columns.swapaxes(-1, -2)).sum(0).reshape(W.shape)


def backward_of_images(
    dout: Array, shape: tuple[int, ...], W: Array, stride: Pair, dilation: Pair, groups: int
) -> Array:
    """dx: W^T dout, the columns put back to where they were cut out."""
    n, o, oh, ow = dout.shape
    g = dout.reshape(n, groups, o // groups, oh * ow)
    columns = xp.matmul(_rows(W, groups).swapaxes(-1, -2), g)
    return windows_added(
        columns.reshape(n, shape[1], *W.shape[2:], oh, ow), shape, stride, dilation
    )
