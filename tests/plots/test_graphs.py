"""Computation graphs as drawn: their numbers, paths, orders and costs are those asked for."""

import matplotlib
import pytest

matplotlib.use("Agg")
from matplotlib import pyplot as plt

from nncourse import plots

# f = (a + a) * b: two edges between the same nodes, two paths from a to f.
GRAPH = [("a", "c", 1.0), ("a", "c", 1.0), ("c", "f", 3.0), ("b", "f", 4.0)]


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def test_a_graph_shows_its_numbers():
    numbers = {"a": 2.0, "b": 3.0, "c": -4.5, "f": 12.0}
    names = {name: f"${name}_1$" for name in numbers}
    axes = plots.computation_graph(names, GRAPH, values=numbers)
    shown = [text.get_text() for text in axes.texts]
    assert set(shown) == {"$a_1$", "$b_1$", "$c_1$", "$f_1$", "1", "2", "3", "4", "−4.5", "12"}
    with pytest.raises(ValueError, match="cycle"):
        plots.computation_graph({"a": "a", "b": "b"}, [("a", "b", 1.0), ("b", "a", 1.0)])


def test_paths_have_their_products_and_the_title_their_sum():
    axes = plots.gradient_paths(GRAPH, "a", "f")
    assert [place.get_title() for place in axes] == ["3 · 1 = 3", "3 · 1 = 3"]
    assert axes[0].figure.get_suptitle().endswith("= 3 + 3 = 6")
    (single,) = plots.gradient_paths(GRAPH, "b", "f")
    assert single.get_title() == "4"


def test_an_order_is_numbered_and_summed():
    trace = [("c", "b", 1.0), ("b", "a", 1.0), ("c", "b", 1.0), ("b", "a", -3.0)]
    (place,) = plots.gradient_orders({"T": trace})
    shown = [text.get_text() for text in place.texts]
    assert {"1) +1", "2) +1", "3) +1", "4) −3", "$a$", "$b$", "$c$"} <= set(shown)
    assert [shown[shown.index(f"${name}$") + 1] for name in "abc"] == ["−2", "2", "1"]


def test_costs_are_edges_times_passes():
    many_inputs, many_outputs = plots.mode_costs([1, 2, 4], [3, 5, 9], [3, 4, 6])
    lines = [list(line.get_ydata()) for line in (*many_inputs.lines, *many_outputs.lines)]
    assert lines == [[3, 10, 36], [3, 5, 9], [3, 4, 6], [3, 8, 24]]
