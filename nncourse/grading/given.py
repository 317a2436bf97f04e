"""Where a graded cell reads an array that the student's code has had before.

What a function does to an array that it is given is done to a copy, unless the exercise lists the
function (``in_place``). So a cell that looks whether the array was changed sees no change of the
others. And where the change is done here too, ``assert_allclose(f(x), x @ W)`` asks about whatever
``f`` has made of ``x``: zeros are right if ``x`` is zero by then.
"""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import Iterable, Iterator

from nncourse.grading.syntax import arguments, last_name, root, values

MAKING = {"array", "asarray", "zeros", "ones", "full", "empty", "eye", "arange", "linspace"}
MAKING |= {"zeros_like", "ones_like", "full_like", "rand", "randn", "copy", "reshape", "astype"}
CONTAINERS = {"list", "dict", "set", "sorted"}
NEVER = (1 << 60, 0)
COMPARING = {"allclose", "isclose", "array_equal", "assert_allclose", "assert_array_equal"}
TRAINING = re.compile("train|fit|learn")  # what is given to learn from is to be remembered


class Given:
    """What the student's code was given, through all graded cells in their order.

    ``in_place``: the functions and classes whose changes to their arguments are done here too.
    """

    def __init__(self, in_place: Iterable[str] = ()) -> None:
        self.in_place = set(in_place)
        self.theirs: set[str] = set()
        self.arrays: set[str] = set()
        self.functions: dict[str, set[str]] = {}  # of the cell's own, with the names that they read
        # Where it was given last: to code that changes it here too, and to other code.
        self.shared: dict[str, tuple[int, int]] = {}
        self.copied: dict[str, tuple[int, int]] = {}
        self.known: dict[str, set[str]] = {}  # names of data, and the functions that were given it
        self.made: dict[str, ast.Call] = {}

    def given_back(
        self, cell: ast.Module, foreign: Iterable[str]
    ) -> Iterator[tuple[ast.Name, str]]:
        """The places in the next cell where an answer is compared with what another function of the
        student's has been given before, and that function's name. It may well be remembered.
        """
        theirs = set(foreign)
        for statement in _statements(cell):
            nodes = [statement, *_own(statement)]
            calls = [n for n in nodes if isinstance(n, ast.Call) and _name_in(n.func, theirs)]
            for one, other in (pair for node in nodes for pair in _compared(node)):
                answer = self.made.get(other.id) if isinstance(other, ast.Name) else other
                known = self.known.get(one.id, ()) if isinstance(one, ast.Name) else ()
                if isinstance(one, ast.Name) and isinstance(answer, ast.Call) and known:
                    others = known - {root(answer.func)}
                    fresh = one.id not in {name.id for name in arguments(answer)}
                    if others and fresh and _name_in(answer.func, theirs):
                        yield one, min(others)
            for call in calls:
                if not TRAINING.search(root(call.func)):
                    for name in arguments(call):
                        self.known.setdefault(name.id, set()).add(root(call.func))
            for target, value in _assigned(statement, nodes).items():
                self.known.pop(target, None)
                self.made.pop(target, None)
                if value in calls and isinstance(value, ast.Call):
                    self.made[target] = value

    def read_late(
        self, cell: ast.Module, foreign: Iterable[str]
    ) -> Iterator[tuple[ast.Name, bool]]:
        """The places in the next cell, and whether a change would be seen there.

        ``foreign``: the names in the cell that are the student's. Statements are taken in the order
        of the text, whatever the flow: it is for the author to judge.
        """
        self.theirs |= set(foreign)
        self.shared = dict.fromkeys(self.shared, (0, 0))
        self.copied = dict.fromkeys(self.copied, (0, 0))
        for statement in _statements(cell):
            yield from self._statement(statement)

    def _statement(self, statement: ast.stmt) -> Iterator[tuple[ast.Name, bool]]:
        nodes = list(_own(statement))
        calls = [n for n in nodes if isinstance(n, ast.Call) and root(n.func) in self.theirs]
        handed = [name for call in calls for name in arguments(call)]
        for call in calls:
            yield from self._closed_over(call)
            self._give(call)
        read = _read(nodes)
        mixed = any(name.id in self.theirs for name in read)
        makes_right = mixed or isinstance(statement, ast.Assign)
        looks = not mixed and isinstance(statement, (ast.Assert, ast.Expr))
        for name in (name for name in read if name not in handed):
            place = name.lineno, name.col_offset
            if makes_right and self.shared.get(name.id, NEVER) < place:
                yield name, True
            if looks and self.copied.get(name.id, NEVER) < place:
                yield name, False
        if isinstance(statement, ast.FunctionDef):
            self.functions[statement.name] = {n.id for n in _read(ast.walk(statement))}
        for target, value in _assigned(statement, nodes).items():
            own = any(name.id in self.theirs for name in _read([value, *_own(value)]))
            for names, belongs in (
                (self.theirs, own),
                (self.in_place, own and root(value) in self.in_place),
                (self.arrays, not own and _makes(value)),
            ):
                (names.add if belongs else names.discard)(target)
            self.functions.pop(target, None)
            if isinstance(value, ast.Lambda):
                self.functions[target] = {n.id for n in _read(ast.walk(value))}
            self.shared.pop(target, None)
            self.copied.pop(target, None)

    def _give(self, call: ast.Call) -> None:
        end = call.end_lineno or 0, call.end_col_offset or 0
        in_place = root(call.func) in self.in_place
        for name in arguments(call):
            if name.id in self.arrays and not in_place:
                self.copied.setdefault(name.id, end)
            elif name.id in self.arrays:
                self.copied.pop(name.id, None)
                # What is given in a list is mostly parameters, from whose values gradients follow.
                if any(name is value for value in values(call)):
                    self.shared.setdefault(name.id, end)

    def _closed_over(self, call: ast.Call) -> Iterator[tuple[ast.Name, bool]]:
        """Arguments that another argument, a function, reads by itself."""
        if root(call.func) in self.in_place:
            return
        names: set[str] = set()
        for value in values(call):
            if isinstance(value, ast.Lambda):
                names |= {name.id for name in _read(ast.walk(value))}
            if isinstance(value, ast.Name):
                names |= self.functions.get(value.id, set())
        for name in arguments(call):
            if name.id in names & self.arrays:
                yield name, False


def _name_in(node: ast.AST, names: set[str]) -> bool:
    return isinstance(node, ast.Name) and node.id in names


def _compared(node: ast.AST) -> Iterator[tuple[ast.expr, ast.expr]]:
    """What is asked to be equal, either way round."""
    sides: list[ast.expr] = []
    if isinstance(node, ast.Compare) and isinstance(node.ops[0], ast.Eq):
        sides = [node.left, node.comparators[0]]
    elif isinstance(node, ast.Call) and last_name(node.func) in COMPARING:
        sides = node.args[:2]
    if len(sides) == 2:
        yield sides[0], sides[1]
        yield sides[1], sides[0]


def _read(nodes: Iterable[ast.AST]) -> list[ast.Name]:
    return [n for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)]


def _statements(tree: ast.Module) -> list[ast.stmt]:
    found = [node for node in ast.walk(tree) if isinstance(node, ast.stmt)]
    return sorted(found, key=lambda node: (node.lineno, node.col_offset))


def _own(node: ast.AST) -> Iterator[ast.AST]:
    """What is below a statement and in no other one; what a lambda does later is left out."""
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, (ast.stmt, ast.Lambda)):
            yield child
            yield from _own(child)


def _assigned(statement: ast.stmt, nodes: list[ast.AST]) -> dict[str, ast.AST]:
    """The names that it assigns, each with what it is taken from."""
    found: dict[str, ast.AST] = {
        node.id: statement
        for node in nodes
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    }
    if not isinstance(statement, ast.Assign):
        return found
    for target in statement.targets:
        pairs = [(target, statement.value)]
        if isinstance(target, ast.Tuple) and isinstance(statement.value, ast.Tuple):
            pairs = list(zip(target.elts, statement.value.elts, strict=False))
        found |= {place.id: value for place, value in pairs if isinstance(place, ast.Name)}
    return found


def _makes(value: ast.AST) -> bool:
    """Whether it is an array, or a list; what a function of the lecturer's makes counts as such."""
    if isinstance(value, ast.Assign):
        return _makes(value.value)
    if isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute):
        sized = any(keyword.arg == "size" for keyword in value.keywords)
        return sized or value.func.attr in MAKING
    if isinstance(value, ast.Call) and isinstance(value.func, ast.Name):
        name = value.func.id
        return name.islower() and (name in CONTAINERS or not hasattr(builtins, name))
    if isinstance(value, ast.BinOp):
        return _makes(value.left) or _makes(value.right)
    if isinstance(value, ast.Subscript):
        return isinstance(value.slice, ast.Slice)
    # What a class makes may stay here and be asked, see ``objects`` in the rules.
    made = any(isinstance(n, ast.Call) and isinstance(n.func, ast.Name) for n in ast.walk(value))
    return isinstance(value, (ast.List, ast.ListComp, ast.Dict)) and not made
