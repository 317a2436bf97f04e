"""What all losses share: how the losses of single elements become one number, and a warning."""

from __future__ import annotations

import sys
import warnings
from typing import Any

from nncourse.autograd.function import promoted
from nncourse.autograd.tensor import Tensor
from nncourse.backend import xp

REDUCTIONS = ("mean", "sum", "none")


def check_reduction(reduction: str, known: tuple[str, ...] = REDUCTIONS) -> None:
    """Raise if the reduction is not one of those known."""
    if reduction not in known:
        raise ValueError(f"reduction must be one of {known}; got {reduction!r}")


def reduced(losses: Tensor, reduction: str) -> Tensor:
    """The "mean" of all losses, their "sum", or the losses themselves."""
    if reduction == "none":
        return losses
    return losses.mean() if reduction == "mean" else losses.sum()


def of_one_shape(what: str, input: Any, target: Any, reduction: str) -> tuple[Tensor, Tensor]:
    """Input and target of a loss in one number type and one shape, with a warning if they differ.

    (N,) against (N, 1) broadcasts to all N x N differences, which trains a network to predict the
    mean of the targets and raises no error.
    """
    if reduction not in REDUCTIONS:
        check_reduction(reduction)
    x, y = promoted(input, target)
    if x._data.shape == y._data.shape:
        return x, y
    try:
        shape = xp.broadcast_shapes(x.shape, y.shape)
    except ValueError:
        raise ValueError(
            f"{what}: input is {x.shape} and target {y.shape}; they must be equal."
            + (" Did you mean target.T?" if x.shape == y.shape[::-1] else "")
        ) from None
    hint = ""
    if x.squeeze().shape == y.squeeze().shape:
        hint = " Make the shapes equal, e.g. with .squeeze(-1) or .unsqueeze(-1)."
    warnings.warn(
        f"{what}: input is {x.shape} and target {y.shape}, so they are broadcast to "
        f"{shape}, which is hardly meant.{hint}",
        stacklevel=_level_of_caller(),
    )
    return x.expand(shape), y.expand(shape)


def _level_of_caller() -> int:
    """How many frames lie between the warning and the program that called the library."""
    level, frame = 1, sys._getframe(1)
    while frame.f_back is not None and frame.f_globals.get("__name__", "").startswith("nncourse."):
        level, frame = level + 1, frame.f_back
    return level
