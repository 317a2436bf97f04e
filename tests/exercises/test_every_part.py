"""Every part of what an answer returns is judged: spoiled in one call, it costs points.

A right answer gives one part of one result as something else: None, a text, another number, one
entry more. All else is right. What costs nothing is listed in ``FREE``, under the reason.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from typing import Any

import numpy as np
import pytest

from nncourse.check.judge import judge
from nncourse.check.matrix import pieces_of
from nncourse.exercises.piece import Piece, sets

PIECES = {f"{name}.{piece.name}": piece for name in sets() for piece in pieces_of(name).values()}
OPTIMISERS = [name for name in PIECES if name.startswith("ps06.")]
# Large samples and long chains; and the optimisers are all asked in the same way.
LONG = {"ps04.Value", "ps07.initialise", "ps08.dropout", "ps08.plain_dropout", *OPTIMISERS[1:]}

SEED = 5

FEW = 6
"""So many entries of an array or list are changed, one at a time."""

LARGE = 1000
"""Arrays of more numbers are samples, of which halves, a row and a column are changed."""

KINDS = ("None", "object", "NaN", "text", "complex", "empty", "twice", "entry")

FREE: dict[str, dict[str, set[str]]] = {
    "The weights are free where the answers and the margin are right.": {
        "ps01.any_function": {"[1] entry"},
        "ps03.union": {"[0][0] entry", "[0][1] entry", "[2][0] entry"},
    },
    "What was learned is judged by the share of right labels.": {
        name: {"all entry"} for name in ("ps02.training", "ps04.moons", "ps05.training")
    },
    "What stands in a dictionary beside what is asked for harms nobody.": {
        "ps01.gates": {"all more"},
        "ps05.network_gradients": {"[1] more"},
    },
    "Until backward() has run, a gradient need only be there.": {
        "ps04.Value": {f"grad at first {kind}" for kind in KINDS},
    },
    "Beside predictions it is only looked whether training drops some, in a call of its own.": {
        "ps08.dropout": {
            *(f"[0] {kind}" for kind in ("row", "column", "half", "shape")),
            *(f"[1] {kind}" for kind in KINDS if kind != "entry"),
            *(f"[1] {kind}" for kind in ("row", "column", "half", "shape")),
            *("all more", "all fewer"),
        }
    },
    "When testing there need not be a mask.": {"ps08.dropout": {"[1] None"}},
}

OVERWRITES = {*OPTIMISERS, "ps10.clip_gradients"}
"""Gradients are there to be used up by a step, and are often clipped in place."""

Where = tuple[Any, ...]
Tap = Callable[[Where, Any, tuple[Any, ...]], Any]
"""Gets what an answer gives at some place, and for which arguments; says what is given instead."""


class Watched:
    """An object of an answer's class: what is read from it and what it returns go through a tap.

    All that is read between two calls of its methods is at the same place.
    """

    def __init__(self, real: Any, clock: list[int], tap: Tap) -> None:
        self.real, self.clock, self.tap = real, clock, tap
        self.made, self.asked = clock[0], 0

    def __getattr__(self, name: str) -> Any:
        value = getattr(self.real, name)
        if not callable(value):
            return self.tap((self.made, self.asked, name), deepcopy(value), ())

        def method(*arguments: Any) -> Any:
            self.clock[0] += 1
            self.asked += 1
            result = value(*(a.real if isinstance(a, Watched) else a for a in arguments))
            if isinstance(result, type(self.real)):
                return Watched(result, self.clock, self.tap)
            return self.tap((self.made, self.asked, name), result, arguments)

        return method


for sign in ("add", "radd", "sub", "rsub", "mul", "rmul", "truediv", "rtruediv", "pow", "neg"):
    name = f"__{sign}__"
    setattr(Watched, name, lambda self, *others, name=name: self.__getattr__(name)(*others))


def tapped(piece: Piece, tap: Tap) -> Callable[..., Any]:
    """The reference with a tap. What train_step gives is what it writes into the parameters."""
    clock = [0]

    def answer(*arguments: Any) -> Any:
        clock[0] += 1
        result = piece.reference(*arguments)
        if isinstance(piece.reference, type):
            return Watched(result, clock, tap)
        if piece.name != "train_step":
            return tap((clock[0],), result, arguments)
        for i, p in enumerate(arguments[0]):
            p.data = tap((clock[0], f"p{i}", "data"), p.data, ())
        return None

    return answer


def score(piece: Piece, tap: Tap) -> float:
    return judge(piece, [tapped(piece, tap)], seed=SEED, mutants=False).score


def some(every: Sequence[Any]) -> list[Any]:
    return random.Random(0).sample(every, min(FEW, len(every)))


def parts(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """A result, and what is inside of it, down to numbers and arrays."""
    yield path, value
    if isinstance(value, dict | list | tuple):
        for key in value if isinstance(value, dict) else some(range(len(value))):
            yield from parts(value[key], (*path, key))


def with_part(value: Any, path: tuple[Any, ...], part: Any) -> Any:
    """A copy of a result with another part."""
    if not path:
        return part
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = with_part(value[path[0]], path[1:], part)
    return tuple(copy) if isinstance(value, tuple) else copy


def changes(value: Any) -> Iterator[tuple[str, Any]]:
    """What may stand in the place of a part, by kinds."""
    yield "None", None
    yield "object", object()
    if isinstance(value, str):
        yield "text", value + "?"
    elif isinstance(value, dict):
        yield "more", {**value, "?": 1.0}
        for key in value:
            yield "fewer", {k: v for k, v in value.items() if k != key}
    elif isinstance(value, list | tuple):
        yield "more", [*value, value[-1]]
        yield "fewer", value[:-1]
    else:
        array = np.array(value, dtype=float)
        yield "NaN", array * np.nan
        yield "text", array.astype(str) if array.ndim else str(value)
        yield "complex", array + 1e9j
        yield "empty", np.zeros((0, *array.shape))
        yield "twice", np.stack([array, array])
        if array.ndim:
            yield "shape", array[..., None]
        if array.ndim > 1:
            yield "shape", array.reshape(-1)
        for kind, place in places(array):
            changed = array.copy()
            changed[place] += 7 if array.size > LARGE else 1
            yield kind, changed


def places(array: Any) -> list[tuple[str, Any]]:
    """Where an array is changed."""
    if array.size <= LARGE:
        return [("entry", place) for place in some(list(np.ndindex(array.shape)))]
    i, j = (length // 2 for length in array.shape)
    halves = [np.s_[:i], np.s_[i:], np.s_[:, :j], np.s_[:, j:]]
    return [*(("half", half) for half in halves), ("row", np.s_[i]), ("column", np.s_[:, j])]


def title(where: Where, path: tuple[Any, ...]) -> str:
    """A part's name: [0], ['W1'], params[1]."""
    name = where[2] if len(where) > 1 else ""
    inside = "".join(f"[{key!r}]" for key in path)
    first = " at first" if len(where) > 1 and where[1] == 0 else ""
    return (name + inside or "all") + first


def arrays(value: Any) -> Iterator[Any]:
    """All arrays inside of arguments."""
    if isinstance(value, np.ndarray):
        yield value
    elif isinstance(value, dict | list | tuple):
        for item in value.values() if isinstance(value, dict) else value:
            yield from arrays(item)


def giving(place: Where, spoiled: Any) -> Tap:
    return lambda where, value, _arguments: spoiled if where == place else value


def overwriting(place: Where) -> Tap:
    """The right answer, and then 7 in all arrays that it was given."""

    def tap(where: Where, value: Any, arguments: tuple[Any, ...]) -> Any:
        value = deepcopy(value)
        for array in arrays(arguments) if where == place else ():
            array[...] = 7
        return value

    return tap


def unjudged(piece: Piece) -> set[str]:
    """Parts and kinds of changes that cost nothing.

    Of two calls with one generator the first is left out: it only moves the generator on.
    """
    results: dict[Where, Any] = {}
    last: dict[np.random.Generator, Where] = {}

    def look(where: Where, value: Any, arguments: tuple[Any, ...]) -> Any:
        results[where] = deepcopy(value)
        for rng in arguments:
            if isinstance(rng, np.random.Generator):
                results.pop(last.get(rng), None)
                last[rng] = where
        return value

    assert score(piece, look) == 1
    free, count = set(), 0
    for where, result in results.items():
        if result is None:
            continue  # as the methods give that are there for what they do
        for path, part in parts(result):
            for kind, other in changes(part):
                count += 1
                if score(piece, giving(where, with_part(result, path, other))) >= 1:
                    free.add(f"{title(where, path)} {kind}")
    assert count > 20, "or hardly anything is changed"
    return free


def marked(name: str) -> Any:
    return pytest.param(name, marks=pytest.mark.slow if name in LONG else ())


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", [marked(name) for name in PIECES])
def test_what_is_spoiled_in_one_call_costs_points_or_is_free(name):
    listed = [pieces[name] for pieces in FREE.values() if name in pieces]
    # What is listed and costs points is to be struck out.
    assert unjudged(PIECES[name]) == set().union(*listed)


@pytest.mark.parametrize("name", PIECES)
def test_arguments_that_are_overwritten_in_one_call_cost_points(name):
    piece = PIECES[name]
    calls: list[Where] = []

    def look(where: Where, value: Any, arguments: tuple[Any, ...]) -> Any:
        if next(arrays(arguments), None) is not None:
            calls.append(where)
        return value

    score(piece, look)
    free = [call for call in calls if score(piece, overwriting(call)) == 1]
    assert free == (calls if name in OVERWRITES else [])
