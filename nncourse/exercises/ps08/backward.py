"""batchnorm_stages and batchnorm_backward: the gradient step by step, and in one formula."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from nncourse.diagnosis import Context, Term
from nncourse.diagnosis.measure import Array
from nncourse.exercises.piece import (
    SQUARE,
    Equivalent,
    Mutant,
    Output,
    Part,
    Piece,
    Point,
    normal,
    single,
)
from nncourse.exercises.ps08.batchnorm import batch, epsilon, sizes, sizes_differ
from nncourse.language import mark


def draw(rng: np.random.Generator, case: str) -> Point:
    """dout, x (N, D), gamma (D,), with N >= 6: x_hat of two examples would be +-1."""
    N, D = (6, 6) if case == SQUARE else sizes(rng)
    x = batch(rng, N, D, 1)
    gamma = (1 + np.abs(normal(rng, D))) * np.where(np.arange(D) % 2, 1, -1)
    dout = normal(rng, N, D)
    variables = {"x": x, "gamma": gamma, "beta": normal(rng, D)}
    return Point((dout, x, gamma, epsilon(rng)), variables, dout, case)


def forward(variables: Mapping[str, Array], point: Point) -> Array:
    """gamma x_hat + beta, with mean and variance of the batch."""
    x, eps = variables["x"], point.arguments[3]
    x_hat = (x - x.mean(axis=0)) / np.sqrt(x.var(axis=0) + eps)
    return variables["gamma"] * x_hat + variables["beta"]


def stages(dout: Array, x: Array, gamma: Array, eps: float) -> dict[str, Array]:
    """Every gradient on the way back, by name."""
    N = len(x)
    mean, var = x.mean(axis=0), x.var(axis=0)
    root = np.sqrt(var + eps)
    x_hat = (x - mean) / root
    dx_hat = dout * gamma
    dvar = (dx_hat * (x - mean)).sum(axis=0) * -0.5 / root**3
    dmean = -dx_hat.sum(axis=0) / root
    dx = dx_hat / root + dvar * 2 * (x - mean) / N + dmean / N
    return {
        "dgamma": (dout * x_hat).sum(axis=0),
        "dbeta": dout.sum(axis=0),
        "dx_hat": dx_hat,
        "dvar": dvar,
        "dmean": dmean,
        "dx": dx,
    }


STAGE_NAMES = ("dx_hat", "dvar", "dmean", "dx")


def stage_reference(dout: Array, x: Array, gamma: Array, eps: float) -> tuple[Array, ...]:
    """(dx_hat, dvar, dmean, dx)."""
    found = stages(dout, x, gamma, eps)
    return tuple(found[name] for name in STAGE_NAMES)


def _staged(
    dvar_of: Callable[..., Array] | None = None,
    dmean_of: Callable[..., Array] | None = None,
    dx_of: Callable[..., Array] | None = None,
    dx_hat_of: Callable[..., Array] | None = None,
) -> Callable[..., Any]:
    """The stages with one computed otherwise; what comes after uses it."""

    def function(dout: Array, x: Array, gamma: Array, eps: float) -> tuple[Array, ...]:
        N, centred = len(x), x - x.mean(axis=0)
        root = np.sqrt(x.var(axis=0) + eps)
        dx_hat = dout * gamma if dx_hat_of is None else dx_hat_of(dout, gamma)
        dvar = (dx_hat * centred).sum(axis=0) * -0.5 / root**3
        if dvar_of is not None:
            dvar = dvar_of(dx_hat, centred, root)
        dmean = -dx_hat.sum(axis=0) / root if dmean_of is None else dmean_of(dx_hat, root)
        if dx_of is not None:
            return dx_hat, dvar, dmean, dx_of(dx_hat, dvar, dmean, centred, root, N)
        dx = dx_hat / root + dvar * 2 * centred / N + dmean / N
        return dx_hat, dvar, dmean, dx

    return function


def _stage_loops(dout: Array, x: Array, gamma: Array, eps: float) -> tuple[Any, ...]:
    N, D = x.shape
    dx_hat, dx, dvars, dmeans = np.zeros((N, D)), np.zeros((N, D)), [], []
    for j in range(D):
        mean = sum(x[:, j]) / N
        var = sum((v - mean) ** 2 for v in x[:, j]) / N
        dvar = dmean = 0.0
        for n in range(N):
            dx_hat[n, j] = dout[n, j] * gamma[j]
            dvar += dx_hat[n, j] * (x[n, j] - mean) * -0.5 * (var + eps) ** -1.5
            dmean -= dx_hat[n, j] * (var + eps) ** -0.5
        for n in range(N):
            dx[n, j] = dx_hat[n, j] * (var + eps) ** -0.5
            dx[n, j] += (dvar * 2 * (x[n, j] - mean) + dmean) / N
        dvars.append(dvar)
        dmeans.append(dmean)
    return dx_hat, dvars, dmeans, dx


def _stage_context(point: Point) -> dict[str, Context]:
    N = len(point.arguments[0])
    return {"dvar": Context(batch=N), "dmean": Context(batch=N)}


_STAGE_HINTS = {
    "dx_hat": (
        mark("x_hat is multiplied by gamma, and beta is added: what passes back through that?"),
        mark("out[n, j] = gamma[j] x_hat[n, j] + beta[j]; differentiate with respect to x_hat."),
        "dx_hat[n, j] = dout[n, j] · gamma[j]",
    ),
    "dvar": (
        mark("One variance serves all examples of its feature: a sum over the batch."),
        mark("x_hat = (x - mean) times a power of (var + eps). Which power, and its derivative?"),
        "dvar[j] = -½ (var[j] + eps)^(-3/2) · Σ_n dx_hat[n, j] (x[n, j] - mean[j])",
    ),
    "dmean": (
        mark("One mean serves all examples of its feature: a sum over the batch."),
        mark("The mean also enters the variance; show that this path adds up to 0."),
        "dmean[j] = -Σ_n dx_hat[n, j] / √(var[j] + eps)",
    ),
    "dx": (
        mark("x reaches x_hat by three paths: directly, through the mean, through the variance."),
        mark("How do mean[j] and var[j] depend on one x[n, j]?"),
        "dx = dx_hat / √(var + eps) + dvar · 2 (x - mean) / N + dmean / N",
    ),
}

STAGES = Piece(
    name="batchnorm_stages",
    signature="batchnorm_stages(dout, x, gamma, eps) -> (dx_hat, dvar, dmean, dx)",
    outputs=tuple(
        Output(
            name,
            by="gradient" if name == "dx" else "value",
            of="x" if name == "dx" else "",
            key=(i,),
            after=STAGE_NAMES[:i],
            look=_STAGE_HINTS[name][0],
            derive=_STAGE_HINTS[name][1],
            formula=_STAGE_HINTS[name][2],
        )
        for i, name in enumerate(STAGE_NAMES)
    ),
    parts=(Part("dx_hat", 0.2), Part("dvar", 0.3), Part("dmean", 0.2), Part("dx", 0.3)),
    draw=draw,
    varied=sizes_differ,
    reference=stage_reference,
    forward=forward,
    context=_stage_context,
    mutants=(
        Mutant(
            "gamma missing",
            _staged(dx_hat_of=lambda dout, gamma: dout.copy()),
            mark("dx_hat lacks gamma: x_hat was multiplied by it on the way forward."),
            "factor missing",
            "M51",
        ),
        Mutant(
            "exponent -1/2 in dvar",
            _staged(dvar_of=lambda d, c, r: (d * c).sum(axis=0) * -0.5 / r),
            mark("dvar has the power -1/2; the derivative of a power has an exponent less by 1."),
            "power",
            "M54",
        ),
        Mutant(
            "sign of dvar",
            _staged(dvar_of=lambda d, c, r: (d * c).sum(axis=0) * 0.5 / r**3),
            mark("dvar has the wrong sign: a larger variance makes x_hat smaller."),
            "sign",
            "M54",
        ),
        Mutant(
            "dvar not summed",
            _staged(
                dvar_of=lambda d, c, r: d * c * -0.5 / r**3,
                dx_of=lambda d, v, m, c, r, N: d / r + v.sum(axis=0) * 2 * c / N + m / N,
            ),
            mark("dvar still has a row for each example: one variance serves the whole batch."),
            "sum",
            "M07",
        ),
        Mutant(
            "sign of dmean",
            _staged(dmean_of=lambda d, r: d.sum(axis=0) / r),
            mark("dmean has the wrong sign: the mean is subtracted."),
            "sign",
            "M04",
        ),
        Mutant(
            "dmean is a mean",
            _staged(dmean_of=lambda d, r: -d.mean(axis=0) / r),
            mark("dmean is averaged over the batch; gradients of a shared number add up."),
            "scale",
            "M10",
        ),
        Mutant(
            "statistics held constant",
            _staged(dx_of=lambda d, v, m, c, r, N: d / r),
            mark("dx has the direct path only: mean and variance depend on x as well."),
            "path",
            "M48",
        ),
        Mutant(
            "path through the mean missing",
            _staged(dx_of=lambda d, v, m, c, r, N: d / r + v * 2 * c / N),
            mark("The path through the mean is missing in dx: its term is the same for each row."),
            "path",
            "M49",
        ),
        Mutant(
            "path through the variance missing",
            _staged(dx_of=lambda d, v, m, c, r, N: d / r + m / N),
            mark("The path through the variance is missing in dx."),
            "path",
            "M50",
        ),
        Mutant(
            "no 1/N",
            _staged(dx_of=lambda d, v, m, c, r, N: d / r + v * 2 * c + m),
            mark("The terms of mean and variance lack their 1/N: both are means over the batch."),
            "scale",
            "M52",
        ),
    ),
    equivalents=(
        Equivalent("loops", _stage_loops),
        Equivalent(
            "the mean's path through the variance written out",
            _staged(
                dmean_of=lambda d, r: (-d / r).sum(axis=0) + 0.0,
                dvar_of=lambda d, c, r: -0.5 * np.einsum("nd,nd->d", d, c) * r**-3.0,
            ),
        ),
        Equivalent(
            "float32",
            lambda dout, x, g, e: stage_reference(single(dout), single(x), single(g), single(e)),
        ),
    ),
)


def reference(dout: Array, x: Array, gamma: Array, eps: float) -> tuple[Array, Array, Array]:
    """(dx, dgamma, dbeta), dx in one formula."""
    root = np.sqrt(x.var(axis=0) + eps)
    x_hat = (x - x.mean(axis=0)) / root
    dgamma, dbeta = (dout * x_hat).sum(axis=0), dout.sum(axis=0)
    dx = gamma / root * (dout - (dbeta + x_hat * dgamma) / len(x))
    return dx, dgamma, dbeta


def context(point: Point) -> dict[str, Context]:
    """What the paths contribute, and the sizes."""
    dout, x, gamma, eps = point.arguments
    N = len(x)
    root = np.sqrt(x.var(axis=0) + eps)
    x_hat = (x - x.mean(axis=0)) / root
    dbeta, dgamma = dout.sum(axis=0), (dout * x_hat).sum(axis=0)
    direct = gamma / root * dout
    by_mean = np.broadcast_to(gamma / root * dbeta / N, x.shape)
    by_var = gamma / root * x_hat * dgamma / N
    held = mark("These are the numbers of the direct path: mean and variance are held constant.")
    no_mean = mark("The numbers fit when the path through the mean is left out.")
    no_var = mark("The numbers fit when the path through the variance is left out.")
    terms = (
        Term("M48", direct, held),
        Term("M49", direct - by_var, no_mean),
        Term("M50", direct - by_mean, no_var),
    )
    with_x = Term(
        "M55", (dout * x).sum(axis=0), mark("dgamma is computed with x in place of x_hat.")
    )
    return {
        "dx": Context(batch=N, terms=terms),
        "dgamma": Context(batch=N, terms=(with_x,)),
        "dbeta": Context(batch=N, upstream=dout, product=(dout, None)),
    }


def _with(
    dx_of: Callable[..., Array] | None = None,
    dgamma_of: Callable[..., Array] | None = None,
    dbeta_of: Callable[..., Array] | None = None,
) -> Callable[..., Any]:
    """The reference with one output computed otherwise."""

    def function(dout: Array, x: Array, gamma: Array, eps: float) -> tuple[Any, Any, Any]:
        dx, dgamma, dbeta = reference(dout, x, gamma, eps)
        root = np.sqrt(x.var(axis=0) + eps)
        x_hat = (x - x.mean(axis=0)) / root
        if dx_of is not None:
            dx = dx_of(dout, x_hat, gamma, root, dgamma, dbeta, len(x))
        if dgamma_of is not None:
            dgamma = dgamma_of(dout, x, x_hat, gamma)
        if dbeta_of is not None:
            dbeta = dbeta_of(dout)
        return dx, dgamma, dbeta

    return function


def _by_stages(dout: Array, x: Array, gamma: Array, eps: float) -> list[Array]:
    found = stages(dout, x, gamma, eps)
    return [found["dx"], found["dgamma"], found["dbeta"]]


def _jacobian(dout: Array, x: Array, gamma: Array, eps: float) -> tuple[Array, Array, Array]:
    N = len(x)
    root = np.sqrt(x.var(axis=0) + eps)
    x_hat = (x - x.mean(axis=0)) / root
    J = (np.eye(N)[:, :, None] - 1 / N - x_hat[:, None] * x_hat[None] / N) / root
    dx = np.einsum("nd,nmd->md", dout * gamma, J)
    return dx, np.einsum("nd,nd->d", dout, x_hat), np.einsum("nd->d", dout)


BACKWARD = Piece(
    name="batchnorm_backward",
    signature="batchnorm_backward(dout, x, gamma, eps) -> (dx, dgamma, dbeta)",
    outputs=(
        Output(
            "dgamma",
            of="gamma",
            key=(1,),
            look=mark("Which array was gamma multiplied by in the forward pass?"),
            derive=mark("gamma[j] enters every example: its gradient is a sum over the batch."),
            formula="dgamma[j] = Σ_n dout[n, j] · x_hat[n, j]",
        ),
        Output(
            "dbeta",
            of="beta",
            key=(2,),
            look=mark("beta is added to every row. What happens over the batch?"),
            derive=mark("beta[j] has N ways to influence the loss."),
            formula="dbeta[j] = Σ_n dout[n, j]",
        ),
        Output(
            "dx",
            of="x",
            key=(0,),
            after=("dgamma", "dbeta"),
            look=mark(
                "Sum dx over the batch: it must be 0, because adding a constant to a feature "
                "changes nothing. Then sum dx times x_hat: nearly 0, too."
            ),
            derive=mark("Put dvar and dmean into dx and gather what is multiplied by x_hat."),
            formula="dx = gamma / √(var + eps) · (dout - (dbeta + x_hat · dgamma) / N)",
        ),
    ),
    parts=(Part("dx", 0.6), Part("dgamma", 0.2), Part("dbeta", 0.2)),
    draw=draw,
    varied=sizes_differ,
    reference=reference,
    forward=forward,
    context=context,
    mutants=(
        Mutant(
            "statistics held constant",
            _with(lambda dout, h, g, r, dg, db, N: g / r * dout),
            mark("Mean and variance are held constant: dx has the direct path only."),
            "path",
            "M48",
        ),
        Mutant(
            "path through the mean missing",
            _with(lambda dout, h, g, r, dg, db, N: g / r * (dout - h * dg / N)),
            mark("dx lacks the path through the mean: its sum over the batch is not 0."),
            "path",
            "M49",
        ),
        Mutant(
            "path through the variance missing",
            _with(lambda dout, h, g, r, dg, db, N: g / r * (dout - db / N)),
            mark("dx lacks the path through the variance, a multiple of x_hat."),
            "path",
            "M50",
        ),
        Mutant(
            "gamma missing",
            _with(lambda dout, h, g, r, dg, db, N: (dout - (db + h * dg) / N) / r),
            mark("dx lacks the factor gamma of each feature."),
            "factor missing",
            "M51",
        ),
        Mutant(
            "sums for means",
            _with(lambda dout, h, g, r, dg, db, N: g / r * (N * dout - db - h * dg)),
            mark("dx is N times too large: the sums have to be divided by N."),
            "scale",
            "M52",
        ),
        Mutant(
            "sign of the variance's path",
            _with(lambda dout, h, g, r, dg, db, N: g / r * (dout - (db - h * dg) / N)),
            mark("The path through the variance has the wrong sign in dx."),
            "sign",
            "M54",
        ),
        Mutant(
            "dgamma with x",
            _with(dgamma_of=lambda dout, x, h, g: (dout * x).sum(axis=0)),
            mark("dgamma is computed with x; gamma was multiplied by x_hat."),
            "wrong array",
            "M55",
        ),
        Mutant(
            "dgamma with out",
            _with(dgamma_of=lambda dout, x, h, g: (dout * g * h).sum(axis=0)),
            mark("dgamma is computed with gamma x_hat; its factor is x_hat alone."),
            "wrong array",
            "M55",
        ),
        Mutant(
            "dgamma and dbeta as rows",
            _with(
                dgamma_of=lambda dout, x, h, g: (dout * h).sum(axis=0, keepdims=True),
                dbeta_of=lambda dout: dout.sum(axis=0, keepdims=True),
            ),
            mark("dgamma and dbeta keep an axis of length 1: their shape is (D,)."),
            "shape",
            "M56",
        ),
        Mutant(
            "dbeta is a mean",
            _with(dbeta_of=lambda dout: dout.mean(axis=0)),
            mark("dbeta is averaged over the batch; gradients of a shared parameter add up."),
            "scale",
            "M10",
        ),
    ),
    equivalents=(
        Equivalent("by stages, a list returned", _by_stages),
        Equivalent("through the Jacobian", _jacobian),
        Equivalent(
            "float32",
            lambda dout, x, g, e: reference(single(dout), single(x), single(g), single(e)),
        ),
    ),
)
