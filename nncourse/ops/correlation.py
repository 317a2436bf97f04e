"""The three maps behind convolution, each in the faster of two ways.

For out = x * W: ``correlate`` computes out from x and W; ``spread`` and ``of_weight`` are its
derivatives by x and by W. Transposed convolution is made of the same three. Plain arrays; the
result has channels last in memory where the way that computes so is chosen.
"""

from __future__ import annotations

from typing import NamedTuple

from nncourse.backend import Array, xp
from nncourse.ops import channels_last, im2col
from nncourse.ops.windows import Pair


class Options(NamedTuple):
    """How a kernel slides over images: each for rows and columns, and groups of channels."""

    stride: Pair
    padding: Pair
    dilation: Pair
    groups: int


def _channels_last(W: Array, options: Options, least: int = 4) -> bool:
    """Is the way with channels last the faster one?

    On 16 to 64 images of 14 to 32 pixels it was the slower one with 1 and 3 channels and the faster
    one with 6, 16 and 64; in ``spread``, where few channels make a narrow product, with 16 and 64.
    """
    return options.groups == 1 and W.shape[1] >= least


def correlate(x: Array, W: Array, b: Array | None, size: Pair, options: Options) -> Array:
    """x (N, C, H, W), W (O, C / groups, kh, kw), b (O) to (N, O, oh, ow); size: (oh, ow)."""
    stride, padding, dilation, groups = options
    if not _channels_last(W, options):
        return im2col.forward(x, W, b, size, stride, padding, dilation, groups)
    images = channels_last.pixels(x, padding)
    return channels_last.forward(images, W, b, size, stride, dilation).transpose(0, 3, 1, 2)


def spread(g: Array, W: Array, size: Pair, options: Options) -> Array:
    """The derivative by x (N, C, H, W), where g (N, O, oh, ow) is that by the result."""
    stride, padding, dilation, groups = options
    if not _channels_last(W, options, 8):
        return im2col.spread(g, W, size, stride, padding, dilation, groups)
    return channels_last.spread(g, W, size, stride, padding, dilation).transpose(0, 3, 1, 2)


def of_weight(x: Array, g: Array, W: Array, options: Options) -> Array:
    """The derivative by W, of which only the shape counts here."""
    stride, padding, dilation, groups = options
    kernel = W.shape[2:]
    if not _channels_last(W, options):
        return im2col.of_weight(x, g, kernel, stride, padding, dilation, groups)
    images, above = channels_last.pixels(x, padding), channels_last.pixels(g)
    return channels_last.of_weight(images, above, kernel, stride, dilation)


def in_order_of(g: Array, x: Array) -> Array:
    """g laid out in memory as x is, so that what meets both runs through them in one direction."""
    if x.flags.c_contiguous and not g.flags.c_contiguous:
        return xp.ascontiguousarray(g, like=g)
    return g
