"""Which gate keeps, writes or shows the memory, and what does it do to the gradient?

Two units of an RNN, LSTM or GRU over 16 steps. The browser computes (memory.js); Python runs the
same cell by the engine (memory_cells.py). A cell of the student's own runs in the kernel
(memory_own.py).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import traitlets

from nncourse.language import catalogue, mark
from nncourse.widgets import memory_cells
from nncourse.widgets.base import new_figure, styles
from nncourse.widgets.explorer import MARKS, Explorer, explorer_script, explorer_styles, look
from nncourse.widgets.memory_cells import GATES, STEPS, VALUES, Run, Settings
from nncourse.widgets.memory_own import own_run
from nncourse.widgets.numbers import format_number

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_ = catalogue("widgets")


def _force() -> Any:
    return traitlets.Enum(["free", "open", "closed"], "free").tag(sync=True)


class MemoryCell(Explorer):
    """Switch gates, peepholes and the forget bias; see the memory and the gradient, step by step.

    ``kind``: "rnn", "lstm", "gru" (PyTorch's) or "original_gru" (the lecture's); ``i``, ``f``,
    ``o``, ``r``, ``z``: "free", "open" or "closed"; ``peepholes``: gates that see the cell, some of
    "ifo", diagonal; ``forget``: the bias of what keeps, f or z; ``write``: the step with the flag;
    ``step``: the one whose sums are shown.

    ``cell(x, h, c, Wx, Wh, b)``, the student's own, takes x (N, 3), h and c (N, 2) and returns the
    new h and c, and the gates (N, 8) if it likes, as lstm_step in exercise ps11;
    ``backward(dh_next, dc_next, x, h, c, c_next, gates, Wx, Wh)``, its gradients dz, dc, dx, dh,
    ... With a cell there is the kind "own"; it gets the weights of the LSTM. A GRU leaves c alone.

        MemoryCell(cell=lstm_step, backward=lstm_step_backward, forget=3.0)
    """

    _esm = explorer_script("memory.js")
    _css = explorer_styles() + "\n" + styles("memory.css")

    question = mark("Which gate keeps, writes or shows the memory, and what does it do to the "
                    "gradient on its way back?")  # fmt: skip
    settings = ("kind", "i", "f", "o", "r", "z", "peepholes", "forget", "write", "step")
    texts = {
        "kind": mark("Cell"),
        "own": mark("your own cell"),
        "numerical": mark("numerical gradient of your cell"),
        "said_wrong": mark("At step {k} your {name} is not the numerical gradient of your own "
                           "cell, for the gradient that arrives there."),
        "own_reach": mark("gradient at the flag, of h and c together"),
        "gru": mark("GRU of PyTorch"),
        "original_gru": mark("GRU of the lecture"),
        "gate_i": mark("i writes"),
        "gate_f": mark("f keeps"),
        "gate_o": mark("o shows"),
        "gate_r": mark("r resets"),
        "gate_z": mark("z updates"),
        "force_free": mark("free"),
        "force_open": mark("open, 1"),
        "force_closed": mark("closed, 0"),
        "peepholes": mark("Peepholes"),
        "forget": mark("Forget bias"),
        "write": mark("Flag at step"),
        "step": mark("Step"),
        "play": mark("Play"),
        "pause": mark("Pause"),
        "strips": mark("Gates and states over time"),
        "gradients": mark("Gradient of the answer L, the last h of unit 1"),
        "axis": mark("step t"),
        "unit": mark("unit"),
        "value": mark("value"),
        "flag": mark("flag"),
        "to_write": mark("write"),
        "to_read": mark("read"),
        "kept": mark("kept"),
        "written": mark("written"),
        "shown": mark("shown h(t)"),
        "direct": mark("back directly"),
        "around": mark("back through gates and h"),
        "matrix": mark("back through the matrix"),
        "stored": mark("value by the flag"),
        "answer": mark("answer at the end"),
        "reach": mark("gradient at the flag over that of the last step"),
        "said_lost": mark("The gradient does not reach the flag: nothing can be learned about it."),
        "said_fades": mark("The gradient fades on its way to the flag."),
        "said_kept": mark("The gradient reaches the flag: the way back is open."),
        "own_alt": mark("{kind}: answer {answer}, gradient at the flag {reach}"),
        "alt": mark("{kind}: answer {answer}, gradient at the flag over that of the last step "
                    "{reach}"),
    }  # fmt: skip

    own = traitlets.Dict(read_only=True).tag(sync=True)  # the run of a cell of one's own
    kind = traitlets.Unicode("lstm").tag(sync=True)
    i = _force()
    f = _force()
    o = _force()
    r = _force()
    z = _force()
    peepholes = traitlets.Unicode("").tag(sync=True)
    forget = traitlets.Float(1.0, min=-2, max=6).tag(sync=True)
    write = traitlets.Int(3, min=1, max=STEPS - 2).tag(sync=True)
    step = traitlets.Int(3, min=0, max=STEPS).tag(sync=True)

    def __init__(
        self,
        kind: str | None = None,
        *,
        cell: Callable[..., Any] | None = None,
        backward: Callable[..., Any] | None = None,
        **traits: Any,
    ) -> None:
        if backward is not None and cell is None:
            raise ValueError("MemoryCell: backward= is the gradient of cell=; give both")
        self._cell, self._backward = cell, backward
        super().__init__(kind or ("own" if cell else "lstm"), **traits)
        if cell is not None:
            self._run_own()
            self.observe(self._run_own, ["forget", "write"])

    @traitlets.validate("kind")
    def _valid_kind(self, proposal: Any) -> str:
        kind: str = proposal["value"]
        if kind in GATES or (kind == "own" and self._cell is not None):
            return kind
        raise traitlets.TraitError(
            f"MemoryCell: the kind is one of {', '.join(GATES)}, or 'own' with cell=; got {kind!r}"
        )

    def _run_own(self, _change: Any = None) -> None:
        with self.lock:
            assert self._cell is not None
            self.set_trait("own", own_run(self._cell, self._backward, self.forget, self.write))

    @traitlets.validate("peepholes")
    def _some_of_ifo(self, proposal: Any) -> str:
        found = proposal["value"]
        if not set(found) <= set("ifo"):
            raise traitlets.TraitError(f"peepholes names gates, some of 'ifo'; got {found!r}")
        return "".join(gate for gate in "ifo" if gate in found)

    def arguments(self) -> str:
        """The kind, the settings that are not the defaults, and the student's functions."""
        defaults = self.trait_defaults()
        rest = [
            f", {name}={getattr(self, name)!r}"
            for name in self.settings[1:]
            if getattr(self, name) != defaults[name]
        ]
        functions = {"cell": self._cell, "backward": self._backward}
        given = [f", {key}={one.__name__}" for key, one in functions.items() if one is not None]
        return repr(self.kind) + "".join(rest + given)

    @property
    def run(self) -> Run:
        """Gates, states and gradients of all steps; of one's own cell kept and written are 0."""
        if self.kind == "own":
            arrays = {name: np.array(self.own[name]) for name in ("h", "c", "dh", "dc")}
            gates = {name: np.array(values) for name, values in self.own["gates"].items()}
            none = np.zeros((STEPS, memory_cells.UNITS))
            return Run(gates, none, none, direct=none, **arrays)
        own = GATES[self.kind]
        forced = {gate: getattr(self, gate) for gate in own if getattr(self, gate) != "free"}
        peepholes = self.peepholes if self.kind == "lstm" else ""
        return memory_cells.run(Settings(self.kind, forced, peepholes, self.forget, self.write))

    @property
    def answer(self) -> float:
        """The last h of unit 1, what is read at the end."""
        return float(self.run.h[-1, 0])

    @property
    def reach(self) -> float:
        """The state's gradient at the flag over that of the last step; 0 if that is 0.

        Of one's own cell it is that of h and c together.
        """
        found = self.run
        if self.kind == "own":  # the gradient of the answer itself is of length 1
            both = [*self.own["dh"][self.write], *self.own["dc"][self.write]]
            return float(np.linalg.norm(both))
        gradient = found.dh if found.dc is None else found.dc
        last = float(np.linalg.norm(gradient[-1]))
        return float(np.linalg.norm(gradient[self.write])) / last if last else 0.0

    def describe(self) -> str:
        """The answer and how much of the gradient reaches the flag."""
        names = {"rnn": "RNN", "lstm": "LSTM"}
        kind = names.get(self.kind) or self.said(self.kind)
        key = "own_alt" if self.kind == "own" else "alt"
        text = self.said(key, kind=kind, answer=format_number(float(f"{self.answer:.3g}")),
                         reach=format_number(float(f"{self.reach:.3g}"))) + "."  # fmt: skip
        wrong = self.own["wrong"] if self.kind == "own" else []
        said = [self.said("said_wrong", k=wrong[0], name=wrong[1])] if wrong else []
        return "\n".join([text, *said])

    def figure(self) -> Figure:
        found = self.run
        rows: list[tuple[str, np.ndarray, bool]] = [(self.said("value"), np.array(VALUES), False)]
        states = [("c", found.c), ("h", found.h)]
        for letter in GATES.get(self.kind, "ifo" if found.gates else ""):
            rows += [(f"{letter}, {k + 1}", found.gates[letter][:, k], True) for k in range(2)]
        for name, values in states:
            if values is not None:
                rows += [(f"{name}, {k + 1}", values[1:, k], False) for k in range(2)]
        figure = new_figure(8.6, 2.6 + 0.24 * len(rows))
        figure.suptitle(self.heading, fontsize=9.5, weight="bold", x=0.012, ha="left")
        strips, slopes = figure.subplots(2, 1, height_ratios=[len(rows), 8], sharex=True)
        for k, (_label, row, gate) in enumerate(rows):
            low, colours = (0, "cividis") if gate else (-1.4, "PuOr_r")
            strips.imshow(row[None], extent=(0.5, STEPS + 0.5, k + 0.5, k - 0.5), aspect="auto",
                          cmap=colours, vmin=low, vmax=1 if gate else 1.4)  # fmt: skip
            for t, v in enumerate(row):
                ink = "white" if (v < 0.55 if gate else abs(v) > 1.1) else "#111111"
                told = f"{v:.2f}".replace("-0.00", "0.00")
                strips.text(t + 1, k, told, fontsize=6, ha="center", va="center", color=ink)
        strips.set(ylim=(len(rows) - 0.5, -0.5), yticks=range(len(rows)),
                   yticklabels=[label for label, *_rest in rows])  # fmt: skip
        strips.axvspan(self.write - 0.5, self.write + 0.5, fill=False, edgecolor="#111111")
        for k, (name, gradient) in enumerate((("c", found.dc), ("h", found.dh))):
            if gradient is not None:
                sizes = np.linalg.norm(gradient[1:], axis=1)
                if self.kind == "own":  # its c has none at the end
                    sizes[sizes == 0] = np.nan
                sizes = np.maximum(sizes, 1e-9)
                slopes.semilogy(range(1, STEPS + 1), sizes, label=f"|∂L/∂{name}|",
                                marker=MARKS[k], markersize=4, **look(k))  # fmt: skip
        slopes.set(xticks=range(1, STEPS + 1), xlim=(0.5, STEPS + 0.5), xlabel=self.said("axis"))
        slopes.set_title(self.said("gradients"), fontsize=8)
        slopes.grid(color="#d5d8dd", linewidth=0.6)
        slopes.legend(fontsize=8)
        for place in (strips, slopes):
            place.tick_params(labelsize=8)
        return figure
