"""Which names a piece of a notebook binds, changes and reads.

A notebook's cells depend on each other through the names at their top level. The oracle needs to
know which of these the student's cells have a hand in, and which cells a graded cell needs at all.
The answers come from the syntax tree, so they err on the careful side: a name that may be read
counts as read.
"""

from __future__ import annotations

import ast
import symtable
from collections.abc import Iterable
from dataclasses import dataclass, field

from nncourse.grading.sandbox.inside.cells import parse

# Calls on a module that change what later cells do.
SETTINGS = {"seed", "manual_seed", "use", "set_printoptions", "seterr", "simplefilter"}
SETTINGS |= {"filterwarnings", "set_default_dtype"}


@dataclass
class Names:
    """binds: assigned, defined or imported at the top level. defines: the names of functions and
    classes among them. imports: those that import statements bind. changes: names whose objects
    are changed in place (``x[0] = 1``, ``x.a = 1``, ``x.append(1)``). reads: every other name that
    the code or a function in it refers to. runs: those that are read when the code runs, outside of
    functions. sets: it calls a setting, such as a seed.
    """

    binds: set[str] = field(default_factory=set)
    defines: set[str] = field(default_factory=set)
    imports: set[str] = field(default_factory=set)
    changes: set[str] = field(default_factory=set)
    reads: set[str] = field(default_factory=set)
    runs: set[str] = field(default_factory=set)
    sets: bool = False


def names(code: str | ast.stmt) -> Names:
    """The names of a cell's source or of one statement. A cell that can't be parsed has none."""
    if isinstance(code, str):
        try:
            tree: ast.AST = parse(code)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return Names()
        text = code
    else:
        tree = code
    try:
        text = ast.unparse(tree)
        table = symtable.symtable(text, "<cell>", "exec")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return Names()
    found = Names()
    for symbol in table.get_symbols():
        if symbol.is_assigned() or symbol.is_imported():
            found.binds.add(symbol.get_name())
        if symbol.is_imported():
            found.imports.add(symbol.get_name())
        if symbol.is_referenced():
            found.runs.add(symbol.get_name())
    for child in table.get_children():
        found.reads |= _outer_names(child)
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            if node.name in found.binds:
                found.defines.add(node.name)
        elif isinstance(node, (ast.Attribute, ast.Subscript)):
            if not isinstance(node.ctx, ast.Load):
                found.changes |= _root(node)
        elif isinstance(node, ast.Global):
            found.binds.update(node.names)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            found.sets |= node.func.attr in SETTINGS
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            if isinstance(node.value.func, ast.Attribute):
                found.changes |= _root(node.value.func)
    found.reads |= found.runs | found.changes
    return found


def _outer_names(table: symtable.SymbolTable) -> set[str]:
    found = {s.get_name() for s in table.get_symbols() if s.is_global()}
    for child in table.get_children():
        found |= _outer_names(child)
    return found


def _root(node: ast.expr) -> set[str]:
    while isinstance(node, (ast.Attribute, ast.Subscript)):
        node = node.value
    return {node.id} if isinstance(node, ast.Name) else set()


def statements(source: str) -> list[ast.stmt]:
    """The top-level statements of a cell. SyntaxError if it can't be parsed."""
    return parse(source).body


def needed(units: Iterable[tuple[Names, bool]], wanted: Iterable[str]) -> list[bool]:
    """Which of the units, in their order, something that reads ``wanted`` depends on.

    Each unit comes with whether it is needed in any case.
    """
    units = list(units)
    want = set(wanted)
    modules = set().union(*(unit.imports for unit, _ in units)) if units else set()
    keep = [always for _, always in units]
    for (unit, _), kept in zip(units, keep):
        if kept:
            want |= unit.reads
    size = -1
    while size != (size := len(want)):
        for index, (unit, _) in enumerate(units):
            made = unit.binds | (unit.changes - modules)
            if not keep[index] and (made & want or unit.sets):
                keep[index] = True
            if keep[index]:
                want |= unit.reads
    return keep
