"""Where did the NaN come from? ``with nnc.autograd.detect_anomaly():`` stops at its source.

Inside, every forward and every backward is followed by a look at what it returned. The first
operation that makes a NaN or an infinity out of ordinary numbers is named, with the line of the
program that called for it. Outside, operations run as ever and nothing is asked: entering puts
checked versions in the place of ``forward`` and ``backward`` of every operation, leaving takes
them away again.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from nncourse.autograd.function import Function
from nncourse.autograd.places import here
from nncourse.autograd.tensor import Tensor
from nncourse.autograd.vocabulary import values
from nncourse.backend import xp

F = TypeVar("F", bound=Callable[..., Any])

_lock = threading.Lock()
_entered = 0
_replaced: list[tuple[type[Function], str, Any]] = []


class Anomaly(RuntimeError):
    """What the first operation that made a NaN or inf raises. ``found``: what it made."""

    def __init__(self, what: str, found: str, where: str) -> None:
        super().__init__(f"{what} {found}{where}")
        self.found = found


class detect_anomaly:
    """Inside, the first operation that makes a NaN or inf raises a RuntimeError naming its line.

    Use it as ``with detect_anomaly():`` or as a decorator, around forward and backward both: only
    then is the line known to which a backward belongs. It costs time; meant for the search.
    Infinities that come with the data, such as those of a mask, are left alone.
    """

    def __enter__(self) -> None:
        global _entered
        with _lock:
            _entered += 1
            if _entered == 1:
                for kind in _kinds(Function):
                    _replace(kind, "forward", _checked_forward)
                    _replace(kind, "backward", _checked_backward)

    def __exit__(self, *_: object) -> None:
        global _entered
        with _lock:
            _entered -= 1
            while _replaced and not _entered:
                kind, name, original = _replaced.pop()
                setattr(kind, name, original)

    def __call__(self, function: F) -> F:
        @functools.wraps(function)
        def watched(*args: Any, **kwargs: Any) -> Any:
            with self:
                return function(*args, **kwargs)

        return watched  # type: ignore[return-value]


def _kinds(kind: type[Function]) -> Iterable[type[Function]]:
    for below in kind.__subclasses__():
        yield below
        yield from _kinds(below)


def _replace(kind: type[Function], name: str, checked: Callable[[Any], Any]) -> None:
    original = vars(kind).get(name)
    if original is not None:
        _replaced.append((kind, name, original))
        setattr(kind, name, functools.wraps(original)(checked(original)))


def _checked_forward(forward: Any) -> Any:
    def checked(self: Function, *inputs: Any) -> Any:
        out = forward(self, *inputs)
        place = here()
        if place:
            self.made = place
        found = _news([out], inputs)
        if found:
            raise Anomaly(type(self).__name__, found, f", at {place}")
        return out

    return checked


def _checked_backward(backward: Any) -> Any:
    def checked(self: Function, dout: Any) -> Any:
        try:
            shares = backward(self, dout)
        except Anomaly as inner:  # of an operation that this backward is made of, when recorded
            raise _of_backward(self, inner.found) from None
        needed = [share for share, edge in zip(shares, self.edges) if edge is not None]
        found = _news(needed, [dout, *(self.saved if self.saves else ())])
        if found:
            raise _of_backward(self, found)
        return shares

    return checked


def _of_backward(node: Function, found: str) -> Anomaly:
    place = getattr(node, "made", None)
    where = f"at {place}" if place else "outside detect_anomaly(): put it inside, too, to see where"
    kind = type(node).__name__
    return Anomaly(
        f"the backward of {kind}", found, f"; the forward of {kind} was computed {where}"
    )


def _news(results: Iterable[Any], given: Iterable[Any]) -> str | None:
    """What is wrong with the results and was not with what they were made from."""
    out = _worst(results)
    if out is None:
        return None
    before = _worst(given)
    if out == "NaN":
        if before == "NaN":
            return "was given a NaN, which no operation made: it came with the data"
        return "made a NaN" + (" out of inputs that hold inf" if before else "")
    return None if before else "made an infinity (inf) out of finite numbers"


def _worst(given: Iterable[Any]) -> str | None:
    """ "NaN" if any of the arrays and numbers holds one, else "inf" if any does, else None."""
    worst = None
    for value in given:
        if isinstance(value, tuple | list):
            found = _worst(value)
        else:
            found = _of_one(values(value) if isinstance(value, Tensor) else value)
        if found == "NaN":
            return found
        worst = worst or found
    return worst


def _of_one(value: Any) -> str | None:
    if not isinstance(value, float) and getattr(getattr(value, "dtype", None), "kind", "") != "f":
        return None
    if xp.isfinite(value).all():
        return None
    return "NaN" if xp.isnan(value).any() else "inf"
