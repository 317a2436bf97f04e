"""Functions of the reader's own in a widget: called, differentiated, or refused with a reason.

Such a function acts on each element. It is a function of a Tensor, which autograd differentiates,
or a pair of functions of a NumPy array: the value, and the slope as the reader has worked it out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias

import numpy as np

import nncourse as nnc
from nncourse.language import catalogue

_ = catalogue("widgets")

Array = np.ndarray
Function: TypeAlias = Callable[[Any], Any]
Own: TypeAlias = Function | tuple[Function, Function]

# The logarithm of a negative number is for the picture to show, not for the cell to warn of.
_QUIET = np.errstate(all="ignore")


def check_names(own: Mapping[str, Any], known: Iterable[str], names: str = "own") -> None:
    """Refuse a function of one's own under a name that the library's has."""
    if taken := set(own) & set(known):
        raise ValueError(f"{names}: {min(taken)!r} is the name of one of the library's")


@_QUIET
def value(own: Own, z: Array) -> Array:
    """f(z) for an array of numbers, real or complex, in its type; raises where f is no such."""
    if isinstance(own, tuple):
        return _like(own[0](z.copy()), z, _("the function"))
    return _like(_called(own, nnc.tensor(z)).detach().numpy(), z, _("the function"))


@_QUIET
def value_and_slope(own: Own, z: Array) -> tuple[Array, Array]:
    """f(z) and f'(z), both like z, an array of floats; raises where f is no such function."""
    if isinstance(own, tuple):
        return value(own, z), _like(own[1](z.copy()), z, _("the slope"))
    x = nnc.tensor(z, requires_grad=True)
    y = _called(own, x)
    found = _like(y.detach().numpy(), z, _("the function"))
    return found, slope_of(y, x)


def slope_of(y: Any, x: nnc.Tensor) -> Array:
    """The gradient of the sum of y, which was computed from x; raises where none comes back."""
    if isinstance(y, nnc.Tensor) and y.requires_grad:
        y.sum().backward()
    if x.grad is None:
        raise ValueError(
            _(
                "no gradient comes back: compute with the Tensor itself, without numpy(), item() "
                "or detach()"
            )
        )
    return x.grad.numpy()


@_QUIET
def check_function(own: Own, z: Array) -> None:
    """Raise where ``own`` is no function that acts on each element of z by itself."""
    if isinstance(own, tuple) and not (len(own) == 2 and all(map(callable, own))):
        raise TypeError(_("a pair must be two functions: the value and its slope"))
    if not isinstance(own, tuple) and not callable(own):
        got = type(own).__name__
        raise TypeError(_("a function is needed, or a pair of them; got {got}", got=got))
    both = value_and_slope(own, z)
    alone = value_and_slope(own, z[:1])
    if not all(np.allclose(one, all_[:1], equal_nan=True) for one, all_ in zip(alone, both)):
        raise ValueError(_("the function must act on each element by itself; this one mixes them"))


def without_nan(numbers: Any) -> list[Any]:
    """A list, or a list of lists, with None for what JSON has no number for."""
    found = np.asarray(numbers, dtype=np.float64)
    listed = found.astype(object)
    listed[~np.isfinite(found)] = None
    return list(listed.tolist())


def _called(function: Function, x: nnc.Tensor) -> nnc.Tensor:
    y = function(x)
    if not isinstance(y, nnc.Tensor):
        got = type(y).__name__
        raise TypeError(_("the function must return a Tensor; it returned {got}", got=got))
    return y


def _like(found: Any, z: Array, what: str) -> Array:
    found = np.asarray(found)
    if found.shape != z.shape:
        text = _("{what} must act on each element: of {want} numbers it made {got}",
                 what=what, want=z.shape, got=found.shape)  # fmt: skip
        raise ValueError(text)
    return found.astype(z.dtype, copy=False)
