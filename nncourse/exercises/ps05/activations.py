"""relu_backward, sigmoid_backward, tanh_backward: the gradient through an elementwise function."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from nncourse.diagnosis import Context, Quantity
from nncourse.diagnosis.measure import KINK_DISTANCE, Array
from nncourse.exercises.piece import (
    SQUARE,
    Equivalent,
    Mutant,
    Output,
    Part,
    Piece,
    Point,
    differing,
    dimensions,
    lengths,
    normal,
)
from nncourse.language import mark

NEAR = 7 / 128
"""So near the kink of ReLU is one number on either side: a slope that changes elsewhere shows."""


def _sigmoid(z: Array) -> Array:
    return 1 / (1 + np.exp(-z))


def _shape(rng: np.random.Generator, case: str) -> list[int]:
    if case == SQUARE:
        return [5, 5]
    return dimensions(rng, 1, (5, 7)) + dimensions(rng, 1, (3, 4, 6))


def _away_from_zero(rng: np.random.Generator, shape: list[int]) -> Array:
    """Normal numbers, none within 0.05 of 0 (far more than 10 steps), both signs present."""
    while True:
        z = normal(rng, *shape)
        if np.min(np.abs(z)) > max(0.05, KINK_DISTANCE) and 4 <= np.sum(z > 0) <= z.size - 4:
            return z


def draw_relu(rng: np.random.Generator, case: str) -> Point:
    """dout and z (N, D), with z away from the kink at 0, and on both sides not far from it."""
    shape = _shape(rng, case)
    z, dout = _away_from_zero(rng, shape), _away_from_zero(rng, shape)
    z[z == z[z > 0].min()], z[z == z[z < 0].max()] = NEAR, -NEAR
    return Point((dout, z), {"z": z}, dout, case)


def draw_sigmoid(rng: np.random.Generator, case: str) -> Point:
    """dout and s = sigmoid(z), (N, D). s is drawn as a float32 number and z computed from it."""
    shape = _shape(rng, case)
    s = _sigmoid(1.5 * normal(rng, *shape)).astype(np.float32).astype(np.float64)
    dout = _away_from_zero(rng, shape)
    return Point((dout, s), {"z": np.log(s / (1 - s))}, dout, case)


def draw_tanh(rng: np.random.Generator, case: str) -> Point:
    """dout and h = tanh(z), (N, D). h is drawn as a float32 number and z computed from it."""
    shape = _shape(rng, case)
    h = np.tanh(_away_from_zero(rng, shape)).astype(np.float32).astype(np.float64)
    dout = _away_from_zero(rng, shape)
    return Point((dout, h), {"z": np.arctanh(h)}, dout, case)


def relu_forward(variables: Mapping[str, Array], point: Point) -> Array:
    """max(z, 0)."""
    return np.maximum(variables["z"], 0)


def sigmoid_forward(variables: Mapping[str, Array], point: Point) -> Array:
    """1 / (1 + exp(-z))."""
    return _sigmoid(variables["z"])


def tanh_forward(variables: Mapping[str, Array], point: Point) -> Array:
    """tanh(z)."""
    return np.tanh(variables["z"])


def relu_context(point: Point) -> dict[str, Context]:
    """z and dout: enough to recognise a mask that is missing or taken from elsewhere."""
    dout, z = point.arguments
    return {"dz": Context(batch=len(z), upstream=dout, preactivation=z)}


def sigmoid_context(point: Point) -> dict[str, Context]:
    """The derivative and what it is confused with. The names must not give the answer away."""
    dout, s = point.arguments
    at_output = _sigmoid(s) * (1 - _sigmoid(s))
    quantities = (
        Quantity("sigmoid'(z)", s * (1 - s), "derivative"),
        Quantity("sigmoid'(s)", at_output, "derivative at output"),
        Quantity("1 - s²", 1 - s**2, "other derivative"),
    )
    return {"dz": Context(batch=len(s), upstream=dout, quantities=quantities)}


def tanh_context(point: Point) -> dict[str, Context]:
    """The derivative and what it is confused with. The names must not give the answer away."""
    dout, h = point.arguments
    quantities = (
        Quantity("tanh'(z)", 1 - h**2, "derivative"),
        Quantity("tanh'(h)", 1 - np.tanh(h) ** 2, "derivative at output"),
        Quantity("h·(1 - h)", h * (1 - h), "other derivative"),
    )
    return {"dz": Context(batch=len(h), upstream=dout, quantities=quantities)}


def relu(dout: Array, z: Array) -> Array:
    """dout where z > 0, else 0."""
    return dout * (z > 0)


def sigmoid(dout: Array, s: Array) -> Array:
    """dout s (1 - s)."""
    return dout * s * (1 - s)


def tanh(dout: Array, h: Array) -> Array:
    """dout (1 - h^2)."""
    return dout * (1 - h**2)


RELU_MUTANTS = (
    Mutant(
        "mask missing",
        lambda dout, z: dout.copy(),
        mark(
            "dout is returned as it came. Where z <= 0 the output of ReLU is 0 whatever z does, "
            "so no gradient passes there."
        ),
        "derivative missing",
        "M21",
    ),
    Mutant(
        "mask from dout",
        lambda dout, z: dout * (dout > 0),
        mark(
            "The mask is taken from dout. Whether a gradient passes is decided by the input z of "
            "the forward pass; dout itself may have any sign."
        ),
        "wrong array",
        "M22",
    ),
    Mutant(
        "mask inverted",
        lambda dout, z: dout * (z <= 0),
        mark("The mask is inverted: the gradient passes where z <= 0 and stops where z > 0."),
        "inverted",
        "M23",
    ),
    Mutant(
        "times relu(z)",
        lambda dout, z: dout * np.maximum(z, 0),
        mark(
            "dout is multiplied by relu(z), the function, instead of by its derivative, "
            "which is 1 where z > 0."
        ),
        "value for derivative",
        "M24",
    ),
    Mutant(
        "only the mask",
        lambda dout, z: (z > 0).astype(np.float64),
        mark("Only the local derivative is returned; the chain rule multiplies it by dout."),
        "upstream",
        "X01",
    ),
    Mutant(
        "relu of dout and mask",
        lambda dout, z: np.maximum(dout * (z > 0), 0),
        mark(
            "Negative gradients are cut to 0 as well. ReLU cuts the values in the forward pass; "
            "in the backward pass only the mask of z counts."
        ),
        "wrong array",
        "M22",
    ),
    Mutant(
        "leaky slope",
        lambda dout, z: np.where(z > 0, dout, 0.01 * dout),
        mark("Where z <= 0 a small slope is left. That is Leaky ReLU; the slope of ReLU is 0."),
        "other function",
        "M25",
    ),
)

SIGMOID_MUTANTS = (
    Mutant(
        "derivative missing",
        lambda dout, s: dout.copy(),
        mark("dout is returned as it came; the derivative of the sigmoid is missing."),
        "derivative missing",
        "M15",
    ),
    Mutant(
        "derivative twice",
        lambda dout, s: dout * (s * (1 - s)) ** 2,
        mark("The derivative of the sigmoid is multiplied in twice."),
        "derivative twice",
        "M16",
    ),
    Mutant(
        "sigmoid of s",
        lambda dout, s: dout * _sigmoid(s) * (1 - _sigmoid(s)),
        mark(
            "s is put through the sigmoid once more. What you get is already the output "
            "sigmoid(z); the derivative can be written with s alone."
        ),
        "wrong place",
        "M17",
    ),
    Mutant(
        "tanh's derivative",
        lambda dout, s: dout * (1 - s**2),
        mark("1 - s², which these numbers contain, is the derivative of another function."),
        "other function",
        "X03",
    ),
    Mutant(
        "only s",
        lambda dout, s: dout * s,
        mark(
            "dout·s is not enough: the derivative has one more factor, which makes it small "
            "where the sigmoid saturates at 1."
        ),
        "factor missing",
    ),
    Mutant(
        "only 1 - s",
        lambda dout, s: dout * (1 - s),
        mark(
            "dout·(1 - s) is not enough: the derivative has one more factor, which makes it small "
            "where the sigmoid saturates at 0."
        ),
        "factor missing",
    ),
    Mutant(
        "no upstream",
        lambda dout, s: s * (1 - s),
        mark("Only the local derivative is returned; the chain rule multiplies it by dout."),
        "upstream",
        "X01",
    ),
    Mutant(
        "sign",
        lambda dout, s: dout * s * (s - 1),
        mark("The sign is wrong: the sigmoid rises, so its derivative is positive everywhere."),
        "sign",
        "M04",
    ),
)

TANH_MUTANTS = (
    Mutant(
        "derivative missing",
        lambda dout, h: dout.copy(),
        mark("dout is returned as it came; the derivative of tanh is missing."),
        "derivative missing",
        "M15",
    ),
    Mutant(
        "derivative twice",
        lambda dout, h: dout * (1 - h**2) ** 2,
        mark("The derivative of tanh is multiplied in twice."),
        "derivative twice",
        "M16",
    ),
    Mutant(
        "tanh of h",
        lambda dout, h: dout * (1 - np.tanh(h) ** 2),
        mark(
            "h is put through tanh once more. What you get is already the output tanh(z); "
            "the derivative can be written with h alone."
        ),
        "wrong place",
        "M17",
    ),
    Mutant(
        "sigmoid's derivative",
        lambda dout, h: dout * h * (1 - h),
        mark("h(1 - h) is the derivative of the sigmoid. tanh has another one."),
        "other function",
        "X03",
    ),
    Mutant(
        "square forgotten",
        lambda dout, h: dout * (1 - h),
        mark("A square is missing: the derivative of tanh is the same at h and -h; 1 - h is not."),
        "factor missing",
    ),
    Mutant(
        "plus for minus",
        lambda dout, h: dout * (1 + h**2),
        mark("A sign inside the derivative is wrong: it must fall to 0 where tanh saturates."),
        "sign",
    ),
    Mutant(
        "no upstream",
        lambda dout, h: 1 - h**2,
        mark("Only the local derivative is returned; the chain rule multiplies it by dout."),
        "upstream",
        "X01",
    ),
)


def _equivalents(derivative: Any, in_place: Any) -> tuple[Equivalent, ...]:
    """Other ways to write dout f', where ``derivative`` gives f' of one array or number."""

    def loops(dout: Array, stored: Array) -> Array:
        dz = np.zeros(dout.shape)
        for index in np.ndindex(dout.shape):
            dz[index] = dout[index] * float(derivative(stored[index]))
        return dz

    def float32(dout: Array, stored: Array) -> Array:
        local = np.asarray(derivative(stored.astype(np.float32)), dtype=np.float32)
        return dout.astype(np.float32) * local

    return (
        Equivalent("loops", loops),
        Equivalent("einsum", lambda dout, a: np.einsum("nd,nd->nd", dout, derivative(a) * 1.0)),
        Equivalent("other order", lambda dout, a: derivative(a) * dout),
        Equivalent("float32", float32),
        Equivalent("float32 inside", lambda dout, a: float32(dout, a).astype(np.float64)),
        Equivalent("in place on own copies", in_place),
        Equivalent("nested lists", lambda dout, a: (dout * derivative(a)).tolist()),
    )


def _relu_own_copy(dout: Array, z: Array) -> Array:
    dz = dout.copy()
    dz[z <= 0] = 0
    return dz


def _sigmoid_own_copy(dout: Array, s: Array) -> Array:
    dz = 1 - s
    dz *= s
    dz *= dout
    return dz


def _tanh_own_copy(dout: Array, h: Array) -> Array:
    dz = h * h
    np.subtract(1, dz, out=dz)
    dz *= dout
    return dz


def _output(look: str, derive: str, formula: str) -> tuple[Output, ...]:
    return (Output("dz", of="z", look=look, derive=derive, formula=formula),)


RELU = Piece(
    name="relu_backward",
    signature="relu_backward(dout, z) -> dz",
    outputs=_output(
        mark(
            "Split the entries in two groups, z > 0 and z <= 0. In which group are yours wrong, "
            "and what should dz be there?"
        ),
        mark(
            "Draw the graph of max(z, 0). What is its slope left of 0, and right of 0? "
            "dz is that slope times what arrives from above."
        ),
        "dz[n, i] = dout[n, i]  (z[n, i] > 0),   dz[n, i] = 0  (z[n, i] ≤ 0)",
    ),
    parts=(Part("dz", 1.0),),
    draw=draw_relu,
    # Of the numbers that come first one is cut off, or whoever takes the type of the rest from
    # there, as np.vectorize does, would come through.
    varied=differing(lambda point: [*lengths(point), point.arguments[1][0, 0] > 0]),
    reference=relu,
    forward=relu_forward,
    context=relu_context,
    mutants=RELU_MUTANTS,
    equivalents=_equivalents(lambda z: z > 0, _relu_own_copy),
)

SIGMOID = Piece(
    name="sigmoid_backward",
    signature="sigmoid_backward(dout, s) -> dz",
    outputs=_output(
        mark(
            "Divide your dz by dout, entry by entry: this is the derivative that you used. It must "
            "lie between 0 and 1/4, largest where s = 1/2, and near 0 where s is near 0 or 1."
        ),
        mark(
            "Differentiate 1 / (1 + exp(-z)) with respect to z, then replace what stands there by "
            "s = sigmoid(z): exp(-z) = (1 - s) / s."
        ),
        "dz[n, i] = dout[n, i] · s[n, i] · (1 - s[n, i])",
    ),
    parts=(Part("dz", 1.0),),
    draw=draw_sigmoid,
    varied=differing(lengths),
    reference=sigmoid,
    forward=sigmoid_forward,
    context=sigmoid_context,
    mutants=SIGMOID_MUTANTS,
    equivalents=_equivalents(lambda s: s * (1 - s), _sigmoid_own_copy),
)

TANH = Piece(
    name="tanh_backward",
    signature="tanh_backward(dout, h) -> dz",
    outputs=_output(
        mark(
            "Divide your dz by dout, entry by entry: this is the derivative that you used. It must "
            "lie between 0 and 1, largest where h = 0, and equal for h and -h."
        ),
        mark(
            "Write tanh(z) = sinh(z) / cosh(z), differentiate the quotient, and express the result "
            "by h = tanh(z)."
        ),
        "dz[n, i] = dout[n, i] · (1 - h[n, i]²)",
    ),
    parts=(Part("dz", 1.0),),
    draw=draw_tanh,
    varied=differing(lengths),
    reference=tanh,
    forward=tanh_forward,
    context=tanh_context,
    mutants=TANH_MUTANTS,
    equivalents=_equivalents(lambda h: 1 - h * h, _tanh_own_copy),
)
