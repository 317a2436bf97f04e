"""dropout, plain_dropout, dropout_backward: masks judged by their law, the rest by the mask."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np

from nncourse.diagnosis import Context, Finding, Law
from nncourse.diagnosis.distribution import atoms_law
from nncourse.diagnosis.measure import Array, distance
from nncourse.exercises.piece import (
    PLAIN,
    SQUARE,
    Equivalent,
    Mutant,
    Output,
    Part,
    Piece,
    Point,
    Unfit,
    dimensions,
    normal,
    single,
)
from nncourse.language import mark

TEST = "test"
"""The layer is used for predictions, not in training."""

ROWS, COLUMNS = 150, 60
"""The inputs are large, because a mask is judged by shares."""

APPLIED = 0.05
"""A mask nearer than this to one value everywhere shows nothing about how it is applied."""

MASKS = 5
"""Drawn one by one: that all drop the same number of entries is chance once in 10^8 times."""

RARE = 1e-7
"""No mask is refused for what happens by chance more often than this."""

Dropout = Callable[..., Any]


def draw(rng: np.random.Generator, case: str) -> Point:
    """x (ROWS, COLUMNS) with some zeros, as ReLU leaves them, p and two seeds: of the generators,
    and of the rows to be looked at, since an answer can find out the first.
    """
    x = normal(rng, ROWS, COLUMNS)
    x = np.where(x > 1, 0.0, x)
    p = float(rng.choice((0.25, 0.375, 0.625)))
    seeds = int(rng.integers(2**31)), int(rng.integers(2**31))
    return Point((x, p, seeds, case != TEST), {"x": x}, 1.0, case)


def drive(answer: Dropout, x: Array, p: float, seeds: Sequence[int], train: bool) -> Any:
    """(out, mask): the function gets a generator of its own; in training MASKS, one by one.

    Of these each row is taken from one; which, nobody knows before.
    """
    seed, of_rows = seeds
    count = MASKS if train else 1
    given = [x.copy() for _i in range(count)]
    results = [
        answer(one, p, np.random.default_rng([seed, i]), train) for i, one in enumerate(given)
    ]
    changed = next((one for one in given if not np.array_equal(one, x)), None)
    for result in results:
        if not isinstance(result, tuple | list) or len(result) != 2:
            text = mark("Two arrays are expected: out and mask.")
            raise Unfit(Finding("count", text))
    if train:
        _look(x, [result[1] for result in results])
        which = np.random.default_rng(of_rows).integers(MASKS, size=len(x))
        out, mask = _mixed(x, results, which)
    else:
        out, mask = results[0]
        mask = np.ones_like(x) if mask is None else mask
    if changed is not None:
        x[...] = changed  # it is seen where arguments are compared
    return out, mask


def _mixed(x: Array, results: list[Any], which: Array) -> tuple[Any, Any]:
    """The rows of these results; or one of them that doesn't fit."""
    for out, mask in results:
        try:
            fits = np.shape(out) == np.shape(mask) == x.shape
        except ValueError:
            fits = False
        if not fits:
            return out, mask
    parts = (np.stack([np.asarray(result[i]) for result in results]) for i in range(2))
    out, mask = (part[which, np.arange(len(x))] for part in parts)
    return out, mask


def _look(x: Array, masks: list[Any]) -> None:
    """Raises Unfit for masks that are drawn, but not for every entry and every time anew."""
    try:
        # As its law takes numbers for 0.
        all_dropped = np.stack([np.isclose(mask, 0, atol=1e-6) for mask in masks])
    except (TypeError, ValueError):
        return
    share = float(all_dropped.mean())
    if all_dropped[0].shape != x.shape or not 0 < share < 1:
        return  # what is wrong with it, its law will say
    noise = math.sqrt(share * (1 - share) / x.size)
    if any(abs(float(dropped.mean()) - share) > 7 * noise for dropped in all_dropped):
        text = mark("One call drops another share of the entries than the next one does.")
        raise Unfit(Finding("state", text))
    if any(np.array_equal(one, other) for one, other in combinations(all_dropped, 2)):
        text = mark("Another generator gives the same mask: draw it from rng, in every call anew.")
        raise Unfit(Finding("state", text))
    if len({int(dropped.sum()) for dropped in all_dropped}) == 1:
        text = mark(
            "All masks drop exactly the same number of entries. Each entry is dropped with "
            "probability p, whatever becomes of the others, so that number varies."
        )
        raise Unfit(Finding("repeats", text))
    for dropped in all_dropped:
        _look_at(x, dropped)


def _look_at(x: Array, dropped: Array) -> None:
    share = float(dropped.mean())
    if _follows(dropped, x) or _follows(dropped, np.abs(x)):
        text = mark("The mask depends on x: which entries are dropped is a matter of chance alone.")
        raise Unfit(Finding("state", text))
    for axis, length in enumerate(dropped.shape):
        limit = 7 * math.sqrt(share * (1 - share) / length)
        alike = (share**2 + (1 - share) ** 2) ** (dropped.size // length)  # two rows, by chance
        copies = length**2 * alike < RARE and len(np.unique(dropped, axis=axis)) < length
        if copies or np.max(np.abs(dropped.mean(axis=axis) - share)) > limit:
            text = mark(
                "Whole rows or columns of the mask are dropped together: every entry needs a draw "
                "of its own."
            )
            raise Unfit(Finding("repeats", text))


def _follows(dropped: Array, x: Array) -> bool:
    """Whether the larger half of x is dropped more often than the rest, or less."""
    share, large = float(dropped.mean()), x > np.median(x)
    gap = abs(float(dropped[large].mean() - dropped[~large].mean()))
    return gap > 7 * math.sqrt(4 * share * (1 - share) / x.size)


def inverted(x: Array, p: float, rng: np.random.Generator, train: bool) -> tuple[Array, Array]:
    """Drops with probability p and divides what is kept by 1 - p; x itself when testing."""
    mask = (rng.random(x.shape) >= p) / (1 - p) if train else np.ones_like(x)
    return x * mask, mask


def plain(x: Array, p: float, rng: np.random.Generator, train: bool) -> tuple[Array, Array]:
    """Drops with probability p and keeps the rest as it is; times 1 - p when testing."""
    mask = (rng.random(x.shape) >= p) * 1.0 if train else np.full_like(x, 1 - p)
    return x * mask, mask


def _given(of_test: Callable[[float], float]) -> Callable[..., Mapping[str, Array]]:
    def given(point: Point, answers: Mapping[str, Array]) -> dict[str, Array]:
        x, p, _seed, train = point.arguments
        if not train:
            return {"out": x * of_test(p)}
        mask = answers.get("mask")
        if mask is None or mask.shape != x.shape:
            return {}
        if distance(x * mask, x * np.mean(mask)) < APPLIED:
            return {}
        return {"out": x * mask}

    return given


def _laws(
    kept: Callable[[float], float], of_test: Callable[[float], float]
) -> Callable[[Point], dict[str, Law]]:
    def laws(point: Point) -> dict[str, Law]:
        _x, p, _seed, train = point.arguments
        atoms = {0.0: p, kept(p): 1 - p} if train else {of_test(p): 1.0}
        return {"mask": atoms_law(atoms)}

    return laws


def _with(
    mask_of: Callable[..., Array] | None = None,
    out_of: Callable[[Array, Array, float], Array] | None = None,
    base: Dropout = inverted,
    test: Callable[[Array, float], Array] | None = None,
) -> Dropout:
    """A layer with another mask (x, p, rng), another output (x, mask, p), or another test."""

    def function(x: Array, p: float, rng: np.random.Generator, train: bool) -> tuple[Any, Any]:
        out, mask = base(x, p, rng, train)
        if not train:
            return (out, mask) if test is None else (test(x, p), mask)
        if mask_of is not None:
            mask = mask_of(x, p, rng)
            out = x * mask
        return (out if out_of is None else out_of(x, mask, p)), mask

    return function


def _one_row(x: Array, p: float, rng: np.random.Generator) -> Array:
    return np.tile((rng.random(x.shape[1]) >= p) / (1 - p), (len(x), 1))


def _exact_count(x: Array, p: float, rng: np.random.Generator) -> Array:
    return (rng.standard_normal(x.shape) >= p) / (1 - p)


MUTANTS = (
    Mutant(
        "not scaled",
        _with(lambda x, p, rng: (rng.random(x.shape) >= p) * 1.0),
        mark(
            "What is kept is not scaled: in this version it is divided by 1 - p in training, so "
            "that nothing is left to do when testing."
        ),
        "scale",
        "M42",
    ),
    Mutant(
        "drop and keep exchanged",
        _with(lambda x, p, rng: (rng.random(x.shape) < p) / p),
        mark("p is the probability of dropping; your mask keeps with probability p."),
        "exchange",
        "M43",
    ),
    Mutant(
        "divided by p",
        _with(lambda x, p, rng: (rng.random(x.shape) >= p) / p),
        mark("What is kept is divided by p; its share is 1 - p."),
        "scale",
        "M43",
    ),
    Mutant(
        "scaled twice",
        _with(lambda x, p, rng: (rng.random(x.shape) >= p) / (1 - p) ** 2),
        mark("What is kept is divided by 1 - p twice."),
        "scale",
        "M44",
    ),
    Mutant(
        "scaled when testing too",
        _with(test=lambda x, p: x * (1 - p)),
        mark(
            "The output is scaled by 1 - p when testing, though training has divided by it "
            "already. Do one of the two."
        ),
        "test",
        "M46",
    ),
    Mutant(
        "drops when testing",
        lambda x, p, rng, train: inverted(x, p, rng, True),
        mark("Units are dropped when testing as well: predictions must not be random."),
        "test",
        "X40",
    ),
    Mutant(
        "another mask returned",
        lambda x, p, rng, train: (
            inverted(x, p, rng, train)[0],
            inverted(x, p, rng, train)[1],
        ),
        mark(
            "The mask that comes back is not the one that was applied: it was drawn anew. The "
            "backward pass needs the same one."
        ),
        "state",
        "M45",
    ),
    Mutant(
        "normal numbers compared",
        _with(_exact_count),
        mark(
            "The mask compares p with normal numbers. Only uniform ones lie below p with "
            "probability p."
        ),
        "law",
    ),
)


def _in_place(x: Array, p: float, rng: np.random.Generator, train: bool) -> tuple[Array, Any]:
    if not train:
        return x.copy(), None
    out = x / (1 - p)
    keep = rng.binomial(1, 1 - p, x.shape).astype(bool)
    out[~keep] = 0
    return out, keep / (1 - p)


def _rows(x: Array, p: float, rng: np.random.Generator, train: bool) -> Any:
    if not train:
        return [x, np.ones(x.shape)]
    mask = np.array([rng.choice([0, 1 / (1 - p)], x.shape[1], p=[p, 1 - p]) for _row in x])
    return [x * mask, mask]


def _float32(x: Array, p: float, rng: np.random.Generator, train: bool) -> tuple[Array, Array]:
    out, mask = inverted(single(x), p, rng, train)
    return single(out), single(mask)


_MASK_LOOK = mark("Print the share of zeros in the mask and the value of the others.")
_OUT_LOOK = mark("Divide out by x entry by entry: what comes out must be the mask.")

DROPOUT = Piece(
    name="dropout",
    signature="dropout(x, p, rng, train) -> (out, mask)",
    outputs=(
        Output(
            "mask",
            by="distribution",
            of="x",
            key=(1,),
            look=_MASK_LOOK,
            derive=mark("Let E[mask] = 1: what must the kept units be multiplied by?"),
            formula="mask = [u ≥ p] / (1 - p), u uniform in [0, 1)",
        ),
        Output(
            "out",
            by="value",
            key=(0,),
            after=("mask",),
            look=_OUT_LOOK,
            derive=mark("What does the layer do in training, and what when testing?"),
            formula="out = x · mask in training, out = x when testing",
        ),
    ),
    parts=(Part("mask", 0.4, (PLAIN, TEST)), Part("out", 0.3, (PLAIN,)), Part("out", 0.3, (TEST,))),
    draw=draw,
    reference=inverted,
    drive=drive,
    laws=_laws(lambda p: 1 / (1 - p), lambda p: 1.0),
    given=_given(lambda p: 1.0),
    mutants=MUTANTS,
    equivalents=(
        Equivalent("binomial, in place on a copy", _in_place),
        Equivalent("row by row, a list returned", _rows),
        Equivalent("float32", _float32),
    ),
    cases=(PLAIN, PLAIN, TEST),
    case_names={TEST: mark("when testing")},
)


def _plain_binomial(x: Array, p: float, rng: np.random.Generator, train: bool) -> tuple[Any, Any]:
    mask = rng.binomial(1, 1 - p, x.shape).astype(float) if train else np.full(x.shape, 1 - p)
    return x * mask, mask


def _plain_where(x: Array, p: float, rng: np.random.Generator, train: bool) -> tuple[Any, Any]:
    if not train:
        return (1 - p) * x, np.ones_like(x) * (1 - p)
    mask = rng.random(x.shape) > p
    return np.where(mask, x, 0), mask


PLAIN_DROPOUT = Piece(
    name="plain_dropout",
    signature="plain_dropout(x, p, rng, train) -> (out, mask)",
    outputs=(
        Output(
            "mask",
            by="distribution",
            of="x",
            key=(1,),
            look=_MASK_LOOK,
            derive=mark("What is E[mask] in training? When testing the mask is this number."),
            formula="mask = [u ≥ p] in training, mask = 1 - p when testing",
        ),
        Output(
            "out",
            by="value",
            key=(0,),
            after=("mask",),
            look=_OUT_LOOK,
            derive=mark("The next layer must meet inputs of the same mean in both modes."),
            formula="out = x · mask",
        ),
    ),
    parts=(Part("mask", 0.4, (PLAIN, TEST)), Part("out", 0.2, (PLAIN,)), Part("out", 0.4, (TEST,))),
    draw=draw,
    reference=plain,
    drive=drive,
    laws=_laws(lambda p: 1.0, lambda p: 1 - p),
    given=_given(lambda p: 1 - p),
    mutants=(
        Mutant(
            "not scaled when testing",
            _with(base=plain, test=lambda x, p: x),
            mark("When testing all units work, so their sum is too large: multiply by 1 - p."),
            "test",
            "X41",
        ),
        Mutant(
            "scaled by p when testing",
            _with(base=plain, test=lambda x, p: x * p),
            mark("The output is multiplied by p when testing; the share kept is 1 - p."),
            "exchange",
            "M43",
        ),
        Mutant(
            "scaled in training",
            _with(base=plain, mask_of=lambda x, p, rng: (rng.random(x.shape) >= p) / (1 - p)),
            mark("What is kept is scaled in training: that is the other version of dropout."),
            "scale",
            "M44",
        ),
        Mutant(
            "keeps with probability p",
            _with(base=plain, mask_of=lambda x, p, rng: (rng.random(x.shape) < p) * 1.0),
            mark("p is the probability of dropping; your mask keeps with probability p."),
            "law",
            "M43",
        ),
        Mutant(
            "divided when testing",
            _with(base=plain, test=lambda x, p: x / (1 - p)),
            mark("The output is divided by 1 - p when testing; it has to be multiplied."),
            "inverted",
        ),
    ),
    equivalents=(
        Equivalent("binomial", _plain_binomial),
        Equivalent("where, the mask as bool", _plain_where),
        Equivalent("float32", lambda *a: tuple(map(single, plain(*a)))),
    ),
    cases=(PLAIN, PLAIN, TEST),
    case_names={TEST: mark("when testing")},
)


def draw_backward(rng: np.random.Generator, case: str) -> Point:
    """dout, the mask that the forward pass returned, and p."""
    N, D = (
        (5, 5) if case == SQUARE else (dimensions(rng, 1, (5, 7))[0], dimensions(rng, 1, (4, 6))[0])
    )
    p = float(rng.choice((0.25, 0.375, 0.625)))
    x, dout = normal(rng, N, D), normal(rng, N, D)
    kept = rng.random((N, D)) >= p
    kept[0, 0], kept[1, 1] = True, False
    mask = kept / (1 - p)
    return Point((dout, mask, p), {"x": x, "mask": mask}, dout, case)


def forward(variables: Mapping[str, Array], point: Point) -> Array:
    """x times the mask."""
    return variables["x"] * point.arguments[1]


def backward(dout: Array, mask: Array, p: float) -> Array:
    """dout times the mask."""
    return dout * mask


def context(point: Point) -> dict[str, Context]:
    """The factors that p gives."""
    dout, _mask, p = point.arguments
    constants = {"1 - p": 1 - p, "1/(1 - p)": 1 / (1 - p)}
    codes = {"1 - p": "M42", "1/(1 - p)": "M44"}
    return {"dx": Context(batch=len(dout), constants=constants, codes=codes)}


DROPOUT_BACKWARD = Piece(
    name="dropout_backward",
    signature="dropout_backward(dout, mask, p) -> dx",
    outputs=(
        Output(
            "dx",
            of="x",
            look=mark("Where the mask is 0, dx is 0; elsewhere, how does it relate to dout?"),
            derive=mark(
                "out is x times the mask, entry by entry. Differentiate with respect to x."
            ),
            formula="dx = dout · mask",
        ),
    ),
    parts=(Part("dx", 1.0),),
    draw=draw_backward,
    reference=backward,
    forward=forward,
    context=context,
    mutants=(
        Mutant(
            "mask not applied",
            lambda dout, mask, p: dout.copy(),
            mark("The mask does not take part: dropped units have no gradient."),
            "mask",
            "M41",
        ),
        Mutant(
            "not scaled",
            lambda dout, mask, p: dout * (mask > 0),
            mark("Only zeros are taken from the mask; its values 1/(1 - p) belong to dx as well."),
            "scale",
            "M42",
        ),
        Mutant(
            "scaled twice",
            lambda dout, mask, p: dout * mask / (1 - p),
            mark("dx is divided by 1 - p once more: the mask contains this factor already."),
            "twice",
            "M44",
        ),
        Mutant(
            "new mask",
            lambda dout, mask, p: (
                dout * (np.random.default_rng(0).random(dout.shape) >= p) / (1 - p)
            ),
            mark("A new mask was drawn: the gradient must pass where the forward pass did."),
            "state",
            "M45",
        ),
        Mutant(
            "inverted",
            lambda dout, mask, p: dout * (mask == 0) / (1 - p),
            mark("The gradient passes where units were dropped and stops at the others."),
            "inverted",
            "M23",
        ),
    ),
    equivalents=(
        Equivalent("where", lambda dout, mask, p: np.where(mask > 0, dout / (1 - p), 0)),
        Equivalent(
            "loops", lambda dout, mask, p: [[a * b for a, b in zip(*r)] for r in zip(dout, mask)]
        ),
        Equivalent("float32", lambda dout, mask, p: single(dout) * single(mask)),
    ),
)
