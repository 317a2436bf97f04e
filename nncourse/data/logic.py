"""Truth tables: what a single neuron can say, and what it cannot (XOR)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy

from nncourse.autograd.tensor import Tensor
from nncourse.data.draw import classes, count, floats

Bits = Any  # a boolean array

# Functions of bits (..., n) along the last axis.
FUNCTIONS: dict[str, Callable[[Bits], Bits]] = {
    "not": lambda x: ~x[..., 0],
    "and": lambda x: x.all(-1),
    "or": lambda x: x.any(-1),
    "nand": lambda x: ~x.all(-1),
    "nor": lambda x: ~x.any(-1),
    "xor": lambda x: x.sum(-1) % 2 == 1,
    "xnor": lambda x: x.sum(-1) % 2 == 0,
    "implies": lambda x: ~x[..., 0] | x[..., 1],
    "majority": lambda x: 2 * x.sum(-1) > x.shape[-1],
}
_INPUTS = {"not": 1, "implies": 2}


def truth_table(
    function: str | Callable[[Bits], Bits], inputs: int | None = None
) -> tuple[Tensor, Tensor]:
    """All rows of the table: x (2**inputs, inputs) float32 of 0 and 1, y (2**inputs,) int64.

    function: "not", "and", "or", "nand", "nor", "xor" (an odd number of ones), "xnor", "implies",
    "majority" (more ones than zeros), or a function of a boolean array (rows, inputs) that returns
    one boolean per row. inputs: 2 unless given; "not" has 1, "implies" 2.
    Rows are in binary order, 00, 01, 10, 11: the last input changes fastest.
    """
    if isinstance(function, str):
        if function not in FUNCTIONS:
            raise ValueError(f"no function {function!r}; there are {', '.join(FUNCTIONS)}")
        fixed = _INPUTS.get(function)
        if fixed is not None and inputs not in (None, fixed):
            raise ValueError(f"{function!r} has {fixed} input{'s' * (fixed > 1)}; got {inputs}")
        inputs = fixed or inputs
        function = FUNCTIONS[function]
    n = count(2 if inputs is None else inputs, 1, "inputs")
    if n > 20:
        raise ValueError(f"a table of {n} inputs has 2**{n} rows; at most 20 inputs are allowed")
    x = (numpy.arange(2**n)[:, None] >> numpy.arange(n - 1, -1, -1)) & 1 == 1
    y = numpy.asarray(function(x))
    if y.shape != (2**n,):
        raise ValueError(f"the function must return one value for each row; got shape {y.shape}")
    return floats(x), classes(y)
