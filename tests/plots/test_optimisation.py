"""Pictures of optimisation show the numbers that they are given."""

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


def test_the_mean_of_the_estimates_is_marked():
    samples = {1: np.array([0.0, 4.0] * 50), 2: np.array([1.0, 3.0] * 50)}
    for place in plots.gradient_noise(samples, 2.0):
        exact, mean = place.lines
        assert exact.get_xdata()[0] == 2.0
        assert mean.get_xdata()[0] == 2.0


def test_smoothed_losses_begin_before_the_first_step():
    place = plots.smoothed_risk([3.0, 1.0], {"q": [2.0, 2.1, 2.0]}, [(2, 1.5)])
    dots, line, exact = place.lines
    np.testing.assert_array_equal(dots.get_xdata(), [1, 2])
    np.testing.assert_array_equal(line.get_xdata(), [0, 1, 2])
    assert exact.get_xydata().tolist() == [[2, 1.5]]


def test_step_sizes_and_schedules_keep_their_numbers():
    axes = plots.step_sizes(np.array([-1.0, 2.0]), {"a": [0.1, 0.2]})
    np.testing.assert_array_equal(axes[0].lines[0].get_ydata(), [1, 2])
    np.testing.assert_array_equal(axes[1].lines[0].get_ydata(), [0.1, 0.2])
    place = plots.schedules({"s": [1.0, 0.5]})
    np.testing.assert_array_equal(place.lines[0].get_ydata(), [1.0, 0.5])
