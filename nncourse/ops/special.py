"""The error function, and functions that are flat almost everywhere.

NumPy has no error function. Here erf(x) / x is a polynomial in a variable that maps [0, 6] to
[-1, 1]; beyond 6, erf is 1 in every number type. The polynomial is fitted once, to the values of
Python's ``math.erf`` at Chebyshev's points, and is right to a few units of the last place.
"""

from __future__ import annotations

import functools
import math
from typing import Any

from nncourse.autograd.function import Function, cast, constant, unary
from nncourse.autograd.tensor import Tensor, method
from nncourse.autograd.vocabulary import exp
from nncourse.backend import Array, xp
from nncourse.dtypes import get_default_dtype

_END = 6.0
_SLOPE = 2 / math.sqrt(math.pi)  # of erf at 0


@functools.cache
def _polynomial(terms: int, bend: float) -> tuple[float, ...]:
    """Coefficients, highest first, of erf(x) / x in t, where x^2 / (x^2 + bend) = end (t + 1) / 2.

    The interpolation at Chebyshev's points gives a series of Chebyshev's polynomials T_k, which is
    summed as powers by T_(k+1) = 2 t T_k - T_(k-1).
    """
    angles = [math.pi * (i + 0.5) / terms for i in range(terms)]
    values = []
    for angle in angles:
        u = _end(bend) * (math.cos(angle) + 1) / 2
        x = math.sqrt(bend * u / (1 - u))
        values.append(math.erf(x) / x if x else _SLOPE)
    powers = [0.0] * terms
    before, now = [0.0] * terms, [1.0] + [0.0] * (terms - 1)
    for k in range(terms):
        share = 2 / terms * sum(v * math.cos(k * a) for v, a in zip(values, angles))
        if k == 0:
            share /= 2
        powers = [p + share * c for p, c in zip(powers, now)]
        factor = 2 if k else 1
        following = [factor * c - b for c, b in zip([0.0, *now[:-1]], before)]
        before, now = now, following
    return tuple(powers[::-1])


def _end(bend: float) -> float:
    return _END**2 / (_END**2 + bend)


def error_function(x: Array) -> Array:
    """erf of a floating-point array: to 1e-14 in float64, 3e-7 in float32."""
    bend, terms = (30.0, 24) if x.dtype == "float64" else (16.0, 14)
    x = xp.clip(x, -_END, _END)
    t = x * x
    t /= t + bend
    t *= 2 / _end(bend)
    t -= 1
    first, *others = _polynomial(terms, bend)
    out = xp.full_like(t, first)
    for coefficient in others:
        out *= t
        out += coefficient
    out *= x
    return out


class Erf(Function):
    """out = erf x = 2 / sqrt(pi) * integral of e^(-t^2) from 0 to x;  dx = dout * e^(-x^2) * ...

    The factor is 2 / sqrt(pi).
    """

    __slots__ = ()
    saves = ("x",)

    def forward(self, x: Array) -> Array:
        self.saved = (x,)
        return error_function(x)

    def backward(self, dout: Array) -> tuple[Array]:
        (x,) = self.saved
        return (dout * (_SLOPE * exp(-x * x)),)


@method("erf")
def erf(x: Tensor) -> Tensor:
    """The error function: the probability that a normal number of variance 1/2 is within x of 0."""
    return unary(Erf, _real(x))


class Log1p(Function):
    """out = ln(1 + x), exact for small x;  dx = dout / (1 + x)."""

    __slots__ = ()
    saves = ("x",)

    def forward(self, x: Array) -> Array:
        self.saved = (x,)
        return xp.log1p(x)

    def backward(self, dout: Array) -> tuple[Array]:
        (x,) = self.saved
        return (dout / (1 + x),)


@method("log1p")
def log1p(input: Tensor) -> Tensor:
    """ln(1 + x), exact for small x."""
    return unary(Log1p, _real(input))


class Expm1(Function):
    """out = e^x - 1, exact for small x;  dx = dout * (out + 1)."""

    __slots__ = ()
    saves = ("out",)

    def forward(self, x: Array) -> Array:
        out = xp.expm1(x)
        self.saved = (out,)
        return out

    def backward(self, dout: Array) -> tuple[Array]:
        (out,) = self.saved
        return (dout * (out + 1),)


@method("expm1")
def expm1(input: Tensor) -> Tensor:
    """e^x - 1, exact for small x."""
    return unary(Expm1, _real(input))


class Log(Function):
    """out = the logarithm of x to a base;  dx = dout / (x ln base)."""

    __slots__ = ("ln_base",)
    saves = ("x",)

    def forward(self, x: Array, logarithm: Any, ln_base: float) -> Array:
        self.saved, self.ln_base = (x,), ln_base
        return logarithm(x)

    def backward(self, dout: Array) -> tuple[Array]:
        (x,) = self.saved
        return (dout / (x * self.ln_base),)


@method("log2")
def log2(input: Tensor) -> Tensor:
    """The logarithm to the base 2: bits."""
    return unary(Log, _real(input), xp.log2, math.log(2))


@method("log10")
def log10(input: Tensor) -> Tensor:
    """The logarithm to the base 10."""
    return unary(Log, _real(input), xp.log10, math.log(10))


class Tan(Function):
    """out = tan x;  dx = dout * (1 + out^2)."""

    __slots__ = ()
    saves = ("out",)

    def forward(self, x: Array) -> Array:
        out = xp.tan(x)
        self.saved = (out,)
        return out

    def backward(self, dout: Array) -> tuple[Array]:
        (out,) = self.saved
        return (dout * (1 + out * out),)


@method("tan")
def tan(input: Tensor) -> Tensor:
    """The tangent."""
    return unary(Tan, _real(input))


class Flat(Function):
    """out = a function of x with steps;  dx = 0 wherever it has a derivative."""

    __slots__ = ()

    def forward(self, x: Array, function: Any) -> Array:
        return function(x)

    def backward(self, dout: Array) -> tuple[Array]:
        return (dout * 0.0,)


@method("sign")
def sign(x: Tensor) -> Tensor:
    """-1, 0 or 1."""
    return unary(Flat, x, xp.sign)


@method("floor")
def floor(x: Tensor) -> Tensor:
    """The greatest integer that is not greater than x."""
    return unary(Flat, x, xp.floor)


@method("ceil")
def ceil(x: Tensor) -> Tensor:
    """The least integer that is not less than x."""
    return unary(Flat, x, xp.ceil)


@method("trunc")
def trunc(input: Tensor) -> Tensor:
    """x without its fraction."""
    return unary(Flat, input, xp.trunc)


@method("round")
def round(x: Tensor, *, decimals: int = 0) -> Tensor:
    """The nearest number with so many decimals; halves go to the even neighbour."""
    return unary(Flat, x, functools.partial(xp.round, decimals=decimals))


@method("square")
def square(x: Tensor) -> Tensor:
    """x^2."""
    return x**2


@method("reciprocal")
def reciprocal(x: Tensor) -> Tensor:
    """1 / x."""
    return 1 / x


@method("rsqrt")
def rsqrt(x: Tensor) -> Tensor:
    """1 / sqrt(x)."""
    return _real(x) ** -0.5


@method("isnan")
def isnan(x: Tensor) -> Tensor:
    """True where x is not a number."""
    return constant(xp.isnan(x._data))


@method("isinf")
def isinf(x: Tensor) -> Tensor:
    """True where x is infinite."""
    return constant(xp.isinf(x._data))


@method("isfinite")
def isfinite(x: Tensor) -> Tensor:
    """True where x is neither infinite nor not a number."""
    return constant(xp.isfinite(x._data))


def _real(x: Tensor) -> Tensor:
    return x if x._data.dtype.kind in "fc" else cast(x, get_default_dtype())
