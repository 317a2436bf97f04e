"""How good predictions are: numbers for people, beside the loss that is minimised.

Each function takes tensors or arrays of predictions and of targets, all examples at once, and
returns a Python number (a table, for ``confusion_matrix``). The last axis of scores is that of the
classes; the axes before it are those of the targets, so that sequences of classes will do as well.
"""

from __future__ import annotations

import math
from typing import Any

import numpy

from nncourse.autograd.tensor import Tensor


def _array(values: Any) -> numpy.ndarray:
    return numpy.asarray(values._data if isinstance(values, Tensor) else values)


def _scores_and_classes(scores: Any, target: Any) -> tuple[numpy.ndarray, numpy.ndarray]:
    s, t = _array(scores), _array(target)
    if t.dtype.kind not in "iu" or s.shape[:-1] != t.shape or not s.ndim:
        raise ValueError(
            f"scores (..., C) and classes (...) in integers are needed; got {s.shape} and "
            f"{t.shape} of {t.dtype}"
        )
    if not t.size:
        raise ValueError("there are no examples to measure")
    if t.min() < 0 or t.max() >= s.shape[-1]:
        raise ValueError(f"classes must be 0 to {s.shape[-1] - 1}; got {t.min()} to {t.max()}")
    return s.reshape(-1, s.shape[-1]), t.reshape(-1)


def accuracy(scores: Any, target: Any) -> float:
    """The share of examples whose largest score is that of their class."""
    s, t = _scores_and_classes(scores, target)
    return float((s.argmax(1) == t).mean())


def top_k_accuracy(scores: Any, target: Any, k: int = 5) -> float:
    """The share of examples whose class is among the k largest scores.

    Where classes of equal score stand at rank k, each counts with the probability that a random
    order of the equal ones would put it among the first k.
    """
    s, t = _scores_and_classes(scores, target)
    if not 1 <= k <= s.shape[1]:
        raise ValueError(f"k must be 1 to {s.shape[1]}, the number of classes; got {k}")
    own = s[numpy.arange(len(t)), t][:, None]
    above, equal = (s > own).sum(1), (s == own).sum(1)
    return float(numpy.clip((k - above) / numpy.maximum(equal, 1), 0, 1).mean())


def confusion_matrix(scores: Any, target: Any, normalize: bool = False) -> numpy.ndarray:
    """How often an example of class i (row) was taken for class j (column): (C, C).

    scores: (..., C), or predicted classes of the targets' shape. normalize: shares of each row.
    """
    s, t = _array(scores), _array(target)
    if s.dtype.kind in "iu" and s.shape == t.shape:
        predicted, t = s.reshape(-1), t.reshape(-1)
        c = int(max(predicted.max(initial=-1), t.max(initial=-1))) + 1
    else:
        s, t = _scores_and_classes(scores, target)
        predicted, c = s.argmax(1), s.shape[1]
    if min(predicted.min(initial=0), t.min(initial=0)) < 0:
        raise ValueError("classes must not be negative")
    table = numpy.bincount(t * c + predicted, minlength=c * c).reshape(c, c)
    if normalize:
        return table / numpy.maximum(table.sum(1, keepdims=True), 1)
    return table


def perplexity(scores: Any, target: Any) -> float:
    """exp of the mean cross entropy: between how many classes the model hesitates, so to speak.

    scores: before softmax, as ``CrossEntropyLoss`` takes them. C for a uniform guess, 1 at best.
    """
    s, t = _scores_and_classes(scores, target)
    s = s.astype(numpy.float64)
    s = s - s.max(1, keepdims=True)
    nats = numpy.log(numpy.exp(s).sum(1)) - s[numpy.arange(len(t)), t]
    return math.exp(nats.mean())


def r2_score(prediction: Any, target: Any) -> float:
    """1 - (squared errors) / (squared deviations of the targets from their mean).

    1 at best, 0 for a model that always says the mean, below 0 for worse ones. Several outputs
    (N, D) are each compared with their own mean, and the scores averaged.
    """
    p, t = _array(prediction), _array(target)
    if p.shape != t.shape:
        raise ValueError(f"predictions and targets must have one shape; got {p.shape}, {t.shape}")
    p, t = (v.reshape(len(t), -1).astype(numpy.float64) for v in (p, t))
    around = ((t - t.mean(0)) ** 2).sum(0)
    if not t.size or not around.all():
        raise ValueError("r2_score needs targets that differ from each other")
    return float((1 - ((p - t) ** 2).sum(0) / around).mean())
