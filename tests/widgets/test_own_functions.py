"""The student's own functions in widgets: shown like the built-in ones, refused with a reason."""

from __future__ import annotations

import json

import numpy as np
import pytest

import nncourse as nnc
from nncourse import nn
from nncourse.nn import functional as F

traitlets = pytest.importorskip("traitlets", reason="traitlets is not installed")
widgets = pytest.importorskip("nncourse.widgets", exc_type=ImportError)
pytest.importorskip("anywidget", reason="anywidget is not installed; widgets need it")
from nncourse.widgets import depth, descent_own, difference  # noqa: E402
from nncourse.widgets.memory_cells import UNITS  # noqa: E402


def swish(z):
    return z * F.sigmoid(z)


def broken(z):
    return z.no_such_method()


# Functions that no widget can draw, and what the reader is told about each.
BAD = {
    "sum": (lambda z: z.sum(), r"act on each element: of \(\d+,\) numbers it made \(\)"),
    "mixing": (lambda z: F.softmax(z, dim=0), "this one mixes them"),
    "number": (lambda z: 3.0, "must return a Tensor; it returned float"),
    "cut": (lambda z: (z * z).detach(), "no gradient comes back"),
    "broken": (broken, r"no_such_method.*\(line \d+ of broken\)"),
    "slope": ((np.sin, lambda z: np.ones(3)), r"the slope must act on each element"),
    "three": ((np.sin, np.cos, np.sin), "a pair must be two functions"),
    "text": ("sin", "a function is needed, or a pair of them; got str"),
}


def tells(widget, name, pattern):
    import re

    assert re.search(pattern, widget.problems[name]), widget.problems
    assert widget.problems[name] in widget.describe()
    assert widget.png()[:4] == b"\x89PNG"


# The numerical gradient.


def test_a_function_is_followed_as_the_built_in_one_is():
    own = {"mine": lambda x: x.sin(), "pair": (np.sin, np.cos)}
    for name in own:
        widget = widgets.NumericalGradient(name, x=0.7, own=own)
        for x, h, method, dtype in [
            (0.7, 1e-5, "forward", "float64"), (1.3, 1e-3, "central", "float64"),
            (1.3, 1e-12, "complex", "float64"), (0.2, 1e-4, "forward", "float32"),
        ]:  # fmt: skip
            widget.x, widget.h, widget.method, widget.dtype = x, h, method, dtype
            plain = widgets.NumericalGradient("sin", x=x, h=h, method=method, dtype=dtype)
            noise = 1e-7 if dtype == "float32" else 1e-15
            assert widget.exact == pytest.approx(plain.exact, abs=noise)
            assert widget.error == pytest.approx(plain.error, abs=4 * noise / h + 1e-15)
            sent = widget.own_numbers
            assert sent["at"] == [name, x, h, method, dtype]
            assert (sent["exact"], sent["error"]) == (widget.exact, widget.error)
            away = dict(map(tuple, sent["points"]))[2.0]
            assert away == pytest.approx(np.sin(x + 2) - np.sin(x), abs=1e-6)
        assert widget.describe().startswith("Derivative of")
        assert widget.png()[:4] == b"\x89PNG"


def test_a_wrong_slope_is_told_from_a_wrong_h():
    def cause(slope, x=0.5):
        own = {"mine": (lambda x: x * np.sin(x), slope)}
        widget = widgets.NumericalGradient("mine", x=x, own=own)
        return widget.own_numbers["cause"], widget.describe()

    right = cause(lambda x: np.sin(x) + x * np.cos(x))
    assert right[0] in ("truncation", "roundoff", "exact")
    wrong = cause(np.cos)
    assert wrong[0] == "never"
    assert "No h makes the error small" in wrong[1]
    # At 0 both slopes are 0 and 1; a mistake in the hundredths is found as well.
    assert cause(lambda x: 1.01 * (np.sin(x) + x * np.cos(x)))[0] == "never"


def test_points_without_a_number_and_functions_without_complex_ones():
    def real(x):
        if np.iscomplexobj(x):
            raise TypeError("no complex numbers, please")
        return np.abs(x)

    own = {"log": lambda x: x.log(), "relu_": F.relu, "real": (real, np.sign)}
    widget = widgets.NumericalGradient("log", x=-1.0, own=own)
    assert widget.own_numbers["cause"] == "nowhere"
    assert widget.own_numbers["numerical"] is None
    json.dumps(widget.own_numbers, allow_nan=False)
    assert widget.png()[:4] == b"\x89PNG"
    widget.function, widget.x, widget.method = "real", 1.0, "complex"
    assert widget.own_numbers["cause"] == "real"
    widget.function, widget.method, widget.x = "relu_", "central", 0.0
    assert widget.own_numbers["cause"] == "never"  # a kink


@pytest.mark.parametrize("name", BAD)
def test_a_bad_function_is_told_by_every_widget_that_takes_one(name):
    function, pattern = BAD[name]
    own = {"mine": function}
    tells(widgets.NumericalGradient("mine", own=own), "mine", pattern)
    tells(widgets.ActivationExplorer("mine", own=own), "mine", pattern)
    tells(widgets.DepthExplorer("mine", own=own), "mine", pattern)


def test_names_of_the_library_stay_its_own():
    for make in (
        lambda: widgets.NumericalGradient(own={"sin": np.sin}),
        lambda: widgets.DescentExplorer(own={"wells": np.sin}),
        lambda: widgets.DepthExplorer(own={"tanh": np.tanh}),
        lambda: widgets.DepthExplorer(own_init={"he": np.zeros}),
    ):
        with pytest.raises(ValueError, match="is the name of one of the library's"):
            make()
    for make in (
        lambda: widgets.NumericalGradient("mine"),
        lambda: widgets.DescentExplorer("mine"),
        lambda: widgets.DepthExplorer("mine"),
        lambda: widgets.DepthExplorer(init="mine"),
        lambda: widgets.MemoryCell("own"),
    ):
        with pytest.raises(traitlets.TraitError):
            make()


def test_an_activation_may_be_a_pair_with_the_student_s_own_slope():
    widget = widgets.ActivationExplorer("square", own={"square": (np.square, lambda z: 2 * z)})
    widget.z = 1.5
    assert widget.slope == 3.0


# Descent.


def test_descent_on_a_loss_of_one_s_own_is_the_known_one():
    """x' = (1 - 2 a rate) x on a parabola, with autograd and with the student's gradient."""
    losses = {
        "tensor": lambda w: w[0] ** 2 + 4 * w[1] ** 2,
        "pair": (lambda w: w[0] ** 2 + 4 * w[1] ** 2, lambda w: np.array([2 * w[0], 8 * w[1]])),
    }
    for name in losses:
        widget = widgets.DescentExplorer(name, rate=0.1, start=[1, -2], own=losses, total=12)
        k = np.arange(13)
        expected = np.stack([0.8**k, -2 * 0.2**k], axis=1)
        np.testing.assert_allclose(widget.path.w, expected, atol=1e-12)
        np.testing.assert_allclose(widget.own_path["w"], widget.path.w)
        np.testing.assert_allclose(widget.path.risk, expected**2 @ [1, 4], atol=1e-12)
        smooth = widget.path.smooth
        assert smooth[1] == pytest.approx(smooth[0])
        assert smooth[2] == pytest.approx(0.9 * smooth[1] + 0.1 * widget.path.risk[1])
        widget.rate = 0.05
        np.testing.assert_allclose(widget.own_path["w"][1], [0.9, -1.2])
        assert widget.png()[:4] == b"\x89PNG"
        grid = np.array(widget.own_surfaces[name]["grid"]).reshape(61, 61)
        assert grid[30, 30] == pytest.approx(0, abs=1e-12)
        assert grid[30, 60] == pytest.approx(9)  # w1 runs along the rows
        assert grid[60, 30] == pytest.approx(36)


def test_the_number_of_weights_is_found_and_a_start_settles_it():
    both = {"one": lambda w: w[0] ** 2, "two": lambda w: w[0] ** 2 + w[1] ** 2,
            "any": lambda w: (w**2).sum()}  # fmt: skip
    for name, count in (("one", 1), ("two", 2), ("any", 1)):
        assert len(widgets.DescentExplorer(name, own=both).start) == count
    assert len(widgets.DescentExplorer("any", own=both, start=[1, 1]).path.w[0]) == 2


@pytest.mark.parametrize(
    ("loss", "pattern"),
    [
        (lambda w: np.ones(3), "must return one number for w of shape"),
        (broken, r"no_such_method.*\(line \d+ of broken\)"),
        (lambda w: float((w**2).sum().item()), "no gradient comes back"),
        ((lambda w: (w**2).sum(), lambda w: 2.0), "the gradient must have the shape of w"),
        (lambda w: (w * np.nan).sum(), "is no number anywhere"),
        (3, "a function is needed"),
    ],
)
def test_a_bad_loss_is_told(loss, pattern):
    tells(widgets.DescentExplorer("mine", own={"mine": loss}), "mine", pattern)
    plain = widgets.DescentExplorer(own={"mine": loss})  # the others go on
    assert len(plain.path.w) == 101


def test_a_wrong_gradient_is_told_and_a_right_one_is_not():
    def explorer(gradient):
        own = {"mine": (lambda w: (w[0] ** 2 - 1) ** 2, gradient)}
        return widgets.DescentExplorer("mine", rate=0.01, own=own)

    right = explorer(lambda w: 4 * w * (w**2 - 1))
    wrong = explorer(lambda w: 2 * w * (w**2 - 1))
    assert right.losses["mine"].wrong == ""
    assert "Your gradient at w = " in wrong.own_surfaces["mine"]["wrong"]
    assert wrong.losses["mine"].wrong in wrong.describe()


def test_a_path_that_leaves_the_numbers_ends():
    widget = widgets.DescentExplorer("log", rate=1.0, own={"log": lambda w: w[0] ** 2 - w[0].log()})
    assert len(widget.path.w) < widget.total
    assert "no number" in widget.describe()
    json.dumps(widget.own_path, allow_nan=False)
    assert widget.png()[:4] == b"\x89PNG"


def test_a_loss_that_takes_too_long_is_told(monkeypatch):
    monkeypatch.setattr(descent_own, "PATIENCE", 0.0)
    widget = widgets.DescentExplorer("slow", own={"slow": lambda w: w[0] ** 2})
    assert "too slow to draw" in widget.problems["slow"]


# Depth.


def test_an_own_activation_and_initialisation_give_the_built_in_numbers():
    own = {"mine": lambda z: z.tanh(), "pair": (np.tanh, lambda z: 1 - np.tanh(z) ** 2)}
    plain = widgets.DepthExplorer("tanh", init="xavier", depth=5)
    for name in own:
        widget = widgets.DepthExplorer(name, init="xavier", depth=5, own=own)
        for found, expected in zip(widget.passes, plain.passes):
            np.testing.assert_allclose(found, expected, atol=1e-12)
        sent = np.frombuffer(widget.own_numbers, np.float32).reshape(2, 5, 32, 32)
        np.testing.assert_allclose(sent, widget.passes, rtol=1e-5, atol=1e-7)
        assert widget.own_at["depth"] == 5
        widget.depth = 3
        assert widget.own_at["depth"] == 3
        assert len(widget.own_numbers) == 4 * 2 * 3 * 32 * 32


def test_initial_values_of_one_s_own_reach_every_layer():
    seen = []

    def mine(fan_out, fan_in, rng):
        seen.append(rng.normal(0, fan_in**-0.5, (fan_out, fan_in)))
        return seen[-1]

    def library(fan_out, fan_in, rng):
        return nn.init.zeros_(nnc.empty(fan_out, fan_in))

    widget = widgets.DepthExplorer("tanh", init="mine", depth=4, own_init={"mine": mine})
    seen.clear()
    activations, _gradients = widget.passes
    assert len(seen) == 4
    assert len({one.tobytes() for one in seen}) == 4  # other numbers in every layer
    np.testing.assert_allclose(activations[1], np.tanh(activations[0] @ seen[1].T))
    assert widgets.DepthExplorer(init="zero", own_init={"zero": library}).ratio == 0
    assert widget.png()[:4] == b"\x89PNG"


@pytest.mark.parametrize(
    ("make", "pattern"),
    [
        (lambda n, m, rng: rng.normal(size=n), r"shape \(32, 32\); they have \(32,\)"),
        (lambda n, m, rng: np.full((n, m), np.nan), "must be finite numbers"),
        (lambda n, m: np.zeros((n, m)), "TypeError"),
        (lambda n, m, rng: broken(rng), r"line \d+ of broken"),
    ],
)
def test_bad_initial_values_are_told(make, pattern):
    tells(widgets.DepthExplorer(init="mine", own_init={"mine": make}), "mine", pattern)


def test_an_activation_that_leaves_the_numbers_is_no_gradient_that_flows():
    widget = widgets.DepthExplorer("log", own={"log": lambda z: z.log()})
    assert not np.isfinite(widget.ratio)
    assert widget.png()[:4] == b"\x89PNG"
    assert depth.DepthExplorer("swish", own={"swish": swish}).ratio > 0


# The memory cell.


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def lstm_step(x, h, c, Wx, Wh, b):
    z = np.split(x @ Wx.T + h @ Wh.T + b, 4, axis=1)
    i, f, g, o = sigmoid(z[0]), sigmoid(z[1]), np.tanh(z[2]), sigmoid(z[3])
    c_next = f * c + i * g
    return o * np.tanh(c_next), c_next, np.concatenate([i, f, g, o], axis=1)


def lstm_step_backward(dh_next, dc_next, x, h, c, c_next, gates, Wx, Wh):
    i, f, g, o = np.split(gates, 4, axis=1)
    t = np.tanh(c_next)
    cell = dc_next + dh_next * o * (1 - t**2)
    parts = [cell * g * i * (1 - i), cell * c * f * (1 - f), cell * i * (1 - g**2),
             dh_next * t * o * (1 - o)]  # fmt: skip
    dz = np.concatenate(parts, axis=1)
    return dz, cell * f, dz @ Wx, dz @ Wh, dz.T @ x, dz.T @ h, dz.sum(axis=0)


def test_an_lstm_of_one_s_own_has_the_numbers_of_the_built_in_one():
    plain = widgets.MemoryCell("lstm", forget=2.5, write=5)
    for backward in (None, lstm_step_backward):
        widget = widgets.MemoryCell(cell=lstm_step, backward=backward, forget=2.5, write=5)
        assert widget.kind == "own"
        wanted, found = plain.run, widget.run
        np.testing.assert_allclose(found.h, wanted.h, atol=1e-12)
        np.testing.assert_allclose(found.c, wanted.c, atol=1e-12)
        np.testing.assert_allclose(found.gates["f"], wanted.gates["f"], atol=1e-12)
        np.testing.assert_allclose(found.dh, wanted.dh, atol=1e-8)
        # The whole gradient of c is what goes back to it, and what goes by h of the same step.
        o, bend = wanted.gates["o"], np.tanh(wanted.c[1:])
        whole = found.dc[1:] + found.dh[1:] * o * (1 - bend**2)
        np.testing.assert_allclose(whole, wanted.dc[1:], atol=1e-8)
        assert widget.own["wrong"] == []
        widget.forget = -1.0
        assert widget.own["h"] != np.array(found.h).tolist()
        assert widget.png()[:4] == b"\x89PNG"
        assert "cell=lstm_step" in repr(widget)
        widget.kind = "gru"
        assert widget.run.c is None


@pytest.mark.parametrize(
    ("change", "name"),
    [
        (lambda given: (given[0], 0 * given[1], *given[2:]), "dc"),
        (lambda given: (*given[:2], -given[2], *given[3:]), "dx"),
        (lambda given: (*given[:3], 1.001 * given[3], *given[4:]), "dh"),
    ],
)
def test_a_wrong_way_back_is_told_with_its_step(change, name):
    def backward(*arrays):
        return change(lstm_step_backward(*arrays))

    widget = widgets.MemoryCell(cell=lstm_step, backward=backward)
    step, told = widget.own["wrong"]
    assert told == name
    assert step >= 15
    assert f"At step {step} your {name} is not" in widget.describe()
    assert widget.own["numerical"][0] > 0


def test_a_cell_without_gates_or_without_c_is_shown():
    def gru_like(x, h, c, Wx, Wh, b):
        return 0.9 * h + 0.1 * np.tanh(x @ Wx[:UNITS].T), c

    widget = widgets.MemoryCell(cell=gru_like)
    assert widget.own["gates"] == {}
    assert widget.reach == pytest.approx(0.9**13, rel=1e-6)  # from step 16 back to step 3
    assert widget.png()[:4] == b"\x89PNG"


@pytest.mark.parametrize(
    ("cell", "pattern"),
    [
        (lambda *a: 3, "has to return the new h and c"),
        (lambda x, h, c, *a: (h, c[0]), r"the new c, finite numbers of shape \(1, 2\)"),
        (lambda x, h, c, *a: (h * np.nan, c), "the new h, finite numbers"),
        (lambda x, h, c, *a: (h, c, c), r"of shape \(1, 8\); they are \(1, 2\)"),
    ],
)
def test_a_bad_cell_is_refused(cell, pattern):
    with pytest.raises(ValueError, match=pattern):
        widgets.MemoryCell(cell=cell)


def test_a_bad_way_back_is_refused():
    with pytest.raises(ValueError, match="give both"):
        widgets.MemoryCell(backward=lstm_step_backward)
    with pytest.raises(ValueError, match=r"dx has to be .* missing"):
        widgets.MemoryCell(cell=lstm_step, backward=lambda *a: lstm_step_backward(*a)[:2])


def test_the_estimates_of_the_built_in_curves_take_a_curve_as_well():
    curve = difference.CURVES["cube"]
    for method in difference.METHODS:
        point = (1.3, 1e-4, method, "float64")
        assert difference.error(curve, *point) == difference.error("cube", *point)
        assert difference.cause(curve, *point) == difference.cause("cube", *point)
        steps, errors = difference.sweep("cube", 1.3, method, "float64")
        one_by_one = [difference.error("cube", 1.3, float(h), method, "float64") for h in steps]
        np.testing.assert_allclose(errors, one_by_one, atol=1e-14)
