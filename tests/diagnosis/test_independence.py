"""Independent draws pass whatever their law; what entries have in common is found and named."""

from __future__ import annotations

from math import lgamma, log, sqrt

import numpy as np
import pytest

from nncourse.diagnosis.independence import (
    DRAWS,
    INPUTS,
    RARE,
    ROWS,
    SHIFT,
    TOTALS,
    dependence,
    limit,
    scores,
    together,
    unlike,
)

N, D = 150, 60
SHARES = (0.25, 0.375, 0.625)


def inputs(seed):
    x = np.random.default_rng([seed, 1]).normal(size=(N, D))
    return np.where(x > 1, 0.0, x)


def each(mask_of, count=5):
    """Draws of a mask, each with another generator."""
    return lambda seed: np.stack([mask_of(np.random.default_rng([seed, i])) for i in range(count)])


INDEPENDENT = {
    **{f"masks of {p}": each(lambda rng, p=p: rng.random((N, D)) < p) for p in SHARES},
    "masks, row by row": each(
        lambda rng: np.array([rng.binomial(1, 0.3, D) for _i in range(N)]) > 0
    ),
    "normal": each(lambda rng: rng.normal(size=(180, 60)), 2),
    "uniform": each(lambda rng: rng.random((75, 220)), 2),
    "in float32": each(lambda rng: rng.random((60, 180), np.float32), 2),
    "of a heavy tail": each(lambda rng: rng.standard_cauchy((180, 75)), 2),
    "of few values": each(lambda rng: rng.integers(5, size=(220, 60)), 2),
}


def look(name, seed):
    draws = INDEPENDENT[name](seed)
    return dependence(draws, inputs(seed) if draws.shape[1:] == (N, D) else None)


@pytest.mark.parametrize("name", INDEPENDENT)
def test_independent_draws_pass(name):
    assert {look(name, seed) for seed in range(60)} == {None}


@pytest.mark.slow
@pytest.mark.parametrize("name", INDEPENDENT)
def test_independent_draws_pass_thousands_of_times(name):
    assert {look(name, seed) for seed in range(5000)} == {None}


def by_heart(shape=(N, D)):
    return np.random.default_rng(12345).random(shape)


def some_drawn(rng):
    mask = by_heart() < 0.375
    where = rng.random((N, D)) < 0.6
    mask[where] = (rng.random((N, D)) < 0.375)[where]
    return mask


def rolled(rng):
    mask = np.roll(by_heart() < 0.25, tuple(rng.integers((N, D))), (0, 1))
    where = rng.random((N, D)) < 0.3
    mask[where] = (rng.random((N, D)) < 0.25)[where]
    return mask


def shares_by(shape, size):
    """Shares that differ at random along one axis."""
    return each(lambda rng: rng.random((N, D)) < 0.375 + size * rng.choice([-1, 1], shape))


def board(rng):
    parity = (np.add.outer(np.arange(N), np.arange(D)) + rng.integers(2)) % 2
    return rng.random((N, D)) < np.where(parity, 0.25, 0.5)


def copied_rows(rng):
    """The lower half is the upper one in another order, but for one entry in ten."""
    mask = rng.random((N, D)) < 0.375
    lower = mask[rng.permutation(N // 2)]
    change = rng.random(lower.shape) < 0.1
    mask[N // 2 :] = np.where(change, mask[N // 2 :], lower)
    return mask


def with_(change):
    """Normal numbers (180, 60), changed."""
    return each(lambda rng: change(rng.normal(size=(180, 60)), rng), 2)


def one_row(W, _rng):
    W[7] *= 3
    return W


def two_rows(W, _rng):
    W[7] = 0.95 * W[90] + 0.31 * W[7]
    return W


def moved_magnitudes(W, rng):
    moved = np.roll(by_heart(W.shape), tuple(rng.integers(W.shape)), (0, 1))
    return np.where(rng.random(W.shape) < 0.5, moved, rng.random(W.shape)) * np.sign(W)


def turned(rng):
    u = rng.random(N * D // 2)
    return np.concatenate([u, u[::-1]]).reshape(N, D) < 0.25


def mirrored(rng):
    u = rng.random((N // 2, D))
    return np.vstack([u, u[:, ::-1]]) < 0.25


DEPENDENT = {
    "another share in every call": (TOTALS, each(lambda rng: rng.random((N, D)) < rng.random())),
    "some by heart": (DRAWS, each(some_drawn)),
    "a checkerboard": (DRAWS, each(board)),
    "by heart but for noise": (
        DRAWS,
        each(lambda rng: by_heart() + 0.1 * rng.normal(size=(N, D)), 2),
    ),
    "signs drawn": (DRAWS, each(lambda rng: by_heart() * rng.choice([-1, 1], (N, D)), 2)),
    "by heart and moved": (SHIFT, each(rolled)),
    "rows of their own": (ROWS, shares_by((N, 1), 0.05)),
    "columns of their own": (ROWS, shares_by((1, D), 0.05)),
    "columns by heart": (
        ROWS,
        each(lambda rng: rng.random((N, D)) < 0.375 + 0.03 * np.sign(by_heart(D) - 0.5)),
    ),
    "exact shares of rows": (
        ROWS,
        each(lambda rng: rng.permuted(np.tile(np.arange(D) < 15, (N, 1)), axis=1)),
    ),
    "pairs of columns": (ROWS, each(lambda rng: np.repeat(rng.random((N, D // 2)) < 0.25, 2, 1))),
    "nearly copied rows": (ROWS, each(copied_rows)),
    "sums of two": (ROWS, each(lambda rng: (rng.random((N, 1)) + rng.random(D)) % 1 < 0.25)),
    "two columns in all draws": (
        ROWS,
        each(lambda rng: (rng.random((N, D)) < 0.25)[:, [*range(D - 1), 0]]),
    ),
    "two rows a little": (ROWS, with_(two_rows)),
    "one row of another spread": (ROWS, with_(one_row)),
    "a half turned": (SHIFT, each(turned)),
    "a half mirrored": (SHIFT, each(mirrored)),
    "magnitudes by heart and moved": (SHIFT, with_(moved_magnitudes)),
}


@pytest.mark.parametrize("name", DEPENDENT)
def test_what_entries_have_in_common_is_named(name):
    kind, draw = DEPENDENT[name]
    assert {dependence(draw(seed)) for seed in range(10)} == {kind}


@pytest.mark.parametrize(
    "follows", [lambda x: x > 0, lambda x: abs(x) > 0.7, lambda x: x == 0, lambda x: x % 0.5 > 0.25]
)
def test_masks_that_follow_their_inputs(follows):
    for seed in range(10):
        x = inputs(seed)
        draws = each(lambda rng, x=x: rng.random((N, D)) < 0.3 + 0.2 * follows(x))(seed)
        assert dependence(draws, x) == INPUTS
        assert dependence(draws, inputs(seed + 100)) in (DRAWS, None)


@pytest.mark.parametrize("value", [0.0, 1e300, np.inf, np.nan])
def test_what_is_the_same_everywhere_is_for_others_to_judge(value):
    assert dependence(np.full((2, 60, 70), value)) is None


def test_scores_are_ranks():
    draws = np.random.default_rng(2).normal(size=(2, 30, 20))
    ranks = scores(draws)
    assert abs(ranks.mean()) < 1e-6
    assert ranks.var() == pytest.approx(1, abs=1e-5)
    order = np.argsort(draws, axis=None)
    assert np.all(np.diff(ranks.reshape(-1)[order]) >= 0)
    assert np.unique(scores(draws > 0)).size == 2


def tail(p, n, z):
    """P(a sum of n products of two standardised truth values > z sqrt(n)), summed up exactly."""
    both, one = p * p, 2 * p * (1 - p)
    i, j = np.indices((n + 1, n + 1))
    value = (i * (1 - p) ** 2 - j * p * (1 - p) + (n - i - j) * p * p) / (p * (1 - p))
    i, j = np.argwhere((i + j <= n) & (value > z * sqrt(n))).T
    factorial = np.array([lgamma(k + 1) for k in range(n + 1)])
    logs = factorial[n] - factorial[i] - factorial[j] - factorial[n - i - j]
    logs += i * log(both) + j * log(one) + (n - i - j) * log(1 - both - one)
    return float(np.exp(logs).sum())


@pytest.mark.parametrize("p", SHARES)
@pytest.mark.parametrize(("count", "n"), [(11_175, 300), (44_850, 150), (135_000, 1000)])
def test_limits_hold_for_skewed_products(p, count, n):
    """Where no simulation gets. Without the skewness they would be wrong by orders of magnitude."""
    skew = abs(1 - 2 * p) / sqrt(p * (1 - p))
    exact = count * tail(p, n, limit(count, skew**2 / sqrt(n)))
    assert exact < 10 * RARE
    if skew > 1:
        assert count * tail(p, n, limit(count)) > 10 * RARE


def test_looks_at_sums_of_squares_from_both_sides():
    rng = np.random.default_rng(3)
    vectors = rng.normal(size=(300, 80))
    assert not unlike(vectors)
    assert not together(vectors, crossed=True)
    assert unlike(vectors - vectors.mean(axis=1, keepdims=True))
    rows = np.linalg.qr(rng.normal(size=(300, 80)))[0] * sqrt(300)
    assert together(rows.T)  # too little in common
    assert together(rows, crossed=True)


def test_products_of_few_long_columns_are_skewed():
    """Their sum of squares is that of six products, and far from normal: a right draw."""
    first, second = (np.random.default_rng([896870845, 1, i]) for i in (0, 1))
    draws = [rng.standard_normal((2100, 4)) for rng in (first, first, second)]
    assert dependence(np.array(draws)) is None
