"""Pictures of a neuron: the lines, margins and corrections that are drawn are the right ones."""

import matplotlib
import numpy as np
import pytest

matplotlib.use("Agg")
from matplotlib import pyplot as plt

from nncourse import nn, plots
from nncourse.plots.neuron import draw_line


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


@pytest.mark.parametrize("weight", [(1.5, 1, 1), (-0.5, -1, 0), (2, 0, 3), (0, 1, -4)])
def test_every_point_of_the_line_has_the_score_zero(weight):
    axes = plots.make_axes()
    draw_line(axes, weight)
    (line,) = axes.lines
    points = np.array([line.get_xy1(), line.get_xy2()])
    assert np.abs(points @ weight[1:] - weight[0]).max() < 1e-12
    assert np.linalg.norm(points[0] - points[1]) > 0.1


def test_no_line_without_a_normal():
    axes = plots.make_axes()
    draw_line(axes, (1, 0, 0))
    assert not axes.lines


def test_margin_of_the_picture_is_that_of_the_perceptron():
    x, outputs = np.array([[0, 0], [0, 1], [1, 0], [1, 1]]), np.array([0, 0, 0, 1])
    perceptron = nn.Perceptron(2)
    perceptron.weight = np.array([1.25, 1, 0.5])
    axes = np.atleast_1d(plots.gate_planes({"AND": (perceptron.weight, outputs)}))[0]
    margin = perceptron.margin(x, 2 * outputs - 1)
    assert f"margin {margin:.3f}" in [text.get_text() for text in axes.texts]
    dotted = [line.get_xydata() for line in axes.lines if line.get_linestyle() == ":"]
    assert len(dotted) == 2  # (1, 0) and (1, 1) are equally near
    for ends in dotted:
        assert np.linalg.norm(np.diff(ends, axis=0)) == pytest.approx(margin)


def test_one_panel_for_each_correction():
    x, y = np.array([[0, 0], [0, 1], [1, 0], [1, 1]]), np.array([-1, 1, 1, 1])
    history = nn.Perceptron(2).fit(x, y)
    axes = plots.perceptron_steps(x, y, history.weights, history.examples)
    shown = [place for place in axes if place.axison]
    assert len(shown) == len(history)
    assert "(1, 2, 2)" in shown[-1].get_title()


def test_graph_shows_every_neuron_and_weight():
    network = {"OR": (["x1", "x2"], [0.5, 1, 2]), "NOT": (["OR"], [-0.25, -3])}
    axes = plots.neuron_graph(network)
    texts = sorted(text.get_text() for text in axes.texts if text.get_text())
    assert texts == sorted(["1", "2", "−3", "OR\n> 0.5", "NOT\n> −0.25", "$x_{1}$", "$x_{2}$"])
