"""Pictures of recurrent networks show the numbers that they are given."""

import matplotlib
import numpy as np
import pytest

matplotlib.use("Agg")
from matplotlib import pyplot as plt

from nncourse import language, plots


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def test_each_task_shows_its_inputs_states_and_outputs():
    with language.using("en"):
        axes = plots.sequence_tasks()
    found = {}
    for place in axes:
        letters = [text.get_text() for text in place.texts if text.get_text()]
        found[place.get_title()] = tuple(letters.count(f"${name}$") for name in "xsy")
    assert found == {
        "one to many": (1, 4, 4),
        "many to one": (4, 4, 1),
        "step by step": (4, 4, 4),
        "reads, then writes": (3, 5, 3),
    }


def test_the_cliff_is_a_map_of_the_loss_with_the_paths_over_it():
    w, b = np.linspace(0, 2, 5), np.linspace(-1, 1, 3)
    path = np.array([[0.5, 0.0], [1.0, 0.5], [9.0, 9.0]])
    place = plots.gradient_cliff(lambda w, b: w + 10 * (b + 1), w, b, {"descent": path})
    values = np.asarray(place.collections[0].get_array()).reshape(3, 5)
    np.testing.assert_allclose(10**values - 1e-3, w + 10 * (b[:, None] + 1), atol=1e-12)
    drawn = {line.get_label(): line.get_xydata() for line in place.lines}
    np.testing.assert_array_equal(drawn["descent"], path)
    assert place.get_xlim() == (0, 2)  # what leaves the map does not widen it
    assert place.get_ylim() == (-1, 1)


def test_forecasts_stand_at_the_end_of_the_series():
    times, series = np.arange(10) + 2000, np.arange(10.0) ** 2
    place = plots.forecasts(times, series, {"long": [1, 2, 3, 4], "short": [5, 6]}, label="y")
    lines = {line.get_label(): line for line in place.lines}
    np.testing.assert_array_equal(lines["long"].get_xdata(), times[-4:])
    np.testing.assert_array_equal(lines["short"].get_xydata(), [[2008, 5], [2009, 6]])
    assert any(line.get_xdata()[0] == 2006 for line in place.lines)  # where forecasts begin
