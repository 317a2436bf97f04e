"""Functions of one number, applied to every element, and choices between two.

All derivatives have the shape of x. Where the derivative is easily written with the result, the
result is kept rather than the input.
"""

from __future__ import annotations

from typing import Any

from nncourse.autograd.function import Function, apply, cast, constant, promoted, unary
from nncourse.autograd.tensor import Tensor, method
from nncourse.autograd.vocabulary import cos, sign, sin, where
from nncourse.backend import Array, xp
from nncourse.dtypes import get_default_dtype


def _smooth(operation: type[Function], x: Tensor) -> Tensor:
    """Apply a function with real values: integers are converted first."""
    if x._data.dtype.kind not in "fc":
        x = cast(x, get_default_dtype())
    return unary(operation, x)


class Exp(Function):
    """out = e^x;  dx = dout * out."""

    __slots__ = ()
    saves = ("out",)

    def forward(self, x: Array) -> Array:
        out = xp.exp(x)
        self.saved = (out,)
        return out

    def backward(self, dout: Array) -> tuple[Array]:
        (out,) = self.saved
        return (dout * out,)


@method("exp")
def exp(x: Tensor) -> Tensor:
    """e to the power x."""
    return _smooth(Exp, x)


class Log(Function):
    """out = ln x;  dx = dout / x."""

    __slots__ = ()
    saves = ("x",)

    def forward(self, x: Array) -> Array:
        self.saved = (x,)
        return xp.log(x)

    def backward(self, dout: Array) -> tuple[Array]:
        (x,) = self.saved
        return (dout / x,)


@method("log")
def log(x: Tensor) -> Tensor:
    """The natural logarithm."""
    return _smooth(Log, x)


class Sqrt(Function):
    """out = sqrt(x);  dx = dout / (2 out)."""

    __slots__ = ()
    saves = ("out",)

    def forward(self, x: Array) -> Array:
        out = xp.sqrt(x)
        self.saved = (out,)
        return out

    def backward(self, dout: Array) -> tuple[Array]:
        (out,) = self.saved
        return (dout / (2 * out),)


@method("sqrt")
def sqrt(x: Tensor) -> Tensor:
    """The square root."""
    return _smooth(Sqrt, x)


class Sin(Function):
    """out = sin x;  dx = dout * cos x."""

    __slots__ = ()
    saves = ("x",)

    def forward(self, x: Array) -> Array:
        self.saved = (x,)
        return xp.sin(x)

    def backward(self, dout: Array) -> tuple[Array]:
        (x,) = self.saved
        return (dout * cos(x),)


@method("sin")
def sine(x: Tensor) -> Tensor:
    """The sine of x in radians."""
    return _smooth(Sin, x)


class Cos(Function):
    """out = cos x;  dx = -dout * sin x."""

    __slots__ = ()
    saves = ("x",)

    def forward(self, x: Array) -> Array:
        self.saved = (x,)
        return xp.cos(x)

    def backward(self, dout: Array) -> tuple[Array]:
        (x,) = self.saved
        return (-dout * sin(x),)


@method("cos")
def cosine(x: Tensor) -> Tensor:
    """The cosine of x in radians."""
    return _smooth(Cos, x)


class Tanh(Function):
    """out = tanh x;  dx = dout * (1 - out^2)."""

    __slots__ = ()
    saves = ("out",)

    def forward(self, x: Array) -> Array:
        out = xp.tanh(x)
        self.saved = (out,)
        return out

    def backward(self, dout: Array) -> tuple[Array]:
        (out,) = self.saved
        return (dout * (1 - out * out),)


@method("tanh")
def tanh(input: Tensor) -> Tensor:
    """The hyperbolic tangent."""
    return _smooth(Tanh, input)


class Sigmoid(Function):
    """out = 1 / (1 + e^-x);  dx = dout * out * (1 - out).

    Computed as (1 + tanh(x / 2)) / 2, which cannot overflow.
    """

    __slots__ = ()
    saves = ("out",)

    def forward(self, x: Array) -> Array:
        out = xp.tanh(x * 0.5)
        out *= 0.5
        out += 0.5
        self.saved = (out,)
        return out

    def backward(self, dout: Array) -> tuple[Array]:
        (out,) = self.saved
        return (dout * (out * (1 - out)),)


@method("sigmoid")
def sigmoid(input: Tensor) -> Tensor:
    """The logistic function 1 / (1 + e^-x)."""
    return _smooth(Sigmoid, input)


class ReLU(Function):
    """out = max(x, 0);  dx = dout where out > 0, else 0."""

    __slots__ = ()
    saves = ("out",)

    def forward(self, x: Array) -> Array:
        out = xp.maximum(x, 0)
        self.saved = (out,)
        return out

    def backward(self, dout: Array) -> tuple[Array]:
        (out,) = self.saved
        return (dout * (out > 0),)


@method("relu")
def relu(input: Tensor, inplace: bool = False) -> Tensor:
    """The positive part max(x, 0). inplace: accepted, without effect; ``relu_`` overwrites."""
    return unary(ReLU, input)


class Abs(Function):
    """out = |x|;  dx = dout * sign(x)."""

    __slots__ = ()
    saves = ("x",)

    def forward(self, x: Array) -> Array:
        self.saved = (x,)
        return xp.abs(x)

    def backward(self, dout: Array) -> tuple[Array]:
        (x,) = self.saved
        return (dout * sign(x),)


@method("abs", "__abs__")
def abs(x: Tensor) -> Tensor:
    """The absolute value."""
    return unary(Abs, x)


class Clamp(Function):
    """out = x limited to [low, high];  dx = dout where low <= x <= high, else 0."""

    __slots__ = ("high", "low")
    saves = ("x",)

    def forward(self, x: Array, low: float | None, high: float | None) -> Array:
        self.saved = (x,)
        self.low, self.high = low, high
        return xp.clip(x, low, high)

    def backward(self, dout: Array) -> tuple[Array]:
        (x,) = self.saved
        if self.low is not None:
            dout = dout * (x >= self.low)
        if self.high is not None:
            dout = dout * (x <= self.high)
        return (dout,)


@method("clamp", "clip")
def clamp(x: Tensor, min: Any = None, max: Any = None) -> Tensor:
    """x, with elements below ``min`` raised to it and above ``max`` lowered to it.

    Either is a number, or a tensor that broadcasts against x and gets the gradient of what it sets.
    """
    if min is None and max is None:
        raise ValueError("clamp needs min, max or both")
    if isinstance(min, Tensor) or isinstance(max, Tensor):
        x = x if min is None else choose(x < min, min, x)
        return x if max is None else choose(x > max, max, x)
    if x._data.dtype.kind != "f" and (isinstance(min, float) or isinstance(max, float)):
        x = cast(x, get_default_dtype())
    elif x._data.dtype.kind == "b":
        x = cast(x, xp.dtype("int64"))
    return unary(Clamp, x, min, max)


class Where(Function):
    """out = a where the mask is true, else b;  da = dout * mask,  db = dout * not mask."""

    __slots__ = ()
    saves = ("mask",)
    broadcasts = True

    def forward(self, mask: Array, a: Array, b: Array) -> Array:
        self.saved = (mask,)
        return xp.where(mask, a, b)

    def backward(self, dout: Array) -> tuple[Array | None, ...]:
        (mask,) = self.saved
        _, need_a, need_b = self.needs
        return (
            None,
            where(mask, dout, 0.0) if need_a else None,
            where(mask, 0.0, dout) if need_b else None,
        )


def choose(condition: Tensor, input: Any, other: Any) -> Tensor:
    """``input`` where the condition is true, ``other`` elsewhere; all three are broadcast."""
    if not isinstance(condition, Tensor):
        condition = constant(condition)
    if condition._data.dtype.kind != "b":
        raise TypeError(f"the condition of where must be a bool tensor; got {condition.dtype}")
    a, b = promoted(input, other)
    return apply(Where, (condition, a, b))


@method("where")
def _where_method(self: Tensor, condition: Tensor, other: Any) -> Tensor:
    return choose(condition, self, other)
