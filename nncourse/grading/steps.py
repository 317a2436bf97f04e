"""The lecturer's cells that are not graded, as far as graded cells need them.

Their statements run on the trusted side like graded cells. One that runs the student's code may
fail as that does: then what it would have made is not there, not even from before, and a graded
cell that asks for it ends in the error.
"""

from __future__ import annotations

import ast
import functools
import types
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from nncourse.grading.plan import Step
from nncourse.grading.proxies import Proxy
from nncourse.grading.sandbox import SandboxUnavailable
from nncourse.grading.sandbox.lent import Past
from nncourse.grading.sandbox.refused import OddValue

ABSENT = object()
DEEPEST = 8  # containers in each other
# What is copied before a statement changes it; numbers and texts need no copy.
COPIED = {dict, list, tuple, set, np.ndarray, bool, int, float, complex, str, bytes, type(None)}
# What is half changed is none, but the student's own objects are theirs in any case.
STAYS = (Proxy, np.random.Generator, types.ModuleType)
DEFINITIONS = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


@dataclass
class _Done:
    """A statement that ran the student's code: in which cell, as lent functions count them, what it
    read of the lecturer's, as that was then, and what it made or changed.
    """

    step: Step
    cell: int
    read: dict[str, tuple[Any, Any]]
    made: dict[str, Any]


class Steps:
    """``space``: the names of the trusted side. ``bind``: makes some of them the student's."""

    def __init__(
        self,
        space: dict[str, Any],
        bind: Callable[[frozenset[str]], None],
        modules: set[str],
        past: Past,
    ) -> None:
        self.space = space
        self.bind = bind
        self.modules = modules
        self.past = past
        self.failed: dict[str, BaseException] = {}
        self._done: list[_Done] = []

    def run(
        self, steps: Iterable[Step], given_up: BaseException | None = None
    ) -> BaseException | None:
        """Run what is needed of a cell; returns the first error.

        ``given_up``: why it is not tried again.
        """
        first = refused = None
        for step in steps:
            error = None if isinstance(step.statement, DEFINITIONS) else refused
            self.past.change(step.alters, self.space)
            if error is None and step.may_fail:
                error = given_up or self._try(step)
            elif error is None:
                try:
                    _execute(step, self.space)
                except (Exception, OddValue) as found:  # a lent function was called with such
                    error = found
            if error is None:
                for name in step.names.binds:
                    self.failed.pop(name, None)
                continue
            self._forget(step, error)
            first = first or error
            refused = error if step.guard else refused
        return first

    def again(self) -> None:
        """In a new session, do again what was done in the last one."""
        done, self._done = self._done, []
        now = self.past.now
        renewed: dict[str, tuple[Any, Any]] = {}
        for one in done:
            if self._counts(one.step, renewed):
                self._done.append(one)
                continue
            before = dict(self.space)
            for name, (value, copy) in one.read.items():
                old, new = renewed.get(name, (ABSENT, ABSENT))
                _put(self.space, name, new if old is value else copy)
            self.past.now = one.cell - 1
            error = self._try(one.step)
            after = {name: self.space.get(name, ABSENT) for name in one.made}
            renewed |= {name: (value, after[name]) for name, value in one.made.items()}
            for name in (*one.read, *one.made):
                _put(self.space, name, before.get(name, ABSENT))
            for name, value in one.made.items():
                # Unless a graded cell has assigned it since.
                if before.get(name, ABSENT) is value:
                    _put(self.space, name, after[name])
            if error is not None:
                self._forget(one.step, error)
        self.past.now = now

    def reason(self, error: BaseException) -> BaseException:
        """Of a graded cell: why a name is not there."""
        if isinstance(error, NameError) and error.name is not None:
            return self.failed.get(error.name, error)
        return error

    def _counts(self, step: Step, renewed: Mapping[str, tuple[Any, Any]]) -> bool:
        """Whether it may have changed for good what can't be put back, and would count twice."""
        changed = step.names.changes | step.alters
        for name in (changed | step.needs) - self.modules - step.foreign:
            value = self.space.get(name)
            copied = type(value) in COPIED or isinstance(value, (Proxy, np.generic))
            if not copied and (name in changed or _has_state(value)) and name not in renewed:
                return True
        return False

    def _try(self, step: Step) -> BaseException | None:
        try:
            self.bind(step.foreign)
            changes = step.names.changes - self.modules - step.foreign
            read = {}
            for name in (step.needs - step.foreign) & set(self.space):
                value = self.space[name]
                read[name] = value, _copied(value) if name in changes else value
            cell = self.past.now
            _execute(step, self.space)
        except SandboxUnavailable:
            raise
        except BaseException as error:  # it may raise anything, SystemExit too
            return error
        made = {name: self.space.get(name, ABSENT) for name in step.names.binds | changes}
        self._done.append(_Done(step, cell, read, made))
        return None

    def _forget(self, step: Step, error: BaseException) -> None:
        changed = (step.names.changes | step.asks) - self.modules - step.foreign
        stay = {name for name in changed if isinstance(self.space.get(name), STAYS)}
        for name in step.names.binds | (changed - stay):
            self.space.pop(name, None)
            self.failed[name] = error


def _execute(step: Step, space: dict[str, Any]) -> None:
    assert step.statement is not None
    code = ast.Module([step.statement], [])
    exec(compile(code, f"<notebook {step.cell.label}>", "exec", dont_inherit=True), space)


def _has_state(value: Any) -> bool:
    """Whether what it did before shows in what it does, by its looks."""
    if isinstance(value, types.FunctionType):
        return value.__closure__ is not None
    return isinstance(value, (functools.partial, Iterator))


def _copied(value: Any, depth: int = 0) -> Any:
    """The same with containers and arrays of its own."""
    if depth > DEEPEST:
        return value
    if type(value) is dict:
        return {key: _copied(item, depth + 1) for key, item in value.items()}
    if type(value) in (list, tuple, set):
        return type(value)(_copied(item, depth + 1) for item in value)
    return value.copy() if type(value) is np.ndarray else value


def _put(space: dict[str, Any], name: str, value: Any) -> None:
    if value is ABSENT:
        space.pop(name, None)
    else:
        space[name] = value
