"""RunningNorm: normalising by the batch in training, and by what was seen there when testing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from nncourse.diagnosis import Finding
from nncourse.diagnosis.measure import Array
from nncourse.exercises.piece import (
    PLAIN,
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
from nncourse.exercises.ps08.batchnorm import epsilon
from nncourse.exercises.raised import raised
from nncourse.language import mark

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
    what depends on it. What a call does to its input is seen later.
    """
    *batches, x = batches
    features = x.shape[1]
    norm, other = kind(features, momentum, eps), kind(features, momentum / 2, 2 * eps)
    alike = kind(features, momentum, eps)
    means, variances = [np.array(norm.mean)], [np.array(norm.var)]
    trained, tested = [], []  # pairs of an output and what it is of
    errors: list[Exception] = []
    inputs: list[tuple[Array, Array]] = []  # of the calls, and of what these are copies

    def output(layer: Any, given: Array, train: bool) -> tuple[Array | Finding, Array]:
        inputs.append((given.copy(), given))
        try:
            return _copied(layer.forward(inputs[-1][0], train)), given
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
    for own, given in [pair for pair in inputs if not np.array_equal(*pair)]:
        given[...] = own  # it is seen where arguments are compared
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


class _Unbiased(RunningNorm):
    def forward(self, x: Array, train: bool) -> Array:
        if not train:
            return super().forward(x, False)
        mean, var = x.mean(axis=0), x.var(axis=0, ddof=1)
        self.update(mean, var)
        return (x - mean) / np.sqrt(var + self.eps)


class _PyTorch(RunningNorm):
    def forward(self, x: Array, train: bool) -> Array:
        out = super().forward(x, False)
        if train:
            mean, var = x.mean(axis=0), x.var(axis=0)
            out = (x - mean) / np.sqrt(var + self.eps)
            self.update(mean, x.var(axis=0, ddof=1))
        return out


class _EpsilonOutside(RunningNorm):
    def forward(self, x: Array, train: bool) -> Array:
        super().forward(x, train)
        mean, var = (x.mean(axis=0), x.var(axis=0)) if train else (self.mean, self.var)
        return (x - mean) / (np.sqrt(var) + self.eps)


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
    inputs=("x",),
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
            "divided by N - 1",
            _Unbiased,
            mark("The variance is divided by N - 1; in training BatchNorm divides by N."),
            "scale",
            "M53",
        ),
        Mutant(
            "moving variance divided by N - 1",
            _PyTorch,
            mark(
                "var moves towards a variance that is divided by N - 1, as PyTorch's does; here it "
                "is the variance of the batch, divided by N."
            ),
            "scale",
            "M53",
        ),
        Mutant(
            "eps outside of the root",
            _EpsilonOutside,
            mark("eps is added after the root; it stands under it, beside the variance."),
            "formula",
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
