"""Whole quotients and remainders: ``a // b``, ``a % b``, and their relatives."""

from __future__ import annotations

from typing import Any

from nncourse.autograd.function import Function, apply, constant, promoted
from nncourse.autograd.tensor import Tensor, method
from nncourse.autograd.vocabulary import values
from nncourse.backend import Array, xp


class Remainder(Function):
    """out = a - b n, n the whole quotient;  da = dout,  db = -dout n."""

    __slots__ = ("quotient",)
    saves = ("a", "b")
    broadcasts = True

    def forward(self, a: Array, b: Array, remainder: Any, quotient: Any) -> Array:
        self.saved, self.quotient = (a, b), quotient
        return remainder(a, b)

    def backward(self, dout: Array) -> tuple[Array | None, ...]:
        a, b = self.saved
        need_a, need_b = self.needs
        return (
            dout if need_a else None,
            -dout * self.quotient(values(a) / values(b)) if need_b else None,
        )


@method("remainder", "__mod__")
def remainder(input: Any, other: Any) -> Tensor:
    """What is left of a whole quotient that is rounded down: it has the sign of ``other``."""
    return apply(Remainder, promoted(input, other), xp.remainder, xp.floor)


@method("fmod")
def fmod(input: Any, other: Any) -> Tensor:
    """What is left of a whole quotient without its fraction: it has the sign of ``input``."""
    return apply(Remainder, promoted(input, other), xp.fmod, xp.trunc)


@method("floor_divide", "__floordiv__")
def floor_divide(input: Any, other: Any) -> Tensor:
    """The whole quotient, rounded down; no gradient passes, for it has steps."""
    return rounded_quotient(input, other, "floor")


def rounded_quotient(input: Any, other: Any, how: str) -> Tensor:
    """input / other rounded down ("floor") or towards zero ("trunc")."""
    if how not in ("floor", "trunc"):
        raise ValueError(f"rounding_mode must be None, 'floor' or 'trunc'; got {how!r}")
    a, b = (x._data for x in promoted(input, other))
    if how == "floor":
        return constant(xp.floor_divide(a, b))
    return constant(xp.trunc(a / b) if a.dtype.kind == "f" else (a - xp.fmod(a, b)) // b)


@method("__rmod__")
def _reflected_remainder(other: Tensor, input: Any) -> Tensor:
    return remainder(input, other)


@method("__rfloordiv__")
def _reflected_quotient(other: Tensor, input: Any) -> Tensor:
    return floor_divide(input, other)
