"""What an argument alone gives for a part of the points: it, its sums, means, signs, and the like.

Parts that such an expression earns are due, and listed, or they say nothing.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from nncourse.check.matrix import pieces_of
from nncourse.diagnosis.measure import same
from nncourse.exercises.piece import sets

# Where a piece drives its answers, what they return is not what is compared.
PIECES = {
    f"{name}.{piece.name}": piece
    for name in sets()
    for piece in pieces_of(name).values()
    if piece.drive is None and not any(o.by in ("labels", "distribution") for o in piece.outputs)
}
SEED = 7

OF_ALL: dict[str, Callable[[Any], Any]] = {
    "{}": lambda a: a,
    "-{}": np.negative,
    "1 - {}": lambda a: 1 - a,
    "{}.T": np.transpose,
    "{}[::-1]": lambda a: a[::-1] if a.ndim else a,
    "{} in order": lambda a: np.sort(a, axis=-1) if a.ndim else a,
    "abs({})": np.abs,
    "sign({})": np.sign,
    "{} > 0": lambda a: (a > 0) * 1.0,
    "{} ** 2": np.square,
    "tanh({})": np.tanh,
    "1 / (1 + exp(-{}))": lambda a: 1 / (1 + np.exp(-a)),
    "{0} @ {0}.T": lambda a: a @ a.T,
    "{0}.T @ {0}": lambda a: a.T @ a,
}
OVER_AXES: dict[str, Callable[..., Any]] = {
    name: getattr(np, name) for name in ("sum", "mean", "max", "min", "var", "std", "prod")
}
OF_SHAPE: dict[str, Callable[[Any], Any]] = {
    "zeros": np.zeros,
    "ones": np.ones,
    "-1": lambda shape: np.full(shape, -1.0),
    "1/2": lambda shape: np.full(shape, 0.5),
    "numbers in order": lambda shape: np.arange(float(np.prod(shape))).reshape(shape),
    "a unit matrix": lambda shape: np.eye(*shape),
}

DUE = {
    "ps05.linear_backward: db = sum(dout, 0)",
    "ps08.batchnorm_backward: dbeta = sum(dout, 0)",
    "ps08.batchnorm_forward: mean = mean(x, 0)",
    "ps08.batchnorm_forward: var = var(x, 0)",
}


def arrays(value: Any, name: str) -> Iterator[tuple[str, Any]]:
    """All numbers and arrays in an argument, and where they stand."""
    if isinstance(value, dict | list | tuple):
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from arrays(item, f"{name}[{key!r}]")
    elif not callable(value) and not isinstance(value, str):
        yield name, np.asarray(value, dtype=float)


def expressions(piece: Any, point: Any, shape: tuple[int, ...]) -> dict[str, Any]:
    """Values of this shape, by what they are: expressions of a single argument, and constants."""
    found: dict[str, Any] = {}
    for what, made in OF_SHAPE.items():
        if what != "a unit matrix" or len(shape) == 2:
            found[what] = made(shape)
    for argument, value in zip(piece.arguments, point.arguments, strict=True):
        for name, a in arrays(value, argument):
            for text, function in OF_ALL.items():
                if "@" not in text or a.ndim == 2:
                    found[text.format(name)] = function(a)
            for what, function in OVER_AXES.items() if a.size else ():
                for axis in (None, *range(a.ndim)):
                    found[f"{what}({name}, {axis})"] = function(a, axis=axis)
            for i in (0, -1) if a.ndim and len(a) else ():
                found[f"{name}[{i}]"] = a[i]
    return {text: fit(value, shape) for text, value in found.items()}


def fit(value: Any, shape: tuple[int, ...]) -> Any:
    """A value in this shape, if it can be brought into it."""
    if np.size(value) == np.prod(shape):
        return np.reshape(value, shape)
    try:
        return np.broadcast_to(value, shape)
    except ValueError:
        return np.full(shape, np.nan)


def earned(piece: Any) -> Iterator[str]:
    """Outputs and expressions that earn one of its parts."""
    points, right = piece.task(SEED)
    for output in piece.outputs:
        if output.by in ("at least", "table"):
            continue
        fits: list[set[str]] = []
        for point, expected in zip(points, right, strict=True):
            n = np.asarray(expected[output.name])
            values = expressions(piece, point, n.shape)
            fits.append({text for text, a in values.items() if same(np.asarray(a), n)})
        for part in piece.parts:
            if part.output == output.name:
                cases = [
                    f for f, point in zip(fits, points, strict=True) if point.case in part.cases
                ]
                yield from (f"{output.name} = {text}" for text in set.intersection(*cases))


@pytest.mark.parametrize("name", PIECES)
def test_expressions_of_one_argument_earn_what_is_due(name):
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        found = {f"{name}: {text}" for text in earned(PIECES[name])}
    assert found == {text for text in DUE if text.startswith(f"{name}:")}
