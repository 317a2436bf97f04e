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
import itertools
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace

from nncourse.grading import outside
from nncourse.grading.effects import Effects
from nncourse.grading.names import Names, names, needed, quick_names, statements
from nncourse.grading.own import Other, OwnCell, label, needed_lines
from nncourse.grading.syntax import arguments, may_refuse, root

NO_NAMES = Names()


@dataclass(frozen=True)
class Cell:
    """One cell of the notebook. kind: "answer", "tests", "manual", "readonly", "plain", "text"; or
    "own", of the student's.

    ``index``: its place in the notebook; of an own cell, that of the cell before which it runs, and
    its ``name`` is what it is needed for. points: what a graded cell is worth. edits: the place of
    the lecturer's cell of which an own cell is an edit.
    """

    index: int
    kind: str
    name: str
    source: str
    points: float = 0.0
    edits: int | None = None

    @property
    def label(self) -> str:
        """Its name, or its place."""
        return self.name or f"[{self.index}]"

    @property
    def is_answer(self) -> bool:
        """Whether the student writes it."""
        return self.kind in ("answer", "manual")


@dataclass(eq=False)
class Step:
    """A statement of the lecturer's; an answer or a graded cell as a whole has none.

    theirs: whether it runs the student's code, or rests on what that made. may_fail: the same, or
    it rests on a graded cell. foreign: the names that are the student's when it runs.
    """

    cell: Cell
    names: Names
    statement: ast.stmt | None = None
    theirs: bool = False
    may_fail: bool = False
    foreign: frozenset[str] = frozenset()
    needs: frozenset[str] = frozenset()  # with what the functions that it reads refer to
    asks: frozenset[str] = frozenset()  # objects by methods that may change them
    heir: bool = False  # makes a class of the student's class, or one that their function changes
    in_sandbox: bool = False
    kept: bool = False  # on the trusted side
    apart: bool = False  # from its cell: it runs in the sandbox only where an answer needs it
    refuses: bool = False  # has an assertion in it, or calls what has

    @property
    def alters(self) -> set[str]:
        """Names of what it may change of what was there before."""
        found = self.names
        new = found.binds - found.runs
        return (found.changes - new) | ((found.binds | self.asks) & found.runs)

    @property
    def guard(self) -> bool:
        """Whether it may refuse what comes after it in its cell."""
        return self.refuses and self.theirs


@dataclass
class _Part:
    """What of a cell runs in the sandbox together: ``statements`` of it, or all."""

    names: Names
    always: bool
    statements: list[ast.stmt] | None = None


class Plan:
    """steps: what the trusted side runs of cells that are not graded, by the place of the cell.
    alters: the names of what graded cells change of what was there before.
    foreign: the names that are the student's at a graded cell. derived: those that the trusted side
    has made of these by then. trusted_reads: all that it may read. modules: what is imported.
    made_there: the names that statements of the lecturer's make in the sandbox alone.
    taken_over: those of what was the lecturer's before these changed it.
    given_classes: those of classes that answers find in the lecturer's cells.
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
        self.cells = cells
        self.foreign: dict[int, frozenset[str]] = {}
        self.derived: dict[int, frozenset[str]] = {}
        self.taken_over: set[str] = set()
        self._all = list(_steps(cells, defines, reads, imports, frozenset(in_place)))
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
        self._parts = {cell.index: list(self._parts_of(cell)) for cell in cells}

    # Which side.

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

    # In the sandbox.

    def _parts_of(self, cell: Cell, edit: Names | None = None) -> Iterator[_Part]:
        """``edit``: what runs of an edit of the cell, right behind it."""
        steps = [s for s in self._all if s.cell is cell]
        if edit is not None:
            yield from (_part_of(step, edit) for step in steps)
        elif cell.kind in ("readonly", "plain"):
            yield from self._given_parts(cell, steps)
        for step in steps:
            if step.kept and (step.may_fail or step.statement is None):
                yield _Part(Names(runs=set(step.needs & step.foreign)), True, [])

    def _given_parts(self, cell: Cell, steps: list[Step]) -> Iterator[_Part]:
        together = [s.statement for s in steps if s.statement is not None and not s.apart]
        locked = cell.kind == "readonly"
        touches = set[str]().union(*(s.asks for s in steps if not s.apart))
        if len(together) == len(steps):
            yield _Part(replace(names(cell.source), touches=touches), locked)
            return
        source = "\n".join(map(ast.unparse, together))
        found = replace(names(source), touches=touches)
        yield _Part(found, locked and bool(together), together)
        yield from (_part_of(step) for step in steps if step.apart)

    def sandboxed(self, answers: Mapping[str, str], own: Sequence[Cell] = ()) -> list[Cell]:
        """The code cells that run in the sandbox, with the student's answers in their places.

        Cells that are neither locked nor answers run only if something depends on them: most are
        there to look at. ``own``: what is needed of the student's own.
        """
        return list(_cells_of(self._needed_parts(answers, own)))

    def _needed_parts(
        self, answers: Mapping[str, str], own: Sequence[Cell]
    ) -> list[tuple[Cell, _Part]]:
        apart = set[str]().union(*(step.names.binds for step in self._all if step.apart))
        edits: dict[int | None, list[str]] = {}
        for cell in own:
            edits.setdefault(cell.edits, []).append(cell.source)
        parts: list[tuple[Cell, _Part]] = []
        for cell in self.cells:
            here = [one for one in own if one.index == cell.index]
            parts += [(one, _Part(_names_of_answer(one.source, apart), True)) for one in here]
            if cell.is_answer:
                source = answers.get(cell.name, cell.source)
                given = Cell(cell.index, cell.kind, cell.name, source)
                parts.append((given, _Part(_names_of_answer(source, apart), True)))
            here_too: Iterable[_Part] = self._parts[cell.index]
            if cell.index in edits:
                here_too = self._parts_of(cell, names("\n".join(edits[cell.index])))
            parts += [(cell, part) for part in here_too]
        kept = needed([(part.names, part.always) for _, part in parts])
        return [one for one, keep in zip(parts, kept) if keep]

    def needed_of(
        self, own: Sequence[OwnCell], answers: Mapping[str, str]
    ) -> tuple[list[Cell], list[str]]:
        """Of the student's own cells what the answers need; and the names that are bound behind
        the last graded cell, where it is too late.
        """
        cells = [OwnCell(*cell) for cell in own]
        last = max(self.foreign, default=-1)
        in_time = [cell for cell in cells if cell.place <= last]
        edited: dict[int | None, Set[str]] = {
            cell.edits: self._made_in(cell.edits) for cell in in_time if cell.edits is not None
        }
        given = [step for step in self._all if step.statement and not step.cell.is_answer]
        others = [Other(step.cell.index, step.names, False) for step in given]
        again: dict[str, range] = {}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for cell in self.cells:
                if cell.is_answer:
                    source = answers.get(cell.name, cell.source)
                    found = names(source)
                    found.binds -= found.globals  # an own cell may bind them before
                    stub = names(cell.source).binds
                    if source.strip() == cell.source.strip():
                        found = Names()
                    found.later |= stub - found.binds  # the answer may stand elsewhere
                    again |= dict.fromkeys(found.defines & stub, self._until_graded(cell))
                    nodes = [n for one in statements(source) for n in ast.walk(one)]
                    found.later |= outside.reads(nodes) | {outside.RECURSION}
                    others.append(Other(cell.index, found, True))
            if edited:
                others += self._readers(edited, answers)
            made = [step for step in self._all if step.in_sandbox]
            results = {n: self._until_graded(step.cell) for step in made for n in step.names.binds}
            needed = needed_lines(in_time, others, edited, again, results)
            late = needed_lines([cell for cell in cells if cell.place > last], others)
        there = {name for _, for_ in needed for name in for_}
        return (
            [
                Cell(one.place, "own", label(for_), one.source, edits=one.edits)
                for one, for_ in needed
            ],
            [name for _, for_ in late for name in for_ if name not in there],
        )

    def _until_graded(self, cell: Cell) -> range:
        """The places behind a cell, up to the next graded one."""
        last = min((at for at in self.foreign if at > cell.index), default=cell.index)
        return range(cell.index + 1, last + 1)

    def _made_in(self, index: int) -> set[str]:
        """What a cell of the lecturer's binds and changes."""
        made = [step.names.binds | step.names.changes for step in self._all]
        here = [found for step, found in zip(self._all, made) if step.cell.index == index]
        return set[str]().union(*here) - self.modules

    def _readers(
        self, edited: Mapping[int | None, Set[str]], answers: Mapping[str, str]
    ) -> Iterator[Other]:
        """What of the lecturer's other cells runs in the sandbox and reads what was edited."""
        all_ = set[str]().union(*edited.values())
        for cell, part in self._needed_parts(answers, ()):
            here = part.statements != [] and not cell.is_answer
            if here and cell.index not in edited:
                found = Names(runs=part.names.runs & all_, later=part.names.later & all_)
                yield Other(cell.index, found, True)


def _part_of(step: Step, edit: Names = NO_NAMES) -> _Part:
    """A statement of the lecturer's, which runs if it is needed for more than ``edit`` does."""
    # What is the student's is there already, and would be changed twice.
    there = edit.binds | edit.changes | (step.foreign if step.apart else set())
    made = replace(
        step.names,
        binds=step.names.binds - edit.binds,
        changes=step.names.changes - there,
        touches=set(step.asks - there),
    )
    return _Part(made, False, [step.statement] if step.statement is not None else [])


def _steps(
    cells: Iterable[Cell],
    defines: Mapping[str, Iterable[str]],
    reads: Mapping[str, Iterable[str]],
    imports: Mapping[str, str],
    in_place: frozenset[str],
) -> Iterator[Step]:
    holders: dict[str, set[str]] = {}  # objects that change arrays which they were given
    for cell in cells:
        if cell.is_answer:
            own = [Step(cell, names(s), s) for s in statements(imports.get(cell.name, ""))]
            bound = set(defines.get(cell.name, ())).difference(*(s.names.binds for s in own))
            yield from own
            yield Step(cell, Names(binds=bound, later=set(reads.get(cell.name, ()))))
        elif cell.kind == "tests":
            yield Step(cell, names(cell.source))
        elif cell.kind != "text":
            for statement in statements(cell.source):
                found = names(statement)
                given = {
                    name.id
                    for node in ast.walk(statement)
                    if isinstance(node, ast.Call) and root(node.func) in in_place
                    for name in arguments(node)
                }
                if given:
                    holders |= dict.fromkeys(found.binds, given)
                found.changes |= given.union(*(holders.get(name, ()) for name in found.changes))
                yield Step(cell, found, statement)


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


def _names_of_answer(source: str, apart: set[str]) -> Names:
    """What a student's answer reads: exactly, where it decides what runs twice."""
    found = quick_names(source)
    if not found.later & apart:
        return found
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return Names(later=found.later - apart | names(source).reads)


def _one_cell(part: tuple[Cell, _Part]) -> tuple[int, int]:
    """What the parts of a cell have in common; an own cell is one part."""
    cell, _ = part
    return cell.index, id(cell) if cell.kind == "own" else 0


def _cells_of(parts: Iterable[tuple[Cell, _Part]]) -> Iterator[Cell]:
    """The cells that these parts make up, each as a whole or with the statements of its parts."""
    for (index, _), group in itertools.groupby(parts, _one_cell):
        found = list(group)
        cell = found[-1][0]
        chosen = [part.statements for _, part in found if part.statements != []]
        if None in chosen:
            yield cell
        elif chosen:
            body = sorted(
                (statement for part in chosen for statement in part or ()),
                key=lambda statement: (statement.lineno, statement.col_offset),
            )
            source = ast.unparse(ast.Module(body, []))
            yield Cell(index, cell.kind, cell.name, source, cell.points)
