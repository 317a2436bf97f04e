"""collapse, permute_hidden: other weights of the same network."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np

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
    dimensions,
    normal,
    single,
)
from nncourse.language import mark

TWO, MANY, ALONE = "two layers", "many layers", "one layer"
Layers = list[tuple[Array, Array]]


def draw_layers(rng: np.random.Generator, case: str) -> Point:
    """Three linear layers [(W, b), ...] of different sizes, or another number; or of one size."""
    count = {TWO: 2, MANY: 5, ALONE: 1}.get(case, 3)
    sizes = dimensions(rng, count + 1, (2, 3, 4, 5, 6, 7) if case == MANY else (2, 3, 4, 5, 6))
    sizes = [4, 4, 4, 4] if case == SQUARE else sizes
    layers = [(normal(rng, o, i), normal(rng, o)) for i, o in pairwise(sizes)]
    return Point((layers,), {}, 1.0, case)


def collapse(layers: Layers) -> tuple[Array, Array]:
    """(W, b) of the one layer that computes the same."""
    W, b = layers[0]
    for V, c in layers[1:]:
        W, b = V @ W, V @ b + c
    return W, b


def _inner_forgotten(layers: Layers) -> tuple[Array, Array]:
    W, _b = collapse(layers)
    (_W1, b1), *between, (V, c) = layers
    for W2, _b2 in between:
        b1 = W2 @ b1
    return W, V @ b1 + c if between else c


def _last_forgotten(layers: Layers) -> tuple[Array, Array]:
    W, b = collapse(layers)
    return W, b - layers[-1][1]


def _only_last_bias(layers: Layers) -> tuple[Array, Array]:
    return collapse(layers)[0], layers[-1][1]


def _reversed(layers: Layers) -> tuple[Array, Array]:
    W = layers[0][0]
    for V, _c in layers[1:]:
        W = W @ V
    return W, collapse(layers)[1]


def _turned(layers: Layers) -> tuple[Array, Array]:
    W, b = collapse(layers)
    return W.T, b


def _entries(layers: Layers) -> tuple[Array, Array]:
    W, b = layers[0]
    for V, c in layers[1:]:
        W, b = V * W, V @ b + c
    return W, b


def _two_only(layers: Layers) -> tuple[Array, Array]:
    return collapse(layers[:2])


def _by_probing(layers: Layers) -> list[Array]:
    def network(x: Array) -> Array:
        for W, b in layers:
            x = x @ W.T + b
        return x

    D = layers[0][0].shape[1]
    b = network(np.zeros(D))
    return [(network(np.eye(D)) - b).T, b]


def _from_the_end(layers: Layers) -> tuple[Array, Array]:
    product, b = np.eye(len(layers[-1][1])), np.zeros(len(layers[-1][1]))
    for W, c in reversed(layers):
        b = b + product @ c
        product = product @ W
    return product, b


def _homogeneous(layers: Layers) -> tuple[Array, Array]:
    joined = np.eye(layers[0][0].shape[1] + 1)
    for W, b in layers:
        o, i = W.shape
        step = np.zeros((o + 1, i + 1))
        step[:o, :i], step[:o, i], step[o, i] = W, b, 1
        joined = step @ joined
    return joined[:-1, :-1], joined[:-1, -1]


COLLAPSE = Piece(
    name="collapse",
    signature="collapse(layers) -> (W, b)",
    outputs=(
        Output(
            "W",
            by="value",
            key=(0,),
            look=mark("Which layer is applied first? It stands next to x in the formula."),
            derive=mark("Put the first layer's formula into the second, and expand."),
            formula="W = W_L · ... · W_2 · W_1",
        ),
        Output(
            "b",
            by="value",
            key=(1,),
            look=mark("Feed x = 0 to the layers: what comes out is b."),
            derive=mark("Which weights does the first layer's bias pass through on its way?"),
            formula="b ← W_k b + b_k,   k = 2, ..., L, from b_1",
        ),
    ),
    parts=(
        Part("W", 0.3, (PLAIN, TWO, SQUARE)),
        Part("W", 0.1, (PLAIN, MANY, ALONE)),
        Part("b", 0.5, (PLAIN, TWO, SQUARE)),
        Part("b", 0.1, (PLAIN, MANY, ALONE)),
    ),
    draw=draw_layers,
    reference=collapse,
    mutants=(
        Mutant(
            "product from left to right",
            _reversed,
            mark(
                "The matrices are multiplied in the order of the list. The first layer acts first, "
                "so it stands rightmost."
            ),
            "order",
            "X71",
        ),
        Mutant(
            "W turned",
            _turned,
            mark("W comes out as (inputs, outputs); its rows must be the outputs."),
            "transpose",
            "M05",
        ),
        Mutant(
            "entries multiplied",
            _entries,
            mark("The matrices are multiplied entry by entry; layers in a row are a product @."),
            "product",
        ),
        Mutant(
            "only the last bias",
            _only_last_bias,
            mark("b is the last layer's bias alone: earlier biases pass through later weights."),
            "term missing",
            "X71",
        ),
        Mutant(
            "last bias lost",
            _last_forgotten,
            mark("The last layer's own bias is missing from b."),
            "term missing",
            "X71",
        ),
        Mutant(
            "inner biases lost",
            _inner_forgotten,
            mark("The bias of the layer before the last does not arrive in b."),
            "accumulate",
            "X71",
        ),
        Mutant(
            "two layers only",
            _two_only,
            mark("Only the first two layers are joined: go on to the end of the list."),
            "loop",
            "X04",
        ),
    ),
    equivalents=(
        Equivalent("by probing the network, a list returned", _by_probing),
        Equivalent("from the end", _from_the_end),
        Equivalent("one matrix with a row for the constant", _homogeneous),
        Equivalent("float32", lambda layers: collapse([(single(W), single(b)) for W, b in layers])),
    ),
    cases=(PLAIN, PLAIN, TWO, SQUARE, MANY, ALONE),
    varied=differing(lambda point: [n for W, _b in point.arguments[0] for n in W.shape]),
    case_names={
        TWO: mark("two layers"),
        MANY: mark("five layers"),
        ALONE: mark("a single layer"),
    },
)


def draw_permutation(rng: np.random.Generator, case: str) -> Point:
    """W1 (H, D), b1 (H,), W2 (C, H) and an order of the hidden neurons, not its own inverse."""
    D, H, C = (5, 5, 5) if case == SQUARE else (*dimensions(rng, 2, (6, 7)), 3)
    while True:
        order = rng.permutation(H)
        if np.all(order != np.arange(H)) and not np.array_equal(order, np.argsort(order)):
            break
    arrays = normal(rng, H, D), normal(rng, H), normal(rng, C, H)
    return Point((*arrays, order), {}, 1.0, case)


Three = tuple[Array, Array, Array]


def permute_hidden(W1: Array, b1: Array, W2: Array, order: Array) -> Three:
    """The same network with hidden neuron order[k] in place k."""
    return W1[order], b1[order], W2[:, order]


def _permuted(**changes: Callable[..., Any]) -> Callable[..., Any]:
    """The reference with other results, each from (W1, b1, W2, order)."""

    def function(W1: Array, b1: Array, W2: Array, order: Array) -> tuple[Any, ...]:
        found = dict(zip(("W1", "b1", "W2"), permute_hidden(W1, b1, W2, order)))
        return tuple(
            changes[name](W1, b1, W2, order) if name in changes else value
            for name, value in found.items()
        )

    return function


def _matrix(W1: Array, b1: Array, W2: Array, order: Array) -> Three:
    P = np.eye(len(order))[order]
    return P @ W1, P @ b1, W2 @ P.T


def _one_by_one(W1: Array, b1: Array, W2: Array, order: Array) -> list[Any]:
    rows, biases, columns = np.empty_like(W1), np.empty_like(b1), np.empty_like(W2)
    for new, old in enumerate(order):
        rows[new], biases[new], columns[:, new] = W1[old], b1[old], W2[:, old]
    return [rows.tolist(), biases, columns]


PERMUTE = Piece(
    name="permute_hidden",
    signature="permute_hidden(W1, b1, W2, order) -> (W1, b1, W2)",
    outputs=(
        Output(
            "W1",
            by="value",
            key=(0,),
            look=mark("Where in W1 do the weights of one hidden neuron stand?"),
            derive=mark("Neuron order[0] comes to place 0: what of W1 moves, and where to?"),
            formula="W1'[k, j] = W1[order[k], j]",
        ),
        Output(
            "b1",
            by="value",
            key=(1,),
            look=mark("Each hidden neuron takes its bias along."),
            derive=mark("Neuron order[0] comes to place 0: which bias stands there now?"),
            formula="b1'[k] = b1[order[k]]",
        ),
        Output(
            "W2",
            by="value",
            key=(2,),
            look=mark("Where in W2 stand the weights with which one hidden neuron is read?"),
            derive=mark("The outputs must not change: Σ_k over hidden neurons, in another order."),
            formula="W2'[m, k] = W2[m, order[k]]",
        ),
    ),
    parts=(Part("W1", 0.35), Part("b1", 0.25), Part("W2", 0.4)),
    varied=differing(lambda point: point.arguments[0].shape),
    draw=draw_permutation,
    reference=permute_hidden,
    mutants=(
        Mutant(
            "W2 left as it was",
            _permuted(W2=lambda W1, b1, W2, order: W2.copy()),
            mark("W2 is unchanged: the next layer reads other neurons than before."),
            "forgotten",
            "X72",
        ),
        Mutant(
            "b1 left as it was",
            _permuted(b1=lambda W1, b1, W2, order: b1.copy()),
            mark("b1 is unchanged: the neurons move without their biases."),
            "forgotten",
            "X72",
        ),
        Mutant(
            "inverse order",
            lambda W1, b1, W2, order: permute_hidden(W1, b1, W2, np.argsort(order)),
            mark("This is the inverse order: neuron order[k] comes to place k, not k to order[k]."),
            "inverse",
            "X72",
        ),
        Mutant(
            "W2 back again",
            _permuted(W2=lambda W1, b1, W2, order: W2[:, np.argsort(order)]),
            mark("W2 is permuted by the inverse order: it must follow the neurons, not undo them."),
            "inverse",
            "X72",
        ),
        Mutant(
            "rows of W2",
            _permuted(W2=lambda W1, b1, W2, order: W2[order]),
            mark("The rows of W2 are permuted: these are the outputs, hidden neurons are columns."),
            "axis",
            "X72",
        ),
        Mutant(
            "columns of W1",
            _permuted(W1=lambda W1, b1, W2, order: W1[:, order]),
            mark("The columns of W1 are permuted: these are the inputs, hidden neurons are rows."),
            "axis",
            "X72",
        ),
        Mutant(
            "W2 transposed",
            _permuted(W2=lambda W1, b1, W2, order: W2.T[order]),
            mark("W2 comes out transposed: its columns are the hidden neurons."),
            "transpose",
            "M05",
        ),
    ),
    equivalents=(
        Equivalent("a permutation matrix", _matrix),
        Equivalent("one by one, a list returned", _one_by_one),
        Equivalent(
            "float32",
            lambda W1, b1, W2, order: permute_hidden(single(W1), single(b1), single(W2), order),
        ),
    ),
)
