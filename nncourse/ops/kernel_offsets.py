"""Convolution as a sum over the positions of the kernel, on images with channels last.

With the rows of all padded images in one long matrix (pixels, channels), the pixels that kernel
position (i, j) sees are the same matrix, shifted by a fixed number of rows: a contiguous part, so
that nothing is copied. Each position costs one matrix product; sums over row ends and between
images come out wrong and are cut off at the end. Faster than ``im2col`` where channels are many
and the kernel is small. Stride 1 and one group only. Plain arrays.
"""

from __future__ import annotations

from collections.abc import Iterator

from nncourse.backend import Array, xp
from nncourse.ops.windows import Pair


def pays_off(images: tuple[int, ...], weight: tuple[int, ...], out: Pair) -> bool:
    """Is this way the faster one? Measured on 16 images of 8 to 56 pixels, 4 to 64 channels.

    For 3x3 kernels, from 16 channels on and if the output has at most twice as many, it took
    0.43 to 1.08 of im2col's time; with 5x5 kernels as much or more, unless the output has no more
    channels than the input (0.67 to 1.03).
    """
    channels_out, channels_in, kh, kw = weight
    most = 2 if kh * kw <= 9 else 1 if kh * kw <= 25 and channels_in <= 32 else 0
    wasted = images[2] * images[3] > 2 * out[0] * out[1]
    return channels_in >= 16 and channels_out <= most * channels_in and kh * kw > 1 and not wasted


def _shifts(width: int, kernel: Pair, dilation: Pair) -> Iterator[tuple[int, int, int]]:
    """(i, j, how many rows of the long matrix that is)."""
    for i in range(kernel[0]):
        for j in range(kernel[1]):
            yield i, j, i * dilation[0] * width + j * dilation[1]


def _contiguous(x: Array) -> Array:
    return xp.ascontiguousarray(x, like=x)


def channels_last(x: Array) -> Array:
    """(N, C, H, W) as a contiguous (N, H, W, C)."""
    return _contiguous(x.transpose(0, 2, 3, 1))


def forward(pixels: Array, W: Array, out: Pair, dilation: Pair) -> Array:
    """pixels (N, H, W, C), W (O, C, kh, kw) to (N, O, oh, ow)."""
    n, h, w, c = pixels.shape
    kernel = W.shape[2:]
    by_position = _contiguous(W.transpose(2, 3, 1, 0))
    rows = pixels.reshape(-1, c)
    seen = len(rows) - max(shift for _, _, shift in _shifts(w, kernel, dilation))
    total = xp.empty((len(rows), len(W)), pixels.dtype, like=pixels)
    products = xp.empty((seen, len(W)), pixels.dtype, like=pixels)
    for i, j, shift in _shifts(w, kernel, dilation):
        if shift:
            xp.matmul(rows[shift : shift + seen], by_position[i, j], out=products)
            total[:seen] += products
        else:
            xp.matmul(rows[:seen], by_position[i, j], out=total[:seen])
    whole = total.reshape(n, h, w, len(W))
    return _contiguous(whole[:, : out[0], : out[1]].transpose(0, 3, 1, 2))


def backward(
    dout: Array, pixels: Array, W: Array, dilation: Pair, need_x: bool, need_W: bool
) -> tuple[Array | None, Array | None]:
    """The derivatives of the padded images (N, C, H, W) and of W."""
    n, h, w, c = pixels.shape
    kernel, (oh, ow) = W.shape[2:], dout.shape[2:]
    rows = pixels.reshape(-1, c)
    seen = len(rows) - max(shift for _, _, shift in _shifts(w, kernel, dilation))
    spread = xp.zeros((n, h, w, len(W)), dout.dtype, like=dout)
    spread[:, :oh, :ow] = dout.transpose(0, 2, 3, 1)
    g = spread.reshape(-1, len(W))[:seen]
    dx = dW = None
    if need_W:
        by_position = xp.empty((*kernel, c, len(W)), W.dtype, like=W)
        for i, j, shift in _shifts(w, kernel, dilation):
            xp.matmul(rows[shift : shift + seen].T, g, out=by_position[i, j])
        dW = _contiguous(by_position.transpose(3, 2, 0, 1))
    if need_x:
        total = xp.zeros(rows.shape, dout.dtype, like=dout)
        products = xp.empty((seen, c), dout.dtype, like=dout)
        from_outputs = _contiguous(W.transpose(2, 3, 0, 1))
        for i, j, shift in _shifts(w, kernel, dilation):
            xp.matmul(g, from_outputs[i, j], out=products)
            total[shift : shift + seen] += products
        dx = total.reshape(n, h, w, c).transpose(0, 3, 1, 2)
    return dx, dW
