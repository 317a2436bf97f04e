"""Activation functions beside relu, sigmoid and tanh.

Those whose derivative is easily written with x or with the result are elementary; gelu and silu
keep their derivative, computed together with the value, and have twins that spell them out.
"""

from __future__ import annotations

import math
from typing import Any

from nncourse.autograd.function import Function, binary, constant, unary
from nncourse.autograd.tensor import Tensor, method
from nncourse.autograd.vocabulary import as_type, exp, where
from nncourse.backend import Array, xp
from nncourse.ops.elementwise import choose, sigmoid, tanh
from nncourse.ops.special import Flat, erf, error_function

_ROOT_HALF = math.sqrt(0.5)
_BEND = math.sqrt(2 / math.pi)  # of the approximation of gelu by tanh
_CUBE = 0.044715
_SELU_ALPHA, _SELU_SCALE = 1.6732632423543772, 1.0507009873554805


def real(x: Tensor, what: str) -> Tensor:
    """Raise unless x is of a floating-point type."""
    if x._data.dtype.kind != "f":
        raise RuntimeError(
            f"{what} needs a floating-point tensor; this one is {x.dtype}. Convert it: x.float()"
        )
    return x


class LeakyReLU(Function):
    """out = x where x > 0, else slope * x;  dx = dout, or slope * dout."""

    __slots__ = ("slope",)
    saves = ("x",)

    def forward(self, x: Array, slope: float) -> Array:
        self.saved, self.slope = (x,), slope
        out = xp.minimum(x, 0) * slope
        out += xp.maximum(x, 0)
        return out

    def backward(self, dout: Array) -> tuple[Array]:
        # Arithmetic on 0 and 1 is many times faster than a choice between two arrays.
        (x,) = self.saved
        positive = as_type(x > 0, x.dtype)
        return (dout * (positive + self.slope * (1 - positive)),)


def leaky_relu(input: Tensor, negative_slope: float = 0.01, inplace: bool = False) -> Tensor:
    """x where x is positive, ``negative_slope`` * x elsewhere."""
    return unary(LeakyReLU, real(input, "leaky_relu"), negative_slope)


class PReLU(Function):
    """out = x where x > 0, else w * x;  dx = dout, or w * dout,  dw = dout * x where x <= 0."""

    __slots__ = ()
    saves = ("x", "w")
    broadcasts = True

    def forward(self, x: Array, w: Array) -> Array:
        self.saved = x, w
        return xp.where(x > 0, x, x * w)

    def backward(self, dout: Array) -> tuple[Array | None, ...]:
        x, w = self.saved
        need_x, need_w = self.needs
        return (
            where(x > 0, dout, dout * w) if need_x else None,
            where(x > 0, 0.0, dout * x) if need_w else None,
        )


_prelu = binary(PReLU)


@method("prelu")
def prelu(input: Tensor, weight: Tensor) -> Tensor:
    """``leaky_relu`` with slopes that are learned: one number (1), or one per channel (C).

    Channels are axis 1 of the input.
    """
    n, shape = weight.numel(), input.shape
    channels = shape[1] if len(shape) > 1 else 1
    if n not in (1, channels):
        raise RuntimeError(
            f"prelu: weight has {n} slopes; input {shape} has {channels} channels (axis 1), so "
            f"it must hold 1 or {channels}"
        )
    one_each = [1] * max(len(shape) - 2, 0)
    slopes = weight.reshape(-1, *one_each) if n != 1 else weight.reshape(())
    return _prelu(real(input, "prelu"), slopes)


class ELU(Function):
    """out = x where x > 0, else a (e^x - 1);  dx = dout, or dout * (out + a)."""

    __slots__ = ("a",)
    saves = ("x", "out")

    def forward(self, x: Array, a: float) -> Array:
        out = xp.expm1(xp.minimum(x, 0)) * a
        out += xp.maximum(x, 0)
        self.saved, self.a = (x, out), a
        return out

    def backward(self, dout: Array) -> tuple[Array]:
        x, out = self.saved
        return (dout * where(x > 0, 1.0, out + self.a),)


def elu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """x where x is positive, alpha (e^x - 1) elsewhere: bends smoothly towards -alpha."""
    return unary(ELU, real(input, "elu"), alpha)


class Softplus(Function):
    """out = log(1 + e^(b x)) / b;  dx = dout * (1 - e^(-b out)), which is dout * sigmoid(b x).

    Where b x is above a threshold, out = x.
    """

    __slots__ = ("b", "threshold")
    saves = ("x", "out")

    def forward(self, x: Array, b: float, threshold: float) -> Array:
        self.b, self.threshold = b, threshold
        scaled = x * b
        out = xp.where(scaled > threshold, x, xp.logaddexp(scaled, 0) / b)
        self.saved = x, out
        return out

    def backward(self, dout: Array) -> tuple[Array]:
        x, out = self.saved
        return (where(x * self.b > self.threshold, dout, dout * (1 - exp(-self.b * out))),)


def softplus(input: Tensor, beta: float = 1.0, threshold: float = 20.0) -> Tensor:
    """log(1 + e^(beta x)) / beta: a smooth relu. It is x itself where beta x > threshold."""
    return unary(Softplus, real(input, "softplus"), beta, threshold)


def logsigmoid(input: Tensor) -> Tensor:
    """log(sigmoid(x)), computed without overflow."""
    return -unary(Softplus, -real(input, "logsigmoid"), 1.0, math.inf)


class SiLU(Function):
    """out = x s, s = sigmoid(x);  dx = dout * s * (1 + x (1 - s))."""

    __slots__ = ()
    saves = ("x", "s")

    def forward(self, x: Array) -> Array:
        s = xp.tanh(x * 0.5)
        s *= 0.5
        s += 0.5
        self.saved = x, s
        return x * s

    def backward(self, dout: Array) -> tuple[Array]:
        x, s = self.saved
        return (dout * (s * (1 + x * (1 - s))),)

    def twin(self, x: Tensor) -> Tensor:
        return silu_spelled_out(x)


def silu(input: Tensor, inplace: bool = False) -> Tensor:
    """x * sigmoid(x), also called swish."""
    return unary(SiLU, real(input, "silu"))


def silu_spelled_out(input: Tensor) -> Tensor:
    """The same as ``silu``, composed of small operations."""
    return input * sigmoid(input)


class GELU(Function):
    """out = x P(x), P the distribution function of the normal distribution, p its density.

    dx = dout * (P(x) + x p(x)). With "tanh": P(x) = (1 + tanh(u)) / 2, u = sqrt(2/pi) (x + c x^3).
    """

    __slots__ = ("approximate",)
    saves = ("x", "slope")

    def forward(self, x: Array, approximate: str) -> Array:
        self.approximate = approximate
        if approximate == "tanh":
            square = x * x
            t = xp.tanh(x * (_BEND + (_BEND * _CUBE) * square))
            share = 0.5 * (1 + t)
            slope = share + (0.5 * x) * (1 - t * t) * (_BEND + (3 * _BEND * _CUBE) * square)
        else:
            share = 0.5 * (1 + error_function(x * _ROOT_HALF))
            slope = share + x * xp.exp(-0.5 * x * x) * (0.5 * _BEND)
        self.saved = x, slope
        return x * share

    def backward(self, dout: Array) -> tuple[Array]:
        _, slope = self.saved
        return (dout * slope,)

    def twin(self, x: Tensor) -> Tensor:
        return gelu_spelled_out(x, self.approximate)


def gelu(input: Tensor, approximate: str = "none") -> Tensor:
    """x times the probability that a standard normal number is below x.

    approximate: "none", or "tanh" for the formula that many published networks were trained with.
    """
    if approximate not in ("none", "tanh"):
        raise ValueError(f"gelu: approximate must be 'none' or 'tanh'; got {approximate!r}")
    return unary(GELU, real(input, "gelu"), approximate)


def gelu_spelled_out(input: Tensor, approximate: str = "none") -> Tensor:
    """The same as ``gelu``, composed of small operations."""
    if approximate == "tanh":
        return 0.5 * input * (1 + tanh(_BEND * (input + _CUBE * input**3)))
    return 0.5 * input * (1 + erf(input * _ROOT_HALF))


def threshold(input: Tensor, threshold: float, value: float, inplace: bool = False) -> Tensor:
    """x where x is greater than the threshold, ``value`` elsewhere."""
    return choose(constant(input._data > threshold), input, value)


class Hardtanh(Function):
    """out = x limited to [low, high];  dx = dout inside, 0 outside and on the limits."""

    __slots__ = ("high", "low")
    saves = ("x",)

    def forward(self, x: Array, low: float, high: float) -> Array:
        self.saved, self.low, self.high = (x,), low, high
        return xp.minimum(xp.maximum(x, low), high)

    def backward(self, dout: Array) -> tuple[Array]:
        (x,) = self.saved
        return (where((x > self.low) & (x < self.high), dout, 0.0),)


def hardtanh(
    input: Tensor, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False
) -> Tensor:
    """x limited to [min_val, max_val]; the limits themselves get no gradient, as in PyTorch."""
    return unary(Hardtanh, real(input, "hardtanh"), min_val, max_val)


def relu6(input: Tensor, inplace: bool = False) -> Tensor:
    """x limited to [0, 6]."""
    return hardtanh(input, 0.0, 6.0)


def selu(input: Tensor, inplace: bool = False) -> Tensor:
    """scale * elu(x, alpha) with the constants that keep mean 0 and variance 1 through layers."""
    return elu(input, _SELU_ALPHA) * _SELU_SCALE


def step(input: Tensor, threshold: float = 0.0) -> Tensor:
    """1 where x >= threshold, 0 elsewhere; no gradient passes. PyTorch has no such function."""
    return unary(Flat, real(input, "step"), lambda x: (x >= threshold).astype(x.dtype))


def softmin(input: Tensor, dim: int, dtype: Any = None) -> Tensor:
    """softmax(-x): the least elements get the greatest shares."""
    return (-input).softmax(dim, dtype)
