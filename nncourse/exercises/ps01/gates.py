"""gates, at_least, minterm: Boolean functions of one neuron, with weights set by hand."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from nncourse.diagnosis import Context, Finding
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
    single,
)
from nncourse.exercises.ps01.weights import fire, margin, read, rows
from nncourse.language import mark

TABLES = {
    "and": np.array([0.0, 0, 0, 1]),
    "or": np.array([0.0, 1, 1, 1]),
    "not": np.array([1.0, 0]),
}
MARGINS = {"and": mark("and margin"), "or": mark("or margin"), "not": mark("not margin")}

LIMITS = {"and": 0.3, "or": 0.3, "not": 0.4}
"""The margins asked for. The widest possible ones are 0.354, 0.354 and 0.5."""

SHARE = 0.8
"""Of the widest margin 1/(2√n) of a neuron with n inputs and weights of 1 and -1."""

ALL, ONE = "all", "one"
"""Cases of at_least: k = n, which is AND, and k = 1, which is OR."""

ZEROS, ONES = "zeros", "ones"
"""Cases of minterm: the patterns at both ends."""

SIZES = (3, 4, 5)
LARGE = range(8, 11)
"""Numbers of inputs of at_least of which there are too many to know each k by heart."""


def drive_gates(answer: Callable[[], Any]) -> tuple[Any, ...]:
    """(table, margin) for each gate, in the order of TABLES; of a gate of no use, why it is."""
    weights = answer()
    if weights is None:
        text = mark("{name} is None. Is the return missing?")
        raise Unfit(Finding("none", text, {"name": "gates()"}))
    if not isinstance(weights, Mapping):
        text = mark("A dictionary with the keys and, or, not is expected; {kind} came back.")
        raise Unfit(Finding("type", text, {"kind": type(weights).__name__}))
    found: list[Any] = []
    for name, table in TABLES.items():
        try:
            found += _gate(weights, name, table)
        except Unfit as unfit:
            found += [unfit.finding] * 2
    return tuple(found)


def _gate(weights: Mapping[str, Any], name: str, table: Array) -> tuple[Array, float]:
    try:
        value = weights[name]
    except KeyError:
        text = mark("A dictionary with the keys and, or, not is expected; {name} is not in it.")
        raise Unfit(Finding("key", text, {"name": repr(name)})) from None
    if value is None:
        raise Unfit(Finding("none", mark("{name} is None."), {"name": repr(name)}))
    n = len(table).bit_length() - 1
    w, x = read(value, (n + 1,), repr(name)), rows(n)
    return fire(w, x), margin(w, x, table)


def drive_function(answer: Callable[..., Any], *arguments: Any) -> tuple[Array, float]:
    """(table, margin) of one neuron. The last argument is the right table, for the margin."""
    *constants, y = arguments
    n = len(y).bit_length() - 1
    w, x = read(answer(*constants), (n + 1,), "w"), rows(n)
    return fire(w, x), margin(w, x, y)


def gates() -> dict[str, Any]:
    """The weights (w0, w1, ..., wn) of the three gates."""
    return {"and": [1.5, 1, 1], "or": [0.5, 1, 1], "not": [-0.5, -1]}


def at_least(k: int, n: int) -> Array:
    """Weights (n + 1,) of the neuron that fires if at least k of n inputs are 1."""
    return np.array([k - 0.5, *np.ones(n)])


def minterm(pattern: Array) -> Array:
    """Weights (n + 1,) of the neuron that fires for this row of the table alone."""
    return np.array([pattern.sum() - 0.5, *(2 * pattern - 1)])


def draw_gates(rng: np.random.Generator, case: str) -> Point:
    """Nothing to draw: the gates are what they are."""
    return Point(
        (), {f"{name} limit": np.array(limit) for name, limit in LIMITS.items()}, 1.0, case
    )


def _limit(n: int) -> dict[str, Array]:
    return {"limit": np.array(SHARE / (2 * n**0.5))}


def draw_at_least(rng: np.random.Generator, case: str) -> Point:
    """k and n, with 1 < k < n unless the case says otherwise."""
    n = int(rng.choice(LARGE if case == PLAIN and rng.random() < 0.5 else SIZES))
    k = {ALL: n, ONE: 1}.get(case) or int(rng.integers(2, n))
    return Point((k, n, (rows(n).sum(axis=1) >= k).astype(float)), _limit(n), 1.0, case)


def varied_at_least(points: Sequence[Point]) -> bool:
    """Whether each of SIZES comes once, then one large n with two k, one of them at least 7: both
    must be read, and no n goes by luck. Small tables come first, as the first wrong one is shown.
    """
    usual = [point.arguments[:2] for point in points if point.case == PLAIN]
    ns = [n for _k, n in usual]
    small, large = ns[:3], ns[3:]
    high = len(large) < 2 or max(usual[3:])[0] >= 7
    apart = len(set(usual)) == len(usual) and len(set(small)) == len(small)
    known = set(small) <= set(SIZES) and set(large) <= {*LARGE}
    return apart and high and known and len(set(large)) <= 1


def draw_minterm(rng: np.random.Generator, case: str) -> Point:
    """A pattern (n,) of ones and zeros, with three ones or more of the largest n, if the case is no
    other.
    """
    n = int(rng.choice(SIZES))
    pattern = np.full(n, float(case == ONES))
    if case == PLAIN:
        ones = int(rng.integers(3 if n == max(SIZES) else 1, n))
        pattern[rng.choice(n, ones, replace=False)] = 1
    return Point((pattern, (rows(n) == pattern).all(axis=1).astype(float)), _limit(n), 1.0, case)


def varied_minterm(points: Sequence[Point]) -> bool:
    """Whether the patterns differ in length, and not all have as many zeros."""
    zeros = [np.sum(point.arguments[0] == 0) for point in points if point.case == PLAIN]
    some = len(zeros) < 3 or len(set(zeros)) > 1
    return some and differing(lambda point: point.arguments[0].shape)(points)


def context_gates(point: Point) -> dict[str, Context]:
    """The tables that a gate is easily given instead."""
    two = {
        "AND": TABLES["and"],
        "OR": TABLES["or"],
        "x1": np.array([0.0, 0, 1, 1]),
        "x2": np.array([0.0, 1, 0, 1]),
    }
    return {"and": Context(instead=two), "or": Context(instead=two)}


def context_at_least(point: Point) -> dict[str, Context]:
    """The neighbours of "at least k"."""
    k, n, _y = point.arguments
    ones = rows(n).sum(axis=1)
    near = {"≥ k + 1": ones > k, "≥ k - 1": ones >= k - 1, "≤ k": ones <= k}
    instead = {name: table.astype(float) for name, table in near.items()}
    return {"table": Context(instead=instead)}


def context_minterm(point: Point) -> dict[str, Context]:
    """Rows that contain the pattern's ones, or that lie in them."""
    pattern, _y = point.arguments
    x = rows(len(pattern))
    above, below = (x >= pattern).all(axis=1), (x <= pattern).all(axis=1)
    return {"table": Context(instead={"x ≥ p": above.astype(float), "x ≤ p": below.astype(float)})}


def _gates(**changes: Any) -> Callable[[], dict[str, Any]]:
    renamed = {name.rstrip("_"): value for name, value in changes.items()}
    return lambda: {**gates(), **renamed}


GATE_MUTANTS = (
    Mutant(
        "biases for thresholds",
        _gates(and_=[-1.5, 1, 1], or_=[-0.5, 1, 1], not_=[0.5, -1]),
        mark(
            "All thresholds have the wrong sign: these are biases, which are added. The threshold "
            "is subtracted, so it must be positive where the sum has to exceed something."
        ),
        "sign",
        "X10",
    ),
    Mutant(
        "AND and OR exchanged",
        _gates(and_=[0.5, 1, 1], or_=[1.5, 1, 1]),
        mark("AND and OR are exchanged. Which of them needs the larger sum in order to fire?"),
        "exchange",
    ),
    Mutant(
        "one threshold for both",
        _gates(and_=[0.5, 1, 1]),
        mark("Your AND has the threshold of OR: one input alone exceeds it already."),
        "threshold",
    ),
    Mutant(
        "NOT without minus",
        _gates(not_=[0.5, 1]),
        mark(
            "Your NOT repeats its input. The sum must become smaller when the input is 1: "
            "think of the sign of the weight, then of the threshold."
        ),
        "sign",
    ),
    Mutant(
        "thresholds that are reached",
        _gates(and_=[2, 1, 1], or_=[1, 1, 1], not_=[0, -1]),
        mark(
            "The thresholds are exactly the sums at which the gates should fire. The neuron fires "
            "where the sum exceeds the threshold: put it between two sums."
        ),
        "border",
        "X11",
    ),
    Mutant(
        "border through an example",
        _gates(and_=[1, 1, 1], or_=[0, 1, 1], not_=[-1, -1]),
        mark(
            "The tables are right, but each border runs through an example: the margin is 0. Put "
            "the threshold in the middle between the two sums that must be told apart."
        ),
        "margin",
        "X16",
    ),
    Mutant(
        "thin margins",
        _gates(and_=[1.9, 1, 1], or_=[0.1, 1, 1], not_=[-0.1, -1]),
        mark(
            "The tables are right, but the borders run close to examples. The best threshold lies "
            "halfway between the two sums that must be told apart."
        ),
        "margin",
        "X16",
    ),
    Mutant(
        "threshold last",
        _gates(and_=[1, 1, 1.5], or_=[1, 1, 0.5], not_=[-1, -0.5]),
        mark("The threshold stands last in your weights. It comes first: (w0, w1, w2)."),
        "order",
    ),
)


ON_A_ROW = mark(
    "The table is right, but the border runs through a row of it: the margin is 0. Put the "
    "threshold halfway between the two sums that must be told apart."
)


AT_LEAST_MUTANTS = (
    Mutant(
        "threshold k",
        lambda k, n: np.array([k, *np.ones(n)]),
        mark(
            "With the threshold k the neuron needs more than k ones: it fires where the sum "
            "exceeds the threshold. Where between k - 1 and k does it belong?"
        ),
        "border",
        "X11",
    ),
    Mutant(
        "threshold k + 1/2",
        lambda k, n: np.array([k + 0.5, *np.ones(n)]),
        mark("The threshold lies one too high: k ones do not exceed it."),
        "off by one",
    ),
    Mutant(
        "threshold k - 3/2",
        lambda k, n: np.array([k - 1.5, *np.ones(n)]),
        mark("The threshold lies one too low: k - 1 ones exceed it already."),
        "off by one",
    ),
    Mutant(
        "majority",
        lambda k, n: np.array([n / 2, *np.ones(n)]) if k != n / 2 + 0.5 else at_least(1, n),
        mark("The answer does not depend on k: this is a majority of the inputs."),
        "constant",
    ),
    Mutant(
        "at most",
        lambda k, n: np.array([-(k + 0.5), *-np.ones(n)]),
        mark("This fires if at most k inputs are 1: the signs are reversed."),
        "sign",
    ),
    Mutant(
        "bias for threshold",
        lambda k, n: np.array([0.5 - k, *np.ones(n)]),
        mark("The threshold has the wrong sign: it is subtracted, unlike a bias."),
        "sign",
        "X10",
    ),
    Mutant(
        "threshold near k",
        lambda k, n: np.array([k - 0.1, *np.ones(n)]),
        mark(
            "The table is right, but the border runs close to the rows with k ones, or to those "
            "with k - 1. Put the threshold halfway between k - 1 and k."
        ),
        "margin",
        "X16",
    ),
    Mutant(
        "threshold k - 1",
        lambda k, n: np.array([k - 1, *np.ones(n)]),
        ON_A_ROW,
        "margin",
        "X16",
    ),
    Mutant(
        "first k inputs only",
        lambda k, n: np.array([k - 0.5, *(np.arange(n) < k)]),
        mark("Only the first k inputs have a weight. Any k of the n inputs must do."),
        "weights",
    ),
)


MINTERM_MUTANTS = (
    Mutant(
        "no negative weights",
        lambda p: np.array([p.sum() - 0.5, *p]),
        mark(
            "Inputs that must be 0 have weight 0, so a 1 there goes unnoticed. It has to lower the "
            "sum."
        ),
        "weights",
        "X14",
    ),
    Mutant(
        "threshold of AND",
        lambda p: np.array([len(p) - 0.5, *(2 * p - 1)]),
        mark(
            "The threshold counts all inputs, but those with a negative weight add nothing when "
            "they are 0. Compute the sum for the pattern itself."
        ),
        "threshold",
    ),
    Mutant(
        "threshold that is reached",
        lambda p: np.array([p.sum(), *(2 * p - 1)]),
        mark(
            "The threshold is exactly the sum for the pattern, and the neuron fires only above it."
        ),
        "border",
        "X11",
    ),
    Mutant(
        "pattern inverted",
        lambda p: np.array([(1 - p).sum() - 0.5, *(1 - 2 * p)]),
        mark("This fires for the inverted pattern: the signs of the weights are exchanged."),
        "inverted",
    ),
    Mutant(
        "threshold one too low",
        lambda p: np.array([p.sum() - 1.5, *(2 * p - 1)]),
        mark("The threshold lies one too low: rows with one wrong bit exceed it as well."),
        "off by one",
    ),
    Mutant(
        "all weights 1",
        lambda p: np.array([p.sum() - 0.5, *np.ones(len(p))]),
        mark("All weights are 1, so only the number of ones counts, not where they stand."),
        "weights",
    ),
    Mutant(
        "thin margin",
        lambda p: np.array([p.sum() - 0.9, *(2 * p - 1)]),
        mark(
            "The table is right, but the border runs close to the pattern, or to rows with one "
            "wrong bit. Put the threshold halfway between the two sums."
        ),
        "margin",
        "X16",
    ),
    Mutant(
        "border through rows",
        lambda p: np.array([p.sum() - 1, *(2 * p - 1)]),
        ON_A_ROW,
        "margin",
        "X16",
    ),
)

_TABLE_LOOK = mark(
    "Write down the sum without the threshold for every row of the table. Which rows must lie "
    "above the threshold, which below it?"
)
_TABLE_DERIVE = mark(
    "Let a be the largest sum of a row with answer 0, and b the smallest with answer 1. "
    "Between which numbers may the threshold lie?"
)
_MARGIN_LOOK = mark("Which row of the table lies nearest to the border, and on which side?")
_MARGIN_DERIVE = mark(
    "The distance of x from the border is |w1 x1 + ... + wn xn - w0| / |(w1, ..., wn)|. Where "
    "between a and b is the smaller of the two distances largest?"
)


def _outputs(table: str, margin_name: str, key: int, limit: str) -> tuple[Output, Output]:
    return (
        Output(
            table,
            by="table",
            key=(key,),
            look=_TABLE_LOOK,
            derive=_TABLE_DERIVE,
            formula="a ≤ w0 < b",
        ),
        Output(
            margin_name,
            by="at least",
            of=limit,
            key=(key + 1,),
            after=(table,),
            look=_MARGIN_LOOK,
            derive=_MARGIN_DERIVE,
            formula="w0 = (a + b) / 2",
        ),
    )


GATES = Piece(
    name="gates",
    signature='gates() -> {"and": (w0, w1, w2), "or": (w0, w1, w2), "not": (w0, w1)}',
    outputs=tuple(
        output
        for i, name in enumerate(TABLES)
        for output in _outputs(name, MARGINS[name], 2 * i, f"{name} limit")
    ),
    parts=tuple(
        part
        for name in TABLES
        for part in (Part(name, 0.2, (PLAIN,)), Part(MARGINS[name], 2 / 15, (PLAIN,)))
    ),
    draw=draw_gates,
    reference=gates,
    drive=drive_gates,
    context=context_gates,
    mutants=GATE_MUTANTS,
    equivalents=(
        Equivalent("scaled", _gates(and_=[15, 10, 10], or_=[0.05, 0.1, 0.1], not_=[-3, -6])),
        Equivalent("arrays", lambda: {name: np.array(w) for name, w in gates().items()}),
        Equivalent("a little off", _gates(and_=(1.45, 1, 1), or_=(0.55, 1.02, 1))),
        Equivalent("float32", lambda: {k: single(w) for k, w in gates().items()}),
    ),
    cases=(PLAIN,),
)

AT_LEAST = Piece(
    name="at_least",
    signature="at_least(k, n) -> w",
    outputs=_outputs("table", "margin", 0, "limit"),
    parts=(
        Part("table", 0.4, (PLAIN,)),
        Part("table", 0.2, (PLAIN, ALL, ONE)),
        Part("margin", 0.4, (PLAIN, ALL, ONE)),
    ),
    draw=draw_at_least,
    reference=at_least,
    drive=drive_function,
    context=context_at_least,
    mutants=AT_LEAST_MUTANTS,
    equivalents=(
        Equivalent("scaled", lambda k, n: 3 * at_least(k, n)),
        Equivalent("a list", lambda k, n: [k - 0.45] + [1] * n),
        Equivalent("float32", lambda k, n: at_least(k, n).astype(np.float32)),
        Equivalent("counting zeros", lambda k, n: np.r_[k / n - 0.5 / n, np.full(n, 1 / n)]),
    ),
    cases=(*(PLAIN,) * 5, ALL, ONE),
    varied=varied_at_least,
    case_names={ALL: mark("k = n"), ONE: mark("k = 1")},
)

MINTERM = Piece(
    name="minterm",
    signature="minterm(pattern) -> w",
    outputs=_outputs("table", "margin", 0, "limit"),
    parts=(
        Part("table", 0.5, (PLAIN,)),
        Part("table", 0.1, (PLAIN, ZEROS, ONES)),
        Part("margin", 0.3, (PLAIN,)),
        Part("margin", 0.1, (PLAIN, ZEROS, ONES)),
    ),
    draw=draw_minterm,
    reference=minterm,
    drive=drive_function,
    context=context_minterm,
    mutants=MINTERM_MUTANTS,
    equivalents=(
        Equivalent("where", lambda p: np.r_[p.sum() - 0.5, np.where(p > 0, 1, -1)]),
        Equivalent("a loop", lambda p: [sum(p) - 0.5] + [1 if bit else -1 for bit in p]),
        Equivalent("scaled float32", lambda p: single(4 * minterm(p))),
    ),
    cases=(PLAIN, PLAIN, PLAIN, ZEROS, ONES),
    varied=varied_minterm,
    case_names={ZEROS: mark("a pattern of zeros"), ONES: mark("a pattern of ones")},
)
