"""Entries: convolution and pooling."""

from typing import Any

import numpy as np

from nncourse.ops import (
    adaptive_pooling,
    arithmetic,
    convolution,
    indexing,
    linalg,
    pooling,
    reduction,
    shape,
    transposed_convolution,
)
from nncourse.ops.catalogue.entry import APART, REAL, Example, Operation


def _two(value: Any) -> tuple[int, int]:
    return (value, value) if isinstance(value, int) else value


def _framed(x: Any, padding: Any, value: float) -> Any:
    (p, q) = _two(padding)
    return np.pad(x, ((0, 0), (0, 0), (p, p), (q, q)), constant_values=value)


def _conv2d(
    x: Any,
    W: Any,
    b: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Any:
    """Window by window."""
    (s, t), (d, e) = _two(stride), _two(dilation)
    x = _framed(x, padding, 0.0)
    o, c, kh, kw = W.shape
    oh = (x.shape[2] - d * (kh - 1) - 1) // s + 1
    ow = (x.shape[3] - e * (kw - 1) - 1) // t + 1
    out = np.zeros((len(x), o, oh, ow))
    for k in range(o):
        first = k // (o // groups) * c
        for i in range(oh):
            for j in range(ow):
                rows = slice(i * s, i * s + d * (kh - 1) + 1, d)
                columns = slice(j * t, j * t + e * (kw - 1) + 1, e)
                seen = x[:, first : first + c, rows, columns]
                out[:, k, i, j] = (seen * W[k]).sum((1, 2, 3)) + (0 if b is None else b[k])
    return out


def _conv1d(
    x: Any, W: Any, b: Any = None, stride: int = 1, padding: int = 0, **options: Any
) -> Any:
    x, W = x[:, :, None], W[:, :, None]
    return _conv2d(x, W, b, (1, stride), (0, padding))[:, :, 0]


def _conv_transpose2d(
    x: Any,
    W: Any,
    b: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    groups: int = 1,
    dilation: Any = 1,
) -> Any:
    """Pixel by pixel."""
    (s, t), (p, q), (d, e) = _two(stride), _two(padding), _two(dilation)
    n, c, h, w = x.shape
    _, o, kh, kw = W.shape
    missing = _two(output_padding)
    oh, ow = (h - 1) * s + d * (kh - 1) + 1, (w - 1) * t + e * (kw - 1) + 1
    out = np.zeros((n, o * groups, oh + missing[0], ow + missing[1]))
    for k in range(c):
        first = k // (c // groups) * o
        for i in range(h):
            for j in range(w):
                rows = slice(i * s, i * s + d * (kh - 1) + 1, d)
                columns = slice(j * t, j * t + e * (kw - 1) + 1, e)
                out[:, first : first + o, rows, columns] += x[:, k, i, j, None, None, None] * W[k]
    out = out[:, :, p : out.shape[2] - p, q : out.shape[3] - q]
    return out + (0 if b is None else b[:, None, None])


def _conv_transpose1d(x: Any, W: Any, b: Any = None, stride: int = 1, padding: int = 0) -> Any:
    x, W = x[:, :, None], W[:, :, None]
    return _conv_transpose2d(x, W, b, (1, stride), (0, padding))[:, :, 0]


def _adaptive(x: Any, output_size: Any, reduce: Any) -> Any:
    def ends(length: int, n: int) -> list[slice]:
        return [slice(i * length // n, -(-(i + 1) * length // n)) for i in range(n)]

    rows, columns = (ends(n, m) for n, m in zip(x.shape[-2:], _two(output_size)))
    return np.stack(
        [np.stack([reduce(x[..., r, c], (-2, -1)) for c in columns], -1) for r in rows], -2
    )


def _pool(x: Any, kernel: Any, stride: Any, padding: Any, reduce: Any, value: float) -> Any:
    (kh, kw), (s, t) = _two(kernel), _two(kernel if stride is None else stride)
    x = _framed(x, padding, value)
    oh, ow = (x.shape[2] - kh) // s + 1, (x.shape[3] - kw) // t + 1
    out = np.zeros((*x.shape[:2], oh, ow))
    for i in range(oh):
        for j in range(ow):
            out[:, :, i, j] = reduce(x[:, :, i * s : i * s + kh, j * t : j * t + kw], (2, 3))
    return out


def _max_pool2d(x: Any, kernel_size: Any, stride: Any = None, padding: Any = 0) -> Any:
    return _pool(x, kernel_size, stride, padding, np.max, -np.inf)


def _avg_pool2d(x: Any, kernel_size: Any, stride: Any = None, padding: Any = 0) -> Any:
    return _pool(x, kernel_size, stride, padding, np.mean, 0.0)


def _spelled_out(x: Any, W: Any, b: Any = None, **options: Any) -> Any:
    pairs: dict[str, Any] = {k: v if k == "groups" else _two(v) for k, v in options.items()}
    return convolution.conv2d_spelled_out(x, W, b, **pairs)


def _transposed_spelled_out(x: Any, W: Any, b: Any = None, **options: Any) -> Any:
    pairs: dict[str, Any] = {k: v if k == "groups" else _two(v) for k, v in options.items()}
    return transposed_convolution.conv_transpose2d_spelled_out(x, W, b, **pairs)


def _in(name: str) -> str:
    return f"nn.functional.{name}"


OPERATIONS: tuple[Operation, ...] = (
    Operation(
        "conv2d",
        convolution.conv2d,
        _conv2d,
        _in("conv2d"),
        (convolution.Convolution,),
        (REAL, REAL, REAL),
        (
            Example(((2, 3, 4, 5), (2, 3, 3, 2), (2,))),
            Example(((2, 2, 5, 4), (3, 2, 3, 3), (3,)), {"stride": 2, "padding": 1}),
            Example(((1, 2, 5, 6), (2, 2, 2, 2), (2,)), {"dilation": 2, "padding": (0, 1)}),
            Example(((2, 4, 3, 3), (6, 2, 2, 2), (6,)), {"groups": 2}),
            Example(((2, 2, 5, 5), (2, 1, 3, 3)), {"groups": 2, "stride": (2, 1), "padding": 1}),
            Example(((2, 3, 3, 3), (4, 3, 1, 1), (4,))),
        ),
        spelled_out=_spelled_out,
    ),
    Operation(
        "conv2d of many channels",
        convolution.conv2d,
        _conv2d,
        _in("conv2d"),
        (convolution.Convolution,),
        (REAL, REAL, REAL),
        (
            Example(((1, 4, 3, 3), (2, 4, 1, 2), (2,))),
            Example(((1, 8, 2, 3), (1, 8, 2, 2), (1,)), {"padding": 1}),
            Example(((1, 8, 3, 4), (1, 8, 1, 2)), {"dilation": (1, 2)}),
            Example(((1, 8, 4, 3), (2, 8, 2, 2), (2,)), {"stride": 2, "padding": (0, 1)}),
        ),
        spelled_out=_spelled_out,
    ),
    Operation(
        "conv1d",
        convolution.conv1d,
        _conv1d,
        _in("conv1d"),
        (convolution.Convolution, shape.Reshape),
        (REAL, REAL, REAL),
        (
            Example(((2, 3, 7), (2, 3, 3), (2,))),
            Example(((2, 2, 7), (2, 2, 3), (2,)), {"stride": 2, "padding": 1}),
        ),
    ),
    Operation(
        "max_pool2d",
        pooling.max_pool2d,
        _max_pool2d,
        _in("max_pool2d"),
        (pooling.MaxPool,),
        (APART,),
        (
            Example(((2, 2, 4, 4),), {"kernel_size": 2}),
            Example(((1, 2, 5, 4),), {"kernel_size": (3, 2), "stride": 1, "padding": 1}),
            Example(((1, 2, 7, 6),), {"kernel_size": 3, "stride": (3, 2)}),
        ),
    ),
    Operation(
        "avg_pool2d",
        pooling.avg_pool2d,
        _avg_pool2d,
        _in("avg_pool2d"),
        (pooling.AveragePool,),
        (REAL,),
        (
            Example(((2, 2, 4, 4),), {"kernel_size": 2}),
            Example(((1, 2, 5, 4),), {"kernel_size": (3, 2), "stride": 1, "padding": 1}),
            Example(((1, 2, 7, 6),), {"kernel_size": 3, "stride": (3, 2)}),
        ),
    ),
    Operation(
        "max_pool1d, avg_pool1d",
        lambda x, **o: pooling.max_pool1d(x, **o) * pooling.avg_pool1d(x, **o),
        lambda x, kernel_size, stride: (
            _max_pool2d(x[:, :, None], (1, kernel_size), (1, stride))
            * _avg_pool2d(x[:, :, None], (1, kernel_size), (1, stride))
        )[:, :, 0],
        lambda torch, x, **o: (
            torch.nn.functional.max_pool1d(x, **o) * torch.nn.functional.avg_pool1d(x, **o)
        ),
        (pooling.MaxPool, pooling.AveragePool, shape.Reshape, arithmetic.Multiply),
        (APART,),
        (Example(((2, 2, 7),), {"kernel_size": 3, "stride": 2}),),
    ),
    Operation(
        "conv_transpose2d",
        transposed_convolution.conv_transpose2d,
        _conv_transpose2d,
        _in("conv_transpose2d"),
        (transposed_convolution.TransposedConvolution,),
        (REAL, REAL, REAL),
        (
            Example(((2, 3, 2, 3), (3, 2, 3, 2), (2,))),
            Example(((2, 2, 3, 2), (2, 3, 3, 3), (3,)), {"stride": 2, "padding": 1}),
            Example(((1, 2, 2, 3), (2, 2, 2, 2)), {"stride": (2, 3), "output_padding": (1, 2)}),
            Example(((1, 4, 2, 2), (4, 1, 2, 2), (2,)), {"groups": 2, "dilation": 2}),
            Example(((1, 2, 3, 3), (2, 1, 3, 3)), {"stride": 1, "padding": (2, 1)}),
        ),
        spelled_out=_transposed_spelled_out,
    ),
    Operation(
        "conv_transpose1d",
        transposed_convolution.conv_transpose1d,
        _conv_transpose1d,
        _in("conv_transpose1d"),
        (transposed_convolution.TransposedConvolution, shape.Reshape),
        (REAL, REAL, REAL),
        (Example(((2, 2, 3), (2, 3, 3), (3,)), {"stride": 2, "padding": 1}),),
    ),
    Operation(
        "adaptive_avg_pool2d",
        adaptive_pooling.adaptive_avg_pool2d,
        lambda x, output_size: _adaptive(x, output_size, np.mean),
        _in("adaptive_avg_pool2d"),
        (pooling.AveragePool,),
        (REAL,),
        (Example(((2, 2, 4, 6),), {"output_size": (2, 3)}),),
    ),
    Operation(
        "adaptive_avg_pool2d of unequal windows",
        adaptive_pooling.adaptive_avg_pool2d,
        lambda x, output_size: _adaptive(x, output_size, np.mean),
        _in("adaptive_avg_pool2d"),
        (linalg.MatMul, reduction.Mean),
        (REAL,),
        (
            Example(((2, 2, 5, 4),), {"output_size": 3}),
            Example(((2, 2, 3, 4),), {"output_size": 1}),
        ),
    ),
    Operation(
        "adaptive_max_pool2d",
        adaptive_pooling.adaptive_max_pool2d,
        lambda x, output_size: _adaptive(x, output_size, np.max),
        _in("adaptive_max_pool2d"),
        (pooling.MaxPool,),
        (APART,),
        (Example(((2, 2, 4, 6),), {"output_size": (2, 3)}),),
    ),
    Operation(
        "adaptive_max_pool2d of unequal windows",
        adaptive_pooling.adaptive_max_pool2d,
        lambda x, output_size: _adaptive(x, output_size, np.max),
        _in("adaptive_max_pool2d"),
        (shape.Stack, reduction.Extreme, indexing.Slice),
        (APART,),
        (Example(((1, 2, 5, 4),), {"output_size": 3}),),
    ),
)
