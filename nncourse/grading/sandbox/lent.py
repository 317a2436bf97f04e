"""Functions of the graded cells that student code was given, and may call back at any time.

One is over when a later cell assigns a name that it reads, or changes an object that it holds: else
the loss of one question, which student code may keep, would tell the labels of the next.
"""

from __future__ import annotations

import contextlib
import dis
import functools
import itertools
import types
from collections.abc import Callable, Iterable, Iterator, Set
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from nncourse.grading.syntax import CHECK

ABSENT = object()
LECTURERS = ("<test", "<notebook")  # files, as the oracle calls them
GLOBAL = ("LOAD_GLOBAL", "LOAD_NAME")
ASSERTION = "LOAD_ASSERTION_ERROR"  # from Python 3.14 on a constant of another name
MOST = 1000  # parts of an object that are looked at
FIXED = (type(None), bool, int, float, complex, str, bytes, types.ModuleType)


@dataclass
class Past:
    """Where the trusted side is: ``now`` counts cells, ``changed`` holds what each of them changes
    of what was there before.
    """

    now: int = 0
    changed: list[tuple[int, str, Any]] = field(default_factory=list)

    def change(self, names: Iterable[str], space: dict[str, Any]) -> None:
        """Another cell begins, which changes the objects behind these names."""
        self.now += 1
        for name in names:
            if not isinstance(space.get(name), FIXED):
                self.changed.append((self.now, name, space[name]))


def on_purpose(error: BaseException) -> bool:
    """Whether a statement ``raise`` of the lecturer's has raised it."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None or not trace.tb_frame.f_code.co_filename.startswith(LECTURERS):
        return False
    return dis.opname[trace.tb_frame.f_code.co_code[trace.tb_lasti]] == "RAISE_VARARGS"


class Lent:
    """A function, given away in the cell ``cell``. What it reads: names of its notebook, as they
    were then and as they are, and what it holds by itself.
    """

    def __init__(self, cell: int, function: Callable) -> None:
        self.function = function
        self.cell = cell
        self.held: list[Any] = []
        self.names: dict[str, Any] = {}
        self.read: dict[str, Any] = {}
        self.over = ""
        self.judges = False  # whether it asserts something, by itself or by functions of its module
        self._seen = 0  # changes that did not concern it
        plain = _plain(function, self.held)
        if plain is not None:
            self.names = plain.__globals__
            read, self.judges = _read(plain, self.held)
            self.read = {name: self.names.get(name, ABSENT) for name in read}

    def to_call(self, past: Past, theirs: Set[str]) -> Callable:
        """The function, or one that refuses. ``theirs``: names that are the student's anyway."""
        if past.now != self.cell:
            for name, value in self.read.items():
                if name not in theirs and self.names.get(name, ABSENT) is not value:
                    self.over = f"it reads {name}, which a later cell has assigned"
            self._look_at(past)
        return self._refuse if self.over else self.function

    def _look_at(self, past: Past) -> None:
        own = [*self.held, *self.read.values()]
        for cell, name, value in past.changed[self._seen :]:
            if cell > self.cell and any(_have_in_common(one, value) for one in own):
                self.over = f"it reads {name}, which a later cell has changed"
        self._seen = len(past.changed)

    def _refuse(self, *_args: Any, **_kwargs: Any) -> None:
        called = getattr(self.function, "__name__", type(self.function).__name__)
        raise RuntimeError(f"{called} is over: {self.over}")


def _have_in_common(one: Any, other: Any) -> bool:
    """Whether two objects are the same, one is a part of the other, or arrays share memory."""
    if isinstance(one, FIXED):
        return False
    if isinstance(one, np.ndarray) and isinstance(other, np.ndarray):
        return np.may_share_memory(one, other)
    return any(part is other for part in _parts(one)) or any(part is one for part in _parts(other))


def _parts(value: Any) -> Iterator[Any]:
    yield value
    if isinstance(value, dict):
        yield from itertools.islice(value.values(), MOST)
    elif isinstance(value, (list, tuple)):
        yield from value[:MOST]
    elif isinstance(value, np.ndarray):
        yield value.base
    else:
        with contextlib.suppress(TypeError):  # it has no attributes
            yield from vars(value).values()


def _plain(function: Any, held: list[Any]) -> types.FunctionType | None:
    """What has the code behind a method, a partial, or an object that can be called.

    What these hold is added to ``held``.
    """
    while not isinstance(function, types.FunctionType):
        if isinstance(function, functools.partial):
            held += [*function.args, *function.keywords.values()]
            function = function.func
        elif isinstance(function, types.MethodType):
            held.append(function.__self__)
            function = function.__func__
        elif isinstance(type(function).__call__, types.FunctionType):
            held.append(function)
            function = type(function).__call__
        else:
            return None
    return function


def _read(function: types.FunctionType, held: list[Any]) -> tuple[set[str], bool]:
    """The names of its module that it reads, by itself or by functions of that module; and whether
    one of these asserts something.

    What these hold is added to ``held``.
    """
    names = function.__globals__
    found: set[str] = set()
    known: set[types.FunctionType] = set()
    todo: list[Any] = [function]
    while todo:
        one = todo.pop()
        if not isinstance(one, types.FunctionType):
            held.append(one)
        elif one.__globals__ is names and one not in known:
            known.add(one)
            new = _global_names(one.__code__)
            found |= new
            todo += [value for value in map(names.get, new) if isinstance(value, type(function))]
            todo += [*(one.__defaults__ or ()), *(one.__kwdefaults__ or {}).values()]
            for cell in one.__closure__ or ():
                with contextlib.suppress(ValueError):  # not bound yet
                    todo.append(cell.cell_contents)
    return found, any(_asserts(one.__code__) for one in known)


@functools.lru_cache(1024)
def _global_names(code: types.CodeType) -> frozenset[str]:
    found = {step.argval for step in dis.get_instructions(code) if step.opname in GLOBAL}
    inner = [_global_names(const) for const in code.co_consts if isinstance(const, types.CodeType)]
    return frozenset(found.union(*inner))


@functools.lru_cache(1024)
def _asserts(code: types.CodeType) -> bool:
    if any(map(CHECK.search, code.co_names)):
        return True
    steps = dis.get_instructions(code)
    if any(s.opname == ASSERTION or s.argrepr == "AssertionError" for s in steps):
        return True
    return any(_asserts(const) for const in code.co_consts if isinstance(const, types.CodeType))
