"""Sums, products, quotients and powers, element by element, with broadcasting.

Derivatives are written in the shape of the result; the backward pass sums them over the axes along
which an input was repeated (``broadcasts``).
"""

from __future__ import annotations

from typing import Any

from nncourse.autograd.function import Function, binary, cast, promoted, unary
from nncourse.autograd.tensor import Tensor, method
from nncourse.autograd.vocabulary import log, where
from nncourse.backend import Array, xp
from nncourse.dtypes import get_default_dtype
from nncourse.ops.division import rounded_quotient

# On small arrays NumPy's functions are a tenth faster than the operators that call them. Tensors
# answer to them, too, so derivatives may be written in them as well.
_added, _subtracted, _multiplied, _divided = xp.add, xp.subtract, xp.multiply, xp.divide


class Add(Function):
    """out = a + b;  da = dout,  db = dout."""

    __slots__ = ()
    broadcasts = True

    def forward(self, a: Array, b: Array) -> Array:
        return _added(a, b)

    def backward(self, dout: Array) -> tuple[Array, Array]:
        return dout, dout


_plus = method("__add__", "__radd__")(binary(Add, "add"))


@method("add")
def add(input: Any, other: Any, *, alpha: float = 1) -> Tensor:
    """input + alpha * other, element by element."""
    return _plus(input, other if alpha == 1 else other * alpha)


class Subtract(Function):
    """out = a - b;  da = dout,  db = -dout."""

    __slots__ = ()
    broadcasts = True

    def forward(self, a: Array, b: Array) -> Array:
        return _subtracted(a, b)

    def backward(self, dout: Array) -> tuple[Array | None, ...]:
        need_a, need_b = self.needs
        return (
            dout if need_a else None,
            -dout if need_b else None,
        )


_minus = method("__sub__")(binary(Subtract, "sub"))


@method("sub")
def sub(input: Any, other: Any, *, alpha: float = 1) -> Tensor:
    """input - alpha * other, element by element."""
    return _minus(input, other if alpha == 1 else other * alpha)


@method("__rsub__")
def _reflected_sub(b: Tensor, a: Any) -> Tensor:
    return _minus(a, b)


class Multiply(Function):
    """out = a * b;  da = dout * b,  db = dout * a."""

    __slots__ = ()
    saves = ("a", "b")
    broadcasts = True

    def forward(self, a: Array, b: Array) -> Array:
        self.saved = a, b
        return _multiplied(a, b)

    def backward(self, dout: Array) -> tuple[Array | None, ...]:
        a, b = self.saved
        need_a, need_b = self.needs
        return (
            _multiplied(dout, b) if need_a else None,
            _multiplied(dout, a) if need_b else None,
        )


mul = method("mul", "__mul__", "__rmul__")(binary(Multiply, "mul"))


class Divide(Function):
    """out = a / b;  da = dout / b,  db = -dout * out / b."""

    __slots__ = ()
    saves = ("b", "out")
    broadcasts = True

    def forward(self, a: Array, b: Array) -> Array:
        out = _divided(a, b)
        self.saved = b, out
        return out

    def backward(self, dout: Array) -> tuple[Array | None, ...]:
        b, out = self.saved
        need_a, need_b = self.needs
        da = dout / b
        return (
            da if need_a else None,
            -da * out if need_b else None,
        )


_divide = binary(Divide)


@method("div", "__truediv__")
def div(a: Any, b: Any, *, rounding_mode: str | None = None) -> Tensor:
    """a / b. Integers are converted to the default floating-point type first.

    rounding_mode: "floor", rounded down, or "trunc", towards zero; no gradient passes then.
    """
    if rounding_mode is not None:
        return rounded_quotient(a, b, rounding_mode)
    if not (_floating(a) or _floating(b)):
        a, b = (cast(x, get_default_dtype()) for x in promoted(a, b))
    return _divide(a, b)


def _floating(x: Any) -> bool:
    return isinstance(x, float) or (isinstance(x, Tensor) and x._data.dtype.kind == "f")


@method("__rtruediv__")
def _reflected_div(b: Tensor, a: Any) -> Tensor:
    return div(a, b)


class Negate(Function):
    """out = -x;  dx = -dout."""

    __slots__ = ()

    def forward(self, x: Array) -> Array:
        return -x

    def backward(self, dout: Array) -> tuple[Array]:
        return (-dout,)


@method("neg", "__neg__")
def neg(x: Tensor) -> Tensor:
    """-x."""
    return unary(Negate, x)


class PowerOfNumber(Function):
    """out = x^n for a number n;  dx = dout * n * x^(n-1)."""

    __slots__ = ("n",)
    saves = ("x",)

    def forward(self, x: Array, n: float) -> Array:
        self.saved = (x,)
        self.n = n
        return x * x if n == 2 else x**n

    def backward(self, dout: Array) -> tuple[Array]:
        (x,) = self.saved
        n = self.n
        if n == 0:
            return (dout * 0.0,)
        return (dout * (n * x) if n == 2 else dout * (n * x ** (n - 1)),)


class Power(Function):
    """out = a^b;  da = dout * b * a^(b-1),  db = dout * out * log(a).

    0^b does not change with b where b >= 0: db = 0 there, though log(0) is infinite.
    """

    __slots__ = ()
    saves = ("a", "b", "out")
    broadcasts = True

    def forward(self, a: Array, b: Array) -> Array:
        out = a**b
        self.saved = a, b, out
        return out

    def backward(self, dout: Array) -> tuple[Array | None, ...]:
        a, b, out = self.saved
        need_a, need_b = self.needs
        da = db = None
        if need_a:
            da = dout * (b * a ** where(b == 0, 0.0, b - 1))
        if need_b:
            flat = (a == 0) & (b >= 0)
            db = dout * (out * log(where(flat, 1.0, a)))
        return da, db


_power = binary(Power)


@method("pow", "__pow__")
def pow(a: Any, b: Any) -> Tensor:
    """a to the power b, element by element."""
    if isinstance(b, bool | int | float) and isinstance(a, Tensor):
        if a._data.dtype.kind != "f":
            if isinstance(b, float):
                a = cast(a, get_default_dtype())
            elif b < 0:
                raise RuntimeError("integers to negative powers are not allowed: convert to float")
        return unary(PowerOfNumber, a, b)
    return _power(*promoted(a, b))


@method("__rpow__")
def _reflected_pow(b: Tensor, a: Any) -> Tensor:
    return pow(a, b)


class Maximum(Function):
    """out = max(a, b);  the gradient goes to the greater one, half to each where they are equal."""

    __slots__ = ()
    saves = ("a", "b")
    broadcasts = True

    def forward(self, a: Array, b: Array) -> Array:
        self.saved = a, b
        return xp.maximum(a, b)

    def backward(self, dout: Array) -> tuple[Array | None, ...]:
        a, b = self.saved
        need_a, need_b = self.needs
        half = where(a == b, dout * 0.5, dout)
        return (
            half * (a >= b) if need_a else None,
            half * (b >= a) if need_b else None,
        )


maximum = method("maximum")(binary(Maximum))


class Minimum(Function):
    """out = min(a, b);  the gradient goes to the smaller one, half to each where they are equal."""

    __slots__ = ()
    saves = ("a", "b")
    broadcasts = True

    def forward(self, a: Array, b: Array) -> Array:
        self.saved = a, b
        return xp.minimum(a, b)

    def backward(self, dout: Array) -> tuple[Array | None, ...]:
        a, b = self.saved
        need_a, need_b = self.needs
        half = where(a == b, dout * 0.5, dout)
        return (
            half * (a <= b) if need_a else None,
            half * (b <= a) if need_b else None,
        )


minimum = method("minimum")(binary(Minimum))
