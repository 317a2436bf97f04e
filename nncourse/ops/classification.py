"""Losses of classification: cross entropy with classes or with probabilities.

The cross entropy of logits is a single operation, because together with softmax it is stable and
cheap: its gradient with respect to the logits is p - y. Its twin composed of small operations
shows what it computes.
"""

from __future__ import annotations

from nncourse.autograd.function import Function, apply, constant, unary
from nncourse.autograd.placement import different_devices
from nncourse.autograd.tensor import Tensor
from nncourse.autograd.vocabulary import one_hot_subtracted, positions
from nncourse.backend import Array, xp
from nncourse.ops.elementwise import choose
from nncourse.ops.exponentials import greatest, log_softmax
from nncourse.ops.indexing import Slice, beyond
from nncourse.ops.loss_reduction import REDUCTIONS, check_reduction, reduced


class CrossEntropy(Function):
    """out_i = -log p_i[y_i], p = softmax of the logits x (N, C), y (N) classes.

    dx_i = dout_i (p_i - onehot(y_i)); the mean over the batch divides it by N.
    """

    __slots__ = ("reduction",)
    saves = ("p", "target", "x")

    def forward(self, x: Array, target: Array, reduction: str) -> Array:
        self.reduction = reduction
        shifted = x - greatest(x, 1)
        p = xp.exp(shifted)
        total = xp.add.reduce(p, 1, None, None, True)
        p /= total
        rows = xp.arange(len(x), like=x)
        losses = xp.log(total[:, 0]) - shifted[rows, target]
        self.saved = p, target, x
        if reduction == "none":
            return losses
        out = xp.add.reduce(losses)
        return out / (len(x) or xp.nan) if reduction == "mean" else out

    def backward(self, dout: Array) -> tuple[Array, None]:
        p, target, _ = self.saved
        if self.reduction == "mean":
            dout = dout / len(target)
        elif self.reduction == "none":
            dout = dout.reshape(-1, 1)
        return one_hot_subtracted(p, target, dout), None

    def twin(self, x: Tensor, target: Tensor) -> Tensor:
        return cross_entropy_spelled_out(x, target, self.reduction)


def cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    *,
    ignore_index: int = -100,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Tensor:
    """The cross entropy of softmax(logits) with the right classes.

    input: logits, (N, C), or (C) for one example, or (N, C, d1, ...) with classes on axis 1.
    target: class indices of an integer type, (N), (), or (N, d1, ...); or probabilities of the
    classes, in the shape of the input.
    weight: (C), how much an example of each class counts. ignore_index: the class of examples that
    do not count. label_smoothing: the share of the target that is spread evenly over all classes.
    reduction: "mean" over the examples that count (weighted, if there are weights), "sum", "none".
    """
    if isinstance(weight, str):
        raise TypeError(f"cross_entropy: pass the reduction by name, reduction={weight!r}")
    if reduction not in REDUCTIONS:
        check_reduction(reduction)
    x, y = input._data, target._data
    if y.dtype.kind == "f" and y.shape == x.shape and x.ndim:
        return _with_probabilities(input, target, weight, reduction, label_smoothing)
    ignoring = check_classes("cross_entropy", input, target, ignore_index)
    if x.ndim == 2 and weight is None and not label_smoothing and not ignoring:
        return apply(CrossEntropy, (input, target), reduction)
    logarithms = log_softmax(input, 1 if x.ndim > 1 else 0)
    known = _negative_log_likelihood(logarithms, target, weight, ignore_index, reduction)
    if not label_smoothing:
        return known
    _check_smoothing(label_smoothing)
    even = _smooth_part(logarithms, target, weight, ignore_index, reduction)
    return (1 - label_smoothing) * known + (label_smoothing / _classes(x)) * even


def cross_entropy_spelled_out(input: Tensor, target: Tensor, reduction: str = "mean") -> Tensor:
    """The same as ``cross_entropy`` for input (N, C), composed of small operations."""
    rows = xp.arange(len(input), like=input._data)
    top = constant(greatest(input._data, 1))
    shifted = input - top
    losses = -(shifted - shifted.exp().sum(1, keepdim=True).log())[rows, target._data]
    return reduced(losses, reduction)


def nll_loss(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    *,
    ignore_index: int = -100,
    reduction: str = "mean",
) -> Tensor:
    """The negative of the log-probability of the right class: cross entropy after log_softmax.

    input: log-probabilities, shaped as the logits of ``cross_entropy``; the rest as there.
    """
    if isinstance(weight, str):
        raise TypeError(f"nll_loss: pass the reduction by name, reduction={weight!r}")
    check_reduction(reduction)
    check_classes("nll_loss", input, target, ignore_index)
    return _negative_log_likelihood(input, target, weight, ignore_index, reduction)


def _negative_log_likelihood(
    x: Tensor, target: Tensor, weight: Tensor | None, ignore_index: int, reduction: str
) -> Tensor:
    y, share = _shares(x, target, weight, ignore_index)
    picked = unary(Slice, x, _places(y, x._data.ndim))
    # A class that does not count has no loss, even where its log-probability is -infinity.
    losses = choose(constant(share != 0), picked, 0.0) * constant(-share)
    if reduction == "mean":
        return losses.sum() / constant(share.sum())
    return reduced(losses, reduction)


def _smooth_part(
    x: Tensor, target: Tensor, weight: Tensor | None, ignore_index: int, reduction: str
) -> Tensor:
    """The cross entropy with targets of 1 for every class."""
    _, share = _shares(x, target, weight, ignore_index)
    axis = 1 if x._data.ndim > 1 else 0
    losses = -(x if weight is None else x * _along_classes(x, weight)).sum(axis)
    losses = losses.masked_fill(constant(target._data == ignore_index), 0.0)
    if reduction == "mean":
        return losses.sum() / constant(share.sum())
    return reduced(losses, reduction)


def _shares(
    x: Tensor, target: Tensor, weight: Tensor | None, ignore_index: int
) -> tuple[Array, Array]:
    """The classes, 0 for those to be ignored, and how much each example counts."""
    y = target._data
    counts = y != ignore_index
    y = xp.where(counts, y, 0)
    share = counts.astype(x._data.dtype)
    if weight is not None:
        _check_weight(x, weight)
        share = share * weight._data[y]
    return y, share


def _places(y: Array, ndim: int) -> tuple[Array, ...]:
    """The index of the right classes: on axis 1, or on the only axis."""
    if ndim == 1:
        return (y,)
    n, *rest = positions(y.shape, y)
    return (n, y, *rest)


def _classes(x: Array) -> int:
    return x.shape[1] if x.ndim > 1 else x.shape[0]


def _along_classes(x: Tensor, weight: Tensor) -> Tensor:
    """The weights of the classes, shaped so that they broadcast against x."""
    _check_weight(x, weight)
    ndim = x._data.ndim
    return weight if ndim == 1 else weight.reshape(-1, *[1] * (ndim - 2))


def _with_probabilities(
    x: Tensor, target: Tensor, weight: Tensor | None, reduction: str, smoothing: float
) -> Tensor:
    """Cross entropy with the probability of every class as target."""
    if smoothing:
        _check_smoothing(smoothing)
        target = target * (1 - smoothing) + smoothing / _classes(x._data)
    axis = 1 if x._data.ndim > 1 else 0
    terms = log_softmax(x, axis) * target
    losses = -(terms if weight is None else terms * _along_classes(x, weight)).sum(axis)
    return reduced(losses, reduction)


def _check_smoothing(smoothing: float) -> None:
    if not 0 <= smoothing <= 1:
        raise ValueError(f"label_smoothing must be between 0 and 1; got {smoothing}")


def _check_weight(x: Tensor, weight: Tensor) -> None:
    n = _classes(x._data)
    if type(weight._data) is not type(x._data):
        raise different_devices("the weight of a loss", x._data, weight._data)
    if weight.shape != (n,):
        raise ValueError(f"weight must have one number for each of {n} classes; got {weight.shape}")


def check_classes(what: str, input: Tensor, target: Tensor, ignore_index: int = -100) -> bool:
    """Raise unless the target holds classes of the input. True if some are to be ignored."""
    x, y = input._data, target._data
    if y.dtype.kind not in "iu":
        hint = " Convert it: target.long()." if y.dtype.kind in "fb" else ""
        raise TypeError(f"{what}: target must hold class indices (integers); got {y.dtype}.{hint}")
    if type(x) is not type(y):
        raise different_devices(what, x, y)
    if x.dtype.kind != "f" or not x.ndim:
        raise TypeError(f"{what}: input must hold logits (N, C); got {x.dtype} {x.shape}")
    wanted = (*x.shape[:1], *x.shape[2:]) if x.ndim > 1 else ()
    if y.shape != wanted:
        hint = ""
        if y.shape == (*wanted, 1):
            hint = " Did you mean target.squeeze(-1)?"
        elif y.shape == x.shape:
            hint = " One-hot rows become classes with target.argmax(1)."
        raise ValueError(
            f"{what}: input is {x.shape}, so target must be {wanted}; got {y.shape}.{hint}"
        )
    classes = _classes(x)
    if beyond(y, classes):
        counted = y[y != ignore_index]
        if counted.size and not 0 <= counted.min() <= counted.max() < classes:
            raise IndexError(
                f"{what}: with {classes} logits, classes are 0 to {classes - 1}; "
                f"target holds {counted.min()} to {counted.max()}"
            )
        return True
    return 0 <= ignore_index < classes
