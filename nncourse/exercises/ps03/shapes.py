"""shapes: the sizes of every matrix in a fully connected network and the number of parameters."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np

from nncourse.exercises.piece import (
    PLAIN,
    Equivalent,
    Mutant,
    Output,
    Part,
    Piece,
    Point,
    differing,
    dimensions,
    single,
)
from nncourse.language import mark

ONE = "one layer"


def draw(rng: np.random.Generator, case: str) -> Point:
    """N and the sizes (inputs, hidden, ..., outputs), all different; two for a single layer."""
    count = 2 if case == ONE else int(rng.choice((4, 5)))
    N, *sizes = dimensions(rng, count + 1, range(2, 40))
    return Point((N, tuple(sizes)), {}, 1.0, case)


def shapes(N: int, sizes: tuple[int, ...]) -> tuple[Any, Any, int]:
    """Shapes of the weights and of the outputs, layer by layer, and the number of parameters."""
    pairs = list(pairwise(sizes))
    weights = [(outputs, inputs) for inputs, outputs in pairs]
    return weights, [(N, size) for size in sizes[1:]], sum((i + 1) * o for i, o in pairs)


def _counted(count: Callable[[int, int], int]) -> Callable[..., Any]:
    """The reference with another number of parameters for a layer, from (inputs, outputs)."""

    def function(N: int, sizes: tuple[int, ...]) -> tuple[Any, Any, int]:
        weights, outputs, _parameters = shapes(N, sizes)
        return weights, outputs, sum(map(count, sizes, sizes[1:]))

    return function


def _turned_weights(N: int, sizes: tuple[int, ...]) -> tuple[Any, Any, int]:
    weights, outputs, parameters = shapes(N, sizes)
    return [w[::-1] for w in weights], outputs, parameters


def _turned_outputs(N: int, sizes: tuple[int, ...]) -> tuple[Any, Any, int]:
    weights, outputs, parameters = shapes(N, sizes)
    return weights, [z[::-1] for z in outputs], parameters


def _one_example(N: int, sizes: tuple[int, ...]) -> tuple[Any, Any, int]:
    weights, outputs, parameters = shapes(N, sizes)
    return weights, [(1, z[1]) for z in outputs], parameters


def _input_too(N: int, sizes: tuple[int, ...]) -> tuple[Any, Any, int]:
    weights, outputs, parameters = shapes(N, sizes)
    return weights, [(N, sizes[0]), *outputs], parameters


def _loop(N: int, sizes: tuple[int, ...]) -> list[Any]:
    weights, outputs, parameters = [], [], 0
    for k in range(1, len(sizes)):
        weights.append([sizes[k], sizes[k - 1]])
        outputs.append([N, sizes[k]])
        parameters += sizes[k] * sizes[k - 1] + sizes[k]
    return [weights, outputs, parameters]


def _columns(N: int, sizes: tuple[int, ...]) -> tuple[Any, Any, int]:
    s = np.array(sizes)
    weights = np.stack([s[1:], s[:-1]], axis=1)
    outputs = np.stack([np.full(len(s) - 1, N), s[1:]], axis=1)
    return weights, outputs, weights.prod(axis=1).sum() + s[1:].sum()


SHAPES = Piece(
    name="shapes",
    signature="shapes(N, sizes) -> (weights, outputs, parameters)",
    outputs=(
        Output(
            "weights",
            by="value",
            key=(0,),
            look=mark("Compare one row with the layer it belongs to: which number comes first?"),
            derive=mark("Each neuron has a row of W. How many rows are there, and how long?"),
            formula="W: (sizes[k + 1], sizes[k])",
        ),
        Output(
            "outputs",
            by="value",
            key=(1,),
            look=mark("Each row is the shape of what one layer gives for the whole data set."),
            derive=mark("Write the shapes of X and of W transposed side by side."),
            formula="(N, sizes[k]) · (sizes[k], sizes[k + 1]) = (N, sizes[k + 1])",
        ),
        Output(
            "parameters",
            by="value",
            key=(2,),
            after=("weights",),
            look=mark("Count a single neuron first: its weights, and what else?"),
            derive=mark("A layer with n inputs and m neurons: write the number for one neuron."),
            formula="Σ_k (sizes[k] + 1) · sizes[k + 1]",
        ),
    ),
    parts=(
        Part("weights", 0.3, (PLAIN, ONE)),
        Part("outputs", 0.3, (PLAIN, ONE)),
        Part("parameters", 0.4, (PLAIN, ONE)),
    ),
    draw=draw,
    reference=shapes,
    mutants=(
        Mutant(
            "weights turned",
            _turned_weights,
            mark("The weights come out as (inputs, outputs); here a row of W is a neuron."),
            "orientation",
        ),
        Mutant(
            "outputs turned",
            _turned_outputs,
            mark("The outputs come out with examples as columns; examples are rows, (N, outputs)."),
            "orientation",
        ),
        Mutant(
            "one example",
            _one_example,
            mark("The outputs are those of one example; X holds N of them."),
            "batch",
            "X04",
        ),
        Mutant(
            "the input as a layer",
            _input_too,
            mark("The input is listed among the outputs of layers. It has no weights: no layer."),
            "layers",
            "X70",
        ),
        Mutant(
            "no biases",
            _counted(lambda i, o: i * o),
            mark("The biases are not counted among the parameters."),
            "biases",
            "X70",
        ),
        Mutant(
            "one bias for a layer",
            _counted(lambda i, o: i * o + 1),
            mark("One bias is counted for each layer; every neuron has its own."),
            "biases",
            "X70",
        ),
        Mutant(
            "biases for inputs",
            _counted(lambda i, o: i * (o + 1)),
            mark("A bias is counted for each input of a layer; it belongs to the neurons."),
            "biases",
            "X70",
        ),
        Mutant(
            "neurons counted",
            _counted(lambda i, o: o),
            mark("These are the neurons, not their parameters: each has a weight for every input."),
            "count",
        ),
    ),
    equivalents=(
        Equivalent("a loop, lists returned", _loop),
        Equivalent("arrays of columns", _columns),
        Equivalent("float32", lambda N, sizes: tuple(map(single, shapes(N, sizes)))),
    ),
    cases=(PLAIN, PLAIN, ONE),
    varied=differing(lambda point: [len(point.arguments[1])]),
    case_names={ONE: mark("a single layer")},
)
