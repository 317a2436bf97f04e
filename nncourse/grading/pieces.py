"""The statements of a student's own cell, and what each of them has a hand in.

A statement binds names and changes objects in place; functions that it defines may do the same
when they are called. Which call is there for the sake of that, nobody can tell by reading. So three
kinds count: a call that stands for itself (``fill()``), a decorator, and the classes that a class
is derived from. ``x = f(3)`` and ``print(f(3))`` are there for the value; but ``losses =
train(net)``, ``losses = [step(net) for ...]``, ``losses.append(step(net))``, ``loss = net.fit()``
and ``Trainer(net).fit()`` may have changed the net; and so has any call of a function in which a
change of it, or of what it is given, stands, or which hands that on to such a function.
"""

from __future__ import annotations

import ast
import builtins
import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import dataclass, field

from nncourse.grading import outside
from nncourse.grading.effects import CHANGING, SETTING
from nncourse.grading.names import Names, names
from nncourse.grading.sandbox.inside.cells import check
from nncourse.grading.sandbox.inside.magics import python
from nncourse.grading.syntax import arguments, last_name, owner, root, values

LINES = re.compile(r"\r\n|\r|\n")  # as Python counts them
MOST = 20_000  # statements of a cell
BUILTINS = frozenset(dir(builtins))
DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
FUNCTIONS = (*DEFINITIONS, ast.Lambda)
FILLING = CHANGING | {"__setitem__", "__delitem__"}


@dataclass(eq=False)
class Piece:
    """Statements of an own cell that share no line with others.

    leaves: the outer names that its functions bind, or whose objects they change. calls: what it
    calls for the sake of such a change. alters: its functions that change what they are given;
    hands_on: pairs of one of them and a function to which it gives what it is given. lends: the
    functions that it calls, with the names of what they are given; lends_later: the same of its
    functions. made: names that it gives to what a call returns. steps: names of which it makes
    something else by ``+=`` and the like, in place where they are arrays. asks: what it calls as
    one calls a method that changes its object. same: pairs of names that it gives to one object,
    or to an object and a part of it. renames: names, each with the one whose object it is given.
    extends: names whose attributes it assigns. edited: names that it may bind and change though
    others have bound them. shows: it ends in a value. above: pieces that bind or change a name
    which it reads, where the last ones count, and that name. for_: what is needed of it.
    """

    place: int
    text: str
    names: Names
    edited: Set[str] = frozenset()
    extends: set[str] = field(default_factory=set)
    leaves: set[str] = field(default_factory=set)
    calls: set[str] = field(default_factory=set)
    alters: set[str] = field(default_factory=set)
    hands_on: list[tuple[str, str]] = field(default_factory=list)
    lends: list[tuple[str, set[str]]] = field(default_factory=list)
    lends_later: list[tuple[str, set[str]]] = field(default_factory=list)
    made: set[str] = field(default_factory=set)
    steps: set[str] = field(default_factory=set)
    asks: set[str] = field(default_factory=set)
    same: list[tuple[str, str]] = field(default_factory=list)
    renames: list[tuple[str, str]] = field(default_factory=list)
    shows: bool = False
    above: list[tuple[Piece, str]] = field(default_factory=list)
    for_: set[str] = field(default_factory=set)


def pieces(
    place: int, source: str, answered: Set[str], edited: Set[str] = frozenset()
) -> list[Piece]:
    """The statements of a cell with the lines above them; none if it can't be parsed, or if there
    are more than anybody writes.

    ``answered``: the names that were asked for. To call one of them is to try it. ``edited``: see
    ``Piece``.
    """
    try:
        check(source)
        try:
            body = ast.parse(source).body
        except SyntaxError:
            source = python(source)
            check(source)
            body = ast.parse(source).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    if len(body) > MOST:
        return []
    lines = LINES.split(source)
    ends: list[int] = []
    for statement in body:
        if ends and statement.lineno <= ends[-1]:
            ends.pop()
        ends.append(statement.end_lineno or statement.lineno)
    texts = ["\n".join(lines[start:end]) for start, end in zip([0, *ends], ends)]
    found = [Piece(place, text, names(text), edited) for text in texts]
    if body and isinstance(body[-1], ast.Expr):
        found[-1].shows = True
    blank = {piece for piece in found if not (piece.names.binds or piece.names.reads)}
    for statement in body:
        piece = found[bisect_left(ends, statement.end_lineno or statement.lineno)]
        if piece in blank:
            continue  # also where it is nested too deeply to be read
        now, later = _nodes(statement)
        piece.leaves |= _changed(later, answered) & piece.names.later
        # A function that seeds everything asks for packages that may not be there.
        piece.leaves |= outside.changes(later) - outside.SEEDS
        piece.names.changes |= _changed(now, answered, top=True) | outside.changes(now)
        piece.names.binds |= {"*"} if any(map(_binds_any, now)) else set()
        piece.names.runs |= outside.reads(now)
        piece.names.later |= outside.reads(later)
        piece.calls |= _called(now) - answered
        piece.extends |= _extended(now)
        piece.alters |= altering(now, answered)
        piece.hands_on += handing_on(now)
        piece.lends += _lends([*now, *_run_at_once(now)])
        piece.lends_later += _lends(later)
        piece.asks |= _asked(now)
        piece.steps |= _stepped(now)
        for node in now:
            if isinstance(node, (ast.Assign, ast.AnnAssign)):
                piece.same += _same(node)
                targets = {target.id for target in _targets(node) if isinstance(target, ast.Name)}
                if isinstance(node.value, ast.Lambda):
                    piece.names.defines |= targets
                elif isinstance(node.value, ast.Name):
                    piece.renames += _same(node)
                elif isinstance(node.value, ast.Call):  # train = partial(train, epochs=30)
                    piece.made |= targets
                    given = {name.id for name in arguments(node.value)}
                    piece.renames += [(name, name) for name in given & targets]
            elif isinstance(node, ast.FunctionDef) and node.name == "__init_subclass__":
                piece.leaves |= piece.names.defines  # by whatever name the class goes there
    return found


def _nodes(statement: ast.stmt) -> tuple[list[ast.AST], list[ast.AST]]:
    """What runs with the statement and what in functions, in the order of the source."""
    now: list[ast.AST] = []
    later: list[ast.AST] = []
    todo: list[tuple[ast.AST, bool]] = [(statement, False)]
    while todo:
        node, inside = todo.pop()
        (later if inside else now).append(node)
        own: set[int] = set()
        if isinstance(node, FUNCTIONS):
            own = {id(node.body)} if isinstance(node, ast.Lambda) else set(map(id, node.body))
        parts = [(child, inside or id(child) in own) for child in ast.iter_child_nodes(node)]
        todo += reversed(parts)
    return now, later


def _changed(nodes: Sequence[ast.AST], answered: Set[str], top: bool = False) -> set[str]:
    """The names that ``global`` lets them bind, and those whose objects they change.

    ``answered``: functions that are called for their value, also where that gets no name if the
    nodes are at the ``top`` of a cell.
    """
    found: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Attribute):
            # Also ``map(table.append, numbers)``, and in a place where it has a value.
            if node.attr in FILLING or not isinstance(node.ctx, ast.Load):
                found.add(owner(node))
        elif isinstance(node, ast.Subscript):
            if not isinstance(node.ctx, ast.Load):
                found.add(owner(node))
        elif isinstance(node, ast.Global):
            found.update(node.names)
        elif isinstance(node, ast.keyword) and node.arg == "out":
            value = node.value
            found |= set(map(owner, value.elts if isinstance(value, ast.Tuple) else [value]))
        elif isinstance(node, ast.Call) and last_name(node.func) in SETTING:
            found |= _handed(node)
        elif isinstance(node, (ast.Expr, ast.Assign, ast.AnnAssign, ast.AugAssign)):
            to_try = answered if top or not isinstance(node, ast.Expr) else BUILTINS
            for call in _made(node.value):
                if isinstance(call.func, ast.Attribute):
                    found.add(owner(call.func))
                elif isinstance(call.func, ast.Name):  # fill(table)
                    name = call.func.id
                    found |= set() if name in BUILTINS or name in to_try else _handed(call)
        for decorator in getattr(node, "decorator_list", ()):  # @function.register, @method(Class)
            called = decorator.func if isinstance(decorator, ast.Call) else decorator
            found |= {owner(called)} if isinstance(called, ast.Attribute) else set()
            found |= _handed(decorator) if isinstance(decorator, ast.Call) else set()
    known: dict[int, set[str]] = {}
    for node in reversed(nodes):  # a loop within another first
        if isinstance(node, (ast.For, ast.comprehension)):
            for target, value in _steps(node.target, node.iter):
                each = {part.id for part in ast.walk(target) if isinstance(part, ast.Name)}
                if found & each:
                    found |= _gone_through(value, known)
    return found - {""}


def altering(nodes: Iterable[ast.AST], answered: Set[str]) -> set[str]:
    """The functions among these that change what they are given."""
    return {
        name
        for called, function, given in _functions(nodes)
        if _own(function, given) & _changed(list(ast.walk(function)), answered)
        for name in called
    }


def handing_on(nodes: Iterable[ast.AST]) -> list[tuple[str, str]]:
    """Pairs of one of these functions and one to which it gives what it is given."""
    found: list[tuple[str, str]] = []
    for (name, *others), function, given in _functions(nodes):
        own = _own(function, given)
        calls = _lends(ast.walk(function))
        found += [(name, called) for called, handed in calls if not own.isdisjoint(handed)]
        found += [(other, name) for other in others]
    return found


def _functions(nodes: Iterable[ast.AST]) -> Iterator[tuple[list[str], ast.AST, list[str]]]:
    """The functions among these, each behind its names and with those of what it is given.

    A method counts as two: ``.fit`` is given its object, and ``.fit()`` all else.
    """
    methods: set[int] = set()
    for node in nodes:
        if isinstance(node, DEFINITIONS) and id(node) not in methods:
            yield [node.name], node, _arguments(node)
        elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Lambda):
            if called := _ids(node.targets):
                yield called, node.value, _arguments(node.value)
        elif isinstance(node, ast.ClassDef):
            for method in node.body:
                if isinstance(method, DEFINITIONS):
                    methods.add(id(method))
                    given = _arguments(method)
                    yield [f".{method.name}"], method, given[:1]
                    yield [f".{method.name}()"], method, given[1:]


def _arguments(function: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) -> list[str]:
    return [part.arg for part in ast.walk(function.args) if isinstance(part, ast.arg)]


def _own(function: ast.AST, given: Iterable[str]) -> set[str]:
    """The names of what a function is given, and what else it calls that or a part of it."""
    found = set(given)
    same: dict[str, list[str]] = {}
    known: dict[int, set[str]] = {}
    for node in reversed(list(ast.walk(function))):  # a loop within another first
        pairs: list[tuple[str, str]] = []
        if isinstance(node, (ast.Assign, ast.AnnAssign)):
            pairs = _same(node)
        elif isinstance(node, (ast.For, ast.comprehension)):
            for target, value in _steps(node.target, node.iter):
                each = [part.id for part in ast.walk(target) if isinstance(part, ast.Name)]
                pairs += _joined(each, sorted(_gone_through(value, known)))
        for one, other in pairs:
            same.setdefault(one, []).append(other)
            same.setdefault(other, []).append(one)
    todo = list(found)
    while todo:
        new = set(same.get(todo.pop(), ())) - found
        found |= new
        todo += new
    return found


def _lends(nodes: Iterable[ast.AST]) -> list[tuple[str, set[str]]]:
    """The functions that are called, each with the names of what it is given."""
    found: list[tuple[str, set[str]]] = []
    for call in nodes:
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name):
            found.append((call.func.id, _handed(call) - {""}))
        elif isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute):
            name = f".{call.func.attr}"
            found += [(name, _object(call.func)), (f"{name}()", _handed(call) - {""})]
    return found


def _object(method: ast.expr) -> set[str]:
    """``net`` of ``net.fit`` and ``Trainer(net).fit``."""
    while isinstance(method, (ast.Attribute, ast.Subscript, ast.Call)):
        if isinstance(method, ast.Call) and isinstance(method.func, ast.Name):
            return _handed(method) - {""}
        method = method.func if isinstance(method, ast.Call) else method.value
    return set(_ids([method]))


def _run_at_once(now: Sequence[ast.AST]) -> Iterator[ast.AST]:
    """What stands in a ``lambda`` that gets no name: it is mostly there to be called at once."""
    named = {id(node.value) for node in now if isinstance(node, (ast.Assign, ast.AnnAssign))}
    for node in now:
        if isinstance(node, ast.Lambda) and id(node) not in named:
            yield from ast.walk(node.body)


def _stepped(now: Iterable[ast.AST]) -> set[str]:
    """``a`` of ``a += b``, unless it is assigned as well."""
    stored = Counter(
        node.id for node in now if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    )
    stepped = Counter(_ids([node.target for node in now if isinstance(node, ast.AugAssign)]))
    return {name for name, times in stepped.items() if times == stored[name]}


def _asked(now: Iterable[ast.AST]) -> set[str]:
    """``step`` of ``step()`` and ``loss = step()``."""
    lines = (ast.Expr, ast.Assign, ast.AnnAssign, ast.AugAssign)
    calls = [call for node in now if isinstance(node, lines) for call in _made(node.value)]
    return {call.func.id for call in calls if isinstance(call.func, ast.Name)}


def _made(value: ast.expr | None) -> list[ast.Call]:
    """The calls that a value comes from, and calls of functions among what methods are given."""
    found: list[ast.Call] = []
    while value is not None:
        if isinstance(value, ast.Call):
            found.append(value)
            if isinstance(value.func, ast.Attribute):  # losses.append(step(net))
                inner = [call for call in values(value) if isinstance(call, ast.Call)]
                found += [call for call in inner if isinstance(call.func, ast.Name)]
            value = value.func
        elif isinstance(value, (ast.Attribute, ast.Subscript, ast.Await)):
            value = value.value
        elif isinstance(value, (ast.ListComp, ast.SetComp, ast.GeneratorExp)):
            value = value.elt
        else:
            break
    return found


def _handed(call: ast.Call) -> set[str]:
    """The names of the objects that are given to a call, as a whole or in part."""
    return {name.id for name in arguments(call)} | set(map(owner, values(call)))


def _binds_any(node: ast.AST) -> bool:
    """Whether nobody can tell what it binds: ``globals()[name] = 3``, ``exec(text)``."""
    if isinstance(node, ast.Attribute):
        return not isinstance(node.ctx, ast.Load) and root(node.value) == "builtins"
    if isinstance(node, ast.Subscript):
        return not isinstance(node.ctx, ast.Load) and _is_globals(node.value)
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
        return isinstance(node, ast.Call) and last_name(node.func) == "exec"
    return node.func.attr in FILLING and _is_globals(node.func.value)


def _is_globals(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and last_name(node.func) == "globals"


def _steps(target: ast.expr, value: ast.expr) -> list[tuple[ast.expr, ast.expr]]:
    """What takes the items of what in a loop: two pairs for ``a, b in zip(x, y)``."""
    if isinstance(target, ast.Tuple) and isinstance(value, ast.Call) and target.elts and value.args:
        if last_name(value.func) == "enumerate":
            return _steps(target.elts[-1], value.args[0])
        if last_name(value.func) == "zip":
            return [pair for each in zip(target.elts, value.args) for pair in _steps(*each)]
    return [(target, value)]


def _gone_through(value: ast.expr, known: dict[int, set[str]]) -> set[str]:
    """The names in it, but for those of functions. ``known``: of what was gone through before."""
    found: set[str] = set()
    todo: list[ast.AST] = [value]
    while todo:
        node = todo.pop()
        if id(node) in known:
            found |= known[id(node)]
        elif isinstance(node, ast.Name):
            found.add(node.id)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            todo += values(node)
        else:
            todo += ast.iter_child_nodes(node)
    known[id(value)] = found
    return found


def _extended(nodes: Iterable[ast.AST]) -> set[str]:
    """``a`` of ``a.b = c``, ``setattr(a, "b", c)`` and ``@method(a)``."""
    found: list[ast.expr] = []
    for node in nodes:
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            found.append(node.value)
        elif isinstance(node, ast.Call) and last_name(node.func) == "setattr":
            found += node.args[:1]
        for decorator in getattr(node, "decorator_list", ()):
            found += decorator.args if isinstance(decorator, ast.Call) else []
    return {value.id for value in found if isinstance(value, ast.Name)}


def _called(nodes: Iterable[ast.AST]) -> set[str]:
    """What is called for the sake of what it changes."""
    found: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            found.add(root(node.value.func))
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            found.add(node.func.id)
        found |= set(map(root, getattr(node, "decorator_list", ())))
        if isinstance(node, ast.ClassDef):
            found |= set(map(root, (*node.bases, *(keyword.value for keyword in node.keywords))))
    return found - {""}


def _targets(node: ast.Assign | ast.AnnAssign) -> list[ast.expr]:
    return node.targets if isinstance(node, ast.Assign) else [node.target]


def _same(node: ast.Assign | ast.AnnAssign) -> list[tuple[str, str]]:
    """``a = b``, ``a = b.c[0]``, ``a = b = []``, ``a, c = b``, ``a = [b]``, ``a = Keeper([b])``,
    and ``a = partial(f, b)``."""
    value, targets = node.value, _targets(node)
    group = (ast.Tuple, ast.List)
    if isinstance(value, group) and len(targets) == 1 and isinstance(targets[0], group):
        pairs = zip(targets[0].elts, value.elts, strict=False)  # a, c = b, d
        return [pair for one, part in pairs for pair in _same(ast.Assign([one], part))]
    given: list[ast.expr] = []
    if isinstance(value, ast.Call):
        if isinstance(value.func, ast.Name) or last_name(value.func) == "partial":
            given += arguments(value)
    elif isinstance(value, (*group, ast.Dict)):
        given += arguments(ast.Call(value, [value], []))
    elif value is not None:
        given.append(_whole(value))
    parts = [part for one in targets for part in (one.elts if isinstance(one, group) else [one])]
    return _joined(_ids(parts), _ids(given))


def _whole(value: ast.expr) -> ast.expr:
    """What it is a part of: ``b`` of ``b.c[0]``."""
    while isinstance(value, (ast.Attribute, ast.Subscript)):
        value = value.value
    return value


def _ids(nodes: Iterable[ast.expr]) -> list[str]:
    return [node.id for node in nodes if isinstance(node, ast.Name)]


def _joined(names: Sequence[str], values: Sequence[str]) -> list[tuple[str, str]]:
    """Pairs that join all these, fewer than there are names."""
    if not names:
        return []
    pairs = [(name, values[0]) for name in names] if values else [(n, names[0]) for n in names[1:]]
    return pairs + [(names[0], value) for value in values[1:]]
