"""Pictures of networks with layers show what they claim."""

import matplotlib
import numpy as np
import pytest

matplotlib.use("Agg")
from matplotlib import pyplot as plt

from nncourse import plots
from nncourse.data.regions import region


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def test_a_map_shows_the_model():
    x = np.array([[0.0, 0.0], [1.0, 1.0]])
    axes = np.atleast_1d(plots.decision_maps({"m": lambda p: (p[:, 0] > 0.5) * 1.0}, x, [0, 1]))
    values = axes[0].collections[0].get_array().reshape(121, 121)
    assert (values[:, :59] == 0).all()
    assert (values[:, 62:] == 1).all()


def test_layers_of_a_region_are_counted():
    titles = [place.get_title() for place in plots.region_layers(region("islands"))]
    assert titles == ["half-planes: 11", "polygons: 3", "region"]


def test_pieces_of_the_folded_line_are_counted():
    titles = [place.get_title() for place in plots.folded_lines((1, 3, 5, 8))]
    assert [title.split()[-1] for title in titles] == ["2", "8", "32", "256"]


def test_ratios_of_times():
    place = plots.timings({"slow": 2.0, "fast": 0.5})
    assert [text.get_text() for text in place.texts] == ["×4", "×1"]
