"""The measurements on which the verdicts rest."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from nncourse.diagnosis import Context, central_difference, diagnose_labels, distance, tolerance
from nncourse.diagnosis.measure import same, wrong_entries
from nncourse.diagnosis.rules import diagnose

ARRAYS = hnp.arrays(np.float64, (3, 4), elements=st.floats(-1e6, 1e6, allow_subnormal=False))


@given(ARRAYS, ARRAYS)
def test_distance_is_symmetric_and_bounded(a, b):
    assert 0 <= distance(a, b) <= 1 + 1e-12
    assert distance(a, b) == pytest.approx(distance(b, a))
    assert distance(a, a) == 0


@given(ARRAYS, st.floats(1e-3, 1e3))
def test_distance_does_not_depend_on_the_scale(a, scale):
    b = a + 1
    assert distance(scale * a, scale * b) == pytest.approx(distance(a, b), rel=1e-9, abs=1e-12)


@pytest.mark.parametrize(
    "a",
    [
        np.full((3, 4), 3e38, np.float32),
        np.full((3, 4), 60000, np.float16),
        np.full((3, 4), 1e200),
        np.full((3, 4), np.finfo(np.float64).max),
        np.full((3, 4), -128, np.int8),
    ],
    ids=lambda a: f"{a.dtype} {a[0, 0]}",
)
def test_numbers_whose_squares_overflow_are_far_from_everything(a):
    n = np.linspace(-1.0, 1.0, 12).reshape(3, 4)
    assert distance(a, n) > 0.9
    assert distance(n, a) > 0.9
    assert not same(a, n)


def test_saturated_tanh_passes_norm_wise_though_single_entries_are_off():
    z = np.array([0.3, -1.2, 9.0, 12.0])
    n = central_difference(np.tanh, z, np.ones(4))
    a = 1 - np.tanh(z) ** 2
    assert np.max(np.abs(a - n) / (np.abs(a) + np.abs(n))) > 1e-6
    assert distance(a, n) < 1e-9
    assert diagnose(a, n, Context()) is None


def test_tolerance_follows_the_precision():
    a = np.array([0.1, 0.2])
    assert tolerance(a) == 1e-6
    assert tolerance(a.astype(np.float32)) == 1e-5
    assert tolerance(a.astype(np.float32).astype(np.float64)) == 1e-5
    assert tolerance(a.astype(np.float16)) == 1e-2


def test_same_refuses_other_shapes_and_nan():
    a = np.ones((2, 3))
    assert same(a, a)
    assert not same(a, np.ones((3, 2)))
    assert not same(a * np.nan, a * np.nan)


def test_wrong_entries_ignore_noise_in_small_ones():
    n = np.array([1.0, 1e-9, 0.5])
    assert wrong_entries(n + np.array([0, 1e-9, 0.1]), n).tolist() == [False, False, True]
    assert wrong_entries(np.array([np.nan, 1e-9, 0.5]), n).tolist() == [True, False, False]


def test_central_difference_of_a_known_function():
    x = np.array([[0.5, -1.0], [2.0, 0.1]])
    up = np.array([[1.0, 2.0], [3.0, -4.0]])
    kept = x.copy()
    assert np.allclose(central_difference(np.exp, x, up), up * np.exp(x), rtol=1e-9)
    assert np.array_equal(x, kept)


def test_central_difference_of_the_identity_and_of_whole_numbers():
    # The function returns its own argument, which changes afterwards; integers must not truncate h.
    assert np.allclose(
        central_difference(lambda x: x, np.arange(3), np.array([1.0, 2, 3])), [1, 2, 3]
    )


def test_labels():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 10, 200)
    assert diagnose_labels(np.full(200, 3), labels, 10).code == "constant"
    assert diagnose_labels(labels + 1, labels, 10).code == "shifted"
    assert diagnose_labels(labels - 1, labels, 10).code == "shifted"
    assert diagnose_labels(labels + 20, labels, 10).code == "range"
    assert diagnose_labels(9 - labels, labels, 10).code == "renamed"
    assert diagnose_labels(rng.integers(0, 10, 200), labels, 10).code == "chance"
    good = np.where(rng.random(200) < 0.7, labels, rng.integers(0, 10, 200))
    assert diagnose_labels(good, labels, 10) is None
