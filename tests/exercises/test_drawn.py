"""Numbers of a generator, asked for in each of the usual ways, are found to be its own."""

from __future__ import annotations

import copy

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
def test_what_two_calls_draw_is_among_the_samples(draw, call, order):
    for seed in SEEDS:
        rng = np.random.default_rng(seed)
        first, second = (ORDERS[order](call(rng))(SHAPE) for _call in range(2))
        samples = list(drawn(draw, SHAPE, seed))
        both = np.concatenate([first, second])
        assert any(np.array_equal(both, sample) for sample in samples)
        for wrong in ((first, first), (second, second), (0 * first, second)):
            assert not any(np.allclose(np.concatenate(wrong), sample) for sample in samples)
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
    assert "in one call, rng.normal(0, s, (fan_out, fan_in)), and nothing before it" in str(report)


def test_every_law_with_numbers_of_its_own_says_how_they_are_drawn():
    pieces = [find(name) for name in ("ps07.initialise", "ps08.dropout", "ps08.plain_dropout")]
    laws = [law for piece in pieces for law in piece.laws(piece.points(1)[0]).values()]
    assert all(law.drawn and law.call for law in laws)


def signs_after(n, rng):
    return np.linalg.qr(rng.normal(size=(n, n)))[0] * rng.choice([-1, 1], n)


def vector_after(n, rng):
    Q, v = np.linalg.qr(rng.normal(size=(n, n)))[0], rng.normal(size=n)
    assert np.isclose(np.linalg.norm(Q @ v), np.linalg.norm(v))
    return Q


@pytest.mark.parametrize("answer", [signs_after, vector_after])
def test_what_is_drawn_after_an_orthogonal_matrix_costs_nothing(answer):
    assert {score("ps07.orthogonal", answer, seed) for seed in range(20)} == {1}


@pytest.mark.parametrize("made", [copy.deepcopy, lambda rng: np.random.default_rng()])
def test_an_orthogonal_matrix_of_another_generator_earns_nothing(made):
    right = find("ps07.orthogonal").reference
    scores = {score("ps07.orthogonal", lambda n, rng: right(n, made(rng)), s) for s in range(9)}
    assert scores == {0}


def beyond(rng, name, shape):
    """A copy of rng that has drawn already; rng itself never does."""
    other = copy.deepcopy(rng)
    numbers = other.random if "uniform" in name or "dropout" in name else other.standard_normal
    numbers(shape)
    return other


def remembered(rights):
    """The second result for each generator, given each time."""
    kept = {}

    def answer(*arguments):
        if any(argument is False for argument in arguments):
            return rights(*arguments)
        (rng,) = [a for a in arguments if isinstance(a, np.random.Generator)]
        name = arguments[0] if isinstance(arguments[0], str) else ""
        if (id(rng), name) not in kept:
            rights(*arguments)
            kept[id(rng), name] = rng, rights(*arguments)
        return kept[id(rng), name][1]

    return answer


def zeros_first(rights):
    """Nothing at the first call with a generator."""
    seen = []

    def answer(*arguments):
        result = rights(*arguments)
        (rng,) = [a for a in arguments if isinstance(a, np.random.Generator)]
        if any(rng is one for one in seen) or any(argument is False for argument in arguments):
            return result
        seen.append(rng)
        return tuple(0 * a for a in result) if isinstance(result, tuple) else 0 * result

    return answer


def of_a_copy(rights):
    def answer(*arguments):
        of_law = arguments[0] if isinstance(arguments[0], str) else ""
        shape = arguments[1:3] if of_law else np.shape(arguments[0]) or (arguments[0],) * 2
        name = of_law or ("dropout" if len(arguments) == 4 else "")
        return rights(
            *(
                beyond(a, name, shape) if isinstance(a, np.random.Generator) else a
                for a in arguments
            )
        )

    return answer


@pytest.mark.parametrize("change", [of_a_copy, remembered, zeros_first])
@pytest.mark.parametrize(
    ("name", "most"),
    [
        ("ps07.initialise", 0),
        ("ps07.orthogonal", 0),
        ("ps08.dropout", 0),
        ("ps08.plain_dropout", 0.4),
    ],
)
def test_each_call_with_a_generator_counts(name, most, change):
    right = find(name).reference
    for seed in range(3):
        assert score(name, change(right), seed) <= most + 1e-9


@pytest.mark.parametrize("name", ["dropout", "plain_dropout"])
@pytest.mark.parametrize(
    "fixed",
    [lambda x: x > 0, lambda x: (np.arange(len(x)) % 2 * np.ones_like(x).T).T],
    ids=["signs of x", "every other row"],
)
def test_a_mask_of_no_random_numbers_earns_nothing_in_training(name, fixed):
    right = find(f"ps08.{name}").reference

    def answer(x, p, rng, train):
        return (x * fixed(x), fixed(x) * 1.0) if train else right(x, p, rng, train)

    for seed in range(3):
        assert score(f"ps08.{name}", answer, seed) == (0.4 if name == "plain_dropout" else 0)


def test_p_exchanged_costs_the_mask_alone():
    def answer(x, p, rng, train):
        mask = (rng.random(x.shape) < p) / p if train else np.ones(x.shape)
        return x * mask, mask

    assert {round(score("ps08.dropout", answer, seed), 9) for seed in range(10)} == {0.6}


@pytest.mark.parametrize("error", [UnboundLocalError, NameError, ValueError])
def test_what_one_name_raises_costs_this_name_alone(error):
    for piece, name, due in (("initialise", "he_normal", 0.75), ("activation", "elu", 0.8)):
        right = find(f"ps07.{piece}").reference

        def answer(which, *arguments, name=name, right=right):
            if which == name:
                raise error("no W here")
            return right(which, *arguments)

        report = judge(find(f"ps07.{piece}"), [answer], seed=3)
        assert report.score == pytest.approx(due)
        assert f"{error.__name__}: no W here" in str(report)


def test_what_every_name_raises_is_told_with_its_line():
    for piece in ("initialise", "activation"):

        def answer(*arguments):
            raise ValueError("nowhere")

        report = judge(find(f"ps07.{piece}"), [answer], seed=3)
        assert report.score == 0
        assert 'raise ValueError("nowhere")' in str(report)


@pytest.mark.parametrize(
    ("names", "scale", "told"),
    [
        (("he_normal", "he_uniform"), lambda out, fan: 2 * fan / (out + fan), True),
        (("he_normal",), lambda out, fan: 2 * fan / (out + fan), True),
        (("he_uniform",), lambda out, fan: 2 * fan / (out + fan), True),
        (("he_normal", "he_uniform"), lambda out, fan: 1 / 2, False),
        (("he_normal", "he_uniform"), lambda out, fan: fan / out, False),
        (("he_normal", "he_uniform"), lambda out, fan: fan / (out + fan), False),
        (("xavier_normal",), lambda out, fan: (out + fan) / (2 * fan), False),
    ],
)
def test_he_with_the_mean_of_both_fans_is_always_told_and_nothing_else_is_called_so(
    names, scale, told
):
    piece = find("ps07.initialise")

    def answer(name, out, fan, rng):
        wrong = scale(out, fan) ** 0.5 if name in names else 1
        return wrong * piece.reference(name, out, fan, rng)

    for seed in range(6):
        found = judge(piece, [answer], seed=seed).diagnoses
        by = {name for one in found if one.mutant == "He with both fans" for name in one.outputs}
        assert by == ({*names} if told else set())
