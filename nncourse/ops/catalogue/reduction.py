"""Entries: sums, means, extremes and other reductions along axes."""

from functools import partial
from typing import Any

import numpy as np

from nncourse import ops
from nncourse.autograd import function
from nncourse.ops import accumulation, arithmetic, elementwise, exponentials, indexing, shape
from nncourse.ops import reduction as reductions
from nncourse.ops.catalogue.entry import (
    APART,
    POSITIVE,
    REAL,
    Example,
    Operation,
    examples,
    reduction,
    with_axis,
)


def _along_an_axis(name: str, reference: Any) -> Operation:
    """max and min along an axis return (values, indices), here and in PyTorch."""

    def values(x: Any, **options: Any) -> Any:
        return getattr(x, name)(**options).values

    return Operation(
        f"{name} along an axis",
        values,
        with_axis(reference),
        "same",
        (reductions.ExtremeAlong,),
        (APART,),
        (
            Example(((3, 3),), {"dim": 1}),
            Example(((2, 3, 4),), {"dim": 0, "keepdim": True}),
            Example(((2, 3, 4),), {"dim": -2}),
        ),
    )


def _norm(x: Any, p: Any = 2, dim: Any = None, keepdim: bool = False) -> Any:
    size = np.abs(x)
    if p == np.inf:
        return size.max(dim, keepdims=keepdim)
    if p == -np.inf:
        return size.min(dim, keepdims=keepdim)
    return (size**p).sum(dim, keepdims=keepdim) ** (1 / p)


OPERATIONS: tuple[Operation, ...] = (
    reduction("sum", ops.sum, np.sum, (reductions.Sum,)),
    reduction("mean", ops.mean, np.mean, (reductions.Mean,)),
    reduction("var", ops.var, partial(np.var, ddof=1), (reductions.Variance,)),
    reduction(
        "std",
        ops.std,
        partial(np.std, ddof=1),
        (reductions.Variance, reductions.Root),
    ),
    reduction("amax", ops.amax, np.max, (reductions.Extreme,), APART),
    reduction("amin", ops.amin, np.min, (reductions.Extreme,), APART),
    _along_an_axis("max", np.max),
    _along_an_axis("min", np.min),
    Operation(
        "logsumexp",
        ops.logsumexp,
        lambda x, dim, keepdim=False: np.log(np.sum(np.exp(x), axis=dim, keepdims=keepdim)),
        "logsumexp",
        (exponentials.LogSumExp,),
        (REAL,),
        (
            Example(((3, 3),), {"dim": 1}),
            Example(((3, 4),), {"dim": 0, "keepdim": True}),
            Example(((2, 3, 4),), {"dim": (0, 2)}),
            Example(((),), {"dim": 0}),
        ),
    ),
    Operation(
        "prod",
        ops.prod,
        with_axis(np.prod),
        "prod",
        (shape.Reshape, arithmetic.Multiply, indexing.Slice, shape.Concatenate),
        (REAL,),
        (
            Example(((3, 4),)),
            Example(((3, 5),), {"dim": 1}),
            Example(((3, 1),), {"dim": -1}),
            Example(((2, 3, 4),), {"dim": 0, "keepdim": True}),
            Example(((2, 0),), {"dim": 0}),
        ),
    ),
    Operation(
        "cumsum",
        ops.cumsum,
        lambda x, dim: np.cumsum(x, dim),
        "cumsum",
        (accumulation.CumulativeSum,),
        (REAL,),
        (
            Example(((4,),), {"dim": 0}),
            Example(((3, 3),), {"dim": -1}),
            Example(((2, 3, 4),), {"dim": 1}),
            Example(((0, 3),), {"dim": 0}),
        ),
    ),
    Operation(
        "norm",
        ops.norm,
        _norm,
        "norm",
        (
            arithmetic.Multiply,
            reductions.Sum,
            reductions.Root,
            elementwise.Abs,
            arithmetic.PowerOfNumber,
            reductions.Extreme,
        ),
        (APART,),
        (
            Example(((3, 4),)),
            Example(((3, 4),), {"p": 2, "dim": 1}),
            Example(((2, 3, 4),), {"dim": (0, 2), "keepdim": True}),
            Example(((3, 4),), {"p": 1, "dim": 0}),
            Example(((3, 4),), {"p": 3, "dim": 0}),
            Example(((3, 4),), {"p": np.inf}),
            Example(((3, 4),), {"p": -np.inf, "dim": 1}),
        ),
    ),
    Operation(
        "root of the sum of squares",
        lambda x: function.unary(reductions.Root, x),
        np.sqrt,
        "sqrt",
        (reductions.Root,),
        (POSITIVE,),
        examples((3, 3), ()),
    ),
)
