"""Batches, in order or shuffled.

Two ways lead to a batch. Examples that stand in tensors are taken out together, by slices of
arrays that have been put into the epoch's order at once; this costs next to nothing. Any other data
set is asked for its examples one by one, and ``collate_fn`` puts them together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any

import numpy

from nncourse.autograd.function import constant
from nncourse.autograd.tensor import Tensor
from nncourse.data.collate import default_collate, default_convert
from nncourse.data.dataset import IterableDataset, Subset, TensorDataset
from nncourse.data.sampler import BatchSampler, RandomSampler, SequentialSampler
from nncourse.random import Generator, default_generator


class DataLoader:
    """Cuts a data set into batches; each pass over the loader is one epoch.

    dataset: anything with a length and ``dataset[i]``, an ``IterableDataset``, or, for short, a
    tuple of tensors or arrays (x, y), which stands for ``TensorDataset(x, y)``.
    batch_size: examples per batch; None yields single examples.
    shuffle: a new random order for every epoch. The orders depend on ``seed`` alone if it is given
    (or on ``generator``), else on the default generator that ``manual_seed`` restarts.
    sampler, batch_sampler: the order instead, as positions or as lists of positions.
    drop_last: leave out the last batch if it is smaller than ``batch_size``.
    collate_fn: makes a batch of a list of examples; ``default_collate`` if None.

    A batch of a ``TensorDataset`` is a list of tensors, one for each tensor of the data set.

    The arguments num_workers, pin_memory, timeout, worker_init_fn, multiprocessing_context,
    prefetch_factor, persistent_workers, pin_memory_device and in_order are taken so that programs
    written for PyTorch run, and have no effect: everything is loaded where it is asked for.
    """

    def __init__(
        self,
        dataset: Any,
        batch_size: int | None = 1,
        shuffle: bool | None = None,
        sampler: Iterable[int] | None = None,
        batch_sampler: Iterable[list[int]] | None = None,
        num_workers: int = 0,
        collate_fn: Callable[[list[Any]], Any] | None = None,
        pin_memory: bool = False,
        drop_last: bool = False,
        timeout: float = 0,
        worker_init_fn: Callable[[int], Any] | None = None,
        multiprocessing_context: Any = None,
        generator: Generator | None = None,
        *,
        seed: int | None = None,
        prefetch_factor: int | None = None,
        persistent_workers: bool = False,
        pin_memory_device: str = "",
        in_order: bool = True,
    ) -> None:
        if seed is not None and generator is not None:
            raise ValueError("pass a seed or a generator, not both")
        self.dataset = dataset = _examples(dataset)
        self.generator = Generator(seed) if seed is not None else generator
        self.shuffle = bool(shuffle)
        self.collate_fn = collate_fn
        self.num_workers, self.pin_memory = num_workers, pin_memory
        if sampler is not None and shuffle:
            raise ValueError("a sampler decides the order: leave out shuffle=True")
        if batch_sampler is not None:
            if batch_size != 1 or shuffle or sampler is not None or drop_last:
                raise ValueError(
                    "a batch_sampler decides everything about batches: leave out batch_size, "
                    "shuffle, sampler and drop_last"
                )
            batch_size = None
        elif batch_size is None:
            if drop_last:
                raise ValueError("drop_last needs batches: give a batch_size")
        else:
            _check_size(batch_size)
        self.batch_size = batch_size
        self.drop_last = drop_last
        self.sampler: Any = sampler
        self.batch_sampler: Any = batch_sampler
        if isinstance(dataset, IterableDataset):
            if shuffle or sampler is not None or batch_sampler is not None:
                raise ValueError("an IterableDataset decides its own order: leave out the sampler")
            return
        self._own_order = sampler is None and batch_sampler is None
        if self.sampler is None:
            self.sampler = (
                RandomSampler(dataset, generator=self.generator)
                if shuffle
                else SequentialSampler(dataset)
            )
        if batch_size is not None:
            self.batch_sampler = BatchSampler(self.sampler, batch_size, drop_last)

    def __len__(self) -> int:
        """The number of batches; of examples if there is no batch size."""
        if isinstance(self.dataset, IterableDataset):
            n = len(self.dataset)  # type: ignore[arg-type]
            if self.batch_size is None:
                return n
            return n // self.batch_size if self.drop_last else -(-n // self.batch_size)
        return len(self.sampler if self.batch_sampler is None else self.batch_sampler)

    def __iter__(self) -> Iterator[Any]:
        if isinstance(self.dataset, IterableDataset):
            return self._streamed()
        if self.batch_sampler is None:
            return self._single()
        if self.collate_fn is None and (held := _held(self.dataset)) is not None:
            return self._sliced(*held) if self._own_order else self._taken(*held)
        return self._collated()

    def _sliced(
        self, arrays: list[numpy.ndarray], subset: numpy.ndarray | None
    ) -> Iterator[list[Tensor]]:
        """Batches of tensors in the loader's own order."""
        order = subset
        if self.shuffle:
            # All examples are put in order at once; batches are then slices of the result.
            order = (self.generator or default_generator).stream.permutation(len(self.dataset))
            order = order if subset is None else subset[order]
        if order is not None:
            arrays = [array[order] for array in arrays]
        size = self.batch_sampler.batch_size
        for i in range(len(self)):
            batch = slice(i * size, (i + 1) * size)
            yield [constant(array[batch]) for array in arrays]

    def _taken(
        self, arrays: list[numpy.ndarray], subset: numpy.ndarray | None
    ) -> Iterator[list[Tensor]]:
        """Batches of tensors in the order of a sampler, which may never end."""
        for positions in self.batch_sampler:
            index = numpy.asarray(positions, dtype=numpy.intp)
            index = index if subset is None else subset[index]
            yield [constant(array[index]) for array in arrays]

    def _collated(self) -> Iterator[Any]:
        """Batches of examples that are fetched one by one, or together if the data set can."""
        collate = self.collate_fn or default_collate
        together = getattr(self.dataset, "__getitems__", None)
        for positions in self.batch_sampler:
            if together is not None:
                yield collate(together(positions))
            else:
                yield collate([self.dataset[i] for i in positions])

    def _single(self) -> Iterator[Any]:
        convert: Callable[[Any], Any] = self.collate_fn or default_convert
        return (convert(self.dataset[i]) for i in self.sampler)

    def _streamed(self) -> Iterator[Any]:
        stream = iter(self.dataset)
        if self.batch_size is None:
            yield from map(self.collate_fn or default_convert, stream)
            return
        collate = self.collate_fn or default_collate
        while batch := list(islice(stream, self.batch_size)):
            if len(batch) == self.batch_size or not self.drop_last:
                yield collate(batch)

    def __repr__(self) -> str:
        try:
            batches = f", {len(self)} batches"
        except TypeError:
            batches = ""
        name = repr(self.dataset)
        name = name if len(name) <= 80 else type(self.dataset).__name__
        return f"DataLoader({name}, batch_size={self.batch_size}, shuffle={self.shuffle}{batches})"


def get_worker_info() -> None:
    """None, as PyTorch answers in the main process: there are no worker processes."""
    return


def _check_size(batch_size: Any) -> None:
    if not isinstance(batch_size, int) or isinstance(batch_size, bool) or batch_size < 1:
        raise ValueError(f"batch_size must be a positive whole number; got {batch_size!r}")


def _examples(dataset: Any) -> Any:
    """The data set that was meant: a tuple of tensors or arrays stands for a TensorDataset."""
    if isinstance(dataset, tuple) and any(isinstance(t, Tensor | numpy.ndarray) for t in dataset):
        return TensorDataset(*dataset)
    if isinstance(dataset, IterableDataset):
        return dataset
    if not (hasattr(dataset, "__getitem__") and hasattr(dataset, "__len__")):
        raise TypeError(
            "DataLoader needs a data set (with __len__ and __getitem__) or a tuple of tensors "
            f"(x, y); got {type(dataset).__name__}"
        )
    return dataset


def _held(dataset: Any) -> tuple[list[numpy.ndarray], numpy.ndarray | None] | None:
    """The arrays under a TensorDataset, and the positions in them where it is a subset of one.

    None if the examples are not simply the entries of tensors.
    """
    if type(dataset) is TensorDataset:
        return [t._data for t in dataset.tensors], None
    if type(dataset) is Subset and (inner := _held(dataset.dataset)) is not None:
        arrays, outer = inner
        index = numpy.asarray(dataset.indices, dtype=numpy.intp)
        return arrays, index if outer is None else outer[index]
    return None
