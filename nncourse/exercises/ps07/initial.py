"""initialise and orthogonal: weights at the start, judged by their law and by their product."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from nncourse.diagnosis import Context, Finding, Law, independence
from nncourse.diagnosis.distribution import normal_law, uniform_law
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
    real,
    single,
)
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

LARGE = (168, 175, 180, 189, 192, 196, 200, 210, 216, 224, 225)
SMALL = (54, 56, 60, 63, 64, 70, 72, 75, 80)
"""Sizes of a layer: more than one could know the spreads for, and quick to transform."""

WIDE = "wide"
"""The layer has fewer outputs than inputs."""

THIN = "thin"
"""It has so few inputs that one more or less makes a difference."""


DEPENDENT = {
    independence.TOTALS: mark(
        "One call gives larger numbers than the next one: every entry is drawn from one law."
    ),
    independence.DRAWS: mark(
        "Two calls give the same numbers, at least in part: draw every entry from rng, in every "
        "call anew."
    ),
    independence.ROWS: mark(
        "Some rows or columns of W are nearly the same, but for a factor, or have a spread of "
        "their own: every entry needs a draw of its own, from one law."
    ),
    independence.SHIFT: mark(
        "A part of W comes again in another place: every entry needs a draw of its own."
    ),
}
"""What is said of weights whose entries have something in common."""

OTHERS = mark(
    "Two generators made from one seed give different numbers: take all of them from rng, and "
    "none from np.random or a generator of your own."
)
"""What is said of numbers that were not drawn from the generator that was given."""


def draw(rng: np.random.Generator, case: str) -> Point:
    """The sizes of a layer, large and very different, and two seeds: of the generators, and of the
    order of the calls and the rows to be looked at, since an answer can find out the first.
    """
    out, fan = int(rng.choice(LARGE)), int(rng.choice(SMALL))
    if case == WIDE:
        out, fan = fan, out
    elif case == THIN:
        out, fan = 10 * out, int(rng.choice((3, 4)))
    seeds = int(rng.integers(2**31)), int(rng.integers(2**31))
    return Point((out, fan, seeds), {"W": np.empty((out, fan))}, 1.0, case)


def laws(point: Point) -> dict[str, Law]:
    """What each initialiser must look like."""
    out, fan, _seeds = point.arguments
    return {
        "xavier_uniform": uniform_law(-((6 / (fan + out)) ** 0.5), (6 / (fan + out)) ** 0.5),
        "xavier_normal": normal_law((2 / (fan + out)) ** 0.5),
        "he_uniform": uniform_law(-((6 / fan) ** 0.5), (6 / fan) ** 0.5),
        "he_normal": normal_law((2 / fan) ** 0.5),
    }


def context(point: Point) -> dict[str, Context]:
    """Ratios of the spread that known mix-ups give."""
    out, fan, _seeds = point.arguments
    xavier = {"√2": 2**0.5, "√3": 3**0.5, "1/√3": 3**-0.5, "√(fan_out/fan_in)": (out / fan) ** 0.5}
    xavier["√((fan_in + fan_out)/(2 fan_in))"] = ((fan + out) / (2 * fan)) ** 0.5
    he = {"√3": 3**0.5, "1/√3": 3**-0.5, "1/√2": 2**-0.5, "√(fan_in/fan_out)": (fan / out) ** 0.5}
    return {name: Context(constants=xavier if "xavier" in name else he) for name in NAMES}


def drive(answer: Callable[..., Any], out: int, fan: int, seeds: Sequence[int]) -> tuple[Any, ...]:
    """A sample of each initialiser: some rows of each of two draws from one generator, some from
    another, and the others from one that is equal to the first. Which rows, and which call is
    which, nobody knows before.
    """
    seed, hidden = seeds
    order = np.random.default_rng(hidden)
    rows = order.permutation(out)
    rngs = [[np.random.default_rng([seed, i, j]) for j in (0, 1, 0)] for i in range(len(NAMES))]
    draws: list[list[list[Any]]] = [[[], [], []] for _name in NAMES]
    missing: dict[int, NotImplementedError] = {}
    for i, j in order.permutation([(i, j) for i in range(len(NAMES)) for j in (0, 0, 1, 2)]):
        try:
            draws[i][j].append(answer(NAMES[i], out, fan, rngs[i][j]))
        except NotImplementedError as stub:
            missing[i] = stub
    found: list[Any] = [None] * len(NAMES)
    drawn: dict[int, Array] = {}
    for i, (first, other, again) in enumerate(draws):
        if i not in missing:
            found[i], numbers = _sample([*first, *other, *again], (out, fan), rows)
            if numbers is not None:
                drawn[i] = numbers
    if missing and all(array is None for array in found):
        raise missing[min(missing)]
    if independence.common(list(drawn.values())):
        for i in drawn:
            found[i] = Finding("repeats", DEPENDENT[independence.DRAWS])
    return tuple(found)


def _sample(draws: list[Any], shape: tuple[int, int], rows: Array) -> tuple[Any, Array | None]:
    """A part of these rows of one draw above a part of the next, and so on, and the draws but the
    last; or, without draws, what doesn't fit, or a finding where entries were not drawn one by one,
    or the last draw is not the first.
    """
    for drawn in draws:
        if drawn is None or np.shape(drawn) != shape:
            return drawn, None
    numbers = np.array(draws, float)
    for drawn, array in zip(draws, numbers, strict=True):
        if not np.isfinite(array).all():
            return drawn, None
    apart, again = numbers[:-1], numbers[-1]
    found = independence.dependence(apart)
    if found is None and not np.allclose(again, numbers[0]):
        return Finding("state", OTHERS), None
    if found is not None:
        return Finding("repeats", DEPENDENT[found]), None
    parts = np.array_split(rows, len(draws))
    sample = [np.array(drawn)[part] for drawn, part in zip(draws, parts)]
    return np.concatenate(sample), apart


def initialise(name: str, fan_out: int, fan_in: int, rng: np.random.Generator) -> Array:
    """Weights (fan_out, fan_in)."""
    return RULES[name](fan_out, fan_in, rng)


def _with(name: str, rule: Rule) -> Callable[..., Any]:
    return lambda which, out, fan, rng: (rule if which == name else RULES[which])(out, fan, rng)


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
        *(Part(name, 0.2, (PLAIN, THIN)) for name in NAMES),
        *(Part(name, 0.05, (WIDE,)) for name in NAMES),
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
    cases=(PLAIN, PLAIN, WIDE, THIN),
    varied=differing(lambda point: point.arguments[:2]),
    case_names={WIDE: mark("more inputs than outputs"), THIN: mark("very few inputs")},
)


MATRICES = 8
"""So many orthogonal matrices are drawn."""

COMMON = 0.8
"""So far matrices may go together. A reflection at a random plane reaches 0.56, QR less."""


NEARLY = 0.05
"""A product nearer to the unit matrix than this may have suffered from rounding only."""

TURNED = 1e-4
"""What is turned by less stays, but for rounding."""

FEW = mark(
    "Q leaves most directions as they are, or turns them round, as one or two reflections do: all "
    "of it must be random."
)
"""What is said of matrices that change only a few directions."""

FACTOR = mark(
    "What turns one Q into another leaves most directions as they are, or turns them round: all of "
    "Q must be random, and not only one of its factors."
)
"""What is said of a fixed matrix, of which only a few directions are changed each time."""

ONCE = mark(
    "Two calls with one generator give the same matrix: draw from rng itself, not from a copy."
)
"""What is said of a function that leaves the generator as it was."""

FAR = mark("Q is far from orthogonal: that its numbers are random earns nothing by itself.")
SPARSE = mark(
    "Nearly all entries of Q are 0. A unit matrix is orthogonal without any work, also with other "
    "signs or in another order: all entries must be random."
)
"""What is said where one half alone takes no work."""


def draw_orthogonal(rng: np.random.Generator, case: str) -> Point:
    """The size of a square matrix and two seeds: of the generators, and of the order of calls."""
    seeds = int(rng.integers(2**31)), int(rng.integers(2**31))
    return Point((int(rng.integers(5, 10)), seeds), {}, 1.0, case)


def drive_orthogonal(answer: Callable[..., Any], n: int, seeds: Sequence[int]) -> tuple[Any, Any]:
    """(Q^T Q, whether other generators give other matrices, and equal ones the same, and one
    generator two that differ): of all products the one that is furthest from the unit matrix.
    """
    seed, hidden = seeds
    rngs = [np.random.default_rng([seed, i]) for i in (*range(MATRICES - 1), 0)]
    found: list[list[Array]] = [[] for _rng in rngs]
    for i in np.random.default_rng(hidden).permutation([0, *range(MATRICES)]):
        matrix = real(answer(n, rngs[i]), "Q")
        if matrix.shape != (n, n):
            text = mark("The shape is {got}, but it must be {want}.")
            raise Unfit(Finding("shape", text, {"got": matrix.shape, "want": (n, n)}))
        found[i].append(matrix)
    (first, second), *others, (again,) = found
    draws = [first, *(other for (other,) in others)]
    every = [*draws, second, again]
    product = max((matrix.T @ matrix for matrix in every), key=_from_unit)
    if max(np.isclose(matrix, 0, atol=1e-3).mean() for matrix in every) >= 0.5:
        return Finding("sparse", SPARSE), 0.0
    if not np.allclose(again, first, equal_nan=True):
        return product, Finding("state", OTHERS)
    once = np.allclose(second, first)
    vary = _vary(np.array(draws if once else [*draws, second]))
    if np.mean([_of_few_reflections(matrix) for matrix in draws]) >= 0.5:
        few = Finding("few", FEW)
        return product if vary else few, few
    if np.mean([_of_few_reflections(first.T @ matrix) for matrix in draws[1:]]) >= 0.5:
        return product, Finding("few", FACTOR)
    if vary and once:
        return product, Finding("state", ONCE)
    if _from_unit(product) > NEARLY:
        return product, Finding("far", FAR)
    return product, float(vary)


def _of_few_reflections(matrix: Array) -> bool:
    """Whether several directions stay, or turn round: of a random matrix one of each at most."""
    if not np.isfinite(matrix).all() or _from_unit(matrix) < TURNED:
        return False  # which is said otherwise
    unit = np.eye(len(matrix))
    sizes = [np.linalg.svd(matrix - sign * unit, compute_uv=False) for sign in (1, -1)]
    return any(np.sum(size < TURNED) > 1 for size in sizes)


def _vary(draws: Array) -> bool:
    """Whether matrices (K, n, n) differ, and not only a little, or by signs or another order."""
    if not np.isfinite(draws).all():
        return False
    entries = np.sort(np.abs(draws).reshape(len(draws), -1), axis=1)
    same = np.isclose(entries, entries[:, None], atol=1e-3)  # turned in one plane: nearly all
    if (same.mean(axis=2)[np.triu_indices(len(draws), 1)] >= 0.5).any():
        return False
    # The mean cosine of two of them: 1 if they are equal, 0 if all turns are equally likely.
    squares = np.sum(draws**2)
    return (np.sum(draws.sum(axis=0) ** 2) - squares) / (len(draws) - 1) < COMMON * squares


def _from_unit(product: Array) -> float:
    """The largest difference from the unit matrix; infinite where there is a NaN."""
    gap = float(np.max(np.abs(product - np.eye(len(product)))))
    return np.inf if np.isnan(gap) else gap


def orthogonal(n: int, rng: np.random.Generator) -> Array:
    """A random orthogonal matrix (n, n)."""
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
            mark("random"),
            by="value",
            key=(1,),
            look=mark("Call the function with two generators and compare."),
            derive=mark("Where do random numbers enter?"),
            formula="A from rng, normal numbers",
        ),
    ),
    parts=(Part("QᵀQ", 0.5, (PLAIN,)), Part("random", 0.5, (PLAIN,))),
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
            mark("The matrix is orthogonal, but always the same: take random numbers from rng."),
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
