"""Comparisons: results are bool tensors, which carry no gradient."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from nncourse.autograd.function import constant, promoted
from nncourse.autograd.placement import together
from nncourse.autograd.tensor import Tensor, method
from nncourse.backend import Array, xp


def _compare(function: Callable[[Array, Array], Array], a: Any, b: Any) -> Tensor:
    a, b = promoted(a, b)
    return _of_two(function, a, b)


def _of_two(function: Any, a: Tensor, b: Tensor) -> Any:
    try:
        out = function(a._data, b._data)
    except TypeError:
        return _of_two(function, *together(function, (a, b)))
    return constant(out)


def _comparable(b: Any) -> bool:
    return isinstance(b, Tensor | bool | int | float) or hasattr(b, "dtype")


def eq(a: Any, b: Any) -> Tensor:
    """a == b, element by element."""
    return _compare(xp.equal, a, b)


def ne(a: Any, b: Any) -> Tensor:
    """a != b, element by element."""
    return _compare(xp.not_equal, a, b)


method("eq")(eq)
method("ne")(ne)


# With other things than numbers, == and != answer as for any two Python objects.
@method("__eq__")
def _equals(a: Tensor, b: Any) -> Any:
    return eq(a, b) if _comparable(b) else NotImplemented


@method("__ne__")
def _differs(a: Tensor, b: Any) -> Any:
    return ne(a, b) if _comparable(b) else NotImplemented


@method("lt", "__lt__")
def lt(a: Any, b: Any) -> Tensor:
    """a < b, element by element."""
    return _compare(xp.less, a, b)


@method("le", "__le__")
def le(a: Any, b: Any) -> Tensor:
    """a <= b, element by element."""
    return _compare(xp.less_equal, a, b)


@method("gt", "__gt__")
def gt(a: Any, b: Any) -> Tensor:
    """a > b, element by element."""
    return _compare(xp.greater, a, b)


@method("ge", "__ge__")
def ge(a: Any, b: Any) -> Tensor:
    """a >= b, element by element."""
    return _compare(xp.greater_equal, a, b)


@method("logical_not", "__invert__")
def logical_not(x: Tensor) -> Tensor:
    """True where x is zero or false. ``~x`` is for bool tensors."""
    return constant(xp.logical_not(x._data))


@method("logical_and", "__and__")
def logical_and(a: Tensor, b: Tensor) -> Tensor:
    """True where both are."""
    return _of_two(xp.logical_and, a, b)


@method("logical_or", "__or__")
def logical_or(a: Tensor, b: Tensor) -> Tensor:
    """True where at least one is."""
    return _of_two(xp.logical_or, a, b)


@method("logical_xor", "__xor__")
def logical_xor(a: Tensor, b: Tensor) -> Tensor:
    """True where exactly one of them is."""
    return constant(xp.logical_xor(a._data, b._data))


def allclose(a: Tensor, b: Tensor, rtol: float = 1e-5, atol: float = 1e-8) -> bool:
    """Is |a - b| <= atol + rtol * |b| everywhere?"""
    return bool(_of_two(partial(xp.allclose, rtol=rtol, atol=atol), a, b))


@method("isclose")
def isclose(
    input: Tensor, other: Tensor, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False
) -> Tensor:
    """Where is |input - other| <= atol + rtol * |other|?"""
    return constant(xp.isclose(input._data, other._data, rtol, atol, equal_nan))


def equal(a: Tensor, b: Tensor) -> bool:
    """Do both have the same shape and the same values?"""
    return bool(_of_two(xp.array_equal, a, b))


method("allclose")(allclose)
method("equal")(equal)
