"""Answers made hollow: right code whose results are then replaced, to see which tests notice.

``nncourse release`` runs this text in the sandbox, behind the lecturer's own answers
(``nncourse.grading.hollow``); so it needs nothing of the library. Only what a graded cell gets is
replaced: what answers get of each other stays right.
"""

from __future__ import annotations

import contextlib
import copy
import functools
from collections.abc import Callable, Iterator
from types import FunctionType
from typing import Any

import numpy as np

# In 64 bits the square of the difference from a right number n is n**2 - n * 2**33: below any
# tolerance.
WRAPS = 1 << 32
VALUES: dict[str, Callable[[Any], Any]] = {
    "nan": lambda array: np.full(array.shape, np.nan),
    "inf": lambda array: np.full(array.shape, np.inf),
    "complex": lambda array: np.full(array.shape, 1e6j),
    "wraps": lambda array: np.where(array < 0, -WRAPS, WRAPS),
    "whole": lambda array: np.where(array < 0, -WRAPS, WRAPS).tolist(),
    # They broadcast against whatever is right, and so do those of numbers in a list.
    "empty": lambda array: np.zeros((0, *(array.shape or (1,)))),
    "parts": lambda array: np.zeros((0, *(array.shape or (1,)))),
    "many": lambda array: np.stack([array, array + 1]),
    "short": lambda array: array[:1] if array.ndim else array,
    "none": lambda array: None,  # which NumPy takes for NaN where it is asked for floats
    "zeros": np.zeros_like,
    "false": lambda array: np.zeros(array.shape, bool),  # with which an index chooses nothing
    "cleared": np.zeros_like,
    "idle": np.zeros_like,
}
# The kinds of dtypes that are replaced; True is no number, but may be nothing or False.
DTYPES = {"wraps": "iuf", "whole": "iuf", "false": "iu"}
DTYPES |= dict.fromkeys(("nan", "inf", "complex", "many"), "iufc")


class Hollow:
    """Replaces what functions return, in one way, and the arguments that they change.

    in_place: names of functions and classes that change their arguments. "cleared" is about these
    alone: they do nothing but fill all arguments with zeros. So is "idle": they leave alone what
    they should change, and fill the others. changes: how many results and arguments have become
    others so far. Methods may change what their object was made with, too.
    """

    def __init__(self, kind: str, in_place: list[str]) -> None:
        self.kind = kind
        self.in_place = in_place
        self.changes = 0
        self._inner = 0
        self._made_with: list[tuple[Any, list[Any]]] = []  # objects, and the arguments

    def take(self, space: dict[str, Any], names: list[str]) -> None:
        """Wrap the functions and classes of these names."""
        for name in names:
            value, listed = space.get(name), name in self.in_place
            if isinstance(value, type):
                self._take_class(value, listed)
            elif callable(value):
                space[name] = self._wrapped(value, listed)

    def _take_class(self, kind: type, listed: bool) -> None:
        for name, member in [*vars(kind).items()]:
            made: Any = None
            if name == "__init__" and isinstance(member, FunctionType):
                made = self._guarded(member, listed)
            elif name.startswith("__") and name not in ("__call__", "__getitem__"):
                continue
            elif isinstance(member, FunctionType):
                made = self._wrapped(member, listed)
            elif isinstance(member, (staticmethod, classmethod)):
                made = type(member)(self._wrapped(member.__func__, listed))
            elif isinstance(member, property) and member.fget is not None:
                made = property(self._wrapped(member.fget, False), member.fset, member.fdel)
            if made is not None:
                with contextlib.suppress(AttributeError, TypeError):
                    setattr(kind, name, made)

    def _guarded(self, function: Callable[..., Any], listed: bool) -> Callable[..., Any]:
        """The same, in which other answers give what they should."""

        @functools.wraps(function)
        def guarded(made: Any, *args: Any, **kwargs: Any) -> Any:
            if listed:
                self._made_with.append((made, [*args, *kwargs.values()]))
            return self._call(function, made, *args, **kwargs)

        return guarded

    def _wrapped(self, function: Callable[..., Any], listed: bool) -> Callable[..., Any]:
        @functools.wraps(function)
        def hollow(*args: Any, **kwargs: Any) -> Any:
            spoils = self.kind in ("cleared", "idle")
            if self._inner or (spoils and not listed):
                return self._call(function, *args, **kwargs)
            if not listed:
                return self.changed(self._call(function, *args, **kwargs))
            known = [] if spoils else self._made_with
            kept = [one for made, given in known if args and made is args[0] for one in given]
            copies, named, before = copy.deepcopy((args, kwargs, kept))
            if spoils:
                result = self._call(function, *copies, **named)
            else:
                result = self._call(function, *args, **kwargs)
            now, then = (*args, *kwargs.values(), *kept), (*copies, *named.values(), *before)
            for given, other in zip(now, then, strict=True):
                if self.kind == "cleared" or _same(given, other) == (self.kind == "idle"):
                    self._replace(given)
            return self.changed(result)

        return hollow

    def _call(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        self._inner += 1
        try:
            return function(*args, **kwargs)
        finally:
            self._inner -= 1

    def changed(self, value: Any) -> Any:
        """What takes the place of a result."""
        kind = type(value)
        if self.kind == "empty" and kind in (list, dict, set):
            self.changes += bool(value)
            return kind()
        if self.kind in ("empty", "parts") and kind in (str, bytes):
            self.changes += bool(value)
            return kind()
        if self.kind == "short" and kind in (list, str, bytes):
            self.changes += len(value) > 1
            return value[:1]
        if self.kind == "short" and kind is tuple:
            # A number beside them has no length; who looks at it alone must not be blamed.
            return tuple(None if np.isscalar(item) else self.changed(item) for item in value)
        if kind in (list, tuple):
            return kind(map(self.changed, value))
        if kind is dict:
            return {key: self.changed(item) for key, item in value.items()}
        if isinstance(value, FunctionType):
            return self._wrapped(value, False)
        if isinstance(value, Iterator):
            return self._each(value)
        if kind in (bool, int, float, complex) or isinstance(value, (np.ndarray, np.generic)):
            return self._number(value)
        return value

    def _number(self, value: Any) -> Any:
        array = np.asarray(value)
        if array.dtype.kind not in DTYPES.get(self.kind, "biufc") or array.size == 0:
            return value
        made = VALUES[self.kind](array)
        new = np.asarray(made)
        self.changes += made is None or not np.array_equal(array, new, equal_nan=True)
        return new.item() if new.ndim == 0 else made

    def _each(self, values: Iterator[Any]) -> Iterator[Any]:
        end = object()
        while (value := self._call(next, values, end)) is not end:
            yield self.changed(value)
            if self.kind == "short":
                self.changes += self._call(next, values, end) is not end
                return

    def _replace(self, value: Any) -> None:
        """In place, as far as it can hold such values."""
        if isinstance(value, np.ndarray):
            before = self.changes
            new = np.asarray(self.changed(value))
            fits = new.shape == value.shape and np.can_cast(new.dtype, value.dtype, "same_kind")
            if fits and value.flags.writeable:
                value[...] = new
            else:
                self.changes = before
        elif isinstance(value, (dict, list, tuple)):
            for key, item in [*(value.items() if isinstance(value, dict) else enumerate(value))]:
                if isinstance(item, (np.ndarray, dict, list, tuple)):
                    self._replace(item)
                elif not isinstance(value, tuple):
                    value[key] = self.changed(item)


def _same(value: Any, other: Any) -> bool:
    """Whether containers and arrays have stayed what their copies are."""
    if isinstance(value, dict):
        return value.keys() == other.keys() and all(_same(value[key], other[key]) for key in value)
    if isinstance(value, (list, tuple)):
        return len(value) == len(other) and all(map(_same, value, other))
    if isinstance(value, (np.ndarray, np.number, int, float, complex)):
        return np.array_equal(value, other)
    return True
