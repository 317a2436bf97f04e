"""The operations that a typed expression may hold: value, local derivatives, and how they read.

Each row of the table is one operation of one number or more. The texts are templates: ``{a}`` and
``{b}`` are the operands (in brackets where they need them), ``{A}`` the bare first operand and
``{y}`` the result, which a backward pass may reuse: exp, tanh and sigmoid do.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from nncourse.widgets.numbers import format_number, superscript

_LETTERS = "ABCDEFGH"  # operands of a template; an operation has at most eight


@dataclass(frozen=True)
class Operation:
    """An operation on numbers.

    ``value(*operands)`` raises ValueError, ZeroDivisionError or OverflowError where the operation
    is not defined; so does ``partials(*operands)``, the derivative by each operand, where the
    operation has a value and no derivative. At a kink ``partials`` follows a convention, given in
    its formula: relu and abs have 0 there, max and min send all to the first of equal operands.
    """

    formula: str
    derivatives: tuple[str, ...]
    value: Callable[..., float]
    partials: Callable[..., tuple[float, ...]]
    at_kink: Callable[..., bool] = lambda *_: False


def _sigmoid(u: float) -> float:
    return 1 / (1 + math.exp(-u)) if u >= 0 else math.exp(u) / (1 + math.exp(u))


def _power(u: float, v: float) -> float:
    if u < 0 and v != int(v):
        raise ValueError("a negative number to a broken power")
    return float(math.pow(u, v))


def _first(u: tuple[float, ...], best: float) -> tuple[float, ...]:
    chosen = u.index(best)
    return tuple(float(i == chosen) for i in range(len(u)))


MOST_OPERANDS = len(_LETTERS)

ARITHMETIC = {
    "+": Operation("{a} + {b}", ("1", "1"), lambda u, v: u + v, lambda u, v: (1.0, 1.0)),
    "-": Operation("{a} − {b}", ("1", "−1"), lambda u, v: u - v, lambda u, v: (1.0, -1.0)),
    "*": Operation("{a}·{b}", ("{b}", "{a}"), lambda u, v: u * v, lambda u, v: (v, u)),
    "/": Operation(
        "{a} / {b}",
        ("1 / {b}", "−{a} / {b}²"),
        lambda u, v: u / v,
        lambda u, v: (1 / v, -u / (v * v)),
    ),
    "**": Operation(
        "{a} ^ {b}",
        ("{b}·{a} ^ ({B} − 1)", "{y}·log({A})"),
        _power,
        lambda u, v: (v * _power(u, v - 1), _power(u, v) * math.log(u)),
    ),
    "neg": Operation("−{a}", ("−1",), lambda u: -u, lambda u: (-1.0,)),
}

FUNCTIONS = {
    "exp": Operation("exp({A})", ("{y}",), math.exp, lambda u: (math.exp(u),)),
    "log": Operation("log({A})", ("1 / {a}",), math.log, lambda u: (1 / u,)),
    "sin": Operation("sin({A})", ("cos({A})",), math.sin, lambda u: (math.cos(u),)),
    "cos": Operation("cos({A})", ("−sin({A})",), math.cos, lambda u: (-math.sin(u),)),
    "tanh": Operation("tanh({A})", ("1 − {y}²",), math.tanh, lambda u: (1 - math.tanh(u) ** 2,)),
    "sigmoid": Operation(
        "sigmoid({A})",
        ("{y}·(1 − {Y})",),
        _sigmoid,
        lambda u: (_sigmoid(u) * _sigmoid(-u),),
    ),
    "relu": Operation(
        "relu({A})",
        ("[{A} > 0]",),
        lambda u: max(u, 0.0),
        lambda u: (float(u > 0),),
        lambda u: u == 0,
    ),
    "sqrt": Operation(
        "sqrt({A})", ("1 / (2·{y})",), math.sqrt, lambda u: (1 / (2 * math.sqrt(u)),)
    ),
    "abs": Operation(
        "|{A}|",
        ("sign({A})",),
        abs,
        lambda u: (float((u > 0) - (u < 0)),),
        lambda u: u == 0,
    ),
}


def constant_power(exponent: float) -> Operation:
    """u to a fixed power, written with a raised number: x², x⁻¹."""
    whole = exponent == int(exponent) and abs(exponent) < 100

    def raised(n: float) -> str:
        if n == 1:
            return "{a}"
        if whole:
            return "{a}" + superscript(str(int(n)))
        return f"{{a}} ^ {bracketed(format_number(n))}"

    factor = bracketed(format_number(exponent))
    if exponent == 0:
        derivative = "0"
    elif exponent == 1:
        derivative = "1"
    else:
        derivative = f"{factor}·{raised(exponent - 1)}"

    def slope(u: float) -> tuple[float]:
        return (exponent * _power(u, exponent - 1) if exponent else 0.0,)

    formula = "{a}¹" if exponent == 1 else raised(exponent)
    return Operation(formula, (derivative,), lambda u: _power(u, exponent), slope)


def extremum(name: str, count: int) -> Operation:
    """max or min of ``count`` operands."""
    choose = max if name == "max" else min
    letters = _LETTERS[:count]
    return Operation(
        f"{name}({', '.join('{' + letter + '}' for letter in letters)})",
        tuple("[{" + letter + "} = {Y}]" for letter in letters),
        lambda *u: float(choose(u)),
        lambda *u: _first(u, choose(u)),
        lambda *u: u.count(choose(u)) > 1,
    )


def bracketed(operand: str) -> str:
    """An operand as it stands inside a product or a power."""
    return f"({operand})" if operand[0] == "−" or any(c in operand for c in " ·/") else operand


def write(template: str, operands: list[str], result: str) -> str:
    """Fill a template of the table with names or with numbers."""
    words = {"y": bracketed(result), "Y": result}
    for letter, operand in zip(_LETTERS, operands):
        words[letter] = operand
        words[letter.lower()] = bracketed(operand)
    return template.format(**words)
