"""gru_to_pytorch: the lecture's weights for PyTorch's update gate.

PyTorch keeps z of the old state where the lecture keeps 1 - z. As 1 - sigmoid(a) = sigmoid(-a),
the rows of z change their sign, and nothing else. That PyTorch resets after the product no change
of weights can undo; the exercise shows it.
"""

from __future__ import annotations

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
    single,
    single_as_well,
)
from nncourse.exercises.ps11.gru import draw_step
from nncourse.language import mark

BOTH = mark("new Wx"), mark("new Wh")


def draw(rng: np.random.Generator, case: str) -> Point:
    """Wx (3H, D), Wh (3H, H)."""
    return Point(draw_step(rng, case).arguments[2:], {}, 1.0, case)


def scaled(W: Array, r: float, z: float, n: float) -> Array:
    """The rows of each block times its number."""
    return np.concatenate([k * rows for k, rows in zip((r, z, n), np.split(W, 3), strict=True)])


def to_pytorch(Wx: Array, Wh: Array) -> tuple[Array, Array]:
    """Both matrices with the rows of z negated."""
    return scaled(Wx, 1, -1, 1), scaled(Wh, 1, -1, 1)


def _exchanged(W: Array) -> Array:
    r, z, n = np.split(W, 3)
    return np.concatenate([z, r, n])


def _in_place(Wx: Array, Wh: Array) -> list[Array]:
    both = [Wx.copy(), Wh.copy()]
    H = Wh.shape[1]
    for W in both:
        for k in range(H, 2 * H):
            W[k] *= -1
    return both


def _signs(Wx: Array, Wh: Array) -> tuple[Array, Array]:
    sign = np.repeat([1, -1, 1], len(Wx) // 3)[:, None]
    return sign * Wx, sign * Wh


TO_PYTORCH = Piece(
    name="gru_to_pytorch",
    signature="gru_to_pytorch(Wx, Wh) -> (Wx, Wh)",
    outputs=tuple(
        Output(
            name,
            by="value",
            key=(i,),
            look=mark("Only the update gate means something else: which rows are its own?"),
            derive=mark("Write 1 - σ(a) as σ of something. What must the weights do for that?"),
            formula="1 - σ(a) = σ(-a):   the second third of the rows times -1",
        )
        for i, name in enumerate(BOTH)
    ),
    parts=single_as_well(*(Part(name, 0.5) for name in BOTH)),
    draw=draw,
    varied=differing(lengths),
    reference=to_pytorch,
    mutants=(
        Mutant(
            "unchanged",
            lambda Wx, Wh: (1 * Wx, 1 * Wh),
            mark("The weights came back as they were: z would keep what it should renew."),
            "identity",
            "M89",
        ),
        Mutant(
            "all signs changed",
            lambda Wx, Wh: (-Wx, -Wh),
            mark("All rows changed their sign; r and n mean the same in both conventions."),
            "sign",
            "M04",
        ),
        Mutant(
            "signs of r changed",
            lambda Wx, Wh: (scaled(Wx, -1, 1, 1), scaled(Wh, -1, 1, 1)),
            mark("The rows of r changed their sign; the order is r, z, n."),
            "order",
            "M86",
        ),
        Mutant(
            "1 - W",
            lambda Wx, Wh: tuple(
                np.concatenate([r, 1 - z, n]) for r, z, n in (np.split(W, 3) for W in (Wx, Wh))
            ),
            mark("1 minus the weights is not what makes 1 minus the gate."),
            "formula",
            "M89",
        ),
        Mutant(
            "r and z exchanged",
            lambda Wx, Wh: (_exchanged(Wx), _exchanged(Wh)),
            mark("The rows of r and z are exchanged; they stand in the same order in both."),
            "permutation",
            "M86",
        ),
        Mutant(
            "Wh left as it is",
            lambda Wx, Wh: (scaled(Wx, 1, -1, 1), 1 * Wh),
            mark("Wh is left as it was; the update gate has rows in both matrices."),
            "parameter missing",
        ),
    ),
    equivalents=(
        Equivalent("row by row, a list returned", _in_place),
        Equivalent("a column of signs", _signs),
        Equivalent("float32", lambda Wx, Wh: to_pytorch(single(Wx), single(Wh))),
    ),
    cases=(PLAIN, PLAIN, SQUARE, SINGLE),
    case_names=SINGLE_NAME,
)
