"""How masks are judged: by their law, the numbers drawn, and how the output follows from them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from nncourse.diagnosis import Finding, Law
from nncourse.diagnosis.distribution import DISTINCT, atoms_law
from nncourse.diagnosis.measure import Array, distance
from nncourse.exercises.drawn import CALLS, drawn, joined, uniform
from nncourse.exercises.piece import Point, Unfit, differing, normal
from nncourse.language import mark

TEST = "test"
"""The layer is used for predictions, not in training."""

ROWS, COLUMNS = (140, 150, 160), (60, 64)
"""The inputs are large, because a mask is judged by shares."""

APPLIED = 0.05
"""A mask nearer than this to one value everywhere, or to none but zeros where x is not 0, shows
nothing about how it is applied."""

COPIED = 0.9
"""A mask in which more of the rows equal the one before is one row for all; so with columns."""

IDLE = mark(
    "x comes back from predictions, as it must; that counts once training drops a share of its "
    "entries, and others in each call."
)

Dropout = Callable[..., Any]


def share(rng: np.random.Generator) -> float:
    """A p near 1/4, 3/8 or 5/8, one of so many that nobody knows 1/(1 - p) by heart."""
    return float(rng.choice((0.25, 0.375, 0.625)) + (2 * rng.integers(-16, 16) + 1) / 1024)


def shares_differ(points: Sequence[Point]) -> bool:
    """``varied`` of a piece: p is not near the same number in two usual points."""
    return differing(lambda point: [round(8 * point.arguments[1])])(points)


def draw(rng: np.random.Generator, case: str) -> Point:
    """x (N, D) with some zeros, as ReLU leaves them, p and a seed."""
    x = normal(rng, int(rng.choice(ROWS)), int(rng.choice(COLUMNS)))
    x = np.where(x > 1, 0.0, x)
    p = share(rng)
    mask = np.empty((len(x) if case == TEST else CALLS * len(x), x.shape[1]))
    return Point((x, p, int(rng.integers(2**31)), case != TEST), {"mask": mask}, 1.0, case)


def drive(
    answer: Dropout, x: Array, p: float, seed: int, train: bool, as_it_came: bool = False
) -> Any:
    """(out, mask), in training of several calls with one generator, one below the other.

    as_it_came: x is to come back from predictions, which counts where training drops some of it.
    """
    rng = np.random.default_rng(seed)
    given = [x.copy() for _call in range(CALLS if train else 1)]
    pairs = [_pair(answer(one, p, rng, train)) for one in given]
    if train:
        out, mask = (joined(results, x.shape) for results in zip(*pairs, strict=True))
    else:
        ((out, mask),) = pairs
        if as_it_came:
            rng = np.random.default_rng(seed)
            more = [x.copy() for _call in range(CALLS)]
            given += more
            if _idle([answer(one, p, rng, True) for one in more], x, p):
                out = Finding("state", IDLE)
            mask = np.ones_like(x) if mask is None else mask
        if isinstance(mask, int | float | np.number | np.ndarray) and np.ndim(mask) == 0:
            mask = np.full(x.shape, mask)  # one factor for all
    changed = next((one for one in given if not np.array_equal(one, x)), None)
    if changed is not None:
        x[...] = changed  # it is seen where arguments are compared
    return out, mask


def _pair(result: Any) -> tuple[Any, Any]:
    """(out, mask), which may stand in one array."""
    if isinstance(result, np.ndarray) and result.ndim:
        result = list(result)
    if not isinstance(result, Sequence) or len(result) != 2:
        text = mark("Two arrays are expected: out and mask.")
        raise Unfit(Finding("count", text))
    return result[0], result[1]


def _idle(trained: Sequence[Any], x: Array, p: float) -> bool:
    """Whether results of training don't drop entries of x as a mask drawn anew would."""
    try:
        pairs = [isinstance(one, Sequence) or np.ndim(one) > x.ndim for one in trained]
        outs = [one[0] if pair else one for one, pair in zip(trained, pairs, strict=True)]
        return not _drops([np.asarray(out)[x != 0] == 0 for out in outs], p)
    except (TypeError, ValueError, IndexError):
        return True


def _drops(zeros: Sequence[Array], p: float) -> bool:
    """Whether of each of two results a share is 0 that may have been meant as p or 1 - p, and not
    the same entries of both.
    """
    least = min(p, 1 - p) / 3
    return bool(
        all(least < np.mean(one) < 1 - least for one in zeros)
        and np.mean(np.not_equal(*zeros)) > least
    )


def given_by(of_test: Callable[[float], float]) -> Callable[..., Mapping[str, Array]]:
    """``given`` of a piece: out by the answer's own mask, and by ``of_test(p)`` when testing."""

    def given(point: Point, answers: Mapping[str, Array]) -> dict[str, Array]:
        x, p, _seed, train = point.arguments
        if not train:
            return {"out": x * of_test(p)}
        mask = answers.get("mask")
        if mask is None or mask.shape != point.variables["mask"].shape:
            return {}
        if not _drops(np.split(mask == 0, CALLS), p):
            return {}
        x = np.concatenate([x] * CALLS)
        out = x * mask
        little = np.linalg.norm(out) < APPLIED * np.linalg.norm(x) * np.max(np.abs(mask))
        if little or distance(out, x * np.mean(mask)) < APPLIED:
            return {}
        return {"out": out}

    return given


class MaskLaw(Law):
    """The law of masks; samples of one row for all examples are told from the others, and so are
    those of one column for all features.

    Their shares are those of few numbers, so that any two of a kind are alike.
    """

    def measure(self, sample: Array) -> Array:
        """The profile, with the share of rows that equal the one before for "distinct", or minus
        that of the columns if the rows are not copied.

        If all numbers are the same, it is not for the rows or columns.
        """
        profile = super().measure(sample)
        if np.any(sample != sample[0, 0]):
            rows, columns = (
                np.mean(np.all(lines[1:] == lines[:-1], axis=1)) for lines in (sample, sample.T)
            )
            profile[DISTINCT] = rows if rows > COPIED else -columns
        return profile

    def alike(self, one: Array, other: Array, size: int) -> bool:
        """Whether both are made of one row or of one column, or can come from one law."""
        copied = [
            np.sign(profile[DISTINCT]) * (abs(profile[DISTINCT]) > COPIED)
            for profile in (one, other)
        ]
        return bool(copied[0] == copied[1]) and (bool(copied[0]) or super().alike(one, other, size))


def laws_of(
    kept: Callable[[float], float], of_test: Callable[[float], float]
) -> Callable[[Point], dict[str, Law]]:
    """``laws`` of a piece: 0 with probability p, else ``kept(p)``; ``of_test(p)`` when testing."""

    def laws(point: Point) -> dict[str, Law]:
        x, p, seed, train = point.arguments
        if not train:
            return {"mask": atoms_law({of_test(p): 1.0})}
        law = MaskLaw(**vars(atoms_law({0.0: p, kept(p): 1 - p})))
        made = partial(_masks, p, kept(p), x.shape, seed)
        return {"mask": replace(law, drawn=made, call="rng.random(x.shape)")}

    return laws


def _masks(p: float, kept: float, shape: tuple[int, int], seed: int) -> Iterator[Array]:
    """The small numbers are dropped, or the large ones."""
    for numbers in drawn(uniform, shape, seed):
        yield kept * (numbers >= p)
        yield kept * (numbers < 1 - p)
