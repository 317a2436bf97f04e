"""Splits and scaling."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nncourse as nnc
from nncourse.data import MinMax, Standardize, train_valid_test_split


@given(
    n=st.integers(10, 60),
    valid=st.sampled_from([0, 0.1, 0.25]),
    test=st.sampled_from([0, 0.2, 0.4]),
    seed=st.integers(0, 3),
)
@settings(max_examples=40, deadline=None)
def test_every_example_is_in_one_part(n, valid, test, seed):
    x = np.arange(n) * 2.0
    parts = train_valid_test_split(x, nnc.arange(n), valid=valid, test=test, seed=seed)
    again = train_valid_test_split(x, nnc.arange(n), valid=valid, test=test, seed=seed)
    assert [p[1].tolist() for p in parts] == [p[1].tolist() for p in again]
    assert sorted(i for _, y in parts for i in y.tolist()) == list(range(n))
    for a, b in parts:
        assert a.tolist() == [2.0 * i for i in b.tolist()]
    sizes = [len(y) for _, y in parts]
    assert abs(sizes[1] - n * valid) <= 0.5
    assert abs(sizes[2] - n * test) <= 0.5


def test_split_in_order_and_by_class():
    train, valid, test = train_valid_test_split(np.arange(10), valid=0.2, test=0.3, shuffle=False)
    assert [p[0].tolist() for p in (train, valid, test)] == [[0, 1, 2, 3, 4], [5, 6], [7, 8, 9]]
    y = np.repeat([0, 1, 2], [100, 40, 20])
    parts = train_valid_test_split(y, valid=0.1, test=0.25, stratify=y, seed=0)
    counts = [np.bincount(p[0].numpy()).tolist() for p in parts]
    assert counts == [[65, 26, 13], [10, 4, 2], [25, 10, 5]]
    assert parts[0][0].tolist() != sorted(parts[0][0].tolist())
    for arguments, options, word in (
        ((), {}, "at least one"),
        ((np.zeros(3), np.zeros(4)), {}, "same number"),
        ((np.zeros(9),), {"valid": 0.5, "test": 0.5}, "for training"),
        ((np.zeros(9),), {"valid": -0.1}, "for training"),
        ((np.zeros(2),), {}, "validation part would be empty"),
        ((y,), {"stratify": y, "shuffle": False}, "stratified"),
        ((y,), {"stratify": y[:3]}, "one class for each"),
    ):
        with pytest.raises(ValueError, match=word):
            train_valid_test_split(*arguments, **options)


def test_standardize():
    rng = np.random.default_rng(0)
    train = (rng.normal(size=(200, 3)) * [1, 10, 0] + [5, -3, 7]).astype(np.float32)
    test = train[:10] + 1
    scale = Standardize()
    assert repr(scale) == "Standardize(not fitted)"
    with pytest.raises(RuntimeError, match=r"fit\(train_x\)"):
        scale(test)
    with pytest.raises(RuntimeError, match="not seen"):
        scale.inverse_transform(test)
    z = scale.fit_transform(nnc.tensor(train))
    assert z.dtype == nnc.float32
    np.testing.assert_allclose(z.numpy().mean(0), 0, atol=1e-6)
    np.testing.assert_allclose(z.numpy().std(0), [1, 1, 0], atol=1e-6)
    expected = (test[:, :2] - train[:, :2].mean(0)) / train[:, :2].std(0)
    np.testing.assert_allclose(scale(test).numpy()[:, :2], expected, rtol=1e-4)
    np.testing.assert_allclose(scale.inverse_transform(scale(test)).numpy(), test, rtol=1e-5)
    assert scale(test.astype(np.float64)).dtype == nnc.float64
    assert scale(np.zeros((2, 3), int)).dtype == nnc.float32
    assert repr(scale) == "Standardize(3 features)"
    with pytest.raises(ValueError, match="3 features"):
        scale(np.zeros((2, 4)))


def test_a_feature_that_never_changes_is_zero_even_where_its_mean_is_rounded():
    x = np.full((7, 1), 0.1)
    assert abs(Standardize().fit_transform(x).numpy()).max() < 1e-12


def test_min_max():
    x = np.array([[1.0, 5], [3, 5], [2, 5]])
    scale = MinMax().fit(x)
    assert scale(x).tolist() == [[0, 0], [1, 0], [0.5, 0]]
    assert scale(np.array([[5.0, 6]])).tolist() == [[2, 1]]
    sequences = np.arange(24.0).reshape(2, 6, 2)
    assert MinMax().fit_transform(sequences).numpy().max() == 1
    for wrong, word in (
        (np.zeros(3), "reshape"),
        (np.zeros((0, 2)), "nothing"),
        (np.array([[np.nan]]), "nan"),
    ):
        with pytest.raises(ValueError, match=word):
            MinMax().fit(wrong)
