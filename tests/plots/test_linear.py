"""Pictures of linear models show the numbers that they claim to show."""

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


def test_the_marks_are_at_mean_and_median():
    place = plots.constant_losses([1, 2, 2, 9])
    marks = [line.get_xdata()[0] for line in place.lines if len(line.get_xdata()) == 1]
    assert marks == [3.5, 2.0]
    for line in place.lines[:1]:
        c, loss = line.get_data()
        assert c[loss.argmin()] == pytest.approx(3.5, abs=0.05)


def test_the_slopes_drawn_are_those_of_the_losses():
    values, slopes = plots.binary_losses()
    for value, slope in zip(values.lines, slopes.lines):
        h, loss = value.get_data()
        np.testing.assert_allclose(np.gradient(loss, h)[1:-1], slope.get_ydata()[1:-1], atol=2e-3)


def test_the_largest_score_stands_out():
    rng = np.random.default_rng(0)
    image, weight = rng.random(64), rng.normal(size=(10, 64))
    scores = weight @ image
    axes = plots.image_to_scores(image, weight, scores)
    widths = [bar.get_width() for bar in axes[3].patches]
    np.testing.assert_allclose(widths, scores)
    colours = [bar.get_facecolor() for bar in axes[3].patches]
    assert colours.count(colours[int(scores.argmax())]) == 1
    np.testing.assert_array_equal(axes[0].images[0].get_array(), image.reshape(8, 8))


def test_each_row_of_weights_is_an_image():
    weights = {"a": np.arange(640.0).reshape(10, 64), "b": -np.ones((10, 64))}
    axes = plots.weight_images(weights)
    assert axes.shape == (2, 10)
    np.testing.assert_array_equal(axes[0, 3].images[0].get_array(), weights["a"][3].reshape(8, 8))
    assert axes[0, 0].images[0].get_clim() == (-639, 639)
