"""Pooling: the greatest element of each window, or the mean, channel by channel."""

from __future__ import annotations

from typing import Any, NamedTuple

from nncourse.autograd.function import Function, constant, unary
from nncourse.autograd.tensor import Tensor
from nncourse.backend import Array, filled, xp
from nncourse.ops.activations import real
from nncourse.ops.padding import pad
from nncourse.ops.reduction import ValuesAndIndices
from nncourse.ops.shape import stack
from nncourse.ops.windows import Pair, pair, place


class Grid(NamedTuple):
    """Where the windows of a pooling lie.

    padding: (top, bottom, left, right); size: how many windows there are, down and across.
    """

    kernel: Pair
    stride: Pair
    padding: tuple[int, int, int, int]
    dilation: Pair
    size: Pair

    @property
    def overlap(self) -> bool:
        """May an element lie in several windows?"""
        reach = [d * (k - 1) + 1 for d, k in zip(self.dilation, self.kernel)]
        return any(r > s for r, s in zip(reach, self.stride))

    def places(self) -> list[tuple[Any, ...]]:
        """For each position of the kernel, in rows, the index of the pixels that it sees."""
        return [
            (slice(None), slice(None), *place(i, j, self.size, self.stride, self.dilation))
            for i in range(self.kernel[0])
            for j in range(self.kernel[1])
        ]

    def framed(self, x: Array, value: float) -> Array:
        """Images with a frame of one value."""
        if not any(self.padding):
            return x
        top, bottom, left, right = self.padding
        n, c, h, w = x.shape
        out = filled((n, c, h + top + bottom, w + left + right), value, x.dtype, x)
        out[:, :, top : top + h, left : left + w] = x
        return out

    def unframed(self, x: Array) -> Array:
        """The inside of framed images."""
        top, bottom, left, right = self.padding
        return x[:, :, top : x.shape[2] - bottom, left : x.shape[3] - right]


class MaxPool(Function):
    """out = the greatest element of each window;  dx = dout at its place, summed where it serves
    several windows. Of elements that tie, the first in the window gets the gradient.
    """

    __slots__ = ("grid",)
    saves = ("x", "greatest")

    def forward(self, x: Array, grid: Grid) -> Array:
        self.grid = grid
        images = grid.framed(x, -xp.inf)
        first, *others = grid.places()
        out = images[first].copy("K")
        for index in others:
            xp.maximum(out, images[index], out=out)
        self.saved = x, out
        return out

    def backward(self, dout: Array) -> tuple[Array]:
        x, greatest = self.saved
        images = self.grid.framed(x, -xp.inf)
        dx = xp.zeros_like(images, dout.dtype)
        above = xp.empty_like(greatest, dout.dtype)  # as the others lie in memory
        above[...] = dout
        waiting = xp.ones_like(greatest, "bool")  # windows whose gradient is still to be placed
        for index in self.grid.places():
            here = images[index] == greatest
            here &= waiting
            waiting ^= here
            if self.grid.overlap:
                dx[index] += above * here
            else:
                xp.multiply(above, here, out=dx[index])
        return (self.grid.unframed(dx),)

    def twin(self, x: Tensor) -> Tensor:
        return max_pool_spelled_out(x, self.grid)


def max_pool_spelled_out(x: Tensor, grid: Grid) -> Tensor:
    """The same as ``MaxPool``, composed of small operations."""
    return _seen(x, grid, -xp.inf).max(0).values


def _seen(x: Tensor, grid: Grid, value: float) -> Tensor:
    """What each position of the kernel sees: (kh * kw, N, C, oh, ow)."""
    top, bottom, left, right = grid.padding
    images = pad(x, (left, right, top, bottom), value=value)
    return stack([images[index] for index in grid.places()])


class AveragePool(Function):
    """out = sum of each window / n;  dx = dout / n, added for all windows that an element is in.

    n (oh, ow): how many elements each window counts.
    """

    __slots__ = ("grid", "n")
    saves = ("x",)

    def forward(self, x: Array, grid: Grid, n: Array) -> Array:
        self.saved, self.grid, self.n = (x,), grid, n
        images = grid.framed(x, 0.0)
        first, *others = grid.places()
        out = images[first].copy("K")
        for index in others:
            out += images[index]
        out /= n
        return out

    def backward(self, dout: Array) -> tuple[Array]:
        (x,) = self.saved
        share = dout / self.n
        dx = xp.zeros_like(self.grid.framed(x, 0.0))
        for index in self.grid.places():
            if self.grid.overlap:
                dx[index] += share
            else:
                dx[index] = share
        return (self.grid.unframed(dx),)

    def twin(self, x: Tensor) -> Tensor:
        return average_pool_spelled_out(x, self.grid, self.n)


def average_pool_spelled_out(x: Tensor, grid: Grid, n: Array) -> Tensor:
    """The same as ``AveragePool``, composed of small operations."""
    return _seen(x, grid, 0.0).sum(0) / constant(n)


def max_pool2d(
    input: Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """The greatest element of each window: (N, C, H, W) to (N, C, oh, ow), or without N.

    stride: the kernel's size unless given. padding: at most half the kernel, never the greatest.
    ceil_mode: let windows reach over the end. return_indices: also where in the flattened image of
    its channel each element stands.
    """
    x, images = _images("max_pool2d", 2, input)
    grid = _grid("max_pool2d", images, kernel_size, stride, padding, dilation, ceil_mode)
    out = unary(MaxPool, images, grid)
    shape = (*x.shape[:-2], *grid.size)
    values = out if out.shape == shape else out.reshape(shape)
    if not return_indices:
        return values
    return ValuesAndIndices(values, constant(_positions(images._data, grid).reshape(shape)))


def max_pool1d(
    input: Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """The greatest element of each window: (N, C, L) to (N, C, ol), or without N."""
    x, images = _images("max_pool1d", 1, input)
    stride = kernel_size if stride is None else stride
    kernel, steps, sides = (1, _single(kernel_size)), (1, _single(stride)), (0, _single(padding))
    apart = (1, _single(dilation))
    grid = _grid("max_pool1d", images, kernel, steps, sides, apart, ceil_mode)
    shape = (*x.shape[:-1], grid.size[1])
    values = unary(MaxPool, images, grid).reshape(shape)
    if not return_indices:
        return values
    return ValuesAndIndices(values, constant(_positions(images._data, grid).reshape(shape)))


def avg_pool2d(
    input: Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Tensor:
    """The mean of each window: (N, C, H, W) to (N, C, oh, ow), or without N.

    count_include_pad: divide by the number of all elements, zeros of the padding among them.
    """
    x, images = _images("avg_pool2d", 2, input)
    grid = _grid("avg_pool2d", images, kernel_size, stride, padding, 1, ceil_mode)
    n = _counts(images._data, grid, count_include_pad, pair(padding, "padding", "avg_pool2d"))
    out = unary(AveragePool, images, grid, n)
    shape = (*x.shape[:-2], *grid.size)
    return out if out.shape == shape else out.reshape(shape)


def avg_pool1d(
    input: Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Tensor:
    """The mean of each window: (N, C, L) to (N, C, ol), or without N."""
    x, images = _images("avg_pool1d", 1, input)
    stride = kernel_size if stride is None else stride
    kernel, steps, sides = (1, _single(kernel_size)), (1, _single(stride)), (0, _single(padding))
    grid = _grid("avg_pool1d", images, kernel, steps, sides, 1, ceil_mode)
    out = unary(AveragePool, images, grid, _counts(images._data, grid, count_include_pad, sides))
    return out.reshape(*x.shape[:-1], grid.size[1])


def _single(value: Any) -> int:
    return value if isinstance(value, int) else value[0]


def _images(what: str, axes: int, x: Tensor) -> tuple[Tensor, Tensor]:
    """The input, and the input as (N, C, H, W)."""
    real(x, what)
    if x.ndim not in (axes + 1, axes + 2):
        layout = "(N, C, H, W) or (C, H, W)" if axes == 2 else "(N, C, L) or (C, L)"
        raise RuntimeError(f"{what}: input must be {layout}; its shape is {x.shape}")
    images = x if x.ndim == axes + 2 else x.unsqueeze(0)
    return x, images if axes == 2 else images.unsqueeze(2)


def _grid(
    what: str, x: Tensor, kernel: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: bool
) -> Grid:
    kernel = pair(kernel, "kernel_size", what)
    stride = kernel if stride is None else pair(stride, "stride", what)
    padding, dilation = pair(padding, "padding", what), pair(dilation, "dilation", what)
    if min(*kernel, *stride, *dilation) < 1:
        raise ValueError(f"{what}: kernel_size, stride and dilation must be positive")
    if any(not 0 <= 2 * p <= k for p, k in zip(padding, kernel)):
        raise RuntimeError(
            f"{what}: padding must be at most half the kernel; got {padding} for {kernel}"
        )
    size, frame = [], []
    for length, k, s, p, d in zip(x.shape[2:], kernel, stride, padding, dilation):
        reach = d * (k - 1) + 1
        free = length + 2 * p - reach
        if free < 0 and not (ceil_mode and free > -s):
            raise RuntimeError(
                f"{what}: a window reaches over {reach} elements, more than the padded input has, "
                f"{length + 2 * p}; the input is {x.shape}"
            )
        n = (-(-free // s) if ceil_mode else free // s) + 1
        if ceil_mode and (n - 1) * s >= length + p:
            n -= 1  # a window must begin within the input or before it
        size.append(n)
        frame += [p, max(p, (n - 1) * s + reach - length - p)]
    top, bottom, left, right = frame
    return Grid(kernel, stride, (top, bottom, left, right), dilation, (size[0], size[1]))


def _counts(x: Array, grid: Grid, include_pad: bool, padding: Pair) -> Array:
    """How many elements each window counts, (oh, ow); what ceil_mode adds never counts."""
    lengths = []
    for axis in (0, 1):
        length, p = x.shape[2 + axis], padding[axis]
        start = xp.arange(grid.size[axis], like=x) * grid.stride[axis] - p
        end = xp.minimum(start + grid.kernel[axis], length + (p if include_pad else 0))
        lengths.append(end - (start if include_pad else xp.maximum(start, 0)))
    return (lengths[0][:, None] * lengths[1]).astype(x.dtype)


def _positions(x: Array, grid: Grid) -> Array:
    """Where in the flattened image of its channel the greatest element of each window stands."""
    h, w = x.shape[2:]
    numbers = xp.arange(h * w, dtype="float64", like=x).reshape(1, 1, h, w)
    numbers, images = grid.framed(numbers, -1), grid.framed(x, -xp.inf)
    places = grid.places()
    seen = xp.stack([images[index] for index in places])
    which = xp.stack([xp.broadcast_to(numbers[index], seen.shape[1:]) for index in places])
    at = xp.argmax(seen, 0)[None]
    return xp.take_along_axis(which, at, 0)[0].astype("int64")
