"""peephole_step, peephole_backward: gates that see the cell (Gers and Schmidhuber, 2000).

Any of the gates i, f, o may have a peephole, a vector p of one number per unit: i and f see the
old cell, o the new one. The dictionary of peepholes names those that there are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from nncourse.diagnosis import Finding
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
    Unfit,
    differing,
    lengths,
    normal,
    real,
    single,
    single_as_well,
)
from nncourse.exercises.ps11.sheet import Sheet, block, joined, sigmoid
from nncourse.exercises.ps11.step import BACKWARD_LINES, FORWARD_LINES, GATES
from nncourse.exercises.ps11.step import draw_step as draw_lstm
from nncourse.language import mark

SEEING = ("i", "f", "o")
ONLY_I, ONLY_F, ONLY_O = "only i", "only f", "only o"
CASES = (PLAIN, ONLY_I, ONLY_F, ONLY_O, SQUARE)
CASE_NAMES = {
    **SINGLE_NAME,
    ONLY_I: mark("i alone has a peephole"),
    ONLY_F: mark("f alone has a peephole"),
    ONLY_O: mark("o alone has a peephole"),
}
THERE = {ONLY_I: ("i",), ONLY_F: ("f",), ONLY_O: ("o",)}

EARLY, LATE = mark("gates i, f, g"), mark("gate o")
"""The gates that make the new cell, and the one that sees it: o is wrong where the cell is."""

Peepholes = dict[str, Array]


def draw_step(rng: np.random.Generator, case: str) -> Point:
    """x, h, c, Wx, Wh, b as of an LSTM, and p: {"i": (H,), ...}, of all gates or of some."""
    arguments = draw_lstm(rng, case).arguments
    H = arguments[1].shape[1]
    p = {gate: normal(rng, H) for gate in THERE.get(case, SEEING)}
    if case == SQUARE:  # two of the three
        del p[SEEING[rng.integers(3)]]
    return Point((*arguments, p), {}, 1.0, case)


def seen(p: Mapping[str, Array], gate: str, cell: Array) -> Array | float:
    """What a gate sees of the cell: 0.0 without a peephole."""
    return p[gate] * cell if gate in p else 0.0


STEP_LINES = Sheet(
    "x h c Wx Wh b p",
    {
        "z": FORWARD_LINES.lines["z"],
        "i": lambda s: sigmoid(block(s.z, 0, 4) + seen(s.p, "i", s.c)),
        "f": lambda s: sigmoid(block(s.z, 1, 4) + seen(s.p, "f", s.c)),
        "g": FORWARD_LINES.lines["g"],
        "c_next": FORWARD_LINES.lines["c_next"],
        "o": lambda s: sigmoid(block(s.z, 3, 4) + seen(s.p, "o", s.c_next)),
        "h_next": FORWARD_LINES.lines["h_next"],
        "gates": FORWARD_LINES.lines["gates"],
    },
    "h_next c_next gates",
)


def step(
    x: Array, h: Array, c: Array, Wx: Array, Wh: Array, b: Array, p: Peepholes
) -> tuple[Array, ...]:
    """(h_next, c_next, gates)."""
    return STEP_LINES(x, h, c, Wx, Wh, b, p)


def _loops(
    x: Array, h: Array, c: Array, Wx: Array, Wh: Array, b: Array, p: Peepholes
) -> list[Array]:
    H = h.shape[1]
    hn, cn, gates = np.zeros_like(h), np.zeros_like(c), np.zeros((len(x), 4 * H))
    for n in range(len(x)):
        for k in range(H):
            z = [b[row] + sum(Wx[row] * x[n]) + sum(Wh[row] * h[n]) for row in range(k, 4 * H, H)]
            for place, gate in enumerate("if"):
                if gate in p:
                    z[place] = z[place] + p[gate][k] * c[n, k]
            i, f, g = 1 / (1 + np.exp(-z[0])), 1 / (1 + np.exp(-z[1])), np.tanh(z[2])
            cn[n, k] = f * c[n, k] + i * g
            o = 1 / (1 + np.exp(-z[3] - (p["o"][k] * cn[n, k] if "o" in p else 0)))
            hn[n, k] = o * np.tanh(cn[n, k])
            gates[n, k::H] = i, f, g, o
    return [hn, cn, gates]


def _zeros_where_none(
    x: Array, h: Array, c: Array, Wx: Array, Wh: Array, b: Array, p: Peepholes
) -> tuple[Array, ...]:
    z = x @ Wx.T + h @ Wh.T + b
    p_i, p_f, p_o = (p.get(gate, np.zeros(h.shape[1])) for gate in SEEING)
    z_i, z_f, z_g, z_o = np.split(z, 4, axis=1)
    i, f, g = sigmoid(z_i + c @ np.diag(p_i)), sigmoid(z_f + c @ np.diag(p_f)), np.tanh(z_g)
    c_next = c * f + g * i
    o = sigmoid(z_o + c_next * p_o)
    return o * np.tanh(c_next), c_next, np.concatenate([i, f, g, o], axis=1)


def _in_single(*arguments: Any) -> tuple[Array, ...]:
    *arrays, p = arguments
    return step(*[*map(single, arrays), {gate: single(value) for gate, value in p.items()}])


PEEPHOLE_STEP = Piece(
    name="peephole_step",
    signature="peephole_step(x, h, c, Wx, Wh, b, p) -> (h_next, c_next, gates)",
    outputs=(
        Output(
            EARLY,
            by="value",
            key=(2,),
            axes=("batch", "unit"),
            blocks=GATES[:3],
            among=GATES,
            look=mark("Which gates see the cell, and which cell: the old one or the new one?"),
            derive=mark("In which order can i, f, g, c_next and o be computed?"),
            formula="i, f = σ(z + p · c),   g = tanh(z)",
        ),
        Output(
            "c_next",
            by="value",
            key=(1,),
            after=(EARLY,),
            axes=("batch", "unit"),
            look=mark("The cell itself is renewed as in an LSTM without peepholes."),
            derive=mark("What must c_next be where f = 1 and i = 0? And where f = 0 and i = 1?"),
            formula="c' = f · c + i · g",
        ),
        Output(
            LATE,
            by="value",
            key=(2,),
            after=(EARLY, "c_next"),
            axes=("batch", "unit"),
            blocks=GATES[3:],
            among=GATES,
            look=mark("The output gate is computed last. Which cell does it see?"),
            derive=mark("In which order can i, f, g, c_next and o be computed?"),
            formula="o = σ(z + p · c')",
        ),
        Output(
            "h_next",
            by="value",
            key=(0,),
            after=(EARLY, "c_next", LATE),
            axes=("batch", "unit"),
            look=mark("The state is the part of the new cell that the output gate lets out."),
            derive=mark("Between which numbers must h_next lie? Which function sees to that?"),
            formula="h' = o · tanh(c')",
        ),
    ),
    parts=single_as_well(
        Part(EARLY, 0.4, CASES),
        Part("c_next", 0.2, CASES),
        Part(LATE, 0.2, CASES),
        Part("h_next", 0.2, CASES),
    ),
    draw=draw_step,
    reference=step,
    mutants=(
        Mutant(
            "o sees the old cell",
            STEP_LINES.but(o=lambda s: sigmoid(block(s.z, 3, 4) + seen(s.p, "o", s.c))),
            mark("The output gate sees the old cell; it is computed last and sees the new one."),
            "off by one",
            "X60",
        ),
        Mutant(
            "o without its peephole",
            STEP_LINES.but(o=lambda s: sigmoid(block(s.z, 3, 4))),
            mark("The output gate does not see the cell: its peephole is left out."),
            "term missing",
            "X60",
        ),
        Mutant(
            "p is added, not multiplied",
            STEP_LINES.but(
                i=lambda s: sigmoid(block(s.z, 0, 4) + s.p.get("i", 0.0)),
                f=lambda s: sigmoid(block(s.z, 1, 4) + s.p.get("f", 0.0)),
                o=lambda s: sigmoid(block(s.z, 3, 4) + s.p.get("o", 0.0)),
            ),
            mark("p is added like a bias; a peephole multiplies the cell by it."),
            "operation",
            "X60",
        ),
        Mutant(
            "state in place of the cell",
            STEP_LINES.but(
                i=lambda s: sigmoid(block(s.z, 0, 4) + seen(s.p, "i", s.h)),
                f=lambda s: sigmoid(block(s.z, 1, 4) + seen(s.p, "f", s.h)),
            ),
            mark("Through the peepholes of i and f the state h is seen; they show the cell c."),
            "wrong array",
            "X60",
        ),
        Mutant(
            "one p for i and f",
            STEP_LINES.but(
                f=lambda s: sigmoid(block(s.z, 1, 4) + seen(s.p, "i", s.c)),
            ),
            mark("The gate f uses the peephole of i: a copied line that was not changed."),
            "copied",
            "M87",
        ),
        Mutant(
            "all cells seen",
            STEP_LINES.but(
                i=lambda s: sigmoid(
                    block(s.z, 0, 4) + seen(s.p, "i", s.c.sum(axis=1, keepdims=True))
                ),
            ),
            mark("The gate i sees the sum of all cells; each unit sees its own."),
            "axis",
            "X60",
        ),
    ),
    equivalents=(
        Equivalent("loops, a list returned", _loops),
        Equivalent("zeros where there is no peephole, a diagonal matrix", _zeros_where_none),
        Equivalent("float32", _in_single),
    ),
    cases=(*CASES, SINGLE),
    varied=differing(lengths, (PLAIN, ONLY_I)),
    case_names=CASE_NAMES,
)


def draw_backward(rng: np.random.Generator, case: str) -> Point:
    """dh_next, dc_next, c, c_next, gates, p."""
    point = draw_step(rng, case)
    x, h, c, Wx, Wh, b, p = point.arguments
    _h_next, c_next, gates = step(x, h, c, Wx, Wh, b, p)
    # Not all are small: nothing is cut off.
    size = 16 if case == SQUARE else 1
    dh_next, dc_next = normal(rng, *c.shape) * size, normal(rng, *c.shape) * size
    whole = np.concatenate([p.get(gate, np.zeros(c.shape[1])) for gate in SEEING])
    there = np.repeat([gate in p for gate in SEEING], c.shape[1])
    net = x @ Wx.T + h @ Wh.T + b
    variables = {"z": np.zeros(gates.shape), "c": c, "p": whole, "net": net, "there": there}
    arguments = (dh_next, dc_next, c, c_next, gates, p)
    return Point(arguments, variables, joined(dh_next, dc_next), case)


def forward(variables: Mapping[str, Array], point: Point) -> Array:
    """(h_next, c_next) side by side; peepholes that are not there count for nothing."""
    p_i, p_f, p_o = np.split(variables["p"] * variables["there"], 3)
    z_i, z_f, z_g, z_o = np.split(variables["net"] + variables["z"], 4, axis=1)
    c = variables["c"]
    c_next = sigmoid(z_f + p_f * c) * c + sigmoid(z_i + p_i * c) * np.tanh(z_g)
    return joined(sigmoid(z_o + p_o * c_next) * np.tanh(c_next), c_next)


def drive(answer: Callable[..., Any], *arguments: Any) -> tuple[Any, Any, Any]:
    """(dz, dc, dp), dp in one row from the dictionary, with zeros where there is no peephole."""
    p = arguments[-1]
    result = answer(*arguments)
    if not isinstance(result, Sequence) or len(result) != 3:
        raise Unfit(Finding("count", mark("Three results are expected: dz, dc and dp.")))
    dz, dc, dp = result
    if not isinstance(dp, Mapping) or dp.keys() != p.keys():
        text = mark("dp must be a dictionary with the same gates as p, no more and no fewer.")
        return dz, dc, Finding("keys", text)
    try:
        rows = {gate: real(value, "dp") for gate, value in dp.items()}
    except Unfit as unfit:
        return dz, dc, unfit.finding
    like = next(iter(rows.values()))
    if like.ndim == 0 or len({row.shape for row in rows.values()}) > 1:
        text = mark("The arrays in dp must have the shape of their peepholes, {want}; got: {got}.")
        shapes = ", ".join(sorted({str(row.shape) for row in rows.values()}))
        return dz, dc, Finding("shape", text, {"want": next(iter(p.values())).shape, "got": shapes})
    whole = [rows.get(gate, np.zeros_like(like)) for gate in SEEING]
    return dz, dc, np.concatenate(whole, axis=-1)


LINES = Sheet(
    "dh_next dc_next c c_next gates p",
    {
        **{name: BACKWARD_LINES.lines[name] for name in ("i", "f", "g", "o", "t", "do")},
        "cell": lambda s: s.dc_next + s.dh_next * s.o * (1 - s.t**2) + seen(s.p, "o", s.do),
        **{name: BACKWARD_LINES.lines[name] for name in ("di", "df", "dg", "dz")},
        "dc": lambda s: s.cell * s.f + seen(s.p, "i", s.di) + seen(s.p, "f", s.df),
        "shown": lambda s: {"i": s.di * s.c, "f": s.df * s.c, "o": s.do * s.c_next},
        "dp": lambda s: {gate: s.shown[gate].sum(axis=0) for gate in s.p},
    },
    "dz dc dp",
)


def backward(
    dh_next: Array, dc_next: Array, c: Array, c_next: Array, gates: Array, p: Peepholes
) -> tuple[Any, ...]:
    """(dz (N, 4H), dc (N, H), dp {gate: (H,)})."""
    return LINES(dh_next, dc_next, c, c_next, gates, p)


def _examples(
    dh_next: Array, dc_next: Array, c: Array, c_next: Array, gates: Array, p: Peepholes
) -> list[Any]:
    dz, dc, dp = np.zeros_like(gates), np.zeros_like(c), {gate: 0 * p[gate] for gate in p}
    for n in range(len(c)):
        i, f, g, o = np.split(gates[n], 4)
        do = dh_next[n] * np.tanh(c_next[n]) * (o - o * o)
        d = dc_next[n] + dh_next[n] * o / np.cosh(c_next[n]) ** 2 + do * p.get("o", 0)
        by = {"i": d * g * (i - i * i), "f": d * c[n] * (f - f * f), "o": do}
        dz[n] = np.concatenate([by["i"], by["f"], d * i * (1 - g * g), do])
        dc[n] = d * f + by["i"] * p.get("i", 0) + by["f"] * p.get("f", 0)
        for gate in p:
            dp[gate] += by[gate] * (c_next[n] if gate == "o" else c[n])
    return [dz, dc, dp]


def _by_product(*arguments: Any) -> tuple[Any, ...]:
    _dh, _dc, c, c_next, _gates, p = arguments
    dz, dc, _dp = backward(*arguments)
    H = c.shape[1]
    of = {"i": (dz[:, :H], c), "f": (dz[:, H : 2 * H], c), "o": (dz[:, 3 * H :], c_next)}
    return dz, dc, {gate: np.diag(of[gate][0].T @ of[gate][1]) for gate in p}


def _backward_in_single(*arguments: Any) -> tuple[Any, ...]:
    *arrays, p = arguments
    return backward(*[*map(single, arrays), {gate: single(value) for gate, value in p.items()}])


PEEPHOLE_BACKWARD = Piece(
    name="peephole_backward",
    signature="peephole_backward(dh_next, dc_next, c, c_next, gates, p) -> (dz, dc, dp)",
    outputs=(
        Output(
            "dz",
            of="z",
            key=(0,),
            axes=("batch", "unit"),
            blocks=GATES,
            look=mark("Which block is right? A third path now leads to the new cell."),
            derive=mark("c_next stands in h_next, in the next step, and in the argument of o."),
            formula="δ = dc' + dh'·o·(1 - tanh²c') + dz_o · p_o",
        ),
        Output(
            "dc",
            of="c",
            key=(1,),
            after=("dz",),
            axes=("batch", "unit"),
            look=mark("The old cell stands in f · c, and where gates see it."),
            derive=mark("Differentiate the arguments of i and f by c."),
            formula="dc = δ · f + dz_i · p_i + dz_f · p_f",
        ),
        Output(
            "dp",
            of="p",
            key=(2,),
            after=("dz",),
            blocks=SEEING,
            look=mark("A peephole is a weight: its gradient pairs dz with what it multiplied."),
            derive=mark("Which cell does each of the three gates see? Over what is summed?"),
            formula="dp_i = Σ_n dz_i · c,   dp_f = Σ_n dz_f · c,   dp_o = Σ_n dz_o · c'",
        ),
    ),
    parts=single_as_well(Part("dz", 0.4, CASES), Part("dc", 0.3, CASES), Part("dp", 0.3, CASES)),
    draw=draw_backward,
    reference=backward,
    forward=forward,
    drive=drive,
    mutants=(
        Mutant(
            "path through p_o missing",
            LINES.but(cell=BACKWARD_LINES.lines["cell"]),
            mark("The gradient of o goes back to the new cell, too: that path is missing."),
            "path",
            "X61",
        ),
        Mutant(
            "paths through p_i and p_f missing",
            LINES.but(dc=lambda s: s.cell * s.f),
            mark("dc lacks what comes back through the peepholes of i and f."),
            "path",
            "X61",
        ),
        Mutant(
            "p_o shows the old cell",
            LINES.but(
                cell=BACKWARD_LINES.lines["cell"],
                dc=lambda s: (
                    s.cell * s.f
                    + seen(s.p, "i", s.di)
                    + seen(s.p, "f", s.df)
                    + seen(s.p, "o", s.do)
                ),
            ),
            mark("What comes back through p_o was added to the old cell; o sees the new one."),
            "wrong place",
            "X61",
        ),
        Mutant(
            "dp_o with the old cell",
            LINES.but(shown=lambda s: {"i": s.di * s.c, "f": s.df * s.c, "o": s.do * s.c}),
            mark("dp of o uses the old cell; o saw the new one."),
            "off by one",
            "X61",
        ),
        Mutant(
            "dp_i, dp_f with the new cell",
            LINES.but(
                shown=lambda s: {
                    "i": s.di * s.c_next,
                    "f": s.df * s.c_next,
                    "o": s.do * s.c_next,
                }
            ),
            mark("dp of i and f uses the new cell; they saw the old one."),
            "off by one",
            "M83",
        ),
        Mutant(
            "dp not summed",
            LINES.but(dp=lambda s: {gate: s.shown[gate] for gate in s.p}),
            mark("dp still has one row for each example: sum over the batch."),
            "sum",
            "M07",
        ),
        Mutant(
            "forget gate missing in dc",
            LINES.but(dc=lambda s: s.cell + seen(s.p, "i", s.di) + seen(s.p, "f", s.df)),
            mark("In dc the gradient at the new cell must be multiplied by the forget gate."),
            "factor missing",
            "M80",
        ),
    ),
    equivalents=(
        Equivalent("example by example, a list returned", _examples),
        Equivalent("dp as the diagonal of a product", _by_product),
        Equivalent("float32", _backward_in_single),
    ),
    cases=(*CASES, SINGLE),
    varied=differing(lengths, (PLAIN, ONLY_I)),
    case_names=CASE_NAMES,
)
