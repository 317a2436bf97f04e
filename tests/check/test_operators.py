"""The operators: what they change, what they leave alone, and that they are always the same."""

from __future__ import annotations

import pytest

from nncourse.check.operators import changes

PROGRAM = """
def layer(x, W, b, N):
    given = x * 1
    z = x @ W.T + b
    s = z.sum(axis=0, keepdims=True) / N
    for t in range(N):
        s += z[t - 1]
    return s, z
"""
LINES = range(4, 8)


def made(source=PROGRAM, lines=LINES, shapes=None, seed=0):
    return changes(source, lines, shapes or {}, seed)


def after(operator, **options):
    return {change.after for change in made(**options) if change.operator == operator}


@pytest.mark.parametrize(
    ("operator", "line"),
    [
        ("other operation", "z = x @ W.T - b"),
        ("term dropped", "z = x @ W.T"),
        ("term dropped", "z = b"),
        ("operands exchanged", "z = W.T @ x + b"),
        ("not transposed", "z = x @ W + b"),
        ("transposed", "z = x.T @ W.T + b"),
        ("other function", "s = z.mean(axis=0, keepdims=True) / N"),
        ("axis dropped", "s = z.sum(keepdims=True) / N"),
        ("keepdims dropped", "s = z.sum(axis=0) / N"),
        ("other axis", "s = z.sum(keepdims=True, axis=1) / N"),
        ("range", "for t in range(1, N):"),
        ("range", "for t in range(N - 1):"),
        ("= for +=", "s = z[t - 1]"),
        ("index", "s += z[t - 1 + 1]"),
        ("first round only", "break"),
        ("statement dropped", "pass"),
    ],
)
def test_a_change_of_each_kind(operator, line):
    assert line in after(operator)


@pytest.mark.parametrize(
    ("source", "operator", "line"),
    [
        ("y = a > 0", "comparison turned", "y = a < 0"),
        ("y = a > 0", "border", "y = a >= 0"),
        ("y = a and b", "and or", "y = a or b"),
        ("y = a if c else b", "branches exchanged", "y = b if c else a"),
        ("y = 3 * a", "constant", "y = 6 * a"),
        ("y = -a", "sign or not dropped", "y = a"),
        ("y = np.tanh(a)", "call dropped", "y = a"),
        ("y = a.copy()", "call dropped", "y = a"),
        ("y = f(a, b)", "arguments exchanged", "y = f(b, a)"),
        ("y = (a, b)", "elements exchanged", "y = (b, a)"),
        ("y = np.zeros(n)", "whole numbers", "y = np.zeros(n, dtype=int)"),
        ("y[0] = a", "+= for =", "y[0] += a"),
        ("y = a ** 2", "power dropped", "y = a"),
    ],
)
def test_a_change_of_a_line(source, operator, line):
    assert line in after(operator, source=source, lines=range(1, 2))


def test_an_input_may_be_changed_in_place():
    found = after("input changed in place", source="def f(x):\n    y = x * 2", lines=range(2, 3))
    assert found == {"x *= 2\ny = x"}


def test_statements_are_exchanged_with_the_next():
    assert "y = 2\nx = 1" in after("statements exchanged", source="x = 1\ny = 2", lines=range(1, 3))


def test_a_name_is_taken_for_others_of_its_shape_only():
    shapes = {"x": (3, 2), "z": (3, 2), "b": (2,), "N": ()}
    found = after("other name", shapes=shapes)
    assert "z = z @ W.T + b" in found
    assert not any("z = b" in line or "+ x" in line for line in found)


def test_given_lines_are_left_alone():
    assert all("given = x * 1" in change.source for change in made())


def test_every_program_is_new_and_compiles():
    found = made()
    sources = [change.source for change in found]
    assert len(sources) == len(set(sources)) > 30
    for source in sources:
        compile(source, "<test>", "exec")


def test_the_same_changes_come_each_time():
    shapes = dict.fromkeys("abcdefgh", (2,))
    source = "y = a + b"
    one, other = (made(source, range(1, 2), shapes, seed=5) for _i in range(2))
    assert one == other
    assert len(after("other name", source=source, lines=range(1, 2), shapes=shapes)) == 6
