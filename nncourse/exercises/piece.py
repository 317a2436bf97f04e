"""What an exercise asks for, declared as data: a piece.

A piece knows how to draw inputs, what the right numbers are (values of the reference, or the
numerical gradient of the reference's forward pass), which parts earn which share of the points,
and which wrong and other right solutions are known. The check, the hints, the grading and the tests
of the check all read this one declaration.
"""

from __future__ import annotations

import difflib
import pkgutil
import zlib
from array import array as Buffer
from collections import UserList, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from fractions import Fraction
from functools import cached_property, lru_cache
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from nncourse.diagnosis import Context, Finding, Law
from nncourse.diagnosis.measure import Array, agrees, central_difference
from nncourse.language import catalogue, mark

_ = catalogue("check")

FOLDER = Path(__file__).parent

PLAIN, SQUARE = "plain", "square"
"""Cases that every piece has: all dimensions different; two equal on purpose."""

SINGLE = "single"
LEFT = 0.1  # of terms around 1
SINGLE_NAME = {SINGLE: mark("one example with one feature")}
"""A case for what squeezes axes of length 1, and its name."""


LISTS = (list, tuple, UserList, deque, Buffer)
"""What an answer may return for a list."""

EXACT = (Fraction, Decimal)
_REAL = frozenset({bool, int, float, np.bool_, np.int64, np.float32, np.float64, *EXACT})


class Unfit(Exception):
    """Raised by a piece's ``drive`` where an answer is of no use; its finding says why."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.text)
        self.finding = finding


KEPT_TASKS = 8
"""Inputs of so many seeds are kept with each piece, for checks that are run again and again."""


@dataclass(frozen=True)
class Point:
    """One set of inputs.

    arguments: what the student's function is called with.
    variables: the arrays in which the reference's forward pass is differentiated, by name.
    upstream: the random gradient from above, in the shape of the forward's output (1.0 for a loss).
    case: which kind of inputs, "plain", "square", or one of the piece's own.
    """

    arguments: tuple[Any, ...]
    variables: Mapping[str, Array] = field(default_factory=dict)
    upstream: Array | float = 1.0
    case: str = PLAIN


Draw = Callable[[np.random.Generator, str], Point]


@dataclass(frozen=True)
class Output:
    """One array that the student returns.

    by: how it is judged.
      "gradient"      against the numerical gradient in the variable ``of``
      "value"         against the reference's value
      "labels"        class numbers, by their agreement with the variable ``of``
      "table"         a truth table of 0 and 1, row by row, against the reference's
      "distribution"  random numbers, against the piece's law
      "at least"      a number that must not be smaller than the variable ``of``
    axes: what its axes mean ("batch", "time", "step", ...), for pictures and rules.
    blocks: names of the equal parts of its last axis, such as gates.
    among: where only some blocks of a returned array belong to this output, the names of all. What
      is computed early and late can so be judged apart.
    key: where it stands in what is returned: a tuple of positions and dictionary keys.
    after: outputs that are computed before this one; while they are wrong, it is not diagnosed.
    look, derive, formula: the last three steps of the ladder of hints (marked for translation).
    """

    name: str
    by: str = "gradient"
    of: str = ""
    key: tuple[int | str, ...] = ()
    after: tuple[str, ...] = ()
    look: str = ""
    derive: str = ""
    formula: str = ""
    axes: tuple[str, ...] = ()
    blocks: tuple[str, ...] = ()
    among: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """The name as it is read: words in the reader's language, names of the code as they are."""
        return _(self.name)

    def own(self, whole: Array) -> Array:
        """The part of a returned array that belongs to this output."""
        if not self.among:
            return whole
        parts = dict(zip(self.among, np.split(whole, len(self.among), axis=-1), strict=True))
        return np.concatenate([parts[block] for block in self.blocks], axis=-1)


class Title(str):
    """An output's name inside a message: put into words when that is read, as ``Output.title``."""

    def __format__(self, spec: str) -> str:
        return format(_(str(self)), spec)


@dataclass(frozen=True)
class Part:
    """A share of the points: one output, right in the given cases.

    For labels the part is earned from ``accuracy`` on. beside: outputs of which one must be right
    in these cases, too, where the inputs alone would earn the part.
    """

    output: str
    weight: float
    cases: tuple[str, ...] = (PLAIN, SQUARE)
    accuracy: float = 0.0
    beside: tuple[str, ...] = ()


def single_as_well(*parts: Part) -> tuple[Part, ...]:
    """The parts, a tenth of each to be earned in the case SINGLE as well."""
    usual = (replace(part, weight=0.9 * part.weight) for part in parts)
    single = (replace(part, weight=0.1 * part.weight, cases=(PLAIN, SINGLE)) for part in parts)
    return *usual, *single


def with_much_left(draw: Draw, reference: Callable[..., Any]) -> Draw:
    """Draws again where an output of the case SINGLE is one number, a sum of which little is left:
    in float32 it would be wrong.
    """

    def drawn(rng: np.random.Generator, case: str) -> Point:
        while True:
            point = draw(rng, case)
            if case != SINGLE:
                return point
            alone = [value for value in reference(*point.arguments) if np.size(value) == 1]
            if all(np.abs(value).item() > LEFT for value in alone):
                return point

    return drawn


@dataclass(frozen=True)
class Mutant:
    """A known wrong solution: the function, the hint it deserves, its family of mistakes.

    ``code`` is that of the catalogue of mistakes, where it stands there.
    """

    name: str
    function: Callable[..., Any]
    hint: str
    family: str
    code: str = ""


@dataclass(frozen=True)
class Equivalent:
    """Another right solution, which must pass: loops, einsum, another order, float32 inside."""

    name: str
    function: Callable[..., Any]


@dataclass(frozen=True)
class Piece:
    """One thing to write, with everything needed to judge it.

    draw(rng, case): a Point. forward(variables, point): the reference's forward pass, in float64.
    reference(*arguments): a right answer. context(point): for each output what the rules may know.
    drive(answer, *arguments): makes the compared arrays out of an answer that is more than a
    function of them: builds objects of a class and lets them work for some steps, gives a
    generator, puts weights into a neuron. Reference, mutants and equivalents are driven alike.
    laws(point): the law of each output judged by "distribution".
    given(point, answers): right arrays that follow from other outputs of the same answer, such as
    x times the student's own mask. It is asked for once these are plain arrays, and may lack some.
    outputs stand in the order in which they should be put right, that of the backward pass.
    inputs: what a point's arguments are called, where ``drive`` makes others of them than the
    signature names.
    varied(points): whether the points drawn so far for a seed differ in what could be known by
    heart, such as a learning rate; until they do, the last one is drawn again.
    case_names: for cases of its own, a few words that describe the inputs.
    """

    name: str
    signature: str
    outputs: tuple[Output, ...]
    parts: tuple[Part, ...]
    draw: Draw
    reference: Callable[..., Any]
    forward: Callable[[Mapping[str, Array], Point], Array | float] | None = None
    context: Callable[[Point], Mapping[str, Context]] | None = None
    drive: Callable[..., Any] | None = None
    laws: Callable[[Point], Mapping[str, Law]] | None = None
    given: Callable[[Point, Mapping[str, Array]], Mapping[str, Array]] | None = None
    mutants: tuple[Mutant, ...] = ()
    equivalents: tuple[Equivalent, ...] = ()
    cases: tuple[str, ...] = (PLAIN, PLAIN, SQUARE)
    inputs: tuple[str, ...] = ()
    varied: Callable[[Sequence[Point]], bool] | None = None
    case_names: Mapping[str, str] = field(default_factory=dict)

    def points(self, seed: int | None = None) -> list[Point]:
        """The inputs for a seed (None: the piece's own), one for each of ``cases``."""
        entropy = [zlib.crc32(self.name.encode()), *([] if seed is None else [1, seed])]
        rng = np.random.default_rng(entropy)
        points: list[Point] = []
        for case in self.cases:
            points.append(self.draw(rng, case))
            while self.varied is not None and not self.varied(points):
                points[-1] = self.draw(rng, case)
        return points

    def order(self, seed: int | None = None) -> list[int]:
        """The order in which an answer is asked about the points of a seed.

        The one at which most can be lost comes first and twice: what an answer keeps between calls
        shows there, also if it begins anew whenever sizes change. The order of the others is the
        seed's, or one could answer by the number of the call.
        """
        lost = [sum(p.weight for p in self.parts if case in p.cases) for case in self.cases]
        first = lost.index(max(lost))
        others = [place for place in range(len(lost)) if place != first]
        rng = np.random.default_rng([2, 0 if seed is None else 1 + seed])
        return [first, first, *map(int, rng.permutation(others))]

    @cached_property
    def _tasks(self) -> dict[int | None, tuple[list[Point], list[dict[str, Array]]]]:
        return {}

    def task(
        self, seed: int | None = None, quick: bool = False
    ) -> tuple[list[Point], list[dict[str, Array]]]:
        """The points for a seed and the right arrays at each; those of the last seeds are kept.

        ``quick``: see ``expected``.
        """
        if seed not in self._tasks:
            while len(self._tasks) >= KEPT_TASKS:
                self._tasks.pop(next(iter(self._tasks)))
            points = self.points(seed)
            self._tasks[seed] = points, [self.expected(point, quick) for point in points]
        return self._tasks[seed]

    def expected(self, point: Point, quick: bool = False) -> dict[str, Array]:
        """The right arrays by output: reference values and numerical gradients, in float64.

        ``quick``: in place of the numerical gradient, which takes two forward passes for each
        number, the reference's own, if that has once agreed with the forward pass, for inputs of
        this case and along a random direction.
        """
        values: Any = None
        right: dict[str, Array] = {}
        gradients: dict[str, Array] = {}

        def value(output: Output) -> Array:
            nonlocal values
            if values is None:
                values = self.ask(self.reference, *copy_arguments(point.arguments))
            return np.asarray(pick(values, output.key))

        for output in self.outputs:
            if output.by == "gradient":
                if output.of not in gradients:
                    reference = value(output) if quick else None
                    gradients[output.of] = self._gradient(point, output.of, reference)
                right[output.name] = output.own(gradients[output.of])
            elif output.by in ("labels", "at least"):
                right[output.name] = point.variables[output.of]
            elif output.by == "distribution":
                right[output.name] = self.law(point, output.name).profile()
            else:
                right[output.name] = output.own(value(output))
        return right

    def ask(self, answer: Callable[..., Any], *arguments: Any) -> Any:
        """What an answer gives for these arguments."""
        return answer(*arguments) if self.drive is None else self.drive(answer, *arguments)

    def law(self, point: Point, name: str) -> Law:
        """The law of an output judged by "distribution"."""
        if self.laws is None:
            raise TypeError(f"{self.name}: an output judged by distribution needs `laws`")
        return self.laws(point)[name]

    def _gradient(self, point: Point, name: str, own: Array | None) -> Array:
        """The numerical gradient, or ``own`` where the reference is confirmed."""
        forward = self.forward
        if forward is None:
            raise TypeError(f"{self.name}: an output judged by gradient needs `forward`")

        def of_one(value: Array) -> Array | float:
            return forward({**point.variables, name: value}, point)

        variable = point.variables[name]
        if own is not None:
            known = (name, point.case)
            if known in self._confirmed or agrees(own, of_one, variable, point.upstream):
                self._confirmed.add(known)
                return own
        return central_difference(of_one, variable, point.upstream)

    @cached_property
    def _confirmed(self) -> set[tuple[str, str]]:
        """The gradients of the reference that are known to be right, by variable and case."""
        return set()

    @cached_property
    def weights(self) -> float:
        """The sum of the parts' weights."""
        return sum(part.weight for part in self.parts)

    @property
    def arguments(self) -> list[str]:
        """The names of the function's arguments, out of the signature."""
        inside = self.signature.partition("(")[2].partition(")")[0]
        return [name.strip() for name in inside.split(",")]

    def output(self, name: str) -> Output:
        """The output of this name."""
        return next(output for output in self.outputs if output.name == name)


def differing(
    of: Callable[[Point], Sequence[Any]], cases: Sequence[str] = (PLAIN,)
) -> Callable[[Sequence[Point]], bool]:
    """What ``varied`` may be: nothing of what ``of`` takes out of a point of these cases occurs
    twice.
    """

    def varied(points: Sequence[Point]) -> bool:
        usual = [of(point) for point in points if point.case in cases]
        return all(len(set(values)) == len(usual) for values in zip(*usual, strict=True))

    return varied


def lengths(point: Point) -> list[int]:
    """Of all axes of all arrays among the arguments."""
    return [n for a in point.arguments if isinstance(a, np.ndarray) for n in a.shape]


def pick(values: Any, key: Sequence[int | str]) -> Any:
    """The element of nested tuples and dicts under ``key``; ``values`` itself for the empty key."""
    for step in key:
        values = values[step]
    return values


ATOMS = frozenset((str, int, float, bool, complex, type(None)))
"""Types whose values nobody can change."""


def copy_arguments(value: Any) -> Any:
    """A copy of nested tuples, lists and dicts in which every array is copied too.

    A tuple of numbers and strings alone is its own copy.
    """
    kind = type(value)
    if kind in ATOMS:
        return value
    if isinstance(value, np.ndarray):
        return value.copy()
    if isinstance(value, dict):
        return {key: copy_arguments(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        if ATOMS.issuperset(map(type, value)):
            return value if kind is tuple else kind(value)
        return kind([copy_arguments(item) for item in value])
    return value


def normal(rng: np.random.Generator, *shape: int) -> Array:
    """Standard normal numbers in float64 that float32 holds exactly.

    A solution that computes in float32 then starts from the same numbers as the reference.
    """
    return rng.standard_normal(shape).astype(np.float32).astype(np.float64)


def as_array(value: Any) -> Array:
    """A copy of a list, number or array: one of numbers also where they are kept as objects."""
    array = np.array(value, copy=True, subok=False)
    if array.dtype == object and array.size and _REAL.issuperset(map(type, array.flat)):
        return array.astype(np.float64)
    return array


def real(value: Any, name: str) -> Array:
    """An answer as an array of real numbers in float64; raises Unfit."""
    try:
        array = as_array(value)
    except (TypeError, ValueError, OverflowError):
        array = np.array(None)
    if array.dtype.kind not in "fiub":
        text = mark("{name} is not an array of numbers.")
        raise Unfit(Finding("type", text, {"name": name}))
    return array.astype(np.float64)


def single(value: Any) -> Any:
    """A number or array in float32, for solutions that compute in it."""
    return np.asarray(value, dtype=np.float32)


def dimensions(rng: np.random.Generator, count: int, among: Sequence[int]) -> list[int]:
    """``count`` different sizes out of ``among``, in random order."""
    return [int(d) for d in rng.choice(among, count, replace=False)]


def sets() -> list[str]:
    """The names of all exercise sets, in order: ["ps05", ...]."""
    return list(_sets(FOLDER.stat().st_mtime_ns))


@lru_cache(maxsize=1)
def _sets(changed: int) -> tuple[str, ...]:
    names = (module.name for module in pkgutil.iter_modules([str(FOLDER)]))
    return tuple(sorted(name for name in names if name.startswith("ps")))


def find(name: str) -> Piece:
    """The piece "psNN.name". KeyError, with the nearest names, if there is none."""
    exercise, _, piece = name.partition(".")
    known = sets()
    if exercise in known:
        pieces: Mapping[str, Piece] = import_module(f"{__package__}.{exercise}").PIECES
        if piece in pieces:
            return pieces[piece]
        candidates = [f"{exercise}.{other}" for other in pieces]
    else:
        candidates = [
            f"{other}.{p}"
            for other in known
            for p in import_module(f"{__package__}.{other}").PIECES
        ]
    near = difflib.get_close_matches(name, candidates, n=3, cutoff=0.4)
    near = near or [c for c in candidates if c.endswith(f".{name}")]
    hint = f" Did you mean {' or '.join(map(repr, near))}?" if near else ""
    raise KeyError(f"no exercise piece {name!r}.{hint}")
