"""activation and prelu_backward: five functions with their slopes, and one that learns."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
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
    Unfit,
    differing,
    dimensions,
    lengths,
    normal,
    single,
)
from nncourse.exercises.ps05.activations import NEAR
from nncourse.exercises.raised import raised
from nncourse.language import mark

LEAK = 0.125
Both = tuple[Array, Array]
Rule = Callable[[Array], Both]


def _sigmoid(z: Array) -> Array:
    return 1 / (1 + np.exp(-z))


RULES: dict[str, Rule] = {
    "sigmoid": lambda z: (_sigmoid(z), _sigmoid(z) * (1 - _sigmoid(z))),
    "tanh": lambda z: (np.tanh(z), 1 - np.tanh(z) ** 2),
    "relu": lambda z: (np.maximum(z, 0), (z > 0) * 1.0),
    "leaky_relu": lambda z: (np.where(z > 0, z, LEAK * z), np.where(z > 0, 1, LEAK)),
    "elu": lambda z: (np.where(z > 0, z, np.expm1(z)), np.where(z > 0, 1, np.exp(z))),
}
NAMES = tuple(RULES)
PAIR = mark("{name}: a pair is expected, the value and the slope.")


def _away(rng: np.random.Generator, shape: list[int]) -> Array:
    """Numbers of both signs, none near 0 and one on either side not far from it."""
    while True:
        z = normal(rng, *shape)
        if np.min(np.abs(z)) > 0.05 and 3 <= np.sum(z > 0) <= z.size - 3:
            z[z == z[z > 0].min()], z[z == z[z < 0].max()] = NEAR, -NEAR
            return z


def draw(rng: np.random.Generator, case: str) -> Point:
    """z (N, D), away from the kinks at 0."""
    return Point((_away(rng, dimensions(rng, 2, (4, 5, 6))),), {}, 1.0, case)


def activation(name: str, z: Array) -> Both:
    """(value, slope), each in the shape of z."""
    return RULES[name](z)


def drive(answer: Callable[..., Any], z: Array) -> tuple[Any, ...]:
    """(value, slope) of each function, one after the other; what one does to z is seen later.

    One that is not written yet may raise the stub's error, or give None: an if without an else.
    What is no pair or raises costs its own function alone.
    """
    found: list[Any] = []
    changed = given = z
    written = False
    errors: list[Exception] = []
    for name in NAMES:
        try:
            given = z.copy()
            result = answer(name, given)
        except NotImplementedError as error:
            result = None
            errors.append(error)
        except Exception as error:
            result = (raised(error),) * 2
            errors.append(error)
        written = written or result is not None
        result = (None, None) if result is None else result
        result = list(result) if isinstance(result, np.ndarray) and result.ndim else result
        if not isinstance(result, Sequence) or len(result) != 2:
            result = [Finding("count", PAIR, {"name": name})] * 2
        # The next call may write into the same arrays.
        found += [one.copy() if isinstance(one, np.ndarray) else one for one in result]
        changed = changed if np.array_equal(given, z) else given
    if len(errors) == len(NAMES):
        raise errors[0]
    if not written:
        raise errors[0] if errors else Unfit(Finding("count", PAIR, {"name": NAMES[0]}))
    if all(isinstance(one, Finding) for one in found):
        raise Unfit(found[0])
    z[...] = changed
    return tuple(found)


def _with(name: str, rule: Rule) -> Callable[..., Any]:
    return lambda which, z: rule(z) if which == name else RULES[which](z)


def _loops(name: str, z: Array) -> Both:
    value, slope = np.empty(z.shape), np.empty(z.shape)
    for place in np.ndindex(z.shape):
        one, other = RULES[name](np.array([z[place]]))
        value[place], slope[place] = one[0], other[0]
    return value, slope


def _by_value(name: str, z: Array) -> list[Any]:
    value = RULES[name](z)[0]
    slopes = {
        "sigmoid": value - value**2,
        "tanh": (1 - value) * (1 + value),
        "relu": np.sign(value),
        "leaky_relu": np.where(value > 0, 1.0, LEAK),
        "elu": np.minimum(value, 0) + 1,
    }
    return [value, slopes[name]]


_LOOK = mark("Draw the function and read its slope off at z = -2, z = 0.5 and z = 3.")
_FORMULAS = {
    "sigmoid": ("1 / (1 + exp(-z))", "s · (1 - s)"),
    "tanh": ("tanh(z)", "1 - tanh²(z)"),
    "relu": ("max(z, 0)", "1 for z > 0, else 0"),
    "leaky_relu": ("z for z > 0, else z / 8", "1 for z > 0, else 1/8"),
    "elu": ("z for z > 0, else exp(z) - 1", "1 for z > 0, else exp(z)"),
}


def _outputs() -> tuple[Output, ...]:
    outputs = []
    for i, name in enumerate(NAMES):
        for j, what in enumerate(("", "'")):
            outputs.append(
                Output(
                    name + what,
                    by="value",
                    key=(2 * i + j,),
                    after=(name,) if j else (),
                    look=_LOOK,
                    derive=mark("For z > 0 and z < 0 apart: which formula holds, which slope?"),
                    formula=_FORMULAS[name][j],
                )
            )
    return tuple(outputs)


ACTIVATION = Piece(
    name="activation",
    signature="activation(name, z) -> (value, slope)",
    outputs=_outputs(),
    parts=tuple(Part(output.name, 0.1, (PLAIN,)) for output in _outputs()),
    draw=draw,
    reference=activation,
    drive=drive,
    inputs=("z",),
    mutants=(
        Mutant(
            "slope of sigmoid is its value",
            _with("sigmoid", lambda z: (_sigmoid(z), _sigmoid(z))),
            mark("The value of the sigmoid is returned as its slope."),
            "value for derivative",
            "M24",
        ),
        Mutant(
            "slope of sigmoid at z",
            _with("sigmoid", lambda z: (_sigmoid(z), z * (1 - z))),
            mark("s (1 - s) is right, but s is the value of the sigmoid, not z."),
            "wrong place",
            "M17",
        ),
        Mutant(
            "sign in the sigmoid",
            _with("sigmoid", lambda z: (_sigmoid(-z), _sigmoid(z) * (1 - _sigmoid(z)))),
            mark("The sigmoid falls where it should rise: look at the sign of the exponent."),
            "sign",
            "M04",
        ),
        Mutant(
            "slope of tanh at its output",
            _with("tanh", lambda z: (np.tanh(z), 1 - np.tanh(np.tanh(z)) ** 2)),
            mark("tanh is applied twice in the slope."),
            "wrong place",
            "M17",
        ),
        Mutant(
            "slope of tanh at z",
            _with("tanh", lambda z: (np.tanh(z), 1 - z**2)),
            mark("1 minus the square of the value is right, not of z."),
            "wrong place",
            "M81",
        ),
        Mutant(
            "slope of relu is relu",
            _with("relu", lambda z: (np.maximum(z, 0), np.maximum(z, 0))),
            mark("The value of relu is returned as its slope; the slope is 0 or 1."),
            "value for derivative",
            "M24",
        ),
        Mutant(
            "relu leaks its slope",
            _with("relu", lambda z: (np.maximum(z, 0), np.ones_like(z))),
            mark("The slope of relu is 1 for negative inputs as well, where relu does not move."),
            "mask",
            "M21",
        ),
        Mutant(
            "leak forgotten in the slope",
            _with("leaky_relu", lambda z: (RULES["leaky_relu"](z)[0], (z > 0) * 1.0)),
            mark("The slope of leaky_relu is 0 where z < 0; the leak is missing."),
            "parameter",
            "M25",
        ),
        Mutant(
            "leak added",
            _with("leaky_relu", lambda z: (np.where(z > 0, z, z + LEAK), np.where(z > 0, 1, LEAK))),
            mark("The leak is added to z; it multiplies z."),
            "formula",
        ),
        Mutant(
            "slope of elu is its value",
            _with("elu", lambda z: (RULES["elu"](z)[0], np.where(z > 0, 1, np.expm1(z)))),
            mark("For z < 0 the slope of elu is exp(z); exp(z) - 1 is its value."),
            "value for derivative",
            "M25",
        ),
        Mutant(
            "elu not joined",
            _with("elu", lambda z: (np.where(z > 0, z, np.exp(z)), RULES["elu"](z)[1])),
            mark("elu jumps at 0: for z < 0 the 1 has to be subtracted."),
            "term missing",
        ),
    ),
    equivalents=(
        Equivalent("number by number", _loops),
        Equivalent("slopes from values, a list returned", _by_value),
        Equivalent("float32", lambda name, z: tuple(map(single, activation(name, single(z))))),
    ),
    cases=(PLAIN, PLAIN),
    varied=differing(lengths),
)


def draw_prelu(rng: np.random.Generator, case: str) -> Point:
    """dout, z (N, D) and a slope alpha (D,) for each feature, of both signs."""
    shape = [5, 5] if case == SQUARE else dimensions(rng, 2, (4, 6, 7))
    z, dout = _away(rng, shape), normal(rng, *shape)
    alpha = (0.25 + np.abs(normal(rng, shape[1]))) * np.where(np.arange(shape[1]) % 2, -1, 1)
    return Point((dout, z, alpha), {"z": z, "alpha": alpha}, dout, case)


def prelu(variables: Mapping[str, Array], point: Point) -> Array:
    """z where it is positive, alpha z elsewhere."""
    z = variables["z"]
    return np.where(z > 0, z, variables["alpha"] * z)


def prelu_backward(dout: Array, z: Array, alpha: Array) -> Both:
    """(dz, dalpha)."""
    return dout * np.where(z > 0, 1, alpha), (dout * np.minimum(z, 0)).sum(axis=0)


def _prelu_loops(dout: Array, z: Array, alpha: Array) -> tuple[Any, Any]:
    dz, dalpha = np.zeros_like(z), [0.0] * len(alpha)
    for n, j in np.ndindex(z.shape):
        if z[n, j] > 0:
            dz[n, j] = dout[n, j]
        else:
            dz[n, j] = alpha[j] * dout[n, j]
            dalpha[j] += dout[n, j] * z[n, j]
    return dz, dalpha


def _prelu_masked(dout: Array, z: Array, alpha: Array) -> list[Array]:
    off = z <= 0
    dz = dout.copy()
    dz[off] *= np.broadcast_to(alpha, z.shape)[off]
    return [dz, np.einsum("nj,nj,nj->j", dout, z, off * 1.0)]


PRELU = Piece(
    name="prelu_backward",
    signature="prelu_backward(dout, z, alpha) -> (dz, dalpha)",
    outputs=(
        Output(
            "dz",
            of="z",
            key=(0,),
            look=mark("dz is dout times the slope at z: which are the two slopes?"),
            derive=mark("The function is linear on both sides of 0."),
            formula="dz[n, j] = dout[n, j] · (1 if z[n, j] > 0, else alpha[j])",
        ),
        Output(
            "dalpha",
            of="alpha",
            key=(1,),
            look=mark("alpha[j] works in every example in which z[n, j] < 0, and only there."),
            derive=mark("Differentiate alpha[j] z[n, j] with respect to alpha[j]."),
            formula="dalpha[j] = Σ_n dout[n, j] · min(z[n, j], 0)",
        ),
    ),
    parts=(Part("dz", 0.5), Part("dalpha", 0.5)),
    draw=draw_prelu,
    varied=differing(lengths),
    reference=prelu_backward,
    forward=prelu,
    context=lambda point: {"dz": Context(batch=len(point.arguments[0]))},
    mutants=(
        Mutant(
            "alpha forgotten in dz",
            lambda dout, z, alpha: (dout * (z > 0), prelu_backward(dout, z, alpha)[1]),
            mark("dz is 0 where z < 0; there the slope is alpha."),
            "parameter",
            "M25",
        ),
        Mutant(
            "dalpha over all examples",
            lambda dout, z, alpha: (prelu_backward(dout, z, alpha)[0], (dout * z).sum(axis=0)),
            mark("dalpha gathers positive z as well, for which alpha does nothing."),
            "mask",
            "M21",
        ),
        Mutant(
            "dalpha not summed",
            lambda dout, z, alpha: (prelu_backward(dout, z, alpha)[0], dout * np.minimum(z, 0)),
            mark("dalpha still has one row for each example; alpha is shared by all."),
            "sum",
            "M07",
        ),
        Mutant(
            "dalpha without z",
            lambda dout, z, alpha: (
                prelu_backward(dout, z, alpha)[0],
                (dout * (z <= 0)).sum(axis=0),
            ),
            mark("dalpha lacks z: alpha multiplies z in the forward pass."),
            "factor missing",
        ),
        Mutant(
            "alpha times z in dz",
            lambda dout, z, alpha: (
                dout * np.where(z > 0, 1, alpha * z),
                prelu_backward(dout, z, alpha)[1],
            ),
            mark("For z < 0 the value alpha z is taken for the slope alpha."),
            "value for derivative",
            "M24",
        ),
    ),
    equivalents=(
        Equivalent("loops", _prelu_loops),
        Equivalent("a mask, a list returned", _prelu_masked),
        Equivalent("float32", lambda *arrays: prelu_backward(*map(single, arrays))),
    ),
)
