"""What a graded cell arranges around an answer, or sees in it, though the answer runs elsewhere.

A module that is patched, a warning that is made an error, a flag of floating point are of the
cell's own process, and whatever comes back from an answer is another object than any that is here.
A test that builds on them passes with wrong answers, so its author is told.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Callable, Iterator, Set

from nncourse.grading.syntax import arguments, last_name, root
from nncourse.language import catalogue

_ = catalogue("course")

PATCHING = {"patch", "setattr", "object"}
CAPTURING = {"stdout", "stderr"}  # what answers print comes to the cell that asks them
RAISED = {"raise", "warn", "call", "print", "log", "error", "always", "default", "once", "module"}
WARNING = {"errstate", "seterr", "simplefilter", "filterwarnings"}
RECORDING = {"warns", "assertWarns", "catch_warnings", "deprecated_call"}
PROCESS = {"process_time", "thread_time", "getrusage", "get_traced_memory", "setrecursionlimit"}
PROCESS |= {"get_state", "get_fignums", "active_count", "getrefcount"}  # tell of their process
MEMORY = {"flags", "base", "strides"}  # of an array, which is a copy here
FILLING = {"append", "extend", "fill", "reverse", "sort"}  # a list or an array
CAN = {"Callable", "Iterable", "Iterator", "Sized", "Container", "Collection", "Hashable"}


def elsewhere(
    tree: ast.AST, modules: Set[str], theirs: Callable[[ast.AST], bool]
) -> Iterator[tuple[ast.AST, str]]:
    """The places, and what to do. ``modules``: names of imported ones; ``theirs``: whether a value
    of the student's is in an expression.
    """
    apart = {
        part
        for node in ast.walk(tree)
        if isinstance(node, ast.With) and not any(map(theirs, node.body))
        for part in ast.walk(node)
    }
    for statement in _changed(tree, theirs):
        text = _(
            "plain data that comes from an answer is a copy: whether a part of it, another result "
            "or an argument is the same object, and changes with it, isn't seen"
        )
        yield statement, text
    for node in ast.walk(tree):
        if node not in apart and (what := _patched(node, modules)):
            yield (
                node,
                _("{what} is changed on this side only: answers don't notice it", what=what),
            )
        if node not in apart and isinstance(node, ast.Call) and _warns(node):
            text = _(
                "{name}() is of this side only: warnings and errors of floating point in answers "
                "don't come here. Compare values",
                name=last_name(node.func),
            )
            yield node, text
        if _compares_objects(node, theirs):
            text = _(
                "what comes from an answer is never an object of this side, whatever the answer "
                "returns: compare values"
            )
            yield node, text
        if node not in apart and _asks_the_process(node, theirs):
            text = _(
                "{name} is of this side only: it tells nothing of what an answer does",
                name=last_name(node.func if isinstance(node, ast.Call) else node),
            )
            yield node, text
        if isinstance(node, ast.Call) and _asks_what_it_can(node, theirs):
            text = _("every object of the student's passes here, whatever it can: use it instead")
            yield node, text


def _patched(node: ast.AST, modules: Set[str]) -> str:
    """The name of something in a module that gets another value."""
    if isinstance(node, ast.Assign):
        for target in node.targets:
            if isinstance(target, ast.Attribute) and root(target) in modules:
                return "" if target.attr in CAPTURING else ast.unparse(target)
    if not isinstance(node, ast.Call) or not node.args or last_name(node.func) not in PATCHING:
        return ""
    first = node.args[0]
    if isinstance(first, ast.Constant):
        name = str(first.value)
        return "" if name.rpartition(".")[2] in CAPTURING or "." not in name else name
    return ast.unparse(first) if root(first) in modules else ""


def _warns(call: ast.Call) -> bool:
    """Whether it is to see warnings, or to make errors of them; not to keep them quiet."""
    name = last_name(call.func)
    given = [*call.args, *(keyword.value for keyword in call.keywords)]
    constants = {part.value for part in given if isinstance(part, ast.Constant)}
    if name == "catch_warnings":
        return True in constants
    return name in RECORDING or (name in WARNING and bool(constants & RAISED))


def _asks_the_process(node: ast.AST, theirs: Callable[[ast.AST], bool]) -> bool:
    """For what an answer uses up or leaves behind there, or how an array lies in memory there."""
    if isinstance(node, ast.Call):
        name = last_name(node.func)
        return name in PROCESS or (name == "getsizeof" and any(map(theirs, node.args)))
    return isinstance(node, ast.Attribute) and node.attr in MEMORY and theirs(node.value)


def _changed(tree: ast.AST, theirs: Callable[[ast.AST], bool]) -> Iterator[ast.stmt]:
    """Where it changes what an answer gave, or a part of that, and then looks at something else."""
    statements = [node for node in ast.walk(tree) if isinstance(node, ast.stmt)]
    given: dict[str, ast.Assign] = {}
    for one in statements:
        # An object of theirs, which a class makes, stays the same one.
        if isinstance(one, ast.Assign) and theirs(one.value) and _is_result(one.value):
            given |= {name: one for target in one.targets for name in _names(target)}
    for statement in statements:
        place = _filled(statement)
        name = root(place) if place is not None else ""
        judges = [s for s in statements if _judges(s) and s.lineno > statement.lineno]
        if place is not None and theirs(place) and _is_result(place) and any(map(theirs, judges)):
            yield statement
        rest = [s for s in statements if s is not given.get(name) and s not in judges]
        # What is computed with it is what it is changed for.
        if name not in given or any(name in _names(s) for s in rest if _filled(s) is None):
            continue
        if any(_other_part(node, place) for s in judges for node in ast.walk(s)) or any(
            theirs(s) or _names(s) & given.keys() for s in judges if name not in _names(s)
        ):
            yield statement
        elif isinstance(place, ast.Subscript):  # a copy, and not a deep one?
            handed = {n.id for node in ast.walk(given[name]) for n in _handed(node)}
            if any(_names(s) & handed for s in judges):
                yield statement


def _other_part(node: ast.AST, place: ast.expr | None) -> bool:
    """Whether it is a part of the same value as ``place``, and another one."""
    if not isinstance(place, ast.Subscript) or not isinstance(node, ast.Subscript):
        return False
    same = ast.dump(node.value) == ast.dump(place.value)
    return same and ast.dump(node.slice) != ast.dump(place.slice)


def _is_result(value: ast.expr) -> bool:
    name = last_name(value.func) if isinstance(value, ast.Call) else ""
    return name[:1].islower() and name not in FILLING  # these may give the object itself


def _handed(node: ast.AST) -> list[ast.Name]:
    return arguments(node) if isinstance(node, ast.Call) else []


def _filled(statement: ast.stmt) -> ast.expr | None:
    """What gets another element there."""
    if isinstance(statement, (ast.Assign, ast.AugAssign)):
        first = statement.targets[0] if isinstance(statement, ast.Assign) else statement.target
        return first.value if isinstance(first, ast.Subscript) else None
    call = statement.value if isinstance(statement, ast.Expr) else None
    fills = isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute)
    return call.func.value if fills and call.func.attr in FILLING else None  # type: ignore


def _names(node: ast.AST) -> set[str]:
    return {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}


def _judges(statement: ast.stmt) -> bool:
    call = statement.value if isinstance(statement, ast.Expr) else None
    checks = isinstance(call, ast.Call) and last_name(call.func).startswith("assert")
    return isinstance(statement, ast.Assert) or checks


def _compares_objects(node: ast.AST, theirs: Callable[[ast.AST], bool]) -> bool:
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "id":
        return True
    if isinstance(node, ast.Call) and last_name(node.func) in ("shares_memory", "may_share_memory"):
        return any(map(theirs, node.args))
    if not isinstance(node, ast.Compare) or not isinstance(node.ops[0], ast.IsNot):
        return False
    sides = [node.left, node.comparators[0]]
    objects = all(
        (isinstance(side, ast.Name) and not hasattr(builtins, side.id))
        or (isinstance(side, ast.Call) and last_name(side.func) != "type")
        for side in sides
    )
    return objects and any(map(theirs, sides))


def _asks_what_it_can(call: ast.Call, theirs: Callable[[ast.AST], bool]) -> bool:
    name = last_name(call.func)
    if not call.args or not theirs(call.args[0]):
        return False
    asked = call.args[1] if len(call.args) > 1 else None
    if name == "isinstance":
        return asked is not None and last_name(asked) in CAN
    special = isinstance(asked, ast.Constant) and str(asked.value).startswith("__")
    return name == "callable" or (name == "hasattr" and special)
