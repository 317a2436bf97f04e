"""The memory's gates: its numbers are those of the library's layers, its claims hold."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import nncourse as nnc
from nncourse import nn

pytest.importorskip("anywidget", reason="anywidget is not installed; widgets need it")
from nncourse.widgets import MemoryCell
from nncourse.widgets import memory_cells as cells
from nncourse.widgets.memory_cells import Settings, run

LAYERS = {"rnn": (nn.RNN, "g"), "lstm": (nn.PeepholeLSTM, "ifgo"), "gru": (nn.GRU, "rzn"),
          "original_gru": (nn.OriginalGRU, "rzn")}  # fmt: skip
SHUT = {"open": 60.0, "closed": -60.0}  # a sigmoid of it is 1, or 0 to the 26th place


def layer_of(settings):
    """The library's layer with the weights of the widget; a forced gate has a huge bias only."""
    make, gates = LAYERS[settings.kind]
    options = {"peepholes": settings.peepholes} if settings.kind == "lstm" else {}
    layer = make(3, cells.UNITS, bias=True, dtype=np.float64, **options)
    forced = settings.forced or {}
    with nnc.no_grad():
        layer.bias_hh_l0[:] = 0
        for k, gate in enumerate(gates):
            rows = slice(k * cells.UNITS, (k + 1) * cells.UNITS)
            W, U, b = cells.weights(settings.kind, gate, settings.forget)
            shut = gate in forced
            layer.weight_ih_l0[rows] = nnc.tensor(0 * W if shut else W)
            layer.weight_hh_l0[rows] = nnc.tensor(0 * U if shut else U)
            layer.bias_ih_l0[rows] = SHUT[forced[gate]] if shut else nnc.tensor(b.astype(float))
        for gate in settings.peepholes:
            p = 0.0 if gate in forced else nnc.tensor(np.array(cells.PEEPHOLE[gate]))
            getattr(layer, f"weight_c{gate}_l0")[:] = p
    return layer


def by_the_library(settings):
    """States and their gradients, step by step through the fused layer."""
    layer, lstm = layer_of(settings), settings.kind == "lstm"
    zero = nnc.tensor(np.zeros((1, 1, cells.UNITS)), requires_grad=True)
    states = [(zero, nnc.tensor(np.zeros((1, 1, cells.UNITS)), requires_grad=True))]
    for x in cells.inputs(settings.write):
        before = states[-1] if lstm else states[-1][0]
        after = layer(nnc.tensor(x[None, None]), before)[1]
        states.append(after if lstm else (after,))
        for state in states[-1]:
            state.retain_grad()
    states[-1][0][0, 0, 0].backward()
    found = {}
    for name, kind in zip("hc", zip(*states)):
        found[name] = np.array([s.detach().numpy().ravel() for s in kind])
        zeros = np.zeros(cells.UNITS)
        found[f"d{name}"] = np.array(
            [zeros if s.grad is None else s.grad.numpy().ravel() for s in kind]
        )
    return found


CASES = [
    *(Settings(kind, forget=forget) for kind in LAYERS for forget in (-1.0, 2.0)),
    *(Settings(peepholes="".join(some), forget=2.0, write=5)
      for n in (1, 2, 3) for some in itertools.combinations("ifo", n)),
    *(Settings(kind, {gate: how}, peepholes="ifo" if kind == "lstm" else "")
      for kind, gates in cells.GATES.items() for gate in gates for how in ("open", "closed")),
]  # fmt: skip


@pytest.mark.parametrize("settings", CASES, ids=str)
def test_states_and_gradients_are_those_of_the_library(settings):
    wanted, found = by_the_library(settings), vars(run(settings))
    if settings.kind == "lstm":  # the layer gives h and c side by side; c acts through h as well
        o, bend = found["gates"]["o"], np.tanh(wanted["c"][1:])
        slope = 0 if "o" in (settings.forced or {}) else o * (1 - o)
        p = np.array(cells.PEEPHOLE["o"]) if "o" in settings.peepholes else 0
        wanted["dc"][1:] += wanted["dh"][1:] * (o * (1 - bend**2) + bend * slope * p)
    for name in ("h", "dh", *(("c", "dc") if settings.kind == "lstm" else ())):
        np.testing.assert_allclose(found[name], wanted[name], rtol=1e-9, atol=1e-12, err_msg=name)


@pytest.mark.parametrize("kind", ["lstm", "gru", "original_gru"])
def test_what_is_kept_and_written_makes_the_state(kind):
    found = run(Settings(kind, forget=2.0))
    state = found.h if found.c is None else found.c
    np.testing.assert_allclose(found.kept + found.written, state[1:])


def test_the_flag_is_written_kept_and_shown():
    gates = run(Settings(forget=5.0)).gates
    assert gates["i"][2, 0] > 0.9 > 0.1 > np.delete(gates["i"][:, 0], 2).max()
    assert gates["o"][-1, 0] > 0.8 > 0.2 > gates["o"][:-1, 0].max()
    assert MemoryCell("lstm", forget=5.0).answer > 0.4
    assert abs(MemoryCell("lstm", forget=0.0).answer) < 0.05


def test_what_gates_do_to_the_gradient():
    assert MemoryCell("rnn").reach < 1e-3
    assert MemoryCell("lstm", f="open").reach == pytest.approx(1, rel=0.2)
    assert MemoryCell("lstm", f="closed").reach < 1e-3
    # With all three forced the cell is a conveyor: the gradient goes back unchanged.
    shut = MemoryCell("lstm", f="open", i="closed", o="open").run
    np.testing.assert_allclose(shut.dc[1:, 0], shut.dc[-1, 0])
    # A closed output gate lets nothing in from the answer.
    assert MemoryCell("lstm", o="closed").run.dc[-1, 0] == 0
    grown = [MemoryCell("lstm", forget=b).reach for b in (-2.0, 0.0, 1.0, 3.0, 5.0)]
    assert grown == sorted(grown)
    assert grown[0] < 1e-6 < 0.3 < grown[-1]


def test_the_two_conventions_of_a_gru():
    """z is exchanged with 1 - z; with a reset of 1 for all units nothing else differs."""
    torch, lecture = (run(Settings(kind, {"r": "open"})) for kind in ("gru", "original_gru"))
    np.testing.assert_allclose(torch.gates["z"], 1 - lecture.gates["z"])
    np.testing.assert_allclose(torch.h, lecture.h)
    np.testing.assert_allclose(torch.dh, lecture.dh)
    free = [run(Settings(kind)).h for kind in ("gru", "original_gru")]
    assert abs(free[0] - free[1]).max() > 1e-3  # the place of the reset


def test_only_gates_have_peepholes():
    with pytest.raises(Exception, match="some of 'ifo'"):
        MemoryCell(peepholes="g")
    assert MemoryCell(peepholes="oi").peepholes == "io"
    assert repr(MemoryCell("gru", z="open")) == "MemoryCell('gru', z='open')"
