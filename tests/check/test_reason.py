"""What the rules say of wrong numbers holds at all points, and for values as for gradients."""

from __future__ import annotations

import numpy as np
import pytest

from nncourse.check.judge import judge
from nncourse.exercises.piece import find
from nncourse.exercises.ps03.union import first_layers

SEEDS = range(103, 108)


def messages(name, answer, seed, **options):
    report = judge(find(name), [answer], seed=seed, **options)
    assert not report.passed
    return [diagnosis.finding.message for diagnosis in report.diagnoses]


def rnn_forward(x, h0, Wx, Wh, b):
    h, states = h0.copy(), []
    for t in range(x.shape[1]):
        h[:] = np.tanh(x[:, t] @ Wx.T + h @ Wh.T + b)
        states.append(h)
    return np.stack(states, axis=1)


def test_values_are_not_told_of_gradients():
    """All steps hold the last state: only that of the last one is right."""
    for seed in SEEDS:
        told = messages("ps10.rnn_forward", rnn_forward, seed, mutants=False)
        assert not any("gradient" in text for text in told)


def last_twice(dhs, x, h0, hs, Wx, Wh):
    dhs = dhs.copy()
    dhs[:, -1] *= 2
    return find("ps10.rnn_backward").reference(dhs, x, h0, hs, Wx, Wh)


def downwards(p, q):
    """With these seeds not all lines have the opposite sign for that."""
    w = np.abs([p[1] - q[1], q[0] - p[0]])
    return w, -w @ p


def divided(*arguments):
    dx, dh0, dc0, *weights = find("ps11.lstm_backward").reference(*arguments)
    return dx, dh0, dc0, *[gradient / dx.shape[1] for gradient in weights]


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("ps10.rnn_backward", last_twice),
        ("ps03.half_plane", downwards),
        ("ps11.lstm_backward", divided),
    ],
)
def test_a_factor_of_every_number_is_told_where_it_is_one_of_all_points(name, answer):
    for seed in SEEDS:
        assert not any("Every number" in text for text in messages(name, answer, seed))


def test_a_factor_of_all_points_is_told():
    reference = find("ps10.rnn_backward").reference
    (text,) = messages("ps10.rnn_backward", lambda *a: [2 * d for d in reference(*a)], 103)
    assert text.startswith("Every number is twice")


def test_one_firing_neuron_is_no_sum():
    """Where a single example lies above the border, a 1 everywhere is the sum of all answers."""
    for seed in SEEDS:
        told = messages("ps01.neuron", lambda w, x: (x @ w[1:] - w[0], np.ones(len(x))), seed)
        assert not any("total sum" in text for text in told)


def union_on_the_border(polygons):
    layers, owns = first_layers(polygons)
    m = len(polygons)
    return [*layers, (owns, 1 - owns.sum(axis=1)), (np.ones((1, m)), np.array([-0.5]))]


def convex_with(bias):
    def convex(corners):
        layers, n = find("ps03.convex").reference(corners), len(corners)
        return [layers[0], (np.ones((1, n)), np.array([bias(n)]))]

    return convex


@pytest.mark.parametrize(
    ("name", "answer", "said"),
    [
        ("ps03.union", union_on_the_border, "n - 1 of its sides hold"),
        ("ps03.convex", convex_with(lambda n: 0.9 - n), "all but one do"),
        ("ps03.convex", convex_with(lambda n: 1 - n), "exactly 0 for some points outside"),
        ("ps01.at_least", lambda k, n: np.r_[k - 0.9, np.ones(n)], "or to those with k - 1"),
        ("ps01.at_least", lambda k, n: np.r_[k - 1, np.ones(n)], "the margin is 0"),
        ("ps01.minterm", lambda p: np.r_[p.sum() - 0.1, 2 * p - 1], "close to the pattern, or"),
        ("ps01.minterm", lambda p: np.r_[p.sum() - 1, 2 * p - 1], "the margin is 0"),
    ],
)
def test_a_thin_margin_is_told_on_the_side_on_which_it_is(name, answer, said):
    """From the same margin one sees no side: then the text names both."""
    for seed in SEEDS:
        assert any(said in text for text in messages(name, answer, seed))


def lstm_forward(in_place):
    """One array for the states or the cells of all steps."""

    def function(x, h0, c0, Wx, Wh, b):
        step = find("ps11.lstm_step").reference
        h, c, kept = h0.copy(), c0.copy(), []
        for t in range(x.shape[1]):
            new_h, new_c, gates = step(x[:, t], h, c, Wx, Wh, b)
            if "h" in in_place:
                h[:] = new_h
            else:
                h = new_h
            if "c" in in_place:
                c[:] = new_c
            else:
                c = new_c
            kept.append((h, c, gates))
        return tuple(np.stack(arrays, axis=1) for arrays in zip(*kept, strict=True))

    return function


@pytest.mark.parametrize(
    ("name", "answer", "outputs"),
    [
        ("ps10.rnn_forward", rnn_forward, ("hs",)),
        ("ps11.lstm_forward", lstm_forward("h"), ("hs",)),
        ("ps11.lstm_forward", lstm_forward("c"), ("cs",)),
        ("ps11.lstm_forward", lstm_forward("hc"), ("cs", "hs")),
    ],
)
def test_one_array_for_all_steps_is_told(name, answer, outputs):
    for seed in SEEDS:
        (diagnosis,) = judge(find(name), [answer], seed=seed).diagnoses
        assert "one array was put into the list" in diagnosis.finding.message
        assert diagnosis.outputs == outputs
