"""The lecturer's cells that are not graded, as far as graded cells need them.

Their statements run on the trusted side like graded cells. One that runs the student's code may
fail as that does: then what it would have made is not there, not even from before, and a graded
cell that asks for it ends in the error.
"""

from __future__ import annotations

import ast
import types
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from nncourse.grading.cells import Step
from nncourse.grading.proxy import Proxy
from nncourse.grading.sandbox import SandboxUnavailable
from nncourse.grading.sandbox.lent import Past
from nncourse.grading.sandbox.refused import OddValue

# What is half changed is none, but the student's own objects are theirs in any case.
STAYS = (Proxy, np.random.Generator, types.ModuleType)
DEFINITIONS = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


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

    def reason(self, error: BaseException) -> BaseException:
        """Of a graded cell: why a name is not there."""
        if isinstance(error, NameError) and error.name is not None:
            return self.failed.get(error.name, error)
        return error

    def _try(self, step: Step) -> BaseException | None:
        try:
            self.bind(step.foreign)
            _execute(step, self.space)
        except SandboxUnavailable:
            raise
        except BaseException as error:  # it may raise anything, SystemExit too
            return error
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
    file = f"<notebook {step.cell.label}>"
    # Not optimised, whatever PYTHONOPTIMIZE says: a helper's assertions stay.
    exec(compile(code, file, "exec", dont_inherit=True, optimize=0), space)
