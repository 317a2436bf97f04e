"""Data sets: things with a length whose examples are asked for by number.

A data set says how one example is found; which examples make a batch is the business of samplers,
and putting them together that of the loader. Names and behaviour are those of torch.utils.data.
"""

from __future__ import annotations

import math
import warnings
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate
from typing import Any

from nncourse.autograd.tensor import Tensor
from nncourse.ops.creation import as_tensor
from nncourse.random import Generator, default_generator


class Dataset:
    """Base of data sets: write ``__getitem__(index)``, which returns one example, and ``__len__``.

    Anything that has these two may be given to a ``DataLoader``, a list as well; the base class
    adds ``a + b``, one data set after the other.
    """

    def __class_getitem__(cls, _item: Any) -> type:
        return cls  # Dataset[T], as PyTorch programs write it in annotations

    def __getitem__(self, index: Any) -> Any:
        raise NotImplementedError(
            f"{type(self).__name__} has no __getitem__; write what one example is as "
            "def __getitem__(self, index): ..."
        )

    def __add__(self, other: Any) -> ConcatDataset:
        return ConcatDataset([self, other])


class IterableDataset(Dataset):
    """Base of data sets that come as a stream: write ``__iter__``. They are not shuffled."""

    def __iter__(self) -> Iterator[Any]:
        raise NotImplementedError(
            f"{type(self).__name__} has no __iter__; write def __iter__(self): ... that yields "
            "examples"
        )


class TensorDataset(Dataset):
    """Tensors (or arrays) whose first axes count the same examples.

    ``dataset[i]`` is the tuple of their i-th entries; a slice or an array of positions gives
    several at once.
    """

    def __init__(self, *tensors: Any) -> None:
        if not tensors:
            raise ValueError("a data set needs at least one tensor")
        self.tensors = tuple([as_tensor(t) for t in tensors])
        lengths = [len(t) for t in self.tensors]
        if len(set(lengths)) > 1:
            shapes = ", ".join(str(t.shape) for t in self.tensors)
            raise ValueError(
                f"all tensors must have the same number of examples on axis 0; got {shapes}"
            )

    def __len__(self) -> int:
        return len(self.tensors[0])

    def __getitem__(self, index: Any) -> tuple[Tensor, ...]:
        return tuple([t[index] for t in self.tensors])

    def __repr__(self) -> str:
        shapes = ", ".join(str(t.shape) for t in self.tensors)
        return f"TensorDataset({shapes})"


class Subset(Dataset):
    """The examples of ``dataset`` at the given ``indices``, in their order."""

    def __init__(self, dataset: Any, indices: Sequence[int]) -> None:
        self.dataset = dataset
        self.indices = indices

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, list):
            return self.dataset[[self.indices[i] for i in index]]
        return self.dataset[self.indices[index]]

    def __repr__(self) -> str:
        return f"Subset({len(self)} of {self.dataset!r})"


class ConcatDataset(Dataset):
    """Several data sets, one after the other."""

    def __init__(self, datasets: Iterable[Any]) -> None:
        self.datasets = list(datasets)
        if not self.datasets:
            raise ValueError("ConcatDataset needs at least one data set")
        for dataset in self.datasets:
            if isinstance(dataset, IterableDataset):
                raise TypeError("ConcatDataset needs data sets with a length, not streams")
        self.cumulative_sizes = list(accumulate(len(dataset) for dataset in self.datasets))

    def __len__(self) -> int:
        return self.cumulative_sizes[-1]

    def __getitem__(self, index: int) -> Any:
        position = index + len(self) if index < 0 else index
        if not 0 <= position < len(self):
            raise IndexError(f"index {index} is outside a data set of {len(self)} examples")
        part = bisect_right(self.cumulative_sizes, position)
        return self.datasets[part][position - (self.cumulative_sizes[part - 1] if part else 0)]


def random_split(
    dataset: Any, lengths: Sequence[int | float], generator: Generator | None = None
) -> list[Subset]:
    """Deal the examples out at random into parts of the given lengths.

    lengths: whole numbers that add up to len(dataset), or fractions that add up to 1: then parts
    are rounded down and the examples left over go to the first parts, one to each.
    """
    n = len(dataset)
    sizes = list(lengths)
    if any(size < 0 for size in sizes):
        raise ValueError(f"lengths must not be negative; got {sizes}")
    if math.isclose(sum(sizes), 1):
        parts = [math.floor(n * fraction) for fraction in sizes]
        for i in range(n - sum(parts)):
            parts[i % len(parts)] += 1
        for i, size in enumerate(parts):
            if not size:
                warnings.warn(f"part {i} of the split is empty", stacklevel=2)
    else:
        parts = [int(size) for size in sizes]
    if sum(parts) != n or (parts != sizes and not math.isclose(sum(sizes), 1)):
        raise ValueError(
            f"lengths must be whole numbers that add up to the {n} examples, or fractions that "
            f"add up to 1; got {list(lengths)}"
        )
    order = (generator or default_generator).stream.permutation(n).tolist()
    ends = accumulate(parts)
    return [Subset(dataset, order[end - size : end]) for size, end in zip(parts, ends)]
