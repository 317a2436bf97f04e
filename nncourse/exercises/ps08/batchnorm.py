"""batchnorm_forward, RunningNorm: normalising by the batch, and by what was seen in training."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from nncourse.diagnosis import Context, Finding
from nncourse.diagnosis.measure import Array
from nncourse.exercises.piece import (
    PLAIN,
    SQUARE,
    Equivalent,
    Mutant,
    Output,
    Part,
    Piece,
    Point,
    differing,
    normal,
    single,
)
from nncourse.exercises.raised import raised
from nncourse.language import mark


def epsilon(rng: np.random.Generator) -> float:
    """Large enough to be seen in the numbers: eps inside or outside of the root, or forgotten."""
    return float(single(rng.uniform(0.001, 0.01)))


def sizes(rng: np.random.Generator) -> tuple[int, int]:
    """How many examples and features there are: of these more or fewer."""
    return int(rng.choice((6, 7))), int(rng.choice((3, 4, 8, 9)))


def _sizes_of(point: Point) -> tuple[int, int, bool]:
    N, D = point.arguments[0].shape
    return N, D, N < D


sizes_differ = differing(_sizes_of)
"""``varied`` of a piece: once there are more examples than features, and once fewer."""


def draw(rng: np.random.Generator, case: str) -> Point:
    """x (N, D) of other mean and spread in every feature; gamma, beta (D,)."""
    N, D = (5, 5) if case == SQUARE else sizes(rng)
    x = normal(rng, N, D) * (1 + np.arange(D) % 3) + 2 * normal(rng, D)
    x = x.astype(np.float32).astype(np.float64)
    gamma, beta = 1 + np.abs(normal(rng, D)), normal(rng, D)
    gamma[::2] *= -1
    return Point((x, gamma, beta, epsilon(rng)), {}, 1.0, case)


def forward(x: Array, gamma: Array, beta: Array, eps: float) -> tuple[Array, ...]:
    """(out, x_hat, mean, var) with mean and variance over the batch."""
    mean, var = x.mean(axis=0), x.var(axis=0)
    x_hat = (x - mean) / np.sqrt(var + eps)
    return gamma * x_hat + beta, x_hat, mean, var


def _with(
    mean_of: Callable[[Array], Array] = lambda x: x.mean(axis=0),
    var_of: Callable[[Array], Array] = lambda x: x.var(axis=0),
    hat_of: Callable[..., Array] = lambda x, m, v, e: (x - m) / np.sqrt(v + e),
    out_of: Callable[..., Array] = lambda h, g, b: g * h + b,
) -> Callable[..., Any]:
    def function(x: Array, gamma: Array, beta: Array, eps: float) -> tuple[Any, ...]:
        mean, var = mean_of(x), var_of(x)
        x_hat = hat_of(x, mean, var, eps)
        return out_of(x_hat, gamma, beta), x_hat, mean, var

    return function


def _loops(x: Array, gamma: Array, beta: Array, eps: float) -> tuple[Any, ...]:
    N, D = x.shape
    out, hat, means, variances = np.empty((N, D)), np.empty((N, D)), [], []
    for j in range(D):
        mean = sum(x[:, j]) / N
        var = sum((v - mean) ** 2 for v in x[:, j]) / N
        for n in range(N):
            hat[n, j] = (x[n, j] - mean) / (var + eps) ** 0.5
            out[n, j] = gamma[j] * hat[n, j] + beta[j]
        means.append(mean)
        variances.append(var)
    return out, hat, means, variances


def _second_moment(x: Array, gamma: Array, beta: Array, eps: float) -> tuple[Any, ...]:
    mean = np.einsum("nd->d", x) / len(x)
    var = np.einsum("nd,nd->d", x, x) / len(x) - mean**2
    x_hat = (x - mean) * (var + eps) ** -0.5
    return beta + x_hat * gamma, x_hat, mean, var


FORWARD = Piece(
    name="batchnorm_forward",
    signature="batchnorm_forward(x, gamma, beta, eps) -> (out, x_hat, mean, var)",
    outputs=(
        Output(
            "mean",
            by="value",
            key=(2,),
            look=mark("mean has one number for each feature: which axis is averaged?"),
            derive=mark("Whose mean is subtracted from x[n, j]?"),
            formula="mean[j] = (1/N) Σ_n x[n, j]",
        ),
        Output(
            "var",
            by="value",
            key=(3,),
            after=("mean",),
            look=mark("Divide yours by the right one: is it always the same number?"),
            derive=mark("In training BatchNorm divides the sum of squares by N."),
            formula="var[j] = (1/N) Σ_n (x[n, j] - mean[j])²",
        ),
        Output(
            "x_hat",
            by="value",
            key=(1,),
            after=("mean", "var"),
            axes=("batch", "unit"),
            look=mark("Each column of x_hat has mean 0 and a variance just below 1."),
            derive=mark("Where does eps stand, and what is divided by what?"),
            formula="x_hat[n, j] = (x[n, j] - mean[j]) / √(var[j] + eps)",
        ),
        Output(
            "out",
            by="value",
            key=(0,),
            after=("mean", "var", "x_hat"),
            axes=("batch", "unit"),
            look=mark("Set gamma to 1 and beta to 0: out must be x_hat."),
            derive=mark("Two parameters for each feature: what does each of them do?"),
            formula="out[n, j] = gamma[j] · x_hat[n, j] + beta[j]",
        ),
    ),
    parts=tuple(Part(name, 0.25) for name in ("mean", "var", "x_hat", "out")),
    draw=draw,
    varied=sizes_differ,
    reference=forward,
    context=lambda point: {
        "var": Context(
            constants={"N/(N - 1)": len(point.arguments[0]) / (len(point.arguments[0]) - 1)},
            codes={"N/(N - 1)": "M53"},
        )
    },
    mutants=(
        Mutant(
            "mean over the features",
            _with(mean_of=lambda x: np.resize(x.mean(axis=1), x.shape[1])),
            mark("The mean is taken over the features of an example, not over the examples."),
            "axis",
            "M08",
        ),
        Mutant(
            "divided by N - 1",
            _with(var_of=lambda x: x.var(axis=0, ddof=1)),
            mark("The variance is divided by N - 1; in training BatchNorm divides by N."),
            "scale",
            "M53",
        ),
        Mutant(
            "standard deviation for variance",
            _with(var_of=lambda x: x.std(axis=0)),
            mark("var holds the standard deviation; the root is taken afterwards."),
            "root",
        ),
        Mutant(
            "mean not subtracted",
            _with(var_of=lambda x: (x**2).mean(axis=0)),
            mark("The variance is the mean of squares: the mean was not subtracted first."),
            "term missing",
        ),
        Mutant(
            "no root",
            _with(hat_of=lambda x, m, v, e: (x - m) / (v + e)),
            mark(
                "x - mean is divided by the variance; its root, the standard deviation, is right."
            ),
            "root",
            "M102",
        ),
        Mutant(
            "eps outside of the root",
            _with(hat_of=lambda x, m, v, e: (x - m) / (np.sqrt(v) + e)),
            mark("eps is added after the root; it stands under it, beside the variance."),
            "formula",
        ),
        Mutant(
            "not centred",
            _with(hat_of=lambda x, m, v, e: x / np.sqrt(v + e)),
            mark("The mean is not subtracted from x: the columns of x_hat must have mean 0."),
            "term missing",
        ),
        Mutant(
            "beta times gamma",
            _with(out_of=lambda h, g, b: g * (h + b)),
            mark("beta is added before gamma multiplies; it comes after."),
            "order",
        ),
        Mutant(
            "no beta",
            _with(out_of=lambda h, g, b: g * h),
            mark("beta is missing in the output."),
            "parameter missing",
        ),
    ),
    equivalents=(
        Equivalent("loops", _loops),
        Equivalent("second moments, einsum", _second_moment),
        Equivalent(
            "float32",
            lambda x, g, b, e: forward(single(x), single(g), single(b), single(e)),
        ),
    ),
)

BATCHES = (4, 5, 6, 7)
"""The sizes of the batches to train on, in some order, and then of some of them once more."""
TESTS = (3, 4, 5, 6)
"""How many examples are there to test."""


def draw_running(rng: np.random.Generator, case: str) -> Point:
    """Batches [(N, D), ...] to train on and at last one to test, a momentum, eps."""
    D = int(rng.choice((3, 4)))
    shift = 2 * normal(rng, D)
    again = rng.permutation(BATCHES)[: rng.integers(len(BATCHES))]
    sizes = [*rng.permutation(BATCHES), *again, rng.choice(TESTS)]
    batches = [normal(rng, int(N), D) * 1.5 + shift for N in sizes]
    batches = [batch.astype(np.float32).astype(np.float64) for batch in batches]
    momentum = float(rng.choice((0.125, 0.25)))
    return Point((batches, momentum, epsilon(rng)), {}, 1.0, case)


def drive_running(
    kind: Callable[..., Any], batches: list[Array], momentum: float, eps: float
) -> Any:
    """(mean, var, outputs by batch; those of the last together and alone; mean, var after them).

    Another layer, with other settings, is trained and tested by turns meanwhile, and one with the
    same settings is trained; what they give stands beside. What training or testing raises costs
    what depends on it.
    """
    *batches, x = batches
    features = x.shape[1]
    norm, other = kind(features, momentum, eps), kind(features, momentum / 2, 2 * eps)
    alike = kind(features, momentum, eps)
    means, variances = [np.array(norm.mean)], [np.array(norm.var)]
    trained, tested = [], []  # pairs of an output and what it is of
    errors: list[Exception] = []

    def output(layer: Any, given: Array, train: bool) -> tuple[Array | Finding, Array]:
        try:
            return _copied(layer.forward(given, train)), given
        except Exception as error:
            errors.append(error)
            return raised(error), given

    for batch in batches:
        trained += [output(norm, batch, True)]
        for another in (other, alike):
            trained += [output(another, x, True)]
        tested += [output(other, batch, False)]
        means.append(np.array(norm.mean))
        variances.append(np.array(norm.var))
    tested += [output(norm, x, False)]
    tested += [output(norm, row[None], False) for row in x]
    if len(errors) == len(trained) + len(tested):
        raise errors[0]
    mean, var = _by_batch("mean", means, x[0].shape), _by_batch("var", variances, x[0].shape)
    wrong = [found for found in (mean, var) if isinstance(found, Finding)]
    layers = norm, other, alike
    after = wrong[0] if wrong else np.stack([n for of in layers for n in (of.mean, of.var)])
    return mean, var, _joined(trained), _joined(tested), after


def _copied(out: Any) -> Array:
    """An output as an array of its own; one of no numbers where it is nothing rectangular."""
    try:
        return np.array(out)
    except ValueError:
        return np.array(None)


def _joined(outputs: list[tuple[Any, Array]]) -> Array | Finding:
    """All outputs below each other; or what was raised, or is wrong with a shape."""
    for out, batch in outputs:
        if isinstance(out, Finding):
            return out
        if out.shape != batch.shape:
            text = mark("The shape is {got}, but it must be {want}.")
            return Finding("shape", text, {"got": out.shape, "want": batch.shape})
    return np.concatenate([out for out, _batch in outputs])


def _by_batch(name: str, values: list[Array], want: tuple[int, ...]) -> Array | Finding:
    """The values at the start and after each batch as one array; or what is wrong with a shape."""
    if values[0].shape != want:
        text = mark(
            "At the start {name} has the shape {got}; {want} is expected, as np.zeros(features) "
            "and np.ones(features) have."
        )
        return Finding("shape", text, {"name": name, "got": values[0].shape, "want": want})
    strange = [value.shape for value in values if value.shape != want]
    if strange:
        text = mark(
            "After a training batch {name} has the shape {got}; {want} is expected, one number for "
            "each feature, as x.mean(axis=0) and x.var(axis=0) give without keepdims."
        )
        return Finding("shape", text, {"name": name, "got": strange[0], "want": want})
    return np.array(values)


class RunningNorm:
    """Normalises by the batch in training and by moving means when testing."""

    def __init__(self, features: int, momentum: float, eps: float) -> None:
        self.mean, self.var = np.zeros(features), np.ones(features)
        self.momentum, self.eps = momentum, eps

    def update(self, mean: Array, var: Array) -> None:
        """Move towards the statistics of a batch."""
        self.mean = (1 - self.momentum) * self.mean + self.momentum * mean
        self.var = (1 - self.momentum) * self.var + self.momentum * var

    def forward(self, x: Array, train: bool) -> Array:
        """x (N, D), normalised."""
        if train:
            mean, var = x.mean(axis=0), x.var(axis=0)
            self.update(mean, var)
        else:
            mean, var = self.mean, self.var
        return (x - mean) / np.sqrt(var + self.eps)


class _Swapped(RunningNorm):
    def update(self, mean: Array, var: Array) -> None:
        self.mean = self.momentum * self.mean + (1 - self.momentum) * mean
        self.var = self.momentum * self.var + (1 - self.momentum) * var


class _BatchAtTest(RunningNorm):
    def forward(self, x: Array, train: bool) -> Array:
        if train:
            return super().forward(x, True)
        return (x - x.mean(axis=0)) / np.sqrt(x.var(axis=0) + self.eps)


class _MovingInTraining(RunningNorm):
    def forward(self, x: Array, train: bool) -> Array:
        super().forward(x, train)
        return (x - self.mean) / np.sqrt(self.var + self.eps)


class _UpdatesAtTest(RunningNorm):
    def forward(self, x: Array, train: bool) -> Array:
        out = super().forward(x, train)
        if not train:
            self.update(x.mean(axis=0), x.var(axis=0))
        return out


class _NeverUpdated(RunningNorm):
    def update(self, mean: Array, var: Array) -> None:
        pass


class _Latest(RunningNorm):
    def update(self, mean: Array, var: Array) -> None:
        self.mean, self.var = mean, var


class _Sum(RunningNorm):
    def update(self, mean: Array, var: Array) -> None:
        self.mean = self.mean + self.momentum * mean
        self.var = self.var + self.momentum * var


class _OnlyMean(RunningNorm):
    def update(self, mean: Array, var: Array) -> None:
        self.mean = (1 - self.momentum) * self.mean + self.momentum * mean


class _Shared(RunningNorm):
    """Mean and variance belong to the class, not to its objects."""

    def __init__(self, features: int, momentum: float, eps: float) -> None:
        super().__init__(features, momentum, eps)
        self.share()

    def update(self, mean: Array, var: Array) -> None:
        super().update(mean, var)
        self.share()

    def share(self) -> None:
        """What an object has of its own becomes everybody's."""
        for name in ("mean", "var"):
            setattr(_Shared, name, vars(self).pop(name))


class _Step(RunningNorm):
    def update(self, mean: Array, var: Array) -> None:
        self.mean += self.momentum * (mean - self.mean)
        self.var += self.momentum * (var - self.var)


class _Single(RunningNorm):
    def forward(self, x: Array, train: bool) -> Array:
        return np.asarray(super().forward(single(x), train), dtype=np.float32)


class _Column:
    def __init__(self, features: int, momentum: float, eps: float) -> None:
        self.mean, self.var, self.rest = [0.0] * features, [1.0] * features, (momentum, eps)

    def forward(self, x: Array, train: bool) -> list[list[float]]:
        momentum, eps = self.rest
        columns = []
        for j, column in enumerate(x.T):
            mean, var = self.mean[j], self.var[j]
            if train:
                mean, var = column.mean(), column.var()
                self.mean[j] += momentum * (mean - self.mean[j])
                self.var[j] += momentum * (var - self.var[j])
            columns.append([(v - mean) / (var + eps) ** 0.5 for v in column])
        return [list(row) for row in zip(*columns)]


RUNNING = Piece(
    name="RunningNorm",
    signature="RunningNorm(features, momentum, eps): mean, var, forward(x, train)",
    outputs=(
        Output(
            "mean",
            by="value",
            key=(0,),
            axes=("step", "unit"),
            look=mark("Print mean after each batch, beginning with the zeros at the start."),
            derive=mark("With momentum 0.1, how much of the old mean must stay?"),
            formula="mean ← (1 - momentum) · mean + momentum · batch mean",
        ),
        Output(
            "var",
            by="value",
            key=(1,),
            axes=("step", "unit"),
            look=mark("var begins with ones and moves towards the variance of each batch."),
            derive=mark("The same rule as for the mean."),
            formula="var ← (1 - momentum) · var + momentum · batch variance",
        ),
        Output(
            mark("training output"),
            by="value",
            key=(2,),
            look=mark("Sum what forward(x, True) returns over the batch: it must be 0."),
            derive=mark("Which mean makes the mean of this batch 0?"),
            formula="(x - batch mean) / √(batch variance + eps)",
        ),
        Output(
            mark("test output"),
            by="value",
            key=(3,),
            after=("mean", "var"),
            look=mark("Give one example alone: its output must be the same as in company."),
            derive=mark("Which mean and variance may be used when there is a single example?"),
            formula="(x - mean) / √(var + eps), with the moving mean and var",
        ),
        Output(
            mark("mean, var after testing"),
            by="value",
            key=(4,),
            after=("mean", "var"),
            look=mark("Compare mean and var before and after forward(x, False)."),
            derive=mark("What would happen to predictions that change the layer?"),
            formula="mean and var stay as they are when testing",
        ),
    ),
    parts=(
        Part("mean", 0.2, (PLAIN,)),
        Part("var", 0.2, (PLAIN,)),
        Part("training output", 0.2, (PLAIN,)),
        Part("test output", 0.2, (PLAIN,)),
        Part("mean, var after testing", 0.2, (PLAIN,), beside=("test output",)),
    ),
    draw=draw_running,
    varied=differing(lambda point: [*point.arguments[0][0].shape[1:], point.arguments[1]]),
    reference=RunningNorm,
    drive=drive_running,
    mutants=(
        Mutant(
            "roles of momentum swapped",
            _Swapped,
            mark("momentum is the share of the new batch; here the old mean gets it."),
            "exchange",
            "M57",
        ),
        Mutant(
            "batch statistics when testing",
            _BatchAtTest,
            mark("When testing the batch's own mean is used: an example alone comes out as 0."),
            "test",
            "M58",
        ),
        Mutant(
            "moving means in training",
            _MovingInTraining,
            mark(
                "In training the moving mean and variance are used; there the batch is normalised "
                "by its own, and the moving ones serve for predictions."
            ),
            "train",
        ),
        Mutant(
            "changes when testing",
            _UpdatesAtTest,
            mark("Testing moves the means: predictions depend on what was predicted before."),
            "state",
            "M58",
        ),
        Mutant(
            "never updated",
            _NeverUpdated,
            mark("mean and var stay at 0 and 1: training does not move them."),
            "state",
            "M103",
        ),
        Mutant(
            "latest batch",
            _Latest,
            mark("mean and var are those of the latest batch; they have to move slowly."),
            "accumulate",
            "M57",
        ),
        Mutant(
            "old value kept whole",
            _Sum,
            mark("The old value keeps its whole weight: the factor 1 - momentum is missing."),
            "factor missing",
            "X28",
        ),
        Mutant(
            "variance forgotten",
            _OnlyMean,
            mark("mean moves, but var stays at 1."),
            "parameter missing",
        ),
        Mutant(
            "one state for all layers",
            _Shared,
            mark(
                "Two layers share mean and var, so that each is moved by the batches of both: set "
                "them in __init__ as self.mean and self.var, not in the class."
            ),
            "shared",
        ),
    ),
    equivalents=(
        Equivalent("a step towards the batch", _Step),
        Equivalent("float32", _Single),
        Equivalent("column by column, lists", _Column),
    ),
    cases=(PLAIN, PLAIN),
)
