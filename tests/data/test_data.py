"""Digits and moons."""

import numpy as np
import pytest

import nncourse as nnc
from nncourse.data import digits, two_moons


def test_digits():
    x, y = digits()
    assert (x.shape, x.dtype) == ((1797, 64), nnc.float32)
    assert (y.shape, y.dtype) == ((1797,), nnc.int64)
    assert (x.min().item(), x.max().item()) == (0, 1)
    assert np.bincount(y.numpy()).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    assert y[:10].tolist() == list(range(10))
    assert (x[0] * 16).tolist()[:8] == [0, 0, 5, 13, 9, 1, 0, 0]


def test_digits_split_is_fixed_and_complete():
    (train_x, train_y), (test_x, test_y) = digits(split=True)
    assert train_x.shape == (1437, 64)
    assert test_x.shape == (360, 64)
    rows = {row.tobytes() for row in digits()[0].numpy()}
    parts = [row.tobytes() for part in (train_x, test_x) for row in part.numpy()]
    assert set(parts) == rows
    assert len(parts) == 1797
    # The split is part of the course: numbers in lectures depend on it.
    assert test_y[:12].tolist() == [3, 5, 0, 4, 5, 6, 0, 8, 9, 9, 2, 3]
    assert min(np.bincount(test_y.numpy())) >= 25
    assert len(train_y) == 1437


def test_digits_are_copies():
    digits()[0].fill_(7)
    assert digits()[0].max().item() == 1


def test_two_moons():
    x, y = two_moons(101, noise=0.0, seed=1)
    assert (x.shape, x.dtype) == ((101, 2), nnc.float32)
    assert np.bincount(y.numpy()).tolist() == [50, 51]
    upper, lower = x.numpy()[y.numpy() == 0], x.numpy()[y.numpy() == 1]
    np.testing.assert_allclose(np.linalg.norm(upper, axis=1), 1, rtol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(lower - [1, 0.5], axis=1), 1, rtol=1e-5)
    assert upper[:, 1].min() > -1e-6
    assert lower[:, 1].max() < 0.5 + 1e-6


def test_two_moons_depend_on_the_seed_alone():
    a, b, c = two_moons(50, seed=3), two_moons(50, seed=3), two_moons(50, seed=4)
    assert nnc.equal(a[0], b[0])
    assert not nnc.equal(a[0], c[0])
    noise = two_moons(10_000, noise=0.3, seed=0)[0] - two_moons(10_000, noise=0.0, seed=0)[0]
    assert abs(noise.std().item() - 0.3) < 0.01
    nnc.manual_seed(9)
    d = two_moons(50)
    nnc.manual_seed(9)
    assert nnc.equal(two_moons(50)[0], d[0])
    with pytest.raises(ValueError, match="n=1"):
        two_moons(1)
