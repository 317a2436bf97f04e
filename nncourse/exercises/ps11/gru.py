"""gru_step, gru_step_backward: the gated recurrent unit as the lecture writes it.

h' = (1 - z) h + z n, the reset gate before the product, no biases (Chung and others, 2014). Blocks
stand in the order r, z, n. Here the exercise's own formula decides what is right; how PyTorch
differs is asked in another piece.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from nncourse.diagnosis.measure import Array
from nncourse.exercises.piece import (
    PLAIN,
    SINGLE,
    SINGLE_NAME,
    SQUARE,
    Equivalent,
    Mutant,
    Output,
    Part,
    Piece,
    Point,
    differing,
    lengths,
    normal,
    single,
    single_as_well,
    with_much_left,
)
from nncourse.exercises.ps11.sheet import Sheet, block, joined, sigmoid
from nncourse.exercises.ps11.step import LADDER, sizes, weights
from nncourse.language import mark

GATES = ("r", "z", "n")

EARLY, LATE = mark("gates r, z"), mark("gate n")
"""n is computed with r: it is wrong where r is."""

DIRECT, THROUGH = mark("da of z and n"), mark("da of r")
"""Back to r leads only what arrives at n."""


def draw_step(rng: np.random.Generator, case: str) -> Point:
    """x (N, D), h (N, H), Wx (3H, D), Wh (3H, H)."""
    N, D, H = sizes(rng, case)
    return Point((normal(rng, N, D), normal(rng, N, H), *weights(rng, D, H, 3)), {}, 1.0, case)


STEP_LINES = Sheet(
    "x h Wx Wh",
    {
        "Ux": lambda s: s.x @ s.Wx.T,
        "U": lambda s: np.split(s.Wh, 3),
        "a_r": lambda s: block(s.Ux, 0, 3) + s.h @ s.U[0].T,
        "a_z": lambda s: block(s.Ux, 1, 3) + s.h @ s.U[1].T,
        "r": lambda s: sigmoid(s.a_r),
        "z": lambda s: sigmoid(s.a_z),
        "a_n": lambda s: block(s.Ux, 2, 3) + (s.r * s.h) @ s.U[2].T,
        "n": lambda s: np.tanh(s.a_n),
        "h_next": lambda s: (1 - s.z) * s.h + s.z * s.n,
        "gates": lambda s: joined(s.r, s.z, s.n),
    },
    "h_next gates",
)


def step(x: Array, h: Array, Wx: Array, Wh: Array) -> tuple[Array, ...]:
    """(h_next (N, H), gates (N, 3H))."""
    return STEP_LINES(x, h, Wx, Wh)


def _examples(x: Array, h: Array, Wx: Array, Wh: Array) -> list[Any]:
    H = h.shape[1]
    states, gates = [], []
    for one, old in zip(x, h, strict=True):
        r = 1 / (1 + np.exp(-(Wx[:H] @ one + Wh[:H] @ old)))
        z = 1 / (1 + np.exp(-(Wx[H : 2 * H] @ one + Wh[H : 2 * H] @ old)))
        n = np.tanh(Wx[2 * H :] @ one + Wh[2 * H :] @ (r * old))
        states.append((old + z * (n - old)).tolist())
        gates.append([*r, *z, *n])
    return [states, gates]


def _one_product(x: Array, h: Array, Wx: Array, Wh: Array) -> tuple[Array, ...]:
    H = h.shape[1]
    rz = sigmoid(np.hstack([x, h]) @ np.hstack([Wx, Wh])[: 2 * H].T)
    n = np.tanh(np.einsum("ni,ki->nk", x, Wx[2 * H :]) + rz[:, :H] * h @ Wh[2 * H :].T)
    h_next = rz[:, H:] * n
    h_next += h * (1 - rz[:, H:])
    return h_next, np.hstack([rz, n])


GRU_STEP = Piece(
    name="gru_step",
    signature="gru_step(x, h, Wx, Wh) -> (h_next, gates)",
    outputs=(
        Output(
            EARLY,
            by="value",
            key=(1,),
            axes=("batch", "unit"),
            blocks=GATES[:2],
            among=GATES,
            look=mark("Both gates are computed in the same way, each with its own weights."),
            derive=mark("Between which numbers does a gate lie, and what does it see?"),
            formula="r, z = σ(W x + U h)",
        ),
        Output(
            LATE,
            by="value",
            key=(1,),
            after=(EARLY,),
            axes=("batch", "unit"),
            blocks=GATES[2:],
            among=GATES,
            look=mark("Compare the blocks r, z, n. Which of them needs another one first?"),
            derive=mark("What does the candidate n see of the old state where r = 0?"),
            formula="n = tanh(W x + U (r · h))",
        ),
        Output(
            "h_next",
            by="value",
            key=(0,),
            after=(EARLY, LATE),
            axes=("batch", "unit"),
            look=mark("The update gate mixes two things, in proportions that add up to 1."),
            derive=mark("What must h_next be where z = 0, by the formula of this exercise?"),
            formula="h' = (1 - z) · h + z · n",
        ),
    ),
    parts=single_as_well(Part(EARLY, 0.4), Part(LATE, 0.2), Part("h_next", 0.4)),
    draw=draw_step,
    reference=step,
    mutants=(
        Mutant(
            "z and 1 - z exchanged",
            STEP_LINES.but(h_next=lambda s: s.z * s.h + (1 - s.z) * s.n),
            mark(
                "z and 1 - z are exchanged: that is PyTorch's convention, not that of the formula "
                "given here."
            ),
            "convention",
            "M89",
        ),
        Mutant(
            "reset after the product",
            STEP_LINES.but(a_n=lambda s: block(s.Ux, 2, 3) + s.r * (s.h @ s.U[2].T)),
            mark("r multiplies after the product with the weights; here it comes before."),
            "order",
            "M90",
        ),
        Mutant(
            "no reset gate",
            STEP_LINES.but(a_n=lambda s: block(s.Ux, 2, 3) + s.h @ s.U[2].T),
            mark("The candidate n sees the whole old state: r does not take part."),
            "factor missing",
            "M90",
        ),
        Mutant(
            "r on the input as well",
            STEP_LINES.but(a_n=lambda s: s.r * block(s.Ux, 2, 3) + (s.r * s.h) @ s.U[2].T),
            mark("r multiplies the input's part as well; it resets the old state only."),
            "surplus",
        ),
        Mutant(
            "r and z exchanged",
            STEP_LINES.but(r=lambda s: sigmoid(s.a_z), z=lambda s: sigmoid(s.a_r)),
            mark("The gates r and z are exchanged: the rows stand in the order r, z, n."),
            "order",
            "M86",
        ),
        Mutant(
            "sigmoid for n",
            STEP_LINES.but(n=lambda s: sigmoid(s.a_n)),
            mark("n goes through a sigmoid; the candidate is a tanh, it may be negative."),
            "activation",
            "M85",
        ),
        Mutant(
            "old state added whole",
            STEP_LINES.but(h_next=lambda s: s.h + s.z * s.n),
            mark("The old state is kept whole; only the part 1 - z of it is."),
            "factor missing",
            "M91",
        ),
    ),
    equivalents=(
        Equivalent("example by example, lists returned", _examples),
        Equivalent("one product for r and z", _one_product),
        Equivalent("float32", lambda *arrays: step(*map(single, arrays))),
    ),
    cases=(PLAIN, PLAIN, SQUARE, SINGLE),
    varied=differing(lengths),
    case_names=SINGLE_NAME,
)


def draw_backward(rng: np.random.Generator, case: str) -> Point:
    """dh_next, x, h, gates, Wx, Wh."""
    x, h, Wx, Wh = draw_step(rng, case).arguments
    _h_next, gates = step(x, h, Wx, Wh)
    # Not all are small: nothing is cut off.
    dh_next = normal(rng, *h.shape) * (16 if case == SQUARE else 1)
    variables = {"x": x, "h": h, "Wx": Wx, "Wh": Wh, "a": np.zeros(gates.shape)}
    return Point((dh_next, x, h, gates, Wx, Wh), variables, dh_next, case)


def forward(variables: Mapping[str, Array], point: Point) -> Array:
    """The next state; a is added to the gates' arguments."""
    x, h, Wx, Wh, a = (variables[name] for name in ("x", "h", "Wx", "Wh", "a"))
    shifted = STEP_LINES.but(Ux=lambda s: s.x @ s.Wx.T + a)
    return np.asarray(shifted(x, h, Wx, Wh)[0])


LINES = Sheet(
    "dh_next x h gates Wx Wh",
    {
        "r": lambda s: block(s.gates, 0, 3),
        "z": lambda s: block(s.gates, 1, 3),
        "n": lambda s: block(s.gates, 2, 3),
        "U": lambda s: np.split(s.Wh, 3),
        "dn": lambda s: s.dh_next * s.z * (1 - s.n**2),
        "dz": lambda s: s.dh_next * (s.n - s.h) * s.z * (1 - s.z),
        "reset": lambda s: s.dn @ s.U[2],
        "dr": lambda s: s.reset * s.h * s.r * (1 - s.r),
        "da": lambda s: joined(s.dr, s.dz, s.dn),
        "kept": lambda s: s.dh_next * (1 - s.z),
        "dh": lambda s: s.kept + s.reset * s.r + s.dr @ s.U[0] + s.dz @ s.U[1],
        "dx": lambda s: s.da @ s.Wx,
        "dWx": lambda s: s.da.T @ s.x,
        "seen": lambda s: s.r * s.h,
        "dWh": lambda s: np.concatenate([s.dr.T @ s.h, s.dz.T @ s.h, s.dn.T @ s.seen]),
    },
    "da dx dh dWx dWh",
)


def step_backward(
    dh_next: Array, x: Array, h: Array, gates: Array, Wx: Array, Wh: Array
) -> tuple[Array, ...]:
    """(da (N, 3H), dx, dh, dWx, dWh)."""
    return LINES(dh_next, x, h, gates, Wx, Wh)


def _backward_examples(
    dh_next: Array, x: Array, h: Array, gates: Array, Wx: Array, Wh: Array
) -> list[Any]:
    parts = [step_backward(dh_next[[k]], x[[k]], h[[k]], gates[[k]], Wx, Wh) for k in range(len(x))]
    da, dx, dh, dWx, dWh = zip(*parts, strict=True)
    return [*map(np.concatenate, (da, dx, dh)), sum(dWx), sum(dWh)]


def _einsum(
    dh_next: Array, x: Array, h: Array, gates: Array, Wx: Array, Wh: Array
) -> tuple[Array, ...]:
    N, H = h.shape
    r, z, n = gates.reshape(N, 3, H).transpose(1, 0, 2)
    da = np.empty((N, 3, H))
    da[:, 2] = dh_next * z * (1 - n * n)
    da[:, 1] = dh_next * (n - h) * (z - z * z)
    reset = np.einsum("nk,kj->nj", da[:, 2], Wh[2 * H :])
    da[:, 0] = reset * h * (r - r * r)
    dh = np.einsum("ngk,gkj->nj", da[:, :2], Wh[: 2 * H].reshape(2, H, H))
    dh += reset * r
    dh += dh_next - dh_next * z
    seen = np.stack([h, h, r * h], axis=1)
    dWh = np.einsum("ngk,ngj->gkj", da, seen).reshape(3 * H, H)
    flat = da.reshape(N, 3 * H)
    return flat, flat @ Wx, dh, np.einsum("nk,ni->ki", flat, x), dWh


_DERIVE_H = mark("Where does h stand? In both gates, in r · h, and in (1 - z) · h.")

GRU_STEP_BACKWARD = Piece(
    name="gru_step_backward",
    signature="gru_step_backward(dh_next, x, h, gates, Wx, Wh) -> (da, dx, dh, dWx, dWh)",
    outputs=(
        Output(
            DIRECT,
            of="a",
            key=(0,),
            axes=("batch", "unit"),
            blocks=GATES[1:],
            among=GATES,
            look=mark("Both stand in the new state. In which of the two products?"),
            derive=mark("Differentiate (1 - z) · h + z · n by z and by n."),
            formula="da_n = dh'·z·(1-n²),  da_z = dh'·(n-h)·z(1-z)",
        ),
        Output(
            THROUGH,
            of="a",
            key=(0,),
            after=(DIRECT,),
            axes=("batch", "unit"),
            blocks=GATES[:1],
            among=GATES,
            look=mark("r acts through the candidate only: its gradient comes last."),
            derive=mark("Differentiate the argument of n by r · h, and that by r."),
            formula="da_r = (da_n U_n)·h·r(1-r)",
        ),
        Output(
            "dx",
            of="x",
            key=(1,),
            after=(DIRECT, THROUGH),
            look=mark("All three blocks see the input: dx is the sum over all rows of Wx."),
            derive=LADDER["dx"]["derive"],
            formula="dx[n, i] = Σ_k da[n, k] · Wx[k, i]",
        ),
        Output(
            "dh",
            of="h",
            key=(2,),
            after=(DIRECT, THROUGH),
            axes=("batch", "unit"),
            look=mark("Four paths lead from the old state to the new one. Count yours."),
            derive=_DERIVE_H,
            formula="dh = dh'·(1-z) + (da_n U_n)·r + da_r U_r + da_z U_z",
        ),
        Output(
            "dWx",
            of="Wx",
            key=(3,),
            after=(DIRECT, THROUGH),
            look=mark("dWx pairs da with the input of this step."),
            derive=mark("In which a[n, k] does Wx[k, i] stand, and with which factor?"),
            formula="dWx[k, i] = Σ_n da[n, k] · x[n, i]",
        ),
        Output(
            "dWh",
            of="Wh",
            key=(4,),
            after=(DIRECT, THROUGH),
            look=mark("dWh pairs da with what each block of Wh was multiplied by."),
            derive=mark("Is it the old state for all three blocks?"),
            formula="rows of r and z: Σ_n da[n, k] · h[n, j];   of n: Σ_n da[n, k] · (r · h)[n, j]",
        ),
    ),
    parts=single_as_well(
        Part(DIRECT, 0.25),
        Part(THROUGH, 0.15),
        Part("dh", 0.3),
        *(Part(name, 0.1) for name in ("dx", "dWx", "dWh")),
    ),
    draw=with_much_left(draw_backward, step_backward),
    reference=step_backward,
    forward=forward,
    mutants=(
        Mutant(
            "z and 1 - z exchanged",
            LINES.but(
                dn=lambda s: s.dh_next * (1 - s.z) * (1 - s.n**2),
                dz=lambda s: s.dh_next * (s.h - s.n) * s.z * (1 - s.z),
                kept=lambda s: s.dh_next * s.z,
            ),
            mark(
                "These are the gradients of z · h + (1 - z) · n: PyTorch's convention, not that of "
                "the formula given here."
            ),
            "convention",
            "M89",
        ),
        Mutant(
            "sign of z",
            LINES.but(dz=lambda s: s.dh_next * (s.h - s.n) * s.z * (1 - s.z)),
            mark("The block z has the opposite sign: more z means more n and less h."),
            "sign",
            "M89",
        ),
        Mutant(
            "dWh of n with h",
            LINES.but(seen=lambda s: s.h),
            mark("The rows of n in dWh are paired with h; they were multiplied by r · h."),
            "factor missing",
            "M90",
        ),
        Mutant(
            "path through 1 - z dropped",
            LINES.but(kept=lambda s: 0 * s.h),
            mark("dh lacks the direct path: the part 1 - z of the old state is kept."),
            "path",
            "M91",
        ),
        Mutant(
            "path through r dropped",
            LINES.but(
                dh=lambda s: s.kept + s.reset * s.r + s.dz @ s.U[1],
            ),
            mark("dh lacks the path through the reset gate: r depends on h, too."),
            "path",
            "M91",
        ),
        Mutant(
            "r missing behind the candidate",
            LINES.but(dh=lambda s: s.kept + s.reset + s.dr @ s.U[0] + s.dz @ s.U[1]),
            mark("In dh the path through the candidate lacks the factor r."),
            "factor missing",
            "M90",
        ),
        Mutant(
            "dx of the candidate only",
            LINES.but(dx=lambda s: s.dn @ np.split(s.Wx, 3)[2]),
            mark("dx comes from the candidate only; the gates r and z see the input as well."),
            "term missing",
            "M92",
        ),
        Mutant(
            "sigmoid' missing in z",
            LINES.but(dz=lambda s: s.dh_next * (s.n - s.h)),
            mark("In the block z the derivative of the sigmoid, z(1 - z), is missing."),
            "derivative missing",
            "M84",
        ),
        Mutant(
            "r as a sum",
            LINES.but(dr=lambda s: s.reset * s.r * (1 - s.r)),
            mark("The block r lacks the factor h: r was multiplied by the old state."),
            "operation",
            "M88",
        ),
    ),
    equivalents=(
        Equivalent("example by example, a list returned", _backward_examples),
        Equivalent("stacked gates, einsum", _einsum),
        Equivalent("float32", lambda *arrays: step_backward(*map(single, arrays))),
    ),
    cases=(PLAIN, PLAIN, SQUARE, SINGLE),
    varied=differing(lengths),
    case_names=SINGLE_NAME,
)
