"""Entries: functions applied element by element, with broadcasting, and choices."""

import numpy as np

from nncourse import ops
from nncourse.ops import arithmetic, conversion, elementwise
from nncourse.ops.catalogue.entry import (
    APART,
    MASK,
    POSITIVE,
    REAL,
    Example,
    Operation,
    binary,
    examples,
    unary,
)

OPERATIONS: tuple[Operation, ...] = (
    binary("add", ops.add, np.add, arithmetic.Add),
    binary("sub", ops.sub, np.subtract, arithmetic.Subtract),
    binary("mul", ops.mul, np.multiply, arithmetic.Multiply),
    binary("div", ops.div, np.divide, arithmetic.Divide, (REAL, POSITIVE)),
    binary("pow", ops.pow, np.power, arithmetic.Power, (POSITIVE, REAL)),
    binary("maximum", ops.maximum, np.maximum, arithmetic.Maximum, (APART, REAL)),
    binary("minimum", ops.minimum, np.minimum, arithmetic.Minimum, (APART, REAL)),
    unary("neg", ops.neg, np.negative, arithmetic.Negate),
    Operation(
        "pow of a number",
        lambda x, n: x**n,
        lambda x, n: x**n,
        "same",
        (arithmetic.PowerOfNumber,),
        (POSITIVE,),
        tuple([Example(((3, 4),), {"n": n}) for n in (2, 3, 1, 0, -1, 0.5, -1.5)]),
    ),
    Operation(
        "with numbers",
        lambda x: 2.0 - (1 / (3 * x + 0.5)) ** 2 / 4,
        lambda x: 2.0 - (1 / (3 * x + 0.5)) ** 2 / 4,
        "same",
        (
            arithmetic.Subtract,
            arithmetic.Divide,
            arithmetic.Multiply,
            arithmetic.Add,
            arithmetic.PowerOfNumber,
        ),
        (POSITIVE,),
        examples((3, 4), ()),
    ),
    unary("exp", ops.exp, np.exp, elementwise.Exp),
    unary("log", ops.log, np.log, elementwise.Log, POSITIVE),
    unary("sqrt", ops.sqrt, np.sqrt, elementwise.Sqrt, POSITIVE),
    unary("sin", ops.sin, np.sin, elementwise.Sin),
    unary("cos", ops.cos, np.cos, elementwise.Cos),
    unary("tanh", ops.tanh, np.tanh, elementwise.Tanh),
    unary("sigmoid", ops.sigmoid, lambda x: 1 / (1 + np.exp(-x)), elementwise.Sigmoid),
    unary("relu", ops.relu, lambda x: x * (x > 0), elementwise.ReLU, APART),
    unary("abs", ops.abs, np.abs, elementwise.Abs, APART),
    Operation(
        "clamp",
        ops.clamp,
        lambda x, min=None, max=None: np.clip(x, min, max),
        "clamp",
        (elementwise.Clamp,),
        (APART,),
        (
            Example(((3, 4),), {"min": -0.35, "max": 0.55}),
            Example(((3, 4),), {"min": 0.05}),
            Example(((3, 4),), {"max": 0.05}),
        ),
    ),
    Operation(
        "where",
        ops.where,
        np.where,
        "where",
        (elementwise.Where,),
        (MASK, REAL, REAL),
        examples(((3, 4), (3, 4), (3, 4)), ((3, 4), (4,), ()), ((4,), (2, 1), (2, 4))),
    ),
    Operation(
        "clone",
        ops.clone,
        np.copy,
        "clone",
        (conversion.Clone,),
        (REAL,),
        examples((3, 4), ()),
    ),
)
