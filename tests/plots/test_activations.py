"""Pictures of activations and of depth show the numbers that they are given."""

import matplotlib
import numpy as np
import pytest

matplotlib.use("Agg")
from matplotlib import pyplot as plt

from nncourse import plots


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def test_curves_and_derivatives_stand_side_by_side():
    z = np.linspace(-1, 1, 5)
    value, slope = plots.activation_curves(z, {"square": (z**2, 2 * z)})
    np.testing.assert_array_equal(value.lines[0].get_ydata(), z**2)
    np.testing.assert_array_equal(slope.lines[0].get_ydata(), 2 * z)


def test_layers_are_counted_from_one_and_zeros_are_drawn():
    axes = plots.deviations_through_depth({"tanh": {"zeros": [1.0, 0.0]}, "relu": {"a": [2.0]}})
    line = axes[0].lines[0]
    np.testing.assert_array_equal(line.get_xdata(), [1, 2])
    assert (line.get_ydata() > 0).all()  # a logarithmic scale has no zero


def test_the_loss_of_guessing_is_a_line():
    place = plots.loss_curves({"run": [2.0, 1.0]}, guess=2.3)
    assert [line.get_ydata()[0] for line in place.lines] == [2.0, 2.3]
