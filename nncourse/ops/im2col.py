"""Convolution of images whose channels lie before rows and columns, as matrix products.

Every window becomes a column (im2col), in which the numbers of one line of the *result* are
neighbours: the faster way where there are few channels, or many groups of them. As in
``channels_last``, columns are made block by block and forgotten. Plain arrays.
"""

from __future__ import annotations

from nncourse.backend import Array, xp
from nncourse.ops.channels_last import blocks
from nncourse.ops.windows import Pair, padded, unpadded, windows, windows_added


def _columns(
    x: Array, size: Pair, kernel: Pair, stride: Pair, dilation: Pair, groups: int
) -> Array:
    """Images (N, C, H, W) to columns (N, groups, C / groups * kh * kw, oh * ow)."""
    seen = windows(x, size, kernel, stride, dilation)
    n, c, kh, kw, oh, ow = seen.shape
    return seen.reshape(n, groups, c // groups * kh * kw, oh * ow)


def _kernels(W: Array, groups: int) -> Array:
    """(O, C / groups, kh, kw) to (groups, O / groups, C / groups * kh * kw)."""
    o, c, kh, kw = W.shape
    return W.reshape(groups, o // groups, c * kh * kw)


def _parts(n: int, numbers: int) -> list[slice]:
    """Some images at a time, of so many numbers in the columns of each."""
    return [which for which, _ in blocks(n, 1, numbers)]


def forward(
    x: Array,
    W: Array,
    b: Array | None,
    size: Pair,
    stride: Pair,
    padding: Pair,
    dilation: Pair,
    groups: int,
) -> Array:
    """The convolution of x (N, C, H, W) with W, plus b: (N, O, oh, ow)."""
    n, o = len(x), len(W)
    oh, ow = size
    kernels = _kernels(W, groups)
    out = xp.empty((n, o, oh, ow), x.dtype, like=x)
    for part in _parts(n, x.shape[1] * W.shape[2] * W.shape[3] * oh * ow):
        columns = _columns(padded(x[part], padding), size, W.shape[2:], stride, dilation, groups)
        into = out[part].reshape(-1, groups, o // groups, oh * ow)
        xp.matmul(kernels, columns, out=into)
        if b is not None:
            into += b.reshape(groups, -1, 1)
    return out


def of_weight(
    x: Array,
    g: Array,
    kernel: Pair,
    stride: Pair,
    padding: Pair,
    dilation: Pair,
    groups: int,
) -> Array:
    """The derivative by W, where g (N, O, oh, ow) is that by the result."""
    n, o, oh, ow = g.shape
    c = x.shape[1] // groups
    total = xp.zeros((groups, o // groups, c * kernel[0] * kernel[1]), g.dtype, like=g)
    for part in _parts(n, x.shape[1] * kernel[0] * kernel[1] * oh * ow):
        columns = _columns(padded(x[part], padding), (oh, ow), kernel, stride, dilation, groups)
        by_group = g[part].reshape(-1, groups, o // groups, oh * ow)
        total += xp.matmul(by_group, columns.swapaxes(-1, -2)).sum(0)
    return total.reshape(o, c, *kernel)


def spread(
    g: Array,
    W: Array,
    size: Pair,
    stride: Pair,
    padding: Pair,
    dilation: Pair,
    groups: int,
) -> Array:
    """What g (N, O, oh, ow) gives to the images: W^T g at every window: (N, C, H, W)."""
    n, o, oh, ow = g.shape
    c = W.shape[1] * groups
    kernels = _kernels(W, groups).swapaxes(-1, -2)
    out = xp.empty((n, c, *size), g.dtype, like=g)
    framed = c, size[0] + 2 * padding[0], size[1] + 2 * padding[1]
    for part in _parts(n, c * W.shape[2] * W.shape[3] * oh * ow):
        by_group = g[part].reshape(-1, groups, o // groups, oh * ow)
        columns = xp.matmul(kernels, by_group).reshape(len(by_group), c, *W.shape[2:], oh, ow)
        images = windows_added(columns, (len(columns), *framed), stride, dilation)
        out[part] = unpadded(images, padding)
    return out
