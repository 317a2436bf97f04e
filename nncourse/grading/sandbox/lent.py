"""Functions of the graded cells that student code was given, and may call back at any time.

One that reads a name of its notebook is over when a later cell assigns that name: else the loss of
one question, which student code may keep, would tell the labels of the next.
"""

from __future__ import annotations

import contextlib
import dis
import functools
import types
from collections.abc import Callable, Set
from dataclasses import dataclass
from typing import Any

ABSENT = object()
GLOBAL = ("LOAD_GLOBAL", "LOAD_NAME")


@dataclass(frozen=True)
class Lent:
    """A function, the number of the cell that gave it away, and what it reads: names of its
    notebook, as they were then and as they are.
    """

    function: Callable
    cell: int
    read: dict[str, Any]
    names: dict[str, Any]

    @classmethod
    def by(cls, cell: int, function: Callable) -> Lent:
        """Note what the function reads."""
        plain = _plain(function)
        if plain is None:
            return cls(function, cell, {}, {})
        names = plain.__globals__
        return cls(function, cell, {name: names.get(name, ABSENT) for name in _read(plain)}, names)

    def to_call(self, cell: int, theirs: Set[str]) -> Callable:
        """The function, or one that refuses. ``theirs``: names that are the student's anyway."""
        if cell != self.cell:
            for name, value in self.read.items():
                if name not in theirs and self.names.get(name, ABSENT) is not value:
                    return functools.partial(self._refuse, name)
        return self.function

    def _refuse(self, name: str, *_args: Any, **_kwargs: Any) -> None:
        called = getattr(self.function, "__name__", type(self.function).__name__)
        raise RuntimeError(f"{called} is over: it reads {name}, which a later cell has assigned")


def _plain(function: Any) -> types.FunctionType | None:
    """What has the code behind a method, a partial, or an object that can be called."""
    while not isinstance(function, types.FunctionType):
        if isinstance(function, functools.partial):
            function = function.func
        elif isinstance(function, types.MethodType):
            function = function.__func__
        elif isinstance(type(function).__call__, types.FunctionType):
            function = type(function).__call__
        else:
            return None
    return function


def _read(function: types.FunctionType) -> set[str]:
    """The names of its module that it reads, by itself or by functions of that module."""
    names = function.__globals__
    found: set[str] = set()
    known: set[types.FunctionType] = set()
    todo: list[Any] = [function]
    while todo:
        one = todo.pop()
        if isinstance(one, types.FunctionType) and one.__globals__ is names and one not in known:
            known.add(one)
            new = _global_names(one.__code__)
            found |= new
            todo += [names.get(name) for name in new]
            for cell in one.__closure__ or ():
                with contextlib.suppress(ValueError):  # not bound yet
                    todo.append(cell.cell_contents)
    return found


@functools.lru_cache(1024)
def _global_names(code: types.CodeType) -> frozenset[str]:
    found = {step.argval for step in dis.get_instructions(code) if step.opname in GLOBAL}
    inner = [_global_names(const) for const in code.co_consts if isinstance(const, types.CodeType)]
    return frozenset(found.union(*inner))
