"""batchnorm_forward: normalising by the batch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from nncourse.diagnosis import Context
from nncourse.diagnosis.measure import Array
from nncourse.exercises.piece import (
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
from nncourse.language import mark

FAR = 2
"""Means of so many standard deviations are drawn again."""


def epsilon(rng: np.random.Generator) -> float:
    """Large enough to be seen in the numbers: eps inside or outside of the root, or forgotten."""
    return float(single(rng.uniform(0.001, 0.01)))


def sizes(rng: np.random.Generator) -> tuple[int, int]:
    """How many examples and features there are: of these more or fewer."""
    return int(rng.choice((6, 7))), int(rng.choice((3, 4, 8, 9)))


def _sizes_of(point: Point) -> tuple[int, int, bool]:
    N, D = point.arguments[0].shape
    return N, D, N < D


def batch(rng: np.random.Generator, N: int, D: int, shift: float) -> Array:
    """x (N, D) of other mean and spread in every feature.

    No mean is so large beside the spread that in float32 the mean of squares, less the square of
    the mean, were wrong.
    """
    while True:
        x = single(normal(rng, N, D) * (1 + np.arange(D) % 3) + shift * normal(rng, D))
        if np.all(np.abs(x.mean(axis=0)) < FAR * x.std(axis=0)):
            return x.astype(np.float64)


sizes_differ = differing(_sizes_of)
"""``varied`` of a piece: once there are more examples than features, and once fewer."""


def draw(rng: np.random.Generator, case: str) -> Point:
    """x (N, D) of other mean and spread in every feature; gamma, beta (D,)."""
    N, D = (5, 5) if case == SQUARE else sizes(rng)
    x = batch(rng, N, D, 2)
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


def _eps_in_var(x: Array, gamma: Array, beta: Array, eps: float) -> tuple[Any, ...]:
    out, x_hat, mean, var = forward(x, gamma, beta, eps)
    return out, x_hat, mean, var + eps


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
            "eps in the variance",
            _eps_in_var,
            mark(
                "eps is added to var itself; it is added under the root, and var comes back bare."
            ),
            "surplus",
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
