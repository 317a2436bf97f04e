"""Activations and initial values: the widgets' numbers are the library's, their claims hold."""

from __future__ import annotations

import re

import numpy as np
import pytest

import nncourse as nnc
from nncourse import nn
from nncourse.nn import functional as F

traitlets = pytest.importorskip("traitlets", reason="traitlets is not installed")
depth = pytest.importorskip("nncourse.widgets.depth", exc_type=ImportError)
from nncourse.widgets import activations  # noqa: E402
from nncourse.widgets.explorer import normals  # noqa: E402


@pytest.mark.parametrize("activation", ["tanh", "relu", "sigmoid"])
@pytest.mark.parametrize("init", ["xavier", "orthogonal"])
def test_both_passes_agree_with_autograd(activation, init):
    settings = {"activation": activation, "init": init, "scale": 1.3, "depth": 3, "seed": 1}
    forward, backward = depth.passes(**settings)
    stream = normals(1)

    def draw():
        numbers = [next(stream) for _ in range(depth.WIDTH**2)]
        return np.array(numbers).reshape(depth.WIDTH, depth.WIDTH)

    a, scores = nnc.tensor(draw()), []
    for _layer in range(3):
        z = a @ nnc.tensor(depth.weight(draw(), init, 1.3)).T
        scores.append(z.detach().requires_grad_())
        a = getattr(F, activation)(z)
    np.testing.assert_allclose(a.numpy(), forward[-1], atol=1e-12)
    upstream = nnc.tensor(draw())
    stream = normals(1)
    a = nnc.tensor(draw())
    parts = []
    for _layer in range(3):
        z = (a @ nnc.tensor(depth.weight(draw(), init, 1.3)).T).requires_grad_()
        z.retain_grad()
        parts.append(z)
        a = getattr(F, activation)(z)
    (a * upstream).sum().backward()
    for z, expected in zip(parts, backward):
        np.testing.assert_allclose(z.grad.numpy(), expected, atol=1e-12)


def test_initial_values_have_the_deviations_of_the_library():
    drawn = np.random.default_rng(0).normal(size=(depth.WIDTH, depth.WIDTH))
    makers = {
        "xavier": nn.init.xavier_normal_,
        "he": lambda w: nn.init.kaiming_normal_(w, nonlinearity="relu"),
    }
    for init, make in makers.items():
        nnc.manual_seed(0)
        many = [make(nnc.empty(depth.WIDTH, depth.WIDTH)).numpy().std() for _ in range(30)]
        assert depth.DEVIATIONS[init] == pytest.approx(np.mean(many), rel=0.02)
        assert depth.weight(drawn, init, 1.0).std() == pytest.approx(
            depth.DEVIATIONS[init] * drawn.std()
        )
    square = depth.weight(drawn, "orthogonal", 1.0)
    np.testing.assert_allclose(square @ square.T, np.eye(depth.WIDTH), atol=1e-10)


@pytest.mark.parametrize(
    ("activation", "init", "low", "high"),
    [("tanh", "xavier", 0.1, 3), ("relu", "he", 0.1, 5), ("tanh", "small", 0, 1e-6),
     ("sigmoid", "he", 0, 1e-3), ("relu", "xavier", 0, 0.1), ("tanh", "zeros", 0, 0)],
)  # fmt: skip
def test_what_is_said_about_initial_values(activation, init, low, high):
    ratios = [
        depth.DepthExplorer(activation, init=init, depth=12, seed=seed).ratio for seed in range(5)
    ]
    assert low <= np.median(ratios) <= high


@pytest.mark.parametrize("name", activations.NAMES)
def test_slopes_are_derivatives(name):
    z = np.array([-3.3, -0.7, 0.4, 2.9])
    h = 1e-6
    low, high = (activations.value_and_slope(name, z + d, 0.2)[0] for d in (-h, h))
    slopes = activations.value_and_slope(name, z, 0.2)[1]
    np.testing.assert_allclose(slopes, (high - low) / (2 * h), atol=1e-8)


def test_ten_sigmoids_let_a_millionth_through():
    widget = activations.ActivationExplorer("sigmoid", z=0.0, depth=10)
    assert widget.slope == 0.25
    assert widget.through == pytest.approx(4.0**-10)
    assert "ReLU" in activations.ActivationExplorer("relu").describe()


def test_a_function_of_one_s_own_is_drawn_beside_the_others():
    own = {"swish": lambda z: z * F.sigmoid(z)}
    widget = activations.ActivationExplorer("swish", own=own, z=1.0, depth=3)
    assert widget.problems == {}
    s = 1 / (1 + np.exp(-1.0))
    assert widget.slope == pytest.approx(s + s * (1 - s))
    assert widget.through == pytest.approx(widget.slope**3)
    values, slopes = widget.own_tables["swish"]
    assert values[140] == pytest.approx(s)  # the place of z = 1
    assert slopes[140] == pytest.approx(widget.slope)
    assert "swish" in widget.describe()
    widget.compare = True
    assert widget.png()


@pytest.mark.parametrize(
    ("function", "told"),
    [
        (lambda z: 1 / 0, r"ZeroDivisionError.*\(line \d+ of <lambda>\)"),
        (lambda z: z.detach().numpy(), "returned ndarray"),
        (lambda z: z.sum(), "each element"),
        (lambda z: F.softmax(z, dim=0), "mixes"),
        (lambda z: nnc.tensor(z.detach().numpy()), "no gradient|requires"),
        (lambda: 0, "TypeError"),
    ],
)
def test_what_is_no_activation_is_told_and_the_others_are_drawn(function, told):
    widget = activations.ActivationExplorer("tanh", own={"mine": function}, compare=True)
    assert re.search(told, widget.problems["mine"])
    assert widget.problems["mine"] in widget.describe()
    assert widget.png()
    widget.activation = "mine"
    assert np.isnan(widget.slope)
    assert widget.png()


def test_a_function_may_be_undefined_somewhere():
    widget = activations.ActivationExplorer("log", own={"log": lambda z: z.log()}, z=2.0)
    assert widget.slope == pytest.approx(0.5)
    assert widget.own_tables["log"][0][0] is None
    with pytest.raises(ValueError, match="relu"):
        activations.ActivationExplorer(own={"relu": F.relu})
    with pytest.raises(traitlets.TraitError, match="swish"):
        activations.ActivationExplorer("swish")
