"""The widgets about one neuron: their numbers, what they accept, what they say."""

from __future__ import annotations

import math

import numpy as np
import pytest

from nncourse import nn

neuron = pytest.importorskip("nncourse.widgets.neuron", exc_type=ImportError)
gates = pytest.importorskip("nncourse.widgets.gates", exc_type=ImportError)
import traitlets  # noqa: E402  # comes with the widgets


@pytest.mark.parametrize("name", neuron.DATASETS)
def test_points_of_every_set_are_exact_and_fit_the_plane(name):
    plane = neuron.NeuronPlane(name)
    assert np.abs(plane.x).max() <= 3
    np.testing.assert_array_equal(plane.x * 8, np.round(plane.x * 8))
    history = nn.Perceptron(2).fit(plane.x, plane.y, max_updates=10_000)
    assert history.converged == (name != "xor")
    assert math.isinf(plane.bound) == (name == "xor")
    assert len(history) >= 5, "nothing to watch"


def test_the_narrow_gap_needs_more_corrections_than_the_clouds():
    counts = {}
    for name in ("clouds", "narrow"):
        plane = neuron.NeuronPlane(name)
        counts[name] = len(nn.Perceptron(2).fit(plane.x, plane.y))
    assert counts["narrow"] > 2 * counts["clouds"]


def test_numbers_of_the_plane():
    plane = neuron.NeuronPlane("and", weights=(1.5, 1, 1))
    np.testing.assert_array_equal(plane.scores, [0.5, -1.5, -0.5, -0.5])
    assert plane.mistakes == 0
    assert not plane.from_zero
    plane.weights = [0.0, 1.0, 1.0]
    assert plane.mistakes == 3  # zero on the line counts as a mistake for either class
    assert "h = 0, output 0" in plane.describe()
    assert "51" in plane.describe()


@pytest.mark.parametrize(
    "wrong",
    [
        {"points": []},
        {"points": [(0, 0, 0)]},
        {"points": [(0, 0)]},
        {"points": [(math.inf, 0, 1)]},
        {"points": [(0, 0, 1)] * 13},
        {"weights": (1, 2)},
        {"updates": -1},
    ],
)
def test_wrong_points_and_weights_are_refused(wrong):
    with pytest.raises(traitlets.TraitError):
        neuron.NeuronPlane(**wrong)


def test_an_unknown_set_is_refused_by_name():
    with pytest.raises(ValueError, match="no points 'moons'"):
        neuron.NeuronPlane("moons")


def test_a_plane_and_its_copy_look_alike():
    plane = neuron.NeuronPlane([(0.5, 1, 1), (-1, 0, -1)], weights=(0.25, 1, -2))
    copy = eval(repr(plane), vars(neuron))
    assert copy.png() == plane.png()
    assert copy.describe() == plane.describe()


def test_sixteen_functions_and_no_two_alike():
    assert sorted(gates.NAMES) == [f"{k:04b}" for k in range(16)]


def test_names_of_the_functions_are_what_they_say():
    rows = gates.INPUTS.tolist()
    meaning = {
        "AND": lambda a, b: a and b,
        "OR": lambda a, b: a or b,
        "NAND": lambda a, b: not (a and b),
        "NOR": lambda a, b: not (a or b),
        "XOR": lambda a, b: a != b,
        "XNOR": lambda a, b: a == b,
        "x₁": lambda a, b: a,
        "x₂": lambda a, b: b,
        "NOT x₁": lambda a, b: not a,
        "NOT x₂": lambda a, b: not b,
        "x₁ → x₂": lambda a, b: not a or b,
        "x₂ → x₁": lambda a, b: not b or a,
        "x₁ > x₂": lambda a, b: a > b,
        "x₁ < x₂": lambda a, b: a < b,
        "0": lambda a, b: False,
        "1": lambda a, b: True,
    }
    for name, table in gates.TABLES.items():
        assert [int(bool(meaning[name](*row))) for row in rows] == [int(bit) for bit in table]


def test_gates_of_the_lecture():
    for name, weight, margin in (
        ("AND", (1.5, 1, 1), 0.5 / math.sqrt(2)),
        ("OR", (0.5, 1, 1), 0.5 / math.sqrt(2)),
        ("NOT x₁", (-0.5, -1, 0), 0.5),
    ):
        builder = gates.GateBuilder(name, weights=weight)
        assert builder.reached
        assert builder.margin == pytest.approx(margin)
        assert gates.widest_distance(builder.target) == pytest.approx(margin)


def test_xor_takes_a_layer():
    assert gates.widest_distance("0110") == gates.widest_distance("1001") == 0
    builder = gates.GateBuilder("XOR", neurons=gates.XOR_SOLUTION, layer=True)
    assert builder.outputs.tolist() == [0, 1, 1, 0]
    assert builder.reached
    assert "No line" in gates.GateBuilder("XOR").describe()


def test_the_widest_distance_is_reached_by_no_neuron_on_a_grid_but_neared():
    angles = np.linspace(0, 2 * np.pi, 721)
    normals = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    heights = normals @ gates.INPUTS.T  # (721, 4)
    for table in gates.NAMES:
        ones = np.array([bit == "1" for bit in table])
        if ones.all() or not ones.any():
            assert gates.widest_distance(table) == math.inf
            continue
        gaps = heights[:, ones].min(axis=1) - heights[:, ~ones].max(axis=1)
        widest = gates.widest_distance(table)
        assert max(gaps.max() / 2, 0) == pytest.approx(widest, abs=1e-4)


@pytest.mark.parametrize("wrong", [{"target": "MAYBE"}, {"neurons": [(1, 2, 3)]}])
def test_wrong_gates_are_refused(wrong):
    with pytest.raises(traitlets.TraitError):
        gates.GateBuilder(**wrong)


@pytest.mark.parametrize("layer", [False, True])
def test_a_builder_and_its_copy_look_alike(layer):
    builder = gates.GateBuilder("XOR", layer=layer)
    copy = eval(repr(builder), vars(gates))
    assert copy.png() == builder.png()
    assert copy.describe() == builder.describe()
