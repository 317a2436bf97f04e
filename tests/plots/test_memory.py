"""Pictures of gated networks show the numbers that they are given."""

import matplotlib
import numpy as np
import pytest

matplotlib.use("Agg")
from matplotlib import pyplot as plt
from matplotlib.colors import to_hex

from nncourse import plots
from nncourse.plots import style


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def test_the_cell_grows_by_one_gate_a_panel():
    axes = plots.lstm_steps().ravel()
    assert len(axes) == 4
    for k, place in enumerate(axes):
        colours = {text.get_text(): to_hex(text.get_color()) for text in place.texts}
        new = ("$f_t$", "$i_t$", "$c_t$", "$o_t$")
        for step, name in enumerate(new):
            wanted = (style.INK, style.VERMILLION, style.GRID)[np.sign(step - k) + 1]
            assert colours[name] == wanted, (k, name)
        gates = [text for text in place.texts if text.get_text() == "$\\sigma$"]
        assert len(gates) == 3


def test_strips_hold_gates_from_0_to_1_and_states_by_their_size():
    gate, state = np.array([[0.0, 0.5], [1.0, 0.2]]), np.array([[3.0], [-1.0]])
    axes = plots.gate_strips({"f": gate}, {"c": state}, marks=[1])
    first, second = (place.images[0] for place in axes)
    np.testing.assert_array_equal(first.get_array(), gate.T)
    np.testing.assert_array_equal(second.get_array(), state.T)
    assert first.get_clim() == (0, 1)
    assert second.get_clim() == (-3, 3)
    assert [place.lines[0].get_xdata().tolist() for place in axes] == [[2], [2]]


def test_gradients_are_relative_to_the_last_step():
    place = plots.gradient_through_time({"a": [0.5, 1.0, 2.0]})
    np.testing.assert_array_equal(place.lines[0].get_ydata(), [0.25, 0.5, 1])
    np.testing.assert_array_equal(place.lines[0].get_xdata(), [1, 2, 3])
    assert place.get_yscale() == "log"
