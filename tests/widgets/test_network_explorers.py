"""Regions and approximation: the widgets' numbers are those of the library, their claims hold."""

from __future__ import annotations

import numpy as np
import pytest

import nncourse as nnc
from nncourse import nn
from nncourse.data.regions import region

regions = pytest.importorskip("nncourse.widgets.regions", exc_type=ImportError)
import traitlets  # noqa: E402  # comes with the widgets

from nncourse.widgets import approximation  # noqa: E402


@pytest.mark.parametrize("name", regions.OUTLINES)
def test_every_target_can_be_built(name):
    planes, combine = regions.solve(region(name))
    assert len(planes) == len(regions.START)
    widget = regions.RegionBuilder(name, planes, combine=combine)
    assert widget.agreement == 1.0
    assert widget.targets[name]["convex"] == (combine == "A")
    assert regions.RegionBuilder(name).agreement < 1, "nothing to do"


@pytest.mark.parametrize("name", regions.OUTLINES)
def test_an_outline_is_the_border_of_its_region(name):
    corners = np.array([corner for ring in regions.OUTLINES[name] for corner in ring])
    assert region(name).distance(corners).max() < 1e-12
    for ring in regions.OUTLINES[name]:
        for start, end in zip(np.array(ring), np.array([*ring[1:], ring[0]])):
            along = (start + end) / 2
            normal = np.array([start[1] - end[1], end[0] - start[0]])
            sides = along + np.outer([1e-3, -1e-3], normal)
            assert region(name).contains(sides).sum() == 1


def test_a_polygon_without_sides_is_nowhere():
    off = [[1, 0, 2, "off"]]
    for combine in ("A", "or", "minus"):
        assert not regions.inside(off, combine, regions.grid()).any()


@pytest.mark.parametrize("wrong", [[], [[1, 2, 3]], [[0, 0, 1, "A"]], [[1, 0, 0, "C"]]])
def test_wrong_planes_are_refused(wrong):
    with pytest.raises(traitlets.TraitError, match="planes"):
        regions.RegionBuilder(planes=wrong)


@pytest.mark.parametrize("activation", ["sigmoid", "relu"])
@pytest.mark.parametrize("curve", approximation.CURVES)
def test_the_weights_make_a_network_of_the_library(curve, activation):
    widget = approximation.ApproximationExplorer(curve, units=7, activation=activation)
    net = widget.weights
    first, last = nn.Linear(1, 7), nn.Linear(7, 1)
    unit = nn.ReLU() if activation == "relu" else nn.Sigmoid()
    with nnc.no_grad():
        for place, values in ((first.weight, net["hidden"][:, None]),
                              (first.bias, net["hidden_bias"]),
                              (last.weight, net["output"][None]),
                              (last.bias, net["bias"][None])):  # fmt: skip
            place.copy_(nnc.tensor(np.asarray(values, dtype=np.float32)))
    x = np.linspace(0, 1, 60)
    found = last(unit(first(nnc.tensor(x[:, None].astype(np.float32))))).detach().numpy()[:, 0]
    np.testing.assert_allclose(found, approximation.values(net, activation, x), atol=2e-5)


def test_errors_fall_as_said():
    def error(units, **settings):
        return approximation.ApproximationExplorer("sine", units=units, **settings).error

    for activation, factor in (("sigmoid", 2), ("relu", 4)):
        ratio = error(16, activation=activation) / error(32, activation=activation)
        assert ratio == pytest.approx(factor, rel=0.1)
    assert error(32, steepness=1.0) > 2 * error(32, steepness=20.0), "steps must be steep"


def test_a_jump_keeps_its_error():
    """0.82 - 0.18 is lost half on each side, however many units there are."""
    for units in (16, 64):
        widget = approximation.ApproximationExplorer("jump", units=units, activation="relu")
        assert widget.error > 0.2


def test_a_relu_network_meets_the_curve_at_its_bends():
    for f in approximation.CURVES.values():
        net = approximation.weights(f, 10, "relu", 1.0)
        x = np.arange(11) / 10
        np.testing.assert_allclose(approximation.values(net, "relu", x), f(x), atol=1e-12)


def test_a_curve_of_one_s_own_is_followed():
    widget = approximation.ApproximationExplorer(lambda x: np.exp(x), units=20, activation="relu")
    assert widget.curve == "own"
    assert widget.error < 0.002
    assert widget.png()
    widget.curve = "sine"
    widget.curve = "own"
    assert widget.error < 0.002
    with pytest.raises(traitlets.TraitError, match="function itself"):
        approximation.ApproximationExplorer("sine").curve = "own"


@pytest.mark.parametrize(
    ("curve", "told"),
    [
        (lambda x: x[:5], r"returned \(5,\)"),
        (lambda x: 1.0, r"returned \(\)"),
        (lambda x: np.log(x), "no number at x = 0"),
        (lambda x: None, "float|number"),
        (lambda x: 1 // 0, "zero"),
    ],
)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_what_is_no_curve_is_told(curve, told):
    with pytest.raises(Exception, match=told):
        approximation.ApproximationExplorer(curve)
