"""Pictures of the first lecture show what they are given."""

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


def test_errors_of_the_fits_stand_above():
    x = np.linspace(-1, 1, 9)
    axes = plots.polynomial_fits((x, x**2), (x, x**2 + 3), degrees=(1, 2))
    assert axes[1].get_title() == "degree 2: 0.00 and 3.00"
    np.testing.assert_allclose(axes[1].lines[2].get_ydata(), axes[1].lines[2].get_xdata() ** 2)


def test_learning_curves_have_their_sizes_as_ticks():
    place = plots.learning_curves([10, 100], {"a": [0.5, 0.9], "b": [0.6, 0.7]})
    assert [tick.get_text() for tick in place.get_xticklabels()] == ["10", "100"]
    assert [line.get_ydata()[1] for line in place.lines] == [0.9, 0.7]


def test_every_year_has_its_text():
    place = plots.timeline({1957: "a", 2012: "b", 1986: "c"})
    assert [text.get_text() for text in place.texts] == ["1957\na", "1986\nc", "2012\nb"]
