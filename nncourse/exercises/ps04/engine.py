"""Value: the student's class for numbers that remember how they were computed.

It is put to work on random expressions, in which each value is used once, or several times, or
mixed with plain numbers; on a deep chain; and on two expressions of the same leaves, the second of
which goes on from a value inside the first: at the leaves their gradients must add up, inside they
must not. The right gradients are numerical ones of the same expressions.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import Any

import numpy as np

from nncourse.diagnosis import Finding
from nncourse.diagnosis.measure import FINEST, Array, central_difference, distance
from nncourse.exercises.piece import (
    PLAIN,
    Equivalent,
    Mutant,
    Output,
    Part,
    Piece,
    Point,
    Unfit,
    normal,
)
from nncourse.exercises.ps04.values import (
    WRONG_WITH_NUMBERS,
    AccumulatesInside,
    BackwardFromLeaves,
    BreadthFirst,
    ByCreation,
    ClearsInside,
    CountsAllUsers,
    CountsUsers,
    CountsUsersInTurn,
    DeepRecursion,
    DepthFirst,
    DivWrong,
    ExpOfInput,
    FirstInputFirst,
    Functional,
    LastMarkedFirst,
    MarkedWhenPushed,
    MovedToTheEnd,
    MulNotExchanged,
    NoReflected,
    NotSeeded,
    OneOfTwins,
    Overwrites,
    PowOfSize,
    PowWrong,
    Recursive,
    SubSign,
    TanhMissing,
    Value,
    ZeroesLeaves,
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

APART = (TanhMissing, CountsUsersInTurn, MarkedWhenPushed, LastMarkedFirst, OneOfTwins, *OFTEN[2:])
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
    """Each value once (a tree); in the case SHARED values are used again, also those that
    ``before`` steps left.

    In the case CONSTANTS those inside, which pass their gradient on, are mixed with plain numbers
    in all ways, once each: 3 - (3 - a) hides what is wrong with it.
    """
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

    while len(unused) > 1 or len(program) < 9 or mixed:
        i = j = take()
        if mixed and i >= leaves and next(chances) < 0.65:
            op = mixed.pop()
        elif case == SHARED and program and next(chances) < 0.4:
            # Something that was used already is used once more.
            op, j = one_of(BINARY), below(count)
        elif case == SHARED and next(chances) < 0.2:
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
    kind = SHARED if case == TWICE else case
    while True:
        x = _draw_leaves(rng, 4)
        programs: list[Program] = []
        for others in OTHERS[case]:
            before = [step for program in programs for step in program]
            drawn = (_draw_program(rng, 4, kind, len(before)) for _try in range(TRIES))
            fit = (p for p in drawn if _fits([*before, *p], x, others, inside=kind != SHARED))
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
            if not 0.05 < abs(values[-1]) < 12:
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


MUTANTS = (
    Mutant(
        "= in place of +=",
        Overwrites,
        mark(
            "A value that is used several times keeps the gradient of one use only: each use "
            "overwrites the one before. Contributions add up."
        ),
        "accumulate",
        "M13",
    ),
    Mutant(
        "no topological order",
        DepthFirst,
        mark(
            "A value passes its gradient on before all of its uses have contributed. Take the "
            "values in reverse topological order: a value comes after everything that uses it."
        ),
        "order",
        "M14",
    ),
    Mutant(
        "recursion",
        DeepRecursion,
        mark(
            "The gradients are right, but on a long chain Python's recursion limit ends the "
            "function. Keep a stack of your own."
        ),
        "depth",
        "X21",
    ),
    Mutant(
        "no gradient of 1 at the output",
        NotSeeded,
        mark(
            "All gradients are 0: the pass starts at the output, whose gradient with respect to "
            "itself is 1."
        ),
        "seed",
        "X22",
    ),
    Mutant(
        "leaves forget",
        ZeroesLeaves,
        mark(
            "A second backward pass wipes out what the first one left at the leaves. Their "
            "gradients add up until the user sets them to 0."
        ),
        "state",
        "X23",
    ),
    Mutant(
        "values inside keep their gradient",
        AccumulatesInside,
        mark(
            "In a second pass through the same graph, values inside still hold the gradients of "
            "the first and pass them on again. Only leaves accumulate; the others start from 0."
        ),
        "state",
        "M12",
    ),
    Mutant(
        "values inside lose their gradient",
        ClearsInside,
        mark(
            "The leaves are right, but the values inside hold no gradient after the pass. They are "
            "set to 0 before it, and keep what they received."
        ),
        "cleared",
    ),
    Mutant(
        "slopes of the product exchanged",
        MulNotExchanged,
        mark("The slopes of a product are exchanged: along a it grows as fast as b is large."),
        "slope",
        "X20",
    ),
    Mutant(
        "sign of the difference",
        SubSign,
        mark("In a - b the gradient of b has the wrong sign."),
        "sign",
        "M04",
    ),
    Mutant(
        "slope of the quotient",
        DivWrong,
        mark("In a / b the slope along b lacks a power of b: write it as a times b to the -1."),
        "slope",
    ),
    Mutant(
        "slope of the power",
        PowWrong,
        mark("The slope of a power lacks the factor n."),
        "slope",
        "M03",
    ),
    Mutant(
        "slope of tanh",
        TanhMissing,
        mark("tanh passes its gradient on unchanged: its derivative is missing."),
        "derivative missing",
        "M15",
    ),
    Mutant(
        "slope of exp",
        ExpOfInput,
        mark("The slope of exp is its value, not its input."),
        "slope",
        "X03",
    ),
    Mutant(
        "numbers on the left",
        NoReflected,
        mark(
            "2 * a with a plain number on the left does not work: Python then asks a for __rmul__. "
            "The same goes for __radd__, __rsub__ and __rtruediv__."
        ),
        "interface",
        "X24",
    ),
    Mutant(
        "from the leaves",
        BackwardFromLeaves,
        mark(
            "The values are taken in the order in which they were computed, leaves first. The "
            "gradient starts at the output: go through the order backwards."
        ),
        "order",
        "M76",
    ),
)

_GRADIENT_LOOK = mark(
    "Take f = a * b + a with numbers on paper: which gradient does each of the four values get, "
    "in which order, and how often is something added to that of a?"
)

ENGINE = Piece(
    name="Value",
    signature="Value(data): data, grad, operators, exp(), tanh(), backward()",
    outputs=(
        Output(
            "data",
            by="value",
            key=(0,),
            look=mark("Compare each operation with the same one on plain numbers."),
            derive=mark("Which operators does Python call for a - b, -a, 2 - a and 1 / a?"),
            formula="a - b = a + (-1) · b,   a / b = a · b⁻¹",
        ),
        Output(
            mark("gradient"),
            of="x",
            key=(1,),
            after=("data",),
            look=_GRADIENT_LOOK,
            derive=mark(
                "Each value adds its gradient times the slope of the edge to each of its inputs. "
                "When may it do so?"
            ),
            formula="grad(input) += grad(value) · slope, over all uses of input",
        ),
        Output(
            mark("gradients inside"),
            by="value",
            key=(2,),
            after=("data", "gradient"),
            look=mark("Print grad of every value after backward(), the output's first: it is 1."),
            derive=mark("Which values are set to 0, and when: before the pass or after it?"),
            formula="grad(value) = sum over its uses, grad(output) = 1",
        ),
    ),
    parts=(
        Part("data", 0.1, (PLAIN, SHARED, TWICE, DEEP)),
        Part("data", 0.05, (CONSTANTS,)),
        Part("gradient", 0.2, (PLAIN,)),
        Part("gradient", 0.2, (SHARED,)),
        Part("gradient", 0.1, (CONSTANTS,)),
        Part("gradient", 0.1, (TWICE,)),
        Part("gradient", 0.1, (DEEP,)),
        Part("gradients inside", 0.15, (PLAIN, SHARED, CONSTANTS, TWICE, DEEP)),
    ),
    draw=draw,
    reference=Value,
    forward=forward,
    drive=drive,
    mutants=MUTANTS,
    equivalents=(
        Equivalent("a function of the gradient in each value", Functional),
        Equivalent("by the time of creation", ByCreation),
        Equivalent("recursion with a higher limit", Recursive),
    ),
    cases=(PLAIN, PLAIN, SHARED, SHARED, CONSTANTS, TWICE, DEEP),
    case_names={
        SHARED: mark("values that are used several times"),
        CONSTANTS: mark("plain numbers among the values, also on the left"),
        TWICE: mark(
            "backward() of an expression, of a second one with values of the first, and of the "
            "first again"
        ),
        DEEP: mark("a chain of 1500 steps"),
    },
)
