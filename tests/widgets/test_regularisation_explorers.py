"""Dropout and BatchNorm: the widgets' numbers are those of the library."""

from __future__ import annotations

import numpy as np
import pytest

import nncourse as nnc
from nncourse import nn
from nncourse.nn import functional as F

dropping = pytest.importorskip("nncourse.widgets.dropping", exc_type=ImportError)
from nncourse.widgets import normalizing  # noqa: E402


@pytest.mark.parametrize("kind", ["plain", "inverted"])
@pytest.mark.parametrize("p", [0.2, 0.5])
def test_the_ensemble_is_that_of_the_library_s_dropout(kind, p):
    """Mean and prediction of nn.PlainDropout and nn.Dropout, over many draws."""
    nnc.manual_seed(0)
    layer = (nn.PlainDropout if kind == "plain" else nn.Dropout)(p)
    values = nnc.tensor(np.tile(dropping.VALUES, (20000, 1)))
    weights = nnc.tensor(dropping.WEIGHTS)
    drawn = (layer(values) @ weights).numpy()
    widget = dropping.DropoutExplorer(p, kind=kind)
    assert widget.mean == pytest.approx(drawn.mean(), abs=0.05)
    layer.eval()
    said = (layer(nnc.tensor(dropping.VALUES[None])) @ weights).item()
    assert widget.prediction == pytest.approx(said)
    assert widget.mean == pytest.approx(widget.prediction)


def test_probabilities_of_the_masks():
    chances = dropping.chances(0.3)
    assert chances.sum() == pytest.approx(1)
    assert chances[0] == pytest.approx(0.3**6)
    assert chances[63] == pytest.approx(0.7**6)
    np.testing.assert_array_equal(dropping.MASKS[0b000101], [1, 0, 1, 0, 0, 0])


def test_behind_a_tanh_the_prediction_is_only_near_the_mean():
    widget = dropping.DropoutExplorer(0.5, bent=True)
    assert 0.01 < abs(widget.mean - widget.prediction) < 0.3
    assert widget.mean == pytest.approx(
        (dropping.chances(0.5) * np.tanh(dropping.outputs(0.5, "inverted", False))).sum()
    )


@pytest.mark.parametrize("mode", ["training", "prediction"])
def test_batch_norm_and_its_gradient_are_those_of_the_library(mode):
    settings = {"shift": 0.7, "spread": 2.5, "gamma": 1.7, "beta": -0.4}
    values = normalizing.normalise(mode=mode, **settings)
    x = nnc.tensor(values["u"][:, None], requires_grad=True)
    gamma, beta = nnc.tensor(np.array([1.7])), nnc.tensor(np.array([-0.4]))
    if mode == "training":
        out = F.batch_norm(x, None, None, gamma, beta, training=True)
    else:
        mean, variance = (nnc.tensor(np.array([f])) for f in
                          (normalizing.BATCH.mean(), normalizing.BATCH.var()))  # fmt: skip
        out = F.batch_norm(x, mean, variance, gamma, beta, training=False)
    np.testing.assert_allclose(values["out"], out.detach().numpy()[:, 0], atol=1e-9)
    (out[:, 0] * nnc.tensor(normalizing.UPSTREAM)).sum().backward()
    np.testing.assert_allclose(values["gradient"], x.grad.numpy()[:, 0], atol=1e-6)


def test_in_training_the_gradient_has_no_part_along_shift_and_spread():
    values = normalizing.normalise(1.0, 3.0, 2.0, 0.5, "training")
    assert abs(values["gradient"].sum()) < 1e-12
    assert abs(values["gradient"] @ values["hat"]) < 1e-4  # eps leaves a little
    kept = normalizing.normalise(1.0, 3.0, 2.0, 0.5, "prediction")
    assert abs(kept["gradient"].sum()) > 0.1
