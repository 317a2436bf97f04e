"""Regions by hand-set weights: what earns nothing, however wide its margin."""

import numpy as np
import pytest

from nncourse.check.judge import judge
from nncourse.exercises.ps03 import PIECES

convex, reference = PIECES["convex"].reference, PIECES["union"].reference


@pytest.mark.parametrize("name", ["convex", "union"])
@pytest.mark.parametrize("answer", [-1.0, 1.0])
def test_a_constant_network_earns_nothing(name, answer):
    def constant(region):
        return [(np.ones((3, 2)), np.zeros(3)), (np.full((1, 3), 1e-3), np.array([answer]))]

    report = judge(PIECES[name], [constant], seed=1)
    assert report.problem is None
    assert report.score == 0


def test_a_neuron_without_weights_takes_no_margin():
    """Where rows are filled up; but one that is on its border everywhere has none to spare."""

    def padded(bias, thin=1.0):
        def union(polygons):
            first, (W, b), (V, c) = reference(polygons)
            W, b = np.vstack([W, np.zeros_like(W[:1])]), np.append(thin * b, bias)
            return [first, (W, b), (np.column_stack([V, 0]), c)]

        return judge(PIECES["union"], [union], seed=2).score

    assert padded(-0.5) == padded(1.0) == 1
    assert padded(0.0) == 0.7
    assert padded(-0.5, thin=0.9) < 1


@pytest.mark.parametrize("factor", [1e-300, 1e-200, 1e-162, 1e200, 1e290])
@pytest.mark.parametrize("name", ["half_plane", "convex", "union"])
def test_the_size_of_the_weights_is_free(name, factor):
    reference = PIECES[name].reference

    def scaled(value):
        if isinstance(value, tuple | list):
            return type(value)(map(scaled, value))
        return factor * np.asarray(value)

    report = judge(PIECES[name], [lambda *arguments: scaled(reference(*arguments))], seed=3)
    assert report.score == 1, str(report)


@pytest.mark.parametrize(
    ("bias", "said"),
    [(lambda b: [b, b], "b has the shape (2,); () is expected"), (None, "b is None")],
)
def test_one_number_is_asked_for_as_the_bias_of_a_line(bias, said):
    def answer(p, q):
        w, b = PIECES["half_plane"].reference(p, q)
        return w, bias and bias(b)

    report = judge(PIECES["half_plane"], [answer], seed=1)
    assert report.score == 0
    assert said in str(report)


@pytest.mark.parametrize("shape", [(), (1,), (1, 1)])
def test_the_bias_of_a_line_may_come_in_an_array_of_any_shape(shape):
    def answer(p, q):
        w, b = PIECES["half_plane"].reference(p, q)
        return w, np.reshape(b, shape)

    assert judge(PIECES["half_plane"], [answer], seed=1).score == 1


@pytest.mark.parametrize(
    ("union", "said"),
    [
        (lambda polygons: [*map(convex, polygons)], "layers[0] holds layers (W, b)"),
        (lambda polygons: [l for p in polygons for l in convex(p)], "the layer below gives 1"),
        (lambda polygons: reference(polygons)[:2], "Is a layer missing?"),
        (lambda polygons: tuple(zip(*map(convex, polygons))), "layers[0] holds layers (W, b)"),
    ],
)
def test_it_is_said_how_a_union_of_networks_becomes_one(union, said):
    for seed in range(3):
        assert said in str(judge(PIECES["union"], [union], seed=seed))
