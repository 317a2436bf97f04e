"""network_gradients: linear, tanh, linear, softmax with cross-entropy, all gradients at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from nncourse.diagnosis import Context, Quantity, Term
from nncourse.diagnosis.local import multiply
from nncourse.diagnosis.measure import Array
from nncourse.exercises.logits import cross_entropy, examples, is_usual, onehot, softmax, targets
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
)
from nncourse.exercises.ps05.softmax import NO_LOGARITHM, WHOLE_COLUMNS, picked
from nncourse.language import mark

Params = Mapping[str, Array]

NAMES = ("W1", "b1", "W2", "b2")


SURE = "sure"
"""The network is sure that a target is none: its probability is near exp(-48), beside which 1e-15
is much, and float32 holds it."""


def draw(rng: np.random.Generator, case: str) -> Point:
    """params W1 (H, D), b1 (H,), W2 (C, H), b2 (C,); x (N, D), y (N,); D = H = C if square."""
    N = examples(rng, case)
    C = int(rng.choice((3, 4)))
    D, H = dimensions(rng, 2, [d for d in (3, 4, 6) if d != C])
    if case == SQUARE:
        D = H = C = 4
    params = {
        "W1": normal(rng, H, D) / 2,
        "b1": normal(rng, H) / 2,
        "W2": normal(rng, C, H),
        "b2": normal(rng, C),
    }
    x, y = normal(rng, N, D), targets(rng, N, C)
    h = np.tanh(x @ params["W1"].T + params["b1"])
    if case == SURE:
        params["b2"][y[0]] -= 48
    elif not is_usual(softmax(h @ params["W2"].T + params["b2"]), y, case):
        return draw(rng, case)
    # Names tell which is which, the order in the dictionary does not.
    return Point((dict(sorted(params.items())), x, y), params, 1.0, case)


def _sizes(point: Point) -> tuple[int, ...]:
    params, x, y = point.arguments
    return (*params["W1"].shape, *params["b2"].shape, len(x), y.min())


def forward(variables: Mapping[str, Array], point: Point) -> float:
    """The loss as a function of the four parameters."""
    _params, x, y = point.arguments
    h = np.tanh(x @ variables["W1"].T + variables["b1"])
    return cross_entropy(h @ variables["W2"].T + variables["b2"], y)


def steps(params: Params, x: Array, y: Array) -> dict[str, Array]:
    """Every array of the forward and backward pass, by name; d2 and d1 belong to logits and z1."""
    z1 = x @ params["W1"].T + params["b1"]
    h = np.tanh(z1)
    logits = h @ params["W2"].T + params["b2"]
    p = softmax(logits)
    d2 = (p - onehot(y, p.shape[1])) / len(y)
    dh = d2 @ params["W2"]
    return {"z1": z1, "h": h, "logits": logits, "p": p, "d2": d2, "dh": dh, "d1": dh * (1 - h**2)}


def layers(x: Array, h: Array, d1: Array, d2: Array) -> dict[str, Array]:
    """The gradients of the two linear layers from what arrives at their outputs."""
    return {"W1": d1.T @ x, "b1": d1.sum(axis=0), "W2": d2.T @ h, "b2": d2.sum(axis=0)}


def reference(params: Params, x: Array, y: Array) -> tuple[float, dict[str, Array]]:
    """(loss, {"W1": ..., "b1": ..., "W2": ..., "b2": ...})."""
    s = steps(params, x, y)
    return cross_entropy(s["logits"], y), layers(x, s["h"], s["d1"], s["d2"])


_OLD_WEIGHTS = mark(
    "The difference is a multiple of what dW2 instead of W2 would pass back: W2 was already "
    "updated when the gradient went through it. First all gradients, then the step."
)
_GRADIENT_FOR_WEIGHTS = mark(
    "The numbers fit when dW2 stands in place of W2 on the way back through the second layer."
)
_NO_TARGET = mark(
    "The numbers fit a gradient with respect to the logits that lacks the -1 at the target."
)
_AT_INPUT = mark(
    "1 minus the square is right, but of the value h = tanh(z1), not of z1: tanh_backward wants "
    "the stored output."
)
_ORIENTATION = mark(
    "The numbers fit a product with the other orientation of W2 on the way back; "
    "it is square here, so the shapes allow both."
)


def context(point: Point) -> dict[str, Context]:
    """For each gradient its two factors, tanh' and the arrays that are easily taken instead."""
    params, x, y = point.arguments
    s = steps(params, x, y)
    N, C = s["logits"].shape
    h, z1, d2, W2 = s["h"], s["z1"], s["d2"], params["W2"]
    slope = 1 - h**2
    quantities = (
        Quantity("tanh'(z1)", slope, "derivative"),
        Quantity("tanh'(h)", 1 - np.tanh(h) ** 2, "derivative at output"),
        Quantity("h·(1 - h)", h * (1 - h), "other derivative"),
    )
    dW2 = d2.T @ h
    through_gradient = (d2 @ dW2) * slope
    at_input = s["dh"] * (1 - z1**2)

    def of_hidden(right: Array | None) -> Context:
        terms = [
            Term("M19", multiply(through_gradient, right), _GRADIENT_FOR_WEIGHTS),
            Term("M09", multiply(through_gradient, right), _OLD_WEIGHTS, added=True),
            Term("M29", multiply((s["p"] / N) @ W2 * slope, right), _NO_TARGET),
            Term("M81", multiply(at_input, right), _AT_INPUT),
        ]
        if W2.shape[0] == W2.shape[1]:
            terms.append(Term("M06", multiply((d2 @ W2.T) * slope, right), _ORIENTATION))
        return Context(
            batch=N,
            classes=C,
            averaged=True,
            product=(s["d1"], right),
            quantities=quantities,
            terms=tuple(terms),
        )

    def of_output(right: Array | None, **more: Any) -> Context:
        return Context(
            batch=N,
            classes=C,
            averaged=True,
            product=(d2, right),
            upstream=d2,
            terms=(Term("M29", multiply(s["p"] / N, right), _NO_TARGET),),
            **more,
        )

    return {
        "loss": Context(batch=N, classes=C, averaged=True),
        "dW2": of_output(h, instead={"z1": z1}),
        "db2": of_output(None),
        "dW1": of_hidden(x),
        "db1": of_hidden(None),
    }


Change = Callable[[dict[str, Array], Params, Array, Array], dict[str, Array]]


def _with(change: Change) -> Callable[..., Any]:
    """The reference with the gradients in ``change(steps, params, x, y)`` in place of its own."""

    def function(params: Params, x: Array, y: Array) -> tuple[float, dict[str, Array]]:
        value, grads = reference(params, x, y)
        return value, {**grads, **change(steps(params, x, y), params, x, y)}

    return function


def _from_hidden(d1_of: Callable[[dict[str, Array], Params], Array]) -> Callable[..., Any]:
    """A mistake in d1, the gradient at the hidden layer's pre-activation."""

    def change(s: dict[str, Array], params: Params, x: Array, y: Array) -> dict[str, Array]:
        d1 = d1_of(s, params)
        return {"W1": d1.T @ x, "b1": d1.sum(axis=0)}

    return _with(change)


def _from_logits(d2_of: Callable[[dict[str, Array]], Array]) -> Callable[..., Any]:
    """A mistake in d2, the gradient with respect to the logits; everything below inherits it."""

    def change(s: dict[str, Array], params: Params, x: Array, y: Array) -> dict[str, Array]:
        d2 = d2_of(s)
        return layers(x, s["h"], (d2 @ params["W2"]) * (1 - s["h"] ** 2), d2)

    return _with(change)


def _with_loss(loss_of: Callable[[Array, Array], Any]) -> Callable[..., Any]:
    """The reference with another loss, given as a function of (p, y)."""

    def function(params: Params, x: Array, y: Array) -> tuple[Any, dict[str, Array]]:
        return loss_of(steps(params, x, y)["p"], y), reference(params, x, y)[1]

    return function


def _averaged_layers(s: dict[str, Array], params: Params, x: Array, y: Array) -> dict[str, Array]:
    return {name: g / len(x) for name, g in layers(x, s["h"], s["d1"], s["d2"]).items()}


def _last_sample(s: dict[str, Array], params: Params, x: Array, y: Array) -> dict[str, Array]:
    return {"W1": np.outer(s["d1"][-1], x[-1]), "b1": s["d1"][-1]}


MUTANTS = (
    Mutant(
        "W2 updated first",
        _from_hidden(
            lambda s, params: (
                (s["d2"] @ (params["W2"] - 0.1 * s["d2"].T @ s["h"])) * (1 - s["h"] ** 2)
            )
        ),
        mark(
            "W2 was updated before the gradient went back through it, so dW1 and db1 belong to "
            "other weights than the loss. First all gradients, then the step."
        ),
        "order",
        "M09",
    ),
    Mutant(
        "dW2 in place of W2",
        _from_hidden(lambda s, params: (s["d2"] @ (s["d2"].T @ s["h"])) * (1 - s["h"] ** 2)),
        mark(
            "The gradient goes back through dW2 instead of W2. The local derivative of the second "
            "layer with respect to h is its weight."
        ),
        "wrong array",
        "M19",
    ),
    Mutant(
        "tanh' missing",
        _from_hidden(lambda s, params: s["dh"]),
        mark(
            "dW1 and db1 lack the derivative of tanh: between the two linear layers the gradient "
            "passes the activation as well."
        ),
        "derivative missing",
        "M15",
    ),
    Mutant(
        "tanh' twice",
        _from_hidden(lambda s, params: s["dh"] * (1 - s["h"] ** 2) ** 2),
        mark("The derivative of tanh is multiplied in twice on the way to the first layer."),
        "derivative twice",
        "M16",
    ),
    Mutant(
        "tanh' at h",
        _from_hidden(lambda s, params: s["dh"] * (1 - np.tanh(s["h"]) ** 2)),
        mark(
            "The derivative of tanh is taken at h instead of at z1: h is put through tanh again. "
            "tanh_backward wants the stored output."
        ),
        "wrong place",
        "M17",
    ),
    Mutant(
        "1 - z1²",
        _from_hidden(lambda s, params: s["dh"] * (1 - s["z1"] ** 2)),
        _AT_INPUT,
        "wrong place",
        "M81",
    ),
    Mutant(
        "sigmoid' for tanh'",
        _from_hidden(lambda s, params: s["dh"] * s["h"] * (1 - s["h"])),
        mark(
            "The derivative of the sigmoid is used for the hidden layer, whose activation is tanh."
        ),
        "other function",
        "X03",
    ),
    Mutant(
        "1/N in every layer",
        _with(_averaged_layers),
        mark(
            "1/N is applied twice: the gradient with respect to the logits contains it already, "
            "so the linear "
            "layers only sum over the batch."
        ),
        "scale",
        "M02",
    ),
    Mutant(
        "no 1/N",
        _from_logits(lambda s: s["d2"] * len(s["d2"])),
        mark("All gradients are those of the sum; the loss is the mean over the batch: 1/N."),
        "scale",
        "M01",
    ),
    Mutant(
        "no -1 at the target",
        _from_logits(lambda s: s["p"] / len(s["p"])),
        mark(
            "The gradient with respect to the logits lacks the -1 at the target, and all others "
            "inherit it."
        ),
        "target",
        "M29",
    ),
    Mutant(
        "z1 for h in dW2",
        _with(lambda s, params, x, y: {"W2": s["d2"].T @ s["z1"]}),
        mark(
            "dW2 is computed with z1, the values before tanh. The input of the second layer is h."
        ),
        "wrong cache",
        "M20",
    ),
    Mutant(
        "W2 transposed",
        _from_hidden(lambda s, params: (s["d2"] @ params["W2"].T) * (1 - s["h"] ** 2)),
        mark(
            "The gradient goes back through W2 in the wrong orientation: d2 is (N, C), W2 is "
            "(C, H), and (N, H) must come out by summing over the classes."
        ),
        "transpose",
        "M06",
    ),
    Mutant(
        "whole columns in the loss",
        _with_loss(lambda p, y: -np.mean(np.log(p[:, y]))),
        WHOLE_COLUMNS,
        "indexing",
        "M30",
    ),
    Mutant(
        "no logarithm", _with_loss(lambda p, y: -np.mean(picked(p, y))), NO_LOGARITHM, "formula"
    ),
    Mutant(
        "log(p + 1e-7)",
        _with_loss(lambda p, y: -np.mean(np.log(picked(p, y) + 1e-7))),
        mark(
            "The loss is off where the target's probability is tiny, as if a small number were "
            "added inside the logarithm or p clipped. Take the logarithm of the softmax by hand: "
            "no such number is needed then."
        ),
        "stability",
        "M36",
    ),
    Mutant(
        "db1 not summed",
        _with(lambda s, params, x, y: {"b1": s["d1"]}),
        mark("db1 has a row for each example. The bias is shared by all examples: sum over them."),
        "sum",
        "M07",
    ),
    Mutant(
        "first layer of the last example",
        _with(_last_sample),
        mark("dW1 and db1 hold the last example only: each one overwrites the one before."),
        "accumulate",
        "M11",
    ),
)


def _loops(params: Params, x: Array, y: Array) -> tuple[float, dict[str, Array]]:
    grads = {name: np.zeros_like(params[name]) for name in NAMES}
    total = 0.0
    for n in range(len(x)):
        h = np.tanh(params["W1"] @ x[n] + params["b1"])
        z = params["W2"] @ h + params["b2"]
        e = np.exp(z - z.max())
        d2 = e / e.sum()
        total -= np.log(d2[y[n]]) / len(x)
        d2[y[n]] -= 1
        d2 /= len(x)
        d1 = (params["W2"].T @ d2) * (1 - h * h)
        grads["W1"] += np.outer(d1, x[n])
        grads["b1"] += d1
        grads["W2"] += np.outer(d2, h)
        grads["b2"] += d2
    return total, grads


def _einsum(params: Params, x: Array, y: Array) -> list[Any]:
    s = steps(params, x, y)
    d1 = np.einsum("nc,ch,nh->nh", s["d2"], params["W2"], 1 - s["h"] ** 2)
    return [
        cross_entropy(s["logits"], y),
        {
            "b2": np.einsum("nc->c", s["d2"]),
            "W2": np.einsum("nc,nh->ch", s["d2"], s["h"]),
            "b1": np.einsum("nh->h", d1),
            "W1": np.einsum("nh,nd->hd", d1, x),
        },
    ]


def _late_mean(params: Params, x: Array, y: Array) -> tuple[float, dict[str, Array]]:
    s = steps(params, x, y)
    N = len(x)
    grads = layers(x, s["h"], N * s["d1"], N * s["d2"])
    for gradient in grads.values():
        gradient /= N
    return cross_entropy(s["logits"], y), grads


def _float32(params: Params, x: Array, y: Array) -> tuple[Any, dict[str, Array]]:
    single = {name: value.astype(np.float32) for name, value in params.items()}
    h = np.tanh(x.astype(np.float32) @ single["W1"].T + single["b1"])
    p = softmax(h @ single["W2"].T + single["b2"])
    rows = np.arange(len(y))
    value = -np.log(p[rows, y]).mean()
    p[rows, y] -= 1
    p /= len(y)
    return value, layers(x.astype(np.float32), h, (p @ single["W2"]) * (1 - h**2), p)


def _float32_inside(params: Params, x: Array, y: Array) -> tuple[float, dict[str, Array]]:
    value, grads = _float32(params, x, y)
    return float(value), {name: grad.astype(np.float64) for name, grad in grads.items()}


EQUIVALENTS = (
    Equivalent("loops over examples", _loops),
    Equivalent("einsum, another order of keys", _einsum),
    Equivalent("1/N at the end, in place", _late_mean),
    Equivalent("float32", _float32),
    Equivalent("float32 inside", _float32_inside),
)

_LINEAR_LOOK = mark(
    "This gradient is made by linear_backward from what arrives at the layer's output and from "
    "the layer's input. Print both shapes, and ask which array of the forward pass is the input."
)
_HIDDEN_LOOK = mark(
    "If dW2 and db2 are right, the mistake lies between them and here: back through W2, through "
    "tanh, then the first linear layer. Check each of the three on its own."
)

NETWORK = Piece(
    name="network_gradients",
    signature='network_gradients(params, x, y) -> (loss, {"W1": dW1, "b1": db1, ...})',
    outputs=(
        Output(
            "loss",
            by="value",
            key=(0,),
            look=mark("The forward pass: linear, tanh, linear, then the loss of the batch."),
            derive=mark("Write the four steps with their shapes: (N, D), (N, H), (N, H), (N, C)."),
            formula="z1 = x W1ᵀ + b1,  h = tanh(z1),  logits = h W2ᵀ + b2",
        ),
        Output(
            "dW2",
            of="W2",
            key=(1, "W2"),
            after=("loss",),
            look=_LINEAR_LOOK,
            derive=mark("Derive dL/dW2[c, k] from logits[n, c] = Σ_k h[n, k] W2[c, k] + b2[c]."),
            formula="dW2[c, k] = Σ_n dlogits[n, c] · h[n, k]",
        ),
        Output(
            "db2",
            of="b2",
            key=(1, "b2"),
            after=("loss",),
            look=_LINEAR_LOOK,
            derive=mark("b2[c] enters the logits of every example; its gradients add up."),
            formula="db2[c] = Σ_n dlogits[n, c]",
        ),
        Output(
            "dW1",
            of="W1",
            key=(1, "W1"),
            after=("loss", "dW2", "db2"),
            look=_HIDDEN_LOOK,
            derive=mark(
                "Follow the chain rule from the logits to h, from h to z1, from z1 to W1; write "
                "the shape after each step."
            ),
            formula="dz1[n, k] = (1 - h[n, k]²) · Σ_c dlogits[n, c] · W2[c, k],   "
            "dW1[k, i] = Σ_n dz1[n, k] · x[n, i]",
        ),
        Output(
            "db1",
            of="b1",
            key=(1, "b1"),
            after=("loss", "dW2", "db2"),
            look=_HIDDEN_LOOK,
            derive=mark("b1[k] enters z1 of every example; its gradients add up."),
            formula="db1[k] = Σ_n dz1[n, k]",
        ),
    ),
    parts=tuple(
        part
        for name in ("loss", "dW2", "db2", "dW1", "db1")
        for part in (Part(name, 0.15), Part(name, 0.05, (PLAIN, SURE)))
    ),
    cases=(PLAIN, PLAIN, SQUARE, SURE),
    case_names={SURE: mark("a tiny probability of a target")},
    varied=differing(_sizes),
    draw=draw,
    reference=reference,
    forward=forward,
    context=context,
    mutants=MUTANTS,
    equivalents=EQUIVALENTS,
)
