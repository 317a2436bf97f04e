"""RunningNorm: what is said of moving means in another shape, and what they cost. Masks that are
one number."""

import numpy as np
import pytest

from nncourse.check.judge import judge
from nncourse.exercises.piece import find
from nncourse.exercises.ps08 import PIECES

PIECE = PIECES["RunningNorm"]
Right = PIECE.reference


class Kept(Right):
    def update(self, mean, var):
        super().update(mean[None], var[None])


class Number(Right):
    def __init__(self, features, momentum, eps):
        super().__init__(features, momentum, eps)
        self.mean, self.var = 0.0, 1.0


class Row(Right):
    def __init__(self, features, momentum, eps):
        super().__init__(features, momentum, eps)
        self.mean, self.var = np.zeros((1, features)), np.ones((1, features))


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        (Kept, "After a training batch mean has the shape (1, {n}); ({n},) is expected"),
        (Number, "At the start mean has the shape (); ({n},) is expected, as np.zeros(features)"),
        (Row, "At the start mean has the shape (1, {n}); ({n},) is expected, as np.zeros"),
    ],
)
def test_a_mean_of_another_shape_costs_its_own_parts_and_is_named(kind, says):
    report = judge(PIECE, [kind], seed=3)
    assert any(says.format(n=n) in str(report) for n in (3, 4))
    verdicts = {verdict.output.name: verdict.passed for verdict in report.verdicts}
    outputs = ["training output", "test output"]
    assert [name for name, passed in verdicts.items() if passed] == outputs
    assert report.score == pytest.approx(0.4)


@pytest.mark.parametrize("train", [True, False])
@pytest.mark.parametrize("odd", [lambda out: None, lambda out: (out, out[0]), lambda out: out[0]])
def test_an_output_of_another_shape_costs_its_own_part_alone(odd, train):
    class Odd(Right):
        def forward(self, x, now):
            out = super().forward(x, now)
            return odd(out) if now is train else out

    report = judge(PIECE, [Odd], seed=3)
    wrong = [verdict.output.name for verdict in report.verdicts if not verdict.passed]
    assert wrong == ["training output" if train else "test output"]
    assert report.score == pytest.approx(0.8 if train else 0.6)
    assert "The shape is" in str(report)


@pytest.mark.parametrize("error", [NotImplementedError, ValueError])
@pytest.mark.parametrize(("train", "left"), [(False, 0.6), (True, 0)])
def test_what_raises_in_one_of_both_modes_costs_what_depends_on_it(train, left, error):
    class Half(Right):
        def forward(self, x, now):
            if now is train:
                raise error("here")
            return super().forward(x, now)

    report = judge(PIECE, [Half], seed=3)
    assert report.score == pytest.approx(left)
    assert ("ValueError: here" if error is ValueError else "Not written yet") in str(report)


def test_a_mask_that_is_missing_is_not_taken_for_ones():
    def answer(x, p, rng, train):
        out, mask = find("ps08.plain_dropout").reference(x, p, rng, train)
        return out, mask if train else None

    report = judge(find("ps08.plain_dropout"), [answer], seed=3)
    assert report.score == pytest.approx(0.6)
    assert "mask is None" in str(report)


@pytest.mark.parametrize("test", [lambda x: None, lambda x: x])
def test_a_layer_that_stays_as_it_is_has_to_be_tested(test):
    class Untested(Right):
        def forward(self, x, now):
            return super().forward(x, now) if now else test(x)

    assert judge(PIECE, [Untested], seed=3).score == pytest.approx(0.6)


class Reused(Right):
    """Writes each output into the memory of the one before, where that fits."""

    def forward(self, x, train):
        out = super().forward(x, train)
        self.kept = self.__dict__.setdefault("all", {}).setdefault(out.shape, out)
        self.kept[...] = out
        return self.kept


class InPlace(Right):
    """Normalises x where it stands, in one mode or in both."""

    modes = (False, True)

    def forward(self, x, train):
        out = super().forward(x, train)
        if train in self.modes:
            x[...] = out
        return x if train in self.modes else out


class InPlaceInTraining(InPlace):
    modes = (True,)


class InPlaceWhenTesting(InPlace):
    modes = (False,)


@pytest.mark.parametrize("kind", [InPlace, InPlaceInTraining, InPlaceWhenTesting])
def test_a_layer_that_changes_x_loses_half(kind):
    for seed in range(10):
        report = judge(PIECE, [kind], seed=seed)
        assert report.score == 0.5
        assert [note.evidence["names"] for note in report.notes] == ["x"]


def test_an_output_may_stand_where_the_last_one_stood():
    assert judge(PIECE, [Reused], seed=3).passed


@pytest.mark.parametrize("name", ["dropout", "plain_dropout"])
def test_the_mask_for_predictions_may_be_one_number(name):
    piece = PIECES[name]

    def answer(x, p, rng, train, factor=1.0):
        if train:
            return piece.reference(x, p, rng, train)
        mask = factor * (1 if name == "dropout" else 1 - p)
        return x * mask, mask

    def in_an_array(*arguments):
        out, mask = answer(*arguments)
        return out, np.array(mask)

    for seed in range(20):
        assert judge(piece, [answer], seed=seed).score == 1
        assert judge(piece, [in_an_array], seed=seed).score == 1
    wrong = judge(piece, [lambda *arguments: answer(*arguments, factor=0.5)])
    assert 0 < wrong.score < 1


@pytest.mark.parametrize("name", ["ps07.activation", "ps08.dropout", "ps08.plain_dropout"])
def test_a_pair_may_stand_in_one_array(name):
    piece = find(name)
    assert judge(piece, [lambda *arguments: np.array(piece.reference(*arguments))]).passed
    one, number = lambda *a: piece.reference(*a)[0], lambda *a: np.ones(())
    for wrong in (one, number):
        assert "expected" in str(judge(piece, [wrong]))


@pytest.mark.parametrize("name", ["forward", "stages", "backward"])
def test_once_there_are_fewer_examples_than_features(name):
    for seed in range(10):
        shapes = [
            next(a for a in point.arguments if np.ndim(a) == 2).shape
            for point in PIECES[f"batchnorm_{name}"].points(seed)
        ]
        assert {bool(N < D) for N, D in shapes if N != D} == {True, False}


def forward_in_single(x, gamma, beta, eps):
    x = x.astype(np.float32)
    mean = x.mean(axis=0)
    var = (x**2).mean(axis=0) - mean**2
    x_hat = (x - mean) / np.sqrt(var + eps)
    return gamma * x_hat + beta, x_hat, mean, var


def stages_in_single(dout, x, gamma, eps):
    x = x.astype(np.float32)
    centred, root = x - x.mean(axis=0), np.sqrt((x**2).mean(axis=0) - x.mean(axis=0) ** 2 + eps)
    dx_hat = dout * gamma
    dvar = -(dx_hat * centred).sum(axis=0) / (2 * root**3)
    dmean = -dx_hat.sum(axis=0) / root
    return dx_hat, dvar, dmean, dx_hat / root + (2 * dvar * centred + dmean) / len(x)


@pytest.mark.parametrize(
    ("name", "answer"),
    [("batchnorm_forward", forward_in_single), ("batchnorm_stages", stages_in_single)],
)
def test_x_alone_may_be_in_float32(name, answer):
    for seed in range(50):
        assert judge(PIECES[name], [answer], seed=seed, mutants=False).passed


ROWS = {
    "small dropped": lambda n, p, rng: rng.random(n) >= p,
    "small kept": lambda n, p, rng: rng.random(n) < 1 - p,
    "binomial": lambda n, p, rng: rng.binomial(1, 1 - p, n),
    "choice": lambda n, p, rng: rng.choice([0, 1], n, p=[p, 1 - p]),
    "column": lambda n, p, rng: rng.random((n, 1)) >= p,
    "each": lambda n, p, rng: rng.random((n, n)) >= p,
    "all kept": lambda n, p, rng: True,
    "all dropped": lambda n, p, rng: False,
    "a generator of one's own": lambda n, p, rng: np.random.default_rng(n).random((n, n)) >= p,
}


@pytest.mark.parametrize("name", ["dropout", "plain_dropout"])
@pytest.mark.parametrize("kind", ROWS)
def test_one_row_or_column_of_a_mask_for_all_is_always_told_and_nothing_else_is_called_so(
    name, kind
):
    def answer(x, p, rng, train):
        if not train:
            return PIECES[name].reference(x, p, rng, train)
        N, D = x.shape
        drawn = np.asarray(ROWS[kind](N if kind == "column" else max(N, D), p, rng))
        drawn = drawn[:N, :D] if drawn.ndim == 2 else drawn[..., :D]
        mask = np.broadcast_to(drawn * (1 / (1 - p) if name == "dropout" else 1.0), x.shape)
        return x * mask, mask

    one_row = kind in ("small dropped", "small kept", "binomial", "choice")
    copies = {"one row for all", "one column for all"}
    right = (
        {"one column for all"} if kind == "column" else {"one row for all"} if one_row else set()
    )
    for seed in range(12):
        told = [d.mutant for d in judge(PIECES[name], [answer], seed=seed).diagnoses]
        assert told == [*right] if right else not copies & {*told}


def eps_in_the_variance(x, gamma, beta, eps):
    var = x.var(axis=0) + eps
    x_hat = (x - x.mean(axis=0)) / np.sqrt(var)
    return gamma * x_hat + beta, x_hat, x.mean(axis=0), var


def eps_twice(x, gamma, beta, eps):
    _out, _x_hat, mean, var = eps_in_the_variance(x, gamma, beta, eps)
    x_hat = (x - mean) / np.sqrt(var + eps)
    return gamma * x_hat + beta, x_hat, mean, var


@pytest.mark.parametrize(("answer", "due"), [(eps_in_the_variance, 0.75), (eps_twice, 0.25)])
def test_eps_in_the_variance_that_is_returned_is_always_told(answer, due):
    for seed in range(12):
        report = judge(PIECES["batchnorm_forward"], [answer], seed=seed)
        assert report.score == pytest.approx(due)
        assert [(d.outputs, d.mutant) for d in report.diagnoses] == [
            (("var",), "eps in the variance")
        ]


def test_no_factor_of_a_mask_is_known_by_heart():
    points = [p for seed in range(30) for p in PIECES["dropout_backward"].points(seed)]
    assert len({point.arguments[2] for point in points}) > 40


def test_slopes_of_prelu_have_both_signs():
    for seed in range(10):
        for point in find("ps07.prelu_backward").points(seed):
            alpha = point.arguments[2]
            assert alpha.min() < 0 < alpha.max()
