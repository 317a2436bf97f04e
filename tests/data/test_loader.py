"""Data sets, samplers and batches, against plain lists and against PyTorch."""

import math
import warnings
from collections import Counter, namedtuple
from itertools import islice

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nncourse as nnc
from nncourse.data import (
    BatchSampler,
    ConcatDataset,
    DataLoader,
    Dataset,
    IterableDataset,
    RandomSampler,
    Sampler,
    SequentialSampler,
    Subset,
    SubsetRandomSampler,
    TensorDataset,
    WeightedRandomSampler,
    default_collate,
    default_convert,
    get_worker_info,
    random_split,
)


class Stream(IterableDataset):
    def __iter__(self):
        return iter(range(7))


class Squares(Dataset):
    """Pairs (i, i squared), one by one."""

    def __init__(self, n):
        self.n = n

    def __len__(self):
        return self.n

    def __getitem__(self, i):
        return nnc.tensor([float(i)]), i * i


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
        ({"dataset": 3}, TypeError),
        ({"dataset": numbered(3), "batch_size": True}, ValueError),
        ({"dataset": numbered(3), "seed": 1, "generator": nnc.Generator(1)}, ValueError),
        ({"dataset": numbered(3), "shuffle": True, "sampler": range(3)}, ValueError),
        ({"dataset": numbered(3), "batch_size": 2, "batch_sampler": [[0]]}, ValueError),
        ({"dataset": numbered(3), "batch_size": None, "drop_last": True}, ValueError),
        ({"dataset": Stream(), "shuffle": True}, ValueError),
        ({"dataset": Stream(), "sampler": range(3)}, ValueError),
        ({"dataset": iter([1, 2])}, TypeError),
    ],
)
def test_loader_refuses(arguments, error):
    with pytest.raises(error):
        DataLoader(**arguments)


# The loader against plain lists


def listed(batch):
    return [t.tolist() for t in batch]


@settings(max_examples=60, deadline=None)
@given(
    n=st.integers(1, 40),
    size=st.integers(1, 12),
    drop_last=st.booleans(),
    shuffle=st.booleans(),
    seed=st.integers(0, 5),
)
def test_slices_of_tensors_and_single_examples_give_the_same_batches(
    n, size, drop_last, shuffle, seed
):
    """The short way (slices of one gathered array) against the long way, and against lists."""
    x = np.arange(n, dtype=np.float32) * 10
    options = {"shuffle": shuffle, "drop_last": drop_last, "seed": seed}
    short = DataLoader((x, np.arange(n)), size, **options)
    long = DataLoader([(x[i], i) for i in range(n)], size, **options)
    subset = DataLoader(Subset(TensorDataset(x, np.arange(n)), range(n)), size, **options)
    stream = nnc.Generator(seed).stream
    for _epoch in range(2):
        order = stream.permutation(n).tolist() if shuffle else list(range(n))
        starts = range(0, n - n % size if drop_last else n, size)
        batches = [order[i : i + size] for i in starts]
        expected = [[[10.0 * i for i in batch], batch] for batch in batches]
        for loader in (short, long, subset):
            assert len(loader) == len(expected)
            assert [listed(batch) for batch in loader] == expected
    assert next(iter(short), [x])[0].dtype == np.float32


@settings(max_examples=40, deadline=None)
@given(indices=st.lists(st.integers(0, 19), max_size=30), size=st.integers(1, 7))
def test_a_sampler_decides_the_order(indices, size):
    batches = [indices[i : i + size] for i in range(0, len(indices), size)]
    for data in (numbered(20), [(nnc.tensor([float(i)]), i) for i in range(20)]):
        for loader in (
            DataLoader(data, size, sampler=indices),
            DataLoader(data, batch_sampler=BatchSampler(indices, size)),
            DataLoader(Subset(data, list(range(20))), size, sampler=indices),
        ):
            assert [y.tolist() for _, y in loader] == batches
            assert len(loader) == len(batches)


def test_batches_do_not_share_memory_with_shuffled_data():
    data = numbered(6)
    for x, _ in DataLoader(data, 3, shuffle=True):
        x.zero_()
    assert data.tensors[0].reshape(-1).tolist() == [0, 1, 2, 3, 4, 5]


def test_single_examples_without_a_batch_size():
    loader = DataLoader([np.ones(2), "a", (1, np.float32(2))], batch_size=None)
    first, second, third = loader
    assert isinstance(first, nnc.Tensor)
    assert second == "a"
    assert third[0] == 1
    assert isinstance(third[1], nnc.Tensor)
    assert len(loader) == 3
    pair = namedtuple("pair", "a b")(np.ones(1), {"c": np.ones(2)})
    assert default_convert(pair).b["c"].shape == (2,)


def test_streams():
    assert [b.tolist() for b in DataLoader(Stream(), 3)] == [[0, 1, 2], [3, 4, 5], [6]]
    assert [b.tolist() for b in DataLoader(Stream(), 3, drop_last=True)] == [[0, 1, 2], [3, 4, 5]]
    assert list(DataLoader(Stream(), None)) == list(range(7))
    with pytest.raises(TypeError):
        len(DataLoader(Stream(), 3))
    assert "Stream" in repr(DataLoader(Stream(), 3))
    with pytest.raises(NotImplementedError, match="__iter__"):
        next(iter(DataLoader(IterableDataset(), 3)))


def test_a_stream_may_know_its_length():
    class Known(Stream):
        def __len__(self):
            return 7

    for drop_last in (False, True):
        loader = DataLoader(Known(), 3, drop_last=drop_last)
        assert len(loader) == len(list(loader))
    assert len(DataLoader(Known(), None)) == 7


@pytest.mark.parametrize("size", [0, -1, 1.5, True, "2"])
def test_batch_sizes_are_checked_by_streams_and_samplers_too(size):
    for make in (lambda: DataLoader(Stream(), size), lambda: BatchSampler(range(3), size)):
        with pytest.raises(ValueError, match="positive whole number"):
            make()


def test_data_sets_that_fetch_several_at_once_are_asked_once_per_batch():
    class Together(Squares):
        calls = 0

        def __getitems__(self, indices):
            self.calls += 1
            return [self[i] for i in indices]

    data = Together(10)
    assert [y.tolist() for _, y in DataLoader(data, 4)] == [
        [0, 1, 4, 9],
        [16, 25, 36, 49],
        [64, 81],
    ]
    assert data.calls == 3


def test_collate_fn_is_used_for_tensors_too():
    loader = DataLoader(numbered(4), 3, collate_fn=len)
    assert list(loader) == [3, 1]


def test_a_subclass_of_tensor_dataset_with_its_own_examples_is_asked_for_them():
    class Doubled(TensorDataset):
        def __getitem__(self, i):
            return tuple(2 * t for t in super().__getitem__(i))

    loader = DataLoader(Doubled(nnc.arange(3)), 3)
    assert next(iter(loader))[0].tolist() == [0, 2, 4]


def test_arguments_for_workers_have_no_effect():
    loader = DataLoader(
        numbered(4),
        2,
        num_workers=4,
        pin_memory=True,
        timeout=3,
        worker_init_fn=lambda i: 1 / 0,
        prefetch_factor=2,
        persistent_workers=True,
        pin_memory_device="cuda",
        in_order=False,
    )
    assert [y.tolist() for _, y in loader] == [[0, 1], [2, 3]]
    assert get_worker_info() is None


def test_a_list_of_columns_is_met_with_the_right_word():
    with pytest.raises(ValueError, match=r"TensorDataset\(x, y\)"):
        list(DataLoader([np.zeros((3, 2)), np.zeros(3)], 2))


# Data sets


def test_concatenation():
    both = Squares(3) + Squares(4)
    assert len(both) == 7
    assert [both[i][1] for i in range(-7, 7)] == [0, 1, 4, 0, 1, 4, 9] * 2
    assert len(ConcatDataset([[], Squares(2), [], [(0, 7)]])) == 3
    assert ConcatDataset([[], Squares(2), [], [(0, 7)]])[2] == (0, 7)
    for wrong in (7, -8):
        with pytest.raises(IndexError, match="7 examples"):
            both[wrong]
    with pytest.raises(ValueError, match="at least one"):
        ConcatDataset([])
    with pytest.raises(TypeError, match="streams"):
        ConcatDataset([Stream()])
    with pytest.raises(NotImplementedError, match="__getitem__"):
        Dataset()[0]


def test_subsets():
    part = Subset(numbered(10), [7, 1, 3])
    assert [y.item() for _, y in part] == [7, 1, 3]
    assert part[[0, 2]][1].tolist() == [7, 3]
    nested = Subset(part, [2, 0])
    assert [y.tolist() for _, y in DataLoader(nested, 2)] == [[3, 7]]
    assert "3 of" in repr(part)


@settings(max_examples=60, deadline=None)
@given(n=st.integers(1, 50), cut=st.floats(0.1, 0.9), seed=st.integers(0, 3))
def test_random_split_by_fractions(n, cut, seed):
    fractions = [cut, (1 - cut) / 2, (1 - cut) / 2]
    if not math.isclose(sum(fractions), 1):
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # a part may be empty
        parts = random_split(range(n), fractions, generator=nnc.Generator(seed))
    assert sorted(i for part in parts for i in part) == list(range(n))
    assert all(abs(len(part) - n * f) <= 1 + 1e-6 for part, f in zip(parts, fractions))


def test_random_split():
    parts = random_split(range(10), [7, 3], generator=nnc.Generator(1))
    again = random_split(range(10), [7, 3], generator=nnc.Generator(1))
    assert [list(part) for part in parts] == [list(part) for part in again]
    assert sorted([*parts[0], *parts[1]]) == list(range(10))
    assert [len(part) for part in random_split(range(10), [0.5, 0.3, 0.2])] == [5, 3, 2]
    assert [len(part) for part in random_split(range(10), [10, 0])] == [10, 0]
    for wrong in ([7, 4], [0.5, 0.4], [11, -1], [3.5, 6.5]):
        with pytest.raises(ValueError, match=r"add up|negative"):
            random_split(range(10), wrong)
    with pytest.warns(UserWarning, match="part 1"):
        random_split(range(2), [0.95, 0.05])


# Samplers


def test_random_sampler():
    assert sorted(RandomSampler(range(20))) == list(range(20))
    assert list(SequentialSampler("abc")) == [0, 1, 2]
    own = [list(RandomSampler(range(20), generator=nnc.Generator(s))) for s in (1, 1, 2)]
    assert own[0] == own[1] != own[2]
    more = list(RandomSampler(range(5), num_samples=13))
    assert len(more) == 13
    assert Counter(more[:10]) == Counter(dict.fromkeys(range(5), 2))
    assert sorted(SubsetRandomSampler([3, 1, 8])) == [1, 3, 8]
    assert len(SubsetRandomSampler([3, 1, 8])) == 3
    for wrong in (0, 1.5):
        with pytest.raises(ValueError, match="num_samples"):
            RandomSampler(range(3), num_samples=wrong)
    with pytest.raises(ValueError, match="no examples"):
        list(RandomSampler([], replacement=True, num_samples=3))
    with pytest.raises(NotImplementedError):
        iter(Sampler())


def test_a_sampler_without_end_draws_as_it_goes():
    """Training by steps rather than epochs asks for 10^10 samples."""
    sampler = RandomSampler(range(4), replacement=True, num_samples=int(1e10))
    loader = DataLoader(numbered(4), 8, sampler=sampler, num_workers=2)
    batches = [y for _, y in islice(loader, 400)]
    counts = np.bincount(np.concatenate([y.numpy() for y in batches]))
    # 3200 draws over four examples: standard deviation 24.5 around 800.
    assert abs(counts - 800).max() < 5 * 24.5


def test_weighted_sampler():
    sampler = WeightedRandomSampler([0, 1, 3], 20_000, generator=nnc.Generator(0))
    counts = np.bincount(list(sampler), minlength=3)
    assert counts[0] == 0
    assert abs(counts[2] - 15_000) < 5 * math.sqrt(20_000 * 0.75 * 0.25)
    once = list(WeightedRandomSampler(nnc.tensor([1.0, 2.0, 0.0, 4.0]), 3, replacement=False))
    assert sorted(once) == [0, 1, 3]
    for wrong in (
        {"weights": [-1, 2], "num_samples": 1},
        {"weights": [0, 0], "num_samples": 1},
        {"weights": [1, math.nan], "num_samples": 1},
        {"weights": [[1]], "num_samples": 1},
        {"weights": [1], "num_samples": 0},
        {"weights": [1, 0], "num_samples": 2, "replacement": False},
    ):
        with pytest.raises(ValueError, match=r"weight|num_samples"):
            WeightedRandomSampler(**wrong)


# Collating


def test_collate():
    Point = namedtuple("Point", "x y")
    batch = default_collate(
        [
            {"a": Point(np.zeros(2), 1), "b": ("one", 1.5, [np.float32(1), True])},
            {"a": Point(np.ones(2), 2), "b": ("two", 2.5, [np.float32(2), False])},
        ]
    )
    assert batch["a"].x.tolist() == [[0, 0], [1, 1]]
    assert batch["a"].y.dtype == nnc.int64
    words, numbers, (singles, flags) = batch["b"]
    assert words == ["one", "two"]
    assert (numbers.dtype, singles.dtype, flags.dtype) == (nnc.float64, nnc.float32, nnc.bool)
    w = nnc.ones(2, requires_grad=True)
    default_collate([w, w]).sum().backward()
    assert w.grad.tolist() == [2, 2]
    for wrong, word in (
        ([], "at least one"),
        ([np.zeros(2), np.zeros(3)], "equal shapes"),
        ([(1, 2), (1,)], "equally many"),
        ([object()], "collate_fn"),
        ([np.array(["a"])], "numbers"),
    ):
        with pytest.raises((ValueError, TypeError), match=word):
            default_collate(wrong)


def test_names_and_batches_are_those_of_pytorch():
    torch = pytest.importorskip("torch", reason="PyTorch is the oracle here")
    theirs, ours = torch.utils.data, nnc.utils.data
    wanted = {
        "BatchSampler", "ConcatDataset", "DataLoader", "Dataset", "IterableDataset",
        "RandomSampler",
        "Sampler", "SequentialSampler", "Subset", "SubsetRandomSampler", "TensorDataset",
        "WeightedRandomSampler", "default_collate", "default_convert", "get_worker_info",
        "random_split",
    }  # fmt: skip
    assert wanted <= set(theirs.__all__)
    assert wanted <= set(ours.__all__)
    assert ours.dataloader.DataLoader is ours.DataLoader
    examples = [
        ({"x": [float(i), i]}, (np.full(2, i, np.float32), "s", i % 2 == 0)) for i in range(5)
    ]
    for i, (a, b) in enumerate(
        zip(ours.DataLoader(examples, 2), theirs.DataLoader(examples, 2), strict=True)
    ):
        (ax, av), (bx, bv) = (batch[0]["x"] for batch in (a, b))
        assert (ax.tolist(), av.tolist()) == (bx.tolist(), bv.tolist()), i
        assert [str(t.dtype) for t in (ax, av)] == [str(t.dtype)[6:] for t in (bx, bv)]
        assert a[1][0].tolist() == b[1][0].tolist()
        # PyTorch has a tuple of texts where the parts of a pair are texts; here it is a list.
        assert list(a[1][1]) == list(b[1][1])
        assert a[1][2].tolist() == b[1][2].tolist()
        assert type(a) is type(b)
    pairs = [nnc.arange(6), torch.arange(6)]
    for sizes in ([4, 2], [0.5, 0.25, 0.25], [0.4, 0.35, 0.25]):
        cut = [[len(p) for p in m.random_split(d, sizes)] for m, d in zip((ours, theirs), pairs)]
        assert cut[0] == cut[1]
