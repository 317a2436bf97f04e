"""What a statement may change besides the names that it assigns.

``losses = train(net)`` trains ``net``, ``opt.step()`` too, and ``rng.normal()`` moves ``rng``.
Nobody can tell by reading; so a call that is not known to change nothing counts as changing the
objects that the statement reads, and all that were made from the same ones.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterable, Iterator, Set
from typing import Any

import numpy as np

from nncourse.grading.names import Names, names
from nncourse.grading.syntax import last_name, root, values

CHANGING = {"append", "extend", "insert", "pop", "popitem", "remove", "clear", "update", "sort"}
CHANGING |= {"setdefault", "reverse", "add", "discard", "fill", "put", "partition", "resize"}
CHANGING |= {"difference_update", "intersection_update", "symmetric_difference_update"}
CHANGING |= {"itemset", "setfield", "setflags"}
PLAIN: list[Any] = [np.ndarray, list, dict, set, tuple, str, int, float]
READING = {name for kind in PLAIN for name in dir(kind)} - CHANGING
# The first argument of functions, and of methods of generators.
SETTING = {
    "shuffle",
    "copyto",
    "put",
    "put_along_axis",
    "fill_diagonal",
    "place",
    "putmask",
    "heapify",
    "heappush",
    "at",
}
SETTING |= {"heappop", "heapreplace", "heappushpop", "insort", "insort_left", "insort_right"}
SETTING |= {"setattr", "delattr"}
VIEWS = {"reshape", "ravel", "view", "transpose", "swapaxes", "squeeze", "asarray", "atleast_2d"}
CALLING = {"next", "setattr", "delattr", "map", "filter", "exec", "eval"}
HARMLESS = set(dir(builtins)) - CALLING
DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
STREAM = "random numbers"  # stands for NumPy's and Python's own generators, in place of a name


class Effects:
    """Follows the statements of a notebook. ``modules``: the names of imports. ``theirs``: the
    student's functions and classes, which get copies, except of objects of the student's.
    """

    def __init__(self, modules: Set[str], theirs: Set[str]) -> None:
        self.modules = modules
        self.theirs = set(theirs)
        self.objects: set[str] = set()
        self.related: dict[str, set[str]] = {}  # what was made from each other
        self.functions: dict[str, ast.FunctionDef] = {}
        self.classes: set[str] = set()
        self.instances: set[str] = set()  # of these
        self.wholes: dict[str, set[str]] = {}  # what a name stands for a part of

    def note(
        self, statement: ast.AST, found: Names, reads: Set[str], bound: Set[str]
    ) -> frozenset[str]:
        """Add to ``found`` what the statement changes, or may change; returns the objects whose
        methods it calls to that end.

        reads: what it reads, with what the functions among that refer to. bound: the objects that
        it assigns.
        """
        body = statement.body if isinstance(statement, ast.Module) else [statement]
        run = [one for one in body if not isinstance(one, DEFINITIONS)]
        nodes = [node for one in run for node in ast.walk(one)]
        calls = [node for node in nodes if isinstance(node, ast.Call)]
        self.functions |= {one.name: one for one in body if isinstance(one, ast.FunctionDef)}
        self.classes |= {one.name for one in body if isinstance(one, ast.ClassDef)}
        self._follow_parts(nodes)
        found.changes = found.changes.union(*map(self._changed_by, calls))
        found.changes |= self._wholes(found.changes) & self.objects
        changing = [call for call in calls if self._may_change(call)]
        if any(map(self._draws, calls)):
            found.runs.add(STREAM)
            found.touches.add(STREAM)
        read = (reads & self.objects) | (bound & found.runs)
        copied = all(root(call.func) in self.theirs for call in changing)
        lent = self.objects & {name for call in changing for name in self._lent(call)}
        asked = {root(call.func) for call in changing if isinstance(call.func, ast.Attribute)}
        if changing:
            found.touches |= lent | (read & self.theirs if copied else read)
            found.touches |= self._wholes(asked) & self.objects
        if reads & self.theirs:
            self.theirs |= bound
        for name in found.touches | found.changes | (bound & found.runs):
            found.touches |= self.related.get(name, set())
        self.objects |= bound
        if any(last_name(call.func) in self.classes for call in calls):
            self.instances |= bound
        together = set(bound | read | lent)
        together = together.union(*(self.related.get(name, set()) for name in together))
        if bound or lent:
            self.related.update(dict.fromkeys(together, together))
        return frozenset(asked & self.objects)

    def _may_change(self, call: ast.Call) -> bool:
        name = last_name(call.func)
        if isinstance(call.func, ast.Attribute):
            if root(call.func) in self.modules:
                return name in CHANGING | SETTING
            return name not in READING
        return name not in HARMLESS or name in self.objects

    def _lent(self, call: ast.Call) -> Iterator[str]:
        """Objects that functions among the arguments may change when they are called back."""
        for value in values(call):
            if isinstance(value, ast.Attribute):
                yield root(value)
            elif isinstance(value, ast.Name) and value.id in self.instances:
                yield value.id
            function = self.functions.get(last_name(value), value)
            if isinstance(function, (ast.Lambda, ast.FunctionDef)):
                yield from (n.id for n in ast.walk(function) if isinstance(n, ast.Name))

    def _follow_parts(self, nodes: Iterable[ast.AST]) -> None:
        """Note which names are assigned parts of what others stand for."""
        for node in nodes:
            if isinstance(node, (ast.For, ast.comprehension)):
                targets, value = [node.target], node.iter
            elif isinstance(node, ast.Assign):
                targets, value = node.targets, node.value
            else:
                continue
            parts = list(ast.walk(value))
            calls = (p for p in parts if isinstance(p, ast.Call) and last_name(p.func) not in VIEWS)
            new = isinstance(node, ast.Assign) and any(True for _call in calls)
            whole = set() if new else {p.id for p in parts if isinstance(p, ast.Name)}
            for part in (part for target in targets for part in ast.walk(target)):
                if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store):
                    self.wholes[part.id] = whole - {part.id}

    def _wholes(self, changed: Iterable[str]) -> set[str]:
        """What these are parts of, or of what they were made."""
        found: set[str] = set()
        todo = list(changed)
        while todo:
            new = self.wholes.get(todo.pop(), set()) - found
            found |= new
            todo += new
        return found

    def _changed_by(self, call: ast.Call) -> set[str]:
        """By a function of the lecturer's or of a module: its arguments, and other objects."""
        out = [keyword.value for keyword in call.keywords if keyword.arg == "out"]
        name = last_name(call.func)
        function = self.functions.get(name) if isinstance(call.func, ast.Name) else None
        if function is None:
            changed_there = out or (call.args[:1] if name in SETTING else [])
            return {root(value) for value in changed_there} & self.objects
        changed = set[str]().union(*(names(statement).changes for statement in function.body))
        positional = [*function.args.posonlyargs, *function.args.args]
        own = [arg.arg for arg in positional]
        given = [*zip(own, call.args, strict=False), *((k.arg, k.value) for k in call.keywords)]
        found = {root(value) for name, value in given if name in changed}
        return (found | changed) & self.objects

    def _draws(self, call: ast.Call) -> bool:
        """Whether it is one of a module ``random``."""
        inside = call.func.value if isinstance(call.func, ast.Attribute) else call.func
        return last_name(inside) == "random" and root(inside) in self.modules
