"""Entries: softmax and the losses."""

from typing import Any

import numpy as np

from nncourse import ops
from nncourse.autograd.function import apply, unary
from nncourse.ops import (
    activations,
    arithmetic,
    classification,
    elementwise,
    exponentials,
    indexing,
    likelihood,
    losses,
    regression,
    shape,
)
from nncourse.ops import reduction as reductions
from nncourse.ops.catalogue.entry import (
    APART,
    REAL,
    SIGNS,
    UNIT,
    Example,
    Operation,
    classes,
    examples,
    like,
)


def _cosine(a: Any, b: Any, y: Any) -> Any:
    cosine = (a * b).sum(-1) / np.sqrt((a**2).sum(-1) * (b**2).sum(-1))
    return np.where(y == 1, 1 - cosine, np.maximum(0, cosine - 0.1))


_WEIGHTS = (0.5, 2.0, 1.0, 1.5)
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


def _cross_entropy_general(
    x: Any,
    y: Any,
    w: Any = None,
    reduction: str = "mean",
    ignore_index: int = -100,
    label_smoothing: float = 0.0,
) -> Any:
    """Example by example, with classes on axis 1 of x."""
    axis = 1 if x.ndim > 1 else 0
    n = x.shape[axis]
    w = np.ones(n) if w is None else w
    logarithms = np.moveaxis(np.log(_softmax(x, axis)), axis, -1)
    out, total = np.zeros(y.shape), 0.0
    for place in np.ndindex(y.shape):
        if y[place] != ignore_index:
            target = np.full(n, label_smoothing / n)
            target[y[place]] += 1 - label_smoothing
            out[place] = -(w * target * logarithms[place]).sum()
            total += w[y[place]]
    return out.sum() / total if reduction == "mean" else _REDUCED[reduction](out)


def _cross_entropy_probable(
    x: Any, y: Any, reduction: str = "mean", label_smoothing: float = 0.0
) -> Any:
    target = _softmax(y, 1) * (1 - label_smoothing) + label_smoothing / x.shape[1]
    return _REDUCED[reduction](-(target * np.log(_softmax(x, 1))).sum(1))


def _with_logits(x: Any, y: Any, reduction: str = "mean") -> Any:
    p = 1 / (1 + np.exp(-x))
    return _REDUCED[reduction](-(y * np.log(p) + (1 - y) * np.log(1 - p)))


def _kl_div(x: Any, y: Any, reduction: str = "mean", log_target: bool = False) -> Any:
    out = np.exp(y) * (y - x) if log_target else y * (np.log(y) - x)
    return out.sum() / len(x) if reduction == "batchmean" else _REDUCED[reduction](out)


def _multi_margin(x: Any, y: Any, p: int = 1, margin: float = 1.0) -> Any:
    x, y = np.atleast_2d(x), np.atleast_1d(y)
    out = [
        sum(max(0, margin - row[c] + row[j]) ** p for j in range(len(row)) if j != c) / len(row)
        for row, c in zip(x, y)
    ]
    return np.mean(out)


OPERATIONS: tuple[Operation, ...] = (
    Operation(
        "softmax",
        ops.softmax,
        _softmax,
        "softmax",
        (exponentials.Softmax,),
        (REAL,),
        (Example(((3, 3),), {"dim": 1}), Example(((2, 3, 4),), {"dim": -2})),
        spelled_out=lambda x, dim: x.exp() / x.exp().sum(dim, keepdim=True),
    ),
    Operation(
        "log_softmax",
        ops.log_softmax,
        lambda x, dim: np.log(_softmax(x, dim)),
        "log_softmax",
        (exponentials.LogSoftmax,),
        (REAL,),
        (Example(((3, 3),), {"dim": 1}), Example(((2, 3, 4),), {"dim": 0})),
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
            Example(((4, 4), (4,)), {"reduction": "sum"}),
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
            Example(((3, 3), (3, 3))),
            Example(((2,), (2,)), {"reduction": "sum"}),
            Example(((3, 4), (3, 4)), {"reduction": "none"}),
        ),
        spelled_out=losses.mse_loss_spelled_out,
    ),
    Operation(
        "half_squared_error",
        losses.half_squared_error,
        lambda x, y, reduction="sum": _squared(x, y, reduction) / 2,
        lambda torch, x, y, reduction="sum": (
            torch.nn.functional.mse_loss(x, y, reduction=reduction) / 2
        ),
        (regression.MSELoss, arithmetic.Multiply),
        (REAL, REAL),
        (Example(((3, 3), (3, 3))), Example(((3, 4), (3, 4)), {"reduction": "none"})),
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
        examples((3, 3), (), (0, 2)),
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
    Operation(
        "cross_entropy with options",
        losses.cross_entropy,
        _cross_entropy_general,
        "nn.functional.cross_entropy",
        (
            exponentials.LogSoftmax,
            indexing.Slice,
            elementwise.Where,
            arithmetic.Multiply,
            arithmetic.Divide,
            arithmetic.Add,
            arithmetic.Negate,
            reductions.Sum,
        ),
        (REAL, classes(4)),
        (
            Example(((5, 4), (5,)), {"ignore_index": 1}),
            Example(((2, 4, 3), (2, 3))),
            Example(((2, 4, 3), (2, 3)), {"reduction": "none", "label_smoothing": 0.1}),
            Example(((5, 4), (5,)), {"label_smoothing": 0.2, "ignore_index": 2}),
            Example(((4,), ())),
        ),
    ),
    Operation(
        "cross_entropy with weights",
        lambda x, y, **options: losses.cross_entropy(x, y, like(x, _WEIGHTS), **options),
        lambda x, y, **options: _cross_entropy_general(x, y, np.array(_WEIGHTS), **options),
        lambda torch, x, y, **options: torch.nn.functional.cross_entropy(
            x, y, x.new_tensor(_WEIGHTS), **options
        ),
        (
            exponentials.LogSoftmax,
            indexing.Slice,
            elementwise.Where,
            arithmetic.Multiply,
            arithmetic.Divide,
            arithmetic.Add,
            arithmetic.Negate,
            reductions.Sum,
        ),
        (REAL, classes(4)),
        (
            Example(((5, 4), (5,))),
            Example(((5, 4), (5,)), {"reduction": "none"}),
            Example(((3, 4, 2), (3, 2)), {"label_smoothing": 0.1, "ignore_index": 0}),
            Example(((5, 4), (5,)), {"label_smoothing": 0.3, "reduction": "sum"}),
        ),
    ),
    Operation(
        "cross_entropy with probabilities",
        lambda x, y, **options: losses.cross_entropy(x, y.softmax(1), **options),
        _cross_entropy_probable,
        lambda torch, x, y, **options: torch.nn.functional.cross_entropy(
            x, y.softmax(1), **options
        ),
        (
            exponentials.LogSoftmax,
            exponentials.Softmax,
            arithmetic.Multiply,
            arithmetic.Add,
            arithmetic.Negate,
            reductions.Sum,
            reductions.Mean,
        ),
        (REAL, REAL),
        (
            Example(((5, 4), (5, 4))),
            Example(((2, 4, 3), (2, 4, 3)), {"label_smoothing": 0.2, "reduction": "sum"}),
        ),
    ),
    Operation(
        "nll_loss",
        losses.nll_loss,
        lambda x, y, reduction="mean": _REDUCED[reduction](-x[np.arange(len(y)), y]),
        "nn.functional.nll_loss",
        (
            indexing.Slice,
            elementwise.Where,
            arithmetic.Multiply,
            arithmetic.Divide,
            reductions.Sum,
        ),
        (REAL, classes(4)),
        (Example(((5, 4), (5,))), Example(((5, 4), (5,)), {"reduction": "none"})),
    ),
    Operation(
        "binary_cross_entropy",
        losses.binary_cross_entropy,
        lambda p, y, reduction="mean": _REDUCED[reduction](
            -(y * np.log(p) + (1 - y) * np.log(1 - p))
        ),
        "nn.functional.binary_cross_entropy",
        (likelihood.BinaryCrossEntropy, reductions.Mean, reductions.Sum),
        (UNIT, UNIT),
        (
            Example(((3, 4), (3, 4))),
            Example(((3, 4), (3, 4)), {"reduction": "sum"}),
            Example(((2,), (2,)), {"reduction": "none"}),
        ),
    ),
    Operation(
        "binary_cross_entropy of elements",
        lambda p, y: apply(likelihood.BinaryCrossEntropy, (p, y)),
        lambda p, y: -(y * np.log(p) + (1 - y) * np.log(1 - p)),
        lambda torch, p, y: torch.nn.functional.binary_cross_entropy(p, y, reduction="none"),
        (likelihood.BinaryCrossEntropy,),
        (UNIT, UNIT),
        examples(((3, 3), (3, 3)), ((), ()), ((0, 2), (0, 2))),
    ),
    Operation(
        "binary_cross_entropy_with_logits",
        losses.binary_cross_entropy_with_logits,
        lambda x, y, **o: _with_logits(x, y, **o),
        "nn.functional.binary_cross_entropy_with_logits",
        (
            arithmetic.Subtract,
            arithmetic.Negate,
            arithmetic.Multiply,
            arithmetic.Add,
            activations.Softplus,
            reductions.Mean,
        ),
        (REAL, UNIT),
        (Example(((3, 4), (3, 4))), Example(((3, 4), (3, 4)), {"reduction": "none"})),
    ),
    Operation(
        "binary_cross_entropy_with_logits and weights",
        lambda x, y: losses.binary_cross_entropy_with_logits(
            x, y, like(x, _WEIGHTS[:3]).reshape(3, 1), pos_weight=like(x, _WEIGHTS)
        ),
        lambda x, y: np.mean(
            np.array(_WEIGHTS[:3]).reshape(3, 1)
            * (_WEIGHTS * y * np.log(1 + np.exp(-x)) + (1 - y) * np.log(1 + np.exp(x)))
        ),
        lambda torch, x, y: torch.nn.functional.binary_cross_entropy_with_logits(
            x, y, x.new_tensor(_WEIGHTS[:3]).reshape(3, 1), pos_weight=x.new_tensor(_WEIGHTS)
        ),
        (
            arithmetic.Subtract,
            arithmetic.Negate,
            arithmetic.Multiply,
            arithmetic.Add,
            activations.Softplus,
            reductions.Mean,
        ),
        (REAL, UNIT),
        examples(((3, 4), (3, 4))),
    ),
    Operation(
        "kl_div",
        losses.kl_div,
        _kl_div,
        "nn.functional.kl_div",
        (
            arithmetic.Multiply,
            arithmetic.Subtract,
            arithmetic.Divide,
            elementwise.Where,
            elementwise.Log,
            elementwise.Exp,
            reductions.Sum,
            reductions.Mean,
        ),
        (REAL, UNIT),
        (
            Example(((3, 4), (3, 4))),
            Example(((3, 4), (3, 4)), {"reduction": "batchmean"}),
            Example(((3, 4), (3, 4)), {"reduction": "sum", "log_target": True}),
            Example(((3, 4), (3, 4)), {"reduction": "none"}),
        ),
    ),
    Operation(
        "hinge losses",
        lambda x, y: losses.hinge_loss(x, y) * losses.hinge_embedding_loss(x, y, 0.5),
        lambda x, y: (
            np.mean(np.maximum(1 - y * x, 0)) * np.mean(np.where(y == 1, x, np.maximum(0.5 - x, 0)))
        ),
        None,
        (
            arithmetic.Subtract,
            arithmetic.Multiply,
            elementwise.ReLU,
            elementwise.Where,
            reductions.Mean,
        ),
        (APART, SIGNS),
        examples(((3, 4), (3, 4))),
    ),
    Operation(
        "margin_ranking_loss",
        lambda a, b, y: losses.margin_ranking_loss(a, b, y, 0.1),
        lambda a, b, y: np.mean(np.maximum(0.1 - y * (a - b), 0)),
        lambda torch, a, b, y: torch.nn.functional.margin_ranking_loss(a, b, y, 0.1),
        (arithmetic.Subtract, arithmetic.Multiply, elementwise.ReLU, reductions.Mean),
        (REAL, REAL, SIGNS),
        examples(((4,), (4,), (4,))),
    ),
    Operation(
        "multi_margin_loss",
        losses.multi_margin_loss,
        _multi_margin,
        None,
        (
            indexing.Gather,
            shape.Reshape,
            arithmetic.Subtract,
            arithmetic.Add,
            arithmetic.Multiply,
            arithmetic.Divide,
            elementwise.ReLU,
            elementwise.Where,
            reductions.Sum,
            reductions.Mean,
        ),
        (APART, classes(4)),
        (
            Example(((5, 4), (5,))),
            Example(((5, 4), (5,)), {"p": 2, "margin": 0.5}),
            Example(((4,), ())),
        ),
    ),
    Operation(
        "cosine_embedding_loss",
        lambda a, b, y: losses.cosine_embedding_loss(a, b, y, 0.1, reduction="none"),
        _cosine,
        lambda torch, a, b, y: torch.nn.functional.cosine_embedding_loss(
            a, b, y, 0.1, reduction="none"
        ),
        (
            arithmetic.Multiply,
            arithmetic.Add,
            arithmetic.Divide,
            arithmetic.Subtract,
            elementwise.ReLU,
            elementwise.Sqrt,
            elementwise.Where,
            reductions.Sum,
        ),
        (REAL, REAL, SIGNS),
        examples(((4, 3), (4, 3), (4,))),
    ),
)
