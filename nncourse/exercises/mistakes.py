"""The catalogue of mistakes that students make, and which exercise shows which of them.

Collected from issue trackers and forums of public courses. A mutant names its entry by ``code``;
the table in ``MISTAKES.md`` is made from both by ``python -m nncourse.exercises.mistakes``. Codes
that begin with X are this course's additions where the catalogue is silent.
"""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path

from nncourse.exercises.piece import sets

TABLE = Path(__file__).parent / "MISTAKES.md"

# code: (layer, mistake)
CATALOGUE: dict[str, tuple[str, str]] = {
    "M01": ("loss", "forgot 1/N"),
    "M02": ("loss", "1/N twice (e.g. in dZ and in dW)"),
    "M03": ("loss", "factor 2 (MSE ½)"),
    "M04": ("loss", "(y−ŷ) instead of (ŷ−y)"),
    "M05": ("linear", "dW transposed (square W)"),
    "M06": ("linear", "dX = dout@W without .T (square)"),
    "M07": ("linear", "db not summed over batch"),
    "M08": ("linear", "db summed over wrong axis / total sum"),
    "M09": ("network", "weights updated before dX is propagated"),
    "M10": ("linear", "db = mean instead of sum"),
    "M11": ("any", "= instead of += over samples"),
    "M12": ("any", "gradient not zeroed between calls"),
    "M13": ("graph", "node used twice: overwrite"),
    "M14": ("graph", "DFS order instead of topological (uses incomplete grad)"),
    "M15": ("activation", "activation derivative missing"),
    "M16": ("activation", "derivative applied twice"),
    "M17": ("activation", "f′ evaluated at the activation: f′(h)"),
    "M18": ("activation", "hidden_error computed then error used"),
    "M19": ("network", "W2 replaced by dW2 in the chain"),
    "M20": ("network", "pre-activation z instead of h (wrong cache)"),
    "M21": ("ReLU", "mask missing"),
    "M22": ("ReLU", "mask from dout>0"),
    "M23": ("ReLU", "mask inverted"),
    "M24": ("ReLU", "multiplied by relu(z)"),
    "M25": ("Leaky/ELU", "α forgotten / α(eᶻ−1) instead of αeᶻ"),
    "M26": ("softmax", "no max subtraction"),
    "M27": ("softmax", "max over whole batch"),
    "M28": ("softmax", "normalised over axis 0 / over all"),
    "M29": ("cross-entropy", "forgot −1 at the target"),
    "M30": ("cross-entropy", "p[:,y]-=1 instead of p[arange,y]"),
    "M31": ("cross-entropy", "divided by C or N·C"),
    "M32": ("cross-entropy", "∂ wrt probabilities (−y/p) returned"),
    "M33": ("cross-entropy", "diagonal-only Jacobian"),
    "M34": ("cross-entropy", "staged softmax: forgot to sum over broadcast denominator"),
    "M35": ("cross-entropy", "softmax derivative applied twice"),
    "M36": ("cross-entropy", "log(p+1e-7) or clip"),
    "M37": ("logsoftmax", "dout − p instead of dout − p·Σdout"),
    "M38": ("L2", "factor 2 / λ forgotten / on biases"),
    "M39": ("L2", "regularisation overwrites data gradient"),
    "M40": ("L2", "forgotten in backward"),
    "M41": ("dropout", "mask not applied in backward"),
    "M42": ("dropout", "mask without 1/(1−p)"),
    "M43": ("dropout", "1/p instead of 1/(1−p) (keep vs drop)"),
    "M44": ("dropout", "scaled twice"),
    "M45": ("dropout", "new mask in backward"),
    "M46": ("dropout", "inverted AND scaled at test"),
    "M47": ("dropout", "gradcheck with fresh randomness"),
    "M48": ("BatchNorm", "mean & var treated as constants"),
    "M49": ("BatchNorm", "mean path missing"),
    "M50": ("BatchNorm", "var path missing"),
    "M51": ("BatchNorm", "γ missing in dx"),
    "M52": ("BatchNorm", "sum instead of mean (no 1/N)"),
    "M53": ("BatchNorm", "ddof=1 vs 0"),
    "M54": ("BatchNorm", "exponent −½ instead of −3/2, or sign in dvar"),
    "M55": ("BatchNorm", "dγ with x or with out instead of x̂"),
    "M56": ("BatchNorm", "dγ,dβ kept (1,D)"),
    "M57": ("BatchNorm", "momentum roles swapped in running stats"),
    "M58": ("BatchNorm", "batch stats at test / updates running stats at test"),
    "M59": ("convolution", "= instead of += in dw"),
    "M60": ("convolution", "= in dx (overlap overwritten)"),
    "M61": ("convolution", "convolution vs correlation"),
    "M62": ("convolution", "padding cropped at the wrong corner"),
    "M63": ("convolution", "padding not removed"),
    "M64": ("convolution", "stride ignored in backward"),
    "M65": ("convolution", "bias gradient over wrong axes"),
    "M66": ("convolution", "H/W swapped"),
    "M67": ("pooling", "gradient to all / ÷4 (avg formula)"),
    "M68": ("pooling", "flat argmax over the map"),
    "M69": ("pooling", "ties counted twice"),
    "M70": ("RNN", "dh_next not added"),
    "M71": ("RNN", "only last dout used"),
    "M72": ("RNN", "= instead of += for Wh/Wx/b"),
    "M73": ("RNN", "h_t instead of h_{t−1} in dWh (off by one)"),
    "M74": ("RNN", "h0 ignored / loop stops at t=1"),
    "M75": ("RNN", "Wh not transposed"),
    "M76": ("RNN", "time loop forward"),
    "M77": ("RNN", "truncated BPTT by accident"),
    "M78": ("RNN", "divided by T"),
    "M79": ("LSTM", "dc_next dropped"),
    "M80": ("LSTM", "forget gate missing in dc_prev"),
    "M81": ("LSTM", "1−tanh²(c) missing / 1−c²"),
    "M82": ("LSTM", "do uses c not tanh(c)"),
    "M83": ("LSTM", "df uses c_t"),
    "M84": ("LSTM", "σ′ missing in one gate"),
    "M85": ("LSTM", "σ′ used for g (tanh)"),
    "M86": ("LSTM", "gate order/ blocks swapped"),
    "M87": ("LSTM", "copy-paste bias/gradient (bi=bf)"),
    "M88": ("LSTM", "+ instead of * in i∘g"),
    "M89": ("GRU", "z ↔ 1−z convention"),
    "M90": ("GRU", "r missing in dW_c (uses [h,x])"),
    "M91": ("GRU", "path through r or (1−z) dropped"),
    "M92": ("GRU", "x gradient only from candidate"),
    "M93": ("attention", "1/√d forgotten / 1/d"),
    "M94": ("attention", "scale by embed instead of head dim"),
    "M95": ("attention", "softmax-Jacobian sum missing/diagonal"),
    "M96": ("attention", "dK without transpose"),
    "M97": ("embedding", "dW[ids]+= without np.add.at"),
    "M98": ("Adam", "no bias correction"),
    "M99": ("Adam", "1−β instead of 1−βᵗ"),
    "M100": ("Adam", "t starts at 0"),
    "M101": ("Adam", "corrected m,v stored back"),
    "M102": ("Adam", "√ forgotten / g not g²"),
    "M103": ("momentum", "velocity not stored"),
    "M104": ("Nesterov", "v_prev overwritten before use"),
    "M105": ("Adagrad", "cache=g² instead of +="),
    "M106": ("RMSProp", "decay roles swapped"),
    "M107": ("optimizer", "state shared between parameters / t incremented per parameter"),
    "M108": (
        "initialisation",
        "Xavier with fan_in only, uniform/normal bound mixed (√(6/..) vs √(2/..))",
    ),
    "M109": (
        "gradient check",
        "float32 / h too small / forward diff / integer arrays / in-place modification of x",
    ),
    "M110": ("gradient check", "dout=ones on BN/LN/softmax"),
}

# Additions: code: (layer, mistake). Mutants of the same kind of mistake share one.
ADDED: dict[str, tuple[str, str]] = {
    "X01": ("activation", "local derivative returned without the gradient from above"),
    "X02": ("activation", "gradient from above multiplied in twice"),
    "X03": ("activation", "derivative of another activation"),
    "X04": ("linear", "return inside the loop: first example only"),
    "X05": ("linear", "one example missing from the sum"),
    "X07": ("any", "integer array cuts fractions off"),
    "X10": ("neuron", "threshold with the sign of a bias"),
    "X11": ("neuron", "strict and non-strict inequality at the border"),
    "X12": ("perceptron", "correction without the class, or where none is due"),
    "X13": ("any", "one array stored for every step and changed in place"),
    "X14": ("hand-set weights", "no negative weight for an input that must be 0"),
    "X15": ("hand-set weights", "AND in place of OR in the output neuron"),
    "X16": ("hand-set weights", "right table, border through or close to an example"),
    "X20": ("graph", "slopes of a product exchanged"),
    "X21": ("graph", "recursion deeper than Python allows"),
    "X22": ("graph", "backward pass without the gradient 1 at the output"),
    "X23": ("graph", "backward pass wipes out the gradients of leaves"),
    "X24": ("graph", "no operators for a plain number on the left"),
    "X25": ("gradient check", "step relative to the entry, divided by the absolute one"),
    "X26": ("gradient check", "ratios of entries in place of a ratio of norms"),
    "X27": ("L2", "penalty by another formula: lam + R, or the norm"),
    "X28": ("optimiser", "moving mean in place of a sum, or the reverse"),
    "X29": ("optimiser", "step made with the memory of before"),
    "X30": ("optimiser", "a new array under the parameter's name: nothing moves"),
    "X31": ("Adadelta", "numerator missing, not renewed, or from gradients"),
    "X32": ("Nadam", "look ahead or the new gradient missing"),
    "X40": ("dropout", "units dropped when testing"),
    "X41": ("dropout", "plain dropout not scaled when testing"),
    "X50": ("clipping", "each gradient or entry by itself, or without need"),
    "X60": ("peephole", "wrong cell seen, or none"),
    "X61": ("peephole", "gradient through a peephole missing or at the wrong cell"),
    "X17": ("perceptron", "corrections in another order"),
    "X70": ("shapes", "input counted as a layer, or biases counted wrongly"),
    "X71": ("linear layers", "product in the wrong order, or a bias lost on its way"),
    "X72": ("permutation", "a weight left behind, another axis, or the inverse order"),
    "X73": ("half-plane", "no bias, or weights that are not at right angles to the side"),
    "X74": ("regions", "OR in place of AND, or an AND of the wrong sides"),
}


def places() -> dict[str, list[str]]:
    """Where each code is planted: {"M01": ["ps05.softmax_cross_entropy", ...]}."""
    found: dict[str, list[str]] = {}
    for exercise in sets():
        for piece in import_module(f"nncourse.exercises.{exercise}").PIECES.values():
            for mutant in piece.mutants:
                where = found.setdefault(mutant.code, []) if mutant.code else []
                name = f"{exercise}.{piece.name}"
                if name not in where:
                    where.append(name)
    return found


def table() -> str:
    """The table as Markdown."""
    found = places()
    covered = sum(code in found for code in CATALOGUE)
    lines = [
        "# Mistakes and the exercises that catch them",
        "",
        "Made by `python -m nncourse.exercises.mistakes`; changes belong into the mutants. "
        f"{covered} of {len(CATALOGUE)} catalogued mistakes are planted in some exercise; "
        "the others wait for exercises that can show them.",
        "",
        "| code | where | mistake | caught in |",
        "|---|---|---|---|",
    ]
    for code, (layer, mistake) in {**CATALOGUE, **ADDED}.items():
        where = ", ".join(found.get(code, [])) or "-"
        lines.append(f"| {code} | {layer} | {mistake.replace('|', '&#124;')} | {where} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    TABLE.write_text(table(), encoding="utf-8")
    sys.stdout.write(f"{TABLE}\n")
