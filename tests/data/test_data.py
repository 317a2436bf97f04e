"""Data sets and batches."""

import numpy as np
import pytest

import nncourse as nnc
from nncourse.data import DataLoader, TensorDataset, digits, two_moons


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


def numbered(n):
    return TensorDataset(nnc.arange(n).reshape(n, 1).float(), nnc.arange(n))


def test_dataset():
    data = numbered(5)
    assert len(data) == 5
    x, y = data[2]
    assert (x.tolist(), y.item()) == ([2], 2)
    assert data[1:3][1].tolist() == [1, 2]
    assert data[nnc.tensor([4, 0])][1].tolist() == [4, 0]
    assert "(5, 1)" in repr(data)
    with pytest.raises(ValueError, match=r"\(5,\), \(4,\)"):
        TensorDataset(nnc.zeros(5), nnc.zeros(4))
    with pytest.raises(ValueError, match="at least one"):
        TensorDataset()


@pytest.mark.parametrize(("drop_last", "sizes"), [(False, [4, 4, 2]), (True, [4, 4])])
def test_batches_in_order(drop_last, sizes):
    loader = DataLoader(numbered(10), batch_size=4, drop_last=drop_last)
    batches = list(loader)
    assert len(loader) == len(batches) == len(sizes)
    assert [len(y) for _, y in batches] == sizes
    assert [i for _, y in batches for i in y.tolist()] == list(range(sum(sizes)))


def order(loader):
    found = []
    for x, y in loader:
        assert x.reshape(-1).long().tolist() == y.tolist()  # inputs and targets stay together
        found += y.tolist()
    return found


def test_shuffling():
    first, second = (DataLoader(numbered(50), 8, shuffle=True, seed=1) for _ in range(2))
    epochs = [order(first), order(first)]
    assert sorted(epochs[0]) == sorted(epochs[1]) == list(range(50))
    assert epochs[0] != epochs[1]
    assert [order(second), order(second)] == epochs
    assert order(DataLoader(numbered(50), 8, shuffle=True, seed=2)) != epochs[0]


def test_shuffling_follows_the_default_generator_without_a_seed():
    loader = DataLoader(numbered(20), 4, shuffle=True)
    nnc.manual_seed(0)
    first = order(loader)
    nnc.manual_seed(0)
    assert order(loader) == first
    own = DataLoader(numbered(20), 4, shuffle=True, generator=nnc.Generator(1))
    assert order(own) == order(DataLoader(numbered(20), 4, shuffle=True, seed=1))


def test_loader_takes_plain_tensors_and_arrays():
    loader = DataLoader((np.arange(3), nnc.arange(3)), batch_size=2)
    assert [tuple(t.tolist() for t in batch) for batch in loader] == [
        ([0, 1], [0, 1]),
        ([2], [2]),
    ]
    assert "2 batches" in repr(loader)


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"dataset": numbered(3), "batch_size": 0}, ValueError),
        ({"dataset": numbered(3), "batch_size": 1.5}, ValueError),
        ({"dataset": nnc.zeros(3)}, TypeError),
        ({"dataset": numbered(3), "seed": 1, "generator": nnc.Generator(1)}, ValueError),
    ],
)
def test_loader_refuses(arguments, error):
    with pytest.raises(error):
        DataLoader(**arguments)
