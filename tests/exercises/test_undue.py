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


def rounded(answer):
    """NumPy rounds Boolean numbers to float16."""
    return lambda *arguments: (h := answer(*arguments)[0], np.round(h > 0))


def test_whole_numbers_are_right_in_a_coarse_precision():
    neuron, moons = PIECES["ps01.neuron"], PIECES["ps04.moons"]
    assert rounded(neuron.reference)(np.ones(3), np.ones((4, 2)))[1].dtype == np.float16
    assert score(neuron, rounded(neuron.reference)) == 1
    assert score(moons, lambda x: np.round(np.equal(moons.reference(x), 1))) == 1
    assert score(moons, lambda x: np.float16(moons.reference(x) + 0.5)) == 0


@pytest.mark.parametrize(
    ("fill", "said"),
    [("a" * 160, "str"), (b"a" * 9, "bytes"), (1j, "complex128"), (None, "object")],
)
def test_no_length_that_an_answer_may_choose_is_told(fill, said):
    piece = PIECES["ps02.softmax"]
    report = str(judge(piece, [changed(piece.reference, lambda a: np.full(a.shape, fill))]))
    assert f"is an array of {said};" in report
    assert "160" not in report


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
    mask[: round(p * x.size)] = 0  # the same in each call
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
    same = {"dropout": 0, "plain_dropout": 0.4}[name]  # two calls give one mask
    assert report.score == pytest.approx(0.6 if mask_of is columns else same)
    assert "not the numbers that rng gives" in str(report)


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
def test_masks_by_heart_earn_nothing(name, what):
    """For predictions x comes back from inverted dropout, which is nothing without the other."""
    right = PIECES[f"ps08.{name}"].reference

    def answer(x, p, rng, train):
        if not train:
            return right(x, p, rng, train)
        mask = BY_HEART[what](x)
        return x * mask, mask

    due = {"dropout": 0, "plain_dropout": 0.4}[name]
    for seed in range(4):
        assert score(PIECES[f"ps08.{name}"], answer, seed) == pytest.approx(due)


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


def test_an_initialiser_that_draws_nothing():
    def answer(name, fan_out, fan_in, rng):
        grid = (np.arange(fan_out * fan_in) + 0.5) / (fan_out * fan_in) * 2 - 1
        fan = fan_in + fan_out if "xavier" in name else fan_in
        return (grid * (6 / fan) ** 0.5).reshape(fan_out, fan_in)

    assert score(find("ps07.initialise"), answer) == 0


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (lambda n, rng: np.eye(n), "same each time"),
        (lambda n, rng: np.eye(n) + 1e-7, "same matrix"),
        (lambda n, rng: np.eye(n)[rng.permutation(n)], "made of the numbers that rng gives"),
        (lambda n, rng: np.eye(n) * rng.choice([-1, 1], n), "made of the numbers that rng gives"),
        (lambda n, rng: np.eye(n) - 2 / n, "same each time"),
        (lambda n, rng: np.linalg.qr(np.vander(np.arange(1.0, n + 1)))[0], "same each time"),
    ],
    ids=["unit", "nearly", "permutations", "signs", "a reflection", "of a fixed matrix"],
)
def test_orthogonal_matrices_that_one_may_know_earn_nothing(answer, says):
    report = judge(find("ps07.orthogonal"), [answer], seed=7)
    assert report.score == 0
    assert says in " ".join(str(report).split())


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda a: a, "decompose the matrix into Q and R"),
        (lambda a: a / len(a) ** 0.5, "only nearly perpendicular"),
        (lambda a: a / np.linalg.norm(a, axis=0), "not perpendicular to each other"),
    ],
    ids=["alone", "scaled", "columns"],
)
def test_random_numbers_alone_earn_nothing(change, says):
    report = judge(
        find("ps07.orthogonal"), [lambda n, rng: change(rng.normal(size=(n, n)))], seed=7
    )
    assert report.score == 0
    assert says in str(report)


def test_rounding_in_float32_costs_half():
    def answer(n, rng):
        found = find("ps07.orthogonal").reference(n, rng)
        return found + 1e-4 * np.random.default_rng(3).normal(size=(n, n))

    assert score(find("ps07.orthogonal"), answer) == 0.5


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


def reflected(count, start=np.eye):
    """Random reflections, one after the other, of a matrix."""

    def answer(n, rng):
        found = start(n)
        for _ in range(count):
            v = rng.normal(size=n)
            found = found - 2 * np.outer(found @ v, v) / (v @ v)
        return found

    return answer


def cosines(n):
    """An orthogonal matrix that one may know: of the discrete cosine transform IV."""
    j = np.arange(n) + 0.5
    return np.cos(np.pi / n * np.outer(j, j)) * (2 / n) ** 0.5


def turned(planes):
    """Random turns in so many planes."""

    def answer(n, rng):
        found = np.eye(n)
        for i, j in [(a, b) for a in range(n) for b in range(a)][:planes]:
            w = rng.uniform(0, 2 * np.pi)
            found[:, [i, j]] @= [[np.cos(w), -np.sin(w)], [np.sin(w), np.cos(w)]]
        return found

    return answer


def cayley(n, rng):
    a = rng.normal(size=(n, n))
    return np.linalg.solve(np.eye(n) + a - a.T, np.eye(n) - a + a.T)


OTHER_MATRICES = {
    "one reflection": reflected(1),
    "three reflections": reflected(3),
    "many reflections": reflected(10),
    "a fixed matrix reflected": reflected(1, cosines),
    "signs between fixed ones": lambda n, rng: cosines(n) * rng.choice([-1, 1], n) @ cosines(n),
    "turned in a plane": turned(1),
    "turned in all planes": turned(None),
    "Cayley": cayley,
    "uniform numbers": lambda n, rng: np.linalg.qr(rng.random((n, n)))[0],
    "after another number": lambda n, rng: (
        rng.random(),
        np.linalg.qr(rng.normal(size=(n, n)))[0],
    )[1],
}


@pytest.mark.parametrize("name", OTHER_MATRICES)
def test_orthogonal_matrices_drawn_in_another_way_are_told_so(name):
    for seed in range(20):
        report = judge(find("ps07.orthogonal"), [OTHER_MATRICES[name]], seed=seed)
        assert report.score == 0
        assert "not made of the numbers that rng gives, or in another way" in str(report)


def signs(a):
    return np.where(np.arange(len(a)) % 2, 1, -1)[:, None]


def determinant_one(a):
    q = np.linalg.qr(a)[0]
    q[0] *= np.sign(np.linalg.det(q))
    return q


def gram_schmidt(a):
    q = a.copy()
    for j in range(len(q)):
        q[:, j] -= q[:, :j] @ (q[:, :j].T @ q[:, j])
        q[:, j] /= np.linalg.norm(q[:, j])
    return q


USUAL_MATRICES = {
    "QR": lambda a: np.linalg.qr(a)[0],
    "of the transpose": lambda a: np.linalg.qr(a.T)[0],
    "of all normal matrices equally often": lambda a: (lambda q, r: q * np.sign(np.diag(r)))(
        *np.linalg.qr(a)
    ),
    "transposed": lambda a: np.linalg.qr(a)[0].T,
    "polar": lambda a: np.dot(*np.linalg.svd(a)[::2]),
    "signs": lambda a: np.linalg.qr(a)[0] * (-1.0) ** np.arange(len(a)),
    "signs of rows": lambda a: signs(a) * np.linalg.qr(a)[0],
    "signs of both": lambda a: signs(a) * np.linalg.qr(a)[0] * signs(a).T,
    "determinant 1": determinant_one,
    "left singular vectors": lambda a: np.linalg.svd(a)[0],
    "right singular vectors": lambda a: np.linalg.svd(a)[2],
    "by Gram and Schmidt": gram_schmidt,
    "by the inverse of R": lambda a: a @ np.linalg.inv(np.linalg.qr(a)[1]),
}
"""The matrix that is made of normal numbers."""


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("name", USUAL_MATRICES)
def test_usual_ways_to_a_random_matrix_are_right(name, dtype):
    def answer(n, rng):
        return USUAL_MATRICES[name](rng.standard_normal((n, n), dtype))

    assert {score(find("ps07.orthogonal"), answer, seed) for seed in range(50)} == {1}
