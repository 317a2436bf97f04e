"""apply: an operation's value and its slope along each input, on plain numbers."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from nncourse.diagnosis import Finding
from nncourse.diagnosis.measure import Array
from nncourse.exercises.piece import (
    PLAIN,
    Equivalent,
    Mutant,
    Output,
    Part,
    Piece,
    Point,
    Unfit,
    differing,
    normal,
    real,
)
from nncourse.exercises.raised import raised
from nncourse.language import mark

Slopes = tuple[float, tuple[float, ...]]
Rule = Callable[..., Slopes]

RULES: dict[str, Rule] = {
    "add": lambda a, b: (a + b, (1.0, 1.0)),
    "sub": lambda a, b: (a - b, (1.0, -1.0)),
    "mul": lambda a, b: (a * b, (b, a)),
    "div": lambda a, b: (a / b, (1 / b, -a / b**2)),
    "pow": lambda a, n: (a**n, (n * a ** (n - 1),)),
    "exp": lambda a: (math.exp(a), (math.exp(a),)),
    "log": lambda a: (math.log(a), (1 / a,)),
    "tanh": lambda a: (math.tanh(a), (1 - math.tanh(a) ** 2,)),
    "relu": lambda a: (max(a, 0.0), (float(a > 0),)),
    "max": lambda a, b: (max(a, b), (float(a > b), float(b > a))),
}

NAMES = tuple(RULES)

SIGNS = np.array(list(itertools.product((1, -1), repeat=3)))
"""Two numbers' signs and which of them is of larger size, in every combination."""

NEAR = 1 / 128
"""So near a kink is one number on either side: a slope that changes elsewhere shows."""


def draw(rng: np.random.Generator, case: str) -> Point:
    """The inputs of each operation, several of them: (rounds, inputs) for every name."""
    inputs: dict[str, Array] = {}
    for name in NAMES:
        # Far enough from each other and from 0, but for a few at kinks. Whatever the seed, there
        # are numbers of both signs wherever an operation takes them: no answer is right by luck.
        if name in ("exp", "log", "tanh", "relu"):
            near, far = 0.4 + 0.5 * rng.random(2), 1.1 + np.abs(normal(rng, 2))
            x = np.stack([near, far]) * (1, -1)
            x = x.reshape(4, 1)  # both signs, nearer than 1 and farther
        else:
            x = np.sort(np.abs(normal(rng, 8, 2))) + np.array([0.4, 0.8])
            x = SIGNS[:, :2] * np.where(SIGNS[:, 2:] > 0, x[:, ::-1], x)
        if name == "log":
            x = np.exp(x)  # on both sides of 1
        if name == "pow":
            even = 2 * int(rng.integers(1, 3))
            x[:, 1] = np.tile([even, 3, -2, -1], 2)  # each with a base of either sign
        if name == "relu":
            x = np.append(x, [[NEAR], [-NEAR]], axis=0)
        if name == "max":
            x = np.append(x, normal(rng, 2, 1) + np.array([[0, NEAR], [NEAR, 0]]), axis=0)
        inputs[name] = rng.permutation(x)
    return Point((inputs,), {}, 1.0, case)


def apply(name: str, *x: float) -> Slopes:
    """The value of the operation and the slope along each input."""
    return RULES[name](*x)


def drive(answer: Callable[..., Any], inputs: Mapping[str, Array]) -> tuple[Any, ...]:
    """For each operation an array: a row for each set of inputs, the value and the slopes.

    One that is not written yet may raise the stub's error, or give None: an if without an else.
    What raises or is no pair costs its own operation alone.
    """
    found: list[Any] = []
    errors: list[Exception] = []
    for name, rows in inputs.items():
        try:
            results = [answer(name, *map(float, x)) for x in rows]
            written = any(result is not None for result in results)
            found.append([_row(name, result) for result in results] if written else None)
        except Unfit as unfit:
            errors.append(unfit)
            found.append(unfit.finding)
        except Exception as error:
            errors.append(error)
            found.append(None if isinstance(error, NotImplementedError) else raised(error))
    if not any(isinstance(rows, list) for rows in found):
        # What was written comes before what was not; an error is told with its line.
        if errors:
            raise min(errors, key=lambda error: isinstance(error, NotImplementedError))
        _row(next(iter(inputs)), None)  # says what is expected
    return tuple(found)


def _row(name: str, result: Any) -> list[float]:
    try:
        value, slopes = result
        row = [float(real(number, name)) for number in (value, *slopes)]
    except (TypeError, ValueError, Unfit):
        text = mark(
            '{name}: a pair (value, slopes) is expected, with slopes a tuple, for "{name}" of '
            "{count} number(s); another thing came back."
        )
        count = len(RULES[name](2.0, 3.0)[1]) if name in ("add", "sub", "mul", "div", "max") else 1
        raise Unfit(Finding("type", text, {"name": name, "count": count})) from None
    return row


def _with(**rules: Rule) -> Callable[..., Any]:
    table = {**RULES, **{name.rstrip("_"): rule for name, rule in rules.items()}}
    return lambda name, *x: table[name](*x)


MUTANTS = (
    Mutant(
        "slopes of mul not exchanged",
        _with(mul=lambda a, b: (a * b, (a, b))),
        mark("The slopes of a product are exchanged: along a it grows as fast as b is large."),
        "exchange",
        "X20",
    ),
    Mutant(
        "sub like add",
        _with(sub=lambda a, b: (a - b, (1.0, 1.0))),
        mark("In a - b the slope along b is not 1: when b grows, the difference falls."),
        "sign",
        "M04",
    ),
    Mutant(
        "div without minus",
        _with(div=lambda a, b: (a / b, (1 / b, a / b**2))),
        mark(
            "The slope of a / b along b has the wrong sign: a larger divisor, a smaller quotient."
        ),
        "sign",
        "M04",
    ),
    Mutant(
        "div by b, not b squared",
        _with(div=lambda a, b: (a / b, (1 / b, -a / b))),
        mark("The slope of a / b along b is too large: write a / b as a times a power of b."),
        "power",
    ),
    Mutant(
        "pow keeps the exponent",
        _with(pow=lambda a, n: (a**n, (n * a**n,))),
        mark("The exponent of the slope of a power is one less than that of the power itself."),
        "power",
    ),
    Mutant(
        "pow without the factor",
        _with(pow=lambda a, n: (a**n, (a ** (n - 1),))),
        mark("The slope of a power lacks the factor n that comes down from the exponent."),
        "factor missing",
        "M03",
    ),
    Mutant(
        "exp like a power",
        _with(exp=lambda a: (math.exp(a), (a * math.exp(a - 1),))),
        mark("exp is differentiated like a power. Its slope is the function itself."),
        "other function",
        "X03",
    ),
    Mutant(
        "log like itself",
        _with(log=lambda a: (math.log(a), (math.log(a),))),
        mark("The value of the logarithm is returned as its slope."),
        "value for derivative",
        "M24",
    ),
    Mutant(
        "tanh' at the output",
        _with(tanh=lambda a: (math.tanh(a), (1 - math.tanh(math.tanh(a)) ** 2,))),
        mark("The derivative of tanh is taken at its output: tanh is applied twice."),
        "wrong place",
        "M17",
    ),
    Mutant(
        "tanh' of the input",
        _with(tanh=lambda a: (math.tanh(a), (1 - a**2,))),
        mark("1 minus the square is right, but of the value tanh(a), not of the input a."),
        "wrong place",
        "M81",
    ),
    Mutant(
        "relu' like relu",
        _with(relu=lambda a: (max(a, 0.0), (max(a, 0.0),))),
        mark("The value of relu is returned as its slope; the slope is 0 or 1."),
        "value for derivative",
        "M24",
    ),
    Mutant(
        "relu' always 1",
        _with(relu=lambda a: (max(a, 0.0), (1.0,))),
        mark("The slope of relu is 1 for negative inputs as well, where relu does not move."),
        "derivative missing",
        "M21",
    ),
    Mutant(
        "max to both",
        _with(max=lambda a, b: (max(a, b), (1.0, 1.0))),
        mark("Both inputs of max get the slope 1. The smaller one does not change the maximum."),
        "derivative missing",
        "M67",
    ),
    Mutant(
        "max to the first",
        _with(max=lambda a, b: (max(a, b), (1.0, 0.0))),
        mark("The first input of max gets the slope 1, also where the second is larger."),
        "constant",
    ),
)


def _by_difference(name: str, *x: float) -> Slopes:
    value = RULES[name](*x)[0]
    count = len(RULES[name](*x)[1])
    slopes = []
    for i in range(count):
        z = [complex(v) for v in x]
        h = 1e-6
        above, below = list(x), list(x)
        above[i], below[i] = z[i].real + h, z[i].real - h
        slopes.append((RULES[name](*above)[0] - RULES[name](*below)[0]) / (2 * h))
    return value, tuple(slopes)


def _numpy(name: str, *x: float) -> tuple[Any, list[Any]]:
    value, slopes = RULES[name](*x)
    return np.float64(value), [np.float64(slope) for slope in slopes]


def _shared_exp(name: str, *x: float) -> Any:
    if name == "tanh":
        e = math.exp(2 * x[0])
        return (e - 1) / (e + 1), [4 * e / (e + 1) ** 2]
    if name == "div":
        a, b = x
        return a * b**-1, np.array([b**-1, -a * b**-2])
    return RULES[name](*x)


_LOOK = {
    "add": mark("What happens to a + b when a grows by a little, and when b does?"),
    "sub": mark("What happens to a - b when b grows?"),
    "mul": mark("Hold b fixed: a b is a straight line in a. What is its slope?"),
    "div": mark("Write a / b as a times b to the power of -1."),
    "pow": mark("Only a is a variable; n is a constant and has no slope."),
    "exp": mark("Compute exp(0.001) and exp(0): how fast does exp grow at 0, and at 1?"),
    "log": mark("log undoes exp: how do the slopes of a function and of its inverse relate?"),
    "tanh": mark("The value of tanh is at hand, and its derivative can be written with it."),
    "relu": mark("Draw relu: two straight pieces with two slopes."),
    "max": mark("Which input decides the maximum, and what does the other one change?"),
}
_FORMULA = {
    "add": "(1, 1)",
    "sub": "(1, -1)",
    "mul": "(b, a)",
    "div": "(1/b, -a/b²)",
    "pow": "n · aⁿ⁻¹",
    "exp": "exp(a)",
    "log": "1/a",
    "tanh": "1 - tanh²(a)",
    "relu": "[a > 0]",
    "max": "([a > b], [b > a])",
}
_DERIVE = mark("Take the limit of (f(a + h) - f(a)) / h, or look the derivative up and test it.")

SLOPES = Piece(
    name="apply",
    signature="apply(name, *x) -> (value, slopes)",
    outputs=tuple(
        Output(
            name,
            by="value",
            key=(i,),
            axes=("row", "unit"),
            look=_LOOK[name],
            derive=_DERIVE,
            formula=_FORMULA[name],
        )
        for i, name in enumerate(NAMES)
    ),
    parts=tuple(Part(name, 0.1, (PLAIN,)) for name in NAMES),
    draw=draw,
    reference=apply,
    drive=drive,
    mutants=MUTANTS,
    equivalents=(
        Equivalent("numbers of NumPy, lists", _numpy),
        Equivalent("other forms", _shared_exp),
        Equivalent("central differences", _by_difference),
    ),
    cases=(PLAIN, PLAIN),
    # The even power is 2 once and 4 once; the largest is so 3 and 4.
    varied=differing(lambda point: [point.arguments[0]["pow"][:, 1].max()]),
)
