"""Answers that are no solutions, and what little they earn."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from nncourse.check.judge import judge
from nncourse.check.matrix import pieces_of
from nncourse.exercises.piece import find, sets

PIECES = {f"{name}.{piece.name}": piece for name in sets() for piece in pieces_of(name).values()}
CLASSES = [name for name, piece in PIECES.items() if isinstance(piece.reference, type)]
# Their answers return an order of objects, and nothing.
WITHOUT_NUMBERS = ["ps04.topological_order", "ps04.train_step"]
NUMBERS = (np.ndarray, np.generic, int, float)
CONSTANT = {
    "zeros": lambda a: np.zeros(a.shape),
    "ones": lambda a: np.ones(a.shape),
    "huge in float16": lambda a: np.full(a.shape, 60_000, np.float16),
    "huge in float32": lambda a: np.full(a.shape, 3e38, np.float32),
    "huge in float64": lambda a: np.full(a.shape, 1e200),
    "NaN": lambda a: np.full(a.shape, np.nan),
    "infinite": lambda a: np.full(a.shape, np.inf),
    "nothing": lambda a: np.zeros((0, *a.shape[1:])),
    "one number": lambda a: np.zeros((1,) * a.ndim),
    "the smallest integers": lambda a: np.full(a.shape, np.iinfo(np.int64).min),
    "True": lambda a: np.ones(a.shape, bool),
}


COARSE = [np.float16, np.float32]

# A neuron whose weights are all the same is an AND, if with no margin.
DUE = {"ps01.gates": 0.2}


def each(value, change):
    """The same tuples and dicts with every number and array changed."""
    if isinstance(value, dict):
        return {key: each(item, change) for key, item in value.items()}
    if isinstance(value, (tuple, list)):
        return type(value)(each(item, change) for item in value)
    return change(np.asarray(value)) if isinstance(value, NUMBERS) else value


def changed(function, change):
    return lambda *arguments: each(function(*arguments), change)


def score(piece, answer, seed=7):
    return judge(piece, [answer], seed=seed, mutants=False).score


def each_result(piece, change):
    """The piece, as if every answer to it gave its numbers changed."""
    return replace(piece, drive=lambda *arguments: each(piece.ask(*arguments), change))


@pytest.mark.parametrize("name", sorted({*PIECES} - {*CLASSES, *WITHOUT_NUMBERS}))
def test_constants_earn_nothing(name):
    """Whatever the numbers, as long as they have the shape of the right ones."""
    piece, found = PIECES[name], []
    score(piece, changed(piece.reference, lambda a: found.append(a) or a))
    assert found, "or no number is changed"
    for what, change in CONSTANT.items():
        assert score(piece, changed(piece.reference, change)) <= DUE.get(name, 0), what


IDLE = {
    "what came first": lambda *a: a[0] if a else 0.0,
    "what came last": lambda *a: a[-1] if a else 0.0,
    "nothing": lambda *a: [],
    "zero": lambda *a: 0.0,
    "one": lambda *a: 1.0,
    **{f"the first {n}": lambda *a, n=n: a[:n] for n in range(2, 8)},
    **{f"the first, {n} times": lambda *a, n=n: a[:1] * n for n in range(2, 8)},
    "what came first, sorted": lambda *a: sorted(a[0]),
}


@pytest.mark.parametrize("name", PIECES)
def test_answers_that_do_nothing_earn_nothing(name):
    for what, answer in IDLE.items():
        assert score(PIECES[name], answer) <= 1e-9, what


SEQUENCES = ["ps10.rnn_forward", "ps10.rnn_backward", "ps11.lstm_forward", "ps11.lstm_backward"]


@pytest.mark.parametrize("name", SEQUENCES)
def test_one_step_in_place_of_a_sequence_earns_little(name):
    def first(value):
        if isinstance(value, (tuple, list)):
            return type(value)(map(first, value))
        return value[:, :1] if np.ndim(value) == 3 else value

    assert score(PIECES[name], lambda *a: PIECES[name].reference(*map(first, a))) <= 0.1 + 1e-9


# A mask is applied, a gradient summed over the examples, and digits are told apart in both.
OTHERS_DUE = {
    ("ps08.batchnorm_backward", "ps05.linear_backward"): 0.2,
    ("ps08.dropout", "ps08.plain_dropout"): 0.3,
    ("ps08.plain_dropout", "ps08.dropout"): 0.2,
    ("ps02.training", "ps05.training"): 1,
    ("ps05.training", "ps02.training"): 0.7,
}


def of_part(answer, part):
    return lambda *arguments: answer(*arguments[part])


@pytest.mark.parametrize("name", PIECES)
def test_answers_to_other_questions_earn_nothing(name):
    piece = PIECES[name]
    for other, answered in PIECES.items():
        if other != name and len(answered.arguments) <= len(piece.arguments):
            count = len(answered.arguments)
            for part in (slice(count), slice(-count, None)):
                answer = answered.reference
                if name not in CLASSES and other not in CLASSES:
                    answer = of_part(answer, part)
                due = OTHERS_DUE.get((name, other), 0)
                assert score(piece, answer) <= due + 1e-9, other


class Idle:
    """Does nothing, whatever it is asked for."""

    def __init__(self, *arguments):
        self.params = arguments[0]
        self.mean = self.var = np.zeros(3)
        self.data, self.grad = arguments[0], 0.0

    def step(self, grads):
        pass

    def forward(self, x, train):
        return x

    def operator(self, *others):
        return self

    __add__ = __radd__ = __mul__ = __rmul__ = __sub__ = __rsub__ = operator
    __truediv__ = __rtruediv__ = __pow__ = __neg__ = exp = tanh = backward = operator


@pytest.mark.parametrize("name", CLASSES)
def test_classes_that_do_nothing_earn_nothing(name):
    assert score(PIECES[name], Idle) == 0


@pytest.mark.parametrize("name", PIECES)
def test_no_mistake_earns_more_in_a_coarse_precision(name):
    piece = PIECES[name]
    kinds = [each_result(piece, lambda a, kind=kind: a.astype(kind)) for kind in COARSE]
    for mutant in piece.mutants:
        due = score(piece, mutant.function) + 1e-9
        assert max(score(found, mutant.function) for found in kinds) <= due, mutant.name


def test_a_coarse_precision_is_named():
    piece = PIECES["ps02.softmax"]
    report = judge(piece, [changed(piece.reference, lambda a: a.astype(np.float16))])
    assert not report.passed
    assert "float16" in str(report)


@pytest.mark.parametrize("factor", [1e-150, 1.58e-162, 1e-160, 1e160])
def test_a_margin_does_not_depend_on_the_size_of_the_weights(factor):
    for name, thin in (("ps01.gates", "thin margins"), ("ps01.minterm", "thin margin")):
        mutant = next(m.function for m in PIECES[name].mutants if m.name == thin)

        def weights(*arguments, answer=mutant):
            found = answer(*arguments)
            if isinstance(found, dict):
                return {key: factor * np.array(value) for key, value in found.items()}
            return factor * np.array(found)

        assert score(PIECES[name], weights) == pytest.approx(score(PIECES[name], mutant))


def block(x, p, rng, train):
    mask = np.ones(x.size)
    mask[: round(p * x.size)] = 0
    return mask.reshape(x.shape) / (1 - p)


def columns(x, p, rng, train):
    mask = np.ones(x.shape)
    mask[:, rng.permutation(x.shape[1])[: round(p * x.shape[1])]] = 0
    return mask / (1 - p)


def one_seed(x, p, rng, train):
    return (np.random.default_rng(0).random(x.shape) >= p) / (1 - p)


@pytest.mark.parametrize("mask_of", [block, columns, one_seed])
@pytest.mark.parametrize("name", ["dropout", "plain_dropout"])
def test_masks_that_are_not_drawn_anew_for_every_entry(name, mask_of):
    def answer(x, p, rng, train):
        right = PIECES[f"ps08.{name}"].reference
        if not train:
            return right(x, p, rng, train)
        mask = mask_of(x, p, rng, train) * (1 - p if name == "plain_dropout" else 1)
        return x * mask, mask

    report = judge(PIECES[f"ps08.{name}"], [answer], seed=7)
    assert report.score <= 0.4
    assert "mask" in str(report)


BY_HEART = {
    "ones": lambda x: np.ones(x.shape),
    "twos": lambda x: np.full(x.shape, 2.0),
    "x": lambda x: x.copy(),
    "numbers": lambda x: np.arange(1.0, 1 + x.size).reshape(x.shape),
    "signs": lambda x: (-1.0) ** np.arange(x.size).reshape(x.shape),
    "one dropped": lambda x: 1.0 * (np.arange(x.size) != 1).reshape(x.shape),
    "numbers, some dropped": lambda x: np.arange(x.size).reshape(x.shape) % 4,
}


@pytest.mark.parametrize("what", BY_HEART)
@pytest.mark.parametrize("name", ["dropout", "plain_dropout"])
def test_masks_by_heart_earn_nothing_in_training(name, what):
    """For predictions x comes back from inverted dropout, which is nothing without the other."""
    right = PIECES[f"ps08.{name}"].reference

    def answer(x, p, rng, train):
        if not train:
            return right(x, p, rng, train)
        mask = BY_HEART[what](x)
        return x * mask, mask

    dropped = what == "numbers, some dropped"
    due = {"dropout": 0.3 * dropped, "plain_dropout": 0.4}[name]
    for seed in range(4):
        assert score(PIECES[f"ps08.{name}"], answer, seed) <= due + 1e-9


def test_numbers_that_are_no_mask_are_to_be_drawn_from_the_generator_too():
    def answer(rng_of):
        def function(x, p, rng, train):
            mask = rng_of(rng).random(x.shape) + 0.5 if train else np.ones(x.shape)
            return x * mask, mask

        return function

    assert score(PIECES["ps08.plain_dropout"], answer(lambda rng: rng)) == pytest.approx(0.2)
    assert score(PIECES["ps08.plain_dropout"], answer(lambda rng: np.random)) == 0


def test_no_factor_is_known_by_heart():
    factors = {0.25: 4 / 3, 0.375: 1.6, 0.625: 8 / 3}

    def answer(x, p, rng, train):
        if not train:
            return x, np.ones(x.shape)
        mask = (rng.random(x.shape) >= p) * factors.get(p, 1.0)
        return x * mask, mask

    assert max(score(PIECES["ps08.dropout"], answer, seed) for seed in range(20)) <= 0.6 + 1e-9


@pytest.mark.parametrize("train", [lambda x: x * 0.5, lambda x: None, lambda x: (x, x, x)])
def test_x_for_predictions_counts_when_training_drops_some_of_it(train):
    def answer(x, p, rng, now):
        return train(x) if now else (x, None)

    assert score(PIECES["ps08.dropout"], answer) == 0


@pytest.mark.parametrize("other", [np.ones(3), "a text"])
@pytest.mark.parametrize("name", ["dropout", "plain_dropout"])
def test_one_mask_that_does_not_fit_keeps_no_other_from_being_looked_at(name, other):
    calls = []

    def answer(x, p, rng, train):
        right = PIECES[f"ps08.{name}"].reference
        if not train:
            return right(x, p, rng, train)
        calls.append(x)
        mask = block(x, p, rng, train) * (1 - p if name == "plain_dropout" else 1)
        rest = other if isinstance(other, np.ndarray) else np.full(x.shape, other)
        return None, mask if len(calls) % 7 == 1 else rest

    report = judge(PIECES[f"ps08.{name}"], [answer], seed=7)
    assert report.score <= 0.4
    assert "mask" in [verdict.output.name for verdict in report.verdicts if not verdict.passed]


def test_an_initialiser_that_draws_nothing():
    def answer(name, fan_out, fan_in, rng):
        grid = (np.arange(fan_out * fan_in) + 0.5) / (fan_out * fan_in) * 2 - 1
        fan = fan_in + fan_out if "xavier" in name else fan_in
        return (grid * (6 / fan) ** 0.5).reshape(fan_out, fan_in)

    assert score(find("ps07.initialise"), answer) == 0


def test_numbers_far_apart_keep_no_others_from_being_looked_at():
    """Of two whose difference no float can hold, most draws show neither."""
    piece, tables, calls = find("ps07.initialise"), {}, []

    def answer(*arguments):
        name, fan_out, fan_in, _rng = arguments
        calls.append(name)
        if arguments[:3] not in tables:
            fixed = np.random.default_rng(fan_in)
            tables[arguments[:3]] = piece.reference(name, fan_out, fan_in, fixed)
        W = tables[arguments[:3]].copy()
        if len(calls) % 4 == 2:
            W[7, :2] = 1.5e308, -1.5e308
        return W

    assert [score(piece, answer, seed) for seed in range(8)] == [0] * 8


def test_one_number_that_is_none_in_any_of_the_draws_is_seen():
    """The law is looked at in half of the rows of each draw; NaN counts wherever it stands."""
    piece = find("ps07.initialise")

    def answer(name, fan_out, fan_in, rng):
        W = piece.reference(name, fan_out, fan_in, rng)
        W[rng.integers(fan_out), 0] = np.nan
        return W

    assert [score(piece, answer, seed) for seed in range(5)] == [0] * 5


def counting(first, second):
    """A function that gives one matrix at odd and another at even calls."""
    calls = []

    def answer(n, rng):
        calls.append(n)
        return first(n, rng) if len(calls) % 2 else second(n, rng)

    return answer


@pytest.mark.parametrize(
    "answer",
    [
        lambda n, rng: np.eye(n),
        lambda n, rng: np.eye(n) + 1e-7,
        lambda n, rng: np.eye(n)[rng.permutation(n)],
        lambda n, rng: np.eye(n) * rng.choice([-1.0, 1.0], n),
        counting(lambda n, rng: np.eye(n), lambda n, rng: np.full((n, n), np.nan)),
        counting(lambda n, rng: np.eye(n), lambda n, rng: rng.random((n, n))),
        counting(lambda n, rng: 2**0.5 * np.eye(n), lambda n, rng: np.zeros((n, n))),
    ],
    ids=[
        "plain",
        "nearly",
        "permutations",
        "signs",
        "NaN at last",
        "numbers at last",
        "half of each",
    ],
)
def test_unit_matrices_in_disguise(answer):
    report = judge(find("ps07.orthogonal"), [answer], seed=7)
    assert report.score == 0
    assert "without any work" in str(report)


@pytest.mark.parametrize("columns", [False, True])
def test_random_numbers_alone_earn_nothing(columns):
    def answer(n, rng):
        found = rng.normal(size=(n, n))
        return found / np.linalg.norm(found, axis=0) if columns else found

    report = judge(find("ps07.orthogonal"), [answer], seed=7)
    assert report.score == 0
    assert "far from orthogonal" in str(report)


def test_the_same_matrix_each_time_earns_half():
    def answer(n, rng):
        return np.linalg.qr(np.vander(np.arange(1.0, n + 1)))[0]

    assert score(find("ps07.orthogonal"), answer) == 0.5


def test_rounding_in_float32_costs_half():
    def answer(n, rng):
        found = find("ps07.orthogonal").reference(n, rng)
        return found + 1e-4 * rng.normal(size=(n, n))

    assert score(find("ps07.orthogonal"), answer) == 0.5


def test_a_reflection_that_is_known_earns_nothing():
    assert score(find("ps07.orthogonal"), lambda n, rng: np.eye(n) - 2 / n) == 0


def cosines(n):
    """Two orthogonal matrices that one may know: of the discrete cosine transforms II and IV."""
    j = np.arange(n) + 0.5
    two = np.cos(np.pi / n * np.outer(np.arange(n), j)) * (2 / n) ** 0.5
    two[0] /= 2**0.5
    return two, np.cos(np.pi / n * np.outer(j, j)) * (2 / n) ** 0.5


def one_of_five_by_heart(n, rng):
    a, b = cosines(n)
    return [a, b, a @ b, b @ a, a @ a][rng.integers(5)] * rng.choice([-1, 1], n)


def signs_between(n, rng):
    a, b = cosines(n)
    return a * rng.choice([-1, 1], n) @ b


def turned_between(n, rng):
    a, b = cosines(n)
    angle, turn = rng.uniform(0, 2 * np.pi), np.eye(n)
    turn[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    return a @ turn @ b


def reflected_by_heart(n, rng):
    a, v = cosines(n)[0], rng.normal(size=n)
    return a - 2 * np.outer(v, v @ a) / (v @ v)


@pytest.mark.parametrize(
    "answer", [one_of_five_by_heart, signs_between, turned_between, reflected_by_heart]
)
def test_a_matrix_by_heart_with_a_random_factor_is_not_drawn(answer):
    scores = [score(find("ps07.orthogonal"), answer, seed) for seed in range(20)]
    assert max(scores) <= 0.5


ASKED = ["ps07.initialise", "ps07.orthogonal"]


@pytest.mark.parametrize("period", [4, 9, 16])
@pytest.mark.parametrize("name", ASKED)
def test_numbers_do_not_follow_the_count_of_calls(name, period):
    """With one seed for each call, and the first one's again at the last."""
    piece, calls = find(name), []

    def answer(*arguments):
        calls.append(name)
        fixed = len(calls) % (period - 1) if len(calls) % period else 1
        return piece.reference(*arguments[:-1], np.random.default_rng(fixed))

    assert max(score(piece, answer, seed) for seed in range(10)) <= 0.5


def test_two_names_do_not_share_their_numbers():
    piece, known = find("ps07.initialise"), {}

    def answer(name, fan_out, fan_in, rng):
        """The first draws for each name are the same."""
        states = known.setdefault((name, fan_out, fan_in), {})
        fixed = states.setdefault(str(rng.bit_generator.state), len(states))
        rng.random()
        return piece.reference(name, fan_out, fan_in, np.random.default_rng(fixed))

    assert [score(piece, answer, seed) for seed in range(5)] == [0] * 5


def test_the_spreads_of_few_layers_by_heart():
    piece = find("ps07.initialise")
    sizes = {point.arguments[:2] for seed in range(100) for point in piece.points(seed)}
    assert len(sizes) > 150


@pytest.mark.parametrize("name", ["dropout", "plain_dropout"])
def test_a_mask_of_nearly_one_value_shows_nothing_about_how_it_is_applied(name):
    right = PIECES[f"ps08.{name}"].reference

    def answer(mask_of):
        def function(x, p, rng, train):
            return mask_of(x, rng) if train else right(x, p, rng, train)

        return function

    plain = score(PIECES[f"ps08.{name}"], answer(lambda x, rng: (x, np.ones(x.shape))))
    for mask_of in (
        lambda x, rng: (x, 1 + 1e-9 * rng.random(x.shape)),
        lambda x, rng: (0 * x, 1e-300 * rng.random(x.shape)),
        lambda x, rng: (0 * x, 5e-324 * (np.arange(x.size) == 0).reshape(x.shape)),
        lambda x, rng: (0 * x, (x == 0) * (rng.random(x.shape) < 0.02) * 1.0),
    ):
        assert score(PIECES[f"ps08.{name}"], answer(mask_of)) <= plain


def test_a_matrix_that_is_turned_in_one_plane_is_not_drawn():
    def answer(n, rng):
        angle, found = rng.random(), np.eye(n)
        found[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
        return found

    assert score(find("ps07.orthogonal"), answer) == 0


@pytest.mark.parametrize("more", [1, -1])
def test_one_input_more_or_less_is_seen_in_the_spread(more):
    def answer(name, fan_out, fan_in, rng):
        std = (2 / (fan_in + more + ("xavier" in name) * fan_out)) ** 0.5
        if "uniform" in name:
            return rng.uniform(-1, 1, (fan_out, fan_in)) * 3**0.5 * std
        return rng.normal(0, std, (fan_out, fan_in))

    assert max(score(find("ps07.initialise"), answer, seed) for seed in range(3)) < 0.61


@pytest.mark.parametrize("count", [1, 2, 3])
@pytest.mark.parametrize("sign", [1, -1])
def test_a_few_reflections_make_no_random_matrix(count, sign):
    def answer(n, rng):
        found = sign * np.eye(n)
        for _ in range(count):
            v = rng.normal(size=n)
            found = found - 2 * np.outer(found @ v, v) / (v @ v)
        return found

    for seed in range(5):
        report = judge(find("ps07.orthogonal"), [answer], seed=seed)
        assert report.score == 0.5
        assert "one or two reflections" in str(report)


def turned_in_all_planes(n, rng):
    found = np.eye(n)
    for i in range(n):
        for j in range(i):
            a = rng.uniform(0, 2 * np.pi)
            turn = [[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]]
            found[:, [i, j]] = found[:, [i, j]] @ turn
    return found


def cayley(n, rng):
    a = rng.normal(size=(n, n))
    return np.linalg.solve(np.eye(n) + a - a.T, np.eye(n) - a + a.T)


def reflected_often(n, rng):
    found = np.eye(n)
    for _ in range(n):
        v = rng.normal(size=n)
        found = found - 2 * np.outer(found @ v, v) / (v @ v)
    return found


@pytest.mark.parametrize("answer", [turned_in_all_planes, cayley, reflected_often])
def test_other_ways_to_a_random_matrix_are_right(answer):
    assert {score(find("ps07.orthogonal"), answer, seed) for seed in range(200)} == {1}
