"""Draws with given probabilities."""

from __future__ import annotations

from nncourse.autograd.function import constant
from nncourse.autograd.tensor import Tensor, method
from nncourse.backend import as_array, xp
from nncourse.random import Generator, stream


@method("multinomial")
def multinomial(
    input: Tensor,
    num_samples: int,
    replacement: bool = False,
    *,
    generator: Generator | None = None,
) -> Tensor:
    """Positions drawn with probabilities proportional to the weights: int64.

    input: weights, (n) or (rows, n), not negative, their sum positive. Result: (num_samples) or
    (rows, num_samples). Without replacement no position is drawn twice.
    """
    weights = input._data.astype("float64")
    if weights.ndim not in (1, 2) or input._data.dtype.kind != "f":
        raise RuntimeError(
            f"multinomial needs floating-point weights (n) or (rows, n); got {input.dtype} "
            f"{input.shape}"
        )
    if not xp.isfinite(weights).all() or (weights < 0).any() or (weights.sum(-1) <= 0).any():
        raise RuntimeError("multinomial: weights must be finite, not negative, and not all 0")
    rows = weights.reshape(-1, weights.shape[-1])
    draws = stream(generator, weights)
    if replacement:
        # The position at which the running sum passes a number drawn evenly.
        ends = xp.cumsum(rows, -1)
        drawn = as_array(draws.random((len(rows), num_samples))) * ends[:, -1:]
        found = xp.stack([xp.searchsorted(e, d, side="right") for e, d in zip(ends, drawn)])
    else:
        if num_samples > int((rows > 0).sum(-1).min()):
            raise RuntimeError(
                f"multinomial without replacement cannot draw {num_samples} positions: "
                f"only {int((rows > 0).sum(-1).min())} weights are positive"
            )
        # Of exponential waiting times with these rates, the first k to end are such a draw.
        with xp.errstate(divide="ignore"):
            times = as_array(draws.standard_exponential(rows.shape)) / rows
        found = xp.argsort(times, -1)[:, :num_samples]
    return constant(found.reshape(*weights.shape[:-1], num_samples).astype("int64"))
