"""Entries: softmax and the losses."""

from typing import Any

import numpy as np

from nncourse import ops
from nncourse.autograd.function import unary
from nncourse.ops import arithmetic, classification, elementwise, exponentials, losses, regression
from nncourse.ops import reduction as reductions
from nncourse.ops.catalogue.entry import APART, REAL, Example, Operation, classes, examples

_REDUCED: dict[str, Any] = {"mean": np.mean, "sum": np.sum, "none": np.asarray}


def _softmax(x: Any, dim: int) -> Any:
    e = np.exp(x - x.max(dim, keepdims=True))
    return e / e.sum(dim, keepdims=True)


def _cross_entropy(x: Any, y: Any, reduction: str = "mean") -> Any:
    losses_ = -np.log(_softmax(x, 1))[np.arange(len(x)), y]
    return _REDUCED[reduction](losses_)


def _squared(x: Any, y: Any, reduction: str = "mean") -> Any:
    return _REDUCED[reduction]((x - y) ** 2)


def _huber(x: Any, y: Any, reduction: str = "mean", delta: float = 1.0) -> Any:
    size = np.abs(x - y)
    return _REDUCED[reduction](np.where(size <= delta, size**2 / 2, delta * size - delta**2 / 2))


OPERATIONS: tuple[Operation, ...] = (
    Operation(
        "softmax",
        ops.softmax,
        _softmax,
        "softmax",
        (exponentials.Softmax,),
        (REAL,),
        (Example(((3, 4),), {"dim": 1}), Example(((2, 3, 4),), {"dim": -2})),
        spelled_out=lambda x, dim: x.exp() / x.exp().sum(dim, keepdim=True),
    ),
    Operation(
        "log_softmax",
        ops.log_softmax,
        lambda x, dim: np.log(_softmax(x, dim)),
        "log_softmax",
        (exponentials.LogSoftmax,),
        (REAL,),
        (Example(((3, 4),), {"dim": 1}), Example(((2, 3, 4),), {"dim": 0})),
        spelled_out=lambda x, dim: x - x.exp().sum(dim, keepdim=True).log(),
    ),
    Operation(
        "cross_entropy",
        losses.cross_entropy,
        _cross_entropy,
        "nn.functional.cross_entropy",
        (classification.CrossEntropy,),
        (REAL, classes(4)),
        (
            Example(((5, 4), (5,))),
            Example(((5, 4), (5,)), {"reduction": "sum"}),
            Example(((5, 4), (5,)), {"reduction": "none"}),
        ),
        spelled_out=losses.cross_entropy_spelled_out,
    ),
    Operation(
        "mse_loss",
        losses.mse_loss,
        _squared,
        "nn.functional.mse_loss",
        (regression.MSELoss,),
        (REAL, REAL),
        (
            Example(((3, 4), (3, 4))),
            Example(((2,), (2,)), {"reduction": "sum"}),
            Example(((3, 4), (3, 4)), {"reduction": "none"}),
        ),
        spelled_out=losses.mse_loss_spelled_out,
    ),
    Operation(
        "l1_loss",
        losses.l1_loss,
        lambda x, y, reduction="mean": _REDUCED[reduction](np.abs(x - y)),
        "nn.functional.l1_loss",
        (arithmetic.Subtract, elementwise.Abs, reductions.Mean),
        (APART, APART),
        (Example(((3, 4), (3, 4))), Example(((2,), (2,)))),
    ),
    Operation(
        "huber_loss",
        lambda x, y, **o: losses.huber_loss(x, y, **o),
        _huber,
        "nn.functional.huber_loss",
        (arithmetic.Subtract, regression.Huber, reductions.Mean, reductions.Sum),
        (REAL, REAL),
        (
            Example(((3, 4), (3, 4))),
            Example(((3, 4), (3, 4)), {"reduction": "sum", "delta": 0.5}),
            Example(((3, 4), (3, 4)), {"reduction": "none", "delta": 2.0}),
        ),
    ),
    Operation(
        "huber_loss against 0",
        lambda x, **o: unary(regression.Huber, x, 0.7),
        lambda x: _huber(x, 0 * x, "none", 0.7),
        lambda torch, x: torch.nn.functional.huber_loss(x, 0 * x.detach(), "none", 0.7),
        (regression.Huber,),
        (REAL,),
        examples((3, 4), (), (0, 2)),
    ),
    Operation(
        "smooth_l1_loss",
        losses.smooth_l1_loss,
        lambda x, y, reduction="mean", beta=1.0: _REDUCED[reduction](
            _huber(x, y, "none", beta) / beta
        ),
        "nn.functional.smooth_l1_loss",
        (arithmetic.Subtract, regression.Huber, arithmetic.Divide, reductions.Mean),
        (REAL, REAL),
        (Example(((3, 4), (3, 4))), Example(((3, 4), (3, 4)), {"beta": 0.5})),
    ),
)
