"""Small changes of a program, made mechanically: what mistakes nobody thought of look like.

The catalogue of mistakes holds what students are known to do. A check must also behave towards what
nobody foresaw, so every place of a right solution is changed by every operator that fits it. The
operators are general and were fixed before anything was measured with them.
"""

from __future__ import annotations

import ast
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

ALTERNATIVES = 3
"""So many other names are tried in a place, drawn at random from those of the same shape."""

Shapes = Mapping[str, tuple[int, ...]]


@dataclass(frozen=True)
class Change:
    """One program with one change. ``before`` and ``after``: the lines that differ."""

    operator: str
    before: str
    after: str
    source: str

    @property
    def key(self) -> str:
        """A name that stays the same as long as the solution does."""
        return f"{self.operator}: {self.before} => {self.after}"


BINARY: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.Mod: ast.FloorDiv,
    ast.FloorDiv: ast.Mod,
}
OPPOSITE: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Gt: ast.Lt,
    ast.Lt: ast.Gt,
    ast.GtE: ast.LtE,
    ast.LtE: ast.GtE,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
BORDER: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
}
TWINS = {
    "sum": "mean",
    "mean": "sum",
    "max": "min",
    "min": "max",
    "maximum": "minimum",
    "minimum": "maximum",
    "argmax": "argmin",
    "argmin": "argmax",
    "zeros": "ones",
    "ones": "zeros",
    "zeros_like": "ones_like",
    "ones_like": "zeros_like",
    "var": "std",
    "std": "var",
    "exp": "log",
    "log": "exp",
    "tanh": "exp",
    "sigmoid": "tanh",
    "normal": "uniform",
    "uniform": "normal",
    "hstack": "vstack",
    "vstack": "hstack",
    "any": "all",
    "all": "any",
}
UNWRAPPED = {
    "tanh",
    "sqrt",
    "exp",
    "log",
    "sigmoid",
    "abs",
    "copy",
    "array",
    "reversed",
    "float",
    "int",
    "minimum",
    "maximum",
    "max",
    "min",
    "mean",
    "sum",
    "cumsum",
    "astype",
    "sorted",
}
"""Calls that may be lost: f(x, ...) becomes x, x.f(...) becomes x."""


def _name_of(function: ast.expr) -> str:
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""


def _renamed(function: ast.expr, name: str) -> ast.expr:
    if isinstance(function, ast.Attribute):
        return ast.Attribute(function.value, name, ast.Load())
    return ast.Name(name, ast.Load())


def _is_module(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id in ("np", "math", "rng")


def _binary(node: ast.BinOp) -> Iterator[tuple[str, ast.AST]]:
    kind = type(node.op)
    if kind in BINARY:
        yield "other operation", ast.BinOp(node.left, BINARY[kind](), node.right)
    if isinstance(node.op, ast.Add | ast.Sub):
        yield "term dropped", node.left
        lone = node.right if kind is ast.Add else ast.UnaryOp(ast.USub(), node.right)
        yield "term dropped", lone
    elif isinstance(node.op, ast.Mult | ast.Div | ast.MatMult):
        yield "factor dropped", node.left
        yield "factor dropped", node.right
    elif isinstance(node.op, ast.Pow):
        yield "power dropped", node.left
    if isinstance(node.op, ast.MatMult | ast.Sub | ast.Div):
        yield "operands exchanged", ast.BinOp(node.right, node.op, node.left)
    if isinstance(node.op, ast.MatMult):
        for left in (True, False):
            side = node.left if left else node.right
            if isinstance(side, ast.Attribute) and side.attr == "T":
                continue
            turned = ast.Attribute(side, "T", ast.Load())
            pair = (turned, node.right) if left else (node.left, turned)
            yield "transposed", ast.BinOp(pair[0], node.op, pair[1])


def _call(node: ast.Call) -> Iterator[tuple[str, ast.AST]]:
    name, function = _name_of(node.func), node.func
    keywords = node.keywords
    if name in TWINS:
        yield "other function", ast.Call(_renamed(function, TWINS[name]), node.args, keywords)
    if name in UNWRAPPED:
        if isinstance(function, ast.Attribute) and not _is_module(function.value):
            yield "call dropped", function.value
        elif node.args:
            yield "call dropped", node.args[0]
    for i, (one, other) in enumerate(zip(node.args, node.args[1:], strict=False)):
        if ast.dump(one) != ast.dump(other):
            args = [*node.args[:i], other, one, *node.args[i + 2 :]]
            yield "arguments exchanged", ast.Call(function, args, keywords)
    for i, keyword in enumerate(keywords):
        rest = [*keywords[:i], *keywords[i + 1 :]]
        if keyword.arg in ("axis", "keepdims"):
            yield f"{keyword.arg} dropped", ast.Call(function, node.args, rest)
        if keyword.arg == "axis" and isinstance(keyword.value, ast.Constant):
            other_axis = ast.keyword("axis", ast.Constant(0 if keyword.value.value else 1))
            yield "other axis", ast.Call(function, node.args, [*rest, other_axis])
    if name == "range":
        first, *others = node.args
        if not others:
            yield "range", _range(ast.Constant(1), first)
            yield "range", _range(ast.BinOp(first, ast.Sub(), ast.Constant(1)))
        yield "range", ast.Call(ast.Name("reversed", ast.Load()), [node], [])
    if name in ("zeros", "zeros_like", "ones", "empty"):
        whole = ast.keyword("dtype", ast.Name("int", ast.Load()))
        yield "whole numbers", ast.Call(function, node.args, [*keywords, whole])


def _range(*arguments: ast.expr) -> ast.Call:
    return ast.Call(ast.Name("range", ast.Load()), list(arguments), [])


def _shifted(index: ast.expr) -> Iterator[ast.expr]:
    """An index one too small and one too large."""
    if isinstance(index, ast.Constant) and isinstance(index.value, int):
        yield ast.Constant(index.value + 1)
        yield ast.Constant(index.value - 1)
    elif isinstance(index, ast.Name | ast.BinOp):
        yield ast.BinOp(index, ast.Sub(), ast.Constant(1))
        yield ast.BinOp(index, ast.Add(), ast.Constant(1))


def _indices(node: ast.expr) -> Iterator[ast.expr]:
    """An index expression with one of its numbers changed."""
    if isinstance(node, ast.Tuple):
        for i, part in enumerate(node.elts):
            for other in _indices(part):
                yield ast.Tuple([*node.elts[:i], other, *node.elts[i + 1 :]], ast.Load())
    elif isinstance(node, ast.Slice):
        for bound in ("lower", "upper"):
            old = getattr(node, bound)
            for new in (*_shifted(old), None) if old is not None else ():
                parts = {"lower": node.lower, "upper": node.upper, bound: new}
                yield ast.Slice(parts["lower"], parts["upper"], node.step)
        if node.step is not None:
            yield ast.Slice(node.lower, node.upper, None)
    else:
        yield from _shifted(node)


def _constant(node: ast.Constant) -> Iterator[tuple[str, ast.AST]]:
    value = node.value
    if isinstance(value, bool):
        yield "constant", ast.Constant(not value)
    elif isinstance(value, int | float):
        others = (1,) if value == 0 else (2 * value, 0, value + 1)
        for other in others:
            yield "constant", ast.Constant(other)


def _expression(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    """Other expressions for one, by operators that need not know anything around it."""
    if isinstance(node, ast.BinOp):
        yield from _binary(node)
    elif isinstance(node, ast.Call):
        yield from _call(node)
    elif isinstance(node, ast.Constant):
        yield from _constant(node)
    elif isinstance(node, ast.Attribute) and node.attr == "T":
        yield "not transposed", node.value
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.Not):
        yield "sign or not dropped", node.operand
    elif isinstance(node, ast.Compare) and len(node.ops) == 1:
        for table, name in ((OPPOSITE, "comparison turned"), (BORDER, "border")):
            if type(node.ops[0]) in table:
                yield name, ast.Compare(node.left, [table[type(node.ops[0])]()], node.comparators)
    elif isinstance(node, ast.BoolOp):
        other = ast.Or() if isinstance(node.op, ast.And) else ast.And()
        yield "and or", ast.BoolOp(other, node.values)
        for value in node.values:
            yield "condition dropped", value
    elif isinstance(node, ast.IfExp):
        yield "branches exchanged", ast.IfExp(node.test, node.orelse, node.body)
        yield "branch dropped", node.body
        yield "branch dropped", node.orelse
    elif isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load):
        for index in _indices(node.slice):
            yield "index", ast.Subscript(node.value, index, ast.Load())
    elif isinstance(node, ast.Tuple | ast.List) and isinstance(node.ctx, ast.Load):
        for i, (one, two) in enumerate(zip(node.elts, node.elts[1:], strict=False)):
            if ast.dump(one) != ast.dump(two):
                elements = [*node.elts[:i], two, one, *node.elts[i + 2 :]]
                yield "elements exchanged", type(node)(elements, ast.Load())


AUGMENTED: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
}


def _statement(node: ast.stmt, inputs: frozenset[str]) -> Iterator[tuple[str, list[ast.stmt]]]:
    """Other statements for one."""
    if isinstance(node, ast.AugAssign):
        kind = type(node.op)
        if kind in AUGMENTED:
            yield "other operation", [ast.AugAssign(node.target, AUGMENTED[kind](), node.value)]
        yield "= for +=", [ast.Assign([node.target], node.value)]
    if isinstance(node, ast.Assign | ast.AugAssign | ast.Expr):
        yield "statement dropped", [ast.Pass()]
    if isinstance(node, ast.Assign) and isinstance(node.value, ast.BinOp):
        left, target = node.value.left, node.targets[0]
        if isinstance(left, ast.Name) and left.id in inputs and isinstance(target, ast.Name):
            store = ast.Name(left.id, ast.Store())
            changed = ast.AugAssign(store, node.value.op, node.value.right)
            yield "input changed in place", [changed, ast.Assign([target], left)]
    if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Subscript):
        yield "+= for =", [ast.AugAssign(node.targets[0], ast.Add(), node.value)]
    if isinstance(node, ast.For) and not isinstance(node.body[-1], ast.Break):
        body = [*node.body, ast.Break()]
        yield "first round only", [ast.For(node.target, node.iter, body, node.orelse)]
    if isinstance(node, ast.If):
        yield "condition dropped", node.body
        yield "branch dropped", node.orelse or [ast.Pass()]


def _arguments(tree: ast.Module) -> frozenset[str]:
    return frozenset(node.arg for node in ast.walk(tree) if isinstance(node, ast.arg))


def _places(tree: ast.AST) -> Iterator[tuple[ast.AST, str, int | None, ast.AST]]:
    """(parent, field, position in it, child) for every node, in the order of the text."""
    for field, value in ast.iter_fields(tree):
        children = value if isinstance(value, list) else [value]
        for i, child in enumerate(children):
            if isinstance(child, ast.AST):
                yield tree, field, i if isinstance(value, list) else None, child
                yield from _places(child)


def _put(parent: ast.AST, field: str, at: int | None, new: list[ast.AST]) -> object:
    """Put nodes into a place and give back what stood in the field."""
    old = getattr(parent, field)
    if at is None:
        setattr(parent, field, new[0])
    else:
        setattr(parent, field, [*old[:at], *new, *old[at + 1 :]])
    return old


def changes(source: str, lines: range, shapes: Shapes, seed: int = 0) -> list[Change]:
    """Every change of the program within these lines (counted from 1), each program once.

    ``shapes``: the shapes of arrays and numbers by name, as far as they are known; a name may be
    taken for another of the same shape.
    """
    tree = ast.parse(source)
    inputs, rng = _arguments(tree), random.Random(seed)
    original = ast.unparse(tree)
    found: dict[str, Change] = {}

    def note(operator: str) -> None:
        try:
            text = ast.unparse(ast.fix_missing_locations(tree))
            compile(text, "<change>", "exec")
        except (SyntaxError, ValueError):
            return
        if text != original and text not in found:
            before, after = _difference(original, text)
            found[text] = Change(operator, before, after, text)

    for parent, field, at, child in list(_places(tree)):
        if getattr(child, "lineno", 0) not in lines:
            continue
        options: list[tuple[str, list[ast.AST]]] = []
        if isinstance(child, ast.stmt):
            options += [(name, list(new)) for name, new in _statement(child, inputs)]
            body = getattr(parent, field)
            if at is not None and at + 1 < len(body) and not isinstance(child, ast.Return):
                setattr(parent, field, [*body[:at], body[at + 1], child, *body[at + 2 :]])
                note("statements exchanged")
                setattr(parent, field, body)
        elif isinstance(child, ast.expr) and not isinstance(getattr(child, "ctx", None), ast.Store):
            options += [(name, [new]) for name, new in _expression(child)]
            options += [("other name", [new]) for new in _other_names(child, shapes, rng)]
        for operator, new in options:
            old = _put(parent, field, at, new)
            note(operator)
            setattr(parent, field, old)
    return list(found.values())


def _other_names(node: ast.AST, shapes: Shapes, rng: random.Random) -> Iterator[ast.AST]:
    """Other names of the same shape, or other attributes of self."""
    own = ast.unparse(node) if isinstance(node, ast.Name | ast.Attribute) else ""
    if own not in shapes:
        return
    same = sorted(name for name, shape in shapes.items() if shape == shapes[own] and name != own)
    for name in sorted(rng.sample(same, min(ALTERNATIVES, len(same)))):
        yield ast.parse(name, mode="eval").body


def _difference(one: str, other: str) -> tuple[str, str]:
    """The lines of two texts that are not common to both at the beginning or the end."""
    a, b = one.splitlines(), other.splitlines()
    while a and b and a[0] == b[0]:
        a, b = a[1:], b[1:]
    while a and b and a[-1] == b[-1]:
        a, b = a[:-1], b[:-1]
    return "\n".join(line.strip() for line in a), "\n".join(line.strip() for line in b)
