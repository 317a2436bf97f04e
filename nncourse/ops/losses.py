"""Softmax and the losses of classification and regression.

Softmax and cross entropy are single operations, because together they are stable and cheap: the
gradient of the loss with respect to the logits is p - y. Each has its twin composed of small
operations, which shows what it computes.
"""

from __future__ import annotations

from nncourse.autograd.function import Function, apply, promoted, unary
from nncourse.autograd.tensor import Tensor, method
from nncourse.autograd.vocabulary import exp, one_hot_subtracted, sum_over
from nncourse.backend import Array, xp

_REDUCTIONS = ("mean", "sum", "none")


class Softmax(Function):
    """out = e^x / sum of e^x along an axis;  dx = out * (dout - sum of dout * out)."""

    __slots__ = ("axis",)
    saves = ("out",)

    def forward(self, x: Array, axis: int) -> Array:
        self.axis = axis
        out = xp.exp(x - xp.maximum.reduce(x, axis, None, None, True))
        out /= xp.add.reduce(out, axis, None, None, True)
        self.saved = (out,)
        return out

    def backward(self, dout: Array) -> tuple[Array]:
        (out,) = self.saved
        weighted = dout * out
        return (weighted - out * sum_over(weighted, self.axis, True),)


@method("softmax")
def softmax(input: Tensor, dim: int) -> Tensor:
    """e^x divided by its sum along ``dim``: positive numbers that add up to 1."""
    _check_axis(input, dim, "softmax")
    return unary(Softmax, input, dim)


class LogSoftmax(Function):
    """out = x - log of the sum of e^x along an axis;  dx = dout - e^out * sum of dout."""

    __slots__ = ("axis",)
    saves = ("out",)

    def forward(self, x: Array, axis: int) -> Array:
        self.axis = axis
        out = x - xp.maximum.reduce(x, axis, None, None, True)
        out -= xp.log(xp.add.reduce(xp.exp(out), axis, None, None, True))
        self.saved = (out,)
        return out

    def backward(self, dout: Array) -> tuple[Array]:
        (out,) = self.saved
        return (dout - exp(out) * sum_over(dout, self.axis, True),)


@method("log_softmax")
def log_softmax(input: Tensor, dim: int) -> Tensor:
    """The logarithm of softmax along ``dim``, computed without overflow."""
    _check_axis(input, dim, "log_softmax")
    return unary(LogSoftmax, input, dim)


def _check_axis(x: Tensor, dim: int, what: str) -> None:
    if x._data.dtype.kind not in "fc":
        raise RuntimeError(f"{what} needs a floating-point tensor; this one is {x.dtype}")
    if not -x._data.ndim <= dim < x._data.ndim:
        raise IndexError(f"{what}: dim {dim} is out of range for shape {x.shape}")


class CrossEntropy(Function):
    """out_i = -log p_i[y_i], p = softmax of the logits x (N, C), y (N) classes.

    dx_i = dout_i (p_i - onehot(y_i)); the mean over the batch divides it by N.
    """

    __slots__ = ("reduction",)
    saves = ("p", "target")

    def forward(self, x: Array, target: Array, reduction: str) -> Array:
        self.reduction = reduction
        shifted = x - xp.maximum.reduce(x, 1, None, None, True)
        p = xp.exp(shifted)
        total = xp.add.reduce(p, 1, None, None, True)
        p /= total
        rows = xp.arange(len(x))
        losses = xp.log(total[:, 0]) - shifted[rows, target]
        self.saved = p, target
        if reduction == "none":
            return losses
        out = xp.add.reduce(losses)
        return out / len(x) if reduction == "mean" else out

    def backward(self, dout: Array) -> tuple[Array, None]:
        p, target = self.saved
        if self.reduction == "mean":
            dout = dout / len(target)
        elif self.reduction == "none":
            dout = dout.reshape(-1, 1)
        return one_hot_subtracted(p, target, dout), None


def cross_entropy(input: Tensor, target: Tensor, reduction: str = "mean") -> Tensor:
    """The cross entropy of softmax(logits) with the right classes.

    input: logits, (N, C), or (C) for one example, or (N, C, d1, ...) with classes on axis 1;
    target: class indices of an integer type, (N), (), or (N, d1, ...).
    reduction: "mean" over all examples, "sum", or "none".
    """
    if reduction not in _REDUCTIONS:
        raise ValueError(f"reduction must be one of {_REDUCTIONS}; got {reduction!r}")
    _check_classes(input, target)
    if input._data.ndim == 2:
        return apply(CrossEntropy, (input, target), reduction)
    shape = target.shape
    if input._data.ndim == 1:
        rows = input.reshape(1, -1)
    else:
        rows = input.permute(0, *range(2, input.ndim), 1).reshape(-1, input.shape[1])
    losses = apply(CrossEntropy, (rows, target.reshape(-1)), reduction)
    return losses.reshape(shape) if reduction == "none" else losses


def cross_entropy_spelled_out(input: Tensor, target: Tensor, reduction: str = "mean") -> Tensor:
    """The same as ``cross_entropy`` for input (N, C), composed of small operations."""
    rows = xp.arange(len(input))
    losses = -(input - input.exp().sum(1, keepdim=True).log())[rows, target._data]
    return _reduced(losses, reduction)


def _reduced(losses: Tensor, reduction: str) -> Tensor:
    if reduction == "none":
        return losses
    return losses.mean() if reduction == "mean" else losses.sum()


def _check_classes(input: Tensor, target: Tensor) -> None:
    x, y = input._data, target._data
    if y.dtype.kind not in "iu":
        hint = " Convert it: target.long()." if y.dtype.kind in "fb" else ""
        raise TypeError(
            f"cross_entropy: target must hold class indices (integers); got {y.dtype}.{hint}"
        )
    if x.dtype.kind != "f" or not x.ndim:
        raise TypeError(f"cross_entropy: input must hold logits (N, C); got {x.dtype} {x.shape}")
    wanted = (*x.shape[:1], *x.shape[2:]) if x.ndim > 1 else ()
    if y.shape != wanted:
        hint = ""
        if y.shape == (*wanted, 1):
            hint = " Did you mean target.squeeze(-1)?"
        elif y.shape == x.shape:
            hint = " One-hot rows become classes with target.argmax(1)."
        raise ValueError(
            f"cross_entropy: input is {x.shape}, so target must be {wanted}; got {y.shape}.{hint}"
        )
    classes = x.shape[1] if x.ndim > 1 else x.shape[0]
    # Negative numbers are huge ones when read as unsigned: one comparison finds both errors.
    if y.size and xp.maximum.reduce(y.view(f"u{y.itemsize}"), None) >= classes:
        raise IndexError(
            f"cross_entropy: with {classes} logits, classes are 0 to {classes - 1}; "
            f"target holds {y.min()} to {y.max()}"
        )


class MSELoss(Function):
    """out = (x - y)^2, its mean or sum;  dx = dout * 2 (x - y), for the mean / n,  dy = -dx."""

    __slots__ = ("reduction",)
    saves = ("difference",)

    def forward(self, x: Array, y: Array, reduction: str) -> Array:
        self.reduction = reduction
        difference = x - y
        self.saved = (difference,)
        squares = difference * difference
        if reduction == "none":
            return squares
        out = xp.add.reduce(squares, None)
        return out / difference.size if reduction == "mean" else out

    def backward(self, dout: Array) -> tuple[Array | None, ...]:
        (difference,) = self.saved
        need_x, need_y = self.needs
        scale = 2 / difference.size if self.reduction == "mean" else 2.0
        dx = (dout * scale) * difference
        return dx if need_x else None, -dx if need_y else None


def mse_loss(input: Tensor, target: Tensor, reduction: str = "mean") -> Tensor:
    """The squared difference of two tensors of one shape: its "mean", "sum" or "none"."""
    if reduction not in _REDUCTIONS:
        raise ValueError(f"reduction must be one of {_REDUCTIONS}; got {reduction!r}")
    x, y = promoted(input, target)
    if x._data.shape != y._data.shape:
        _check_broadcast(x, y)
        shape = xp.broadcast_shapes(x.shape, y.shape)
        x, y = x.expand(shape), y.expand(shape)
    return apply(MSELoss, (x, y), reduction)


def mse_loss_spelled_out(input: Tensor, target: Tensor, reduction: str = "mean") -> Tensor:
    """The same as ``mse_loss``, composed of small operations."""
    return _reduced((input - target) ** 2, reduction)


def _check_broadcast(x: Tensor, y: Tensor) -> None:
    """Warn about (N,) against (N, 1), which broadcasts to all N x N differences."""
    import warnings

    hint = ""
    if x.squeeze().shape == y.squeeze().shape:
        hint = " Make the shapes equal, e.g. with .squeeze(-1) or .unsqueeze(-1)."
    warnings.warn(
        f"mse_loss: input is {x.shape} and target {y.shape}, so they are broadcast to "
        f"{xp.broadcast_shapes(x.shape, y.shape)}, which is hardly meant.{hint}",
        stacklevel=3,
    )
