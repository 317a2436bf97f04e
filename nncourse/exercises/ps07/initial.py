"""initialise and orthogonal: weights at the start, judged by law and product, and by the numbers
that the generator gives."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from nncourse.diagnosis import Context, Finding, Law
from nncourse.diagnosis.distribution import normal_law, uniform_law
from nncourse.diagnosis.measure import FINEST, Array, tolerance
from nncourse.exercises.drawn import CALLS, drawn, first_drawn, joined, standard_normal
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
    real,
    single,
)
from nncourse.exercises.raised import raised
from nncourse.language import mark

Rule = Callable[[int, int, np.random.Generator], Array]


def _uniform(bound: Callable[[int, int], float]) -> Rule:
    return lambda out, fan, rng: rng.uniform(-bound(out, fan), bound(out, fan), (out, fan))


def _normal(std: Callable[[int, int], float]) -> Rule:
    return lambda out, fan, rng: rng.normal(0, std(out, fan), (out, fan))


RULES: dict[str, Rule] = {
    "xavier_uniform": _uniform(lambda out, fan: (6 / (fan + out)) ** 0.5),
    "xavier_normal": _normal(lambda out, fan: (2 / (fan + out)) ** 0.5),
    "he_uniform": _uniform(lambda out, fan: (6 / fan) ** 0.5),
    "he_normal": _normal(lambda out, fan: (2 / fan) ** 0.5),
}
NAMES = tuple(RULES)

LARGE, SMALL = (160, 230), (54, 81)
"""Between which the two sizes of a layer lie: more than one could know the spreads for."""

WIDE = "wide"
"""The layer has fewer outputs than inputs."""


def draw(rng: np.random.Generator, case: str) -> Point:
    """The sizes of a layer, large and very different, and a seed."""
    out, fan = int(rng.integers(*LARGE)), int(rng.integers(*SMALL))
    if case == WIDE:
        out, fan = fan, out
    both = np.empty((CALLS * out, fan))
    return Point((out, fan, int(rng.integers(2**31))), {"W": both}, 1.0, case)


def laws(point: Point) -> dict[str, Law]:
    """What each initialiser must look like, and of which numbers it is made."""
    out, fan, seed = point.arguments
    found = {}
    for i, name in enumerate(NAMES):
        variance = 2 / (fan + out if "xavier" in name else fan)
        uniform = "uniform" in name
        scale = (3 * variance if uniform else variance) ** 0.5
        found[name] = replace(
            uniform_law(-scale, scale) if uniform else normal_law(scale),
            drawn=partial(_drawn, uniform, scale, (out, fan), [seed, i]),
            call=f"{'rng.uniform(-a, a, ' if uniform else 'rng.normal(0, s, '}(fan_out, fan_in))",
        )
    return found


def _drawn(uniform: bool, scale: float, shape: tuple[int, int], seed: list[int]) -> Iterator[Array]:
    draw = _symmetric if uniform else standard_normal
    for numbers in drawn(draw, shape, seed):
        yield scale * numbers
        yield -scale * numbers


def _symmetric(rng: np.random.Generator, shape: tuple[int, ...], dtype: Any) -> Array:
    return 2 * rng.random(shape, dtype) - 1


def context(point: Point) -> dict[str, Context]:
    """Ratios of the spread that known mix-ups give."""
    out, fan, _seed = point.arguments
    xavier = {"√2": 2**0.5, "√3": 3**0.5, "1/√3": 3**-0.5, "√(fan_out/fan_in)": (out / fan) ** 0.5}
    xavier["√((fan_in + fan_out)/(2 fan_in))"] = ((fan + out) / (2 * fan)) ** 0.5
    he = {"√3": 3**0.5, "1/√3": 3**-0.5, "1/√2": 2**-0.5, "√(fan_in/fan_out)": (fan / out) ** 0.5}
    return {name: Context(constants=xavier if "xavier" in name else he) for name in NAMES}


def drive(answer: Callable[..., Any], out: int, fan: int, seed: int) -> tuple[Any, ...]:
    """Samples of each initialiser, drawn from one generator, one below the other.

    One that raises costs its own name alone.
    """
    samples: list[Any] = []
    errors: list[Exception] = []
    for i, name in enumerate(NAMES):
        rng = np.random.default_rng([seed, i])
        try:
            found = [answer(name, out, fan, rng) for _call in range(CALLS)]
        except Exception as error:
            errors.append(error)
            samples.append(raised(error))
        else:
            samples.append(joined(found, (out, fan)))
    if len(errors) == len(NAMES):
        raise errors[0]
    return tuple(samples)


def initialise(name: str, fan_out: int, fan_in: int, rng: np.random.Generator) -> Array:
    """Weights (fan_out, fan_in)."""
    return RULES[name](fan_out, fan_in, rng)


def _with(name: str, rule: Rule) -> Callable[..., Any]:
    return lambda which, out, fan, rng: (rule if which == name else RULES[which])(out, fan, rng)


def _he_with_both(name: str, out: int, fan: int, rng: np.random.Generator) -> Array:
    mean = (out + fan) / 2
    return RULES[name](out, fan, rng) * ((fan / mean) ** 0.5 if "he" in name else 1)


def _scaled(
    name: str, out: int, fan: int, rng: np.random.Generator, rows: int | None = None
) -> Array:
    """As ``initialise``, or some rows of it, made of standard numbers."""
    shape = (out if rows is None else rows, fan)
    if "uniform" in name:
        numbers, variance = rng.random(shape) * 2 - 1, 6.0
    else:
        numbers, variance = rng.standard_normal(shape), 2.0
    return numbers * (variance / (fan + out if "xavier" in name else fan)) ** 0.5


INITIALISE = Piece(
    name="initialise",
    signature="initialise(name, fan_out, fan_in, rng) -> W",
    outputs=tuple(
        Output(
            name,
            by="distribution",
            of="W",
            key=(i,),
            look=mark("Compute the standard deviation of many draws and compare with the formula."),
            derive=mark(
                "The variance of a uniform number between -a and a is a third of a squared. Which "
                "a gives the variance that is asked for?"
            ),
            formula=(
                "variance 2/(fan_in + fan_out); uniform: a = √(6/(fan_in + fan_out))"
                if "xavier" in name
                else "variance 2/fan_in; uniform: a = √(6/fan_in)"
            ),
        )
        for i, name in enumerate(NAMES)
    ),
    parts=(
        *(Part(name, 0.125, (PLAIN,)) for name in NAMES),
        *(Part(name, 0.125, (WIDE,)) for name in NAMES),
    ),
    draw=draw,
    reference=initialise,
    drive=drive,
    laws=laws,
    context=context,
    mutants=(
        Mutant(
            "Xavier with fan_in only",
            _with("xavier_normal", _normal(lambda out, fan: (1 / fan) ** 0.5)),
            mark("xavier_normal uses fan_in alone; Xavier takes the mean of fan_in and fan_out."),
            "fan",
            "M108",
        ),
        Mutant(
            "bound of Xavier's normal",
            _with("xavier_uniform", _uniform(lambda out, fan: (2 / (fan + out)) ** 0.5)),
            mark("xavier_uniform takes the standard deviation for the bound: √3 is missing."),
            "bound",
            "M108",
        ),
        Mutant(
            "normal for uniform",
            _with("xavier_uniform", RULES["xavier_normal"]),
            mark(
                "xavier_uniform has the right spread, but normal numbers; uniform ones are asked."
            ),
            "law",
            "M108",
        ),
        Mutant(
            "uniform from 0",
            _with(
                "he_uniform",
                lambda out, fan, rng: rng.uniform(0, 2 * (6 / fan) ** 0.5, (out, fan)),
            ),
            mark("he_uniform gives no negative weights: its mean must be 0."),
            "mean",
        ),
        Mutant(
            "He with fan_out",
            _with("he_normal", _normal(lambda out, fan: (2 / out) ** 0.5)),
            mark("he_normal uses fan_out: W has the shape (fan_out, fan_in), and fan_in counts."),
            "fan",
            "M108",
        ),
        Mutant(
            "He with both fans",
            _he_with_both,
            mark(
                "he_normal and he_uniform take the mean of fan_in and fan_out, as in Xavier's "
                "rule; in He's fan_in alone counts."
            ),
            "fan",
            "M108",
        ),
        Mutant(
            "variance for standard deviation",
            _with("he_normal", _normal(lambda out, fan: 2 / fan)),
            mark("he_normal takes the variance for the standard deviation: the root is missing."),
            "root",
            "M102",
        ),
        Mutant(
            "zeros",
            _with("xavier_normal", lambda out, fan, rng: np.zeros((out, fan))),
            mark("xavier_normal gives zeros: all neurons of the layer stay the same for ever."),
            "constant",
        ),
        Mutant(
            "one row for all",
            _with(
                "he_uniform",
                lambda out, fan, rng: (
                    np.tile(RULES["he_uniform"](1, fan, rng), (out, 1))
                    * (6 / fan) ** 0.5
                    / (6 / fan) ** 0.5
                ),
            ),
            mark("All rows of he_uniform are the same: every neuron needs weights of its own."),
            "repeat",
        ),
    ),
    equivalents=(
        Equivalent("standard numbers scaled", _scaled),
        Equivalent(
            "row by row, a list returned",
            lambda name, out, fan, rng: [
                _scaled(name, out, fan, rng, rows=1)[0].tolist() for _row in range(out)
            ],
        ),
        Equivalent("float32", lambda *arguments: single(initialise(*arguments))),
    ),
    cases=(PLAIN, PLAIN, WIDE),
    varied=differing(lambda point: point.arguments[:2]),
    case_names={WIDE: mark("more inputs than outputs")},
)


REGULAR = 30
"""The condition number of every matrix that is drawn is less."""

NEARLY = 1e-3
"""Matrices nearer than this are one, but for rounding."""

AGAIN = mark("Two calls with one generator give the same matrix.")
OTHERS = mark(
    "The matrix is orthogonal, but it is not made of the numbers that rng gives, or in another "
    "way: take Q of the QR decomposition of rng.normal(size=(n, n))."
)


def draw_orthogonal(rng: np.random.Generator, case: str) -> Point:
    """The size of a square matrix and a seed, of which no nearly singular matrix is made: in
    float32, too, any way to the orthogonal factor is exact enough.
    """
    n = int(rng.integers(5, 10))
    while True:
        seed = int(rng.integers(2**31))
        twice = drawn(standard_normal, (n, n), seed, calls=2)
        once = drawn(standard_normal, (n, n), [seed, 1], calls=1)
        matrices = np.concatenate([*twice, *once]).reshape(-1, n, n)
        if np.linalg.cond(matrices).max() < REGULAR:
            return Point((n, seed), {}, 1.0, case)


def drive_orthogonal(answer: Callable[..., Any], n: int, seed: int) -> tuple[Array, Any]:
    """(Q^T Q, Q) of the last of some matrices, or of one that is not orthogonal. Where all are
    right in another way, Q gives way to that of ``orthogonal``.

    The first matrix from each of two generators is made of the numbers that are asked for. What is
    drawn after them nobody knows: another one from the first generator need only be another.
    """
    seeds: tuple[Any, ...] = seed, [seed, 1]
    one, two = (np.random.default_rng(each) for each in seeds)
    matrices = [real(answer(n, rng), "Q") for rng in (one, two, one)]
    for matrix in matrices:
        if matrix.shape != (n, n):
            text = mark("The shape is {got}, but it must be {want}.")
            raise Unfit(Finding("shape", text, {"got": matrix.shape, "want": (n, n)}))
    products = [_product(matrix) for matrix in matrices]
    for matrix, product in zip(matrices, products, strict=True):
        if not np.allclose(product, np.eye(n), atol=NEARLY):
            return product, matrix
    first, _other, last = matrices
    if np.allclose(first, last):
        return products[-1], Finding("state", AGAIN)
    right = any(
        all(map(_made_of, matrices[:2], both))
        for both in first_drawn(standard_normal, (n, n), seeds)
    )
    if right and not _like(last, first):
        return products[-1], orthogonal(n, np.random.default_rng(seed))
    return products[-1], Finding("state", OTHERS)


def _product(matrix: Array) -> Array:
    """Q^T Q, in the precision of Q."""
    product = matrix.T @ matrix
    return product if tolerance(matrix) == FINEST else single(product)


def _like(matrix: Array, q: Array) -> bool:
    """Whether two orthogonal matrices are the same but for signs of columns and of rows."""
    return np.allclose(np.abs(matrix), np.abs(q), atol=NEARLY)


def _made_of(matrix: Array, a: Array) -> bool:
    """Whether a matrix is an orthogonal factor of A or A^T, by QR, of the polar decomposition or of
    that by singular values: but for signs, and perhaps transposed.
    """
    u, _s, v = np.linalg.svd(a)
    factors = np.linalg.qr(a)[0], np.linalg.qr(a.T)[0], u @ v, u, v
    return any(_like(m, q) for q in factors for m in (matrix, matrix.T))


def orthogonal(n: int, rng: np.random.Generator) -> Array:
    """A random orthogonal matrix (n, n): Q of the QR decomposition of a normal one."""
    return np.linalg.qr(rng.standard_normal((n, n)))[0]


def _by_svd(n: int, rng: np.random.Generator) -> Array:
    u, _s, v = np.linalg.svd(rng.standard_normal((n, n)))
    return u @ v


def _gram_schmidt(n: int, rng: np.random.Generator) -> list[list[float]]:
    rows: list[Array] = []
    while len(rows) < n:
        row = rng.normal(size=n)
        for _twice in range(2):
            for other in rows:
                row = row - (row @ other) * other
        rows.append(row / np.linalg.norm(row))
    return [list(map(float, row)) for row in rows]


ORTHOGONAL = Piece(
    name="orthogonal",
    signature="orthogonal(n, rng) -> Q",
    outputs=(
        Output(
            "QᵀQ",
            by="value",
            key=(0,),
            look=mark("Multiply your matrix by its transpose: the unit matrix must come out."),
            derive=mark("Columns of length 1, each perpendicular to the others: how to get them?"),
            formula="Q R = A for a random A (the QR decomposition)",
        ),
        Output(
            "Q",
            by="value",
            key=(1,),
            after=("QᵀQ",),
            look=mark("Call the function with two generators and compare."),
            derive=mark("Where do random numbers enter?"),
            formula="Q R = A, A = rng.normal(size=(n, n))",
        ),
    ),
    parts=(Part("QᵀQ", 0.5, (PLAIN,), beside=("Q",)), Part("Q", 0.5, (PLAIN,))),
    draw=draw_orthogonal,
    reference=orthogonal,
    drive=drive_orthogonal,
    mutants=(
        Mutant(
            "not orthogonal",
            lambda n, rng: rng.standard_normal((n, n)) / n**0.5,
            mark("Random columns are only nearly perpendicular: make them so exactly."),
            "formula",
        ),
        Mutant(
            "normal numbers alone",
            lambda n, rng: rng.standard_normal((n, n)),
            mark("These are the normal numbers themselves: decompose the matrix into Q and R."),
            "half done",
        ),
        Mutant(
            "columns of length 1",
            lambda n, rng: (lambda a: a / np.linalg.norm(a, axis=0))(rng.standard_normal((n, n))),
            mark("The columns have length 1, but are not perpendicular to each other."),
            "half done",
        ),
        Mutant(
            "R in place of Q",
            lambda n, rng: np.linalg.qr(rng.standard_normal((n, n)))[1],
            mark("The triangular factor came back; the orthogonal one is the first."),
            "exchange",
        ),
        Mutant(
            "unit matrix",
            lambda n, rng: np.eye(n),
            mark(
                "The matrix is orthogonal, but the same each time: take random numbers from rng "
                "itself, and none from a copy of it or a generator of your own."
            ),
            "constant",
        ),
    ),
    equivalents=(
        Equivalent("by singular values", _by_svd),
        Equivalent("Gram and Schmidt, lists", _gram_schmidt),
        Equivalent("a scaled transpose", lambda n, rng: -orthogonal(n, rng).T),
    ),
    cases=(PLAIN, PLAIN),
    varied=differing(lambda point: point.arguments[:1]),
)
