"""Entries: sums, means, extremes and other reductions along axes."""

from functools import partial
from typing import Any

import numpy as np

from nncourse import ops
from nncourse.ops import exponentials
from nncourse.ops import reduction as reductions
from nncourse.ops.catalogue.entry import APART, REAL, Example, Operation, reduction, with_axis


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
            Example(((3, 4),), {"dim": 1}),
            Example(((2, 3, 4),), {"dim": 0, "keepdim": True}),
            Example(((2, 3, 4),), {"dim": -2}),
        ),
    )


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
            Example(((3, 4),), {"dim": 1}),
            Example(((3, 4),), {"dim": 0, "keepdim": True}),
            Example(((2, 3, 4),), {"dim": (0, 2)}),
            Example(((),), {"dim": 0}),
        ),
    ),
)
