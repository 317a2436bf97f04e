"""dropout, plain_dropout: what is kept is scaled in training, or everything when testing."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from nncourse.diagnosis.measure import Array
from nncourse.exercises.piece import (
    PLAIN,
    Equivalent,
    Mutant,
    Output,
    Part,
    Piece,
    single,
)
from nncourse.exercises.ps08.masks import (
    TEST,
    Dropout,
    draw,
    drive,
    given_by,
    laws_of,
    shares_differ,
)
from nncourse.language import mark


def inverted(x: Array, p: float, rng: np.random.Generator, train: bool) -> tuple[Array, Array]:
    """Drops with probability p and divides what is kept by 1 - p; x itself when testing."""
    mask = (rng.random(x.shape) >= p) / (1 - p) if train else np.ones_like(x)
    return x * mask, mask


def plain(x: Array, p: float, rng: np.random.Generator, train: bool) -> tuple[Array, Array]:
    """Drops with probability p and keeps the rest as it is; times 1 - p when testing."""
    mask = (rng.random(x.shape) >= p) * 1.0 if train else np.full_like(x, 1 - p)
    return x * mask, mask


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


def _copied(base: Dropout, kept: Callable[[float], float]) -> tuple[Mutant, Mutant]:
    """One row of the mask for all examples, or one column for all features."""

    def function(
        axis: int, x: Array, p: float, rng: np.random.Generator, train: bool
    ) -> tuple[Array, Array]:
        if not train:
            return base(x, p, rng, train)
        shape = [1, 1]
        shape[axis] = x.shape[axis]
        mask = np.broadcast_to((rng.random(shape) >= p) * kept(p), x.shape).copy()
        return x * mask, mask

    row = mark(
        "One row of the mask serves all examples: what is dropped is dropped in all of them at "
        "once. Draw as many numbers as x has."
    )
    column = mark(
        "One number serves all features of an example: they are dropped or kept together. Draw as "
        "many numbers as x has."
    )
    return (
        Mutant("one row for all", partial(function, 1), row, "copied"),
        Mutant("one column for all", partial(function, 0), column, "copied"),
    )


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
    *_copied(inverted, lambda p: 1 / (1 - p)),
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
            of="mask",
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
    drive=partial(drive, as_it_came=True),
    laws=laws_of(lambda p: 1 / (1 - p), lambda p: 1.0),
    given=given_by(lambda p: 1.0),
    mutants=MUTANTS,
    equivalents=(
        Equivalent("binomial, in place on a copy", _in_place),
        Equivalent("row by row, a list returned", _rows),
        Equivalent("float32", _float32),
    ),
    cases=(PLAIN, PLAIN, TEST),
    varied=shares_differ,
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
            of="mask",
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
    laws=laws_of(lambda p: 1.0, lambda p: 1 - p),
    given=given_by(lambda p: 1 - p),
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
        *_copied(plain, lambda p: 1.0),
    ),
    equivalents=(
        Equivalent("binomial", _plain_binomial),
        Equivalent("where, the mask as bool", _plain_where),
        Equivalent("float32", lambda *a: tuple(map(single, plain(*a)))),
    ),
    cases=(PLAIN, PLAIN, TEST),
    varied=shares_differ,
    case_names={TEST: mark("when testing")},
)
