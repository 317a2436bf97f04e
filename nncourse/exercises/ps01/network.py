"""any_function: a network of two layers that computes any truth table."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from nncourse.diagnosis import Finding
from nncourse.diagnosis.measure import Array
from nncourse.exercises.piece import (
    LISTS,
    PLAIN,
    Equivalent,
    Mutant,
    Output,
    Part,
    Piece,
    Point,
    Unfit,
    differing,
    single,
)
from nncourse.exercises.ps01.gates import minterm
from nncourse.exercises.ps01.weights import fire, margin, read, rows
from nncourse.language import mark

XOR, PARITY = "xor", "parity"

LIMIT = 0.1
"""The margin asked of every neuron, on the inputs that it meets."""


def draw(rng: np.random.Generator, case: str) -> Point:
    """x (2^n, n) and y (2^n,): a function of three or four bits, its rows in any order; or XOR, or
    the parity of three.

    Of the last two either answer may count as 1, or they would be the same for every seed.
    """
    n = {XOR: 2, PARITY: 3}.get(case) or int(rng.choice((3, 4)))
    x = rows(n)
    y = (x.sum(axis=1) + rng.integers(2)) % 2
    if case == PLAIN:
        x, y = x[rng.permutation(2**n)], np.zeros(2**n)
        # Of four bits there are too many ones and zeros for a network with a fixed few neurons;
        # half are never ones, as of a parity.
        ones = int(rng.choice((3, 5) if n == 3 else (6, 7, 9, 10)))
        y[rng.choice(2**n, ones, replace=False)] = 1
    return Point((x, y), {"limit": np.array(LIMIT)}, 1.0, case)


def reference(x: Array, y: Array) -> tuple[Array, Array]:
    """A hidden neuron for each row with answer 1, and an OR of them."""
    hidden = np.array([minterm(row) for row in x[y == 1]])
    return hidden, np.array([0.5, *np.ones(len(hidden))])


def drive(answer: Callable[..., Any], x: Array, y: Array) -> tuple[Array, float, float]:
    """(table, the smallest margin of the hidden neurons, that of the output on what it meets).

    A margin counts against a network whose table is wrong: a constant answer earns nothing.
    """
    right = y.copy()
    given, x = x, x.copy()  # the rows of the table, whatever the answer makes of them
    value = answer(given, y)
    if not isinstance(value, LISTS) or len(value) != 2:
        text = mark("Two arrays are expected: the weights of the hidden layer and of the output.")
        raise Unfit(Finding("count", text))
    hidden = read(value[0], (None, x.shape[1] + 1), "hidden")
    out = read(value[1], (len(hidden) + 1,), "out")
    h = np.array([fire(w, x) for w in hidden]).T
    table = fire(out, h)
    # A neuron is right in what it answers itself: only its distance from the border counts.
    margins = [margin(w, x, fire(w, x)) for w in hidden], [margin(out, h, table)]
    sign = 1 if np.array_equal(table, right) else -1
    return table, sign * _smallest(margins[0]), sign * _smallest(margins[1])


def _smallest(margins: list[float]) -> float:
    """Of the neurons that have a border; without any there is no margin."""
    return min((m for m in margins if np.isfinite(m)), default=0.0)


def _with(
    hidden_of: Callable[[Array, Array], Any] | None = None,
    out_of: Callable[[int], Any] | None = None,
) -> Callable[..., Any]:
    """The reference with other hidden neurons or another output neuron."""

    def function(x: Array, y: Array) -> tuple[Any, Any]:
        hidden = reference(x, y)[0] if hidden_of is None else np.array(hidden_of(x, y))
        m = len(hidden)
        return hidden, np.array([0.5, *np.ones(m)]) if out_of is None else np.array(out_of(m))

    return function


def _ones(x: Array, y: Array) -> Array:
    return x[y == 1]


MUTANTS = (
    Mutant(
        "AND of the hidden neurons",
        _with(out_of=lambda m: [m - 0.5, *np.ones(m)]),
        mark(
            "The output waits for all hidden neurons at once, but each fires for a row of its own, "
            "so no two fire together. One of them must be enough."
        ),
        "output",
        "X15",
    ),
    Mutant(
        "rows with answer 0",
        _with(lambda x, y: [minterm(row) for row in x[y == 0]]),
        mark("The hidden neurons stand for the rows with answer 0: the table comes out inverted."),
        "inverted",
    ),
    Mutant(
        "first row only",
        _with(lambda x, y: [minterm(row) for row in _ones(x, y)[:1]]),
        mark("Only the first row with answer 1 has a hidden neuron: a return inside the loop?"),
        "accumulate",
        "X04",
    ),
    Mutant(
        "last row only",
        _with(lambda x, y: [minterm(row) for row in _ones(x, y)[-1:]]),
        mark("Only the last row with answer 1 has a hidden neuron: each one replaced the other."),
        "accumulate",
        "M11",
    ),
    Mutant(
        "no negative weights",
        _with(lambda x, y: [[row.sum() - 0.5, *row] for row in _ones(x, y)]),
        mark(
            "The hidden neurons do not mind a 1 where their row has a 0: such inputs need a "
            "negative weight."
        ),
        "weights",
        "X14",
    ),
    Mutant(
        "output needs two",
        _with(out_of=lambda m: [1.5, *np.ones(m)]),
        mark("The output needs two hidden neurons, but for each input at most one fires."),
        "threshold",
    ),
    Mutant(
        "output fires always",
        _with(out_of=lambda m: [-0.5, *np.ones(m)]),
        mark("The output's threshold is negative: it fires even if no hidden neuron does."),
        "sign",
        "X10",
    ),
    Mutant(
        "output on the border",
        _with(out_of=lambda m: [0, *np.ones(m)]),
        mark(
            "The table is right, but the output's border runs through one of the points that it "
            "meets. Put its threshold halfway between the two sums that must be told apart."
        ),
        "margin",
        "X16",
    ),
    Mutant(
        "hidden border through a row",
        _with(lambda x, y: [minterm(row) - [0.5, *0 * row] for row in _ones(x, y)]),
        mark(
            "The table is right, but the border of a hidden neuron runs through a row of it. Put "
            "its threshold halfway between the sum of its own row and the next smaller one."
        ),
        "margin",
        "X16",
    ),
)


def _loops(x: Array, y: Array) -> list[Any]:
    hidden = []
    for row, wanted in zip(x.tolist(), y):
        if wanted:
            hidden.append([sum(row) - 0.5] + [1 if bit else -1 for bit in row])
    return [hidden, [0.5] + [1] * len(hidden)]


def _complement(x: Array, y: Array) -> tuple[Array, Array]:
    """Hidden neurons for the rows with answer 0, and an output that any of them silences."""
    hidden = np.array([minterm(row) for row in x[y == 0]])
    return hidden, np.array([-0.5, *-np.ones(len(hidden))])


EQUIVALENTS = (
    Equivalent("loops, lists returned", _loops),
    Equivalent("through the rows with answer 0", _complement),
    Equivalent("scaled float32", lambda x, y: tuple(single(2 * w) for w in reference(x, y))),
)

ANY_FUNCTION = Piece(
    name="any_function",
    signature="any_function(x, y) -> (hidden, out)",
    outputs=(
        Output(
            mark("table"),
            by="table",
            key=(0,),
            look=mark(
                "For one row of x find out which hidden neurons fire, then what the output makes "
                "of them."
            ),
            derive=mark(
                "A hidden neuron that fires for one row alone is a minterm. Any table is "
                "a combination of minterms: which ones, and how are they joined?"
            ),
            formula="y = OR of minterm(x[i]) over all rows i with y[i] = 1",
        ),
        Output(
            mark("hidden margin"),
            by="at least",
            of="limit",
            key=(1,),
            after=("table",),
            look=mark(
                "Compute the distance from the border for each hidden neuron on all rows. A neuron "
                "whose weights and threshold are all 0 has the sum 0 everywhere: on the border."
            ),
            derive=mark(
                "Let a be the largest sum of a row at which the neuron is silent, and b the "
                "smallest at which it fires. Where between them does the threshold belong?"
            ),
            formula="w0 = (a + b) / 2",
        ),
        Output(
            mark("output margin"),
            by="at least",
            of="limit",
            key=(2,),
            after=("table",),
            look=mark(
                "Compute the output's distance from the border for all that the hidden layer "
                "answers."
            ),
            derive=mark("Which sums must the output neuron tell apart? Go halfway between them."),
            formula="out = (1/2, 1, ..., 1)",
        ),
    ),
    parts=(
        Part("table", 0.4, (PLAIN,)),
        Part("table", 0.3, (PLAIN, XOR, PARITY)),
        # Earned together: every neuron needs its margin.
        Part("hidden margin", 0.15, (PLAIN, XOR, PARITY), beside=("output margin",)),
        Part("output margin", 0.15, (PLAIN, XOR, PARITY), beside=("hidden margin",)),
    ),
    draw=draw,
    reference=reference,
    drive=drive,
    mutants=MUTANTS,
    equivalents=EQUIVALENTS,
    cases=(PLAIN, PLAIN, XOR, PARITY),
    varied=differing(lambda point: point.arguments[0].shape),
    case_names={XOR: mark("XOR or its negation"), PARITY: mark("parity of three bits")},
)
