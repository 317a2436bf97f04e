"""A slip in any optimiser's equations is caught by the trajectories.

Slips are made mechanically in the syntax tree: another operator, another function, a number off by
one, a setting or an average exchanged with its neighbour, a statement left out or moved. Every
mutant must leave the committed trajectories (NAG: the lecture's rule written out).
"""

import ast
import copy
import inspect
import json
import textwrap
from collections.abc import Iterator

import numpy as np
import pytest

import nncourse as nnc
from nncourse.optim import adam, layout, optimizer
from nncourse.optim.adam import Adam, NAdam
from nncourse.optim.adaptive import Adadelta, Adagrad, RMSprop
from nncourse.optim.layout import Block
from nncourse.optim.optimizer import Optimizer
from nncourse.optim.sgd import NAG, SGD
from tests.optim.rules import FILE, RULES, trajectory
from tests.optim.test_rules import _constant, _falling, _steps, _written_out

OPERATORS = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.Pow: ast.Mult,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
}
FUNCTIONS = {
    "multiply": "add",
    "divide": "multiply",
    "subtract": "add",
    "add": "subtract",
    "sqrt": "square",
    "maximum": "minimum",
    "negative": "positive",
}


def mutants(tree: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    """(what was changed, the changed tree), one change each."""
    for i, node in enumerate(ast.walk(tree)):
        for what, change in changes_of(node):
            twin = copy.deepcopy(tree)
            change(next(n for j, n in enumerate(ast.walk(twin)) if j == i))
            yield what, ast.fix_missing_locations(twin)


def changes_of(node: ast.AST):
    """What can go wrong in one node: (words, a function that does it)."""
    if isinstance(node, ast.BinOp | ast.AugAssign) and type(node.op) in OPERATORS:
        other = OPERATORS[type(node.op)]
        yield f"{ast.unparse(node)} -> {other.__name__}", lambda n: setattr(n, "op", other())
    if isinstance(node, ast.Compare) and type(node.ops[0]) in OPERATORS:
        other = OPERATORS[type(node.ops[0])]
        yield f"{ast.unparse(node)} -> {other.__name__}", lambda n: n.ops.__setitem__(0, other())
    if isinstance(node, ast.Attribute) and node.attr in FUNCTIONS:
        other_name = FUNCTIONS[node.attr]
        yield f"{node.attr} -> {other_name}", lambda n: setattr(n, "attr", other_name)
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        yield f"{node.value} + 1", lambda n: setattr(n, "value", n.value + 1)
    if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Tuple):
        names = node.targets[0].elts
        if len(names) > 1 and not isinstance(names[1], ast.Starred):
            yield f"{ast.unparse(node.targets[0])} exchanged", lambda n: n.targets[0].elts.reverse()
    for field in ("body", "orelse"):
        block = getattr(node, field, None)
        if not isinstance(block, list):
            continue
        for k, statement in enumerate(block):
            if not is_work(statement):
                continue
            yield f"without {ast.unparse(statement)}", lambda n, f=field, k=k: leave_out(n, f, k)
            if k and is_work(block[k - 1]) and not commute(block[k - 1], statement):
                words = f"{ast.unparse(statement)} before {ast.unparse(block[k - 1])}"
                yield words, lambda n, f=field, k=k: exchange(n, f, k)


def leave_out(node, field, k):
    getattr(node, field)[k] = ast.Pass()


def exchange(node, field, k):
    block = getattr(node, field)
    block[k - 1], block[k] = block[k], block[k - 1]


def is_work(statement: ast.stmt) -> bool:
    """Does it write into an array?"""
    return bool(written(statement))


def written(statement: ast.stmt) -> set[str]:
    if isinstance(statement, ast.AugAssign):
        return {ast.unparse(statement.target)}
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
        call = statement.value
        if ast.unparse(call.func).startswith("xp."):
            out = [k.value for k in call.keywords if k.arg == "out"] or call.args[-1:]
            return {ast.unparse(out[0])}
    return set()


def names_in(node: ast.AST) -> set[str]:
    return {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}


def commute(a: ast.stmt, b: ast.stmt) -> bool:
    """Two statements whose order makes no difference."""
    if not (written(a) & names_in(b) or written(b) & names_in(a)):
        return True
    families = ({ast.Add, ast.Sub}, {ast.Mult, ast.Div})
    return (
        isinstance(a, ast.AugAssign)
        and isinstance(b, ast.AugAssign)
        and written(a) == written(b)
        and any({type(a.op), type(b.op)} <= family for family in families)
        and not (
            written(a)
            & {n.id for s in (a.value, b.value) for n in ast.walk(s) if isinstance(n, ast.Name)}
        )
    )


# Where the equations are, the optimisers whose trajectories hold them, and the mutants that change
# nothing, each with the reason.
PLACES = {
    "SGD.rule": (SGD, "rule", "SGD"),
    "SGD.counted": (SGD, "counted", "SGD"),
    "NAG.rule": (NAG, "rule", "NAG"),
    "Adagrad.rule": (Adagrad, "rule", "Adagrad"),
    "RMSprop.rule": (RMSprop, "rule", "RMSprop"),
    "Adadelta.rule": (Adadelta, "rule", "Adadelta"),
    "Adam.rule": (Adam, "rule", "Adam"),
    "NAdam's averages": (adam, "averages", "NAdam"),
    "AdamW's rule": (Adam, "rule", "AdamW"),
    "the decay of weights": (optimizer, "_decay", "Adam AdamW"),
    "NAdam.rule": (NAdam, "rule", "NAdam"),
    "NAdam's momentum": (NAdam, "_momentum", "NAdam"),
    "NAdam.counted": (NAdam, "counted", "NAdam"),
    "the step of small parameters": (Optimizer, "_step_small", "SGD AdamW"),
    "the step of large ones": (Optimizer, "_step_large", "SGD AdamW"),
    "subtraction": (Block, "subtract", "SGD AdamW"),
}
NAMES = "the two vectors exchange their names; the test of PyTorch's layout sees that"
ROUNDING = "a guard against rounding; the test with a constant gradient sees that"
EQUIVALENT = {
    "RMSprop.rule": {
        "without xp.maximum(scratch, 0, out=scratch)": ROUNDING,
        "xp.maximum(scratch, 0, out=scratch) before xp.subtract(s, scratch, scratch)": ROUNDING,
        "xp.sqrt(scratch, scratch) before xp.maximum(scratch, 0, out=scratch)": ROUNDING,
    },
    "Adadelta.rule": {"(s, u) exchanged": NAMES},
    "Adam.rule": {"(m, v, *largest) exchanged": NAMES},
    "AdamW's rule": {"(m, v, *largest) exchanged": NAMES},
    "NAdam.rule": {"(m, v) exchanged": NAMES},
    "the step of large ones": {
        "1 + 1": "NumPy takes any negative length for -1; multiplies by 1 where that can be saved",
    },
    "subtraction": {"1 + 1": "multiplies by 1 where that can be saved"},
}


def source(owner, name) -> ast.FunctionDef:
    return ast.parse(textwrap.dedent(inspect.getsource(getattr(owner, name)))).body[0]


def built(owner, name, tree):
    module = inspect.getmodule(owner) if inspect.isclass(owner) else owner
    space = dict(vars(module))
    exec(compile(ast.Module([tree], []), f"<mutant of {name}>", "exec"), space)
    return space[name]


EXPECTED = json.loads(FILE.read_text())["trajectories"]


def holds(kinds: str) -> bool:
    """Do the optimisers still follow their trajectories?"""
    with np.errstate(all="ignore"):
        try:
            for kind in kinds.split():
                if kind == "NAG":
                    for lr_at in (_constant, _falling):
                        found = _steps(lambda p: nnc.optim.NAG(p, momentum=0.9), lr_at)
                        np.testing.assert_allclose(found, _written_out(lr_at), rtol=1e-9)
                for name in (name for name in RULES if RULES[name][0] == kind):
                    found = trajectory(nnc, nnc.tensor, name)
                    np.testing.assert_allclose(found, EXPECTED[name], rtol=1e-9, atol=1e-9)
        except Exception:
            return False
    return True


def large(kinds: str) -> bool:
    """The same where every parameter counts as a large one."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(layout, "BLOCK", 3)
        return holds(kinds)


@pytest.mark.parametrize("place", PLACES)
def test_every_mutant_is_caught(place, monkeypatch):
    owner, name, kinds = PLACES[place]
    if place == "the step of large ones":
        monkeypatch.setattr(layout, "BLOCK", 3)
    tree = source(owner, name)
    monkeypatch.setattr(owner, name, built(owner, name, tree))
    assert holds(kinds)
    found, survivors = 0, []
    for words, mutant in mutants(tree):
        monkeypatch.setattr(owner, name, built(owner, name, mutant))
        found += 1
        # In small blocks a rule turns the gradient into the change where it lies; in large ones it
        # reads the one and writes the other. A mutant has to survive both.
        if holds(kinds) and (
            place in ("the step of small parameters", "subtraction") or large(kinds)
        ):
            survivors.append(words)
    monkeypatch.undo()
    assert found >= 5 or place == "SGD.counted"
    assert set(survivors) == set(EQUIVALENT.get(place, {}))
