"""Numbers of a generator, asked for in each of the usual ways, are found to be its own."""

from __future__ import annotations

import numpy as np
import pytest

from nncourse.check.judge import judge
from nncourse.exercises.drawn import drawn, standard_normal, uniform
from nncourse.exercises.piece import find

SHAPE = (7, 5)
SEEDS = range(25)


def score(name, answer, seed):
    return judge(find(name), [answer], seed=seed, mutants=False).score


def by_rows(call):
    return lambda shape: np.array([call(shape[1]) for _row in range(shape[0])])


def by_columns(call):
    return lambda shape: np.array([call(shape[0]) for _column in range(shape[1])]).T


def one_by_one(call):
    return lambda shape: np.array(
        [[call(None) for _j in range(shape[1])] for _i in range(shape[0])]
    )


ORDERS = {
    "in one call": lambda call: call,
    "row by row": by_rows,
    "column by column": by_columns,
    "one by one": one_by_one,
    "transposed": lambda call: lambda shape: call(shape[::-1]).T,
    "flat": lambda call: lambda shape: call(shape[0] * shape[1]).reshape(shape),
}


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize(
    ("draw", "call"),
    [
        (uniform, lambda rng: rng.random),
        (uniform, lambda rng: lambda size: rng.uniform(0, 1, size)),
        (standard_normal, lambda rng: rng.standard_normal),
        (standard_normal, lambda rng: lambda size: rng.normal(0, 1, size)),
    ],
)
def test_what_the_second_call_draws_is_among_the_samples(draw, call, order):
    for seed in SEEDS:
        rng = np.random.default_rng(seed)
        first, second = (ORDERS[order](call(rng))(SHAPE) for _call in range(2))
        samples = list(drawn(draw, SHAPE, seed))
        assert any(np.array_equal(second, sample) for sample in samples)
        assert not any(np.allclose(first, sample) for sample in samples)
        assert any(np.array_equal(first, sample) for sample in drawn(draw, SHAPE, seed, calls=1))


@pytest.mark.parametrize("draw", [uniform, standard_normal])
def test_samples_in_float32_are_others_and_among_them(draw):
    *_double, single = drawn(draw, SHAPE, 3, calls=1)
    assert single.dtype == np.float32
    assert np.array_equal(single, draw(np.random.default_rng(3), SHAPE, np.float32))


def initialiser(numbers):
    """Weights made of standard numbers: from (rng, whether uniform, shape)."""

    def answer(name, fan_out, fan_in, rng):
        is_uniform = "uniform" in name
        variance = 2 / (fan_in + fan_out if "xavier" in name else fan_in)
        scale = (3 * variance if is_uniform else variance) ** 0.5
        return scale * numbers(rng, is_uniform, (fan_out, fan_in))

    return answer


def usual(rng, is_uniform, shape, dtype=np.float64):
    return 2 * rng.random(shape, dtype) - 1 if is_uniform else rng.standard_normal(shape, dtype)


WEIGHTS = {
    **{
        name: lambda rng, is_uniform, shape, order=order: order(
            lambda size: usual(rng, is_uniform, size)
        )(shape)
        for name, order in ORDERS.items()
    },
    "float32": lambda *arguments: usual(*arguments, np.float32),
    "sign turned": lambda *arguments: -usual(*arguments),
}


@pytest.mark.parametrize("way", WEIGHTS)
def test_weights_drawn_in_a_usual_way_are_right(way):
    answer = initialiser(WEIGHTS[way])
    assert {score("ps07.initialise", answer, seed) for seed in range(4)} == {1}


KEPT = {
    **{
        name: lambda rng, p, shape, order=order: order(rng.random)(shape) >= p
        for name, order in ORDERS.items()
    },
    "small ones": lambda rng, p, shape: rng.random(shape) < 1 - p,
    "small ones by columns": lambda rng, p, shape: np.less(rng.random(shape[::-1]).T, 1 - p),
    "float32": lambda rng, p, shape: rng.random(shape, np.float32) > p,
    "uniform": lambda rng, p, shape: rng.uniform(size=shape) > p,
    "binomial": lambda rng, p, shape: rng.binomial(1, 1 - p, shape),
    "what is dropped, binomial": lambda rng, p, shape: 1 - rng.binomial(1, p, shape),
    "choice": lambda rng, p, shape: rng.choice([0, 1], shape, p=[p, 1 - p]),
    "choice, turned": lambda rng, p, shape: rng.choice([True, False], shape, p=[1 - p, p]),
}
"""Whether each entry is kept."""


@pytest.mark.parametrize("way", KEPT)
@pytest.mark.parametrize("name", ["dropout", "plain_dropout"])
def test_masks_drawn_in_a_usual_way_are_right(name, way):
    def answer(x, p, rng, train):
        factor = 1 / (1 - p) if name == "dropout" else 1
        test = 1 if name == "dropout" else 1 - p
        mask = KEPT[way](rng, p, x.shape) * factor if train else np.full(x.shape, test)
        return x * mask, mask

    assert {score(f"ps08.{name}", answer, seed) for seed in range(6)} == {1}


OTHERS = {
    "by half a percent": (lambda rng, p, shape: rng.random(shape) >= p + 0.005, "nearly the right"),
    "by a 64th": (lambda rng, p, shape: rng.random(shape) >= p - 1 / 64, "nearly the right"),
    "after another number": (
        lambda rng, p, shape: rng.random(1) < 2 and rng.random(shape) >= p,
        "not the numbers that rng gives",
    ),
    "normal, of the right share": (
        lambda rng, p, shape: (a := rng.normal(size=shape)) >= np.quantile(a, p),
        "not the numbers that rng gives",
    ),
}


@pytest.mark.parametrize("other", OTHERS)
def test_masks_of_other_numbers_lose_their_points_and_are_told_so(other):
    keeps, says = OTHERS[other]

    def answer(x, p, rng, train):
        mask = keeps(rng, p, x.shape) / (1 - p) if train else np.ones(x.shape)
        return x * mask, mask

    for seed in range(6):
        report = judge(find("ps08.dropout"), [answer], seed=seed)
        assert report.score == pytest.approx(0.6)
        assert says in str(report)


@pytest.mark.parametrize("more", [-1, 1])
def test_weights_with_one_input_more_or_less_are_told_the_factor(more):
    right = find("ps07.initialise").reference

    def answer(name, fan_out, fan_in, rng):
        fan = fan_in + fan_out if "xavier" in name else fan_in
        return right(name, fan_out, fan_in, rng) * (fan / (fan + more)) ** 0.5

    for seed in range(4):
        report = judge(find("ps07.initialise"), [answer], seed=seed)
        assert report.score == 0
        assert str(report).count("times the right ones") == 4


def test_weights_after_another_number_are_told_of_the_one_call():
    right = find("ps07.initialise").reference

    def answer(name, fan_out, fan_in, rng):
        """All laws are drawn, of which one is taken."""
        laws = ("xavier_uniform", "xavier_normal", "he_uniform", "he_normal")
        return {law: right(law, fan_out, fan_in, rng) for law in laws}[name]

    report = judge(find("ps07.initialise"), [answer], seed=7)
    assert report.score == 0
    assert "and no others, in one call, rng.normal(0, s, (fan_out, fan_in))" in str(report)


def test_every_law_with_numbers_of_its_own_says_how_they_are_drawn():
    pieces = [find(name) for name in ("ps07.initialise", "ps08.dropout", "ps08.plain_dropout")]
    laws = [law for piece in pieces for law in piece.laws(piece.points(1)[0]).values()]
    assert all(law.drawn and law.call for law in laws)
