"""The pictures: what they draw is what was asked for, in the reader's language and legible."""

from types import SimpleNamespace

import matplotlib
import numpy as np
import pytest

matplotlib.use("Agg")
from matplotlib import pyplot as plt
from matplotlib.colors import to_rgb

from nncourse import language, plots
from nncourse.data.regions import region
from nncourse.plots import style
from nncourse.plots.differences import central_difference, complex_step, forward_difference
from nncourse.training import LRSearch


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def texts(axes):
    figure = np.atleast_1d(axes).ravel()[0].figure
    return " ".join(text.get_text() for text in figure.findobj(matplotlib.text.Text))


def sample_network():
    rng = np.random.default_rng(0)
    values = [rng.normal(size=n) for n in (2, 3, 2)]
    weights = [rng.normal(size=shape) for shape in ((2, 3), (3, 2))]
    return values, values, weights, weights


def small_graph():
    """f = (a + a) * b: two edges between the same nodes, two paths from a to f."""
    return [("a", "c", 1.0), ("a", "c", 1.0), ("c", "f", 3.0), ("b", "f", 4.0)]


DRAWINGS = {
    "computation_graph": lambda: plots.computation_graph(
        {name: name for name in "abcf"}, small_graph()
    ),
    "difference_error": lambda: plots.difference_error(np.sin, np.cos, 1.0),
    "difference_near_kink": lambda: plots.difference_near_kink(0.01),
    "digit_grid": lambda: plots.digit_grid(np.zeros((3, 64)), [1, 2, 3], [1, 2, 4]),
    "gate_planes": lambda: plots.gate_planes(
        {
            "AND": ([1.5, 1, 1], [0, 0, 0, 1]),
            "NOT": ([-0.5, -1], [1, 0]),
            "XOR": (None, [0, 1, 1, 0]),
        }
    ),
    "gradient_orders": lambda: plots.gradient_orders({"T": [("c", "b", 1.0), ("b", "a", 2.0)]}),
    "gradient_paths": lambda: plots.gradient_paths(small_graph(), "a", "f"),
    "gradient_through_depth": lambda: plots.gradient_through_depth({"tanh": {"1": [1.0, 2.0]}}),
    "history": lambda: plots.history(SimpleNamespace(loss=[2, 1], valid_accuracy=[0.5, 0.9])),
    "layer_statistics": lambda: plots.layer_statistics(
        [SimpleNamespace(kind="Tanh", outputs=np.array([0.1, 0.3]), gradients=None)]
    ),
    "learning_rates": lambda: plots.learning_rates(LRSearch([0.1, 1.0, 2.0], [2.0, 1.0, 5.0])),
    "make_axes": lambda: plots.make_axes(4, 2, ncols=2),
    "matrix_shapes": lambda: plots.matrix_shapes(),
    "mode_costs": lambda: plots.mode_costs([1, 2], [3, 5], [3, 4]),
    "network_passes": lambda: plots.network_passes(*sample_network()),
    "neuron_graph": lambda: plots.neuron_graph(
        {"AND": (["x1", "x2"], [1.5, 1, 1]), "NOT": (["AND"], [-0.5, -1])}
    ),
    "neuron_maps": lambda: plots.neuron_maps(
        [1, 2, -1], {"tanh": np.tanh, "identity": lambda h: h}
    ),
    "perceptron_growth": lambda: plots.perceptron_growth(
        [[0, 0], [1, 0]], [1, 0], 1, 1.5, [[0, 0], [1, 1]]
    ),
    "perceptron_steps": lambda: plots.perceptron_steps(
        [[0, 0], [1, 1]], [-1, 1], [[0, 0, 0], [-1, 1, 1]], [1]
    ),
    "activation_curves": lambda: plots.activation_curves(
        [-1.0, 1.0], {"relu": ([0.0, 1.0], [0.0, 1.0])}
    ),
    "binary_losses": lambda: plots.binary_losses(),
    "constant_losses": lambda: plots.constant_losses([0.0, 1.0, 5.0]),
    "decision_maps": lambda: plots.decision_maps(
        {"left": lambda x: x[:, 0]}, np.array([[0.0, 0.0], [1.0, 1.0]]), np.array([0, 1])
    ),
    "deviations_through_depth": lambda: plots.deviations_through_depth(
        {"tanh": {"Xavier": [1.0, 0.8]}}
    ),
    "folded_lines": lambda: plots.folded_lines((1, 2)),
    "gradient_noise": lambda: plots.gradient_noise({1: [0.0, 2.0, 1.0], 4: [0.9, 1.1, 1.0]}, 1.0),
    "image_to_scores": lambda: plots.image_to_scores(
        np.zeros(64), np.ones((10, 64)), np.arange(10.0)
    ),
    "learning_curves": lambda: plots.learning_curves([10, 100], {"network": [0.5, 0.9]}),
    "loss_curves": lambda: plots.loss_curves({"He": [2.3, 1.0]}, guess=2.3),
    "polynomial_fits": lambda: plots.polynomial_fits(
        (np.linspace(-1, 1, 6), np.linspace(0, 1, 6)), (np.linspace(-1, 1, 3), np.ones(3)), (1, 3)
    ),
    "region_layers": lambda: plots.region_layers(region("islands")),
    "schedules": lambda: plots.schedules({"step": [0.1, 0.1, 0.01]}),
    "smoothed_risk": lambda: plots.smoothed_risk([2.0, 1.0], {"0.1": [2.0, 1.9]}, [(1, 1.5)]),
    "step_sizes": lambda: plots.step_sizes([1.0, 0.1], {"Adagrad": [0.1, 0.1]}),
    "timeline": lambda: plots.timeline({1957: "perceptron", 2012: "AlexNet"}),
    "timings": lambda: plots.timings({"loop": 1.0, "matrix": 0.01}),
    "weight_images": lambda: plots.weight_images({"W": np.zeros((10, 64))}),
    "forecasts": lambda: plots.forecasts(
        np.arange(4.0), np.arange(4.0), {"network": [2.0, 3.0]}, label="passengers"
    ),
    "gate_strips": lambda: plots.gate_strips({"f": np.ones((3, 2))}, {"c": np.ones((3, 2))}, [1]),
    "gradient_cliff": lambda: plots.gradient_cliff(
        lambda w, b: w + b, [0.0, 1.0], [0.0, 1.0], {"descent": [[0.0, 0.0], [1.0, 1.0]]}
    ),
    "gradient_through_time": lambda: plots.gradient_through_time({"LSTM": [0.5, 1.0]}),
    "lstm_steps": lambda: plots.lstm_steps(),
    "sequence_tasks": lambda: plots.sequence_tasks(),
}

MOVIES = {"optimizer_movie"}  # drawn as SVG; see test_movie.py


def test_every_public_picture_is_drawn_here():
    assert sorted(DRAWINGS) == sorted(set(plots.__all__) - MOVIES)


@pytest.mark.parametrize("name", DRAWINGS)
def test_a_picture_returns_axes_and_renders_on_its_card(name):
    axes = DRAWINGS[name]()
    places = np.atleast_1d(axes).ravel()
    assert all(isinstance(place, matplotlib.axes.Axes) for place in places)
    figure = places[0].figure
    figure.canvas.draw()
    corner = np.asarray(figure.canvas.buffer_rgba())[0, 0] / 255
    np.testing.assert_allclose(corner[:3], to_rgb(style.PAPER), atol=0.01)
    assert corner[3] == 1  # opaque: the page's own colour does not matter


@pytest.mark.parametrize("name", DRAWINGS)
def test_the_readers_settings_are_left_alone(name):
    before = dict(matplotlib.rcParams)
    DRAWINGS[name]()
    assert dict(matplotlib.rcParams) == before


@pytest.mark.parametrize("name", ["difference_error", "history", "network_passes"])
def test_labels_follow_the_language(name):
    with language.using("en"):
        english = texts(DRAWINGS[name]())
    with language.using("ru"):
        russian = texts(DRAWINGS[name]())

    def cyrillic(text):
        return any("а" <= letter <= "я" for letter in text.lower())

    assert cyrillic(russian)
    assert not cyrillic(english)


def contrast(first, second):
    """WCAG 2's contrast ratio of two colours."""

    def luminance(colour):
        channel = np.array(to_rgb(colour))
        linear = np.where(channel <= 0.04045, channel / 12.92, ((channel + 0.055) / 1.055) ** 2.4)
        return linear @ [0.2126, 0.7152, 0.0722]

    light, dark = sorted([luminance(first), luminance(second)], reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_text_stands_out_from_the_card():
    assert contrast(style.INK, style.PAPER) > 7
    assert contrast(style.FAINT, style.PAPER) > 4.5
    for colour in (style.BLUE, style.VERMILLION, style.GREEN):
        assert contrast(colour, style.PAPER) > 3


def test_lines_differ_in_more_than_colour():
    looks = [style.line(index) for index in range(len(style.COLOURS))]
    for key in ("color", "linestyle", "marker"):
        assert len({str(look[key]) for look in looks}) == len(looks)


def test_formulas_of_numerical_derivatives():
    f, x, h = np.exp, 0.3, 1e-3
    assert forward_difference(f, x, h) - np.exp(x) == pytest.approx(h * np.exp(x) / 2, rel=1e-3)
    assert central_difference(f, x, h) - np.exp(x) == pytest.approx(h**2 * np.exp(x) / 6, rel=1e-3)
    assert complex_step(f, x, 1e-20) == pytest.approx(np.exp(x), rel=1e-15)


def test_difference_error_draws_the_measured_errors():
    steps = [1e-2, 1e-4]
    axes = plots.difference_error(np.sin, np.cos, 1.0, steps)
    assert len(axes.lines) == 4
    np.testing.assert_allclose(axes.lines[0].get_xdata(), steps)
    central = [abs(central_difference(np.sin, 1.0, h) / np.cos(1.0) - 1) for h in steps]
    np.testing.assert_allclose(axes.lines[1].get_ydata(), central, rtol=1e-6)
    assert (axes.lines[2].get_ydata()[1] > 1e-5) & (axes.lines[1].get_ydata()[1] < 1e-8)  # float32


def test_kink_is_felt_once_the_step_reaches_it():
    axes = plots.difference_near_kink(0.01, [0.001, 0.1])
    np.testing.assert_allclose(axes.lines[0].get_ydata(), [1.0, (0.01 + 0.1) / 0.2])


def test_wrong_predictions_are_marked_and_right_ones_are_not():
    axes = plots.digit_grid(np.zeros((3, 64)), [1, 2, 3], [1, 2, 4])
    assert [place.get_title() for place in axes[:3]] == ["1", "2", "3 → 4"]
    assert axes[2].title.get_color() == style.VERMILLION
    assert axes[0].title.get_color() == style.INK


def test_network_shows_its_numbers():
    values, errors, weights, gradients = sample_network()
    axes = plots.network_passes(values, errors, weights, gradients)
    shown = [text.get_text() for text in axes[0].texts]
    for layer in values:
        assert all(f"{number:z.2f}" in shown for number in layer)
    dashed = sum(line.get_linestyle() != "-" for line in axes[0].lines)
    assert dashed == sum(int((matrix < 0).sum()) for matrix in weights)


def test_depth_is_drawn_relative_to_the_last_layer():
    axes = plots.gradient_through_depth({"ReLU": {"1": [2.0, 4.0, 8.0]}})
    np.testing.assert_allclose(axes[0].lines[0].get_ydata(), [0.25, 0.5, 1.0])


def test_history_leaves_out_what_was_not_recorded():
    axes = plots.history(SimpleNamespace(loss=[2.0, 1.0], valid_accuracy=[0.5, 0.9]))
    assert [len(place.lines) for place in axes] == [1, 1]
    np.testing.assert_allclose(axes[1].lines[0].get_ydata(), [0.5, 0.9])


def test_a_figure_of_the_readers_own_is_drawn_into():
    own = plt.figure().add_subplot()
    assert plots.difference_near_kink(axes=own) is own
