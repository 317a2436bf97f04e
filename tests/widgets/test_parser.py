"""Typed formulas: what is understood, and what is said about the rest."""

from __future__ import annotations

import math
import re

import pytest

from nncourse import language
from nncourse.widgets.expression import ExpressionError
from nncourse.widgets.graph_model import run, starting_values
from nncourse.widgets.parser import parse


def formulas(text: str) -> list[str]:
    expression = parse(text)
    return [
        f"{node.label} = {expression.formula(i)}"
        for i, node in enumerate(expression.nodes)
        if node.operation
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x*y", ["f = x·y"]),
        ("2*x + 1", ["v₁ = 2·x", "f = v₁ + 1"]),
        ("x^2", ["f = x²"]),
        ("x**2", ["f = x²"]),
        ("x²·y − 1", ["v₁ = x²", "v₂ = v₁·y", "f = v₂ − 1"]),
        ("x^-1", ["f = x⁻¹"]),
        ("x^0.5", ["f = x ^ 0.5"]),
        ("2^x", ["f = 2 ^ x"]),
        ("-x", ["f = −x"]),
        ("+x*2", ["f = x·2"]),
        ("x*(-2)", ["f = x·(−2)"]),
        ("x*(2 - 5)", ["f = x·(−3)"]),
        ("sin(2*pi*x)", ["v₁ = 6.283·x", "f = sin(v₁)"]),
        ("max(x, y, 0)", ["f = max(x, y, 0)"]),
        ("b = a + a; c = b + b", ["b = a + a", "c = b + b"]),
        ("b = a + a\nc = b + b;", ["b = a + a", "c = b + b"]),
        ("t = x; t*t", ["f = x·x"]),
        ("unused = sin(q); x*y", ["f = x·y"]),
        ("v1*x + 1", ["v₂ = v₁·x", "f = v₂ + 1"]),
        ("f*x", ["L = f·x"]),
        ("w_11*x_1", ["f = w₁₁·x₁"]),
        ("abs(x)", ["f = |x|"]),
        ("ширина*2", ["f = ширина·2"]),
    ],
)
def test_understood(text, expected):
    assert formulas(text) == expected


def test_a_variable_is_one_leaf_and_operations_are_not_merged():
    expression = parse("x*x + x*x")
    assert [node.name for node in expression.nodes] == ["x", "v1", "v2", "f"]
    assert expression.edges == [(0, 1, 0), (0, 1, 1), (0, 2, 0), (0, 2, 1), (1, 3, 0), (2, 3, 1)]


def test_values_in_the_text():
    expression = parse("x = 5; log(x - 3)")
    assert expression.defaults == {"x": 5.0}
    assert starting_values(expression, {}) == {"x": 5.0}
    assert starting_values(expression, {"x": 4}) == {"x": 4.0}


COMPLAINTS = [
    ("", "", "Type a formula"),
    ("2x + 1", "2x", "sign is missing"),
    ("x y", "x y", "sign is missing"),
    ("яж + 2x", "2x", "sign is missing"),
    ("(x + 1", "(", "not closed"),
    ("x + 1)", ")", "closes nothing"),
    ("sine(x)", "sine", "Did you mean sin?"),
    ("ln(x)", "ln", "Did you mean log?"),
    ("wibble(x)", "wibble", "known are exp"),
    ("x(y + 1)", "x", "write x*"),
    ("(x)(y)", "x", "write x*"),
    ("(x + 1)(y)", "(x + 1)(y)", "between two factors"),
    ("sin * x", "sin", "write sin("),
    ("sin(x, y)", "sin(x, y)", "takes one number, 2"),
    ("max(x)", "max(x)", "takes 2 to 8 numbers, 1"),
    ("max(x, key=y)", "max(x, key=y)", "Only numbers"),
    ("3 + 4", "3 + 4", "Nothing is computed"),
    ("x", "x", "Nothing is computed"),
    ("x > 2", "x > 2", "Only + − * /"),
    ("x if y else z", "x if y else z", "Only + − * /"),
    ("x[0] + 1", "x[0]", "Only + − * /"),
    ("x.real + 1", "x.real", "Only + − * /"),
    ("__import__('os')", "__import__", "no function __import__"),
    ("(lambda: x)()", "(lambda: x)()", "between two factors"),
    ("x + 'a'", "'a'", "Only numbers"),
    ("x + True", "True", "Only numbers"),
    ("x + 2j", "2j", "Only numbers"),
    ("lambda*2", "lambda", "another name"),
    ("sin = x*2", "sin", "another name"),
    ("pi = x*2", "pi", "another name"),
    ("a = x*2; a = a*2", "a", "twice"),
    ("a = a + 1", "a", "before it gets"),
    ("c = b + b; b = a + a", "b", "before it gets"),
    ("x = y = 2", "x = y = 2", "one name"),
    ("x += 2", "x += 2", "name = formula"),
    ("import os", "import os", "Write a formula"),
    ("x + ", "", "cannot be read"),
    ("10**400 * x", "10**400", "not defined or too large"),
    ("1e999 * x", "1e999", "too large"),
    ("1/0 + x", "1/0", "not defined"),
    ("9**9**9**9 * x", "9**9**9", "not defined"),
]


@pytest.mark.parametrize(("text", "place", "message"), COMPLAINTS)
def test_complaints_name_the_place(text, place, message):
    with pytest.raises(ExpressionError, match=re.escape(message)) as caught:
        parse(text)
    error = caught.value
    if place:
        assert error.text[error.start : error.end] == place
    assert 0 <= error.start < error.end
    assert "^" in str(error).splitlines()[-1]


@pytest.mark.parametrize("text", ["(" * 150 + "x" + ")" * 150, "-" * 390 + "x", "x" * 500])
def test_monsters_are_refused(text):
    with pytest.raises(ExpressionError):
        parse(text)


def test_too_many_nodes():
    with pytest.raises(ExpressionError, match="more than 60"):
        parse("+".join(["x"] * 80))


@pytest.mark.parametrize(
    ("text", "values", "message", "place"),
    [
        ("1 + log(x - 3)", {"x": 2}, r"log\(−1\) is not defined", "log(x - 3)"),
        ("y / x", {"x": 0}, "3 / 0 is not defined|0 / 0|2 / 0", "y / x"),
        ("exp(x)", {"x": 1000}, r"exp\(1000\) is too large", "exp(x)"),
        ("sqrt(x)", {"x": 0}, r"sqrt\(0\) has no finite derivative", "sqrt(x)"),
        ("x^0.5", {"x": -1}, "is not defined", "x^0.5"),
        ("x^y", {"x": -2, "y": 3}, "no finite derivative", "x^y"),
        ("x*y", {"x": 1e200, "y": 1e200}, "too large", "x*y"),
    ],
)
def test_values_without_result(text, values, message, place):
    expression = parse(text)
    with pytest.raises(ExpressionError, match=message) as caught:
        run(expression, starting_values(expression, values))
    assert caught.value.text[caught.value.start : caught.value.end] == place


def test_complaints_speak_russian():
    with language.using("ru"), pytest.raises(ExpressionError, match="Эта скобка не закрыта"):
        parse("(x + 1")


def test_numbers_are_never_evaluated_as_code():
    expression = parse("x*pi")
    assert run(expression, {"x": 2.0}).values[-1] == 2 * math.pi
