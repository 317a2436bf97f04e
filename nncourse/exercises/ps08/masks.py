"""How masks are judged: by their law, their independence, and how the output follows from them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from nncourse.diagnosis import Finding, Law, independence
from nncourse.diagnosis.distribution import atoms_law
from nncourse.diagnosis.measure import Array, distance
from nncourse.exercises.piece import Point, Unfit, differing, normal
from nncourse.language import mark

TEST = "test"
"""The layer is used for predictions, not in training."""

ROWS, COLUMNS = (140, 150, 160), (60, 64)
"""The inputs are large, because a mask is judged by shares."""

APPLIED = 0.05
"""A mask nearer than this to one value everywhere, or to none but zeros where x is not 0, shows
nothing about how it is applied."""

MASKS = 6
"""Drawn one by one: that all drop the same number is chance once in 10^10 times."""

DEPENDENT = {
    independence.TOTALS: (
        "state",
        mark("One call drops another share of the entries than the next one does."),
    ),
    independence.DRAWS: (
        "state",
        mark(
            "The masks of two calls are the same, at least in part: draw every entry from rng, "
            "in every call anew."
        ),
    ),
    independence.INPUTS: (
        "state",
        mark("The mask depends on x: which entries are dropped is a matter of chance alone."),
    ),
    independence.ROWS: (
        "repeats",
        mark(
            "Rows or columns of the mask go together, or have a share of their own: every entry "
            "needs a draw of its own, with the same p."
        ),
    ),
    independence.SHIFT: (
        "repeats",
        mark(
            "A part of the mask comes again in another place: every entry needs a draw of its own."
        ),
    ),
}
"""What is said of masks whose entries have something in common."""

IDLE = mark(
    "x comes back from predictions, as it must; that counts once training drops a share of its "
    "entries."
)

Dropout = Callable[..., Any]


def share(rng: np.random.Generator) -> float:
    """A p near 1/4, 3/8 or 5/8, one of so many that nobody knows 1/(1 - p) by heart."""
    return float(rng.choice((0.25, 0.375, 0.625)) + (2 * rng.integers(-16, 16) + 1) / 1024)


def shares_differ(points: Sequence[Point]) -> bool:
    """``varied`` of a piece: p is not near the same number in two usual points."""
    return differing(lambda point: [round(8 * point.arguments[1])])(points)


def draw(rng: np.random.Generator, case: str) -> Point:
    """x (N, D) with some zeros, as ReLU leaves them, p and two seeds: of the generators, and of the
    rows to be looked at, since an answer can find out the first.
    """
    x = normal(rng, int(rng.choice(ROWS)), int(rng.choice(COLUMNS)))
    x = np.where(x > 1, 0.0, x)
    p = share(rng)
    seeds = int(rng.integers(2**31)), int(rng.integers(2**31))
    return Point((x, p, seeds, case != TEST), {"x": x}, 1.0, case)


def drive(
    answer: Dropout,
    x: Array,
    p: float,
    seeds: Sequence[int],
    train: bool,
    as_it_came: bool = False,
) -> Any:
    """(out, mask): the function gets a generator of its own; in training it gives MASKS, one by
    one, two of them from the first generator, and at last one from another that is equal to it.

    Of the masks each row is taken from one; which, nobody knows before. as_it_came: x is to come
    back from predictions, which counts where training drops some of it.
    """
    seed, of_rows = seeds
    rngs = [np.random.default_rng([seed, i]) for i in ([*range(MASKS - 1), 0] if train else [0])]
    if train:
        rngs.insert(1, rngs[0])
    given = [x.copy() for _rng in rngs]
    results = [answer(one, p, rng, train) for one, rng in zip(given, rngs, strict=True)]
    results = [list(r) if isinstance(r, np.ndarray) and r.ndim else r for r in results]
    for result in results:
        if not isinstance(result, tuple | list) or len(result) != 2:
            text = mark("Two arrays are expected: out and mask.")
            raise Unfit(Finding("count", text))
    if train:
        _look(x, p, [result[1] for result in results])
        which = np.random.default_rng(of_rows).integers(len(results), size=len(x))
        out, mask = (_mixed(x, arrays, which) for arrays in zip(*results, strict=True))
    else:
        out, mask = results[0]
        if as_it_came:
            given.append(x.copy())
            if _idle(answer(given[-1], p, np.random.default_rng([seed, 1]), True), x):
                out = Finding("state", IDLE)
        mask = np.ones_like(x) if mask is None else mask
        if isinstance(mask, int | float | np.number):  # one factor for all
            mask = np.full_like(x, mask)
    changed = next((one for one in given if not np.array_equal(one, x)), None)
    if changed is not None:
        x[...] = changed  # it is seen where arguments are compared
    return out, mask


def _idle(trained: Any, x: Array) -> bool:
    """Whether in a result of training hardly any entry of x is dropped, or nearly all are."""
    try:
        pair = isinstance(trained, tuple | list) or np.ndim(trained) > x.ndim
        dropped = np.asarray(trained[0] if pair else trained)[x != 0] == 0
    except (TypeError, ValueError, IndexError):
        return True
    return not 0.05 < np.mean(dropped) < 0.95


def _mixed(x: Array, arrays: Sequence[Any], which: Array) -> Any:
    """The rows of these; or one that doesn't fit, since the others can't be looked at together."""
    for array in arrays:
        try:
            fits = np.shape(array) == x.shape
        except ValueError:
            fits = False
        if not fits:
            return array
    return np.stack([np.asarray(array) for array in arrays])[which, np.arange(len(x))]


def _look(x: Array, p: float, masks: list[Any]) -> None:
    """Raises Unfit for masks whose entries were not drawn one by one and every time anew, or of
    which the last, by a generator equal to the first one's, is another than the first.
    """
    try:
        # As its law takes numbers for 0.
        dropped = np.stack([np.isclose(mask, 0, atol=1e-6) for mask in masks])
        numbers = np.stack([np.asarray(mask, np.float64) for mask in masks])
    except (TypeError, ValueError):
        return
    if dropped.shape[1:] != x.shape:
        return  # what is wrong with it, its law will say
    kept = numbers[~dropped]
    one_value = not kept.size or np.allclose(kept, kept[0], atol=0)
    # Where there are several, or no entry is dropped, the numbers themselves must be drawn.
    looked_at = [dropped] if one_value else [dropped, numbers]
    for draws in looked_at:
        found = independence.dependence(draws[:-1], x)
        if found is not None:
            raise Unfit(Finding(*DEPENDENT[found]))
    totals = set(dropped[:-1].sum(axis=(1, 2)).tolist())
    if len(totals) == 1 and not totals & {0, x.size}:
        text = mark(
            "All masks drop exactly the same number of entries. Each entry is dropped with "
            "probability p, whatever becomes of the others, so that number varies."
        )
        raise Unfit(Finding("repeats", text))
    if not all(np.array_equal(draws[-1], draws[0], equal_nan=True) for draws in looked_at):
        text = mark(
            "Two generators made from one seed give different masks: take all random numbers from "
            "rng, and none from np.random or a generator of your own."
        )
        raise Unfit(Finding("state", text))


def given_by(of_test: Callable[[float], float]) -> Callable[..., Mapping[str, Array]]:
    """``given`` of a piece: out by the answer's own mask, and by ``of_test(p)`` when testing."""

    def given(point: Point, answers: Mapping[str, Array]) -> dict[str, Array]:
        x, p, _seed, train = point.arguments
        if not train:
            return {"out": x * of_test(p)}
        mask = answers.get("mask")
        if mask is None or mask.shape != x.shape:
            return {}
        out = x * mask
        little = np.linalg.norm(out) < APPLIED * np.linalg.norm(x) * np.max(np.abs(mask))
        if little or distance(out, x * np.mean(mask)) < APPLIED:
            return {}
        return {"out": out}

    return given


def laws_of(
    kept: Callable[[float], float], of_test: Callable[[float], float]
) -> Callable[[Point], dict[str, Law]]:
    """``laws`` of a piece: 0 with probability p, else ``kept(p)``; ``of_test(p)`` when testing."""

    def laws(point: Point) -> dict[str, Law]:
        _x, p, _seed, train = point.arguments
        atoms = {0.0: p, kept(p): 1 - p} if train else {of_test(p): 1.0}
        return {"mask": atoms_law(atoms)}

    return laws
