"""Value: the student's class for numbers that remember how they were computed.

It is put to work on random expressions, in which each value is used once, or several times, or
mixed with plain numbers; on a deep chain; and on two expressions of the same leaves, the second of
which goes on from a value inside the first: at the leaves their gradients must add up, inside they
must not. The right gradients are numerical ones of the same expressions.
"""

from __future__ import annotations

from nncourse.exercises.piece import PLAIN, Equivalent, Mutant, Output, Part, Piece
from nncourse.exercises.ps04.expressions import (
    CONSTANTS,
    DEEP,
    SHARED,
    TWICE,
    draw,
    drive,
    forward,
)
from nncourse.exercises.ps04.values import (
    AccumulatesInside,
    BackwardFromLeaves,
    ByCreation,
    ClearsInside,
    DeepRecursion,
    DepthFirst,
    DivWrong,
    ExpOfInput,
    Functional,
    MulNotExchanged,
    NoReflected,
    NotSeeded,
    Overwrites,
    PowWrong,
    Recursive,
    SubSign,
    TanhMissing,
    Value,
    ZeroesLeaves,
)
from nncourse.language import mark

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
