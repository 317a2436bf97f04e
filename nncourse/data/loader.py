"""Batches in random order."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from nncourse.autograd.function import constant
from nncourse.autograd.tensor import Tensor
from nncourse.data.dataset import TensorDataset
from nncourse.random import Generator, default_generator


class DataLoader:
    """Cuts a data set into batches; each pass over the loader is one epoch.

    dataset: a ``TensorDataset``, or a tuple of tensors or arrays.
    shuffle: a new random order for every epoch. The orders depend on ``seed`` alone if it is given
    (or on ``generator``), else on the default generator that ``manual_seed`` restarts.
    drop_last: leave out the last batch if it is smaller than ``batch_size``.
    A batch is a tuple of tensors, one for each tensor of the data set.
    """

    def __init__(
        self,
        dataset: Any,
        batch_size: int = 1,
        shuffle: bool = False,
        seed: int | None = None,
        drop_last: bool = False,
        generator: Generator | None = None,
    ) -> None:
        if not isinstance(dataset, TensorDataset):
            if not isinstance(dataset, tuple | list):
                raise TypeError(
                    f"DataLoader needs a TensorDataset or a tuple of tensors; got "
                    f"{type(dataset).__name__}"
                )
            dataset = TensorDataset(*dataset)
        if not isinstance(batch_size, int) or batch_size < 1:
            raise ValueError(f"batch_size must be a positive whole number; got {batch_size!r}")
        if seed is not None and generator is not None:
            raise ValueError("pass a seed or a generator, not both")
        self.dataset = dataset
        self.batch_size = batch_size
        self.shuffle = shuffle
        self.drop_last = drop_last
        self.generator = Generator(seed) if seed is not None else generator or default_generator

    def __len__(self) -> int:
        """The number of batches."""
        n = len(self.dataset)
        return n // self.batch_size if self.drop_last else -(-n // self.batch_size)

    def __iter__(self) -> Iterator[tuple[Tensor, ...]]:
        arrays = [t._data for t in self.dataset.tensors]
        if self.shuffle:
            # All examples are put in order at once; batches are then slices of the result.
            order = self.generator.stream.permutation(len(self.dataset))
            arrays = [array[order] for array in arrays]
        for i in range(len(self)):
            batch = slice(i * self.batch_size, (i + 1) * self.batch_size)
            yield tuple([constant(array[batch]) for array in arrays])

    def __repr__(self) -> str:
        return (
            f"DataLoader({self.dataset}, batch_size={self.batch_size}, shuffle={self.shuffle}, "
            f"{len(self)} batches)"
        )
