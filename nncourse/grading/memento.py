"""What objects of the trusted side hold at a time, so that they can be made to hold it again.

A statement that is run once more must find what it found the first time, and leave no trace. The
objects stay the same ones and only their content is put back; so whatever else refers to them is
put back with them: counters, closures, parameters that an optimiser was given.
"""

from __future__ import annotations

import functools
import operator
import random
import types
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache, partial
from typing import Any

import numpy as np

from nncourse.grading.proxies import Proxy
from nncourse.grading.sandbox.refused import Refused

MOST = 100_000  # objects; more would take too long
LARGE = 1 << 16  # bytes of an array of which there should not be many copies
PLAIN = {type(None), bool, int, float, complex, str, bytes}
# What has no content of its own that changes. What a cache holds is what would come anyway.
CONSTANT = (*PLAIN, type(...), range, slice, frozenset, tuple, Refused, Proxy, BaseException)
CONSTANT += (np.generic, np.dtype, np.ufunc, type(np.mean), type(np.random.Generator.normal))
CONSTANT += (types.ModuleType, types.CodeType, types.FunctionType, types.BuiltinFunctionType)
CONSTANT += (types.MethodType, partial, type(functools.lru_cache(len)), type("".__len__))
CONSTANT += (staticmethod, classmethod, property, types.MappingProxyType)
CONSTANT += (types.MemberDescriptorType, types.GetSetDescriptorType)
# What leads from some of these to others.
LEADING = ("__self__", "__func__", "func", "args", "keywords", "fget", "fset", "__wrapped__")
SHUT = (Proxy, Refused, types.ModuleType)  # not ours to look into
OURS = "__main__"  # the notebook; what libraries have stays as it is
WRITTEN, BUILT_IN = 1 << 9, 1 << 8  # flags of classes: of those in Python only the first is set
Restore = Callable[[], object]


class Memento:
    """All that can be reached from ``values``, as it is now, and the streams of random numbers.

    parts: these objects. whole: whether all of it can be put back. ``other``: an earlier one, with
    which it shares the copies of large arrays that have not changed since.
    """

    def __init__(self, values: Iterable[Any], other: Memento | None = None) -> None:
        self.parts: list[Any] = []
        self.whole = True
        self._known = {} if other is None else other._large
        self._large: dict[int, tuple[np.ndarray, np.ndarray]] = {}
        self._restore: list[Restore] = [
            partial(random.setstate, random.getstate()),
            partial(np.random.set_state, np.random.get_state()),  # noqa: NPY002 it may be in use
        ]
        for count, value in enumerate(reach(values)):
            if count == MOST:
                self.whole = False
                break
            self.parts.append(value)
            restore = self._restore_of(value)
            if restore is not None:
                self._restore.append(restore)
            elif not _is_open(type(value)):  # type: ignore[arg-type]
                self.whole = False

    def restore(self) -> None:
        """Put it all back."""
        for restore in self._restore:
            restore()

    def _restore_of(self, value: Any) -> Restore | None:
        """What puts its own content back; None if it has none, or one that nothing can put back.

        Attributes are a dict, which is put back by itself.
        """
        if isinstance(value, np.ndarray):
            return partial(_fill, value, self._copied(value))
        if isinstance(value, dict):
            return partial(_refill, value, dict(value))
        if isinstance(value, (set, deque)):
            return partial(_refill, value, list(value))
        if isinstance(value, (list, bytearray)):
            return partial(operator.setitem, value, slice(None), value[:])
        if isinstance(value, np.random.Generator):
            return partial(setattr, value.bit_generator, "state", value.bit_generator.state)
        if isinstance(value, np.random.RandomState):
            return partial(value.set_state, value.get_state())
        if isinstance(value, random.Random):
            return partial(value.setstate, value.getstate())
        attributes = _attributes(value)
        has = attributes or isinstance(value, type)
        return partial(_assign, value, attributes) if has else None

    def _copied(self, array: np.ndarray) -> np.ndarray:
        if array.nbytes < LARGE:
            return array.copy()
        known, copy = self._known.get(id(array), (None, array))
        same = known is array and np.array_equal(copy, array, equal_nan=True)
        self._large[id(array)] = array, copy if same else array.copy()
        return self._large[id(array)][1]


def reach(values: Iterable[Any]) -> Iterator[Any]:
    """All that these hold, and what that holds, in an order that depends on nothing else."""
    known: dict[int, Any] = {}
    todo = list(values)[::-1]
    while todo:
        value = todo.pop()
        if type(value) not in PLAIN and id(value) not in known:
            known[id(value)] = value
            yield value
            todo += [part for part in _parts(value) if type(part) not in PLAIN][::-1]


def _parts(value: Any) -> Iterator[Any]:
    if isinstance(value, SHUT):
        return
    if isinstance(value, (list, tuple, set, frozenset, deque)):
        yield from value
    elif isinstance(value, dict):
        yield from dict.keys(value)
        yield from dict.values(value)
    elif isinstance(value, np.ndarray) and value.dtype.hasobject:
        yield from value.flat
    elif isinstance(value, types.FunctionType):
        yield from value.__closure__ or ()
        if value.__globals__.get("__name__") == OURS:
            yield from value.__defaults__ or ()
            yield value.__kwdefaults__
    elif isinstance(value, CONSTANT):
        yield from (getattr(value, name, None) for name in LEADING)
    yield from _attributes(value).values()
    if isinstance(value, type):
        yield from value.__bases__ if value.__module__ == OURS else ()
    else:
        yield getattr(value, "__dict__", None)
        yield type(value)


def _attributes(value: Any) -> dict[str, Any]:
    """Those which are not in a dict that can be put back by itself."""
    if isinstance(value, types.CellType):
        try:
            return {"cell_contents": value.cell_contents}
        except ValueError:  # not bound yet
            return {}
    if isinstance(value, type):
        members = vars(value).items() if value.__module__ == OURS else ()
        return {name: member for name, member in members if not name.startswith(("__", "_abc_"))}
    found = {}
    kind = object if isinstance(value, SHUT) else type(value)
    for name in _slots(kind):  # type: ignore[arg-type]
        try:
            found[name] = object.__getattribute__(value, name)
        except AttributeError:  # not bound yet
            continue
    return found


@lru_cache(1024)
def _slots(kind: type) -> list[str]:
    kinds = [one for one in kind.__mro__ if _is_written(one)]
    return [
        name
        for one in kinds
        for name, member in vars(one).items()
        if isinstance(member, types.MemberDescriptorType)
    ]


@lru_cache(1024)
def _is_open(kind: type) -> bool:
    """Whether nothing of its objects is hidden from ``_parts``."""
    if issubclass(kind, (*CONSTANT, type, types.CellType)):
        return True
    return all(one is object or _is_written(one) for one in kind.__mro__)


def _is_written(kind: type) -> bool:
    return bool(kind.__flags__ & WRITTEN) and not kind.__flags__ & BUILT_IN


def _fill(array: np.ndarray, content: np.ndarray) -> None:
    if array.flags.writeable and array.shape == content.shape:
        array[...] = content


def _refill(value: Any, content: Any) -> None:
    value.clear()
    (value.extend if isinstance(value, deque) else value.update)(content)


def _assign(value: Any, attributes: dict[str, Any]) -> None:
    now = _attributes(value)
    own: Any = type if isinstance(value, type) else object
    for name in now.keys() - attributes.keys():
        own.__delattr__(value, name)
    for name, one in attributes.items():
        if name not in now or now[name] is not one:
            own.__setattr__(value, name, one)
