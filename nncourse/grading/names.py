"""Which names a piece of a notebook binds, changes and reads.

A notebook's cells depend on each other through the names at their top level. The oracle needs to
know which of these the student's cells have a hand in, and which cells a graded cell needs at all.
The answers come from the syntax tree, so they err on the careful side: a name that may be read
counts as read.
"""

from __future__ import annotations

import ast
import contextlib
import functools
import symtable
import types
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from nncourse.grading.sandbox.inside.cells import FLAGS, check, parse
from nncourse.grading.syntax import owner, values

# Calls on a module that change what later cells do.
SETTINGS = {"seed", "manual_seed", "use", "set_printoptions", "seterr", "simplefilter"}
SETTINGS |= {"filterwarnings", "set_default_dtype"}
LONG = 20_000  # characters, for which the compiler may take seconds: it compares functions that
# are alike, and moves all names of a pattern for each. What stands behind ``finally`` it copies for
# each way there, again and again.
BRANCHING = (ast.If, ast.For, ast.AsyncFor, ast.While, ast.Try, ast.Match, ast.With, ast.AsyncWith)


@dataclass
class Names:
    """binds: assigned, defined or imported at the top level. maybe: those of them that only a
    branch or a loop assigns, so that what was there before may stay. defines: functions and classes
    among them. imports: those that import statements bind. changes: names whose objects are changed
    in place (``x[0] = 1``, ``x.a = 1``, ``x.append(1)``). runs: names that are read when the code
    runs, before it has bound them itself. later: names that functions and classes in it refer to.
    globals: names that it binds in functions alone, when they are called.
    touches: names whose objects it may change otherwise, see ``nncourse.grading.effects``. sets: it
    calls a setting, such as a seed.
    """

    binds: set[str] = field(default_factory=set)
    maybe: set[str] = field(default_factory=set)
    defines: set[str] = field(default_factory=set)
    imports: set[str] = field(default_factory=set)
    changes: set[str] = field(default_factory=set)
    runs: set[str] = field(default_factory=set)
    later: set[str] = field(default_factory=set)
    globals: set[str] = field(default_factory=set)
    touches: set[str] = field(default_factory=set)
    sets: bool = False

    @property
    def reads(self) -> set[str]:
        """All names that it may need from elsewhere."""
        return self.runs | self.later | self.changes


def names(code: str | ast.stmt) -> Names:
    """The names of a cell's source or of one statement. A cell that can't be parsed has none."""
    try:
        code = _reached(code) if isinstance(code, str) else code
        tree = _tree(code) if isinstance(code, str) else ast.Module([code], [])
        table = _table(code, tree)
        walk = _TopLevel()
        for statement in tree.body:
            branches = isinstance(statement, BRANCHING)
            before = set(walk.found.binds) if branches else set()
            walk.visit(statement)
            if branches:
                walk.found.maybe |= walk.found.binds - before
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return Names()
    found = walk.found
    for child in table.get_children():
        found.later |= _outer_names(child)
    for node in ast.walk(tree):
        if isinstance(node, ast.Global):
            found.globals.update(node.names)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            found.sets |= node.func.attr in SETTINGS
    found.globals -= found.binds
    found.binds |= found.globals
    return found


def quick_names(source: str) -> Names:
    """The same for an answer, on the careful side and ten times as fast: all that it may read.

    Attributes count as names, and nothing counts as bound.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it is the student's code, and may ask for millions
            if len(source) > LONG or "finally" in source:
                return Names(later=set(_mentioned(source)))
            check(source)
            if "raise" in source:  # as in a stub, of which the rest reads nothing
                source = _reached(source)
            try:  # without the tree, twice as fast; with what is asserted
                code = compile(source, "<cell>", "exec", FLAGS, dont_inherit=True, optimize=0)
            except SyntaxError:  # for IPython's magics
                code = compile(
                    parse(source), "<cell>", "exec", FLAGS, dont_inherit=True, optimize=0
                )
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return Names()
    found = Names()
    waiting: list[types.CodeType] = [code]
    while waiting:
        code = waiting.pop()
        found.later.update(code.co_names)
        waiting += [const for const in code.co_consts if isinstance(const, types.CodeType)]
    return found


@functools.lru_cache(maxsize=2)  # a cell is read several times in a row; trees are large
def _tree(source: str) -> ast.Module:
    """The syntax tree of a cell, for all that read it: nobody changes it. SyntaxError."""
    return parse(source)


def _reached(source: str) -> str:
    """The source without what stands behind ``raise`` or ``return`` in the body of a function.

    A stub ends in ``return h, gates`` behind its ``raise``, and binds neither.
    """
    if not any(map(_end, ast.walk(_tree(source)))):
        return source
    tree = parse(source)  # one of its own, to be changed
    for node in ast.walk(tree):
        if end := _end(node):
            del node.body[end:]  # type: ignore[attr-defined]
    with contextlib.suppress(RecursionError):
        return ast.unparse(tree)
    return source


def _end(node: ast.AST) -> int:
    """Where the rest of a function's body begins that is never reached; 0 if there is none."""
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        for place, statement in enumerate(node.body[:-1], 1):
            if isinstance(statement, (ast.Raise, ast.Return)):
                return place
    return 0


@functools.lru_cache(maxsize=32)
def _mentioned(source: str) -> frozenset[str]:
    found: set[str] = set()
    for node in ast.walk(_tree(source)):
        if isinstance(node, ast.Name):
            found.add(node.id)
        elif isinstance(node, ast.Attribute):
            found.add(node.attr)
        elif isinstance(node, ast.alias):
            found.add(node.name)
    return frozenset(found)


def _table(code: str | ast.stmt, tree: ast.Module) -> symtable.SymbolTable:
    """The scopes of the tree; the source of a cell may hold magics, which the tree has not."""
    if isinstance(code, str):
        with contextlib.suppress(SyntaxError):
            return symtable.symtable(code, "<cell>", "exec")
    return symtable.symtable(ast.unparse(tree), "<cell>", "exec")


class _TopLevel(ast.NodeVisitor):
    """Follows the top level of a cell in the order in which it runs."""

    def __init__(self) -> None:
        self.found = Names()
        self._inside: dict[int, set[str]] = {}  # the names in comprehensions

    def visit_Name(self, node: ast.Name) -> None:
        if isinstance(node.ctx, ast.Load):
            if node.id not in self.found.binds or node.id in self.found.maybe:
                self.found.runs.add(node.id)
        else:
            self.found.binds.add(node.id)

    def visit_Assign(self, node: ast.Assign) -> None:
        self.visit(node.value)
        for target in node.targets:
            self.visit(target)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        self.visit(node.annotation)
        if node.value is not None:
            self.visit(node.value)
            self.visit(node.target)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        if isinstance(node.target, ast.Name):
            self.visit_Name(ast.Name(node.target.id, ast.Load()))
        self.visit(node.value)
        self.visit(node.target)

    def visit_NamedExpr(self, node: ast.NamedExpr) -> None:
        self.visit(node.value)
        self.found.maybe |= {node.target.id} - self.found.binds  # it may stand behind an ``and``
        self.visit(node.target)

    def visit_For(self, node: ast.For) -> None:
        for part in (node.iter, node.target, *node.body, *node.orelse):
            self.visit(part)

    def visit_Attribute(self, node: ast.Attribute | ast.Subscript) -> None:
        if not isinstance(node.ctx, ast.Load):
            self.found.changes |= {owner(node)} - {""}
        self.generic_visit(node)

    visit_Subscript = visit_Attribute

    def visit_Expr(self, node: ast.Expr) -> None:
        if isinstance(node.value, ast.Call) and isinstance(node.value.func, ast.Attribute):
            self.found.changes |= {owner(node.value.func)} - {""}
        self.generic_visit(node)

    def visit_Import(self, node: ast.Import | ast.ImportFrom) -> None:
        bound = {(alias.asname or alias.name).split(".")[0] for alias in node.names}
        self.found.binds |= bound
        self.found.imports |= bound

    visit_ImportFrom = visit_Import

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> None:
        if node.name:
            self.found.binds.add(node.name)
        self.generic_visit(node)

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        parts = [*node.decorator_list, *node.args.defaults, *node.args.kw_defaults, node.returns]
        parts += [arg.annotation for arg in ast.walk(node.args) if isinstance(arg, ast.arg)]
        for part in parts:
            if part is not None:
                self.visit(part)
        self._define(node.name)

    visit_AsyncFunctionDef = visit_FunctionDef

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        for part in (*node.decorator_list, *node.bases, *node.keywords):
            self.visit(part)
        body = _TopLevel()
        for statement in node.body:
            body.visit(statement)
        self.found.runs |= body.found.runs - self.found.binds
        self._define(node.name)

    def _define(self, name: str) -> None:
        self.found.binds.add(name)
        self.found.defines.add(name)

    def visit_Lambda(self, node: ast.Lambda) -> None:
        for part in (*node.args.defaults, *node.args.kw_defaults):
            if part is not None:
                self.visit(part)  # the other names count as read later

    def visit_Call(self, node: ast.Call) -> None:
        self.generic_visit(node)
        for part in (node.func, *values(node)):
            if isinstance(part, ast.Lambda):  # mostly to be called at once, as a key for sorting is
                given = part.args
                args = [*given.posonlyargs, *given.args, *given.kwonlyargs]
                own = {arg.arg for arg in (*args, given.vararg, given.kwarg) if arg is not None}
                inside: set[str] = set()
                for inner in ast.walk(part.body):
                    if isinstance(inner, ast.Name):
                        inside.add(inner.id)
                    elif isinstance(inner, ast.arg):
                        own.add(inner.arg)
                self.found.runs |= inside - own - self.found.binds

    def visit_MatchAs(self, node: ast.MatchAs | ast.MatchStar) -> None:
        if node.name:
            self.found.binds.add(node.name)
        self.generic_visit(node)

    visit_MatchStar = visit_MatchAs

    def visit_MatchMapping(self, node: ast.MatchMapping) -> None:
        if node.rest:
            self.found.binds.add(node.rest)
        self.generic_visit(node)

    def _comprehension(self, node: Any) -> None:
        self.visit(node.generators[0].iter)  # outside of its scope
        inside = self._inside[id(node)] = self._names_in(node)
        own = {
            n.id
            for part in node.generators
            for n in ast.walk(part.target)
            if isinstance(n, ast.Name)
        }
        self.found.runs |= inside - own - self.found.binds

    def _names_in(self, node: ast.AST) -> set[str]:
        """All names in it; what stands in comprehensions that were visited is known."""
        found: set[str] = set()
        todo = [node]
        while todo:
            part = todo.pop()
            if id(part) in self._inside:
                found |= self._inside[id(part)]
            elif isinstance(part, ast.Name):
                found.add(part.id)
            else:
                todo += ast.iter_child_nodes(part)
        return found

    visit_ListComp = visit_SetComp = visit_DictComp = visit_GeneratorExp = _comprehension


def _outer_names(table: symtable.SymbolTable) -> set[str]:
    found: set[str] = set()
    tables = [table]
    for inner in tables:  # grows meanwhile; functions may be nested deeper than calls may be
        found.update(s.get_name() for s in inner.get_symbols() if s.is_global())
        tables += inner.get_children()
    return found


def statements(source: str) -> list[ast.stmt]:
    """The top-level statements of a cell; none if it can't be parsed."""
    try:
        return list(_tree(source).body)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []


def needed(units: Sequence[tuple[Names, bool]]) -> list[bool]:
    """Which of the units, in the order in which they run, are needed.

    Each comes with whether it is needed in any case; the others are, where a needed one reads what
    they bind or change. What functions refer to is read whenever they are called, so nothing that
    runs in between makes up for it. Nobody can tell what ``from module import *`` binds.
    """
    modules = set().union(*(unit.imports for unit, _ in units)) if units else set()
    keep = [always or unit.sets or "*" in unit.binds for unit, always in units]
    while True:
        later: set[str] = set().union(*(unit.later for (unit, _), kept in zip(units, keep) if kept))
        live: set[str] = set()
        before = list(keep)
        for index in range(len(units) - 1, -1, -1):
            unit = units[index][0]
            made = unit.binds | (unit.changes - modules) | unit.touches
            if made & (live | later):
                keep[index] = True
            if keep[index]:
                live -= unit.binds - unit.maybe
                live |= unit.runs | unit.changes | (unit.touches - unit.binds)
        if keep == before:
            return keep
