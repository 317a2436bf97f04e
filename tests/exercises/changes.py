"""All small changes of a piece of Python: another operator, constant or function, a part left out.

Each is a mistake that somebody could make, found by no imagination but by going through the syntax.
"""

from __future__ import annotations

import ast
import copy
import difflib
from collections.abc import Callable, Iterator
from typing import Any

Change = Callable[[Any], None]

OPERATORS: dict[type, list[type]] = {
    ast.Add: [ast.Sub],
    ast.Sub: [ast.Add],
    ast.Mult: [ast.Div, ast.Add],
    ast.Div: [ast.Mult, ast.FloorDiv],
    ast.MatMult: [ast.Mult],
    ast.Pow: [ast.Mult],
    ast.FloorDiv: [ast.Div],
    ast.Mod: [ast.FloorDiv],
    ast.Lt: [ast.LtE, ast.Gt],
    ast.LtE: [ast.Lt, ast.GtE],
    ast.Gt: [ast.GtE, ast.Lt],
    ast.GtE: [ast.Gt, ast.LtE],
    ast.Eq: [ast.NotEq],
    ast.NotEq: [ast.Eq],
    ast.Is: [ast.IsNot],
    ast.IsNot: [ast.Is],
    ast.In: [ast.NotIn],
    ast.NotIn: [ast.In],
    ast.And: [ast.Or],
    ast.Or: [ast.And],
}
FUNCTIONS = {
    "abs": ["square"],
    "append": ["extend"],
    "argmax": ["argmin"],
    "concatenate": ["stack"],
    "exp": ["expm1", "exp2"],
    "expm1": ["exp"],
    "floor": ["ceil"],
    "log": ["log1p", "log2"],
    "log1p": ["log"],
    "max": ["min", "mean"],
    "maximum": ["minimum"],
    "mean": ["sum"],
    "min": ["max"],
    "minimum": ["maximum"],
    "normal": ["uniform"],
    "ones": ["zeros"],
    "ones_like": ["zeros_like"],
    "outer": ["multiply"],
    "prod": ["sum"],
    "reversed": ["list"],
    "sqrt": ["square", "abs"],
    "std": ["var"],
    "sum": ["mean", "max"],
    "tanh": ["sin", "arctan"],
    "uniform": ["normal"],
    "var": ["std"],
    "zeros": ["ones"],
    "zeros_like": ["ones_like"],
}


def changes(source: str) -> Iterator[tuple[str, str]]:
    """Each change once: (what is changed, the source with it)."""
    tree = ast.parse(source)
    given: set[ast.AST] = set()  # with the task: what a function takes
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            node.returns = None
            given |= set(ast.walk(node.args))
            for argument in (*node.args.args, *node.args.kwonlyargs):
                argument.annotation = None
    before = ast.unparse(tree)
    seen = {before}
    for place, node in enumerate(ast.walk(tree)):
        for change in () if node in given else _changes_of(node):
            changed = copy.deepcopy(tree)
            change(list(ast.walk(changed))[place])
            after = ast.unparse(ast.fix_missing_locations(changed))
            if after not in seen:
                seen.add(after)
                yield _difference(before, after), after


def _difference(before: str, after: str) -> str:
    lines = [
        line for line in difflib.ndiff(before.splitlines(), after.splitlines()) if line[0] in "-+"
    ]
    old = "; ".join(line[2:].strip() for line in lines if line[0] == "-")
    new = "; ".join(line[2:].strip() for line in lines if line[0] == "+")
    return f"{old} -> {new}"


def _changes_of(node: ast.AST) -> Iterator[Change]:
    for kind in OTHERS:
        if isinstance(node, kind):
            yield from OTHERS[kind](node)
    for name in ("body", "orelse"):
        block = getattr(node, name, None)
        if isinstance(block, list) and not isinstance(node, ast.Module):
            for place, statement in enumerate(block):
                if not _is_text(statement):
                    yield lambda n, name=name, place=place: _put(getattr(n, name), place)


def _operators(node: Any) -> Iterator[Change]:
    for other in OPERATORS.get(type(node.op), []):
        yield lambda n, other=other: setattr(n, "op", other())


def _binary(node: ast.BinOp) -> Iterator[Change]:
    yield from _operators(node)
    yield lambda n: _become(n, n.left)
    yield lambda n: _become(n, n.right)
    if not isinstance(node.op, (ast.Add, ast.Mult)):
        yield lambda n: n.__dict__.update(left=n.right, right=n.left)


def _augmented(node: ast.AugAssign) -> Iterator[Change]:
    yield from _operators(node)
    yield lambda n: _become(n, ast.Assign([n.target], n.value, lineno=n.lineno))


def _comparison(node: ast.Compare) -> Iterator[Change]:
    for other in OPERATORS.get(type(node.ops[0]), []):
        yield lambda n, other=other: n.ops.__setitem__(0, other())


def _unary(node: ast.UnaryOp) -> Iterator[Change]:
    yield lambda n: _become(n, n.operand)


def _constant(node: ast.Constant) -> Iterator[Change]:
    value = node.value
    others: list[Any] = []
    if isinstance(value, bool):
        others = [not value]
    elif isinstance(value, (int, float)):
        others = [value + 1, value - 1, -value, 2 * value, 0 if value else 1]
        others += [1.05 * value] if value and isinstance(value, float) else []
    for other in others:
        yield lambda n, other=other: setattr(n, "value", other)


def _attribute(node: ast.Attribute) -> Iterator[Change]:
    if node.attr == "T":
        yield lambda n: _become(n, n.value)
    for other in FUNCTIONS.get(node.attr, []):
        yield lambda n, other=other: setattr(n, "attr", other)


def _name(node: ast.Name) -> Iterator[Change]:
    for other in FUNCTIONS.get(node.id, []):
        yield lambda n, other=other: setattr(n, "id", other)


def _call(node: ast.Call) -> Iterator[Change]:
    for place in range(len(node.keywords)):
        yield lambda n, place=place: n.keywords.pop(place)
    if len(node.args) > 1:
        yield lambda n: n.args.__setitem__(slice(0, 2), n.args[1::-1])
        yield lambda n: n.args.pop()
    if node.args:
        yield lambda n: _become(n, n.args[0])
    elif isinstance(node.func, ast.Attribute):
        yield lambda n: _become(n, n.func.value)


def _choice(node: ast.IfExp) -> Iterator[Change]:
    yield lambda n: _become(n, n.body)
    yield lambda n: _become(n, n.orelse)


def _condition(node: ast.If) -> Iterator[Change]:
    yield lambda n: setattr(n, "test", ast.Constant(True))
    yield lambda n: setattr(n, "test", ast.Constant(False))


def _index(node: ast.Subscript) -> Iterator[Change]:
    yield lambda n: _become(n, n.value)


def _slice(node: ast.Slice) -> Iterator[Change]:
    for part in ("lower", "upper", "step"):
        yield lambda n, part=part: setattr(n, part, None)


def _loop(node: ast.For) -> Iterator[Change]:
    for code in ("list(x)[::-1]", "list(x)[1:]", "list(x)[:-1]"):
        yield lambda n, code=code: setattr(n, "iter", _around(code, n.iter))


OTHERS: dict[type, Callable[[Any], Iterator[Change]]] = {
    ast.BinOp: _binary,
    ast.AugAssign: _augmented,
    ast.BoolOp: _operators,
    ast.Compare: _comparison,
    ast.UnaryOp: _unary,
    ast.Constant: _constant,
    ast.Attribute: _attribute,
    ast.Name: _name,
    ast.Call: _call,
    ast.IfExp: _choice,
    ast.If: _condition,
    ast.Subscript: _index,
    ast.Slice: _slice,
    ast.For: _loop,
}


def _around(code: str, node: ast.expr) -> ast.expr:
    """The expression ``code`` with ``node`` in the place of x."""

    class Replace(ast.NodeTransformer):
        def visit_Name(self, name: ast.Name) -> ast.expr:
            return node if name.id == "x" else name

    return Replace().visit(ast.parse(code, mode="eval").body)


def _become(node: Any, other: ast.AST) -> None:
    other = copy.deepcopy(other)
    node.__class__ = type(other)
    node.__dict__.clear()
    node.__dict__.update(other.__dict__)


def _put(block: list[ast.stmt], place: int) -> None:
    block[place] = ast.Pass()


def _is_text(statement: Any) -> bool:
    text = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
    return text or isinstance(statement, ast.Pass) or not isinstance(statement, ast.stmt)
