"""Random expressions, and what they come to in an engine, with numerical gradients beside it.

An expression is a program: a list of steps, each of which makes a value out of earlier ones.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import Any

import numpy as np

from nncourse.diagnosis import Finding
from nncourse.diagnosis.measure import FINEST, Array, central_difference, distance
from nncourse.exercises.piece import PLAIN, Point, Unfit, normal
from nncourse.exercises.ps04.values import (
    WRONG_WITH_NUMBERS,
    BreadthFirst,
    CountsAllUsers,
    CountsUsers,
    CountsUsersInTurn,
    DepthFirst,
    ExpOfInput,
    FirstInputFirst,
    LastMarkedFirst,
    MarkedWhenPushed,
    MovedToTheEnd,
    OneOfTwins,
    OneOfTwinsDivided,
    OneOfTwinsSubtracted,
    Overwrites,
    PowOfSize,
    PowWrong,
    TanhMissing,
    Value,
)
from nncourse.language import mark

SHARED, CONSTANTS, DEEP, TWICE = "shared", "constants", "deep", "twice"

DEPTH = 1500
"""Steps of the deep chain, more than Python's recursion allows."""

INSIDE = 20
"""About so many values inside are asked for their gradients, the last one among them."""

OFTEN = (
    TanhMissing,
    CountsUsersInTurn,
    CountsUsers,
    MovedToTheEnd,
    BreadthFirst,
    FirstInputFirst,
    DepthFirst,
    Overwrites,
)
"""Engines that go wrong where values are used several times.

First those that seldom do, so that a program that shows nothing is soon left.
"""

APART = (
    TanhMissing,
    CountsUsersInTurn,
    MarkedWhenPushed,
    LastMarkedFirst,
    OneOfTwins,
    OneOfTwinsDivided,
    OneOfTwinsSubtracted,
    *OFTEN[2:],
)
"""The same with those that go wrong on few graphs only."""

OTHERS: dict[str, tuple[tuple[type[Value], ...], ...]] = {
    PLAIN: ((PowWrong, PowOfSize, ExpOfInput),),
    SHARED: (APART,),
    CONSTANTS: (WRONG_WITH_NUMBERS,),
    TWICE: (OFTEN, (CountsAllUsers, *OFTEN)),
}
"""For each program of a case, the engines that go wrong on it."""

TRIES = 100
"""Programs of the same leaves, or that go on from the same one."""

Step = tuple[str, int, int]
Program = list[Step]

BINARY = ("add", "sub", "mul", "div")
UNARY = ("square", "cube", "exp", "tanh", "neg")
MIXED = ("2 +", "3 -", "2 *", "3 /", "- 1", "/ 2", "** -1")


class Plain(float):
    """A number with the two methods that a Value has: what the numerical gradient computes with."""

    def exp(self) -> Plain:
        """e to this power."""
        return Plain(math.exp(self))

    def tanh(self) -> Plain:
        """The hyperbolic tangent."""
        return Plain(math.tanh(self))


# One operation each, in whatever kind of number a and b are.
STEPS: dict[str, Callable[[Any, Any], Any]] = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "div": lambda a, b: a / b,
    "square": lambda a, b: a**2,
    "cube": lambda a, b: a**3,
    "exp": lambda a, b: a.exp(),
    "tanh": lambda a, b: a.tanh(),
    "neg": lambda a, b: -a,
    "2 +": lambda a, b: 2 + a,
    "3 -": lambda a, b: 3 - a,
    "2 *": lambda a, b: 2 * a,
    "3 /": lambda a, b: 3 / a,
    "- 1": lambda a, b: a - 1,
    "/ 2": lambda a, b: a / 2,
    "** -1": lambda a, b: a**-1,
}


def trace(program: Program, leaves: list[Any], kind: Callable[[Any], Any]) -> list[Any]:
    """The leaves and the result of each step."""
    values = list(leaves)
    for op, i, j in program:
        values.append(kind(STEPS[op](values[i], values[j])))
    return values


def _as_is(value: Any) -> Any:
    return value


def _chances(rng: np.random.Generator) -> Iterator[float]:
    """Numbers between 0 and 1, drawn many at once, which is quicker."""
    while True:
        yield from rng.random(64).tolist()


def _draw_program(rng: np.random.Generator, leaves: int, case: str, before: int = 0) -> Program:
    """Each value once (a tree); in the cases SHARED and TWICE values are used again, also those
    that ``before`` steps left.

    In the case CONSTANTS those inside, which pass their gradient on, are mixed with plain numbers
    in all ways, once each: 3 - (3 - a) hides what is wrong with it.
    """
    shared = case in (SHARED, TWICE)
    unused = list(range(leaves))
    program: Program = []
    mixed = [MIXED[i] for i in rng.permutation(len(MIXED))] if case == CONSTANTS else []
    count = leaves + before
    chances = _chances(rng)

    def below(n: int) -> int:
        return int(next(chances) * n)

    def take() -> int:
        return unused.pop(below(len(unused)))

    def one_of(names: tuple[str, ...]) -> str:
        return names[below(len(names))]

    if case == SHARED:
        # A value over itself is 1, and less itself 0, whose slopes cancel out.
        for op, then in (("div", "mul"), ("sub", "add")):
            i, j = take(), take()
            program += [(op, i, i), (then, j, count)]
            unused += [i, count + 1]
            count += 2
    while len(unused) > 1 or len(program) < 9 or mixed:
        i = j = take()
        if mixed and i >= leaves and next(chances) < 0.65:
            op = mixed.pop()
        elif shared and program and next(chances) < 0.4:
            # Something that was used already is used once more.
            op, j = one_of(BINARY), below(count)
        elif shared and next(chances) < 0.2:
            # On both sides of an operation, and elsewhere.
            op = one_of(("add", "mul"))
            unused.append(i)
        elif unused and next(chances) < 0.6:
            op, j = one_of(BINARY), take()
        else:
            op = one_of(UNARY)
        program.append((op, i, j))
        unused.append(count)
        count += 1
    return program


def _draw_leaves(rng: np.random.Generator, count: int) -> Array:
    x = normal(rng, count)
    return np.sign(x) * (0.5 + np.abs(x) % 1.5)


def _draw_chain(rng: np.random.Generator) -> Point:
    """x (2,) and a long chain from x[1]: halved, the half used again, negated, or a leaf added.

    Who visits a value once for each of its uses never comes to an end.
    """
    while True:
        x, program = _draw_leaves(rng, 2), []
        half, again = 0, "add"
        for v, turn in enumerate(rng.integers(4, size=DEPTH).tolist(), 1):
            if turn < 2:
                program.append(("add", v, turn))
            elif turn == 2:
                program.append(("neg", v, v))
                again = "sub" if again == "add" else "add"
            elif half:  # v is plus or minus the half, and a number of leaves
                program.append((again, v, half))
                half = 0
            else:
                program.append(("/ 2", v, v))
                half, again = v + 1, "add"
        low, high = np.sort(np.abs(_gradients(Value, program, x)[0]))
        if 0.5 < low < high and max(map(abs, trace(program, [Plain(v) for v in x], Plain))) < 200:
            return Point(([program], x), {"x": x}, 1.0, DEEP)


def draw(rng: np.random.Generator, case: str) -> Point:
    """x (4,) and the programs to run on it, with all intermediate values of moderate size.

    In the case TWICE a second one goes on from values inside the first.
    """
    if case == DEEP:
        return _draw_chain(rng)
    while True:
        x = _draw_leaves(rng, 4)
        programs: list[Program] = []
        for others in OTHERS[case]:
            before = [step for program in programs for step in program]
            drawn = (_draw_program(rng, 4, case, len(before)) for _try in range(TRIES))
            inside = case in (PLAIN, CONSTANTS)
            fit = (p for p in drawn if _fits([*before, *p], x, others, inside))
            programs += islice(fit, 1)
        point = Point((programs, x), {"x": x}, 1.0, case)
        if len(programs) == len(OTHERS[case]) and _is_smooth(point):
            return point


def _is_smooth(point: Point) -> bool:
    """Whether the numerical gradient is much nearer to the right one than an answer has to be."""
    _data, right, _inside = drive(Value, *point.arguments)
    numerical = central_difference(lambda x: forward({"x": x}, point), point.variables["x"])
    return distance(np.array(right), numerical) < FINEST / 10


def _fits(program: Program, x: Array, others: tuple[type[Value], ...], inside: bool) -> bool:
    """Whether its values and gradients are of moderate size, and other engines' are others.

    inside: the gradients of the values inside as well.
    """
    values: list[Any] = [Plain(v) for v in x]
    try:
        for op, i, j in program:
            values.append(Plain(STEPS[op](values[i], values[j])))
            if not 0.05 < abs(values[-1]) < 12 and (op, i) != ("sub", j):
                return False
        right = _gradients(Value, program, x, inside)
        if np.min(np.abs(right[0])) < 0.02 or np.max(np.abs(right[0])) > 60:
            return False
        wrongs = (_gradients(other, program, x, inside) for other in others)
        return all(all(map(_differ, wrong, right)) for wrong in wrongs)
    except (OverflowError, ZeroDivisionError):
        return False


def _gradients(kind: Any, program: Program, x: Array, inside: bool = False) -> list[Array]:
    """Those of the leaves and, if asked for, of the values inside."""
    values = trace(program, [kind(float(v)) for v in x], _as_is)
    values[-1].backward()
    gradients = np.array([value.grad for value in values])
    return [gradients[: len(x)], gradients[len(x) :]][: 1 + inside]


def _differ(wrong: Array, right: Array) -> bool:
    return float(np.linalg.norm(right - wrong)) > 1e-3 * float(np.linalg.norm(right))


def forward(variables: Mapping[str, Array], point: Point) -> Array:
    """The sum of the programs' values; backward() is called once for each, twice for the first."""
    programs, _x = point.arguments
    values: list[Any] = [Plain(v) for v in variables["x"]]
    results = []
    for program in programs:
        values = trace(program, values, Plain)
        results.append(values[-1])
    total = sum(results) + (results[0] if point.case == TWICE else 0.0)
    return np.array(float(total))


def drive(kind: Callable[[float], Any], programs: list[Program], x: Array) -> tuple[Any, ...]:
    """(values of the programs, gradient of the leaves, gradients of values inside).

    Each program is built when the one before it has passed its gradient back, as in training.
    """
    leaves = values = [kind(float(v)) for v in x]
    first: list[Any] = []
    data: list[Any] = []
    inside: list[float] = []
    for program in programs:
        values = trace(program, values, _as_is)
        out, new = values[-1], values[-len(program) :]
        for name in ("data", "grad", "backward"):
            if not hasattr(out, name):
                text = mark("The result of an operation has no attribute {name}: is it a Value?")
                raise Unfit(Finding("type", text, {"name": name}))
        data.append(out.data)
        out.backward()
        if program is programs[-1]:
            inside += _some_gradients(new)
        else:
            first = new
    if first:
        # Of two passes through them its values keep the gradients of this one.
        first[-1].backward()
        inside += _some_gradients(first)
    return data, [leaf.grad for leaf in leaves], inside


def _some_gradients(values: list[Any]) -> list[float]:
    return [value.grad for value in values[:: -max(1, len(values) // INSIDE)]]
