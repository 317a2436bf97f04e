"""The explorer of numerical derivatives: its numbers, its claims about h, its traits."""

from __future__ import annotations

import math

import numpy as np
import pytest

from nncourse.widgets import difference
from nncourse.widgets.difference import CURVES, DTYPES, METHODS

SMOOTH = ["sin", "cube", "exp", "tanh"]


@pytest.mark.parametrize("name", CURVES)
@pytest.mark.parametrize("x", [-1.7, -0.4, 0.6, 2.3])
def test_slopes_agree_with_the_complex_step_and_differences(name, x):
    first, second, third = CURVES[name].slopes(x)
    assert difference.difference(name, x, 1e-20, "complex", "float64") == pytest.approx(first)
    h = 1e-5
    slopes = [CURVES[name].slopes(x + d) for d in (-h, h)]
    assert (slopes[1][0] - slopes[0][0]) / (2 * h) == pytest.approx(second, abs=1e-6)
    assert (slopes[1][1] - slopes[0][1]) / (2 * h) == pytest.approx(third, abs=1e-6)


@pytest.mark.parametrize("name", SMOOTH)
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_estimates_have_the_size_of_the_error(name, method, dtype):
    """Median over many points, at steps where one of the two causes rules."""
    points = np.linspace(0.3, 1.9, 41)
    eps = float(np.finfo(dtype).eps)
    for h, which in ((eps**0.25 / 4, 0), (eps**0.75, 1)):
        if method == "complex" and which == 1:
            continue
        ratios = []
        for x in points:
            expected = difference.estimates(name, x, h, method, dtype)[which]
            ratios.append(difference.error(name, x, h, method, dtype) / expected)
        assert 0.03 < np.median(ratios) < 3, (which, np.median(ratios))


def test_the_complex_step_loses_nothing_however_small_h_is():
    assert difference.error("sin", 1.0, 1e-16, "complex", "float64") <= 1e-16


def test_best_steps_are_the_textbook_ones():
    eps = 2.0**-52
    for method, power in (("forward", 1 / 2), ("central", 1 / 3)):
        steps, errors = difference.sweep("sin", 1.0, method, "float64")
        best = steps[errors.argmin()]
        assert 0.02 < best / eps**power < 50


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("sin", 1.0, 1e-2, "forward", "float64"), "truncation"),
        (("sin", 1.0, 1e-13, "forward", "float64"), "roundoff"),
        (("sin", 1.0, 1e-16, "forward", "float64"), "lost"),
        (("sin", 1.0, 1e-9, "central", "float32"), "lost"),
        (("sin", 1.0, 1e-12, "complex", "float64"), "exact"),
        (("tanh", 11.0, 1e-3, "forward", "float32"), "lost"),
        (("relu", 0.0, 1e-5, "central", "float64"), "at_kink"),
        (("relu", 0.3, 0.5, "central", "float64"), "kink"),
        (("relu", 0.3, 0.5, "forward", "float64"), "exact"),
        (("relu", -0.3, 0.5, "forward", "float64"), "kink"),
        (("abs", -0.3, 0.5, "forward", "float64"), "kink"),
        (("max", 1.0, 1e-5, "central", "float64"), "at_kink"),
        (("max", 0.9, 0.2, "central", "float64"), "kink"),
        (("cube", 1.0, 1e-1, "central", "float64"), "truncation"),
    ],
)
def test_causes(arguments, expected):
    assert difference.cause(*arguments) == expected


def test_kinks_central_difference_gives_the_mean_of_the_slopes():
    assert difference.difference("relu", 0.0, 1e-5, "central", "float64") == 0.5
    assert difference.exact("relu", 0.0, "float64") == 0.0


widgets = pytest.importorskip("nncourse.widgets.numerical_gradient", exc_type=ImportError)


def test_traits_and_numbers():
    widget = widgets.NumericalGradient("sin", x=1.0, h=1e-5)
    assert widget.exact == math.cos(1.0)
    assert widget.numerical == (math.sin(1 + 1e-5) - math.sin(1.0)) / 1e-5
    assert widget.error == abs(widget.numerical - widget.exact)
    before = widget.describe()
    widget.h = 1e-12
    assert widget.describe() != before
    assert "10⁻¹²" in widget.describe()


@pytest.mark.parametrize(
    "wrong",
    [
        {"function": "cos"},
        {"h": 0.0},
        {"h": 2.0},
        {"method": "backward"},
        {"dtype": "float16"},
        {"x": "one"},
    ],
)
def test_wrong_arguments_are_refused(wrong):
    import traitlets

    with pytest.raises(traitlets.TraitError):
        widgets.NumericalGradient(**wrong)


def test_bundle():
    widget = widgets.NumericalGradient("relu", x=0.25, h=0.5, method="central")
    data, metadata = widget._repr_mimebundle_()
    assert data["text/plain"] == (
        "NumericalGradient('relu', x=0.25, h=0.5, method='central', dtype='float64')"
    )
    assert data["image/png"]
    assert "kink" in metadata["image/png"]["alt"]
    assert widget.png() == widget.png()
    assert eval(repr(widget), vars(widgets)).numerical == widget.numerical


@pytest.mark.parametrize("name", CURVES)
@pytest.mark.parametrize("x", [-2.0, 0.0, 1.0])
def test_every_function_has_a_picture_and_a_description(name, x):
    widget = widgets.NumericalGradient(name, x=x, dtype="float32", method="central")
    assert CURVES[name].formula in widget.describe()
    assert widget.figure().axes
