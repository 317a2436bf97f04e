"""The lecturer's cells that are not graded, as far as graded cells need them.

Their statements run on the trusted side like graded cells. One that runs the student's code may
fail as that does: then what it would have made is not there, not even from before, and a graded
cell that asks for it ends in the error.
"""

from __future__ import annotations

import ast
import types
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from nncourse.grading.memento import Memento, reach
from nncourse.grading.plan import Step
from nncourse.grading.proxies import Proxy, is_object, renew
from nncourse.grading.sandbox import SandboxUnavailable
from nncourse.grading.sandbox.lent import Past
from nncourse.grading.sandbox.refused import OddValue

# What is half changed is none, but the student's own objects are theirs in any case.
STAYS = (Proxy, np.random.Generator, types.ModuleType)
DEFINITIONS = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


@dataclass
class _Done:
    """A statement that ran the student's code: in which cell, as lent functions count them; what it
    found, by name and in all its parts; and the student's objects that it left.
    """

    step: Step
    cell: int
    found: dict[str, Any]
    before: Memento
    objects: list[Proxy]


class Steps:
    """``space``: the names of the trusted side. ``bind``: makes some of them the student's.
    ``alive``: whether the session has not ended.
    """

    def __init__(
        self,
        space: dict[str, Any],
        bind: Callable[[frozenset[str]], None],
        alive: Callable[[], bool],
        modules: set[str],
        past: Past,
    ) -> None:
        self.space = space
        self.bind = bind
        self.alive = alive
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

    def again(self) -> bool:
        """In a new session, do again what was done in the last one, to have its objects once more.

        Nothing else comes of it, or it would count twice. False if the session has ended at one of
        the statements, which is not done again.
        """
        done = [one for one in self._done if one.before.whole]
        space, cell = dict(self.space), self.past.now
        names = {name for one in done for name in _names(one.step)}
        values = [*map(space.get, sorted(names)), *(one.before.parts for one in done)]
        present = Memento(values)
        try:
            for one in done:
                self._once_more(one)
                if not self.alive():
                    self._done.remove(one)
                    return False
        finally:
            present.restore()
            self.space.clear()
            self.space.update(space)
            self.past.now = cell
        return True

    def _once_more(self, one: _Done) -> None:
        for name in _names(one.step):
            self.space.pop(name, None)
        self.space.update(one.found)
        one.before.restore()
        self.past.now = one.cell - 1
        try:
            self.bind(one.step.foreign)
            _execute(one.step, self.space)
        except SandboxUnavailable:
            raise
        except BaseException:  # then its objects are gone, and whoever asks for one is told so
            return
        for old, new in zip(one.objects, self._objects(one.step)):
            renew(old, new)

    def reason(self, error: BaseException) -> BaseException:
        """Of a graded cell: why a name is not there."""
        if isinstance(error, NameError) and error.name is not None:
            return self.failed.get(error.name, error)
        return error

    def _try(self, step: Step) -> BaseException | None:
        try:
            self.bind(step.foreign)
            cell = self.past.now
            found = {name: self.space[name] for name in _names(step) if name in self.space}
            before = Memento([found], self._done[-1].before if self._done else None)
            _execute(step, self.space)
        except SandboxUnavailable:
            raise
        except BaseException as error:  # it may raise anything, SystemExit too
            return error
        self._done.append(_Done(step, cell, found, before, self._objects(step)))
        return None

    def _objects(self, step: Step) -> list[Proxy]:
        """The student's objects among what it has made and what it could use."""
        values = [self.space.get(name) for name in _names(step)]
        return [value for value in reach(values) if is_object(value)]

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


def _names(step: Step) -> list[str]:
    """All names of the lecturer's that it has to do with."""
    found = step.names
    return sorted((step.needs | found.reads | found.binds | step.alters) - step.foreign)
