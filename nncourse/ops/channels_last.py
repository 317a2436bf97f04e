"""Convolution of images whose channels lie last in memory, as matrix products.

Every window becomes a row of numbers (im2col), in which the kw * C numbers of one line of the
window are neighbours in the image as well, so that they are copied in long runs; the rows times the
kernels are the result, with channels last again. Rows are made block by block and forgotten: a
block stays in the processor's cache between the copy and the product, and no memory is held.

Images are arrays (N, H, W, C). One group of channels only. Plain arrays.
"""

from __future__ import annotations

from collections.abc import Iterator

from nncourse.backend import Array, strided, xp
from nncourse.ops.windows import Pair

# Numbers in one block: a megabyte of float32.
BLOCK = 2**18


def pixels(x: Array, padding: Pair = (0, 0)) -> Array:
    """(N, C, H, W) as a contiguous (N, H, W, C), with a frame of zeros; a negative one cuts off."""
    p, q = padding
    if p < 0 or q < 0:
        h, w = x.shape[2:]
        x = x[:, :, max(-p, 0) : h - max(-p, 0), max(-q, 0) : w - max(-q, 0)]
        p, q = max(p, 0), max(q, 0)
    images = x.transpose(0, 2, 3, 1)
    if not p and not q:
        return xp.ascontiguousarray(images, like=images)
    n, h, w, c = images.shape
    out = xp.zeros((n, h + 2 * p, w + 2 * q, c), x.dtype, like=x)
    out[:, p : p + h, q : q + w] = images
    return out


def blocks(images: int, lines: int, per_line: int) -> Iterator[tuple[slice, slice]]:
    """Parts of (images, lines of the result) with about ``BLOCK`` numbers each."""
    whole = BLOCK // (lines * per_line or 1)
    if whole:  # several images at once
        for i in range(0, images, whole):
            yield slice(i, min(i + whole, images)), slice(0, lines)
        return
    some = max(BLOCK // (per_line or 1), 1)
    for i in range(images):
        for y in range(0, lines, some):
            yield slice(i, i + 1), slice(y, min(y + some, lines))


def _windows(
    images: Array, part: tuple[slice, slice], columns: int, kernel: Pair, stride: Pair, apart: Pair
) -> Array:
    """The windows of a block as rows: (number of windows, kh * kw * C)."""
    which, lines = part
    n, count = which.stop - which.start, lines.stop - lines.start
    (kh, kw), (s, t), (d, e) = kernel, stride, apart
    c = images.shape[3]
    start = images[which, lines.start * s :]
    if kh == kw == s == t == 1:
        return start[:, :count, :columns].reshape(-1, c)
    # Not images.strides, which for an axis of length 1 may be anything.
    by_channel = images.itemsize
    by_pixel = c * by_channel
    by_line = images.shape[2] * by_pixel
    by_image = images.shape[1] * by_line
    if e == 1:  # the pixels of a line of the window are one run
        shape: tuple[int, ...] = (n, count, columns, kh, kw * c)
        steps: tuple[int, ...] = by_image, by_line * s, by_pixel * t, by_line * d, by_channel
    else:
        shape = n, count, columns, kh, kw, c
        steps = by_image, by_line * s, by_pixel * t, by_line * d, by_pixel * e, by_channel
    return strided(start, shape, steps).reshape(-1, kh * kw * c)


def forward(
    images: Array, W: Array, b: Array | None, size: Pair, stride: Pair, dilation: Pair
) -> Array:
    """The convolution with W (O, C, kh, kw), plus b: (N, oh, ow, O)."""
    o, c, kh, kw = W.shape
    oh, ow = size
    kernels = W.transpose(2, 3, 1, 0).reshape(-1, o)
    out = xp.empty((len(images), oh, ow, o), images.dtype, like=images)
    for part in blocks(len(images), oh, ow * kh * kw * c):
        rows = _windows(images, part, ow, (kh, kw), stride, dilation)
        into = out[part].reshape(-1, o)
        xp.matmul(rows, kernels, out=into)
        if b is not None:
            into += b
    return out


def of_weight(images: Array, g: Array, kernel: Pair, stride: Pair, dilation: Pair) -> Array:
    """The derivative by W (O, C, kh, kw), where g (N, oh, ow, O) is that by the result."""
    n, oh, ow, o = g.shape
    c, (kh, kw) = images.shape[3], kernel
    total = xp.zeros((kh * kw * c, o), g.dtype, like=g)
    for part in blocks(n, oh, ow * kh * kw * c):
        rows = _windows(images, part, ow, kernel, stride, dilation)
        total += rows.T @ g[part].reshape(-1, o)
    return xp.ascontiguousarray(total.reshape(kh, kw, c, o).transpose(3, 2, 0, 1), like=total)


def spread(g: Array, W: Array, size: Pair, stride: Pair, padding: Pair, dilation: Pair) -> Array:
    """What g (N, O, oh, ow) gives to the images: W^T g at every window: (N, H, W, C).

    size: (H, W). With stride 1 it is a convolution itself, with the kernel turned round.
    """
    o, c, kh, kw = W.shape
    if stride == (1, 1):
        frame = dilation[0] * (kh - 1) - padding[0], dilation[1] * (kw - 1) - padding[1]
        turned = W[:, :, ::-1, ::-1].transpose(1, 0, 2, 3)
        return forward(pixels(g, frame), turned, None, size, stride, dilation)
    (s, t), (p, q), (d, e) = stride, padding, dilation
    g = pixels(g)
    n, oh, ow, _ = g.shape
    out = xp.zeros((n, size[0] + 2 * p, size[1] + 2 * q, c), g.dtype, like=g)
    kernels = W.transpose(2, 3, 1, 0).reshape(-1, o).T
    for part in blocks(n, oh, ow * kh * kw * c):
        which, lines = part
        count = lines.stop - lines.start
        rows = (g[part].reshape(-1, o) @ kernels).reshape(-1, count, ow, kh, kw, c)
        for i in range(kh):
            top = lines.start * s + i * d
            for j in range(kw):
                left = j * e
                out[
                    which,
                    top : top + s * (count - 1) + 1 : s,
                    left : left + t * (ow - 1) + 1 : t,
                ] += rows[:, :, :, i, j]
    return out[:, p : p + size[0], q : q + size[1]]
