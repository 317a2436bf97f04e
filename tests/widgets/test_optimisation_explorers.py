"""The race, momentum, minima, exchanged neurons: numbers of the library, and claims that hold."""

from __future__ import annotations

import itertools
import math
import re
import time

import numpy as np
import pytest

import nncourse as nnc
from nncourse import optim
from nncourse.autograd import functional

race = pytest.importorskip("nncourse.widgets.race", exc_type=ImportError)
from nncourse.widgets import minima, momentum, swap  # noqa: E402


@pytest.mark.parametrize("name", race.SURFACES)
def test_the_least_value_of_a_surface_is_where_it_is_said(name):
    surface = race.SURFACES[name]
    ticks = [np.linspace(a, b, 801) for a, b in zip(surface.low, surface.high)]
    values = surface.value(*np.meshgrid(*ticks))
    assert surface.least - 1e-9 <= values.min() <= surface.least + 0.01
    for start, low, high in zip(surface.start, surface.low, surface.high):
        assert low < start < high


def test_own_optimisers_run_beside_the_eight():
    widget = race.OptimizerRace(own={"mine": lambda p: optim.SGD(p, lr=race.RATES["SGD"])})
    np.testing.assert_array_equal(widget.path("mine"), widget.path("SGD"))
    before = widget.own_paths["mine"]
    widget.start = [1.0, 1.0]
    assert widget.own_paths["mine"] != before
    assert widget.own_paths["mine"][0] == [1.0, 1.0]
    assert "mine" in widget.describe()


class Wrong(optim.SGD):
    """An optimiser that fails in its third step, or in what it leaves behind."""

    def __init__(self, parameters, how):
        super().__init__(parameters, lr=0.01)
        self.how, self.steps, self.parameters = how, 0, parameters

    def step(self):
        super().step()
        self.steps += 1
        if self.steps < 3:
            return
        if self.how == "raises":
            raise KeyError("m")
        if self.how == "slow":
            time.sleep(0.06)
        with nnc.no_grad():
            if self.how == "nan":
                self.parameters[0] *= float("nan")


@pytest.mark.parametrize(
    ("how", "told"),
    [("raises", r"KeyError: 'm' \(line \d+ of step\)"), ("slow", "too slow"), ("nan", None)],
)
def test_a_mistake_in_an_own_optimiser_is_told_and_the_race_goes_on(how, told, monkeypatch):
    monkeypatch.setattr(race, "PATIENCE", 0.1)
    widget = race.OptimizerRace(own={"mine": lambda p: Wrong(p, how)}, steps=50)
    if told is None:
        assert widget.problems == {}
        assert len(widget.own_paths["mine"]) == 3
    else:
        assert re.search(told, widget.problems["mine"])
        assert told.split()[0].strip(r"\(")[:3] in widget.describe()
    assert widget.heights()["mine"] == math.inf
    assert widget.heights()["Adam"] < math.inf
    assert widget.png()
    widget.own["mine"] = lambda p: optim.SGD(p, lr=0.05)
    widget.start = [1.0, 1.0]
    assert widget.problems == {}
    assert widget.heights()["mine"] < math.inf


@pytest.mark.parametrize("make", [lambda p: None, lambda p: optim.SGD, lambda: None])
def test_what_is_no_optimiser_is_told(make):
    widget = race.OptimizerRace(own={"mine": make})
    assert "TypeError" in widget.problems["mine"]
    assert widget.own_paths["mine"] == [widget.start]


def test_a_path_ends_where_it_flies_away():
    widget = race.OptimizerRace("rosenbrock", scale=10.0, steps=100)
    assert len(widget.path("SGD")) < 100
    assert widget.heights()["SGD"] == math.inf
    assert widget.heights()["Adam"] < math.inf


def test_momentum_leaves_the_saddle_before_sgd():
    widget = race.OptimizerRace("saddle", steps=60)
    heights = widget.heights()
    assert heights["Momentum"] < 0.1 < heights["SGD"]


def test_the_rate_is_that_of_the_library_s_optimisers():
    """The error after many steps of SGD and NAG shrinks by the spectral radius."""
    for nesterov in (False, True):
        settings = {"step": 1.2, "momentum": 0.7, "nesterov": nesterov}
        p = nnc.tensor(np.array([1.0, 1.0]), requires_grad=True)
        curvature = nnc.tensor(np.array([1.0, 0.01]))
        optimizer = optim.SGD([p], lr=1.2, momentum=0.7, nesterov=nesterov)
        path = []
        for _ in range(60):
            optimizer.zero_grad()
            (0.5 * curvature * p * p).sum().backward()
            optimizer.step()
            path.append(p.detach().numpy().copy())
        if not nesterov:  # the library's Nesterov keeps the point ahead, so values differ
            for axis, c in enumerate((1.0, 0.01)):
                expected = momentum.errors(curvature=c, steps=60, **settings)[1:]
                np.testing.assert_allclose(np.array(path)[:, axis], expected, atol=1e-12)
        slow = np.abs(np.array(path)[:, 1])
        rate = momentum.rate_of(curvature=0.01, **settings)
        assert (slow[-1] / slow[-11]) ** 0.1 == pytest.approx(rate, rel=0.02)


@pytest.mark.parametrize("kappa", [4.0, 25.0, 100.0])
def test_the_best_rates_of_the_textbooks(kappa):
    root = math.sqrt(kappa)
    plain = min(momentum.rate(step, 0.0, kappa, False) for step in np.linspace(0.1, 2, 1901))
    assert plain == pytest.approx((kappa - 1) / (kappa + 1), abs=2e-3)
    step, mu = 4 / (1 + 1 / root) ** 2, ((root - 1) / (root + 1)) ** 2
    best = momentum.rate(step, mu, kappa, False)
    assert best == pytest.approx((root - 1) / (root + 1), abs=1e-6)
    rng = np.random.default_rng(0)
    for _ in range(300):
        assert momentum.rate(rng.uniform(0.1, 4), rng.random(), kappa, False) >= best - 1e-6


def test_the_slope_of_the_two_wells():
    w = np.linspace(-3, 3, 61)
    h = 1e-6
    numeric = (minima.loss(w + h, 0.15) - minima.loss(w - h, 0.15)) / (2 * h)
    np.testing.assert_allclose(minima.slope(w, 0.15), numeric, atol=1e-7)


def test_claims_about_wide_and_sharp_minima():
    quiet, loud = (
        minima.share_wide(minima.roll(0.12, rate, noise, 0))
        for rate, noise in ((0.02, 0.0), (0.2, 1.0))
    )
    assert loud > quiet + 0.2
    shifted = [float(minima.loss(at - 0.2, 0.12)) for at in (minima.WIDE, minima.SHARP)]
    assert shifted[0] < 0.3 < 0.9 < shifted[1]
    # The deepest point is in the sharp one, so training alone would prefer it.
    assert minima.loss(minima.SHARP, 0.12) < minima.loss(minima.WIDE, 0.12)
    curvature = minima.SHARP_DEPTH / 0.12**2
    step = 1e-3
    numeric = (minima.slope(1.2 + step, 0.12) - minima.slope(1.2 - step, 0.12)) / (2 * step)
    assert numeric == pytest.approx(curvature, rel=0.01)


def test_exchanged_networks_are_equal_and_the_way_between_is_not():
    x = np.linspace(-5, 5, 101)
    expected = swap.value(swap.NETWORK, x)
    for order, flip in itertools.product(swap.ORDERS, (False, True)):
        np.testing.assert_allclose(swap.value(swap.exchanged(order, flip), x), expected)
        assert swap.loss(swap.between(order, flip, 1.0)) < 1e-20
        if order != "123" or flip:
            assert swap.loss(swap.between(order, flip, 0.5)) > 0.05


def test_surfaces_have_the_gradients_of_autograd():
    """race.js has its own gradients; the twins' test compares paths made with these."""
    for surface in race.SURFACES.values():
        at = nnc.tensor(np.array([0.3, -0.7]))
        slope = functional.jacobian(lambda w, s=surface: s.value(w[0], w[1]), at).numpy()
        h = 1e-6
        numeric = [
            (surface.value(0.3 + dx, -0.7 + dy) - surface.value(0.3 - dx, -0.7 - dy)) / (2 * h)
            for dx, dy in ((h, 0), (0, h))
        ]
        np.testing.assert_allclose(slope, numeric, rtol=1e-6)
