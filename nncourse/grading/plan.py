"""Which side runs what of a notebook.

Answers run in the sandbox, graded cells on the trusted side. Of the lecturer's other cells, what
graded cells need runs on the trusted side too, statement by statement. A student's function is a
proxy there, so ``accuracy = np.mean(predict(x) == y)`` is no more the student's word in such a cell
than in a graded one. In the sandbox runs what answers need, and what is there to be looked at.

A statement that runs the student's code stays in the sandbox only where the lecturer's own answers
need what it makes, or where it makes an heir of a student's class. Its names are the student's.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import replace

from nncourse.grading.cells import Cell, Step, steps_of
from nncourse.grading.effects import Effects
from nncourse.grading.names import needed, statements
from nncourse.grading.sandboxed import Sandboxed
from nncourse.grading.syntax import may_refuse


class Plan:
    """steps: what the trusted side runs of cells that are not graded, by the place of the cell.
    alters: the names of what graded cells change of what was there before.
    foreign: the names that are the student's at a graded cell. derived: those that the trusted side
    has made of these by then. trusted_reads: all that it may read. modules: what is imported.
    made_there: the names that statements of the lecturer's make in the sandbox alone.
    taken_over: those of what was the lecturer's before these changed it.
    given_classes: those of classes that answers find in the lecturer's cells. sandboxed: what runs
    in the sandbox.
    """

    def __init__(
        self,
        cells: Sequence[Cell],
        defines: Mapping[str, Iterable[str]],
        reads: Mapping[str, Iterable[str]],
        imports: Mapping[str, str],
        in_place: Iterable[str] = (),
        functions: Iterable[str] = (),
    ) -> None:
        """defines, reads, imports: what the lecturer's answers bind and read, and their import
        statements, by the name of the cell. in_place: those that change their arguments. functions:
        functions and classes that answers bind.
        """
        self.foreign: dict[int, frozenset[str]] = {}
        self.derived: dict[int, frozenset[str]] = {}
        self.taken_over: set[str] = set()
        self._all = list(steps_of(cells, defines, reads, imports, frozenset(in_place)))
        self.modules = set[str]().union(*(step.names.imports for step in self._all))
        self._note_effects(frozenset(functions))
        stay = self._needed_by_answers()
        while self._follow(stay):
            stay = self._needed_by_answers()
        self._keep()
        kept = [step for step in self._all if step.kept]
        self.trusted_reads = set[str]().union(*(step.names.reads for step in kept))
        tests = (step for step in self._all if step.cell.kind == "tests")
        self.alters = {step.cell.index: step.alters for step in tests}
        self.steps: dict[int, list[Step]] = {}
        for step in kept:
            if step.statement is not None:
                self.steps.setdefault(step.cell.index, []).append(step)
        there = [step.names for step in self._all if step.in_sandbox]
        self.made_there = set[str]().union(*(found.binds | found.changes for found in there))
        classes = (step.statement for step in self._all if isinstance(step.statement, ast.ClassDef))
        self.given_classes = {statement.name for statement in classes}
        self.sandboxed = Sandboxed(cells, self._all, self.foreign, self.modules)

    def _note_effects(self, functions: Set[str]) -> None:
        effects = Effects(self.modules, functions)
        refers: dict[str, set[str]] = {}
        refusing: set[str] = set()
        for step in self._all:
            found = step.names
            step.refuses = step.statement is not None and may_refuse(step.statement, refusing)
            if step.refuses and found.defines:
                refusing |= found.binds
            bound = found.binds - found.imports - found.defines - functions
            if isinstance(getattr(step.statement, "value", None), ast.Constant):
                bound = set()  # numbers and texts stay what they are
            reads = _with_what_they_refer_to(found.runs | found.changes, refers)
            graded = step.cell.source if step.cell.kind == "tests" else ""
            code = step.statement or ast.Module(statements(graded), [])
            step.asks = effects.note(code, found, reads, bound)
            if step.statement is None:  # it runs in any case
                found.touches.clear()
            refers.update(dict.fromkeys(found.binds, found.later))

    def _needed_by_answers(self) -> set[Step]:
        """The lecturer's statements that make something which answers, or heirs, need.

        One that only may change it runs on whichever side its results are read.
        """
        steps = [step for step in self._all if step.cell.kind != "tests"]
        units = [
            (replace(step.names, touches=set(), sets=False), step.statement is None or step.heir)
            for step in steps
        ]
        return {step for step, keep in zip(steps, needed(units)) if keep}

    def _follow(self, stay: set[Step]) -> bool:
        """Follow the names through the notebook; whether another heir was found on the way."""
        foreign: set[str] = set()
        derived: set[str] = set()
        tested: set[str] = set()  # bound by graded cells, which may fail before they do so
        refers: dict[str, set[str]] = {}
        more = False
        for step in self._all:
            found = step.names
            changed = found.changes - self.modules
            step.foreign = frozenset(foreign)
            step.needs = _with_what_they_refer_to(found.reads, refers)
            if step.cell.kind == "tests":
                self.foreign[step.cell.index] = frozenset(foreign)
                self.derived[step.cell.index] = frozenset(derived)
                foreign -= found.binds
                tested |= found.binds
                continue
            if step.statement is None:
                foreign |= found.binds
                derived -= found.binds
                continue
            ran = _with_what_they_refer_to(found.runs | found.changes, refers)
            step.theirs = bool(ran & (foreign | derived))
            step.may_fail = step.theirs or bool(ran & tested)
            if not step.heir and _is_heir(step.statement, foreign | derived):
                step.heir = more = True
            step.in_sandbox = step.theirs and (step in stay or step.heir)
            step.apart = bool(ran & derived) and not step.in_sandbox
            foreign -= found.binds
            derived -= found.binds
            tested -= found.binds
            if step.in_sandbox:
                self.taken_over |= changed - foreign - derived
                foreign |= found.binds | changed
                derived -= changed
            elif step.theirs:
                derived |= found.binds | (changed - foreign)
            refers.update(dict.fromkeys(found.binds, found.later))
        return more

    def _keep(self) -> None:
        """Mark what graded cells need, and what may refuse what they need."""
        steps = [s for s in self._all if not s.in_sandbox]
        steps = [s for s in steps if s.statement is not None or s.cell.kind == "tests"]
        always = {step for step in steps if step.statement is None}
        while True:
            for step, keep in zip(steps, needed([(s.names, s in always) for s in steps])):
                step.kept = keep
            last = {s.cell.index: place for place, s in enumerate(steps) if s.kept}
            guards = {
                step
                for place, step in enumerate(steps)
                if step.guard and place < last.get(step.cell.index, 0)
            }
            if guards <= always:
                break
            always |= guards
        for step in steps:
            step.apart |= step.kept and step.theirs


def _with_what_they_refer_to(
    found: Iterable[str], refers: Mapping[str, Iterable[str]]
) -> frozenset[str]:
    """Names, and all that functions among them may read when they are called."""
    known: set[str] = set()
    todo = list(found)
    while todo:
        name = todo.pop()
        if name not in known:
            known.add(name)
            todo += refers.get(name, ())
    return frozenset(known)


def _is_heir(statement: ast.stmt, theirs: set[str]) -> bool:
    """Whether it makes a class that must be where these names are."""
    if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return False
    for node in ast.walk(statement):
        if isinstance(node, ast.ClassDef):
            parts = [*node.bases, *node.keywords, *node.decorator_list]
            read = {n.id for part in parts for n in ast.walk(part) if isinstance(n, ast.Name)}
            if read & theirs:
                return True
    return False
